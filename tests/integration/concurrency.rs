//! Several processes at once.

use std::fs;

use degenbot::database::{self, SchemaVersion};

use crate::command::{finish, on, spawn};
use crate::content;
use crate::corpus::Copy;

#[test]
fn two_processes_that_upgrade_at_once_both_end_well() {
    const ROUNDS: usize = 20;
    for round in 0..ROUNDS {
        let copy = Copy::of("populated/wal-0.5.0.db");
        let before = content::of(&Copy::of("populated/wal-0.5.0.db").path);
        let processes: Vec<_> = (0..2)
            .map(|_| spawn(on(&copy.path, &["database", "upgrade", "--force"])))
            .collect();
        for process in processes {
            let told = finish(process);
            assert!(told.starts_with("status: 0\n"), "round {round}: {told}");
        }
        assert_eq!(
            database::current_database_version(&copy.path).unwrap(),
            SchemaVersion::latest()
        );
        content::assert_carried_over(&before, &content::of(&copy.path), "both");
        assert_eq!(content::complaints(&copy.path), [""; 0]);
    }
}

#[test]
fn two_processes_that_create_at_once_make_one_database() {
    const ROUNDS: usize = 10;
    for round in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        let processes: Vec<_> = (0..3)
            .map(|_| spawn(on(&path, &["database", "reset", "--force"])))
            .collect();
        let told: Vec<_> = processes.into_iter().map(finish).collect();
        assert!(
            told.iter().any(|told| told.starts_with("status: 0\n")),
            "{told:?}"
        );
        for told in told.iter().filter(|told| !told.starts_with("status: 0\n")) {
            assert!(told.contains("already exists"), "round {round}: {told}");
        }
        assert_eq!(content::complaints(&path), [""; 0]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn two_processes_that_back_up_at_once_leave_one_whole_backup() {
    const ROUNDS: usize = 10;
    for round in 0..ROUNDS {
        let copy = Copy::of("populated/wal-0.6.0a4.db");
        let before = content::of(&Copy::of("populated/wal-0.6.0a4.db").path);
        let processes: Vec<_> = (0..3)
            .map(|_| spawn(on(&copy.path, &["database", "backup", "--force"])))
            .collect();
        for process in processes {
            let told = finish(process);
            assert!(told.starts_with("status: 0\n"), "round {round}: {told}");
        }
        assert_eq!(content::of(&database::backup_path(&copy.path)), before);
        assert!(copy.files().keys().all(|name| !name.contains("tmp")));
    }
}
