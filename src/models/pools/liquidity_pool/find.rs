//! Lookups of single pools.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::BasePool;
use super::LiquidityPool;
use crate::models::access::lookup::{find_by_address, load};
use crate::models::access::row_error::RowError;
use crate::models::pools::pool_kind_tables::{find_parameters, pool_kind_columns};
use crate::models::rows::pool::Pool;
use crate::schema::pools;
use crate::types::address::Address;
use crate::types::integer::ChainId;

impl LiquidityPool {
    /// The pool with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the pool's rows are malformed or incomplete, or if a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        let pool = load!(connection, Pool, pools::table.find(id))?.pop();
        pool.map(|pool| whole(connection, &pool)).transpose()
    }

    /// The pool with an address on a chain, whether stored with its checksum or in lower case.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the pool's rows are malformed or incomplete, or if a statement fails.
    pub fn by_address(
        connection: &mut SqliteConnection,
        chain: ChainId,
        address: Address,
    ) -> Result<Option<Self>, RowError> {
        let pool = find_by_address!(connection, Pool, pools, chain, address)?;
        pool.map(|pool| whole(connection, &pool)).transpose()
    }

    /// All pools of two tokens, given in either order, in the order of the pools' ids.
    ///
    /// ```
    /// # use degenbot::database;
    /// use degenbot::database::{Database, Error};
    /// use degenbot::models::{Erc20Token, LiquidityPool};
    /// use degenbot::types::{Address, ChainId};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("degenbot.db");
    /// # database::create_new_sqlite_database(&path)?;
    /// let database = Database::open(&path)?;
    /// let ethereum = ChainId::new(1)?;
    /// let usdc: Address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48".parse()?;
    /// let weth: Address = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2".parse()?;
    ///
    /// let pools = database.read(|connection| -> Result<_, Error> {
    ///     let tokens = (
    ///         Erc20Token::by_address(connection, ethereum, usdc)?,
    ///         Erc20Token::by_address(connection, ethereum, weth)?,
    ///     );
    ///     Ok(match tokens {
    ///         (Some(usdc), Some(weth)) => LiquidityPool::of_pair(connection, usdc.id, weth.id)?,
    ///         _ => Vec::new(),
    ///     })
    /// })?;
    /// for pool in pools {
    ///     println!("{} {} takes {:?}", pool.kind(), pool.base().address, pool.fees());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RowError`] if a pool's rows are malformed or incomplete, or if a statement fails.
    pub fn of_pair(
        connection: &mut SqliteConnection,
        one_token_id: i64,
        other_token_id: i64,
    ) -> Result<Vec<Self>, RowError> {
        let pair = |first, second| pools::token0_id.eq(first).and(pools::token1_id.eq(second));
        let of_pair = pools::table
            .filter(pair(one_token_id, other_token_id).or(pair(other_token_id, one_token_id)))
            .order(pools::id);
        let found = load!(connection, Pool, of_pair)?;
        found.iter().map(|pool| whole(connection, pool)).collect()
    }
}

fn whole(connection: &mut SqliteConnection, pool: &Pool) -> Result<LiquidityPool, RowError> {
    let parameters = find_parameters(connection, pool.kind, pool.id)?.ok_or(RowError::Missing {
        table: "pools",
        id: pool.id,
        parent: pool_kind_columns(pool.kind).table,
        missing: pool.id,
    })?;
    Ok(LiquidityPool::new(BasePool::from(pool), parameters))
}

impl From<&Pool> for BasePool {
    fn from(pool: &Pool) -> Self {
        Self {
            id: pool.id,
            address: pool.address,
            chain: pool.chain,
            token0_id: pool.token0_id,
            token1_id: pool.token1_id,
            exchange_id: pool.exchange_id,
        }
    }
}
