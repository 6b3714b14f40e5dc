//! Row transfer: carries rows over to the new database and compares them with the old rows.

use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::counted::counted;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::rebuild::mapping::Mapping;
use crate::database::progress::{Observer, Stage, report};

/// The number of rows between two reports to the observer. They take some tenths of a second at most.
const ROWS_PER_STEP: i64 = 65_536;

/// The progress of a stage of a rebuild, counted in rows.
pub(super) struct Counter<'operation> {
    path: &'operation Path,
    observer: &'operation mut dyn Observer,
    done: u64,
    total: u64,
}

impl<'operation> Counter<'operation> {
    pub(super) fn new(
        path: &'operation Path,
        observer: &'operation mut dyn Observer,
        total: u64,
    ) -> Self {
        Self {
            path,
            observer,
            done: 0,
            total,
        }
    }

    /// Reports the progress. Fails if the observer asks to stop.
    pub(super) fn advance(&mut self, stage: Stage<'_>, rows: u64) -> Result<(), Error> {
        self.done += rows;
        let total = self.total.max(self.done);
        report(self.observer, self.path, stage, self.done, total)?;
        Ok(())
    }
}

/// Calls `operate` with ranges of row ids that together cover all rows of the table. Both ends of a range are
/// included. `operate` returns the number of rows in its range.
fn in_steps(
    connection: &mut SqliteConnection,
    table: &str,
    mut operate: impl FnMut(&mut SqliteConnection, i64, i64) -> Result<u64, Error>,
) -> Result<(), Error> {
    let mut beyond = None;
    let mut width = ROWS_PER_STEP;
    loop {
        let condition =
            beyond.map_or_else(|| "1".to_owned(), |high: i64| format!("rowid > {high}"));
        let query = format!("SELECT min(rowid) AS number FROM main.{table} WHERE {condition}");
        let Some(low) = sql::optional_number(connection, &query)? else {
            return Ok(());
        };
        let high = low.saturating_add(width - 1);
        let rows = operate(connection, low, high)?;
        // Ids can be sparse, so the width follows the number of rows.
        if rows < ROWS_PER_STEP.unsigned_abs() / 2 {
            width = width.saturating_mul(2);
        } else if rows > ROWS_PER_STEP.unsigned_abs() {
            width /= 2;
        }
        beyond = Some(high);
    }
}

/// Carries over the rows of one mapping.
pub(super) fn carry_over(
    connection: &mut SqliteConnection,
    mapping: &Mapping,
    counter: &mut Counter<'_>,
) -> Result<(), Error> {
    in_steps(connection, &mapping.source, |connection, low, high| {
        let rows = sql::execute(connection, &mapping.fill(low, high))?;
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        counter.advance(Stage::CarryingOver(&mapping.target), rows)?;
        Ok(rows)
    })
}

/// Checks that the new rows match the old ones, for each mapping with the number of rows that were added to its
/// table.
///
/// The comparison also proves that every id that the rebuild has looked up refers to a row. All other foreign
/// keys are as they were.
pub(super) fn check_all(
    connection: &mut SqliteConnection,
    path: &Path,
    carried: &[(Mapping, i64)],
    rows: u64,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let mut counter = Counter::new(path, observer, rows);
    for (mapping, added) in carried {
        check(connection, mapping, *added, &mut counter)?;
    }
    Ok(())
}

/// Checks that every old row has a new row with the same values, and that there are exactly `added` other new
/// rows.
fn check(
    connection: &mut SqliteConnection,
    mapping: &Mapping,
    added: i64,
    counter: &mut Counter<'_>,
) -> Result<(), Error> {
    let failed = |path: &Path, detail| ErrorKind::RebuildCheckFailed { detail }.at(path);
    let mut expected = added;
    in_steps(connection, &mapping.source, |connection, low, high| {
        let old = sql::number(connection, &mapping.count_old(low, high))?;
        let same = sql::number(connection, &mapping.count_same(low, high))?;
        if old != same {
            let detail = format!(
                "{} of {} did not get the same values in {}",
                counted(old - same, "row"),
                mapping.source,
                mapping.target
            );
            return Err(failed(counter.path, detail));
        }
        expected += old;
        let old = u64::try_from(old).unwrap_or_default();
        counter.advance(Stage::Checking(&mapping.target), old)?;
        Ok(old)
    })?;
    let found = count(connection, "new", &mapping.target)?;
    if found != expected {
        let detail = format!(
            "{} has {} instead of {expected}",
            mapping.target,
            counted(found, "row")
        );
        return Err(failed(counter.path, detail));
    }
    Ok(())
}

/// Returns the number of rows of a table.
pub(super) fn count(
    connection: &mut SqliteConnection,
    schema: &str,
    table: &str,
) -> QueryResult<i64> {
    let table = sql::name(table);
    sql::number(
        connection,
        &format!("SELECT count(*) AS number FROM {schema}.{table}"),
    )
}
