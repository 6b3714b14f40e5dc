//! Insertion of many pools, with their tokens.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::LiquidityPool;
use crate::models::access::known_addresses::{KnownAddresses, is_there_already};
use crate::models::access::missing_parent::name_missing_parent;
use crate::models::access::other_spellings::{HexColumn, OtherSpellings};
use crate::models::access::retired_ids;
use crate::models::access::row_error::RowError;
use crate::models::access::write_transaction::in_write_transaction;
use crate::models::access::written::require_written;
use crate::models::pools::pool_kind_tables::pool_kind_columns;
use crate::models::pools::pool_parameters::{Fees, PoolParameters, V2Protocol};
use crate::models::rows::erc20_token::NewErc20Token;
use crate::models::rows::erc20_token::insert::TokenInserter;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::address::{Address, is_usual_spelling};
use crate::types::integer::ChainId;
use crate::types::invalid_value::InvalidValue;
use crate::types::kind::PoolKind;
use crate::types::stored::{Decode, Encode};

/// A pool to insert, with its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLiquidityPool {
    /// The pool's contract.
    pub address: Address,
    /// The chain the pool and its tokens live on.
    pub chain: ChainId,
    /// The exchange the pool belongs to.
    pub exchange_id: i64,
    /// The token with the lower address.
    pub token0: NewErc20Token,
    /// The token with the higher address.
    pub token1: NewErc20Token,
    /// The parameters of the pool's kind.
    pub parameters: PoolParameters,
}

impl LiquidityPool {
    /// Returns the ids of the pools, in order, and inserts those that do not exist, with their tokens. An
    /// existing pool is left unchanged, whatever the letter case of its address.
    ///
    /// # Errors
    ///
    /// [`RowError::Rejected`] if a pool's tokens are in the wrong order or on another chain, or if the pool
    /// exists with another kind, [`RowError::NotFound`] if its exchange does not exist, and [`RowError::Sql`]
    /// if a statement fails. Nothing is written then; inside the caller's transaction, the caller must roll
    /// back.
    pub fn insert_or_get(
        connection: &mut SqliteConnection,
        pools: &[NewLiquidityPool],
    ) -> Result<Vec<i64>, RowError> {
        for pool in pools {
            pool.check()?;
        }
        in_write_transaction(connection, |statements| {
            let mut inserter = PoolInserter::new(statements, pools.len())?;
            pools.iter().map(|pool| inserter.id_of(pool)).collect()
        })
    }
}

impl NewLiquidityPool {
    fn check(&self) -> Result<(), RowError> {
        let chains = [self.token0.chain, self.token1.chain];
        if let Some(other) = chains.iter().find(|chain| **chain != self.chain) {
            return Err(self.rejected(InvalidValue {
                expected: "tokens on the pool's chain",
                found: format!("chain {other}"),
            }));
        }
        if self.token0.address >= self.token1.address {
            return Err(self.rejected(InvalidValue {
                expected: "token0's address below token1's",
                found: format!("{} and {}", self.token0.address, self.token1.address),
            }));
        }
        Ok(())
    }

    fn rejected(&self, source: InvalidValue) -> RowError {
        RowError::Rejected {
            table: "pools",
            what: self.address.to_string(),
            source,
        }
    }
}

const ADDRESSES: HexColumn = HexColumn {
    table: "pools",
    from: "pools",
    text: "address",
    group: "chain",
    id: "id",
    is_usual: is_usual_spelling,
};

struct PoolInserter<'connection> {
    statements: Statements<'connection>,
    tokens: TokenInserter<'connection>,
    known: KnownAddresses,
    find: Statement<'connection>,
    others: OtherSpellings<'connection>,
    find_by_id: Statement<'connection>,
    insert: Statement<'connection>,
    /// The id of the next new pool, if SQLite would choose one that is not to be used again.
    next_id: Option<i64>,
    /// The statements prepared so far.
    insert_by_kind: BTreeMap<PoolKind, Statement<'connection>>,
}

impl<'connection> PoolInserter<'connection> {
    fn new(statements: Statements<'connection>, batch: usize) -> QueryResult<Self> {
        Ok(Self {
            statements,
            tokens: TokenInserter::new(statements, 2 * batch)?,
            known: KnownAddresses::of_table(statements, "pools", batch)?,
            others: OtherSpellings::new(statements, ADDRESSES, batch)?,
            find_by_id: statements.prepare("SELECT id, kind FROM pools WHERE id = ?1")?,
            find: statements.prepare(
                "SELECT id, kind FROM pools WHERE address IN (?1, ?2) AND chain = ?3 ORDER BY id",
            )?,
            insert: statements.prepare(
                "INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id, id) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            next_id: retired_ids::next_id(statements, "pools")?,
            insert_by_kind: BTreeMap::new(),
        })
    }

    fn id_of(&mut self, pool: &NewLiquidityPool) -> Result<i64, RowError> {
        if let Some(id) = self.known.get(pool.chain, pool.address) {
            let found = existing(&mut self.find_by_id, &[Bound::Integer(id)], pool)?;
            return found.map_or_else(|| self.find_or_insert(pool), Ok);
        }
        self.find_or_insert(pool)
    }

    fn find_or_insert(&mut self, pool: &NewLiquidityPool) -> Result<i64, RowError> {
        let spellings = pool.address.spellings();
        if !self.known.is_complete()
            && let Some(id) = self.find(pool, &spellings)?
        {
            return Ok(id);
        }
        let token0_id = self.tokens.id_of(&pool.token0)?;
        let token1_id = self.tokens.id_of(&pool.token1)?;
        let values = [
            Bound::Text(&spellings[0]),
            Bound::Integer(pool.chain.encode()),
            Bound::Text(pool.parameters.kind().as_str()),
            Bound::Integer(token0_id),
            Bound::Integer(token1_id),
            Bound::Integer(pool.exchange_id),
            Bound::id(self.next_id),
        ];
        match self.insert.run(&values) {
            Ok(inserted) => require_written(inserted, "pools")?,
            // By a trigger of the user's own.
            Err(error) if is_there_already(&error) => {
                return Ok(self.find(pool, &spellings)?.ok_or(error)?);
            }
            Err(error) => {
                let parents = [("exchanges", pool.exchange_id)];
                return Err(name_missing_parent(self.statements, error, &parents));
            }
        }
        self.next_id = None;
        let id = self.statements.last_insert_rowid();
        self.insert_kind_row(id, &pool.parameters)?;
        if self.known.is_complete() {
            self.known.add(pool.chain, pool.address, id);
        }
        Ok(id)
    }

    fn find(
        &mut self,
        pool: &NewLiquidityPool,
        [address, lower_case]: &[String; 2],
    ) -> Result<Option<i64>, RowError> {
        let chain = pool.chain.encode();
        let spellings = [
            Bound::Text(address),
            Bound::Text(lower_case),
            Bound::Integer(chain),
        ];
        if let Some(id) = existing(&mut self.find, &spellings, pool)? {
            return Ok(Some(id));
        }
        match self.others.find(lower_case, chain)? {
            Some(id) => existing(&mut self.find_by_id, &[Bound::Integer(id)], pool),
            None => Ok(None),
        }
    }

    fn insert_kind_row(&mut self, id: i64, parameters: &PoolParameters) -> Result<(), RowError> {
        let (columns, values): (Vec<_>, Vec<_>) = kind_row(id, parameters).into_iter().unzip();
        let kind = parameters.kind();
        let table = pool_kind_columns(kind).table;
        let insert = match self.insert_by_kind.entry(kind) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.statements.prepare(&format!(
                "INSERT INTO {table} ({}) VALUES ({})",
                columns.join(", "),
                vec!["?"; columns.len()].join(", ")
            ))?),
        };
        require_written(insert.run(&values)?, table)
    }
}

/// The id of an existing pool, which must have the kind of the new one.
fn existing(
    find: &mut Statement<'_>,
    values: &[Bound<'_>],
    pool: &NewLiquidityPool,
) -> Result<Option<i64>, RowError> {
    find.query(values)?;
    let found = find
        .step()?
        .then(|| (find.key(0), PoolKind::decode(find.column(1))));
    find.reset();
    let Some((id, found)) = found else {
        return Ok(None);
    };
    let kind = pool.parameters.kind();
    if found.as_ref() != Ok(&kind) {
        return Err(pool.rejected(InvalidValue {
            expected: kind.as_str(),
            found: found.map_or_else(|error| error.found, |found| found.to_string()),
        }));
    }
    Ok(Some(id))
}

/// The columns and values of a pool's row in the table of its kind.
pub(super) fn kind_row(
    id: i64,
    parameters: &PoolParameters,
) -> Vec<(&'static str, Bound<'static>)> {
    let mut row = vec![("pool_id", Bound::Integer(id))];
    let mut fees = |fees: Fees| {
        row.extend([
            ("fee_token0", Bound::Integer(fees.token0.encode())),
            ("fee_token1", Bound::Integer(fees.token1.encode())),
            ("fee_denominator", Bound::Integer(fees.denominator.encode())),
        ]);
    };
    match parameters {
        PoolParameters::V2(parameters) => {
            fees(parameters.fees);
            if let V2Protocol::Aerodrome { stable } = parameters.protocol {
                row.push(("stable", Bound::Integer(stable.into())));
            }
        }
        PoolParameters::V3(parameters) => {
            fees(parameters.fees);
            row.extend([
                (
                    "tick_spacing",
                    Bound::Integer(parameters.tick_spacing.encode()),
                ),
                (
                    "liquidity_update_block",
                    Bound::integer(parameters.sync_cursor.block),
                ),
                (
                    "liquidity_update_log_index",
                    Bound::integer(parameters.sync_cursor.log_index),
                ),
            ]);
        }
        PoolParameters::LiquidityBook(parameters) => {
            row.push(("bin_step", Bound::Integer(parameters.bin_step.encode())));
        }
    }
    row
}
