//! The error of a log that is not the event that it should be.

use alloy_primitives::B256;

use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::sync_cursor::LogPosition;

/// The error of a log that is not the event that its contract emits.
///
/// A contract does not emit such a log. The node has altered it, or the contract is not of the kind that it was taken
/// for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event of contract {contract} at {place} is not a valid {event}: {problem}")]
#[non_exhaustive]
pub struct MalformedEvent {
    /// The contract.
    pub contract: Address,
    /// The place of the event in its chain.
    pub place: LogPosition,
    /// The signature of the expected event.
    pub event: &'static str,
    /// What is wrong.
    pub problem: Box<EventProblem>,
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventProblem {
    /// It is another event.
    #[error("{}", other_topic(*found))]
    Topic {
        /// The first topic, if there is one.
        found: Option<B256>,
    },
    /// It has another number of topics.
    #[error("it has {found} topics instead of {expected}")]
    Topics {
        /// The number of topics.
        found: usize,
        /// The right number.
        expected: usize,
    },
    /// Its data have another length.
    #[error("its data are {found} bytes long instead of {expected}")]
    Data {
        /// The length in bytes.
        found: usize,
        /// The right length.
        expected: usize,
    },
    /// Its data end before the text in them.
    #[error("its data are {found} bytes long instead of at least {least}")]
    DataTooShort {
        /// The length in bytes.
        found: usize,
        /// The least length.
        least: usize,
    },
    /// A word is not a value of its type.
    #[error("{name} is not {expected}: {word}")]
    Value {
        /// The name of the value.
        name: &'static str,
        /// What was expected.
        expected: &'static str,
        /// The word.
        word: B256,
    },
    /// The id of a pool is not the hash of its key.
    #[error("the id of the pool is {id}, but the hash of its key is {hash}")]
    PoolId {
        /// The id.
        id: PoolHash,
        /// The hash of the key.
        hash: PoolHash,
    },
}

fn other_topic(found: Option<B256>) -> String {
    match found {
        Some(topic) => format!("its first topic is {topic}"),
        None => "it has no topics".to_owned(),
    }
}
