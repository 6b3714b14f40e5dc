//! What an update has stored, and whether it is what the contracts said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alloy_primitives::U256;
use serde_json::{Value, json};

use crate::support::aave_recording::{ExpectedReserve, Recording};
use crate::support::content::{connect, lines};

/// The rows that a chain decides, without their ids. When it shows what the transfers of a token say depends on how far it is
/// known; the balances show it as well.
const ROWS: [&str; 14] = [
    "SELECT json_array('market', chain_id, name, active, last_update_block) AS line FROM aave_v3_markets",
    "SELECT json_array('contract', m.name, c.name, address, revision) AS line
     FROM aave_v3_contracts AS c JOIN aave_v3_markets AS m ON m.id = market_id",
    "SELECT json_array('facts of market', m.name, f.name, first_block, last_update_time) AS line
     FROM aave_v3_market_facts AS f JOIN aave_v3_markets AS m ON m.id = market_id",
    "SELECT json_array('token', chain, address, name, symbol, decimals) AS line FROM erc20_tokens",
    "SELECT json_array('asset', m.name, u.address, t.address, a_token_revision, v.address, v_token_revision,
         a.last_update_block, liquidity_index, liquidity_rate, borrow_index, borrow_rate, category_id,
         a.price_source) AS line
     FROM aave_v3_assets AS a JOIN aave_v3_markets AS m ON m.id = a.market_id
         LEFT JOIN erc20_tokens AS u ON u.id = underlying_asset_id LEFT JOIN erc20_tokens AS t ON t.id = a_token_id
         LEFT JOIN erc20_tokens AS v ON v.id = v_token_id
         LEFT JOIN aave_v3_emode_categories AS e ON e.id = a.e_mode_category_id",
    "SELECT json_array('config', t.address, ltv, liquidation_threshold, liquidation_bonus, c.e_mode_category_id,
         borrowing_enabled, stable_borrowing_enabled, flash_loan_enabled, isolation_mode, debt_ceiling,
         borrowable_in_isolation) AS line
     FROM aave_v3_asset_configs AS c JOIN aave_v3_assets AS a ON a.id = asset_id
         JOIN erc20_tokens AS t ON t.id = a_token_id",
    "SELECT json_array('facts of asset', t.address, last_update_time) AS line
     FROM aave_v3_asset_facts AS f JOIN aave_v3_assets AS a ON a.id = asset_id
         JOIN erc20_tokens AS t ON t.id = a_token_id",
    "SELECT json_array('in e-mode', t.address, category_id, is_collateral, is_borrowable, is_ltv_zero) AS line
     FROM aave_v3_emode_assets AS e JOIN aave_v3_assets AS a ON a.id = asset_id
         JOIN erc20_tokens AS t ON t.id = a_token_id",
    "SELECT json_array('category', m.name, category_id, label, ltv, liquidation_threshold, liquidation_bonus,
         price_source) AS line
     FROM aave_v3_emode_categories JOIN aave_v3_markets AS m ON m.id = market_id",
    "SELECT json_array('user', m.name, address, e_mode, gho_discount, stk_aave_balance,
         isolation_mode_collateral_asset_id, isolation_mode_debt) AS line
     FROM aave_v3_users JOIN aave_v3_markets AS m ON m.id = market_id",
    "SELECT json_array('flag', t.address, u.address, enabled) AS line
     FROM aave_v3_user_collateral_configs JOIN aave_v3_users AS u ON u.id = user_id
         JOIN aave_v3_assets AS a ON a.id = asset_id JOIN erc20_tokens AS t ON t.id = a_token_id",
    "SELECT json_array('balance', t.address, u.address, balance, last_index) AS line
     FROM aave_v3_collateral_positions JOIN aave_v3_users AS u ON u.id = user_id
         JOIN aave_v3_assets AS a ON a.id = asset_id JOIN erc20_tokens AS t ON t.id = a_token_id",
    "SELECT json_array('balance', t.address, u.address, balance, last_index) AS line
     FROM aave_v3_debt_positions JOIN aave_v3_users AS u ON u.id = user_id
         JOIN aave_v3_assets AS a ON a.id = asset_id JOIN erc20_tokens AS t ON t.id = v_token_id",
    "SELECT json_array('gho', t.address, v.address, v_gho_discount_token, v_gho_discount_rate_strategy) AS line
     FROM aave_gho_tokens JOIN erc20_tokens AS t ON t.id = token_id
         LEFT JOIN erc20_tokens AS v ON v.id = v_token_id",
];

/// The rows of a database that a chain decides.
pub fn rows(path: &Path) -> Vec<String> {
    let connection = &mut connect(path);
    let mut rows: Vec<_> = ROWS.iter().flat_map(|sql| lines(connection, sql)).collect();
    rows.sort();
    rows
}

/// The rows of a kind, as values.
fn of_kind(rows: &[String], kind: &str) -> Vec<Vec<Value>> {
    let all = rows
        .iter()
        .map(|row| serde_json::from_str::<Vec<Value>>(row).unwrap());
    all.filter(|row| row[0] == kind).collect()
}

/// Asserts that the rows say what the contracts said after a block. Returns how many values were compared.
pub(super) fn assert_chain_at(recording: &Recording, rows: &[String], block: u64) -> usize {
    let name = &recording.name;
    let expected = &recording.expected[&block];
    let mut compared = 0;
    // A balance of zero needs no row.
    let balances: BTreeMap<_, _> = of_kind(rows, "balance")
        .into_iter()
        .map(|row| {
            (
                (row[1].to_string(), row[2].to_string()),
                (row[3].to_string(), row[4].to_string()),
            )
        })
        .collect();
    let mut known = BTreeSet::new();
    for (token, user, scaled, index) in &expected.balances {
        let key = (json!(token).to_string(), json!(user).to_string());
        let found = balances.get(&key);
        let wanted = (json!(scaled).to_string(), json!(index).to_string());
        if found.is_some() || scaled != "0" {
            assert_eq!(
                found,
                Some(&wanted),
                "{name}, block {block}: {user} of {token}"
            );
        }
        known.insert(key);
        compared += 2;
    }
    for (key, (balance, _)) in &balances {
        let is_known = known.contains(key) || balance == "\"0\"";
        assert!(is_known, "{name}, block {block}: {key:?} has {balance}");
    }
    for reserve in &expected.reserves {
        compared += assert_reserve(rows, reserve, &format!("{name}, block {block}"), recording);
    }
    let users: BTreeMap<_, _> = of_kind(rows, "user")
        .into_iter()
        .filter(|row| row[3] != 0)
        .map(|row| (row[2].to_string(), row[3].to_string()))
        .collect();
    let wanted: BTreeMap<_, _> = expected
        .users
        .iter()
        .filter(|(_, category, _)| *category != 0)
        .map(|(user, category, _)| (json!(user).to_string(), category.to_string()))
        .collect();
    assert_eq!(users, wanted, "{name}, block {block}: e-modes");
    let flags: BTreeSet<_> = of_kind(rows, "flag")
        .into_iter()
        .filter(|row| row[3] == 1)
        .map(|row| (row[1].to_string(), row[2].to_string()))
        .collect();
    let token_of: BTreeMap<_, _> = expected
        .reserves
        .iter()
        .map(|reserve| (&reserve.underlying, &reserve.a_token))
        .collect();
    let wanted: BTreeSet<_> = expected
        .users
        .iter()
        .flat_map(|(user, _, assets)| {
            let token_of = &token_of;
            assets
                .iter()
                .map(move |asset| (json!(token_of[asset]).to_string(), json!(user).to_string()))
        })
        .collect();
    assert_eq!(flags, wanted, "{name}, block {block}: collateral");
    compared += users.len() + flags.len();
    for (contract, (address, revision)) in &expected.contracts {
        let row = of_kind(rows, "contract")
            .into_iter()
            .find(|row| row[2] == json!(contract));
        let found = row.map(|row| (row[3].clone(), row[4].clone()));
        let wanted = (json!(address), json!(revision));
        assert_eq!(found, Some(wanted), "{name}, block {block}: {contract}");
        compared += 2;
    }
    compared
}

fn assert_reserve(
    rows: &[String],
    expected: &ExpectedReserve,
    place: &str,
    recording: &Recording,
) -> usize {
    let asset = of_kind(rows, "asset");
    let asset = asset
        .iter()
        .find(|row| row[2] == json!(expected.underlying))
        .unwrap_or_else(|| panic!("{place}: no row of {}", expected.underlying));
    let category = asset[12].as_u64();
    let of_categories = |category: Option<u64>| match category {
        Some(category) => expected
            .categories
            .iter()
            .any(|it| u64::from(*it) == category),
        None => expected.categories.is_empty(),
    };
    assert!(of_categories(category), "{place}: {asset:?}");
    let updated = asset[7]
        .as_u64()
        .map_or(0, |block| recording.chain.block(block).unwrap().timestamp);
    let found = [&asset[3..7], &asset[8..12], &asset[13..14]].concat();
    let wanted = [
        json!(expected.a_token),
        json!(expected.a_token_revision),
        json!(expected.v_token),
        json!(expected.v_token_revision),
        json!(expected.liquidity_index),
        json!(expected.liquidity_rate),
        json!(expected.borrow_index),
        json!(expected.borrow_rate),
        json!(expected.price_source),
    ];
    assert_eq!(found, wanted, "{place}: {}", expected.underlying);
    assert_eq!(
        updated.to_string(),
        expected.updated,
        "{place}: {}",
        expected.underlying
    );
    let configs = of_kind(rows, "config");
    let config = configs
        .iter()
        .find(|row| row[1] == json!(expected.a_token))
        .unwrap_or_else(|| panic!("{place}: no configuration of {}", expected.underlying));
    let all: U256 = expected.configuration.parse().unwrap();
    let bits = |at: usize, count: usize| {
        let number: U256 = (all >> at) & ((U256::from(1) << count) - U256::from(1));
        number.to::<u64>()
    };
    assert!(of_categories(config[5].as_u64()), "{place}: {config:?}");
    let ceiling: u64 = config[10].as_str().map_or(0, |text| text.parse().unwrap());
    let flags = config[2..5]
        .iter()
        .chain(&config[6..10])
        .chain(&config[11..]);
    let found: Vec<_> = flags
        .map(|value| value.as_u64().unwrap())
        .chain([ceiling])
        .collect();
    let wanted = [
        bits(0, 16),
        bits(16, 16),
        bits(32, 16),
        bits(58, 1),
        bits(59, 1),
        bits(63, 1),
        u64::from(bits(212, 40) != 0),
        bits(61, 1),
        bits(212, 40),
    ];
    assert_eq!(
        found, wanted,
        "{place}: configuration of {}",
        expected.underlying
    );
    20
}
