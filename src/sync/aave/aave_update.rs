//! Updates of an Aave V3 market with events that the caller has received, without a node.

use std::collections::BTreeMap;

use diesel::sqlite::SqliteConnection;

use crate::deployments::market_name::MarketName;
use crate::events::malformed_event::MalformedEvent;
use crate::models::access::row_error::RowError;
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::recorder::Recorder;
use crate::models::journal::tables::UpdateOf;
use crate::node::header::Header;
use crate::node::logs::filter::LogFilter;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::aave::market_commit::{MarketMemory, write_batch};
use crate::sync::aave::market_decoder::{MarketChanges, MarketDecoder};
use crate::sync::aave::market_event::{MarketEvent, RareEvent};
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::transfer_amounts::unknown_transfers;
use crate::sync::decode::{Decode as _, Which};
use crate::sync::domain::Counts;
use crate::sync::pending::Batch;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;
use crate::types::log::Logs;
use crate::types::sync_cursor::LogPosition;

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
/// Some events do not say all that has to be known: a reserve is listed, a contract gets new code, or the market another
/// oracle. Then the update is refused ([`AaveUpdateError::NodeNeeded`]), and `update_aave_markets` has to take in that
/// block.
///
/// ```no_run
/// # use degenbot::database::Database;
/// # use degenbot::deployments::MarketName;
/// # use degenbot::sync::{AaveUpdate, AaveUpdateError, UpdateBlock};
/// # use degenbot::types::{BlockNumber, Logs};
/// # type Error = Box<dyn std::error::Error>;
/// # struct Subscription;
/// # impl Subscription {
/// #     fn next(&self) -> Option<(UpdateBlock, Logs)> { None }
/// #     fn final_block(&self) -> BlockNumber { BlockNumber::new(0).expect("a number") }
/// # }
/// # fn follow(database: &Database, subscription: &Subscription) -> Result<(), Error> {
/// let market: MarketName = "ethereum_aave_v3".parse()?;
/// // What to subscribe to.
/// let filter = database.read(|connection| -> Result<_, Error> {
///     Ok(AaveUpdate::filter(connection, &market)?)
/// })?;
/// # let _ = filter;
/// while let Some((block, logs)) = subscription.next() {
///     let update = AaveUpdate::new(market.clone(), vec![block], subscription.final_block(), &logs)?;
///     let applied = database.write(|connection| -> Result<_, Error> { Ok(update.apply(connection)?) });
///     match applied.map_err(|error| error.downcast::<AaveUpdateError>()) {
///         Ok(applied) => println!("{} positions are new", applied.positions),
///         // A reserve was listed, a token upgraded, or the chain was reorganised: here a node has to be asked, with
///         // `update_aave_markets`. Then the filter is read again.
///         Err(Ok(error)) if error.needs_node() => break,
///         Err(Ok(error)) => return Err(error),
///         Err(Err(error)) => return Err(error),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AaveUpdate {
    market: MarketName,
    blocks: Vec<UpdateBlock>,
    final_block: BlockNumber,
    events: Vec<MarketEvent>,
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

/// Why an [`AaveUpdate`] cannot be made or written. Nothing is written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AaveUpdateError {
    /// There are no blocks.
    #[error("the update has no blocks")]
    NoBlocks,
    /// A block does not follow the one before it.
    #[error("block {0} does not follow the one before it")]
    Gap(BlockNumber),
    /// An event is of none of the blocks, or not after the event before it.
    #[error("the event of {0} is of none of the blocks, or not after the one before it")]
    Place(LogPosition),
    /// An event is not what its first topic says.
    #[error(transparent)]
    Malformed(#[from] MalformedEvent),
    /// The market is not in the database, not active, or was never updated: `update_aave_markets` has to begin.
    #[error("the database has no active market {0} that was updated before")]
    Unknown(MarketName),
    /// Blocks between the market's mark and the first block of the update are missing.
    #[error("the market is at block {mark}, and the first block of the update is {first}")]
    Missing {
        /// The last block that the database has of the market.
        mark: BlockNumber,
        /// The first block of the update.
        first: BlockNumber,
    },
    /// The database has other blocks of these numbers, or before them: the chain was reorganised. An update with a node
    /// takes them back.
    #[error("the database has blocks of another branch of the chain")]
    OtherBranch,
    /// An event does not say all that has to be known. An update with a node has to take in its block.
    #[error("the event of {0} does not say all that has to be known; a node has to be asked")]
    NodeNeeded(LogPosition),
    /// An event contradicts the database, or the database cannot be read or written.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl AaveUpdateError {
    /// Whether an update with a node, such as [`update_aave_markets`](crate::sync::update_aave_markets), takes these blocks
    /// in.
    #[must_use]
    pub const fn needs_node(&self) -> bool {
        matches!(
            self,
            Self::Unknown(_) | Self::Missing { .. } | Self::OtherBranch | Self::NodeNeeded(_)
        )
    }
}

impl From<diesel::result::Error> for AaveUpdateError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Sync(error.into())
    }
}

impl From<RowError> for AaveUpdateError {
    fn from(error: RowError) -> Self {
        Self::Sync(error.into())
    }
}

impl AaveUpdate {
    /// The filter for the events that an update of a market needs.
    ///
    /// # Errors
    ///
    /// [`AaveUpdateError::Unknown`], or [`AaveUpdateError::Sync`] if the database cannot be read.
    pub fn filter(
        connection: &mut SqliteConnection,
        market: &MarketName,
    ) -> Result<LogFilter, AaveUpdateError> {
        let (scope, _) = scope_of(connection, market)?;
        let decoder = MarketDecoder::new(&scope, &[0]);
        Ok(decoder.filter(Which::First).cloned().unwrap_or_default())
    }

    /// An update of a market with the events of these blocks, in the order of the chain. Events of other contracts or kinds
    /// are left out. `final_block` is the last block of the chain that is final.
    ///
    /// # Errors
    ///
    /// [`AaveUpdateError`] if the blocks do not follow each other, if an event is of none of them, not after the one before
    /// it, or malformed.
    pub fn new(
        market: MarketName,
        blocks: Vec<UpdateBlock>,
        final_block: BlockNumber,
        logs: &Logs,
    ) -> Result<Self, AaveUpdateError> {
        let first = blocks.first().ok_or(AaveUpdateError::NoBlocks)?.number;
        for pair in blocks.windows(2) {
            if let [before, block] = pair
                && (block.number != before.number.next() || block.parent_hash != before.hash)
            {
                return Err(AaveUpdateError::Gap(block.number));
            }
        }
        let mut last = None;
        let mut events = Vec::new();
        for log in logs.iter() {
            let of_first = log.place.block.get().checked_sub(first.get());
            let index = of_first.and_then(|index| usize::try_from(index).ok());
            let block = index.and_then(|index| blocks.get(index));
            let is_of_block = block.is_some_and(|block| block.hash == log.block_hash);
            if !is_of_block || last.is_some_and(|last| last >= log.place) {
                return Err(AaveUpdateError::Place(log.place));
            }
            last = Some(log.place);
            events.extend(MarketEvent::decode(&log)?);
        }
        Ok(Self {
            market,
            blocks,
            final_block,
            events,
        })
    }

    /// Writes the blocks that the database does not have of the market, all of them or nothing. Runs in the caller's
    /// transaction, such as that of [`Session::write`](crate::database::Session::write), or in one of its own. After an
    /// error inside the caller's transaction, the caller must roll back.
    ///
    /// # Errors
    ///
    /// [`AaveUpdateError`].
    pub fn apply(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<AppliedAaveUpdate, AaveUpdateError> {
        if Statements::of(connection)?.in_transaction() {
            self.apply_recorded(connection)
        } else {
            transaction(
                connection,
                Begin::Immediate,
                |connection| self.apply_recorded(connection),
                AaveUpdateError::from,
            )
        }
    }

    fn apply_recorded(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<AppliedAaveUpdate, AaveUpdateError> {
        Recorder::install(Statements::of(connection)?, UpdateOf::AaveMarkets)?;
        let applied = self.apply_missing(connection);
        Recorder::remove(Statements::of(connection)?)?;
        applied
    }

    fn apply_missing(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<AppliedAaveUpdate, AaveUpdateError> {
        let (mut scope, mark) = scope_of(connection, &self.market)?;
        let first = self.blocks.first().ok_or(AaveUpdateError::NoBlocks)?.number;
        if first > mark.next() {
            return Err(AaveUpdateError::Missing { mark, first });
        }
        let begin = self.blocks.partition_point(|block| block.number <= mark);
        let split = self
            .blocks
            .partition_point(|block| block.number <= self.final_block);
        let (known, unknown) = self.blocks.split_at(begin);
        if let Some(last) = known.last() {
            require_same_branch(connection, &scope, last)?;
        }
        let (is_final, others) = unknown.split_at(split.saturating_sub(begin));
        let mut memory = MarketMemory::default();
        let mut applied = AppliedAaveUpdate::default();
        for (blocks, is_final) in [(is_final, true), (others, false)] {
            let Some(batch) = self.batch(blocks, is_final) else {
                continue;
            };
            let Some(market) = scope.exchanges.first_mut() else {
                continue;
            };
            require_no_node(market, memory.market(connection, market)?, &batch.changes)?;
            let markets = [(0, &*market)];
            let written = write_batch(connection, market.chain, &mut memory, &markets, &batch)?;
            let counts = written.ok_or(AaveUpdateError::OtherBranch)?;
            market.mark = Some(batch.to);
            applied.add(&counts, blocks.len());
        }
        Ok(applied)
    }

    /// These blocks with their events; `None` if there are none.
    fn batch(&self, blocks: &[UpdateBlock], is_final: bool) -> Option<Batch<MarketChanges>> {
        let (first, last) = (blocks.first()?, blocks.last()?);
        let stored = |block: &UpdateBlock| StoredBlock {
            number: block.number,
            hash: block.hash,
            is_final,
        };
        let events = self.events.iter();
        let is_here =
            |event: &&MarketEvent| (first.number..=last.number).contains(&event.place.block);
        let headers = if is_final { &[][..] } else { blocks };
        let times: BTreeMap<_, _> = blocks
            .iter()
            .map(|block| (block.number, block.timestamp))
            .collect();
        Some(Batch {
            from: first.number,
            parent_hash: first.parent_hash,
            to: last.number,
            changes: MarketChanges {
                events: events.filter(is_here).cloned().collect(),
                facts: NodeFacts::default(),
            },
            headers: headers.iter().map(stored).collect(),
            end: stored(last),
            times,
        })
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

/// The market as a scope of its own, and its mark.
fn scope_of(
    connection: &mut SqliteConnection,
    market: &MarketName,
) -> Result<(Scope<ScopedMarket>, BlockNumber), AaveUpdateError> {
    let names = std::slice::from_ref(market);
    let scope = Scope::read_markets(connection, market.chain, names)?;
    let found = scope.exchanges.first().filter(|market| market.is_known);
    match found.and_then(|market| market.mark) {
        Some(mark) => Ok((scope, mark)),
        None => Err(AaveUpdateError::Unknown(market.clone())),
    }
}

/// Fails if the database has another block of this number.
fn require_same_branch(
    connection: &mut SqliteConnection,
    scope: &Scope<ScopedMarket>,
    block: &UpdateBlock,
) -> Result<(), AaveUpdateError> {
    let chain = scope.exchanges.first().map(|market| market.chain);
    let Some(chain) = chain else {
        return Ok(());
    };
    let stored = StoredBlock::of_range(connection, chain, block.number, block.number)?;
    if stored.iter().all(|stored| stored.hash == block.hash) {
        return Ok(());
    }
    Err(AaveUpdateError::OtherBranch)
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
        Some(
            RareEvent::Initialized(_)
            | RareEvent::Pool(_)
            | RareEvent::Configurator(_)
            | RareEvent::Oracle(_)
            | RareEvent::Proxy(_)
            | RareEvent::AddressSet(_),
        ) => true,
        Some(RareEvent::Upgraded(_)) => of_token(event),
        _ => false,
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
