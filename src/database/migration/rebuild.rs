//! Bringing in a database from before the first version: a new one is built beside it, compared with
//! it row by row, and put in its place; the original is kept under another name.
//!
//! Everything happens under one write lock on the old database, from before its structure is read to
//! the commit that replaces its content: readers go on meanwhile, a writer waits, and nothing that another
//! program commits can be missed. The new tables are filled in a temporary file by a second connection, so
//! that until the last step nothing of the old database has been touched. That step goes through SQLite, in the file that is
//! there: whether another program has it open cannot be known, since one that has not read from it yet
//! holds no lock, and it would go on with a file that is replaced under it.
//!
//! The tables of liquidity, which are by far the largest, have had the same columns in every revision.
//! Where they have, they stay where they are, and only their indexes change.
//!
//! - `rules` says where each value goes, as data; `mapping` turns that into statements;
//! - `work`, `tokens` and `exchanges` find out what a row refers to where that is spread out;
//! - `build` has `carry` fill the new tables; `indexes` makes their indexes;
//! - `swap` replaces, while `carry` compares in the `background`; so is the old database kept while the
//!   new one is built; `container` makes the temporary files;
//! - `obstacles` are rows that cannot be carried over without guessing.

mod background;
mod build;
mod carry;
mod container;
mod exchanges;
mod indexes;
mod mapping;
mod obstacles;
mod put_in_place;
mod rules;
mod source;
mod swap;
mod task;
mod tokens;
mod work;

use std::path::{Path, PathBuf};

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{
    Access, ensure_wal, journal_mode, open_connection, set_busy_timeout,
};
use crate::database::connection::sql;
use crate::database::copying::preserve_original::{PreservedOriginal, Published};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::disk_space;
use crate::database::migration::alembic_leftovers;
use crate::database::migration::assumptions::Assumptions;
use crate::database::migration::foreign_keys::with_foreign_keys_off;
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::rebuild::background::Background;
use crate::database::migration::rebuild::container::Files;
use crate::database::migration::rebuild::put_in_place::replace_content;
use crate::database::migration::rebuild::source::LegacySource;
use crate::database::migration::rebuild::task::Rebuild;
use crate::database::progress::Observer;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::recognition::recognise::recognise_connection;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks::cancellable;

/// How much disk a rebuild needs at most: the new database, the original that is kept, and the log through
/// which the one replaces the other. Two megabytes are for what does not depend on rows.
pub(crate) fn disk_bytes(file: &DatabaseFile) -> u64 {
    const EMPTY: u64 = 2 << 20;
    file.bytes_with_log()
        .saturating_mul(4)
        .saturating_add(EMPTY)
}

/// What a rebuild did beyond carrying rows over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RebuildReport {
    /// Where the original is.
    pub original: PathBuf,
    /// The rows of the tables that were replaced.
    pub rows: u64,
    /// The tokens that pools referred to and `erc20_tokens` did not have.
    pub added_tokens: usize,
    /// The exchanges that were made of the pools' factories.
    pub added_exchanges: usize,
    /// Tables and columns that the new database has no place for, each as `TABLE` or `TABLE.COLUMN`.
    pub dropped: Vec<String>,
}

/// What a rebuild came to.
pub(crate) enum Outcome {
    /// The database is at the target.
    Done(RebuildReport),
    /// Another process has brought it in meanwhile.
    NotNeeded,
}

/// Rebuilds a database at the version `target`.
pub(crate) fn rebuild(
    path: &Path,
    options: &UpgradeOptions,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let (target, wait) = (options.target, options.wait);
    let file = DatabaseFile::existing(path)?;
    file.require_writable()?;
    disk_space::require_room(path, file.real(), disk_bytes(&file))?;
    let cancel = observer.cancel_token();
    let mut connection = cancellable(cancel.clone(), || open_connection(path, Access::ReadWrite))?;
    set_busy_timeout(&mut connection, path, wait)?;
    let failed = |error| Error::from_diesel(path, "set up the connection", error);
    let is_wal = journal_mode(&mut connection).map_err(failed)? == "wal";
    if !is_wal {
        // Writing anything before the commit would take a lock that no reader lets go of, and wait for it
        // again and again; the commit takes it once, or says that it cannot.
        sql::execute(&mut connection, "PRAGMA cache_spill = OFF").map_err(failed)?;
    }
    let files = Files::create(&mut connection, &file, target)?;
    let mut kept: Option<Published> = None;
    let result = with_foreign_keys_off(&mut connection, path, |connection| {
        let recognition = recognise_connection(connection)?;
        let Identity::Legacy {
            revision, half_way, ..
        } = recognition.identity
        else {
            recognition.require_version_of_structure(path)?;
            return Ok(Outcome::NotNeeded);
        };
        let rebuild = Rebuild {
            path,
            recognition: &recognition,
            revision,
            half_way,
            target,
            assumptions: &options.assumptions,
        };
        require_possible(&rebuild, connection)?;
        let original = Background::begin(path, {
            let file = file.clone();
            move |observer| {
                let busy_handler = BusyHandler::new(wait, None);
                PreservedOriginal::copy(&file, ".pre-upgrade", &busy_handler, observer)
            }
        })?;
        let mut builder = cancellable(cancel, || open_connection(path, Access::ReadWrite))?;
        files.attach_for_filling(&mut builder, path)?;
        let built = build::build(&mut builder, &rebuild, observer)?;
        build::check_others(&mut builder, &rebuild, &built)?;
        let report = RebuildReport {
            original: PathBuf::new(),
            rows: built.rows,
            added_tokens: built.added_tokens,
            added_exchanges: built.added_exchanges,
            dropped: dropped(&rebuild.source()),
        };
        let mut check = Some(Background::begin(path, {
            let path = path.to_owned();
            move |observer| {
                carry::check_all(&mut builder, &path, &built.carried, built.rows, observer)
            }
        })?);
        let original = original.finish(observer)?;
        // A reader is in the way of a writer, except in WAL mode.
        if !is_wal && let Some(check) = check.take() {
            check.finish(observer)?;
        }
        files.attach_for_reading(connection, path)?;
        replace_content(&rebuild, connection, &built.indexes, report.rows, observer)?;
        if let Some(check) = check.take() {
            check.finish(observer)?;
        }
        let original = original.publish()?;
        kept = Some(original.clone());
        Ok(Outcome::Done(RebuildReport {
            original: original.into_path(),
            ..report
        }))
    });
    if let (Err(_), Some(kept)) = (&result, &kept) {
        // The database itself is as it was.
        kept.discard();
    }
    let done = result?;
    if let Err(error) = ensure_wal(&mut connection, path) {
        log::warn!("The database stays in rollback-journal mode: {error}");
    }
    Ok(done)
}

/// Fails for what can be refused without building anything.
fn require_possible(rebuild: &Rebuild<'_>, connection: &mut SqliteConnection) -> Result<(), Error> {
    alembic_leftovers::check(connection, rebuild.path, &rebuild.recognition.catalogue)?;
    rebuild.refuse_dangling()?;
    require_assumptions(
        connection,
        rebuild.path,
        &rebuild.source(),
        rebuild.assumptions,
    )
}

/// Fails where a value is needed that only the user can tell.
fn require_assumptions(
    connection: &mut SqliteConnection,
    path: &Path,
    source: &LegacySource<'_>,
    assumptions: &Assumptions,
) -> Result<(), Error> {
    let table = "aerodrome_v2_pools";
    if !source.has_table(table) || assumptions.aerodrome_v2_stable.is_some() {
        return Ok(());
    }
    let condition = if source.has(table, "stable") {
        "stable IS NULL"
    } else {
        "1"
    };
    let query = format!("SELECT count(*) AS number FROM main.{table} WHERE {condition}");
    match sql::number(connection, &query)? {
        0 => Ok(()),
        rows => Err(ErrorKind::AssumptionNeeded { rows }.at(path)),
    }
}

/// The same for a database of which only the revision is known so far.
pub(crate) fn missing_assumption(
    connection: &mut SqliteConnection,
    path: &Path,
    recognition: &Recognition,
    assumptions: &Assumptions,
) -> Result<Option<Error>, Error> {
    let Identity::Legacy { revision, .. } = recognition.identity else {
        return Ok(None);
    };
    let source = LegacySource::new(&recognition.catalogue, revision);
    match require_assumptions(connection, path, &source, assumptions) {
        Err(
            error @ Error {
                kind: ErrorKind::AssumptionNeeded { .. },
                ..
            },
        ) => Ok(Some(error)),
        other => other.map(|()| None),
    }
}

/// What the newest schema has no place for, each as `TABLE` or `TABLE.COLUMN`.
pub(crate) fn dropped_from(recognition: &Recognition) -> Vec<String> {
    match recognition.identity {
        Identity::Legacy { revision, .. } => {
            dropped(&LegacySource::new(&recognition.catalogue, revision))
        }
        _ => Vec::new(),
    }
}

fn dropped(source: &LegacySource<'_>) -> Vec<String> {
    let dropped = source.dropped().into_iter().map(|(table, column)| {
        column.map_or_else(|| table.to_owned(), |column| format!("{table}.{column}"))
    });
    dropped.collect()
}
