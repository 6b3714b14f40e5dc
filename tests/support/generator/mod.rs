//! Databases of any size that look like a bot's, the same ones for the same seed.
//!
//! Most pools are V2 pools of a new token with WETH; one in five is a V3 pool, one in fifty a V4 pool. The
//! ticks lie around a price, thinning out to both sides; most pools have few of them and a few have most.
//! Everything is as `database verify` wants it. It is written through the library, in the order in which a
//! bot that follows a chain would come across it.

mod aave;
pub mod liquidity;
pub mod random;

use std::error::Error;

use degenbot::database::{self, Database};
use degenbot::models::{
    Exchange, Fees, LiquidityPool, LiquidityUpdate, ManagedLiquidityPool, NewErc20Token,
    NewExchange, NewLiquidityPool, NewManagedLiquidityPool, NewPoolManager, PoolFamily,
    PoolManager, PoolParameters, PoolUpdate, SyncCursor, V2Parameters, V2Protocol, V3Parameters,
    V3Protocol,
};
use degenbot::schema::{exchanges, pool_managers};
use degenbot::types::{
    Address, BlockNumber, ChainId, Decimals, FeeParts, LogIndex, PoolHash, PoolManagerKind,
    TickSpacing,
};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use random::Random;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The last block that has been taken in.
pub const BLOCK: u32 = 23_000_000;

/// How many pools are written in one transaction.
const CHUNK: u32 = 20_000;

/// What a database is to have. A few rows more or less come out, because positions have two ends.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub pools: u32,
    pub ticks: u32,
    pub seed: u64,
}

/// What a database has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    pub pools: u64,
    pub managed_pools: u64,
    pub ticks: u64,
    pub words: u64,
}

/// Creates a database and fills it.
pub fn generate(path: &std::path::Path, size: Size) -> Result<Content> {
    database::create_new_sqlite_database(path)?;
    let database = Database::open(path)?;
    let mut random = Random::new(size.seed);
    let deployments = database.write(|connection| deploy(connection, &mut random))?;
    database.write(|connection| {
        aave::fill(connection, &mut random, deployments.chain, size.pools / 20)
    })?;
    let mut market = Market::new(deployments, &mut random);
    let mut content = Content::default();
    let mut left = size.pools;
    while left > 0 {
        let chunk = left.min(CHUNK);
        // What the pools that are left will need on average.
        let ticks = u64::from(size.ticks).saturating_sub(content.ticks) * u64::from(chunk)
            / u64::from(left);
        let pools: Vec<_> = (0..chunk).map(|_| market.list(&mut random)).collect();
        database.write(|connection| {
            market.write(connection, &mut random, &pools, ticks, &mut content)
        })?;
        left -= chunk;
    }
    Ok(content)
}

/// The exchanges of one chain, and one on another so that there is something to leave out.
struct Deployments {
    chain: ChainId,
    other_chain: ChainId,
    v2: Vec<(i64, V2Protocol)>,
    v3: Vec<(i64, V3Protocol)>,
    other: i64,
    manager: PoolManager,
}

fn deploy(connection: &mut SqliteConnection, random: &mut Random) -> Result<Deployments> {
    let chain = ChainId::new(1)?;
    let other_chain = ChainId::new(8453)?;
    let mut exchange = |chain, name: &str| -> Result<Exchange> {
        Ok(diesel::insert_into(exchanges::table)
            .values(NewExchange {
                chain_id: chain,
                name: name.to_owned(),
                active: true,
                last_update_block: Some(BlockNumber::new(BLOCK.into())?),
                factory: Address::new(random.bytes()),
                deployer: None,
            })
            .returning(Exchange::as_returning())
            .get_result(connection)?)
    };
    let v2 = vec![
        (exchange(chain, "uniswap_v2")?.id, V2Protocol::Uniswap),
        (exchange(chain, "sushiswap_v2")?.id, V2Protocol::Sushiswap),
        (
            exchange(chain, "pancakeswap_v2")?.id,
            V2Protocol::Pancakeswap,
        ),
        (exchange(chain, "camelot_v2")?.id, V2Protocol::Camelot),
        (exchange(chain, "swapbased_v2")?.id, V2Protocol::Swapbased),
        (
            exchange(chain, "aerodrome_v2")?.id,
            V2Protocol::Aerodrome { stable: false },
        ),
        (
            exchange(chain, "aerodrome_v2_stable")?.id,
            V2Protocol::Aerodrome { stable: true },
        ),
    ];
    let v3 = vec![
        (exchange(chain, "uniswap_v3")?.id, V3Protocol::Uniswap),
        (
            exchange(chain, "pancakeswap_v3")?.id,
            V3Protocol::Pancakeswap,
        ),
        (exchange(chain, "sushiswap_v3")?.id, V3Protocol::Sushiswap),
        (exchange(chain, "aerodrome_v3")?.id, V3Protocol::Aerodrome),
    ];
    let other = exchange(other_chain, "uniswap_v2")?.id;
    let v4 = exchange(chain, "uniswap_v4")?;
    let manager_id = PoolManager::insert_or_get(
        connection,
        &[NewPoolManager {
            address: v4.factory,
            chain,
            kind: PoolManagerKind::UniswapV4,
            state_view: Some(Address::new(random.bytes())),
            exchange_id: v4.id,
        }],
    )?[0];
    let manager = pool_managers::table
        .find(manager_id)
        .select(PoolManager::as_select())
        .first(connection)?;
    Ok(Deployments {
        chain,
        other_chain,
        v2,
        v3,
        other,
        manager,
    })
}

/// A pool that has not been written yet.
enum Listing {
    Pool(NewLiquidityPool),
    Managed(NewManagedLiquidityPool),
}

/// What tokens there are, and how pools come about.
struct Market {
    deployments: Deployments,
    native: NewErc20Token,
    /// Those that everything is paired with.
    majors: Vec<NewErc20Token>,
    minors: Vec<NewErc20Token>,
}

impl Market {
    fn new(deployments: Deployments, random: &mut Random) -> Self {
        let mut market = Self {
            native: NewErc20Token {
                chain: deployments.chain,
                address: Address::ZERO,
                name: Some("Ether".to_owned()),
                symbol: Some("ETH".to_owned()),
                decimals: Decimals::new(18).ok(),
            },
            deployments,
            majors: Vec::new(),
            minors: Vec::new(),
        };
        market.majors = (0..8).map(|_| market.new_token(random)).collect();
        market
    }

    fn new_token(&self, random: &mut Random) -> NewErc20Token {
        let number = random.below(1_000_000);
        // Now and then a contract does not say what it is called.
        let silent = random.once_in(50);
        NewErc20Token {
            chain: self.deployments.chain,
            address: Address::new(random.bytes()),
            name: (!silent).then(|| format!("Generated Token {number}")),
            symbol: (!silent).then(|| format!("GEN{number}")),
            decimals: Decimals::new(*random.one_of(&[18, 18, 18, 18, 9, 8, 6])).ok(),
        }
    }

    /// Two different tokens, the one with the lower address first.
    fn pair(&mut self, random: &mut Random) -> [NewErc20Token; 2] {
        let major = if random.once_in(5) {
            random.one_of(&self.majors).clone()
        } else {
            self.majors[0].clone()
        };
        let other = if random.below(10) < 7 || self.minors.is_empty() {
            let token = self.new_token(random);
            self.minors.push(token.clone());
            token
        } else {
            random.one_of(&self.minors).clone()
        };
        if major.address < other.address {
            [major, other]
        } else {
            [other, major]
        }
    }

    fn list(&mut self, random: &mut Random) -> Listing {
        let [token0, token1] = self.pair(random);
        match random.below(100) {
            0..2 => Listing::Managed(self.managed(random, token0, token1)),
            2..22 => {
                let (exchange_id, protocol) = *random.one_of(&self.deployments.v3);
                let (fee, spacing) = *random.one_of(&TIERS);
                Listing::Pool(NewLiquidityPool {
                    address: Address::new(random.bytes()),
                    chain: self.deployments.chain,
                    exchange_id,
                    token0,
                    token1,
                    parameters: PoolParameters::V3(V3Parameters {
                        protocol,
                        fees: fees(fee, 1_000_000),
                        tick_spacing: spacing_of(spacing),
                        sync_cursor: SyncCursor::default(),
                    }),
                })
            }
            22 => Listing::Pool(self.elsewhere(random, token0, token1)),
            _ => {
                let (exchange_id, protocol) = *random.one_of(&self.deployments.v2);
                Listing::Pool(NewLiquidityPool {
                    address: Address::new(random.bytes()),
                    chain: self.deployments.chain,
                    exchange_id,
                    token0,
                    token1,
                    parameters: PoolParameters::V2(V2Parameters {
                        protocol,
                        fees: fees(3, 1_000),
                    }),
                })
            }
        }
    }

    fn managed(
        &self,
        random: &mut Random,
        token0: NewErc20Token,
        token1: NewErc20Token,
    ) -> NewManagedLiquidityPool {
        let (fee, spacing) = *random.one_of(&TIERS);
        let native = random.once_in(2);
        NewManagedLiquidityPool {
            pool_hash: PoolHash::new(random.bytes()),
            hooks: if random.once_in(4) {
                Address::new(random.bytes())
            } else {
                Address::ZERO
            },
            currency0: if native { self.native.clone() } else { token0 },
            currency1: token1,
            fees: fees(fee, 1_000_000),
            tick_spacing: spacing_of(spacing),
            sync_cursor: SyncCursor::default(),
        }
    }

    /// A pool of the other chain, where the tokens have the same addresses.
    fn elsewhere(
        &self,
        random: &mut Random,
        mut token0: NewErc20Token,
        mut token1: NewErc20Token,
    ) -> NewLiquidityPool {
        let chain = self.deployments.other_chain;
        token0.chain = chain;
        token1.chain = chain;
        NewLiquidityPool {
            address: Address::new(random.bytes()),
            chain,
            exchange_id: self.deployments.other,
            token0,
            token1,
            parameters: PoolParameters::V2(V2Parameters {
                protocol: V2Protocol::Uniswap,
                fees: fees(3, 1_000),
            }),
        }
    }

    fn write(
        &self,
        connection: &mut SqliteConnection,
        random: &mut Random,
        listings: &[Listing],
        ticks: u64,
        content: &mut Content,
    ) -> Result<()> {
        let mut pools = Vec::new();
        let mut managed_pools = Vec::new();
        for listing in listings {
            match listing {
                Listing::Pool(pool) => pools.push(pool.clone()),
                Listing::Managed(pool) => managed_pools.push(pool.clone()),
            }
        }
        let ids = LiquidityPool::insert_or_get(connection, &pools)?;
        let managed_ids = ManagedLiquidityPool::insert_or_get(
            connection,
            &self.deployments.manager,
            &managed_pools,
        )?;
        content.pools += ids.len() as u64;
        content.managed_pools += managed_ids.len() as u64;

        let concentrated = ids
            .iter()
            .zip(&pools)
            .filter_map(|(id, pool)| match &pool.parameters {
                PoolParameters::V3(parameters) => {
                    Some((PoolFamily::Pools, *id, parameters.tick_spacing))
                }
                _ => None,
            })
            .chain(
                managed_ids
                    .iter()
                    .zip(&managed_pools)
                    .map(|(id, pool)| (PoolFamily::ManagedPools, *id, pool.tick_spacing)),
            );
        let concentrated: Vec<_> = concentrated.collect();
        let mut update = LiquidityUpdate::default();
        let mut left = ticks;
        for (place, (family, id, spacing)) in concentrated.iter().enumerate() {
            let average = left / (concentrated.len() - place) as u64;
            let wanted = if place + 1 == concentrated.len() {
                average
            } else {
                liquidity::share(random, average)
            };
            let tick_map = liquidity::provide(random, *spacing, wanted)?;
            left = left.saturating_sub(tick_map.ticks().len() as u64);
            let mark = SyncCursor {
                block: Some(BlockNumber::new((BLOCK - random.below(1_000_000)).into())?),
                log_index: Some(LogIndex::new(random.below(500))?),
            };
            let mut pool = PoolUpdate::between(*family, *id, SyncCursor::default(), mark);
            for tick in tick_map.ticks() {
                pool.set_tick(*tick)?;
            }
            for word in tick_map.words() {
                pool.set_word(*word);
            }
            content.ticks += tick_map.ticks().len() as u64;
            content.words += tick_map.words().len() as u64;
            update.pools.push(pool);
        }
        update.apply(connection)?;
        Ok(())
    }
}

/// Fees in millionths, with their tick spacings.
const TIERS: [(u32, i32); 5] = [(100, 1), (500, 10), (3_000, 60), (3_000, 60), (10_000, 200)];

fn fees(fee: u32, denominator: u32) -> Fees {
    let parts = |number| FeeParts::new(number).unwrap();
    Fees {
        token0: parts(fee),
        token1: parts(fee),
        denominator: parts(denominator),
    }
}

fn spacing_of(spacing: i32) -> TickSpacing {
    TickSpacing::new(spacing).unwrap()
}
