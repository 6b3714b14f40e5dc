//! Pool managers: contracts that hold many pools (Uniswap V4).

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::{find_by_address, load};
use crate::models::access::missing_parent::name_missing_parent;
use crate::models::access::other_spellings::{HexColumn, OtherSpellings};
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::models::access::write_transaction::in_write_transaction;
use crate::models::access::written::require_written;
use crate::schema::pool_managers;
use crate::sqlite::prepared::Bound;
use crate::types::address::{Address, is_usual_spelling};
use crate::types::integer::ChainId;
use crate::types::kind::PoolManagerKind;
use crate::types::stored::Encode;

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

table_row!(PoolManager in pool_managers: id, address, chain, kind, state_view, exchange_id);

/// A pool manager to insert.
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

const ADDRESSES: HexColumn = HexColumn {
    table: "pool_managers",
    from: "pool_managers",
    text: "address",
    group: "chain",
    id: "id",
    is_usual: is_usual_spelling,
};

impl PoolManager {
    /// The manager with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        Ok(load!(connection, Self, pool_managers::table.find(id))?.pop())
    }

    /// The manager with an address on a chain, whether stored with its checksum or in lower case.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn by_address(
        connection: &mut SqliteConnection,
        chain: ChainId,
        address: Address,
    ) -> Result<Option<Self>, RowError> {
        find_by_address!(connection, Self, pool_managers, chain, address)
    }

    /// The managers of a chain, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a row is malformed, or if a statement fails.
    pub fn of_chain(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Vec<Self>, RowError> {
        let of_chain = pool_managers::table
            .filter(pool_managers::chain.eq(chain))
            .order(pool_managers::id);
        load!(connection, Self, of_chain)
    }

    /// Returns the ids of the managers, in order, and inserts those that do not exist. An existing manager is
    /// left unchanged, whatever the letter case of its address.
    ///
    /// # Errors
    ///
    /// [`RowError::NotFound`] if a manager's exchange does not exist, and [`RowError::Sql`] if a statement
    /// fails. Nothing is written then; inside the caller's transaction, the caller must roll back.
    pub fn insert_or_get(
        connection: &mut SqliteConnection,
        managers: &[NewPoolManager],
    ) -> Result<Vec<i64>, RowError> {
        in_write_transaction(connection, |statements| {
            let mut find = statements.prepare(
                "SELECT id FROM pool_managers WHERE address IN (?1, ?2) AND chain = ?3 ORDER BY id",
            )?;
            let mut others = OtherSpellings::new(statements, ADDRESSES, managers.len())?;
            let mut insert = statements.prepare(
                "INSERT INTO pool_managers (address, chain, kind, state_view, exchange_id) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let mut id_of = |manager: &NewPoolManager| -> Result<i64, RowError> {
                let [address, lower_case] = manager.address.spellings();
                let chain = Bound::Integer(manager.chain.encode());
                let spellings = [Bound::Text(&address), Bound::Text(&lower_case), chain];
                let mut found = find.first_integer(&spellings)?;
                if found.is_none() {
                    found = others.find(&lower_case, manager.chain.encode())?;
                }
                if let Some(id) = found {
                    return Ok(id);
                }
                let state_view = manager.state_view.map(|address| address.to_string());
                let values = [
                    Bound::Text(&address),
                    chain,
                    Bound::Text(manager.kind.as_str()),
                    Bound::text(state_view.as_deref()),
                    Bound::Integer(manager.exchange_id),
                ];
                let parents = [("exchanges", manager.exchange_id)];
                let inserted = insert
                    .run(&values)
                    .map_err(|error| name_missing_parent(statements, error, &parents))?;
                require_written(inserted, "pool_managers")?;
                Ok(statements.last_insert_rowid())
            };
            managers.iter().map(&mut id_of).collect()
        })
    }
}
