//! Collateral and debt positions of Aave V3 users.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::{TableRow, table_row};
use crate::schema::{aave_v3_collateral_positions, aave_v3_debt_positions};
use crate::types::decimal::U256;

/// A collateral or debt position.
pub(in crate::models) trait Position: TableRow {
    fn id(&self) -> i64;
    fn asset_id(&self) -> i64;
}

macro_rules! position {
    ($name:ident, $new_name:ident, $table:ident, $action:literal) => {
        #[doc = concat!("The position of a user who has ", $action, " an asset; (`user_id`, `asset_id`) is unique.")]
        #[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
        #[diesel(table_name = $table, check_for_backend(Sqlite), treat_none_as_default_value = false)]
        pub struct $name {
            /// The row's id.
            pub id: i64,
            /// The user.
            pub user_id: i64,
            /// The asset.
            pub asset_id: i64,
            /// The scaled balance, which times the asset's index is the balance.
            pub balance: U256,
            /// The index at the last change of the balance, in ray.
            pub last_index: Option<U256>,
        }

        #[doc = concat!("The position of a user who has ", $action, " an asset, to insert.")]
        #[derive(Debug, Clone, PartialEq, Eq, Insertable)]
        #[diesel(table_name = $table, check_for_backend(Sqlite), treat_none_as_default_value = false)]
        pub struct $new_name {
            /// The user.
            pub user_id: i64,
            /// The asset.
            pub asset_id: i64,
            /// The scaled balance, which times the asset's index is the balance.
            pub balance: U256,
            /// The index at the last change of the balance, in ray.
            pub last_index: Option<U256>,
        }

        table_row!($name in $table: id, user_id, asset_id, balance, last_index);

        impl Position for $name {
            fn id(&self) -> i64 {
                self.id
            }

            fn asset_id(&self) -> i64 {
                self.asset_id
            }
        }
    };
}

position!(
    AaveV3CollateralPosition,
    NewAaveV3CollateralPosition,
    aave_v3_collateral_positions,
    "supplied"
);
position!(
    AaveV3DebtPosition,
    NewAaveV3DebtPosition,
    aave_v3_debt_positions,
    "borrowed"
);
