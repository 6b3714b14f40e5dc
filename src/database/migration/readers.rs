//! Readers: what of the user's own reads a table or a column.

use std::path::Path;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::firing;
use crate::database::migration::objects::Object;
use crate::database::migration::working::Present;
use crate::sqlite::authorizer::Access;

/// The views, triggers and indexes that read something, each as `view NAME`. One that reads a view which does so is among
/// them.
pub(super) fn readers(
    present: &Present,
    path: &Path,
    reads: impl Fn(&Access) -> bool,
) -> Result<Vec<String>, Error> {
    let of_kind = |kind| present.others.iter().filter(move |it| it.kind == kind);
    let objects: Vec<_> = of_kind("view")
        .chain(&present.triggers)
        .chain(of_kind("index"))
        .collect();
    let mut copy = present.copy(path)?;
    let mut compiler = copy.compiler(path);
    let mut found = Vec::new();
    for object in objects {
        let name = sql::name(&object.name);
        let accesses = match object.kind.as_str() {
            "view" => {
                let query = format!("SELECT 1 FROM main.{name} LIMIT 0");
                compiler.accesses(&query)?.unwrap_or_default()
            }
            "index" => compiler.undone(|compiler| {
                // The copy has the index already. An automatic one cannot be dropped, and has no statement.
                let _ = compiler.attempt(&format!("DROP INDEX main.{name}"))?;
                let accesses = compiler.accesses(&object.statement)?;
                Ok(accesses.unwrap_or_default())
            })?,
            // The statement that fires a trigger reads, too.
            _ => {
                let mut accesses = firing::accesses(&mut compiler, object)?;
                accesses.retain(|access| access.by.is_some());
                accesses
            }
        };
        if accesses.iter().any(&reads) {
            found.push(format!("{} {}", object.kind, object.name));
        }
    }
    Ok(found)
}

/// The names of the virtual tables whose rows are those of what they read, such as a full-text table with `content=`. What
/// they have indexed of it does not follow by itself.
pub(super) fn virtual_tables_on(
    present: &Present,
    path: &Path,
    reads: impl Fn(&Access) -> bool,
) -> Result<Vec<String>, Error> {
    let mut copy = present.copy(path)?;
    let mut compiler = copy.compiler(path);
    let mut found = Vec::new();
    for table in present.others.iter().filter(|it| it.is_virtual_table()) {
        // A module compiles its own query of the content only when it is asked for a row.
        let query = format!("SELECT * FROM main.{} LIMIT 1", sql::name(&table.name));
        let accesses = compiler.accesses_of_first_row(&query)?.unwrap_or_default();
        if accesses.iter().any(&reads) {
            found.push(table.name.clone());
        }
    }
    Ok(found)
}

/// The triggers that fire when a row is added to one of these tables.
pub(super) fn triggers_on_insert<'present>(
    present: &'present Present,
    tables: &[&str],
) -> impl Iterator<Item = &'present Object> {
    present.triggers.iter().filter(move |trigger| {
        tables.contains(&trigger.owner.as_str()) && firing::fires_at_insert(trigger)
    })
}
