//! JSON-RPC messages: what is sent, and what comes back.

use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

/// How many characters of an error are looked at.
const LOOKED_AT: usize = 8192;

/// A call of a method.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) method: &'static str,
    /// The parameters: a JSON array.
    pub(super) params: String,
}

/// The answer to one question.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Result(&'a RawValue),
    Error(RpcError<'a>),
}

/// An error that a node answers with.
#[derive(Debug, Clone, Copy)]
pub(super) struct RpcError<'a> {
    /// The object, or whatever it is.
    pub(super) raw: &'a RawValue,
}

/// The parts of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorParts {
    pub(super) code: Option<i64>,
    pub(super) message: String,
    /// The field `data`, as JSON.
    pub(super) data: Option<String>,
}

/// Why an answer is none.
#[derive(Debug)]
pub(super) enum Unreadable<'a> {
    /// An error that stands for all questions.
    Error(RpcError<'a>),
    /// The text is not JSON, or not JSON-RPC.
    Malformed(String),
}

/// Reads a result while the message is read, so that a large one is scanned once.
pub(super) trait ResultReader {
    /// Reads the result. An error may mean anything.
    fn read<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error>;

    /// Forgets what was read.
    fn clear(&mut self);
}

/// The text of a message with these questions. Their ids count from 1. One question is sent alone, several as a batch.
pub(super) fn write(questions: &[Question]) -> Vec<u8> {
    let mut text = String::new();
    if questions.len() != 1 {
        text.push('[');
    }
    for (index, question) in questions.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let _ = write!(
            text,
            r#"{{"jsonrpc":"2.0","id":{},"method":"{}","params":{}}}"#,
            index + 1,
            question.method,
            question.params
        );
    }
    if questions.len() != 1 {
        text.push(']');
    }
    // A node on a socket reads lines.
    text.push('\n');
    text.into_bytes()
}

/// The answers in a text to as many questions, in the order of the questions.
pub(super) fn read(body: &[u8], questions: usize) -> Result<Vec<Item<'_>>, Unreadable<'_>> {
    let malformed = |error: serde_json::Error| Unreadable::Malformed(error.to_string());
    let items = if is_batch(body) {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let entries = deserializer.deserialize_seq(Entries {
            most: questions,
            direct: None::<Direct<'_, Unread>>,
        });
        let entries = entries.and_then(|entries| deserializer.end().map(|()| entries));
        of_batch(entries.map_err(malformed)?, questions)?
    } else {
        let entry = serde_json::from_slice(body).map_err(malformed)?;
        vec![of_single(entry, questions)?]
    };
    let items = items.into_iter().filter_map(Found::into_item);
    Ok(items.collect())
}

/// The same, but passes the result of the question at `place` to `reader`, and returns the answers without that one.
/// `None` if the message does not simply have all answers, or if the reader fails: [`read`] finds out why.
pub(super) fn read_with<'a>(
    body: &'a [u8],
    questions: usize,
    place: usize,
    reader: &mut impl ResultReader,
) -> Option<Vec<Item<'a>>> {
    // Checked once, not for each of the many strings.
    let text = str::from_utf8(body).ok()?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let id = place + 1;
    let mut direct = Direct { id, reader };
    let mut items = if is_batch(body) {
        let entries = deserializer.deserialize_seq(Entries {
            most: questions,
            direct: Some(direct),
        });
        of_batch(entries.ok()?, questions).ok()?
    } else {
        let entry = direct.deserialize(&mut deserializer).ok()?;
        vec![of_single(entry, questions).ok()?]
    };
    deserializer.end().ok()?;
    if place >= items.len() || !matches!(items.remove(place), Found::Read) {
        return None;
    }
    items.into_iter().map(Found::into_item).collect()
}

fn is_batch(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

fn problem<T>(problem: &str) -> Result<T, Unreadable<'static>> {
    Err(Unreadable::Malformed(problem.to_owned()))
}

/// What is found of an answer.
#[derive(Debug)]
enum Found<'a> {
    Item(Item<'a>),
    /// A reader has read the result.
    Read,
}

impl<'a> Found<'a> {
    fn into_item(self) -> Option<Item<'a>> {
        match self {
            Self::Item(item) => Some(item),
            Self::Read => None,
        }
    }
}

fn of_single(entry: Entry<'_>, questions: usize) -> Result<Found<'_>, Unreadable<'_>> {
    let id = entry.number();
    match (entry.found(), questions) {
        (Some(found), 1) if id == Some(1) => Ok(found),
        // An error without the id of a question is about the whole message.
        (Some(Found::Item(Item::Error(error))), _) => Err(Unreadable::Error(error)),
        (Some(_), 1) => problem("the answer has the id of another question"),
        (Some(_), _) => problem("one answer to several questions"),
        (None, _) => problem("neither a result nor an error"),
    }
}

fn of_batch(entries: Vec<Entry<'_>>, questions: usize) -> Result<Vec<Found<'_>>, Unreadable<'_>> {
    if let [entry] = entries.as_slice()
        && questions > 1
        && let Some(Found::Item(Item::Error(error))) = entry.found()
    {
        return Err(Unreadable::Error(error));
    }
    let mut items: Vec<Option<Found<'_>>> = (0..questions).map(|_| None).collect();
    for entry in entries {
        let Some(place) = entry
            .number()
            .and_then(|id| items.get_mut(id.checked_sub(1)?))
        else {
            if let Some(Found::Item(Item::Error(error))) = entry.found() {
                return Err(Unreadable::Error(error));
            }
            return problem("the answer has the id of no question");
        };
        if place.is_some() {
            return problem("two answers have one id");
        }
        match entry.found() {
            Some(found) => *place = Some(found),
            None => return problem("neither a result nor an error"),
        }
    }
    match items.into_iter().collect() {
        Some(items) => Ok(items),
        None => problem("a question has no answer"),
    }
}

impl RpcError<'_> {
    /// Reads the parts leniently: nodes and proxies differ.
    pub(super) fn parts(&self) -> ErrorParts {
        #[derive(Deserialize)]
        struct Object<'a> {
            #[serde(borrow, default)]
            code: Option<&'a RawValue>,
            #[serde(borrow, default)]
            message: Option<&'a RawValue>,
            #[serde(borrow, default)]
            data: Option<&'a RawValue>,
        }
        let is_object = self.raw.get().starts_with('{');
        match serde_json::from_str::<Object<'_>>(self.raw.get()) {
            Ok(object) if is_object => ErrorParts {
                code: object
                    .code
                    .and_then(|code| code.get().trim_matches('"').parse().ok()),
                message: object.message.map(text).unwrap_or_default(),
                data: object
                    .data
                    .map(|data| data.get().to_owned())
                    .filter(|data| data.len() <= LOOKED_AT),
            },
            _ => ErrorParts {
                code: None,
                message: text(self.raw),
                data: None,
            },
        }
    }
}

/// A JSON string as text, and anything else as JSON, without what is far behind its start.
fn text(raw: &RawValue) -> String {
    let text = serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    match text.char_indices().nth(LOOKED_AT) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

/// An answer as it is in the text.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    /// `null` is a result.
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    /// Whether a reader has read the result.
    #[serde(skip)]
    is_read: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Entry<'a> {
    /// The id, if it is one that a question can have.
    fn number(&self) -> Option<usize> {
        self.id?.get().parse().ok()
    }

    /// `None` if there is neither a result nor an error.
    fn found(&self) -> Option<Found<'a>> {
        match (self.result, self.error) {
            (_, Some(raw)) => Some(Found::Item(Item::Error(RpcError { raw }))),
            (Some(result), None) => Some(Found::Item(Item::Result(result))),
            (None, None) => self.is_read.then_some(Found::Read),
        }
    }
}

/// Reads an answer, and passes its result to a reader if it has this id. The id must come before the result.
struct Direct<'r, R> {
    id: usize,
    reader: &'r mut R,
}

/// The fields of an answer.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Id,
    Result,
    Error,
    #[serde(other)]
    Other,
}

impl<'de, R: ResultReader> DeserializeSeed<'de> for &mut Direct<'_, R> {
    type Value = Entry<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, R: ResultReader> Visitor<'de> for &mut Direct<'_, R> {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry<'de>, A::Error> {
        let mut entry = Entry::default();
        while let Some(field) = map.next_key()? {
            let is_twice = match field {
                Field::Id => entry.id.replace(map.next_value()?).is_some(),
                Field::Result if entry.number() == Some(self.id) => {
                    map.next_value_seed(Reading(self.reader))?;
                    std::mem::replace(&mut entry.is_read, true)
                }
                Field::Result => entry.result.replace(map.next_value()?).is_some(),
                Field::Error => {
                    let is_twice = entry.error.is_some();
                    entry.error = map.next_value()?;
                    is_twice
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                    false
                }
            };
            if is_twice {
                return Err(de::Error::custom("a field is there twice"));
            }
        }
        Ok(entry)
    }
}

/// A reader as what `serde` calls.
struct Reading<'r, R>(&'r mut R);

impl<'de, R: ResultReader> DeserializeSeed<'de> for Reading<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.read(deserializer)
    }
}

/// Stands for no reader.
pub(super) struct Unread;

impl ResultReader for Unread {
    fn read<'de, D: Deserializer<'de>>(&mut self, _: D) -> Result<(), D::Error> {
        Err(de::Error::custom("there is no reader"))
    }

    fn clear(&mut self) {}
}

/// Reads the answers of a batch. There are not many more than questions, however many the text has.
struct Entries<'r, R> {
    most: usize,
    direct: Option<Direct<'r, R>>,
}

impl<'de, R: ResultReader> Visitor<'de> for Entries<'_, R> {
    type Value = Vec<Entry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answers")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(self.most);
        loop {
            let entry = match &mut self.direct {
                Some(direct) => seq.next_element_seed(direct)?,
                None => seq.next_element()?,
            };
            let Some(entry) = entry else {
                return Ok(entries);
            };
            if entries.len() == self.most {
                return Err(de::Error::custom("more answers than questions"));
            }
            entries.push(entry);
        }
    }
}

#[cfg(test)]
mod tests;
