//! Exchanges: deployments of a protocol on a chain.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::exchanges;
use crate::types::address::Address;
use crate::types::flag::Flag;
use crate::types::integer::{BlockNumber, ChainId};

/// A deployment of a protocol on a chain, such as Uniswap V3 on Base.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = exchanges, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct Exchange {
    /// The row's id.
    pub id: i64,
    /// The chain the exchange is deployed on.
    pub chain_id: ChainId,
    /// The protocol's name, such as `uniswap_v3`.
    pub name: String,
    /// Whether updates include the exchange.
    #[diesel(deserialize_as = Flag)]
    pub active: bool,
    /// The last block whose events are in the database; `None` before the first update.
    pub last_update_block: Option<BlockNumber>,
    /// The factory contract, or the pool manager of Uniswap V4.
    pub factory: Address,
    /// The contract that deploys the pools, if it is not the factory.
    pub deployer: Option<Address>,
}

table_row!(
    Exchange in exchanges: id, chain_id, name, active, last_update_block, factory, deployer
);

/// An exchange to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = exchanges, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewExchange {
    /// The chain the exchange is deployed on.
    pub chain_id: ChainId,
    /// The protocol's name, such as `uniswap_v3`.
    pub name: String,
    /// Whether updates include the exchange.
    pub active: bool,
    /// The last block whose events are in the database; `None` before the first update.
    pub last_update_block: Option<BlockNumber>,
    /// The factory contract, or the pool manager of Uniswap V4.
    pub factory: Address,
    /// The contract that deploys the pools, if it is not the factory.
    pub deployer: Option<Address>,
}

impl Exchange {
    /// The exchange with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        Ok(load!(connection, Self, exchanges::table.find(id))?.pop())
    }

    /// The exchange with a name, such as `uniswap_v3`, on a chain; the one with the lowest id if there are
    /// several.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn by_name(
        connection: &mut SqliteConnection,
        chain: ChainId,
        name: &str,
    ) -> Result<Option<Self>, RowError> {
        let found = Self::all_by_name(connection, chain, name)?;
        Ok(found.into_iter().next())
    }

    /// All exchanges with a name on a chain, in the order of their ids. A rebuilt database has several if
    /// pools of one kind come from several factories.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a row is malformed, or if a statement fails.
    pub fn all_by_name(
        connection: &mut SqliteConnection,
        chain: ChainId,
        name: &str,
    ) -> Result<Vec<Self>, RowError> {
        let of_name = exchanges::table
            .filter(exchanges::chain_id.eq(chain))
            .filter(exchanges::name.eq(name))
            .order(exchanges::id);
        load!(connection, Self, of_name)
    }

    /// The exchanges of a chain, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a row is malformed, or if a statement fails.
    pub fn of_chain(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Vec<Self>, RowError> {
        let of_chain = exchanges::table
            .filter(exchanges::chain_id.eq(chain))
            .order(exchanges::id);
        load!(connection, Self, of_chain)
    }
}
