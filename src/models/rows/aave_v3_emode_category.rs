//! Aave V3 e-mode categories.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::aave_v3_emode_categories;
use crate::types::address::Address;
use crate::types::integer::{BasisPoints, EModeCategoryId};

/// An efficiency-mode category; (`market_id`, `category_id`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_emode_categories, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3EModeCategory {
    /// The row's id.
    pub id: i64,
    /// The market the category belongs to.
    pub market_id: i64,
    /// The category's number in its market.
    pub category_id: EModeCategoryId,
    /// The category's name.
    pub label: Option<String>,
    /// The loan-to-value ratio inside the category.
    pub ltv: BasisPoints,
    /// The ratio at which a position can be liquidated.
    pub liquidation_threshold: BasisPoints,
    /// The liquidation bonus: 10100 means 1 %.
    pub liquidation_bonus: BasisPoints,
    /// The oracle that prices the whole category.
    pub price_source: Option<Address>,
}

table_row!(
    AaveV3EModeCategory in aave_v3_emode_categories: id, market_id, category_id, label, ltv,
    liquidation_threshold, liquidation_bonus, price_source,
);

impl AaveV3EModeCategory {
    /// The e-mode categories of a market, in the order of their ids.
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
            aave_v3_emode_categories::table
                .filter(aave_v3_emode_categories::market_id.eq(market_id))
                .order(aave_v3_emode_categories::id)
        )
    }
}

/// An efficiency-mode category to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_emode_categories, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3EModeCategory {
    /// The market the category belongs to.
    pub market_id: i64,
    /// The category's number in its market.
    pub category_id: EModeCategoryId,
    /// The category's name.
    pub label: Option<String>,
    /// The loan-to-value ratio inside the category.
    pub ltv: BasisPoints,
    /// The ratio at which a position can be liquidated.
    pub liquidation_threshold: BasisPoints,
    /// The liquidation bonus: 10100 means 1 %.
    pub liquidation_bonus: BasisPoints,
    /// The oracle that prices the whole category.
    pub price_source: Option<Address>,
}
