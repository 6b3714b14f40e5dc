//! `Database::open_read_only`: reads of one state, without a trace, beside others and beside nobody.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use degenbot::database::{
    BackupOptions, Database, Effect, Error, ErrorKind, ReadOnlyDatabase, backup_sqlite_database,
};
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use rustix::fs::{FlockOperation, fcntl_lock};

use crate::faults::on_a_small_disk;
use crate::support::content;
use crate::support::corpus::Copy;

/// Two tables of many pages. All their rows have one number, which is that of the state.
const NUMBERS: &str = "CREATE TABLE first AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
    SELECT n, 1 AS state, hex(zeroblob(300)) AS filler FROM n; CREATE TABLE last AS SELECT * FROM first";

const NEXT: &str =
    "BEGIN; UPDATE first SET state = 3 - state; UPDATE last SET state = 3 - state; COMMIT";

/// The numbers of all rows.
fn states(connection: &mut SqliteConnection) -> Vec<String> {
    let query = "SELECT DISTINCT state AS line FROM (SELECT state FROM first UNION ALL SELECT state FROM last)";
    content::lines(connection, query)
}

fn read(database: &ReadOnlyDatabase) -> Vec<String> {
    let states = database.read(|connection| Ok::<_, Error>(states(connection)));
    states.unwrap()
}

fn with_numbers() -> Copy {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    content::connect(&copy.path).batch_execute(NUMBERS).unwrap();
    copy
}

#[test]
fn every_read_beside_a_writer_sees_one_state_and_what_was_committed_before() {
    let copy = with_numbers();
    let database = Database::open_read_only(&copy.path).unwrap();
    // This process opens it to write, and writes, while reads are under way.
    let is_done = AtomicBool::new(false);
    let change = NEXT
        .trim_start_matches("BEGIN; ")
        .trim_end_matches("; COMMIT");
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    assert_eq!(read(&database).len(), 1);
                }
            });
        }
        for _ in 0..20 {
            let sessions = Database::open(&copy.path).unwrap();
            for _ in 0..10 {
                let written = sessions.write(|connection| -> Result<(), Error> {
                    Ok(connection.batch_execute(change)?)
                });
                written.unwrap();
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
    for state in ["2", "1", "2"] {
        content::connect(&copy.path).batch_execute(NEXT).unwrap();
        assert_eq!(read(&database), [state]);
    }
    let pools = database.chain_pools(ChainId::new(1).unwrap()).unwrap();
    let sessions = Database::open(&copy.path).unwrap();
    let expected = sessions.chain_pools(ChainId::new(1).unwrap()).unwrap();
    assert!(pools.pools().count() > 0);
    assert_eq!(pools.pools().count(), expected.pools().count());
}

/// The folder's files, and what is read there.
fn read_without_trace(copy: &Copy) -> Vec<String> {
    let before = copy.files();
    let database = Database::open_read_only(&copy.path).unwrap();
    let states = read(&database);
    let wrote = database.read(|connection| -> Result<(), Error> {
        Ok(connection.batch_execute("UPDATE first SET state = 9")?)
    });
    let error = wrote.unwrap_err().to_string();
    assert!(error.contains("readonly database"), "{error}");
    assert_eq!(copy.files(), before);
    states
}

#[test]
fn a_database_stays_as_it_is() {
    let copy = with_numbers();
    assert_eq!(read_without_trace(&copy), ["1"]);
    let mut other = content::connect(&copy.path);
    other.batch_execute("PRAGMA journal_mode = DELETE").unwrap();
    assert_eq!(read_without_trace(&copy), ["1"]);
    // A log that a killed program has left, with and without its index.
    other
        .batch_execute(&format!("PRAGMA journal_mode = WAL; {NEXT}"))
        .unwrap();
    for index in [true, false] {
        let left = with_numbers();
        let suffixes = ["", "-wal", "-shm"];
        for suffix in &suffixes[..if index { 3 } else { 2 }] {
            let [from, to] = [&copy, &left].map(|copy| format!("{}{suffix}", copy.path.display()));
            fs::copy(from, to).unwrap();
        }
        let files = |copy: &Copy| {
            let mut files = copy.files();
            // The index is memory that programs share.
            files.get_mut("degenbot.db-shm").map(Vec::clear);
            files
        };
        let before = files(&left);
        let database = Database::open_read_only(&left.path).unwrap();
        assert_eq!(read(&database), ["2"]);
        assert_eq!(files(&left), before, "{index}");
    }
    drop(other);
    backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    fs::rename(copy.folder().join("degenbot.db.bak"), &copy.path).unwrap();
    assert_eq!(read_without_trace(&copy), ["2"]);
}

/// A program begins to write to a file that nobody had open.
#[test]
fn what_was_read_while_a_writer_came_is_read_again() {
    let copy = with_numbers();
    let database = Database::open_read_only(&copy.path).unwrap();
    let mut reads = 0;
    let states = database.read(|connection| {
        reads += 1;
        let first = content::lines(connection, "SELECT DISTINCT state AS line FROM first");
        if reads == 1 {
            // Its last connection moves the log into the file.
            content::connect(&copy.path).batch_execute(NEXT).unwrap();
        }
        let last = content::lines(connection, "SELECT DISTINCT state AS line FROM last");
        Ok::<_, Error>([first, last].concat())
    });
    assert_eq!(states.unwrap(), ["2", "2"]);
    assert_eq!(reads, 2);
}

#[test]
fn an_error_of_the_caller_is_returned_as_it_is() {
    #[derive(Debug)]
    struct Own(Option<Error>);
    impl From<Error> for Own {
        fn from(error: Error) -> Self {
            Self(Some(error))
        }
    }
    let copy = with_numbers();
    let database = Database::open_read_only(&copy.path).unwrap();
    let Own(error) = database.read(|_| Err::<(), _>(Own(None))).unwrap_err();
    assert!(error.is_none());
    fs::remove_file(&copy.path).unwrap();
    let Own(error) = database.read(|_| Ok::<_, Own>(())).unwrap_err();
    let error = error.unwrap();
    assert!(matches!(error.kind, ErrorKind::NotFound), "{error}");
    assert_eq!(error.effect, Some(Effect::Nothing));
}

/// The original of a follower is upgraded, or becomes something else, while a bot reads.
#[test]
fn a_schema_that_is_not_known_is_refused_whenever_it_comes() {
    let copy = with_numbers();
    let database = Database::open_read_only(&copy.path).unwrap();
    let change = |sql: &str| content::connect(&copy.path).batch_execute(sql).unwrap();
    change("CREATE TABLE own (a)");
    assert_eq!(read(&database), ["1"]);
    change("ALTER TABLE pools RENAME TO ponds");
    let error = database.read(|_| Ok::<_, Error>(())).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused { .. }), "{error}");
    change("ALTER TABLE ponds RENAME TO pools");
    assert_eq!(read(&database), ["1"]);
    let other = with_numbers();
    content::connect(&other.path).batch_execute(NEXT).unwrap();
    fs::rename(&other.path, &copy.path).unwrap();
    assert_eq!(read(&database), ["2"]);
}

const ALONE: &str = "DEGENBOT_TEST_READ_ONLY";

#[test]
fn a_disk_that_nobody_may_write_to_is_read() {
    if let Some(path) = std::env::var_os(ALONE) {
        println!("{:?}", read(&Database::open_read_only(path).unwrap()));
        return;
    }
    let copy = with_numbers();
    let mut other = content::connect(&copy.path);
    let test = "read_only_database::a_disk_that_nobody_may_write_to_is_read";
    let program = std::env::current_exe().unwrap();
    let read = format!(
        "mount -o remount,ro \"$PWD\"; {ALONE}=degenbot.db '{}' --exact --nocapture {test}; \
         mount -o remount,rw \"$PWD\"; ls",
        program.display()
    );
    for (log, expected) in [(false, "1"), (true, "2")] {
        let script = if log {
            other
                .batch_execute(&format!("PRAGMA wal_autocheckpoint = 0; {NEXT}"))
                .unwrap();
            format!("cp '{}-wal' .; {read}", copy.path.display())
        } else {
            read.clone()
        };
        let Some(told) = on_a_small_disk(16, &copy.path, &script) else {
            eprintln!("skipped: file systems cannot be mounted here");
            return;
        };
        assert!(told.contains(&format!("[{expected:?}]")), "{told}");
        assert!(!told.contains("-shm"), "{told}");
        assert_eq!(told.contains("-wal"), log, "{told}");
    }
}

const FOLLOWER: &str = "DEGENBOT_TEST_LITESTREAM";

/// Puts one state in the place of the other all the time, as `litestream restore -f` does: page by page, under a lock of
/// the whole file, and without a change of the first page.
fn follow(path: &Path) {
    const PAGE: usize = 4096;
    let contents = ["a", "b"].map(|suffix| fs::read(path.with_extension(suffix)).unwrap());
    let pages = || {
        contents[0]
            .chunks(PAGE)
            .zip(contents[1].chunks(PAGE))
            .enumerate()
    };
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    let mut input = std::io::stdin();
    let ended = thread::spawn(move || input.read(&mut [0]).is_ok());
    for state in [1, 0].into_iter().cycle() {
        if ended.is_finished() {
            break;
        }
        fcntl_lock(&file, FlockOperation::LockExclusive).unwrap();
        for (number, (a, b)) in pages().filter(|(_, (a, b))| a != b) {
            file.seek(SeekFrom::Start((number * PAGE) as u64)).unwrap();
            file.write_all([a, b][state]).unwrap();
        }
        fcntl_lock(&file, FlockOperation::Unlock).unwrap();
        // Litestream pauses for a second.
        thread::sleep(Duration::from_millis(5));
    }
}

/// A process that follows, and what it says.
struct Follower(Child, BufReader<ChildStdout>);

impl Follower {
    fn start(path: &Path) -> Self {
        let test = "read_only_database::every_read_of_a_follower_sees_one_state";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", test])
            .env(FOLLOWER, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let mut lines = told.by_ref().lines().map(Result::unwrap);
        assert!(lines.any(|line| line.ends_with("ready")));
        Self(child, told)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.1.read_to_string(&mut String::new());
        let _ = self.0.wait();
    }
}

#[test]
fn every_read_of_a_follower_sees_one_state() {
    if let Some(path) = std::env::var_os(FOLLOWER) {
        println!("ready");
        follow(Path::new(&path));
        return;
    }
    // The file is in WAL mode until the first page comes.
    for mode in ["DELETE", "WAL"] {
        let copy = with_numbers();
        let set = |sql: &str| content::connect(&copy.path).batch_execute(sql).unwrap();
        set(&format!("PRAGMA journal_mode = {mode}"));
        let first = fs::read(&copy.path).unwrap();
        set(NEXT);
        let mut next = fs::read(&copy.path).unwrap();
        assert_eq!(first.len(), next.len());
        // The counters of changes.
        next[..4096].copy_from_slice(&first[..4096]);
        for (suffix, content) in [("a", &first), ("b", &next), ("db-txid", &vec![])] {
            fs::write(copy.path.with_extension(suffix), content).unwrap();
        }
        let _follower = Follower::start(&copy.path);
        let database = Database::open_read_only(&copy.path).unwrap();
        let mut seen = [0; 2];
        for _ in 0..500 {
            match &read(&database)[..] {
                [one] if one == "1" => seen[0] += 1,
                [one] if one == "2" => seen[1] += 1,
                states => panic!("{mode}: {states:?}"),
            }
        }
        assert!(seen[0] > 0 && seen[1] > 0, "{mode}: {seen:?}");
        for suffix in ["db-wal", "db-shm"] {
            assert!(!copy.path.with_extension(suffix).exists());
        }
    }
}
