//! All pools of a chain at once, with what they refer to: what a bot holds in memory.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::liquidity_pool::LiquidityPools;
use super::managed_liquidity_pool::ManagedLiquidityPools;
use super::row::RowError;
use super::{Erc20Token, Exchange, LiquidityPool, ManagedLiquidityPool, PoolManager};
use crate::types::ChainId;

/// The pools of a chain with their tokens, exchanges and managers, each held once.
#[derive(Debug, Clone, Default)]
pub struct ChainPools {
    pools: Vec<(LiquidityPool, [u32; 3])>,
    managed_pools: Vec<(ManagedLiquidityPool, [u32; 3])>,
    tokens: Vec<Erc20Token>,
    exchanges: Vec<Exchange>,
    managers: Vec<PoolManager>,
}

/// A pool with what it refers to.
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

/// A managed pool with what it refers to.
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

impl ChainPools {
    /// Loads the pools of a chain, in one state of the database.
    ///
    /// # Errors
    ///
    /// [`RowError`] for the first pool or token that is malformed, for a pool that refers to a token, an exchange
    /// or a manager that is not on the chain, and where a statement fails.
    pub fn load(connection: &mut SqliteConnection, chain: ChainId) -> Result<Self, RowError> {
        // Nested in the caller's transaction if there is one.
        connection.transaction(|connection| Self::read(connection, chain))
    }

    fn read(connection: &mut SqliteConnection, chain: ChainId) -> Result<Self, RowError> {
        let exchanges = Exchange::of_chain(connection, chain)?;
        let managers = PoolManager::of_chain(connection, chain)?;
        let tokens = Erc20Token::of_chain(connection, chain)?;
        let exchange_places = Places::of("exchanges", exchanges.iter().map(|row| row.id));
        let manager_places = Places::of("pool_managers", managers.iter().map(|row| row.id));
        let token_places = Places::of("erc20_tokens", tokens.iter().map(|row| row.id));

        let mut pools = Vec::new();
        for pool in LiquidityPools::of_chain(connection, chain)? {
            let pool = pool?;
            let base = pool.base();
            let places = [
                token_places.find("pools", base.id, base.token0_id)?,
                token_places.find("pools", base.id, base.token1_id)?,
                exchange_places.find("pools", base.id, base.exchange_id)?,
            ];
            pools.push((pool, places));
        }
        let mut managed_pools = Vec::new();
        for pool in ManagedLiquidityPools::of_chain(connection, chain)? {
            let pool = pool?;
            let places = [
                token_places.find("managed_pools", pool.id, pool.currency0_id)?,
                token_places.find("managed_pools", pool.id, pool.currency1_id)?,
                manager_places.find("managed_pools", pool.id, pool.manager_id)?,
            ];
            managed_pools.push((pool, places));
        }
        Ok(Self {
            pools,
            managed_pools,
            tokens,
            exchanges,
            managers,
        })
    }

    /// The V2 and V3 pools, in the order of their ids.
    #[must_use]
    pub fn pools(&self) -> impl ExactSizeIterator<Item = ChainPool<'_>> {
        self.pools.iter().map(|(pool, places)| {
            let [token0, token1, exchange] = places.map(at);
            ChainPool {
                pool,
                token0: &self.tokens[token0],
                token1: &self.tokens[token1],
                exchange: &self.exchanges[exchange],
            }
        })
    }

    /// The managed pools, in the order of their ids.
    #[must_use]
    pub fn managed_pools(&self) -> impl ExactSizeIterator<Item = ChainManagedPool<'_>> {
        self.managed_pools.iter().map(|(pool, places)| {
            let [currency0, currency1, manager] = places.map(at);
            ChainManagedPool {
                pool,
                currency0: &self.tokens[currency0],
                currency1: &self.tokens[currency1],
                manager: &self.managers[manager],
            }
        })
    }

    /// The tokens of the chain, in the order of their ids, whether a pool has them or not.
    #[must_use]
    pub fn tokens(&self) -> &[Erc20Token] {
        &self.tokens
    }

    /// The exchanges of the chain, in the order of their ids.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// The pool managers of the chain, in the order of their ids.
    #[must_use]
    pub fn managers(&self) -> &[PoolManager] {
        &self.managers
    }
}

/// A place in a list; there is an index type as wide on every platform that the program runs on.
const fn at(place: u32) -> usize {
    place as usize
}

/// Where the rows of a table are in a list that is in the order of their ids.
struct Places {
    table: &'static str,
    ids: Vec<i64>,
}

impl Places {
    fn of(table: &'static str, ids: impl Iterator<Item = i64>) -> Self {
        Self {
            table,
            ids: ids.collect(),
        }
    }

    fn find(&self, table: &'static str, id: i64, wanted: i64) -> Result<u32, RowError> {
        self.place(wanted)
            .and_then(|place| u32::try_from(place).ok())
            .ok_or(RowError::Missing {
                table,
                id,
                parent: self.table,
                missing: wanted,
            })
    }

    /// Ids grow by at least one from place to place, and by just one where nothing is left out: an id is at the
    /// place of its distance to the first one, or else before that.
    fn place(&self, wanted: i64) -> Option<usize> {
        let first = *self.ids.first()?;
        if wanted < first {
            return None;
        }
        let furthest = usize::try_from(wanted.abs_diff(first))
            .unwrap_or(usize::MAX)
            .min(self.ids.len() - 1);
        if self.ids[furthest] == wanted {
            return Some(furthest);
        }
        self.ids[..furthest].binary_search(&wanted).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_is_found_and_no_other(ids: std::collections::BTreeSet<i8>, wanted: i8) {
            let ids: Vec<_> = ids.into_iter().map(i64::from).collect();
            let places = Places::of("pools", ids.iter().copied());
            let expected = ids.iter().position(|id| *id == i64::from(wanted));
            prop_assert_eq!(places.place(wanted.into()), expected);
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_no_obstacle() {
        let places = Places::of("pools", [i64::MIN, 0, i64::MAX].into_iter());
        for (place, id) in [i64::MIN, 0, i64::MAX].into_iter().enumerate() {
            assert_eq!(places.place(id), Some(place));
        }
        assert_eq!(places.place(1), None);
    }
}
