//! Price sources that an oracle no longer has.

use alloy_primitives::{Address, B256, keccak256};

use super::Scene;
use crate::support::content::{connect, lines};
use crate::support::fake_chain::{FakeLog, address};

fn word(address: Address) -> B256 {
    B256::left_padding_from(address.as_slice())
}

impl Scene {
    fn of_contract(&self, name: &str) -> Address {
        let sql = format!("SELECT address AS line FROM aave_v3_contracts WHERE name = '{name}'");
        lines(&mut connect(&self.path), &sql)[0].parse().unwrap()
    }

    fn sources(&self) -> Vec<(Address, Option<String>)> {
        let sql = "SELECT t.address || ' ' || coalesce(a.price_source, '') AS line FROM aave_v3_assets AS a
                   JOIN erc20_tokens AS t ON t.id = a.underlying_asset_id ORDER BY a.id";
        let split = |line: &String| {
            let (asset, source) = line.split_once(' ').unwrap();
            let source = Some(source.to_owned()).filter(|it| !it.is_empty());
            (asset.parse().unwrap(), source)
        };
        lines(&mut connect(&self.path), sql)
            .iter()
            .map(split)
            .collect()
    }

    fn push(&self, log: FakeLog) {
        self.server.chain(|chain| {
            let time = chain.blocks.last().unwrap().timestamp + 12;
            chain.push_with_time(time, vec![log]);
        });
        self.update_to_head();
    }
}

#[test]
fn asset_whose_source_is_taken_away_has_none() {
    let scene = Scene::new("36", 0);
    scene.update_to_head();
    let before = scene.sources();
    let place = before.iter().position(|(_, source)| source.is_some());
    let place = place.unwrap();
    let (asset, _) = before[place];
    scene.push(FakeLog {
        address: scene.of_contract("PRICE_ORACLE"),
        topics: vec![
            keccak256("AssetSourceUpdated(address,address)"),
            word(asset),
            word(Address::ZERO),
        ],
        data: Vec::new(),
    });
    let mut expected = before;
    expected[place].1 = None;
    assert_eq!(scene.sources(), expected);
}

#[test]
fn asset_that_a_new_oracle_has_no_source_for_has_none() {
    let scene = Scene::new("36", 0);
    scene.update_to_head();
    let before = scene.sources();
    let new = address(77);
    let source = address(78);
    let (asset, _) = before[1];
    scene.push(FakeLog {
        address: new,
        topics: vec![
            keccak256("AssetSourceUpdated(address,address)"),
            word(asset),
            word(source),
        ],
        data: Vec::new(),
    });
    assert_eq!(scene.sources(), before);
    let provider = scene.of_contract("POOL_ADDRESS_PROVIDER");
    scene.push(FakeLog {
        address: provider,
        topics: vec![
            keccak256("PriceOracleUpdated(address,address)"),
            word(scene.of_contract("PRICE_ORACLE")),
            word(new),
        ],
        data: Vec::new(),
    });
    let expected: Vec<_> = before
        .iter()
        .map(|(it, _)| (*it, (*it == asset).then(|| source.to_string())))
        .collect();
    assert_eq!(scene.sources(), expected);
}
