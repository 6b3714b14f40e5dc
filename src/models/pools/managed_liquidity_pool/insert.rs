//! Insertion of many managed pools, with their currencies.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::ManagedLiquidityPool;
use super::V4_COLUMNS;
use crate::models::access::missing_parent::name_missing_parent;
use crate::models::access::other_spellings::{HexColumn, OtherSpellings};
use crate::models::access::retired_ids;
use crate::models::access::row_error::RowError;
use crate::models::access::write_transaction::in_write_transaction;
use crate::models::access::written::require_written;
use crate::models::pools::pool_parameters::Fees;
use crate::models::rows::erc20_token::NewErc20Token;
use crate::models::rows::erc20_token::insert::TokenInserter;
use crate::models::rows::pool_manager::PoolManager;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::TickSpacing;
use crate::types::invalid_value::InvalidValue;
use crate::types::kind::ManagedPoolKind;
use crate::types::stored::Encode;
use crate::types::sync_cursor::SyncCursor;

/// A managed pool to insert, with its currencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewManagedLiquidityPool {
    /// The pool's id inside its manager.
    pub pool_hash: PoolHash,
    /// The hooks contract, or the zero address.
    pub hooks: Address,
    /// The currency with the lower address; the zero address is the native one.
    pub currency0: NewErc20Token,
    /// The currency with the higher address.
    pub currency1: NewErc20Token,
    /// The pool's fees.
    pub fees: Fees,
    /// The tick spacing: ticks that are multiples of it can be initialized.
    pub tick_spacing: TickSpacing,
    /// How far the pool's liquidity is synchronized.
    pub sync_cursor: SyncCursor,
}

impl ManagedLiquidityPool {
    /// Returns the ids of the manager's pools, in order, and inserts those that do not exist, with their
    /// currencies. An existing pool is left unchanged, whatever the letter case of its hash.
    ///
    /// # Errors
    ///
    /// [`RowError::Rejected`] if a pool's currencies are in the wrong order or not on the manager's chain,
    /// [`RowError::NotFound`] if there is no manager with this id, and [`RowError::Sql`] if a statement fails.
    /// Nothing is written then; inside the caller's transaction, the caller must roll back.
    pub fn insert_or_get(
        connection: &mut SqliteConnection,
        manager: &PoolManager,
        pools: &[NewManagedLiquidityPool],
    ) -> Result<Vec<i64>, RowError> {
        for pool in pools {
            pool.check(manager)?;
        }
        in_write_transaction(connection, |statements| {
            let mut inserter = ManagedPoolInserter::new(statements, manager.id, pools.len())?;
            pools.iter().map(|pool| inserter.id_of(pool)).collect()
        })
    }
}

impl NewManagedLiquidityPool {
    fn check(&self, manager: &PoolManager) -> Result<(), RowError> {
        let rejected = |expected, found| RowError::Rejected {
            table: V4_COLUMNS.table,
            what: self.pool_hash.to_string(),
            source: InvalidValue { expected, found },
        };
        let chains = [self.currency0.chain, self.currency1.chain];
        if let Some(other) = chains.iter().find(|chain| **chain != manager.chain) {
            let found = format!("chain {other}");
            return Err(rejected("currencies on the manager's chain", found));
        }
        if self.currency0.address >= self.currency1.address {
            let found = format!("{} and {}", self.currency0.address, self.currency1.address);
            return Err(rejected("currency0's address below currency1's", found));
        }
        Ok(())
    }
}

const HASHES: HexColumn = HexColumn {
    table: "managed_pools",
    from: "uniswap_v4_pools AS v CROSS JOIN managed_pools AS p ON p.id = v.managed_pool_id",
    text: "v.pool_hash",
    group: "p.manager_id",
    id: "v.managed_pool_id",
    is_usual: |text| !text.bytes().any(|byte| byte.is_ascii_uppercase()),
};

struct ManagedPoolInserter<'connection> {
    statements: Statements<'connection>,
    manager_id: i64,
    tokens: TokenInserter<'connection>,
    find: Statement<'connection>,
    others: OtherSpellings<'connection>,
    insert_pool: Statement<'connection>,
    insert_v4_row: Statement<'connection>,
    /// The id of the next new pool, if SQLite would choose one that is not to be used again.
    next_id: Option<i64>,
}

impl<'connection> ManagedPoolInserter<'connection> {
    fn new(
        statements: Statements<'connection>,
        manager_id: i64,
        batch: usize,
    ) -> QueryResult<Self> {
        Ok(Self {
            statements,
            manager_id,
            tokens: TokenInserter::new(statements, 2 * batch)?,
            others: OtherSpellings::new(statements, HASHES, batch)?,
            find: statements.prepare(
                "SELECT p.id FROM uniswap_v4_pools AS v CROSS JOIN managed_pools AS p \
                 ON p.id = v.managed_pool_id WHERE v.pool_hash = ?1 AND p.manager_id = ?2 \
                 ORDER BY p.id",
            )?,
            insert_pool: statements
                .prepare("INSERT INTO managed_pools (kind, manager_id, id) VALUES (?1, ?2, ?3)")?,
            next_id: retired_ids::next_id(statements, "managed_pools")?,
            insert_v4_row: statements.prepare(&format!(
                "INSERT INTO {} ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                V4_COLUMNS.table,
                V4_COLUMNS.names.join(", ")
            ))?,
        })
    }

    fn id_of(&mut self, pool: &NewManagedLiquidityPool) -> Result<i64, RowError> {
        let hash = pool.pool_hash.to_string();
        let manager = Bound::Integer(self.manager_id);
        if let Some(id) = self.find.first_integer(&[Bound::Text(&hash), manager])? {
            return Ok(id);
        }
        if let Some(id) = self.others.find(&hash, self.manager_id)? {
            return Ok(id);
        }
        let currency0_id = self.tokens.id_of(&pool.currency0)?;
        let currency1_id = self.tokens.id_of(&pool.currency1)?;
        let kind = Bound::Text(ManagedPoolKind::UniswapV4.as_str());
        let parents = [("pool_managers", self.manager_id)];
        let inserted = self
            .insert_pool
            .run(&[kind, manager, Bound::id(self.next_id.take())])
            .map_err(|error| name_missing_parent(self.statements, error, &parents))?;
        require_written(inserted, "managed_pools")?;
        let id = self.statements.last_insert_rowid();
        let inserted = self.insert_v4_row.run(&[
            Bound::Integer(id),
            Bound::Text(&hash),
            Bound::Text(&pool.hooks.to_string()),
            Bound::Integer(currency0_id),
            Bound::Integer(currency1_id),
            Bound::Integer(pool.fees.token0.encode()),
            Bound::Integer(pool.fees.token1.encode()),
            Bound::Integer(pool.fees.denominator.encode()),
            Bound::Integer(pool.tick_spacing.encode()),
            Bound::integer(pool.sync_cursor.block),
            Bound::integer(pool.sync_cursor.log_index),
        ])?;
        require_written(inserted, V4_COLUMNS.table)?;
        Ok(id)
    }
}
