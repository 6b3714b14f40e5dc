//! What a command may have done, said and left behind.

use std::collections::BTreeMap;
use std::path::Path;

use super::{BACKUP, DATABASE, SMALL, State};
use crate::support::content::{self, Rows, STAMPS};

/// What can be read of a database.
#[derive(PartialEq)]
pub struct Content {
    /// For each table its rows, if all can be read; nothing if the schema cannot be read.
    tables: Option<BTreeMap<String, Option<Rows>>>,
    /// The rowids of a table without a primary key.
    rowids: Option<Vec<String>>,
    /// What SQLite's check complains about.
    complaints: Vec<String>,
}

impl Content {
    pub fn of(path: &Path) -> Self {
        let tables = content::of_damaged(path);
        let lines = |query| content::try_lines(&mut content::connect(path), query);
        let rowids = lines("SELECT rowid AS line FROM my_rows ORDER BY rowid").ok();
        let check = "SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        let complaints = lines(check).unwrap_or_else(|error| vec![error.to_string()]);
        Self {
            tables,
            rowids,
            complaints,
        }
    }

    /// Whether `later` has all that could be read of this, and nothing else that can be read.
    fn is_in(&self, later: &Self) -> bool {
        let (Some(tables), Some(others)) = (&self.tables, &later.tables) else {
            return self.tables.is_none();
        };
        let is_kept = |(name, rows): (&String, &Option<Rows>)| match (rows, others.get(name)) {
            (Some(rows), Some(other)) => Some(rows) == other.as_ref(),
            (rows, other) => rows.is_none() && other.is_some(),
        };
        tables.len() == others.len() && tables.iter().all(is_kept) && self.rowids == later.rowids
    }

    fn is_sound(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The names of the tables of which `later` lacks rows, by the columns that both have.
    fn missing_rows(&self, later: &Self) -> Vec<&str> {
        let (Some(tables), Some(others)) = (&self.tables, &later.tables) else {
            return Vec::new();
        };
        let is_lost = |name: &&String| {
            let Some(rows) = &tables[*name] else {
                return false;
            };
            let Some(Some(other)) = others.get(*name) else {
                return !rows.rows.is_empty();
            };
            let [mut rows, mut other] = [rows.clone(), other.clone()];
            let columns = [rows.columns.clone(), other.columns.clone()];
            rows.retain_columns(|column| columns[1].iter().any(|it| it == column));
            other.retain_columns(|column| columns[0].iter().any(|it| it == column));
            rows.rows != other.rows
        };
        let names = tables
            .keys()
            .filter(|name| !STAMPS.contains(&name.as_str()));
        names.filter(is_lost).map(String::as_str).collect()
    }
}

/// One run, and what is wrong about it.
struct Judge<'run> {
    arguments: &'run [&'run str],
    before: &'run State,
    after: &'run State,
    said: &'run str,
    faults: Vec<String>,
}

/// What is wrong about a run.
pub fn faults(arguments: &[&str], before: &State, after: &State, said: &str) -> Vec<String> {
    let mut judge = Judge {
        arguments,
        before,
        after,
        said,
        faults: Vec::new(),
    };
    judge.judge_text();
    judge.judge_files();
    if judge.is_done() {
        judge.judge_success();
    }
    if judge.is_reader() || !(judge.is_done() || judge.tells_of_change()) {
        judge.judge_unchanged();
    }
    judge.faults
}

impl Judge<'_> {
    fn check(&mut self, holds: bool, fault: &str) {
        if !holds {
            self.faults.push(fault.to_owned());
        }
    }

    fn verb(&self) -> &str {
        self.arguments[1]
    }

    fn is_done(&self) -> bool {
        self.said.starts_with("status: 0\n")
    }

    /// Whether the command says that it failed after its work.
    fn tells_of_change(&self) -> bool {
        self.said.contains("The change itself was made.")
    }

    fn is_reader(&self) -> bool {
        ["info", "verify", "list"].contains(&self.verb()) || self.arguments.contains(&"--dry-run")
    }

    fn judge_text(&mut self) {
        let has_findings = self.verb() == "verify" && self.said.starts_with("status: 3\n");
        let is_known = self.is_done() || self.said.starts_with("status: 1\n") || has_findings;
        self.check(is_known, "the exit status");
        self.check(!self.said.contains("panicked"), "a panic");
        // A JSON document is for programs, which may get every letter.
        let is_json = self.arguments.contains(&"--json");
        let is_raw = |c: char| c.is_control() || (!is_json && is_directing(c));
        let is_text = self.said.chars().all(|c| c == '\n' || !is_raw(c));
        self.check(is_text, "a raw control character");
        let is_false = !self.is_done() && self.said.contains("is sound.");
        self.check(!is_false, "a false statement");
    }

    /// Only what a command is for may be new.
    fn judge_files(&mut self) {
        let (before, after) = (&self.before.files, &self.after.files);
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            let is_kept = [".pre-restore", ".pre-upgrade"]
                .iter()
                .any(|suffix| name.ends_with(suffix));
            let is_target = match name.as_str() {
                BACKUP => self.verb() == "backup" && self.is_done(),
                SMALL => self.verb() == "compact" && self.is_done(),
                _ => is_kept && self.said.contains(name.as_str()),
            };
            self.check(is_target, &format!("{name} was left behind"));
        }
        if self.verb() != "backup" {
            let is_same = before.get(BACKUP) == after.get(BACKUP);
            self.check(is_same, "the backup was changed");
        }
    }

    fn judge_unchanged(&mut self) {
        let (old, new) = self.database();
        let is_kept = match &old.tables {
            Some(_) => old.is_in(new),
            None => self.before.files[DATABASE] == self.after.files[DATABASE],
        };
        self.check(is_kept, "the database was changed");
        if self.is_reader() {
            let is_same = self.before.files == self.after.files;
            self.check(is_same, "a command that only reads has written");
        }
    }

    /// The database before and after.
    fn database(&self) -> (&Content, &Content) {
        (
            &self.before.databases[DATABASE],
            &self.after.databases[DATABASE],
        )
    }

    fn judge_success(&mut self) {
        let (before, after) = (self.before, self.after);
        let (old, new) = (&before.databases[DATABASE], &after.databases[DATABASE]);
        match self.verb() {
            "verify" => self.check(old.is_sound(), "SQLite finds what verify does not"),
            "backup" => {
                let copy = &after.databases[BACKUP];
                self.check(old.is_in(copy), "the backup has other rows");
                let is_checked = self.arguments.contains(&"full");
                self.check(
                    !is_checked || copy.is_sound(),
                    "a checked backup is damaged",
                );
            }
            "compact" => {
                let copy = after.databases.get(SMALL).unwrap_or(new);
                self.check(old.is_in(copy), "the compact copy has other rows");
            }
            "restore" => {
                let is_restored = before.databases[BACKUP].is_in(new);
                self.check(is_restored, "restored something else");
                self.check(new.is_sound(), "restored a damaged backup");
            }
            "reset" => self.check(new.is_sound(), "the new database is damaged"),
            // A rebuild gives rows other ids and columns.
            "upgrade"
                if after
                    .files
                    .keys()
                    .any(|name| name.ends_with(".pre-upgrade")) => {}
            "upgrade" | "activate" | "deactivate" => {
                let mut lost = old.missing_rows(new);
                lost.retain(|name| !["exchanges", "pool_managers"].contains(name));
                self.check(lost.is_empty(), &format!("rows of {lost:?} are lost"));
            }
            _ => {}
        }
    }
}

/// Whether a letter changes how a terminal shows those beside it.
fn is_directing(c: char) -> bool {
    ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'].contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}
