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
        .map_err(|problem| malformed::<E>(log, problem))
}

/// Decodes a log with this number of topics after the first one, and this number of words of data, behind which there
/// is a `string`. It can have any bytes. `name` is for the errors about it.
///
/// The data must be those that a contract writes: first the words, with the place of the text as a further one, then
/// the length of the text, and the text with zeros up to the end of a word. Other places for the text would be valid
/// for the ABI, but no compiler makes them.
pub(super) fn decode_with_text<'log, E: Event, const TOPICS: usize, const WORDS: usize>(
    log: &Log<'log>,
    name: &'static str,
    values: impl FnOnce(
        [Word<'log>; TOPICS],
        [Word<'log>; WORDS],
        &'log [u8],
    ) -> Result<E, EventProblem>,
) -> Result<E, MalformedEvent> {
    split_with_text(log, E::TOPIC, name)
        .and_then(|(topics, data, text)| values(topics, data, text))
        .map_err(|problem| malformed::<E>(log, problem))
}

fn malformed<E: Event>(log: &Log<'_>, problem: EventProblem) -> MalformedEvent {
    MalformedEvent {
        contract: log.address,
        place: log.place,
        event: E::SIGNATURE,
        problem: Box::new(problem),
    }
}

/// The topics after the first one, and the words of the data.
fn split<'log, const TOPICS: usize, const WORDS: usize>(
    log: &Log<'log>,
    expected: B256,
) -> Result<([Word<'log>; TOPICS], [Word<'log>; WORDS]), EventProblem> {
    let topics = topics(log, expected)?;
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
    Ok((topics, data.each_ref().map(Word)))
}

/// The topics after the first one, the words of the data, and the bytes of the text behind them.
#[expect(
    clippy::type_complexity,
    reason = "the three parts of a log with a text"
)]
fn split_with_text<'log, const TOPICS: usize, const WORDS: usize>(
    log: &Log<'log>,
    expected: B256,
    name: &'static str,
) -> Result<([Word<'log>; TOPICS], [Word<'log>; WORDS], &'log [u8]), EventProblem> {
    let topics = topics(log, expected)?;
    let found = log.data.len();
    let head = (WORDS + 2) * 32;
    let (words, _) = log.data.as_chunks::<32>();
    let Some((data, [place, length, text @ ..])) = words.split_first_chunk::<WORDS>() else {
        return Err(EventProblem::DataTooShort { found, least: head });
    };
    let (place, length) = (Word(place), Word(length));
    if place.size() != Some((WORDS + 1) * 32) {
        return Err(place.not(name, "right behind the other values"));
    }
    let too_long = || length.not(name, "of a length that data can have");
    let text_length = length.size().ok_or_else(too_long)?;
    let expected = text_length
        .checked_next_multiple_of(32)
        .and_then(|padded| padded.checked_add(head))
        .ok_or_else(too_long)?;
    let text = text.as_flattened().split_at_checked(text_length);
    let Some((bytes, padding)) = text.filter(|_| found == expected) else {
        return Err(EventProblem::Data { found, expected });
    };
    match words.last() {
        Some(last) if padding.iter().any(|byte| *byte != 0) => {
            Err(Word(last).not(name, "padded with zeros"))
        }
        _ => Ok((topics, data.each_ref().map(Word), bytes)),
    }
}

/// The topics after the first one, which must be the expected one.
fn topics<'log, const TOPICS: usize>(
    log: &Log<'log>,
    expected: B256,
) -> Result<[Word<'log>; TOPICS], EventProblem> {
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
    Ok(topics.each_ref().map(|topic| Word(&topic.0)))
}
