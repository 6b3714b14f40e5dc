//! Naming the row that a violated foreign key refers to.

use diesel::result::{DatabaseErrorKind, Error};

use crate::models::access::row_error::RowError;
use crate::sqlite::prepared::{Bound, Statements};

/// The error of an insert that refers to rows of other tables by their ids. SQLite does not say which of them is
/// missing; this looks for them.
#[cold]
pub(in crate::models) fn name_missing_parent(
    statements: Statements<'_>,
    error: Error,
    parents: &[(&'static str, i64)],
) -> RowError {
    if let Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) = error {
        for (table, id) in parents {
            let found = statements
                .prepare(&format!("SELECT 1 FROM {table} WHERE id = ?1"))
                .and_then(|mut find| find.first_integer(&[Bound::Integer(*id)]));
            match found {
                Ok(Some(_)) => {}
                Ok(None) => return RowError::NotFound { table, id: *id },
                Err(error) => return error.into(),
            }
        }
    }
    error.into()
}
