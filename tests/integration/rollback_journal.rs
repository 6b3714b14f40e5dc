//! The rollback journal of an interrupted transaction: SQLite applies a sound one, and a damaged one is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use degenbot::database::{
    BackupOptions, CompactOptions, Database, Effect, Error, ErrorKind, ExchangeOptions,
    ResetOptions, RestoreOptions, SchemaVersion, UpgradeOptions, VerifyOptions, activate_exchange,
    backup_sqlite_database, compact_sqlite_database, create_new_sqlite_database,
    current_database_version, list_exchanges, reset_sqlite_database, restore_sqlite_database,
    upgrade_sqlite_database, verify_sqlite_database,
};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::support::command::{quietly, run};
use crate::support::content;
use crate::support::corpus;
use crate::support::observer::StopAt;
use crate::support::unprivileged::{public_copy_of_the_binary, unprivileged};

const PAGE: usize = 1024;

/// The number of bytes of the journal's header, which fills a sector.
const SECTOR: usize = 512;

/// A database of which a program was killed in a transaction, when a part of it had reached the file.
struct Interrupted {
    folder: TempDir,
    before: content::Content,
}

impl Interrupted {
    fn new(transaction: &str) -> Self {
        let original = tempfile::tempdir().unwrap();
        let path = original.path().join("degenbot.db");
        create_new_sqlite_database(&path).unwrap();
        let mut connection = content::connect(&path);
        connection
            .batch_execute(&format!(
                "PRAGMA journal_mode = DELETE; PRAGMA page_size = {PAGE}; VACUUM; \
                 CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) \
                 INSERT INTO notes SELECT i, printf('%0100d', i) FROM n;"
            ))
            .unwrap();
        let before = content::of(&path);
        connection
            .batch_execute(&format!(
                "PRAGMA cache_size = 5; BEGIN IMMEDIATE; {transaction}"
            ))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["degenbot.db", "degenbot.db-journal"] {
            fs::copy(original.path().join(name), folder.path().join(name)).unwrap();
        }
        Self { folder, before }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("degenbot.db")
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("degenbot.db-journal")
    }
}

/// Where the last segment of a journal begins.
fn last_segment(journal: &[u8]) -> usize {
    let starts = (0..journal.len()).step_by(SECTOR);
    let last = starts
        .rev()
        .find(|at| journal[*at..].starts_with(&journal[..8]));
    last.filter(|at| *at > 0).unwrap()
}

const UPDATE: &str = "UPDATE notes SET body = 'half' || body";

fn is_refused(result: Result<(), Error>) -> bool {
    matches!(result, Err(error) if matches!(error.kind, ErrorKind::JournalDamaged { .. }))
}

/// Runs every operation on the database, which refuses it because of its journal.
fn refused_by_all(path: &Path) -> Vec<bool> {
    let exchange = "base_uniswap_v2".parse().unwrap();
    [
        current_database_version(path).map(drop),
        list_exchanges(path).map(drop),
        verify_sqlite_database(path, &VerifyOptions::default(), &mut ()).map(drop),
        Database::open(path).map(drop),
        activate_exchange(path, &exchange, &ExchangeOptions::default()).map(drop),
        backup_sqlite_database(path, &BackupOptions::default(), &mut ()).map(drop),
        upgrade_sqlite_database(path, &UpgradeOptions::default(), &mut ()).map(drop),
        reset_sqlite_database(path, &ResetOptions::default(), &mut ()).map(drop),
    ]
    .map(is_refused)
    .into()
}

#[test]
fn interrupted_transactions_are_rolled_back() {
    let transactions = [
        UPDATE,
        "DELETE FROM notes WHERE id % 3; INSERT INTO notes SELECT id + 1000, body || body FROM notes",
        "CREATE TABLE others AS SELECT * FROM notes a, (SELECT 1 UNION SELECT 2)",
        "SAVEPOINT a; UPDATE notes SET body = id; ROLLBACK TO a; UPDATE notes SET body = 'x' || body",
        // A longer journal lay there before.
        "COMMIT; PRAGMA journal_mode = PERSIST; BEGIN; UPDATE notes SET body = 'x' || body; ROLLBACK; \
         BEGIN IMMEDIATE; UPDATE notes SET body = 'y' || body WHERE id < 200",
    ];
    for transaction in transactions {
        let interrupted = Interrupted::new(transaction);
        let pages = interrupted.journal().metadata().unwrap().len() / 1024;
        assert!(pages > 0, "{transaction}");
        current_database_version(&interrupted.path()).unwrap();
        assert!(!interrupted.journal().exists(), "{transaction}");
        assert!(
            content::of(&interrupted.path()) == interrupted.before,
            "{transaction}"
        );
    }
}

#[test]
fn backup_in_the_middle_of_a_transaction_is_restored_as_it_was_before() {
    let transactions = [
        UPDATE,
        "CREATE TABLE big (a); INSERT INTO big SELECT randomblob(3000) FROM notes",
        "DROP TABLE notes; CREATE TABLE notes (a); INSERT INTO notes SELECT randomblob(3000) FROM erc20_tokens",
    ];
    for transaction in transactions {
        let interrupted = Interrupted::new(transaction);
        let before = corpus::files(interrupted.folder.path());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("restored.db");
        let options = RestoreOptions::default().from(interrupted.path());
        restore_sqlite_database(&path, &options, &mut ()).unwrap();
        assert!(content::of(&path) == interrupted.before, "{transaction}");
        assert!(corpus::files(interrupted.folder.path()) == before);
        assert_eq!(corpus::files(folder.path()).len(), 1);
    }
}

#[test]
fn damaged_journals_are_refused_and_left_as_they_are() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 13] = [
        ("the magic", |journal| journal[3] ^= 1),
        ("its first byte", |journal| journal[0] = 0),
        ("the number of pages in it", |journal| journal[8] = 1),
        ("the start of the checksums", |journal| journal[15] ^= 1),
        ("a huge database", |journal| journal[16] = 0x7f),
        ("a smaller database", |journal| journal[19] -= 1),
        ("a larger database", |journal| journal[18] += 1),
        ("the size of a sector", |journal| journal[20] = 1),
        ("the size of a page", |journal| journal[26] = 0x08),
        ("the number of a page", |journal| journal[SECTOR] = 0x7f),
        ("a page", |journal| journal[SECTOR + 4 + PAGE - 200] ^= 1),
        ("the magic of a later segment", |journal| {
            let at = last_segment(journal);
            journal[at + 5] ^= 1;
        }),
        ("its end", |journal| journal.truncate(SECTOR + 2 * PAGE)),
    ];
    let interrupted = Interrupted::new(UPDATE);
    let sound = fs::read(interrupted.journal()).unwrap();
    for (what, damage) in damages {
        let mut journal = sound.clone();
        damage(&mut journal);
        fs::write(interrupted.journal(), &journal).unwrap();
        let before = corpus::files(interrupted.folder.path());
        let refused = refused_by_all(&interrupted.path());
        assert!(
            refused.iter().all(|refused| *refused),
            "{what}: {refused:?}"
        );
        assert!(corpus::files(interrupted.folder.path()) == before, "{what}");
    }
    fs::write(interrupted.journal(), &sound).unwrap();
    current_database_version(&interrupted.path()).unwrap();
    assert!(content::of(&interrupted.path()) == interrupted.before);
}

#[test]
fn journal_of_another_database_is_refused() {
    let interrupted = Interrupted::new(UPDATE);
    let other = interrupted.folder.path().join("other.db");
    create_new_sqlite_database(&other).unwrap();
    let settled = fs::read(&other).unwrap();
    let journal = interrupted.folder.path().join("other.db-journal");
    fs::rename(interrupted.journal(), journal).unwrap();
    let refused = refused_by_all(&other);
    assert!(refused.iter().all(|refused| *refused), "{refused:?}");
    assert!(fs::read(&other).unwrap() == settled);
}

/// A writer's journal changes while it is looked at. That is no damage.
#[test]
fn journal_of_a_running_transaction_is_not_judged() {
    let interrupted = Interrupted::new(UPDATE);
    let path = interrupted.path();
    current_database_version(&path).unwrap();
    let mut writer = content::connect(&path);
    writer
        .batch_execute(
            "PRAGMA journal_mode = PERSIST; BEGIN IMMEDIATE; INSERT INTO notes VALUES (5000, 'x')",
        )
        .unwrap();
    assert!(interrupted.journal().exists());
    current_database_version(&path).unwrap();
    list_exchanges(&path).unwrap();
    writer.batch_execute("COMMIT").unwrap();
    assert!(interrupted.journal().exists());
    current_database_version(&path).unwrap();
    activate_exchange(
        &path,
        &"base_uniswap_v2".parse().unwrap(),
        &ExchangeOptions::default(),
    )
    .unwrap();
}

#[test]
fn error_after_a_rollback_says_that_a_transaction_was_rolled_back() {
    type Operation<'a> = Box<dyn Fn(&Path) -> Result<(), Error> + 'a>;
    // Each fails after the look at what the database is.
    let operations: [(&str, Operation<'_>); 3] = [
        ("a file in the place of the backup", {
            Box::new(|path| {
                let backup = path.with_extension("db.bak");
                fs::write(backup, "a file").unwrap();
                backup_sqlite_database(path, &BackupOptions::default(), &mut ()).map(drop)
            })
        }),
        ("an upgrade that is none", {
            Box::new(|path| {
                let options = UpgradeOptions::default().target(SchemaVersion::first());
                upgrade_sqlite_database(path, &options, &mut ()).map(drop)
            })
        }),
        ("a compaction that is interrupted", {
            Box::new(|path| {
                let mut observer = StopAt { left: 0 };
                compact_sqlite_database(path, &CompactOptions::default(), &mut observer).map(drop)
            })
        }),
    ];
    for (what, operation) in operations {
        let interrupted = Interrupted::new(UPDATE);
        let error = operation(&interrupted.path()).expect_err(what);
        assert_eq!(error.effect, Some(Effect::RolledBack), "{what}: {error}");
        assert!(!interrupted.journal().exists(), "{what}");
        assert!(content::of(&interrupted.path()) == interrupted.before);
        // Nothing is left to roll back.
        let error = operation(&interrupted.path()).unwrap_err();
        assert_eq!(error.effect, Some(Effect::Nothing), "{what}: {error}");
    }
}

#[test]
fn command_that_fails_after_a_rollback_says_so() {
    let interrupted = Interrupted::new(UPDATE);
    fs::create_dir(interrupted.folder.path().join("degenbot.db.bak")).unwrap();
    // The look at the version, before the backup itself begins, rolls the transaction back.
    let told = || quietly(&interrupted.path(), &["database", "backup", "--force"]);
    let rolled_back = "hint: Nothing was changed, except that SQLite has rolled back the transaction of a program that \
                       was killed. ";
    let first = told();
    assert!(
        first.starts_with("status: 1") && first.contains(rolled_back),
        "{first}"
    );
    let second = told();
    assert!(second.contains("hint: Nothing was changed. "), "{second}");
}

#[test]
fn user_who_may_not_write_is_told_of_the_interrupted_transaction() {
    let interrupted = Interrupted::new(UPDATE);
    let binary = public_copy_of_the_binary();
    for (path, mode) in [
        (interrupted.folder.path().to_owned(), 0o555),
        (interrupted.path(), 0o444),
        (interrupted.journal(), 0o444),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    for command in ["backup", "compact", "upgrade"] {
        let mut child = unprivileged(&binary.1);
        child.arg("--database").arg(interrupted.path());
        child.args(["database", command]);
        let told = run(child, "");
        assert!(
            told.contains("holds an interrupted transaction that must be rolled back first"),
            "{told}"
        );
    }
    fs::set_permissions(interrupted.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}
