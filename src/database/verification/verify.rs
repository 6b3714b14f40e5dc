//! The operation `verify`, which runs all rules.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::read_beside_others;
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::Refusal;
use crate::database::files::database_file::DatabaseFile;
use crate::database::progress::Observer;
use crate::database::recognition::recognise::{recognise_connection, recognise_state};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::checker::{Checker, damage};
use crate::database::verification::findings::{Finding, Findings};
use crate::database::verification::rule::Rule;
use crate::database::verification::{keys, liquidity, pages, pools, relations, values};
use crate::setters::setters;
use crate::sqlite::connection_hooks::cancellable;
use crate::sqlite::prepared::Statements;

/// Options for the verification of a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Skips the slowest checks: the comparison of indexes with their tables, the ticks and initialization maps, and
    /// the values of tables with a row for each tick or each Aave user.
    pub quick: bool,
}

setters!(VerifyOptions { quick: bool });

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The path of the database.
    pub path: PathBuf,
    /// The version, or `None` if damage hides it or the schema is from before the first version.
    pub version: Option<SchemaVersion>,
    /// Whether the verification was quick.
    pub quick: bool,
    /// The findings, ordered by rule and table.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether there are no findings.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The number of parts that could not be checked.
    #[must_use]
    pub fn not_checked(&self) -> u64 {
        let parts = self
            .findings
            .iter()
            .filter(|finding| finding.rule == Rule::NotChecked);
        parts.map(|finding| finding.rows).sum()
    }

    /// The number of violations, with the parts that could not be checked.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.findings.iter().map(|finding| finding.rows).sum()
    }
}

/// Finds everything that breaks a [`Rule`]. It reads one state of the database and changes nothing.
///
/// It is a normal reader, so other programs continue. In WAL mode they can also write; the log grows until the
/// verification ends. If the folder is not writable, it reads without sidecars.
///
/// The rules about liquidity find ticks and words of a pool that do not fit each other, such as after a write that
/// replaced one end of a position by older values. An event that is missing at both its ticks, or counted twice at both,
/// leaves liquidity that is consistent by itself; only a comparison with the chain shows it. The library refuses what
/// would lead there: see [`LiquidityUpdate::apply`](crate::models::LiquidityUpdate::apply).
///
/// # Errors
///
/// - [`ErrorKind::Refused`] if the database is not at a version of this program. An older database needs an upgrade
///   first. Damage, broken foreign keys and texts that are not UTF-8 are found without an upgrade.
/// - [`ErrorKind::HotJournal`] if an interrupted transaction must be rolled back first.
/// - [`ErrorKind::Interrupted`] if the observer stops it.
/// - Other kinds if there is no database, or if it cannot be read.
///
/// Damage is a finding, not an error.
pub fn verify_sqlite_database(
    path: &Path,
    options: &VerifyOptions,
    observer: &mut dyn Observer,
) -> Result<VerifyReport, Error> {
    let cancel = observer.cancel_token();
    let mut verify = |connection: &mut SqliteConnection| {
        // The transaction ends with the connection. On a damaged database, even a rollback can fail.
        connection
            .batch_execute("BEGIN")
            .map_err(Error::from)
            .and_then(|()| verify_state(connection, path, *options, observer))
            .map_err(|error| error.at(path, "verify the database"))
            .map_err(|error| of_reading(error, connection))
    };
    let verified = match cancellable(cancel, || open_and(path, &mut verify)) {
        // Damage hides even the structure.
        Err(Error {
            kind: ErrorKind::Damaged { detail, .. },
            ..
        }) => {
            let mut findings = Findings::default();
            findings.add(Rule::Integrity, None, None, || detail);
            (None, findings)
        }
        other => other?,
    };
    let (version, findings) = verified;
    Ok(VerifyReport {
        path: path.to_owned(),
        version,
        quick: options.quick,
        findings: findings.into_list(),
    })
}

/// Opens a connection and calls `verify`. A database that is refused is refused before that, without a trace.
fn open_and<T>(
    path: &Path,
    mut verify: impl FnMut(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    if !DatabaseFile::at(path).may_be_shared() {
        return read_without_trace(path, verify);
    }
    let recognised = read_without_trace(path, |connection| {
        let recognition = recognise_connection(connection)
            .map_err(|error| error.at(path, "recognise the database"))?;
        recognition.require_version_of_structure(path)
    });
    if let Err(error) = recognised {
        if !is_early(&error) {
            damage(error)?;
        }
        // No program can use such a database, and opening it would leave sidecars behind.
        return read_without_trace(path, verify);
    }
    // `read_without_trace` would keep the rest of this process from opening a database during the whole verification,
    // so a normal reader runs it.
    match read_beside_others(path, &mut verify) {
        // There may be no room for SQLite's own files. Of a temporary folder without room, the error says so.
        Err(error) if error.is_about_opening() || matches!(error.kind, ErrorKind::DiskFull) => {
            read_without_trace(path, verify)
        }
        other => other,
    }
}

/// Names the folder that is full. Nothing but temporary files is written.
fn of_reading(error: Error, connection: &mut SqliteConnection) -> Error {
    if !matches!(error.kind, ErrorKind::DiskFull) {
        return error;
    }
    let folder = Statements::of(connection)
        .ok()
        .and_then(Statements::temporary_folder)
        .unwrap_or_default();
    error.with_kind(ErrorKind::TemporaryFolderFull { folder })
}

/// Runs every rule, the fastest first.
fn verify_state(
    connection: &mut SqliteConnection,
    path: &Path,
    options: VerifyOptions,
    observer: &mut dyn Observer,
) -> Result<(Option<SchemaVersion>, Findings), Error> {
    let mut findings = Findings::default();
    let recognised =
        recognise_state(connection).map_err(|error| error.at(path, "recognise the database"));
    let mut refused = None;
    let (version, catalogue) = match recognised {
        Ok(recognition) => {
            let version = match recognition.require_version_of_structure(path) {
                Ok(version) => Some(version),
                Err(error) if is_early(&error) => {
                    refused = Some(error);
                    None
                }
                Err(error) => return Err(error),
            };
            (version, recognition.catalogue)
        }
        Err(error) => {
            let detail = damage(error)?;
            findings.add(Rule::Integrity, None, None, || detail);
            (None, Catalogue::default())
        }
    };
    let mut checker = Checker {
        path,
        statements: Statements::of(connection)?,
        catalogue: &catalogue,
        quick: options.quick,
        findings,
        observer,
    };
    if version.is_some() {
        pools::check(&mut checker)?;
        relations::check(&mut checker)?;
        values::check(&mut checker)?;
        pages::check_foreign_keys(&mut checker)?;
        if !options.quick {
            liquidity::check(&mut checker)?;
        }
        keys::add_keys(&mut checker)?;
    } else if refused.is_some() {
        values::check_texts(&mut checker)?;
        pages::check_foreign_keys(&mut checker)?;
    }
    pages::check_integrity(&mut checker)?;
    match refused {
        Some(error) if !checker.findings.has_problems() => Err(error),
        _ => Ok((version, checker.findings)),
    }
}

/// Whether a database is refused because its schema is from before the first version. No rule is about such a schema,
/// but an upgrade may fail because of damage or a text that is not UTF-8.
fn is_early(error: &Error) -> bool {
    match &error.kind {
        ErrorKind::Refused { refusal } => matches!(**refusal, Refusal::LegacyRevision { .. }),
        _ => false,
    }
}
