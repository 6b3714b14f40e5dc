//! Backups, compactions and restores in a loop, beside programs that write.
//!
//! The time from one restore to the next is an epoch: what is committed in it is lost to the database
//! when the next one comes, and is kept beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use degenbot::database::backup_path;
use diesel::connection::SimpleConnection;

use crate::children::{self, Children};
use crate::folder::Folder;
use crate::ledger::{self, Entry};
use crate::support::command::{on, quietly, spawn};
use crate::support::content;
use crate::support::generator::random::Random;
use crate::truth::Truth;
use crate::{Form, Tally};

const BACKUPS_IN_AN_EPOCH: u32 = 15;

/// Where backups go that get a name, and small copies.
const KEPT: &str = "kept.db";
const SMALL: &str = "small.db";

/// How often what was done.
#[derive(Default)]
struct Figures {
    commits: usize,
    backups: u32,
    kills: u32,
    compactions: u32,
    small_copies: u32,
    refused_restores: u32,
    restores: u32,
}

struct Rounds<'random> {
    folder: Folder,
    database: PathBuf,
    random: &'random mut Random,
    truth: Truth,
    figures: Figures,
}

/// Goes on until the form has its backups and its time, or something is not as it should be.
pub fn run(form: &Form, random: &mut Random) -> Tally {
    let began = Instant::now();
    let folder = Folder::new();
    let database = folder.database();
    ledger::create(&database, form.ballast);
    println!(
        "soak: SQLite {} and {}",
        children::own_sqlite(&database),
        children::python_sqlite().map_or(
            "no other version, because there is no python3".to_owned(),
            |version| format!("{version}, of python3")
        )
    );
    let mut rounds = Rounds {
        truth: Truth::since(Vec::new(), folder.path()),
        folder,
        database,
        random,
        figures: Figures::default(),
    };
    while rounds.figures.backups < form.backups || began.elapsed() < form.time {
        rounds.epoch();
    }
    Tally {
        passed: rounds.figures.tell(),
        failed: 0,
    }
}

impl Figures {
    /// Prints everything; the number of things that were looked at afterwards.
    fn tell(&self) -> u32 {
        let Self {
            commits,
            backups,
            kills,
            compactions,
            small_copies,
            refused_restores,
            restores,
        } = self;
        println!(
            "soak: {commits} commits, {backups} backups, {compactions} compactions, {small_copies} small \
             copies, {restores} restores, {refused_restores} restores refused, {kills} commands killed"
        );
        backups + kills + compactions + small_copies + refused_restores + restores
    }
}

impl Rounds<'_> {
    fn epoch(&mut self) {
        let began = self.truth.certain();
        // A database that nobody has open may be replaced as a file, and one that is open must not be.
        let start = *self.random.one_of(&[Children::stay, Children::visit]);
        let children = start(&self.database, self.folder.path(), self.random);
        for _ in 0..BACKUPS_IN_AN_EPOCH {
            self.back_up();
            if self.random.once_in(8) {
                self.compact();
            }
            if self.random.once_in(8) {
                self.copy_small();
            }
            if self.random.once_in(8) {
                self.kill();
            }
        }
        children.stop();
        self.check_live();
        assert_eq!(content::complaints(&self.database), [""; 0]);
        self.folder.assert_tidy("after an epoch");
        self.figures.commits += self.truth.certain() - began;
        self.fail_to_restore();
        self.restore();
    }

    /// Runs a command that must succeed.
    fn finish(&self, arguments: &[&str]) {
        let told = quietly(&self.database, arguments);
        assert!(told.starts_with("status: 0\n"), "{arguments:?}: {told}");
    }

    /// Makes a backup, in its place or in another one, which must have every commit that was certain
    /// before it began.
    fn back_up(&mut self) {
        let certain = self.truth.certain();
        let backup = if self.random.once_in(4) {
            self.finish(&["database", "backup", "--force", "--output", KEPT]);
            self.folder.path().join(KEPT)
        } else {
            let extent = *self.random.one_of(&["quick", "full"]);
            self.finish(&["database", "backup", "--force", "--verify", extent]);
            backup_path(&self.database)
        };
        self.check_file(&backup, certain);
        self.check_live();
        self.figures.backups += 1;
    }

    fn compact(&mut self) {
        self.finish(&["database", "compact", "--wait", "60"]);
        self.check_live();
        self.figures.compactions += 1;
    }

    fn copy_small(&mut self) {
        let small = self.folder.path().join(SMALL);
        let certain = self.truth.certain();
        self.finish(&["database", "compact", "--force", "--into", SMALL]);
        self.check_file(&small, certain);
        self.figures.small_copies += 1;
    }

    /// Kills a command while others are writing; they must not notice.
    fn kill(&mut self) {
        let arguments = *self.random.one_of(&[
            ["database", "backup", "--force"].as_slice(),
            &["database", "compact"],
            &["database", "compact", "--force", "--into", SMALL],
        ]);
        let mut child = spawn(on(&self.database, arguments));
        thread::sleep(self.random.part_of(Duration::from_millis(80)));
        let _ = child.kill();
        child.wait().unwrap();
        self.check_live();
        // It takes away what it has left.
        self.finish(arguments);
        self.check_live();
        self.figures.kills += 1;
    }

    fn check_file(&mut self, path: &Path, certain: usize) {
        let log = ledger::read_file(path);
        self.truth.certain();
        self.truth.check(log, certain, &path.display().to_string());
    }

    /// Asserts that the database has every commit that is certain.
    fn check_live(&mut self) {
        let certain = self.truth.certain();
        let log = self.log();
        self.truth.certain();
        self.truth.check(log, certain, "the database");
    }

    fn log(&self) -> Vec<Entry> {
        let mut connection = ledger::connect(&self.database, Duration::from_secs(60));
        ledger::read(&mut connection, "the database")
    }

    /// Restores while somebody is in the middle of writing: nothing may come of it.
    fn fail_to_restore(&mut self) {
        let files = self.folder.names();
        let mut writer = ledger::connect(&self.database, Duration::ZERO);
        let before = content::of_connection(&mut writer);
        writer
            .batch_execute("BEGIN IMMEDIATE; UPDATE ledger_balances SET balance = 0")
            .unwrap();
        let told = quietly(
            &self.database,
            &["database", "restore", "--force", "--wait", "1"],
        );
        assert!(told.starts_with("status: 1\n"), "{told}");
        writer.batch_execute("ROLLBACK").unwrap();
        assert!(content::of_connection(&mut writer) == before, "{told}");
        drop(writer);
        assert_eq!(self.folder.names(), files, "{told}");
        self.figures.refused_restores += 1;
    }

    /// Restores one of the backups while others have the database open or are reading it: they see the
    /// old or the new content, and the old one is kept with every commit.
    fn restore(&mut self) {
        let kept = self.folder.path().join(KEPT);
        let (source, from): (_, &[&str]) = if kept.exists() && self.random.once_in(2) {
            (kept, &["--from", KEPT])
        } else {
            (backup_path(&self.database), &[])
        };
        let restored = ledger::read_file(&source);
        let old_log = self.log();
        let new = content::of(&source);
        let mut idle = content::connect(&self.database);
        let old = content::of_connection(&mut idle);
        let mut reader = content::connect(&self.database);
        reader.batch_execute("BEGIN; SELECT * FROM pools").unwrap();
        let files = self.folder.names();

        let over = AtomicBool::new(false);
        let told = thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let log = self.log();
                    assert!(log == old_log || log == restored);
                }
            });
            let command = [["database", "restore", "--force"].as_slice(), from].concat();
            let told = quietly(&self.database, &command);
            over.store(true, Ordering::Relaxed);
            told
        });
        assert!(told.starts_with("status: 0\n"), "{from:?}: {told}");

        assert!(content::of_connection(&mut reader) == old);
        reader.batch_execute("COMMIT").unwrap();
        for connection in [&mut reader, &mut idle] {
            assert!(content::of_connection(connection) == new, "{from:?}");
        }
        drop((reader, idle));
        assert_eq!(content::complaints(&self.database), [""; 0]);
        self.check_kept(&files, &old_log);
        self.folder.assert_tidy("after a restore");
        self.truth = Truth::since(restored, self.folder.path());
        self.figures.restores += 1;
    }

    /// Asserts that a restore has kept what was there before it, under a name of its own.
    fn check_kept(&mut self, before: &[String], log: &[Entry]) {
        let mut kept = self.folder.names();
        kept.retain(|name| name.contains(".pre-restore") && !before.contains(name));
        let [name] = kept.as_slice() else {
            panic!("not one file was kept: {kept:?}");
        };
        let path = self.folder.path().join(name);
        assert!(ledger::read_file(&path) == log, "{name}");
        // Sometimes it stays, and the next one has to find another name.
        if !self.random.once_in(3) {
            fs::remove_file(path).unwrap();
        }
    }
}
