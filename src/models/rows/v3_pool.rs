//! V3 pools: concentrated-liquidity pools of every protocol.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::{
    aerodrome_v3_pools, pancakeswap_v3_pools, sushiswap_v3_pools, uniswap_v3_pools,
};
use crate::types::integer::{BlockNumber, FeeParts, LogIndex, TickSpacing};

macro_rules! v3_pool {
    ($name:ident, $table:ident, $protocol:literal) => {
        #[doc = concat!("The columns specific to ", $protocol, " V3 pools.")]
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
            /// The tick spacing: ticks that are multiples of it can be initialized.
            pub tick_spacing: TickSpacing,
            /// The block of the last liquidity event in the database.
            pub liquidity_update_block: Option<BlockNumber>,
            /// The log index of the last liquidity event in the database.
            pub liquidity_update_log_index: Option<LogIndex>,
            /// The fee's numerator if the input is token0.
            pub fee_token0: FeeParts,
            /// The fee's numerator if the input is token1.
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
