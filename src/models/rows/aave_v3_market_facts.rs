//! What is known of an Aave V3 market beside its row.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::aave_v3_market_facts;
use crate::types::integer::{BlockNumber, Timestamp};

/// What is known of a market beside its row; `market_id` is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_market_facts, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3MarketFacts {
    /// The row's id.
    pub id: i64,
    /// The market.
    pub market_id: i64,
    /// The name that commands give it, without the chain's; `None` stands for that of a known market.
    pub name: Option<String>,
    /// The first block that can have events. `None` stands for that of a known market, or the chain's first block.
    pub first_block: Option<BlockNumber>,
    /// The time of the last block that is in the database, if it is known.
    pub last_update_time: Option<Timestamp>,
}

table_row!(
    AaveV3MarketFacts in aave_v3_market_facts: id, market_id, name, first_block, last_update_time
);

impl AaveV3MarketFacts {
    /// What is known of a market.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn of_market(
        connection: &mut SqliteConnection,
        market_id: i64,
    ) -> Result<Option<Self>, RowError> {
        let of_market = aave_v3_market_facts::table
            .filter(aave_v3_market_facts::market_id.eq(market_id))
            .order(aave_v3_market_facts::id);
        Ok(load!(connection, Self, of_market)?.into_iter().next())
    }
}

/// What is known of a market beside its row, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_market_facts, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3MarketFacts {
    /// The market.
    pub market_id: i64,
    /// The name that commands give it, without the chain's.
    pub name: Option<String>,
    /// The first block that can have events.
    pub first_block: Option<BlockNumber>,
    /// The time of the last block that is in the database.
    pub last_update_time: Option<Timestamp>,
}
