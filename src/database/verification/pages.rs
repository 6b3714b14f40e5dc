//! SQLite's own checks of pages, indexes and foreign keys, with its messages sorted by table.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::not_checked::NotChecked;
use crate::database::progress::Stage;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::checker::Checker;
use crate::database::verification::file_check::{Remark, check_file, is_about_a_value};
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::database::verification::rule::Rule;
use crate::database::verification::values;
use crate::sqlite::prepared::Bound;

/// The largest number of messages that SQLite returns.
const MESSAGES: u64 = 100_000;

/// Checks that the pages are sound, and that the indexes match their tables. Uses the connection up: see [`check_file`].
pub(super) fn check_integrity(checker: &mut Checker<'_>) -> Result<(), Error> {
    checker.tell(Stage::Verifying, 0, 0)?;
    let owners = Owners::read(checker);
    let (statements, path, quick) = (checker.statements, checker.path, checker.quick);
    let check = if quick {
        IntegrityCheck::Quick
    } else {
        IntegrityCheck::Full
    };
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

/// Checks that every foreign key references an existing row.
pub(super) fn check_foreign_keys(checker: &mut Checker<'_>) -> Result<(), Error> {
    let ours = &SchemaVersion::latest().catalogue().tables;
    for table in checker.catalogue.tables.keys() {
        checker.tell(Stage::Verifying, 0, 0)?;
        if ours.contains_key(table) {
            checker.attempt(Some(table), "foreign keys", |checker| {
                check_keys_of(checker, table)
            })?;
        } else if let Err(error) = check_keys_of(checker, table) {
            // A key in a table of the user's own may reference columns that no foreign key can reference.
            let error = error.at(checker.path, "check foreign keys");
            match error.kind.rejection() {
                Some(source) => checker
                    .findings
                    .add(Rule::NotChecked, Some(table), None, || {
                        format!("foreign keys: {source}")
                    }),
                None => checker.attempt(Some(table), "foreign keys", |_| Err(error))?,
            }
        }
    }
    Ok(())
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
