//! Readers: the user's views and triggers that read a column.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::firing;
use crate::database::migration::objects::readable_objects;
use crate::database::migration::working::Present;
use crate::database::structure::sql_name;
use crate::sqlite::authorizer::{Access, AccessKind};

/// The views and triggers that read a column, each as `view NAME`. One that reads a view which does so is among them.
pub(super) fn readers(
    connection: &mut SqliteConnection,
    path: &Path,
    table: &str,
    column: &str,
) -> Result<Vec<String>, Error> {
    let present = Present::new(readable_objects(connection)?);
    let views = present.others.iter().filter(|object| object.kind == "view");
    let objects: Vec<_> = views.chain(&present.triggers).collect();
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let mut copy = present.copy(path)?;
    let mut compiler = copy.compiler(path);
    let reads = |access: &Access| {
        sql_name::is_same(&access.table, table)
            && matches!(&access.kind, AccessKind::Read(read) if sql_name::is_same(read, column))
    };
    let mut found = Vec::new();
    for object in objects {
        let accesses = if object.kind == "view" {
            let query = format!("SELECT 1 FROM main.{} LIMIT 0", sql::name(&object.name));
            compiler.accesses(&query)?.unwrap_or_default()
        } else {
            firing::accesses(&mut compiler, object)?
        };
        if accesses.iter().any(reads) {
            found.push(format!("{} {}", object.kind, object.name));
        }
    }
    Ok(found)
}
