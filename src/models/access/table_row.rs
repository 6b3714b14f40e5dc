//! Whole rows at the level of statements.

use std::ffi::c_int;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::sqlite::Statement;
use crate::types::Stored;

/// A row type that can be read from a statement, column by column. Only [`table_row!`] implements it.
pub(in crate::models) trait TableRow: Sized {
    /// The columns, where they are the first of a statement.
    const COLUMNS: Columns;

    /// The columns, where they come behind those of another table.
    fn columns_from(offset: c_int) -> Columns {
        Columns {
            offset,
            ..Self::COLUMNS
        }
    }

    /// The current row.
    fn read(columns: &Columns, statement: &Statement<'_>) -> Result<Self, RowError>;

    /// The current row of a table that is joined from the left; `None` where it has none.
    fn read_joined(columns: &Columns, statement: &Statement<'_>) -> Result<Option<Self>, RowError> {
        match statement.column(columns.offset) {
            Stored::Null => Ok(None),
            _ => Self::read(columns, statement).map(Some),
        }
    }
}

/// Says in which table the rows of a type are, and which columns it has: the primary key and then all others,
/// as the fields are called. Each column is decoded as its field's type says.
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
                statement: &$crate::sqlite::Statement<'_>,
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
