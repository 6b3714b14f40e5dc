//! LFJ pools (Liquidity Book), which hold liquidity in bins of one price each.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::lfj_pools;
use crate::types::integer::BinStep;

/// The columns specific to LFJ pools.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = lfj_pools, primary_key(pool_id), check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct LfjPool {
    /// The id of the pool in `pools`.
    pub pool_id: i64,
    /// The ratio of the prices of two adjacent bins.
    pub bin_step: BinStep,
}

table_row!(LfjPool in lfj_pools: pool_id, bin_step);
