//! Memory that SQLite asks for in vain. That says nothing about a database.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::fs;
use std::mem;
use std::path::Path;
use std::process::Command;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use degenbot::database::{
    BackupOptions, CompactOptions, Effect, Error, ErrorKind, ExchangeOptions, IntegrityCheck,
    MigrateOptions, ResetOptions, RestoreOptions, SchemaVersion, UpgradeOptions, VerifyOptions,
    activate_exchange, backup_sqlite_database, compact_sqlite_database, inspect_sqlite_database,
    list_exchanges, migrate_sqlite_database, plan_migration, plan_upgrade, reset_sqlite_database,
    restore_sqlite_database, upgrade_sqlite_database, verify_sqlite_database,
};
use libsqlite3_sys as ffi;

use crate::support::command::run;
use crate::support::content;
use crate::support::corpus::{Copy, upgrade_options};

type Allocate = unsafe extern "C" fn(c_int) -> *mut c_void;
type Reallocate = unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void;

/// SQLite's own methods.
static METHODS: OnceLock<(Allocate, Reallocate)> = OnceLock::new();
/// The number of allocations so far.
static COUNT: AtomicI64 = AtomicI64::new(0);
/// The allocation that fails.
static FAILS: AtomicI64 = AtomicI64::new(i64::MAX);
/// Whether all after it fail as well.
static LASTS: AtomicBool = AtomicBool::new(false);

fn fails() -> bool {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let first = FAILS.load(Ordering::Relaxed);
    count == first || (count > first && LASTS.load(Ordering::Relaxed))
}

unsafe extern "C" fn allocate(bytes: c_int) -> *mut c_void {
    match METHODS.get() {
        // SAFETY: SQLite calls the method as it would call its own.
        Some((allocate, _)) if !fails() => unsafe { allocate(bytes) },
        _ => ptr::null_mut(),
    }
}

unsafe extern "C" fn reallocate(place: *mut c_void, bytes: c_int) -> *mut c_void {
    match METHODS.get() {
        // SAFETY: as above.
        Some((_, reallocate)) if !fails() => unsafe { reallocate(place, bytes) },
        _ => ptr::null_mut(),
    }
}

/// Replaces SQLite's methods for memory, before anything else in this process uses SQLite.
fn replace_methods() {
    // SAFETY: the methods are numbers and pointers to functions, each of which may be null, and SQLite fills them in. It
    // copies those that are set.
    unsafe {
        let mut methods: ffi::sqlite3_mem_methods = mem::zeroed();
        let code = ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut methods);
        assert_eq!(code, ffi::SQLITE_OK);
        let own = (methods.xMalloc.unwrap(), methods.xRealloc.unwrap());
        METHODS.set(own).unwrap();
        methods.xMalloc = Some(allocate);
        methods.xRealloc = Some(reallocate);
        let code = ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw mut methods);
        assert_eq!(code, ffi::SQLITE_OK);
    }
}

/// An operation, and a text of what it has found.
type Operation = fn(&Path) -> Result<String, Error>;

fn older() -> SchemaVersion {
    "eb4080485a56".parse().unwrap()
}

const READERS: [(&str, Operation); 6] = [
    ("info", |path| {
        Ok(format!("{:?}", inspect_sqlite_database(path, true)?.tables))
    }),
    ("verify", |path| {
        let report = verify_sqlite_database(path, &VerifyOptions::default(), &mut ())?;
        Ok(format!("{:?}", report.findings))
    }),
    ("exchange list", |path| {
        Ok(format!("{:?}", list_exchanges(path)?))
    }),
    ("upgrade --dry-run", |path| {
        Ok(format!(
            "{:?}",
            plan_upgrade(path, &UpgradeOptions::default())?.rows
        ))
    }),
    ("downgrade --dry-run", |path| {
        Ok(format!("{:?}", plan_migration(path, older())?.rows))
    }),
    ("backup --verify full", |path| {
        let options = BackupOptions::default()
            .replace_existing(true)
            .verify(IntegrityCheck::Full);
        backup_sqlite_database(path, &options, &mut ())?;
        Ok(String::new())
    }),
];

const WRITERS: [(&str, Operation); 6] = [
    ("upgrade", |path| {
        upgrade_sqlite_database(path, &upgrade_options(), &mut ())?;
        Ok(String::new())
    }),
    ("downgrade", |path| {
        let from = "2606a6c7f5ee".parse().unwrap();
        migrate_sqlite_database(path, from, older(), &MigrateOptions::default())?;
        Ok(String::new())
    }),
    ("restore", |path| {
        restore_sqlite_database(path, &RestoreOptions::default(), &mut ())?;
        Ok(String::new())
    }),
    ("compact", |path| {
        compact_sqlite_database(path, &CompactOptions::default(), &mut ())?;
        Ok(String::new())
    }),
    ("reset", |path| {
        reset_sqlite_database(path, &ResetOptions::default(), &mut ())?;
        Ok(String::new())
    }),
    ("exchange activate", |path| {
        let exchange = "base_uniswap_v2".parse().unwrap();
        activate_exchange(path, &exchange, &ExchangeOptions::default())?;
        Ok(String::new())
    }),
];

fn with_backup(name: &str) -> Copy {
    let copy = Copy::of(name);
    fs::copy(&copy.path, copy.folder().join("degenbot.db.bak")).unwrap();
    copy
}

/// Runs an operation again and again, each time without another allocation, or without it and all later ones. Returns how
/// often it has failed.
fn run_without_memory(name: &str, operate: Operation, source: &str, writes: bool) -> usize {
    const POINTS: i64 = 24;
    let mut copy = with_backup(source);
    let before = content::of(&copy.path);
    COUNT.store(0, Ordering::Relaxed);
    let expected = operate(&copy.path).unwrap();
    let allocations = COUNT.load(Ordering::Relaxed);
    let mut failed = 0;
    for lasts in [false, true] {
        LASTS.store(lasts, Ordering::Relaxed);
        for point in 0..POINTS {
            if writes {
                copy = with_backup(source);
            }
            COUNT.store(0, Ordering::Relaxed);
            FAILS.store(allocations * point / POINTS, Ordering::Relaxed);
            let result = operate(&copy.path);
            FAILS.store(i64::MAX, Ordering::Relaxed);
            let context = format!("{name}, {point} of {POINTS}, {lasts}");
            match result {
                Ok(found) => assert_eq!(found, expected, "{context}"),
                Err(error) => {
                    failed += 1;
                    let kind = &error.kind;
                    assert!(
                        matches!(kind, ErrorKind::OutOfMemory),
                        "{context}: {error}: {kind:?}"
                    );
                    if error.effect == Some(Effect::Nothing) {
                        assert!(content::of(&copy.path) == before, "{context}");
                    }
                }
            }
        }
    }
    failed
}

/// It runs in a process of its own, in which SQLite gets no memory now and then.
#[test]
fn lack_of_memory_is_named_as_the_reason_and_never_called_damage() {
    const NAME: &str = "memory::lack_of_memory_is_named_as_the_reason_and_never_called_damage";
    const SWITCH: &str = "MEMORY_SWITCH";
    if std::env::var_os(SWITCH).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", NAME, "--test-threads=1"])
            .env(SWITCH, "");
        let told = run(command, "");
        assert!(told.starts_with("status: 0\n"), "{told}");
        return;
    }
    replace_methods();
    let mut failed = BTreeMap::new();
    for (operations, writes) in [(READERS, false), (WRITERS, true)] {
        for (name, operate) in operations {
            let times = run_without_memory(name, operate, "populated/populated-0.6.0a4.db", writes);
            failed.insert(name, times);
        }
    }
    // A rebuild.
    let (name, upgrade) = WRITERS[0];
    let times = run_without_memory(name, upgrade, "populated/populated-0.5.0b1.db", true);
    failed.insert("rebuild", times);
    assert!(failed.values().all(|times| *times >= 10), "{failed:?}");
}
