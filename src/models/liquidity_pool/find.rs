//! Single pools, through Diesel's cache of prepared statements.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::{
    BasePool, Fees, LiquidityBookTerms, LiquidityPool, PoolTerms, UpdateMark, V2Protocol, V2Terms,
    V3Protocol, V3Terms, detail_columns,
};
use crate::models::row::RowError;
use crate::models::{
    AerodromeV2Pool, AerodromeV3Pool, CamelotV2Pool, LfjPool, PancakeswapV2Pool, PancakeswapV3Pool,
    Pool, SushiswapV2Pool, SushiswapV3Pool, SwapbasedV2Pool, UniswapV2Pool, UniswapV3Pool,
};
use crate::schema::{
    aerodrome_v2_pools, aerodrome_v3_pools, camelot_v2_pools, lfj_pools, pancakeswap_v2_pools,
    pancakeswap_v3_pools, pools, sushiswap_v2_pools, sushiswap_v3_pools, swapbased_v2_pools,
    uniswap_v2_pools, uniswap_v3_pools,
};
use crate::types::{Address, ChainId, PoolKind, Spelling};

impl LiquidityPool {
    /// The pool with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] where the pool's rows are malformed or incomplete, or a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        let pool = pools::table
            .find(id)
            .select(Pool::as_select())
            .get_result(connection)
            .optional()?;
        pool.map(|pool| whole(connection, &pool)).transpose()
    }

    /// The pool with an address on a chain, whether it is stored with its checksum or in lower case.
    ///
    /// # Errors
    ///
    /// [`RowError`] where the pool's rows are malformed or incomplete, or a statement fails.
    pub fn by_address(
        connection: &mut SqliteConnection,
        chain: ChainId,
        address: Address,
    ) -> Result<Option<Self>, RowError> {
        for spelling in Spelling::ALL {
            let pool = pools::table
                .filter(pools::address.eq(spelling.of(address)))
                .filter(pools::chain.eq(chain))
                .select(Pool::as_select())
                .get_result(connection)
                .optional()?;
            if let Some(pool) = pool {
                return whole(connection, &pool).map(Some);
            }
        }
        Ok(None)
    }

    /// All pools of two tokens, in the order of their ids. It does not matter which token comes first.
    ///
    /// # Errors
    ///
    /// [`RowError`] where a pool's rows are malformed or incomplete, or a statement fails.
    pub fn of_pair(
        connection: &mut SqliteConnection,
        one_token_id: i64,
        other_token_id: i64,
    ) -> Result<Vec<Self>, RowError> {
        let mut found = Vec::new();
        for (token0_id, token1_id) in [
            (one_token_id, other_token_id),
            (other_token_id, one_token_id),
        ] {
            found.extend(
                pools::table
                    .filter(pools::token0_id.eq(token0_id))
                    .filter(pools::token1_id.eq(token1_id))
                    .select(Pool::as_select())
                    .load(connection)?,
            );
        }
        found.sort_unstable_by_key(|pool| pool.id);
        // A token paired with itself has been found twice.
        found.dedup_by_key(|pool| pool.id);
        found
            .into_iter()
            .map(|pool| whole(connection, &pool))
            .collect()
    }
}

fn whole(connection: &mut SqliteConnection, pool: &Pool) -> Result<LiquidityPool, RowError> {
    let id = pool.id;
    macro_rules! terms {
        ($table:ident, $row:ty) => {
            $table::table
                .find(id)
                .select(<$row>::as_select())
                .get_result(connection)
                .optional()?
        };
    }
    macro_rules! v2 {
        ($table:ident, $row:ty, $protocol:expr) => {
            terms!($table, $row).map(|row: $row| {
                PoolTerms::V2(V2Terms {
                    protocol: $protocol(&row),
                    fees: Fees {
                        token0: row.fee_token0,
                        token1: row.fee_token1,
                        denominator: row.fee_denominator,
                    },
                })
            })
        };
    }
    macro_rules! v3 {
        ($table:ident, $row:ty, $protocol:expr) => {
            terms!($table, $row).map(|row: $row| {
                PoolTerms::V3(V3Terms {
                    protocol: $protocol,
                    fees: Fees {
                        token0: row.fee_token0,
                        token1: row.fee_token1,
                        denominator: row.fee_denominator,
                    },
                    tick_spacing: row.tick_spacing,
                    updated: UpdateMark {
                        block: row.liquidity_update_block,
                        log_index: row.liquidity_update_log_index,
                    },
                })
            })
        };
    }
    let terms = match pool.kind {
        PoolKind::AerodromeV2 => v2!(
            aerodrome_v2_pools,
            AerodromeV2Pool,
            |row: &AerodromeV2Pool| { V2Protocol::Aerodrome { stable: row.stable } }
        ),
        PoolKind::CamelotV2 => v2!(camelot_v2_pools, CamelotV2Pool, |_| V2Protocol::Camelot),
        PoolKind::PancakeswapV2 => {
            v2!(pancakeswap_v2_pools, PancakeswapV2Pool, |_| {
                V2Protocol::Pancakeswap
            })
        }
        PoolKind::SushiswapV2 => {
            v2!(sushiswap_v2_pools, SushiswapV2Pool, |_| {
                V2Protocol::Sushiswap
            })
        }
        PoolKind::SwapbasedV2 => {
            v2!(swapbased_v2_pools, SwapbasedV2Pool, |_| {
                V2Protocol::Swapbased
            })
        }
        PoolKind::UniswapV2 => v2!(uniswap_v2_pools, UniswapV2Pool, |_| V2Protocol::Uniswap),
        PoolKind::AerodromeV3 => v3!(aerodrome_v3_pools, AerodromeV3Pool, V3Protocol::Aerodrome),
        PoolKind::PancakeswapV3 => {
            v3!(
                pancakeswap_v3_pools,
                PancakeswapV3Pool,
                V3Protocol::Pancakeswap
            )
        }
        PoolKind::SushiswapV3 => v3!(sushiswap_v3_pools, SushiswapV3Pool, V3Protocol::Sushiswap),
        PoolKind::UniswapV3 => v3!(uniswap_v3_pools, UniswapV3Pool, V3Protocol::Uniswap),
        PoolKind::LfjBinned => terms!(lfj_pools, LfjPool).map(|row: LfjPool| {
            PoolTerms::LiquidityBook(LiquidityBookTerms {
                bin_step: row.bin_step,
            })
        }),
    };
    let terms = terms.ok_or(RowError::Missing {
        table: "pools",
        id,
        parent: detail_columns(pool.kind).table,
        missing: id,
    })?;
    let base = BasePool {
        id,
        address: pool.address,
        chain: pool.chain,
        token0_id: pool.token0_id,
        token1_id: pool.token1_id,
        exchange_id: pool.exchange_id,
    };
    Ok(LiquidityPool::new(base, terms))
}
