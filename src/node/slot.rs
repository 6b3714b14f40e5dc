//! One endpoint in use: how it is asked, and what is known of it.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::node::classify::Asked;
use crate::node::endpoint::Endpoint;
use crate::node::error::NodeError;
use crate::node::fault::{Action, Fault};
use crate::node::hex;
use crate::node::limits::RangeLimit;
use crate::node::message::{self, Item, Question, ResultReader, Unread};
use crate::node::options::NodeOptions;
use crate::node::pace::{NoPermit, Pace};
use crate::node::statistics::{Counters, add};
use crate::node::transport::Transport;
use crate::types::integer::{BlockNumber, ChainId};

/// What all requests to the endpoints of a chain share.
#[derive(Debug)]
pub(super) struct Context {
    /// The chain; `None` if it is to be found out.
    pub(super) chain: Option<ChainId>,
    pub(super) options: NodeOptions,
    pub(super) cancel: CancelToken,
    pub(super) counters: Counters,
}

/// What is asked, for errors and for the meaning of refusals.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) method: &'static str,
    /// The first block that is asked about.
    pub(super) block: Option<BlockNumber>,
    /// How many blocks the range of `eth_getLogs` has.
    pub(super) blocks: Option<u64>,
    /// What a node must have of the block.
    pub(super) needed: &'static str,
    /// When it is too late for an answer.
    pub(super) deadline: Instant,
    /// Whether to wait for this endpoint if it refuses too many requests. Otherwise another one is asked.
    pub(super) waits: bool,
}

/// One endpoint in use. Threads share it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) endpoint: Endpoint,
    transport: Transport,
    pub(super) pace: Pace,
    /// For filters with addresses, and for those without.
    limits: Mutex<[RangeLimit; 2]>,
    /// Whether the endpoint has said that it is of the right chain since it was last unreachable.
    pub(super) is_checked: AtomicBool,
    /// How many calls a message has at most, now.
    pub(super) batch_limit: AtomicUsize,
    /// How many the endpoint takes at most, whenever it is asked.
    pub(super) hard_batch_limit: AtomicUsize,
    /// Answers, counted to raise the limit of batches slowly.
    answers: AtomicUsize,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    /// Failures since the last answer.
    failures: u32,
    left_out_until: Option<Instant>,
    /// Whether it was told, since the last answer, that there is none.
    is_told: bool,
}

impl Slot {
    pub(super) fn new(endpoint: Endpoint, options: &NodeOptions) -> Self {
        Self {
            transport: Transport::new(&endpoint, options),
            endpoint,
            pace: Pace::new(options),
            limits: Mutex::default(),
            is_checked: AtomicBool::new(false),
            batch_limit: AtomicUsize::new(options.batch_size.max(1)),
            hard_batch_limit: AtomicUsize::new(options.batch_size.max(1)),
            answers: AtomicUsize::new(0),
            health: Mutex::default(),
        }
    }

    /// The address without its key.
    pub(super) fn name(&self) -> String {
        self.endpoint.to_string()
    }

    /// A text of the node as it may be shown.
    pub(super) fn shown_text(&self, text: &str) -> String {
        self.endpoint.shown_text(text)
    }

    /// How many calls a message has at most.
    pub(super) fn batch_limit(&self) -> usize {
        self.batch_limit.load(Ordering::Relaxed)
    }

    /// The limits of ranges, for filters with or without addresses.
    pub(super) fn limit(&self, has_addresses: bool) -> RangeLimit {
        self.limits()[usize::from(has_addresses)]
    }

    pub(super) fn learn(&self, has_addresses: bool, learn: impl FnOnce(&mut RangeLimit)) {
        learn(&mut self.limits()[usize::from(has_addresses)]);
    }

    fn limits(&self) -> MutexGuard<'_, [RangeLimit; 2]> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the endpoint is left out, if it is.
    pub(super) fn left_out_until(&self) -> Option<Instant> {
        let until = self.health().left_out_until?;
        (until > Instant::now()).then_some(until)
    }

    /// The endpoint has answered usefully.
    pub(super) fn succeeded(&self) {
        *self.health() = Health::default();
    }

    /// The endpoint has answered a message.
    fn answered(&self) {
        /// After as many answers, batches that were too large for the rate are tried again.
        const CALM: usize = 64;
        self.pace.answered();
        if self.answers.fetch_add(1, Ordering::Relaxed) % CALM == CALM - 1 {
            let hard = self.hard_batch_limit.load(Ordering::Relaxed);
            let doubled = self.batch_limit().saturating_mul(2);
            self.batch_limit.store(doubled.min(hard), Ordering::Relaxed);
        }
    }

    /// The endpoint has failed, or lags. After the second time it is left out for a while.
    pub(super) fn failed(&self) {
        const LONGEST: Duration = Duration::from_secs(60);
        let mut health = self.health();
        health.failures = health.failures.saturating_add(1);
        if health.failures > 1 {
            let while_out = Duration::from_millis(500)
                .saturating_mul(2_u32.saturating_pow(health.failures - 1))
                .min(LONGEST);
            health.left_out_until = Instant::now().checked_add(while_out);
        }
    }

    /// Tells that the endpoint gives no usable answer, once until it does. Without a word, nobody would know for minutes why
    /// nothing happens.
    pub(super) fn tell(&self, error: Option<&NodeError>, options: &NodeOptions) {
        if mem::replace(&mut self.health().is_told, true) {
            return;
        }
        let node = &self.endpoint;
        let (patience, tries) = (options.patience.as_secs(), options.max_tries);
        match error {
            None => log::warn!(
                "The node {node} has not answered yet; it is waited for, for {patience} s at most"
            ),
            Some(NodeError::Unreachable { detail, .. }) => log::warn!(
                "The node {node} gives no usable answer: {detail}; it is asked up to {tries} times, for {patience} s at most"
            ),
            Some(NodeError::RateLimited { detail, .. }) => log::warn!(
                "The node {node} refuses requests because there are too many: {detail}; it is waited for, for \
                 {patience} s at most"
            ),
            Some(error) => {
                log::warn!("{error}; it is asked up to {tries} times, for {patience} s at most");
            }
        }
    }

    /// Whether the last that was heard of the endpoint was an answer.
    fn has_answered(&self) -> bool {
        self.answers.load(Ordering::Relaxed) > 0 && self.health().failures == 0
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks questions, in one message or in as many as the endpoint needs, and reads the answers. The first time it
    /// asks for the chain as well.
    pub(super) fn ask<T>(
        &self,
        context: &Context,
        about: &About,
        questions: &[Question],
        read: impl FnOnce(&[Item<'_>]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let nothing = (questions.len(), &mut Unread);
        self.ask_with(context, about, questions, nothing, |items, _| read(items))
    }

    /// The same, but the result of the question at a place is passed to a reader, while the message is read. `read` gets
    /// the other answers, and that one only if the reader could not read it.
    pub(super) fn ask_with<T>(
        &self,
        context: &Context,
        about: &About,
        questions: &[Question],
        (place, reader): (usize, &mut impl ResultReader),
        read: impl FnOnce(&[Item<'_>], Option<&Item<'_>>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let chain = context
            .chain
            .filter(|_| !self.is_checked.load(Ordering::Relaxed));
        let mut all = Vec::new();
        if chain.is_some() {
            all.push(Question {
                method: "eth_chainId",
                params: "[]".to_owned(),
            });
        }
        all.extend_from_slice(questions);
        let limit = self.batch_limit();
        let mut bodies = Vec::new();
        for questions in all.chunks(limit) {
            bodies.push(self.send(context, about, questions)?);
        }
        let mut items = Vec::with_capacity(all.len());
        let mut unread = None;
        // The place among the questions of each message.
        let mut place = Some(place + usize::from(chain.is_some()));
        for (questions, body) in all.chunks(limit).zip(&bodies) {
            let calls = questions.len();
            let here = place.filter(|place| *place < calls);
            place = place.and_then(|place| place.checked_sub(calls));
            if let Some(here) = here {
                if let Some(others) = message::read_with(body, calls, here, reader) {
                    items.extend(others);
                    continue;
                }
                reader.clear();
            }
            match message::read(body, calls) {
                Ok(mut read) => {
                    unread = here.map(|here| read.remove(here)).or(unread);
                    items.extend(read);
                }
                Err(unreadable) => {
                    return Err(self.unreadable(&unreadable, 200, body, about, calls));
                }
            }
        }
        drop(all);
        let answers = match (chain, items.as_slice()) {
            (Some(expected), [chain, answers @ ..]) => {
                self.check_chain(chain, expected, about)?;
                answers
            }
            (_, answers) => answers,
        };
        let result = read(answers, unread.as_ref());
        drop((items, unread));
        for body in bodies {
            self.transport.recycle(body);
        }
        result
    }

    fn check_chain(&self, item: &Item<'_>, expected: ChainId, about: &About) -> Result<(), Fault> {
        let about = About {
            method: "eth_chainId",
            blocks: None,
            ..*about
        };
        let found = self.chain_of(item, &about)?;
        if found != expected {
            let error = NodeError::OtherChain {
                endpoint: self.name(),
                found,
                expected,
            };
            return Err(Fault::new(Action::Stop, error));
        }
        self.is_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Reads an answer to `eth_chainId`.
    pub(super) fn chain_of(&self, item: &Item<'_>, about: &About) -> Result<ChainId, Fault> {
        let json = self.result(item, about)?;
        serde_json::from_str::<&str>(json)
            .ok()
            .and_then(hex::number)
            .and_then(|number| ChainId::new(number).ok())
            .ok_or_else(|| self.invalid(about, "it is no chain ID", json))
    }

    /// Sends a message, and waits where the endpoint refuses too many requests. What comes back is not yet read.
    fn send(
        &self,
        context: &Context,
        about: &About,
        questions: &[Question],
    ) -> Result<Vec<u8>, Fault> {
        /// Longer answers are no refusals.
        const REFUSAL: usize = 64 << 10;
        /// After as many refusals without an answer, a batch may be more than the rate ever allows.
        const PATIENCE_WITH_BATCHES: u32 = 3;
        /// A node that has not answered at all for so long is told of.
        const SILENCE: Duration = Duration::from_secs(2);
        let calls = questions.len();
        let message = message::write(questions);
        let mut last = None;
        loop {
            let acquired = self.pace.acquire(calls, about.deadline, &context.cancel);
            let (permit, waited) = match acquired {
                Ok(acquired) => acquired,
                Err(NoPermit::Cancelled) => return Err(Fault::interrupted()),
                Err(NoPermit::Late) => {
                    return Err(last.unwrap_or_else(|| self.late()));
                }
            };
            let micros = usize::try_from(waited.as_micros()).unwrap_or(usize::MAX);
            add(&context.counters.waited_micros, micros);
            add(&context.counters.calls, calls);
            add(&context.counters.requests, 1);
            let exchanged = self
                .transport
                .exchange(message.clone(), &context.cancel, |waited| {
                    if waited >= SILENCE && !self.has_answered() {
                        self.tell(None, &context.options);
                    }
                });
            drop(permit);
            let answer = exchanged
                .map_err(|fault| self.transport_fault(fault, about, calls, &context.options))?;
            add(&context.counters.bytes, answer.body.len());
            let fault = if answer.status == 200 && answer.body.len() > REFUSAL {
                None
            } else {
                self.refusal(&answer, about, calls)
            };
            let Some(fault) = fault else {
                self.answered();
                return Ok(answer.body);
            };
            if fault.action != Action::Rate {
                return Err(fault);
            }
            add(&context.counters.rate_limits, 1);
            if calls > 1 && self.pace.refusals() >= PATIENCE_WITH_BATCHES {
                self.batch_limit.fetch_min(calls / 2, Ordering::Relaxed);
                return Err(Fault::new(Action::Batch, fault.error));
            }
            if !about.waits {
                return Err(fault);
            }
            let opens_at = self.pace.opens_at();
            if opens_at > Instant::now() + SILENCE && opens_at < about.deadline {
                self.tell(Some(&fault.error), &context.options);
            }
            last = Some(Fault::new(Action::Stop, fault.error));
        }
    }
}

impl About {
    pub(super) const fn asked(&self, calls: usize) -> Asked {
        Asked {
            blocks: self.blocks,
            calls,
        }
    }
}
