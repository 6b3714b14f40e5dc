//! The operation `verify`, which runs all rules.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::{prepare_for_wide_reads, read_beside_others};
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::Refusal;
use crate::database::files::database_file::DatabaseFile;
use crate::database::progress::Observer;
use crate::database::recognition::recognise::{recognise_connection, recognise_state};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::btree::walk::Walk;
use crate::database::verification::checker::{Checker, damage};
use crate::database::verification::crew::{Part, work};
use crate::database::verification::findings::{Finding, Findings};
use crate::database::verification::plan::Plan;
use crate::database::verification::readers::Readers;
use crate::database::verification::reporter::{Reporter, Tally};
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
    /// The largest number of threads, with the caller's. `None` stands for what the machine has, or fewer for a small
    /// database. The findings do not depend on it.
    pub threads: Option<NonZeroUsize>,
}

setters!(VerifyOptions {
    quick: bool,
    threads: NonZeroUsize => Some,
});

impl VerifyOptions {
    /// The number of threads for a database.
    fn threads_for(self, path: &Path) -> usize {
        /// The bytes for which a thread is worth its connection.
        const BYTES: u64 = 4 << 20;
        if let Some(threads) = self.threads {
            return threads.get();
        }
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
        usize::try_from(bytes / BYTES + 1).map_or(cores, |threads| threads.min(cores))
    }
}

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
/// verification ends. If the folder is not writable, it reads without sidecars, on one thread. Otherwise it uses every core:
/// several threads, each with a connection, read the same state and share the work.
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
    let mut verify = |connection: &mut SqliteConnection, can_share: bool| {
        // The transaction ends with the connection. On a damaged database, even a rollback can fail.
        let stop = CancelToken::new();
        let begin = |connection: &mut SqliteConnection| {
            if can_share {
                let others = options.threads_for(path) - 1;
                match Readers::begin(connection, path, others, &stop) {
                    Ok(readers) => return Ok(readers),
                    // What comes now says the same, and when.
                    Err(error) => log::debug!("The database cannot be read: {error}"),
                }
                Statements::of(connection)?.leave_transaction()?;
            }
            prepare_for_wide_reads(connection)?;
            connection.batch_execute("BEGIN")?;
            Ok(Readers::default())
        };
        begin(connection)
            .map_err(|error: diesel::result::Error| Error::from(error))
            .and_then(|readers| {
                let tally = Tally::new(stop.clone(), observer.cancel_token());
                verify_state(connection, readers, tally, path, *options, observer)
            })
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

/// Opens a connection and calls `verify`, also with whether there may be others beside it. A database that is refused is
/// refused before that, without a trace.
fn open_and<T>(
    path: &Path,
    mut verify: impl FnMut(&mut SqliteConnection, bool) -> Result<T, Error>,
) -> Result<T, Error> {
    if !DatabaseFile::at(path).may_be_shared() {
        return read_without_trace(path, |connection| verify(connection, false));
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
        return read_without_trace(path, |connection| verify(connection, false));
    }
    // `read_without_trace` would keep the rest of this process from opening a database during the whole verification,
    // so a normal reader runs it.
    match read_beside_others(path, |connection| verify(connection, true)) {
        // There may be no room for SQLite's own files. Of a temporary folder without room, the error says so.
        Err(error) if error.is_about_opening() || matches!(error.kind, ErrorKind::DiskFull) => {
            read_without_trace(path, |connection| verify(connection, false))
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

/// Runs every rule.
fn verify_state(
    connection: &mut SqliteConnection,
    readers: Readers,
    mut tally: Tally,
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
    let statements = Statements::of(connection)?;
    let Readers { others, places } = readers;
    let trees = places
        .as_ref()
        .filter(|_| version.is_some())
        .and_then(|places| pages::read_trees(statements, path, places, options.quick));
    let tables_are_suspect = AtomicBool::new(false);
    let mut plan = Plan::new(statements, &catalogue, options.quick, &mut tally);
    if version.is_some() {
        pools::plan(&mut plan);
        relations::plan(&mut plan);
        values::plan(&mut plan);
        pages::plan_foreign_keys(&mut plan);
        if !options.quick {
            liquidity::plan(&mut plan);
        }
    } else if refused.is_some() {
        plan.parts.push(Part::new(values::check_texts));
        plan.parts.push(Part::new(pages::check_foreign_keys));
    }
    let mut parts = plan.parts;
    let walk = trees.as_ref().zip(places.as_ref()).map(|(trees, places)| {
        parts.push(pages::check_others(
            trees,
            options.quick,
            &tables_are_suspect,
        ));
        Walk::new(trees, places)
    });
    let integrity = Part::new(pages::check_integrity);
    let alone = walk.is_none().then_some(&integrity);
    let mut checker = Checker {
        path,
        statements,
        catalogue: &catalogue,
        quick: options.quick,
        findings: Findings::default(),
        reporter: Reporter::new(&tally, Some(observer)),
    };
    let (mut findings, found_alone) =
        work(&mut checker, others, &parts, walk.as_ref(), alone, findings)?;
    if version.is_some() {
        checker.findings = findings;
        keys::add_keys(&mut checker, walk.as_ref().is_none_or(Walk::is_doubtful))?;
        findings = std::mem::take(&mut checker.findings);
    }
    let is_sound = walk.is_some_and(|walk| walk.is_sound()) && !tables_are_suspect.load(Relaxed);
    if let Some(found) = found_alone {
        findings.append(found);
    } else if !is_sound {
        pages::check_integrity(&mut checker)?;
        findings.append(checker.findings);
    }
    match refused {
        Some(error) if !findings.has_problems() => Err(error),
        _ => Ok((version, findings)),
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
