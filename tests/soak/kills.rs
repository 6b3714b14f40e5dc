//! kill -9 at random instants: the old or the new, whole, and nothing left over after the next command.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::folder::Folder;
use crate::ledger;
use crate::support::command::{on, quietly};
use crate::support::content::{self, Content};
use crate::support::corpus::Copy;
use crate::support::generator::random::Random;
use crate::{Form, Tally};

/// A command, and what it is run on.
struct Case {
    arguments: &'static [&'static str],
    model: Folder,
    /// What the files hold before and after.
    before: BTreeMap<String, Content>,
    after: BTreeMap<String, Content>,
    /// The journal mode afterwards.
    journal_mode: String,
    /// How long the command takes.
    whole: Duration,
    killed: u32,
    /// How often the kill found the work done, seen from outside.
    done: u32,
}

/// Each failure leaves its files behind.
const ENOUGH_FAILURES: u32 = 10;

/// The database among the files of a folder.
const LIVE: &str = "degenbot.db";

/// Commands on a database of the newest version with a backup from before its last changes.
const MAINTENANCE: [&[&str]; 7] = [
    &["database", "backup", "--force"],
    &["database", "backup", "--force", "--output", "other.db"],
    &["database", "reset", "--force"],
    &["database", "restore", "--force"],
    &["database", "restore", "--force", "--no-keep"],
    &["database", "compact"],
    &["database", "compact", "--force", "--into", "small.db"],
];

/// Commands on older databases.
const MIGRATIONS: [(&str, &[&str]); 3] = [
    (
        "populated/populated-0.5.0.db",
        &["database", "upgrade", "--force"],
    ),
    (
        "populated/populated-0.5.0a2.db",
        &[
            "database",
            "upgrade",
            "--force",
            "--assume",
            "aerodrome_v2.stable=true",
        ],
    ),
    (
        "populated/populated-0.6.0a4.db",
        &["database", "downgrade", "--force", "--to", "eb4080485a56"],
    ),
];

/// Kills as many commands as the form wants. A kill has nothing to do with the next one, so a failure does
/// not keep the others from being tried.
pub fn run(form: &Form, random: &mut Random) -> Tally {
    let began = Instant::now();
    // After each kill, every cell is looked at.
    let ballast = form.ballast / 4;
    let mut cases: Vec<_> = MAINTENANCE
        .iter()
        .map(|arguments| Case::new(arguments, changed_since_backup(ballast)))
        .collect();
    cases.extend(
        MIGRATIONS
            .iter()
            .map(|(name, arguments)| Case::new(arguments, grown(name, ballast))),
    );
    let mut tally = Tally::default();
    while tally.failed < ENOUGH_FAILURES
        && (tally.passed < form.kills || began.elapsed() < form.time)
    {
        for case in &mut cases {
            match catch_unwind(AssertUnwindSafe(|| case.kill(random))) {
                Ok(killed) => tally.passed += u32::from(killed),
                Err(_) => tally.failed += 1,
            }
        }
    }
    for case in &cases {
        println!(
            "soak: degenbot {}: killed {} times within {:.0?}, {} of them when it was done",
            case.arguments.join(" "),
            case.killed,
            case.whole,
            case.done
        );
    }
    tally
}

fn changed_since_backup(ballast: u32) -> Folder {
    let folder = grown("populated/populated-0.6.0a4.db", ballast);
    let path = folder.database();
    finish(&folder, &["database", "upgrade", "--force"]);
    finish(&folder, &["database", "backup"]);
    content::connect(&path)
        .batch_execute("DELETE FROM erc20_tokens WHERE chain = 7 AND id % 3 = 0")
        .unwrap();
    folder
}

fn grown(name: &str, ballast: u32) -> Folder {
    let folder = Folder::new();
    fs::copy(Copy::of(name).path, folder.database()).unwrap();
    ledger::grow(&mut content::connect(&folder.database()), ballast);
    folder
}

fn finish(folder: &Folder, arguments: &[&str]) {
    let told = quietly(&folder.database(), arguments);
    assert!(told.starts_with("status: 0\n"), "{arguments:?}: {told}");
}

fn journal_mode(folder: &Folder) -> String {
    let info = degenbot::database::inspect_sqlite_database(&folder.database(), false);
    info.unwrap().journal_mode
}

impl Case {
    fn new(arguments: &'static [&'static str], model: Folder) -> Self {
        let done = model.copy();
        let began = Instant::now();
        finish(&done, arguments);
        let whole = began.elapsed();
        Self {
            arguments,
            before: model.contents("before"),
            after: done.contents("after"),
            journal_mode: journal_mode(&done),
            model,
            whole,
            killed: 0,
            done: 0,
        }
    }

    /// Kills the command on a copy of the model, looks at what is left, and runs it again. `false` where
    /// it had ended by itself.
    fn kill(&mut self, random: &mut Random) -> bool {
        let folder = self.model.copy();
        let instant = random.part_of(self.whole);
        let mut child = on(&folder.database(), self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // No event tells how far the other process is; the clock only spreads the instants.
        thread::sleep(instant);
        let _ = child.kill();
        if child.wait().unwrap().signal().is_none() {
            return false;
        }
        let when = format!(
            "{:?} killed after {instant:?} in {}",
            self.arguments,
            folder.path().display()
        );
        // A compaction changes no cell, so whether it was done does not show.
        let is_done = self.check(&folder, &when) && self.before != self.after;
        self.done += u32::from(is_done);
        self.killed += 1;

        finish(&folder, self.arguments);
        if is_done {
            // A command that finds nothing to do leaves the log to the next program that writes.
            content::lines(
                &mut content::connect(&folder.database()),
                "SELECT '' AS line",
            );
        }
        folder.assert_tidy(&when);
        self.check_finished(&folder, &format!("{when}, and run again"));
        true
    }

    /// Asserts that each file is the old or the new one, and that the database is the new one only where
    /// everything else is. Whether everything is new.
    fn check(&self, folder: &Folder, when: &str) -> bool {
        let left = folder.contents(when);
        for name in left.keys() {
            let known = self.before.contains_key(name) || self.after.contains_key(name);
            assert!(known, "{when}: {name}");
        }
        let mut all_new = true;
        for name in self.before.keys().chain(self.after.keys()) {
            let (left, old, new) = (left.get(name), self.before.get(name), self.after.get(name));
            assert!(left == old || left == new, "{when}: {name}");
            all_new &= left == new;
        }
        if self.changes_database() && left[LIVE] == self.after[LIVE] {
            assert!(all_new, "{when}: {:?}", folder.names());
        }
        all_new
    }

    /// Asserts that all is new, and that what else was kept is what the database was at some time.
    fn check_finished(&self, folder: &Folder, when: &str) {
        assert_eq!(journal_mode(folder), self.journal_mode, "{when}");
        let left = folder.contents(when);
        for (name, content) in &self.after {
            assert!(left.get(name) == Some(content), "{when}: {name}");
        }
        for (name, content) in left
            .iter()
            .filter(|(name, _)| !self.after.contains_key(*name))
        {
            let is_numbered = self
                .made()
                .any(|made| name.starts_with(&format!("{made}-")));
            let is_known = [&self.before, &self.after].map(|files| &files[LIVE]);
            assert!(is_numbered && is_known.contains(&content), "{when}: {name}");
        }
    }

    fn changes_database(&self) -> bool {
        self.before[LIVE] != self.after[LIVE]
    }

    /// The files that the command makes where there were none.
    fn made(&self) -> impl Iterator<Item = &String> {
        let before = &self.before;
        self.after.keys().filter(|name| !before.contains_key(*name))
    }
}
