//! SQLite's check of a whole file, arranged so that no part is left out unnoticed.
//!
//! By itself, SQLite leaves parts out in four cases, all due to objects of the user's own:
//!
//! - The check fails as a whole if the schema uses a collation or a function that only the user's program defines.
//!   Stand-ins take their place, and what depends on them is reported as not checked.
//! - It passes over a virtual table whose module is unknown, and ends at one that cannot be opened. So each virtual table
//!   is checked alone.
//! - On a connection that only reads the file, SQLite forgets all CHECK constraints when it reads the schema
//!   (`sqlite3AddCheckConstraint`). There, queries take their place.
//! - The check leaves out the list of free pages, the pages that nothing uses, and a part of the pointer map if the
//!   first of the root pages that it goes through is 0 (`sqlite3BtreeIntegrityCheck`). That is so if the schema's hash
//!   table begins with a view or a virtual table. `EXPLAIN` shows the root pages. The schema is then read anew with
//!   imposter tables in the place of views and virtual tables, because the check passes over imposters.

use std::ffi::c_int;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use diesel::prelude::*;
use libsqlite3_sys as ffi;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::not_checked::NotChecked;
use crate::database::files::cut_file;
use crate::database::files::database_file::DatabaseFile;
use crate::database::verification::check_constraints;
use crate::database::verification::checker::damage;
use crate::sqlite::prepared::{Bound, Statements};
use crate::sqlite::raw_connection::SqliteError;

/// A result of the check.
pub(super) enum Remark<'text> {
    /// A problem, in SQLite's words.
    Problem(&'text str),
    /// A part that could not be checked.
    NotChecked(NotChecked),
}

/// Receives the remarks, and says whether to continue.
pub(super) type Report<'report> = dyn FnMut(Remark<'_>) -> ControlFlow<()> + 'report;

/// Whether a message is about the type of a value, which the rules about values check as well.
pub(super) fn is_about_a_value(message: &str) -> bool {
    ["NULL", "NUMERIC", "TEXT"].iter().any(|what| {
        message
            .strip_prefix(what)
            .is_some_and(|m| m.starts_with(" value in "))
    })
}

/// Checks the file of a connection, which is in a read transaction. Reports at most about `limit` problems. `pragma` is
/// `quick_check` or `integrity_check`.
///
/// The connection may be used only for this check afterwards: it may have stand-ins.
pub(super) fn check_file(
    statements: Statements<'_>,
    path: &Path,
    pragma: &'static str,
    limit: u64,
    report: &mut Report<'_>,
) -> Result<(), Error> {
    let mut check = FileCheck {
        statements,
        path,
        pragma,
        unknown: Unknown::default(),
        constraints: Vec::new(),
        has_imposters: false,
        report,
    };
    if let Some(problem) = cut(statements, path)?
        && (check.report)(Remark::Problem(&problem)).is_break()
    {
        return Ok(());
    }
    // The check itself says more about a page than an error while it is read.
    statements.execute("PRAGMA cell_size_check = OFF")?;
    let done = check.run_all(limit);
    if check.has_imposters {
        statements.forget_schema();
    }
    done.map(drop)
}

/// The problem of a file that lacks its last bytes. The log may hold them if there is one. If the sizes cannot be read, the
/// check itself says why.
pub(super) fn cut(statements: Statements<'_>, path: &Path) -> Result<Option<String>, Error> {
    let sizes = || -> QueryResult<Option<(u64, u64)>> {
        let sizes = "SELECT page_count, page_size FROM pragma_page_count, pragma_page_size";
        let mut row = statements.prepare(sizes)?;
        if !row.step()? {
            return Ok(None);
        }
        let size = |column| u64::try_from(row.column(column).as_integer()?).ok();
        Ok(size(0).zip(size(1)))
    };
    let sizes = match sizes() {
        Ok(sizes) => sizes,
        Err(error) => {
            damage(Error::from_diesel(path, "check the database", error))?;
            None
        }
    };
    let path = statements.database_path();
    // A database in memory has no file.
    let (Some((pages, page_size)), Ok(metadata)) = (sizes, fs::metadata(&path)) else {
        return Ok(None);
    };
    if DatabaseFile::at(&path).log_bytes() > 0 {
        return Ok(None);
    }
    Ok(cut_file::problem(metadata.len(), pages, page_size))
}

/// SQLite's result code, if a message of the check of all pages says that the check could not read a page. Those messages have
/// no names in them.
fn interruption(message: &str) -> Option<c_int> {
    /// What else the list of free pages or of overflow pages could not be read for. Its messages have no code. A read that
    /// fails is noticed before (see [`Error::of_failed_read`]), where the system's calls are recorded.
    const WITHOUT_CODE: c_int = if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        ffi::SQLITE_NOMEM
    } else {
        ffi::SQLITE_ERROR
    };
    let (_, code) = message
        .rsplit_once("unable to get the page. error code=")
        .unwrap_or_default();
    let code = code.parse().ok().or_else(|| {
        let is_without = message.contains("failed to get page ");
        is_without.then_some(WITHOUT_CODE)
    })?;
    (code & 0xff != ffi::SQLITE_CORRUPT).then_some(code)
}

/// SQLite's message if it has no other.
const UNEXPLAINED: &str = "SQL logic error";

/// What SQLite would check.
enum Scope {
    Whole,
    Partial,
    /// Nothing, for this reason.
    Nothing(String),
}

/// What the schema uses and the connection lacks.
#[derive(Default)]
struct Unknown {
    /// The tables that use it, each with SQLite's reason.
    tables: Vec<(String, String)>,
    /// The indexes of these tables whose entries depend on it.
    indexes: Vec<String>,
    collations: Vec<String>,
    functions: Vec<String>,
}

impl Unknown {
    /// Adds a table. The first reason counts.
    fn add(&mut self, table: String, reason: String) {
        if !self.has(&table) {
            self.tables.push((table, reason));
        }
    }

    fn has(&self, table: &str) -> bool {
        self.tables.iter().any(|(name, _)| name == table)
    }

    fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Whether a message can be wrong because it depends on a stand-in. Messages about pages never do.
    fn explains(&self, message: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let is_count =
            message.starts_with("wrong # of entries") || message.starts_with("rowid not at end");
        let of_index = self.indexes.iter().any(|index| {
            message
                .strip_suffix(index.as_str())
                .is_some_and(|rest| rest.ends_with("index "))
        });
        if of_index && !is_count {
            return true;
        }
        self.tables.iter().any(|(table, _)| {
            let is_about = |start: &str| message.strip_prefix(start) == Some(table.as_str());
            let is_about_a_value = || {
                message
                    .split_once(" value in ")
                    .and_then(|(_, column)| column.strip_prefix(table.as_str()))
                    .is_some_and(|column| column.starts_with('.'))
            };
            is_about("CHECK constraint failed in ")
                || (!self.collations.is_empty() && is_about("row not in PRIMARY KEY order for "))
                || (!self.functions.is_empty() && is_about_a_value())
        })
    }
}

struct FileCheck<'operation, 'report> {
    statements: Statements<'operation>,
    path: &'operation Path,
    pragma: &'static str,
    unknown: Unknown,
    /// The queries for rows that violate CHECK constraints, each with its table.
    constraints: Vec<(String, String)>,
    has_imposters: bool,
    report: &'operation mut Report<'report>,
}

impl FileCheck<'_, '_> {
    fn run_all(&mut self, limit: u64) -> Result<ControlFlow<()>, Error> {
        if self.check_virtual_tables()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if self.statements.is_read_only() {
            self.find_constraints()?;
        }
        let mut scope = self.scope("")?;
        if let Scope::Nothing(reason) = scope {
            self.find_unknown()?;
            scope = self.stand_in(reason)?;
            self.find_indexes()?;
        }
        if matches!(scope, Scope::Partial) {
            scope = self.leave_out_rootless()?;
        }
        // The messages that depend on stand-ins count as well.
        let limit = if self.unknown.is_empty() {
            limit
        } else {
            limit.max(10_000_000)
        };
        let left_out = match &scope {
            Scope::Whole => None,
            Scope::Partial => Some("views or virtual tables come first in its schema".to_owned()),
            Scope::Nothing(reason) => Some(reason.clone()),
        };
        let mut flow = if matches!(scope, Scope::Nothing(_)) {
            self.run_each()?
        } else {
            self.run(&limit.to_string(), None)?
        };
        if flow.is_continue() {
            flow = self.read_indexes()?;
        }
        if flow.is_continue() {
            flow = self.check_constraints()?;
        }
        if let Some(reason) = left_out
            && flow.is_continue()
        {
            let reason = format!("whether each page is used once: {reason}");
            flow = self.not_checked(None, reason);
        }
        for (table, reason) in std::mem::take(&mut self.unknown.tables) {
            if flow.is_continue() {
                flow = self.not_checked(Some(table), reason);
            }
        }
        Ok(flow)
    }

    /// Finds out what SQLite would check. `what` is the argument of the pragma, or empty.
    fn scope(&self, what: &str) -> Result<Scope, Error> {
        let argument = if what.is_empty() {
            String::new()
        } else {
            format!("({what})")
        };
        let explain = format!("EXPLAIN PRAGMA main.{}{argument}", self.pragma);
        let mut statement = match self.statements.prepare(&explain) {
            Ok(statement) => statement,
            Err(error) => return self.reason(error).map(Scope::Nothing),
        };
        let [opcode, roots] = [1, 5];
        while statement.step()? {
            if statement.column(opcode).to_text() == "IntegrityCk" {
                let roots = statement.column(roots).to_text();
                return Ok(if roots.starts_with("[0") {
                    Scope::Partial
                } else {
                    Scope::Whole
                });
            }
        }
        Ok(Scope::Partial)
    }

    /// The reason of an error that keeps a check from running. Other errors, such as a lock, are returned.
    fn reason(&self, error: diesel::result::Error) -> Result<String, Error> {
        let error = Error::from_diesel(self.path, "check the database", error);
        match error.kind.rejection() {
            Some(source) => Ok(source.to_string()),
            None => Err(error),
        }
    }

    /// The names of the tables that satisfy a condition.
    fn tables(&self, condition: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut statement = self.statements.prepare(&format!(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND {condition} ORDER BY rowid"
        ))?;
        while statement.step()? {
            names.push(statement.column(0).to_text());
        }
        Ok(names)
    }

    /// Finds the tables that SQLite cannot check.
    fn find_unknown(&mut self) -> Result<(), Error> {
        for table in self.tables("1")? {
            if let Scope::Nothing(reason) = self.scope(&sql::name(&table))? {
                self.unknown.add(table, reason);
            }
        }
        Ok(())
    }

    /// Checks each virtual table alone, and then makes SQLite forget their modules. The content of all of them is in
    /// ordinary tables, which the check of the whole file covers.
    fn check_virtual_tables(&mut self) -> Result<ControlFlow<()>, Error> {
        let tables = self.tables("rootpage = 0")?;
        for table in &tables {
            let name = sql::name(table);
            let opened = self
                .statements
                .prepare(&format!("SELECT 1 FROM main.{name}"));
            let flow = match opened {
                Ok(_) => self.run(&name, Some(table))?,
                Err(error) => self.failed(error, Some(table))?,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        if !tables.is_empty() {
            self.statements.forget_modules();
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Finds the CHECK constraints. One that SQLite cannot read is not checked.
    fn find_constraints(&mut self) -> Result<(), Error> {
        let mut tables = Vec::new();
        let mut statement = self
            .statements
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?;
        while statement.step()? {
            let [name, sql] = [0, 1].map(|column| statement.column(column).to_text());
            tables.push((name, sql));
        }
        for (table, sql) in tables {
            for constraint in check_constraints::of_table(&sql) {
                let from = sql::name(&table);
                let query =
                    format!("SELECT 1 FROM main.{from} NOT INDEXED WHERE NOT ({constraint}\n)");
                match self.statements.prepare(&query) {
                    Ok(_) => self.constraints.push((table.clone(), query)),
                    Err(error) => {
                        let reason = self.reason(error)?;
                        // The same thing has another name where SQLite reads the schema.
                        let reason = match reason.strip_prefix("no such function: ") {
                            Some(name) => format!("unknown function: {name}()"),
                            None => reason,
                        };
                        self.unknown.add(table.clone(), reason);
                    }
                }
            }
        }
        Ok(())
    }

    /// Finds the rows that violate CHECK constraints.
    fn check_constraints(&mut self) -> Result<ControlFlow<()>, Error> {
        for (table, query) in std::mem::take(&mut self.constraints) {
            let problem = format!("CHECK constraint failed in {table}");
            let mut statement = self.statements.prepare(&query)?;
            loop {
                let flow = match statement.step() {
                    Ok(true) => (self.report)(Remark::Problem(&problem)),
                    Ok(false) => break,
                    Err(error) => {
                        let flow = self.failed(error, Some(&table))?;
                        if flow.is_continue() {
                            break;
                        }
                        flow
                    }
                };
                if flow.is_break() {
                    return Ok(flow);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Defines a stand-in for each thing that is unknown, until SQLite can check the file.
    fn stand_in(&mut self, mut reason: String) -> Result<Scope, Error> {
        loop {
            let name_after = |start| reason.strip_prefix(start).map(str::to_owned);
            if let Some(name) = name_after("no such collation sequence: ")
                && !self.unknown.collations.contains(&name)
            {
                self.statements.define_collation(&name)?;
                self.unknown.collations.push(name);
            } else if let Some(name) = name_after("no such function: ")
                .or_else(|| name_after("unknown function: "))
                .map(|name| name.trim_end_matches("()").to_owned())
                && !self.unknown.functions.contains(&name)
            {
                self.statements.define_function(&name)?;
                self.unknown.functions.push(name);
            } else {
                return Ok(Scope::Nothing(reason));
            }
            match self.scope("")? {
                Scope::Nothing(next) => reason = next,
                scope => return Ok(scope),
            }
        }
    }

    /// Finds the indexes whose entries depend on a stand-in.
    fn find_indexes(&mut self) -> Result<(), Error> {
        let generated = "SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden IN (2, 3)";
        let mut generated = self.statements.prepare(generated)?;
        let mut statement = self.statements.prepare(
            "SELECT i.name, x.coll, x.cid = -2 OR i.partial \
             FROM pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS x",
        )?;
        // SQLite cannot list the columns of a virtual table whose module is gone.
        let mut ordinary = self.tables("rootpage > 0")?;
        ordinary.retain(|table| self.unknown.has(table));
        for table in &ordinary {
            let has_generated = generated.first_integer(&[Bound::Text(table)])?.is_some();
            statement.query(&[Bound::Text(table)])?;
            while statement.step()? {
                let [index, collation] = [0, 1].map(|column| statement.column(column).to_text());
                let is_computed = statement.column(2).as_integer() == Some(1);
                let stand_in = |name: &String| name.eq_ignore_ascii_case(&collation);
                if is_computed || has_generated || self.unknown.collations.iter().any(stand_in) {
                    self.unknown.indexes.push(index);
                }
            }
        }
        Ok(())
    }

    /// Leaves everything without a root page out of the schema in memory, so that a table with one is the first. What else
    /// is to be checked of virtual tables was checked before.
    fn leave_out_rootless(&mut self) -> Result<Scope, Error> {
        let mut names = Vec::new();
        let mut rootless = self.statements.prepare(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND coalesce(rootpage, 0) = 0",
        )?;
        while rootless.step()? {
            names.push(rootless.column(0).to_text());
        }
        drop(rootless);
        self.has_imposters = true;
        match self.statements.read_schema_without(&names) {
            Ok(()) => self.scope(""),
            Err(error) => {
                self.reason(error)?;
                self.statements.forget_schema();
                Ok(Scope::Partial)
            }
        }
    }

    /// Checks each table alone.
    fn run_each(&mut self) -> Result<ControlFlow<()>, Error> {
        let mut tables = self.tables("1")?;
        tables.retain(|table| !self.unknown.has(table));
        // This checks the list of free pages as well.
        tables.push("sqlite_schema".to_owned());
        for table in tables {
            if self.run(&sql::name(&table), None)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The reason why a full-text index cannot be searched. FTS5 looks for its tokenizer only when it is used, and a check
    /// that fails for want of it gives no reason.
    fn reason_of_search(&self, table: &str) -> Result<Option<String>, Error> {
        let name = sql::name(table);
        let search = format!("SELECT 1 FROM main.{name} WHERE {name} MATCH 'a'");
        let mut search = match self.statements.prepare(&search) {
            Ok(search) => search,
            // Another table has no such column.
            Err(error) => return self.reason(error).map(|_| None),
        };
        match search.step() {
            Ok(_) => Ok(None),
            Err(error) => self.reason(error).map(Some),
        }
    }

    /// Handles an error that ends the check of a table, or of the file. Other errors, such as a lock, are returned.
    fn failed(
        &mut self,
        error: diesel::result::Error,
        table: Option<&str>,
    ) -> Result<ControlFlow<()>, Error> {
        let error = Error::from_diesel(self.path, "check the database", error);
        match (&error.kind, error.kind.rejection(), table) {
            (ErrorKind::Damaged { detail, .. }, _, table) => {
                let part = table.unwrap_or("the rest");
                let problem = format!("{part} cannot be checked: {detail}");
                Ok((self.report)(Remark::Problem(&problem)))
            }
            (_, Some(source), Some(table)) => {
                let reason = match source.to_string() {
                    reason if reason == UNEXPLAINED => {
                        self.reason_of_search(table)?.unwrap_or(reason)
                    }
                    reason => reason,
                };
                self.unknown.add(table.to_owned(), reason);
                Ok(ControlFlow::Continue(()))
            }
            (_, Some(source), None) => Ok(self.not_checked(None, format!("the rest: {source}"))),
            (_, None, _) => Err(error),
        }
    }

    /// Runs SQLite's check. `what` is the largest number of problems of the whole file, or the name of a table. `table` is
    /// the table that an error concerns, if it concerns only one.
    fn run(&mut self, what: &str, table: Option<&str>) -> Result<ControlFlow<()>, Error> {
        let mut statement = self
            .statements
            .prepare(&format!("PRAGMA main.{}({what})", self.pragma))?;
        loop {
            match statement.step() {
                Ok(true) => {}
                Ok(false) => return Ok(ControlFlow::Continue(())),
                Err(error) => return self.failed(error, table),
            }
            let text = statement.column(0).to_text();
            // SQLite returns the problems of the pages as one text with a heading.
            let (is_list, text) = match text.split_once('\n') {
                Some((heading, list)) if heading.starts_with("*** in database ") => (true, list),
                _ => (false, text.as_str()),
            };
            let messages: Vec<_> = if is_list {
                text.lines().collect()
            } else {
                vec![text]
            };
            for message in messages {
                if message == "ok" || self.unknown.explains(message) {
                    continue;
                }
                if let Some(error) = Error::of_failed_read(self.path) {
                    return Err(error);
                }
                if let Some(code) = interruption(message).filter(|_| is_list) {
                    return Err(Error::from_sqlite(self.path, SqliteError::of(code)));
                }
                if (self.report)(Remark::Problem(message)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }

    /// Reads the first entry of each index. The check does not notice that the tree of an empty index is that of a table.
    fn read_indexes(&mut self) -> Result<ControlFlow<()>, Error> {
        for table in self.tables("rootpage > 0")? {
            let mut indexes = Vec::new();
            let mut list = self.statements.prepare(
                "SELECT name FROM pragma_index_list(?1) WHERE origin <> 'pk' AND NOT partial",
            )?;
            list.query(&[Bound::Text(&table)])?;
            while list.step()? {
                indexes.push(list.column(0).to_text());
            }
            for index in indexes {
                let (table, name) = (sql::name(&table), sql::name(&index));
                let first = format!("SELECT 1 FROM {table} INDEXED BY {name} LIMIT 1");
                let read = self
                    .statements
                    .prepare(&first)
                    .and_then(|mut row| row.step());
                let Err(error) = read else {
                    continue;
                };
                let error = Error::from_diesel(self.path, "check the database", error);
                let flow = match error.kind {
                    ErrorKind::Damaged { detail, .. } => {
                        (self.report)(Remark::Problem(&format!("{detail}: index {index}")))
                    }
                    // The table lacks a rowid, or another reason to read the index.
                    ref other if other.rejection().is_some() => continue,
                    _ => return Err(error),
                };
                if flow.is_break() {
                    return Ok(flow);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn not_checked(&mut self, table: Option<String>, reason: String) -> ControlFlow<()> {
        (self.report)(Remark::NotChecked(NotChecked { table, reason }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_that_could_not_be_read_is_told_from_damage() {
        let memory = Some(ffi::SQLITE_NOMEM);
        for (message, code) in [
            (
                "Tree 5 page 12: unable to get the page. error code=7",
                memory,
            ),
            (
                "Tree 5 page 12 cell 3: unable to get the page. error code=266",
                Some(ffi::SQLITE_IOERR_READ),
            ),
            (
                "Tree 5 page 12: unable to get the page. error code=11",
                None,
            ),
            (
                "Tree 5 page 12: unable to get the page. error code=267",
                None,
            ),
            (
                "Tree 5 page 12: btreeInitPage() returns error code 11",
                None,
            ),
            ("Page 7: never used", None),
        ] {
            assert_eq!(interruption(message), code, "{message}");
        }
        let without_code = interruption("Freelist: failed to get page 7");
        assert!(without_code.is_some());
        assert!(!cfg!(target_os = "linux") || without_code == memory);
    }
}
