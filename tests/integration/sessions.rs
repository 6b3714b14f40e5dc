//! Sessions: many threads on one database.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use degenbot::database::{
    Database, Error, ErrorKind, LOCK_TIMEOUT, PoolOptions, create_new_sqlite_database, db_session,
};
use degenbot::models::{Erc20Token, Exchange, NewErc20Token, NewExchange};
use degenbot::schema::{erc20_tokens, exchanges};
use degenbot::types::{Address, BlockNumber, ChainId};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::support::cases;
use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::databases::empty;

fn token(thread: u8, number: u8) -> NewErc20Token {
    let mut bytes = [0; 20];
    bytes[0] = thread;
    bytes[19] = number;
    NewErc20Token {
        chain: ChainId::new(1).unwrap(),
        address: Address::new(bytes),
        name: None,
        symbol: None,
        decimals: None,
    }
}

/// Runs in a process of its own, because the settings come from the environment.
const CHILD: &str = "DEGENBOT_TEST_DB_SESSION";

#[test]
fn db_session_serves_sixteen_threads() {
    const THREADS: u8 = 16;
    const ROWS: u8 = 25;

    if std::env::var_os(CHILD).is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        create_new_sqlite_database(&path).unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sessions::db_session_serves_sixteen_threads"])
            .env(CHILD, "1")
            .env("DEGENBOT_DB_PATH", &path)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        let rows = &content::of(&path)["erc20_tokens"].rows;
        assert_eq!(rows.len(), usize::from(THREADS) * usize::from(ROWS));
        return;
    }
    let barrier = Barrier::new(THREADS.into());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                for number in 0..ROWS {
                    let mut session = db_session().unwrap();
                    let before = session
                        .write(|connection| -> Result<i64, Error> {
                            let before = erc20_tokens::table.count().get_result(connection)?;
                            diesel::insert_into(erc20_tokens::table)
                                .values(token(thread, number))
                                .execute(connection)?;
                            Ok(before)
                        })
                        .unwrap();
                    let after = session
                        .read(|connection| -> Result<i64, Error> {
                            Ok(erc20_tokens::table.count().get_result(connection)?)
                        })
                        .unwrap();
                    assert!(after > before);
                }
            });
        }
    });
    let mut session = db_session().unwrap();
    let tokens: Vec<Erc20Token> = erc20_tokens::table
        .select(Erc20Token::as_select())
        .load(&mut *session)
        .unwrap();
    assert_eq!(tokens.len(), usize::from(THREADS) * usize::from(ROWS));
}

#[test]
fn session_reads_what_the_python_package_wrote() {
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    let database = Database::open(&copy.path).unwrap();
    let exchanges: Vec<Exchange> = database
        .read(|connection| -> Result<_, Error> {
            Ok(exchanges::table
                .filter(exchanges::name.eq("uniswap_v4"))
                .order(exchanges::chain_id)
                .select(Exchange::as_select())
                .load(connection)?)
        })
        .unwrap();
    assert_eq!(exchanges.len(), 2);
    assert_eq!(
        exchanges[0].factory.to_string(),
        "0x000000000004444c5dc75cB358380D2e3dE08A90"
    );
    assert_eq!(exchanges[1].chain_id, ChainId::new(8453).unwrap());
    assert_eq!(
        exchanges[1].last_update_block,
        Some(BlockNumber::new(14_181_888).unwrap())
    );
}

#[test]
fn failed_write_rolls_back_and_errors_keep_their_type() {
    #[derive(Debug)]
    enum Failure {
        Mine,
        Database,
    }

    impl From<Error> for Failure {
        fn from(_: Error) -> Self {
            Self::Database
        }
    }

    let copy = Copy::of("fresh/fresh-0.6.0a3.db");
    let database = Database::open(&copy.path).unwrap();
    let result = database.write(|connection| {
        diesel::insert_into(erc20_tokens::table)
            .values(token(1, 1))
            .execute(connection)
            .map_err(|_| Failure::Database)?;
        Err::<(), _>(Failure::Mine)
    });
    assert!(matches!(result, Err(Failure::Mine)));
    let count: i64 = database
        .read(|connection| -> Result<_, Error> {
            Ok(erc20_tokens::table.count().get_result(connection)?)
        })
        .unwrap();
    assert_eq!(count, 0);
    let error = database
        .read(|connection| -> Result<(), Error> {
            Ok(connection.batch_execute("SELECT * FROM nowhere")?)
        })
        .unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Sql { .. }), "{error}");
}

#[test]
fn write_to_a_full_database_reports_that_it_is_full() {
    let copy = Copy::of("fresh/fresh-0.6.0a3.db");
    let options = PoolOptions::default().max_size(1);
    let database = Database::open_with(&copy.path, &options).unwrap();
    let mut session = database.session().unwrap();
    session.batch_execute("PRAGMA max_page_count = 1").unwrap();
    let tokens: Vec<_> = (0..=u8::MAX)
        .flat_map(|thread| (0..=u8::MAX).map(move |number| token(thread, number)))
        .collect();
    let error = session
        .write(|connection| Erc20Token::insert_or_get(connection, &tokens).map_err(Error::from))
        .unwrap_err();
    assert!(
        error.to_string().contains("database or disk is full"),
        "{error}"
    );
    let error = Erc20Token::insert_or_get(&mut session, &tokens).unwrap_err();
    assert!(
        error.to_string().contains("database or disk is full"),
        "{error}"
    );
    let count: i64 = erc20_tokens::table
        .count()
        .get_result(&mut *session)
        .unwrap();
    assert_eq!(count, 0);
}

#[test]
fn open_transaction_is_rolled_back_with_its_session() {
    let copy = Copy::of("fresh/fresh-0.6.0a3.db");
    let options = PoolOptions::default().max_size(1);
    let database = Database::open_with(&copy.path, &options).unwrap();
    let mut session = database.session().unwrap();
    session.batch_execute("BEGIN").unwrap();
    Erc20Token::insert_or_get(&mut session, &[token(1, 1)]).unwrap();
    drop(session);
    let mut session = database.session().unwrap();
    Erc20Token::insert_or_get(&mut session, &[token(1, 2)]).unwrap();
    session.write(|_| Ok::<_, Error>(())).unwrap();
    drop((session, database));
    assert_eq!(content::of(&copy.path)["erc20_tokens"].rows.len(), 1);
}

#[test]
fn every_connection_has_the_pragmas() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let database = Database::open(&copy.path).unwrap();
    let sessions: Vec<_> = (0..4).map(|_| database.session().unwrap()).collect();
    for mut session in sessions {
        let mut value = |query: &str| content::lines(&mut session, query);
        assert_eq!(
            value("SELECT timeout || '' AS line FROM pragma_busy_timeout"),
            [LOCK_TIMEOUT.as_millis().to_string()]
        );
        assert_eq!(
            value("SELECT foreign_keys || '' AS line FROM pragma_foreign_keys"),
            ["1"]
        );
        assert_eq!(
            value("SELECT synchronous || '' AS line FROM pragma_synchronous"),
            ["1"]
        );
        assert_eq!(
            value("SELECT journal_mode AS line FROM pragma_journal_mode"),
            ["wal"]
        );
    }
}

/// The next thread that gets a connection does not know what the one before has done with it.
#[test]
fn session_begins_with_the_pragmas_whatever_the_one_before_has_set() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let database = Database::open(&copy.path).unwrap();
    let mut sessions: Vec<_> = (0..4).map(|_| database.session().unwrap()).collect();
    for session in &mut sessions {
        session
            .batch_execute(
                "PRAGMA foreign_keys = OFF; PRAGMA query_only = ON; PRAGMA busy_timeout = 1; \
                 PRAGMA synchronous = OFF",
            )
            .unwrap();
    }
    drop(sessions);
    let mut snapshots = database.snapshots(4).unwrap();
    for snapshot in &mut snapshots {
        assert!(snapshot.batch_execute("DELETE FROM exchanges").is_err());
        snapshot.batch_execute("ROLLBACK").unwrap();
    }
    drop(snapshots);
    let sessions: Vec<_> = (0..4).map(|_| database.session().unwrap()).collect();
    for mut session in sessions {
        let set = "SELECT foreign_keys || query_only || timeout || synchronous AS line FROM pragma_foreign_keys, \
                   pragma_query_only, pragma_busy_timeout, pragma_synchronous";
        let expected = format!("10{}1", LOCK_TIMEOUT.as_millis());
        assert_eq!(content::lines(&mut session, set), [expected]);
        session.write(|_| Ok::<_, Error>(())).unwrap();
    }
}

/// How a connection works, as far as pragmas change it.
fn properties(connection: &mut SqliteConnection) -> Vec<String> {
    const READABLE: [&str; 17] = [
        "automatic_index",
        "cache_size",
        "cache_spill",
        "cell_size_check",
        "defer_foreign_keys",
        "ignore_check_constraints",
        "journal_size_limit",
        "legacy_alter_table",
        "locking_mode",
        "max_page_count",
        "query_only",
        "read_uncommitted",
        "recursive_triggers",
        "reverse_unordered_selects",
        "secure_delete",
        "trusted_schema",
        "writable_schema",
    ];
    let mut properties = content::lines(connection, "SELECT 'a' LIKE 'A' AS line");
    for pragma in READABLE {
        let value = format!("SELECT '{pragma} ' || \"{pragma}\" AS line FROM pragma_{pragma}");
        properties.extend(content::lines(connection, &value));
    }
    properties
}

#[test]
fn session_never_begins_with_what_a_pragma_of_the_one_before_has_changed() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let options = PoolOptions::default().max_size(1);
    let database = Database::open_with(&copy.path, &options).unwrap();
    let expected = properties(&mut database.session().unwrap());
    for changed in [
        "automatic_index = OFF",
        "cache_size = 7",
        "main.cache_spill = OFF",
        "case_sensitive_like = ON",
        "cell_size_check = ON",
        "ignore_check_constraints = ON",
        "journal_size_limit(1)",
        "legacy_alter_table = ON",
        "LOCKING_MODE = exclusive",
        "max_page_count = 100000",
        "query_only = ON",
        "read_uncommitted = ON",
        "recursive_triggers = ON",
        "reverse_unordered_selects = ON",
        "secure_delete = FAST",
        "trusted_schema = OFF",
        "writable_schema = ON",
    ] {
        let mut session = database.session().unwrap();
        let pragma = format!("PRAGMA {changed}");
        diesel::sql_query(pragma).execute(&mut *session).unwrap();
        assert_ne!(properties(&mut session), expected, "{changed}");
        drop(session);
        let mut session = database.session().unwrap();
        assert_eq!(properties(&mut session), expected, "{changed}");
    }
}

/// A connection that pragmas do not change, or only in what the pool sets again, is worth keeping.
#[test]
fn connection_of_a_session_is_kept_unless_a_pragma_has_changed_it() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let options = PoolOptions::default().max_size(1);
    let database = Database::open_with(&copy.path, &options).unwrap();
    for (statement, is_kept) in [
        ("SELECT 1", true),
        ("PRAGMA integrity_check(1)", true),
        ("PRAGMA cache_size = 7", true),
        ("PRAGMA locking_mode", true),
        ("PRAGMA locking_mode = NORMAL", false),
    ] {
        let mut session = database.session().unwrap();
        let changes = "UPDATE erc20_tokens SET decimals = decimals";
        session.batch_execute(changes).unwrap();
        session.batch_execute(statement).unwrap();
        let count = "SELECT CAST(total_changes() AS TEXT) AS line";
        let before = content::lines(&mut session, count);
        drop(session);
        let after = content::lines(&mut database.session().unwrap(), count);
        assert_eq!(after == before, is_kept, "{statement}");
    }
    drop(database.snapshots(1).unwrap());
    let mut session = database.session().unwrap();
    session.write(|_| Ok::<_, Error>(())).unwrap();
}

/// They would hide a table of the next session, or run on its writes.
#[test]
fn session_ends_with_its_temporary_objects_and_attached_databases() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let options = PoolOptions::default().max_size(1);
    let database = Database::open_with(&copy.path, &options).unwrap();
    for left in [
        "CREATE TEMP TABLE exchanges (id)",
        "CREATE TEMP VIEW exchanges AS SELECT 1 AS id",
        "CREATE TEMP TRIGGER own BEFORE UPDATE ON main.exchanges BEGIN SELECT raise(ABORT, 'own'); END",
        "ATTACH ':memory:' AS own",
        "CREATE TEMP TABLE own (id); DROP TABLE own; PRAGMA temp_store = MEMORY; CREATE TEMP TABLE own (id)",
    ] {
        let mut session = database.session().unwrap();
        session.batch_execute(left).unwrap();
        drop(session);
        let mut session = database.session().unwrap();
        let names = "SELECT name AS line FROM pragma_database_list WHERE name NOT IN ('main', 'temp') \
                     UNION ALL SELECT name FROM sqlite_temp_schema";
        assert!(content::lines(&mut session, names).is_empty(), "{left}");
        let update = "UPDATE exchanges SET active = active";
        assert!(session.batch_execute(update).is_ok(), "{left}");
    }
}

#[test]
fn session_enforces_foreign_keys() {
    let copy = Copy::of("fresh/fresh-0.6.0a3.db");
    let database = Database::open(&copy.path).unwrap();
    let error = database
        .write(|connection| -> Result<(), Error> {
            Ok(connection.batch_execute(
                "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) \
                 VALUES (1, 0, '0', '0')",
            )?)
        })
        .unwrap_err();
    assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
}

#[test]
fn open_refuses_unusable_files_with_the_reason() {
    let cases = [
        ("odd/random-bytes.db", "not an SQLite database"),
        ("odd/foreign-no-stamp.db", "is not a degenbot database"),
        ("populated/populated-0.5.0a2.db", "756fba1f75f4"),
    ];
    let name = |(name, _): &(&str, &str)| (*name).to_owned();
    cases::map(&cases, name, |(name, reason)| {
        let copy = Copy::of(name);
        let error = Database::open(&copy.path).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    });
}

#[test]
fn exhausted_pool_reports_its_size() {
    let copy = Copy::of("fresh/fresh-0.6.0a3.db");
    let options = PoolOptions::default()
        .max_size(2)
        .connection_timeout(Duration::from_millis(50));
    let database = Database::open_with(&copy.path, &options).unwrap();
    let one = database.session().unwrap();
    let _two = database.session().unwrap();
    let error = database.session().unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::PoolExhausted { size: 2, .. }),
        "{error}"
    );
    drop(one);
    database.session().unwrap();
}

#[test]
fn open_turns_rollback_mode_into_wal_mode() {
    let copy = Copy::of("fresh/fresh-0.6.0a3.db");
    content::connect(&copy.path)
        .batch_execute("PRAGMA journal_mode = DELETE")
        .unwrap();
    let database = Database::open(&copy.path).unwrap();
    database
        .write(|connection| -> Result<(), Error> {
            diesel::insert_into(exchanges::table)
                .values(NewExchange {
                    chain_id: ChainId::new(1).unwrap(),
                    name: "uniswap_v2".to_owned(),
                    active: false,
                    last_update_block: None,
                    factory: Address::ZERO,
                    deployer: None,
                })
                .execute(connection)?;
            Ok(())
        })
        .unwrap();
    let info = degenbot::database::inspect_sqlite_database(&copy.path, false).unwrap();
    assert_eq!(info.journal_mode, "wal");
    assert_eq!(info.exchanges.len(), 1);
}

/// The program that has the database open runs in a process of its own: this one.
const HOLDER: &str = "DEGENBOT_TEST_HOLDER";

#[test]
fn recognition_does_not_make_the_database_read_only_for_other_threads() {
    use std::process::{Command, Stdio};

    if let Some(path) = std::env::var_os(HOLDER) {
        let mut connection = content::connect(path.as_ref());
        connection
            .batch_execute("PRAGMA wal_autocheckpoint = 0; UPDATE exchanges SET active = 1")
            .unwrap();
        println!("ready");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "sessions::recognition_does_not_make_the_database_read_only_for_other_threads",
        ])
        .env(HOLDER, &copy.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = std::io::BufReader::new(holder.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut told, &mut line).unwrap() > 0);
    }
    for _ in 0..40 {
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let database = Database::open(&copy.path).unwrap();
                    database
                        .write(|connection| -> Result<(), Error> {
                            Ok(connection.batch_execute("UPDATE exchanges SET active = 0")?)
                        })
                        .unwrap();
                });
            }
        });
    }
    drop(holder.stdin.take());
    holder.wait().unwrap();
}

#[test]
fn pool_opens_with_extreme_options() {
    let (_folder, path) = empty();
    for timeout in [Duration::ZERO, Duration::MAX] {
        for size in [0, u32::MAX] {
            let options = PoolOptions::default()
                .max_size(size)
                .min_idle(size.min(1))
                .connection_timeout(timeout);
            // Whether the shortest wait suffices depends on the machine.
            let opened = Database::open_with(&path, &options);
            assert!(opened.is_ok() || timeout.is_zero(), "{opened:?}");
        }
    }
}
