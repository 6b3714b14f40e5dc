//! Logs: the events of contracts, as a node returns them.

use alloy_primitives::B256;

use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::sync_cursor::LogPosition;

/// An event of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log<'a> {
    /// The place of the event in its chain.
    pub place: LogPosition,
    /// The hash of its block.
    pub block_hash: BlockHash,
    /// The hash of its transaction.
    pub transaction_hash: B256,
    /// The contract.
    pub address: Address,
    /// The indexed values, at most four. The first is the hash of the event's signature, except for an
    /// anonymous event.
    pub topics: &'a [B256],
    /// The other values, in words of 32 bytes.
    pub data: &'a [u8],
}

/// Events, one after the other in little memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    heads: Vec<Head>,
    topics: Vec<B256>,
    data: Vec<u8>,
}

/// A log without its topics and its data, which begin where those of the previous log end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    place: LogPosition,
    block_hash: BlockHash,
    transaction_hash: B256,
    address: Address,
    topics_end: usize,
    data_end: usize,
}

impl Logs {
    /// No events.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            heads: Vec::new(),
            topics: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Adds an event behind the others.
    pub fn push(&mut self, log: Log<'_>) {
        self.topics.extend_from_slice(log.topics);
        self.data.extend_from_slice(log.data);
        self.heads.push(Head {
            place: log.place,
            block_hash: log.block_hash,
            transaction_hash: log.transaction_hash,
            address: log.address,
            topics_end: self.topics.len(),
            data_end: self.data.len(),
        });
    }

    /// The number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The bytes of memory that the events take.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.heads.capacity() * size_of::<Head>()
            + self.topics.capacity() * size_of::<B256>()
            + self.data.capacity()
    }

    /// The event at an index; `None` behind the last one.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Log<'_>> {
        let head = self.heads.get(index)?;
        let (topics_start, data_start) = match index.checked_sub(1) {
            Some(previous) => {
                let previous = self.heads.get(previous)?;
                (previous.topics_end, previous.data_end)
            }
            None => (0, 0),
        };
        Some(Log {
            place: head.place,
            block_hash: head.block_hash,
            transaction_hash: head.transaction_hash,
            address: head.address,
            topics: &self.topics[topics_start..head.topics_end],
            data: &self.data[data_start..head.data_end],
        })
    }

    /// The events, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Log<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Extend<Log<'a>> for Logs {
    fn extend<I: IntoIterator<Item = Log<'a>>>(&mut self, logs: I) {
        for log in logs {
            self.push(log);
        }
    }
}

impl<'a> FromIterator<Log<'a>> for Logs {
    fn from_iter<I: IntoIterator<Item = Log<'a>>>(logs: I) -> Self {
        let mut collected = Self::new();
        collected.extend(logs);
        collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::integer::{BlockNumber, LogIndex};

    #[test]
    fn events_have_their_own_topics_and_data() {
        let topics: Vec<B256> = (1..=4).map(B256::repeat_byte).collect();
        let log = |index: u32, topics, data| Log {
            place: LogPosition::new(BlockNumber::new(7).unwrap(), LogIndex::new(index).unwrap()),
            block_hash: BlockHash::new([7; 32]),
            transaction_hash: B256::repeat_byte(9),
            address: Address::new([index.to_le_bytes()[0]; 20]),
            topics,
            data,
        };
        let expected = [
            log(0, &topics[..2], &[1, 2, 3]),
            log(1, &[], &[]),
            log(2, &topics[1..], &[4]),
        ];
        let logs: Logs = expected.into_iter().collect();
        assert_eq!(logs.iter().collect::<Vec<_>>(), expected);
        assert_eq!(logs.get(3), None);
    }
}
