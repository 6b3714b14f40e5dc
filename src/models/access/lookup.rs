//! Reading a few rows with Diesel, which keeps such statements prepared.

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;

use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::sqlite::{Bound, Statements};

/// The rows that a query finds, as a `Vec` of their type. A malformed value is [`RowError::Invalid`].
///
/// The query is a table with conditions and an order, and nothing selected yet. It is written down once and
/// run a second time, for the ids, where Diesel cannot read a value of what it has found.
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

/// The row of a table with an address on a chain, by the index on both: as the address is written today, or else in
/// lower case, as old rows have it.
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

/// What `load` finds. Where it cannot read a value, the row and column of that value are looked for among
/// the rows with the ids that `ids` finds: Diesel tells neither.
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
                // Another program has corrected it meanwhile.
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
