//! Which program has moved the mark of an Aave V3 market.
//!
//! The Python package moves `aave_v3_markets.last_update_block` as well, but stores neither the times nor the memberships in
//! e-mode categories that this program needs, and records nothing in the journal. So whenever this program moves the mark of a
//! market, the journal gets an entry of the market's row in `aave_v3_market_facts`, of the block of the mark. The newest one
//! stays when the journal forgets its block (`NEWEST_NOTES`). If it is not of the block of the mark, another program has
//! moved the mark since.

use diesel::prelude::*;

use crate::models::journal::journal_error::JournalError;
#[cfg(feature = "sync")]
use crate::models::journal::tables::JournaledTable;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::stored::{Decode, Encode};

/// Which program has moved the mark of a market to where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkedBy {
    /// This one, so the database has all that it stores of the market.
    ThisProgram,
    /// Another one, after this one had left it at an earlier block.
    Another,
    /// Nothing is noted, as where only the Python package has followed the market.
    Unknown,
}

impl MarkedBy {
    /// Which program has moved the mark of a market.
    pub(crate) fn of_market(statements: Statements<'_>, market_id: i64) -> QueryResult<Self> {
        let market = [Bound::Integer(market_id)];
        // The index finds the few entries of one block. The journal can have many of others.
        let of_mark = statements
            .prepare(
                "SELECT 1 FROM aave_v3_markets AS m \
                 JOIN aave_v3_market_facts AS f ON f.market_id = m.id \
                 JOIN chain_journal AS j ON j.chain_id = m.chain_id AND j.block = m.last_update_block \
                 WHERE m.id = ?1 AND j.table_name = 'aave_v3_market_facts' AND j.row_id = f.id LIMIT 1",
            )?
            .first_integer(&market)?;
        if of_mark.is_some() {
            return Ok(Self::ThisProgram);
        }
        let of_another = statements
            .prepare(
                "SELECT 1 FROM aave_v3_markets AS m \
                 JOIN aave_v3_market_facts AS f ON f.market_id = m.id \
                 JOIN chain_journal AS j ON j.chain_id = m.chain_id \
                 WHERE m.id = ?1 AND m.last_update_block IS NOT NULL \
                 AND j.table_name = 'aave_v3_market_facts' AND j.row_id = f.id LIMIT 1",
            )?
            .first_integer(&market)?;
        Ok(match of_another {
            Some(_) => Self::Another,
            None => Self::Unknown,
        })
    }
}

/// Notes that this program moves the mark of a market to a block, before it does. A block that is not final keeps the notes
/// of those before it, to which it may be undone.
#[cfg(feature = "sync")]
pub(crate) fn note_mark(
    statements: Statements<'_>,
    chain: ChainId,
    market_id: i64,
    (block, is_final): (BlockNumber, bool),
) -> QueryResult<()> {
    let values = [
        Bound::Integer(chain.encode()),
        Bound::Integer(block.encode()),
        Bound::Integer(market_id),
    ];
    if is_final {
        statements
            .prepare(
                "DELETE FROM chain_journal WHERE chain_id = ?1 \
                 AND block = (SELECT last_update_block FROM aave_v3_markets WHERE id = ?3) AND block < ?2 \
                 AND table_name = 'aave_v3_market_facts' \
                 AND row_id IN (SELECT id FROM aave_v3_market_facts WHERE market_id = ?3)",
            )?
            .run(&values)?;
    }
    let columns =
        JournaledTable::named("aave_v3_market_facts").map_or(&[][..], |table| table.columns);
    let row: Vec<_> = columns
        .iter()
        .map(|column| format!("'{column}', f.{column}"))
        .collect();
    // An update of the row in this block was recorded already.
    statements
        .prepare(&format!(
            "INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values) \
             SELECT ?1, ?2, 'aave_v3_market_facts', f.id, \
             json_object('last_update_time', f.last_update_time), json_object({}) \
             FROM aave_v3_market_facts AS f WHERE f.market_id = ?3 AND NOT EXISTS \
             (SELECT 1 FROM chain_journal AS j WHERE j.chain_id = ?1 AND j.block = ?2 \
             AND j.table_name = 'aave_v3_market_facts' AND j.row_id = f.id)",
            row.join(", ")
        ))?
        .run(&values)
        .map(drop)
}

/// Forgets all notes of a market, as those of this program from before another one has moved the mark.
#[cfg(feature = "sync")]
pub(crate) fn forget_marks(
    statements: Statements<'_>,
    chain: ChainId,
    market_id: i64,
) -> QueryResult<()> {
    statements
        .prepare(
            "DELETE FROM chain_journal WHERE chain_id = ?1 AND table_name = 'aave_v3_market_facts' \
             AND row_id IN (SELECT id FROM aave_v3_market_facts WHERE market_id = ?2)",
        )?
        .run(&[Bound::Integer(chain.encode()), Bound::Integer(market_id)])
        .map(drop)
}

/// The condition for the entries of chain `?1` up to block `?2` that the journal does not forget: the newest note of each
/// market.
#[cfg(feature = "sync")]
pub(super) const NEWEST_NOTES: &str = "id IN (SELECT max(id) FROM chain_journal WHERE chain_id = ?1 AND block <= ?2 \
     AND table_name = 'aave_v3_market_facts' GROUP BY row_id)";

/// The markets of a chain whose marks move back to `keep` when the blocks above it are undone.
///
/// # Errors
///
/// [`JournalError::Emptied`] if the journal lacks the notes of one of them, where they are needed, and
/// [`JournalError::MarketMoved`] if another program has moved the mark of one of them, up to a stored block or after blocks
/// that are undone. Nobody knows what it has changed.
pub(super) fn markets_to_undo(
    statements: Statements<'_>,
    chain: ChainId,
    keep: BlockNumber,
    needs_notes: bool,
) -> Result<Vec<i64>, JournalError> {
    let has_facts = statements
        .prepare(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'aave_v3_market_facts'",
        )?
        .first_integer(&[])?;
    // At an older version, this program follows no markets.
    if has_facts.is_none() {
        return Ok(Vec::new());
    }
    let values = [
        Bound::Integer(chain.encode()),
        Bound::Integer(keep.encode()),
    ];
    let mut markets = statements.prepare(
        "SELECT m.id, m.name, m.last_update_block, f.last_update_time IS NOT NULL, \
         m.last_update_block <= (SELECT max(number) FROM chain_blocks WHERE chain_id = ?1), \
         (SELECT max(j.block) FROM chain_journal AS j WHERE j.chain_id = ?1 \
         AND j.table_name = 'aave_v3_market_facts' AND j.row_id = f.id) \
         FROM aave_v3_markets AS m LEFT JOIN aave_v3_market_facts AS f ON f.market_id = m.id \
         WHERE m.chain_id = ?1 AND m.last_update_block > ?2",
    )?;
    markets.query(&values)?;
    let mut found = Vec::new();
    while markets.step()? {
        let id = markets.key(0);
        let [was_followed, is_stored] = [3, 4].map(|column| markets.key(column) == 1);
        let noted: Option<BlockNumber> = Decode::decode(markets.column(5)).unwrap_or_default();
        match MarkedBy::of_market(statements, id)? {
            MarkedBy::Another if is_stored || noted > Some(keep) => {
                return Err(JournalError::MarketMoved {
                    market: markets.column(1).to_text(),
                    from: noted.unwrap_or(keep),
                    to: Decode::decode(markets.column(2)).unwrap_or(keep),
                });
            }
            // This program notes each block that it moves a mark to.
            MarkedBy::Unknown if is_stored && was_followed && needs_notes => {
                return Err(JournalError::Emptied {
                    what: markets.column(1).to_text(),
                    is_market: true,
                    keep,
                });
            }
            MarkedBy::Unknown if is_stored && was_followed => found.push(id),
            MarkedBy::ThisProgram => found.push(id),
            // The other program does not touch pools.
            MarkedBy::Another | MarkedBy::Unknown => {}
        }
    }
    Ok(found)
}
