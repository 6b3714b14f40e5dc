//! Two markets on one chain.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::Address as Contract;
use degenbot::database::{MarketFacts, MarketOptions, add_market};
use degenbot::deployments::{Market, MarketName};
use degenbot::types::{Address, BlockNumber};

use super::stored::{assert_chain_at, rows};
use super::{NEVER, Scene, assert_rows, at, execute, reference, to_head};
use crate::support::aave_recording::{Recording, recording};
use crate::support::fake_chain::{Answers, FakeChain, FakeLog};

/// The addresses of the contracts of a market, at which another market may have its own.
fn contracts(recording: &Recording) -> BTreeSet<Contract> {
    let emitters = recording
        .logs
        .iter()
        .map(|log| log.contract.parse().unwrap());
    let answering = recording
        .chain
        .answers
        .keys()
        .map(|(contract, _)| *contract);
    emitters.chain(answering).collect()
}

/// Bytes in which the addresses of these contracts are others.
fn moved(bytes: &[u8], contracts: &BTreeSet<Contract>) -> Vec<u8> {
    let mut moved = bytes.to_vec();
    let mut place = 0;
    while let Some(found) = bytes.get(place..place + 20) {
        if contracts.contains(&Contract::from_slice(found)) {
            for (new, old) in moved[place..].iter_mut().zip(found) {
                *new = old ^ 0x5a;
            }
            place += 20;
        } else {
            place += 1;
        }
    }
    moved
}

/// The address of a contract that is moved with the other ones of its market.
pub(super) fn moved_address(recording: &Recording, contract: Contract) -> Contract {
    Contract::from_slice(&moved(contract.as_slice(), &contracts(recording)))
}

/// The chain of one market, in whose blocks the events of another one happen as well.
fn with_another(chain: &FakeChain, other: &Recording) -> FakeChain {
    let contracts = contracts(other);
    let of = |bytes: &[u8]| moved(bytes, &contracts);
    let address = |it: Contract| Contract::from_slice(&of(it.as_slice()));
    let mut both = FakeChain::new(chain.chain_id, chain.first());
    both.calls = chain.calls;
    let mut answers = Answers::clone(&chain.answers);
    for ((contract, data), said) in &*other.chain.answers {
        let said = said.iter().map(|(since, answer)| (*since, of(answer)));
        answers.insert((address(*contract), of(data)), said.collect());
    }
    both.answers = Arc::new(answers);
    for block in &chain.blocks[1..] {
        let mut logs = block.logs.clone();
        let more = other
            .chain
            .block(block.number)
            .map_or(&[][..], |block| &block.logs);
        logs.extend(more.iter().map(|log| {
            FakeLog {
                address: address(log.address),
                topics: log
                    .topics
                    .iter()
                    .map(|topic| alloy_primitives::B256::from_slice(&of(topic.as_slice())))
                    .collect(),
                data: of(&log.data),
            }
        }));
        both.push_with_time(block.timestamp, logs);
    }
    both
}

/// The chain of market 3.6 with market 3.0.2, and a database in which both are active.
pub(super) fn scene(finality: u64) -> Scene {
    let (first, second) = (recording("36"), recording("302"));
    let scene = Scene::on(first, with_another(&first.chain, second), finality);
    let provider = moved(second.provider.as_bytes(), &contracts(second));
    let provider = Address::new(provider.try_into().unwrap());
    let facts = MarketFacts::new("Another Market".to_owned());
    let name = "1_another".parse::<MarketName>().unwrap();
    let first_block = BlockNumber::new(second.first_block).unwrap();
    let another = Market::new(name, provider).unwrap();
    let another = another.with_first_block(first_block);
    add_market(&scene.path, &another, &facts, &MarketOptions::default()).unwrap();
    execute(&scene.path, "UPDATE aave_v3_markets SET active = 1");
    scene
}

#[test]
fn markets_of_one_chain_do_not_touch_each_other() {
    for (finality, chunk) in [(0, 10_000), (NEVER, 300)] {
        let both = scene(finality);
        both.update(&to_head().chunk(chunk)).1.unwrap();
        let found = rows(&both.path);
        assert_chain_at(
            both.recording,
            &only(&found, both.recording),
            both.recording.head(),
        );
        for name in ["Aave Ethereum Market", "Another Market"] {
            let alone = scene(finality);
            execute(
                &alone.path,
                &format!("UPDATE aave_v3_markets SET active = 0 WHERE name <> '{name}'"),
            );
            alone.update_to_head();
            let of_alone = rows(&alone.path);
            let of_other = ["market\"", "[\"gho"];
            let missing: Vec<_> = of_alone
                .iter()
                .filter(|row| !found.contains(row) && !of_other.iter().any(|it| row.contains(it)))
                .collect();
            assert!(missing.is_empty(), "{missing:#?}");
        }
    }
}

/// The rows without those of tokens of other markets.
fn only(all: &[String], recording: &Recording) -> Vec<String> {
    let is_own = |row: &&String| {
        let row: Vec<serde_json::Value> = serde_json::from_str(row).unwrap();
        match row[0].as_str() {
            Some("balance" | "flag" | "config" | "in e-mode" | "facts of asset") => {
                let token = row[1].as_str().unwrap();
                recording.tokens.contains_key(token)
            }
            Some("asset" | "user" | "contract" | "category") => row[1] == "Aave Ethereum Market",
            _ => true,
        }
    };
    all.iter().filter(is_own).cloned().collect()
}

#[test]
fn market_that_is_activated_later_catches_up() {
    let scene = scene(200);
    execute(
        &scene.path,
        "UPDATE aave_v3_markets SET active = 0 WHERE name = 'Another Market'",
    );
    let half = scene.percent(50);
    scene.update(&to_head().to_block(at(half))).1.unwrap();
    execute(&scene.path, "UPDATE aave_v3_markets SET active = 1");
    let later = scene.percent(70);
    scene.update(&to_head().to_block(at(later))).1.unwrap();
    scene.update_to_head();
    let at_once = self::scene(0);
    at_once.update_to_head();
    assert_rows(&rows(&scene.path), &rows(&at_once.path));
}

#[test]
fn only_the_named_market_takes_part() {
    let scene = scene(0);
    let named: Vec<MarketName> = vec![super::market()];
    let (report, result) = scene.update(&to_head().markets(named));
    result.unwrap();
    assert_eq!(report.markets.len(), 1);
    let own = only(&rows(&scene.path), scene.recording);
    let alone = reference(scene.recording, scene.recording.head());
    let missing: Vec<_> = alone.iter().filter(|row| !own.contains(row)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
