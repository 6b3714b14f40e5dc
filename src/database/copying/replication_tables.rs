//! The tables that Litestream keeps in a database which it replicates.
//!
//! Litestream 0.5 creates them once, when it begins. If a new content lacks them, it can never again move the log into the
//! file: the log grows without end, and the replica falls behind until Litestream is restarted.
//!
//! Where they are, what replaces the content leaves the log to Litestream. Litestream reads the changes from there. If
//! another program moves them into the file, they can be gone before that. Litestream does not always notice (0.5.17): the
//! replica then has new pages beside old ones.

use std::path::Path;

use crate::database::connection::open::{Access, open_raw_connection};
use crate::database::connection::read_only::read_raw_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::sqlite::auto_checkpoint::{IS_REPLICATED, LITESTREAM};
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// Each table's name, and the statement that creates it as Litestream does. Litestream fills them by itself.
const TABLES: [(&str, &str); 2] = [
    (
        LITESTREAM[0],
        "CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);",
    ),
    (
        LITESTREAM[1],
        "CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER);",
    ),
];

/// The tables of Litestream that a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReplicationTables([bool; TABLES.len()]);

impl ReplicationTables {
    /// Looks which ones a database has. An empty file has none.
    pub(super) fn of(file: &DatabaseFile, busy_handler: &BusyHandler) -> Result<Self, Error> {
        if file.bytes_with_log() == 0 {
            return Ok(Self([false; TABLES.len()]));
        }
        read_raw_without_trace(file.path(), busy_handler, |reader, _| {
            Self::of_reader(&reader).map_err(|error| Error::from_sqlite(file.path(), error))
        })
    }

    /// Whether a database has any. Litestream may have ended since it has created them.
    pub(super) fn has_any(live: &RawConnection, path: &Path) -> Result<bool, Error> {
        let found = live.row(IS_REPLICATED);
        Ok(found.map_err(|error| Error::from_sqlite(path, error))? == Some([1]))
    }

    fn of_reader(reader: &RawConnection) -> Result<Self, SqliteError> {
        let mut found = [false; TABLES.len()];
        for (found, (name, _)) in found.iter_mut().zip(TABLES) {
            let sql =
                format!("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{name}'");
            *found = reader.row(&sql)? == Some([1]);
        }
        Ok(Self(found))
    }

    /// Creates them in a new content, which nobody has open. Errors about its writing name `target`.
    pub(super) fn carry_over(
        self,
        staged: &Path,
        target: &Path,
        busy_handler: &BusyHandler,
    ) -> Result<(), Error> {
        let statements: String = (self.0.iter().zip(TABLES))
            .filter(|(found, _)| **found)
            .map(|(_, (_, statement))| statement)
            .collect();
        if statements.is_empty() {
            return Ok(());
        }
        // Closing a database in WAL mode moves its log into the file, and does not report whether that failed.
        open_raw_connection(staged, Access::ReadWrite, busy_handler)?
            .execute(&format!(
                "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; {statements}"
            ))
            .map_err(|error| Error::from_sqlite(target, error))
    }

    /// Fails if the database has others by now. The caller keeps others from writing.
    pub(super) fn require(
        self,
        file: &DatabaseFile,
        busy_handler: &BusyHandler,
    ) -> Result<(), Error> {
        if Self::of(file, busy_handler)? == self {
            return Ok(());
        }
        let detail = "Litestream has begun to replicate it".to_owned();
        Err(ErrorKind::ChangedMeanwhile { detail }.at(file.path()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::connection::open::LOCK_TIMEOUT;

    #[test]
    fn tables_that_come_later_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
        let file = DatabaseFile::at(&path);
        let look = || ReplicationTables::of(&file, &busy_handler).unwrap();
        assert_eq!(look(), ReplicationTables([false, false]));
        let live = open_raw_connection(&path, Access::Create, &busy_handler).unwrap();
        live.execute("PRAGMA journal_mode = WAL; CREATE TABLE numbers (number)")
            .unwrap();
        let before = look();
        before.require(&file, &busy_handler).unwrap();
        let litestream = open_raw_connection(&path, Access::ReadWrite, &busy_handler).unwrap();
        litestream.execute(TABLES[0].1).unwrap();
        live.execute("BEGIN IMMEDIATE").unwrap();
        let error = before.require(&file, &busy_handler).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::ChangedMeanwhile { .. }),
            "{error}"
        );
        look().require(&file, &busy_handler).unwrap();
    }
}
