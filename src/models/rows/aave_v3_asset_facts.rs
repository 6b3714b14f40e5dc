//! What is known of an Aave V3 asset beside its row.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::aave_v3_asset_facts;
use crate::types::integer::Timestamp;
use crate::types::kind::TransferAmount;

/// What is known of an asset beside its row; `asset_id` is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_asset_facts, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3AssetFacts {
    /// The row's id.
    pub id: i64,
    /// The asset.
    pub asset_id: i64,
    /// The time of the last update of its indexes, from which on interest is counted.
    pub last_update_time: Option<Timestamp>,
    /// What the transfers of its aToken say; `None` before the first transfer shows it.
    pub transfer_amount: Option<TransferAmount>,
}

table_row!(
    AaveV3AssetFacts in aave_v3_asset_facts: id, asset_id, last_update_time, transfer_amount
);

/// What is known of an asset beside its row, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_asset_facts, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3AssetFacts {
    /// The asset.
    pub asset_id: i64,
    /// The time of the last update of its indexes.
    pub last_update_time: Option<Timestamp>,
    /// What the transfers of its aToken say.
    pub transfer_amount: Option<TransferAmount>,
}
