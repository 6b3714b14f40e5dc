//! A database larger than a gigabyte: SQLite leaves out the page at that place in the file, where its locks
//! are.

use std::fs;
use std::path::Path;

use degenbot::database::{
    BackupOptions, CompactOptions, Compaction, RestoreOptions, backup_sqlite_database,
    compact_sqlite_database, create_new_sqlite_database, restore_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::generator::random::Random;
use crate::{Form, Tally};

/// The place of the locks, in a file of pages of any size.
const LOCKS: u64 = 1 << 30;

/// Copies, compacts and restores it, in each of the ways that there are. Only in the long form: it takes
/// half a minute and four gigabytes.
pub fn run(form: &Form, _: &mut Random) -> Tally {
    let mut tally = Tally::default();
    if !form.large {
        return tally;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    let mut connection = content::connect(&path);
    connection
        .batch_execute(
            "PRAGMA synchronous = OFF; CREATE TABLE ballast (id INTEGER PRIMARY KEY, bytes); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1150) \
             INSERT INTO ballast SELECT i, zeroblob(1000000) FROM n; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
             INSERT INTO ballast SELECT 10000 + i, hex(i) FROM n; PRAGMA wal_checkpoint(TRUNCATE)",
        )
        .unwrap();
    let before = summary(&path);
    let mut check = |what: &str, file: &Path| {
        assert!(fs::metadata(file).unwrap().len() > LOCKS, "{what}");
        assert_eq!(summary(file), before, "{what}");
        println!("soak: {what} of more than a gigabyte is right");
        tally.passed += 1;
    };

    let replace = BackupOptions::default().replace_existing(true);
    let backup = backup_sqlite_database(&path, &replace, &mut ()).unwrap();
    check("a backup in blocks", &backup.path);
    connection
        .batch_execute("BEGIN; SELECT * FROM exchanges")
        .unwrap();
    content::connect(&path)
        .batch_execute(
            "INSERT INTO ballast VALUES (20000, 'x'); DELETE FROM ballast WHERE id = 20000",
        )
        .unwrap();
    let backup = backup_sqlite_database(&path, &replace, &mut ()).unwrap();
    assert!(!backup.checkpointed);
    check("a backup page by page", &backup.path);
    connection.batch_execute("COMMIT").unwrap();
    let report = compact_sqlite_database(&path, &CompactOptions::default(), &mut ()).unwrap();
    assert_eq!(report.how, Compaction::InPlace);
    check("a compaction in place", &path);
    drop(connection);
    compact_sqlite_database(&path, &CompactOptions::default(), &mut ()).unwrap();
    check("a compaction", &path);
    let report = restore_sqlite_database(&path, &RestoreOptions::default(), &mut ()).unwrap();
    check("a restoration", &path);
    check("what was replaced", &report.kept.unwrap());
    tally
}

/// What can be said of all rows, and whether the pages are sound.
fn summary(path: &Path) -> Vec<String> {
    let mut connection = content::connect(path);
    let mut summary = content::lines(
        &mut connection,
        "SELECT count(*) || ' ' || sum(id) || ' ' || sum(length(bytes)) AS line FROM ballast",
    );
    summary.extend(content::lines(
        &mut connection,
        "SELECT quick_check AS line FROM pragma_quick_check",
    ));
    summary
}
