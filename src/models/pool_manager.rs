//! Pool managers: contracts that hold many pools (Uniswap V4).

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::pool_managers;
use crate::types::{Address, ChainId, PoolManagerKind};

/// A contract that holds many pools; (`address`, `chain`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = pool_managers, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct PoolManager {
    /// The row's id.
    pub id: i64,
    /// The manager's contract.
    pub address: Address,
    /// The chain the manager lives on.
    pub chain: ChainId,
    /// The protocol of the manager.
    pub kind: PoolManagerKind,
    /// The contract through which the manager's state is read.
    pub state_view: Option<Address>,
    /// The exchange the manager belongs to.
    pub exchange_id: i64,
}

/// A pool manager to be inserted.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = pool_managers, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewPoolManager {
    /// The manager's contract.
    pub address: Address,
    /// The chain the manager lives on.
    pub chain: ChainId,
    /// The protocol of the manager.
    pub kind: PoolManagerKind,
    /// The contract through which the manager's state is read.
    pub state_view: Option<Address>,
    /// The exchange the manager belongs to.
    pub exchange_id: i64,
}
