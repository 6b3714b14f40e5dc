//! Rows keep their rowids when a database is compacted, or restored into one with another page size: a full-text index
//! of the user's own refers to them.

use std::path::Path;

use degenbot::database::{
    CompactOptions, Compaction, RestoreOptions, compact_sqlite_database, restore_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::corpus::Copy;

/// Tables of the user's own: without any key, with a hidden rowid, without a rowid, and with computed columns.
const NOTES: &str = "CREATE TABLE notes (body TEXT); \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) \
     INSERT INTO notes (rowid, body) SELECT i * 10, 'note' || i FROM n; \
     DELETE FROM notes WHERE rowid % 30 = 0; \
     CREATE VIRTUAL TABLE search USING fts5(body, content='notes'); \
     INSERT INTO search (search) VALUES ('rebuild'); \
     CREATE TABLE hidden (rowid TEXT, body TEXT); \
     INSERT INTO hidden (_rowid_, rowid, body) VALUES (7, 'a', 'b'), (70, 'c', 'd'); \
     CREATE TABLE pairs (one TEXT, other TEXT, PRIMARY KEY (one, other)) WITHOUT ROWID; \
     INSERT INTO pairs VALUES ('x', 'y'), ('a', 'b'); \
     CREATE TABLE sums (one INTEGER, two AS (one * 2), three AS (one * 3) STORED); \
     INSERT INTO sums (rowid, one) VALUES (5, 1), (9, 2);";

fn prepare(path: &Path, pragmas: &str) {
    let mut connection = content::connect(path);
    connection.batch_execute(pragmas).unwrap();
    connection.batch_execute(NOTES).unwrap();
}

/// The rows with their rowids, and what a search finds.
fn look(path: &Path) -> Vec<String> {
    let mut connection = content::connect(path);
    [
        "SELECT rowid || ' ' || body AS line FROM notes ORDER BY rowid",
        "SELECT body AS line FROM search WHERE search MATCH 'note32'",
        "SELECT _rowid_ || rowid || body AS line FROM hidden ORDER BY _rowid_",
        "SELECT one || other AS line FROM pairs",
        "SELECT rowid || ' ' || one || ' ' || two || ' ' || three AS line FROM sums",
    ]
    .iter()
    .flat_map(|query| content::lines(&mut connection, query))
    .collect()
}

const MODES: [&str; 2] = ["", "PRAGMA journal_mode = DELETE"];

#[test]
fn compact_keeps_rowids_in_every_way_of_compacting() {
    for pragmas in MODES {
        let compact = |is_beside: bool, into: Option<&str>| {
            let copy = Copy::of("populated/populated-0.6.0a4.db");
            prepare(&copy.path, pragmas);
            let before = look(&copy.path);
            assert_eq!(before.iter().filter(|line| *line == "note32").count(), 1);
            let content = content::of(&copy.path);
            let mut other = content::connect(&copy.path);
            if is_beside {
                other.batch_execute("SELECT * FROM pools").unwrap();
            } else {
                drop(other);
            }
            let mut options = CompactOptions::default();
            options.into = into.map(|into| copy.folder().join(into));
            let report = compact_sqlite_database(&copy.path, &options, &mut ()).unwrap();
            let compact = options.into.as_ref().unwrap_or(&copy.path);
            assert_eq!(look(compact), before, "{pragmas} {report:?}");
            assert_eq!(content::of(compact), content, "{pragmas} {report:?}");
            assert_eq!(content::complaints(compact), [""; 0]);
            report.how
        };
        assert_eq!(compact(true, None), Compaction::InPlace);
        compact(false, None);
        assert_eq!(compact(false, Some("into.db")), Compaction::Into);
    }
}

#[test]
fn restore_with_another_page_size_keeps_rowids() {
    for page_size in [512, 16_384] {
        let copy = Copy::of("populated/populated-0.6.0a4.db");
        let backup = Copy::of("populated/populated-0.6.0a4.db");
        let pragmas =
            format!("PRAGMA journal_mode = DELETE; PRAGMA page_size = {page_size}; VACUUM");
        prepare(&backup.path, &pragmas);
        let before = look(&backup.path);
        let options = RestoreOptions::default().from(backup.path.clone());
        restore_sqlite_database(&copy.path, &options, &mut ()).unwrap();
        assert_eq!(look(&copy.path), before);
        assert_eq!(content::complaints(&copy.path), [""; 0]);
    }
}
