//! Tokens of SQL: as much of a statement's text as is needed to find the names in it.

use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word or a quoted name, in lower case.
    Word(String),
    Open,
    Close,
    Other,
}

/// Splits SQL into words and parentheses. Comments are left out; a quoted text may be a name.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    let tokens = tokens_with_places(sql).into_iter();
    tokens.map(|(token, _)| token).collect()
}

/// The tokens, each with its place in the text.
fn tokens_with_places(sql: &str) -> Vec<(Token, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(rest) = sql.get(start..)
        && let Some(first) = rest.chars().next()
    {
        let (token, length) = match first {
            '(' => (Some(Token::Open), 1),
            ')' => (Some(Token::Close), 1),
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => {
                (None, rest.find("*/").map_or(rest.len(), |end| end + 2))
            }
            '"' | '`' | '\'' | '[' => {
                let close = if first == '[' { ']' } else { first };
                let inside = &rest[1..];
                let end = inside.find(close).unwrap_or(inside.len());
                let length = (end + 2).min(rest.len());
                (
                    Some(Token::Word(inside[..end].to_ascii_lowercase())),
                    length,
                )
            }
            _ if is_of_word(first) => {
                let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                (Some(Token::Word(rest[..end].to_ascii_lowercase())), end)
            }
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ => (Some(Token::Other), first.len_utf8()),
        };
        let end = start + length;
        tokens.extend(token.map(|token| (token, start..end)));
        start = end;
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The statement of a table with these definitions of columns before the one with this number, or after the last one.
/// Returns `None` if it has fewer.
pub(super) fn with_columns(create_table: &str, number: usize, columns: &str) -> Option<String> {
    let mut depth = 0_usize;
    // Where the definitions begin, and where each of them ends.
    let mut bounds = Vec::new();
    for (token, place) in tokens_with_places(create_table) {
        match token {
            Token::Open => {
                depth += 1;
                if depth == 1 && bounds.is_empty() {
                    bounds.push(place.end);
                }
            }
            Token::Close => {
                if depth == 1 {
                    bounds.push(place.start);
                }
                depth = depth.saturating_sub(1);
            }
            Token::Other if depth == 1 && create_table.get(place.clone()) == Some(",") => {
                bounds.push(place.start);
            }
            _ => {}
        }
    }
    let (before, after) = create_table.split_at_checked(*bounds.get(number)?)?;
    Some(if number == 0 {
        format!("{before}{columns}, {after}")
    } else {
        format!("{before}, {columns}{after}")
    })
}

/// A statement without its COLLATE operators.
pub(super) fn without_collations(sql: &str) -> String {
    let tokens = tokens_with_places(sql);
    let mut kept = String::new();
    let mut end = 0;
    for pair in tokens.windows(2) {
        let [(_, word), (Token::Word(_), name)] = pair else {
            continue;
        };
        let is_operator = |text: &str| text.eq_ignore_ascii_case("collate");
        if word.start >= end && sql.get(word.clone()).is_some_and(is_operator) {
            kept.push_str(sql.get(end..word.start).unwrap_or_default());
            end = name.end;
        }
    }
    kept.push_str(sql.get(end..).unwrap_or_default());
    kept
}

/// Whether a statement of a view or a trigger takes rows from a function of this name.
pub(super) fn calls_table_function(sql: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    tokens(sql).windows(3).any(|tokens| match tokens {
        // The columns of a table follow INTO.
        [before, Token::Word(word), Token::Open] => {
            *word == name && *before != Token::Word("into".to_owned())
        }
        _ => false,
    })
}

/// A statement without its conflict clauses, such as OR IGNORE after INSERT. REPLACE becomes INSERT.
pub(super) fn without_conflict_clauses(sql: &str) -> String {
    const ACTIONS: [&str; 5] = ["abort", "fail", "ignore", "replace", "rollback"];
    let tokens = tokens_with_places(sql);
    let is = |token: Option<&(Token, Range<usize>)>, words: &[&str]| {
        // What is in quotes is a name or a text.
        let text = token.and_then(|(_, place)| sql.get(place.clone()));
        text.is_some_and(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
    };
    let mut kept = String::new();
    let mut end = 0;
    for (at, (_, place)) in tokens.iter().enumerate() {
        let [next, last] = [1, 2].map(|further| tokens.get(at + further));
        if is(tokens.get(at), &["insert", "update"]) && is(next, &["or"]) && is(last, &ACTIONS) {
            kept.push_str(sql.get(end..place.end).unwrap_or_default());
            end = last.map_or(end, |(_, place)| place.end);
        } else if is(tokens.get(at), &["replace"]) && is(next, &["into"]) {
            kept.push_str(sql.get(end..place.start).unwrap_or_default());
            kept.push_str("INSERT");
            end = place.end;
        }
    }
    kept.push_str(sql.get(end..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_added_between_others() {
        let table =
            "CREATE TABLE \"t(\" (a VARCHAR(3), -- (, \n b DEFAULT (1, 2), PRIMARY KEY (a))";
        let with = |number| with_columns(table, number, "x, y");
        assert_eq!(
            with(0).unwrap(),
            "CREATE TABLE \"t(\" (x, y, a VARCHAR(3), -- (, \n b DEFAULT (1, 2), PRIMARY KEY (a))"
        );
        assert_eq!(
            with(1).unwrap(),
            "CREATE TABLE \"t(\" (a VARCHAR(3), x, y, -- (, \n b DEFAULT (1, 2), PRIMARY KEY (a))"
        );
        assert_eq!(
            with(2).unwrap(),
            "CREATE TABLE \"t(\" (a VARCHAR(3), -- (, \n b DEFAULT (1, 2), x, y, PRIMARY KEY (a))"
        );
        assert_eq!(with(4), None);
    }

    #[test]
    fn only_conflict_clauses_are_taken_out() {
        assert_eq!(
            without_conflict_clauses(
                "INSERT OR IGNORE INTO t SELECT a OR replace(b, 'x', 'or'), \"update\" OR ignore; \
                 Update/**/Or Rollback u SET a = 1; REPLACE INTO v VALUES ('insert or ignore')"
            ),
            "INSERT INTO t SELECT a OR replace(b, 'x', 'or'), \"update\" OR ignore; \
             Update u SET a = 1; INSERT INTO v VALUES ('insert or ignore')"
        );
    }

    #[test]
    fn only_collate_operators_are_taken_out() {
        let without = without_collations(
            "SELECT a COLLATE nocase, \"collate\" b ORDER BY 2 collate [x y] DESC",
        );
        assert_eq!(without, "SELECT a , \"collate\" b ORDER BY 2  DESC");
        assert_eq!(without_collations("'COLLATE' é"), "'COLLATE' é");
    }
}
