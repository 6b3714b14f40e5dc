//! Pools with their own contract: the columns common to all kinds.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::pools;
use crate::types::address::Address;
use crate::types::integer::ChainId;
use crate::types::kind::PoolKind;

/// The columns common to all kinds of pools. The other columns are in the table of the pool's kind, under the
/// same id.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = pools, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct Pool {
    /// The row's id.
    pub id: i64,
    /// The pool's contract.
    pub address: Address,
    /// The chain the pool lives on.
    pub chain: ChainId,
    /// Which table holds the pool's other columns.
    pub kind: PoolKind,
    /// The token with the lower address.
    pub token0_id: i64,
    /// The token with the higher address.
    pub token1_id: i64,
    /// The exchange the pool belongs to.
    pub exchange_id: i64,
}

table_row!(Pool in pools: id, address, chain, kind, token0_id, token1_id, exchange_id);

/// A pool to insert; the row in the table of its kind must follow.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = pools, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewPool {
    /// The pool's contract.
    pub address: Address,
    /// The chain the pool lives on.
    pub chain: ChainId,
    /// Which table holds the pool's other columns.
    pub kind: PoolKind,
    /// The token with the lower address.
    pub token0_id: i64,
    /// The token with the higher address.
    pub token1_id: i64,
    /// The exchange the pool belongs to.
    pub exchange_id: i64,
}
