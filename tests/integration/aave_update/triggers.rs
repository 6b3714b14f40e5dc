//! Triggers of the user's own on the tables that an update writes to.

use super::stored::rows;
use super::{NEVER, Scene, assert_rows, at, execute, reference, to_head};
use crate::support::content::{connect, lines};

/// Each table that an update of a market writes to.
const TABLES: [&str; 15] = [
    "aave_gho_tokens",
    "aave_v3_asset_configs",
    "aave_v3_asset_facts",
    "aave_v3_assets",
    "aave_v3_collateral_positions",
    "aave_v3_contracts",
    "aave_v3_debt_positions",
    "aave_v3_emode_assets",
    "aave_v3_emode_categories",
    "aave_v3_market_facts",
    "aave_v3_markets",
    "aave_v3_user_collateral_configs",
    "aave_v3_users",
    "chain_blocks",
    "erc20_tokens",
];

/// What the update of these blocks cannot do without.
const REFUSED: [&str; 20] = [
    "INSERT aave_v3_asset_configs",
    "UPDATE aave_v3_asset_configs",
    "INSERT aave_v3_asset_facts",
    "UPDATE aave_v3_asset_facts",
    "UPDATE aave_v3_assets",
    "INSERT aave_v3_collateral_positions",
    "UPDATE aave_v3_collateral_positions",
    "INSERT aave_v3_debt_positions",
    "UPDATE aave_v3_debt_positions",
    "INSERT aave_v3_emode_assets",
    "UPDATE aave_v3_emode_assets",
    "INSERT aave_v3_emode_categories",
    "UPDATE aave_v3_emode_categories",
    "INSERT aave_v3_market_facts",
    "UPDATE aave_v3_market_facts",
    "UPDATE aave_v3_markets",
    "INSERT aave_v3_user_collateral_configs",
    "UPDATE aave_v3_user_collateral_configs",
    "INSERT aave_v3_users",
    "INSERT chain_blocks",
];

#[test]
fn no_row_that_a_trigger_ignores_is_missing_without_a_word() {
    let mut refused = Vec::new();
    for table in TABLES {
        for event in ["INSERT", "UPDATE", "DELETE"] {
            let scene = Scene::new("36", NEVER);
            let head = scene.percent(25);
            let to_block = to_head().to_block(at(head));
            let early = scene.percent(8);
            scene.update(&to_head().to_block(at(early))).1.unwrap();
            execute(
                &scene.path,
                &format!(
                    "CREATE TRIGGER mine BEFORE {event} ON {table} BEGIN SELECT raise(IGNORE); END"
                ),
            );
            let before = rows(&scene.path);
            match scene.update(&to_block).1 {
                Ok(()) => {}
                Err(error) => {
                    let expected =
                        format!("a trigger of your own ignores a row that is written to {table}");
                    assert_eq!(error.to_string(), expected);
                    assert_rows(&rows(&scene.path), &before);
                    refused.push(format!("{event} {table}"));
                }
            }
            execute(&scene.path, "DROP TRIGGER mine");
            scene.update(&to_block).1.unwrap();
            assert_rows(&rows(&scene.path), &reference(scene.recording, head));
        }
    }
    assert_eq!(refused, REFUSED);
}

#[test]
fn a_trigger_that_writes_to_the_same_tables_is_refused_by_name() {
    for (trigger, table) in [
        (
            "AFTER UPDATE OF last_update_block ON aave_v3_markets BEGIN \
             UPDATE aave_v3_markets SET last_update_block = NULL WHERE id = new.id; END",
            "aave_v3_markets",
        ),
        (
            "AFTER INSERT ON aave_v3_debt_positions BEGIN \
             UPDATE Aave_V3_Debt_Positions SET balance = '7' WHERE id = new.id; END",
            "aave_v3_debt_positions",
        ),
        (
            "AFTER INSERT ON aave_v3_users BEGIN DELETE FROM erc20_tokens; END",
            "erc20_tokens",
        ),
    ] {
        let scene = Scene::new("302", NEVER);
        execute(&scene.path, &format!("CREATE TRIGGER mine {trigger}"));
        let told = scene.refused(&to_head()).to_string();
        let expected = format!(
            "The trigger mine in {} writes to {table}, as the command does",
            scene.path.display()
        );
        assert_eq!(told, expected);
    }
}

#[test]
fn triggers_that_write_to_tables_of_the_users_own_go_on_working() {
    let scene = Scene::new("302", 10);
    execute(
        &scene.path,
        "CREATE TABLE mine (user INTEGER);
         CREATE TRIGGER mine AFTER INSERT ON aave_v3_users BEGIN INSERT INTO mine VALUES (new.id); END",
    );
    scene.update_to_head();
    let sql = "SELECT CAST(count(*) AS TEXT) AS line FROM";
    let count = |table: &str| lines(&mut connect(&scene.path), &format!("{sql} {table}"));
    assert_eq!(count("mine"), count("aave_v3_users"));
}

#[test]
fn what_a_trigger_keeps_from_being_undone_is_named() {
    for (event, table) in [
        ("UPDATE", "aave_v3_markets"),
        ("UPDATE", "aave_v3_assets"),
        ("DELETE", "aave_v3_users"),
        ("DELETE", "aave_v3_debt_positions"),
    ] {
        let scene = Scene::at("302", 20_000, super::recording("302").first_block + 200);
        scene.update_to_head();
        scene.replace(150, 151);
        execute(
            &scene.path,
            &format!(
                "CREATE TRIGGER mine BEFORE {event} ON {table} BEGIN SELECT raise(IGNORE); END"
            ),
        );
        let told = scene.refused(&to_head()).to_string();
        let expected = format!(
            "The chain was reorganised, but a trigger of your own ignores a row that is set back in {table}"
        );
        assert_eq!(told, expected);
        execute(&scene.path, "DROP TRIGGER mine");
        scene.update_to_head();
    }
}
