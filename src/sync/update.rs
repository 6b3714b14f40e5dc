//! The update of the pools of a chain.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::prepare_for_bulk_writes;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::block_updates::{make_final, prune, store_final};
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::journal_error::JournalError;
use crate::models::journal::leftovers::{block_without_hash, require_entries};
use crate::models::journal::undo::{Otherwise, undo};
use crate::node::client::Node;
use crate::node::header::{BlockTag, Header};
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::chain_view::{ChainView, Standing, contradicted, look};
use crate::sync::domain::{Domain, Remembered as _};
use crate::sync::follow_event::FollowEvent;
use crate::sync::held_back::HeldBack;
use crate::sync::member::Member;
use crate::sync::pools::Pools;
use crate::sync::preconditions::{require_marks_in_chain, require_updatable};
use crate::sync::report::{PoolUpdateReport, Skipped, UpdateReport};
use crate::sync::room::{is_long_first_sync, require_room};
use crate::sync::run_options::RunOptions;
use crate::sync::scope::Scope;
use crate::sync::stopped::Stopped;
use crate::sync::sync_error::SyncError;
use crate::sync::tally::{count_undone, list};
use crate::sync::update_options::{PoolUpdateOptions, UpdateObserver};
use crate::sync::writing_connection::{WritingConnection, open_to_write};
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// Updates the pools of the active exchanges of a chain, and their liquidity, from a node.
///
/// It takes in every block from each exchange's mark to the target: new pools with their tokens, and the changes of
/// ticks and bitmaps. The rows and the marks of some blocks are committed together, so an update that ends in the middle
/// is continued by the next one. Blocks that can disappear from the chain are kept in a journal. The next update undoes
/// those that are gone.
///
/// Returns what was done, also if the update failed later; what was committed stays.
///
/// # Errors
///
/// See [`SyncError`].
pub fn update_pools(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &PoolUpdateOptions,
    observer: &mut dyn UpdateObserver,
) -> (PoolUpdateReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let _waiting = LockWait::begin(options.wait, Some(options.cancel.clone()));
    let mut report = UpdateReport::new();
    let domain = Pools(&options.exchanges);
    let at = (chain, node);
    let result = Updater::open(domain, path, at, options.into(), observer, &mut report)
        .and_then(|mut updater| updater.run());
    let report = PoolUpdateReport::of(chain, report, node.statistics(), begin.elapsed());
    (report, result)
}

/// Another update of the same database has written.
const MOVED: &str = "another program has moved the marks";

/// Why an update begins anew.
#[derive(Debug)]
pub(super) enum Pass {
    Done,
    Again(&'static str),
}

pub(super) struct Updater<'a, D: Domain> {
    pub(super) domain: D,
    pub(super) path: &'a Path,
    pub(super) chain: ChainId,
    pub(super) node: &'a Node,
    pub(super) options: RunOptions,
    pub(super) observer: &'a mut dyn UpdateObserver,
    pub(super) report: &'a mut UpdateReport,
    pub(super) connection: WritingConnection,
    pub(super) memory: D::Memory,
    /// The exchanges that take part.
    pub(super) names: Vec<ExchangeName>,
    /// The node's newest block when everything was last taken in.
    pub(super) seen: Option<BlockHash>,
    /// The last block that the database has of all exchanges, once everything was taken in.
    pub(super) reached: Option<BlockNumber>,
    /// Whether changes are recorded in the journal.
    pub(super) is_recording: bool,
    /// How often to ask for new blocks while exchanges catch up; `None` if none is kept at the head meanwhile.
    pub(super) poll: Option<Duration>,
    /// When the node was last asked for its newest block.
    pub(super) looked: Option<Instant>,
    /// The time of the node's newest block, and the number and time of the last block that was committed.
    head_time: u64,
    pub(super) committed: Option<(BlockNumber, u64)>,
    /// The first block that is missing; `None` before that is known.
    begin: Option<BlockNumber>,
    /// The blocks that are done, and all that are to be.
    pub(super) done: u64,
    pub(super) total: u64,
    held_back: HeldBack,
    pub(super) stopped: Stopped,
}

impl<'a, D: Domain> Updater<'a, D> {
    pub(super) fn open(
        domain: D,
        path: &'a Path,
        (chain, node): (ChainId, &'a Node),
        options: RunOptions,
        observer: &'a mut dyn UpdateObserver,
        report: &'a mut UpdateReport,
    ) -> Result<Self, SyncError> {
        require_updatable(path)?;
        staged_file::sweep(DatabaseFile::at(path).real());
        let mut connection = open_to_write(path, &options.cancel)?;
        prepare_for_bulk_writes(&mut connection)?;
        Ok(Self {
            domain,
            path,
            chain,
            node,
            options,
            observer,
            report,
            connection,
            memory: D::Memory::default(),
            names: Vec::new(),
            seen: None,
            reached: None,
            is_recording: false,
            poll: None,
            looked: None,
            head_time: 0,
            committed: None,
            begin: None,
            done: 0,
            total: 0,
            held_back: HeldBack::default(),
            stopped: Stopped::default(),
        })
    }

    /// Updates to the target. If an error has stopped a member, the others are updated first.
    pub(super) fn run(&mut self) -> Result<(), SyncError> {
        let result = self.run_passes();
        let mut stopped = self.stopped.take();
        let is_stopped =
            |skipped: &Skipped| stopped.iter().any(|(name, _)| *name == skipped.exchange);
        self.report.skipped.retain(|skipped| !is_stopped(skipped));
        let last = result.is_ok().then(|| stopped.pop()).flatten();
        self.report.stopped = stopped;
        last.map_or(result, |(_, error)| Err(error))
    }

    fn run_passes(&mut self) -> Result<(), SyncError> {
        /// How often an update begins anew without any progress.
        const PASSES: u32 = 20;
        /// After how many of these the stored blocks below the highest one are compared with the chain as well.
        const PUZZLING: u32 = 3;
        let mut passes = 0;
        let mut furthest = None;
        loop {
            let reason = match self.pass().map_err(|error| self.placed(error))? {
                Pass::Done => return Ok(()),
                Pass::Again(reason) => reason,
            };
            log::info!("chain {}: the update begins anew: {reason}", self.chain);
            self.memory.forget();
            passes += 1;
            // Another update of the same database makes progress for both.
            if self.begin > furthest {
                furthest = self.begin;
                passes = 0;
            }
            if passes == PUZZLING {
                self.require_stored_in_chain()
                    .or_else(|error| self.accept(error))?;
            }
            if passes == PASSES {
                return Err(SyncError::Unsettled { reason });
            }
        }
    }

    /// Fails if the highest stored block is in the chain, and a final one below it is not.
    fn require_stored_in_chain(&mut self) -> Result<(), SyncError> {
        let stored = StoredBlock::of_chain(&mut self.connection, self.chain)?;
        let numbers: Vec<_> = stored.iter().map(|block| block.number).collect();
        let headers = self.node.headers(&numbers)?;
        let is_in_chain = |(block, header): &(&StoredBlock, &Option<Header>)| {
            header
                .as_ref()
                .is_none_or(|header| header.hash == block.hash)
        };
        if let Some(contradicted) = contradicted(&stored, &headers) {
            return Err(contradicted);
        }
        let mut blocks = stored.iter().zip(&headers);
        if !blocks.next().as_ref().is_none_or(is_in_chain) {
            return Ok(());
        }
        match blocks.find(|block| block.0.is_final && !is_in_chain(block)) {
            Some((gone, _)) => Err(JournalError::TooDeep {
                block: gone.number.previous().unwrap_or(BlockNumber::FIRST),
                oldest: gone.number,
            }
            .into()),
            None => Ok(()),
        }
    }

    /// Replaces the hash of a final block, if the error says that the node has another one, and the caller accepts that.
    fn accept(&mut self, error: SyncError) -> Result<(), SyncError> {
        let (block, hash) = match error {
            SyncError::FinalBlock { block, found, .. }
                if self.options.accept_hash == Some(found) =>
            {
                (block, found)
            }
            error => return Err(error),
        };
        let head = self.node.header(BlockTag::Latest)?;
        let head = head.map_or(block, |head| head.number);
        let header = self.node.confirmed_header(block, head)?;
        if header.is_some_and(|header| header.hash == hash) {
            let stored = StoredBlock::of_chain(&mut self.connection, self.chain)?;
            let chain = self.chain;
            self.write(&stored, |connection| {
                Ok(store_final(connection, chain, (block, hash))?)
            })?;
        }
        Ok(())
    }

    /// Adds the path to the error of a statement.
    pub(super) fn placed(&self, error: SyncError) -> SyncError {
        if self.options.cancel.is_cancelled() {
            return SyncError::Interrupted;
        }
        match error {
            SyncError::Database { source } => SyncError::Database {
                source: Box::new((*source).at(self.path, "update the pools")),
            },
            error => error,
        }
    }

    /// Reads where the database is, undoes what is gone, and takes in what is missing.
    pub(super) fn pass(&mut self) -> Result<Pass, SyncError> {
        self.memory.refresh(&mut self.connection, self.path)?;
        let mut whole = self.domain.read(&mut self.connection, self.chain)?;
        self.stopped.leave_out(&mut whole);
        let mut scope = whole.clone();
        self.held_back.leave_out(&mut scope);
        self.announce(&scope)?;
        self.begin = scope.exchanges.iter().map(Member::next).min();
        let stored = self.stored_blocks()?;
        let RunOptions {
            patience, cancel, ..
        } = &self.options;
        let (view, standing) = match look(self.node, &stored, *patience, cancel) {
            Ok(looked) => looked,
            Err(error) => {
                self.accept(error)?;
                return Ok(Pass::Again("the hash of a final block is replaced"));
            }
        };
        self.looked = Some(Instant::now());
        self.note(&view);
        match standing {
            Standing::InChain => {}
            Standing::GoneAbove(keep) => {
                self.undo(&stored, keep)?;
                return Ok(Pass::Again("the chain was reorganised"));
            }
        }
        let target = view.resolve(self.node, self.options.to_block)?;
        self.report.target = Some(target);
        require_marks_in_chain(&scope, &view)?;
        let Some(stored) = self.adopt(&scope, stored, &view)? else {
            return Ok(Pass::Again(MOVED));
        };
        list(self.report, &scope);
        self.total = self.done + scope.blocks(target);
        let final_block = view.final_block(&stored);
        if let Pass::Again(reason) = self.settle(&stored, final_block)? {
            return Ok(Pass::Again(reason));
        }
        if scope.next_group(target).is_some() {
            self.domain.acquaint(self.node, &mut scope)?;
        }
        let ends = (target, final_block);
        if let Pass::Again(reason) = self.find_room(&scope, &whole, ends)? {
            return Ok(Pass::Again(reason));
        }
        while let Some(group) = scope.next_group(target) {
            if let Pass::Again(reason) =
                self.take_in_ahead(&mut scope, &group, target, final_block)?
            {
                return Ok(Pass::Again(reason));
            }
            if let Pass::Again(reason) = self.take_in(&mut scope, &group, final_block)? {
                return Ok(Pass::Again(reason));
            }
        }
        if self.stopped.release(&scope) {
            self.announce(&scope)?;
        }
        self.seen = Some(view.head.hash);
        let marks = scope.exchanges.iter().map(Member::mark);
        self.reached = marks.min().flatten();
        Ok(Pass::Done)
    }

    /// The stored blocks. Fails if the journal has changes of blocks that are not among them.
    fn stored_blocks(&mut self) -> Result<Vec<StoredBlock>, SyncError> {
        let chain = self.chain;
        transaction(
            &mut self.connection,
            Begin::Deferred,
            |connection| match block_without_hash(Statements::of(connection)?, chain)? {
                Some(block) => Err(SyncError::NoHash { block }),
                None => Ok(StoredBlock::of_chain(connection, chain)?),
            },
            SyncError::from,
        )
    }

    /// Fails if a long first sync does not fit on the disk. A follower leaves it out instead, and goes on with the others.
    /// `whole` is the scope with those that are left out.
    fn find_room(
        &mut self,
        scope: &Scope<D::Member>,
        whole: &Scope<D::Member>,
        ends: (BlockNumber, BlockNumber),
    ) -> Result<Pass, SyncError> {
        if !self.options.check_space {
            return Ok(Pass::Done);
        }
        let (target, _) = ends;
        if self.held_back.is_due() {
            let room = D::room(self.path, self.node, whole, ends, &self.options)?;
            if require_room(self.path, room).is_ok() {
                self.held_back.release();
                return Ok(Pass::Again("there is room on the disk now"));
            }
            self.held_back.keep();
        }
        if !is_long_first_sync(scope, target) {
            return Ok(Pass::Done);
        }
        let room = D::room(self.path, self.node, scope, ends, &self.options)?;
        match require_room(self.path, room) {
            Err(SyncError::NotEnoughSpace { .. })
                if self.poll.is_some() && self.held_back.hold(scope) =>
            {
                Ok(Pass::Again("what does not fit on the disk is left out"))
            }
            result => result.map(|()| Pass::Done),
        }
    }

    /// Notes what the node says of the end of its chain.
    pub(super) fn note(&mut self, view: &ChainView) {
        self.report.head = Some(view.head.number);
        self.report.finalized = view.finalized.as_ref().map(|header| header.number);
        self.head_time = view.head.timestamp;
    }

    /// Tells which exchanges take part, if they are others than before. Those that were stopped do once they work again.
    fn announce(&mut self, scope: &Scope<D::Member>) -> Result<(), SyncError> {
        let mut skipped = scope.skipped.clone();
        skipped.extend(self.stopped.skipped());
        let mut names: Vec<_> = scope.exchanges.iter().map(Member::name).collect();
        names.retain(|name| !self.stopped.contains(name));
        let is_new = |member: &&D::Member| {
            let name = member.name();
            names.contains(&name) && !self.names.contains(&name)
        };
        let new = scope.exchanges.iter().filter(is_new);
        let added: Vec<_> = new.map(|new| (new.name(), new.mark())).collect();
        let gone = self.names.iter().filter(|name| !names.contains(name));
        let removed: Vec<_> = gone.cloned().collect();
        if added.is_empty() && removed.is_empty() && self.report.skipped == skipped {
            return Ok(());
        }
        self.report.skipped.clone_from(&skipped);
        self.names = names;
        self.tell(&FollowEvent::Exchanges {
            chain: self.chain,
            added: &added,
            removed: &removed,
            skipped: &skipped,
        })
    }

    pub(super) fn tell(&mut self, event: &FollowEvent<'_>) -> Result<(), SyncError> {
        match self.observer.event(event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(SyncError::Interrupted),
        }
    }

    /// How many seconds lie between the times of a block and of the newest one, if they are known.
    pub(super) fn behind(&self, block: BlockNumber) -> Option<u64> {
        if Some(block) >= self.report.head {
            return Some(0);
        }
        let (committed, time) = self.committed?;
        (committed == block).then(|| self.head_time.saturating_sub(time))
    }

    /// Begins the journal anew where another program, such as the Python package, has moved a mark to. Nobody knows what
    /// it has changed, so nothing before that block can be undone.
    ///
    /// Returns the stored blocks; `None` if another update has written meanwhile.
    fn adopt(
        &mut self,
        scope: &Scope<D::Member>,
        stored: Vec<StoredBlock>,
        view: &ChainView,
    ) -> Result<Option<Vec<StoredBlock>>, SyncError> {
        let top = stored.first().map(|block| block.number);
        let marks = scope.marks.iter().copied();
        let furthest = marks.filter(|mark| *mark <= view.head.number).max();
        let Some(mark) = furthest.filter(|mark| Some(*mark) > top) else {
            return Ok(Some(stored));
        };
        let header = self.node.confirmed_header(mark, view.head.number)?;
        let header = header.ok_or(SyncError::Behind {
            block: mark,
            head: view.head.number,
        })?;
        let chain = self.chain;
        self.write(&stored, |connection| {
            store_final(connection, chain, (mark, header.hash))?;
            prune(connection, chain, mark)?;
            Ok(StoredBlock::of_chain(connection, chain)?)
        })
    }

    /// Undoes the blocks above `keep`, if the stored blocks are still those that the chain was compared with.
    fn undo(&mut self, stored: &[StoredBlock], keep: BlockNumber) -> Result<(), SyncError> {
        let chain = self.chain;
        self.record(false)?;
        let undone = self.write(stored, |connection| {
            require_entries(Statements::of(connection)?, chain, keep)?;
            Ok(undo(
                Statements::of(connection)?,
                chain,
                keep,
                Otherwise::Refused,
            )?)
        })?;
        let Some(undone) = undone else {
            return Ok(());
        };
        count_undone(self.report, keep, undone);
        self.tell(&FollowEvent::Undone {
            chain: self.chain,
            above: keep,
            undone,
        })
    }

    /// Records which blocks are final now, and forgets what the ones before them changed.
    ///
    /// Their hashes have just been compared: all stored blocks are in the chain. Those that were final the last time
    /// are forgotten only now, one step late, in case the node was wrong.
    pub(super) fn settle(
        &mut self,
        stored: &[StoredBlock],
        final_block: BlockNumber,
    ) -> Result<Pass, SyncError> {
        let newly = stored
            .iter()
            .any(|block| !block.is_final && block.number <= final_block);
        if !newly {
            return Ok(Pass::Done);
        }
        let before = stored.iter().find(|block| block.is_final);
        let chain = self.chain;
        let settled = self.write(stored, |connection| {
            let before = before.map(|block| block.number);
            Ok(make_final(connection, chain, before, final_block)?)
        })?;
        Ok(match settled {
            Some(()) => Pass::Done,
            None => Pass::Again(MOVED),
        })
    }

    /// Writes in a transaction. Returns `None`, and writes nothing, if the stored blocks are others by now.
    fn write<T>(
        &mut self,
        stored: &[StoredBlock],
        write: impl FnOnce(&mut SqliteConnection) -> Result<T, SyncError>,
    ) -> Result<Option<T>, SyncError> {
        let (memory, path, chain) = (&mut self.memory, self.path, self.chain);
        transaction(
            &mut self.connection,
            Begin::Immediate,
            |connection| {
                memory.refresh(connection, path)?;
                if StoredBlock::of_chain(connection, chain)? != stored {
                    return Ok(None);
                }
                write(connection).map(Some)
            },
            SyncError::from,
        )
    }
}
