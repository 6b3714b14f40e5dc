//! NOT NULL: columns that may be NULL only before or only after a migration, and the user's triggers that write to them.
//!
//! Where a trigger checks a column, and what it writes there, its bytecode shows. The check of OR IGNORE names no column,
//! so the trigger is compiled without its conflict clauses, too.

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::bytecode::{Program, Written};
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;
use crate::database::structure::sql_name;

/// The columns of tables that stay, each as `TABLE.COLUMN`.
#[derive(Debug)]
pub(super) struct NotNullColumns {
    /// Those that are NOT NULL only before.
    gone: Vec<String>,
    /// Those that are NOT NULL only after. Some are new.
    added: Vec<String>,
}

/// The programs of a trigger on one event, with and without its conflict clauses.
#[derive(Debug)]
pub(super) struct Clauses<'program> {
    pub(super) with: &'program Program,
    pub(super) without: Program,
}

impl NotNullColumns {
    pub(super) fn changed(
        old: &mut Compiler<'_>,
        new: &mut Compiler<'_>,
        objects: &[Object],
    ) -> Result<Self, Error> {
        let (mut gone, mut added) = (Vec::new(), Vec::new());
        for (name, columns) in new.remaining_tables(objects)? {
            let (before, after) = (columns_of(old, name)?, columns_of(new, name)?);
            let named = |column: &String| format!("{name}.{column}");
            let is_gone = |column: &&String| {
                sql_name::is_among(column, &columns) && !sql_name::is_among(column, &after)
            };
            gone.extend(before.iter().filter(is_gone).map(named));
            let is_added = |column: &&String| !sql_name::is_among(column, &before);
            added.extend(after.iter().filter(is_added).map(named));
        }
        Ok(Self { gone, added })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.added.is_empty()
    }

    /// Why a trigger would write rows that it ignored or changed before, if it would.
    pub(super) fn relied_on_before(&self, before: &Clauses<'_>) -> Option<String> {
        let may_be_null = |program: &Program, column: &str| {
            let written = program.written_where_not_null(column);
            written.iter().filter(|it| **it != Written::Value).count()
        };
        let column = self.gone.iter().find(|column| {
            may_be_null(&before.without, column) > may_be_null(before.with, column)
        })?;
        Some(format!(
            "counts on {column} being NOT NULL, which it would no longer be"
        ))
    }

    /// Why a trigger would fail, if it certainly would. It did not before.
    pub(super) fn fails_after(&self, before: &Clauses<'_>, after: &Clauses<'_>) -> Option<String> {
        let column = self.added.iter().find(|column| {
            let table = column.split_once('.').map_or("", |(table, _)| table);
            after
                .without
                .written_where_not_null(column)
                .contains(&Written::Null)
                && !before.without.writes_null_where_not_null(table)
        })?;
        Some(format!(
            "would write NULL to {column}, which would become NOT NULL"
        ))
    }
}

/// The columns of a table that are NOT NULL.
fn columns_of(compiler: &mut Compiler<'_>, table: &str) -> Result<Vec<String>, Error> {
    let query = format!(
        "SELECT name AS line FROM pragma_table_xinfo({}) WHERE \"notnull\"",
        sql::literal(table)
    );
    Ok(compiler.lines(&query)?.unwrap_or_default())
}
