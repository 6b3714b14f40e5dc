//! A stream of events: the same pools and the same events for the same size.
//!
//! Pools have as many events, and as many ticks, as those of `scripts/generate` have ticks: the shares are its own, and
//! its usual database has 8 million ticks in 220,000 pools of the kinds with ticks, which is 0.72 ticks for each of 50
//! events. One pool in eleven is a Uniswap V4 pool, as there. Of a hundred events, 48 add liquidity (36 of them at new
//! ticks), 38 remove some (half of those all of it), and 14 remove nothing, which only collects fees: among recorded
//! events of mainnet, 14 in 100 did that, and positions were increased five times for four times that they were
//! decreased.
//!
//! There is one event a block, as on mainnet. Pools are created all the time. The events of a pool are most frequent
//! when it is new: half of them are in the first eighth of the blocks that it has left.

use std::collections::HashSet;

use degenbot::deployments::{Deployment, ExchangeName, PoolSalt};
use degenbot::events::uniswap_v4::PoolKey;
use degenbot::types::{Address, ChainId, FeeParts, TickSpacing};

use crate::Result;
use crate::generator::liquidity::{liquidity, positions, share};
use crate::generator::random::Random;

/// The number of the first block.
pub const FIRST: u64 = 22_000_000;
/// The blocks at the end that are not final.
pub const TAIL: u32 = 64;
/// The exchanges, by their place in this list. The last one is the pool manager.
pub const EXCHANGES: [&str; 4] = ["uniswap_v3", "pancakeswap_v3", "sushiswap_v3", "uniswap_v4"];
pub const MANAGED: usize = EXCHANGES.len() - 1;

/// The number of events, pools and blocks.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub events: u32,
    pub pools: u32,
    pub blocks: u32,
}

pub struct Pool {
    /// The place of its exchange in [`EXCHANGES`].
    pub exchange: usize,
    /// The address, behind zeros, or the hash inside the manager.
    pub key: [u8; 32],
    pub tokens: [Address; 2],
    pub fee: u32,
    pub spacing: i32,
    /// The block of its creation, counted from the first one.
    pub created: u32,
}

/// An event of a pool: a Mint if it adds liquidity, otherwise a Burn.
#[derive(Clone, Copy)]
pub struct Change {
    /// The block, counted from the first one.
    pub block: u32,
    pub pool: u32,
    pub lower: i32,
    pub upper: i32,
    delta: [u8; 16],
}

impl Change {
    pub fn delta(&self) -> i128 {
        i128::from_le_bytes(self.delta)
    }
}

pub struct Stream {
    pub size: Size,
    /// In the order of their creation.
    pub pools: Vec<Pool>,
    /// The events of pools with contracts, and of those inside the manager, in the order of their blocks.
    pub changes: [Vec<Change>; 2],
    pub factories: [Address; EXCHANGES.len()],
}

impl Stream {
    pub fn new(size: Size) -> Result<Self> {
        let mut random = Random::new(1);
        let mut deployments = Vec::new();
        for name in EXCHANGES {
            let name = ExchangeName {
                chain: ChainId::ETHEREUM,
                name: name.into(),
            };
            deployments.push(Deployment::of(&name).ok_or("no such exchange")?);
        }
        let mut stream = Self {
            size,
            pools: Vec::new(),
            changes: [Vec::new(), Vec::new()],
            factories: [0, 1, 2, 3].map(|index: usize| deployments[index].factory),
        };
        let mut taken = HashSet::new();
        let majors: [Address; 8] = std::array::from_fn(|_| Address::new(random.bytes()));
        let mut minors: Vec<Address> = Vec::new();
        let mut left = u64::from(size.events);
        while stream.pools.len() < usize::try_from(size.pools)? {
            let number = u32::try_from(stream.pools.len())?;
            let created =
                u64::from(number) * u64::from(size.blocks) * 9 / (u64::from(size.pools) * 10);
            let mut pool = new_pool(&mut random, &majors, &mut minors)?;
            pool.created = u32::try_from(created)?;
            pool.key = key(deployments[pool.exchange], &pool)?;
            if !taken.insert(pool.key) {
                continue;
            }
            let average = left / u64::from(size.pools - number);
            let is_last = number + 1 == size.pools;
            let events = if is_last {
                average
            } else {
                share(&mut random, average).min(left)
            };
            left -= events;
            let events = stream.changes_of(&mut random, number, &pool, events)?;
            stream.changes[usize::from(pool.exchange == MANAGED)].extend(events);
            stream.pools.push(pool);
        }
        for changes in &mut stream.changes {
            // Stable: the events of a pool stay in their order.
            changes.sort_by_key(|change| change.block);
        }
        Ok(stream)
    }

    /// The events of a pool, in order.
    fn changes_of(
        &self,
        random: &mut Random,
        number: u32,
        pool: &Pool,
        events: u64,
    ) -> Result<Vec<Change>> {
        let spacing = TickSpacing::new(pool.spacing)?;
        let ranges = positions(random, spacing, (events * 72 / 100).max(2))?;
        let left = f64::from(self.size.blocks - 1 - pool.created);
        let mut blocks: Vec<u32> = (0..events)
            .map(|_| {
                let part = f64::from(random.below(1 << 30)) / f64::from(1 << 30);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let later = (left * part * part * part) as u32;
                pool.created + later
            })
            .collect();
        blocks.sort_unstable();
        let mut new = ranges.iter().cycle();
        let mut open: Vec<([i32; 2], i128)> = Vec::new();
        let mut changes = Vec::new();
        for block in blocks {
            let choice = random.below(100);
            let (range, delta) = if open.is_empty() || choice < 36 {
                let range = *new.next().ok_or("a pool without a range")?;
                let amount = liquidity(random);
                open.push((range, amount));
                (range, amount)
            } else {
                let place = usize::try_from(random.below(u32::try_from(open.len())?))?;
                let (range, amount) = &mut open[place];
                let range = *range;
                match choice {
                    ..48 => {
                        let added = liquidity(random);
                        *amount += added;
                        (range, added)
                    }
                    48..67 => (range, -open.swap_remove(place).1),
                    67..86 => {
                        let removed = *amount / 2;
                        *amount -= removed;
                        (range, -removed)
                    }
                    _ => (range, 0),
                }
            };
            changes.push(Change {
                block,
                pool: number,
                lower: range[0],
                upper: range[1],
                delta: delta.to_le_bytes(),
            });
        }
        Ok(changes)
    }
}

fn new_pool(random: &mut Random, majors: &[Address], minors: &mut Vec<Address>) -> Result<Pool> {
    const TIERS: [(u32, i32); 5] = [(100, 1), (500, 10), (3_000, 60), (3_000, 60), (10_000, 200)];
    let major = if random.once_in(5) {
        *random.one_of(majors)
    } else {
        majors[0]
    };
    let other = if random.below(10) < 7 || minors.is_empty() {
        let token = Address::new(random.bytes());
        minors.push(token);
        token
    } else {
        *random.one_of(minors)
    };
    let (fee, spacing) = *random.one_of(&TIERS);
    Ok(Pool {
        exchange: if random.once_in(11) {
            MANAGED
        } else {
            usize::try_from(random.below(u32::try_from(MANAGED)?))?
        },
        key: [0; 32],
        tokens: [major.min(other), major.max(other)],
        fee,
        spacing,
        created: 0,
    })
}

fn key(exchange: &Deployment, pool: &Pool) -> Result<[u8; 32]> {
    let [token0, token1] = pool.tokens;
    let fee = FeeParts::new(pool.fee)?;
    if pool.exchange == MANAGED {
        let key = PoolKey {
            currency0: token0,
            currency1: token1,
            fee,
            tick_spacing: TickSpacing::new(pool.spacing)?,
            hooks: Address::ZERO,
        };
        return Ok(*key.id().as_bytes());
    }
    let salt = PoolSalt::Fee {
        token0,
        token1,
        fee,
    };
    let address = exchange.pool_address(&salt).ok_or("no address")?;
    let mut key = [0; 32];
    key[12..].copy_from_slice(address.as_bytes());
    Ok(key)
}
