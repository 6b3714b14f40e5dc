//! The repair of what only blocks that are not final have made.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, keccak256};
use degenbot::models::JournalError;
use degenbot::sync::{AaveRepairOptions, SyncError};

use super::Scene;
use crate::support::aave_state::{BLOCKS, selector};
use crate::support::content::{connect, integrity, lines};
use crate::support::fake_chain::FakeLog;

impl Scene {
    /// The market up to the last recorded block, of whose blocks only those up to the first recorded one are final.
    fn with_many_blocks_that_are_not_final() -> Self {
        let scene = Self::never_updated();
        scene
            .server
            .chain(|chain| chain.finality += BLOCKS[1] - BLOCKS[0]);
        scene.update(BLOCKS[2]).1.unwrap();
        scene
    }

    /// One more block, which brings an e-mode category.
    fn list_category(&self, number: u8) {
        let address = |name: &str| {
            let sql =
                format!("SELECT address AS line FROM aave_v3_contracts WHERE name = '{name}'");
            let found = lines(&mut connect(&self.path), &sql).remove(0);
            found.parse::<Address>().unwrap()
        };
        let word = |number: u64| U256::from(number).to_be_bytes::<32>();
        let text = |offset: u64| {
            let mut data = [offset, 4].map(word).concat();
            data.extend(b"Four");
            data.extend([0; 28]);
            data
        };
        let values = [9_000, 9_300, 10_100, 0].map(word).concat();
        let event = FakeLog {
            address: address("POOL_CONFIGURATOR"),
            topics: vec![
                keccak256("EModeCategoryAdded(uint8,uint256,uint256,uint256,address,string)"),
                B256::from(word(number.into())),
            ],
            data: [values.clone(), text(160)].concat(),
        };
        let call = [
            &selector("getEModeCategoryData(uint8)")[..],
            &word(number.into()),
        ]
        .concat();
        let answer = [word(32).to_vec(), values, text(160)].concat();
        let head = BLOCKS[2] + 1;
        self.server.chain(|chain| {
            chain.push(vec![event]);
            // The last final block stays the same.
            chain.finality += 1;
            let answers = Arc::make_mut(&mut chain.answers);
            answers.insert((address("POOL"), call), BTreeMap::from([(head, answer)]));
        });
        self.update(head).1.unwrap();
    }

    /// All rows of the market.
    fn rows(&self) -> Vec<String> {
        let connection = &mut connect(&self.path);
        let tables = lines(
            connection,
            "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name LIKE 'aave%' ORDER BY name",
        );
        let rows = tables.into_iter().flat_map(|table| {
            let columns = format!(
                "SELECT group_concat('quote(' || name || ')', ' || '' '' || ') AS line
                 FROM pragma_table_info('{table}')"
            );
            let columns = lines(connection, &columns).remove(0);
            let sql = format!("SELECT '{table} ' || {columns} AS line FROM {table} ORDER BY line");
            lines(connection, &sql)
        });
        rows.collect()
    }

    /// The only row that blocks that are not final have inserted into a table.
    fn inserted(&self, table: &str) -> String {
        let sql = format!(
            "SELECT row_id AS line FROM chain_journal WHERE table_name = '{table}' AND old_values IS NULL"
        );
        let rows = lines(&mut connect(&self.path), &sql);
        let [row] = rows.as_slice() else {
            panic!("{table}: {rows:?}");
        };
        row.clone()
    }
}

const WRONG: &str = "UPDATE aave_v3_collateral_positions SET balance = balance || '1' WHERE id = 2";

#[test]
fn positions_of_new_reserves_and_of_new_users_are_mended() {
    let scene = Scene::with_many_blocks_that_are_not_final();
    let (asset, user) = (
        scene.inserted("aave_v3_assets"),
        scene.inserted("aave_v3_users"),
    );
    let kept = scene.path.with_extension("kept");
    let mut faults = 0;
    for (table, fault) in [
        ("aave_v3_collateral_positions", "balance = '7' || balance"),
        ("aave_v3_debt_positions", "balance = '7' || balance"),
        ("aave_v3_user_collateral_configs", "enabled = 1 - enabled"),
    ] {
        for place in [format!("asset_id = {asset}"), format!("user_id = {user}")] {
            let sql = format!("SELECT user_id AS line FROM {table} WHERE {place}");
            let users = lines(&mut connect(&scene.path), &sql);
            let Some(first) = users.first() else { continue };
            faults += 1;
            let named = scene.users()[first.parse::<usize>().unwrap() - 1];
            for options in [
                AaveRepairOptions::default().all_found(true),
                AaveRepairOptions::default().users(vec![named]),
            ] {
                scene.execute(&format!("VACUUM INTO '{}'", kept.display()));
                scene.execute(&format!(
                    "UPDATE {table} SET {fault} WHERE {place} AND user_id = {first}"
                ));
                assert_ne!(scene.found(), Vec::<String>::new());
                let (report, result) = scene.repair(&options);
                result.unwrap_or_else(|error| panic!("{table}, {place}: {error}"));
                assert_eq!(report.undone.unwrap().0.get(), BLOCKS[0]);
                assert_eq!(scene.found(), Vec::<String>::new(), "{table}, {place}");
                assert_eq!(integrity(&scene.path), ["ok"]);
                // If the blocks disappear, so do the reserve and the user.
                scene.inserted("aave_v3_assets");
                scene.inserted("aave_v3_users");
                for suffix in ["-wal", "-shm"] {
                    let _ = fs::remove_file(format!("{}{suffix}", scene.path.display()));
                }
                fs::rename(&kept, &scene.path).unwrap();
            }
        }
    }
    assert!(faults >= 3, "{faults}");
}

/// What the contracts do not say is as the last blocks have left it.
#[test]
fn row_that_no_comparison_finds_is_set_back() {
    let scene = Scene::with_many_blocks_that_are_not_final();
    let user = scene.inserted("aave_v3_users");
    scene.execute(WRONG);
    scene.execute(&format!(
        "UPDATE aave_v3_users SET gho_discount = 7 WHERE id = {user}"
    ));
    let discounts = || {
        let sql = "SELECT count(*) AS line FROM aave_v3_users WHERE gho_discount <> 0";
        lines(&mut connect(&scene.path), sql)
    };
    assert_eq!(discounts(), ["1"]);
    scene
        .repair(&AaveRepairOptions::default().all_found(true))
        .1
        .unwrap();
    assert_eq!(discounts(), ["0"]);
    assert_eq!(scene.found(), Vec::<String>::new());
}

/// A category and a contract that only blocks have made which are gone since.
#[test]
fn what_a_repair_was_about_disappears_with_its_blocks() {
    let scene = Scene::with_many_blocks_that_are_not_final();
    let contract = scene.inserted("aave_v3_contracts");
    scene.list_category(4);
    let category = scene.inserted("aave_v3_emode_categories");
    assert_eq!(scene.found(), Vec::<String>::new());
    scene.execute(&format!(
        "UPDATE aave_v3_emode_categories SET ltv = 1 WHERE id = {category};
         UPDATE aave_v3_contracts SET address = '0x00000000000000000000000000000000000000AA'
         WHERE id = {contract}"
    ));
    assert_eq!(
        scene.found(),
        ["address of UMBRELLA", "e-mode category 4: ltv"]
    );
    let (report, result) = scene.repair(&AaveRepairOptions::default().reserves(true));
    result.unwrap();
    assert_eq!(report.findings.len(), 2);
    assert_eq!(scene.found(), Vec::<String>::new());
    // The journal has them as those of their blocks.
    scene.inserted("aave_v3_contracts");
    scene.inserted("aave_v3_emode_categories");
    let head = BLOCKS[2] + 1;
    scene.server.chain(|chain| {
        let depth = usize::try_from(head - BLOCKS[0]).unwrap();
        chain.reorganise(depth, vec![Vec::new(); depth]);
        // The contracts say what they said before.
        let answers = Arc::make_mut(&mut chain.answers);
        for of_call in answers.values_mut() {
            of_call.retain(|block, _| *block <= BLOCKS[0]);
        }
    });
    let (report, result) = scene.update(head);
    result.unwrap();
    assert_eq!(report.undone.unwrap().0.get(), BLOCKS[0]);
    assert_eq!(
        scene.found(),
        Vec::<String>::new(),
        "what is gone has left nothing"
    );
    let left = lines(
        &mut connect(&scene.path),
        "SELECT name AS line FROM aave_v3_contracts WHERE name = 'UMBRELLA'
         UNION ALL SELECT category_id FROM aave_v3_emode_categories WHERE category_id = 4",
    );
    assert_eq!(left, Vec::<String>::new());
}

/// Rows that somebody changes after blocks have written them, which disappear then.
const CHANGES: [&str; 8] = [
    "UPDATE aave_v3_collateral_positions SET balance = balance || '1' WHERE id IN",
    "DELETE FROM aave_v3_collateral_positions WHERE id IN",
    "UPDATE aave_v3_debt_positions SET last_index = '7' WHERE id IN",
    "DELETE FROM aave_v3_debt_positions WHERE id IN",
    "UPDATE aave_v3_users SET gho_discount = 7, e_mode = 3 WHERE id IN",
    "UPDATE aave_v3_assets SET borrow_rate = '1', e_mode_category_id = NULL WHERE id IN",
    "DELETE FROM aave_v3_asset_facts WHERE id IN",
    "UPDATE aave_v3_user_collateral_configs SET enabled = 1 - enabled WHERE id IN",
];

#[test]
fn changed_rows_of_blocks_that_are_gone_lead_to_a_repair_that_works() {
    for change in CHANGES {
        let scene = Scene::with_many_blocks_that_are_not_final();
        let table = change
            .split(' ')
            .find(|word| word.starts_with("aave_v3_"))
            .unwrap();
        scene.execute(&format!(
            "{change} (SELECT row_id FROM chain_journal WHERE table_name = '{table}' AND block > {})",
            BLOCKS[1]
        ));
        scene.server.chain(|chain| {
            let depth = usize::try_from(BLOCKS[2] - BLOCKS[1]).unwrap();
            chain.reorganise(depth, vec![Vec::new(); depth + 1]);
            // The contracts say what they said before.
            let answers = Arc::make_mut(&mut chain.answers);
            for of_call in answers.values_mut() {
                of_call.retain(|block, _| *block <= BLOCKS[1]);
            }
        });
        let error = scene.update(BLOCKS[2]).1.unwrap_err();
        let SyncError::Journal {
            source: JournalError::Changed { table: named, .. },
        } = &error
        else {
            panic!("{change}: {error}");
        };
        assert_eq!(named, table);
        assert!(
            error
                .hint()
                .starts_with("Run 'degenbot aave repair --all-found'"),
            "{}",
            error.hint()
        );
        let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
        result.unwrap_or_else(|error| panic!("{change}: {error}"));
        assert_eq!(report.undone.unwrap().0.get(), BLOCKS[1]);
        assert_eq!((report.findings, report.taken_in), (Vec::new(), None));
        // All is as it was before these blocks.
        let before = Scene::with_many_blocks_that_are_not_final();
        before.server.chain(|chain| {
            let depth = usize::try_from(BLOCKS[2] - BLOCKS[1]).unwrap();
            chain.reorganise(depth, vec![Vec::new(); depth]);
        });
        before.update(BLOCKS[1]).1.unwrap();
        assert_eq!(scene.rows(), before.rows(), "{change}");
        scene.update(BLOCKS[2] + 1).1.unwrap();
        assert_eq!(scene.found(), Vec::<String>::new(), "{change}");
        assert_eq!(integrity(&scene.path), ["ok"]);
    }
}

/// The values at the last block that is still in the chain are written, so that nothing else is needed.
#[test]
fn repair_mends_what_was_wrong_before_blocks_that_are_gone() {
    let scene = Scene::with_many_blocks_that_are_not_final();
    scene.server.chain(|chain| {
        let depth = usize::try_from(BLOCKS[2] - BLOCKS[1]).unwrap();
        chain.reorganise(depth, vec![Vec::new(); depth]);
        let answers = Arc::make_mut(&mut chain.answers);
        for of_call in answers.values_mut() {
            of_call.retain(|block, _| *block <= BLOCKS[1]);
        }
    });
    scene.execute("UPDATE aave_v3_users SET e_mode = 7");
    let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
    result.unwrap();
    assert!(!report.findings.is_empty());
    // For the repair, what is not final was taken back as well, and taken in again.
    assert_eq!(report.undone.unwrap().0.get(), BLOCKS[0]);
    assert_eq!(report.taken_in.unwrap().get(), BLOCKS[1]);
    assert_eq!(scene.found(), Vec::<String>::new());
    scene.update(BLOCKS[2]).1.unwrap();
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn name_that_a_user_gives_a_market_stays_when_blocks_are_undone() {
    let scene = Scene::with_many_blocks_that_are_not_final();
    scene.execute("UPDATE aave_v3_market_facts SET name = 'mine', first_block = 7");
    scene.server.chain(|chain| {
        let depth = usize::try_from(BLOCKS[2] - BLOCKS[1]).unwrap();
        chain.reorganise(depth, vec![Vec::new(); depth]);
    });
    let (report, result) = scene.update(BLOCKS[2]);
    result.unwrap();
    assert_eq!(report.undone.unwrap().0.get(), BLOCKS[1]);
    let facts = "SELECT name || ' ' || first_block AS line FROM aave_v3_market_facts";
    assert_eq!(lines(&mut connect(&scene.path), facts), ["mine 7"]);
}
