//! Pages in use that damage makes look free: no operation writes over them.

use std::fs;
use std::path::Path;
use std::thread;

use degenbot::database::{
    CancelToken, Database, Effect, Error, ErrorKind, ExchangeOptions, activate_exchange,
    add_exchange, create_new_sqlite_database, deactivate_exchange,
};
use degenbot::deployments::Deployment;
use degenbot::models::{Erc20Token, LiquidityUpdate, NewErc20Token};
use degenbot::node::{Endpoint, Node, NodeOptions};
use degenbot::sync::{
    PoolRepairOptions, PoolUpdateOptions, SyncError, TokenUpdateOptions, plan_update, repair_pools,
    update_pools, update_tokens,
};
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::support::content;

const PAGE: usize = 512;

/// A database with small pages, rows in a table of the user's own, and free pages.
fn database(path: &Path, auto_vacuum: &str) {
    create_new_sqlite_database(path).unwrap();
    content::connect(path)
        .batch_execute(&format!(
            "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = {auto_vacuum}; PRAGMA page_size = {PAGE}; VACUUM; \
             CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
             INSERT INTO notes SELECT i, printf('%0100d', i) FROM n; \
             CREATE TABLE gone (body TEXT); INSERT INTO gone SELECT body FROM notes; DROP TABLE gone;"
        ))
        .unwrap();
}

fn number(bytes: &[u8], at: usize) -> usize {
    let bytes: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
    usize::try_from(u32::from_be_bytes(bytes)).unwrap()
}

/// Makes the list of free pages name the leaves of `notes` instead of its own.
fn name_used_pages(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let text = format!("{:0100}", 1);
    let digits = text.as_bytes();
    let holds_notes = |page: &&usize| {
        let page = &bytes[(**page - 1) * PAGE..**page * PAGE];
        page[0] == 13 && page.windows(90).any(|window| window == &digits[..90])
    };
    let free = free_pages(&bytes);
    let pages: Vec<_> = (2..=bytes.len() / PAGE).collect();
    let used: Vec<_> = pages
        .iter()
        .filter(|page| !free.contains(page))
        .filter(holds_notes)
        .copied()
        .collect();
    assert!(used.len() > 20, "{used:?}");
    let trunk = (number(&bytes, 32) - 1) * PAGE;
    let leaves = used.len().min(PAGE / 4 - 8);
    for (index, page) in used[..leaves].iter().enumerate() {
        put(&mut bytes, trunk + 8 + 4 * index, *page);
    }
    put(&mut bytes, trunk, 0);
    put(&mut bytes, trunk + 4, leaves);
    put(&mut bytes, 36, leaves + 1);
    fs::write(path, bytes).unwrap();
}

fn put(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_be_bytes());
}

fn free_pages(bytes: &[u8]) -> Vec<usize> {
    let mut pages = Vec::new();
    let mut trunk = number(bytes, 32);
    while trunk != 0 {
        let start = (trunk - 1) * PAGE;
        pages.push(trunk);
        pages.extend((0..number(bytes, start + 4)).map(|leaf| number(bytes, start + 8 + 4 * leaf)));
        trunk = number(bytes, start);
    }
    pages
}

const NOTES: &str = "SELECT id || ' ' || body AS line FROM notes ORDER BY id";

/// The bodies of all notes, or the error.
fn notes(path: &Path) -> QueryResult<Vec<String>> {
    content::try_lines(&mut content::connect(path), NOTES)
}

fn add(path: &Path, number: u8) -> Result<(), Error> {
    let exchange = format!("base_other{number}_v2").parse().unwrap();
    let kind = "camelot_v2".parse().unwrap();
    let factory = format!("0x{number:040x}").parse().unwrap();
    let deployment = Deployment::new(exchange, kind, factory, None, None).unwrap();
    add_exchange(path, &deployment, &ExchangeOptions::default())
}

#[test]
fn add_refuses_a_database_whose_free_list_names_a_page_in_use() {
    for journal_mode in ["DELETE", "WAL"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        database(&path, "NONE");
        name_used_pages(&path);
        content::connect(&path)
            .batch_execute(&format!("PRAGMA journal_mode = {journal_mode}"))
            .unwrap();
        let before = notes(&path).unwrap();
        assert_eq!(before.len(), 300);
        // Some rows fit on the pages that the tables have.
        let refused = (1..60).find_map(|number| add(&path, number).err()).unwrap();
        assert!(
            matches!(&refused.kind, ErrorKind::Damaged { detail } if detail.contains("Freelist") || detail.contains("reference")),
            "{refused}"
        );
        assert_eq!(refused.effect, Some(Effect::Nothing));
        assert_eq!(notes(&path).unwrap(), before);
    }
}

#[test]
fn add_takes_pages_of_a_sound_free_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    let free = || free_pages(&fs::read(&path).unwrap()).len();
    let before = (free(), notes(&path).unwrap());
    for number in 1..60 {
        add(&path, number).unwrap();
    }
    assert!(free() < before.0);
    assert_eq!(notes(&path).unwrap(), before.1);
    let check = "SELECT integrity_check AS line FROM pragma_integrity_check";
    let found = content::lines(&mut content::connect(&path), check);
    assert_eq!(found, ["ok"]);
}

/// With `auto_vacuum=FULL`, each commit moves pages to where the list says that one is free, even if nothing was written.
#[test]
fn activate_and_deactivate_move_no_page_over_one_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "INCREMENTAL");
    let exchange = "base_uniswap_v2".parse().unwrap();
    let options = ExchangeOptions::default();
    activate_exchange(&path, &exchange, &options).unwrap();
    content::connect(&path)
        .batch_execute("PRAGMA journal_mode = DELETE")
        .unwrap();
    name_used_pages(&path);
    let mut bytes = fs::read(&path).unwrap();
    // The header's field that makes the difference between INCREMENTAL and FULL.
    put(&mut bytes, 64, 0);
    fs::write(&path, &bytes).unwrap();
    let refused = [
        activate_exchange(&path, &exchange, &options).map(drop),
        deactivate_exchange(&path, &exchange, &options).map(drop),
        add(&path, 1),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error}");
    }
    assert!(fs::read(&path).unwrap() == bytes);
}

/// The header has fewer pages than the file: SQLite takes new pages from behind the last that it counts.
#[test]
fn add_takes_no_page_behind_the_end_that_a_wrong_header_names() {
    for journal_mode in ["DELETE", "WAL"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        database(&path, "NONE");
        content::connect(&path)
            .batch_execute(&format!("VACUUM; PRAGMA journal_mode = {journal_mode}"))
            .unwrap();
        let sound = fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        let count = number(&bytes, 28);
        put(&mut bytes, 28, count - 20);
        fs::write(&path, &bytes).unwrap();
        let refused = (1..60).find_map(|number| add(&path, number).err()).unwrap();
        assert!(
            matches!(refused.kind, ErrorKind::Damaged { .. }),
            "{journal_mode}: {refused}"
        );
        assert_eq!(refused.effect, Some(Effect::Nothing));
        let found = fs::read(&path).unwrap();
        assert_eq!(found.len(), sound.len(), "{journal_mode}");
        assert!(found[(count - 20) * PAGE..] == sound[(count - 20) * PAGE..]);
    }
}

/// In WAL mode, the file stays longer than the database until the log is moved into it. That is no damage.
#[test]
fn add_takes_pages_behind_the_end_of_a_database_that_has_become_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    let mut other = content::connect(&path);
    other
        .batch_execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; VACUUM")
        .unwrap();
    let before = notes(&path).unwrap();
    for number in 1..60 {
        add(&path, number).unwrap();
    }
    drop(other);
    assert_eq!(notes(&path).unwrap(), before);
    let check = "SELECT integrity_check AS line FROM pragma_integrity_check";
    let found = content::lines(&mut content::connect(&path), check);
    assert_eq!(found, ["ok"]);
}

/// The row of the trigger needs further pages: the statement gives back as many as it takes.
#[test]
fn activate_is_refused_if_a_trigger_takes_as_many_pages_as_it_gives_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    let exchange = "base_uniswap_v2".parse().unwrap();
    let options = ExchangeOptions::default();
    activate_exchange(&path, &exchange, &options).unwrap();
    content::connect(&path)
        .batch_execute(
            "PRAGMA journal_mode = DELETE; CREATE TABLE big (id INTEGER PRIMARY KEY, body BLOB); \
             INSERT INTO big VALUES (1, zeroblob(3000)); \
             CREATE TRIGGER again AFTER UPDATE ON exchanges BEGIN \
                 REPLACE INTO big VALUES (1, zeroblob(3000)); END",
        )
        .unwrap();
    let before = notes(&path).unwrap();
    // A sound list does no harm.
    deactivate_exchange(&path, &exchange, &options).unwrap();
    assert_eq!(notes(&path).unwrap(), before);
    name_used_pages(&path);
    let refused = activate_exchange(&path, &exchange, &options).unwrap_err();
    assert!(
        matches!(refused.kind, ErrorKind::Damaged { .. }),
        "{refused}"
    );
    assert_eq!(notes(&path).unwrap(), before);
}

#[test]
fn updates_from_a_node_refuse_a_database_whose_free_list_names_a_page_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    let exchange = "base_uniswap_v2".parse().unwrap();
    activate_exchange(&path, &exchange, &ExchangeOptions::default()).unwrap();
    content::connect(&path)
        .batch_execute(
            "PRAGMA journal_mode = DELETE; \
             INSERT INTO erc20_tokens (chain, address) VALUES (8453, printf('0x%040x', 7))",
        )
        .unwrap();
    let update = || {
        // Nothing listens at this port.
        let node = || {
            let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
            let options = NodeOptions::default().max_tries(1);
            Node::new(ChainId::BASE, vec![endpoint], options, CancelToken::new()).unwrap()
        };
        let (chain, options) = (ChainId::BASE, PoolUpdateOptions::default());
        let (_, pools) = update_pools(&path, chain, &node(), &options, &mut ());
        let (_, plan) = plan_update(&path, chain, &node(), &options);
        let tokens = TokenUpdateOptions::default();
        let (_, tokens) = update_tokens(&path, &node(), chain, &tokens, &mut |_| ());
        let repair = PoolRepairOptions::default().exchanges(vec![exchange.clone()]);
        let (_, repair) = repair_pools(&path, chain, &node(), &repair, &mut |_| ());
        [pools, plan, tokens, repair].map(Result::unwrap_err)
    };
    let is_node = |error: &SyncError| matches!(error, SyncError::Node { .. });
    assert!(update().iter().all(is_node));
    name_used_pages(&path);
    for error in update() {
        assert!(
            matches!(&error, SyncError::Database { source }
                if matches!(source.kind, ErrorKind::Damaged { .. })),
            "{error}"
        );
    }
}

fn set_journal_mode(path: &Path, mode: &str) {
    content::connect(path)
        .batch_execute(&format!("PRAGMA journal_mode = {mode}"))
        .unwrap();
}

/// Inserts a token through a pool of connections.
fn insert_token(database: &Database, number: u8) -> Result<(), Error> {
    let token = NewErc20Token {
        chain: ChainId::BASE,
        address: format!("0x{number:040x}").parse().unwrap(),
        name: Some("n".repeat(200)),
        symbol: None,
        decimals: None,
    };
    database.write(|connection| {
        Erc20Token::insert_or_get(connection, &[token])
            .map(drop)
            .map_err(Error::from)
    })
}

#[test]
fn bots_write_nothing_to_a_database_whose_free_list_names_a_page_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    name_used_pages(&path);
    set_journal_mode(&path, "WAL");
    let before = notes(&path).unwrap();
    let damaged = Database::open(&path).unwrap();
    // Who only reads is not kept from it.
    let read = damaged.read(|connection| Ok::<_, Error>(content::lines(connection, NOTES)));
    assert_eq!(read.unwrap(), before);
    let update = LiquidityUpdate::default();
    let apply = || damaged.write(|connection| update.apply(connection).map_err(Error::from));
    for refused in [
        insert_token(&damaged, 1),
        damaged.session().unwrap().write(|_| Ok(())),
        apply().map(drop),
        insert_token(&damaged.clone(), 2),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error}");
    }
    assert_eq!(notes(&path).unwrap(), before);
}

#[test]
fn bots_write_beside_a_sound_free_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    set_journal_mode(&path, "WAL");
    let free = || free_pages(&fs::read(&path).unwrap()).len();
    let before = (free(), notes(&path).unwrap());
    let sound = Database::open(&path).unwrap();
    for number in 1..60 {
        insert_token(&sound, number).unwrap();
    }
    drop(sound);
    // The pool may be opening another connection, and the last one that closes moves the log into the file.
    while path.with_extension("db-wal").exists() {
        thread::yield_now();
    }
    assert!(free() < before.0);
    assert_eq!(notes(&path).unwrap(), before.1);
}

/// The switch is a write.
#[test]
fn opening_switches_no_damaged_database_to_wal_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    name_used_pages(&path);
    let before = fs::read(&path).unwrap();
    let error = Database::open(&path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error}");
    assert!(fs::read(&path).unwrap() == before);
}

/// The header has fewer pages than the file, as above; the log of a database that has become shorter is no damage.
#[test]
fn bots_take_no_page_behind_the_end_that_a_wrong_header_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database(&path, "NONE");
    set_journal_mode(&path, "WAL");
    let mut other = content::connect(&path);
    other
        .batch_execute("PRAGMA wal_autocheckpoint = 0; VACUUM")
        .unwrap();
    insert_token(&Database::open(&path).unwrap(), 1).unwrap();
    drop(other);
    // A pool closes its connections on a thread of its own. The last one to be closed moves the log into the file.
    while path.with_extension("db-wal").exists() {
        thread::yield_now();
    }
    let mut bytes = fs::read(&path).unwrap();
    let count = number(&bytes, 28);
    put(&mut bytes, 28, count - 20);
    fs::write(&path, &bytes).unwrap();
    let error = insert_token(&Database::open(&path).unwrap(), 2).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error}");
    assert!(fs::read(&path).unwrap()[(count - 20) * PAGE..] == bytes[(count - 20) * PAGE..]);
}

/// Gives a table the root page of `notes`: rows that are written to one are in the other as well.
fn share_root_with_notes(path: &Path, table: &str) {
    content::connect(path)
        .batch_execute(&format!(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'notes') \
                 WHERE name = '{table}'; \
             PRAGMA writable_schema = RESET"
        ))
        .unwrap();
}

#[test]
fn nothing_is_written_to_a_table_that_has_the_root_page_of_another() {
    for table in ["exchanges", "erc20_tokens"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        create_new_sqlite_database(&path).unwrap();
        content::connect(&path)
            .batch_execute(
                "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (7, 'kept')",
            )
            .unwrap();
        share_root_with_notes(&path, table);
        let exchange = "base_uniswap_v2".parse().unwrap();
        let options = ExchangeOptions::default();
        let refused = if table == "exchanges" {
            activate_exchange(&path, &exchange, &options).map(drop)
        } else {
            insert_token(&Database::open(&path).unwrap(), 1)
        };
        let error = refused.unwrap_err();
        assert!(
            matches!(&error.kind, ErrorKind::Damaged { detail } if detail.contains("reference")),
            "{table}: {error}"
        );
        assert_eq!(notes(&path).unwrap(), ["7 kept"], "{table}");
    }
}
