//! The start of a bot: it loads the pools of a chain with their liquidity, applies the events of each block in memory,
//! writes them, and goes on where it stopped.
//!
//! It needs a database, which it does not create. From nothing:
//!
//! ```sh
//! cargo run -- --database PATH database reset   # an empty database
//! cargo run --example fill -- PATH              # an exchange and a pool
//! cargo run --example bot -- PATH
//! ```
//!
//! A bot of your own takes the events from a node instead of [`chain_of_the_example`], and has its strategy where
//! [`Bot::follow`] says so.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use degenbot::database::{Database, Error, ErrorKind};
use degenbot::models::{
    Exchange, ExchangeUpdate, LiquidityError, LiquidityPool, LiquidityUpdate, LogPosition,
    PoolFamily, PoolUpdate, RowError, TickMap, UpdateReport,
};
use degenbot::types::{Address, BlockNumber, ChainId, LogIndex, PoolHash, Tick, TickSpacing};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).ok_or("usage: bot PATH")?;
    run(Path::new(&path), &mut std::io::stdout().lock())
}

/// Follows the chain, is stopped, starts again, and follows it further.
pub(crate) fn run(path: &Path, out: &mut impl Write) -> Result<()> {
    let chain = ChainId::ETHEREUM;
    let blocks = chain_of_the_example()?;
    let bot = Bot::load(open(path)?, chain)?;
    writeln!(out, "loaded {} pools with ticks", bot.pools.len())?;
    let bot = bot.follow(&blocks[..2], out)?;

    // Killed at any time, a bot loads what is written, and takes events that it may have had.
    drop(bot);
    let bot = Bot::load(Database::open(path)?, chain)?;
    writeln!(out, "loaded {} pools with ticks again", bot.pools.len())?;
    bot.follow(&blocks, out)?;
    Ok(())
}

/// Opens a database that is there. Its hint says what to do if there is none.
fn open(path: &Path) -> Result<Database> {
    Database::open(path).map_err(|error| format!("{error}. {}", error.hint()).into())
}

/// What names a pool in its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Pool(Address),
    /// A pool of the manager with an address.
    Managed(Address, PoolHash),
}

/// A pool with its liquidity.
struct Pool {
    family: PoolFamily,
    id: i64,
    exchange_id: i64,
    spacing: TickSpacing,
    map: TickMap,
}

/// A `Mint`, `Burn` or `ModifyLiquidity` event.
struct Event {
    source: Source,
    place: LogPosition,
    lower: Tick,
    upper: Tick,
    delta: i128,
}

pub(crate) struct Block {
    number: BlockNumber,
    events: Vec<Event>,
}

pub(crate) struct Bot {
    database: Database,
    pools: BTreeMap<Source, Pool>,
    /// The exchanges of the chain, each with the block up to which all of its events are in the database.
    exchanges: BTreeMap<i64, Option<BlockNumber>>,
    /// The first block that is missing in the database; `None` if no exchange has a block.
    next: Option<BlockNumber>,
    /// Whether an event was left out since the pools were loaded.
    has_skipped: bool,
}

impl Bot {
    /// Loads the pools that have ticks. `ChainPools` has the other pools too, and all tokens.
    pub(crate) fn load(database: Database, chain: ChainId) -> std::result::Result<Self, Error> {
        // The exchanges come first: others may write meanwhile, and the blocks here then are older ones, which is safe.
        let exchanges = database.read(|connection| -> std::result::Result<_, Error> {
            Ok(Exchange::of_chain(connection, chain)?)
        })?;
        let exchanges: BTreeMap<_, _> = exchanges
            .into_iter()
            .map(|exchange| (exchange.id, exchange.last_update_block))
            .collect();
        // The pools come before the maps: a pool that has no map afterwards has no liquidity yet.
        let chain_pools = database.chain_pools(chain)?;
        let maps = Mutex::new(BTreeMap::new());
        for family in PoolFamily::ALL {
            database.for_each_tick_map(
                family,
                chain,
                4,
                |map| -> std::result::Result<_, Error> {
                    let map = map?;
                    let mut maps = maps
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    maps.insert((family, map.pool_id), map.tick_map);
                    Ok(())
                },
            )?;
        }
        let mut maps = maps
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut map_of = |family, id| maps.remove(&(family, id)).unwrap_or_default();
        let mut pools = BTreeMap::new();
        for entry in chain_pools.pools() {
            if let LiquidityPool::V3(pool) = entry.pool {
                let id = pool.base.id;
                pools.insert(
                    Source::Pool(pool.base.address),
                    Pool {
                        family: PoolFamily::Pools,
                        id,
                        exchange_id: entry.exchange.id,
                        spacing: pool.parameters.tick_spacing,
                        map: map_of(PoolFamily::Pools, id),
                    },
                );
            }
        }
        for entry in chain_pools.managed_pools() {
            let id = entry.pool.id;
            pools.insert(
                Source::Managed(entry.manager.address, entry.pool.pool_hash),
                Pool {
                    family: PoolFamily::ManagedPools,
                    id,
                    exchange_id: entry.manager.exchange_id,
                    spacing: entry.pool.tick_spacing,
                    map: map_of(PoolFamily::ManagedPools, id),
                },
            );
        }
        let last = exchanges.values().copied().flatten().min();
        Ok(Self {
            database,
            pools,
            exchanges,
            next: last.and_then(|last| BlockNumber::new(last.get() + 1).ok()),
            has_skipped: false,
        })
    }

    /// Follows the blocks of the chain, none of which is left out.
    ///
    /// An error takes the bot away, because its maps may have events that the database lacks. Then load it again, and follow
    /// the chain from its `next` block on: if a backup was restored, that is an older one.
    pub(crate) fn follow(mut self, blocks: &[Block], out: &mut impl Write) -> Result<Self> {
        for block in blocks {
            if let Some(next) = self.next.filter(|next| block.number > *next) {
                return Err(format!("block {next} comes before block {}", block.number).into());
            }
            let report = self.apply(block)?;
            let next = BlockNumber::new(block.number.get() + 1)?;
            self.next = self.next.max(Some(next));
            // Here the maps have the state after the block: find and send transactions.
            writeln!(
                out,
                "block {}: {} rows written, {} deleted, {} updates there already",
                block.number, report.written, report.deleted, report.already_applied
            )?;
        }
        Ok(self)
    }

    /// Applies the events of a block in memory, and writes them in one transaction.
    fn apply(&mut self, block: &Block) -> Result<UpdateReport> {
        loop {
            let update = self.record(block)?;
            let written = self
                .database
                .write(|connection| update.apply(connection).map_err(Error::from));
            match written {
                Ok(report) => {
                    for exchange in update.exchanges {
                        let block = self.exchanges.entry(exchange.exchange_id).or_default();
                        *block = (*block).max(Some(exchange.to));
                    }
                    return Ok(report);
                }
                // Another program has taken in events of one of the pools: the block is applied to what is there now.
                // If the pool's mark were before the one that this bot has written, events would be missing.
                Err(Error {
                    kind:
                        ErrorKind::Row {
                            source: RowError::Conflict { stored, from, .. },
                        },
                    ..
                }) if stored >= *from => self.read_again(block)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Applies the events of a block in memory, and records the changes.
    fn record(&mut self, block: &Block) -> Result<LiquidityUpdate> {
        let mut updates = BTreeMap::new();
        let mut exchanges = BTreeSet::new();
        for event in &block.events {
            // An event of a pool that is not in the database; a new pool's event adds it, with
            // `LiquidityPool::insert_or_get`.
            let Some(pool) = self.pools.get_mut(&event.source) else {
                self.has_skipped = true;
                continue;
            };
            let update = updates
                .entry(event.source)
                .or_insert_with(|| PoolUpdate::new(pool.family, pool.id));
            let Event {
                place,
                lower,
                upper,
                delta,
                ..
            } = *event;
            let changed =
                pool.map
                    .modify_liquidity(update, pool.spacing, place, lower, upper, delta);
            match changed {
                // The second is an event from before the bot was started again.
                Ok(()) | Err(LiquidityError::NotAfterMark { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            exchanges.insert(pool.exchange_id);
        }
        // The block of an exchange says that every event up to it is in the database. After one that is not, it stays.
        exchanges.retain(|_| !self.has_skipped);
        let exchanges = exchanges.into_iter().map(|id| {
            let from = self.exchanges.get(&id).copied().flatten();
            ExchangeUpdate::new(id, from, block.number)
        });
        Ok(LiquidityUpdate::new(
            updates.into_values().collect(),
            exchanges.collect(),
        ))
    }

    /// Reads the maps of the pools in a block again.
    fn read_again(&mut self, block: &Block) -> std::result::Result<(), Error> {
        let pools = &mut self.pools;
        self.database.read(|connection| {
            for event in &block.events {
                if let Some(pool) = pools.get_mut(&event.source) {
                    pool.map = TickMap::of_pool(connection, pool.family, pool.id)?;
                }
            }
            Ok(())
        })
    }
}

/// Three blocks with events of the pool that the example `fill` inserts, and one of a pool that it does not.
pub(crate) fn chain_of_the_example() -> Result<Vec<Block>> {
    let pool = Source::Pool("0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640".parse()?);
    let block = |number: u64, events: &[(u32, i32, i32, i128)]| -> Result<Block> {
        let number = BlockNumber::new(number)?;
        let events = events.iter().map(|&(log_index, lower, upper, delta)| {
            Ok(Event {
                source: pool,
                place: LogPosition::new(number, LogIndex::new(log_index)?),
                lower: Tick::new(lower)?,
                upper: Tick::new(upper)?,
                delta,
            })
        });
        Ok(Block {
            number,
            events: events.collect::<Result<_>>()?,
        })
    };
    // A pool that nobody has added.
    let mut last = block(23_000_003, &[(0, 199_000, 201_000, 1_000)])?;
    last.events.push(Event {
        source: Source::Pool("0xCBCdF9626bC03E24f779434178A73a0B4bad62eD".parse()?),
        place: LogPosition::new(last.number, LogIndex::new(5)?),
        lower: Tick::new(255_000)?,
        upper: Tick::new(256_020)?,
        delta: 1_000,
    });
    Ok(vec![
        block(
            23_000_001,
            &[(4, 200_000, 200_010, 5_000), (9, 200_000, 200_020, 7_000)],
        )?,
        // A burn of nothing, which collects fees, and does not move the pool's mark.
        block(
            23_000_002,
            &[(2, 200_000, 200_010, -5_000), (3, 200_000, 200_020, 0)],
        )?,
        last,
    ])
}
