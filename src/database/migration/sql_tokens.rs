//! Tokens of SQL: as much of a statement's text as is needed to find the names in it.

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
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
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
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
