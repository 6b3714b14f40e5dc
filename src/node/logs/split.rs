//! Ranges that are asked for in parts.

use std::cell::Cell;
use std::time::Duration;

use crate::node::client::{Node, Stop, TooLarge, Topic};
use crate::node::error::NodeError;
use crate::node::fault::Action;
use crate::node::logs::check;
use crate::node::logs::filter::{LogFilter, METHOD};
use crate::node::logs::order::sorted;
use crate::node::logs::request::{self, LogAnswer, Proof};
use crate::node::pace::backoff;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

impl Node {
    /// The events of the blocks `from` to `to`, both included, that `filter` asks for.
    ///
    /// The answer is one consistent view of the chain. If it takes several requests, because the node limits ranges
    /// or sizes, their blocks follow each other. `pinned` is the hash that block `to` must have, if that is known.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`]: [`OtherBlock`](NodeError::OtherBlock) if block `to` does not have the hash `pinned`,
    /// [`Unlinked`](NodeError::Unlinked) if parts do not follow each other however often they are asked for, and
    /// [`Invalid`](NodeError::Invalid) for an answer that contradicts itself or the question.
    pub fn logs(
        &self,
        filter: &LogFilter,
        from: BlockNumber,
        to: BlockNumber,
        pinned: Option<BlockHash>,
    ) -> Result<LogAnswer, NodeError> {
        self.logs_with_proof(filter, from, to, Proof::pinned(pinned))
    }

    /// The same, with a block `to` whose hash is confirmed by the block after it, or by a second answer if it is the newest
    /// block, `head`: it does not count because of one answer.
    pub(crate) fn confirmed_logs(
        &self,
        filter: &LogFilter,
        from: BlockNumber,
        to: BlockNumber,
        pinned: Option<BlockHash>,
        head: BlockNumber,
    ) -> Result<LogAnswer, NodeError> {
        let head = Some(head);
        self.logs_with_proof(filter, from, to, Proof { pinned, head })
    }

    fn logs_with_proof(
        &self,
        filter: &LogFilter,
        from: BlockNumber,
        to: BlockNumber,
        proof: Proof,
    ) -> Result<LogAnswer, NodeError> {
        const FIRST_WAIT: Duration = Duration::from_millis(100);
        const LONGEST_WAIT: Duration = Duration::from_secs(5);
        if from > to {
            return Err(NodeError::EmptyRange { from, to });
        }
        let filter = filter.without_duplicates();
        let mut tries = 0;
        loop {
            match self.logs_of_all_addresses(&filter, from, to, proof) {
                Err(NodeError::Unlinked { .. }) if tries + 1 < self.options().max_tries => {
                    self.pause(backoff(tries, FIRST_WAIT, LONGEST_WAIT))?;
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    /// The events of as many of these blocks, from the first one on, as a node answers about at once.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`].
    pub fn first_logs(
        &self,
        filter: &LogFilter,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<LogAnswer, NodeError> {
        if from > to {
            return Err(NodeError::EmptyRange { from, to });
        }
        let filter = filter.without_duplicates();
        self.part(&filter, from, to, Proof::default())
            .map(|part| part.answer)
    }

    /// How many blocks an endpoint answers about at once, if one has refused a wider range. Ranges of that many
    /// blocks can be asked for by several threads.
    #[must_use]
    pub fn range_limit(&self, filter: &LogFilter) -> Option<u64> {
        let has_addresses = !filter.addresses.is_empty();
        let limits = self.slots().iter();
        limits
            .filter_map(|slot| slot.limit(has_addresses).hard())
            .min()
    }

    pub(super) fn logs_once(
        &self,
        filter: &LogFilter,
        from: BlockNumber,
        to: BlockNumber,
        proof: Proof,
    ) -> Result<LogAnswer, NodeError> {
        let Part { mut answer, .. } = self.part(filter, from, to, proof)?;
        while answer.last.number < to {
            let begin = shifted(answer.last.number, 1);
            let Part {
                answer: part,
                endpoint,
            } = self.part(filter, begin, to, proof)?;
            if part.first.parent_hash != answer.last.hash {
                return Err(NodeError::Unlinked {
                    endpoint,
                    block: begin,
                });
            }
            answer.logs.extend(part.logs.iter());
            answer.last = part.last;
        }
        Ok(answer)
    }

    /// The events of as many blocks from `from` on as an endpoint answers about.
    fn part(
        &self,
        filter: &LogFilter,
        from: BlockNumber,
        to: BlockNumber,
        proof: Proof,
    ) -> Result<Part, NodeError> {
        /// After as many offers, ranges are halved: an offer may be hardly smaller.
        const OFFERS: u32 = 3;
        let has_addresses = !filter.addresses.is_empty();
        let topic = Topic {
            method: METHOD,
            block: Some(from),
            needed: "the events",
        };
        let mut most = to.get() - from.get() + 1;
        let (mut offers, mut silences) = (0, 0);
        loop {
            let asked = Cell::new(most);
            let result = self.persist(topic, |attempt| {
                let blocks = attempt.slot.limit(has_addresses).width().min(most);
                asked.set(blocks);
                attempt.blocks.set(Some(blocks));
                let end = shifted(from, blocks - 1);
                let proof = Proof {
                    pinned: proof.pinned.filter(|_| end == to),
                    ..proof
                };
                let answer = request::ask(attempt, filter, from, end, proof)?;
                let logs = u64::try_from(answer.logs.len()).unwrap_or(u64::MAX);
                attempt
                    .slot
                    .learn(has_addresses, |limit| limit.answered(blocks, logs));
                Ok(Part {
                    answer,
                    endpoint: attempt.slot.name(),
                })
            });
            let (too_large, blocks) = match result {
                Ok(part) => return Ok(part),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::TooLarge(too_large)) => (too_large, asked.get()),
            };
            self.count_split();
            let TooLarge { slot, fault } = *too_large;
            let slot = &self.slots()[slot];
            if matches!(fault.error, NodeError::Unreachable { .. }) {
                silences += 1;
                slot.failed();
                if silences >= self.options().max_tries {
                    return Err(fault.after(silences, Duration::ZERO));
                }
            }
            match fault.action {
                // The next message has fewer calls.
                Action::Batch => {}
                _ if blocks == 1 => {
                    return match filter.halves() {
                        Some(halves) => self.block_in_halves(&halves, from, to, proof),
                        None => Err(fault.after(1, Duration::ZERO)),
                    };
                }
                Action::RangeTooWide(limit) => {
                    slot.learn(has_addresses, |learned| learned.too_wide(blocks, limit));
                    most = limit.filter(|limit| *limit < blocks).unwrap_or(blocks / 2);
                }
                Action::TooMuch(offered) => {
                    let offered = offered
                        .filter(|_| offers < OFFERS)
                        .and_then(|(begin, end)| offered_blocks(from, begin, end))
                        .filter(|offered| *offered < blocks);
                    offers += u32::from(offered.is_some());
                    slot.learn(has_addresses, |learned| learned.too_much(blocks, offered));
                    most = offered.unwrap_or(blocks / 2);
                }
                _ => return Err(fault.after(1, Duration::ZERO)),
            }
        }
    }

    /// The events of one block, which are too many for one answer, by halves of the filter.
    fn block_in_halves(
        &self,
        halves: &[LogFilter; 2],
        block: BlockNumber,
        to: BlockNumber,
        proof: Proof,
    ) -> Result<Part, NodeError> {
        let proof = Proof {
            pinned: proof.pinned.filter(|_| block == to),
            ..proof
        };
        let Part { mut answer, .. } = self.part(&halves[0], block, block, proof)?;
        // The other half is of the same block.
        let same = Proof::pinned(Some(answer.last.hash));
        let other = self.part(&halves[1], block, block, same)?;
        answer.logs.extend(other.answer.logs.iter());
        answer.logs = sorted(answer.logs);
        check::check(&answer.logs, &answer.first, &answer.last).map_err(|violation| {
            NodeError::Invalid {
                endpoint: other.endpoint.clone(),
                method: METHOD,
                problem: violation.problem,
                found: violation.found,
            }
        })?;
        Ok(Part {
            answer,
            endpoint: other.endpoint,
        })
    }
}

/// The events of a part of a range, and which endpoint gave them.
struct Part {
    answer: LogAnswer,
    endpoint: String,
}

/// How many blocks from `from` on a node offers, if its offer begins there.
fn offered_blocks(from: BlockNumber, begin: u64, end: u64) -> Option<u64> {
    (begin <= from.get() && end >= from.get()).then(|| end - from.get() + 1)
}

/// The block that is as many blocks later.
fn shifted(block: BlockNumber, blocks: u64) -> BlockNumber {
    // No range reaches beyond its end, which is a number of a block.
    BlockNumber::new(block.get().saturating_add(blocks)).unwrap_or(block)
}
