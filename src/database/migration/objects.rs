//! The objects of a schema, each with its table and its statement.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::structure::sql_name;
use crate::sqlite::prepared::Statements;

/// An object of a schema with the statement that creates it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Object {
    /// `table`, `index`, `view` or `trigger`.
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// The table or view of the object, by its own name. SQLite keeps it as the CREATE statement writes it, which can be
    /// in another letter case.
    #[diesel(sql_type = Text)]
    pub(super) owner: String,
    #[diesel(sql_type = Text)]
    pub(super) statement: String,
}

impl Object {
    /// Whether this is a table of a module, such as a full-text table.
    pub(super) fn is_virtual_table(&self) -> bool {
        self.kind == "table" && self.statement.starts_with("CREATE VIRTUAL TABLE ")
    }
}

/// Returns every object of a schema that has a CREATE statement, tables first.
pub(super) fn objects(connection: &mut SqliteConnection, schema: &str) -> QueryResult<Vec<Object>> {
    diesel::sql_query(query(schema)).load(connection)
}

/// Returns every object of the main database that has a CREATE statement, tables first, to read only: bytes that are not
/// UTF-8 are replaced.
pub(super) fn readable_objects(connection: &mut SqliteConnection) -> QueryResult<Vec<Object>> {
    let mut rows = Statements::of(connection)?.prepare(&query("main"))?;
    let mut objects = Vec::new();
    while rows.step()? {
        let [kind, name, owner, statement] =
            [0, 1, 2, 3].map(|column| rows.column(column).to_text());
        objects.push(Object {
            kind,
            name,
            owner,
            statement,
        });
    }
    Ok(objects)
}

/// Returns a name that no object has, and with which no name begins.
pub(super) fn free_name(objects: &[Object]) -> String {
    let mut free_name = "_degenbot_probe".to_owned();
    let begins = |name: &str, free: &str| {
        name.get(..free.len())
            .is_some_and(|start| sql_name::is_same(start, free))
    };
    while objects
        .iter()
        .any(|object| begins(&object.name, &free_name))
    {
        free_name.push('_');
    }
    free_name
}

fn query(schema: &str) -> String {
    format!(
        "SELECT o.type AS kind, o.name, coalesce(t.name, o.tbl_name) AS owner, o.sql AS statement \
         FROM {schema}.sqlite_schema AS o LEFT JOIN {schema}.sqlite_schema AS t \
         ON t.name = o.tbl_name COLLATE NOCASE AND t.type IN ('table', 'view') \
         WHERE o.sql NOTNULL AND o.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY o.type <> 'table', o.rowid"
    )
}
