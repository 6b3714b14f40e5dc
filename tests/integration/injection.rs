//! Every write, sync, truncation, rename and opening of a command fails once, or from then on for good:
//! it leaves the old or the new, whole, and says so.
//!
//! `tests/preload/faults.c` makes the calls fail, SQLite's and the program's own. A normal run takes those
//! at which something else begins or ends, each once and for good, with the two errors in turn;
//! `DEGENBOT_FAULTS=all` takes every one in every manner.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use rustix::io::Errno;
use tempfile::TempDir;

use crate::support::cases;
use crate::support::command::on;
use crate::support::content::{self, Content};
use crate::support::corpus::{Copy, files};
use crate::support::faults::{Call, Fault, library, logged, preload};

/// The most calls of a command that a normal run lets fail.
const MOST: usize = 80;

/// What the name of a file that is not finished has in it.
const INFIX: &str = ".degenbot-tmp-";

/// A command, and the folder that it is run in.
struct Case {
    arguments: &'static [&'static str],
    /// The database of the corpus that it is run on; none for a folder that has no database yet.
    database: Option<&'static str>,
    /// Run on the database first.
    preparation: &'static str,
    /// The files that it writes under a temporary name.
    published: &'static [&'static str],
    /// Whether it does without those files where the system cannot exchange two of them.
    may_rewrite_in_place: bool,
}

/// The rest of a case: nothing is done to the database first, and no file is written anew.
const UNPREPARED: Case = Case {
    arguments: &[],
    database: None,
    preparation: "",
    published: &[],
    may_rewrite_in_place: false,
};

/// The cases by name, and a test of each: what a failed call leaves, and that it is told.
macro_rules! cases {
    ($($name:ident: $case:expr,)+) => {
        const CASES: &[(&str, Case)] = &[$((stringify!($name), $case)),+];

        mod a_call_that_fails_leaves_the_old_or_the_new_state_of {
            $(
                #[test]
                fn $name() {
                    super::let_calls_fail(stringify!($name));
                }
            )+
        }
    };
}

cases! {
    a_backup: Case {
        arguments: &["database", "backup", "--force"],
        database: Some("populated/populated-0.6.0a4.db"),
        published: &["degenbot.db.bak"],
        ..UNPREPARED
    },
    a_reset: Case {
        arguments: &["database", "reset", "--force"],
        database: Some("populated/populated-0.6.0a4.db"),
        ..UNPREPARED
    },
    a_creation: Case {
        arguments: &["database", "reset"],
        database: None,
        published: &["degenbot.db"],
        ..UNPREPARED
    },
    // Half of it is unused.
    a_compaction: Case {
        arguments: &["database", "compact"],
        database: Some("populated/populated-0.6.0a4.db"),
        preparation: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
             INSERT INTO erc20_tokens (chain, address, name) \
             SELECT 1, printf('0x%040x', i), printf('%02000d', i) FROM n; \
             DELETE FROM erc20_tokens WHERE name LIKE '0%' AND id % 2",
        published: &["degenbot.db"],
        may_rewrite_in_place: true,
    },
    an_upgrade: Case {
        arguments: &["database", "upgrade", "--force"],
        database: Some("populated/populated-0.5.0.db"),
        ..UNPREPARED
    },
    a_rebuild: Case {
        arguments: &["database", "upgrade", "--force"],
        database: Some("populated/populated-0.5.0b1.db"),
        published: &["degenbot.db.pre-upgrade"],
        ..UNPREPARED
    },
    a_downgrade: Case {
        arguments: &["database", "downgrade", "--to", "eb4080485a56", "--force"],
        database: Some("populated/populated-0.6.0a4.db"),
        ..UNPREPARED
    },
    // With a log that the backup moves into the database.
    a_backup_with_a_log: Case {
        arguments: &["database", "backup", "--force"],
        database: Some("populated/wal-0.6.0a4.db"),
        published: &["degenbot.db.bak"],
        ..UNPREPARED
    },
    // SQLite overwrites the file itself, and rolls back from a journal.
    a_reset_with_a_journal: Case {
        arguments: &["database", "reset", "--force"],
        database: Some("populated/populated-0.6.0a4.db"),
        preparation: "PRAGMA journal_mode = DELETE",
        ..UNPREPARED
    },
    an_upgrade_with_a_journal: Case {
        arguments: &["database", "upgrade", "--force"],
        database: Some("populated/populated-0.5.0.db"),
        preparation: "PRAGMA journal_mode = DELETE",
        ..UNPREPARED
    },
    a_rebuild_with_a_journal: Case {
        arguments: &["database", "upgrade", "--force"],
        database: Some("populated/populated-0.5.0b1.db"),
        preparation: "PRAGMA journal_mode = DELETE",
        published: &["degenbot.db.pre-upgrade"],
        ..UNPREPARED
    },
    a_backup_elsewhere: Case {
        arguments: &["database", "backup", "--output", "other.db"],
        database: Some("populated/populated-0.6.0a4.db"),
        published: &["other.db"],
        ..UNPREPARED
    },
    a_compaction_elsewhere: Case {
        arguments: &["database", "compact", "--into", "other.db"],
        database: Some("populated/populated-0.6.0a4.db"),
        published: &["other.db"],
        ..UNPREPARED
    },
    // From the earlier backup.
    a_restoration: Case {
        arguments: &["database", "restore", "--force"],
        database: Some("populated/populated-0.6.0a4.db"),
        published: &["degenbot.db.pre-restore"],
        ..UNPREPARED
    },
    a_restoration_with_a_journal: Case {
        arguments: &["database", "restore", "--force"],
        database: Some("populated/populated-0.6.0a4.db"),
        preparation: "PRAGMA journal_mode = DELETE",
        published: &["degenbot.db.pre-restore"],
        ..UNPREPARED
    },
}

/// A database as a run has left it. What is damaged is not read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    content: Content,
    pages: Vec<String>,
    complaints: Vec<String>,
}

impl Held {
    fn of(path: &Path) -> Self {
        let readable = "SELECT * FROM sqlite_schema";
        let complaints = match content::connect(path).batch_execute(readable) {
            Ok(()) => content::complaints(path),
            Err(error) => vec![error.to_string()],
        };
        if !complaints.is_empty() {
            return Self {
                complaints,
                ..Self::default()
            };
        }
        let pages = "SELECT page_count AS line FROM pragma_page_count";
        Self {
            content: content::timeless(path),
            pages: content::lines(&mut content::connect(path), pages),
            complaints,
        }
    }
}

/// The databases of a folder.
#[derive(Debug, PartialEq, Eq)]
struct State(BTreeMap<String, Held>);

impl State {
    /// What SQLite keeps beside a database belongs to that.
    fn of(folder: &Path) -> Self {
        let mut names: Vec<_> = files(folder).into_keys().collect();
        names.retain(|name| {
            ["-wal", "-shm", "-journal"]
                .iter()
                .all(|suffix| !name.ends_with(suffix))
        });
        let held = |name: String| (name.clone(), Held::of(&folder.join(name)));
        Self(names.into_iter().map(held).collect())
    }

    /// For each database, whether it is as in one or the other of two states.
    fn describe(&self, before: &Self, after: &Self) -> String {
        let names: BTreeSet<_> = [self, before, after]
            .iter()
            .flat_map(|state| state.0.keys())
            .collect();
        let describe = |name: &String| {
            let found = self.0.get(name);
            let is = match (found == before.0.get(name), found == after.0.get(name)) {
                (true, true) => "as always",
                (true, false) => "as before",
                (false, true) => "as it should become",
                (false, false) => "something else",
            };
            let remark = match found {
                None => " (missing)".to_owned(),
                Some(held) if held.complaints.is_empty() => String::new(),
                Some(held) => format!(" ({})", held.complaints.join("; ")),
            };
            format!("{name} is {is}{remark}")
        };
        names
            .into_iter()
            .map(describe)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// What a command does where nothing fails.
struct Normal<'case> {
    case: &'case Case,
    /// The files before.
    model: BTreeMap<String, Vec<u8>>,
    before: State,
    after: State,
    /// The files that it leaves as they are to the byte.
    untouched: BTreeSet<String>,
    calls: Vec<Call>,
}

impl<'case> Normal<'case> {
    fn of(case: &'case Case, library: &Path) -> Self {
        let model = case.files();
        let folder = folder_with(&model);
        let before = State::of(folder.path());
        let folder = folder_with(&model);
        let (told, calls) = logged(case.command(library, folder.path()));
        assert!(told.starts_with("status: 0\n"), "{told}");
        let left = files(folder.path());
        Self {
            case,
            untouched: model
                .iter()
                .filter(|(name, bytes)| left.get(*name) == Some(bytes))
                .map(|(name, _)| name.clone())
                .collect(),
            model,
            before,
            after: State::of(folder.path()),
            calls,
        }
    }

    /// The numbers of the calls to let fail: of those alike that follow each other, the first, one in
    /// the middle and the last. Too many are thinned out evenly.
    fn chosen(&self) -> Vec<usize> {
        let counted: Vec<_> = self.calls.iter().filter(|c| c.number.is_some()).collect();
        if is_exhaustive() {
            return (1..=counted.len()).collect();
        }
        let mut chosen = BTreeSet::new();
        for alike in counted.chunk_by(|one, other| one.is_like(other)) {
            let picked = [0, alike.len() / 2, alike.len() - 1];
            chosen.extend(picked.iter().filter_map(|&index| alike[index].number));
        }
        let chosen: Vec<_> = chosen.into_iter().collect();
        let taken = chosen.len().min(MOST);
        (0..taken)
            .map(|index| chosen[index * chosen.len() / taken])
            .collect()
    }

    /// Runs the command with a fault; whether it has ended well, and what is wrong with what it leaves
    /// and tells.
    fn run(&self, library: &Path, fault: Fault) -> (bool, Vec<String>) {
        let folder = folder_with(&self.model);
        let mut command = self.case.command(library, folder.path());
        fault.inject(&mut command);
        let (told, calls) = logged(command);
        let mut wrong = self.check(folder.path(), &told);
        if !wrong.is_empty() {
            // With several threads it is not always the same one that has this number.
            let failed = calls.iter().find(|call| call.number == Some(fault.at));
            wrong.extend(failed.map(|call| format!("{} {}", call.name, call.paths.join(" "))));
            wrong.push(told.clone());
        }
        (told.starts_with("status: 0\n"), wrong)
    }

    fn check(&self, folder: &Path, told: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let has_ended_well = told.starts_with("status: 0\n");
        let says_so = told.starts_with("status: 1\n") && told.contains("\nerror: ");
        if !has_ended_well && !says_so {
            wrong.push("it ends neither well nor with an error".to_owned());
        }
        let left = files(folder);
        if left == self.model && !has_ended_well {
            return wrong;
        }
        let unfinished = left.keys().filter(|name| name.contains(INFIX));
        wrong.extend(unfinished.map(|name| format!("{name} is left")));
        let touched = self
            .untouched
            .iter()
            .filter(|name| left.get(*name) != self.model.get(*name));
        wrong.extend(touched.map(|name| format!("{name} is not the same to the byte")));
        // What is half written cannot be read.
        if wrong.is_empty() {
            let mut state = State::of(folder);
            // Where nobody knows whether the change was made, the copy of the old content stays.
            if told.contains("may have been made") {
                state.0.retain(|name, _| self.before.0.contains_key(name));
            }
            if state != self.after && (has_ended_well || state != self.before) {
                wrong.push(state.describe(&self.before, &self.after));
            }
        }
        wrong
    }
}

impl Case {
    /// The files of the folder before: the database, and an earlier backup of it.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let earlier = Copy::of("populated/populated-0.5.0.db").files();
        let backup = ("degenbot.db.bak".to_owned(), earlier["degenbot.db"].clone());
        let Some(database) = self.database else {
            return BTreeMap::from([backup]);
        };
        let copy = Copy::of(database);
        // Opening a database takes its log away.
        if !self.preparation.is_empty() {
            content::connect(&copy.path)
                .batch_execute(self.preparation)
                .unwrap();
        }
        let mut files = copy.files();
        files.extend([backup]);
        files
    }

    /// The command with the library. SQLite's temporary files are in the folder, too.
    fn command(&self, library: &Path, folder: &Path) -> Command {
        let mut command = on(&folder.join("degenbot.db"), self.arguments);
        preload(&mut command, library, folder);
        command.env("SQLITE_TMPDIR", ".");
        command
    }
}

fn folder_with(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Whether every call fails in every manner.
fn is_exhaustive() -> bool {
    std::env::var_os("DEGENBOT_FAULTS").is_some_and(|value| value == "all")
}

/// How the call at this place among the chosen ones fails: with which error, and whether for good. The two errors take
/// the same way through the command but for the message, so one of them is enough for each.
fn manners(place: usize) -> Vec<(Errno, bool)> {
    let all = [
        (Errno::NOSPC, false),
        (Errno::IO, true),
        (Errno::NOSPC, true),
        (Errno::IO, false),
    ];
    if is_exhaustive() {
        return all.to_vec();
    }
    let (even, odd) = all.split_at(2);
    if place.is_multiple_of(2) { even } else { odd }.to_vec()
}

/// Lets the calls of a case's command fail.
fn let_calls_fail(name: &str) {
    let Some(library) = library() else {
        return;
    };
    let (_, case) = CASES.iter().find(|(case, _)| *case == name).unwrap();
    let normal = Normal::of(case, library);
    let mut wrong = Vec::new();
    let mut failed = 0;
    for (place, at) in normal.chosen().into_iter().enumerate() {
        for (error, sticky) in manners(place) {
            let fault = Fault { at, error, sticky };
            let (has_ended_well, found) = normal.run(library, fault);
            failed += usize::from(!has_ended_well);
            if !found.is_empty() {
                wrong.push(format!("{fault}: {}", found.join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(failed > 0, "no fault was noticed");
}

/// Whether the file of this name is on the disk by then: nothing is written to it after its last sync.
fn is_synced(calls: &[Call], name: &str) -> bool {
    let last = calls.iter().rev().find(|call| {
        call.paths.first().is_some_and(|path| path == name)
            && ["write", "truncate", "allocate", "sync"].contains(&call.name.as_str())
    });
    last.is_some_and(|call| call.name == "sync")
}

#[test]
fn files_are_synced_before_their_rename_and_the_folder_after_it() {
    let Some(library) = library() else {
        return;
    };
    let name = |(name, _): &(&str, Case)| (*name).to_owned();
    cases::map(CASES, name, |(_, case)| {
        let calls = Normal::of(case, library).calls;
        let mut published = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let [temporary, name] = call.paths.as_slice() else {
                continue;
            };
            assert!(temporary.contains(INFIX), "{name}");
            assert!(is_synced(&calls[..index], temporary), "{name}");
            assert!(is_synced(&calls[index..], "."), "{name}");
            published.push(name);
        }
        let is_rewritten = published.is_empty() && case.may_rewrite_in_place;
        assert!(published == case.published || is_rewritten, "{published:?}");
    });
}
