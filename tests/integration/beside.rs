//! Every maintenance command beside another process in every state that one can be in.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use degenbot::database::{BackupOptions, backup_sqlite_database, create_new_sqlite_database};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::{quietly, send, settled};
use crate::support::content;

/// Tells a child process, which is this program again, what to do with which database.
const STATE: &str = "DEGENBOT_TEST_STATE";
const DATABASE: &str = "DEGENBOT_TEST_DATABASE";

/// What another process does with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has opened it and never read from it.
    Unused,
    /// It has read from it.
    Idle,
    /// It is in the middle of a transaction that reads.
    Reading,
    /// It is in the middle of a transaction that writes.
    Writing,
    /// The same, and the process is stopped.
    Stopped,
}

impl State {
    const ALL: [Self; 5] = [
        Self::Unused,
        Self::Idle,
        Self::Reading,
        Self::Writing,
        Self::Stopped,
    ];

    const fn statements(self) -> &'static str {
        match self {
            Self::Unused => "",
            Self::Idle => "SELECT * FROM exchanges",
            Self::Reading => "BEGIN; SELECT * FROM exchanges",
            Self::Writing | Self::Stopped => "BEGIN IMMEDIATE; UPDATE exchanges SET active = 1",
        }
    }

    const fn is_writing(self) -> bool {
        matches!(self, Self::Writing | Self::Stopped)
    }
}

/// A process in one of the states, which ends with this.
struct Other {
    child: Child,
    /// Kept open: the process goes on writing to it.
    _output: BufReader<ChildStdout>,
}

impl Other {
    fn begin(state: State, database: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "beside::other_process_of_these_tests_does_what_it_is_told",
                "--nocapture",
            ])
            .env(STATE, state.statements())
            .env(DATABASE, database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "it has ended");
        }
        if state == State::Stopped {
            assert!(send(&child, "-STOP"));
        }
        Self {
            child,
            _output: output,
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        assert!(send(&self.child, "-CONT"));
        // It ends at the end of its input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What the other process runs. In a run of all tests nobody asks for it, and it has nothing to do.
#[test]
fn other_process_of_these_tests_does_what_it_is_told() {
    let (Ok(statements), Ok(database)) = (std::env::var(STATE), std::env::var(DATABASE)) else {
        return;
    };
    let mut connection = content::connect(Path::new(&database));
    connection.batch_execute(&statements).unwrap();
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// A database with a backup that differs from it.
fn database(folder: &Path) -> PathBuf {
    let path = folder.join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    let insert = |name: &str| {
        content::connect(&path)
            .batch_execute(&format!(
                "INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, '{name}', 0, '0x')"
            ))
            .unwrap();
    };
    insert("first");
    backup_sqlite_database(&path, &BackupOptions::default(), &mut ()).unwrap();
    insert("second");
    path
}

/// The names of the exchanges.
fn exchanges(path: &Path) -> Vec<String> {
    content::lines(
        &mut content::connect(path),
        "SELECT name AS line FROM exchanges ORDER BY id",
    )
}

#[test]
fn commands_beside_another_process_succeed_or_name_it() {
    let commands: [(&[&str], &[&str]); 5] = [
        (&["backup", "-y"], &["first", "second"]),
        (&["compact"], &["first", "second"]),
        (&["compact", "--into", "compact.db"], &["first", "second"]),
        (&["restore", "-y"], &["first"]),
        (&["reset", "-y"], &[]),
    ];
    cases::map(
        &State::ALL,
        |state| format!("{state:?}"),
        |&state| {
            for (command, after) in commands {
                let folder = tempfile::tempdir().unwrap();
                let path = database(folder.path());
                let other = Other::begin(state, &path);
                let mut arguments = vec!["database"];
                arguments.extend(command);
                arguments.extend(["--wait", "0"]);
                let told = quietly(&path, &arguments);
                let what = format!("{command:?} beside {state:?}: {told}");
                let only_reads = command[0] == "backup" || command.len() == 3;
                if state.is_writing() && !only_reads {
                    assert!(told.starts_with("status: 1\n"), "{what}");
                    if cfg!(target_os = "linux") {
                        let named = format!("in use by {} ", other.child.id());
                        assert!(
                            told.contains(&named) && told.contains(", writing"),
                            "{what}"
                        );
                    }
                    assert!(
                        settled(&told).contains("hint: Nothing was changed. Let the other"),
                        "{what}"
                    );
                    drop(other);
                    assert_eq!(exchanges(&path), ["first", "second"], "{what}");
                    continue;
                }
                assert!(told.starts_with("status: 0\n"), "{what}");
                drop(other);
                assert_eq!(exchanges(&path), *after, "{what}");
                assert_eq!(content::complaints(&path), [""; 0], "{what}");
            }
        },
    );
}
