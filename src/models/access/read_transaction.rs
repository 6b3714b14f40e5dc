//! A read transaction, for reads of many rows.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::sqlite::prepared::Statements;

/// The caller's transaction, or one of its own that ends when this is dropped.
///
/// Must be the last field of the struct that reads in it: fields are dropped in order, and its statements
/// must be finalized before the transaction ends.
pub(in crate::models) struct ReadTransaction<'connection> {
    statements: Statements<'connection>,
    ours: bool,
}

impl<'connection> ReadTransaction<'connection> {
    pub(in crate::models) fn begin(
        connection: &'connection mut SqliteConnection,
    ) -> QueryResult<Self> {
        let statements = Statements::of(connection)?;
        let ours = !statements.in_transaction();
        if ours {
            statements.execute("BEGIN")?;
        }
        let transaction = Self { statements, ours };
        if ours {
            // SQLite takes the snapshot at the transaction's first read, not at BEGIN.
            statements.prepare("SELECT 1 FROM sqlite_schema")?.step()?;
        }
        Ok(transaction)
    }

    pub(in crate::models) fn statements(&self) -> Statements<'connection> {
        self.statements
    }
}

impl Drop for ReadTransaction<'_> {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = self.statements.execute("ROLLBACK")
        {
            log::debug!("A read transaction has ended by itself: {error}");
        }
    }
}
