//! All pools of a chain with their tokens, exchanges and managers, in memory.

use diesel::sqlite::SqliteConnection;

use crate::models::access::row_error::RowError;
use crate::models::pools::liquidity_pool::LiquidityPool;
use crate::models::pools::liquidity_pool::read::LiquidityPools;
use crate::models::pools::managed_liquidity_pool::{ManagedLiquidityPool, ManagedLiquidityPools};
use crate::models::rows::erc20_token::Erc20Token;
use crate::models::rows::exchange::Exchange;
use crate::models::rows::pool_manager::PoolManager;
use crate::sqlite::transaction::{Begin, transaction};
use crate::types::integer::ChainId;

/// The pools of a chain, with one copy of each token, exchange and manager they refer to.
#[derive(Debug, Clone, Default)]
pub struct ChainPools {
    pools: Vec<LiquidityPool>,
    managed_pools: Vec<ManagedLiquidityPool>,
    /// For each pool, the positions of its two tokens and its exchange in `referenced`.
    links: Vec<[u32; 3]>,
    /// For each managed pool, the positions of its two currencies and its manager in `referenced`.
    managed_links: Vec<[u32; 3]>,
    referenced: ReferencedRows,
}

/// The rows that pools refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReferencedRows {
    tokens: Vec<Erc20Token>,
    exchanges: Vec<Exchange>,
    managers: Vec<PoolManager>,
}

/// The pools, before the rows they refer to are looked up.
#[derive(Debug, Default)]
pub(crate) struct UnlinkedPools {
    pools: Vec<LiquidityPool>,
    managed_pools: Vec<ManagedLiquidityPool>,
}

/// A pool with its tokens and its exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPool<'pools> {
    /// The pool.
    pub pool: &'pools LiquidityPool,
    /// The token with the lower address.
    pub token0: &'pools Erc20Token,
    /// The token with the higher address.
    pub token1: &'pools Erc20Token,
    /// The exchange the pool belongs to.
    pub exchange: &'pools Exchange,
}

/// A managed pool with its currencies and its manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainManagedPool<'pools> {
    /// The pool.
    pub pool: &'pools ManagedLiquidityPool,
    /// The currency with the lower address.
    pub currency0: &'pools Erc20Token,
    /// The currency with the higher address.
    pub currency1: &'pools Erc20Token,
    /// The manager that holds the pool.
    pub manager: &'pools PoolManager,
}

impl ReferencedRows {
    pub(crate) fn read(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Self, RowError> {
        Ok(Self {
            tokens: Erc20Token::of_chain(connection, chain)?,
            exchanges: Exchange::of_chain(connection, chain)?,
            managers: PoolManager::of_chain(connection, chain)?,
        })
    }
}

impl UnlinkedPools {
    pub(crate) fn read(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Self, RowError> {
        let pools = LiquidityPools::of_chain(connection, chain)?.collect::<Result<_, _>>()?;
        let managed_pools = ManagedLiquidityPools::of_chain(connection, chain)?;
        Ok(Self {
            pools,
            managed_pools: managed_pools.collect::<Result<_, _>>()?,
        })
    }
}

impl ChainPools {
    /// Loads the pools of a chain in one read transaction.
    /// [`Database::chain_pools`](crate::database::Database::chain_pools) does the same faster, with two
    /// connections.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a pool or a token is malformed, if a pool refers to a token, an exchange or a manager
    /// that is not on the chain, or if a statement fails.
    pub fn load(connection: &mut SqliteConnection, chain: ChainId) -> Result<Self, RowError> {
        // A savepoint if the caller has a transaction open.
        let read = |connection: &mut SqliteConnection| {
            let referenced = ReferencedRows::read(connection, chain)?;
            Self::link(UnlinkedPools::read(connection, chain)?, referenced)
        };
        transaction(connection, Begin::Deferred, read, RowError::from)
    }

    /// Looks up the rows that each pool refers to.
    pub(crate) fn link(
        unlinked: UnlinkedPools,
        referenced: ReferencedRows,
    ) -> Result<Self, RowError> {
        let exchanges = IdIndex::of("exchanges", referenced.exchanges.iter().map(|row| row.id));
        let managers = IdIndex::of(
            "pool_managers",
            referenced.managers.iter().map(|row| row.id),
        );
        let tokens = IdIndex::of("erc20_tokens", referenced.tokens.iter().map(|row| row.id));
        let of_pool = |pool: &LiquidityPool| {
            let base = pool.base();
            Ok([
                tokens.find("pools", base.id, base.token0_id)?,
                tokens.find("pools", base.id, base.token1_id)?,
                exchanges.find("pools", base.id, base.exchange_id)?,
            ])
        };
        let of_managed_pool = |pool: &ManagedLiquidityPool| {
            Ok([
                tokens.find("uniswap_v4_pools", pool.id, pool.currency0_id)?,
                tokens.find("uniswap_v4_pools", pool.id, pool.currency1_id)?,
                managers.find("managed_pools", pool.id, pool.manager_id)?,
            ])
        };
        let links: Result<_, RowError> = unlinked.pools.iter().map(of_pool).collect();
        let managed_links: Result<_, RowError> =
            unlinked.managed_pools.iter().map(of_managed_pool).collect();
        Ok(Self {
            links: links?,
            managed_links: managed_links?,
            pools: unlinked.pools,
            managed_pools: unlinked.managed_pools,
            referenced,
        })
    }

    /// The V2 and V3 pools, in the order of their ids.
    #[must_use]
    pub fn pools(&self) -> impl ExactSizeIterator<Item = ChainPool<'_>> {
        let referenced = &self.referenced;
        self.pools.iter().zip(&self.links).map(|(pool, link)| {
            let [token0, token1, exchange] = link.map(as_index);
            ChainPool {
                pool,
                token0: &referenced.tokens[token0],
                token1: &referenced.tokens[token1],
                exchange: &referenced.exchanges[exchange],
            }
        })
    }

    /// The managed pools, in the order of their ids.
    #[must_use]
    pub fn managed_pools(&self) -> impl ExactSizeIterator<Item = ChainManagedPool<'_>> {
        let referenced = &self.referenced;
        let links = &self.managed_links;
        self.managed_pools.iter().zip(links).map(|(pool, link)| {
            let [currency0, currency1, manager] = link.map(as_index);
            ChainManagedPool {
                pool,
                currency0: &referenced.tokens[currency0],
                currency1: &referenced.tokens[currency1],
                manager: &referenced.managers[manager],
            }
        })
    }

    /// The tokens of the chain, in the order of their ids, including those of no pool.
    #[must_use]
    pub fn tokens(&self) -> &[Erc20Token] {
        &self.referenced.tokens
    }

    /// The exchanges of the chain, in the order of their ids.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.referenced.exchanges
    }

    /// The pool managers of the chain, in the order of their ids.
    #[must_use]
    pub fn managers(&self) -> &[PoolManager] {
        &self.referenced.managers
    }
}

/// A position as an index. `usize` has at least 32 bits on every supported platform.
const fn as_index(position: u32) -> usize {
    position as usize
}

/// Finds the position of a row by its id, in a list of a table's rows sorted by id.
struct IdIndex {
    table: &'static str,
    positions: Positions,
}

enum Positions {
    /// The position of each id from the first one on. For tables with few gaps between ids, as most are.
    Direct { first: i64, positions: Vec<u32> },
    /// The sorted ids, for binary search.
    Sorted(Vec<i64>),
}

impl IdIndex {
    /// Marks an id without a row.
    const NONE: u32 = u32::MAX;

    fn of(table: &'static str, ids: impl ExactSizeIterator<Item = i64> + Clone) -> Self {
        let ends = ids.clone().next().zip(ids.clone().last());
        let span = ends.and_then(|(first, last)| usize::try_from(last.abs_diff(first)).ok());
        let positions = match (ends, span) {
            (Some((first, _)), Some(span)) if span / 8 <= ids.len() => {
                let mut positions = vec![Self::NONE; span + 1];
                for (id, position) in ids.zip(0..) {
                    if let Ok(offset) = usize::try_from(id.abs_diff(first)) {
                        positions[offset] = position;
                    }
                }
                Positions::Direct { first, positions }
            }
            _ => Positions::Sorted(ids.collect()),
        };
        Self { table, positions }
    }

    fn find(&self, table: &'static str, id: i64, wanted: i64) -> Result<u32, RowError> {
        self.position(wanted).ok_or(RowError::Missing {
            table,
            id,
            parent: self.table,
            missing: wanted,
        })
    }

    #[inline]
    fn position(&self, wanted: i64) -> Option<u32> {
        match &self.positions {
            Positions::Direct { first, positions } => {
                let offset = wanted.checked_sub(*first)?;
                let position = *positions.get(usize::try_from(offset).ok()?)?;
                (position != Self::NONE).then_some(position)
            }
            Positions::Sorted(ids) => u32::try_from(ids.binary_search(&wanted).ok()?).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn id_index_finds_every_id_and_no_other(
            ids: std::collections::BTreeSet<i8>,
            apart in prop_oneof![Just(1_i64), Just(1 << 50)],
            wanted: i8,
        ) {
            let ids: Vec<_> = ids.into_iter().map(|id| i64::from(id) * apart).collect();
            let index = IdIndex::of("pools", ids.iter().copied());
            let wanted = i64::from(wanted) * apart;
            let expected = ids.iter().zip(0..).find(|(id, _)| **id == wanted);
            prop_assert_eq!(index.position(wanted), expected.map(|(_, position)| position));
        }
    }

    #[test]
    fn id_index_works_at_the_ends_of_the_number_range() {
        let index = IdIndex::of("pools", [i64::MIN, 0, i64::MAX].into_iter());
        for (position, id) in (0..).zip([i64::MIN, 0, i64::MAX]) {
            assert_eq!(index.position(id), Some(position));
        }
        assert_eq!(index.position(1), None);
    }
}
