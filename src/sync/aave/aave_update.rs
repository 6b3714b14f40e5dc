//! Updates of an Aave V3 market with events that the caller has received, without a node.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::recognition::recognise::recognise_state;
use crate::deployments::market_name::MarketName;
use crate::models::journal::block_updates::make_final;
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::market_marks::MarkedBy;
use crate::models::journal::recorder::Recorder;
use crate::models::journal::tables::UpdateOf;
use crate::node::header::Header;
use crate::node::logs::filter::LogFilter;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::aave::aave_update_error::AaveUpdateError;
use crate::sync::aave::market_commit::{MarketMemory, write_batch};
use crate::sync::aave::market_decoder::{MarketChanges, MarketDecoder, new_contracts};
use crate::sync::aave::market_event::{MarketEvent, RareEvent};
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::transfer_amounts::unknown_transfers;
use crate::sync::decode::{Decode as _, Which};
use crate::sync::domain::Counts;
use crate::sync::freshness::Freshness;
use crate::sync::pending::Batch;
use crate::sync::preconditions::require_latest;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, Timestamp};
use crate::types::log::Logs;

/// A block of an [`AaveUpdate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the chain fixes the fields")]
pub struct UpdateBlock {
    /// The number of the block.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: BlockHash,
    /// The hash of the block before it.
    pub parent_hash: BlockHash,
    /// When it was made, in seconds since 1970.
    pub timestamp: u64,
}

impl From<&Header> for UpdateBlock {
    fn from(header: &Header) -> Self {
        Self {
            number: header.number,
            hash: header.hash,
            parent_hash: header.parent_hash,
            timestamp: header.timestamp,
        }
    }
}

/// The events of a market in consecutive blocks, to be written to the database: for a bot that receives them anyway.
///
/// It does what [`update_aave_markets`](crate::sync::update_aave_markets) does with the same blocks: the rows are the same,
/// each event is checked against the balance that it changes, and blocks that are not final are recorded in the journal, so
/// that the next update takes back what the chain has replaced.
///
/// The market's mark in the database decides, in the transaction that writes. Blocks up to the mark are there already, and
/// are left out. So any number of programs can follow a market, and each can be killed at any time and apply its blocks
/// again.
///
/// Some events do not say all that has to be known: a reserve is listed, a contract gets new code, the market gets another
/// oracle, or old tokens are transferred. Then the update is refused ([`AaveUpdateError::NodeNeeded`]), and
/// `update_aave_markets` has to take in that block, with it or [`BlockTarget::LATEST`](crate::sync::BlockTarget::LATEST) as
/// the target. It is also refused if the market has contracts that the filter lacks, because another program has taken in
/// such a block ([`AaveUpdateError::Filter`]), if another program may have moved the mark
/// ([`AaveUpdateError::MarkMoved`]), and if the blocks were received so long ago that the chain may have replaced them
/// ([`AaveUpdateError::Unproven`]).
///
/// The journal keeps blocks until later ones are final, going by the final block that the bot names. What was final once
/// stays final.
///
/// The bot leaves out logs that the node says were removed.
///
/// ```no_run
/// use degenbot::database::Database;
/// use degenbot::deployments::MarketName;
/// use degenbot::sync::{AaveUpdate, AaveUpdateError};
/// # use degenbot::node::LogFilter;
/// # use degenbot::sync::UpdateBlock;
/// # use degenbot::types::{BlockNumber, Logs};
/// // `Subscription` is what the bot receives blocks and logs with.
/// # struct Subscription;
/// # impl Subscription {
/// #     fn new(_: &LogFilter) -> Self { Self }
/// #     fn next(&self) -> Option<(UpdateBlock, Logs)> { None }
/// #     fn final_block(&self) -> BlockNumber { self.final_block() }
/// # }
///
/// fn follow(database: &Database, market: &MarketName) -> Result<(), AaveUpdateError> {
///     let filter = database.read(|connection| AaveUpdate::filter(connection, market))?;
///     let subscription = Subscription::new(&filter);
///     while let Some((block, logs)) = subscription.next() {
///         let last = subscription.final_block();
///         let update = AaveUpdate::new(market, &filter, vec![block], last, &logs)?;
///         match database.write(|connection| update.apply(connection)) {
///             Ok(applied) => println!("{} positions are new", applied.positions),
///             // A reserve was listed, a token upgraded, or the chain was reorganised: here a node has to be asked, with
///             // `update_aave_markets` to the newest block. Then the filter is read again.
///             Err(error) if error.needs_node() => break,
///             Err(error) => return Err(error),
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct AaveUpdate {
    market: MarketName,
    filter: LogFilter,
    blocks: Vec<UpdateBlock>,
    final_block: BlockNumber,
    logs: Logs,
}

/// What an [`AaveUpdate`] has written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedAaveUpdate {
    /// The blocks that the database did not have.
    pub blocks: u64,
    /// Their events.
    pub events: u64,
    /// Rows inserted or changed.
    pub rows: u64,
    /// New positions.
    pub positions: u64,
}

impl AaveUpdate {
    /// The filter for the events that an update of a market needs. It changes when the market gets another contract.
    ///
    /// # Errors
    ///
    /// [`AaveUpdateError::Unknown`], [`AaveUpdateError::Incomplete`], or [`AaveUpdateError::Sync`] if the database is of
    /// another version, or cannot be read.
    pub fn filter(
        connection: &mut SqliteConnection,
        market: &MarketName,
    ) -> Result<LogFilter, AaveUpdateError> {
        let path = Statements::of(connection)?.database_path();
        let version = recognise_state(connection)?.require_version(&path)?;
        require_latest(version)?;
        let (scope, _) = scope_of(connection, market)?;
        Ok(filter_of(&scope))
    }

    /// An update of a market with the events of these blocks, in the order of the chain. `filter` is what they were asked for
    /// with: that of [`AaveUpdate::filter`], or a wider one, such as all events of the blocks. `final_block` is the last
    /// block of the chain that is final.
    ///
    /// # Errors
    ///
    /// [`AaveUpdateError::NoBlocks`]; [`AaveUpdateError::Gap`] if the blocks do not follow each other, and
    /// [`AaveUpdateError::Time`] if their times do not; [`AaveUpdateError::Place`] if an event is of none of them or not after
    /// the one before it.
    pub fn new(
        market: &MarketName,
        filter: &LogFilter,
        blocks: Vec<UpdateBlock>,
        final_block: BlockNumber,
        logs: &Logs,
    ) -> Result<Self, AaveUpdateError> {
        if blocks.is_empty() {
            return Err(AaveUpdateError::NoBlocks);
        }
        for pair in blocks.windows(2) {
            if let [before, block] = pair
                && (block.number != before.number.next() || block.parent_hash != before.hash)
            {
                return Err(AaveUpdateError::Gap(block.number));
            }
        }
        let mut time = 0;
        for block in &blocks {
            if block.timestamp < time || Timestamp::new(block.timestamp).is_err() {
                return Err(AaveUpdateError::Time(block.number));
            }
            time = block.timestamp;
        }
        let mut last = None;
        for log in logs.iter() {
            let block = block_of(&blocks, log.place.block);
            let is_of_block = block.is_some_and(|block| block.hash == log.block_hash);
            if !is_of_block || last.is_some_and(|last| last >= log.place) {
                return Err(AaveUpdateError::Place(log.place));
            }
            last = Some(log.place);
        }
        Ok(Self {
            market: market.clone(),
            filter: filter.clone(),
            blocks,
            final_block,
            logs: logs.clone(),
        })
    }

    /// Writes the blocks that the database does not have of the market, all of them or nothing. Events of other contracts or
    /// kinds are left out.
    ///
    /// `connection` is one of a [`Database`](crate::database::Database). This runs in the caller's transaction, such as that
    /// of [`Database::write`](crate::database::Database::write), or in one of its own. After an error inside the caller's
    /// transaction, the caller must roll back.
    ///
    /// # Errors
    ///
    /// [`AaveUpdateError`].
    pub fn apply(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<AppliedAaveUpdate, AaveUpdateError> {
        let path = Statements::of(connection)?.database_path();
        let applied = if Statements::of(connection)?.in_transaction() {
            self.apply_missing(connection, &path)
        } else {
            transaction(
                connection,
                Begin::Immediate,
                |connection| self.apply_missing(connection, &path),
                AaveUpdateError::from,
            )
        };
        applied.map_err(|error| match error {
            AaveUpdateError::Sync(SyncError::Database { source }) => {
                source.at(&path, "update the market").into()
            }
            error => error,
        })
    }

    fn apply_missing(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<AppliedAaveUpdate, AaveUpdateError> {
        // The schema is the newest one, and no trigger of the user's own interferes.
        Freshness::default().look(connection, path)?;
        let (mut scope, mark) = scope_of(connection, &self.market)?;
        let (Some(first), Some(last)) = (self.blocks.first(), self.blocks.last()) else {
            return Err(AaveUpdateError::NoBlocks);
        };
        if first.number > mark.next() {
            return Err(AaveUpdateError::Missing {
                mark,
                first: first.number,
            });
        }
        let chain = self.market.chain;
        let stored = StoredBlock::of_chain(connection, chain)?;
        if !self.is_on_branch_of(&stored) {
            return Err(AaveUpdateError::OtherBranch);
        }
        let is_unknown = |block: &&UpdateBlock| block.number > mark;
        let Some(next) = self.blocks.iter().find(is_unknown) else {
            return Ok(AppliedAaveUpdate::default());
        };
        for market in &scope.exchanges {
            let name = || self.market.clone();
            match market.marked_by {
                MarkedBy::ThisProgram => {}
                MarkedBy::Unknown if !market.is_complete => {
                    return Err(AaveUpdateError::Incomplete(name()));
                }
                MarkedBy::Another | MarkedBy::Unknown => {
                    return Err(AaveUpdateError::MarkMoved(name()));
                }
            }
        }
        if !self.filter.covers(&filter_of(&scope)) {
            return Err(AaveUpdateError::Filter(self.market.clone()));
        }
        let time = scope.exchanges.first().and_then(|market| market.time);
        if time.is_some_and(|time| next.timestamp < time.get()) {
            return Err(AaveUpdateError::Time(next.number));
        }
        // What was final once stays final.
        let known = stored.iter().find(|block| block.is_final);
        let known = known.map(|block| block.number);
        let final_block = known.map_or(self.final_block, |known| known.max(self.final_block));
        if let Some(block) = self.unproven(&stored, mark, known) {
            return Err(AaveUpdateError::Unproven(block));
        }
        let mut applied = AppliedAaveUpdate::default();
        let mut memory = MarketMemory::default();
        let place = |block: BlockNumber| self.blocks.partition_point(|it| it.number <= block);
        let (begin, split) = (place(mark), place(final_block).max(place(mark)));
        for (blocks, is_final) in [
            (&self.blocks[begin..split], true),
            (&self.blocks[split..], false),
        ] {
            let Some(market) = scope.exchanges.first_mut() else {
                continue;
            };
            if let Some(counts) = self.write(connection, &mut memory, market, blocks, is_final)? {
                applied.add(&counts, blocks.len());
            }
        }
        // As an update with a node does when more has become final. Beyond the last block, nobody has looked.
        let final_block = final_block.min(last.number);
        if known < Some(final_block) {
            make_final(connection, chain, known, final_block)?;
        }
        Ok(applied)
    }

    /// Whether all stored blocks of these numbers, and the one before them, are of the same branch of the chain.
    fn is_on_branch_of(&self, stored: &[StoredBlock]) -> bool {
        let Some(first) = self.blocks.first() else {
            return true;
        };
        stored.iter().all(|stored| {
            if Some(stored.number) == first.number.previous() {
                return stored.hash == first.parent_hash;
            }
            let block = block_of(&self.blocks, stored.number);
            block.is_none_or(|block| block.hash == stored.hash)
        })
    }

    /// The first missing block that has become final since the bot received it, without the database having its hash, or that
    /// of one of the next: it may be one that the chain has replaced meanwhile. `known` is the last final block that the
    /// database knows of.
    fn unproven(
        &self,
        stored: &[StoredBlock],
        mark: BlockNumber,
        known: Option<BlockNumber>,
    ) -> Option<BlockNumber> {
        let last = self.blocks.last()?.number;
        let in_chain = stored.iter().map(|block| block.number);
        let proven = in_chain.filter(|number| *number <= last).max();
        let first = proven.map_or(mark, |proven| proven.max(mark));
        let first = first.max(self.final_block).next();
        (first <= last && Some(first) <= known).then_some(first)
    }

    /// Writes blocks of a market, all of them final or none. `None` if there are no blocks.
    fn write(
        &self,
        connection: &mut SqliteConnection,
        memory: &mut MarketMemory,
        market: &mut ScopedMarket,
        blocks: &[UpdateBlock],
        is_final: bool,
    ) -> Result<Option<Counts>, AaveUpdateError> {
        let Some(batch) = self.batch(market, blocks, is_final)? else {
            return Ok(None);
        };
        let state = memory.market(connection, market)?;
        if !state.has_facts() {
            return Err(AaveUpdateError::Incomplete(self.market.clone()));
        }
        require_no_node(market, state, &batch.changes)?;
        if !is_final {
            Recorder::install(Statements::of(connection)?, UpdateOf::AaveMarkets)?;
        }
        let markets = [(0, &*market)];
        let written = write_batch(connection, market.chain, memory, &markets, &batch);
        if !is_final {
            Recorder::remove(Statements::of(connection)?)?;
        }
        let counts = written?.ok_or(AaveUpdateError::OtherBranch)?;
        market.mark = Some(batch.to);
        Ok(Some(counts))
    }

    /// These blocks with the events of a market; `None` if there are no blocks.
    fn batch(
        &self,
        market: &ScopedMarket,
        blocks: &[UpdateBlock],
        is_final: bool,
    ) -> Result<Option<Batch<MarketChanges>>, AaveUpdateError> {
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(None);
        };
        let stored = |block: &UpdateBlock| StoredBlock {
            number: block.number,
            hash: block.hash,
            is_final,
        };
        let mut events = Vec::new();
        for log in self.logs.iter() {
            let is_here = (first.number..=last.number).contains(&log.place.block);
            if is_here && market.contracts.binary_search(&log.address).is_ok() {
                events.extend(MarketEvent::decode(&log)?);
            }
        }
        let headers = if is_final { &[][..] } else { blocks };
        let times: BTreeMap<_, _> = blocks
            .iter()
            .map(|block| (block.number, block.timestamp))
            .collect();
        Ok(Some(Batch {
            from: first.number,
            parent_hash: first.parent_hash,
            to: last.number,
            changes: MarketChanges {
                events,
                facts: NodeFacts::default(),
            },
            headers: headers.iter().map(stored).collect(),
            end: stored(last),
            times,
        }))
    }
}

impl AppliedAaveUpdate {
    fn add(&mut self, counts: &Counts, blocks: usize) {
        self.blocks += u64::try_from(blocks).unwrap_or(u64::MAX);
        self.events += counts.events;
        self.rows += counts.rows;
        self.positions += counts
            .created
            .iter()
            .map(|(_, created)| created)
            .sum::<u64>();
    }
}

/// The block of a number among consecutive ones.
fn block_of(blocks: &[UpdateBlock], number: BlockNumber) -> Option<&UpdateBlock> {
    let index = number.get().checked_sub(blocks.first()?.number.get())?;
    blocks.get(usize::try_from(index).ok()?)
}

/// The market as a scope of its own, and its mark.
fn scope_of(
    connection: &mut SqliteConnection,
    market: &MarketName,
) -> Result<(Scope<ScopedMarket>, BlockNumber), AaveUpdateError> {
    let names = std::slice::from_ref(market);
    let scope = Scope::read_markets(connection, market.chain, names)?;
    let found = scope.exchanges.first();
    let found = found.ok_or_else(|| AaveUpdateError::Unknown(market.clone()))?;
    match found.mark.filter(|_| found.is_known) {
        Some(mark) => Ok((scope, mark)),
        None => Err(AaveUpdateError::Incomplete(market.clone())),
    }
}

/// The filter for the events of the market that a scope has.
fn filter_of(scope: &Scope<ScopedMarket>) -> LogFilter {
    let decoder = MarketDecoder::new(scope, &[0]);
    decoder.filter(Which::First).cloned().unwrap_or_default()
}

/// Fails if an event does not say all that has to be known.
fn require_no_node(
    market: &ScopedMarket,
    state: &MarketState,
    changes: &MarketChanges,
) -> Result<(), AaveUpdateError> {
    let MarketChanges { events, facts } = changes;
    let of_token = |event: &MarketEvent| state.of_token(event.contract).is_some();
    let silent = events.iter().find(|event| match event.rare() {
        Some(RareEvent::Pool(_) | RareEvent::Configurator(_)) => true,
        Some(RareEvent::Upgraded(_)) => of_token(event),
        Some(rare) => !new_contracts(rare).is_empty(),
        None => false,
    });
    if let Some(event) = silent {
        return Err(AaveUpdateError::NodeNeeded(event.place));
    }
    let transfers = unknown_transfers(market, state, events, facts)?;
    match transfers.iter().map(|(_, place)| *place).min() {
        Some(place) => Err(AaveUpdateError::NodeNeeded(place)),
        None => Ok(()),
    }
}
