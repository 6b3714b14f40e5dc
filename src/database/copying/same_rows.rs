//! The comparison of a rewritten copy with its source, row by row.
//!
//! It reads the tables of both in the order in which they are stored, with the rowids. So a row that SQLite can read
//! in one of them is the same row in the other. Indexes are not compared: the check of the copy compares them with
//! their tables.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::sqlite::prepared::{Statement, Statements};
use crate::types::stored::Stored;

/// The names of a rowid. A column of the same name hides it.
const ROWID_NAMES: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// Rows between two calls of `tell`.
const ROWS_PER_STEP: u64 = 65_536;

/// The side that cannot be read, or the first difference.
#[derive(Debug)]
pub(super) enum Mismatch {
    /// The source cannot be read.
    Source(diesel::result::Error),
    /// The copy cannot be read.
    Copy(diesel::result::Error),
    /// The first difference.
    Difference(String),
    /// The caller has asked to stop.
    Stopped,
}

/// Compares all tables of two databases. `tell` is called now and then, and stops the comparison if it returns
/// `false`.
pub(super) fn compare(
    source: &mut SqliteConnection,
    copy: &mut SqliteConnection,
    mut tell: impl FnMut() -> bool,
) -> Result<(), Mismatch> {
    let source = Statements::of(source).map_err(Mismatch::Source)?;
    let copy = Statements::of(copy).map_err(Mismatch::Copy)?;
    let settings = "SELECT user_version, application_id, encoding, auto_vacuum FROM pragma_user_version, \
                    pragma_application_id, pragma_encoding, pragma_auto_vacuum";
    let (mut ours, mut theirs) = both(source, copy, settings)?;
    compare_rows(&mut ours, &mut theirs, "The settings", false, &mut tell)?;
    let objects =
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name, sql";
    let (mut ours, mut theirs) = both(source, copy, objects)?;
    compare_rows(&mut ours, &mut theirs, "The schema", false, &mut tell)?;
    for table in tables(source).map_err(Mismatch::Source)? {
        let _held = (source.hold(), copy.hold());
        let (query, has_rowid) = query_of(source, &table).map_err(Mismatch::Source)?;
        let (mut ours, mut theirs) = both(source, copy, &query)?;
        let what = format!("The table {table}");
        compare_rows(&mut ours, &mut theirs, &what, has_rowid, &mut tell)?;
    }
    Ok(())
}

/// Prepares the same query on both databases.
fn both<'a, 'b>(
    source: Statements<'a>,
    copy: Statements<'b>,
    query: &str,
) -> Result<(Statement<'a>, Statement<'b>), Mismatch> {
    let ours = source.prepare(query).map_err(Mismatch::Source)?;
    let theirs = copy.prepare(query).map_err(Mismatch::Copy)?;
    Ok((ours, theirs))
}

/// The tables that have pages of their own, SQLite's among them. A virtual table has none.
fn tables(source: Statements<'_>) -> QueryResult<Vec<String>> {
    let mut statement = source.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY rowid",
    )?;
    let mut tables = Vec::new();
    while statement.step()? {
        tables.push(statement.column(0).to_text());
    }
    Ok(tables)
}

/// The query that reads a table in the order in which it is stored, and whether the first column is the rowid. It leaves
/// out columns that SQLite computes when it reads them.
fn query_of(source: Statements<'_>, table: &str) -> QueryResult<(String, bool)> {
    let mut statement = source.prepare(&format!(
        "SELECT name, hidden FROM pragma_table_xinfo({})",
        sql::literal(table)
    ))?;
    let (mut columns, mut names) = (Vec::new(), Vec::new());
    while statement.step()? {
        let name = statement.column(0).to_text();
        if [Some(0), Some(3)].contains(&statement.column(1).as_integer()) {
            columns.push(sql::name(&name));
        }
        names.push(name.to_ascii_lowercase());
    }
    let from = format!("FROM main.{} NOT INDEXED", sql::name(table));
    let rowid = ROWID_NAMES
        .iter()
        .find(|name| !names.iter().any(|column| column == *name));
    if let Some(rowid) = rowid {
        let with_rowid = format!("SELECT {rowid}, {} {from}", columns.join(", "));
        // A WITHOUT ROWID table has none.
        if source.prepare(&with_rowid).is_ok() {
            return Ok((with_rowid, true));
        }
    }
    Ok((format!("SELECT {} {from}", columns.join(", ")), false))
}

fn compare_rows(
    ours: &mut Statement<'_>,
    theirs: &mut Statement<'_>,
    what: &str,
    has_rowid: bool,
    tell: &mut impl FnMut() -> bool,
) -> Result<(), Mismatch> {
    let columns = ours.column_count();
    let mut rows = 0;
    loop {
        let is_ours = ours.step().map_err(Mismatch::Source)?;
        let is_theirs = theirs.step().map_err(Mismatch::Copy)?;
        if !is_ours && !is_theirs {
            return Ok(());
        }
        let is_same = is_ours == is_theirs
            && (0..columns).all(|column| is_same(ours.column(column), theirs.column(column)));
        if !is_same {
            let row = match (is_ours, has_rowid) {
                (true, true) => format!(" in the row with rowid {}", ours.key(0)),
                (true, false) => format!(" in row {}", rows + 1),
                (false, _) => " by a row that the source lacks".to_owned(),
            };
            return Err(Mismatch::Difference(format!("{what} differs{row}")));
        }
        rows += 1;
        if rows % ROWS_PER_STEP == 0 && !tell() {
            return Err(Mismatch::Stopped);
        }
    }
}

fn is_same(ours: Stored<'_>, theirs: Stored<'_>) -> bool {
    match (ours, theirs) {
        (Stored::Real(ours), Stored::Real(theirs)) => ours.to_bits() == theirs.to_bits(),
        _ => ours == theirs,
    }
}
