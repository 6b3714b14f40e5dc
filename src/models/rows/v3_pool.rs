//! V3 pools: concentrated-liquidity pools of every protocol.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::{
    aerodrome_v3_pools, pancakeswap_v3_pools, sushiswap_v3_pools, uniswap_v3_pools,
};
use crate::types::{BlockNumber, FeeParts, LogIndex, TickSpacing};

macro_rules! v3_pool {
    ($name:ident, $table:ident, $protocol:literal) => {
        #[doc = concat!("The columns that only a V3 pool of ", $protocol, " has.")]
        #[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
        #[diesel(
                                                            table_name = $table,
                                                            primary_key(pool_id),
                                                            check_for_backend(Sqlite),
                                                            treat_none_as_default_value = false
                                                        )]
        pub struct $name {
            /// The id of the pool in `pools`.
            pub pool_id: i64,
            /// The distance between ticks that can be initialized.
            pub tick_spacing: TickSpacing,
            /// The block of the last liquidity event taken in.
            pub liquidity_update_block: Option<BlockNumber>,
            /// The log index of the last liquidity event taken in.
            pub liquidity_update_log_index: Option<LogIndex>,
            /// The fee's numerator when token0 is paid in.
            pub fee_token0: FeeParts,
            /// The fee's numerator when token1 is paid in.
            pub fee_token1: FeeParts,
            /// The denominator of both fees.
            pub fee_denominator: FeeParts,
        }

        table_row!(
            $name in $table: pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index,
            fee_token0, fee_token1, fee_denominator
        );
    };
}

v3_pool!(AerodromeV3Pool, aerodrome_v3_pools, "Aerodrome");
v3_pool!(PancakeswapV3Pool, pancakeswap_v3_pools, "PancakeSwap");
v3_pool!(SushiswapV3Pool, sushiswap_v3_pools, "SushiSwap");
v3_pool!(UniswapV3Pool, uniswap_v3_pools, "Uniswap");
