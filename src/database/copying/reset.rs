//! Reset: empties a database.

use std::path::Path;
use std::time::Duration;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::open::{Access, LOCK_TIMEOUT, open_raw_connection};
use crate::database::copying::create::{PAGE_SIZE, build_empty, create_new_sqlite_database};
use crate::database::copying::overwrite::{
    self, Replacement, require_arrived, require_replaceable,
};
use crate::database::copying::replication_tables::ReplicationTables;
use crate::database::copying::text_encoding::TextEncoding;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::Observer;
use crate::database::recognition::expected_database::ExpectedDatabase;
use crate::database::recognition::recognise::recognise;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::lock_wait::LockWait;

/// Options of [`reset_sqlite_database`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResetOptions {
    /// The longest time to wait for a lock.
    pub wait: Duration,
    /// The database that the caller knows. Another one is refused.
    pub expected: Option<ExpectedDatabase>,
}

setters!(ResetOptions { wait: Duration, expected: ExpectedDatabase => Some });

impl Default for ResetOptions {
    fn default() -> Self {
        Self {
            wait: LOCK_TIMEOUT,
            expected: None,
        }
    }
}

/// The result of a reset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResetReport {
    /// Whether there was no database.
    pub created: bool,
}

/// Checks whether a database can be reset, as far as that shows without writing.
///
/// # Errors
///
/// Fails with the errors of [`reset_sqlite_database`] that can be detected without writing, such as
/// [`Refused`](crate::database::ErrorKind::Refused).
pub fn check_reset(path: &Path) -> Result<(), Error> {
    EffectTracker::track(path, |_| match DatabaseFile::find(path)? {
        Some(file) => require_replaceable(&file),
        None => DatabaseFile::at(path).refuse_leftover(),
    })
}

/// Empties a database: it is at the newest version afterwards and has no rows. A missing database is created.
///
/// One SQLite transaction replaces the content in the same file. A program that has the database open sees the
/// empty database in its next transaction. It never goes on writing to a file without a name. The tables in which
/// Litestream keeps its place stay, without rows.
///
/// # Errors
///
/// Fails with [`Refused`](crate::database::ErrorKind::Refused) if the database is not degenbot's, with
/// [`Locked`](crate::database::ErrorKind::Locked) if another process is in a transaction, with
/// [`ChangedMeanwhile`](crate::database::ErrorKind::ChangedMeanwhile) if it is not [`ResetOptions::expected`], and with
/// another kind if the database cannot be read or written.
pub fn reset_sqlite_database(
    path: &Path,
    options: &ResetOptions,
    observer: &mut dyn Observer,
) -> Result<ResetReport, Error> {
    let _waiting = LockWait::begin(options.wait, observer.cancel_token());
    EffectTracker::track(path, |effect| reset(path, options, observer, effect))
}

fn reset(
    path: &Path,
    options: &ResetOptions,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<ResetReport, Error> {
    // Creating a database fails at a dangling link.
    let Ok(file) = DatabaseFile::existing(path) else {
        if let Some(expected) = &options.expected {
            expected.require(path)?;
        }
        create_new_sqlite_database(path)?;
        return Ok(ResetReport { created: true });
    };
    require_replaceable(&file)?;
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    let live = open_raw_connection(path, Access::Overwrite, &busy_handler)?;
    let [page_size] = live
        .row("PRAGMA page_size")
        .map_err(|error| Error::from_sqlite(path, error))?
        .unwrap_or([PAGE_SIZE]);
    let template = StagedFile::create(file.real(), PRIVATE)?;
    // Programs that have the database open could not read another encoding.
    let encoding = TextEncoding::of(&live, path)?.unwrap_or(TextEncoding::DEFAULT);
    build_empty(template.path(), page_size, encoding)?;
    let replication = ReplicationTables::of(&file, &busy_handler)?;
    replication.carry_over(template.path(), path, &busy_handler)?;
    let source = open_raw_connection(template.path(), Access::Immutable, &busy_handler)?;
    let written = recognise(template.path())?;
    let mut replacement = Replacement::begin_in_wal_mode(&source, &live, path)?;
    if let Some(expected) = &options.expected {
        expected.require(path)?;
    }
    replication.require(&file, &busy_handler)?;
    replacement.prepare(observer)?;
    effect.commit(|| replacement.commit())?;
    drop((source, template));
    overwrite::settle_log(&live, path);
    require_arrived(path, &written)?;
    log::debug!("Reset the database {}", path.display());
    Ok(ResetReport { created: false })
}
