//! Triggers of the user's own on the tables that an update writes to.

use degenbot::sync::{PoolRepairOptions, plan_update, repair_pools};
use degenbot::types::ChainId;

use super::model::{Happening, creation, liquidity};
use super::verify::exchange;
use super::{Scene, assert_rows, execute, rows, to_head};
use crate::support::content::{connect, lines};

const UNISWAP_V2: usize = 4;
const UNISWAP_V3: usize = 5;
const UNISWAP_V4: usize = 6;

/// Each table that an update of these exchanges writes to.
const TABLES: [&str; 13] = [
    "chain_blocks",
    "erc20_tokens",
    "exchanges",
    "initialization_maps",
    "liquidity_positions",
    "managed_pool_initialization_maps",
    "managed_pool_liquidity_positions",
    "managed_pools",
    "pools",
    "retired_ids",
    "uniswap_v2_pools",
    "uniswap_v3_pools",
    "uniswap_v4_pools",
];

/// What the update of `after` cannot do without.
const REFUSED: [&str; 20] = [
    "INSERT chain_blocks",
    "INSERT erc20_tokens",
    "UPDATE exchanges",
    "INSERT initialization_maps",
    "UPDATE initialization_maps",
    "INSERT liquidity_positions",
    "UPDATE liquidity_positions",
    "DELETE liquidity_positions",
    "INSERT managed_pool_initialization_maps",
    "UPDATE managed_pool_initialization_maps",
    "INSERT managed_pool_liquidity_positions",
    "UPDATE managed_pool_liquidity_positions",
    "DELETE managed_pool_liquidity_positions",
    "INSERT managed_pools",
    "INSERT pools",
    "INSERT uniswap_v2_pools",
    "INSERT uniswap_v3_pools",
    "UPDATE uniswap_v3_pools",
    "INSERT uniswap_v4_pools",
    "UPDATE uniswap_v4_pools",
];

fn before() -> Vec<Vec<Happening>> {
    vec![
        vec![
            creation(UNISWAP_V2, 1),
            creation(UNISWAP_V3, 1),
            creation(UNISWAP_V4, 1),
        ],
        vec![
            liquidity(UNISWAP_V3, 1, 0, 2, 1_000),
            liquidity(UNISWAP_V4, 1, 0, 2, 1_000),
        ],
    ]
}

/// Blocks that insert, update and delete rows.
fn after() -> Vec<Vec<Happening>> {
    vec![
        vec![
            creation(UNISWAP_V2, 2),
            creation(UNISWAP_V3, 2),
            creation(UNISWAP_V4, 2),
        ],
        vec![
            liquidity(UNISWAP_V3, 1, 0, 3, 500),
            liquidity(UNISWAP_V4, 1, 0, 3, 500),
        ],
        vec![
            liquidity(UNISWAP_V3, 1, 0, 2, -1_000),
            liquidity(UNISWAP_V4, 1, 0, 2, -1_000),
        ],
    ]
}

fn scene(finality: u64) -> Scene {
    let mut scene = Scene::with(ChainId::ETHEREUM, finality, &before());
    scene.update_to_head();
    scene.push(&after());
    scene
}

#[test]
fn no_row_that_a_trigger_ignores_is_missing_without_a_word() {
    for finality in [0, 10] {
        let mut refused = Vec::new();
        for table in TABLES {
            for event in ["INSERT", "UPDATE", "DELETE"] {
                let scene = scene(finality);
                execute(
                    &scene.path,
                    &format!(
                        "CREATE TRIGGER mine BEFORE {event} ON {table} BEGIN SELECT raise(IGNORE); END"
                    ),
                );
                let before = rows(&scene.path);
                match scene.update(&to_head()).1 {
                    Ok(()) => scene.assert_at(scene.head()),
                    Err(error) => {
                        let expected = format!(
                            "a trigger of your own ignores a row that is written to {table}"
                        );
                        assert_eq!(error.to_string(), expected);
                        assert_rows(&rows(&scene.path), &before);
                        refused.push(format!("{event} {table}"));
                    }
                }
                execute(&scene.path, "DROP TRIGGER mine");
                scene.update_to_head();
            }
        }
        assert_eq!(refused, REFUSED);
    }
}

#[test]
fn a_trigger_that_writes_to_the_same_tables_is_refused_by_name() {
    for (trigger, table) in [
        (
            "AFTER UPDATE OF last_update_block ON exchanges BEGIN \
             UPDATE exchanges SET last_update_block = NULL WHERE id = new.id; END",
            "exchanges",
        ),
        (
            "AFTER INSERT ON liquidity_positions BEGIN \
             UPDATE Liquidity_Positions SET liquidity_net = '7' WHERE id = new.id; END",
            "liquidity_positions",
        ),
        (
            "AFTER UPDATE OF last_update_block ON exchanges BEGIN \
             UPDATE exchanges SET last_update_block = NULL WHERE id = new.id; END; \
             CREATE TRIGGER broken AFTER UPDATE OF factory ON exchanges BEGIN \
             DELETE FROM nowhere; END",
            "exchanges",
        ),
        (
            "AFTER INSERT ON pools WHEN new.address IS NULL BEGIN DELETE FROM erc20_tokens; END",
            "erc20_tokens",
        ),
        (
            "AFTER INSERT ON pools BEGIN INSERT INTO mine VALUES (new.id); END; \
             CREATE TRIGGER further AFTER INSERT ON mine BEGIN \
             DELETE FROM uniswap_v2_pools WHERE pool_id = new.id; END",
            "uniswap_v2_pools",
        ),
    ] {
        let scene = scene(10);
        execute(
            &scene.path,
            &format!("CREATE TABLE mine (id INTEGER); CREATE TRIGGER \"my\x1b[1mown\" {trigger}"),
        );
        let told = scene.refused(&to_head());
        let name = if told.contains("further") {
            "further"
        } else {
            "my\\u{1b}[1mown"
        };
        let expected = format!(
            "The trigger {name} in {} writes to {table}, as the command does",
            scene.path.display()
        );
        assert_eq!(told, expected);
    }
}

#[test]
fn a_trigger_on_the_journal_is_refused() {
    let scene = scene(10);
    execute(
        &scene.path,
        "CREATE TRIGGER mine BEFORE INSERT ON chain_journal BEGIN SELECT raise(IGNORE); END",
    );
    let told = scene.refused(&to_head());
    assert!(told.starts_with("The trigger mine in "), "{told}");
    assert!(told.contains(" is on chain_journal, "), "{told}");
}

#[test]
fn triggers_that_write_to_tables_of_the_users_own_go_on_working() {
    let scene = scene(10);
    execute(
        &scene.path,
        "CREATE TABLE mine (pool INTEGER);
         CREATE TRIGGER mine AFTER INSERT ON pools BEGIN INSERT INTO mine VALUES (new.id); END",
    );
    scene.update_to_head();
    assert_eq!(
        lines(
            &mut connect(&scene.path),
            "SELECT CAST(count(*) AS TEXT) AS line FROM mine"
        ),
        ["2"]
    );
}

#[test]
fn what_a_trigger_keeps_from_being_undone_is_named() {
    for (event, table) in [
        ("UPDATE", "exchanges"),
        ("UPDATE", "liquidity_positions"),
        ("DELETE", "pools"),
        ("DELETE", "erc20_tokens"),
        ("DELETE", "chain_blocks"),
        ("INSERT", "liquidity_positions"),
    ] {
        let mut scene = scene(10);
        scene.update_to_head();
        let depth = after().len();
        scene.reorganise(depth, &vec![Vec::new(); depth + 1]);
        execute(
            &scene.path,
            &format!(
                "CREATE TRIGGER mine BEFORE {event} ON {table} BEGIN SELECT raise(IGNORE); END"
            ),
        );
        let told = scene.refused(&to_head());
        let expected = format!(
            "The chain was reorganised, but a trigger of your own ignores a row that is set back in {table}"
        );
        assert_eq!(told, expected);
        execute(&scene.path, "DROP TRIGGER mine");
        scene.update_to_head();
    }
}

#[test]
fn dry_runs_refuse_the_triggers_that_the_operations_refuse() {
    let triggers = [
        "AFTER INSERT ON pools BEGIN DELETE FROM erc20_tokens; END",
        "BEFORE INSERT ON chain_journal BEGIN SELECT raise(IGNORE); END",
        "AFTER UPDATE ON exchanges BEGIN SELECT of_my_program(new.id); END",
    ];
    for trigger in triggers {
        let scene = scene(10);
        execute(&scene.path, "UPDATE uniswap_v3_pools SET tick_spacing = 7");
        let options = PoolRepairOptions::default().exchanges(vec![exchange("uniswap_v3")]);
        let repair = |dry_run| {
            let options = options.clone().dry_run(dry_run);
            let chain = scene.model.chain;
            repair_pools(&scene.path, chain, &scene.node(), &options, &mut |_| {}).1
        };
        repair(true).unwrap();
        execute(&scene.path, &format!("CREATE TRIGGER mine {trigger}"));
        let before = rows(&scene.path);
        let planned = plan_update(&scene.path, scene.model.chain, &scene.node(), &to_head()).1;
        let refused = [
            planned,
            scene.update(&to_head()).1,
            repair(true),
            repair(false),
        ];
        let told: Vec<_> = refused
            .iter()
            .map(|it| it.as_ref().unwrap_err().to_string())
            .collect();
        assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
        assert_rows(&rows(&scene.path), &before);
    }
}
