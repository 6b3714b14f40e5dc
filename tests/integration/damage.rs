//! Compaction of damaged databases: it refuses and leaves the files as they are, or every row that could be read before
//! can be read afterwards, under the same rowid.

use std::fs;
use std::path::Path;

use degenbot::database::{CompactOptions, compact_sqlite_database, create_new_sqlite_database};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::support::cases;
use crate::support::command::quietly;
use crate::support::content;
use crate::support::corpus;
use crate::support::corpus::Copy;
use crate::support::generator::random::Random;

const PAGE: usize = 512;

/// How many damaged databases are tried in each way of compacting.
const SEEDS: u64 = 120;

/// The user's own tables, and a table of ours with rows.
const TABLES: [(&str, &str); 4] = [
    ("notes", "rowid, body, number"),
    ("keyed", "rowid, id, body"),
    ("pairs", "0, one, other"),
    ("exchanges", "rowid, name, factory"),
];

/// A small database with small pages, and many rows on some of them.
fn sound(journal_mode: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    content::connect(&path)
        .batch_execute(&format!(
            "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; PRAGMA page_size = {PAGE}; VACUUM; \
             CREATE TABLE notes (body TEXT, number REAL); \
             CREATE TABLE keyed (id INTEGER PRIMARY KEY, body TEXT UNIQUE); \
             CREATE TABLE pairs (one TEXT, other TEXT, PRIMARY KEY (one, other)) WITHOUT ROWID; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) \
             INSERT INTO notes (rowid, body, number) SELECT i * 3, printf('%0*d', 8 + i % 40, i), i / 7.0 FROM n; \
             INSERT INTO notes VALUES (printf('%02000d', 1), 1); \
             INSERT INTO keyed SELECT rowid, body FROM notes; \
             INSERT INTO pairs SELECT body, number FROM notes; \
             DELETE FROM notes WHERE rowid % 5 = 0; \
             INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, 'one', 1, '0x1'), (2, 'two', 0, '0x2'); \
             PRAGMA journal_mode = {journal_mode}"
        ))
        .unwrap();
    fs::read(path).unwrap()
}

/// Damages one page, in one of the ways in which a page can be wrong.
fn damage(bytes: &mut [u8], random: &mut Random) -> String {
    let pages = u32::try_from(bytes.len() / PAGE).unwrap();
    // The rows of the user's tables are on the last pages.
    let page = match random.below(3) {
        0 => random.below(pages),
        _ => pages - 1 - random.below(pages / 3),
    };
    let start = usize::try_from(page).unwrap() * PAGE;
    let header = start + if page == 0 { 100 } else { 0 };
    let mut below =
        |end: usize| usize::try_from(random.below(u32::try_from(end).unwrap())).unwrap();
    let kind = below(8);
    let at = match kind {
        // A cell pointer, a cell count, the header of the page.
        0 | 1 => header + 8 + below(40),
        2 => header + 3 + below(2),
        3 => header + below(12),
        // Anything on the page.
        _ => start + below(PAGE),
    };
    match kind {
        6 => bytes.copy_within(start..start + PAGE / 2, start + PAGE / 2),
        7 => {
            let other = below(bytes.len() / PAGE) * PAGE;
            bytes.copy_within(other..other + PAGE, start);
        }
        _ if at < bytes.len() => {
            bytes[at] = bytes[at].wrapping_add(1 + u8::try_from(below(255)).unwrap());
        }
        _ => {}
    }
    format!("kind {kind}, page {}, offset {}", page + 1, at - start)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    row: String,
}

/// The rows of each table in the order of the table, or the error.
fn rows(path: &Path) -> Vec<Result<Vec<String>, String>> {
    let mut connection = content::connect(path);
    let read = |(table, columns): (&str, &str)| {
        let cells: Vec<_> = columns
            .split(", ")
            .map(|column| format!("quote({column})"))
            .collect();
        let query = format!(
            "SELECT hex({}) AS row FROM {table} NOT INDEXED",
            cells.join(" || ' ' || ")
        );
        let rows = diesel::sql_query(query).load::<Row>(&mut connection);
        rows.map(|rows| rows.into_iter().map(|row| row.row).collect())
            .map_err(|error| error.to_string())
    };
    TABLES.map(read).into()
}

/// What SQLite finds in a database, and of that what it says of values that their columns do not allow. A copy has those,
/// too: it has every row.
fn findings(path: &Path) -> (Vec<String>, Vec<String>) {
    let check = "SELECT integrity_check AS line FROM pragma_integrity_check";
    let found = content::try_lines(&mut content::connect(path), check).unwrap_or_default();
    let is_about_a_value = |line: &&String| line.contains(" value in ");
    let of_values = found.iter().filter(is_about_a_value).cloned().collect();
    (found, of_values)
}

/// Whether it was compacted.
fn try_one(sound: &[u8], seed: u64, is_beside: bool, into: Option<&str>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    let mut bytes = sound.to_vec();
    let what = damage(&mut bytes, &mut Random::new(seed));
    fs::write(&path, &bytes).unwrap();
    let before = rows(&path);
    let (_, values_before) = findings(&path);
    let mut other = content::connect(&path);
    if is_beside {
        // Whatever comes of it, the other program has the file open.
        let _ = other.batch_execute("SELECT * FROM sqlite_schema");
    } else {
        drop(other);
    }
    let mut options = CompactOptions::default();
    options.into = into.map(|into| folder.path().join(into));
    match compact_sqlite_database(&path, &options, &mut ()) {
        Ok(report) => {
            let compact = options.into.as_ref().unwrap_or(&path);
            assert_eq!(rows(compact), before, "{what}: {report:?}");
            let (found, values) = findings(compact);
            assert_eq!(values, values_before, "{what}");
            let is_sound = found == ["ok"] || !found.is_empty() && found == values;
            assert!(is_sound, "{what}: {found:?}");
            true
        }
        Err(error) => {
            let files = corpus::files(folder.path());
            assert!(files["degenbot.db"] == bytes, "{what}: {error}");
            let mut names = files.keys();
            assert!(
                names.all(|name| !name.contains("tmp") && name != "into.db"),
                "{what}: {files:?}"
            );
            false
        }
    }
}

#[test]
fn compact_refuses_a_damaged_database_or_keeps_every_row() {
    let sound = ["DELETE", "WAL"].map(sound);
    let ways: [(&str, bool, Option<&str>); 3] = [
        ("alone", false, None),
        ("beside", true, None),
        ("into", false, Some("into.db")),
    ];
    let cases: Vec<_> = ways
        .iter()
        .flat_map(|way| (1..=SEEDS).map(move |seed| (way, seed)))
        .collect();
    let compacted = cases::map(
        &cases,
        |((way, ..), seed)| format!("{way}, seed {seed}"),
        |((_, is_beside, into), seed)| {
            let sound = &sound[usize::from(seed % 2 == 0)];
            try_one(sound, *seed, *is_beside, *into)
        },
    );
    // Both happen, or the test shows nothing.
    let done = compacted.iter().filter(|done| **done).count();
    assert!(done > 10 && done < cases.len() - 10, "{done}");
}

#[test]
fn a_header_that_sqlite_does_not_know_is_damage() {
    /// The place of the number of the schema's format, which is 1 to 4.
    const FORMAT: usize = 47;
    for command in [
        &["database", "info"][..],
        &["database", "verify"],
        &["database", "backup"],
        &["database", "upgrade"],
        &["database", "compact"],
        &["exchange", "activate", "base_uniswap_v4"],
    ] {
        let copy = Copy::of("populated/populated-0.6.0a4.db");
        let mut bytes = fs::read(&copy.path).unwrap();
        bytes[FORMAT] = 9;
        fs::write(&copy.path, bytes).unwrap();
        let told = quietly(&copy.path, command);
        assert!(!told.starts_with("status: 0\n"), "{command:?}: {told}");
        assert!(
            told.contains("unsupported file format"),
            "{command:?}: {told}"
        );
        assert!(!told.contains("please report"), "{command:?}: {told}");
        assert!(told.contains("Move it away"), "{command:?}: {told}");
    }
}
