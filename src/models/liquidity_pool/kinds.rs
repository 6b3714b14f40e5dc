//! Which table has the rest of a pool's columns, and which columns those are.

use super::{
    Fees, LiquidityBookTerms, PoolTerms, UpdateMark, V2Protocol, V2Terms, V3Protocol, V3Terms,
};
use crate::models::row::{Columns, RowError};
use crate::sqlite::Statement;
use crate::types::{Flag, PoolKind};

/// What the table of a kind of pool looks like.
#[derive(Debug, Clone, Copy)]
pub(in crate::models) enum Shape {
    /// Fees.
    V2(V2Protocol),
    /// Fees, and whether the pool is a stable one.
    StableV2,
    /// Fees, tick spacing and a mark.
    V3(V3Protocol),
    /// A bin step.
    LiquidityBook,
}

impl Shape {
    pub(in crate::models) const fn of(kind: PoolKind) -> Self {
        match kind {
            PoolKind::AerodromeV2 => Self::StableV2,
            PoolKind::AerodromeV3 => Self::V3(V3Protocol::Aerodrome),
            PoolKind::CamelotV2 => Self::V2(V2Protocol::Camelot),
            PoolKind::LfjBinned => Self::LiquidityBook,
            PoolKind::PancakeswapV2 => Self::V2(V2Protocol::Pancakeswap),
            PoolKind::PancakeswapV3 => Self::V3(V3Protocol::Pancakeswap),
            PoolKind::SushiswapV2 => Self::V2(V2Protocol::Sushiswap),
            PoolKind::SushiswapV3 => Self::V3(V3Protocol::Sushiswap),
            PoolKind::SwapbasedV2 => Self::V2(V2Protocol::Swapbased),
            PoolKind::UniswapV2 => Self::V2(V2Protocol::Uniswap),
            PoolKind::UniswapV3 => Self::V3(V3Protocol::Uniswap),
        }
    }

    /// The terms in the current row of a statement that selects [`detail_columns`].
    pub(in crate::models) fn read(
        self,
        columns: &Columns,
        row: &Statement<'_>,
    ) -> Result<PoolTerms, RowError> {
        let fees = |first| -> Result<Fees, RowError> {
            Ok(Fees {
                token0: columns.get(row, first)?,
                token1: columns.get(row, first + 1)?,
                denominator: columns.get(row, first + 2)?,
            })
        };
        Ok(match self {
            Self::V2(protocol) => PoolTerms::V2(V2Terms {
                protocol,
                fees: fees(1)?,
            }),
            Self::StableV2 => PoolTerms::V2(V2Terms {
                fees: fees(1)?,
                protocol: V2Protocol::Aerodrome {
                    stable: columns.get::<Flag>(row, 4)?.into(),
                },
            }),
            Self::V3(protocol) => PoolTerms::V3(V3Terms {
                protocol,
                fees: fees(1)?,
                tick_spacing: columns.get(row, 4)?,
                updated: UpdateMark {
                    block: columns.get(row, 5)?,
                    log_index: columns.get(row, 6)?,
                },
            }),
            Self::LiquidityBook => PoolTerms::LiquidityBook(LiquidityBookTerms {
                bin_step: columns.get(row, 1)?,
            }),
        })
    }
}

/// The columns of the table with the rest of a pool, its id first.
pub(in crate::models) const fn detail_columns(kind: PoolKind) -> Columns {
    let table = match kind {
        PoolKind::AerodromeV2 => "aerodrome_v2_pools",
        PoolKind::AerodromeV3 => "aerodrome_v3_pools",
        PoolKind::CamelotV2 => "camelot_v2_pools",
        PoolKind::LfjBinned => "lfj_pools",
        PoolKind::PancakeswapV2 => "pancakeswap_v2_pools",
        PoolKind::PancakeswapV3 => "pancakeswap_v3_pools",
        PoolKind::SushiswapV2 => "sushiswap_v2_pools",
        PoolKind::SushiswapV3 => "sushiswap_v3_pools",
        PoolKind::SwapbasedV2 => "swapbased_v2_pools",
        PoolKind::UniswapV2 => "uniswap_v2_pools",
        PoolKind::UniswapV3 => "uniswap_v3_pools",
    };
    let names: &[&str] = match Shape::of(kind) {
        Shape::V2(_) => &["pool_id", "fee_token0", "fee_token1", "fee_denominator"],
        Shape::StableV2 => &[
            "pool_id",
            "fee_token0",
            "fee_token1",
            "fee_denominator",
            "stable",
        ],
        Shape::V3(_) => &[
            "pool_id",
            "fee_token0",
            "fee_token1",
            "fee_denominator",
            "tick_spacing",
            "liquidity_update_block",
            "liquidity_update_log_index",
        ],
        Shape::LiquidityBook => &["pool_id", "bin_step"],
    };
    Columns {
        table,
        names,
        offset: 0,
    }
}
