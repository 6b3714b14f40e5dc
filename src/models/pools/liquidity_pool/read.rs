//! Iteration over many pools.

use std::iter::FusedIterator;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::BasePool;
use super::LiquidityPool;
use crate::models::access::columns::Columns;
use crate::models::access::read_transaction::ReadTransaction;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::models::pools::pool_kind_tables::{pool_kind_columns, read_parameters};
use crate::models::pools::pool_parameters::PoolParameters;
use crate::models::rows::pool::Pool;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::integer::ChainId;
use crate::types::kind::PoolKind;
use crate::types::stored::Encode;

/// Pools of any kind, in the order of their ids.
///
/// The iterator scans `pools` and the table of each kind once, in parallel, and holds one pool at a time. It
/// reads in the caller's transaction, or in a read transaction of its own. A malformed or incomplete pool
/// yields an error, and the next pool follows; a failed statement ends the iterator.
pub struct LiquidityPools<'connection> {
    pools: Statement<'connection>,
    /// The tables of the kinds met so far.
    kind_tables: [Option<KindTableRows<'connection>>; PoolKind::ALL.len()],
    failed: bool,
    transaction: ReadTransaction<'connection>,
}

impl<'connection> LiquidityPools<'connection> {
    /// The pools of a chain.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails.
    pub fn of_chain(
        connection: &'connection mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Self, RowError> {
        Self::where_pool(connection, "p.chain = ?1", chain.encode())
    }

    /// The pools of an exchange.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails.
    pub fn of_exchange(
        connection: &'connection mut SqliteConnection,
        exchange_id: i64,
    ) -> Result<Self, RowError> {
        Self::where_pool(connection, "p.exchange_id = ?1", exchange_id)
    }

    fn where_pool(
        connection: &'connection mut SqliteConnection,
        condition: &str,
        value: i64,
    ) -> Result<Self, RowError> {
        let transaction = ReadTransaction::begin(connection)?;
        let mut pools = transaction.statements().prepare(&format!(
            "SELECT {} FROM pools AS p NOT INDEXED WHERE {condition} ORDER BY p.id",
            Pool::COLUMNS.of("p")
        ))?;
        pools.query(&[Bound::Integer(value)])?;
        Ok(Self {
            pools,
            kind_tables: Default::default(),
            failed: false,
            transaction,
        })
    }

    fn read(&mut self) -> Result<LiquidityPool, RowError> {
        let pool = Pool::read(&Pool::COLUMNS, &self.pools)?;
        let kind_table = match &mut self.kind_tables[pool.kind as usize] {
            Some(kind_table) => kind_table,
            none => {
                let statements = self.transaction.statements();
                none.insert(KindTableRows::from(statements, pool.kind, pool.id)?)
            }
        };
        let parameters = kind_table.of_pool(pool.id)?;
        Ok(LiquidityPool::new(BasePool::from(&pool), parameters))
    }
}

impl Iterator for LiquidityPools<'_> {
    type Item = Result<LiquidityPool, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let _held = self.transaction.statements().hold();
        let read = match self.pools.step() {
            Ok(true) => self.read(),
            Ok(false) => return None,
            Err(error) => Err(error.into()),
        };
        self.failed = matches!(read, Err(RowError::Sql { .. }));
        Some(read)
    }
}

/// A scan of the table of one kind, in the order of the pools' ids.
struct KindTableRows<'connection> {
    statement: Statement<'connection>,
    columns: Columns,
    kind: PoolKind,
    /// The pool's id in the current row; `None` after the last row.
    pool_id: Option<i64>,
}

impl<'connection> KindTableRows<'connection> {
    fn from(statements: Statements<'connection>, kind: PoolKind, first: i64) -> QueryResult<Self> {
        let columns = pool_kind_columns(kind);
        let mut statement = statements.prepare(&format!(
            "SELECT {} FROM {} AS d WHERE d.pool_id >= ?1 ORDER BY d.pool_id",
            columns.of("d"),
            columns.table
        ))?;
        statement.query(&[Bound::Integer(first)])?;
        let mut rows = Self {
            statement,
            columns,
            kind,
            pool_id: None,
        };
        rows.advance()?;
        Ok(rows)
    }

    #[inline]
    fn advance(&mut self) -> QueryResult<()> {
        self.pool_id = self.statement.step()?.then(|| self.statement.key(0));
        Ok(())
    }

    fn of_pool(&mut self, id: i64) -> Result<PoolParameters, RowError> {
        // Rows before it belong to pools of other chains.
        while self.pool_id.is_some_and(|pool_id| pool_id < id) {
            self.advance()?;
        }
        if self.pool_id != Some(id) {
            return Err(RowError::Missing {
                table: Pool::COLUMNS.table,
                id,
                parent: self.columns.table,
                missing: id,
            });
        }
        read_parameters(self.kind, &self.columns, &self.statement)
    }
}

impl FusedIterator for LiquidityPools<'_> {}
