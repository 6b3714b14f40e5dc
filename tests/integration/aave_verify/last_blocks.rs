//! The repair of what only blocks that are not final have made.

use std::fs;

use degenbot::sync::{AaveRepairOptions, SyncError};

use super::Scene;
use crate::support::aave_state::BLOCKS;
use crate::support::content::{connect, integrity, lines};

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

/// The addresses of some contracts are compared with nothing.
#[test]
fn what_no_comparison_finds_is_repaired_as_the_hint_says() {
    let scene = Scene::with_many_blocks_that_are_not_final();
    let contract = scene.inserted("aave_v3_contracts");
    scene.execute(WRONG);
    scene.execute(&format!(
        "UPDATE aave_v3_contracts SET address = '0x00000000000000000000000000000000000000AA'
         WHERE id = {contract}"
    ));
    let everything_found = AaveRepairOptions::default().all_found(true);
    let error = scene.repair(&everything_found).1.unwrap_err();
    assert_eq!(
        error.hint(),
        "Repair it at the same time: 'degenbot aave repair --all-found --reserves' repairs all that differs"
    );
    let everything = everything_found.reserves(true);
    scene.repair(&everything).1.unwrap();
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn repair_of_everything_does_not_advise_itself() {
    let scene = Scene::with_many_blocks_that_are_not_final();
    let user = scene.inserted("aave_v3_users");
    scene.execute(WRONG);
    scene.execute(&format!(
        "UPDATE aave_v3_users SET gho_discount = 7 WHERE id = {user}"
    ));
    let everything = AaveRepairOptions::default().all_found(true).reserves(true);
    let error = scene.repair(&everything).1.unwrap_err();
    assert!(matches!(error, SyncError::NotUndone { .. }), "{error}");
    assert_eq!(
        error.hint(),
        "Restore a backup from before that block, and run the update again"
    );
    // With the names of markets, it leaves out others.
    let some = everything.markets(vec!["ethereum_aave_v3".parse().unwrap()]);
    let error = scene.repair(&some).1.unwrap_err();
    assert!(error.hint().contains("--reserves"), "{}", error.hint());
}
