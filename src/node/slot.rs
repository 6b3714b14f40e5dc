//! One endpoint in use: how it is asked, and what is known of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::node::classify::{Asked, Class, classify, of_status};
use crate::node::endpoint::Endpoint;
use crate::node::error::NodeError;
use crate::node::fault::{Action, Fault};
use crate::node::hex;
use crate::node::limits::RangeLimit;
use crate::node::message::{self, ErrorParts, Item, Question, Unreadable};
use crate::node::options::NodeOptions;
use crate::node::pace::{NoPermit, Pace};
use crate::node::statistics::{Counters, add};
use crate::node::transport::Transport;
use crate::node::transport::answer::{Answer, TransportFault};
use crate::settings::endpoint::endpoint_without_key;
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
    endpoint: Endpoint,
    transport: Transport,
    pub(super) pace: Pace,
    /// For filters with addresses, and for those without.
    limits: Mutex<[RangeLimit; 2]>,
    /// Whether the endpoint has said that it is of the right chain since it was last unreachable.
    is_checked: AtomicBool,
    /// How many calls a message has at most.
    batch_limit: AtomicUsize,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    /// Failures since the last answer.
    failures: u32,
    left_out_until: Option<Instant>,
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

    /// The endpoint has answered.
    pub(super) fn succeeded(&self) {
        *self.health() = Health::default();
        self.pace.answered();
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
        for (questions, body) in all.chunks(limit).zip(&bodies) {
            match message::read(body, questions.len()) {
                Ok(read) => items.extend(read),
                Err(unreadable) => {
                    return Err(self.unreadable(&unreadable, 200, body, about, questions.len()));
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
        read(answers)
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
        /// After as many refusals, a batch may be more than the limit allows in its whole time.
        const PATIENCE_WITH_BATCHES: u32 = 3;
        let calls = questions.len();
        let message = message::write(questions);
        let mut refusals = 0;
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
            let exchanged = self.transport.exchange(message.clone(), &context.cancel);
            drop(permit);
            let answer = exchanged
                .map_err(|fault| self.transport_fault(fault, about, calls, &context.options))?;
            add(&context.counters.bytes, answer.body.len());
            if answer.status == 200 && answer.body.len() > REFUSAL {
                return Ok(answer.body);
            }
            let Some(fault) = self.refusal(&answer, about, calls) else {
                return Ok(answer.body);
            };
            if fault.action != Action::Rate {
                return Err(fault);
            }
            add(&context.counters.rate_limits, 1);
            refusals += 1;
            if calls > 1 && refusals >= PATIENCE_WITH_BATCHES {
                self.lower_batch_limit(calls);
                return Err(Fault::new(Action::Batch, fault.error));
            }
            if !about.waits {
                return Err(fault);
            }
            last = Some(Fault::new(Action::Stop, fault.error));
        }
    }

    /// The endpoint cannot be asked before the deadline.
    fn late(&self) -> Fault {
        let error = NodeError::RateLimited {
            endpoint: self.name(),
            waited: Duration::ZERO,
            detail: "it asks for a longer wait".to_owned(),
        };
        Fault::new(Action::Stop, error)
    }

    /// The refusal that an answer is, if it is one of the whole message or one of too many requests.
    fn refusal(&self, answer: &Answer, about: &About, calls: usize) -> Option<Fault> {
        let Answer { status, body, .. } = answer;
        if (300..400).contains(status) {
            let to = answer.location.as_deref().unwrap_or("nowhere");
            let error = NodeError::Redirected {
                endpoint: self.name(),
                to: self.endpoint.shown_text(&endpoint_without_key(to)),
            };
            return Some(Fault::new(Action::Leave, error));
        }
        let asked = about.asked(calls);
        let parts = match message::read(body, calls) {
            Ok(items) => {
                let errors: Vec<_> = items
                    .iter()
                    .filter_map(|item| match item {
                        Item::Error(error) => Some(error.parts()),
                        Item::Result(_) => None,
                    })
                    .collect();
                let is_rate = |parts: &&ErrorParts| {
                    matches!(classify(*status, parts, asked), Class::Rate { .. })
                };
                match (errors.iter().find(is_rate), errors.first()) {
                    (Some(parts), _) => parts.clone(),
                    (None, Some(parts)) if *status != 200 => parts.clone(),
                    _ if *status == 200 => return None,
                    _ => return Some(self.of_status(answer, about, calls)),
                }
            }
            Err(Unreadable::Error(error)) => error.parts(),
            // A status that is not 200 says more than the text does.
            Err(Unreadable::Malformed(_)) if *status != 200 => {
                return Some(self.of_status(answer, about, calls));
            }
            Err(unreadable) => return Some(self.unreadable(&unreadable, 200, body, about, calls)),
        };
        let mut class = classify(*status, &parts, asked);
        if *status == 429 && !matches!(class, Class::Rate { .. }) {
            class = Class::Rate { wait: None };
        }
        if let (Class::Rate { wait }, Some(after)) = (&mut class, answer.retry_after) {
            *wait = Some(after);
        }
        Some(self.fault(class, &parts.message, about, calls))
    }

    fn of_status(&self, answer: &Answer, about: &About, calls: usize) -> Fault {
        let mut class = of_status(answer.status, about.asked(calls));
        if let (Class::Rate { wait }, Some(after)) = (&mut class, answer.retry_after) {
            *wait = Some(after);
        }
        let body = String::from_utf8_lossy(&answer.body);
        let text = format!("HTTP status {}: {}", answer.status, start(&body));
        self.fault(class, text.trim_end_matches([' ', ':']), about, calls)
    }

    fn unreadable(
        &self,
        unreadable: &Unreadable<'_>,
        status: u16,
        body: &[u8],
        about: &About,
        calls: usize,
    ) -> Fault {
        match unreadable {
            Unreadable::Error(error) => self.refused(&error.parts(), status, about, calls),
            Unreadable::Malformed(problem) => {
                let body = String::from_utf8_lossy(&body[..body.len().min(4096)]);
                let text = format!("the answer is broken: {problem}: {}", start(&body));
                self.fault(Class::Transient, &text, about, calls)
            }
        }
    }

    /// The result of an item, as JSON.
    pub(super) fn result<'a>(&self, item: &Item<'a>, about: &About) -> Result<&'a str, Fault> {
        match item {
            Item::Result(raw) => Ok(raw.get()),
            Item::Error(error) => Err(self.refused(&error.parts(), 200, about, 1)),
        }
    }

    /// Whether an error says that the endpoint does not have a block, or not yet.
    pub(super) fn lacks_block(&self, parts: &ErrorParts, about: &About) -> bool {
        classify(200, parts, about.asked(1)) == Class::Behind
    }

    /// An error that the endpoint has answered with.
    pub(super) fn refused(
        &self,
        parts: &ErrorParts,
        status: u16,
        about: &About,
        calls: usize,
    ) -> Fault {
        let class = classify(status, parts, about.asked(calls));
        self.fault(class, &parts.message, about, calls)
    }

    fn fault(&self, class: Class, text: &str, about: &About, calls: usize) -> Fault {
        let endpoint = self.name();
        let detail = match self.endpoint.shown_text(text) {
            text if text.is_empty() => "it gives no reason".to_owned(),
            text => text,
        };
        let again = |endpoint, detail| NodeError::Unreachable {
            endpoint,
            tries: 1,
            detail,
        };
        let refused = |endpoint, detail| NodeError::Refused {
            endpoint,
            method: about.method,
            detail,
        };
        let (action, error) = match (class, about.block) {
            (Class::Rate { wait }, _) => {
                self.pace.refused(wait);
                let error = NodeError::RateLimited {
                    endpoint,
                    waited: Duration::ZERO,
                    detail,
                };
                (Action::Rate, error)
            }
            (Class::RangeTooWide { limit }, Some(block)) => (
                Action::RangeTooWide(limit),
                NodeError::TooMuch {
                    endpoint,
                    block,
                    detail,
                },
            ),
            (Class::TooMuch { offered }, Some(block)) => (
                Action::TooMuch(offered),
                NodeError::TooMuch {
                    endpoint,
                    block,
                    detail,
                },
            ),
            (Class::Batch, _) => {
                self.lower_batch_limit(calls);
                (Action::Batch, refused(endpoint, detail))
            }
            (Class::Behind, Some(block)) => (
                Action::Behind,
                NodeError::Behind {
                    endpoint,
                    block,
                    detail,
                },
            ),
            (Class::Pruned, Some(block)) => (
                Action::Leave,
                NodeError::Pruned {
                    endpoint,
                    block,
                    needed: about.needed,
                    detail,
                },
            ),
            (Class::Transient | Class::Behind, _) => (Action::Again, again(endpoint, detail)),
            (_, _) => (Action::Leave, refused(endpoint, detail)),
        };
        Fault { action, error }
    }

    fn transport_fault(
        &self,
        fault: TransportFault,
        about: &About,
        calls: usize,
        options: &NodeOptions,
    ) -> Fault {
        let is_range = about.blocks.is_some_and(|blocks| blocks > 1);
        let unreachable = |detail: &str| NodeError::Unreachable {
            endpoint: self.name(),
            tries: 1,
            detail: self.endpoint.shown_text(detail),
        };
        match fault {
            TransportFault::Cancelled => Fault::interrupted(),
            TransportFault::TimedOut(detail) => {
                self.is_checked.store(false, Ordering::Relaxed);
                // A smaller range takes less time.
                let action = if is_range {
                    Action::TooMuch(None)
                } else {
                    Action::Again
                };
                Fault::new(action, unreachable(&detail))
            }
            TransportFault::Broken(detail) => {
                self.is_checked.store(false, Ordering::Relaxed);
                Fault::new(Action::Again, unreachable(&detail))
            }
            TransportFault::TooLarge => {
                let action = match about.blocks {
                    Some(_) => Action::TooMuch(None),
                    None if calls > 1 => {
                        self.lower_batch_limit(calls);
                        Action::Batch
                    }
                    None => Action::Leave,
                };
                let error = NodeError::TooLarge {
                    endpoint: self.name(),
                    method: about.method,
                    limit: options.max_answer_bytes,
                };
                Fault::new(action, error)
            }
            TransportFault::Tls(detail) => Fault::new(
                Action::Leave,
                NodeError::Tls {
                    endpoint: self.name(),
                    detail: self.endpoint.shown_text(&detail),
                },
            ),
        }
    }

    /// A message with as many calls was too large.
    fn lower_batch_limit(&self, calls: usize) {
        self.batch_limit
            .fetch_min((calls / 2).max(1), Ordering::Relaxed);
    }

    /// An answer that cannot be right. `found` is the part of it that shows this.
    pub(super) fn invalid(&self, about: &About, problem: &str, found: &str) -> Fault {
        let error = NodeError::Invalid {
            endpoint: self.name(),
            method: about.method,
            problem: problem.to_owned(),
            found: self.endpoint.shown_text(found),
        };
        Fault::new(Action::Doubt, error)
    }
}

impl About {
    const fn asked(&self, calls: usize) -> Asked {
        Asked {
            blocks: self.blocks,
            calls,
        }
    }
}

/// The start of a body, without the tags of a page.
fn start(body: &str) -> String {
    /// Enough to see what it is.
    const LOOKED_AT: usize = 4096;
    let mut text = String::new();
    let mut in_tag = false;
    for c in body.chars().take(LOOKED_AT) {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            _ if in_tag => {}
            c => text.push(c),
        }
    }
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}
