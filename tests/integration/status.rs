//! `database status`: how far the database is, how old its backup is, and whether that is too far or too old.

use std::fs;
use std::fs::File;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use degenbot::database::{
    BackupOptions, DatabaseStatus, ErrorKind, Lag, SchemaVersion, Staleness, StatusLimits,
    StatusOptions, StatusSubject, backup_path, backup_sqlite_database, read_database_status,
};
use degenbot::types::{BlockNumber, ChainId};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::{
    await_signal_handler, finish, on, quietly, run, send, settled, spawn, without_sizes,
};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::fake_chain::FakeChain;
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;
#[cfg(target_os = "linux")]
use crate::support::replicating::Replicating;
use crate::support::unprivileged::{public_copy_of_the_binary, unprivileged};

/// A database with two exchanges of Ethereum at blocks 100 and 90, and one that is not active.
fn small() -> Copy {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let sql = "UPDATE exchanges SET active = 0, last_update_block = NULL;
        UPDATE aave_v3_markets SET active = 0, last_update_block = NULL;
        UPDATE exchanges SET last_update_block = 80 WHERE chain_id = 1 AND name = 'sushiswap_v2';
        UPDATE exchanges SET active = 1, last_update_block = 100 WHERE chain_id = 1 AND name = 'uniswap_v2';
        UPDATE exchanges SET active = 1, last_update_block = 90 WHERE chain_id = 1 AND name = 'uniswap_v3'";
    content::connect(&copy.path).batch_execute(sql).unwrap();
    copy
}

fn change(copy: &Copy, sql: &str) {
    content::connect(&copy.path).batch_execute(sql).unwrap();
}

fn status_of(path: &Path) -> DatabaseStatus {
    read_database_status(path, &StatusOptions::default()).unwrap()
}

/// What is stale with a limit of blocks.
fn lag(status: &DatabaseStatus, limit: u64) -> Vec<Staleness> {
    let limits = StatusLimits::default().max_lag_blocks(limit);
    status.staleness(&limits, SystemTime::now())
}

fn texts(stale: &[Staleness]) -> Vec<String> {
    stale.iter().map(ToString::to_string).collect()
}

fn back_up(copy: &Copy) {
    backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
}

/// Sets the time of a file.
fn set_time(path: &Path, time: SystemTime) {
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn exchange_is_compared_with_the_newest_block_of_its_chain() {
    let copy = small();
    let status = status_of(&copy.path);
    let of_ethereum = &status.chains[&ChainId::ETHEREUM];
    assert_eq!(of_ethereum.newest.map(BlockNumber::get), Some(100));
    let behind = texts(&lag(&status, 9));
    assert_eq!(
        behind,
        ["ethereum_uniswap_v3 is 10 blocks behind (at most 9)"]
    );
    assert_eq!(lag(&status, 10), []);
    // What is not active is not judged, but its block counts.
    change(
        &copy,
        "UPDATE exchanges SET last_update_block = 150 WHERE name = 'sushiswap_v2' AND chain_id = 1",
    );
    assert_eq!(
        texts(&lag(&status_of(&copy.path), 10)),
        ["ethereum_uniswap_v3 and 1 other are more than 10 blocks behind, up to 60"]
    );
    let market =
        "UPDATE aave_v3_markets SET last_update_block = 160, active = 1 WHERE chain_id = 1";
    change(&copy, market);
    let status = status_of(&copy.path);
    let markets = status.markets.as_deref().unwrap_or_default();
    assert!(
        markets
            .iter()
            .any(|market| status.lag(market) == Lag::Blocks(0))
    );
    assert_eq!(
        texts(&lag(&status, 60)),
        ["ethereum_uniswap_v3 is 70 blocks behind (at most 60)"]
    );
}

#[test]
fn exchange_is_compared_with_the_head_that_is_known() {
    let copy = small();
    let mut status = status_of(&copy.path);
    let ethereum = ChainId::ETHEREUM;
    status.set_head(ethereum, Ok(BlockNumber::new(120).unwrap()));
    assert_eq!(
        texts(&lag(&status, 10)),
        ["ethereum_uniswap_v3 and 1 other are more than 10 blocks behind, up to 30"]
    );
    // A node that is behind the database does not make it look fresh.
    status.set_head(ethereum, Ok(BlockNumber::new(95).unwrap()));
    assert_eq!(
        texts(&lag(&status, 9)),
        ["ethereum_uniswap_v3 is 10 blocks behind (at most 9)"]
    );
    status.set_head(ethereum, Err("it is away".to_owned()));
    assert_eq!(
        texts(&lag(&status, 1_000)),
        ["the newest block of Ethereum is not known (it is away)"]
    );
    let no_limit = status.staleness(&StatusLimits::default(), SystemTime::now());
    assert_eq!(no_limit, []);
}

#[test]
fn what_has_no_block_does_not_pass() {
    for (sql, expected) in [
        (
            "UPDATE exchanges SET last_update_block = NULL WHERE name = 'uniswap_v3' AND chain_id = 1",
            "ethereum_uniswap_v3 was never updated",
        ),
        (
            "UPDATE exchanges SET last_update_block = NULL",
            "ethereum_uniswap_v2 and 1 other were never updated",
        ),
        (
            "UPDATE exchanges SET last_update_block = 'x' WHERE name = 'uniswap_v3' AND chain_id = 1",
            "the chain or the block of ethereum_uniswap_v3 is invalid",
        ),
        (
            "UPDATE exchanges SET last_update_block = -1 WHERE name = 'uniswap_v3' AND chain_id = 1",
            "the chain or the block of ethereum_uniswap_v3 is invalid",
        ),
        (
            "UPDATE exchanges SET active = 0",
            "no exchange and no market is active",
        ),
    ] {
        let copy = small();
        change(&copy, sql);
        let stale = lag(&status_of(&copy.path), u64::MAX);
        assert_eq!(texts(&stale), [expected], "{sql}");
        assert_eq!(stale[0].subject(), StatusSubject::Blocks);
    }
}

#[test]
fn backup_is_judged_by_its_age() {
    let copy = small();
    let limits = StatusLimits::default().max_backup_age(Duration::from_secs(26 * 3_600));
    let path = backup_path(&copy.path);
    let shown = path.display();
    let written = SystemTime::now();
    let judge = |now| texts(&status_of(&copy.path).staleness(&limits, now));
    assert_eq!(judge(written), [format!("there is no backup at {shown}")]);
    back_up(&copy);
    set_time(&path, written);
    let after = |hours: u64| written + Duration::from_secs(hours * 3_600);
    assert_eq!(judge(after(0)), [""; 0]);
    assert_eq!(judge(after(26)), [""; 0]);
    assert_eq!(
        judge(after(50)),
        [format!(
            "the backup at {shown} is 2 d 2 h old (at most 1 d 2 h)"
        )]
    );
    // The clock of a file server may be ahead.
    assert_eq!(judge(written - Duration::from_secs(50)), [""; 0]);
    let future = format!("the time of the backup at {shown} is in the future, or not known");
    assert_eq!(judge(written - Duration::from_secs(70)), [future]);
    // Somewhere else.
    let elsewhere = copy.folder().join("elsewhere.db");
    fs::rename(&path, &elsewhere).unwrap();
    assert_eq!(judge(after(0)).len(), 1);
    let options = StatusOptions::default().backup(elsewhere.clone());
    let status = read_database_status(&copy.path, &options).unwrap();
    assert_eq!(status.staleness(&limits, after(0)), []);
    assert_eq!(status.backup.path, elsewhere);
}

#[test]
fn what_is_no_backup_does_not_pass() {
    let copy = small();
    let path = backup_path(&copy.path);
    let limits = StatusLimits::default().max_backup_age(Duration::from_secs(3_600));
    let judge = || {
        let before = corpus::files(copy.folder());
        let stale = status_of(&copy.path).staleness(&limits, SystemTime::now());
        assert_eq!(corpus::files(copy.folder()), before);
        assert!(
            matches!(stale[..], [Staleness::BadBackup { .. }]),
            "{stale:?}"
        );
        stale[0].to_string()
    };
    fs::write(&path, "no database").unwrap();
    assert!(judge().contains(" is no backup: "));
    let whole = fs::read(&copy.path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1_000]).unwrap();
    assert!(judge().contains("the file lacks its last 1000 bytes"));
    fs::remove_file(&path).unwrap();
    let foreign = Copy::of("odd/foreign-no-stamp.db");
    fs::copy(&foreign.path, &path).unwrap();
    assert!(judge().contains(" is no backup: it "));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(status_of(&copy.path).backup.problem.is_some());
    fs::remove_dir(&path).unwrap();
    symlink("nothing", &path).unwrap();
    assert!(!status_of(&copy.path).backup.exists());
}

/// A copy of nothing protects from nothing.
#[test]
fn database_is_no_backup_of_itself() {
    let copy = small();
    let limits = StatusLimits::default().max_backup_age(Duration::from_secs(3_600));
    let judge = |database: &Path, backup: &Path| {
        let options = StatusOptions::default().backup(backup.to_owned());
        let status = read_database_status(database, &options).unwrap();
        let stale = status.staleness(&limits, SystemTime::now());
        assert_eq!(stale.len(), 1, "{stale:?}");
        stale[0].to_string()
    };
    let itself = "is no backup: it is the database itself";
    assert!(judge(&copy.path, &copy.path).contains(itself));
    let [link, hard] = ["link", "hard"].map(|name| copy.folder().join(name));
    symlink(&copy.path, &link).unwrap();
    fs::hard_link(&copy.path, &hard).unwrap();
    assert!(judge(&copy.path, &link).contains(itself));
    assert!(judge(&copy.path, &hard).contains(itself));
    let named = copy.folder().join("x.20200101T000000Z");
    fs::copy(&copy.path, &named).unwrap();
    let told = judge(&named, &copy.folder().join("x"));
    assert!(told.contains("there is no backup"), "{told}");
}

/// Without an answer, nobody knows how far the database is.
#[test]
fn status_that_is_interrupted_says_nothing_else() {
    let copy = small();
    let server = NodeServer::start(FakeChain::with_logs(1, 100, 30, |_| 0));
    server.set_faults(Faults::always([Incident::Hang]));
    let arguments = ["database", "status", "--rpc", &server.url(), "--chain", "1"];
    let mut child = spawn(on(&copy.path, &arguments[..4]));
    await_signal_handler(&mut child);
    while server.count() == 0 {
        std::thread::yield_now();
    }
    assert!(send(&child, "-INT"));
    let told = finish(child);
    assert_eq!(told, "status: 1\n--- stdout\n--- stderr\nAborted!\n");
}

#[test]
fn log_is_judged_by_its_length() {
    let copy = small();
    let mut bot = content::connect(&copy.path);
    bot.batch_execute("PRAGMA wal_autocheckpoint = 0; CREATE TABLE numbers (number)")
        .unwrap();
    let status = status_of(&copy.path);
    assert!(status.log_bytes > 0);
    let judge = |bytes| {
        let limits = StatusLimits::default().max_log_bytes(bytes);
        texts(&status.staleness(&limits, SystemTime::now()))
    };
    assert_eq!(judge(status.log_bytes), [""; 0]);
    let (bytes, limit) = (status.log_bytes, status.log_bytes - 1);
    assert_eq!(
        judge(limit),
        [format!("the log has {bytes} bytes (at most {limit})")]
    );
    if cfg!(target_os = "linux") {
        // Only the command is another program than this one.
        let told = quietly(&copy.path, &["database", "status", "--offline"]);
        let this = format!("Open in     {} ", std::process::id());
        assert!(told.contains(&this), "{told}");
    }
}

#[test]
fn status_of_every_version_leaves_nothing_behind() {
    let mut names = corpus::supported();
    names.extend([
        "populated/populated-0.5.0a2.db",
        "populated/wal-0.5.0.db",
        "odd/extra-user-objects.db",
    ]);
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        let before = copy.files();
        let status = status_of(&copy.path);
        let told = quietly(&copy.path, &["database", "status"]);
        assert!(told.starts_with("status: 0\n"), "{name}: {told}");
        assert_eq!(copy.files(), before, "{name}");
        let catalogue = &status.recognition.catalogue;
        let has_markets = catalogue.has_columns("aave_v3_markets", &["last_update_block"]);
        assert_eq!(status.markets.is_some(), has_markets, "{name}");
        assert_eq!(
            told.contains("does not have markets of Aave"),
            !has_markets,
            "{told}"
        );
        let has_blocks = catalogue.has_columns("exchanges", &["last_update_block"]);
        assert_eq!(status.exchanges.is_some(), has_blocks, "{name}");
    });
    let foreign = Copy::of("odd/foreign-no-stamp.db");
    let error = read_database_status(&foreign.path, &StatusOptions::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused { .. }), "{error}");
}

#[test]
fn database_of_an_early_version_needs_an_upgrade_first() {
    let stale = |name: &str| {
        let copy = Copy::of(name);
        let arguments = ["database", "status", "--max-lag-blocks", "9", "--offline"];
        let told = quietly(&copy.path, &arguments);
        assert!(told.starts_with("status: 4\n"), "{told}");
        let (shown, error) = told.split_once("--- stderr\n").unwrap();
        let without = "does not say the blocks of exchanges; 'degenbot database upgrade' brings it to one that does.\n";
        assert_eq!(shown.contains(without), name.contains("0.5.0a2"), "{told}");
        error.replace(&SchemaVersion::latest().to_string(), "[LATEST]")
    };
    insta::assert_snapshot!(stale("populated/populated-0.5.0a2.db"), @r"
    error: degenbot.db is stale: a database at 756fba1f75f4 does not say the blocks of exchanges
    hint: 'degenbot database upgrade' comes first: updates need the latest version; 'degenbot pool update' and 'degenbot aave update' take in new blocks
    ");
    insta::assert_snapshot!(stale("populated/populated-0.5.0.db"), @r"
    error: degenbot.db is stale: base_uniswap_v4 and 11 others are more than 9 blocks behind, up to 20401842; base_pancakeswap_v2 was never updated
    hint: 'degenbot database upgrade' comes first: updates need the latest version; 'degenbot pool update' and 'degenbot aave update' take in new blocks
    ");
}

#[test]
fn backup_in_a_folder_that_cannot_be_listed_is_not_known() {
    let (_binary, program) = public_copy_of_the_binary();
    let copy = small();
    let backups = copy.folder().join("backups");
    fs::create_dir(&backups).unwrap();
    let base = backups.join("degenbot.db.bak");
    fs::copy(&copy.path, &base).unwrap();
    fs::rename(&base, backups.join("degenbot.db.bak.20260131T030007Z")).unwrap();
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(copy.folder(), 0o755);
    mode(&copy.path, 0o644);
    let status = |limits: &[&str]| {
        let mut command = unprivileged(&program);
        command.current_dir(copy.folder());
        command.args([
            "--database",
            "degenbot.db",
            "database",
            "status",
            "--offline",
        ]);
        command
            .args(["--backup", "backups/degenbot.db.bak"])
            .args(limits);
        run(command, "")
    };
    mode(&backups, 0o711);
    let not_known = "backups cannot be listed: Permission denied";
    let told = status(&[]);
    assert!(told.contains("\nBackup      not known: "), "{told}");
    assert!(told.contains(not_known), "{told}");
    let told = status(&["--max-backup-age", "26h"]);
    assert!(told.starts_with("status: 4\n"), "{told}");
    let said = "whether there is a new backup at backups/degenbot.db.bak is not known: ";
    assert!(told.contains(said), "{told}");
    assert!(
        told.contains("hint: name the backup with --backup"),
        "{told}"
    );
    // One that is new enough is enough.
    fs::copy(&copy.path, &base).unwrap();
    mode(&base, 0o644);
    let told = status(&["--max-backup-age", "26h"]);
    assert!(told.starts_with("status: 0\n"), "{told}");
    let said = "; whether there is a newer one is not known: ";
    assert!(told.contains(said), "{told}");
    set_time(&base, SystemTime::now() - Duration::from_secs(30 * 3_600));
    let told = status(&["--max-backup-age", "26h"]);
    assert!(told.starts_with("status: 4\n"), "{told}");
    mode(&backups, 0o755);
    let told = status(&["--max-backup-age", "1w"]);
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(!told.contains("not known"), "{told}");
}

#[test]
fn status_describes_a_backup_and_a_follower() {
    let copy = small();
    back_up(&copy);
    let backup = backup_path(&copy.path);
    assert!(!status_of(&backup).backup.exists());
    fs::write(copy.folder().join("degenbot.db-txid"), "0000000000000007").unwrap();
    let before = copy.files();
    let status = status_of(&copy.path);
    assert!(status.litestream.is_follower && !status.litestream.has_tables);
    let told = quietly(&copy.path, &["database", "status"]);
    assert!(
        told.contains("\nLitestream  keeps the file up to date with another one\n"),
        "{told}"
    );
    assert_eq!(copy.files(), before);
}

#[cfg(target_os = "linux")]
#[test]
fn status_says_whether_litestream_is_attached() {
    let copy = small();
    let line = |told: &str| {
        let line = told.lines().find(|line| line.starts_with("Litestream"));
        line.unwrap().to_owned()
    };
    let status = ["database", "status"];
    let litestream = Replicating::begin(&copy.path);
    let attached = format!("Litestream  attached (process {})", litestream.id());
    assert_eq!(line(&quietly(&copy.path, &status)), attached);
    drop(litestream);
    assert_eq!(line(&quietly(&copy.path, &status)), "Litestream  no");
    change(&copy, "CREATE TABLE _litestream_seq (id, seq)");
    assert_eq!(
        line(&quietly(&copy.path, &status)),
        "Litestream  not attached that can be seen, but its tables are there"
    );
}

/// What is printed, without sizes and times.
fn told(copy: &Copy, arguments: &[&str]) -> String {
    let told = run(on(&copy.path, arguments), "");
    let latest = SchemaVersion::latest().to_string();
    let told = settled(&without_sizes(&told.replace(&latest, "[LATEST]")));
    let lines: Vec<_> = told
        .lines()
        .map(|line| match (line.find(" old ("), line.find(" UTC)")) {
            (Some(from), Some(to)) => format!("{} old ([TIME]{}", &line[..from], &line[to + 4..]),
            _ => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

#[test]
fn status_of_a_fresh_database_is_0() {
    let copy = small();
    change(
        &copy,
        "PRAGMA foreign_keys = OFF; DELETE FROM exchanges WHERE chain_id > 1; DELETE FROM aave_v3_markets",
    );
    back_up(&copy);
    let three_hours = Duration::from_secs(3 * 3_600 + 300);
    set_time(&backup_path(&copy.path), SystemTime::now() - three_hours);
    let limits = "database status --max-lag-blocks 10 --max-backup-age 26h --max-log 1M --offline";
    let arguments: Vec<_> = limits.split(' ').collect();
    insta::assert_snapshot!(told(&copy, &arguments), @r"
    status: 0
    --- stdout
    Database    degenbot.db
    Version     [LATEST]
    Size        [SIZE]
    Log (-wal)  0 B
    Backup      degenbot.db.bak, 3 h 5 min old ([TIME]), [SIZE], at [LATEST]
    Open in     no other program that can be seen
    Litestream  no

    Chain     Newest in the database  Newest of the node
    Ethereum                     100           not asked

    Exchange                 Active  Last update block  Behind
    ethereum_uniswap_v2      yes                   100       0
    ethereum_sushiswap_v2    no                     80      20
    ethereum_pancakeswap_v2  no                      -       -
    ethereum_uniswap_v3      yes                    90      10
    ethereum_sushiswap_v3    no                      -       -
    ethereum_pancakeswap_v3  no                      -       -
    ethereum_uniswap_v4      no                      -       -
    --- stderr
    ");
}

#[test]
fn status_of_a_stale_database_is_4() {
    let copy = small();
    let line = |arguments: &[&str]| {
        let arguments = [&["database", "status"], arguments].concat();
        let told = told(&copy, &arguments);
        let (told, errors) = told.split_once("--- stderr\n").unwrap();
        assert_eq!(
            told.contains("ethereum_uniswap_v3"),
            !told.contains("status: 2")
        );
        format!("{}\n{errors}", told.lines().next().unwrap())
    };
    insta::assert_snapshot!(line(&["--max-lag-blocks", "9", "--offline"]), @r"
    status: 4
    error: degenbot.db is stale: ethereum_uniswap_v3 is 10 blocks behind (at most 9)
    hint: 'degenbot pool update' and 'degenbot aave update' take in new blocks
    ");
    insta::assert_snapshot!(line(&["--max-backup-age", "7d"]), @r"
    status: 4
    error: degenbot.db is stale: there is no backup at degenbot.db.bak
    hint: 'degenbot database backup' makes a backup
    ");
    insta::assert_snapshot!(line(&["--max-lag-blocks", "0", "--max-backup-age", "7d", "--max-log", "0", "--quiet"]), @r"
    status: 4
    error: degenbot.db is stale: ethereum_uniswap_v3 is 10 blocks behind (at most 0); there is no backup at degenbot.db.bak
    hint: 'degenbot pool update' and 'degenbot aave update' take in new blocks; 'degenbot database backup' makes a backup
    ");
    insta::assert_snapshot!(line(&["--max-log", "1Q"]), @r"
    status: 2
    error: invalid value '1Q' for '--max-log <SIZE>': expected a size such as 64K, 500M or 1G, or a number of bytes

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(line(&["--max-backup-age", "7"]), @r"
    status: 2
    error: invalid value '7' for '--max-backup-age <TIME>': expected a time with a unit, such as 90s, 30m, 26h, 7d or 2w

    For more information, try '--help'.
    ");
}

#[test]
fn status_asks_the_node_for_its_newest_block() {
    let copy = small();
    let server = NodeServer::start(FakeChain::with_logs(1, 100, 30, |_| 0));
    let url = server.url();
    let status = [
        "database",
        "status",
        "--max-lag-blocks",
        "38",
        "--rpc",
        &url,
    ];
    let fresh = quietly(&copy.path, &status);
    assert!(fresh.starts_with("status: 4\n"), "{fresh}");
    let expected = "ethereum_uniswap_v3 is 39 blocks behind (at most 38)";
    assert!(fresh.contains(expected), "{fresh}");
    assert!(
        fresh.contains("\nEthereum                     100                 129\n"),
        "{fresh}"
    );
    // The endpoint of the config file.
    let folder = copy.folder().join(".config/degenbot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("config.toml"),
        format!("[rpc]\n1 = \"{url}\"\n"),
    )
    .unwrap();
    let configured = quietly(&copy.path, &status[..4]);
    assert!(configured.contains(expected), "{configured}");
    let asked = server.count();
    let offline = [&status[..4], &["--offline"]].concat();
    let offline = quietly(&copy.path, &offline);
    assert!(offline.starts_with("status: 0\n"), "{offline}");
    assert_eq!(server.count(), asked);
    // What a node does not say is not known.
    server.set_faults(Faults::always([Incident::Close]));
    let away = quietly(&copy.path, &status[..4]);
    assert!(away.starts_with("status: 4\n"), "{away}");
    assert!(
        away.contains("is stale: the newest block of Ethereum is not known ("),
        "{away}"
    );
    assert!(
        away.contains("\nethereum_uniswap_v3      yes                    90  not known\n"),
        "{away}"
    );
    let without_limit = quietly(&copy.path, &["database", "status"]);
    assert!(without_limit.starts_with("status: 0\n"), "{without_limit}");
    // A node of which nobody knows the chain.
    change(
        &copy,
        "UPDATE exchanges SET active = 1, last_update_block = 5 WHERE chain_id = 8453",
    );
    let silent = quietly(&copy.path, &status);
    assert!(silent.starts_with("status: 4\n"), "{silent}");
    assert!(
        silent.contains("the newest block of Base is not known ("),
        "{silent}"
    );
}

#[test]
fn textfile_is_replaced_as_a_whole() {
    let copy = small();
    back_up(&copy);
    let status = |arguments: &[&str]| {
        let arguments = [&["database", "status", "--offline"], arguments].concat();
        quietly(&copy.path, &arguments)
    };
    let file = copy.folder().join("status.prom");
    let figures = || {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        for line in text.lines().filter(|line| line.starts_with("# HELP")) {
            let name = line.split(' ').nth(2).unwrap();
            assert!(text.contains(&format!("# TYPE {name} gauge\n")), "{text}");
        }
        lines
    };
    assert!(status(&["--prometheus", "status.prom"]).starts_with("status: 0"));
    let first = figures();
    let of_exchange = "{database=\"degenbot.db\",chain_id=\"1\",exchange=\"ethereum_uniswap_v3\"}";
    for (name, value) in [("block", 90), ("lag_blocks", 10)] {
        let line = format!("degenbot_database_{name}{of_exchange} {value}");
        assert!(first.contains(&line), "{line}: {first:?}");
    }
    assert!(
        first.contains(&"degenbot_database_backup_usable{database=\"degenbot.db\"} 1".to_owned())
    );
    assert!(!first.iter().any(|line| line.contains("database_stale")));
    let stale = status(&[
        "--prometheus",
        "status.prom",
        "--max-lag-blocks",
        "1",
        "--max-log",
        "1G",
    ]);
    assert!(stale.starts_with("status: 4"), "{stale}");
    for (subject, value) in [("blocks", 1), ("log", 0)] {
        let line = format!(
            "degenbot_database_stale{{database=\"degenbot.db\",subject=\"{subject}\"}} {value}"
        );
        assert!(figures().contains(&line), "{line}");
    }
    let names: Vec<_> = corpus::files(copy.folder()).into_keys().collect();
    assert_eq!(names, ["degenbot.db", "degenbot.db.bak", "status.prom"]);
    // A file that is not of this command stays.
    let of_follower = "# HELP degenbot_follow_up Whether the chain is followed.\n";
    fs::write(&file, of_follower).unwrap();
    let refused = status(&["--prometheus", "status.prom"]);
    assert!(refused.starts_with("status: 1"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), of_follower);
    let refused = status(&["--prometheus", "degenbot.db.bak"]);
    assert!(refused.starts_with("status: 1"), "{refused}");
}
