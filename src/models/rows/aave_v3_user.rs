//! Aave V3 users, and which assets each has enabled as collateral.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::{aave_v3_user_collateral_configs, aave_v3_users};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::flag::Flag;
use crate::types::integer::{BasisPoints, EModeCategoryId};

/// A user of an Aave V3 market; (`address`, `market_id`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_users, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3User {
    /// The row's id.
    pub id: i64,
    /// The market.
    pub market_id: i64,
    /// The user's account.
    pub address: Address,
    /// The number of the user's e-mode category; 0 for none.
    pub e_mode: EModeCategoryId,
    /// The discount on the interest of GHO debt.
    pub gho_discount: BasisPoints,
    /// The user's stkAAVE balance, which sets that discount.
    pub stk_aave_balance: Option<U256>,
    /// The only collateral of a user in isolation mode.
    pub isolation_mode_collateral_asset_id: Option<i64>,
    /// The debt taken in isolation mode.
    pub isolation_mode_debt: U256,
}

table_row!(
    AaveV3User in aave_v3_users: id, market_id, address, e_mode, gho_discount, stk_aave_balance,
    isolation_mode_collateral_asset_id, isolation_mode_debt,
);

impl AaveV3User {
    /// The user of a market with an address. A row with the EIP-55 checksum is preferred to one in lower
    /// case; other spellings are not found.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn by_address(
        connection: &mut SqliteConnection,
        market_id: i64,
        address: Address,
    ) -> Result<Option<Self>, RowError> {
        let [written, old] = address.spellings();
        let found = load!(
            connection,
            Self,
            aave_v3_users::table
                .filter(aave_v3_users::market_id.eq(market_id))
                .filter(
                    aave_v3_users::address
                        .eq(&written)
                        .or(aave_v3_users::address.eq(&old)),
                )
                .order(aave_v3_users::address)
        )?;
        Ok(found.into_iter().next())
    }
}

/// A user of an Aave V3 market to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_users, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3User {
    /// The market.
    pub market_id: i64,
    /// The user's account.
    pub address: Address,
    /// The number of the user's e-mode category; 0 for none.
    pub e_mode: EModeCategoryId,
    /// The discount on the interest of GHO debt.
    pub gho_discount: BasisPoints,
    /// The user's stkAAVE balance, which sets that discount.
    pub stk_aave_balance: Option<U256>,
    /// The only collateral of a user in isolation mode.
    pub isolation_mode_collateral_asset_id: Option<i64>,
    /// The debt taken in isolation mode.
    pub isolation_mode_debt: U256,
}

/// Whether a user has an asset enabled as collateral; (`user_id`, `asset_id`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_user_collateral_configs, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3UserCollateralConfig {
    /// The row's id.
    pub id: i64,
    /// The user.
    pub user_id: i64,
    /// The asset.
    pub asset_id: i64,
    /// Whether it counts as collateral.
    #[diesel(deserialize_as = Flag)]
    pub enabled: bool,
}

table_row!(AaveV3UserCollateralConfig in aave_v3_user_collateral_configs: id, user_id, asset_id, enabled);

/// Whether a user has an asset enabled as collateral, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_user_collateral_configs, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3UserCollateralConfig {
    /// The user.
    pub user_id: i64,
    /// The asset.
    pub asset_id: i64,
    /// Whether it counts as collateral.
    pub enabled: bool,
}
