//! What is an answer to which question, and what is none.

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

/// Keeps the text of a result that begins with `[`.
#[derive(Default)]
struct Lists(Option<String>);

impl ResultReader for Lists {
    fn read<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        let raw: &RawValue = Deserialize::deserialize(deserializer)?;
        if !raw.get().starts_with('[') {
            return Err(de::Error::custom("no list"));
        }
        self.0 = Some(raw.get().to_owned());
        Ok(())
    }

    fn clear(&mut self) {
        self.0 = None;
    }
}

/// The results, of which a reader reads one, if that works.
fn results_with(body: &str, questions: usize, place: usize) -> Option<Vec<String>> {
    let mut reader = Lists::default();
    let others = read_with(body.as_bytes(), questions, place, &mut reader)?;
    let mut all: Vec<_> = others
        .iter()
        .map(|item| match item {
            Item::Result(raw) => raw.get().to_owned(),
            Item::Error(error) => format!("error {}", error.parts().message),
        })
        .collect();
    all.insert(place, reader.0?);
    Some(all)
}

#[test]
fn reader_gets_the_result_of_its_question() {
    for (body, questions, place) in [
        (r#"{"jsonrpc":"2.0","id":1,"result":[1]}"#, 1, 0),
        (
            r#"[{"id":2,"result":7},{"id":1,"result":[1],"error":null}]"#,
            2,
            0,
        ),
        (
            r#"[{"id":2,"result":[1]},{"x":{},"id":1,"result":null}]"#,
            2,
            1,
        ),
        (
            r#"[{"id":2,"result":[1]},{"id":1,"error":{"message":"m"}}]"#,
            2,
            1,
        ),
    ] {
        let found = results_with(body, questions, place).unwrap();
        assert_eq!(found[place], "[1]");
        assert_eq!(found, results(body, questions).unwrap(), "{body}");
    }
}

#[test]
fn reader_gets_nothing_if_anything_is_unusual() {
    for (body, questions) in [
        // The id comes too late.
        (r#"{"result":[1],"id":1}"#, 1),
        (r#"{"id":1,"result":7}"#, 1),
        (r#"{"id":1,"result":null}"#, 1),
        (r#"{"id":1,"error":{"message":"m"}}"#, 1),
        (r#"{"id":1,"result":[1],"error":{"message":"m"}}"#, 1),
        (r#"{"id":1,"result":[1],"result":[1]}"#, 1),
        (r#"{"id":1,"id":1,"result":[1]}"#, 1),
        (r#"{"id":1,"result":[1]} []"#, 1),
        (r#"{"id":1,"result":[1]}"#, 2),
        (r#"[{"id":1,"result":[1]}]"#, 2),
        (r#"[{"id":1,"result":[1]},{"id":1,"result":[1]}]"#, 2),
        (r#"[{"id":1,"result":[1]},{"id":2,"result":1},{}]"#, 2),
        (r#"[{"id":1,"result":[1}]"#, 1),
        ("", 1),
    ] {
        assert_eq!(results_with(body, questions, 0), None, "{body}");
    }
    let not_utf8 = b"{\"id\":1,\"result\":[\"\xff\"]}";
    assert!(read_with(not_utf8, 1, 0, &mut Lists::default()).is_none());
}

proptest! {
    #[test]
    fn readers_find_what_is_found_without_them(
        text in r#"\[?(\{("id":[12],|"result":(\[\]|\[7\]|null|"x"),|"error":(null|7),|"x":\[\],){0,4}"id":[12]\},?){1,3}\]?"#,
        questions in 1..3_usize,
        place in 0..2_usize,
    ) {
        if let Some(found) = results_with(&text, questions, place) {
            prop_assert_eq!(found, results(&text, questions).unwrap());
        }
    }

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
