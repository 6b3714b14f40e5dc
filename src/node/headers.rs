//! Questions about headers.

use std::convert::identity;
use std::time::Duration;

use crate::node::client::{Attempt, Node, Stop, Topic};
use crate::node::error::NodeError;
use crate::node::fault::{Action, Fault};
use crate::node::header::{self, BlockTag, Header};
use crate::node::message::{Item, Question};
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

/// The method.
pub(super) const METHOD: &str = "eth_getBlockByNumber";

impl Node {
    /// The header of a block. `None` if the node has no such block: the chain is shorter, or nothing is final yet.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`].
    pub fn header(&self, at: BlockTag) -> Result<Option<Header>, NodeError> {
        let topic = Topic {
            method: METHOD,
            block: at.number(),
            needed: "the header",
        };
        self.persist(topic, |attempt| {
            attempt.ask(&[question(at)], |items| read(attempt, &items[0], at))
        })
        .map_err(Stop::into_error)
    }

    /// The headers of blocks, in the order of the numbers. `None` for a block that the node does not have.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`].
    pub fn headers(&self, numbers: &[BlockNumber]) -> Result<Vec<Option<Header>>, NodeError> {
        self.read_headers(numbers, BlockTag::Number, |attempt, item, number| {
            read(attempt, item, BlockTag::Number(number))
        })
    }

    /// The headers of blocks, in the order of the tags. Those of one request are what one node has at one time.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`].
    pub fn headers_at(&self, tags: &[BlockTag]) -> Result<Vec<Option<Header>>, NodeError> {
        self.read_headers(tags, identity, read)
    }

    /// The headers of blocks that the chain has. A node that lacks one is behind, and is asked again.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`].
    pub fn existing_headers(&self, numbers: &[BlockNumber]) -> Result<Vec<Header>, NodeError> {
        self.read_headers(numbers, BlockTag::Number, read_existing)
    }

    /// The header of a block, if its hash is confirmed by the next block, or by a second answer if it is the newest one.
    ///
    /// # Errors
    ///
    /// Any [`NodeError`]: [`OtherBlock`](NodeError::OtherBlock) if the answers differ however often they are asked for.
    pub(crate) fn confirmed_header(
        &self,
        number: BlockNumber,
        head: BlockNumber,
    ) -> Result<Option<Header>, NodeError> {
        let topic = Topic {
            method: METHOD,
            block: Some(number),
            needed: "the header",
        };
        let confirming = confirming(number, head);
        let questions = [number, confirming].map(|number| question(BlockTag::Number(number)));
        self.persist(topic, |attempt| {
            attempt.ask(&questions, |items| {
                let Some(header) = read(attempt, &items[0], BlockTag::Number(number))? else {
                    return Ok(None);
                };
                confirm(attempt, &header, &items[1], confirming)?;
                Ok(Some(header))
            })
        })
        .map_err(Stop::into_error)
    }

    fn read_headers<At: Copy, T>(
        &self,
        blocks: &[At],
        tag: fn(At) -> BlockTag,
        read: impl Fn(&Attempt<'_>, &Item<'_>, At) -> Result<T, Fault>,
    ) -> Result<Vec<T>, NodeError> {
        let mut headers = Vec::with_capacity(blocks.len());
        while headers.len() < blocks.len() {
            let rest = &blocks[headers.len()..];
            let part = &rest[..rest.len().min(self.batch_limit())];
            let topic = Topic {
                method: METHOD,
                block: part.first().and_then(|at| tag(*at).number()),
                needed: "the header",
            };
            let questions: Vec<_> = part.iter().map(|at| question(tag(*at))).collect();
            let answer = self.persist(topic, |attempt| {
                attempt.ask(&questions, |items| {
                    items
                        .iter()
                        .zip(part)
                        .map(|(item, at)| read(attempt, item, *at))
                        .collect::<Result<Vec<_>, _>>()
                })
            });
            match answer {
                Ok(read) => headers.extend(read),
                Err(stop) => self.shrink(stop, part.len())?,
            }
        }
        Ok(headers)
    }

    /// Lets the next batch be smaller than one of as many calls, which was too large.
    pub(super) fn shrink(&self, stop: Stop, calls: usize) -> Result<(), NodeError> {
        match stop {
            Stop::TooLarge(too_large)
                if too_large.fault.action == Action::Batch && self.batch_limit() < calls =>
            {
                self.count_split();
                Ok(())
            }
            Stop::TooLarge(too_large) => Err(too_large.fault.after(1, Duration::ZERO)),
            Stop::Error(error) => Err(error),
        }
    }
}

/// The question for a header.
pub(super) fn question(at: BlockTag) -> Question {
    Question {
        method: METHOD,
        params: format!("[{},false]", at.json()),
    }
}

/// The block whose header confirms the hash of another one: the next one, or itself if there is none yet.
pub(super) fn confirming(number: BlockNumber, head: BlockNumber) -> BlockNumber {
    if number < head { number.next() } else { number }
}

/// Fails if the hash in a header is not what the header of the confirming block says.
pub(super) fn confirm(
    attempt: &Attempt<'_>,
    header: &Header,
    item: &Item<'_>,
    confirming: BlockNumber,
) -> Result<(), Fault> {
    let other = read_existing(attempt, item, confirming)?;
    let expected = if confirming == header.number {
        other.hash
    } else {
        other.parent_hash
    };
    require_hash(attempt, header, expected)
}

/// Fails if a block has another hash.
pub(super) fn require_hash(
    attempt: &Attempt<'_>,
    header: &Header,
    expected: BlockHash,
) -> Result<(), Fault> {
    if header.hash == expected {
        return Ok(());
    }
    let error = NodeError::OtherBlock {
        endpoint: attempt.slot.name(),
        block: header.number,
        expected,
        found: header.hash,
    };
    Err(Fault::new(Action::Doubt, error))
}

/// Reads the answer to the question for the header of a block that the chain has.
pub(super) fn read_existing(
    attempt: &Attempt<'_>,
    item: &Item<'_>,
    number: BlockNumber,
) -> Result<Header, Fault> {
    read(attempt, item, BlockTag::Number(number))?.ok_or_else(|| {
        let error = NodeError::Behind {
            endpoint: attempt.slot.name(),
            block: number,
            detail: "it knows no block of that number".to_owned(),
        };
        Fault::new(Action::Behind, error)
    })
}

/// Reads the answer to the question for a header.
pub(super) fn read(
    attempt: &Attempt<'_>,
    item: &Item<'_>,
    at: BlockTag,
) -> Result<Option<Header>, Fault> {
    let mut about = attempt.about();
    about.method = METHOD;
    about.blocks = None;
    // Some nodes say with an error that there is no such block.
    if let Item::Error(error) = item
        && attempt.slot.lacks_block(&error.parts(), &about)
    {
        return Ok(None);
    }
    let json = attempt.slot.result(item, &about)?;
    let header =
        header::read(json).map_err(|problem| attempt.slot.invalid(&about, &problem, json))?;
    match (&header, at.number()) {
        (Some(header), Some(number)) if header.number != number => {
            let problem = format!("block {} is not block {number}", header.number);
            Err(attempt.slot.invalid(&about, &problem, json))
        }
        _ => Ok(header),
    }
}
