//! Rebuild: upgrades a database from before the first version.
//!
//! A new database is built beside the old one and compared with it row by row. Then its content replaces the
//! old content. The original is kept under another name.
//!
//! One write lock on the old database covers everything, from before its structure is read to the commit that
//! replaces its content. Readers go on meanwhile and writers wait, so that no commit of another program is
//! missed.
//!
//! A second connection fills the new tables in a temporary file. The old database does not change before the
//! last step. That step goes through SQLite in the same file. Replacing the file would not be safe: a program
//! that has it open and has not read from it yet holds no lock, so it cannot be detected, and it would go on
//! with the old file.
//!
//! The liquidity tables are by far the largest. They have the same columns in every revision; such tables stay
//! in the old file and only their indexes change.
//!
//! - `rules` says where each value goes, as data. `mapping` turns the rules into statements.
//! - `pool_references`, `tokens` and `exchanges` find the tokens and exchanges of each pool.
//! - `build` fills the new tables with `carry`. `indexes` creates their indexes.
//! - `put_in_place` replaces the content with `replace_tables`, while `carry` compares in the `background`. The
//!   original is copied in the background too, while the new database is built. `temporary_files` creates the
//!   temporary files.
//! - `obstacles` collects the rows that cannot be carried over without guessing, `notices` what the user has to know of
//!   their own objects.
//! - `disk_need` counts the disk space that all of this takes.

mod background;
mod build;
mod carry;
mod disk_need;
mod exchanges;
mod indexes;
mod mapping;
pub(crate) mod notices;
mod obstacles;
mod pool_references;
mod put_in_place;
mod replace_tables;
mod rules;
mod source;
mod task;
mod temporary_files;
mod tokens;

use std::path::{Path, PathBuf};

use diesel::sqlite::SqliteConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::kept_log::move_log;
use crate::database::connection::open::{
    Access, ensure_wal, journal_mode, keep_in_memory, open_connection,
};
use crate::database::connection::read_only::read_without_trace;
use crate::database::connection::sql;
use crate::database::copying::check_copy::check_source;
use crate::database::copying::preserve_original::{PreservedOriginal, Published};
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::disk_space;
use crate::database::migration::assumptions::{Assumption, Assumptions};
use crate::database::migration::foreign_keys::with_foreign_keys_off;
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::rebuild::background::Background;
use crate::database::migration::rebuild::notices::RebuildNotices;
use crate::database::migration::rebuild::put_in_place::replace_content;
use crate::database::migration::rebuild::source::LegacySource;
use crate::database::migration::rebuild::task::Rebuild;
use crate::database::migration::rebuild::temporary_files::TemporaryFiles;
use crate::database::migration::{alembic_leftovers, stamp_additions};
use crate::database::progress::Observer;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::recognition::recognise::{recognise, recognise_connection};
use crate::database::structure::stamp_tables;
use crate::database::verification::quick_scan;
use crate::database::verification::quick_scan::SuspectRows;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks::cancellable;
use crate::sqlite::lock_wait::LockWait;

/// Returns the disk space that a rebuild needs at most, and 0 for a database that needs none.
pub(crate) fn disk_bytes(
    connection: &mut SqliteConnection,
    file: &DatabaseFile,
    recognition: &Recognition,
    options: &UpgradeOptions,
) -> Result<u64, Error> {
    match Rebuild::of(file.path(), recognition, options) {
        Some(rebuild) => disk_need::at_most(connection, file, &rebuild),
        None => Ok(0),
    }
}

/// The result of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RebuildReport {
    /// The path of the original.
    pub original: PathBuf,
    /// The number of rows in the replaced tables.
    pub rows: u64,
    /// The number of added tokens: pools referred to them and `erc20_tokens` lacked them.
    pub added_tokens: usize,
    /// The number of exchanges that were added for the factories of pools.
    pub added_exchanges: usize,
    /// Tables and columns that were not carried over, each as `TABLE` or `TABLE.COLUMN`.
    pub dropped: Vec<String>,
    /// What the user has to know of their own objects.
    pub notices: RebuildNotices,
    /// The assumptions that were not needed, as [`Assumption::subject`](crate::database::Assumption::subject) says them.
    pub unused_assumptions: Vec<String>,
}

/// The outcome of a rebuild.
pub(crate) enum Outcome {
    /// The database is at the target. The first field names the version before.
    Done(String, Box<RebuildReport>, Vec<SuspectRows>),
    /// Another process has upgraded the database meanwhile.
    NotNeeded,
}

/// Rebuilds a database at the target version.
pub(crate) fn rebuild(
    path: &Path,
    options: &UpgradeOptions,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<Outcome, Error> {
    let (target, wait) = (options.target, options.wait);
    let file = DatabaseFile::existing(path)?;
    check_source(path, Access::ReadWrite, path, observer)?;
    let needed = read_without_trace(path, |connection| {
        let recognition = recognise_connection(connection)?;
        disk_bytes(connection, &file, &recognition, options)
    })?;
    disk_space::require_room(path, file.real(), needed)?;
    let cancel = observer.cancel_token();
    let mut connection = cancellable(cancel.clone(), || open_connection(path, Access::ReadWrite))?;
    let failed = |error| Error::from_diesel(path, "set up the connection", error);
    let is_wal = journal_mode(&mut connection).map_err(failed)? == "wal";
    if !is_wal {
        // In rollback mode, writing before the commit would need a lock that readers prevent, and would wait
        // for it again and again. The commit takes that lock once or fails.
        keep_in_memory(&mut connection).map_err(failed)?;
    }
    let files = TemporaryFiles::create(&mut connection, &file, target)?;
    let mut kept: Option<Published> = None;
    let result = with_foreign_keys_off(&mut connection, path, effect, |connection| {
        let recognition = recognise_connection(connection)?;
        let Some(rebuild) = Rebuild::of(path, &recognition, options) else {
            recognition.require_version_of_structure(path)?;
            return Ok(Outcome::NotNeeded);
        };
        if let Some(expected) = &options.expected {
            expected.require_recognised(path, &recognition)?;
        }
        require_possible(&rebuild, connection)?;
        let original = Background::begin(path, {
            let file = file.clone();
            move |observer| {
                let busy_handler = BusyHandler::new(wait, None);
                PreservedOriginal::copy(&file, ".pre-upgrade", &busy_handler, observer)
            }
        })?;
        let mut builder = cancellable(cancel.clone(), || open_connection(path, Access::ReadWrite))?;
        files.attach_for_filling(&mut builder, path)?;
        let built = build::build(&mut builder, &rebuild, observer)?;
        build::check_remaining(&mut builder, &rebuild, &built)?;
        let mut report = RebuildReport {
            original: PathBuf::new(),
            rows: built.rows,
            added_tokens: built.added_tokens,
            added_exchanges: built.added_exchanges,
            dropped: dropped(&rebuild.source()),
            notices: RebuildNotices::of_built(connection, &rebuild, &built)?,
            unused_assumptions: unused_assumptions(&mut builder, &rebuild, &built.used_factories)?,
        };
        let mut check = Some(Background::begin(path, {
            let path = path.to_owned();
            move |observer| {
                carry::check_all(&mut builder, &path, &built.carried, built.rows, observer)
            }
        })?);
        let original = original.finish(observer)?;
        // Except in WAL mode, a reader blocks the commit.
        if !is_wal && let Some(check) = check.take() {
            check.finish(observer)?;
        }
        files.attach_for_reading(connection, path)?;
        replace_content(&rebuild, connection, &built.indexes, report.rows, observer)?;
        if let Some(check) = check.take() {
            check.finish(observer)?;
        }
        let unsound = quick_scan::scan(connection, target)?;
        let original = original.publish()?;
        kept = Some(original.clone());
        report.original = original.into_path();
        Ok(Outcome::Done(
            recognition.version_name(),
            Box::new(report),
            unsound,
        ))
    });
    if result.is_err() {
        effect.find_out(|| {
            let _patient = LockWait::to_the_end();
            Ok(!matches!(
                recognise(path)?.identity,
                Identity::Legacy { .. }
            ))
        });
    }
    if let Some(kept) = &kept
        && effect.effect() == Effect::Nothing
    {
        // The database is as it was, so the copy is of no use.
        kept.discard();
    }
    let done = result?;
    if let Err(error) = ensure_wal(&mut connection, path) {
        log::warn!("The database stays in rollback-journal mode: {error}");
    }
    move_log(&mut connection, path);
    Ok(done)
}

/// Fails if the structure of a database does not allow its rebuild. Nothing is written.
pub(crate) fn require_structure(
    connection: &mut SqliteConnection,
    path: &Path,
    recognition: &Recognition,
    options: &UpgradeOptions,
) -> Result<(), Error> {
    match Rebuild::of(path, recognition, options) {
        Some(rebuild) => refuse_structure(&rebuild, connection),
        None => Ok(()),
    }
}

fn refuse_structure(rebuild: &Rebuild<'_>, connection: &mut SqliteConnection) -> Result<(), Error> {
    alembic_leftovers::check(connection, rebuild.path, &rebuild.recognition.catalogue)?;
    let catalogue = &rebuild.recognition.catalogue;
    stamp_additions::require_none(rebuild.path, catalogue, &stamp_tables::TABLES)?;
    stamp_additions::require_no_references(connection, rebuild.path, catalogue, rebuild.target)?;
    rebuild.refuse_taken_names()?;
    rebuild.refuse_dangling()?;
    put_in_place::refuse_objects_of_dropped_tables(rebuild, connection)?;
    put_in_place::rehearse(rebuild, connection)
}

/// Fails if the rebuild can be refused before anything is built.
fn require_possible(rebuild: &Rebuild<'_>, connection: &mut SqliteConnection) -> Result<(), Error> {
    refuse_structure(rebuild, connection)?;
    require_assumptions(
        connection,
        rebuild.path,
        &rebuild.source(),
        rebuild.assumptions,
    )
}

/// Fails if an assumption is missing.
fn require_assumptions(
    connection: &mut SqliteConnection,
    path: &Path,
    source: &LegacySource<'_>,
    assumptions: &Assumptions,
) -> Result<(), Error> {
    if assumptions.aerodrome_v2_stable.is_some() {
        return Ok(());
    }
    match unstated_stability(connection, source)? {
        0 => Ok(()),
        rows => Err(ErrorKind::AssumptionNeeded { rows }.at(path)),
    }
}

/// The number of pools of Aerodrome V2 that do not say whether they are stable.
fn unstated_stability(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
) -> Result<i64, Error> {
    let table = "aerodrome_v2_pools";
    if !source.has_table(table) {
        return Ok(0);
    }
    let condition = if source.has(table, "stable") {
        "stable IS NULL"
    } else {
        "1"
    };
    let query = format!("SELECT count(*) AS number FROM main.{table} WHERE {condition}");
    Ok(sql::number(connection, &query)?)
}

/// The subjects of the assumptions that a rebuild has not used.
fn unused_assumptions(
    connection: &mut SqliteConnection,
    rebuild: &Rebuild<'_>,
    used_factories: &[String],
) -> Result<Vec<String>, Error> {
    let stable = if unstated_stability(connection, &rebuild.source())? > 0 {
        rebuild.assumptions.aerodrome_v2_stable
    } else {
        None
    };
    let stable = stable.map(|stable| Assumption::AerodromeV2Stable(stable).subject());
    let mut unused = rebuild.assumptions.subjects();
    unused.retain(|subject| !used_factories.contains(subject) && stable.as_ref() != Some(subject));
    Ok(unused)
}

/// Returns the error about a missing assumption for a database that is only recognised so far.
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

/// The subjects of the assumptions that are not needed, as far as a database that is only recognised shows it.
pub(crate) fn needless_assumptions(
    connection: &mut SqliteConnection,
    recognition: &Recognition,
    assumptions: &Assumptions,
) -> Result<Vec<String>, Error> {
    let Identity::Legacy { revision, .. } = recognition.identity else {
        return Ok(assumptions.subjects());
    };
    let source = LegacySource::new(&recognition.catalogue, revision);
    let Some(stable) = assumptions.aerodrome_v2_stable else {
        return Ok(Vec::new());
    };
    Ok(match unstated_stability(connection, &source)? {
        0 => vec![Assumption::AerodromeV2Stable(stable).subject()],
        _ => Vec::new(),
    })
}

/// Returns the tables and columns that a rebuild does not carry over, each as `TABLE` or `TABLE.COLUMN`.
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
