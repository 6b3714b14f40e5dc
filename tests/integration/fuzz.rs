//! Commands on damaged databases: none panics, leaves anything behind, or says what is not true.
//!
//! Each run has a seed, and the same seed gives the same files and the same command. `scripts/fuzz` goes further: more
//! kinds of files, as many runs as one has time for, and another SQLite to judge by.

mod bytes;
mod judge;
mod objects;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::cases;
use crate::support::command::quietly;
use crate::support::corpus::Copy;
use crate::support::generator::random::Random;

const RUNS: u64 = 320;

/// Databases of each lineage and journal mode, as the Python package has left them.
const DATABASES: [&str; 8] = [
    "populated/populated-0.5.0.db",
    "populated/populated-0.5.0b1.db",
    "populated/populated-0.6.0a4.db",
    "populated/populated-0.6.0a14.db",
    "populated/populated-0.6.0a17.db",
    "populated/wal-0.6.0a4.db",
    "upgraded/cutover17-from-2606a6c7f5ee-upgraded.db",
    "odd/autovacuum-incremental-freelist.db",
];

/// The database among the files of a folder, and the copies that commands make.
const DATABASE: &str = "degenbot.db";
const BACKUP: &str = "degenbot.db.bak";
const SMALL: &str = "small.db";

const COMMANDS: [&[&str]; 20] = [
    &["database", "info"],
    &["database", "info", "--json", "--exact"],
    &["database", "verify"],
    &["database", "verify", "--json"],
    &["database", "verify", "--quick"],
    &["database", "backup", "--force"],
    &["database", "backup", "--force", "--verify", "quick"],
    &["database", "backup", "--force", "--verify", "full"],
    &["database", "restore", "--force"],
    &["database", "restore", "--force", "--no-keep", "--json"],
    &["database", "compact"],
    &["database", "compact", "--force", "--into", SMALL],
    &["database", "reset", "--force"],
    &["database", "upgrade", "--force"],
    &["database", "upgrade", "--dry-run"],
    &["database", "upgrade", "--force", "--to", "2606a6c7f5ee"],
    &["database", "downgrade", "--force", "--to", "eb4080485a56"],
    &["exchange", "list"],
    &["exchange", "activate", "ethereum_uniswap_v3"],
    &["exchange", "deactivate", "base_uniswap_v2"],
];

#[test]
fn commands_say_what_is_true_of_damaged_databases() {
    let seeds: Vec<_> = (1..=RUNS).collect();
    let name = |seed: &u64| format!("seed {seed}");
    cases::map(&seeds, name, |seed| run(&mut Random::new(*seed)));
}

/// What lies in a folder, and what can be read of it.
struct State {
    files: BTreeMap<String, Vec<u8>>,
    databases: BTreeMap<String, judge::Content>,
}

impl State {
    fn of(copy: &Copy) -> Self {
        let files = copy.files();
        // To open a database is to recover it, so it is read elsewhere.
        let elsewhere = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            fs::write(elsewhere.path().join(name), bytes).unwrap();
        }
        let is_database = |name: &&String| {
            !["-wal", "-shm", "-journal"]
                .iter()
                .any(|it| name.ends_with(it))
        };
        let databases = files.keys().filter(is_database).map(|name| {
            let content = judge::Content::of(&elsewhere.path().join(name));
            (name.clone(), content)
        });
        Self {
            databases: databases.collect(),
            files,
        }
    }
}

/// Prepares a folder, runs a command in it, and judges.
fn run(random: &mut Random) {
    let base = *random.one_of(&DATABASES);
    let copy = Copy::of(base);
    let mut done = vec![base.to_owned()];
    let backup = copy.folder().join(BACKUP);
    if !random.once_in(4) {
        fs::copy(&copy.path, &backup).unwrap();
        done.push("a backup".to_owned());
        if random.once_in(4) {
            done.extend(bytes::damage(&backup, random));
        }
    }
    if random.once_in(2) {
        done.extend(objects::alter(&copy.path, random));
    }
    if !random.once_in(3) {
        done.extend(bytes::damage(&copy.path, random));
    }
    let arguments = *random.one_of(&COMMANDS);
    let before = State::of(&copy);
    let said = quietly(&copy.path, arguments);
    let after = State::of(&copy);
    let faults = judge::faults(arguments, &before, &after, &said);
    assert!(
        faults.is_empty(),
        "{faults:#?}\n{done:#?}\n{arguments:?}\n{said}"
    );
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
