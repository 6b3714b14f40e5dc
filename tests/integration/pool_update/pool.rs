//! The pools of the model: what their contracts emit, and the rows that they must have.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use alloy_primitives::U256;
use degenbot::deployments::{Deployment, EventFamily, ExchangeKind, PoolSalt};
use degenbot::types::{Address, FeeParts, PoolHash, TickSpacing};

use crate::support::event_logs::EventLog;

/// A pool.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The address, or the hash inside the manager.
    key: String,
    address: Address,
    id: Option<PoolHash>,
    tokens: [Address; 2],
    fee: u32,
    pub spacing: i32,
    stable: bool,
    /// Position to liquidity.
    positions: BTreeMap<[i32; 2], u128>,
    mark: Option<(u64, usize)>,
}

pub fn family(exchange: &Deployment) -> EventFamily {
    exchange.kind.event_family().unwrap()
}

/// A token of a chain of few, so that many pools share one.
pub fn token(number: u8) -> Address {
    let mut bytes = [0x70; 20];
    bytes[0] = number;
    Address::new(bytes)
}

/// The fee that the factories of Aerodrome tell.
pub fn fee_of(pool: &[u8]) -> u32 {
    u32::from(pool[19]) + 1
}

/// Answers the calls for fees.
pub fn answer_call(_: alloy_primitives::Address, data: &[u8], _: u64) -> Result<Vec<u8>, String> {
    let pool = data.get(16..36).ok_or("execution reverted")?;
    Ok(U256::from(fee_of(pool)).to_be_bytes_vec())
}

/// The pool of a number, and the event of its creation.
pub fn new_pool(exchange: &Deployment, number: u8, count: u64) -> (Pool, EventLog) {
    let index = usize::from(number);
    let [token0, token1] = [token(1 + number % 3), token(4 + number / 3 % 4)];
    let spacing = [60, 10, 1, 200][index % 4];
    let mut pool = Pool {
        key: String::new(),
        address: Address::new([0; 20]),
        id: None,
        tokens: [token0, token1],
        fee: [3_000, 500, 100, 10_000][index % 4],
        spacing,
        stable: number % 2 == 1,
        positions: BTreeMap::new(),
        mark: None,
    };
    let tick_spacing = TickSpacing::new(spacing).unwrap();
    let fee = FeeParts::new(pool.fee).unwrap();
    let address = |salt| exchange.pool_address(&salt).unwrap();
    let factory = exchange.factory;
    let event = match family(exchange) {
        EventFamily::UniswapV2 => {
            pool.address = address(PoolSalt::Pair { token0, token1 });
            pool.fee = if exchange.name == "pancakeswap_v2" {
                25
            } else {
                3
            };
            EventLog::pair_created(factory, pool.tokens, pool.address, count)
        }
        EventFamily::AerodromeV2 => {
            let stable = pool.stable;
            pool.address = address(PoolSalt::Stable {
                token0,
                token1,
                stable,
            });
            pool.fee = fee_of(pool.address.as_bytes());
            EventLog::aerodrome_v2_pool_created(factory, pool.tokens, stable, pool.address, count)
        }
        EventFamily::UniswapV3 => {
            pool.address = address(PoolSalt::Fee {
                token0,
                token1,
                fee,
            });
            EventLog::v3_pool_created(factory, pool.tokens, pool.fee, spacing, pool.address)
        }
        EventFamily::AerodromeV3 => {
            pool.address = address(PoolSalt::TickSpacing {
                token0,
                token1,
                tick_spacing,
            });
            pool.fee = fee_of(pool.address.as_bytes());
            EventLog::aerodrome_v3_pool_created(factory, pool.tokens, spacing, pool.address)
        }
        EventFamily::UniswapV4 => {
            // The chain's own currency has the address zero.
            pool.tokens[0] = if pool.stable {
                Address::new([0; 20])
            } else {
                token0
            };
            let (id, event) =
                EventLog::initialize(factory, pool.tokens, pool.fee, spacing, hooks(pool.stable));
            pool.id = Some(id);
            event
        }
        family => panic!("no event of {family:?} is known here"),
    };
    pool.key = pool
        .id
        .map_or_else(|| pool.address.to_string(), |id| id.to_string());
    (pool, event)
}

fn hooks(has_hooks: bool) -> Address {
    Address::new([if has_hooks { 0xc0 } else { 0 }; 20])
}

/// The ticks of a position. A long one is as long as possible.
pub fn ticks(spacing: i32, lower: i32, length: i32) -> [i32; 2] {
    if length == 5 {
        let last = 887_272 / spacing * spacing;
        return [-last, last];
    }
    // Over the borders of words.
    let step = spacing * 100;
    [lower * step, (lower + length) * step]
}

impl Pool {
    /// Changes a position, and returns the event.
    pub fn change(
        &mut self,
        factory: Address,
        ticks: [i32; 2],
        amount: i64,
        place: (u64, usize),
    ) -> EventLog {
        let before = self.positions.get(&ticks).copied().unwrap_or_default();
        let delta = i128::from(amount).max(-i128::try_from(before).unwrap());
        let after = before.checked_add_signed(delta).unwrap();
        if after == 0 {
            self.positions.remove(&ticks);
        } else {
            self.positions.insert(ticks, after);
        }
        if delta != 0 {
            self.mark = Some(place);
        }
        match self.id {
            Some(id) => EventLog::modify_liquidity(factory, id, ticks, delta),
            None if delta > 0 => EventLog::mint(self.address, ticks, delta.unsigned_abs()),
            None => EventLog::burn(self.address, ticks, delta.unsigned_abs()),
        }
    }

    pub fn rows(&self, exchange: &Deployment, rows: &mut Vec<String>) {
        let family = family(exchange);
        let denominator = match family {
            EventFamily::UniswapV2 if exchange.name == "pancakeswap_v2" => 10_000,
            EventFamily::UniswapV2 => 1_000,
            EventFamily::AerodromeV2 => 10_000,
            _ => 1_000_000,
        };
        let chain = exchange.chain;
        let [token0, token1] = self.tokens;
        let kind = match exchange.kind {
            ExchangeKind::Pools(kind) => kind.to_string(),
            ExchangeKind::Manager(kind) => kind.to_string(),
        };
        let mut row = format!(
            "pool {chain} {} {kind} {} {token0} {token1} fee {}/{}/{denominator}",
            self.key, exchange.name, self.fee, self.fee,
        );
        let has_ticks = match family {
            EventFamily::UniswapV2 => false,
            EventFamily::AerodromeV2 => {
                let _ = write!(row, " stable {}", u8::from(self.stable));
                false
            }
            _ => true,
        };
        if has_ticks {
            let mark = self.mark.map_or_else(
                || "none".to_owned(),
                |(block, index)| format!("{block}:{index}"),
            );
            let _ = write!(row, " spacing {} mark {mark}", self.spacing);
        }
        if self.id.is_some() {
            let _ = write!(row, " hooks {}", hooks(self.stable));
        }
        rows.push(row);
        for token in self.tokens {
            rows.push(format!("token {chain} {token}"));
        }
        // Plain maps of ticks and words.
        let mut ticks: BTreeMap<i32, (i128, u128)> = BTreeMap::new();
        for ([lower, upper], liquidity) in &self.positions {
            let signed = i128::try_from(*liquidity).unwrap();
            for (tick, net) in [(lower, signed), (upper, -signed)] {
                let entry = ticks.entry(*tick).or_default();
                entry.0 += net;
                entry.1 += liquidity;
            }
        }
        let mut words: BTreeMap<i32, U256> = BTreeMap::new();
        for (tick, (net, gross)) in ticks {
            rows.push(format!("tick {} {tick} {net} {gross}", self.key));
            let compressed = tick / self.spacing;
            let bit = usize::try_from(compressed.rem_euclid(256)).unwrap();
            words
                .entry(compressed.div_euclid(256))
                .or_default()
                .set_bit(bit, true);
        }
        for (word, bitmap) in words {
            rows.push(format!("word {} {word} {bitmap}", self.key));
        }
    }
}
