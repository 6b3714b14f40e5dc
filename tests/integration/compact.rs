//! `database compact`.

use degenbot::database::CompactOptions;
use diesel::connection::SimpleConnection;

use crate::command::quietly;
use crate::content;
use crate::corpus::Copy;

#[test]
fn gives_space_back_and_keeps_every_row() {
    for name in [
        "odd/autovacuum-incremental-freelist.db",
        "odd/utf16.db",
        "odd/fk-violations.db",
        "odd/weird-types.db",
        "odd/hot-journal.db",
        "populated/wal-0.6.0a4.db",
        "upgraded/heal17-from-e0aaad8ad486.db",
    ] {
        let copy = Copy::of(name);
        let before = content::of(&copy.path);
        let journal_mode = |path| {
            degenbot::database::inspect_sqlite_database(path, false)
                .unwrap()
                .journal_mode
        };
        let mode = journal_mode(&copy.path);
        degenbot::database::compact_sqlite_database(
            &copy.path,
            &CompactOptions::default(),
            &mut (),
        )
        .unwrap();
        assert_eq!(content::of(&copy.path), before, "{name}");
        let info = degenbot::database::inspect_sqlite_database(&copy.path, false).unwrap();
        assert_eq!((info.free_pages, info.wal_bytes), (0, 0), "{name}");
        assert_eq!(info.journal_mode, mode, "{name}");
        assert_eq!(copy.files().len(), 1, "{name}");
    }
}

#[test]
fn is_silent_and_logs_when_asked_to() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "compact"]), @r"
    status: 0
    --- stdout
    --- stderr
    ");
    insta::assert_snapshot!(quietly(&copy.path, &["-v", "database", "compact"]), @r"
    status: 0
    --- stdout
    --- stderr
    info: Compacted degenbot.db
    Compacted degenbot.db; there was nothing to gain: 404.00 KiB before, 404.00 KiB after.
    ");
}

#[test]
fn works_beside_a_reader() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut reader = content::connect(&copy.path);
    reader.batch_execute("BEGIN; SELECT * FROM pools").unwrap();
    let before = content::of_connection(&mut reader);
    degenbot::database::compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ())
        .unwrap();
    reader.batch_execute("COMMIT").unwrap();
    assert_eq!(content::of_connection(&mut reader), before);
}
