//! Aave V3 assets and their configuration.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::{aave_v3_asset_configs, aave_v3_assets};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::flag::Flag;
use crate::types::integer::{BasisPoints, BlockNumber, EModeCategoryId, Revision};

/// An asset of an Aave V3 market; (`underlying_asset_id`, `market_id`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_assets, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3Asset {
    /// The row's id.
    pub id: i64,
    /// The market the asset is listed in.
    pub market_id: i64,
    /// The token that is lent and borrowed.
    pub underlying_asset_id: i64,
    /// The aToken, which represents supplied amounts.
    pub a_token_id: i64,
    /// The revision of the aToken's implementation.
    pub a_token_revision: Revision,
    /// The variable debt token.
    pub v_token_id: i64,
    /// The revision of the variable debt token's implementation.
    pub v_token_revision: Revision,
    /// The block of the last index update in the database.
    pub last_update_block: Option<BlockNumber>,
    /// The cumulated supply interest, in ray (10²⁷).
    pub liquidity_index: U256,
    /// The yearly supply rate, in ray.
    pub liquidity_rate: U256,
    /// The cumulated variable debt interest, in ray.
    pub borrow_index: U256,
    /// The yearly variable borrow rate, in ray.
    pub borrow_rate: U256,
    /// The row in `aave_v3_emode_categories` of the asset's e-mode category.
    pub e_mode_category_id: Option<i64>,
    /// The oracle that prices the asset.
    pub price_source: Option<Address>,
}

table_row!(
    AaveV3Asset in aave_v3_assets: id, market_id, underlying_asset_id, a_token_id, a_token_revision,
    v_token_id, v_token_revision, last_update_block, liquidity_index, liquidity_rate, borrow_index,
    borrow_rate, e_mode_category_id, price_source,
);

impl AaveV3Asset {
    /// The asset with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        let found = load!(connection, Self, aave_v3_assets::table.find(id))?;
        Ok(found.into_iter().next())
    }

    /// The assets of a market, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn of_market(
        connection: &mut SqliteConnection,
        market_id: i64,
    ) -> Result<Vec<Self>, RowError> {
        load!(
            connection,
            Self,
            aave_v3_assets::table
                .filter(aave_v3_assets::market_id.eq(market_id))
                .order(aave_v3_assets::id)
        )
    }
}

/// An asset of an Aave V3 market to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_assets, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3Asset {
    /// The market the asset is listed in.
    pub market_id: i64,
    /// The token that is lent and borrowed.
    pub underlying_asset_id: i64,
    /// The aToken, which represents supplied amounts.
    pub a_token_id: i64,
    /// The revision of the aToken's implementation.
    pub a_token_revision: Revision,
    /// The variable debt token.
    pub v_token_id: i64,
    /// The revision of the variable debt token's implementation.
    pub v_token_revision: Revision,
    /// The block of the last index update in the database.
    pub last_update_block: Option<BlockNumber>,
    /// The cumulated supply interest, in ray (10²⁷).
    pub liquidity_index: U256,
    /// The yearly supply rate, in ray.
    pub liquidity_rate: U256,
    /// The cumulated variable debt interest, in ray.
    pub borrow_index: U256,
    /// The yearly variable borrow rate, in ray.
    pub borrow_rate: U256,
    /// The row in `aave_v3_emode_categories` of the asset's e-mode category.
    pub e_mode_category_id: Option<i64>,
    /// The oracle that prices the asset.
    pub price_source: Option<Address>,
}

/// The risk parameters of an asset; one row for each asset.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_asset_configs, check_for_backend(Sqlite), treat_none_as_default_value = false)]
#[expect(clippy::struct_excessive_bools, reason = "as many as the contract has")]
pub struct AaveV3AssetConfig {
    /// The row's id.
    pub id: i64,
    /// The asset that is configured.
    pub asset_id: i64,
    /// The loan-to-value ratio.
    pub ltv: BasisPoints,
    /// The ratio at which a position can be liquidated.
    pub liquidation_threshold: BasisPoints,
    /// The liquidation bonus: 10500 means 5 %.
    pub liquidation_bonus: BasisPoints,
    /// The number of the asset's e-mode category in its market.
    pub e_mode_category_id: Option<EModeCategoryId>,
    /// Whether the asset can be borrowed.
    #[diesel(deserialize_as = Flag)]
    pub borrowing_enabled: bool,
    /// Whether it can be borrowed at a stable rate.
    #[diesel(deserialize_as = Flag)]
    pub stable_borrowing_enabled: bool,
    /// Whether it can be flash-loaned.
    #[diesel(deserialize_as = Flag)]
    pub flash_loan_enabled: bool,
    /// Whether it is collateral in isolation mode only.
    #[diesel(deserialize_as = Flag)]
    pub isolation_mode: bool,
    /// The debt ceiling in isolation mode, in cents of a dollar.
    pub debt_ceiling: Option<U256>,
    /// Whether it can be borrowed against isolated collateral.
    #[diesel(deserialize_as = Flag)]
    pub borrowable_in_isolation: bool,
}

table_row!(
    AaveV3AssetConfig in aave_v3_asset_configs: id, asset_id, ltv, liquidation_threshold,
    liquidation_bonus, e_mode_category_id, borrowing_enabled, stable_borrowing_enabled,
    flash_loan_enabled, isolation_mode, debt_ceiling, borrowable_in_isolation,
);

/// The risk parameters of an asset to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_asset_configs, check_for_backend(Sqlite), treat_none_as_default_value = false)]
#[expect(clippy::struct_excessive_bools, reason = "as many as the contract has")]
pub struct NewAaveV3AssetConfig {
    /// The asset that is configured.
    pub asset_id: i64,
    /// The loan-to-value ratio.
    pub ltv: BasisPoints,
    /// The ratio at which a position can be liquidated.
    pub liquidation_threshold: BasisPoints,
    /// The liquidation bonus: 10500 means 5 %.
    pub liquidation_bonus: BasisPoints,
    /// The number of the asset's e-mode category in its market.
    pub e_mode_category_id: Option<EModeCategoryId>,
    /// Whether the asset can be borrowed.
    pub borrowing_enabled: bool,
    /// Whether it can be borrowed at a stable rate.
    pub stable_borrowing_enabled: bool,
    /// Whether it can be flash-loaned.
    pub flash_loan_enabled: bool,
    /// Whether it is collateral in isolation mode only.
    pub isolation_mode: bool,
    /// The debt ceiling in isolation mode, in cents of a dollar.
    pub debt_ceiling: Option<U256>,
    /// Whether it can be borrowed against isolated collateral.
    pub borrowable_in_isolation: bool,
}
