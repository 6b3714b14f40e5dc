//! Uniswap V4 pools.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::uniswap_v4_pools;
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::{BlockNumber, FeeParts, LogIndex, TickSpacing};

/// The columns specific to Uniswap V4 pools.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = uniswap_v4_pools, primary_key(managed_pool_id), check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct UniswapV4Pool {
    /// The id of the pool in `managed_pools`.
    pub managed_pool_id: i64,
    /// The pool's id inside its manager.
    pub pool_hash: PoolHash,
    /// The hooks contract, or the zero address.
    pub hooks: Address,
    /// The token with the lower address; the zero address is the native currency.
    pub currency0_id: i64,
    /// The token with the higher address.
    pub currency1_id: i64,
    /// The fee's numerator if the input is currency0.
    pub fee_currency0: FeeParts,
    /// The fee's numerator if the input is currency1.
    pub fee_currency1: FeeParts,
    /// The denominator of both fees.
    pub fee_denominator: FeeParts,
    /// The tick spacing: ticks that are multiples of it can be initialized.
    pub tick_spacing: TickSpacing,
    /// The block of the last liquidity event in the database.
    pub liquidity_update_block: Option<BlockNumber>,
    /// The log index of the last liquidity event in the database.
    pub liquidity_update_log_index: Option<LogIndex>,
}

table_row!(
    UniswapV4Pool in uniswap_v4_pools: managed_pool_id, pool_hash, hooks, currency0_id, currency1_id,
    fee_currency0, fee_currency1, fee_denominator, tick_spacing, liquidity_update_block, liquidity_update_log_index
);
