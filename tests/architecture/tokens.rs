//! Paths in the tokens of macros and attributes, which `syn` does not parse.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path in tokens, and the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenPath {
    pub segments: Vec<String>,
    pub line: usize,
}

/// All paths in the tokens. `$crate` begins one as `crate` does; one ends before any other `$`.
pub fn paths(tokens: TokenStream) -> Vec<TokenPath> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                found.extend(paths(group.stream()));
                at += 1;
            }
            TokenTree::Ident(first) => {
                let relative = begins_path(&tokens[..at], &first.to_string());
                let (next, read) = path_at(&tokens, at);
                if relative {
                    found.extend(read);
                } else {
                    // `::name`, `.name` and `$name::…` begin outside the modules.
                    found.extend(groups(&tokens[at..next]));
                }
                at = next;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
    found
}

/// All identifiers in the tokens.
pub fn identifiers(tokens: TokenStream) -> Vec<String> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => identifiers(group.stream()),
            TokenTree::Ident(name) => vec![name.to_string()],
            TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
        })
        .collect()
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// Whether an identifier after these tokens is the first of a path that starts at a module.
fn begins_path(before: &[TokenTree], name: &str) -> bool {
    let last = before.last();
    let range = is_punct(last, '.') && is_punct(before.iter().rev().nth(1), '.');
    let colons = is_punct(last, ':') && is_punct(before.iter().rev().nth(1), ':');
    let variable = is_punct(last, '$') && name != "crate";
    !(colons || variable || (is_punct(last, '.') && !range))
}

/// The path at this place, once for each leaf of a group of names in it, and the place behind it.
fn path_at(tokens: &[TokenTree], start: usize) -> (usize, Vec<TokenPath>) {
    let mut segments = Vec::new();
    let line = tokens[start].span().start().line;
    let mut at = start;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        segments.push(name.to_string());
        at += 1;
        if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
            break;
        }
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 2,
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let leaves = paths(group.stream()).into_iter().map(|leaf| TokenPath {
                    segments: [segments.clone(), leaf.segments].concat(),
                    line: leaf.line,
                });
                return (at + 3, leaves.collect());
            }
            _ => break,
        }
    }
    (at, vec![TokenPath { segments, line }])
}

fn groups(tokens: &[TokenTree]) -> Vec<TokenPath> {
    tokens
        .iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => paths(group.stream()),
            _ => Vec::new(),
        })
        .collect()
}
