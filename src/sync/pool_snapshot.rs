//! What is to be compared or repaired: pools of exchanges, read from one state of the database.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::recognition::recognise::{recognise_connection, recognise_state};
use crate::database::structure::schema_version::SchemaVersion;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::blocks::StoredBlock;
use crate::models::rows::exchange::Exchange;
use crate::sqlite::prepared::{Statement, Statements};
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::replay::PoolKey;
use crate::sync::scope::Scope;
use crate::sync::stored_pools::{PoolId, StoredPool, StoredPools, named, of_exchange};
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// Which pools are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection<'a> {
    pub(super) chain: ChainId,
    /// The exchanges; all active ones if there are neither exchanges nor pools.
    pub(super) exchanges: &'a [ExchangeName],
    /// Addresses, hashes and ids.
    pub(super) pools: &'a [String],
    /// How many pools of each exchange, at most; pools that are named are not left out.
    pub(super) sample: Option<usize>,
}

/// Pools of one state of the database.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The exchanges of the pools.
    pub(super) scope: Scope,
    /// The stored blocks of the chain, the highest first.
    pub(super) blocks: Vec<StoredBlock>,
    /// By the place of their exchange in the scope.
    pub(super) pools: BTreeMap<usize, PoolsOfExchange>,
}

/// Pools of an exchange.
#[derive(Debug)]
pub(super) struct PoolsOfExchange {
    /// Whether the exchange was asked for, not only some of its pools.
    pub(super) is_whole: bool,
    /// The number of its pools in the database.
    pub(super) count: usize,
    pub(super) pools: Vec<StoredPool>,
}

impl Snapshot {
    /// Reads the pools, without leaving a trace. With a sample, other pools are taken each time.
    pub(super) fn read(path: &Path, selection: Selection<'_>) -> Result<Self, SyncError> {
        let mut version = None;
        let read = read_without_trace(path, |connection| {
            transaction(
                connection,
                Begin::Deferred,
                |connection| {
                    let found = recognise_state(connection)?.require_version(path)?;
                    version = Some(found);
                    if found != SchemaVersion::latest() {
                        return Ok(None);
                    }
                    Self::of_connection(connection, selection).map(Some)
                },
                Error::from,
            )
        });
        match read.map_err(|error| error.at(path, "read the pools"))? {
            Some(snapshot) => Ok(snapshot),
            None => Err(SyncError::Version {
                found: version.map_or_else(String::new, |version| version.to_string()),
            }),
        }
    }

    /// The same in the transaction of the caller.
    pub(super) fn of_connection(
        connection: &mut SqliteConnection,
        selection: Selection<'_>,
    ) -> Result<Self, Error> {
        let Selection {
            chain,
            exchanges,
            pools,
            sample,
        } = selection;
        let is_all = exchanges.is_empty() && pools.is_empty();
        let mut by_name: BTreeMap<i64, BTreeSet<PoolId>> = BTreeMap::new();
        for name in pools {
            for id in named(Statements::of(connection)?, chain, name)? {
                let pool = StoredPools::new(Statements::of(connection)?)?.read(id)?;
                if let Some(pool) = pool {
                    by_name.entry(pool.exchange_id).or_default().insert(id);
                }
            }
        }
        let is_asked = |exchange: &Exchange, name: &ExchangeName| {
            (is_all && exchange.active) || exchanges.contains(name)
        };
        let whole = Scope::read_those(connection, chain, is_asked)?;
        let whole: BTreeSet<i64> = whole.exchanges.iter().map(|it| it.id).collect();
        let scope = Scope::read_those(connection, chain, |exchange, name| {
            is_asked(exchange, name) || by_name.contains_key(&exchange.id)
        })?;
        let blocks = StoredBlock::of_chain(connection, chain)?;
        let statements = Statements::of(connection)?;
        let mut reader = StoredPools::new(statements)?;
        let mut of_exchanges = BTreeMap::new();
        for (index, exchange) in scope.exchanges.iter().enumerate() {
            let all = of_exchange(statements, exchange.id)?;
            let count = all.len();
            let is_whole = whole.contains(&exchange.id);
            let mut ids = if is_whole {
                sampled(all, sample)
            } else {
                BTreeSet::new()
            };
            ids.extend(by_name.get(&exchange.id).into_iter().flatten());
            let mut pools = Vec::with_capacity(ids.len());
            for id in ids {
                pools.extend(reader.read(id)?);
            }
            let of_exchange = PoolsOfExchange {
                is_whole,
                count,
                pools,
            };
            of_exchanges.insert(index, of_exchange);
        }
        Ok(Self {
            scope,
            blocks,
            pools: of_exchanges,
        })
    }
}

impl Snapshot {
    /// The last block that is not taken back, before a repair. `None` if nothing can be: another program, such as the
    /// Python package, has moved a mark beyond the blocks of the journal, or there is no journal.
    pub(super) fn keep(&self) -> Option<BlockNumber> {
        let top = self.blocks.first()?;
        if self.scope.marks.iter().any(|mark| *mark > top.number) {
            return None;
        }
        let last_final = self.blocks.iter().find(|block| block.is_final);
        Some(last_final.or(self.blocks.last())?.number)
    }

    /// Reads the same pools again, in the transaction of the caller. The exchanges keep their places, although some of
    /// the pools may be gone.
    pub(super) fn again(&self, connection: &mut SqliteConnection) -> Result<Self, Error> {
        let statements = Statements::of(connection)?;
        let mut reader = StoredPools::new(statements)?;
        let mut of_exchanges = BTreeMap::new();
        for (index, before) in &self.pools {
            let Some(exchange) = self.scope.exchanges.get(*index) else {
                continue;
            };
            let ids = if before.is_whole {
                of_exchange(statements, exchange.id)?
            } else {
                before.pools.iter().map(|pool| pool.id).collect()
            };
            let mut pools = Vec::with_capacity(ids.len());
            for id in ids {
                pools.extend(reader.read(id)?);
            }
            let again = PoolsOfExchange {
                is_whole: before.is_whole,
                count: pools.len(),
                pools,
            };
            of_exchanges.insert(*index, again);
        }
        Ok(Self {
            scope: self.scope.clone(),
            blocks: Vec::new(),
            pools: of_exchanges,
        })
    }

    /// Whether exchanges and blocks are those of another state.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let marks = |snapshot: &Self| -> Vec<_> {
            let exchanges = snapshot.scope.exchanges.iter();
            exchanges
                .map(|it| (it.id, it.mark, it.deployment.clone()))
                .collect()
        };
        self.blocks == other.blocks
            && self.scope.marks == other.scope.marks
            && marks(self) == marks(other)
    }
}

/// As many pools as are asked for, any of them.
fn sampled(mut pools: Vec<PoolId>, sample: Option<usize>) -> BTreeSet<PoolId> {
    if let Some(sample) = sample {
        let state = RandomState::new();
        pools.sort_by_cached_key(|pool| state.hash_one(pool.id));
        pools.truncate(sample);
    }
    pools.into_iter().collect()
}

impl StoredPool {
    /// What names the pool on its chain, if the row has a valid address or hash.
    pub(super) fn chain_key(&self, exchange: usize) -> Option<PoolKey> {
        let key = self.key.as_str();
        match key.parse() {
            Ok(address) => Some(PoolKey::Address(address)),
            Err(_) => Some(PoolKey::Hash(exchange, key.parse().ok()?)),
        }
    }
}

/// The chains of the pools that texts name: addresses, hashes of pools inside managers, or ids. The list has an entry for
/// each name. It is empty for a name that no pool has.
///
/// # Errors
///
/// [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) if the database is not at a version of this program. Other
/// kinds if it cannot be read.
pub fn chains_of_pools(path: &Path, names: &[String]) -> Result<Vec<BTreeSet<ChainId>>, Error> {
    read_without_trace(path, |connection| {
        recognise_connection(connection)?.require_version(path)?;
        let statements = Statements::of(connection)?;
        let chains: Vec<ChainId> = chains(
            statements
                .prepare("SELECT chain_id FROM exchanges GROUP BY chain_id ORDER BY chain_id")?,
        )?;
        let mut found = Vec::new();
        for name in names {
            let mut of_name = BTreeSet::new();
            for chain in &chains {
                if !named(statements, *chain, name)?.is_empty() {
                    of_name.insert(*chain);
                }
            }
            found.push(of_name);
        }
        Ok(found)
    })
    .map_err(|error| error.at(path, "read the pools"))
}

fn chains(mut rows: Statement<'_>) -> diesel::QueryResult<Vec<ChainId>> {
    let mut chains = Vec::new();
    while rows.step()? {
        let number = u64::try_from(rows.key(0)).ok();
        chains.extend(number.and_then(|number| ChainId::new(number).ok()));
    }
    Ok(chains)
}
