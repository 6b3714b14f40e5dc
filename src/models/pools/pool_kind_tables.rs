//! The kinds of pools: the family and the table of each, and how its rows become parameters.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::models::access::columns::Columns;
use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_parameters::{
    Fees, LiquidityBookParameters, PoolParameters, V2Parameters, V2Protocol, V3Parameters,
    V3Protocol,
};
use crate::models::rows::lfj_pool::LfjPool;
use crate::models::rows::uniswap_v4_pool::UniswapV4Pool;
use crate::models::rows::v2_pool::{
    AerodromeV2Pool, CamelotV2Pool, PancakeswapV2Pool, SushiswapV2Pool, SwapbasedV2Pool,
    UniswapV2Pool,
};
use crate::models::rows::v3_pool::{
    AerodromeV3Pool, PancakeswapV3Pool, SushiswapV3Pool, UniswapV3Pool,
};
use crate::schema::{
    aerodrome_v2_pools, aerodrome_v3_pools, camelot_v2_pools, lfj_pools, pancakeswap_v2_pools,
    pancakeswap_v3_pools, sushiswap_v2_pools, sushiswap_v3_pools, swapbased_v2_pools,
    uniswap_v2_pools, uniswap_v3_pools,
};
use crate::sqlite::prepared::Statement;
use crate::types::kind::{ManagedPoolKind, PoolKind};
use crate::types::sync_cursor::SyncCursor;

/// The columns of a pool's mark, in the table of its kind.
pub(in crate::models) const CURSOR_COLUMNS: [&str; 2] =
    ["liquidity_update_block", "liquidity_update_log_index"];

/// A kind of pools, with the table of the columns specific to it.
#[derive(Debug)]
pub(crate) struct PoolKindTable {
    pub(crate) family: PoolFamily,
    /// The kind as it is stored.
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// The columns of the table, the pool's id first.
    columns: Columns,
}

impl PoolKindTable {
    const fn new(family: PoolFamily, name: &'static str, columns: Columns) -> Self {
        Self {
            family,
            name,
            table: columns.table,
            columns,
        }
    }

    /// The columns of the table, the pool's id first.
    pub(crate) const fn columns(&self) -> Columns {
        self.columns
    }

    /// Whether pools of this kind have ticks, which means that they have a tick spacing.
    pub(crate) fn has_ticks(&self) -> bool {
        self.columns.names.contains(&"tick_spacing")
    }

    /// The columns of the pools' marks, the pool's id first.
    pub(in crate::models) const fn cursor_columns(&self) -> Columns {
        Columns {
            table: self.table,
            names: match self.family {
                PoolFamily::Pools => &["pool_id", CURSOR_COLUMNS[0], CURSOR_COLUMNS[1]],
                PoolFamily::ManagedPools => {
                    &["managed_pool_id", CURSOR_COLUMNS[0], CURSOR_COLUMNS[1]]
                }
            },
            offset: 0,
        }
    }

    pub(crate) fn has_fees(&self) -> bool {
        self.columns.names.contains(&"fee_denominator")
    }
}

macro_rules! pool_kind_tables {
    (
        pools: { $($kind:ident in $table:ident: $row:ident),+ $(,)? },
        managed_pools: { $($managed_kind:ident: $managed_row:ident),+ $(,)? } $(,)?
    ) => {
        /// All kinds of both families. Listed here only.
        pub(crate) static POOL_KIND_TABLES: [PoolKindTable;
            PoolKind::ALL.len() + ManagedPoolKind::ALL.len()] = [
            $(PoolKindTable::new(
                PoolFamily::Pools,
                PoolKind::$kind.as_str(),
                pool_kind_columns(PoolKind::$kind),
            ),)+
            $(PoolKindTable::new(
                PoolFamily::ManagedPools,
                ManagedPoolKind::$managed_kind.as_str(),
                managed_pool_kind_columns(ManagedPoolKind::$managed_kind),
            ),)+
        ];

        /// The columns specific to a kind of pools, the pool's id first.
        pub(in crate::models) const fn pool_kind_columns(kind: PoolKind) -> Columns {
            match kind {
                $(PoolKind::$kind => <$row as TableRow>::COLUMNS),+
            }
        }

        /// The columns specific to a kind of managed pools, the pool's id first.
        pub(in crate::models) const fn managed_pool_kind_columns(kind: ManagedPoolKind) -> Columns {
            match kind {
                $(ManagedPoolKind::$managed_kind => <$managed_row as TableRow>::COLUMNS),+
            }
        }

        /// Reads the parameters from the current row of a statement that selects these columns.
        pub(super) fn read_parameters(
            kind: PoolKind,
            columns: &Columns,
            row: &Statement<'_>,
        ) -> Result<PoolParameters, RowError> {
            match kind {
                $(PoolKind::$kind => $row::read(columns, row).map(PoolParameters::from)),+
            }
        }

        /// Finds the parameters of one pool; `None` if the table of its kind has no row for it.
        pub(super) fn find_parameters(
            connection: &mut SqliteConnection,
            kind: PoolKind,
            pool_id: i64,
        ) -> Result<Option<PoolParameters>, RowError> {
            match kind {
                $(PoolKind::$kind => {
                    let mut rows = load!(connection, $row, $table::table.find(pool_id))?;
                    Ok(rows.pop().map(PoolParameters::from))
                })+
            }
        }
    };
}

// To add one: CONTRIBUTING.md, "A pool kind".
pool_kind_tables!(
    pools: {
        AerodromeV2 in aerodrome_v2_pools: AerodromeV2Pool,
        AerodromeV3 in aerodrome_v3_pools: AerodromeV3Pool,
        CamelotV2 in camelot_v2_pools: CamelotV2Pool,
        LfjBinned in lfj_pools: LfjPool,
        PancakeswapV2 in pancakeswap_v2_pools: PancakeswapV2Pool,
        PancakeswapV3 in pancakeswap_v3_pools: PancakeswapV3Pool,
        SushiswapV2 in sushiswap_v2_pools: SushiswapV2Pool,
        SushiswapV3 in sushiswap_v3_pools: SushiswapV3Pool,
        SwapbasedV2 in swapbased_v2_pools: SwapbasedV2Pool,
        UniswapV2 in uniswap_v2_pools: UniswapV2Pool,
        UniswapV3 in uniswap_v3_pools: UniswapV3Pool,
    },
    managed_pools: {
        UniswapV4: UniswapV4Pool,
    },
);

macro_rules! v2_parameters {
    ($row:ident => $protocol:expr) => {
        impl From<$row> for PoolParameters {
            fn from(row: $row) -> Self {
                let protocol: fn(&$row) -> V2Protocol = $protocol;
                Self::V2(V2Parameters {
                    protocol: protocol(&row),
                    fees: Fees {
                        token0: row.fee_token0,
                        token1: row.fee_token1,
                        denominator: row.fee_denominator,
                    },
                })
            }
        }
    };
}

v2_parameters!(AerodromeV2Pool => |row| V2Protocol::Aerodrome { stable: row.stable });
v2_parameters!(CamelotV2Pool => |_| V2Protocol::Camelot);
v2_parameters!(PancakeswapV2Pool => |_| V2Protocol::Pancakeswap);
v2_parameters!(SushiswapV2Pool => |_| V2Protocol::Sushiswap);
v2_parameters!(SwapbasedV2Pool => |_| V2Protocol::Swapbased);
v2_parameters!(UniswapV2Pool => |_| V2Protocol::Uniswap);

macro_rules! v3_parameters {
    ($row:ident => $protocol:expr) => {
        impl From<$row> for PoolParameters {
            fn from(row: $row) -> Self {
                Self::V3(V3Parameters {
                    protocol: $protocol,
                    fees: Fees {
                        token0: row.fee_token0,
                        token1: row.fee_token1,
                        denominator: row.fee_denominator,
                    },
                    tick_spacing: row.tick_spacing,
                    sync_cursor: SyncCursor {
                        block: row.liquidity_update_block,
                        log_index: row.liquidity_update_log_index,
                    },
                })
            }
        }
    };
}

v3_parameters!(AerodromeV3Pool => V3Protocol::Aerodrome);
v3_parameters!(PancakeswapV3Pool => V3Protocol::Pancakeswap);
v3_parameters!(SushiswapV3Pool => V3Protocol::Sushiswap);
v3_parameters!(UniswapV3Pool => V3Protocol::Uniswap);

impl From<LfjPool> for PoolParameters {
    fn from(row: LfjPool) -> Self {
        Self::LiquidityBook(LiquidityBookParameters {
            bin_step: row.bin_step,
        })
    }
}
