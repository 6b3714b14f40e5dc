//! The last blocks that updates took in, by which a reorganisation of the chain is noticed.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::chain_blocks;
use crate::types::flag::Flag;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// A block that an update took in; (`chain_id`, `number`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = chain_blocks, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct ChainBlock {
    /// The row's id.
    pub id: i64,
    /// The chain.
    pub chain_id: ChainId,
    /// The block's number.
    pub number: BlockNumber,
    /// The hash that the block had. Another hash at the same number means that the chain was reorganised.
    pub hash: BlockHash,
    /// Whether the node called the block final.
    #[diesel(deserialize_as = Flag)]
    pub is_final: bool,
}

/// A block that an update takes in, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = chain_blocks, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewChainBlock {
    /// The chain.
    pub chain_id: ChainId,
    /// The block's number.
    pub number: BlockNumber,
    /// The block's hash.
    pub hash: BlockHash,
    /// Whether the node calls the block final.
    pub is_final: bool,
}
