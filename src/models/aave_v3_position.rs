//! What Aave V3 users have supplied and borrowed.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::{aave_v3_collateral_positions, aave_v3_debt_positions};
use crate::types::U256;

/// What a user has supplied of an asset; (`user_id`, `asset_id`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_collateral_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3CollateralPosition {
    /// The row's id.
    pub id: i64,
    /// The user.
    pub user_id: i64,
    /// The asset.
    pub asset_id: i64,
    /// The scaled balance: to be multiplied by the asset's index.
    pub balance: U256,
    /// The index at the last change of the balance, in ray.
    pub last_index: Option<U256>,
}

/// What a user has supplied of an asset, to be inserted.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_collateral_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3CollateralPosition {
    /// The user.
    pub user_id: i64,
    /// The asset.
    pub asset_id: i64,
    /// The scaled balance: to be multiplied by the asset's index.
    pub balance: U256,
    /// The index at the last change of the balance, in ray.
    pub last_index: Option<U256>,
}

/// What a user has borrowed of an asset; (`user_id`, `asset_id`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_debt_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3DebtPosition {
    /// The row's id.
    pub id: i64,
    /// The user.
    pub user_id: i64,
    /// The asset.
    pub asset_id: i64,
    /// The scaled balance: to be multiplied by the asset's index.
    pub balance: U256,
    /// The index at the last change of the balance, in ray.
    pub last_index: Option<U256>,
}

/// What a user has borrowed of an asset, to be inserted.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_debt_positions, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3DebtPosition {
    /// The user.
    pub user_id: i64,
    /// The asset.
    pub asset_id: i64,
    /// The scaled balance: to be multiplied by the asset's index.
    pub balance: U256,
    /// The index at the last change of the balance, in ray.
    pub last_index: Option<U256>,
}
