//! A market of one state of the database, with the users that are compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::recognition::recognise::recognise_state;
use crate::database::structure::schema_version::SchemaVersion;
use crate::deployments::market_name::MarketName;
use crate::models::aave::position_writer::{PositionWriter, Side};
use crate::models::aave::stored_users::{UserReader, scaled_totals, users_of_market};
use crate::models::journal::blocks::StoredBlock;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::aave::market_event::MarketEvent;
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::MarketState;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::integer::ChainId;

/// The markets of a chain, and its stored blocks.
#[derive(Debug)]
pub(super) struct Markets {
    pub(super) scope: Scope<ScopedMarket>,
    /// The highest first.
    pub(super) blocks: Vec<StoredBlock>,
}

impl Markets {
    pub(super) fn read(
        path: &Path,
        chain: ChainId,
        names: &[MarketName],
    ) -> Result<Self, SyncError> {
        read_state(path, |connection| {
            Ok(Self {
                scope: Scope::read_markets(connection, chain, names)?,
                blocks: StoredBlock::of_chain(connection, chain)?,
            })
        })
    }
}

/// Reads a market without its users. `None` if it is no longer as it was.
pub(super) fn read_market(
    path: &Path,
    market: &ScopedMarket,
) -> Result<Option<MarketState>, SyncError> {
    read_state(path, |connection| {
        if is_as_it_was(connection, market)? {
            return Ok(Some(MarketState::load(connection, market)?));
        }
        Ok(None)
    })
}

pub(super) fn is_as_it_was(
    connection: &mut SqliteConnection,
    market: &ScopedMarket,
) -> Result<bool, SyncError> {
    let names = [market.name.clone()];
    let scope = Scope::read_markets(connection, market.chain, &names)?;
    let found = scope.exchanges.first();
    Ok(found.is_some_and(|found| found.id == market.id && found.mark == market.mark))
}

/// Which users are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Users<'a> {
    /// Those that are asked for; if there are none, a sample.
    pub(super) named: &'a [Address],
    /// How many, at most; `None` for all.
    pub(super) sample: Option<usize>,
}

/// All scaled balances, added up, by the places of the reserves.
pub(super) type Totals = HashMap<(usize, Side), alloy_primitives::U256>;

/// A market in memory, with the users that are compared.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) state: MarketState,
    /// The number of users in the database.
    pub(super) count: u64,
    pub(super) users: Vec<Address>,
    /// How many of these users the database does not have.
    pub(super) unknown: usize,
    /// Which reserves users have switched, by the places of the reserves.
    pub(super) switches: BTreeMap<(Address, usize), bool>,
    /// What all users of the database have.
    pub(super) totals: Totals,
    /// The users with several rows, whose addresses are spelled in different ways. Only the row that an update uses is read.
    pub(super) duplicates: BTreeMap<Address, usize>,
}

impl Picture {
    /// Reads a market and what events after its mark need. `None` if it is no longer as it was.
    pub(super) fn read(
        path: &Path,
        market: &ScopedMarket,
        users: Users<'_>,
        events: &[MarketEvent],
    ) -> Result<Option<Self>, SyncError> {
        read_state(path, |connection| {
            if !is_as_it_was(connection, market)? {
                return Ok(None);
            }
            Self::of_connection(connection, market, users, events).map(Some)
        })
    }

    /// The same in the transaction of the caller.
    pub(super) fn of_connection(
        connection: &mut SqliteConnection,
        market: &ScopedMarket,
        users: Users<'_>,
        events: &[MarketEvent],
    ) -> Result<Self, SyncError> {
        let mut state = MarketState::load_as_it_is(connection, market)?;
        let places: BTreeMap<i64, usize> = state
            .reserves
            .iter()
            .enumerate()
            .map(|(place, reserve)| (reserve.asset.id, place))
            .collect();
        let statements = Statements::of(connection)?;
        let all = users_of_market(statements, market.id)?;
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let duplicates = duplicates(&all);
        let mut chosen = choose(all, users);
        let mut switches = BTreeMap::new();
        {
            let mut writer = PositionWriter::new(statements)?;
            let mut reader = UserReader::new(statements)?;
            for (_, address) in &chosen {
                state
                    .balances
                    .read(&mut writer, market.id, *address, None)?;
            }
            // Beside the row that updates use, others do not count.
            chosen.retain(|(id, address)| {
                let used = state.balances.user_id(*address);
                used.is_none() || *id == used || !duplicates.contains_key(address)
            });
            for (id, address) in &chosen {
                let Some(id) = id else { continue };
                for side in [Side::Collateral, Side::Debt] {
                    for (asset_id, row) in reader.positions(side, *id)? {
                        if let Some(place) = places.get(&asset_id) {
                            state.balances.insert_stored((*address, *place, side), row);
                        }
                    }
                }
                for (asset_id, is_enabled) in reader.flags(*id)? {
                    if let Some(place) = places.get(&asset_id) {
                        switches.insert((*address, *place), is_enabled);
                    }
                }
            }
            state.read_balances(&mut writer, events)?;
        }
        let mut totals = HashMap::new();
        for side in [Side::Collateral, Side::Debt] {
            for (asset_id, total) in scaled_totals(statements, side)? {
                if let Some(place) = places.get(&asset_id) {
                    totals.insert((*place, side), total);
                }
            }
        }
        state.read_debt(connection, events)?;
        Ok(Self {
            state,
            count,
            unknown: chosen.iter().filter(|(id, _)| id.is_none()).count(),
            users: chosen.into_iter().map(|(_, address)| address).collect(),
            switches,
            totals,
            duplicates,
        })
    }
}

/// The users that have several rows, and how many.
fn duplicates(all: &[(i64, Address)]) -> BTreeMap<Address, usize> {
    let mut rows: BTreeMap<Address, usize> = BTreeMap::new();
    for (_, address) in all {
        *rows.entry(*address).or_default() += 1;
    }
    rows.retain(|_, rows| *rows > 1);
    rows
}

/// The users that are compared: those that are named, or a sample, others each time. A user that the database lacks has
/// no id.
fn choose(mut all: Vec<(i64, Address)>, users: Users<'_>) -> Vec<(Option<i64>, Address)> {
    if !users.named.is_empty() {
        let wanted: BTreeSet<_> = users.named.iter().copied().collect();
        let mut chosen: Vec<_> = all
            .into_iter()
            .filter(|(_, address)| wanted.contains(address))
            .map(|(id, address)| (Some(id), address))
            .collect();
        let found: BTreeSet<_> = chosen.iter().map(|(_, address)| *address).collect();
        chosen.extend(wanted.difference(&found).map(|address| (None, *address)));
        chosen.sort_by_key(|(_, address)| *address);
        return chosen;
    }
    if let Some(sample) = users.sample {
        let state = RandomState::new();
        all.sort_by_cached_key(|(id, _)| state.hash_one(id));
        all.truncate(sample);
    }
    all.into_iter()
        .map(|(id, address)| (Some(id), address))
        .collect()
}

/// Reads one state of a database of the newest version, without leaving a trace.
fn read_state<T>(
    path: &Path,
    mut read: impl FnMut(&mut SqliteConnection) -> Result<T, SyncError>,
) -> Result<T, SyncError> {
    let mut failure = None;
    let found = read_without_trace(path, |connection| {
        failure = None;
        transaction(
            connection,
            Begin::Deferred,
            |connection| {
                let version = recognise_state(connection)?.require_version(path)?;
                if version != SchemaVersion::latest() {
                    failure = Some(SyncError::Version {
                        found: version.to_string(),
                    });
                    return Ok(None);
                }
                match read(connection) {
                    Ok(found) => Ok(Some(found)),
                    Err(SyncError::Database { source }) => Err(*source),
                    Err(error) => {
                        failure = Some(error);
                        Ok(None)
                    }
                }
            },
            Error::from,
        )
    });
    match found.map_err(|error| error.at(path, "read the markets"))? {
        Some(found) => Ok(found),
        None => Err(failure.unwrap_or(SyncError::Unsettled {
            reason: "the database could not be read",
        })),
    }
}
