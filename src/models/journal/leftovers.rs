//! Notices that the journal, or the hashes of its blocks, are gone: another program has emptied a table.

use diesel::prelude::*;

use crate::models::journal::journal_error::JournalError;
use crate::models::journal::tables::TABLES;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::stored::{Decode, Encode};

/// The column with the block of a pool's last event.
const MARK: &str = "liquidity_update_block";

/// The last block of a chain whose changes are in the journal although its hash is not stored. Both come and go in the same
/// transactions.
pub(crate) fn block_without_hash(
    statements: Statements<'_>,
    chain: ChainId,
) -> QueryResult<Option<BlockNumber>> {
    let mut last = statements.prepare(
        "SELECT max(block) FROM chain_journal WHERE chain_id = ?1 HAVING max(block) > \
         (SELECT coalesce(max(number), -1) FROM chain_blocks WHERE chain_id = ?1)",
    )?;
    last.query(&[Bound::Integer(chain.encode())])?;
    if !last.step()? {
        return Ok(None);
    }
    Ok(Decode::decode(last.column(0)).ok())
}

/// Fails if the journal has no change of a stored block above `keep`, although a pool had an event in one.
pub(crate) fn require_entries(
    statements: Statements<'_>,
    chain: ChainId,
    keep: BlockNumber,
) -> Result<(), JournalError> {
    let values = [
        Bound::Integer(chain.encode()),
        Bound::Integer(keep.encode()),
    ];
    let has_entries = statements
        .prepare("SELECT 1 FROM chain_journal WHERE chain_id = ?1 AND block > ?2 LIMIT 1")?
        .first_integer(&values)?;
    if has_entries.is_some() {
        return Ok(());
    }
    for table in TABLES.iter().filter(|table| table.columns.contains(&MARK)) {
        let (name, key) = (table.name, table.key);
        let (pool, owner) = if key == "managed_pool_id" {
            (
                "k.pool_hash",
                "managed_pools AS p ON p.id = k.managed_pool_id \
                 JOIN pool_managers AS o ON o.id = p.manager_id",
            )
        } else {
            (
                "p.address",
                "pools AS p ON p.id = k.pool_id JOIN exchanges AS o ON o.id = p.exchange_id",
            )
        };
        let chain_of = if key == "managed_pool_id" {
            "chain"
        } else {
            "chain_id"
        };
        let mut later = statements.prepare(&format!(
            "SELECT {pool} FROM {name} AS k JOIN {owner} WHERE o.{chain_of} = ?1 AND k.{MARK} > ?2 \
             AND k.{MARK} <= (SELECT max(number) FROM chain_blocks WHERE chain_id = ?1) LIMIT 1"
        ))?;
        later.query(&values)?;
        if later.step()? {
            return Err(JournalError::Emptied {
                what: later.column(0).to_text(),
                is_market: false,
                keep,
            });
        }
    }
    Ok(())
}
