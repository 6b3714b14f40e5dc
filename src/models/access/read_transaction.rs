//! One state of the database for as long as something is read.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::sqlite::Statements;

/// A read transaction: the caller's, or else one of its own that ends when it is dropped.
///
/// It has to be the last field of what reads in it, since fields are dropped in their order.
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
            // A transaction has its state from its first statement on.
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
