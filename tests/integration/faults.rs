//! What kill -9, a full disk and a read-only file do: the old or the new, whole.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use degenbot::database::{self, SchemaVersion, backup_path};
use diesel::connection::SimpleConnection;

use crate::support::command::{await_signal_handler, finish, on, quietly, send, settled, spawn};
use crate::support::content;
use crate::support::corpus::{Copy, earlier_backup, upgrade_options};
use crate::support::unprivileged::{is_root, public_copy_of_the_binary, unprivileged};

/// The time between two looks at the clock. Whoever spins takes a core from the process that is to be killed.
const GLANCE: Duration = Duration::from_micros(200);

/// A database of some megabytes, so that there is time to kill a process in the middle.
pub fn grown(copy: Copy) -> Copy {
    content::connect(&copy.path)
        .batch_execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
             INSERT INTO erc20_tokens (chain, address, name) \
             SELECT 1, printf('0x%040x', i), printf('%0100d', i) FROM n",
        )
        .unwrap();
    copy
}

/// Runs the command again and again, each time killed a little later, until it ends by itself;
/// `check` looks at what each kill has left.
pub fn kill_at_many_instants(copy: &Copy, arguments: &[&str], mut check: impl FnMut(&str)) {
    const INSTANTS: u32 = 15;

    let began = Instant::now();
    let told = quietly(&copy.path, arguments);
    assert!(told.starts_with("status: 0\n"), "{told}");
    let whole = began.elapsed();
    for instant in 1..=INSTANTS {
        check("before");
        let mut child = on(&copy.path, arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + whole * instant / INSTANTS;
        // No event tells how far the other process is; the clock only spreads the instants.
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            thread::sleep(GLANCE);
        }
        let _ = child.kill();
        child.wait().unwrap();
        check(&format!("killed at {instant}/{INSTANTS}"));
    }
    let told = quietly(&copy.path, arguments);
    assert!(told.starts_with("status: 0\n"), "{told}");
    check("finally");
    assert!(
        copy.files()
            .keys()
            .all(|name| !name.contains(".degenbot-tmp-")),
        "{:?}",
        copy.files().keys()
    );
}

#[test]
fn killed_backup_leaves_the_old_or_the_new_one() {
    let copy = grown(Copy::of("populated/populated-0.6.0a4.db"));
    let before = content::of(&copy.path);
    let backup = backup_path(&copy.path);
    kill_at_many_instants(&copy, &["database", "backup", "--force"], |when| {
        assert_eq!(content::of(&copy.path), before, "{when}");
        if backup.exists() {
            assert_eq!(content::of(&backup), before, "{when}");
            assert_eq!(content::complaints(&backup), [""; 0], "{when}");
        } else {
            assert_eq!(when, "before");
        }
    });
}

#[test]
fn killed_reset_leaves_the_old_or_an_empty_database() {
    let copy = grown(Copy::of("populated/populated-0.6.0a4.db"));
    let original = copy.files()["degenbot.db"].clone();
    let full = content::of(&copy.path)["erc20_tokens"].rows.len();
    kill_at_many_instants(&copy, &["database", "reset", "--force"], |when| {
        let tokens = content::of(&copy.path)["erc20_tokens"].rows.len();
        assert!(tokens == 0 || tokens == full, "{when}: {tokens}");
        assert_eq!(content::complaints(&copy.path), [""; 0], "{when}");
        if when != "finally" {
            fs::write(&copy.path, &original).unwrap();
        }
    });
}

#[test]
fn killed_upgrade_of_a_large_database_leaves_the_old_or_the_new_version() {
    let copy = grown(Copy::of("populated/populated-0.5.0.db"));
    let original = copy.files()["degenbot.db"].clone();
    let before = content::of(&copy.path);
    let from = database::current_database_version(&copy.path).unwrap();
    kill_at_many_instants(&copy, &["database", "upgrade", "--force"], |when| {
        let version = database::current_database_version(&copy.path).unwrap();
        assert!(
            [from, SchemaVersion::latest()].contains(&version),
            "{when}: {version}"
        );
        content::assert_carried_over(&before, &content::of(&copy.path), when);
        if when != "finally" {
            fs::write(&copy.path, &original).unwrap();
        }
    });
}

/// Runs a command on fresh copies of a database, each time killed a little later; `check` looks at what
/// each kill has left, and the same command run again must finish.
fn kill_copies(
    model: &Path,
    arguments: &[&str],
    instants: u32,
    mut check: impl FnMut(&Path, &str),
    finished: impl Fn(&Path),
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    let mut whole = Duration::ZERO;
    for instant in 0..=instants {
        for file in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        fs::copy(model, &path).unwrap();
        if instant > 0 {
            let began = Instant::now();
            let mut child = on(&path, arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // No event tells how far the other process is; the clock only spreads the instants.
            while began.elapsed() < whole * instant / instants
                && child.try_wait().unwrap().is_none()
            {
                thread::sleep(GLANCE);
            }
            let _ = child.kill();
            child.wait().unwrap();
            check(&path, &format!("killed at {instant}/{instants}"));
        }
        let began = Instant::now();
        let told = quietly(&path, arguments);
        whole = whole.max(began.elapsed());
        assert!(told.starts_with("status: 0\n"), "{instant}: {told}");
        finished(&path);
        for file in fs::read_dir(folder.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(!name.contains("-tmp-"), "{instant}: {name}");
        }
    }
}

/// A database as it is before and after what a killed process was about to do.
struct BeforeAndAfter {
    model: Copy,
    before: content::Content,
    after: content::Content,
}

impl BeforeAndAfter {
    fn of(model: Copy, command: &[&str]) -> Self {
        let before = content::timeless(&model.path);
        let done = tempfile::tempdir().unwrap();
        let path = done.path().join("degenbot.db");
        fs::copy(&model.path, &path).unwrap();
        let told = quietly(&path, command);
        assert!(told.starts_with("status: 0\n"), "{told}");
        Self {
            after: content::timeless(&path),
            model,
            before,
        }
    }

    /// Kills the command at so many instants: what is left is the one or the other.
    fn kill(&self, command: &[&str], instants: u32) {
        let mut seen = [0, 0];
        kill_copies(
            &self.model.path,
            command,
            instants,
            |path, when| {
                let left = content::timeless(path);
                assert!(left == self.before || left == self.after, "{when}");
                seen[usize::from(left == self.after)] += 1;
                assert_eq!(content::complaints(path), [""; 0], "{when}");
            },
            |path| assert!(content::timeless(path) == self.after),
        );
        assert!(seen[0] > 0, "{seen:?}");
    }
}

#[test]
fn killed_rebuild_leaves_the_old_or_the_new_database() {
    let command = [
        "database",
        "upgrade",
        "-y",
        "--assume",
        "aerodrome_v2.stable=true",
    ];
    BeforeAndAfter::of(Copy::of("populated/populated-0.5.0a2.db"), &command).kill(&command, 200);
}

#[test]
fn killed_rebuild_beside_user_tables_leaves_the_old_or_the_new_database() {
    let copy = Copy::of("populated/populated-0.5.0b1.db");
    content::connect(&copy.path)
        .batch_execute(
            "CREATE TABLE mine (x); INSERT INTO mine VALUES (1); PRAGMA journal_mode = DELETE",
        )
        .unwrap();
    let command = ["database", "upgrade", "-y"];
    BeforeAndAfter::of(copy, &command).kill(&command, 50);
}

#[test]
fn killed_upgrade_in_place_leaves_the_old_or_the_new_version() {
    let command = ["database", "upgrade", "-y"];
    BeforeAndAfter::of(Copy::of("populated/populated-0.5.0.db"), &command).kill(&command, 200);
}

#[test]
fn killed_downgrade_leaves_the_old_or_the_new_version() {
    let command = ["database", "downgrade", "-y", "--to", "eb4080485a56"];
    BeforeAndAfter::of(Copy::of("populated/populated-0.6.0a4.db"), &command).kill(&command, 200);
}

#[test]
fn killed_compaction_keeps_every_row() {
    let copy = grown(Copy::of("populated/populated-0.6.0a4.db"));
    let before = content::of(&copy.path);
    kill_at_many_instants(&copy, &["database", "compact"], |when| {
        assert_eq!(content::of(&copy.path), before, "{when}");
        assert_eq!(content::complaints(&copy.path), [""; 0], "{when}");
    });
}

#[test]
fn rebuild_is_aborted_by_sigint_at_any_moment() {
    const INSTANTS: u32 = 12;
    let model = Copy::of("populated/populated-0.5.0a2.db");
    content::connect(&model.path)
        .batch_execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) \
             INSERT INTO erc20_tokens (chain, address, name, symbol, decimals) \
             SELECT 1, printf('0x%040x', i * 2654435761 % 4294967296), '', '', 0 FROM n",
        )
        .unwrap();
    let arguments = [
        "database",
        "upgrade",
        "-y",
        "--assume",
        "aerodrome_v2.stable=true",
    ];
    let before = content::of(&model.path);
    let mut whole = Duration::ZERO;
    for instant in 0..INSTANTS {
        let copy = Copy::of("populated/populated-0.5.0a2.db");
        fs::copy(&model.path, &copy.path).unwrap();
        let began = Instant::now();
        let mut child = spawn(on(&copy.path, &arguments));
        if instant > 0 {
            await_signal_handler(&mut child);
            // No event tells how far the other process is; the clock only spreads the instants.
            while began.elapsed() < whole * instant / INSTANTS
                && child.try_wait().unwrap().is_none()
            {
                thread::sleep(GLANCE);
            }
            send(&child, "-INT");
        }
        let told = finish(child);
        let files: Vec<_> = copy.files().into_keys().collect();
        if told.starts_with("status: 0\n") {
            whole = whole.max(began.elapsed());
            assert_eq!(files, ["degenbot.db", "degenbot.db.pre-upgrade"]);
        } else {
            assert!(told.contains("Aborted!"), "{told}");
            assert_eq!(files, ["degenbot.db"]);
            assert!(content::of(&copy.path) == before, "{instant}");
        }
    }
}

#[test]
fn backup_aborted_by_a_signal_leaves_no_temporary_file() {
    for signal in ["-INT", "-TERM", "-QUIT", "-HUP"] {
        interrupt_a_backup(signal);
    }
}

fn interrupt_a_backup(signal: &str) {
    let copy = grown(Copy::of("populated/populated-0.6.0a4.db"));
    fs::write(backup_path(&copy.path), earlier_backup()).unwrap();
    let mut child = spawn(on(&copy.path, &["database", "backup", "--force"]));
    // The temporary file is there as soon as the copy begins.
    let temporary = |path: &Path| path.to_string_lossy().contains(".degenbot-tmp-");
    while child.try_wait().unwrap().is_none()
        && !fs::read_dir(copy.folder())
            .unwrap()
            .any(|entry| temporary(&entry.unwrap().path()))
    {
        thread::yield_now();
    }
    // It may have ended in the meantime, and is then complete.
    send(&child, signal);
    let told = finish(child);
    let files = copy.files();
    assert!(
        files.keys().all(|name| !name.contains(".degenbot-tmp-")),
        "{:?}",
        files.keys()
    );
    if told.starts_with("status: 1\n") {
        assert!(told.contains("Aborted!"), "{told}");
        assert_eq!(files["degenbot.db.bak"], earlier_backup());
    } else {
        assert!(told.starts_with("status: 0\n"), "{told}");
    }
}

/// A file system of `megabytes`, mounted for one shell script in a mount namespace of its own. `None`
/// where this system does not allow that to this user.
pub fn on_a_small_disk(megabytes: usize, database: &Path, script: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let setup = format!(
        "set -e; mount -t tmpfs -o size={megabytes}m tmpfs '{disk}' && echo mounted; \
         cp '{database}' '{disk}/degenbot.db'; cd '{disk}'; set +e; {script}",
        disk = disk.display(),
        database = database.display()
    );
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &setup])
        .env("HOME", folder.path())
        .env("DEGENBOT", env!("CARGO_BIN_EXE_degenbot"))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let text = text.replace(&format!("{}/", disk.display()), "[DISK]/");
    text.starts_with("mounted\n").then_some(settled(&text))
}

/// The text without the process ids in the names of temporary files.
fn without_names(text: &str) -> String {
    let mut parts = text.split(".degenbot-tmp-");
    let mut settled = parts.next().unwrap().to_owned();
    for part in parts {
        settled.push_str(".degenbot-tmp-[ID]");
        settled.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-'));
    }
    settled
}

/// Numbers of bytes change with every version of the schema.
fn without_bytes(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let is_size = word.len() > 4 && word.bytes().all(|byte| byte.is_ascii_digit());
        if is_size { "[BYTES]" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn backup_and_compact_on_a_full_disk_change_nothing() {
    let copy = grown(Copy::upgraded("populated/populated-0.6.0a4.db"));
    let megabytes = usize::try_from(fs::metadata(&copy.path).unwrap().len() >> 20).unwrap() + 3;
    fs::write(copy.folder().join("earlier"), earlier_backup()).unwrap();
    let earlier = copy.folder().join("earlier");
    let script = format!(
        "cp '{}' degenbot.db.bak; sha256sum degenbot.db degenbot.db.bak > sums; \
         for command in 'backup --force' compact; do \
             $DEGENBOT --database degenbot.db database $command 2>&1; echo \"status: $?\"; \
         done; \
         sha256sum --check --quiet sums && echo unchanged; rm sums; ls",
        earlier.display()
    );
    let Some(told) = on_a_small_disk(megabytes, &copy.path, &script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    insta::assert_snapshot!(without_bytes(&without_names(&told)));
}

#[test]
fn upgrade_and_reset_on_a_full_disk_leave_no_trace() {
    let copy = grown(Copy::of("populated/populated-0.5.0.db"));
    let megabytes = usize::try_from(fs::metadata(&copy.path).unwrap().len() >> 20).unwrap() + 1;
    let script = "dd if=/dev/zero of=filler bs=4096 2>/dev/null; \
         for command in 'upgrade --dry-run' 'upgrade --force' 'reset --force'; do \
             $DEGENBOT --database degenbot.db database $command 2>&1; echo \"status: $?\"; \
         done; \
         $DEGENBOT --database new.db database reset 2>&1; echo \"status: $?\"; \
         rm filler; ls; $DEGENBOT --database degenbot.db database info | grep -E '^(Version|erc20)'";
    let Some(told) = on_a_small_disk(megabytes, &copy.path, script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    insta::assert_snapshot!(without_bytes(&without_names(&told)));
}

/// A few pages are free: enough for the log, too few for its index.
#[test]
fn no_log_is_left_where_the_disk_has_no_room_for_its_index() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute("PRAGMA journal_mode = WAL")
        .unwrap();
    let script = "cp degenbot.db ../before; dd if=/dev/zero of=filler bs=4096 2>/dev/null; \
         truncate -s -12288 filler; \
         for command in 'database upgrade -y' 'database compact' 'database reset --force' \
             'database downgrade -y --to 0.5.0' 'database verify' 'exchange deactivate base_pancakeswap_v3'; do \
             $DEGENBOT --database degenbot.db $command 2>&1 \
                 | grep -oE 'The disk is full|There is not enough room'; ls; \
         done; cmp degenbot.db ../before && echo unchanged";
    let Some(told) = on_a_small_disk(1, &copy.path, script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    let files = "degenbot.db\nfiller\n";
    let (full, no_room) = ("The disk is full\n", "There is not enough room\n");
    // A verification only reads.
    let expected = [no_room, full, full, no_room, "", full].map(|text| format!("{text}{files}"));
    assert_eq!(told, format!("mounted\n{}unchanged\n", expected.concat()));
}

/// Neither a log nor its index fits on the disk. The last log holds a commit that the file lacks.
#[test]
fn what_only_reads_works_on_a_full_disk() {
    let with_log = Copy::of("populated/wal-0.6.0a4.db");
    let expected = content::of(&with_log.path);
    let with_log = Copy::of("populated/wal-0.6.0a4.db");
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute("PRAGMA journal_mode = WAL")
        .unwrap();
    let results = tempfile::tempdir().unwrap();
    let script = format!(
        "run() {{ $DEGENBOT --database degenbot.db database $1 >../told 2>&1; echo \"$1: $?\"; \
             ls; }}; \
         fill() {{ dd if=/dev/zero of=filler bs=4096 2>/dev/null; cat degenbot.db* >../before; }}; \
         fill; run 'verify --quick'; run verify; run 'backup --output ../copy.db'; run 'compact --into ../compact.db'; \
         rm filler; cp '{database}' degenbot.db; cp '{log}' degenbot.db-wal; \
         fill; run 'verify --quick'; run 'backup --output ../logged.db'; \
         cat degenbot.db* | cmp - ../before && echo unchanged; cp ../*.db '{results}'",
        database = with_log.path.display(),
        log = with_log.folder().join("degenbot.db-wal").display(),
        results = results.path().display(),
    );
    let Some(told) = on_a_small_disk(1, &copy.path, &script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    insta::assert_snapshot!(told, @r"
    mounted
    verify --quick: 3
    degenbot.db
    filler
    verify: 3
    degenbot.db
    filler
    backup --output ../copy.db: 0
    degenbot.db
    filler
    compact --into ../compact.db: 0
    degenbot.db
    filler
    verify --quick: 3
    degenbot.db
    degenbot.db-wal
    filler
    backup --output ../logged.db: 0
    degenbot.db
    degenbot.db-wal
    filler
    unchanged
    ");
    let at = |name: &str| results.path().join(name);
    for name in ["copy.db", "compact.db"] {
        assert_eq!(content::of(&at(name)), content::of(&copy.path), "{name}");
    }
    assert_eq!(content::of(&at("logged.db")), expected);
}

#[test]
fn a_backup_that_may_not_be_replaced_is_not_said_to_be_replaced() {
    use std::os::unix::fs::{PermissionsExt, chown};

    if !is_root() {
        eprintln!("skipped: only root can give a file to another user");
        return;
    }
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    // In such a folder, only its owner may replace a file.
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o1777)).unwrap();
    chown(&copy.path, Some(65534), Some(65534)).unwrap();
    fs::copy(&copy.path, backup_path(&copy.path)).unwrap();
    fs::copy(&copy.path, copy.folder().join("compact.db")).unwrap();
    let before = copy.files();
    let binary = public_copy_of_the_binary();
    for arguments in [
        &["backup", "--force"][..],
        &["compact", "--force", "--into", "compact.db"],
    ] {
        let mut command = unprivileged(&binary.1);
        command
            .args(["--database", "degenbot.db", "database"])
            .args(arguments)
            .current_dir(copy.folder());
        let told = finish(spawn(command));
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(told.contains("error: Could not replace "), "{told}");
        assert!(told.contains("hint: Nothing was changed. "), "{told}");
        assert_eq!(copy.files(), before, "{arguments:?}");
    }
}

#[test]
fn rebuild_checks_free_space_before_it_begins() {
    let copy = grown(Copy::of("populated/populated-0.5.0b1.db"));
    let megabytes = usize::try_from(fs::metadata(&copy.path).unwrap().len() >> 20).unwrap() + 4;
    let script = "$DEGENBOT --database degenbot.db database upgrade --force 2>&1 \
         | sed -E 's/[0-9]{5,} bytes/N bytes/; s/up to [0-9]+/up to N/'; \
         ls; $DEGENBOT --database degenbot.db database info | grep -E '^(Version|erc20)'";
    let Some(told) = on_a_small_disk(megabytes, &copy.path, script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    insta::assert_snapshot!(without_names(&told));
}

#[test]
fn rebuild_ends_on_a_disk_with_the_room_that_its_plan_asks_for() {
    let tokens = grown(Copy::of("populated/populated-0.5.0b1.db"));
    // The database has none of the tokens that the pools name.
    let pools = Copy::of("populated/populated-0.5.0a2.db");
    content::connect(&pools.path)
        .batch_execute(
            "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 41000) \
             INSERT INTO pools (id, address, chain, kind) SELECT i, printf('0x%040x', i), 1, 'uniswap_v2' FROM n; \
             INSERT INTO uniswap_v2_pools \
             SELECT id, printf('0x%039x0', id), printf('0x%039x1', id), \
               '0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f', NULL, 3, 3, 1000 FROM pools WHERE id >= 1000",
        )
        .unwrap();
    for copy in [tokens, pools] {
        let plan = database::plan_upgrade(&copy.path, &upgrade_options()).unwrap();
        let megabytes = usize::try_from((plan.bytes + plan.disk_bytes) >> 20).unwrap() + 1;
        let script = "SQLITE_TMPDIR=$PWD $DEGENBOT --database degenbot.db database upgrade --force \
             --assume aerodrome_v2.stable=false >told 2>&1 || { cat told; df -B1 .; }";
        let Some(told) = on_a_small_disk(megabytes, &copy.path, script) else {
            eprintln!("skipped: file systems cannot be mounted here");
            return;
        };
        assert_eq!(told, "mounted\n", "{plan:?}");
    }
}

#[test]
fn rebuild_asks_for_less_room_where_sqlite_sorts_on_another_disk() {
    let copy = grown(Copy::of("populated/populated-0.5.0b1.db"));
    let plan =
        "$DEGENBOT --database degenbot.db database upgrade --dry-run --json | grep disk_bytes";
    let script = format!("export SQLITE_TMPDIR=$PWD; {plan}; export SQLITE_TMPDIR=/tmp; {plan}");
    let Some(told) = on_a_small_disk(100, &copy.path, &script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    let digits = told.split(|c: char| !c.is_ascii_digit());
    let needs: Vec<u64> = digits.filter_map(|digits| digits.parse().ok()).collect();
    let [here, elsewhere] = needs[..] else {
        panic!("{told}");
    };
    // Nearly everything are tokens, and the index of tokens is sorted.
    let size = fs::metadata(&copy.path).unwrap().len();
    assert!(here > elsewhere + size / 2, "{told}");
}

#[test]
fn commands_refuse_a_read_only_database_with_the_reason() {
    use std::os::unix::fs::PermissionsExt;

    let copy = Copy::of("populated/populated-0.5.0.db");
    let before = copy.files();
    fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o555)).unwrap();
    let binary = public_copy_of_the_binary();
    let mut told = String::new();
    for command in ["upgrade", "backup", "reset", "compact"] {
        let mut arguments = vec!["--database", "degenbot.db", "database", command];
        if command != "compact" {
            arguments.push("--force");
        }
        let mut child = unprivileged(&binary.1);
        child.args(arguments).current_dir(copy.folder());
        told.push_str(&finish(spawn(child)));
    }
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(copy.files(), before);
    insta::assert_snapshot!(settled(&told));
}
