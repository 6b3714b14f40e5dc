//! V2 pools: constant-product pools of every protocol.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::{
    aerodrome_v2_pools, camelot_v2_pools, pancakeswap_v2_pools, sushiswap_v2_pools,
    swapbased_v2_pools, uniswap_v2_pools,
};
use crate::types::flag::Flag;
use crate::types::integer::FeeParts;

macro_rules! v2_pool {
    ($name:ident, $table:ident, $protocol:literal) => {
        #[doc = concat!("The columns specific to ", $protocol, " V2 pools.")]
        #[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
        #[diesel(table_name = $table, primary_key(pool_id), check_for_backend(Sqlite), treat_none_as_default_value = false)]
        pub struct $name {
            /// The id of the pool in `pools`.
            pub pool_id: i64,
            /// The fee's numerator if the input is token0.
            pub fee_token0: FeeParts,
            /// The fee's numerator if the input is token1.
            pub fee_token1: FeeParts,
            /// The denominator of both fees.
            pub fee_denominator: FeeParts,
        }

        table_row!($name in $table: pool_id, fee_token0, fee_token1, fee_denominator);
    };
}

v2_pool!(CamelotV2Pool, camelot_v2_pools, "Camelot");
v2_pool!(PancakeswapV2Pool, pancakeswap_v2_pools, "PancakeSwap");
v2_pool!(SushiswapV2Pool, sushiswap_v2_pools, "SushiSwap");
v2_pool!(SwapbasedV2Pool, swapbased_v2_pools, "SwapBased");
v2_pool!(UniswapV2Pool, uniswap_v2_pools, "Uniswap");

/// The columns specific to Aerodrome V2 pools.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aerodrome_v2_pools, primary_key(pool_id), check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AerodromeV2Pool {
    /// The id of the pool in `pools`.
    pub pool_id: i64,
    /// Whether the pool follows the stable-swap curve instead of the constant product.
    #[diesel(deserialize_as = Flag)]
    pub stable: bool,
    /// The fee's numerator if the input is token0.
    pub fee_token0: FeeParts,
    /// The fee's numerator if the input is token1.
    pub fee_token1: FeeParts,
    /// The denominator of both fees.
    pub fee_denominator: FeeParts,
}

table_row!(
    AerodromeV2Pool in aerodrome_v2_pools: pool_id, stable, fee_token0, fee_token1, fee_denominator
);
