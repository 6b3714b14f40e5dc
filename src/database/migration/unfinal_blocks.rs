//! Blocks that are not final. A downgrade that drops the journal, or a table whose changes it has, takes them back first:
//! nobody could undo them later.

use std::fmt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::own_triggers::require_none_that_interferes;
use crate::database::error::database_error::Error;
use crate::database::structure::catalogue::Catalogue;
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::tables::journaled_tables;
use crate::models::journal::undo::{Otherwise, undo};
use crate::schema::chain_blocks;
use crate::sqlite::prepared::Statements;
use crate::types::integer::{BlockNumber, ChainId};

/// The journal's table. A version that lacks it lacks the blocks, too.
const JOURNAL: &str = "chain_journal";

/// The blocks of a chain that are in the database and not final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnfinalBlocks {
    /// The chain.
    pub chain_id: ChainId,
    /// The block that the database goes back to.
    pub keep: BlockNumber,
    /// The last block.
    pub last: BlockNumber,
}

impl fmt::Display for UnfinalBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            chain_id,
            keep,
            last,
        } = self;
        write!(
            f,
            "what came after block {keep} of chain {chain_id}, up to block {last}"
        )
    }
}

/// The blocks that a migration from one structure to another takes back.
pub(super) fn to_take_back(
    connection: &mut SqliteConnection,
    from: &Catalogue,
    target: &Catalogue,
) -> Result<Vec<UnfinalBlocks>, Error> {
    let has = |catalogue: &Catalogue, table| catalogue.tables.contains_key(table);
    let is_dropped = |table| has(from, table) && !has(target, table);
    let are_lost = is_dropped(JOURNAL) || journaled_tables().any(is_dropped);
    if !has(from, JOURNAL) || !are_lost {
        return Ok(Vec::new());
    }
    let chains: Vec<ChainId> = chain_blocks::table
        .filter(chain_blocks::is_final.eq(false))
        .select(chain_blocks::chain_id)
        .distinct()
        .order(chain_blocks::chain_id)
        .load(connection)?;
    let mut found = Vec::new();
    for chain_id in chains {
        let stored = StoredBlock::of_chain(connection, chain_id)?;
        let final_block = stored.iter().find(|block| block.is_final);
        if let (Some(last), Some(kept)) = (stored.first(), final_block.or(stored.last()))
            && last.number > kept.number
        {
            found.push(UnfinalBlocks {
                chain_id,
                keep: kept.number,
                last: last.number,
            });
        }
    }
    Ok(found)
}

/// The blocks that are not among those that the caller agrees to take back.
pub(super) fn beyond(blocks: &[UnfinalBlocks], agreed: &[UnfinalBlocks]) -> Vec<String> {
    let is_agreed = |blocks: &&UnfinalBlocks| {
        agreed.iter().any(|agreed| {
            agreed.chain_id == blocks.chain_id
                && agreed.keep <= blocks.keep
                && agreed.last >= blocks.last
        })
    };
    let others = blocks.iter().filter(|blocks| !is_agreed(blocks));
    others.map(ToString::to_string).collect()
}

/// Takes blocks back, in the caller's transaction. Fails if a trigger of the user's own would write to the same tables.
pub(super) fn take_back(
    connection: &mut SqliteConnection,
    path: &Path,
    blocks: &[UnfinalBlocks],
) -> Result<(), Error> {
    if !blocks.is_empty() {
        require_none_that_interferes(connection, path)?;
    }
    for of_chain in blocks {
        undo(
            Statements::of(connection)?,
            of_chain.chain_id,
            of_chain.keep,
            Otherwise::Refused,
        )?;
    }
    Ok(())
}
