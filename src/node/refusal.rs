//! What an endpoint's refusals and failures mean for the one who asks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::node::classify::{Class, classify, of_status};
use crate::node::error::NodeError;
use crate::node::fault::{Action, Fault};
use crate::node::message::{self, ErrorParts, Item, Unreadable};
use crate::node::options::NodeOptions;
use crate::node::slot::{About, Slot};
use crate::node::transport::answer::{Answer, TransportFault};
use crate::settings::endpoint::endpoint_without_key;

impl Slot {
    /// The endpoint cannot be asked before the deadline.
    pub(super) fn late(&self) -> Fault {
        let error = NodeError::RateLimited {
            endpoint: self.name(),
            waited: Duration::ZERO,
            detail: "it asks for a longer wait".to_owned(),
        };
        Fault::new(Action::Stop, error)
    }

    /// The refusal that an answer is, if it is one of the whole message or one of too many requests.
    pub(super) fn refusal(&self, answer: &Answer, about: &About, calls: usize) -> Option<Fault> {
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

    pub(super) fn unreadable(
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
                let text = text.trim_end_matches([' ', ':']);
                self.fault(Class::Transient, text, about, calls)
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
                let asked = wait.map_or(0, |wait| wait.as_secs());
                let detail = match asked {
                    0 => detail,
                    seconds => format!("{detail}; it asks for a wait of {seconds} s"),
                };
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

    pub(super) fn transport_fault(
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
    pub(super) fn lower_batch_limit(&self, calls: usize) {
        let limit = (calls / 2).max(1);
        self.hard_batch_limit.fetch_min(limit, Ordering::Relaxed);
        self.batch_limit.fetch_min(limit, Ordering::Relaxed);
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
