//! View expansion: how often SQLite copies the SELECTs of views and common table expressions into one statement.
//!
//! SQLite copies a view for each reference to it, and neither a limit nor an interrupt ends that. Views that each read
//! the one before twice have 2ⁿ copies: 60 of them would keep the write lock for ever.

use std::collections::BTreeMap;

use crate::database::migration::sql_tokens::{Token, tokens};

/// The most SELECTs that an object may expand to. SQLite copies them in a tenth of a second.
pub(crate) const MOST_SELECTS: u64 = 10_000;

/// The deepest nesting that is followed. Deeper views count as too large.
const DEEPEST: usize = 1_000;

/// A view or a trigger with the statement that creates it.
#[derive(Debug)]
pub(crate) struct UserStatement {
    /// The object, as `view NAME`.
    pub(crate) object: String,
    pub(crate) name: String,
    pub(crate) is_view: bool,
    pub(crate) sql: String,
}

/// Returns the views and triggers that expand to more than [`MOST_SELECTS`].
///
/// The number is an upper bound: every word counts that could be the name of a view.
pub(crate) fn too_large(statements: &[UserStatement]) -> Vec<String> {
    let views: BTreeMap<String, Vec<Token>> = statements
        .iter()
        .filter(|statement| statement.is_view)
        .map(|statement| (statement.name.to_ascii_lowercase(), tokens(&statement.sql)))
        .collect();
    let mut known = BTreeMap::new();
    let is_too_large = |statement: &&UserStatement| {
        let own = statement.name.to_ascii_lowercase();
        let mut expansion = Expansion {
            views: &views,
            known: &mut known,
            open: vec![own],
            depth: 0,
        };
        expansion.selects(&tokens(&statement.sql), &mut BTreeMap::new()) > MOST_SELECTS
    };
    statements
        .iter()
        .filter(is_too_large)
        .map(|statement| statement.object.clone())
        .collect()
}

struct Expansion<'views> {
    views: &'views BTreeMap<String, Vec<Token>>,
    /// The numbers of the views that are counted already.
    known: &'views mut BTreeMap<String, u64>,
    /// The views that are being counted. SQLite refuses a view that contains itself.
    open: Vec<String>,
    depth: usize,
}

impl Expansion<'_> {
    /// Counts the SELECTs of a statement or a part of it. `expressions` has the common table expressions so far.
    fn selects(&mut self, tokens: &[Token], expressions: &mut BTreeMap<String, u64>) -> u64 {
        if self.depth == DEEPEST {
            return u64::MAX;
        }
        self.depth += 1;
        let mut selects = 0_u64;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            let Token::Word(word) = token else { continue };
            if let Some(body) = body_of_expression(tokens, at) {
                let own = self.selects(&tokens[body.clone()], &mut expressions.clone());
                expressions.insert(word.clone(), own);
                at = body.end;
            } else if let Some(own) = expressions.get(word) {
                selects = selects.saturating_add(*own);
            } else if word == "select" {
                selects = selects.saturating_add(1);
            } else {
                selects = selects.saturating_add(self.selects_of_view(word));
            }
        }
        self.depth -= 1;
        selects
    }

    fn selects_of_view(&mut self, name: &str) -> u64 {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let views = self.views;
        let Some(tokens) = views.get(name) else {
            return 0;
        };
        if self.open.iter().any(|open| open == name) {
            return 0;
        }
        self.open.push(name.to_owned());
        let selects = self.selects(tokens, &mut BTreeMap::new());
        self.open.pop();
        self.known.insert(name.to_owned(), selects);
        selects
    }
}

/// The body of the common table expression whose name ends before `at`: `NAME (COLUMNS) AS MATERIALIZED (BODY)`.
fn body_of_expression(tokens: &[Token], mut at: usize) -> Option<std::ops::Range<usize>> {
    let is = |at: usize, word: &str| matches!(tokens.get(at), Some(Token::Word(w)) if w == word);
    if tokens.get(at) == Some(&Token::Open) {
        at = end_of_group(tokens, at);
    }
    if !is(at, "as") {
        return None;
    }
    at += 1;
    if is(at, "not") {
        at += 1;
    }
    if is(at, "materialized") {
        at += 1;
    }
    (tokens.get(at) == Some(&Token::Open)).then(|| at + 1..end_of_group(tokens, at))
}

/// The place behind the parenthesis that closes the one at `at`.
fn end_of_group(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token {
            Token::Open => depth += 1,
            Token::Close if depth <= 1 => return index + 1,
            Token::Close => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    fn view(name: &str, select: &str) -> UserStatement {
        UserStatement {
            object: format!("view {name}"),
            name: name.to_owned(),
            is_view: true,
            sql: format!("CREATE VIEW {name} AS {select}"),
        }
    }

    /// Views that each read the one before twice.
    fn doubling(last: usize, second: &str) -> Vec<UserStatement> {
        let mut views = vec![view("v0", "SELECT 1 AS id")];
        for n in 1..=last {
            let before = n - 1;
            let select = second.replace('@', &format!("v{before}"));
            views.push(view(&format!("V{n}"), &select));
        }
        views
    }

    #[test]
    fn doubling_views_are_too_large_and_a_chain_is_not() {
        for select in [
            "SELECT a.id FROM @ a, @ b",
            "SELECT id FROM \"@\" UNION ALL SELECT id FROM [@]",
            "SELECT (SELECT id FROM '@') AS id /* ) */ FROM `@` -- (",
        ] {
            assert!(too_large(&doubling(5, select)).is_empty(), "{select}");
            let large = too_large(&doubling(60, select));
            assert_eq!(
                large.last().map(String::as_str),
                Some("view V60"),
                "{select}"
            );
        }
        assert!(too_large(&doubling(900, "SELECT id FROM @")).is_empty());
        assert!(!too_large(&doubling(20_000, "SELECT id FROM @")).is_empty());
    }

    #[test]
    fn doubling_common_table_expressions_are_too_large() {
        let mut with = "WITH c0 (id) AS (SELECT 1)".to_owned();
        for n in 1..=60 {
            let before = n - 1;
            let _ = write!(
                with,
                ", c{n} AS NOT MATERIALIZED (SELECT a.id FROM c{before} a, c{before} b)"
            );
        }
        let large = view("large", &format!("{with} SELECT id FROM c60"));
        let small = view("small", &format!("{with} SELECT id FROM c3"));
        assert_eq!(too_large(&[large, small]), ["view large"]);
    }

    #[test]
    fn a_trigger_counts_the_views_that_it_reads() {
        let mut statements = doubling(60, "SELECT a.id FROM @ a, @ b");
        statements.push(UserStatement {
            object: "trigger t".to_owned(),
            name: "t".to_owned(),
            is_view: false,
            sql: "CREATE TRIGGER t AFTER INSERT ON pools BEGIN SELECT id FROM v60; END".to_owned(),
        });
        assert_eq!(too_large(&statements).last().unwrap(), "trigger t");
    }

    proptest! {
        #[test]
        fn any_text_is_split(sql in "[ -~é\n(\\)'\"\\[\\]`]*") {
            let statement = view("v", &sql);
            too_large(&[statement]);
        }
    }
}
