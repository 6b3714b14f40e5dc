//! Databases that the user may only read: what commands say of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use diesel::connection::SimpleConnection;

use crate::faults::on_a_small_disk;
use crate::support::command::run;
use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::unprivileged::{is_root, public_copy_of_the_binary, unprivileged};

#[test]
fn interrupted_transaction_on_a_disk_that_nobody_may_write_to_has_a_hint_that_works() {
    let copy = Copy::of("odd/hot-journal.db");
    let script = "cp \"$FROM-journal\" degenbot.db-journal; mount -o remount,ro \"$PWD\"; mkdir ../elsewhere; \
                  back_up() { \"$DEGENBOT\" --database \"$1\" database backup --output ../elsewhere/b.db 2>&1; }; \
                  back_up degenbot.db; cp degenbot.db degenbot.db-journal ../elsewhere; back_up ../elsewhere/degenbot.db; \
                  echo \"status: $?\"";
    let script = format!("FROM='{}'; {script}", copy.path.display());
    let Some(told) = on_a_small_disk(16, &copy.path, &script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    let hint = "copy degenbot.db and degenbot.db-journal to a folder that may be written, and use the copy";
    assert!(told.contains(hint), "{told}");
    assert!(told.ends_with("status: 0\n"), "{told}");
}

/// SQLite says of a transaction that it may not roll back what it says of every file that it may not write.
#[test]
fn database_that_may_only_be_read_holds_no_interrupted_transaction() {
    let binary = public_copy_of_the_binary();
    let commands: [&[&str]; 6] = [
        &["upgrade", "--dry-run"],
        &["upgrade", "--force"],
        &["downgrade", "--to", "eb4080485a56", "--dry-run"],
        &["downgrade", "--to", "eb4080485a56", "--force"],
        &["reset", "--force"],
        &["compact"],
    ];
    for mode in ["WAL", "DELETE", "TRUNCATE", "PERSIST"] {
        // Without the right to write to the file, and without that to create one beside it.
        for (file_mode, folder_mode) in [(0o444, 0o777), (0o666, 0o555)] {
            let copy = Copy::of("populated/populated-0.6.0a4.db");
            let switch = format!("PRAGMA journal_mode = {mode}; UPDATE pools SET kind = kind");
            content::connect(&copy.path).batch_execute(&switch).unwrap();
            let before = content::of(&copy.path);
            fs::set_permissions(&copy.path, Permissions::from_mode(file_mode)).unwrap();
            if is_root() {
                // The journal that `PERSIST` leaves can be read by its owner only.
                for file in fs::read_dir(copy.folder()).unwrap() {
                    let file = file.unwrap().path();
                    fs::set_permissions(file, Permissions::from_mode(file_mode)).unwrap();
                }
            }
            fs::set_permissions(copy.folder(), Permissions::from_mode(folder_mode)).unwrap();
            for command in commands {
                let mut child = unprivileged(&binary.1);
                child
                    .args(["--database", "degenbot.db", "database"])
                    .args(command)
                    .current_dir(copy.folder());
                let told = run(child, "");
                let context = format!("{mode} {file_mode:o}, {command:?}: {told}");
                assert!(told.starts_with("status: 1\n"), "{context}");
                assert!(!told.contains("interrupted"), "{context}");
                let is_named = told.contains("degenbot.db cannot be written");
                assert!(is_named || file_mode == 0o666, "{context}");
            }
            fs::set_permissions(copy.folder(), Permissions::from_mode(0o755)).unwrap();
            fs::set_permissions(&copy.path, Permissions::from_mode(0o644)).unwrap();
            assert!(content::of(&copy.path) == before);
        }
    }
}
