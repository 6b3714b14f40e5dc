//! Reads an answer with events, straight into [`Logs`].

use std::fmt;

use alloy_primitives::B256;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::node::hex;
use crate::node::message::ResultReader;
use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, LogIndex};
use crate::types::log::{Log, Logs};
use crate::types::sync_cursor::LogPosition;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) problem: String,
    /// The part of the answer that shows it.
    pub(super) found: String,
}

/// Reads the events, each of which has to be accepted.
pub(super) fn read(
    json: &str,
    accept: impl FnMut(&Log<'_>) -> Result<(), &'static str>,
) -> Result<Logs, Violation> {
    let mut reader = LogReader::new(accept);
    let mut deserializer = serde_json::Deserializer::from_str(json);
    match deserializer.deserialize_seq(&mut reader) {
        Ok(()) => Ok(reader.logs),
        Err(error) => Err(reader.violation.unwrap_or_else(|| Violation {
            problem: format!("it is no list of events ({error})"),
            found: json.to_owned(),
        })),
    }
}

/// Reads events, each of which has to be accepted.
pub(super) struct LogReader<Accept> {
    pub(super) logs: Logs,
    accept: Accept,
    data: Vec<u8>,
    violation: Option<Violation>,
}

impl<Accept> LogReader<Accept>
where
    Accept: FnMut(&Log<'_>) -> Result<(), &'static str>,
{
    pub(super) const fn new(accept: Accept) -> Self {
        Self {
            logs: Logs::new(),
            accept,
            data: Vec::new(),
            violation: None,
        }
    }
}

impl<Accept> ResultReader for LogReader<Accept>
where
    Accept: FnMut(&Log<'_>) -> Result<(), &'static str>,
{
    fn read<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn clear(&mut self) {
        self.logs = Logs::new();
        self.violation = None;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog<'a> {
    address: &'a str,
    #[serde(borrow)]
    topics: Topics<'a>,
    data: &'a str,
    block_number: &'a str,
    block_hash: &'a str,
    transaction_hash: &'a str,
    log_index: &'a str,
    #[serde(default)]
    removed: Option<bool>,
}

/// At most four topics.
#[derive(Default)]
struct Topics<'a> {
    texts: [&'a str; 4],
    number: usize,
}

impl<'de, Accept> Visitor<'de> for &mut LogReader<Accept>
where
    Accept: FnMut(&Log<'_>) -> Result<(), &'static str>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(raw) = seq.next_element::<RawLog<'de>>()? {
            if let Err(problem) = self.push(&raw) {
                self.violation = Some(Violation {
                    problem: problem.to_owned(),
                    found: raw.to_string(),
                });
                return Err(de::Error::custom(problem));
            }
        }
        Ok(())
    }
}

impl<Accept> LogReader<Accept>
where
    Accept: FnMut(&Log<'_>) -> Result<(), &'static str>,
{
    fn push(&mut self, raw: &RawLog<'_>) -> Result<(), &'static str> {
        const FORM: &str = "a field of an event has another form";
        if raw.removed == Some(true) {
            return Err("an event is marked as removed");
        }
        let mut topics = [B256::ZERO; 4];
        let topics = &mut topics[..raw.topics.number];
        for (topic, text) in topics.iter_mut().zip(raw.topics.texts) {
            *topic = B256::new(hex::bytes(text).ok_or(FORM)?);
        }
        hex::bytes_into(raw.data, &mut self.data).ok_or(FORM)?;
        let block: BlockNumber = hex::block(raw.block_number).ok_or(FORM)?;
        let log_index = hex::number(raw.log_index)
            .and_then(|index| u32::try_from(index).ok())
            .and_then(|index| LogIndex::new(index).ok())
            .ok_or(FORM)?;
        let log = Log {
            place: LogPosition::new(block, log_index),
            block_hash: BlockHash::new(hex::bytes(raw.block_hash).ok_or(FORM)?),
            transaction_hash: B256::new(hex::bytes(raw.transaction_hash).ok_or(FORM)?),
            address: Address::new(hex::bytes(raw.address).ok_or(FORM)?),
            topics,
            data: &self.data,
        };
        (self.accept)(&log)?;
        self.logs.push(log);
        Ok(())
    }
}

impl fmt::Display for RawLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removed = match self.removed {
            Some(removed) => format!(",\"removed\":{removed}"),
            None => String::new(),
        };
        write!(
            f,
            r#"{{"address":"{}","topics":["{}"],"blockNumber":"{}","blockHash":"{}","logIndex":"{}"{removed}}}"#,
            self.address,
            self.topics.texts[..self.topics.number]
                .first()
                .copied()
                .unwrap_or_default(),
            self.block_number,
            self.block_hash,
            self.log_index,
        )
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Topics<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtMostFour;
        impl<'de> Visitor<'de> for AtMostFour {
            type Value = Topics<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("at most four topics")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Topics<'de>, A::Error> {
                let mut topics = Topics::default();
                while let Some(text) = seq.next_element()? {
                    let Some(place) = topics.texts.get_mut(topics.number) else {
                        return Err(de::Error::invalid_length(topics.number + 1, &self));
                    };
                    *place = text;
                    topics.number += 1;
                }
                Ok(topics)
            }
        }
        deserializer.deserialize_seq(AtMostFour)
    }
}
