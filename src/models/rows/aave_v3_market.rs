//! Aave V3 markets and their contracts.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::{aave_v3_contracts, aave_v3_markets};
use crate::types::address::Address;
use crate::types::flag::Flag;
use crate::types::integer::{BlockNumber, ChainId, Revision};

/// An Aave V3 market.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_markets, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3Market {
    /// The row's id.
    pub id: i64,
    /// The chain the market is deployed on.
    pub chain_id: ChainId,
    /// The market's name.
    pub name: String,
    /// Whether updates include the market.
    #[diesel(deserialize_as = Flag)]
    pub active: bool,
    /// The last block whose events are in the database; `None` before the first update.
    pub last_update_block: Option<BlockNumber>,
}

table_row!(AaveV3Market in aave_v3_markets: id, chain_id, name, active, last_update_block);

impl AaveV3Market {
    /// The market with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        let found = load!(connection, Self, aave_v3_markets::table.find(id))?;
        Ok(found.into_iter().next())
    }

    /// The market with a name on a chain; the one with the lowest id if there are several.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn by_name(
        connection: &mut SqliteConnection,
        chain: ChainId,
        name: &str,
    ) -> Result<Option<Self>, RowError> {
        let found = load!(
            connection,
            Self,
            aave_v3_markets::table
                .filter(aave_v3_markets::chain_id.eq(chain))
                .filter(aave_v3_markets::name.eq(name))
                .order(aave_v3_markets::id)
        )?;
        Ok(found.into_iter().next())
    }

    /// The markets of a chain, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn of_chain(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Vec<Self>, RowError> {
        load!(
            connection,
            Self,
            aave_v3_markets::table
                .filter(aave_v3_markets::chain_id.eq(chain))
                .order(aave_v3_markets::id)
        )
    }
}

/// An Aave V3 market to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_markets, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3Market {
    /// The chain the market is deployed on.
    pub chain_id: ChainId,
    /// The market's name.
    pub name: String,
    /// Whether updates include the market.
    pub active: bool,
    /// The last block whose events are in the database; `None` before the first update.
    pub last_update_block: Option<BlockNumber>,
}

/// A contract of an Aave V3 market.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_v3_contracts, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveV3Contract {
    /// The row's id.
    pub id: i64,
    /// The market the contract belongs to.
    pub market_id: i64,
    /// The contract's role, such as `POOL`.
    pub name: String,
    /// The contract's address.
    pub address: Address,
    /// The revision of its implementation, if it has one.
    pub revision: Option<Revision>,
}

table_row!(AaveV3Contract in aave_v3_contracts: id, market_id, name, address, revision);

impl AaveV3Contract {
    /// The contracts of a market, in the order of their ids.
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
            aave_v3_contracts::table
                .filter(aave_v3_contracts::market_id.eq(market_id))
                .order(aave_v3_contracts::id)
        )
    }
}

/// A contract of an Aave V3 market to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_contracts, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3Contract {
    /// The market the contract belongs to.
    pub market_id: i64,
    /// The contract's role, such as `POOL`.
    pub name: String,
    /// The contract's address.
    pub address: Address,
    /// The revision of its implementation, if it has one.
    pub revision: Option<Revision>,
}
