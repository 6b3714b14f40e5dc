//! A database whose file is renamed over or removed while something writes to it: nothing is committed to a file that
//! nobody finds, and the file that is at the path then is as whole as it came.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use alloy_primitives::Address as Contract;
use degenbot::database::{
    BackupOptions, CancelToken, CompactOptions, Database, Effect, Error, ErrorKind, Observer,
    PoolOptions, Progress, RestoreOptions, Session, Stage, backup_sqlite_database,
    compact_sqlite_database, restore_sqlite_database,
};
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::{SyncError, TokenUpdateOptions, update_tokens};
use degenbot::types::ChainId;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};

use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::fake_chain::FakeChain;
use crate::support::node_server::NodeServer;

const POPULATED: &str = "populated/populated-0.6.0a4.db";

/// What happens to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Replaced,
    Removed,
}

const FATES: [Fate; 2] = [Fate::Replaced, Fate::Removed];

/// A database, and another one that is to take its place.
struct Place {
    copy: Copy,
    other: Copy,
    content: content::Content,
}

impl Place {
    fn new() -> Self {
        let other = Copy::of("populated/populated-0.5.0.db");
        let content = content::of(&other.path);
        Self {
            copy: Copy::of(POPULATED),
            other,
            content,
        }
    }

    fn path(&self) -> &Path {
        &self.copy.path
    }

    /// Renames the other database over this one, or removes this one.
    fn end(&self, fate: Fate) {
        end(self.path(), &self.other.path, fate);
    }

    /// The other database is at the path, or nothing is; the log and its index that are left do not change that.
    fn require_untouched(&self, fate: Fate) {
        match fate {
            Fate::Replaced => {
                assert_eq!(content::complaints(self.path()), [""; 0]);
                assert_eq!(content::of(self.path()), self.content);
            }
            Fate::Removed => assert!(!self.path().exists()),
        }
    }
}

fn end(path: &Path, other: &Path, fate: Fate) {
    match fate {
        Fate::Replaced => fs::rename(other, path).unwrap(),
        Fate::Removed => fs::remove_file(path).unwrap(),
    }
}

fn require_moved(error: &Error, path: &Path) {
    assert!(matches!(error.kind, ErrorKind::Moved), "{error:?}");
    assert_eq!(error.path(), Some(path));
}

/// Ends the file when the operation has been at these stages, one after the other.
struct AtStage<'place> {
    place: &'place Place,
    fate: Fate,
    stages: &'static [Stage<'static>],
}

impl Observer for AtStage<'_> {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        if let Some((next, later)) = self.stages.split_first()
            && progress.stage == *next
        {
            self.stages = later;
            if later.is_empty() {
                self.place.end(self.fate);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The database and the file that the node ends before it answers.
static OF_THE_NODE: Mutex<Option<(PathBuf, PathBuf, Fate)>> = Mutex::new(None);

#[expect(clippy::unnecessary_wraps, reason = "it answers as `FakeCalls` do")]
fn end_then_answer(_: Contract, _: &[u8], _: u64) -> Result<Vec<u8>, String> {
    if let Some((path, other, fate)) = OF_THE_NODE.lock().unwrap().take() {
        end(&path, &other, fate);
    }
    // The decimals of a token, or the name or symbol as bytes.
    let mut word = vec![0; 32];
    word[0] = b'A';
    Ok(word)
}

#[test]
fn token_update_commits_nothing_to_a_file_that_has_moved() {
    let mut chain = FakeChain::new(1, 1_000);
    chain.calls = end_then_answer;
    let server = NodeServer::start(chain);
    for fate in FATES {
        let place = Place::new();
        let insert = "UPDATE erc20_tokens SET name = NULL WHERE chain = 1";
        content::connect(place.path())
            .batch_execute(insert)
            .unwrap();
        *OF_THE_NODE.lock().unwrap() = Some((place.path().into(), place.other.path.clone(), fate));
        let node = Node::new(
            ChainId::ETHEREUM,
            vec![server.endpoint()],
            NodeOptions::default(),
            CancelToken::new(),
        )
        .unwrap();
        let options = TokenUpdateOptions::default();
        let (report, result) = update_tokens(
            place.path(),
            &node,
            ChainId::ETHEREUM,
            &options,
            &mut |_| (),
        );
        assert_eq!(*OF_THE_NODE.lock().unwrap(), None);
        match result.unwrap_err() {
            SyncError::Database { source } => require_moved(&source, place.path()),
            other => panic!("{other:?}"),
        }
        assert_eq!(report.asked, 0);
        place.require_untouched(fate);
    }
}

/// Otherwise a bot would write on to a file without a name.
#[test]
fn session_commits_nothing_to_a_file_that_has_moved() {
    for fate in FATES {
        let place = Place::new();
        let database = Database::open(place.path()).unwrap();
        let write = |database: &Database| {
            database.write(|connection| -> Result<_, Error> {
                Ok(connection.batch_execute("UPDATE exchanges SET last_update_block = 1")?)
            })
        };
        write(&database).unwrap();
        place.end(fate);
        require_moved(&write(&database).unwrap_err(), place.path());
        drop(database);
        place.require_untouched(fate);
    }
}

#[test]
fn restore_commits_nothing_to_a_file_that_has_moved() {
    for fate in FATES {
        let place = Place::new();
        backup_sqlite_database(place.path(), &BackupOptions::default(), &mut ()).unwrap();
        // The replacement holds the write lock while the replaced content is copied.
        let mut observer = AtStage {
            place: &place,
            fate,
            stages: &[Stage::Copying, Stage::Verifying, Stage::Copying],
        };
        let options = RestoreOptions::default();
        let error = restore_sqlite_database(place.path(), &options, &mut observer).unwrap_err();
        if fate == Fate::Replaced {
            require_moved(&error, place.path());
        }
        assert_eq!(error.effect, Some(Effect::Nothing), "{error:?}");
        let kept = place.copy.folder().join("degenbot.db.pre-restore");
        assert!(!kept.exists());
        place.require_untouched(fate);
    }
}

#[test]
fn compact_commits_nothing_to_a_file_that_has_moved() {
    for fate in FATES {
        let place = Place::new();
        // A file with a second name is compacted in place.
        fs::hard_link(place.path(), place.other.folder().join("second.db")).unwrap();
        let mut observer = AtStage {
            place: &place,
            fate,
            stages: &[Stage::WritingBack],
        };
        let options = CompactOptions::default();
        let error = compact_sqlite_database(place.path(), &options, &mut observer).unwrap_err();
        require_moved(&error, place.path());
        assert_eq!(error.effect, Some(Effect::Nothing));
        place.require_untouched(fate);
    }
}

/// Some connections of the pool would read one file, and some the other.
#[test]
fn pool_does_not_read_from_two_files() {
    for fate in FATES {
        let place = Place::new();
        let database = Database::open(place.path()).unwrap();
        let mut session = database.session().unwrap();
        place.end(fate);
        let path = place.path();
        require_moved(&database.session().unwrap_err(), path);
        require_moved(&database.snapshots(3).unwrap_err(), path);
        require_moved(&database.chain_pools(ChainId::ETHEREUM).unwrap_err(), path);
        let write = |connection: &mut _| -> Result<_, Error> {
            let write = "UPDATE exchanges SET last_update_block = 1";
            Ok(SimpleConnection::batch_execute(connection, write)?)
        };
        require_moved(&session.write(write).unwrap_err(), path);
        drop((session, database));
        place.require_untouched(fate);
    }
}

/// `compact` exchanges the file of a database that nobody has open.
#[test]
fn pool_without_connections_opens_the_file_that_is_there() {
    let place = Place::new();
    let options = PoolOptions::default().min_idle(0);
    let database = Database::open_with(place.path(), &options).unwrap();
    let forget = |session: &mut Session| {
        // The pool closes the connection of a session that leaves such a table.
        session
            .batch_execute("CREATE TEMP TABLE forgotten (id)")
            .unwrap();
    };
    forget(&mut database.session().unwrap());
    let other = Copy::of(POPULATED);
    let rename = "UPDATE exchanges SET name = 'other'";
    content::connect(&other.path).batch_execute(rename).unwrap();
    fs::rename(&other.path, place.path()).unwrap();
    let mut session = database.session().unwrap();
    let names = "SELECT DISTINCT name AS line FROM exchanges";
    assert_eq!(content::lines(&mut session, names), ["other"]);
    forget(&mut session);
    drop(session);
    // The new file can get the inode of the one before.
    let early = Copy::of("populated/populated-0.5.0a2.db");
    fs::remove_file(place.path()).unwrap();
    fs::copy(&early.path, place.path()).unwrap();
    let error = database.session().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused { .. }), "{error:?}");
}

#[test]
fn read_that_writes_is_rolled_back() {
    let place = Place::new();
    let before = content::of(place.path());
    let database = Database::open(place.path()).unwrap();
    let write = |connection: &mut _| -> Result<_, Error> {
        let write = "UPDATE exchanges SET last_update_block = 1";
        Ok(SimpleConnection::batch_execute(connection, write)?)
    };
    let error = database.read(write).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::WriteInRead), "{error:?}");
    assert_eq!(content::of(place.path()), before);
    // What is read inside a transaction of the caller's is not the first to write.
    let mut session = database.session().unwrap();
    AnsiTransactionManager::begin_transaction_sql(&mut *session, "BEGIN IMMEDIATE").unwrap();
    write(&mut session).unwrap();
    session.read(|_| Ok::<_, Error>(())).unwrap();
    AnsiTransactionManager::rollback_transaction(&mut *session).unwrap();
}
