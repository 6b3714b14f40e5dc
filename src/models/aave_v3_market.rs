//! Aave V3 markets and their contracts.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::{aave_v3_contracts, aave_v3_markets};
use crate::types::{Address, BlockNumber, ChainId, Flag, Revision};

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
    /// Whether updates take the market in.
    #[diesel(deserialize_as = Flag)]
    pub active: bool,
    /// The last block whose events have been taken in; none before the first update.
    pub last_update_block: Option<BlockNumber>,
}

/// An Aave V3 market to be inserted.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_markets, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3Market {
    /// The chain the market is deployed on.
    pub chain_id: ChainId,
    /// The market's name.
    pub name: String,
    /// Whether updates take the market in.
    pub active: bool,
    /// The last block whose events have been taken in; none before the first update.
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
    /// The revision of its implementation, where it has one.
    pub revision: Option<Revision>,
}

/// A contract of an Aave V3 market to be inserted.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_v3_contracts, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveV3Contract {
    /// The market the contract belongs to.
    pub market_id: i64,
    /// The contract's role, such as `POOL`.
    pub name: String,
    /// The contract's address.
    pub address: Address,
    /// The revision of its implementation, where it has one.
    pub revision: Option<Revision>,
}
