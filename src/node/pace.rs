//! How fast an endpoint is asked: how many requests at once, how many calls a second, and waits.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::node::options::NodeOptions;
use crate::node::transport::answer::GLANCE;

/// The first wait after a refusal that does not say how long to wait.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait that is not asked for by the node.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The pace of one endpoint. Threads share it.
#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<State>,
    changed: Condvar,
    /// The most requests that are under way at once.
    most: usize,
    /// The time between two calls.
    interval: Option<Duration>,
}

#[derive(Debug)]
struct State {
    under_way: usize,
    /// How many may be under way. Refusals halve it, answers raise it slowly.
    allowed: usize,
    /// Answers since it last changed.
    answers: usize,
    /// The node wants no request before.
    closed_until: Instant,
    /// When the next call may be made.
    next_call: Instant,
    /// How many refusals there were since the last answer.
    refusals: u32,
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPermit {
    Cancelled,
    /// The deadline comes first.
    Late,
}

/// Stands for one request that is under way.
#[derive(Debug)]
pub(super) struct Permit<'a>(&'a Pace);

impl Pace {
    pub(super) fn new(options: &NodeOptions) -> Self {
        let most = options.concurrency.max(1);
        let now = Instant::now();
        let interval = options
            .max_rate
            .filter(|rate| *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        Self {
            state: Mutex::new(State {
                under_way: 0,
                allowed: most,
                answers: 0,
                closed_until: now,
                next_call: now,
                refusals: 0,
            }),
            changed: Condvar::new(),
            most,
            interval,
        }
    }

    /// Waits until a message with as many calls may be sent. Returns how long that was, too.
    pub(super) fn acquire(
        &self,
        calls: usize,
        deadline: Instant,
        cancel: &CancelToken,
    ) -> Result<(Permit<'_>, Duration), NoPermit> {
        let begin = Instant::now();
        let mut state = self.state();
        loop {
            if cancel.is_cancelled() {
                return Err(NoPermit::Cancelled);
            }
            let now = Instant::now();
            let open = state.closed_until.max(state.next_call);
            if now >= open && state.under_way < state.allowed {
                state.under_way += 1;
                if let Some(interval) = self.interval {
                    let calls = u32::try_from(calls).unwrap_or(u32::MAX);
                    state.next_call = now + interval.saturating_mul(calls);
                }
                return Ok((Permit(self), now - begin));
            }
            if now >= deadline || (now < open && open > deadline) {
                return Err(NoPermit::Late);
            }
            let wait = if now < open { open - now } else { GLANCE };
            state = self
                .changed
                .wait_timeout(state, wait.min(GLANCE))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// When the node can be asked again.
    pub(super) fn opens_at(&self) -> Instant {
        self.state().closed_until
    }

    /// How many refusals there were since the last answer.
    pub(super) fn refusals(&self) -> u32 {
        self.state().refusals
    }

    /// The node has refused a request because there are too many.
    pub(super) fn refused(&self, wait: Option<Duration>) {
        let mut state = self.state();
        let now = Instant::now();
        // Several requests that are refused at once are one refusal.
        if now >= state.closed_until {
            state.allowed = (state.allowed / 2).max(1);
            state.answers = 0;
            state.refusals += 1;
        }
        let own = |refusals| backoff(refusals, FIRST_WAIT, LONGEST_WAIT);
        let wait = match wait {
            // A node that asks for no wait, and refuses again, is not asked in a loop.
            Some(wait) if state.refusals > 1 => wait.max(own(state.refusals - 2)),
            Some(wait) => wait,
            None => own(state.refusals.saturating_sub(1)),
        };
        if let Some(until) = now.checked_add(wait) {
            state.closed_until = state.closed_until.max(until);
        }
    }

    /// The node has answered.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.refusals = 0;
        state.answers += 1;
        if state.allowed < self.most && state.answers >= 16 * state.allowed {
            state.allowed += 1;
            state.answers = 0;
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.changed.notify_one();
    }
}

/// The wait before the next try: doubled each time, and between half of that and all of it, so that threads do not
/// come back together.
pub(super) fn backoff(tries: u32, first: Duration, longest: Duration) -> Duration {
    let doubled = first
        .saturating_mul(2_u32.saturating_pow(tries))
        .min(longest);
    let random = RandomState::new().hash_one(tries) % 1024;
    let random = u32::try_from(random).unwrap_or_default();
    doubled / 2 + doubled / 2 * random / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn refusals_halve_the_concurrency_and_answers_raise_it_slowly() {
        let pace = Pace::new(&NodeOptions::default().concurrency(4));
        let cancel = CancelToken::new();
        pace.refused(Some(Duration::ZERO));
        let first = pace.acquire(1, soon(), &cancel).unwrap();
        let second = pace.acquire(1, soon(), &cancel).unwrap();
        let past = Instant::now();
        assert_eq!(pace.acquire(1, past, &cancel).unwrap_err(), NoPermit::Late);
        for _ in 0..32 {
            pace.answered();
        }
        let third = pace.acquire(1, soon(), &cancel).unwrap();
        assert!(pace.acquire(1, Instant::now(), &cancel).is_err());
        drop((first, second, third));
        assert_eq!(pace.state().under_way, 0);
    }

    #[test]
    fn a_node_that_asks_for_no_wait_is_not_asked_in_a_loop() {
        let pace = Pace::new(&NodeOptions::default());
        pace.refused(Some(Duration::ZERO));
        pace.refused(Some(Duration::ZERO));
        assert!(pace.opens_at() > Instant::now());
    }

    #[test]
    fn a_closed_endpoint_is_not_waited_for_beyond_the_deadline() {
        let pace = Pace::new(&NodeOptions::default());
        pace.refused(Some(Duration::from_secs(3600)));
        let cancel = CancelToken::new();
        assert_eq!(
            pace.acquire(1, soon(), &cancel).unwrap_err(),
            NoPermit::Late
        );
        // A wait that no clock can have is ignored.
        pace.refused(Some(Duration::MAX));
    }

    #[test]
    fn a_cancelled_wait_ends() {
        let pace = Pace::new(&NodeOptions::default().concurrency(1));
        let cancel = CancelToken::new();
        let permit = pace.acquire(1, soon(), &cancel).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pace.acquire(1, soon(), &cancel).map(|_| ()));
            cancel.cancel();
            assert_eq!(waiting.join().unwrap(), Err(NoPermit::Cancelled));
        });
        drop(permit);
    }

    #[test]
    fn calls_are_spread_over_time() {
        let pace = Pace::new(&NodeOptions::default().max_rate(0.001));
        let cancel = CancelToken::new();
        drop(pace.acquire(3, soon(), &cancel).unwrap());
        assert!(pace.state().next_call > Instant::now() + Duration::from_secs(2990));
        assert_eq!(
            pace.acquire(1, soon(), &cancel).unwrap_err(),
            NoPermit::Late
        );
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(5));
        for (tries, most) in [(0, 100), (1, 200), (3, 800), (40, 5000), (u32::MAX, 5000)] {
            let wait = backoff(tries, first, longest);
            assert!(wait <= Duration::from_millis(most), "{wait:?}");
            assert!(wait >= Duration::from_millis(most / 2), "{wait:?}");
        }
    }
}
