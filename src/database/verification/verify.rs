//! Whether a database is what it should be: its pages, its references, and what the chain demands of its rows.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::open_for_reading;
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::progress::Observer;
use crate::database::recognition::recognise::{recognise_connection, recognise_state};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::checker::{Checker, damage};
use crate::database::verification::findings::{Finding, Findings};
use crate::database::verification::rule::Rule;
use crate::database::verification::{liquidity, pages, pools, relations, values};
use crate::setters::setters;
use crate::sqlite::connection_hooks::cancellable;
use crate::sqlite::prepared::Statements;

/// How a database is verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Leave out what takes longest: whether the indexes agree with their tables, ticks and initialization maps,
    /// and the values of the tables that have a row for each tick or each Aave user.
    pub quick: bool,
}

setters!(VerifyOptions { quick: bool });

/// What the verification of a database has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The database.
    pub path: PathBuf,
    /// Its version; none where it is so damaged that this cannot be told.
    pub version: Option<SchemaVersion>,
    /// Whether the verification was a quick one.
    pub quick: bool,
    /// What is wrong, by rule and table.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// How often rules are broken.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.findings.iter().map(|finding| finding.rows).sum()
    }
}

/// Looks for whatever breaks a [`Rule`], in one state of the database, and changes nothing.
///
/// It reads as the database's other users do, who go on meanwhile; in WAL mode they can write, too, and the log
/// grows until it is done. Where nothing may be written beside the file, it is read without.
///
/// # Errors
///
/// Where there is no database, or none of a version that this program knows ([`ErrorKind::Refused`]): what is older
/// is to be upgraded first. [`ErrorKind::HotJournal`] for one that must be written to before it can be read,
/// [`ErrorKind::Interrupted`] where the observer asks for it. Damage is no error but a finding.
pub fn verify_sqlite_database(
    path: &Path,
    options: &VerifyOptions,
    observer: &mut dyn Observer,
) -> Result<VerifyReport, Error> {
    let cancel = observer.cancel_token();
    let mut verify = |connection: &mut SqliteConnection| {
        // It ends with the connection: on a damaged database even that can fail.
        connection
            .batch_execute("BEGIN")
            .map_err(Error::from)
            .and_then(|()| verify_state(connection, path, *options, observer))
            .map_err(|error| error.at(path, "verify the database"))
    };
    let verified = match cancellable(cancel, || open_and(path, &mut verify)) {
        // Not even its structure can be read.
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

/// Calls `verify` with a connection, once what is to be refused has been refused without leaving a trace.
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
        damage(error)?;
        // Nobody can use such a database, and opening it would leave files beside it.
        return read_without_trace(path, verify);
    }
    // Beside its other users. `read_without_trace` would keep the rest of this process from opening a database for as
    // long as this takes.
    let opened = open_for_reading(path);
    match opened.and_then(|mut connection| verify(&mut connection)) {
        Err(error) if error.is_about_opening() => read_without_trace(path, verify),
        other => other,
    }
}

/// Applies every rule, the quickest first.
fn verify_state(
    connection: &mut SqliteConnection,
    path: &Path,
    options: VerifyOptions,
    observer: &mut dyn Observer,
) -> Result<(Option<SchemaVersion>, Findings), Error> {
    let mut findings = Findings::default();
    let recognised =
        recognise_state(connection).map_err(|error| error.at(path, "recognise the database"));
    let (version, catalogue) = match recognised {
        Ok(recognition) => (
            Some(recognition.require_version_of_structure(path)?),
            recognition.catalogue,
        ),
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
    }
    pages::check_integrity(&mut checker)?;
    Ok((version, checker.findings))
}
