//! Finding addresses and hashes that are stored in an unusual letter case.
//!
//! The index of a column tells upper case from lower case. This program and the Python package write an address with
//! its checksum, or in lower case, and these two spellings are looked up by the index. Rows of other origin can have
//! any of the others. A scan of the table for each new row would take as long as the table is large, so the index is
//! used in another way: the first few digits leave few candidates, and the prefixes that other spellings can have there
//! are looked up: some five in a table of a million rows. If a batch is large compared with its table, one scan of the
//! table is faster.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::stored::Stored;

/// A column of hexadecimal texts, unique within a group, such as addresses within a chain.
#[derive(Debug, Clone, Copy)]
pub(in crate::models) struct HexColumn {
    /// The table, whose largest id tells its size.
    pub(in crate::models) table: &'static str,
    /// The FROM clause, with the group.
    pub(in crate::models) from: &'static str,
    /// The text.
    pub(in crate::models) text: &'static str,
    pub(in crate::models) group: &'static str,
    pub(in crate::models) id: &'static str,
    /// Whether a text is spelled in one of the ways that are looked up directly.
    pub(in crate::models) is_usual: fn(&str) -> bool,
}

/// Finds rows of a column whose text is spelled in an unusual way.
pub(in crate::models) struct OtherSpellings<'connection> {
    near: Statement<'connection>,
    scan: Statement<'connection>,
    /// The number of digits after which few candidates are left.
    digits: usize,
    /// Whether there are texts that begin with `0X`.
    has_upper_prefix: bool,
    is_usual: fn(&str) -> bool,
    /// Whether to scan the table at the first search.
    is_large_batch: bool,
    /// The ids by group and text in lower case, after a scan.
    scanned: Option<HashMap<(i64, String), i64>>,
}

impl<'connection> OtherSpellings<'connection> {
    /// The number of rows that a scan reads in about the time of a search. Measured with a million rows, a search took
    /// some 35 µs and a scan 0.4 µs a row, where an insertion takes 20 µs.
    const ROWS_PER_SEARCH: i64 = 64;

    /// For a batch of this many rows.
    pub(in crate::models) fn new(
        statements: Statements<'connection>,
        column: HexColumn,
        batch: usize,
    ) -> QueryResult<Self> {
        let HexColumn {
            table,
            from,
            text,
            group,
            id,
            is_usual,
        } = column;
        let rows = statements
            .prepare(&format!("SELECT max(rowid) FROM {table}"))?
            .first_integer(&[])?
            .unwrap_or_default()
            .max(1);
        let has_upper_prefix = statements
            .prepare(&format!(
                "SELECT 1 FROM {from} WHERE {text} >= '0X' AND {text} < '0Y' LIMIT 1"
            ))?
            .first_integer(&[])?
            .is_some();
        Ok(Self {
            // The plus signs keep SQLite from choosing another index than that of the text.
            near: statements.prepare(&format!(
                "SELECT min(+{id}) FROM {from} WHERE {text} >= ?1 AND {text} < ?2 \
                 AND lower({text}) = ?3 AND +{group} = ?4"
            ))?,
            scan: statements.prepare(&format!("SELECT {id}, {group}, {text} FROM {from}"))?,
            digits: usize::try_from(rows.ilog2() / 4 + 1).unwrap_or(1),
            has_upper_prefix,
            is_usual,
            is_large_batch: i64::try_from(batch)
                .is_ok_and(|batch| batch.saturating_mul(Self::ROWS_PER_SEARCH) >= rows),
            scanned: None,
        })
    }

    /// The id of the row of a group with this text, given in lower case, if it is spelled in an unusual way.
    pub(in crate::models) fn find(&mut self, lower: &str, group: i64) -> QueryResult<Option<i64>> {
        if self.is_large_batch {
            if self.scanned.is_none() {
                self.scanned = Some(self.scan()?);
            }
            let ids = self.scanned.as_ref().filter(|ids| !ids.is_empty());
            return Ok(ids.and_then(|ids| ids.get(&(group, lower.to_owned())).copied()));
        }
        // The prefix 0x and the first digits, with each letter in both cases.
        let mut prefixes = vec![String::with_capacity(lower.len())];
        for (place, letter) in lower.char_indices().take("0x".len() + self.digits) {
            let has_both = letter.is_ascii_lowercase() && (place != 1 || self.has_upper_prefix);
            for at in 0..prefixes.len() {
                if has_both {
                    let mut other = prefixes[at].clone();
                    other.push(letter.to_ascii_uppercase());
                    prefixes.push(other);
                }
                prefixes[at].push(letter);
            }
        }
        let mut found: Option<i64> = None;
        for prefix in prefixes {
            // The first letter that is no digit ends the range.
            let end = format!("{prefix}g");
            let id = self.near.first_integer(&[
                Bound::Text(&prefix),
                Bound::Text(&end),
                Bound::Text(lower),
                Bound::Integer(group),
            ])?;
            found = match (found, id) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        Ok(found)
    }

    fn scan(&mut self) -> QueryResult<HashMap<(i64, String), i64>> {
        let mut ids = HashMap::new();
        self.scan.query(&[])?;
        while self.scan.step()? {
            let (id, group) = (self.scan.key(0), self.scan.key(1));
            let Stored::Text(text) = self.scan.column(2) else {
                continue;
            };
            if let Ok(text) = std::str::from_utf8(text)
                && !(self.is_usual)(text)
            {
                ids.entry((group, text.to_ascii_lowercase()))
                    .and_modify(|first: &mut i64| *first = id.min(*first))
                    .or_insert(id);
            }
        }
        self.scan.reset();
        Ok(ids)
    }
}
