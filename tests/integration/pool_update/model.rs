//! A model of a chain: what happens on it, as logs and as the rows that a database must have.

use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use degenbot::deployments::{Deployment, EventFamily, ExchangeName};
use degenbot::types::{Address, BlockNumber, ChainId};
use proptest::prelude::*;

use super::pool::{Pool, family, new_pool, ticks, token};

use crate::support::event_logs::EventLog;
use crate::support::fake_chain::FakeLog;

/// The first block of every chain and of every exchange.
pub const FIRST: u64 = 1_000;

/// The name of an exchange that this program does not know itself.
pub const ADDED: &str = "other_v3";

/// Something that happens in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// An exchange creates the pool of this number, if it is not there.
    Creation { exchange: usize, number: u8 },
    /// The liquidity of a position changes. It cannot fall below zero. The pool is created if it is not there.
    Liquidity {
        exchange: usize,
        number: u8,
        lower: i32,
        length: i32,
        amount: i64,
    },
    /// Contracts that no exchange knows emit events of the same names.
    Noise(u8),
}

pub fn creation(exchange: usize, number: u8) -> Happening {
    Happening::Creation { exchange, number }
}

pub fn liquidity(exchange: usize, number: u8, lower: i32, length: i32, amount: i64) -> Happening {
    Happening::Liquidity {
        exchange,
        number,
        lower,
        length,
        amount,
    }
}

pub fn any_happening() -> impl Strategy<Value = Happening> {
    let amount = prop_oneof![4 => 1..1_000_i64, 1 => Just(0), 4 => -1_500..0_i64];
    prop_oneof![
        2 => (0..12_usize, 0..12_u8).prop_map(|(exchange, number)| creation(exchange, number)),
        6 => (0..12_usize, 0..4_u8, -4..4_i32, 1..6_i32, amount).prop_map(
            |(exchange, number, lower, length, amount)| {
                liquidity(exchange, number, lower, length, amount)
            }
        ),
        1 => (0..4_u8).prop_map(Happening::Noise),
    ]
}

/// The happenings of a block.
pub fn any_block() -> impl Strategy<Value = Vec<Happening>> {
    prop_oneof![
        1 => Just(Vec::new()),
        2 => prop::collection::vec(any_happening(), 1..6),
    ]
}

/// The pools of all exchanges after a block.
#[derive(Debug, Clone, Default)]
struct State {
    pools: BTreeMap<(usize, u8), Pool>,
    counts: BTreeMap<usize, u64>,
}

/// The exchanges of a chain, and what has happened on it.
#[derive(Debug, Clone)]
pub struct Model {
    pub chain: ChainId,
    pub exchanges: Vec<Deployment>,
    /// The state after each block, from [`FIRST`] on.
    states: Vec<State>,
    /// The happenings of each block.
    pub blocks: Vec<Vec<Happening>>,
}

impl Model {
    /// A chain with one block, in which nothing happens.
    pub fn new(chain: ChainId) -> Self {
        let known = Deployment::known().iter();
        let mut exchanges: Vec<_> = known.filter(|it| it.chain == chain).cloned().collect();
        let like = exchanges.iter().find(|it| it.name == "uniswap_v3").unwrap();
        let added = Deployment::new(
            ExchangeName {
                chain,
                name: ADDED.to_owned(),
            },
            like.kind,
            Address::new([0xad; 20]),
            None,
            None,
        );
        let added = added
            .unwrap()
            .with_init_code_hash(like.init_code_hash.unwrap());
        exchanges.push(added.unwrap());
        for exchange in &mut exchanges {
            exchange.first_block = Some(BlockNumber::new(FIRST).unwrap());
        }
        Self {
            chain,
            exchanges,
            states: vec![State::default()],
            blocks: vec![Vec::new()],
        }
    }

    /// The place of an exchange.
    pub fn exchange(&self, name: &str) -> usize {
        let found = self.exchanges.iter().position(|it| it.name == name);
        found.unwrap()
    }

    pub fn head(&self) -> u64 {
        FIRST + self.states.len() as u64 - 1
    }

    /// Removes the last blocks. Returns what happened in them.
    pub fn truncate(&mut self, depth: usize) -> Vec<Vec<Happening>> {
        self.states.truncate(self.states.len() - depth);
        self.blocks.split_off(self.blocks.len() - depth)
    }

    /// Adds a block, and returns its logs.
    pub fn push(&mut self, happenings: &[Happening]) -> Vec<FakeLog> {
        let block = self.head() + 1;
        let mut state = self.states.last().unwrap().clone();
        let mut logs = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Creation { exchange, number } => {
                    self.create(&mut state, *exchange, *number, &mut logs);
                }
                Happening::Liquidity {
                    exchange,
                    number,
                    lower,
                    length,
                    amount,
                } => {
                    let exchange = *exchange % self.exchanges.len();
                    self.create(&mut state, exchange, *number, &mut logs);
                    let has_ticks = !matches!(
                        family(&self.exchanges[exchange]),
                        EventFamily::UniswapV2 | EventFamily::AerodromeV2
                    );
                    let pool = state.pools.get_mut(&(exchange, *number)).unwrap();
                    if has_ticks {
                        let factory = self.exchanges[exchange].factory;
                        let ticks = ticks(pool.spacing, *lower, *length);
                        logs.push(fake(pool.change(
                            factory,
                            ticks,
                            *amount,
                            (block, logs.len()),
                        )));
                    }
                }
                Happening::Noise(number) => logs.extend(noise(*number)),
            }
        }
        self.states.push(state);
        self.blocks.push(happenings.to_vec());
        logs
    }

    fn create(&self, state: &mut State, exchange: usize, number: u8, logs: &mut Vec<FakeLog>) {
        let exchange = exchange % self.exchanges.len();
        if state.pools.contains_key(&(exchange, number)) {
            return;
        }
        let deployment = &self.exchanges[exchange];
        let count = state.counts.entry(exchange).or_default();
        *count += 1;
        let (pool, event) = new_pool(deployment, number, *count);
        logs.push(fake(event));
        state.pools.insert((exchange, number), pool);
    }

    /// The rows that a database must have if each exchange is at its block. `None` stands for an exchange that has not
    /// taken part yet.
    pub fn rows(&self, marks: impl Fn(usize) -> Option<u64>) -> Vec<String> {
        let mut rows = Vec::new();
        for (index, exchange) in self.exchanges.iter().enumerate() {
            let Some(mark) = marks(index) else { continue };
            rows.push(format!("exchange {} {} {mark}", self.chain, exchange.name));
            let state = &self.states[usize::try_from(mark - FIRST).unwrap()];
            let of_exchange = state.pools.iter().filter(|((of, _), _)| *of == index);
            for (_, pool) in of_exchange {
                pool.rows(exchange, &mut rows);
            }
        }
        rows.sort();
        rows.dedup();
        rows
    }

    /// The rows if all exchanges are at a block.
    pub fn rows_at(&self, block: u64) -> Vec<String> {
        self.rows(|_| Some(block))
    }
}

/// Events of contracts that no exchange knows: a factory, a pool of it, and others with the same topics.
fn noise(number: u8) -> Vec<FakeLog> {
    let factory = Address::new([0x66; 20]);
    let pool = Address::new([0x67; 20]);
    let event = match number % 4 {
        0 => EventLog::v3_pool_created(factory, [token(1), token(4)], 3_000, 60, pool),
        1 => EventLog::mint(pool, [-60, 60], 1_000),
        2 => EventLog::burn(pool, [-61, 887_273], u128::MAX),
        _ => EventLog {
            address: pool,
            topics: vec![keccak256(
                "Mint(address,address,int24,int24,uint128,uint256,uint256)",
            )],
            data: vec![1, 2, 3],
        },
    };
    vec![fake(event)]
}

pub fn fake(event: EventLog) -> FakeLog {
    FakeLog {
        address: event.address.into(),
        topics: event.topics,
        data: event.data,
    }
}
