//! What the decoders of all events share.

use alloy_primitives::B256;

use crate::events::malformed_event::{EventProblem, MalformedEvent};
use crate::events::word::Word;
use crate::types::log::Log;

/// An event that can be decoded from a log.
pub trait Event: Sized {
    /// The signature: the name, and the types of the values.
    const SIGNATURE: &'static str;

    /// The first topic of every such event: the Keccak-256 hash of the signature.
    const TOPIC: B256;

    /// Decodes a log of a contract that emits this event.
    ///
    /// # Errors
    ///
    /// [`MalformedEvent`] if the log is not such an event.
    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent>;
}

/// Decodes a log with this number of topics after the first one, and this number of words of data.
pub(super) fn decode<'log, E: Event, const TOPICS: usize, const WORDS: usize>(
    log: &Log<'log>,
    values: impl FnOnce([Word<'log>; TOPICS], [Word<'log>; WORDS]) -> Result<E, EventProblem>,
) -> Result<E, MalformedEvent> {
    split(log, E::TOPIC)
        .and_then(|(topics, data)| values(topics, data))
        .map_err(|problem| MalformedEvent {
            contract: log.address,
            place: log.place,
            event: E::SIGNATURE,
            problem: Box::new(problem),
        })
}

/// The topics after the first one, and the words of the data.
fn split<'log, const TOPICS: usize, const WORDS: usize>(
    log: &Log<'log>,
    expected: B256,
) -> Result<([Word<'log>; TOPICS], [Word<'log>; WORDS]), EventProblem> {
    let (first, topics) = match log.topics.split_first() {
        Some((first, topics)) => (Some(*first), topics),
        None => (None, log.topics),
    };
    if first != Some(expected) {
        return Err(EventProblem::Topic { found: first });
    }
    let topics: &[B256; TOPICS] = topics.try_into().map_err(|_| EventProblem::Topics {
        found: log.topics.len(),
        expected: TOPICS + 1,
    })?;
    let (words, rest) = log.data.as_chunks::<32>();
    let data: &[[u8; 32]; WORDS] = match words.try_into() {
        Ok(data) if rest.is_empty() => data,
        _ => {
            return Err(EventProblem::Data {
                found: log.data.len(),
                expected: WORDS * 32,
            });
        }
    };
    Ok((
        topics.each_ref().map(|topic| Word(&topic.0)),
        data.each_ref().map(Word),
    ))
}
