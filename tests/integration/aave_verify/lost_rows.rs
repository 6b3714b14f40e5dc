//! Rows that a market has lost, or that it should not have.

use std::sync::Arc;

use alloy_primitives::U256;
use degenbot::sync::{AaveRepairOptions, SyncError};
use degenbot::types::Address;

use super::Scene;
use crate::support::aave_state::{BLOCKS, selector};
use crate::support::content::{connect, integrity, lines};

/// What is taken out or added, and what a comparison of everything says about it.
const FAULTS: [(&str, &[&str]); 13] = [
    (
        "INSERT INTO aave_v3_emode_categories
         (market_id, category_id, label, ltv, liquidation_threshold, liquidation_bonus)
         VALUES (1, 7, 'Made up', 9000, 9300, 10100);
         UPDATE aave_v3_assets SET e_mode_category_id =
             (SELECT id FROM aave_v3_emode_categories WHERE category_id = 7) WHERE id = 1",
        &[
            "e-mode category 7: label",
            "e-mode category 7: liquidation_bonus",
            "e-mode category 7: liquidation_threshold",
            "e-mode category 7: ltv",
            "e-mode category 7: price_source",
            "e_mode_category_id of the asset",
        ],
    ),
    (
        "INSERT INTO aave_v3_contracts (market_id, name, address)
         VALUES (1, 'MADE_UP', '0x00000000000000000000000000000000000000AA'),
                (1, 'a name that no contract can have under an addresses provider',
                 '0x00000000000000000000000000000000000000AA')",
        &[
            "address of MADE_UP",
            "address of a name that no contract can have under an addresses provider",
        ],
    ),
    (
        "UPDATE aave_v3_contracts SET address = '0x00000000000000000000000000000000000000AA'
         WHERE name = 'UMBRELLA'",
        &["address of UMBRELLA"],
    ),
    (
        "UPDATE aave_v3_assets SET e_mode_category_id = NULL
         WHERE id = (SELECT min(id) FROM aave_v3_assets WHERE e_mode_category_id IS NOT NULL)",
        &["e_mode_category_id of the asset"],
    ),
    // An asset that is in no category.
    (
        "UPDATE aave_v3_assets SET e_mode_category_id = (SELECT min(id) FROM aave_v3_emode_categories)
         WHERE id = (SELECT min(id) FROM aave_v3_assets WHERE e_mode_category_id IS NULL)",
        &["e_mode_category_id of the asset"],
    ),
    // A position that the Pool does not tell of.
    (
        "DELETE FROM aave_v3_collateral_positions WHERE id = (
             SELECT min(p.id) FROM aave_v3_collateral_positions AS p WHERE p.balance <> '0' AND NOT EXISTS
             (SELECT 1 FROM aave_v3_user_collateral_configs AS c
              WHERE c.user_id = p.user_id AND c.asset_id = p.asset_id AND c.enabled))",
        &["scaled total supply"],
    ),
    (
        "DELETE FROM aave_v3_debt_positions
         WHERE id = (SELECT min(id) FROM aave_v3_debt_positions WHERE balance <> '0')",
        &["scaled balance", "scaled total supply"],
    ),
    (
        "DELETE FROM aave_v3_collateral_positions WHERE user_id = 3;
         DELETE FROM aave_v3_debt_positions WHERE user_id = 3;
         DELETE FROM aave_v3_user_collateral_configs WHERE user_id = 3;
         DELETE FROM aave_v3_users WHERE id = 3",
        &["scaled total supply"],
    ),
    // As the sqlite3 shell does it.
    (
        "PRAGMA foreign_keys = OFF;
         DELETE FROM aave_v3_users WHERE id = (SELECT max(user_id) FROM aave_v3_collateral_positions)",
        &["scaled total supply"],
    ),
    // A user whose rows are spelled in two ways, and who has something in each.
    (
        "INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt)
             SELECT 99, market_id, lower(address), e_mode, gho_discount, isolation_mode_debt
             FROM aave_v3_users WHERE id = 3;
         UPDATE aave_v3_collateral_positions SET user_id = 99 WHERE user_id = 3",
        &["rows of the user", "scaled balance"],
    ),
    // A reserve that the market never had.
    (
        "INSERT INTO erc20_tokens (id, chain, address, symbol, decimals) VALUES
             (901, 1, '0x1111111111111111111111111111111111111111', 'FAKE', 18),
             (902, 1, '0x2222222222222222222222222222222222222222', 'aFAKE', 18),
             (903, 1, '0x3333333333333333333333333333333333333333', 'vFAKE', 18);
         INSERT INTO aave_v3_assets (id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id,
             v_token_revision, liquidity_index, liquidity_rate, borrow_index, borrow_rate)
             VALUES (90, 1, 901, 902, 5, 903, 5, '1000000000000000000000000000', '0', '1000000000000000000000000000', '0');
         INSERT INTO aave_v3_asset_configs (asset_id, ltv, liquidation_threshold, liquidation_bonus, borrowing_enabled,
             stable_borrowing_enabled, flash_loan_enabled, isolation_mode) VALUES (90, 5000, 6000, 10500, 1, 0, 1, 0);
         INSERT INTO aave_v3_asset_facts (asset_id, transfer_amount) VALUES (90, 'scaled');
         INSERT INTO aave_v3_collateral_positions (user_id, asset_id, balance, last_index)
             VALUES (2, 90, '1000000000000000000000000', '1000000000000000000000000000');
         INSERT INTO aave_v3_user_collateral_configs (user_id, asset_id, enabled) VALUES (2, 90, 1)",
        &["reserve", "scaled total supply"],
    ),
    // A reserve with all that belongs to it.
    (
        "DELETE FROM aave_v3_collateral_positions WHERE asset_id = 3;
         DELETE FROM aave_v3_debt_positions WHERE asset_id = 3;
         DELETE FROM aave_v3_user_collateral_configs WHERE asset_id = 3;
         DELETE FROM aave_v3_asset_configs WHERE asset_id = 3;
         DELETE FROM aave_v3_asset_facts WHERE asset_id = 3;
         DELETE FROM aave_v3_emode_assets WHERE asset_id = 3;
         DELETE FROM aave_v3_assets WHERE id = 3",
        &["reserve"],
    ),
    // As the sqlite3 shell does it.
    (
        "PRAGMA foreign_keys = OFF; DELETE FROM aave_v3_assets WHERE id = 3",
        &["reserve"],
    ),
];

#[test]
fn what_is_lost_or_made_up_is_found_and_mended() {
    // Once the rows were changed by blocks that are not final, and once they were not.
    for not_final in [64, BLOCKS[2] - BLOCKS[0]] {
        for (sql, expected) in FAULTS {
            let scene = Scene::never_updated();
            scene.server.chain(|chain| chain.finality = not_final);
            scene.update(BLOCKS[2]).1.unwrap();
            scene.execute(sql);
            let mut found = scene.found();
            found.sort();
            found.dedup();
            assert_eq!(found, expected, "{sql}");
            let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
            result.unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert!(!report.findings.is_empty(), "{sql}");
            assert_eq!(scene.found(), Vec::<String>::new(), "{sql}");
            assert_eq!(integrity(&scene.path), ["ok"]);
            let orphans = lines(
                &mut connect(&scene.path),
                "SELECT count(*) AS line FROM pragma_foreign_key_check",
            );
            assert_eq!(orphans, ["0"], "{sql}");
        }
    }
}

/// Nobody whom the database lacks explains it.
#[test]
fn total_that_stays_wrong_is_an_error() {
    let scene = Scene::at(BLOCKS[2]);
    let tokens = lines(
        &mut connect(&scene.path),
        "SELECT t.address AS line FROM aave_v3_assets AS a JOIN erc20_tokens AS t ON t.id = a.a_token_id
         ORDER BY a.id LIMIT 1",
    );
    let token: Address = tokens[0].parse().unwrap();
    let call = (
        tokens[0].parse().unwrap(),
        selector("scaledTotalSupply()").to_vec(),
    );
    scene.server.chain(|chain| {
        let answers = Arc::make_mut(&mut chain.answers).get_mut(&call).unwrap();
        for answer in answers.values_mut() {
            let total = U256::from_be_slice(answer) + U256::from(7);
            *answer = total.to_be_bytes_vec();
        }
    });
    assert_eq!(scene.found(), ["scaled total supply"]);
    let (_, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
    let Err(error @ SyncError::TotalDiffers { token: named, .. }) = &result else {
        panic!("{result:?}");
    };
    assert_eq!(*named, token);
    assert!(
        error.hint().contains("aave repair USER"),
        "{}",
        error.hint()
    );
    assert_eq!(scene.found(), ["scaled total supply"]);
}

/// What users have of it is lost as well, and the events of the last blocks do not fit without it.
#[test]
fn lost_reserve_needs_one_repair() {
    for not_final in [64, BLOCKS[2] - BLOCKS[0]] {
        for asset in 1..=7 {
            let scene = Scene::never_updated();
            scene.server.chain(|chain| chain.finality = not_final);
            scene.update(BLOCKS[2]).1.unwrap();
            scene.execute(&format!(
                "PRAGMA foreign_keys = OFF; DELETE FROM aave_v3_assets WHERE id = {asset}"
            ));
            let (_, result) = scene.repair(&AaveRepairOptions::default().reserves(true));
            result.unwrap_or_else(|error| panic!("{asset}: {error}"));
            assert_eq!(scene.found(), Vec::<String>::new(), "{asset}");
        }
    }
}
