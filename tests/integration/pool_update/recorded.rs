//! Liquidity of real pools of Ethereum, taken in through a node.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use alloy_primitives::{Address as RawAddress, B256, Bytes};
use degenbot::types::{Address, ChainId, PoolHash};
use serde_json::Value;

use super::model::fake;
use super::{Scene, execute, to_head};
use crate::support::content::{connect, lines};
use crate::support::event_logs::EventLog;
use crate::support::fake_chain::FakeLog;

const V3_FACTORY: &str = "0x1F98431c8aD98523631AE4a59f267346ea31F984";
const V4_MANAGER: &str = "0x000000000004444c5dc75cB358380D2e3dE08A90";

/// Recorded data that the repository does not hold. Where they are missing, the test says so, past the capture of its
/// output: a check that did not run is no success.
fn recorded(file: &str) -> Option<Value> {
    let folder = std::env::var_os("DEGENBOT_RECORDED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/chain/data"),
        PathBuf::from,
    );
    let path = folder.join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: the recorded data {} are not here; DEGENBOT_RECORDED names their folder",
            path.display()
        );
        return None;
    };
    Some(serde_json::from_str(&quoted(&text)).unwrap())
}

/// A JSON text with its numbers as strings, which have more digits.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(2 * text.len());
    let (mut is_string, mut is_number) = (false, false);
    for c in text.chars() {
        is_string ^= c == '"';
        if is_number != (!is_string && (c.is_ascii_digit() || c == '-')) {
            is_number = !is_number;
            quoted.push('"');
        }
        quoted.push(c);
    }
    quoted
}

/// Net and gross liquidity by tick.
type Ticks = BTreeMap<i32, (i128, i128)>;

/// Positions that together give these ticks.
fn positions(ticks: &Ticks) -> Vec<([i32; 2], i128)> {
    let mut open: VecDeque<(i32, i128)> = VecDeque::new();
    let mut positions = Vec::new();
    for (tick, (net, gross)) in ticks {
        let (begins, mut ends) = ((gross + net) / 2, (gross - net) / 2);
        while ends > 0 {
            let (lower, amount) = open.front_mut().unwrap();
            let part = ends.min(*amount);
            positions.push(([*lower, *tick], part));
            ends -= part;
            *amount -= part;
            if *amount == 0 {
                open.pop_front();
            }
        }
        if begins > 0 {
            open.push_back((*tick, begins));
        }
    }
    assert!(open.is_empty());
    positions
}

/// The bitmap words of ticks, in the form of the database.
fn words<'a>(ticks: impl Iterator<Item = &'a i32>, spacing: i32) -> BTreeMap<i32, Vec<u32>> {
    let mut words: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for tick in ticks {
        let place = tick.div_euclid(spacing);
        let bit = u32::try_from(place.rem_euclid(256)).unwrap();
        words.entry(place.div_euclid(256)).or_default().push(bit);
    }
    words
}

/// The stored ticks and words of the V4 pools, by the hash of the pool.
fn stored(scene: &Scene) -> BTreeMap<String, (Ticks, BTreeMap<i32, Vec<u32>>)> {
    let connection = &mut connect(&scene.path);
    let mut stored: BTreeMap<String, (Ticks, BTreeMap<i32, Vec<u32>>)> = BTreeMap::new();
    let sql = "SELECT lower(pool_hash) || ' ' || tick || ' ' || liquidity_net || ' ' || liquidity_gross AS line \
               FROM managed_pool_liquidity_positions JOIN uniswap_v4_pools USING (managed_pool_id)";
    for line in lines(connection, sql) {
        let words: Vec<_> = line.split(' ').collect();
        let of_pool = stored.entry(words[0].to_owned()).or_default();
        let amounts = (words[2].parse().unwrap(), words[3].parse().unwrap());
        of_pool.0.insert(words[1].parse().unwrap(), amounts);
    }
    let sql = "SELECT lower(pool_hash) || ' ' || word || ' ' || bitmap AS line \
               FROM managed_pool_initialization_maps JOIN uniswap_v4_pools USING (managed_pool_id)";
    for line in lines(connection, sql) {
        let words: Vec<_> = line.split(' ').collect();
        let of_pool = stored.entry(words[0].to_owned()).or_default();
        of_pool.1.insert(words[1].parse().unwrap(), bits(words[2]));
    }
    stored
}

/// The bits of a decimal number.
fn bits(number: &str) -> Vec<u32> {
    let number: alloy_primitives::U256 = number.parse().unwrap();
    let is_set = |bit: &u32| number.bit(*bit as usize);
    (0..256).filter(is_set).collect()
}

/// A V4 pool, as its creation and positions tell it.
struct Recorded {
    currencies: [Address; 2],
    fee: u32,
    spacing: i32,
    hooks: Address,
    ticks: Ticks,
}

/// Takes the pools in, in blocks of a few events, and returns their ids.
fn take_in(pools: &[Recorded]) -> (Scene, Vec<PoolHash>) {
    let scene = Scene::new(ChainId::ETHEREUM, 8);
    let manager: Address = V4_MANAGER.parse().unwrap();
    let (mut ids, mut logs) = (Vec::new(), Vec::new());
    for pool in pools {
        let (id, created) =
            EventLog::initialize(manager, pool.currencies, pool.fee, pool.spacing, pool.hooks);
        ids.push(id);
        logs.push(fake(created));
        for (ticks, amount) in positions(&pool.ticks) {
            // More than is left in the end.
            let events = [amount + 7, -7];
            logs.extend(
                events.map(|delta| fake(EventLog::modify_liquidity(manager, id, ticks, delta))),
            );
        }
    }
    scene.server.chain(|chain| {
        for block in logs.chunks(25) {
            chain.push(block.to_vec());
        }
    });
    let (report, result) = scene.update(&to_head().chunk(7));
    result.unwrap();
    assert_eq!(report.pools, pools.len() as u64);
    (scene, ids)
}

#[test]
fn ticks_of_a_real_pool_are_rebuilt_from_events() {
    let ticks: Ticks = include_str!("../../ticks.csv")
        .lines()
        .map(|line| {
            let numbers: Vec<i128> = line.split(',').map(|it| it.parse().unwrap()).collect();
            let tick = i32::try_from(numbers[0]).unwrap();
            (tick, (numbers[1], numbers[2]))
        })
        .collect();
    assert_eq!(ticks.len(), 499);
    let pool = Recorded {
        currencies: [
            Address::new([0; 20]),
            "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
                .parse()
                .unwrap(),
        ],
        fee: 500,
        spacing: 10,
        hooks: Address::new([0; 20]),
        ticks: ticks.clone(),
    };
    let (scene, ids) = take_in(&[pool]);
    let id = "0x21c67e77068de97969ba93d4aab21826d33ca12bb9f565d8496e8fda8a82ca27";
    assert_eq!(ids[0].to_string(), id);
    let expected = (ticks.clone(), words(ticks.keys(), 10));
    assert_eq!(stored(&scene)[id], expected);
}

#[test]
fn snapshot_of_mainnet_is_rebuilt_from_events() {
    let (Some(snapshot), Some(keys)) = (
        recorded("degenbot/tests_uniswap_v4_mainnet_v4_liquidity_snapshot.json"),
        recorded("degenbot/tests_uniswap_v4_first_200_uniswap_v4_pools.json"),
    ) else {
        return;
    };
    let number = |value: &Value| value.as_str().unwrap().parse::<i128>().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut pools = Vec::new();
    let mut expected = BTreeMap::new();
    for key in keys.as_array().unwrap() {
        let id = text(&key["pool_id"]).to_lowercase();
        let recorded = &snapshot[&id];
        let ticks: Ticks = match recorded["tick_data"].as_object() {
            Some(ticks) => ticks
                .iter()
                .map(|(tick, values)| {
                    let amounts = [&values["liquidity_net"], &values["liquidity_gross"]];
                    let [net, gross] = amounts.map(number);
                    (tick.parse().unwrap(), (net, gross))
                })
                .collect(),
            None => continue,
        };
        let spacing = i32::try_from(number(&key["tick_spacing"])).unwrap();
        let bitmap: BTreeMap<i32, Vec<u32>> = recorded["tick_bitmap"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(word, values)| (word.parse().unwrap(), bits(&text(&values["bitmap"]))))
            .filter(|(_, bits): &(i32, Vec<u32>)| !bits.is_empty())
            .collect();
        assert_eq!(bitmap, words(ticks.keys(), spacing), "{id}");
        if !ticks.is_empty() {
            expected.insert(id, (ticks.clone(), bitmap));
        }
        pools.push(Recorded {
            currencies: [&key["token0"], &key["token1"]].map(|it| text(it).parse().unwrap()),
            fee: u32::try_from(number(&key["fee"])).unwrap(),
            spacing,
            hooks: text(&key["hooks"]).parse().unwrap(),
            ticks,
        });
    }
    assert!(expected.len() > 50, "{}", expected.len());
    let (scene, _) = take_in(&pools);
    assert_eq!(stored(&scene), expected);
}

#[test]
fn recorded_logs_of_mainnet_are_applied() {
    let Some(recorded) = recorded("events/mainnet_2024-01-05_mint_burn_3_pools.json") else {
        return;
    };
    let factory: Address = V3_FACTORY.parse().unwrap();
    let token = |number: u8| Address::new([number; 20]);
    let (mut begin, mut logs) = (Vec::new(), Vec::new());
    let mut pools: BTreeMap<RawAddress, BTreeMap<i32, i128>> = BTreeMap::new();
    for log in recorded["result"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let topics: Vec<B256> = log["topics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|topic| text(topic).parse().unwrap())
            .collect();
        let data: Bytes = text(&log["data"]).parse().unwrap();
        let pool: RawAddress = text(&log["address"]).parse().unwrap();
        let tick = |topic: B256| i32::from_be_bytes(topic.0[28..].try_into().unwrap());
        let bounds = [tick(topics[2]), tick(topics[3])];
        let mint = EventLog::mint(token(0), [0, 1], 1).topics[0];
        let is_mint = topics[0] == mint;
        // The second word of a Mint, the first of a Burn.
        let word = if is_mint { &data[32..64] } else { &data[..32] };
        let amount = i128::from_be_bytes(word[16..].try_into().unwrap());
        if !pools.contains_key(&pool) {
            let number = u8::try_from(pools.len()).unwrap();
            begin.push(fake(EventLog::v3_pool_created(
                factory,
                [token(1 + number), token(9)],
                500,
                1,
                pool.into(),
            )));
        }
        let ticks = pools.entry(pool).or_default();
        // What is burned was there before.
        let earlier = if is_mint { 0 } else { amount };
        if earlier > 0 {
            begin.push(fake(EventLog::mint(
                pool.into(),
                bounds,
                earlier.unsigned_abs(),
            )));
        }
        let change = if is_mint { amount } else { -amount } + earlier;
        *ticks.entry(bounds[0]).or_default() += change;
        *ticks.entry(bounds[1]).or_default() -= change;
        logs.push(FakeLog {
            address: pool,
            topics,
            data: data.to_vec(),
        });
    }
    assert_eq!((logs.len(), pools.len()), (146, 3));
    let scene = Scene::new(ChainId::ETHEREUM, 5);
    execute(
        &scene.path,
        "UPDATE exchange_deployments SET init_code_hash = NULL",
    );
    scene.server.chain(|chain| {
        for block in begin.chunks(20).chain(logs.chunks(9)) {
            chain.push(block.to_vec());
        }
    });
    let (report, result) = scene.update(&to_head().chunk(4));
    result.unwrap();
    assert_eq!(report.pools, 3);
    let sql = "SELECT lower(address) || ' ' || tick || ' ' || liquidity_net AS line \
               FROM liquidity_positions JOIN pools ON pools.id = pool_id WHERE liquidity_net <> '0'";
    let mut found = lines(&mut connect(&scene.path), sql);
    found.sort();
    let mut expected: Vec<_> = pools
        .iter()
        .flat_map(|(pool, ticks)| {
            let ticks = ticks.iter().filter(|(_, net)| **net != 0);
            ticks
                .map(move |(tick, net)| format!("{} {tick} {net}", pool.to_string().to_lowercase()))
        })
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}
