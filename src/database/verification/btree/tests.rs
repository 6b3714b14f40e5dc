//! Damaged files: what SQLite's check finds, the shared check suspects.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use super::walk::{Buffers, Walk};
use crate::database::connection::open::{Access, open_connection, open_for_reading};
use crate::database::connection::sql;
use crate::database::verification::btree::trees;
use crate::database::verification::pages::read_trees;
use crate::sqlite::prepared::Statements;

const PAGE: usize = 512;

/// Tables with rows on several levels of pages, of each kind that the check knows, and of some that it leaves to SQLite.
const CONTENT: &str = "\
    CREATE TABLE ticks (id INTEGER NOT NULL, pool BIGINT NOT NULL, tick INTEGER NOT NULL, net VARCHAR(78) NOT NULL, \
        PRIMARY KEY (id)); \
    CREATE UNIQUE INDEX ticks_by_pool ON ticks (pool, tick); \
    CREATE INDEX ticks_by_net ON ticks (net); \
    CREATE TABLE tokens (id INTEGER PRIMARY KEY, address VARCHAR(42) UNIQUE, name TEXT, born DATETIME, big BLOB); \
    CREATE INDEX tokens_by_name ON tokens (name, big); \
    CREATE TABLE keys (one TEXT, other TEXT, PRIMARY KEY (one, other)) WITHOUT ROWID; \
    CREATE TABLE odd (a REAL, b TEXT COLLATE NOCASE, CHECK (a <> -5)); \
    CREATE INDEX odd_by_a ON odd (a); \
    CREATE INDEX odd_by_b ON odd (b) WHERE b > 'b'; \
    CREATE TABLE gone (a TEXT); \
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
    INSERT INTO ticks SELECT i * 2, i % 37, i, i * 1000003 FROM n; \
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) \
    INSERT INTO tokens SELECT i, printf('0x%040x', i * 7919), iif(i % 3, NULL, 'name ' || i % 5), \
        iif(i % 2, '2026-01-02', NULL), zeroblob(i % 7 * 300) FROM n; \
    INSERT INTO keys SELECT address, id FROM tokens; \
    INSERT INTO odd SELECT id / 7.0, address FROM tokens; \
    INSERT INTO gone SELECT address FROM tokens; \
    ALTER TABLE ticks ADD COLUMN later BIGINT; \
    ALTER TABLE ticks ADD COLUMN mark TEXT NOT NULL DEFAULT 'it''s'; \
    CREATE INDEX ticks_by_later ON ticks (later, mark); \
    UPDATE ticks SET later = id, mark = 'x' WHERE id % 20 = 0; \
    DELETE FROM ticks WHERE id % 11 = 0; \
    DELETE FROM gone WHERE rowid % 9 <> 0;";

struct File {
    _folder: TempDir,
    path: PathBuf,
}

impl File {
    /// A database with [`CONTENT`] in a page size and a mode of the pointer map.
    fn new(auto_vacuum: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        let mut connection = open_connection(&path, Access::Create).unwrap();
        connection
            .batch_execute(&format!(
                "PRAGMA page_size = {PAGE}; PRAGMA auto_vacuum = {auto_vacuum}; BEGIN; {CONTENT} COMMIT; \
                 PRAGMA journal_mode = DELETE"
            ))
            .unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    fn execute(&self, statements: &str) {
        // A session may write to the schema.
        open_connection(&self.path, Access::Session)
            .unwrap()
            .batch_execute(&format!("PRAGMA writable_schema = ON; {statements}"))
            .unwrap();
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    fn root(&self, name: &str) -> usize {
        let mut connection = open_connection(&self.path, Access::ReadWrite).unwrap();
        let root = format!("SELECT rootpage AS number FROM sqlite_schema WHERE name = '{name}'");
        usize::try_from(sql::number(&mut connection, &root).unwrap()).unwrap()
    }
}

/// Whether the shared check takes the file for sound. `None` if it is SQLite's.
fn is_sound(path: &Path, quick: bool) -> Option<bool> {
    let mut connection = open_for_reading(path).ok()?;
    let statements = Statements::of(&mut connection).ok()?;
    statements.execute("BEGIN").ok()?;
    let places = statements.page_places().ok()??;
    let trees = read_trees(statements, path, &places, quick)?;
    let walk = Walk::new(&trees, &places);
    let reader = statements.page_reader()?;
    let mut buffers = Buffers::default();
    while walk.step(&reader, &mut buffers) {}
    let pragma = if quick {
        "quick_check"
    } else {
        "integrity_check"
    };
    let mut others = trees.others().iter();
    let others_are_sound =
        others.all(|table| trees::is_sound_alone(statements, pragma, table) == Ok(true));
    Some(walk.is_sound() && others_are_sound)
}

/// What SQLite says of the file.
fn said(path: &Path, pragma: &str) -> Vec<String> {
    let lines = |connection: &mut _| {
        sql::lines(connection, &format!("PRAGMA {pragma}"))
            .unwrap_or_else(|error| vec![error.to_string()])
    };
    let mut connection = match open_connection(path, Access::Session) {
        Ok(connection) => connection,
        Err(error) => return vec![error.to_string()],
    };
    lines(&mut connection)
}

/// Whether SQLite finds nothing, which the shared check has to find out as well.
fn agree(path: &Path, what: &str) -> bool {
    let mut agrees = false;
    for (quick, pragma) in [(true, "quick_check"), (false, "integrity_check")] {
        let said = said(path, pragma);
        agrees = said == ["ok"];
        if is_sound(path, quick) == Some(true) {
            assert!(agrees, "{what}: {pragma}: {said:?}");
        }
    }
    agrees
}

#[test]
fn sound_files_are_found_sound() {
    for auto_vacuum in ["NONE", "FULL", "INCREMENTAL"] {
        let file = File::new(auto_vacuum);
        assert_eq!(said(&file.path, "integrity_check"), ["ok"]);
        for quick in [true, false] {
            assert_eq!(is_sound(&file.path, quick), Some(true), "{auto_vacuum}");
        }
        file.execute(
            "UPDATE sqlite_schema SET sql = sql || ' ' WHERE 0; PRAGMA journal_mode = WAL",
        );
        // The latest pages are in the log, some of them twice.
        let writer = open_connection(&file.path, Access::ReadWrite);
        writer
            .unwrap()
            .batch_execute(
                "PRAGMA wal_autocheckpoint = 0; DELETE FROM ticks WHERE id % 3 = 0; \
                 UPDATE tokens SET name = 'other' WHERE id % 4 = 0; PRAGMA wal_checkpoint",
            )
            .unwrap();
        let mut writer = open_connection(&file.path, Access::ReadWrite).unwrap();
        writer
            .batch_execute("UPDATE ticks SET net = id; UPDATE ticks SET net = -id")
            .unwrap();
        assert_eq!(is_sound(&file.path, false), Some(true), "{auto_vacuum}");
    }
}

/// The databases that SQLite has to check as a whole are not taken for sound.
#[test]
fn files_that_are_not_known_are_left_to_sqlite() {
    for statements in [
        "CREATE VIRTUAL TABLE search USING fts5(x)",
        "CREATE TABLE late (a); CREATE INDEX late_a ON late (a); \
         UPDATE sqlite_schema SET sql = 'CREATE INDEX late_a ON late (a COLLATE mine)' WHERE name = 'late_a'",
    ] {
        let file = File::new("NONE");
        file.execute(statements);
        assert_eq!(is_sound(&file.path, false), None, "{statements}");
    }
}

/// Statements that leave an index and its table apart, in a way that only one comparison finds.
#[test]
fn each_fault_of_an_index_is_suspected() {
    let hidden = |index: &str, statements: &str| {
        format!(
            "CREATE TEMP TABLE kept AS SELECT rowid AS id, * FROM sqlite_schema WHERE name = '{index}'; \
             DELETE FROM sqlite_schema WHERE name = '{index}'; PRAGMA schema_version = 1001; {statements}; \
             INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql) SELECT * FROM kept; \
             PRAGMA schema_version = 1002"
        )
    };
    for (what, statements) in [
        (
            "an entry is missing",
            hidden("ticks_by_net", "INSERT INTO ticks VALUES (5000, 1, 5000, 'n', 1, 'm')"),
        ),
        (
            "an entry is left",
            hidden("ticks_by_net", "DELETE FROM ticks WHERE id = 40"),
        ),
        (
            "an entry has another value",
            hidden("ticks_by_net", "UPDATE ticks SET net = '7' WHERE id = 40"),
        ),
        (
            "an entry has another rowid",
            hidden("ticks_by_net", "UPDATE ticks SET id = 41 WHERE id = 40"),
        ),
        (
            "the values of two rows are exchanged",
            hidden(
                "ticks_by_net",
                "UPDATE ticks SET net = iif(id = 40, 42000063, 20000060 + 20) WHERE id IN (40, 42)",
            ),
        ),
        (
            "a unique index has two entries",
            "UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE ', '') WHERE name = 'ticks_by_pool'; \
             PRAGMA schema_version = 1001; UPDATE ticks SET pool = 3, tick = 99999 WHERE id IN (40, 42); \
             UPDATE sqlite_schema SET sql = replace(sql, 'CREATE INDEX', 'CREATE UNIQUE INDEX') \
             WHERE name = 'ticks_by_pool'; PRAGMA schema_version = 1002"
                .to_owned(),
        ),
        (
            "a value is NULL",
            "UPDATE sqlite_schema SET sql = replace(sql, 'net VARCHAR(78) NOT NULL', 'net VARCHAR(78)') \
             WHERE name = 'ticks'; PRAGMA schema_version = 1001; UPDATE ticks SET net = NULL WHERE id = 40; \
             UPDATE sqlite_schema SET sql = replace(sql, 'net VARCHAR(78)', 'net VARCHAR(78) NOT NULL') \
             WHERE name = 'ticks'; PRAGMA schema_version = 1002"
                .to_owned(),
        ),
        (
            "a number is in a column of texts",
            "UPDATE sqlite_schema SET sql = replace(sql, 'name TEXT', 'name BLOB') WHERE name = 'tokens'; \
             PRAGMA schema_version = 1001; UPDATE tokens SET name = 5 WHERE id = 40; \
             UPDATE sqlite_schema SET sql = replace(sql, 'name BLOB', 'name TEXT') WHERE name = 'tokens'; \
             PRAGMA schema_version = 1002"
                .to_owned(),
        ),
        (
            "a text that is a number is in a column of numbers",
            "UPDATE sqlite_schema SET sql = replace(sql, 'later BIGINT', 'later TEXT') WHERE name = 'ticks'; \
             PRAGMA schema_version = 1001; UPDATE ticks SET later = '12' WHERE id = 40; \
             UPDATE sqlite_schema SET sql = replace(sql, 'later TEXT', 'later BIGINT') WHERE name = 'ticks'; \
             PRAGMA schema_version = 1002"
                .to_owned(),
        ),
        (
            "a row violates a constraint",
            "PRAGMA ignore_check_constraints = ON; INSERT INTO odd VALUES (-5, 'x')".to_owned(),
        ),
        (
            "a partial index lacks an entry",
            hidden("odd_by_b", "INSERT INTO odd VALUES (6, 'x')"),
        ),
    ] {
        let file = File::new("FULL");
        file.execute(&statements);
        let said = said(&file.path, "integrity_check");
        assert_ne!(said, ["ok"], "{what}");
        assert_eq!(is_sound(&file.path, false), Some(false), "{what}: {said:?}");
    }
}

type Fault = fn(&mut [u8], &File);

/// What is done to the bytes of a file.
const FAULTS_OF_PAGES: [(&str, Fault); 12] = [
    ("a page is used twice", |bytes, file| {
        let root = file.root("ticks");
        let child = number(bytes, cell(bytes, root, 0));
        let other = cell(bytes, root, 1);
        put(bytes, other, child);
    }),
    ("the right page is used twice", |bytes, file| {
        let root = file.root("ticks");
        let child = number(bytes, cell(bytes, root, 0));
        put(bytes, at(root) + 8, child);
    }),
    ("a free page is in use", |bytes, file| {
        let trunk = number(bytes, 32);
        put(bytes, at(trunk) + 8, file.root("tokens"));
    }),
    ("a page is not used", |bytes, _| {
        let trunk = number(bytes, 32);
        let (leaves, total) = (number(bytes, at(trunk) + 4), number(bytes, 36));
        put(bytes, at(trunk) + 4, leaves - 1);
        put(bytes, 36, total - 1);
    }),
    ("the list of free pages has another length", |bytes, _| {
        let total = number(bytes, 36);
        put(bytes, 36, total + 1);
    }),
    ("an overflow chain ends early", |bytes, _| {
        let page = overflow_page(bytes);
        put(bytes, at(page), 0);
    }),
    ("an overflow chain goes on", |bytes, file| {
        let page = overflow_page(bytes);
        let mut last = page;
        while number(bytes, at(last)) != 0 {
            last = number(bytes, at(last));
        }
        put(bytes, at(last), file.root("keys"));
    }),
    ("a rowid is out of order", |bytes, file| {
        let leaf = number(bytes, cell(bytes, file.root("tokens"), 0));
        let (one, other) = (cell(bytes, leaf, 0), cell(bytes, leaf, 1));
        // Behind the size of the record, which has one byte in the first row.
        assert!(bytes[one] < 0x80);
        bytes[one + 1] = 0x7f;
        assert_ne!(one, other);
    }),
    ("a rowid is beyond the one above", |bytes, file| {
        let root = file.root("ticks");
        let leaf = cell(bytes, root, 0);
        // Its key is behind the number of the page.
        bytes[leaf + 4] = 0x01;
    }),
    ("a byte is in no cell", |bytes, file| {
        let root = file.root("ticks");
        bytes[at(root) + 7] += 1;
    }),
    ("a page has one cell less", |bytes, file| {
        let leaf = number(bytes, cell(bytes, file.root("ticks_by_net"), 0));
        bytes[at(leaf) + 4] -= 1;
    }),
    ("an entry of an index is out of order", |bytes, file| {
        let leaf = first_leaf(bytes, file.root("ticks_by_net"));
        let pointers = at(leaf) + 8;
        bytes.swap(pointers, pointers + 2);
        bytes.swap(pointers + 1, pointers + 3);
    }),
];

/// The offset of a page.
const fn at(page: usize) -> usize {
    (page - 1) * PAGE
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn put(bytes: &mut [u8], at: usize, number: usize) {
    bytes[at..at + 4].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
}

/// The offset of a cell.
fn cell(bytes: &[u8], page: usize, index: usize) -> usize {
    let header = if matches!(bytes[at(page)], 2 | 5) {
        12
    } else {
        8
    };
    let pointer = at(page) + header + 2 * index;
    at(page) + usize::from(u16::from_be_bytes([bytes[pointer], bytes[pointer + 1]]))
}

/// A page that has another one behind it. The only long values are blobs of zeros.
fn overflow_page(bytes: &[u8]) -> usize {
    (2..=bytes.len() / PAGE)
        .find(|page| {
            let next = number(bytes, at(*page));
            let content = &bytes[at(*page) + 4..at(*page + 1)];
            (1..=bytes.len() / PAGE).contains(&next) && content.iter().all(|byte| *byte == 0)
        })
        .unwrap()
}

fn first_leaf(bytes: &[u8], mut page: usize) -> usize {
    while matches!(bytes[at(page)], 2 | 5) {
        page = number(bytes, cell(bytes, page, 0));
    }
    page
}

/// Bytes that are wrong in a way that only one check of pages finds.
#[test]
fn each_fault_of_a_page_is_suspected() {
    for (what, fault) in FAULTS_OF_PAGES {
        let file = File::new("NONE");
        let mut bytes = file.bytes();
        fault(&mut bytes, &file);
        fs::write(&file.path, bytes).unwrap();
        let said = said(&file.path, "integrity_check");
        assert_ne!(said, ["ok"], "{what}");
        assert_eq!(is_sound(&file.path, false), Some(false), "{what}: {said:?}");
    }
}

#[test]
fn a_wrong_entry_of_the_pointer_map_is_suspected() {
    let file = File::new("FULL");
    let sound = file.bytes();
    // The pointer map begins on the second page.
    for entry in [0, 7, 40] {
        for byte in [0, 4] {
            let mut bytes = sound.clone();
            bytes[PAGE + entry * 5 + byte] ^= 3;
            fs::write(&file.path, &bytes).unwrap();
            assert_ne!(said(&file.path, "integrity_check"), ["ok"], "{entry}");
            assert_eq!(is_sound(&file.path, false), Some(false), "{entry}");
        }
    }
}

/// What SQLite finds in any of many damaged files is suspected.
#[test]
fn what_sqlite_finds_in_damaged_files_is_suspected() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % end
    };
    let (mut sound, mut damaged) = (0, 0);
    for auto_vacuum in ["NONE", "FULL"] {
        let file = File::new(auto_vacuum);
        let original = file.bytes();
        for run in 0..600 {
            let mut bytes = original.clone();
            let pages = bytes.len() / PAGE;
            let start = below(pages) * PAGE;
            let header = if start == 0 { 100 } else { start };
            let kind = below(9);
            let at = match kind {
                0 => 28 + below(44),
                1 => header + below(12),
                2 => header + 3 + below(2),
                3 | 4 => header + 8 + below(60),
                _ => start + below(PAGE),
            };
            match kind {
                7 => bytes.copy_within(start..start + PAGE / 2, start + PAGE / 2),
                8 => bytes.copy_within(start..start + PAGE, below(pages) * PAGE),
                _ => bytes[at] = bytes[at].wrapping_add(u8::try_from(1 + below(255)).unwrap()),
            }
            fs::write(&file.path, &bytes).unwrap();
            let what = format!("{auto_vacuum}, run {run}, kind {kind}, byte {at}");
            if agree(&file.path, &what) {
                sound += 1;
            } else {
                damaged += 1;
            }
        }
    }
    assert!(
        sound > 50 && damaged > 500,
        "{sound} sound, {damaged} damaged"
    );
}

/// SQLite goes to no page without cells below a root, nor below a root that has none itself.
#[test]
fn each_page_without_cells_is_suspected() {
    for name in ["ticks", "ticks_by_pool", "keys", "gone"] {
        let file = File::new("NONE");
        let sound = file.bytes();
        let root = (file.root(name) - 1) * PAGE;
        assert!(
            [2, 5].contains(&sound[root]),
            "{name} has pages below its root"
        );
        let right = u32::from_be_bytes(sound[root + 8..root + 12].try_into().unwrap());
        for page in [root, (right as usize - 1) * PAGE] {
            let mut bytes = sound.clone();
            // No free block, no cells, the content at the end of the page, no fragments.
            bytes[page + 1..page + 8].copy_from_slice(&[0, 0, 0, 0, 2, 0, 0]);
            fs::write(&file.path, &bytes).unwrap();
            for quick in [true, false] {
                assert_eq!(is_sound(&file.path, quick), Some(false), "{name}, {page}");
            }
        }
    }
}

/// SQLite never stores a number that is none.
#[test]
fn a_value_that_is_not_a_number_is_suspected() {
    let file = File::new("NONE");
    file.execute("CREATE TABLE last (a TEXT, b REAL); INSERT INTO last VALUES (zeroblob(8), 1.5)");
    let mut bytes = file.bytes();
    let root = (file.root("last") - 1) * PAGE;
    // The record is at the end of the page: its header has 3 bytes, and the blob of 8 bytes has the type 28.
    let at = (root..root + PAGE - 2)
        .rfind(|at| bytes[*at..at + 3] == [3, 28, 7])
        .unwrap();
    bytes[at + 1] = 7;
    bytes[at + 3..at + 11].copy_from_slice(&f64::NAN.to_be_bytes());
    fs::write(&file.path, &bytes).unwrap();
    for quick in [true, false] {
        assert_eq!(is_sound(&file.path, quick), Some(false));
    }
    assert!(!agree(&file.path, "a number that is none"));
}
