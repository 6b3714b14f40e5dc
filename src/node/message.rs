//! JSON-RPC messages: what is sent, and what comes back.

use std::fmt::{self, Write};

use serde::de::{Deserializer, SeqAccess, Visitor};
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
    let problem = |problem: &str| Err(Unreadable::Malformed(problem.to_owned()));
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        let entry: Entry<'_> = serde_json::from_slice(body).map_err(malformed)?;
        let id = entry.number();
        return match (entry.item(), questions) {
            (Some(Item::Error(error)), 1) if id == Some(1) => Ok(vec![Item::Error(error)]),
            // An error without the id of a question is about the whole message.
            (Some(Item::Error(error)), _) => Err(Unreadable::Error(error)),
            (Some(item), 1) if id == Some(1) => Ok(vec![item]),
            (Some(_), 1) => problem("the answer has the id of another question"),
            (Some(_), _) => problem("one answer to several questions"),
            (None, _) => problem("neither a result nor an error"),
        };
    }
    let Entries(entries) = Entries::read(body, questions).map_err(malformed)?;
    if let [entry] = entries.as_slice()
        && questions > 1
        && let Some(Item::Error(error)) = entry.item()
    {
        return Err(Unreadable::Error(error));
    }
    let mut items: Vec<Option<Item<'_>>> = (0..questions).map(|_| None).collect();
    for entry in entries {
        let Some(place) = entry
            .number()
            .and_then(|id| items.get_mut(id.checked_sub(1)?))
        else {
            if let Some(Item::Error(error)) = entry.item() {
                return Err(Unreadable::Error(error));
            }
            return problem("the answer has the id of no question");
        };
        if place.is_some() {
            return problem("two answers have one id");
        }
        match entry.item() {
            Some(item) => *place = Some(item),
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
#[derive(Debug, Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    /// `null` is a result.
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Entry<'a> {
    /// The id, if it is one that a question can have.
    fn number(&self) -> Option<usize> {
        self.id?.get().parse().ok()
    }

    fn item(&self) -> Option<Item<'a>> {
        match (self.result, self.error) {
            (_, Some(raw)) => Some(Item::Error(RpcError { raw })),
            (Some(result), None) => Some(Item::Result(result)),
            (None, None) => None,
        }
    }
}

/// The answers of a batch. There are not many more than questions, however many the text has.
struct Entries<'a>(Vec<Entry<'a>>);

impl<'a> Entries<'a> {
    fn read(body: &'a [u8], questions: usize) -> Result<Self, serde_json::Error> {
        struct Bounded(usize);
        impl<'de> Visitor<'de> for Bounded {
            type Value = Vec<Entry<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("answers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(self.0);
                while let Some(entry) = seq.next_element()? {
                    if entries.len() == self.0 {
                        return Err(de::Error::custom("more answers than questions"));
                    }
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let entries = deserializer.deserialize_seq(Bounded(questions))?;
        deserializer.end()?;
        Ok(Self(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn questions(number: usize) -> Vec<Question> {
        vec![
            Question {
                method: "eth_chainId",
                params: "[]".to_owned(),
            };
            number
        ]
    }

    fn results(body: &str, questions: usize) -> Result<Vec<String>, String> {
        match read(body.as_bytes(), questions) {
            Ok(items) => Ok(items
                .iter()
                .map(|item| match item {
                    Item::Result(raw) => raw.get().to_owned(),
                    Item::Error(error) => format!("error {}", error.parts().message),
                })
                .collect()),
            Err(Unreadable::Error(error)) => Err(format!("error {}", error.parts().message)),
            Err(Unreadable::Malformed(problem)) => Err(problem),
        }
    }

    #[test]
    fn several_questions_are_a_batch() {
        let text = |number| String::from_utf8(write(&questions(number))).unwrap();
        assert_eq!(
            text(1),
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}\n"
        );
        let batch: Vec<serde_json::Value> = serde_json::from_str(&text(3)).unwrap();
        assert_eq!(batch.len(), 3);
        assert_eq!(batch[2]["id"], 3);
    }

    #[test]
    fn answers_are_in_the_order_of_the_questions() {
        let body = r#"[{"id":2,"result":null},{"jsonrpc":"2.0","result":[1],"id":1,"error":null},
            {"id":3,"error":{"code":-1,"message":"m"}}]"#;
        assert_eq!(
            results(body, 3).unwrap(),
            ["[1]", "null", "error m"].map(str::to_owned)
        );
        assert_eq!(
            results(r#"{"id":1,"result":"0x1"}"#, 1).unwrap(),
            ["\"0x1\""]
        );
        assert_eq!(results(r#"[{"id":1,"result":7}]"#, 1).unwrap(), ["7"]);
    }

    #[test]
    fn answers_to_other_questions_are_not_used() {
        for (body, questions, problem) in [
            (r#"{"id":2,"result":1}"#, 1, "the id of another question"),
            (r#"{"id":null,"result":1}"#, 1, "the id of another question"),
            (r#"{"result":1}"#, 1, "the id of another question"),
            (r#"{"id":1}"#, 1, "neither a result nor an error"),
            (r#"{"id":1,"result":1}"#, 2, "one answer to several"),
            (r#"[{"id":1,"result":1}]"#, 2, "a question has no answer"),
            (
                r#"[{"id":1,"result":1},{"id":1,"result":1}]"#,
                2,
                "two answers have one id",
            ),
            (
                r#"[{"id":1,"result":1},{"id":3,"result":1}]"#,
                2,
                "the id of no question",
            ),
            (
                r#"[{"id":1,"result":1},{"id":0,"result":1}]"#,
                2,
                "the id of no question",
            ),
            (
                r#"[{"id":1,"result":1},{"id":2,"result":1},{}]"#,
                2,
                "more answers than questions",
            ),
            (r#"[{"id":1,"result":1}] []"#, 1, "trailing characters"),
            (r#"{"id":1,"result":1,"result":2}"#, 1, "duplicate field"),
            ("<html>", 1, "expected value"),
            ("", 1, "EOF"),
            ("[]", 1, "a question has no answer"),
            // Errors about the whole message.
            (
                r#"{"id":null,"error":{"message":"no batches"}}"#,
                2,
                "error no batches",
            ),
            (
                r#"{"id":1,"error":{"message":"no batches"}}"#,
                2,
                "error no batches",
            ),
            (r#"{"error":"slow down"}"#, 1, "error slow down"),
            (
                r#"[{"id":null,"error":{"message":"no batches"}}]"#,
                2,
                "error no batches",
            ),
        ] {
            let found = results(body, questions).unwrap_err();
            assert!(found.contains(problem), "{body}: {found}");
        }
    }

    #[test]
    fn parts_of_errors_are_read_leniently() {
        for (error, code, message, data) in [
            (
                r#"{"code":-32005,"message":"a\nb","data":{"x":1}}"#,
                Some(-32005),
                "a\nb",
                Some(r#"{"x":1}"#),
            ),
            (r#"{"code":"429","message":7}"#, Some(429), "7", None),
            (r#"{"code":1.5}"#, None, "", None),
            (r#""slow down""#, None, "slow down", None),
            ("[1]", None, "[1]", None),
        ] {
            let raw: &RawValue = serde_json::from_str(error).unwrap();
            let parts = RpcError { raw }.parts();
            assert_eq!(
                parts,
                ErrorParts {
                    code,
                    message: message.to_owned(),
                    data: data.map(str::to_owned),
                }
            );
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        for open in ["[", "{\"a\":"] {
            let deep = open.repeat(2_000_000);
            assert!(results(&deep, 1).is_err());
            assert!(results(&format!("{{\"id\":1,\"result\":{deep}"), 1).is_err());
            assert!(results(&format!("[{{\"id\":1,\"x\":{deep}"), 1).is_err());
            assert!(results(&format!("{{\"id\":1,\"error\":{deep}"), 1).is_err());
        }
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let found = results(&format!("{{\"id\":1,\"error\":{deep}}}"), 1).unwrap();
        assert!(found[0].starts_with("error [["));
        assert!(found[0].len() < 10_000);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, questions in 0..4_usize) {
            let _ = read(&bytes, questions);
        }

        #[test]
        fn no_text_like_an_answer_panics(
            text in r#"(\[|\{|\]|\}|"id":1|"id":2|"result":|"error":|null|,|"|\\|1e9){0,20}"#,
            questions in 0..4_usize,
        ) {
            if let Err(Unreadable::Error(error)) = read(text.as_bytes(), questions) {
                let _ = error.parts();
            }
        }
    }
}
