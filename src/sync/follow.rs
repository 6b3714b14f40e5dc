//! Following a chain: an update that does not end.

use std::mem::{Discriminant, discriminant};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;

use crate::database::connection::kept_log::is_replicated;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar, file_bytes};
use crate::database::files::regular_file::{Identity, identity};
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::setters::setters;
use crate::sqlite::lock_wait::LockWait;
use crate::sync::block_target::BlockTarget;
use crate::sync::course::Course;
use crate::sync::domain::{Domain, Remembered as _};
use crate::sync::follow_event::{FollowEvent, FollowStatus};
use crate::sync::pools::Pools;
use crate::sync::report::{PoolUpdateReport, UpdateReport};
use crate::sync::retry_wait::wait_after;
use crate::sync::run_options::RunOptions;
use crate::sync::sync_error::SyncError;
use crate::sync::update::{Pass, Updater};
use crate::sync::update_options::{PoolUpdateOptions, UpdateObserver};
use crate::sync::writing_connection::set_busy_timeout;
use crate::system::copy_up::copy_up;
use crate::types::integer::ChainId;

/// Options for following a chain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FollowOptions {
    /// The options of each update. The target is a tag, by default `latest`.
    pub update: PoolUpdateOptions,
    /// The time between two questions for a new block.
    pub poll: Duration,
}

setters!(FollowOptions {
    update: PoolUpdateOptions,
    poll: Duration,
});

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            update: PoolUpdateOptions::default().to_block(BlockTarget::LATEST),
            poll: Duration::from_millis(500),
        }
    }
}

/// Updates the pools of a chain as [`update_pools`](crate::sync::update_pools) does, and goes on: it asks the node for
/// new blocks, takes them in, and undoes those that disappear. Exchanges that are activated meanwhile take part from
/// then on, and those that are deactivated do not.
///
/// It ends well when the cancel token is cancelled, or when the observer breaks. What passes does not end it: a node
/// that is away or lags, a locked database, a full disk. It tells the observer, and tries again.
///
/// # Errors
///
/// See [`SyncError`]. What does not pass ends it: a node of another chain, a database that was removed, replaced or
/// upgraded, blocks that cannot be undone. A contradiction in what a node answers does if it lasts for ten minutes.
pub fn follow_pools(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &FollowOptions,
    observer: &mut dyn UpdateObserver,
) -> (PoolUpdateReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let mut report = UpdateReport::new();
    let domain = Pools(&options.update.exchanges);
    let run = (&options.update).into();
    let result = follow(
        domain,
        path,
        (chain, node),
        run,
        options.poll,
        (observer, &mut report),
    );
    let report = PoolUpdateReport::of(chain, report, node.statistics(), begin.elapsed());
    (report, result)
}

/// Follows a chain, whatever the updates are about.
pub(super) fn follow<D: Domain>(
    domain: D,
    path: &Path,
    at: (ChainId, &Node),
    options: RunOptions,
    poll: Duration,
    (observer, report): (&mut dyn UpdateObserver, &mut UpdateReport),
) -> Result<(), SyncError> {
    let _waiting = LockWait::begin(options.wait, Some(options.cancel.clone()));
    // Otherwise the first write would make another file of it. If there is no room for that, the write says so.
    let _ = copy_up(path);
    let identity = identity(path);
    let result = Updater::open(domain, path, at, options, observer, report)
        .and_then(|updater| Follower::new(updater, poll, identity).run());
    match result {
        Err(SyncError::Interrupted) => Ok(()),
        result => result,
    }
}

/// Something that keeps the follower from taking blocks in.
#[derive(Debug)]
struct Trouble {
    kind: Discriminant<SyncError>,
    since: Instant,
    tries: u32,
}

struct Follower<'a, D: Domain> {
    updater: Updater<'a, D>,
    poll: Duration,
    /// Which file the database is.
    identity: Option<Identity>,
    /// Whether an update has ended well.
    has_worked: bool,
    trouble: Option<Trouble>,
    /// How often an update has begun anew since the last one that ended well.
    again: u32,
    /// The log is not shortened again before this time.
    shorten_after: Option<Instant>,
}

impl<'a, D: Domain> Follower<'a, D> {
    const fn new(mut updater: Updater<'a, D>, poll: Duration, file: Option<Identity>) -> Self {
        updater.poll = Some(poll);
        Self {
            updater,
            poll,
            identity: file,
            has_worked: false,
            trouble: None,
            again: 0,
            shorten_after: None,
        }
    }

    fn run(&mut self) -> Result<(), SyncError> {
        loop {
            let polled = self
                .poll()
                .map_err(|error| self.updater.placed(error))
                .and_then(|pass| match pass {
                    Pass::Done => self.up_to_date(),
                    Pass::Again(reason) => self.begin_anew(reason),
                });
            let wait = match polled {
                Ok(wait) => wait,
                Err(error) => self.wait_out(error)?,
            };
            self.pause(wait)?;
        }
    }

    /// Asks the node once, and takes in what is new.
    fn poll(&mut self) -> Result<Pass, SyncError> {
        self.require_same_file()?;
        if self.is_quiet()? {
            return Ok(Pass::Done);
        }
        let pass = self.updater.pass();
        if !matches!(pass, Ok(Pass::Done)) {
            self.updater.seen = None;
            // What was rolled back is not in the database.
            self.updater.memory.forget();
        }
        pass
    }

    /// Fails if the path leads to another file than the one that is open.
    fn require_same_file(&self) -> Result<(), SyncError> {
        let path = self.updater.path;
        match identity(path) {
            found if found == self.identity && found.is_some() => Ok(()),
            Some(_) => Err(SyncError::Replaced {
                path: path.to_owned(),
            }),
            None => Err(ErrorKind::NotFound.at(path).into()),
        }
    }

    /// Whether nothing has happened since the last update that ended well: the node's newest block is the same, no other
    /// program has written to the database, and nothing that was stopped is due.
    fn is_quiet(&mut self) -> Result<bool, SyncError> {
        let updater = &mut self.updater;
        let Some(seen) = updater.seen else {
            return Ok(false);
        };
        if updater.stopped.is_due() || !updater.memory.is_current(&mut updater.connection)? {
            return Ok(false);
        }
        // Without an exchange, no block is of interest.
        if updater.names.is_empty() {
            return Ok(true);
        }
        let head = updater.node.header(BlockTag::Latest)?;
        Ok(head.is_some_and(|head| head.hash == seen))
    }

    /// Tells that everything is in the database. Returns how long to wait.
    fn up_to_date(&mut self) -> Result<Duration, SyncError> {
        self.again = 0;
        self.has_worked = true;
        if let Some(trouble) = self.trouble.take() {
            self.updater.tell(&FollowEvent::Resumed {
                chain: self.updater.chain,
                after: trouble.since.elapsed(),
            })?;
        }
        if self.updater.names.is_empty() {
            self.require_exchanges()?;
        }
        let updater = &self.updater;
        let (report, block) = (&updater.report, updater.reached);
        let status = FollowStatus {
            chain: updater.chain,
            exchanges: updater.names.len(),
            head: report.head,
            finalized: report.finalized,
            block,
            behind: block.and_then(|block| updater.behind(block)),
            node: updater.node.statistics(),
        };
        self.updater.tell(&FollowEvent::UpToDate(status))?;
        self.shorten_log()?;
        Ok(self.poll)
    }

    /// Fails if the chain has no exchange at all, as after a reset. Without an active one, it waits for one.
    fn require_exchanges(&mut self) -> Result<(), SyncError> {
        let updater = &mut self.updater;
        if !updater
            .domain
            .exist(&mut updater.connection, updater.chain)?
        {
            return Err(SyncError::NoExchange {
                chain: updater.chain,
            });
        }
        Ok(())
    }

    /// Returns how long to wait before the update is begun anew.
    fn begin_anew(&mut self, reason: &'static str) -> Result<Duration, SyncError> {
        /// How often an update begins anew at once.
        const AT_ONCE: u32 = 20;
        log::info!(
            "chain {}: the update begins anew: {reason}",
            self.updater.chain
        );
        self.again += 1;
        if self.again < AT_ONCE {
            return Ok(Duration::ZERO);
        }
        self.again = 0;
        Err(SyncError::Unsettled { reason })
    }

    /// Returns how long to wait until what an error stands for has passed.
    fn wait_out(&mut self, error: SyncError) -> Result<Duration, SyncError> {
        /// How long a contradiction in what a node answers may last.
        const PATIENCE: Duration = Duration::from_secs(600);
        /// How long it waits between two tries at most.
        const LONGEST: Duration = Duration::from_secs(5);
        let kind = discriminant(&error);
        let known = self.trouble.take().filter(|trouble| trouble.kind == kind);
        let is_new = known.is_none();
        let mut trouble = known.unwrap_or_else(|| Trouble {
            kind,
            since: Instant::now(),
            tries: 0,
        });
        match Course::of(&error, self.has_worked) {
            Course::Passes => {}
            Course::MayPass if trouble.since.elapsed() < PATIENCE => {}
            Course::MayPass | Course::Stays => return Err(error),
        }
        trouble.tries = trouble.tries.saturating_add(1);
        let wait = wait_after(trouble.tries, self.poll, LONGEST);
        self.trouble = Some(trouble);
        if is_new {
            self.updater.tell(&FollowEvent::Waiting {
                chain: self.updater.chain,
                error: &error,
            })?;
        } else {
            log::debug!("chain {}: still {error}", self.updater.chain);
        }
        Ok(wait)
    }

    /// Waits, unless the token is cancelled.
    fn pause(&self, time: Duration) -> Result<(), SyncError> {
        const GLANCE: Duration = Duration::from_millis(20);
        let begin = Instant::now();
        loop {
            if self.updater.options.cancel.is_cancelled() {
                return Err(SyncError::Interrupted);
            }
            let left = time.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(GLANCE));
        }
    }

    /// Shortens a long log. SQLite begins it anew only when no program reads from it at that moment, so that it can
    /// grow for ever beside programs that take turns reading. While one reads what was there before, it is kept. So is one
    /// that Litestream reads.
    fn shorten_log(&mut self) -> Result<(), SyncError> {
        const LONG: u64 = 64 << 20;
        const EVERY: Duration = Duration::from_secs(60);
        /// How long a reader is left alone.
        const AGAIN: Duration = Duration::from_secs(5);
        /// Others cannot write while this waits for readers.
        const WAIT: Duration = Duration::from_millis(25);
        let updater = &mut self.updater;
        let is_due = self
            .shorten_after
            .is_none_or(|after| after <= Instant::now());
        let log = DatabaseFile::at(updater.path).sidecar(Sidecar::Wal);
        if !is_due || file_bytes(&log) < LONG {
            return Ok(());
        }
        let (path, cancel) = (updater.path, updater.options.cancel.clone());
        let connection = &mut updater.connection;
        let located = |error| Error::from_diesel(path, "shorten the log of", error);
        if is_replicated(connection).map_err(located)? {
            return Ok(());
        }
        set_busy_timeout(connection, path, WAIT, cancel.clone())?;
        let shortened = connection.batch_execute("PRAGMA main.wal_checkpoint(TRUNCATE)");
        set_busy_timeout(connection, path, updater.options.wait, cancel)?;
        let wait = if file_bytes(&log) < LONG {
            EVERY
        } else {
            AGAIN
        };
        self.shorten_after = Instant::now().checked_add(wait);
        shortened.map_err(located)?;
        Ok(())
    }
}
