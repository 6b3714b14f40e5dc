//! Whether the user's own views and triggers still find the columns that they name.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::structure::catalogue::Catalogue;

/// What of the user's own works.
#[derive(Debug)]
pub(crate) struct UserObjects {
    /// The views that can be read.
    views: Vec<String>,
    /// The statements that fire triggers and can be compiled.
    firing: Vec<Firing>,
    /// Whether all views and triggers can be resolved together.
    all: bool,
}

impl UserObjects {
    /// Finds out what works now. To be called inside a transaction that writes; nothing is left behind.
    pub(crate) fn find(
        connection: &mut SqliteConnection,
        path: &Path,
        catalogue: &Catalogue,
    ) -> Result<Self, Error> {
        let mut views = Vec::new();
        for view in &catalogue.views {
            if read(connection, path, view)?.is_ok() {
                views.push(view.clone());
            }
        }
        let mut firing = Vec::new();
        for statement in Firing::all(connection, catalogue)? {
            if statement.compile(connection, path)?.is_ok() {
                firing.push(statement);
            }
        }
        Ok(Self {
            views,
            firing,
            all: resolve_all(connection, path)?.is_ok(),
        })
    }

    /// Fails if something of it does not work any more.
    pub(crate) fn require(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), Error> {
        let mut objects = Vec::new();
        for view in &self.views {
            if let Err(message) = read(connection, path, view)? {
                objects.push(format!("view {view} ({message})"));
            }
        }
        if objects.is_empty()
            && self.all
            && let Err(message) = resolve_all(connection, path)?
        {
            // SQLite says "error in trigger NAME: no such column: …".
            let object = message.strip_prefix("error in ").unwrap_or(&message);
            objects.push(object.to_owned());
        }
        // Those name the table only.
        if objects.is_empty() {
            for firing in &self.firing {
                if firing.is_possible(connection)?
                    && let Err(message) = firing.compile(connection, path)?
                {
                    let object = format!("trigger on {} ({message})", firing.owner);
                    if !objects.contains(&object) {
                        objects.push(object);
                    }
                }
            }
        }
        if objects.is_empty() {
            return Ok(());
        }
        Err(ErrorKind::ObjectsLost { objects }.at(path))
    }
}

/// A statement that would fire triggers. What a trigger changes is resolved only when it is compiled into
/// such a statement.
#[derive(Debug)]
struct Firing {
    /// The table or view whose triggers they are.
    owner: String,
    /// The column that is changed, where one is.
    column: Option<String>,
    statement: String,
}

impl Firing {
    /// One for every change that a trigger can be about.
    fn all(connection: &mut SqliteConnection, catalogue: &Catalogue) -> QueryResult<Vec<Self>> {
        let owners = sql::lines(
            connection,
            "SELECT DISTINCT tbl_name AS line FROM main.sqlite_schema WHERE type = 'trigger'",
        )?;
        let mut all = Vec::new();
        for owner in owners {
            let name = sql::name(&owner);
            let mut add = |column: Option<&String>, statement| {
                all.push(Self {
                    owner: owner.clone(),
                    column: column.cloned(),
                    statement,
                });
            };
            add(None, format!("INSERT INTO {name} DEFAULT VALUES"));
            add(None, format!("DELETE FROM {name}"));
            let table = catalogue.tables.get(&owner);
            for column in table.iter().flat_map(|table| table.columns.keys()) {
                let value = sql::name(column);
                add(Some(column), format!("UPDATE {name} SET {value} = {value}"));
            }
        }
        Ok(all)
    }

    /// Whether what it is about is there.
    fn is_possible(&self, connection: &mut SqliteConnection) -> QueryResult<bool> {
        let owner = sql::literal(&self.owner);
        let condition = match &self.column {
            Some(column) => format!("name = {}", sql::literal(column)),
            None => "1".to_owned(),
        };
        let query =
            format!("SELECT count(*) AS number FROM pragma_table_info({owner}) WHERE {condition}");
        Ok(sql::number(connection, &query)? > 0)
    }

    /// Compiles it, without running it.
    fn compile(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<Result<(), String>, Error> {
        verdict(
            path,
            connection.batch_execute(&format!("EXPLAIN {}", self.statement)),
        )
    }
}

/// Tells a statement that makes no sense from a failure of something else, such as the disk: after that SQLite
/// may have rolled back by itself.
fn verdict(path: &Path, result: QueryResult<()>) -> Result<Result<(), String>, Error> {
    match result.map_err(|error| Error::from_diesel(path, "look at views and triggers", error)) {
        Ok(()) => Ok(Ok(())),
        Err(Error {
            kind: ErrorKind::Query { source, .. },
            ..
        }) => Ok(Err(source.to_string())),
        Err(other) => Err(other),
    }
}

/// Resolves what a view refers to.
fn read(
    connection: &mut SqliteConnection,
    path: &Path,
    view: &str,
) -> Result<Result<(), String>, Error> {
    let query = format!("SELECT 1 FROM {} LIMIT 0", sql::name(view));
    verdict(path, connection.batch_execute(&query))
}

/// Resolves every view and trigger, as SQLite does whenever a column is renamed.
fn resolve_all(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Result<(), String>, Error> {
    let resolved = connection.batch_execute(
        "SAVEPOINT usability; CREATE TABLE _degenbot_probe (a); \
         ALTER TABLE _degenbot_probe RENAME COLUMN a TO b",
    );
    let resolved = verdict(path, resolved)?;
    let undone = connection.batch_execute("ROLLBACK TO usability; RELEASE usability");
    verdict(path, undone)?.map_err(|detail| ErrorKind::Damaged { detail }.at(path))?;
    Ok(resolved)
}

/// Fails if a foreign key refers to a table that `is_gone`, from a table that is not: rows could not be
/// written to that one any more.
pub(crate) fn require_no_dangling(
    path: &Path,
    catalogue: &Catalogue,
    is_gone: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let mut objects = Vec::new();
    for (name, table) in &catalogue.tables {
        let dangling = table.foreign_keys.iter().find(|key| is_gone(&key.table));
        if let Some(key) = dangling.filter(|_| !is_gone(name)) {
            objects.push(format!("table {name} (refers to {})", key.table));
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::ObjectsLost { objects }.at(path))
}
