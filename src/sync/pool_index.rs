//! Finds the pools of events.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::models::pools::liquidity_pool::insert::NewLiquidityPool;
use crate::models::pools::managed_liquidity_pool::insert::NewManagedLiquidityPool;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, PoolKindTable};
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::ChainId;
use crate::types::stored::Encode;

/// How many contracts are remembered, at most.
///
/// The list then takes 50 MB.
const MOST: usize = 900_000;

/// The pools that were found so far. It is valid until another connection writes to the database.
#[derive(Debug, Default)]
pub(super) struct PoolIndex {
    /// `None` for contracts that are no pools in the database.
    by_address: HashMap<Address, Option<FoundPool>>,
    by_hash: HashMap<(i64, PoolHash), i64>,
}

/// A pool with ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundPool {
    pub(super) id: i64,
    pub(super) exchange_id: i64,
    /// Its kind.
    pub(super) kind: &'static PoolKindTable,
}

/// Looks pools up in the database.
pub(super) struct Lookup<'connection> {
    chain: ChainId,
    by_address: Statement<'connection>,
    by_hash: Statement<'connection>,
}

impl<'connection> Lookup<'connection> {
    pub(super) fn new(statements: Statements<'connection>, chain: ChainId) -> QueryResult<Self> {
        Ok(Self {
            chain,
            by_address: statements.prepare(
                "SELECT id, exchange_id, kind FROM pools \
                 WHERE address IN (?1, ?2) AND chain = ?3 ORDER BY id",
            )?,
            by_hash: statements.prepare(
                "SELECT p.id FROM uniswap_v4_pools AS v CROSS JOIN managed_pools AS p \
                 ON p.id = v.managed_pool_id WHERE v.pool_hash = ?1 AND p.manager_id = ?2 \
                 ORDER BY p.id",
            )?,
        })
    }
}

/// A kind, if its pools have ticks.
fn with_ticks(kind: &str) -> Option<&'static PoolKindTable> {
    POOL_KIND_TABLES
        .iter()
        .find(|table| table.name == kind && table.has_ticks())
}

impl PoolIndex {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.by_address.clear();
        self.by_hash.clear();
    }

    /// Adds a pool that was inserted.
    pub(super) fn add(&mut self, id: i64, pool: &NewLiquidityPool) {
        let name = pool.parameters.kind().as_str();
        let found = with_ticks(name).map(|kind| FoundPool {
            id,
            exchange_id: pool.exchange_id,
            kind,
        });
        self.insert(pool.address, found);
    }

    /// Adds a pool inside a manager.
    pub(super) fn add_managed(&mut self, id: i64, manager_id: i64, pool: &NewManagedLiquidityPool) {
        if self.by_hash.len() >= MOST {
            self.by_hash.clear();
        }
        self.by_hash.insert((manager_id, pool.pool_hash), id);
    }

    fn insert(&mut self, address: Address, found: Option<FoundPool>) {
        if self.by_address.len() >= MOST {
            self.by_address.clear();
        }
        self.by_address.insert(address, found);
    }

    /// Forgets what was found at an address, because it may be a pool now.
    pub(super) fn forget(&mut self, address: Address) {
        self.by_address.remove(&address);
    }

    /// The pool with ticks at an address, if it is in the database.
    pub(super) fn at_address(
        &mut self,
        lookup: &mut Lookup<'_>,
        address: Address,
    ) -> QueryResult<Option<FoundPool>> {
        if let Some(found) = self.by_address.get(&address) {
            return Ok(*found);
        }
        let [checksummed, lower_case] = address.spellings();
        let find = &mut lookup.by_address;
        find.query(&[
            Bound::Text(&checksummed),
            Bound::Text(&lower_case),
            Bound::Integer(lookup.chain.encode()),
        ])?;
        let mut found = None;
        if find.step()? {
            found = with_ticks(&find.column(2).to_text()).map(|kind| FoundPool {
                id: find.key(0),
                exchange_id: find.key(1),
                kind,
            });
        }
        find.reset();
        self.insert(address, found);
        Ok(found)
    }

    /// The pool inside a manager, if it is in the database.
    pub(super) fn in_manager(
        &mut self,
        lookup: &mut Lookup<'_>,
        manager_id: i64,
        hash: PoolHash,
    ) -> QueryResult<Option<i64>> {
        if let Some(id) = self.by_hash.get(&(manager_id, hash)) {
            return Ok(Some(*id));
        }
        let text = hash.to_string();
        let found = lookup
            .by_hash
            .first_integer(&[Bound::Text(&text), Bound::Integer(manager_id)])?;
        if let Some(id) = found {
            if self.by_hash.len() >= MOST {
                self.by_hash.clear();
            }
            self.by_hash.insert((manager_id, hash), id);
        }
        Ok(found)
    }
}
