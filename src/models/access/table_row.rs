//! Row types that can be read from a statement without Diesel.

use std::ffi::c_int;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::sqlite::prepared::Statement;
use crate::types::stored::Stored;

/// A row type that can be read from a statement. Implemented by [`table_row!`] only.
pub(in crate::models) trait TableRow: Sized {
    /// The columns, at the start of a statement's result.
    const COLUMNS: Columns;

    /// The columns, starting at `offset` in a statement's result.
    fn columns_from(offset: c_int) -> Columns {
        Columns {
            offset,
            ..Self::COLUMNS
        }
    }

    /// Reads the current row.
    fn read(columns: &Columns, statement: &Statement<'_>) -> Result<Self, RowError>;

    /// Reads the current row of a left-joined table; `None` if nothing was joined.
    fn read_joined(columns: &Columns, statement: &Statement<'_>) -> Result<Option<Self>, RowError> {
        match statement.column(columns.offset) {
            Stored::Null => Ok(None),
            _ => Self::read(columns, statement).map(Some),
        }
    }
}

/// Implements [`TableRow`] for a struct: the table, then its columns under the names of the fields, the
/// primary key first. Each column is decoded as the type of its field.
macro_rules! table_row {
    ($row:ident in $table:ident: $key:ident, $($column:ident),+ $(,)?) => {
        impl $crate::models::access::table_row::TableRow for $row {
            const COLUMNS: $crate::models::access::columns::Columns = $crate::models::access::columns::Columns {
                table: stringify!($table),
                names: &[stringify!($key), $(stringify!($column)),+],
                offset: 0,
            };

            fn read(
                columns: &$crate::models::access::columns::Columns,
                statement: &$crate::sqlite::prepared::Statement<'_>,
            ) -> Result<Self, $crate::models::access::row_error::RowError> {
                let mut place = 0;
                Ok(Self {
                    $key: statement.key(columns.offset),
                    $($column: {
                        place += 1;
                        columns.get(statement, place)?
                    }),+
                })
            }
        }
    };
}
pub(in crate::models) use table_row;
