//! What the system refuses: permissions, the sync of a folder, locks, threads, large files and long paths.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use degenbot::database::{
    BackupOptions, Database, Error, ErrorKind, ExchangeOptions, activate_exchange,
    backup_sqlite_database, inspect_sqlite_database,
};
use degenbot::models::PoolFamily;
use diesel::connection::SimpleConnection;
use rustix::io::Errno;

use crate::support::command::{degenbot, on, quietly, run};
use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::databases;
use crate::support::databases::{chain, generated};
use crate::support::fake_chain::FakeChain;
use crate::support::faults::{library, preload, refuse};
use crate::support::node_server::NodeServer;
use crate::support::unprivileged::{is_root, public_copy_of_the_binary, unprivileged};

/// Runs a command on a database while the system refuses calls.
fn run_refused(
    library: &Path,
    database: &Path,
    arguments: &[&str],
    calls: &str,
    error: Errno,
) -> String {
    let mut command = on(database, arguments);
    preload(&mut command, library, database.parent().unwrap());
    refuse(&mut command, calls, error);
    run(command, "")
}

/// A folder can allow new files, and not to remove any (`chattr +a`).
#[test]
fn folder_that_nothing_can_be_removed_from_is_no_broken_disk() {
    let Some(library) = library() else {
        return;
    };
    for arguments in [
        &["database", "reset", "--force"][..],
        &["database", "compact"],
    ] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        let before = content::of(&copy.path);
        let told = run_refused(library, &copy.path, arguments, "delete", Errno::PERM);
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(told.contains("Could not remove a file beside "), "{told}");
        assert!(told.contains("Operation not permitted"), "{told}");
        assert_eq!(content::of(&copy.path), before);
    }
}

#[test]
fn copy_is_complete_where_permissions_or_the_sync_of_a_folder_are_refused() {
    let Some(library) = library() else {
        return;
    };
    let refusals = [
        ("chmod", Errno::PERM, "could not be set to 640"),
        ("chmod", Errno::NOTSUP, "could not be set to 640"),
        ("folder", Errno::INVAL, "cannot be synced"),
        ("folder", Errno::ACCESS, "cannot be synced"),
    ];
    let copies: [(&[&str], &str); 3] = [
        (&["database", "backup"], "degenbot.db.bak"),
        (
            &["database", "compact", "--into", "compact.db"],
            "compact.db",
        ),
        (
            &["database", "restore", "--from", "other.db", "--force"],
            "degenbot.db.pre-restore",
        ),
    ];
    for (calls, error, warning) in refusals {
        for (arguments, written) in copies {
            let copy = Copy::of("populated/populated-0.6.0a4.db");
            fs::copy(&copy.path, copy.folder().join("other.db")).unwrap();
            fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o640)).unwrap();
            let before = content::of(&copy.path);
            let told = run_refused(library, &copy.path, arguments, calls, error);
            assert!(told.starts_with("status: 0\n"), "{told}");
            assert!(told.contains(warning), "{told}");
            let written = copy.folder().join(written);
            assert_eq!(content::of(&written), before);
            let mode = fs::metadata(&written).unwrap().permissions().mode() & 0o777;
            assert!([0o600, 0o640].contains(&mode), "{mode:o}");
        }
    }
}

#[test]
fn copy_goes_to_a_folder_that_cannot_be_listed() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o733)).unwrap();
    fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o444)).unwrap();
    let binary = public_copy_of_the_binary();
    let target = folder.path().join("copy.db");
    let mut command = unprivileged(&binary.1);
    command
        .args([
            "--database",
            "degenbot.db",
            "database",
            "backup",
            "--output",
        ])
        .arg(&target)
        .current_dir(copy.folder());
    let told = run(command, "");
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert_eq!(content::of(&target), content::of(&copy.path));
}

/// Root may write everywhere, so nothing that root does shows this.
#[test]
fn restore_works_for_a_user_who_may_write_the_database_but_not_the_backup() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let backup = copy.folder().join("degenbot.db.bak");
    fs::copy(&copy.path, &backup).unwrap();
    let change = "PRAGMA journal_mode = DELETE; DELETE FROM liquidity_positions";
    content::connect(&copy.path).batch_execute(change).unwrap();
    let [before, backed_up] = [&copy.path, &backup].map(|path| content::of(path));
    let binary = public_copy_of_the_binary();
    let restore = |folder_mode| {
        fs::set_permissions(copy.folder(), fs::Permissions::from_mode(folder_mode)).unwrap();
        fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o666)).unwrap();
        fs::set_permissions(&backup, fs::Permissions::from_mode(0o444)).unwrap();
        let files = copy.files();
        let mut command = unprivileged(&binary.1);
        command
            .args([
                "--database",
                "degenbot.db",
                "database",
                "restore",
                "--force",
            ])
            .current_dir(copy.folder());
        (files, run(command, ""))
    };
    // Nothing can be kept in the folder.
    if is_root() {
        let (files, told) = restore(0o755);
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(copy.files() == files, "{told}");
    }
    let (files, told) = restore(0o777);
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(content::of(&copy.path) == backed_up);
    assert!(content::of(&copy.folder().join("degenbot.db.pre-restore")) == before);
    assert!(copy.files()["degenbot.db.bak"] == files["degenbot.db.bak"]);
    assert_eq!(copy.files().len(), 3, "{told}");
}

/// SQLite calls it damage.
#[test]
fn failed_reads_are_called_failed_reads() {
    let Some(library) = library() else {
        return;
    };
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let end = fs::metadata(&copy.path).unwrap().len() - 1;
    for from in [4096, end / 2, end] {
        for arguments in [
            &["database", "info"] as &[&str],
            &["database", "verify"],
            &["database", "verify", "--quick"],
            &["database", "backup", "--force"],
            &["database", "compact"],
            &["database", "upgrade", "--dry-run"],
            &["exchange", "list"],
        ] {
            let mut command = on(&copy.path, arguments);
            preload(&mut command, library, copy.folder());
            refuse(&mut command, "input", Errno::IO);
            command.env("FAULTS_FROM", from.to_string());
            let told = run(command, "");
            assert!(
                !told.contains("damage"),
                "{arguments:?} from {from}: {told}"
            );
            assert!(
                !told.contains("integrity"),
                "{arguments:?} from {from}: {told}"
            );
            let reason = "Could not read degenbot.db: Input/output error";
            let reads_all = !["info", "list"].contains(&arguments[1]);
            let is_named = told.contains(reason) || (told.starts_with("status: 0") && !reads_all);
            assert!(is_named, "{arguments:?} from {from}: {told}");
        }
    }
}

const COMMANDS: [&[&str]; 7] = [
    &["database", "verify"],
    &["database", "backup", "--force"],
    &["database", "compact", "--into", "compact.db"],
    &["database", "restore", "--force"],
    &["database", "upgrade", "--force"],
    &["database", "downgrade", "--to", "eb4080485a56", "--force"],
    &["database", "reset", "--force"],
];

fn with_backup(name: &str) -> Copy {
    let copy = Copy::of(name);
    fs::copy(&copy.path, copy.folder().join("degenbot.db.bak")).unwrap();
    copy
}

#[test]
fn file_system_without_locks_is_not_taken_for_another_program() {
    let Some(library) = library() else {
        return;
    };
    for error in [Errno::NOLCK, Errno::OPNOTSUPP] {
        for arguments in COMMANDS {
            let copy = with_backup("populated/populated-0.6.0a4.db");
            let before = copy.files();
            let mut arguments = arguments.to_vec();
            if !arguments.contains(&"verify") {
                arguments.extend(["--wait", "0"]);
            }
            let told = run_refused(library, &copy.path, &arguments, "lock", error);
            assert!(told.starts_with("status: 1\n"), "{told}");
            assert!(told.contains("The system cannot lock"), "{told}");
            assert!(!told.contains("locked by another program"), "{told}");
            assert_eq!(copy.files(), before, "{arguments:?}");
        }
    }
}

#[test]
fn command_works_without_a_second_thread_or_says_that_it_needs_one() {
    let Some(library) = library() else {
        return;
    };
    for arguments in COMMANDS {
        let copy = with_backup("populated/populated-0.6.0a4.db");
        let told = run_refused(library, &copy.path, arguments, "thread", Errno::AGAIN);
        let is_verify = arguments.contains(&"verify");
        assert!(told.starts_with("status: 0\n") || is_verify, "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    let copy = Copy::of("populated/populated-0.5.0b1.db");
    let before = copy.files();
    let arguments = [
        "database",
        "upgrade",
        "--force",
        "--assume",
        "aerodrome_v2.stable=false",
    ];
    let told = run_refused(library, &copy.path, &arguments, "thread", Errno::AGAIN);
    assert!(told.starts_with("status: 1\n"), "{told}");
    assert!(
        told.contains("No thread could be started to work on degenbot.db"),
        "{told}"
    );
    assert_eq!(copy.files(), before);
}

/// It reads in a process of its own, in which the system starts no more threads from some moment on.
#[test]
fn library_reads_without_further_threads() {
    const NAME: &str = "limits::library_reads_without_further_threads";
    const SWITCH: &str = "FAULTS_SWITCH";
    let Some(library) = library() else {
        return;
    };
    let Some(switch) = std::env::var_os(SWITCH) else {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", NAME, "--test-threads=1"])
            .env(SWITCH, folder.path().join("switch"));
        preload(&mut command, library, folder.path());
        refuse(&mut command, "thread", Errno::AGAIN);
        let told = run(command, "");
        assert!(told.starts_with("status: 0\n"), "{told}");
        return;
    };
    let (folder, database) = generated();
    let whole = database.chain_pools(chain()).unwrap();
    let count = |threads| {
        let count = AtomicUsize::new(0);
        let family = PoolFamily::Pools;
        let each = |map: Result<_, _>| -> Result<(), Error> {
            map?;
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        database
            .for_each_tick_map(family, chain(), threads, each)
            .unwrap();
        count.into_inner()
    };
    let maps = count(4);
    assert!(maps > 0);
    fs::write(switch, "").unwrap();
    assert!(std::thread::Builder::new().spawn(|| ()).is_err());
    assert_eq!(
        database.chain_pools(chain()).unwrap().pools().count(),
        whole.pools().count()
    );
    assert_eq!(count(4), maps);
    let error = Database::open(folder.path().join("degenbot.db")).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoThread { .. }), "{error}");
}

/// Runs a command on a copy, under a limit of the shell's `ulimit`.
pub fn under(copy: &Copy, limit: &str, command: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_degenbot");
    let script = format!("ulimit {limit}; exec {binary} --database degenbot.db {command}");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("HOME", copy.folder())
        .current_dir(copy.folder());
    run(shell, "")
}

#[test]
fn limit_on_the_size_of_files_is_an_error_and_leaves_nothing() {
    for (blocks, command) in [
        (100, "backup --force"),
        (100, "compact"),
        (100, "compact --into compact.db"),
        (100, "restore --force"),
        (100, "upgrade --force"),
        (100, "reset --force"),
    ] {
        let copy = with_backup("populated/populated-0.5.0.db");
        let before = copy.files();
        let told = under(
            &copy,
            &format!("-f {blocks}"),
            &format!("database {command}"),
        );
        assert!(told.starts_with("status: 1\n"), "{command}: {told}");
        assert!(
            told.contains("may not become that large"),
            "{command}: {told}"
        );
        assert_eq!(copy.files(), before, "{command}: {told}");
    }
}

#[test]
fn limit_on_open_files_is_named_as_the_reason() {
    let mut refused = 0;
    for command in [
        "database info",
        "database verify",
        "database backup --force",
        "database compact",
        "database upgrade --force",
        "exchange deactivate ethereum_uniswap_v2",
        "pool list",
    ] {
        for files in 5..14 {
            let copy = with_backup("populated/populated-0.6.0a4.db");
            let told = under(&copy, &format!("-n {files}"), command);
            if !told.starts_with("status: 1\n") {
                continue;
            }
            refused += 1;
            assert!(
                told.contains("Too many open files"),
                "{files}, {command}: {told}"
            );
            assert!(!told.contains("permissions"), "{files}, {command}: {told}");
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn path_that_is_too_long_for_sqlite_is_named_as_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let deep = (0..6).fold(folder.path().to_owned(), |path, _| {
        path.join("d".repeat(90))
    });
    fs::create_dir_all(&deep).unwrap();
    let model = Copy::of("populated/populated-0.6.0a4.db");
    let database = deep.join("degenbot.db");
    fs::copy(&model.path, &database).unwrap();
    let error = inspect_sqlite_database(&database, false).unwrap_err();
    let bytes = fs::canonicalize(&database).unwrap().as_os_str().len();
    assert!(
        matches!(error.kind, ErrorKind::PathTooLong { part: "path", bytes: found, .. } if found == bytes),
        "{error}"
    );
    // A path that is relative, and one through a link.
    let told = quietly(&database, &["database", "info"]);
    assert!(told.contains("degenbot.db has "), "{told}");
    assert!(!told.contains("permissions"), "{told}");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&deep, &link).unwrap();
    let error = inspect_sqlite_database(&link.join("degenbot.db"), false).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::PathTooLong { .. }),
        "{error}"
    );

    // A copy has a longer name while it is written.
    let target = folder.path().join("n".repeat(254));
    let options = BackupOptions::default().output(target);
    let error = backup_sqlite_database(&model.path, &options, &mut ()).unwrap_err();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Io {
                action: "create",
                ..
            }
        ),
        "{error}"
    );
    let name = model.folder().join("n".repeat(254));
    fs::rename(&model.path, &name).unwrap();
    let mut command = degenbot(model.folder());
    command
        .arg("--database")
        .arg(&name)
        .args(["database", "verify"]);
    let told = run(command, "");
    assert!(
        told.contains("has 254 bytes, and SQLite needs one of at most 247"),
        "{told}"
    );
}

/// Each request has a thread of its own, so that Ctrl-C ends the wait for its answer.
#[test]
fn updates_from_a_node_say_that_they_need_a_thread() {
    let Some(library) = library() else { return };
    let (_folder, path) = databases::empty();
    content::connect(&path)
        .batch_execute(
            "INSERT INTO erc20_tokens (id, chain, address) VALUES (7, 1, printf('0x%040x', 7))",
        )
        .unwrap();
    let exchange = "ethereum_uniswap_v2".parse().unwrap();
    activate_exchange(&path, &exchange, &ExchangeOptions::default()).unwrap();
    let before = content::of(&path);
    let server = NodeServer::start(FakeChain::new(1, 1_000));
    for group in ["token", "pool"] {
        let arguments = [group, "update", "--rpc", &server.url()];
        let told = run_refused(library, &path, &arguments, "thread", Errno::AGAIN);
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(told.contains("no thread could be started"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    // A status without the node's answer is one all the same. This endpoint need not say its chain first.
    let folder = path.parent().unwrap().join(".config/degenbot");
    fs::create_dir_all(&folder).unwrap();
    let config = format!("[rpc]\n1 = \"{}\"\n", server.url());
    fs::write(folder.join("config.toml"), config).unwrap();
    let arguments = ["database", "status", "--max-lag-blocks", "9"];
    let told = run_refused(library, &path, &arguments, "thread", Errno::AGAIN);
    assert!(told.starts_with("status: 4\n"), "{told}");
    assert!(told.contains("no thread could be started"), "{told}");
    assert_eq!(content::of(&path), before);
}

/// The sidecars of a backup that another user has opened.
#[test]
fn backup_over_one_with_sidecars_of_another_user_leaves_none_and_names_the_reason() {
    let binary = public_copy_of_the_binary();
    let again = |copy: &Copy, writable: bool| {
        for name in copy.files().keys() {
            let mode = if writable && !name.ends_with("-shm") {
                0o666
            } else {
                0o444
            };
            fs::set_permissions(copy.folder().join(name), fs::Permissions::from_mode(mode))
                .unwrap();
        }
        fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o777)).unwrap();
        let mut command = unprivileged(&binary.1);
        command
            .args(["--database", "degenbot.db", "database", "backup", "--force"])
            .current_dir(copy.folder());
        run(command, "")
    };

    // An index that is not writable, without a log.
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let backup = copy.folder().join("degenbot.db.bak");
    fs::copy(&copy.path, &backup).unwrap();
    content::connect(&backup)
        .batch_execute("PRAGMA journal_mode = WAL")
        .unwrap();
    fs::write(copy.folder().join("degenbot.db.bak-shm"), vec![0; 32768]).unwrap();
    let told = again(&copy, true);
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(!copy.files().contains_key("degenbot.db.bak-wal"), "{told}");

    // The same beside a backup that is not writable either.
    fs::remove_file(copy.folder().join("degenbot.db.bak-shm")).ok();
    content::connect(&copy.folder().join("degenbot.db.bak"))
        .batch_execute("PRAGMA journal_mode = WAL")
        .unwrap();
    fs::write(copy.folder().join("degenbot.db.bak-shm"), vec![0; 32768]).unwrap();
    let told = again(&copy, false);
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(!copy.files().contains_key("degenbot.db.bak-wal"), "{told}");

    // A log that belongs to the backup, and that the user may not write.
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    for sidecar in ["", "-wal"] {
        let [from, to] = ["degenbot.db", "degenbot.db.bak"]
            .map(|name| copy.folder().join(name.to_owned() + sidecar));
        fs::copy(from, to).unwrap();
    }
    let before = copy.files();
    let told = again(&copy, false);
    assert!(
        told.contains("error: The database at degenbot.db.bak cannot be written"),
        "{told}"
    );
    assert!(told.contains("hint: Nothing was changed."), "{told}");
    let mut after = copy.files();
    // SQLite may make the index of the log anew.
    after.remove("degenbot.db.bak-shm");
    assert!(after == before, "{told}");
}
