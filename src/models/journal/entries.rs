//! Entries of the journal for rows whose values are at hand.

use std::fmt::Write;
use std::slice;

use diesel::prelude::*;

use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::stored::{Encode, Stored};

/// Entries of the journal that are not written yet.
///
/// Triggers write the entries of most tables ([`Recorder`]). The liquidity events of a block change so many rows that
/// those have no triggers: SQLite would keep copies of their pages for each statement. Without triggers, a row that
/// several blocks change is written once, and has an entry for each of them all the same.
///
/// [`Recorder`]: crate::models::journal::recorder::Recorder
#[derive(Debug, Default)]
pub(crate) struct JournalEntries {
    entries: Vec<Entry>,
    /// The values of all rows, one after the other: there are too many for a string each.
    texts: String,
}

#[derive(Debug)]
struct Entry {
    block: BlockNumber,
    table: &'static str,
    row_id: i64,
    before: Option<RowValues>,
    after: Option<RowValues>,
}

/// Values of a row, as the journal has them: a JSON object. The primary key is among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowValues {
    start: usize,
    /// Where the values begin that change.
    changing: usize,
    end: usize,
}

/// How many entries one statement inserts, which takes less time than as many statements.
const MANY: usize = 16;

/// The columns of an entry that are written.
const COLUMNS: usize = 6;

/// The old values of the entries of a statement.
type OldTexts = [String; MANY];

/// What becomes of a row: its values before some blocks and after each of them; `None` where it is not there.
pub(crate) struct RowHistory<'journal> {
    journal: &'journal mut JournalEntries,
    table: &'static str,
    row_id: i64,
    now: Option<RowValues>,
}

impl JournalEntries {
    /// Begins the history of a row.
    pub(crate) const fn row(
        &mut self,
        table: &'static str,
        row_id: i64,
        before: Option<RowValues>,
    ) -> RowHistory<'_> {
        RowHistory {
            journal: self,
            table,
            row_id,
            now: before,
        }
    }

    /// Keeps values of a row. The first `lasting` ones, which identify it, do not change.
    pub(crate) fn values<'a>(
        &mut self,
        lasting: usize,
        values: impl IntoIterator<Item = (&'a str, Bound<'a>)>,
    ) -> RowValues {
        let start = self.texts.len();
        let changing = write_values(&mut self.texts, lasting, values);
        let end = self.texts.len();
        RowValues {
            start,
            changing,
            end,
        }
    }

    /// Keeps values as they are stored. SQLite allows other types than those of the columns; such rows are not changed,
    /// because they cannot be read.
    pub(crate) fn stored_values<'a>(
        &mut self,
        lasting: usize,
        values: impl IntoIterator<Item = (&'a str, Stored<'a>)>,
    ) -> RowValues {
        let values = values.into_iter().map(|(name, value)| {
            let value = match value {
                Stored::Integer(number) => Bound::Integer(number),
                Stored::Text(text) => Bound::text(str::from_utf8(text).ok()),
                Stored::Null | Stored::Real(_) | Stored::Blob(_) => Bound::Null,
            };
            (name, value)
        });
        self.values(lasting, values)
    }

    /// Writes the entries in the order of the blocks. The old values of a row that stays are only those that change: they
    /// are half of the journal, and the new ones have the others.
    pub(crate) fn write(mut self, statements: Statements<'_>, chain: ChainId) -> QueryResult<()> {
        // Stable: the entries of a row stay in order.
        self.entries.sort_by_key(|entry| entry.block);
        let columns = "INSERT INTO chain_journal \
             (chain_id, block, table_name, row_id, old_values, new_values) VALUES ";
        let row = "(?, ?, ?, ?, ?, ?)";
        let mut many = statements.prepare(&format!("{columns}{}", [row; MANY].join(", ")))?;
        let mut one = statements.prepare(&format!("{columns}{row}"))?;
        let (chunks, rest) = self.entries.as_chunks::<MANY>();
        let mut texts = OldTexts::default();
        for chunk in chunks {
            self.insert(&mut many, chunk, chain, &mut texts)?;
        }
        for entry in rest {
            self.insert(&mut one, slice::from_ref(entry), chain, &mut texts)?;
        }
        Ok(())
    }

    /// Runs a statement that inserts as many entries.
    fn insert(
        &self,
        statement: &mut Statement<'_>,
        entries: &[Entry],
        chain: ChainId,
        old: &mut OldTexts,
    ) -> QueryResult<()> {
        let text = |values: Option<RowValues>| {
            let range = values.map(|RowValues { start, end, .. }| start..end);
            range.and_then(|range| self.texts.get(range))
        };
        for (old, entry) in old.iter_mut().zip(entries) {
            if let (Some(RowValues { changing, end, .. }), Some(_)) = (entry.before, entry.after) {
                old.clear();
                old.push('{');
                old.push_str(self.texts.get(changing..end).unwrap_or_default());
            }
        }
        let mut values = [Bound::Null; MANY * COLUMNS];
        let rows = values.as_chunks_mut::<COLUMNS>().0;
        for ((values, entry), old) in rows.iter_mut().zip(entries).zip(old) {
            let before = match (entry.before, entry.after) {
                (Some(_), Some(_)) => Some(old.as_str()),
                (before, _) => text(before),
            };
            *values = [
                Bound::Integer(chain.encode()),
                Bound::Integer(entry.block.encode()),
                Bound::Text(entry.table),
                Bound::Integer(entry.row_id),
                Bound::text(before),
                Bound::text(text(entry.after)),
            ];
        }
        statement.run(&values[..entries.len() * COLUMNS])?;
        Ok(())
    }
}

impl RowHistory<'_> {
    /// Adds what a block makes of the row. The first `lasting` values do not change.
    pub(crate) fn becomes<'a>(
        &mut self,
        block: BlockNumber,
        lasting: usize,
        values: impl IntoIterator<Item = (&'a str, Bound<'a>)>,
    ) {
        let values = self.journal.values(lasting, values);
        self.add(block, Some(values));
    }

    /// Adds that a block deletes the row, if it is there.
    pub(crate) fn goes(&mut self, block: BlockNumber) {
        if self.now.is_some() {
            self.add(block, None);
        }
    }

    fn add(&mut self, block: BlockNumber, after: Option<RowValues>) {
        self.journal.entries.push(Entry {
            block,
            table: self.table,
            row_id: self.row_id,
            before: self.now,
            after,
        });
        self.now = after;
    }
}

/// Writes a JSON object. The names need no escapes. Returns where the values after the first `lasting` ones begin.
fn write_values<'a>(
    text: &mut String,
    lasting: usize,
    values: impl IntoIterator<Item = (&'a str, Bound<'a>)>,
) -> usize {
    let mut before = '{';
    let mut changing = text.len() + 1;
    for (place, (name, value)) in values.into_iter().enumerate() {
        text.push(before);
        before = ',';
        if place == lasting {
            changing = text.len();
        }
        text.push('"');
        text.push_str(name);
        text.push_str("\":");
        match value {
            Bound::Null => text.push_str("null"),
            Bound::Integer(number) => text.push_str(itoa::Buffer::new().format(number)),
            Bound::Text(value) => write_text(text, value),
        }
    }
    text.push('}');
    changing
}

fn write_text(text: &mut String, value: &str) {
    text.push('"');
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if value.bytes().all(is_plain) {
        text.push_str(value);
        text.push('"');
        return;
    }
    for character in value.chars() {
        match character {
            '"' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            '\0'..='\x1f' => {
                // A write to a string does not fail.
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            character => text.push(character),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json() {
        let values = [
            ("id", Bound::Integer(i64::MIN)),
            ("tick", Bound::Null),
            ("liquidity_net", Bound::Text("-5")),
            ("name", Bound::Text("\"\\\n\u{0}\u{1f4a7}")),
        ];
        let mut text = String::new();
        let changing = write_values(&mut text, 2, values);
        assert!(text[changing..].starts_with("\"liquidity_net\":\"-5\","));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            serde_json::json!({
                "id": i64::MIN,
                "tick": null,
                "liquidity_net": "-5",
                "name": "\"\\\n\u{0}\u{1f4a7}",
            })
        );
    }
}
