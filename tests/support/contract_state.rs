//! The contracts of a fake chain: what they answer follows from the events that they have emitted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use alloy_primitives::{Address, B256, I256, U256, keccak256};
use degenbot::events::{
    Event, LiquidityChange, aerodrome_v2, aerodrome_v3, uniswap_v2, uniswap_v3, uniswap_v4,
};

use super::event_logs::EventLog;
use super::fake_chain::FakeChain;

/// Liquidity by tick: gross and net.
type Ticks = BTreeMap<i32, (u128, i128)>;

/// A pool as its factory has created it.
#[derive(Debug, Default, Clone)]
struct Created {
    tokens: [Address; 2],
    stable: bool,
    fee: u32,
    spacing: i32,
}

/// The contracts after a block.
#[derive(Debug, Default)]
struct State {
    /// The number of pools of each factory.
    counts: BTreeMap<Address, u64>,
    pools: BTreeMap<Address, (Created, Ticks, BTreeMap<i32, U256>)>,
    /// The storage of managers.
    slots: BTreeMap<(Address, B256), U256>,
}

/// The states that were asked for, by the hash of the block.
static STATES: LazyLock<Mutex<HashMap<B256, Arc<State>>>> = LazyLock::new(Mutex::default);

fn state(chain: &FakeChain, block: u64) -> Arc<State> {
    let hash = chain.block(block).unwrap().hash;
    let mut states = STATES.lock().unwrap();
    if states.len() > 50 {
        states.clear();
    }
    let state = states
        .entry(hash)
        .or_insert_with(|| Arc::new(State::after(chain, block)));
    Arc::clone(state)
}

/// The functions by their selectors.
static SELECTORS: LazyLock<HashMap<[u8; 4], &str>> = LazyLock::new(|| {
    let functions = [
        "extsload(bytes32[])",
        "allPairsLength()",
        "allPoolsLength()",
        "tickBitmap(int16)",
        "ticks(int24)",
        "token0()",
        "token1()",
        "stable()",
        "fee()",
        "tickSpacing()",
    ];
    let selector = |function: &str| keccak256(function)[..4].try_into().unwrap();
    functions.map(|it| (selector(it), it)).into()
});

/// Answers a call at a block; `None` if no contract of the chain has such a function.
pub fn answer(chain: &FakeChain, to: Address, data: &[u8], block: u64) -> Option<Vec<u8>> {
    let (selector, arguments) = data.split_first_chunk::<4>()?;
    let called = *SELECTORS.get(selector)?;
    let is = |signature: &str| called == signature;
    let state = state(chain, block);
    if is("extsload(bytes32[])") {
        return Some(slots(&state, to, arguments));
    }
    if is("allPairsLength()") || is("allPoolsLength()") {
        let count = state.counts.get(&to).copied().unwrap_or_default();
        return Some(U256::from(count).to_be_bytes_vec());
    }
    let (pool, ticks, words) = state.pools.get(&to)?;
    let word = |address: Address| B256::left_padding_from(address.as_slice()).to_vec();
    let number = || I256::from_be_bytes::<32>(arguments.try_into().unwrap()).as_i32();
    if is("tickBitmap(int16)") {
        let word = words.get(&number()).copied().unwrap_or_default();
        Some(word.to_be_bytes_vec())
    } else if is("ticks(int24)") {
        let (gross, net) = ticks.get(&number()).copied().unwrap_or_default();
        let net = I256::try_from(net).unwrap();
        let mut answer = U256::from(gross).to_be_bytes_vec();
        answer.extend_from_slice(&net.to_be_bytes::<32>());
        answer.extend_from_slice(&[0; 6 * 32]);
        Some(answer)
    } else if is("token0()") {
        Some(word(pool.tokens[0]))
    } else if is("token1()") {
        Some(word(pool.tokens[1]))
    } else if is("stable()") {
        Some(U256::from(u8::from(pool.stable)).to_be_bytes_vec())
    } else if is("fee()") {
        Some(U256::from(pool.fee).to_be_bytes_vec())
    } else if is("tickSpacing()") {
        Some(U256::try_from(pool.spacing).unwrap().to_be_bytes_vec())
    } else {
        None
    }
}

impl State {
    fn after(chain: &FakeChain, block: u64) -> Self {
        let mut state = Self::default();
        for (factory, pool, created) in creations(chain, block) {
            *state.counts.entry(factory).or_default() += 1;
            let ticks = ticks(chain, pool, block);
            let words = if created.spacing == 0 {
                BTreeMap::new()
            } else {
                words(&ticks, created.spacing)
            };
            state.pools.insert(pool, (created, ticks, words));
        }
        state.read_managers(chain, block);
        state
    }

    fn read_managers(&mut self, chain: &FakeChain, block: u64) {
        let hash = |key: B256, slot: U256| keccak256([key.0, slot.to_be_bytes()].concat());
        let signed = |number: i32| B256::from(I256::try_from(number).unwrap().to_be_bytes::<32>());
        let mut pools: BTreeMap<(Address, B256), (i32, Ticks)> = BTreeMap::new();
        for (manager, event) in logs(chain, block) {
            let log = event.at(block, 0);
            if let Ok(event) = uniswap_v4::Initialize::decode(&log) {
                let id = B256::from(*event.id.as_bytes());
                pools.insert((manager, id), (event.key.tick_spacing.get(), Ticks::new()));
            } else if let Ok(event) = uniswap_v4::ModifyLiquidity::decode(&log) {
                let id = B256::from(*event.id.as_bytes());
                let (_, ticks) = pools.get_mut(&(manager, id)).unwrap();
                let change = LiquidityChange::from(event);
                add(ticks, change.lower.get(), change.upper.get(), change.delta);
            }
        }
        for ((manager, id), (spacing, ticks)) in pools {
            let state = U256::from_be_bytes(hash(id, U256::from(6)).0);
            let mut set = |slot: B256, value: U256| {
                self.slots.insert((manager, slot), value);
            };
            set(state.into(), U256::from(1));
            for (word, bitmap) in words(&ticks, spacing) {
                set(hash(signed(word), state + U256::from(5)), bitmap);
            }
            for (tick, (gross, net)) in ticks {
                let value = (U256::from(net.cast_unsigned()) << 128) | U256::from(gross);
                set(hash(signed(tick), state + U256::from(4)), value);
            }
        }
    }
}

/// The logs up to a block.
fn logs(chain: &FakeChain, block: u64) -> impl Iterator<Item = (Address, EventLog)> {
    let blocks = chain.blocks.iter().filter(move |it| it.number <= block);
    blocks.flat_map(|block| &block.logs).map(|log| {
        let event = EventLog {
            address: log.address.into(),
            topics: log.topics.clone(),
            data: log.data.clone(),
        };
        (log.address, event)
    })
}

/// The factory, the pool and its properties of each creation.
fn creations(chain: &FakeChain, block: u64) -> impl Iterator<Item = (Address, Address, Created)> {
    let plain = |address: degenbot::types::Address| Address::from(*address.as_bytes());
    logs(chain, block).filter_map(move |(factory, event)| {
        let log = event.at(block, 0);
        let mut created = Created::default();
        let pool = if let Ok(event) = uniswap_v2::PairCreated::decode(&log) {
            created.tokens = [plain(event.token0), plain(event.token1)];
            event.pair
        } else if let Ok(event) = aerodrome_v2::PoolCreated::decode(&log) {
            created.tokens = [plain(event.token0), plain(event.token1)];
            created.stable = event.stable;
            event.pool
        } else if let Ok(event) = uniswap_v3::PoolCreated::decode(&log) {
            created.tokens = [plain(event.token0), plain(event.token1)];
            created.fee = event.fee.get();
            created.spacing = event.tick_spacing.get();
            event.pool
        } else if let Ok(event) = aerodrome_v3::PoolCreated::decode(&log) {
            created.tokens = [plain(event.token0), plain(event.token1)];
            created.spacing = event.tick_spacing.get();
            event.pool
        } else {
            return None;
        };
        Some((factory, plain(pool), created))
    })
}

fn add(ticks: &mut Ticks, lower: i32, upper: i32, delta: i128) {
    for (tick, net) in [(lower, delta), (upper, -delta)] {
        let entry = ticks.entry(tick).or_default();
        entry.0 = entry.0.checked_add_signed(delta).unwrap();
        entry.1 += net;
    }
    ticks.retain(|_, (gross, _)| *gross != 0);
}

fn ticks(chain: &FakeChain, pool: Address, block: u64) -> Ticks {
    let mut ticks = Ticks::new();
    for (_, event) in logs(chain, block).filter(|(contract, _)| *contract == pool) {
        if let Ok(change) = uniswap_v3::liquidity_change(&event.at(block, 0)) {
            add(
                &mut ticks,
                change.lower.get(),
                change.upper.get(),
                change.delta,
            );
        }
    }
    ticks
}

fn words(ticks: &Ticks, spacing: i32) -> BTreeMap<i32, U256> {
    let mut words: BTreeMap<i32, U256> = BTreeMap::new();
    for tick in ticks.keys() {
        let compressed = tick / spacing;
        let bit = usize::try_from(compressed.rem_euclid(256)).unwrap();
        words
            .entry(compressed.div_euclid(256))
            .or_default()
            .set_bit(bit, true);
    }
    words
}

/// The values of storage slots of a pool manager.
fn slots(state: &State, manager: Address, arguments: &[u8]) -> Vec<u8> {
    let (asked, _) = arguments[64..].as_chunks::<32>();
    let mut answer = [
        U256::from(32).to_be_bytes::<32>(),
        U256::from(asked.len()).to_be_bytes::<32>(),
    ]
    .concat();
    for slot in asked {
        let value = state.slots.get(&(manager, B256::from(*slot)));
        answer.extend_from_slice(&value.copied().unwrap_or_default().to_be_bytes::<32>());
    }
    answer
}
