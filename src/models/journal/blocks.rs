//! The hashes of the last blocks of a chain that are in the database.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::schema::chain_blocks;
use crate::types::flag::Flag;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// A block that is in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredBlock {
    pub(crate) number: BlockNumber,
    pub(crate) hash: BlockHash,
    /// Whether it is not undone: a node has called it final, or another program has taken in the blocks up to it.
    pub(crate) is_final: bool,
}

impl StoredBlock {
    /// The stored blocks of a chain, the highest first.
    pub(crate) fn of_chain(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> QueryResult<Vec<Self>> {
        Self::load(connection, Self::all(chain))
    }

    pub(super) fn all(chain: ChainId) -> chain_blocks::BoxedQuery<'static, Sqlite> {
        chain_blocks::table
            .filter(chain_blocks::chain_id.eq(chain))
            .into_boxed()
    }

    pub(super) fn load(
        connection: &mut SqliteConnection,
        query: chain_blocks::BoxedQuery<'static, Sqlite>,
    ) -> QueryResult<Vec<Self>> {
        let blocks: Vec<(BlockNumber, BlockHash, Flag)> = query
            .order(chain_blocks::number.desc())
            .select((
                chain_blocks::number,
                chain_blocks::hash,
                chain_blocks::is_final,
            ))
            .load(connection)?;
        let blocks = blocks.into_iter().map(|(number, hash, is_final)| Self {
            number,
            hash,
            is_final: is_final.into(),
        });
        Ok(blocks.collect())
    }
}
