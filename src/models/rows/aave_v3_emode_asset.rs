//! Which Aave V3 e-mode categories an asset is in.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::{aave_v3_assets, aave_v3_emode_assets};
use crate::types::flag::Flag;
use crate::types::integer::EModeCategoryId;

/// An asset in an e-mode category; (`asset_id`, `category_id`) is unique.
///
/// Since Aave 3.2, an asset can be in several categories, as collateral, as debt, or as both. Before, it is in one at
/// most, as both.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_emode_assets, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3EModeAsset {
    /// The row's id.
    pub id: i64,
    /// The asset.
    pub asset_id: i64,
    /// The number of the category in the asset's market.
    pub category_id: EModeCategoryId,
    /// Whether the category's limits apply to the asset as collateral.
    #[diesel(deserialize_as = Flag)]
    pub is_collateral: bool,
    /// Whether users in the category can borrow the asset.
    #[diesel(deserialize_as = Flag)]
    pub is_borrowable: bool,
    /// Whether its loan-to-value ratio in the category is zero. Since Aave 3.6.
    #[diesel(deserialize_as = Flag)]
    pub is_ltv_zero: bool,
}

table_row!(
    AaveV3EModeAsset in aave_v3_emode_assets: id, asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero
);

impl AaveV3EModeAsset {
    /// The assets of a market that are in categories, in the order of the assets' ids and the categories' numbers.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn of_market(
        connection: &mut SqliteConnection,
        market_id: i64,
    ) -> Result<Vec<Self>, RowError> {
        let assets = aave_v3_assets::table
            .filter(aave_v3_assets::market_id.eq(market_id))
            .select(aave_v3_assets::id);
        load!(
            connection,
            Self,
            aave_v3_emode_assets::table
                .filter(aave_v3_emode_assets::asset_id.eq_any(assets))
                .order((
                    aave_v3_emode_assets::asset_id,
                    aave_v3_emode_assets::category_id,
                ))
        )
    }
}

/// An asset in an e-mode category, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_emode_assets, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3EModeAsset {
    /// The asset.
    pub asset_id: i64,
    /// The number of the category in the asset's market.
    pub category_id: EModeCategoryId,
    /// Whether the category's limits apply to the asset as collateral.
    pub is_collateral: bool,
    /// Whether users in the category can borrow the asset.
    pub is_borrowable: bool,
    /// Whether its loan-to-value ratio in the category is zero.
    pub is_ltv_zero: bool,
}
