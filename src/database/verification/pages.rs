//! SQLite's own checks of pages, indexes and foreign keys, with its messages sorted by table.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::not_checked::NotChecked;
use crate::database::progress::Stage;
use crate::database::structure::catalogue::{Affinity, Table};
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::btree::trees;
use crate::database::verification::btree::trees::Trees;
use crate::database::verification::checker::{Checker, damage};
use crate::database::verification::crew::Part;
use crate::database::verification::file_check::{Remark, check_file, cut, is_about_a_value};
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::database::verification::plan::Plan;
use crate::database::verification::relations;
use crate::database::verification::rule::Rule;
use crate::database::verification::values;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::pages::PagePlaces;
use crate::sqlite::prepared::{Bound, Statements};

/// The largest number of messages that SQLite returns.
const MESSAGES: u64 = 100_000;

/// Checks that the pages are sound, and that the indexes match their tables. Uses the connection up: see [`check_file`].
pub(super) fn check_integrity(checker: &mut Checker<'_>) -> Result<(), Error> {
    checker.tell(Stage::Verifying, 0, 0)?;
    checker.forget_pages()?;
    let owners = Owners::read(checker);
    let (statements, path, quick) = (checker.statements, checker.path, checker.quick);
    let check = check_of(quick);
    let mut messages = 0;
    let findings = &mut checker.findings;
    let mut report = |remark: Remark<'_>| {
        match remark {
            Remark::Problem(message) => {
                messages += 1;
                let table = owners.of(message);
                let has_rule = table.is_some_and(|table| values::is_checked(table, quick));
                if !(is_about_a_value(message) && has_rule) {
                    findings.add(Rule::Integrity, table, None, || message.to_owned());
                }
            }
            Remark::NotChecked(NotChecked { table, reason }) => {
                findings.add(Rule::NotChecked, table.as_deref(), None, || reason);
            }
        }
        ControlFlow::Continue(())
    };
    let done = check_file(statements, path, check.pragma(), MESSAGES, &mut report);
    if messages >= MESSAGES {
        log::warn!("SQLite reports at most {MESSAGES} problems; there may be more");
    }
    checker.attempt(None, "the rest of the file", |_| done)
}

/// Reads the b-trees of the file, for the check of them that threads share. `None` if only SQLite's check covers all of it:
/// if its schema uses what only the user's program defines, or has virtual tables, or if the file lacks its end.
pub(super) fn read_trees(
    statements: Statements<'_>,
    path: &Path,
    places: &PagePlaces,
    quick: bool,
) -> Option<Trees> {
    let read = || -> Result<Option<Trees>, Error> {
        let mut virtual_tables = statements
            .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND rootpage = 0")?;
        if virtual_tables.step()? || cut(statements, path)?.is_some() {
            return Ok(None);
        }
        let Some(roots) = trees::roots(statements, check_of(quick).pragma())? else {
            return Ok(None);
        };
        Ok(Trees::read(statements, places, &roots, quick)?)
    };
    read().unwrap_or_else(|error| {
        log::debug!("SQLite's own check of the file follows: {error}");
        None
    })
}

/// The part of the work in which SQLite checks those tables alone that the shared check leaves to it.
pub(super) fn check_others<'plan>(
    trees: &'plan Trees,
    quick: bool,
    are_suspect: &'plan AtomicBool,
) -> Part<'plan> {
    let pragma = check_of(quick).pragma();
    let mut part = Part::new(|_| {
        are_suspect.store(true, Relaxed);
        Ok(())
    });
    // Without a table, there is nothing to look at, and the part would run.
    part = part.after(|_| Ok(false));
    for table in trees.others() {
        part = part.after(move |checker| {
            checker.tell(Stage::Verifying, 0, 0)?;
            match trees::is_sound_alone(checker.statements, pragma, table) {
                Ok(is_sound) => Ok(!is_sound),
                Err(error) => {
                    damage(Error::from(error).at(checker.path, "check the database"))?;
                    Ok(true)
                }
            }
        });
    }
    part
}

const fn check_of(quick: bool) -> IntegrityCheck {
    if quick {
        IntegrityCheck::Quick
    } else {
        IntegrityCheck::Full
    }
}

/// Finds the table that a message is about.
#[derive(Default)]
struct Owners {
    /// The tables by the name of an index or a table.
    names: BTreeMap<String, String>,
    /// The tables by the root page of a tree.
    roots: BTreeMap<String, String>,
}

impl Owners {
    /// Reads the names and root pages. The result is empty if the structure cannot be read.
    fn read(checker: &Checker<'_>) -> Self {
        let mut owners = Self::default();
        let sql = "SELECT name, tbl_name, rootpage FROM sqlite_schema WHERE rootpage > 0";
        if let Ok(mut statement) = checker.statements.prepare(sql) {
            while let Ok(true) = statement.step() {
                let [name, table, root] =
                    [0, 1, 2].map(|column| statement.column(column).to_text());
                owners.names.insert(name, table.clone());
                owners.roots.insert(root, table);
            }
        }
        owners
    }

    fn of(&self, message: &str) -> Option<&str> {
        let words: Vec<_> = message.split_whitespace().collect();
        let owner = match words.as_slice() {
            ["Tree" | "Page", page, ..] => self.roots.get(page.trim_end_matches(':')),
            [.., "index", name] => self.names.get(*name),
            [.., "in", column] => {
                let table = column.split('.').next().unwrap_or(column);
                self.names.get(table)
            }
            _ => None,
        };
        owner.map(String::as_str)
    }
}

/// Plans the checks that every foreign key references an existing row.
pub(super) fn plan_foreign_keys(plan: &mut Plan<'_, '_>) {
    for (table, described) in &plan.catalogue.tables {
        let mut part = Part::new(move |checker| check_foreign_keys_of(checker, table));
        if let Some(condition) = condition_of_broken_keys(table, described, plan) {
            if condition.is_empty() {
                // There are no keys.
                continue;
            }
            if let Some(table) = liquidity_table(table, described, plan) {
                let suspicion = Arc::default();
                part = part.on(&suspicion);
                plan.has_no_pool.insert(table, suspicion);
            } else {
                let look: Arc<str> = format!(
                    "SELECT 1 FROM {table} AS r WHERE r.rowid BETWEEN ?1 AND ?2 AND ({condition}) LIMIT 1"
                )
                .into();
                for rowids in plan.ranges(table) {
                    let look = Arc::clone(&look);
                    part = part.after(move |checker| checker.has_row(&look, Some(rowids)));
                }
            }
        }
        plan.parts.push(part);
    }
}

/// The name of a table with liquidity, if its only key is that of its pool, and if the liquidity is checked.
fn liquidity_table(table: &str, described: &Table, plan: &Plan<'_, '_>) -> Option<&'static str> {
    let mut columns = described.foreign_keys.iter().flat_map(|key| &key.columns);
    let families = PoolFamily::ALL.into_iter();
    let family = families.filter(|family| {
        let is_key = |(column, _): &(String, String)| column == family.key();
        columns.clone().count() == 1 && columns.all(is_key)
    });
    let tables =
        family.flat_map(|family| [family.tick_columns().table, family.word_columns().table]);
    let mut tables = tables.filter(|_| !plan.quick);
    tables.find(|name| *name == table)
}

/// The condition for a row of `r` with a foreign key that references no row. `None` if a key is not that of a table of ours to
/// the id of another.
fn condition_of_broken_keys(table: &str, described: &Table, plan: &Plan<'_, '_>) -> Option<String> {
    let ours = &SchemaVersion::latest().catalogue().tables;
    ours.get(table)?;
    let conditions = described.foreign_keys.iter().map(|key| {
        let parent = ours.get_key_value(&key.table)?.0;
        let id = relations::key_of(parent);
        let column = plan.catalogue.tables.get(parent)?.columns.get(id)?;
        let [(child, referenced)] = key.columns.as_slice() else {
            return None;
        };
        let is_to_id = (referenced == id || referenced.is_empty())
            && column.primary_key == 1
            && column.affinity == Affinity::Integer;
        let child = sql::name(child);
        is_to_id.then(|| {
            format!(
                "(r.{child} NOTNULL AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE p.{id} = r.{child}))"
            )
        })
    });
    let conditions: Option<Vec<_>> = conditions.collect();
    conditions.map(|conditions| conditions.join(" OR "))
}

/// Checks that every foreign key references an existing row.
pub(super) fn check_foreign_keys(checker: &mut Checker<'_>) -> Result<(), Error> {
    let catalogue = checker.catalogue;
    let mut tables = catalogue.tables.keys();
    tables.try_for_each(|table| check_foreign_keys_of(checker, table))
}

fn check_foreign_keys_of(checker: &mut Checker<'_>, table: &str) -> Result<(), Error> {
    checker.tell(Stage::Verifying, 0, 0)?;
    let ours = &SchemaVersion::latest().catalogue().tables;
    if ours.contains_key(table) {
        return checker.attempt(Some(table), "foreign keys", |checker| {
            check_keys_of(checker, table)
        });
    }
    let Err(error) = check_keys_of(checker, table) else {
        return Ok(());
    };
    // A key in a table of the user's own may reference columns that no foreign key can reference.
    let error = error.at(checker.path, "check foreign keys");
    match error.kind.rejection() {
        Some(source) => {
            checker
                .findings
                .add(Rule::NotChecked, Some(table), None, || {
                    format!("foreign keys: {source}")
                });
            Ok(())
        }
        None => checker.attempt(Some(table), "foreign keys", |_| Err(error)),
    }
}

fn check_keys_of(checker: &mut Checker<'_>, table: &str) -> Result<(), Error> {
    let statements = checker.statements;
    let name = sql::name(table);
    let mut violations = statements.prepare(&format!("PRAGMA foreign_key_check({name})"))?;
    while violations.step()? {
        let [rowid, key] = [1, 3].map(|column| violations.column(column).as_integer());
        let parent = violations.column(2);
        checker
            .findings
            .add(Rule::ForeignKey, Some(table), rowid, || {
                let value = rowid.zip(key).and_then(|(rowid, key)| {
                    let mut columns = statements
                        .prepare(
                            "SELECT \"from\" FROM pragma_foreign_key_list(?1) WHERE id = ?2 AND seq = 0",
                        )
                        .ok()?;
                    columns
                        .query(&[Bound::Text(table), Bound::Integer(key)])
                        .ok()?;
                    columns.step().ok().filter(|found| *found)?;
                    let column = columns.column(0).to_text();
                    let mut row = statements
                        .prepare(&format!(
                            "SELECT {} FROM {name} WHERE rowid = ?1",
                            sql::name(&column)
                        ))
                        .ok()?;
                    row.query(&[Bound::Integer(rowid)]).ok()?;
                    row.step().ok().filter(|found| *found)?;
                    Some(format!("{column} {}", row.column(0).shown()))
                });
                format!(
                    "{} is not in {}",
                    value.as_deref().unwrap_or("what it refers to"),
                    parent.to_text()
                )
            });
    }
    Ok(())
}
