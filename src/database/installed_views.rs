//! Views that are installed in a database: ordinary views, which every program sees.
//!
//! A view is known as one of this program by a mark, a comment in its text. SQLite keeps the text as it is, also where it
//! follows a table that gets another name. The exact text would say less: it differs between the versions of the schema, and a
//! later release may improve it.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::connection::read_only::read_without_trace;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::recognition::recognise::recognise_connection;
use crate::database::reports::views::{DatabaseView, views_of};
use crate::database::small_write::write_small;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::sql_name;
use crate::setters::setters;
use crate::sqlite::prepared::Statements;

/// The comment that marks a view as one of this program.
const MARK: &str =
    "/* made by 'degenbot database views --install': a change to it does not stay */";

/// Options for the installation and the removal of views.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ViewsOptions {
    /// The time to wait for a lock.
    pub wait: Duration,
    /// The token that cancels the operation.
    pub cancel: Option<CancelToken>,
}

setters!(ViewsOptions { wait: Duration, cancel: CancelToken => Some });

impl Default for ViewsOptions {
    fn default() -> Self {
        Self {
            wait: LOCK_TIMEOUT,
            cancel: None,
        }
    }
}

/// The installed views of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledViews {
    /// The version of the database.
    pub version: SchemaVersion,
    /// The names of the installed views.
    pub installed: Vec<String>,
    /// Whether the operation has changed the database.
    pub is_changed: bool,
}

/// A view of this program in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Installed {
    name: String,
    statement: String,
}

/// The installed views. It leaves no trace.
///
/// # Errors
///
/// [`Refused`](ErrorKind::Refused) if the database is not at a version of this program. Other kinds if it cannot be read.
pub fn find_installed_views(path: &Path) -> Result<InstalledViews, Error> {
    read_without_trace(path, |connection| {
        let version = recognise_connection(connection)?.require_version(path)?;
        Ok(InstalledViews {
            version,
            installed: names(&find(connection)?),
            is_changed: false,
        })
    })
    .map_err(|error| error.at(path, "look for views"))
}

/// Makes the views of [`list_database_views`](crate::database::list_database_views) ordinary views of the database. Those that
/// are installed already are brought up to date.
///
/// Upgrades and downgrades of this program make them anew for the new version. A program that rebuilds a table itself, as
/// Alembic does in batch mode, fails while a view reads the table.
///
/// # Errors
///
/// - [`ViewNamesTaken`](ErrorKind::ViewNamesTaken) if objects of the user have names of the views;
/// - [`ViewsInUse`](ErrorKind::ViewsInUse) if triggers of the user are on a view that has to be made anew;
/// - [`Refused`](ErrorKind::Refused) if the database is not at a version of this program;
/// - another kind if the database cannot be written to.
pub fn install_database_views(
    path: &Path,
    options: &ViewsOptions,
) -> Result<InstalledViews, Error> {
    write(path, options, |connection, version| {
        let wanted = statements(version);
        let installed = find(connection)?;
        if installed == wanted {
            return Ok(false);
        }
        let taken = taken_names(connection, &wanted)?;
        if !taken.is_empty() {
            return Err(ErrorKind::ViewNamesTaken { objects: taken }.at(path));
        }
        let renewed: Vec<_> = installed
            .into_iter()
            .filter(|view| !wanted.contains(view))
            .collect();
        refuse_users(path, triggers_on(connection, &renewed)?)?;
        drop_views(connection, &renewed)?;
        let here = find(connection)?;
        for view in wanted.iter().filter(|view| !here.contains(view)) {
            connection.batch_execute(&view.statement)?;
        }
        Ok(true)
    })
}

/// Removes the installed views. Views of the user stay, whatever their names.
///
/// # Errors
///
/// - [`ViewsInUse`](ErrorKind::ViewsInUse) if triggers or views of the user use one of the views;
/// - [`Refused`](ErrorKind::Refused) if the database is not at a version of this program;
/// - another kind if the database cannot be written to.
pub fn remove_database_views(path: &Path, options: &ViewsOptions) -> Result<InstalledViews, Error> {
    write(path, options, |connection, _| {
        let installed = find(connection)?;
        refuse_users(path, users_of(connection, &installed)?)?;
        drop_views(connection, &installed)?;
        Ok(!installed.is_empty())
    })
}

/// Runs `operate`, which returns whether it has changed anything, as a small write.
fn write(
    path: &Path,
    options: &ViewsOptions,
    operate: impl Fn(&mut SqliteConnection, SchemaVersion) -> Result<bool, Error>,
) -> Result<InstalledViews, Error> {
    let operate = |connection: &mut SqliteConnection| {
        let version = recognise_connection(connection)?.require_version(path)?;
        let is_changed = operate(connection, version)?;
        Ok(InstalledViews {
            version,
            installed: names(&find(connection)?),
            is_changed,
        })
    };
    let cancel = options.cancel.as_ref();
    write_small(path, options.wait, cancel, operate, |_, error| error)
}

/// The installed views of a database that is about to be migrated.
#[derive(Debug)]
pub(crate) struct SetAside(Vec<Installed>);

impl SetAside {
    /// Drops the installed views, so that a migration does not meet them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ViewsInUse`] if objects of the user use them. SQLite refuses to change tables while a view reads one that is
    /// missing.
    pub(crate) fn of(connection: &mut SqliteConnection, path: &Path) -> Result<Self, Error> {
        let installed = find(connection)?;
        refuse_users(path, users_of(connection, &installed)?)?;
        drop_views(connection, &installed)?;
        Ok(Self(installed))
    }

    /// Whether an object of the database was one of these views.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|view| sql_name::is_same(&view.name, name))
    }

    /// Makes the views anew for the version to which the migration has led. Returns the names of those that are gone, because
    /// the version lacks their tables.
    pub(crate) fn restore(
        self,
        connection: &mut SqliteConnection,
        version: SchemaVersion,
    ) -> Result<Vec<String>, Error> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = statements(version);
        let taken = taken_names(connection, &wanted)?;
        for view in &wanted {
            let is_taken = |object: &String| object.ends_with(&format!(" {}", view.name));
            if let Some(object) = taken.iter().find(|object| is_taken(object)) {
                log::warn!(
                    "The view {} is not installed: {object} is your own",
                    view.name
                );
            } else {
                connection.batch_execute(&view.statement)?;
            }
        }
        let gone: Vec<_> = (self.0.into_iter())
            .filter(|view| wanted.iter().all(|wanted| wanted.name != view.name))
            .collect();
        Ok(names(&gone))
    }
}

fn names(views: &[Installed]) -> Vec<String> {
    views.iter().map(|view| view.name.clone()).collect()
}

/// The views of a version as they are installed, in the order of their names.
fn statements(version: SchemaVersion) -> Vec<Installed> {
    let mut views: Vec<_> = views_of(version)
        .views
        .iter()
        .map(|view| {
            let DatabaseView { name, .. } = view;
            Installed {
                name: (*name).to_owned(),
                statement: format!("CREATE VIEW {name} AS {MARK}\n{}", view.select()),
            }
        })
        .collect();
    views.sort_by(|a, b| a.name.cmp(&b.name));
    views
}

/// The installed views, in the order of their names.
fn find(connection: &mut SqliteConnection) -> QueryResult<Vec<Installed>> {
    let query = format!(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'view' AND instr(sql, {}) > 0 \
         AND lower(name) IN ({}) ORDER BY name",
        sql::literal(MARK),
        lower_names(&statements(SchemaVersion::latest()))
    );
    let mut rows = Statements::of(connection)?.prepare(&query)?;
    let mut views = Vec::new();
    while rows.step()? {
        let [name, statement] = [0, 1].map(|column| rows.column(column).to_text());
        views.push(Installed { name, statement });
    }
    Ok(views)
}

fn drop_views(connection: &mut SqliteConnection, views: &[Installed]) -> QueryResult<()> {
    for view in views {
        connection.batch_execute(&format!("DROP VIEW main.{}", sql::name(&view.name)))?;
    }
    Ok(())
}

/// The objects of the user that have a name of these views. Tables, indexes and views share one namespace.
fn taken_names(connection: &mut SqliteConnection, views: &[Installed]) -> QueryResult<Vec<String>> {
    sql::lines(
        connection,
        &format!(
            "SELECT type || ' ' || name FROM main.sqlite_schema WHERE type <> 'trigger' AND lower(name) IN ({}) \
             AND NOT (type = 'view' AND instr(sql, {}) > 0) ORDER BY name",
            lower_names(views),
            sql::literal(MARK)
        ),
    )
}

/// The triggers on these views. SQLite drops them with their view.
fn triggers_on(connection: &mut SqliteConnection, views: &[Installed]) -> QueryResult<Vec<String>> {
    sql::lines(
        connection,
        &format!(
            "SELECT 'trigger ' || name FROM main.sqlite_schema WHERE type = 'trigger' \
             AND lower(tbl_name) IN ({}) ORDER BY name",
            lower_names(views)
        ),
    )
}

/// The triggers on these views, and the views and triggers whose text has the name of one. All are the user's.
fn users_of(connection: &mut SqliteConnection, views: &[Installed]) -> QueryResult<Vec<String>> {
    let mentions = views.iter().map(|view| {
        let name = sql::literal(&view.name.to_ascii_lowercase());
        format!("instr(lower(sql), {name}) > 0")
    });
    let mentions: Vec<_> = std::iter::once("0".to_owned()).chain(mentions).collect();
    sql::lines(
        connection,
        &format!(
            "SELECT type || ' ' || name FROM main.sqlite_schema WHERE type IN ('view', 'trigger') \
             AND NOT (type = 'view' AND lower(name) IN ({})) AND ({}) ORDER BY name",
            lower_names(views),
            mentions.join(" OR ")
        ),
    )
}

fn lower_names(views: &[Installed]) -> String {
    let names = views
        .iter()
        .map(|view| sql::literal(&view.name.to_ascii_lowercase()));
    names.collect::<Vec<_>>().join(", ")
}

fn refuse_users(path: &Path, objects: Vec<String>) -> Result<(), Error> {
    if objects.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::ViewsInUse { objects }.at(path))
}
