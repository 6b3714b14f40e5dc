//! File systems that can hold no more files, and names that they cannot hold.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::command::{degenbot, quietly, run};
use crate::support::corpus::Copy;

/// Runs a script beside a copy of a database, on a file system with free bytes and no free inode. `None` where this system
/// does not allow this user to mount one.
fn without_inodes(database: &Path, script: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let setup = format!(
        "mount -t tmpfs -o size=64m,nr_inodes=20 tmpfs '{disk}' || exit; echo mounted; \
         cp '{database}' '{disk}/degenbot.db'; cd '{disk}'; n=0; \
         while touch filler$n 2>/dev/null; do n=$((n + 1)); done; \
         run() {{ echo \"# $*\"; $DEGENBOT --database degenbot.db \"$@\" 2>&1; echo \"status: $?\"; }}; {script}",
        disk = disk.display(),
        database = database.display()
    );
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &setup])
        .env("HOME", folder.path())
        .env("DEGENBOT", env!("CARGO_BIN_EXE_degenbot"))
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    told.strip_prefix("mounted\n").map(str::to_owned)
}

#[test]
fn file_system_without_inodes_is_named_as_the_reason() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let elsewhere = copy.folder().join("elsewhere.db");
    let script = format!(
        "run database info; run database verify; run database upgrade --dry-run; run exchange list; \
         run database backup --output '{}'; echo FULL; run database backup; run database upgrade --force; \
         run database compact; run database reset --force; run exchange deactivate ethereum_uniswap_v2; \
         rm filler*; ls",
        elsewhere.display()
    );
    let Some(told) = without_inodes(&copy.path, &script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    let (readers, writers) = told.split_once("FULL\n").unwrap();
    assert_eq!(readers.matches("status: 0\n").count(), 4, "{readers}");
    // What it finds in this database is there.
    assert_eq!(readers.matches("status: 3\n").count(), 1, "{readers}");
    assert_eq!(writers.matches("status: 1\n").count(), 5, "{writers}");
    assert_eq!(
        writers
            .matches("There is no room for another file in ")
            .count(),
        5,
        "{writers}"
    );
    assert!(!told.contains("permissions"), "{told}");
    assert!(!told.contains("disk is full"), "{told}");
    assert!(told.ends_with("status: 1\ndegenbot.db\n"), "{told}");
}

#[test]
fn name_that_is_too_long_is_named_as_the_reason() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let long = "n".repeat(254);
    let longer = "n".repeat(300);
    for (arguments, path) in [
        (&["database", "backup", "--output"] as &[&str], &long),
        (&["database", "backup", "--output"], &longer),
        (&["database", "compact", "--into"], &long),
        (&["database", "restore", "--force", "--from"], &longer),
    ] {
        let arguments = [arguments, &[path.as_str()]].concat();
        let told = quietly(&copy.path, &arguments);
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(told.contains("File name too long"), "{told}");
        assert!(told.contains("shorter name"), "{told}");
        assert!(!told.contains("permissions"), "{told}");
    }
    for command in [&["database", "info"], &["database", "reset"]] {
        let mut other = degenbot(copy.folder());
        other.arg("--database").arg(&longer).args(command);
        let told = run(other, "");
        assert!(told.contains("shorter name"), "{told}");
        assert!(!told.contains("permissions"), "{told}");
    }
}
