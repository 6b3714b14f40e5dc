//! A market with a prepared history.
//!
//! The Pool has revision 10, and the tokens have revision 5, as in Aave 3.6. The first block lists the reserves. Then each
//! block has a new user, who supplies one asset and owes another: two events of tokens, which make two positions. After
//! all positions are made, there are as many events again: each supplies, withdraws, borrows or repays something of a
//! position at random, with the interest since the last time. Two of them are in a block. Each block also says the new
//! indexes and rates of a reserve.

use std::collections::HashSet;

use alloy_primitives::{U256, hex, keccak256};
use degenbot::deployments::Market;
use degenbot::events::Event;
use degenbot::events::aave_v3_addresses_provider::ProxyCreated;
use degenbot::events::aave_v3_pool::ReserveDataUpdated;
use degenbot::events::aave_v3_pool_configurator::ReserveInitialized;
use degenbot::events::aave_v3_token::{Burn, Mint};
use serde_json::{Value, json};

use crate::Result;
use crate::random::Random;
use crate::server::Chain;
use crate::wire::{hash, log, padded, unsigned};

pub const FIRST: u64 = 16_291_071;
pub const RESERVES: usize = 12;
const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;
/// What numbers of one kind begin with, so that no two contracts or users have the same.
const TOKENS: u64 = 1 << 40;
const USERS: u64 = 2 << 40;

/// The side of a reserve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    Collateral,
    Debt,
}

/// An event of a token, and the position after it.
pub struct Step {
    /// The block, counted from the first one.
    pub block: u32,
    pub user: u32,
    pub reserve: usize,
    pub side: Side,
    pub scaled: u128,
    pub index: u128,
    is_burn: bool,
    value: u128,
    increase: u128,
}

pub struct History {
    /// In the order of the chain.
    pub steps: Vec<Step>,
    /// The block with the last new position, counted from the first one.
    pub made: u32,
    contracts: [[u8; 20]; 3],
}

/// The contract of a reserve: 0 for the asset, 1 for the aToken, 2 for the debt token.
pub fn token(reserve: usize, kind: u64) -> [u8; 20] {
    address(TOKENS + 3 * reserve as u64 + kind)
}

pub fn user(number: u32) -> [u8; 20] {
    address(USERS + u64::from(number))
}

fn address(number: u64) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&hash(number)[..20]);
    bytes
}

/// The balance of a scaled balance, as the tokens round it.
fn balance(side: Side, scaled: u128, index: u128) -> u128 {
    let product = U256::from(scaled) * U256::from(index);
    let ray = U256::from(RAY);
    match side {
        Side::Collateral => product / ray,
        Side::Debt => product.div_ceil(ray),
    }
    .to()
}

impl History {
    /// A market with this number of positions, which is even.
    pub fn new(positions: u32) -> Result<Self> {
        let known = Market::of(&"ethereum_aave_v3".parse()?).ok_or("no such market")?;
        let contracts = [Some(known.provider), known.pool, known.configurator];
        let [Some(provider), Some(pool), Some(configurator)] = contracts else {
            return Err("a contract is unknown".into());
        };
        let contracts = [provider, pool, configurator].map(|contract| *contract.as_bytes());
        let mut random = Random::new(1);
        let reserves = u32::try_from(RESERVES)?;
        let users = positions / 2;
        let mut steps: Vec<Step> = Vec::new();
        for user in 0..users {
            let supplied = random.below(reserves);
            let owed = (supplied + 1 + random.below(reserves - 1)) % reserves;
            let sides = [(supplied, Side::Collateral), (owed, Side::Debt)];
            for (reserve, side) in sides {
                let scaled = 1_000_000 * u128::from(random.seed()) + u128::from(random.seed());
                let step = Step {
                    block: user + 1,
                    user,
                    reserve: usize::try_from(reserve)?,
                    side,
                    scaled: 0,
                    index: 0,
                    is_burn: false,
                    value: 0,
                    increase: 0,
                };
                steps.push(step.next(user + 1, scaled));
            }
        }
        let mut last: Vec<usize> = (0..steps.len()).collect();
        for number in 0..positions {
            let position = usize::try_from(random.below(positions))?;
            let before = &steps[last[position]];
            let half = before.scaled / 2;
            let scaled = half + half * u128::from(random.below(1 << 20)) / (1 << 19) + 1;
            let step = before.next(users + 1 + number / 2, scaled);
            last[position] = steps.len();
            steps.push(step);
        }
        Ok(Self {
            steps,
            made: users,
            contracts,
        })
    }

    /// The steps of the blocks after one and up to another.
    pub fn between(&self, after: u64, last: u64) -> &[Step] {
        let place = |block: u64| {
            let block = block.saturating_sub(FIRST);
            self.steps
                .partition_point(|step| u64::from(step.block) <= block)
        };
        &self.steps[place(after)..place(last)]
    }

    /// Writes the logs that list the reserves.
    fn first_logs(&self, logs: &mut Logs<'_>) {
        let [provider, pool, configurator] = &self.contracts;
        for (name, proxy) in [("POOL", pool), ("POOL_CONFIGURATOR", configurator)] {
            let mut id = [0; 32];
            id[..name.len()].copy_from_slice(name.as_bytes());
            let implementation = padded(&address(proxy[0].into()));
            let topics = [ProxyCreated::TOPIC.0, id, padded(proxy), implementation];
            logs.add(0, provider, &topics, &[]);
        }
        for reserve in 0..RESERVES {
            let [asset, a_token, v_token] = [0, 1, 2].map(|kind| padded(&token(reserve, kind)));
            let topics = [ReserveInitialized::TOPIC.0, asset, a_token];
            logs.add(0, configurator, &topics, &[[0; 32], v_token, v_token]);
        }
    }

    fn step_logs(&self, step: &Step, is_last: bool, logs: &mut Logs<'_>) {
        let kind = if step.side == Side::Debt { 2 } else { 1 };
        let contract = token(step.reserve, kind);
        let user = padded(&user(step.user));
        let numbers = [step.value, step.increase, step.index].map(unsigned);
        let (topics, data) = if step.is_burn {
            ([Burn::TOPIC.0, user, [0; 32]], numbers)
        } else {
            ([Mint::TOPIC.0, user, user], numbers)
        };
        logs.add(step.block, &contract, &topics, &data);
        if is_last {
            let topics = [ReserveDataUpdated::TOPIC.0, padded(&token(step.reserve, 0))];
            let rate = unsigned(RAY / 20 + u128::from(step.block));
            let index = unsigned(step.index);
            let data = [rate, [0; 32], rate, index, index];
            logs.add(step.block, &self.contracts[1], &topics, &data);
        }
    }
}

impl Step {
    /// The event that gives the position another scaled balance.
    fn next(&self, block: u32, scaled: u128) -> Self {
        // Each reserve has its own interest. What is left of it is the same for both sides.
        let index = RAY + u128::from(block) * 1_000_000_000_000_000 * (self.reserve as u128 + 1);
        let scaled = scaled + u128::from(scaled == self.scaled);
        let before = balance(self.side, self.scaled, self.index);
        let after = balance(self.side, scaled, index);
        Self {
            block,
            scaled,
            index,
            is_burn: after < before,
            value: after.abs_diff(before),
            increase: balance(self.side, self.scaled, index) - before,
            ..*self
        }
    }
}

/// An array of logs that is written.
struct Logs<'a> {
    /// What is asked for; `None` for all.
    contracts: Option<HashSet<Vec<u8>>>,
    events: Option<HashSet<Vec<u8>>>,
    block: u32,
    used: u32,
    is_empty: bool,
    out: &'a mut Vec<u8>,
}

impl Logs<'_> {
    fn add(&mut self, block: u32, contract: &[u8; 20], topics: &[[u8; 32]], data: &[[u8; 32]]) {
        if self.block != block {
            (self.block, self.used) = (block, 0);
        }
        self.used += 1;
        let has = |wanted: &Option<HashSet<Vec<u8>>>, bytes: &[u8]| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(bytes))
        };
        if !has(&self.contracts, contract) || !has(&self.events, &topics[0]) {
            return;
        }
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        let number = FIRST + u64::from(block);
        log(contract, topics, data, number, self.used, self.out);
    }
}

impl Chain for History {
    const FIRST: u64 = FIRST;
    const TAIL: u64 = 64;

    fn head(&self) -> u64 {
        let last = self.steps.last().map_or(0, |step| step.block);
        FIRST + u64::from(last) + Self::TAIL
    }

    fn filters(&self) -> Vec<Value> {
        vec![json!({})]
    }

    fn logs(&self, filter: &Value, from: u64, to: u64, out: &mut Vec<u8>) {
        let wanted = |list: &Value| -> Option<HashSet<Vec<u8>>> {
            let texts = list.as_array()?.iter().filter_map(Value::as_str);
            Some(texts.filter_map(|text| hex::decode(text).ok()).collect())
        };
        let contracts = wanted(&filter["address"]);
        let events = wanted(&filter["topics"][0]);
        out.push(b'[');
        let mut logs = Logs {
            contracts,
            events,
            block: 0,
            used: 0,
            is_empty: true,
            out,
        };
        if from <= FIRST && FIRST <= to {
            self.first_logs(&mut logs);
        }
        let steps = self.between(from.max(FIRST + 1) - 1, to);
        for (place, step) in steps.iter().enumerate() {
            let next = steps.get(place + 1);
            let is_last = next.is_none_or(|next| next.block != step.block);
            self.step_logs(step, is_last, &mut logs);
        }
        out.push(b']');
    }

    fn call(&self, _to: &str, data: &str) -> Option<Vec<u8>> {
        let selector = data.get(2..10)?;
        let is = |signature: &str| hex::encode(&keccak256(signature)[..4]) == selector;
        if ["name()", "symbol()", "getMarketId()"].into_iter().any(is) {
            let mut text = [0; 32];
            text[..5].copy_from_slice(b"BENCH");
            return Some([unsigned(32), unsigned(5), text].concat());
        }
        let [_, pool, configurator] = &self.contracts;
        for (signature, contract) in [("getPool()", pool), ("getPoolConfigurator()", configurator)]
        {
            if is(signature) {
                return Some(padded(contract).to_vec());
            }
        }
        let numbers = [
            ("POOL_REVISION()", 10),
            ("CONFIGURATOR_REVISION()", 1),
            ("ATOKEN_REVISION()", 5),
            ("DEBT_TOKEN_REVISION()", 5),
            ("decimals()", 18),
        ];
        let (_, number) = numbers.into_iter().find(|(signature, _)| is(signature))?;
        Some(unsigned(number).to_vec())
    }
}
