//! Lookups of a few rows with Diesel, which caches the prepared statements.

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;

use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::sqlite::prepared::{Bound, Statements};

/// Loads the rows of a query into a `Vec`. A malformed value is [`RowError::Invalid`].
///
/// The query has a table, conditions and an order, but no select list. If Diesel cannot read a value, the
/// query runs a second time, for the ids.
macro_rules! load {
    ($connection:expr, $row:ty, $query:expr) => {
        $crate::models::access::lookup::load_or_locate(
            $connection,
            |connection| {
                diesel::RunQueryDsl::load(
                    diesel::QueryDsl::select(
                        $query,
                        <$row as diesel::SelectableHelper<diesel::sqlite::Sqlite>>::as_select(),
                    ),
                    connection,
                )
            },
            |connection| {
                let id =
                    diesel::Table::primary_key(&<$row as diesel::associations::HasTable>::table());
                diesel::RunQueryDsl::load(diesel::QueryDsl::select($query, id), connection)
            },
        )
    };
}
pub(in crate::models) use load;

/// Finds the row with an address on a chain, by the index on both. The checksummed spelling is tried first,
/// then lower case, which old rows have.
macro_rules! find_by_address {
    ($connection:expr, $row:ty, $table:ident, $chain:expr, $address:expr) => {{
        let mut spellings = $address.spellings().into_iter();
        loop {
            let Some(spelling) = spellings.next() else {
                break Ok(None);
            };
            let found = $crate::models::access::lookup::load!(
                $connection,
                $row,
                $crate::schema::$table::table
                    .filter($crate::schema::$table::address.eq(&spelling))
                    .filter($crate::schema::$table::chain.eq($chain))
            );
            match found {
                Ok(rows) if rows.is_empty() => {}
                found => break found.map(|mut rows| rows.pop()),
            }
        }
    }};
}
pub(in crate::models) use find_by_address;

/// Returns what `load` finds. If it cannot read a value, the rows with the ids that `ids` finds are read one
/// by one to locate the row and the column, which Diesel does not report.
pub(in crate::models) fn load_or_locate<T: TableRow>(
    connection: &mut SqliteConnection,
    load: impl FnOnce(&mut SqliteConnection) -> QueryResult<Vec<T>>,
    ids: impl FnOnce(&mut SqliteConnection) -> QueryResult<Vec<i64>>,
) -> Result<Vec<T>, RowError> {
    match load(connection) {
        Err(error @ Error::DeserializationError(_)) => {
            let ids = ids(connection)?;
            match read_each::<T>(connection, &ids) {
                Err(invalid @ RowError::Invalid { .. }) => Err(invalid),
                // Another program has corrected the value since.
                _ => Err(error.into()),
            }
        }
        result => Ok(result?),
    }
}

#[cold]
fn read_each<T: TableRow>(connection: &mut SqliteConnection, ids: &[i64]) -> Result<(), RowError> {
    let columns = T::COLUMNS;
    let mut statement = Statements::of(connection)?.prepare(&format!(
        "SELECT {} FROM {} AS r WHERE r.{} = ?1",
        columns.of("r"),
        columns.table,
        columns.names[0],
    ))?;
    for id in ids {
        statement.query(&[Bound::Integer(*id)])?;
        if statement.step()? {
            T::read(&columns, &statement)?;
        }
    }
    Ok(())
}
