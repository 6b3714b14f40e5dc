//! Writes the changes of blocks to markets, the marks and the journal in one transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::models::aave::position_writer::PositionWriter;
use crate::models::aave::reserve_writer::store_update_time;
use crate::models::access::written::require_written;
use crate::models::journal::block_updates::{forget_final_below, store_blocks};
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::market_marks::note_mark;
use crate::models::journal::recorder::Recorder;
use crate::models::rows::aave_v3_market::AaveV3Market;
use crate::schema::aave_v3_markets;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::aave::market_decoder::MarketChanges;
use crate::sync::aave::market_event::MarketEvent;
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::{Context, MarketState};
use crate::sync::domain::{Committed, Counts, Place, Remembered};
use crate::sync::freshness::Freshness;
use crate::sync::pending::Batch;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// The markets in memory. All of it is checked in each transaction.
#[derive(Debug, Default)]
pub(super) struct MarketMemory {
    freshness: Freshness,
    markets: HashMap<i64, MarketState>,
}

impl MarketMemory {
    /// A market, which is read if it is not in memory.
    pub(super) fn market(
        &mut self,
        connection: &mut SqliteConnection,
        market: &ScopedMarket,
    ) -> Result<&mut MarketState, SyncError> {
        Ok(match self.markets.entry(market.id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(MarketState::load(connection, market)?),
        })
    }
}

impl Remembered for MarketMemory {
    fn refresh(&mut self, connection: &mut SqliteConnection, path: &Path) -> Result<(), SyncError> {
        if self.freshness.look(connection, path)? {
            self.forget();
        }
        Ok(())
    }

    fn is_current(&self, connection: &mut SqliteConnection) -> Result<bool, SyncError> {
        self.freshness.is_current(connection)
    }

    fn forget(&mut self) {
        self.markets.clear();
    }
}

/// Writes a batch.
pub(super) fn commit(
    place: Place<'_>,
    memory: &mut MarketMemory,
    scope: &Scope<ScopedMarket>,
    members: &[usize],
    batch: &Batch<MarketChanges>,
) -> Result<Committed, SyncError> {
    let Place {
        connection,
        path,
        chain,
    } = place;
    let result = transaction(
        connection,
        Begin::Immediate,
        |connection| {
            memory.refresh(connection, path)?;
            let markets = || {
                members
                    .iter()
                    .filter_map(|index| scope.exchanges.get(*index))
            };
            for market in markets() {
                if let Some(reason) = moved(connection, market)? {
                    return Ok(Committed::Moved(reason));
                }
            }
            let found = members
                .iter()
                .filter_map(|index| Some((*index, scope.exchanges.get(*index)?)));
            let found: Vec<_> = found.collect();
            Ok(
                match write_batch(connection, chain, memory, &found, batch)? {
                    Some(counts) => Committed::Done(counts),
                    None => Committed::Moved("the chain was reorganised"),
                },
            )
        },
        SyncError::from,
    );
    if !matches!(result, Ok(Committed::Done(_))) {
        // What was rolled back is not in the database.
        memory.forget();
    }
    result
}

/// Writes a batch to markets, each with its place among the members, inside a transaction. `None` if the database has
/// blocks of another branch of the chain.
pub(super) fn write_batch(
    connection: &mut SqliteConnection,
    chain: ChainId,
    memory: &mut MarketMemory,
    markets: &[(usize, &ScopedMarket)],
    batch: &Batch<MarketChanges>,
) -> Result<Option<Counts>, SyncError> {
    if !fits(connection, chain, batch)? {
        return Ok(None);
    }
    let mut counts = Counts::default();
    for (index, market) in markets {
        let created = write(connection, memory, market, batch, &mut counts)?;
        counts.created.push((*index, created));
    }
    store(connection, chain, batch)?;
    Ok(Some(counts))
}

/// Whether a market is no longer as it was read.
fn moved(
    connection: &mut SqliteConnection,
    market: &ScopedMarket,
) -> Result<Option<&'static str>, SyncError> {
    let Some(found) = AaveV3Market::by_id(connection, market.id)? else {
        return Ok(Some("another program has replaced the markets"));
    };
    if found.last_update_block != market.mark {
        return Ok(Some("another program has moved the marks"));
    }
    if !found.active || found.chain_id != market.chain {
        return Ok(Some("another program has changed the markets"));
    }
    Ok(None)
}

/// Whether the blocks of a batch are on the same branch of the chain as those that are stored.
fn fits(
    connection: &mut SqliteConnection,
    chain: ChainId,
    batch: &Batch<MarketChanges>,
) -> Result<bool, SyncError> {
    let first = batch.from.previous().unwrap_or(batch.from);
    let stored = StoredBlock::of_range(connection, chain, first, batch.to)?;
    Ok(batch.fits(&stored))
}

fn store(
    connection: &mut SqliteConnection,
    chain: ChainId,
    batch: &Batch<MarketChanges>,
) -> Result<(), SyncError> {
    if batch.end.is_final {
        batch.end.store(connection, chain)?;
        forget_final_below(connection, chain, batch.to)?;
    } else {
        let headers = batch.headers.iter().copied();
        store_blocks(Statements::of(connection)?, chain, headers)?;
    }
    Ok(())
}

/// Writes what a batch makes of a market, and moves its mark. Returns the number of new positions.
fn write(
    connection: &mut SqliteConnection,
    memory: &mut MarketMemory,
    market: &ScopedMarket,
    batch: &Batch<MarketChanges>,
    counts: &mut Counts,
) -> Result<u64, SyncError> {
    let state = memory.market(connection, market)?;
    let changes = &batch.changes;
    let context = Context {
        market,
        facts: &changes.facts,
        times: &batch.times,
    };
    let mut created = 0;
    state.read_debt(connection, &changes.events)?;
    if batch.end.is_final {
        let of_state = apply(connection, state, &changes.events, &context, counts)?;
        created += of_state;
        write_time(connection, market, (batch.to, true), &context)?;
    } else {
        // The changes of each block are recorded as its own.
        let mut rest = &changes.events[..];
        for header in &batch.headers {
            let number = header.number;
            let split = rest.partition_point(|event| event.place.block <= number);
            let (of_block, later) = rest.split_at(split);
            rest = later;
            Recorder::enter(Statements::of(connection)?, market.chain, number)?;
            created += apply(connection, state, of_block, &context, counts)?;
            write_time(connection, market, (number, false), &context)?;
            Recorder::leave(Statements::of(connection)?)?;
        }
    }
    state.trim();
    let updated = diesel::update(aave_v3_markets::table.find(market.id))
        .set(aave_v3_markets::last_update_block.eq(batch.to))
        .execute(connection)?;
    require_written(
        u64::try_from(updated).unwrap_or(u64::MAX),
        "aave_v3_markets",
    )?;
    Ok(created)
}

/// Applies events, and writes what they change.
fn apply(
    connection: &mut SqliteConnection,
    state: &mut MarketState,
    events: &[MarketEvent],
    context: &Context<'_>,
    counts: &mut Counts,
) -> Result<u64, SyncError> {
    if events.is_empty() {
        return Ok(0);
    }
    {
        let statements = Statements::of(connection)?;
        let mut writer = PositionWriter::new(statements)?;
        let _held = statements.hold();
        state.read_balances(&mut writer, events)?;
    }
    for event in events {
        counts.events += u64::from(state.apply(event, context)?);
    }
    let written = state.write(connection, context.facts)?;
    counts.rows += written.rows;
    Ok(written.created)
}

/// Writes the time of a block up to which a market is in the database now, and notes who has brought it there.
fn write_time(
    connection: &mut SqliteConnection,
    market: &ScopedMarket,
    (block, is_final): (BlockNumber, bool),
    context: &Context<'_>,
) -> Result<(), SyncError> {
    if let Some(time) = context.timestamp(block) {
        store_update_time(connection, market.id, time)?;
        let statements = Statements::of(connection)?;
        note_mark(statements, market.chain, market.id, (block, is_final))?;
    }
    Ok(())
}
