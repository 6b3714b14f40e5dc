//! Takes blocks into the database.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::recorder::Recorder;
use crate::sqlite::prepared::Statements;
use crate::sync::domain::{Committed, Domain, Place};
use crate::sync::fetch::{Fetched, fetch};
use crate::sync::member::Member;
use crate::sync::pending::Pending;
use crate::sync::piece::Plan;
use crate::sync::report::UpdateProgress;
use crate::sync::room::require_bytes;
use crate::sync::scope::{Group, Scope};
use crate::sync::sync_error::SyncError;
use crate::sync::tally::count;
use crate::sync::update::{Pass, Updater};
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

impl Pass {
    /// Goes on, or ends and leaves the reason.
    fn flow(self, again: &mut Option<&'static str>) -> ControlFlow<()> {
        match self {
            Self::Done => ControlFlow::Continue(()),
            Self::Again(reason) => {
                *again = Some(reason);
                ControlFlow::Break(())
            }
        }
    }
}

impl<D: Domain> Updater<'_, D> {
    /// Takes the blocks of a group in. The changes of those above the final block are recorded in the journal.
    ///
    /// If that fails because of a member that stands alone, and there are others, the member is stopped.
    pub(super) fn take_in(
        &mut self,
        scope: &mut Scope<D::Member>,
        group: &Group,
        final_block: BlockNumber,
    ) -> Result<Pass, SyncError> {
        let result = self.take_in_all(scope, group, final_block);
        let member = match &group.members[..] {
            [member] if D::Member::STANDS_ALONE => scope.exchanges.get(*member),
            _ => None,
        };
        match (result, member.map(Member::name)) {
            (Err(error), Some(name)) if error.is_of_market() => {
                let error = error.of_market(&name);
                if scope.exchanges.len() == 1 {
                    return Err(error);
                }
                log::info!("{name} is left out: {error}");
                self.stopped.stop(name, error, self.poll);
                Ok(Pass::Again("a market is left out"))
            }
            (result, _) => result,
        }
    }

    fn take_in_all(
        &mut self,
        scope: &mut Scope<D::Member>,
        group: &Group,
        final_block: BlockNumber,
    ) -> Result<Pass, SyncError> {
        /// The number of blocks in a request, at most.
        const WIDTH: u64 = 10_000;
        /// How many events are written in one transaction, roughly. The more there are, the more of them change the
        /// same pages.
        const HEAVY: usize = 300_000;
        /// How long a commit may take. Other programs wait for the lock meanwhile, many of them for five seconds.
        const PATIENCE: Duration = Duration::from_secs(4);
        /// How many events are worth a transaction while the next blocks are not there yet.
        const WORTHWHILE: usize = 1_000;
        /// How much time may be lost if the update is killed, at most.
        const LONG: Duration = Duration::from_secs(5);
        let stored = StoredBlock::of_chain(&mut self.connection, self.chain)?;
        let hashes: BTreeMap<BlockNumber, BlockHash> = stored
            .iter()
            .map(|block| (block.number, block.hash))
            .collect();
        let decoding = scope.clone();
        let decoder = D::decoder(&decoding, &group.members);
        let plan = Plan {
            node: self.node,
            decoder: &decoder,
            from: group.from,
            to: group.to,
            width: self.options.chunk.clamp(1, WIDTH),
            final_block,
            threads: self.options.concurrency,
            confirmed_below: self.report.head,
        };
        let mut pending = Pending::default();
        let mut before = group
            .from
            .previous()
            .and_then(|number| hashes.get(&number).copied());
        let mut again = None;
        let mut heavy = HEAVY;
        let mut last_commit = Instant::now();
        fetch(plan, |fetched| {
            if self.options.cancel.is_cancelled() {
                return Err(SyncError::Interrupted);
            }
            let mut piece = match fetched {
                Fetched::Piece(piece) => *piece,
                Fetched::Waiting if pending.weight() < WORTHWHILE => {
                    return Ok(ControlFlow::Continue(()));
                }
                Fetched::Waiting => {
                    last_commit = Instant::now();
                    let pass = self.commit(scope, &decoding, group, &mut pending)?;
                    return Ok(pass.flow(&mut again));
                }
            };
            let is_linked = before.is_none_or(|before| piece.first.parent_hash == before)
                && piece.headers.iter().chain([&piece.last]).all(|header| {
                    hashes
                        .get(&header.number)
                        .is_none_or(|hash| *hash == header.hash)
                });
            if !is_linked {
                again = Some("the chain was reorganised");
                return Ok(ControlFlow::Break(()));
            }
            before = Some(piece.last.hash);
            let end = piece.to;
            let is_widened = piece.complete(|changes, range, last| {
                D::complete(self.node, &decoder, range, last, changes)
            })?;
            if !pending.takes(&piece) {
                let pass = self.commit(scope, &decoding, group, &mut pending)?;
                if pass.flow(&mut again).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            pending.add(piece)?;
            let is_due = pending.blocks >= self.options.chunk
                || pending.weight() >= heavy
                || last_commit.elapsed() >= LONG;
            let mut pass = Pass::Done;
            if is_due || is_widened || end == group.to {
                let begin = Instant::now();
                pass = self.commit(scope, &decoding, group, &mut pending)?;
                last_commit = Instant::now();
                heavy = match last_commit - begin {
                    took if took > PATIENCE => heavy / 2,
                    took if took < PATIENCE / 3 => (2 * heavy).min(HEAVY),
                    _ => heavy,
                };
            }
            if matches!(pass, Pass::Done) && end < group.to {
                pass = if is_widened {
                    Pass::Again("the events of new contracts are asked for from here on")
                } else {
                    self.keep_up(scope, group)?
                };
            }
            Ok(pass.flow(&mut again))
        })?;
        Ok(again.map_or(Pass::Done, Pass::Again))
    }

    /// Records what is changed from now on in the journal, or no longer.
    pub(super) fn record(&mut self, is_recorded: bool) -> Result<(), SyncError> {
        if self.is_recording == is_recorded {
            return Ok(());
        }
        let statements = Statements::of(&mut self.connection)?;
        if is_recorded {
            Recorder::install(statements, D::UPDATE)?;
        } else {
            Recorder::remove(statements)?;
        }
        self.is_recording = is_recorded;
        Ok(())
    }

    fn commit(
        &mut self,
        scope: &mut Scope<D::Member>,
        decoding: &Scope<D::Member>,
        group: &Group,
        pending: &mut Pending<D::Changes>,
    ) -> Result<Pass, SyncError> {
        let blocks = pending.blocks;
        let Some(mut batch) = pending.take() else {
            return Ok(Pass::Done);
        };
        self.record(!batch.end.is_final)?;
        if self.options.check_space {
            require_bytes(self.path, D::room_for(&batch))?;
        }
        self.domain.prepare(
            self.node,
            (decoding, &group.members),
            &mut self.memory,
            &mut self.connection,
            &mut batch,
        )?;
        let place = Place {
            connection: &mut self.connection,
            path: self.path,
            chain: self.chain,
        };
        let committed = D::commit(place, &mut self.memory, scope, &group.members, &mut batch)?;
        let counts = match committed {
            Committed::Done(counts) => counts,
            Committed::Moved(reason) => return Ok(Pass::Again(reason)),
        };
        for index in &group.members {
            if let Some(exchange) = scope.exchanges.get_mut(*index) {
                exchange.advance(batch.to);
            }
        }
        count(self.report, scope, group, batch.to, &counts);
        self.done += blocks;
        let time = batch.times.get(&batch.to).copied();
        self.committed = time.map(|time| (batch.to, time));
        let progress = UpdateProgress {
            chain: self.chain,
            done: self.done,
            total: self.total.max(self.done),
            block: batch.to,
            complete: scope.complete().unwrap_or(batch.to),
            head: self.report.head.unwrap_or(batch.to),
            finalized: self.report.finalized,
            behind: self.behind(batch.to).unwrap_or_default(),
            created: self.report.created,
            events: self.report.events,
            node: self.node.statistics(),
        };
        match self.observer.progress(&progress) {
            ControlFlow::Continue(()) => Ok(Pass::Done),
            ControlFlow::Break(()) => Err(SyncError::Interrupted),
        }
    }
}
