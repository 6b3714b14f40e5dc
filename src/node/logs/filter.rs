//! Which events are asked for.

use std::fmt::Write;

use alloy_primitives::B256;

use crate::node::header::BlockTag;
use crate::node::message::Question;
use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;
use crate::types::log::Log;

pub(super) const METHOD: &str = "eth_getLogs";

/// Which events are asked for. Nodes commonly allow at most 1,000 addresses and 1,000 topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// The contracts; any if empty.
    pub addresses: Vec<Address>,
    /// The first topics, which are the hashes of the events' signatures; any if empty.
    pub topics0: Vec<B256>,
    /// The second topics; any if empty.
    pub topics1: Vec<B256>,
    /// The third topics; any if empty.
    pub topics2: Vec<B256>,
}

impl LogFilter {
    /// Whether it asks for every event that another filter asks for.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        fn all<T: PartialEq>(asked: &[T], needed: &[T]) -> bool {
            asked.is_empty() || !needed.is_empty() && needed.iter().all(|it| asked.contains(it))
        }
        let topics = self.topics().into_iter().zip(other.topics());
        all(&self.addresses, &other.addresses)
            && topics.fold(true, |covers, (asked, needed)| covers && all(asked, needed))
    }

    /// The question for the events of a range.
    pub(super) fn question(&self, from: BlockNumber, to: BlockNumber) -> Question {
        let (from, to) = (BlockTag::Number(from).json(), BlockTag::Number(to).json());
        self.question_with(&format!(r#""fromBlock":{from},"toBlock":{to}"#))
    }

    /// The question for all events of a block.
    pub(super) fn question_of_block(hash: BlockHash) -> Question {
        Self::default().question_with(&format!(r#""blockHash":"{hash}""#))
    }

    fn question_with(&self, place: &str) -> Question {
        let mut params = format!("[{{{place}");
        if !self.addresses.is_empty() {
            params.push_str(",\"address\":[");
            list(
                &mut params,
                self.addresses
                    .iter()
                    .map(|address| address.as_bytes().as_slice()),
            );
            params.push(']');
        }
        let topics = self.topics();
        let last = topics.iter().rposition(|topics| !topics.is_empty());
        if let Some(last) = last {
            params.push_str(",\"topics\":[");
            for (place, topics) in topics.into_iter().take(last + 1).enumerate() {
                params.push_str(if place > 0 { "," } else { "" });
                if topics.is_empty() {
                    params.push_str("null");
                } else {
                    params.push('[');
                    list(&mut params, topics.iter().map(B256::as_slice));
                    params.push(']');
                }
            }
            params.push(']');
        }
        params.push_str("}]");
        Question {
            method: METHOD,
            params,
        }
    }

    /// The topics that are asked for, by their places.
    pub(super) fn topics(&self) -> [&[B256]; 3] {
        [&self.topics0, &self.topics1, &self.topics2]
    }

    /// The two halves of a filter: of its topics, or else of its addresses.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let mut halves = [self.clone(), self.clone()];
        if self.topics0.len() > 1 {
            let (one, other) = self.topics0.split_at(self.topics0.len() / 2);
            halves[0].topics0 = one.to_vec();
            halves[1].topics0 = other.to_vec();
        } else if self.addresses.len() > 1 {
            let (one, other) = self.addresses.split_at(self.addresses.len() / 2);
            halves[0].addresses = one.to_vec();
            halves[1].addresses = other.to_vec();
        } else {
            return None;
        }
        Some(halves)
    }

    /// Whether nothing is twice in it, as far as halves would ask twice.
    pub(super) fn without_duplicates(&self) -> Self {
        let mut filter = self.clone();
        filter.addresses.sort_unstable();
        filter.addresses.dedup();
        let topics = [
            &mut filter.topics0,
            &mut filter.topics1,
            &mut filter.topics2,
        ];
        for topics in topics {
            topics.sort_unstable();
            topics.dedup();
        }
        filter
    }

    /// Whether an event is asked for. The lists are sorted.
    pub(super) fn has(&self, log: &Log<'_>) -> bool {
        self.has_address(&log.address) && self.has_topics(log.topics)
    }

    pub(super) fn has_address(&self, address: &Address) -> bool {
        self.addresses.is_empty() || self.addresses.binary_search(address).is_ok()
    }

    pub(super) fn has_topics(&self, found: &[B256]) -> bool {
        let asked = self.topics().into_iter().enumerate();
        asked
            .filter(|(_, topics)| !topics.is_empty())
            .all(|(place, topics)| {
                found
                    .get(place)
                    .is_some_and(|topic| topics.binary_search(topic).is_ok())
            })
    }
}

fn list<'a>(text: &mut String, items: impl Iterator<Item = &'a [u8]>) {
    for (index, item) in items.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let item = alloy_primitives::hex::encode_prefixed(item);
        let _ = write!(text, "{comma}\"{item}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_filter_covers_a_narrower_one() {
        let filter = |addresses: &[u8], topics: &[u8]| LogFilter {
            addresses: addresses.iter().map(|it| Address::new([*it; 20])).collect(),
            topics0: topics.iter().map(|it| B256::repeat_byte(*it)).collect(),
            ..LogFilter::default()
        };
        let wanted = filter(&[1, 2], &[7]);
        for wider in [
            filter(&[], &[]),
            filter(&[2, 1], &[7]),
            filter(&[1, 2, 3], &[]),
        ] {
            assert!(wider.covers(&wanted), "{wider:?}");
        }
        let mut narrower = filter(&[1, 2], &[7]);
        narrower.topics2.push(B256::ZERO);
        for other in [filter(&[1], &[7]), filter(&[1, 2], &[8]), narrower] {
            assert!(!other.covers(&wanted), "{other:?}");
        }
        assert!(!wanted.covers(&LogFilter::default()));
    }
}
