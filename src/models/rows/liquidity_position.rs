//! Initialized ticks: the ticks at which the liquidity of a V3 or V4 pool changes.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::{liquidity_positions, managed_pool_liquidity_positions};
use crate::types::decimal::{I128, U128};
use crate::types::integer::Tick;

/// An initialized tick of a V3 pool; (`pool_id`, `tick`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = liquidity_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct LiquidityPosition {
    /// The row's id.
    pub id: i64,
    /// The id of the pool in `pools`.
    pub pool_id: i64,
    /// The tick.
    pub tick: Tick,
    /// The liquidity added when the price crosses the tick upwards.
    pub liquidity_net: I128,
    /// The liquidity of all positions that start or end at the tick.
    pub liquidity_gross: U128,
}

/// An initialized tick of a V3 pool to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = liquidity_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewLiquidityPosition {
    /// The id of the pool in `pools`.
    pub pool_id: i64,
    /// The tick.
    pub tick: Tick,
    /// The liquidity added when the price crosses the tick upwards.
    pub liquidity_net: I128,
    /// The liquidity of all positions that start or end at the tick.
    pub liquidity_gross: U128,
}

/// An initialized tick of a V4 pool; (`managed_pool_id`, `tick`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = managed_pool_liquidity_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct ManagedPoolLiquidityPosition {
    /// The row's id.
    pub id: i64,
    /// The id of the pool in `managed_pools`.
    pub managed_pool_id: i64,
    /// The tick.
    pub tick: Tick,
    /// The liquidity added when the price crosses the tick upwards.
    pub liquidity_net: I128,
    /// The liquidity of all positions that start or end at the tick.
    pub liquidity_gross: U128,
}

/// An initialized tick of a V4 pool to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = managed_pool_liquidity_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewManagedPoolLiquidityPosition {
    /// The id of the pool in `managed_pools`.
    pub managed_pool_id: i64,
    /// The tick.
    pub tick: Tick,
    /// The liquidity added when the price crosses the tick upwards.
    pub liquidity_net: I128,
    /// The liquidity of all positions that start or end at the tick.
    pub liquidity_gross: U128,
}
