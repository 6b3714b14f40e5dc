//! Conflict clauses: OR IGNORE, OR REPLACE and ON CONFLICT in the user's triggers. They count on unique keys: without
//! one, rows appear twice, and with a new one, rows stay out.

use std::collections::BTreeSet;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::bytecode::Program;
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;

/// The unique keys that tables have only before or only after a migration.
#[derive(Debug)]
pub(super) struct UniqueKeys {
    gone: Vec<UniqueKey>,
    added: Vec<UniqueKey>,
}

#[derive(Debug)]
struct UniqueKey {
    /// As `TABLE(COLUMN, COLUMN)`.
    name: String,
    /// The page at which its index begins.
    root: String,
    /// What SQLite names if a row violates it.
    violation: String,
    /// The columns, sorted.
    columns: BTreeSet<String>,
}

impl UniqueKeys {
    pub(super) fn changed(
        old: &mut Compiler<'_>,
        new: &mut Compiler<'_>,
        objects: &[Object],
    ) -> Result<Self, Error> {
        let (mut gone, mut added) = (Vec::new(), Vec::new());
        for (table, _) in new.remaining_tables(objects)? {
            let before = UniqueKey::all(old, table)?;
            let after = UniqueKey::all(new, table)?;
            let beyond = |key: &UniqueKey, others: &[UniqueKey]| {
                others.iter().all(|other| other.columns != key.columns)
            };
            let is_gone: Vec<_> = before.iter().map(|key| beyond(key, &after)).collect();
            added.extend(after.into_iter().filter(|key| beyond(key, &before)));
            let mut is_gone = is_gone.into_iter();
            gone.extend(before.into_iter().filter(|_| is_gone.next() == Some(true)));
        }
        Ok(Self { gone, added })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.added.is_empty()
    }

    /// Why a trigger would add rows that it did not add before, if it would.
    pub(super) fn relied_on_before(&self, program: &Program) -> Option<String> {
        let key = UniqueKey::used(&self.gone, program)?;
        Some(format!(
            "counts on the unique key {}, which would go",
            key.name
        ))
    }

    /// Why a trigger would ignore or replace rows that it did not before, if it would.
    pub(super) fn relied_on_after(&self, program: &Program) -> Option<String> {
        let key = UniqueKey::used(&self.added, program)?;
        Some(format!(
            "ignores or replaces rows by unique keys, and {} would become one",
            key.name
        ))
    }
}

impl UniqueKey {
    fn all(compiler: &mut Compiler<'_>, table: &str) -> Result<Vec<Self>, Error> {
        let query = format!(
            "SELECT s.rootpage || ' ' || i.name AS line FROM pragma_index_list({}) AS i JOIN sqlite_schema AS s \
             ON s.type = 'index' AND s.name = i.name WHERE i.\"unique\"",
            sql::literal(table)
        );
        let mut keys = Vec::new();
        for line in compiler.lines(&query)?.unwrap_or_default() {
            let Some((root, index)) = line.split_once(' ') else {
                continue;
            };
            let query = format!(
                "SELECT name AS line FROM pragma_index_info({})",
                sql::literal(index)
            );
            let columns = compiler.lines(&query)?.unwrap_or_default();
            let named: Vec<_> = columns.iter().map(|it| format!("{table}.{it}")).collect();
            keys.push(Self {
                name: format!("{table}({})", columns.join(", ")),
                root: root.to_owned(),
                violation: named.join(", "),
                columns: columns.iter().map(|it| it.to_ascii_lowercase()).collect(),
            });
        }
        Ok(keys)
    }

    fn used<'keys>(keys: &'keys [Self], program: &Program) -> Option<&'keys Self> {
        keys.iter()
            .find(|key| program.conflict_clauses(&key.root, &key.violation) > 0)
    }
}
