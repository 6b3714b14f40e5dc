//! What a database holds, cell by cell, read without the library under test.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

/// The rows of a table: for each, its cells in the order of the columns, each with its storage type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Rows {
    /// Leaves out the other columns. The rows are sorted anew.
    pub fn retain_columns(&mut self, is_kept: impl Fn(&str) -> bool) {
        let kept: Vec<_> = self.columns.iter().map(|column| is_kept(column)).collect();
        let retain = |cells: &mut Vec<String>| {
            let mut kept = kept.iter();
            cells.retain(|_| *kept.next().unwrap());
        };
        retain(&mut self.columns);
        self.rows.iter_mut().for_each(retain);
        self.rows.sort();
    }
}

pub type Content = BTreeMap<String, Rows>;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

pub fn lines(connection: &mut SqliteConnection, query: &str) -> Vec<String> {
    try_lines(connection, query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// The same of a database that may be damaged.
pub fn try_lines(connection: &mut SqliteConnection, query: &str) -> QueryResult<Vec<String>> {
    let lines = diesel::sql_query(query).load::<Line>(connection)?;
    Ok(lines.into_iter().map(|line| line.line).collect())
}

/// The program of a statement, one instruction a line with its fourth parameter.
pub fn explained(path: &Path, statement: &str) -> String {
    #[derive(QueryableByName)]
    struct Instruction {
        #[diesel(sql_type = Text)]
        opcode: String,
        #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
        p4: Option<String>,
    }
    let program: Vec<_> = diesel::sql_query(format!("EXPLAIN {statement}"))
        .load::<Instruction>(&mut connect(path))
        .unwrap()
        .into_iter()
        .map(|it| format!("{} {}", it.opcode, it.p4.unwrap_or_default()))
        .collect();
    program.join("\n")
}

/// What SQLite's own check says, or its error.
pub fn integrity(path: &Path) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Message {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    match diesel::sql_query("PRAGMA integrity_check").load::<Message>(&mut connect(path)) {
        Ok(messages) => messages.into_iter().map(|it| it.integrity_check).collect(),
        Err(error) => vec![error.to_string()],
    }
}

pub fn connect(path: &Path) -> SqliteConnection {
    assert!(path.exists(), "{}", path.display());
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
}

/// Every row of every table. The rows are sorted by their content.
pub fn of(path: &Path) -> Content {
    of_connection(&mut connect(path))
}

/// The same but for the times at which migrations were run.
pub fn timeless(path: &Path) -> Content {
    let mut content = of(path);
    if let Some(migrations) = content.get_mut("__diesel_schema_migrations") {
        for row in &mut migrations.rows {
            row.remove(0);
        }
    }
    content
}

pub fn of_connection(connection: &mut SqliteConnection) -> Content {
    lines(connection, TABLES)
        .into_iter()
        .map(|table| {
            let rows =
                of_table(connection, &table).unwrap_or_else(|error| panic!("{table}: {error}"));
            (table, rows)
        })
        .collect()
}

/// What can be read of a database that may be damaged: nothing, or for each table its rows if all can be read.
pub fn of_damaged(path: &Path) -> Option<BTreeMap<String, Option<Rows>>> {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).ok()?;
    // Without it, SQLite reads behind the end of a damaged page, where something else lies each time.
    connection
        .batch_execute("PRAGMA cell_size_check = ON")
        .ok()?;
    let tables = try_lines(&mut connection, TABLES).ok()?;
    let contents = tables.into_iter().map(|table| {
        let rows = of_table(&mut connection, &table).ok();
        (table, rows)
    });
    Some(contents.collect())
}

/// The names of all tables but SQLite's own.
const TABLES: &str = "SELECT name AS line FROM sqlite_schema WHERE type = 'table' \
                      AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name";

fn of_table(connection: &mut SqliteConnection, table: &str) -> QueryResult<Rows> {
    let columns = try_lines(
        connection,
        &format!("SELECT name AS line FROM pragma_table_info('{table}') ORDER BY name"),
    )?;
    let cells: Vec<_> = columns
        .iter()
        .map(|column| {
            format!(
                "CASE typeof(\"{column}\") \
                 WHEN 'text' THEN 't' || hex(CAST(\"{column}\" AS BLOB)) \
                 WHEN 'blob' THEN 'b' || hex(\"{column}\") \
                 WHEN 'null' THEN 'n' \
                 ELSE substr(typeof(\"{column}\"), 1, 1) || quote(\"{column}\") END"
            )
        })
        .collect();
    let rows = try_lines(
        connection,
        &format!(
            "SELECT {} AS line FROM \"{table}\" ORDER BY line",
            cells.join(" || ' ' || ")
        ),
    )?
    .into_iter()
    .map(|line| line.split(' ').map(str::to_owned).collect())
    .collect();
    Ok(Rows { columns, rows })
}

/// The tables in which programs mark the version of a database.
pub const STAMPS: [&str; 3] = [
    "__diesel_schema_migrations",
    "alembic_version",
    "_degenbot_db_schema_version",
];

/// Asserts that `after` has every row of `before`, as it was, and no other row; columns that `before`
/// lacks hold NULL or zero. The stamps, which an upgrade is there to change, are not looked at.
pub fn assert_carried_over(before: &Content, after: &Content, name: &str) {
    for (table, before) in before {
        if STAMPS.contains(&table.as_str()) {
            continue;
        }
        let after = &after[table];
        let (old, new): (Vec<_>, Vec<_>) =
            (0..after.columns.len()).partition(|&i| before.columns.contains(&after.columns[i]));
        let mut rows: Vec<Vec<String>> = after
            .rows
            .iter()
            .map(|row| {
                for &i in &new {
                    // Text '0' is 30 in hexadecimal.
                    assert!(
                        ["n", "i0", "t30"].contains(&row[i].as_str()),
                        "{name}: {table}.{} = {}",
                        after.columns[i],
                        row[i]
                    );
                }
                old.iter().map(|&i| row[i].clone()).collect()
            })
            .collect();
        rows.sort();
        let mut expected = before.rows.clone();
        expected.sort();
        let columns: Vec<_> = old.iter().map(|&i| &after.columns[i]).collect();
        assert_eq!(
            columns,
            before.columns.iter().collect::<Vec<_>>(),
            "{name}: {table}"
        );
        assert_eq!(rows, expected, "{name}: {table}");
    }
    for (table, after) in after {
        if !before.contains_key(table) && !STAMPS.contains(&table.as_str()) {
            assert!(after.rows.is_empty(), "{name}: {table}");
        }
    }
}

/// What `PRAGMA integrity_check` and `PRAGMA foreign_key_check` complain about.
pub fn complaints(path: &Path) -> Vec<String> {
    let mut connection = connect(path);
    let mut complaints = lines(
        &mut connection,
        "SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    );
    complaints.extend(lines(
        &mut connection,
        "SELECT \"table\" || ' ' || rowid || ' ' || parent AS line FROM pragma_foreign_key_check",
    ));
    complaints
}
