//! The endpoints of one chain.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::node::endpoint::Endpoint;
use crate::node::error::NodeError;
use crate::node::fault::{Action, Fault};
use crate::node::message::{Item, Question, ResultReader};
use crate::node::options::NodeOptions;
use crate::node::pace::backoff;
use crate::node::slot::{About, Context, Slot};
use crate::node::statistics::{Counters, NodeStatistics, add};
use crate::node::transport::answer::GLANCE;
use crate::types::integer::{BlockNumber, ChainId};

/// The nodes of one chain. Threads share it.
///
/// The endpoints are asked in turn. One that fails is left out for a while. Whatever can pass is tried again, with
/// growing waits, until [`NodeOptions::max_tries`] or [`NodeOptions::patience`] are used up. Every wait ends when the
/// cancel token is cancelled; the method then returns [`NodeError::Interrupted`].
#[derive(Debug)]
pub struct Node {
    context: Context,
    slots: Vec<Slot>,
    /// Whose turn it is.
    next: AtomicUsize,
}

/// What is asked, for errors and for the meaning of refusals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topic {
    pub(super) method: &'static str,
    /// The first block that is asked about.
    pub(super) block: Option<BlockNumber>,
    /// What a node must have of the block.
    pub(super) needed: &'static str,
}

/// A request that needs to become smaller.
#[derive(Debug)]
pub(super) struct TooLarge {
    /// Which endpoint says so.
    pub(super) slot: usize,
    pub(super) fault: Fault,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Stop {
    Error(NodeError),
    TooLarge(Box<TooLarge>),
}

impl From<NodeError> for Stop {
    fn from(error: NodeError) -> Self {
        Self::Error(error)
    }
}

impl Stop {
    /// The error, where a request cannot become smaller.
    pub(super) fn into_error(self) -> NodeError {
        match self {
            Self::Error(error) => error,
            Self::TooLarge(too_large) => too_large.fault.after(1, Duration::ZERO),
        }
    }
}

/// One try of a request at one endpoint.
pub(super) struct Attempt<'a> {
    pub(super) slot: &'a Slot,
    context: &'a Context,
    topic: Topic,
    deadline: Instant,
    waits: bool,
    /// How many blocks the range of `eth_getLogs` has.
    pub(super) blocks: Cell<Option<u64>>,
}

impl Attempt<'_> {
    /// What is asked.
    pub(super) fn about(&self) -> About {
        About {
            method: self.topic.method,
            block: self.topic.block,
            blocks: self.blocks.get(),
            needed: self.topic.needed,
            deadline: self.deadline,
            waits: self.waits,
        }
    }

    /// Asks questions and reads the answers.
    pub(super) fn ask<T>(
        &self,
        questions: &[Question],
        read: impl FnOnce(&[Item<'_>]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.slot.ask(self.context, &self.about(), questions, read)
    }

    /// Asks questions, and passes the result of the one at a place to a reader.
    pub(super) fn ask_with<T>(
        &self,
        questions: &[Question],
        reader: (usize, &mut impl ResultReader),
        read: impl FnOnce(&[Item<'_>], Option<&Item<'_>>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let about = self.about();
        self.slot
            .ask_with(self.context, &about, questions, reader, read)
    }
}

impl Node {
    /// The nodes of a chain. Nothing is asked yet: each endpoint is asked for its chain together with the first
    /// question.
    ///
    /// # Errors
    ///
    /// [`NodeError::Address`] without any endpoint.
    pub fn new(
        chain: ChainId,
        endpoints: Vec<Endpoint>,
        options: NodeOptions,
        cancel: CancelToken,
    ) -> Result<Self, NodeError> {
        if endpoints.is_empty() {
            return Err(NodeError::Address {
                endpoint: "''".to_owned(),
                problem: format!("chain {chain} has no address of a node"),
            });
        }
        Ok(Self::of(Some(chain), endpoints, options, cancel))
    }

    /// The chain of an endpoint.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`].
    pub fn ask_chain_id(
        endpoint: Endpoint,
        options: NodeOptions,
        cancel: CancelToken,
    ) -> Result<ChainId, NodeError> {
        let node = Self::of(None, vec![endpoint], options, cancel);
        let topic = Topic {
            method: "eth_chainId",
            block: None,
            needed: "the chain",
        };
        let question = Question {
            method: "eth_chainId",
            params: "[]".to_owned(),
        };
        let asked = node.persist(topic, |attempt| {
            attempt.ask(std::slice::from_ref(&question), |items| {
                attempt.slot.chain_of(&items[0], &attempt.about())
            })
        });
        asked.map_err(Stop::into_error)
    }

    fn of(
        chain: Option<ChainId>,
        endpoints: Vec<Endpoint>,
        options: NodeOptions,
        cancel: CancelToken,
    ) -> Self {
        Self {
            slots: endpoints
                .into_iter()
                .map(|endpoint| Slot::new(endpoint, &options))
                .collect(),
            context: Context {
                chain,
                options,
                cancel,
                counters: Counters::default(),
            },
            next: AtomicUsize::new(0),
        }
    }

    /// What the requests have cost so far.
    #[must_use]
    pub fn statistics(&self) -> NodeStatistics {
        self.context.counters.read()
    }

    pub(crate) fn options(&self) -> &NodeOptions {
        &self.context.options
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// A request was answered with a refusal, and a part of it is asked for.
    pub(super) fn count_split(&self) {
        add(&self.context.counters.splits, 1);
    }

    /// How many calls a message has at most, at every endpoint.
    pub(super) fn batch_limit(&self) -> usize {
        let limits = self.slots.iter().map(Slot::batch_limit);
        limits.min().unwrap_or(1).max(1)
    }

    /// Makes a request again and again until it is answered, cannot be, or has to become smaller.
    pub(super) fn persist<T>(
        &self,
        topic: Topic,
        mut once: impl FnMut(&Attempt<'_>) -> Result<T, Fault>,
    ) -> Result<T, Stop> {
        /// How often an answer that cannot be right is asked for again.
        const DOUBTS: u32 = 2;
        const FIRST_WAIT: Duration = Duration::from_millis(100);
        const LONGEST_WAIT: Duration = Duration::from_secs(10);
        /// What lasts longer is told.
        const SOON: Duration = Duration::from_millis(700);
        let begin = Instant::now();
        let options = &self.context.options;
        let deadline = begin
            .checked_add(options.patience)
            .unwrap_or_else(|| begin + Duration::from_secs(86_400));
        let mut left = vec![false; self.slots.len()];
        let mut last: Option<Fault> = None;
        let (mut tries, mut doubts) = (0, 0);
        loop {
            if self.context.cancel.is_cancelled() {
                return Err(NodeError::Interrupted.into());
            }
            let Some(index) = self.pick(&left) else {
                // There is no endpoint without a fault that made it be left.
                let fault = last.unwrap_or_else(Fault::interrupted);
                return Err(fault.after(tries, begin.elapsed()).into());
            };
            let slot = &self.slots[index];
            let attempt = Attempt {
                slot,
                context: &self.context,
                topic,
                deadline,
                waits: left.iter().filter(|left| !**left).count() == 1,
                blocks: Cell::new(None),
            };
            let fault = match once(&attempt) {
                Ok(answer) => {
                    slot.succeeded();
                    return Ok(answer);
                }
                Err(fault) => fault,
            };
            let mut wait = Duration::ZERO;
            match fault.action {
                Action::Stop => return Err(fault.after(tries + 1, begin.elapsed()).into()),
                // Single calls are never too many for a message.
                Action::Batch if slot.batch_limit() == 1 => self.count_split(),
                Action::RangeTooWide(_) | Action::TooMuch(_) | Action::Batch => {
                    let too_large = TooLarge { slot: index, fault };
                    return Err(Stop::TooLarge(Box::new(too_large)));
                }
                Action::Leave => left[index] = true,
                // The endpoint is closed for as long as it asked for.
                Action::Rate => {}
                Action::Doubt if doubts == DOUBTS => {
                    return Err(fault.after(tries + 1, begin.elapsed()).into());
                }
                Action::Behind | Action::Again | Action::Doubt => {
                    doubts += u32::from(fault.action == Action::Doubt);
                    tries += 1;
                    slot.failed();
                    // The other endpoints get their turn at once.
                    let turns = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                    if tries >= turns {
                        wait = backoff(tries - turns, FIRST_WAIT, LONGEST_WAIT);
                    }
                }
            }
            let is_late = Instant::now() + wait >= deadline;
            if tries >= options.max_tries.max(1) || is_late {
                return Err(fault.after(tries, begin.elapsed()).into());
            }
            if wait > Duration::ZERO && begin.elapsed() + wait >= SOON {
                slot.tell(Some(&fault.error), options);
            }
            if !matches!(fault.action, Action::Leave | Action::Batch) {
                add(&self.context.counters.retries, 1);
            }
            last = Some(fault);
            self.pause(wait)?;
        }
    }

    /// The endpoint whose turn it is, of those that are not left.
    fn pick(&self, left: &[bool]) -> Option<usize> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let candidates = (0..self.slots.len())
            .map(|offset| turn.wrapping_add(offset) % self.slots.len())
            .filter(|index| !left[*index]);
        let now = Instant::now();
        // The first one of those that can be asked at once; else the one that can be asked first.
        candidates.min_by_key(|index| {
            let slot = &self.slots[*index];
            let open = slot
                .left_out_until()
                .unwrap_or(now)
                .max(slot.pace.opens_at());
            open.max(now)
        })
    }

    /// Waits, unless the token is cancelled.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), NodeError> {
        let begin = Instant::now();
        while begin.elapsed() < time {
            if self.context.cancel.is_cancelled() {
                return Err(NodeError::Interrupted);
            }
            thread::sleep(GLANCE.min(time.saturating_sub(begin.elapsed())));
        }
        let micros = usize::try_from(time.as_micros()).unwrap_or(usize::MAX);
        add(&self.context.counters.waited_micros, micros);
        Ok(())
    }
}
