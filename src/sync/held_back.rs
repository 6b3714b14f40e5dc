//! Exchanges that a follower leaves out for a while, because their first sync does not fit on the disk.
//!
//! Otherwise one exchange that is activated beside others would keep all of them from following.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::deployments::exchange_name::ExchangeName;
use crate::sync::member::Member;
use crate::sync::report::Skipped;
use crate::sync::scope::Scope;

/// How long they are left out before the room is looked at again.
const FOR: Duration = Duration::from_secs(60);

const REASON: &str =
    "the disk has too little room for its first sync, which begins when there is room";

/// The members that are left out.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    names: BTreeSet<ExchangeName>,
    since: Option<Instant>,
}

impl HeldBack {
    /// Leaves those members out that have to take in everything, if there are others.
    ///
    /// Returns whether there are others, so that the follower can go on.
    pub(super) fn hold<M: Member>(&mut self, scope: &Scope<M>) -> bool {
        let is_new = |member: &&M| member.is_new();
        if scope.exchanges.iter().all(|member| is_new(&member)) {
            return false;
        }
        let new = scope.exchanges.iter().filter(is_new);
        self.names.extend(new.map(Member::name));
        self.since = Some(Instant::now());
        true
    }

    /// Moves the members that are left out to those that are skipped.
    pub(super) fn leave_out<M: Member>(&mut self, scope: &mut Scope<M>) {
        // What has a mark by now, or is deactivated, is held back no longer.
        let is_there = |name: &ExchangeName| {
            let mut members = scope.exchanges.iter();
            members.any(|member| member.is_new() && member.name() == *name)
        };
        self.names.retain(is_there);
        scope
            .exchanges
            .retain(|member| !self.names.contains(&member.name()));
        scope.skipped.extend(self.names.iter().map(|name| Skipped {
            exchange: name.clone(),
            reason: REASON.into(),
            is_for_now: true,
        }));
    }

    /// Whether the room has to be looked at again.
    pub(super) fn is_due(&self) -> bool {
        !self.names.is_empty() && self.since.is_none_or(|since| since.elapsed() >= FOR)
    }

    /// There is still no room.
    pub(super) fn keep(&mut self) {
        self.since = Some(Instant::now());
    }

    /// There is room.
    pub(super) fn release(&mut self) {
        self.names.clear();
    }
}
