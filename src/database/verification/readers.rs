//! The connections of a verification, which see one state of the database.

use std::path::Path;
use std::time::Instant;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::{LOCK_TIMEOUT, open_for_reading, prepare_for_wide_reads};
use crate::database::error::database_error::Error;
use crate::sqlite::connection_hooks::cancellable;
use crate::sqlite::pages::PagePlaces;
use crate::sqlite::prepared::Statements;

/// What several threads need to read the state that a connection is on.
#[derive(Default)]
pub(super) struct Readers {
    /// The connections beside the first. They have to be closed before that one: whoever closes the last one of a database
    /// removes its log.
    pub(super) others: Vec<SqliteConnection>,
    /// Where the pages are, if they can be read beside SQLite.
    pub(super) places: Option<PagePlaces>,
}

impl Readers {
    /// Begins a read transaction on the first connection, and on `count` others if that is possible: there are fewer if they
    /// cannot be opened, or if others commit so often that no two transactions see the same state. Cancelling `stop`
    /// interrupts the statements of the others.
    pub(super) fn begin(
        first: &mut SqliteConnection,
        path: &Path,
        count: usize,
        stop: &CancelToken,
    ) -> QueryResult<Self> {
        prepare_for_wide_reads(first)?;
        begin(first)?;
        let readers = Self::beside(first, path, count, stop).unwrap_or_else(|error| {
            log::debug!("One connection verifies the database: {error}");
            Self::default()
        });
        if !Statements::of(first)?.in_transaction() {
            begin(first)?;
        }
        Ok(readers)
    }

    fn beside(
        first: &mut SqliteConnection,
        path: &Path,
        count: usize,
        stop: &CancelToken,
    ) -> Result<Self, Error> {
        let open = || cancellable(Some(stop.clone()), || open_for_reading(path));
        let ready = || {
            let mut connection = open()?;
            prepare_for_wide_reads(&mut connection)?;
            Ok(connection)
        };
        let mut readers = Self::default();
        for _ in 0..count {
            match ready() {
                Ok(connection) => readers.others.push(connection),
                Err::<_, Error>(error) => {
                    log::debug!("Fewer connections verify the database: {error}");
                    break;
                }
            }
        }
        let is_wal = journal_mode(first)? == "wal";
        if !is_wal {
            // While the first one reads, nobody can commit.
            readers.others.retain_mut(|other| begin(other).is_ok());
            readers.places = Statements::of(first)?.page_places()?;
            return Ok(readers);
        }
        // It notices the commits of others.
        let mut watcher = open()?;
        let began = Instant::now();
        while began.elapsed() < LOCK_TIMEOUT && !stop.is_cancelled() {
            let before = data_version(&mut watcher)?;
            for connection in std::iter::once(&mut *first).chain(&mut readers.others) {
                Statements::of(connection)?.leave_transaction()?;
                begin(connection)?;
            }
            readers.places = Statements::of(first)?.page_places()?;
            // A commit meanwhile may lie between two of the transactions.
            if data_version(&mut watcher)? == before {
                return Ok(readers);
            }
        }
        log::debug!("One connection verifies the database, which others change all the time");
        Ok(Self::default())
    }
}

/// Begins a transaction, which gets its state with its first statement.
fn begin(connection: &mut SqliteConnection) -> QueryResult<()> {
    let statements = Statements::of(connection)?;
    statements.execute("BEGIN")?;
    let mut schema = statements.prepare("SELECT 1 FROM sqlite_schema")?;
    schema.step().map(drop)
}

fn journal_mode(connection: &mut SqliteConnection) -> QueryResult<String> {
    let mut mode = Statements::of(connection)?.prepare("PRAGMA main.journal_mode")?;
    mode.step()?;
    Ok(mode.column(0).to_text())
}

/// A number that changes with every commit of another connection.
fn data_version(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
    let mut version = Statements::of(connection)?.prepare("PRAGMA data_version")?;
    version.first_integer(&[])
}
