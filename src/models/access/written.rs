//! Whether SQLite has written what a statement says.

use crate::models::access::row_error::RowError;

/// Fails if a statement that writes one row of a table has written none. SQLite reports success even if a trigger of the
/// user's own has ignored the row.
pub(crate) const fn require_written(changed: u64, table: &'static str) -> Result<(), RowError> {
    if changed == 0 {
        return Err(RowError::NotWritten { table });
    }
    Ok(())
}
