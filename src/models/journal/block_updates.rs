//! Stores blocks that an update takes in, marks them as final, and forgets them.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::market_marks::NEWEST_NOTES;
use crate::schema::chain_blocks;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::stored::Encode;

impl StoredBlock {
    /// Those from one number to another, the highest first.
    pub(crate) fn of_range(
        connection: &mut SqliteConnection,
        chain: ChainId,
        from: BlockNumber,
        to: BlockNumber,
    ) -> QueryResult<Vec<Self>> {
        let is_in = chain_blocks::number.between(from, to);
        Self::load(connection, Self::all(chain).filter(is_in))
    }

    /// Stores the block, or stores it anew.
    pub(crate) fn store(
        self,
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<(), RowError> {
        store_blocks(Statements::of(connection)?, chain, [self])
    }
}

/// Stores blocks, or stores them anew. A final one stays final.
pub(crate) fn store_blocks(
    statements: Statements<'_>,
    chain: ChainId,
    blocks: impl IntoIterator<Item = StoredBlock>,
) -> Result<(), RowError> {
    let mut store = statements.prepare(
        "INSERT INTO chain_blocks (chain_id, number, hash, is_final) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (chain_id, number) DO UPDATE \
         SET hash = excluded.hash, is_final = max(is_final, excluded.is_final)",
    )?;
    for block in blocks {
        let stored = store.run(&[
            Bound::Integer(chain.encode()),
            Bound::Integer(block.number.encode()),
            Bound::Text(&block.hash.to_string()),
            Bound::Integer(block.is_final.into()),
        ])?;
        require_written(stored, "chain_blocks")?;
    }
    Ok(())
}

/// Stores a block that another program has got to. What that program has changed up to it is in no journal, so it counts as
/// final, with those below it.
pub(crate) fn store_final(
    connection: &mut SqliteConnection,
    chain: ChainId,
    (number, hash): (BlockNumber, BlockHash),
) -> Result<(), RowError> {
    let block = StoredBlock {
        number,
        hash,
        is_final: true,
    };
    block.store(connection, chain)?;
    Ok(mark_final(connection, chain, number)?)
}

/// Makes the blocks up to a number final. Forgets what the blocks up to the one that was final before changed: one step
/// late, so that its hash was seen again meanwhile.
pub(crate) fn make_final(
    connection: &mut SqliteConnection,
    chain: ChainId,
    before: Option<BlockNumber>,
    up_to: BlockNumber,
) -> QueryResult<()> {
    if let Some(before) = before {
        prune(connection, chain, before)?;
    }
    mark_final(connection, chain, up_to)
}

/// Marks the blocks up to a number as final.
pub(super) fn mark_final(
    connection: &mut SqliteConnection,
    chain: ChainId,
    up_to: BlockNumber,
) -> QueryResult<()> {
    let blocks = chain_blocks::table
        .filter(chain_blocks::chain_id.eq(chain))
        .filter(chain_blocks::number.le(up_to))
        .filter(chain_blocks::is_final.eq(false));
    diesel::update(blocks)
        .set(chain_blocks::is_final.eq(true))
        .execute(connection)
        .map(drop)
}

/// Forgets the blocks below a number, and what they and the block of this number changed. The block itself stays: it
/// is the one that the next blocks stand on. So do the blocks at the marks of markets, and the newest note of who has moved
/// each of these.
pub(crate) fn prune(
    connection: &mut SqliteConnection,
    chain: ChainId,
    number: BlockNumber,
) -> QueryResult<()> {
    let values = [
        Bound::Integer(chain.encode()),
        Bound::Integer(number.encode()),
    ];
    let statements = Statements::of(connection)?;
    statements
        .prepare(&format!(
            "DELETE FROM chain_blocks WHERE chain_id = ?1 AND number < ?2 AND NOT {AT_MARK}"
        ))?
        .run(&values)?;
    statements
        .prepare(&format!(
            "DELETE FROM chain_journal WHERE chain_id = ?1 AND block <= ?2 AND NOT {NEWEST_NOTES}"
        ))?
        .run(&values)
        .map(drop)
}

/// Forgets the final blocks below a number: the newest one is enough, with those at the marks of markets.
pub(crate) fn forget_final_below(
    connection: &mut SqliteConnection,
    chain: ChainId,
    number: BlockNumber,
) -> QueryResult<()> {
    Statements::of(connection)?
        .prepare(&format!(
            "DELETE FROM chain_blocks WHERE chain_id = ?1 AND is_final AND number < ?2 AND NOT {AT_MARK}"
        ))?
        .run(&[
            Bound::Integer(chain.encode()),
            Bound::Integer(number.encode()),
        ])
        .map(drop)
}

/// The condition for the blocks at the marks of a chain's markets. Whoever goes on from there compares them with the parent
/// of the next block.
const AT_MARK: &str = "number IN (SELECT last_update_block FROM aave_v3_markets WHERE chain_id = ?1 \
     AND last_update_block IS NOT NULL)";
