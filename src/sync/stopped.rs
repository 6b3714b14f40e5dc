//! Members that an error has stopped, while the others go on.
//!
//! Otherwise one market whose token was upgraded to code that nobody knows yet would keep all markets of its chain from
//! being updated.

use std::time::{Duration, Instant};

use crate::deployments::exchange_name::ExchangeName;
use crate::sync::member::Member;
use crate::sync::report::Skipped;
use crate::sync::retry_wait::wait_after;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;

/// How long a follower waits at most before it tries a member again.
const LONGEST: Duration = Duration::from_secs(300);

/// The members that are stopped, in the order in which that happened.
#[derive(Debug, Default)]
pub(super) struct Stopped(Vec<Stop>);

#[derive(Debug)]
struct Stop {
    name: ExchangeName,
    error: SyncError,
    tries: u32,
    /// When it is tried again; `None` if it is not.
    again: Option<Instant>,
}

impl Stopped {
    /// Stops a member. With `poll`, which is how often a follower asks for new blocks, it is tried again later.
    pub(super) fn stop(&mut self, name: ExchangeName, error: SyncError, poll: Option<Duration>) {
        let known = self.0.iter().position(|stop| stop.name == name);
        let known = known.map(|index| self.0.remove(index));
        let tries = known.map_or(0, |known| known.tries).saturating_add(1);
        let wait = poll.map(|poll| wait_after(tries, poll, LONGEST));
        self.0.push(Stop {
            name,
            error,
            tries,
            again: wait.and_then(|wait| Instant::now().checked_add(wait)),
        });
    }

    /// Leaves out the members that are not due.
    pub(super) fn leave_out<M: Member>(&mut self, scope: &mut Scope<M>) {
        // What is deactivated is stopped no longer.
        let is_there = |stop: &Stop| scope.exchanges.iter().any(|it| it.name() == stop.name);
        self.0.retain(is_there);
        let now = Instant::now();
        let is_left_out = |name: ExchangeName| {
            let mut stops = self.0.iter();
            stops.any(|stop| stop.name == name && stop.again.is_none_or(|again| again > now))
        };
        scope.exchanges.retain(|it| !is_left_out(it.name()));
    }

    /// Whether a member is due.
    pub(super) fn is_due(&self) -> bool {
        let now = Instant::now();
        let mut again = self.0.iter().filter_map(|stop| stop.again);
        again.any(|again| again <= now)
    }

    pub(super) fn contains(&self, name: &ExchangeName) -> bool {
        self.0.iter().any(|stop| stop.name == *name)
    }

    /// The members as an observer hears of them.
    pub(super) fn skipped(&self) -> impl Iterator<Item = Skipped> {
        self.0.iter().map(|stop| Skipped {
            exchange: stop.name.clone(),
            reason: stop.error.without_market(&stop.name).into(),
            is_for_now: true,
        })
    }

    /// Those that have been taken in with the others are stopped no longer. Returns whether there are any.
    pub(super) fn release<M: Member>(&mut self, scope: &Scope<M>) -> bool {
        let before = self.0.len();
        let is_in = |stop: &Stop| scope.exchanges.iter().any(|it| it.name() == stop.name);
        self.0.retain(|stop| !is_in(stop));
        self.0.len() < before
    }

    /// All of them, with their errors.
    pub(super) fn take(&mut self) -> Vec<(ExchangeName, SyncError)> {
        let stops = std::mem::take(&mut self.0).into_iter();
        stops.map(|stop| (stop.name, stop.error)).collect()
    }
}
