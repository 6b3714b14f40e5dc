//! Keeps exchanges at the head of the chain while others catch up.

use std::time::{Duration, Instant};

use crate::models::journal::blocks::StoredBlock;
use crate::sync::chain_view::{Standing, look};
use crate::sync::domain::Domain;
use crate::sync::member::Member;
use crate::sync::scope::{Group, Scope};
use crate::sync::sync_error::SyncError;
use crate::sync::update::{Pass, Updater};
use crate::types::integer::BlockNumber;

/// An exchange that lacks fewer blocks is near the head.
const NEAR: u64 = 10_000;

impl<M: Member> Scope<M> {
    /// The exchanges that are ahead of a group and the furthest of all, with what they lack, if they are near the head; or
    /// the markets that are ahead of one and near the head.
    fn ahead_of(&self, group: &Group, target: BlockNumber) -> Vec<Group> {
        let is_near = |from: BlockNumber| from <= target && target.get() - from.get() < NEAR;
        let starts = || self.exchanges.iter().map(Member::next).enumerate();
        if M::STANDS_ALONE {
            let ahead = starts()
                .filter(|(member, from)| *from > group.from && !group.members.contains(member));
            return ahead
                .filter(|(_, from)| is_near(*from))
                .map(|(member, from)| Group::alone(member, from, target))
                .collect();
        }
        let furthest = starts().map(|(_, start)| start).max();
        let Some(from) = furthest.filter(|from| *from > group.to && is_near(*from)) else {
            return Vec::new();
        };
        let members = starts().filter(|(_, start)| *start == from);
        vec![Group {
            members: members.map(|(index, _)| index).collect(),
            from,
            to: target,
        }]
    }
}

impl<D: Domain> Updater<'_, D> {
    /// Takes in what the exchanges near the head lack, before a group that is behind them.
    pub(super) fn take_in_ahead(
        &mut self,
        scope: &mut Scope<D::Member>,
        behind: &Group,
        target: BlockNumber,
        final_block: BlockNumber,
    ) -> Result<Pass, SyncError> {
        if self.poll.is_none() {
            return Ok(Pass::Done);
        }
        for group in scope.ahead_of(behind, target) {
            if let Pass::Again(reason) = self.take_in(scope, &group, final_block)? {
                return Ok(Pass::Again(reason));
            }
        }
        Ok(Pass::Done)
    }

    /// Asks for new blocks while a group catches up, and takes them in for the exchanges near the head.
    pub(super) fn keep_up(
        &mut self,
        scope: &mut Scope<D::Member>,
        behind: &Group,
    ) -> Result<Pass, SyncError> {
        let is_due = |poll| self.looked.is_none_or(|looked| looked.elapsed() >= poll);
        let head = self.report.head.map(BlockNumber::next);
        let is_needed = self.poll.is_some_and(is_due)
            && head.is_some_and(|next| !scope.ahead_of(behind, next).is_empty());
        if !is_needed {
            return Ok(Pass::Done);
        }
        self.looked = Some(Instant::now());
        let stored = StoredBlock::of_chain(&mut self.connection, self.chain)?;
        let cancel = &self.options.cancel;
        let (view, standing) = match look(self.node, &stored, Duration::ZERO, cancel) {
            // The group goes on meanwhile.
            Err(SyncError::Behind { .. }) => return Ok(Pass::Done),
            looked => looked?,
        };
        if standing != Standing::InChain {
            return Ok(Pass::Again("the chain was reorganised"));
        }
        self.note(&view);
        let target = view.resolve(self.node, self.options.to_block)?;
        let final_block = view.final_block(&stored);
        if let Pass::Again(reason) = self.settle(&stored, final_block)? {
            return Ok(Pass::Again(reason));
        }
        self.take_in_ahead(scope, behind, target, final_block)
    }
}
