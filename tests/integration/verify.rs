//! `database verify` is silent on what is right, and right about what is not.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use degenbot::database::{
    Error, Observer, Progress, Rule, VerifyOptions, VerifyReport, create_new_sqlite_database,
    verify_sqlite_database,
};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::command::{on, quietly, run};
use crate::content;
use crate::corpus::{self, Copy};
use crate::faults::{public_copy_of_the_binary, unprivileged};
use crate::generator::{Size, generate};

/// A database with rows in every table of which a rule says something, all of them right.
struct Clean {
    _folder: TempDir,
    path: PathBuf,
}

impl Clean {
    fn new() -> Self {
        static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        let bytes = BYTES.get_or_init(|| {
            create_new_sqlite_database(&path).unwrap();
            content::connect(&path)
                .batch_execute(&format!("PRAGMA foreign_keys = ON; {CLEAN}"))
                .unwrap();
            fs::read(&path).unwrap()
        });
        fs::write(&path, bytes).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    /// The same with something wrong in it.
    fn with(fault: &str) -> Self {
        let clean = Self::new();
        content::connect(&clean.path)
            .batch_execute(&format!("PRAGMA foreign_keys = OFF; {fault}"))
            .unwrap_or_else(|error| panic!("{fault}: {error}"));
        clean
    }

    fn findings(&self) -> Vec<String> {
        lines(&verify(&self.path))
    }
}

const CLEAN: &str = "
    INSERT INTO erc20_tokens (id, chain, address, name, symbol, decimals) VALUES
        (1, 1, '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', 'USD Coin', 'USDC', 6),
        (2, 1, '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2', NULL, 'WETH', 18),
        (3, 1, '0x0000000000000000000000000000000000000000', NULL, NULL, NULL),
        (4, 8453, '0x4200000000000000000000000000000000000006', NULL, 'WETH', 18),
        (5, 1, '0x1000000000000000000000000000000000000005', NULL, NULL, NULL),
        (6, 1, '0x1000000000000000000000000000000000000006', NULL, NULL, NULL),
        (7, 1, '0x1000000000000000000000000000000000000007', NULL, NULL, NULL),
        (8, 1, '0x1000000000000000000000000000000000000008', NULL, NULL, NULL);
    INSERT INTO exchanges (id, chain_id, name, active, last_update_block, factory) VALUES
        (1, 1, 'uniswap_v2', 1, NULL, '0x2000000000000000000000000000000000000001'),
        (2, 1, 'uniswap_v3', 1, 1000, '0x2000000000000000000000000000000000000002'),
        (3, 1, 'uniswap_v4', 0, 1000, '0x2000000000000000000000000000000000000003'),
        (4, 8453, 'uniswap_v3', 1, NULL, '0x2000000000000000000000000000000000000004');
    INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) VALUES
        (1, '0x3000000000000000000000000000000000000001', 1, 'uniswap_v2', 1, 2, 1),
        (2, '0x3000000000000000000000000000000000000002', 1, 'uniswap_v3', 1, 2, 2),
        (3, '0x3000000000000000000000000000000000000003', 1, 'uniswap_v3', 1, 2, 2),
        (4, '0x3000000000000000000000000000000000000004', 1, 'lfj_binned', 2, 1, 1);
    INSERT INTO uniswap_v2_pools VALUES (1, 3, 3, 1000);
    INSERT INTO uniswap_v3_pools (pool_id, tick_spacing, liquidity_update_block,
        liquidity_update_log_index, fee_token0, fee_token1, fee_denominator) VALUES
        (2, 10, 1000, 7, 500, 500, 1000000),
        (3, 60, NULL, NULL, 3000, 3000, 1000000);
    INSERT INTO lfj_pools VALUES (4, 20);
    INSERT INTO liquidity_positions (id, pool_id, tick, liquidity_net, liquidity_gross) VALUES
        (13, 2, 100, '-500', '500'), (12, 2, 0, '0', '40'), (11, 2, -100, '500', '500');
    -- Bit 246; bits 0 and 10; none.
    INSERT INTO initialization_maps (id, pool_id, word, bitmap) VALUES
        (21, 2, -1, '113078212145816597093331040047546785012958969400039613319782796882727665664'),
        (22, 2, 0, '1025'),
        (23, 2, 9, '0');
    INSERT INTO pool_managers (id, address, chain, kind, exchange_id) VALUES
        (1, '0x4000000000000000000000000000000000000001', 1, 'uniswap_v4', 3);
    INSERT INTO managed_pools (id, kind, manager_id) VALUES (1, 'uniswap_v4', 1);
    INSERT INTO uniswap_v4_pools (managed_pool_id, pool_hash, hooks, currency0_id, currency1_id,
        fee_currency0, fee_currency1, fee_denominator, tick_spacing, liquidity_update_block) VALUES
        (1, '0xabababababababababababababababababababababababababababababababab',
         '0x0000000000000000000000000000000000000000', 3, 1, 3000, 3000, 1000000, 60, 999);
    -- The ends of the range, and of the type.
    INSERT INTO managed_pool_liquidity_positions
        (id, managed_pool_id, tick, liquidity_net, liquidity_gross) VALUES
        (31, 1, -887220, '170141183460469231731687303715884105727', '340282366920938463463374607431768211455'),
        (32, 1, -60, '170141183460469231731687303715884105727', '170141183460469231731687303715884105727'),
        (33, 1, 60, '-170141183460469231731687303715884105728', '170141183460469231731687303715884105728'),
        (34, 1, 887220, '-170141183460469231731687303715884105726', '170141183460469231731687303715884105728');
    -- Bits 61, 255, 1 and 195.
    INSERT INTO managed_pool_initialization_maps (id, managed_pool_id, word, bitmap) VALUES
        (41, 1, -58, '2305843009213693952'),
        (42, 1, -1, '57896044618658097711785492504343953926634992332820282019728792003956564819968'),
        (43, 1, 0, '2'),
        (44, 1, 57, '50216813883093446110686315385661331328818843555712276103168');
    INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES
        (1, 1, 'Core', 1, 500), (2, 1, 'Prime', 1, NULL);
    INSERT INTO aave_v3_contracts (id, market_id, name, address) VALUES
        (1, 1, 'POOL', '0x5000000000000000000000000000000000000001');
    INSERT INTO aave_v3_emode_categories
        (id, market_id, category_id, label, ltv, liquidation_threshold, liquidation_bonus) VALUES
        (1, 1, 1, 'ETH', 9300, 9500, 10100), (2, 2, 1, NULL, 9300, 9500, 10100);
    INSERT INTO aave_v3_assets (id, market_id, underlying_asset_id, a_token_id, a_token_revision,
        v_token_id, v_token_revision, last_update_block, liquidity_index, liquidity_rate,
        borrow_index, borrow_rate, e_mode_category_id) VALUES
        (1, 1, 1, 5, 1, 6, 1, 500, '1', '0', '1', '0', 1),
        (2, 2, 1, 7, 1, 8, 1, NULL, '1', '0', '1', '0', NULL);
    INSERT INTO aave_v3_asset_configs (id, asset_id, ltv, liquidation_threshold, liquidation_bonus,
        borrowing_enabled, stable_borrowing_enabled, flash_loan_enabled, isolation_mode, debt_ceiling)
        VALUES (1, 1, 7500, 7800, 10500, 1, 0, 1, 0, NULL);
    INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, stk_aave_balance,
        isolation_mode_collateral_asset_id, isolation_mode_debt) VALUES
        (1, 1, '0x6000000000000000000000000000000000000001', 1, 0, NULL, 1, '0');
    INSERT INTO aave_v3_collateral_positions (id, user_id, asset_id, balance) VALUES (1, 1, 1, '5');
    INSERT INTO aave_v3_debt_positions (id, user_id, asset_id, balance) VALUES (1, 1, 1, '5');
    INSERT INTO aave_v3_user_collateral_configs (id, user_id, asset_id, enabled) VALUES (1, 1, 1, 1);
    INSERT INTO aave_gho_tokens (id, token_id, v_token_id) VALUES (1, 5, 6);";

/// What is done to a clean database, and what is found then: rules, tables and ids.
const FAULTS: &[(&str, &[&str])] = &[
    // Rows that no index knows.
    (
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = sql || ' WHERE 0' WHERE name = 'ix_erc20_tokens_chain';
         PRAGMA writable_schema = RESET;
         INSERT INTO erc20_tokens (chain, address) VALUES (1, '0x1000000000000000000000000000000000000009');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, ' WHERE 0', '') WHERE name = 'ix_erc20_tokens_chain'",
        &["integrity erc20_tokens - -"],
    ),
    (
        "INSERT INTO aave_v3_contracts (id, market_id, name, address) VALUES
             (9, 99, 'POOL', '0x5000000000000000000000000000000000000002')",
        &["foreign-key aave_v3_contracts 9"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 99, 7, '1', '1')",
        &["foreign-key liquidity_positions 14"],
    ),
    (
        "UPDATE erc20_tokens SET decimals = 'many' WHERE id = 1",
        &["value erc20_tokens 1"],
    ),
    (
        "UPDATE erc20_tokens SET name = CAST(x'ff' AS TEXT), symbol = x'00' WHERE id = 1",
        &["value erc20_tokens 1 1"],
    ),
    (
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'factory VARCHAR(42) NOT NULL', 'factory VARCHAR(42)');
         PRAGMA writable_schema = RESET;
         UPDATE exchanges SET factory = NULL WHERE id = 3;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'factory VARCHAR(42)', 'factory VARCHAR(42) NOT NULL')",
        &["value exchanges 3"],
    ),
    ("UPDATE exchanges SET active = 2 WHERE id = 3", &["value exchanges 3"]),
    ("UPDATE pools SET kind = 'nonsense' WHERE id = 3", &["value pools 3"]),
    ("UPDATE exchanges SET last_update_block = -1 WHERE id = 1", &["value exchanges 1"]),
    (
        "INSERT INTO liquidity_positions VALUES (14, 2, 'up', '0', '5')",
        &["value liquidity_positions 14"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 'two', 10, '0', '5')",
        &["foreign-key liquidity_positions 14", "value liquidity_positions 14"],
    ),
    (
        "INSERT INTO initialization_maps VALUES (24, 2, 40000, '0')",
        &["value initialization_maps 24"],
    ),
    (
        "UPDATE aave_v3_users SET e_mode = 256",
        &["value aave_v3_users 1"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_gross = '040' WHERE id = 12",
        &["decimal liquidity_positions 12"],
    ),
    (
        "UPDATE managed_pool_liquidity_positions
         SET liquidity_net = '170141183460469231731687303715884105728' WHERE id = 31",
        &["decimal managed_pool_liquidity_positions 31"],
    ),
    (
        "UPDATE managed_pool_initialization_maps SET bitmap = '0x2' WHERE id = 43",
        &["decimal managed_pool_initialization_maps 43"],
    ),
    ("UPDATE aave_v3_debt_positions SET balance = '-1'", &["decimal aave_v3_debt_positions 1"]),
    ("UPDATE erc20_tokens SET address = '0x12' WHERE id = 8", &["address erc20_tokens 8"]),
    (
        "UPDATE erc20_tokens SET address = lower(address) WHERE id = 1",
        &["address-checksum erc20_tokens 1"],
    ),
    (
        "UPDATE exchanges SET deployer = upper(factory) WHERE id = 2",
        &["address-checksum exchanges 2"],
    ),
    (
        "UPDATE uniswap_v4_pools SET pool_hash = replace(pool_hash, 'a', 'A')",
        &["pool-hash uniswap_v4_pools 1"],
    ),
    ("UPDATE uniswap_v4_pools SET pool_hash = '0xab'", &["pool-hash uniswap_v4_pools 1"]),
    // One of the two is written as it should not be.
    (
        "INSERT INTO erc20_tokens (id, chain, address) SELECT 9, chain, lower(address)
         FROM erc20_tokens WHERE id = 1",
        &["address-checksum erc20_tokens 9", "duplicate-address erc20_tokens 9"],
    ),
    (
        "INSERT INTO managed_pools (id, kind, manager_id) VALUES (2, 'uniswap_v4', 1);
         INSERT INTO uniswap_v4_pools SELECT 2, pool_hash, hooks, currency0_id, currency1_id, fee_currency0,
             fee_currency1, fee_denominator, tick_spacing, NULL, NULL FROM uniswap_v4_pools",
        &["duplicate-pool uniswap_v4_pools 2"],
    ),
    ("UPDATE uniswap_v2_pools SET fee_denominator = 0", &["fee uniswap_v2_pools 1 1"]),
    ("UPDATE uniswap_v3_pools SET fee_token1 = 1000001 WHERE pool_id = 3", &["fee uniswap_v3_pools 3"]),
    ("UPDATE uniswap_v4_pools SET fee_currency0 = 8388608", &[]),
    ("UPDATE uniswap_v4_pools SET fee_currency0 = 8388609", &["fee uniswap_v4_pools 1"]),
    // Both ends of a position, the wrong way round.
    (
        "UPDATE liquidity_positions SET liquidity_net = '-500' WHERE id = 11;
         UPDATE liquidity_positions SET liquidity_net = '500' WHERE id = 13",
        &["liquidity-sum pools 2"],
    ),
    ("DELETE FROM uniswap_v2_pools", &["pool-kind pools 1"]),
    ("DELETE FROM lfj_pools", &["pool-kind pools 4"]),
    ("DELETE FROM uniswap_v4_pools", &["pool-kind managed_pools 1"]),
    ("INSERT INTO sushiswap_v2_pools VALUES (1, 3, 3, 1000)", &["pool-orphan sushiswap_v2_pools 1"]),
    (
        "INSERT INTO uniswap_v2_pools VALUES (9, 3, 3, 1000)",
        &["foreign-key uniswap_v2_pools 9", "pool-orphan uniswap_v2_pools 9"],
    ),
    ("UPDATE pools SET token0_id = 2, token1_id = 1 WHERE id = 1", &["token-order pools 1"]),
    ("UPDATE pools SET token1_id = 1 WHERE id = 2", &["token-order pools 2"]),
    (
        "UPDATE uniswap_v4_pools SET currency0_id = 1, currency1_id = 3",
        &["token-order uniswap_v4_pools 1"],
    ),
    ("UPDATE pools SET exchange_id = 4 WHERE id = 1", &["token-chain pools 1"]),
    ("UPDATE pools SET token0_id = 4 WHERE id = 1", &["token-chain pools 1"]),
    ("UPDATE uniswap_v4_pools SET currency1_id = 4", &["token-chain uniswap_v4_pools 1"]),
    ("UPDATE aave_v3_assets SET v_token_id = 4 WHERE id = 2", &["token-chain aave_v3_assets 2"]),
    (
        "INSERT INTO liquidity_positions VALUES (14, 2, 887280, '0', '5')",
        &["tick-range liquidity_positions 14"],
    ),
    (
        "INSERT INTO managed_pool_liquidity_positions VALUES (35, 1, -887280, '0', '5')",
        &["tick-range managed_pool_liquidity_positions 35"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 2, 105, '0', '5')",
        &["tick-spacing liquidity_positions 14"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 1, 100, '0', '5')",
        &["tick-spacing liquidity_positions 14"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_net = '499' WHERE id = 11",
        &["liquidity-sum pools 2"],
    ),
    (
        "UPDATE managed_pool_liquidity_positions
         SET liquidity_net = '-170141183460469231731687303715884105727' WHERE id = 34",
        &["liquidity-sum managed_pools 1"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_gross = '499' WHERE id = 13",
        &["liquidity-gross liquidity_positions 13"],
    ),
    // A row that should have been deleted.
    (
        "UPDATE liquidity_positions SET liquidity_gross = '0' WHERE id = 12;
         UPDATE initialization_maps SET bitmap = '1024' WHERE id = 22",
        &["liquidity-gross liquidity_positions 12"],
    ),
    ("UPDATE initialization_maps SET bitmap = '1027' WHERE id = 22", &["bitmap initialization_maps 22"]),
    ("UPDATE initialization_maps SET bitmap = '1024' WHERE id = 22", &["bitmap initialization_maps 22"]),
    ("INSERT INTO initialization_maps VALUES (24, 2, -9, '1')", &["bitmap initialization_maps 24"]),
    ("INSERT INTO initialization_maps VALUES (24, 3, 0, '1')", &["bitmap initialization_maps 24"]),
    ("INSERT INTO initialization_maps VALUES (24, 1, 0, '1')", &["bitmap initialization_maps 24"]),
    ("DELETE FROM initialization_maps WHERE id = 21", &["bitmap pools 2"]),
    ("DELETE FROM managed_pool_initialization_maps WHERE id = 44", &["bitmap managed_pools 1"]),
    (
        "UPDATE uniswap_v3_pools SET liquidity_update_block = 1001 WHERE pool_id = 2",
        &["update-mark uniswap_v3_pools 2"],
    ),
    (
        "UPDATE exchanges SET last_update_block = NULL WHERE id = 3",
        &["update-mark uniswap_v4_pools 1"],
    ),
    ("UPDATE aave_v3_markets SET last_update_block = 499", &["update-mark aave_v3_assets 1"]),
    (
        "UPDATE aave_v3_collateral_positions SET asset_id = 2",
        &["aave-market aave_v3_collateral_positions 1"],
    ),
    ("UPDATE aave_v3_debt_positions SET asset_id = 2", &["aave-market aave_v3_debt_positions 1"]),
    (
        "UPDATE aave_v3_user_collateral_configs SET asset_id = 2",
        &["aave-market aave_v3_user_collateral_configs 1"],
    ),
    (
        "UPDATE aave_v3_users SET isolation_mode_collateral_asset_id = 2",
        &["aave-market aave_v3_users 1"],
    ),
    (
        "UPDATE aave_v3_assets SET e_mode_category_id = 2 WHERE id = 1",
        &["aave-market aave_v3_assets 1"],
    ),
];

fn verify(path: &Path) -> VerifyReport {
    verify_sqlite_database(path, &VerifyOptions::default(), &mut ())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each finding as its rule, its table and the ids of its rows.
fn lines(report: &VerifyReport) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &report.findings {
        let table = finding.table.as_deref().unwrap_or("-");
        let mut line = format!("{} {table}", finding.rule);
        for example in &finding.examples {
            line.push(' ');
            line.push_str(&example.id.map_or("-".to_owned(), |id| id.to_string()));
        }
        lines.push(line);
    }
    lines
}

#[test]
fn is_silent_on_what_is_right() {
    let clean = Clean::new();
    let before = fs::read(&clean.path).unwrap();
    let report = verify(&clean.path);
    assert_eq!(lines(&report), [""; 0], "{report:?}");
    assert!(report.is_clean());
    assert_eq!(fs::read(&clean.path).unwrap(), before);
    let files = corpus::files(clean.path.parent().unwrap());
    assert_eq!(files.into_keys().collect::<Vec<_>>(), ["degenbot.db"]);
}

#[test]
fn every_fault_is_found_and_nothing_else() {
    for (fault, expected) in FAULTS {
        assert_eq!(&Clean::with(fault).findings(), expected, "{fault}");
    }
}

/// What is done to a generated database, and the rules and tables of what is found then. One row each.
const FAULTS_OF_MANY: &[(&str, &[&str])] = &[
    (FAULTS[0].0, &["integrity erc20_tokens"]),
    (FAULTS[1].0, &["foreign-key aave_v3_contracts"]),
    ("UPDATE erc20_tokens SET decimals = 'many' WHERE id = 77", &["value erc20_tokens"]),
    (
        "UPDATE aave_v3_debt_positions SET balance = '007' WHERE id = 7",
        &["decimal aave_v3_debt_positions"],
    ),
    ("UPDATE pool_managers SET state_view = '0x12'", &["address pool_managers"]),
    (
        "UPDATE exchanges SET factory = lower(factory) WHERE id = 2",
        &["address-checksum exchanges"],
    ),
    (
        "UPDATE uniswap_v4_pools SET pool_hash = '0xab' WHERE managed_pool_id = 7",
        &["pool-hash uniswap_v4_pools"],
    ),
    (
        "INSERT INTO erc20_tokens (chain, address) SELECT chain, lower(address) FROM erc20_tokens WHERE id = 77",
        &["address-checksum erc20_tokens", "duplicate-address erc20_tokens"],
    ),
    (
        "UPDATE uniswap_v4_pools SET pool_hash = (SELECT pool_hash FROM uniswap_v4_pools WHERE managed_pool_id = 6)
         WHERE managed_pool_id = 7",
        &["duplicate-pool uniswap_v4_pools"],
    ),
    (
        "UPDATE uniswap_v2_pools SET fee_token0 = 1001
         WHERE pool_id = (SELECT min(pool_id) FROM uniswap_v2_pools)",
        &["fee uniswap_v2_pools"],
    ),
    (
        "DELETE FROM camelot_v2_pools WHERE pool_id = (SELECT max(pool_id) FROM camelot_v2_pools)",
        &["pool-kind pools"],
    ),
    (
        "INSERT INTO sushiswap_v2_pools SELECT * FROM uniswap_v2_pools LIMIT 1",
        &["pool-orphan sushiswap_v2_pools"],
    ),
    (
        "UPDATE pools SET token0_id = token1_id, token1_id = token0_id WHERE id = 77",
        &["token-order pools"],
    ),
    (
        "UPDATE pools SET exchange_id = (SELECT id FROM exchanges WHERE chain_id = 8453)
         WHERE id = (SELECT max(pool_id) FROM uniswap_v2_pools
                     JOIN pools AS p ON p.id = pool_id WHERE p.chain = 1)",
        &["token-chain pools"],
    ),
    (
        "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross)
         SELECT max(pool_id), 887280, '0', '5' FROM liquidity_positions",
        &["tick-range liquidity_positions"],
    ),
    (
        "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross)
         SELECT max(pool_id), 7, '0', '5' FROM uniswap_v3_pools WHERE tick_spacing = 60",
        &["tick-spacing liquidity_positions"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_net = '0' WHERE id = 777",
        &["liquidity-sum pools"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_gross = '1' WHERE id = 777",
        &["liquidity-gross liquidity_positions"],
    ),
    (
        "DELETE FROM managed_pool_initialization_maps WHERE id = 7",
        &["bitmap managed_pools"],
    ),
    (
        "UPDATE uniswap_v3_pools SET liquidity_update_block = 23000001
         WHERE pool_id = (SELECT max(pool_id) FROM uniswap_v3_pools)",
        &["update-mark uniswap_v3_pools"],
    ),
    (
        "INSERT INTO aave_v3_markets (id, chain_id, name, active) VALUES (2, 1, 'other', 1);
         INSERT INTO aave_v3_assets (id, market_id, underlying_asset_id, a_token_id, a_token_revision,
             v_token_id, v_token_revision, liquidity_index, liquidity_rate, borrow_index, borrow_rate)
             SELECT 99, 2, underlying_asset_id, a_token_id, 1, v_token_id, 1, '1', '0', '1', '0'
             FROM aave_v3_assets WHERE id = 1;
         UPDATE aave_v3_debt_positions SET asset_id = 99 WHERE id = 7",
        &["aave-market aave_v3_debt_positions"],
    ),
];

#[test]
fn is_silent_on_many_rows_and_finds_the_one_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    for seed in 1..4 {
        let _ = fs::remove_file(&path);
        let size = Size {
            pools: 2_000,
            ticks: 30_000,
            seed,
        };
        generate(&path, size).unwrap();
        assert_eq!(lines(&verify(&path)), [""; 0]);
    }
    let clean = fs::read(&path).unwrap();
    let mut rules = BTreeSet::new();
    for (fault, expected) in FAULTS_OF_MANY {
        fs::write(&path, &clean).unwrap();
        content::connect(&path)
            .batch_execute(&format!("PRAGMA foreign_keys = OFF; {fault}"))
            .unwrap_or_else(|error| panic!("{fault}: {error}"));
        let report = verify(&path);
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "{} {}",
                    finding.rule,
                    finding.table.as_deref().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(&found, expected, "{fault}");
        for finding in &report.findings {
            rules.insert(finding.rule);
            // SQLite says two things about a row that an index lacks.
            let is_one = finding.rows == 1 || finding.rule == Rule::Integrity;
            assert!(is_one, "{fault}: {finding:?}");
        }
    }
    assert!(rules.iter().eq(Rule::ALL));
}

#[test]
fn every_rule_has_a_fault() {
    let found: BTreeSet<_> = FAULTS
        .iter()
        .flat_map(|(_, findings)| *findings)
        .filter_map(|finding| finding.split(' ').next())
        .collect();
    let rules: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(found, rules);
}

#[test]
fn a_quick_verification_leaves_out_what_takes_long() {
    const LEFT_OUT: [&str; 8] = [
        "decimal",
        "tick-range",
        "tick-spacing",
        "liquidity-sum",
        "liquidity-gross",
        "bitmap",
        "value liquidity_positions",
        "value initialization_maps",
    ];
    let options = VerifyOptions { quick: true };
    for (fault, expected) in FAULTS {
        let faulty = Clean::with(fault);
        let report = verify_sqlite_database(&faulty.path, &options, &mut ()).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .filter(|line| !LEFT_OUT.iter().any(|left_out| line.starts_with(left_out)))
            .filter(|line| **line != "value aave_v3_users 1")
            // The entries of an index are counted, but not looked for.
            .map(|line| line.replace("erc20_tokens - -", "erc20_tokens -"))
            .collect();
        let found: Vec<_> = lines(&report)
            .into_iter()
            // A type that SQLite itself looks at.
            .filter(|line| line != "integrity liquidity_positions -")
            .collect();
        assert_eq!(found, expected, "{fault}");
    }
}

#[test]
fn thousands_of_the_same_are_counted_and_not_listed() {
    let faulty = Clean::with(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO erc20_tokens (id, chain, address)
         SELECT 100 + i, 1, printf('0xabcdefabcdefabcdefabcdefabcdef%010d', i) FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO liquidity_positions (id, pool_id, tick, liquidity_net, liquidity_gross)
         SELECT 100 + i, 2, 10 * i + 1000, 'x' || i, 'y' FROM n",
    );
    let report = verify(&faulty.path);
    let counts: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.rule, finding.rows, finding.examples.len()))
        .collect();
    assert_eq!(
        counts,
        [
            (Rule::Decimal, 10_000, 10),
            (Rule::AddressChecksum, 5_000, 10)
        ]
    );
    assert_eq!(report.rows(), 15_000);
}

#[test]
fn lists_the_faults_of_the_corpus_without_tripping_over_any() {
    let mut versions = BTreeSet::new();
    for name in corpus::names(&["fresh", "populated", "upgraded", "odd", "revisions"]) {
        let copy = Copy::of(name);
        let before = copy.files();
        for quick in [false, true] {
            let options = VerifyOptions { quick };
            match verify_sqlite_database(&copy.path, &options, &mut ()) {
                Ok(report) => {
                    versions.extend(report.version);
                    let is_damaged = report.findings.iter().any(|f| f.rule == Rule::Integrity);
                    assert!(
                        !is_damaged || name.starts_with("odd/"),
                        "{name}: {report:?}"
                    );
                    if name.starts_with("fresh/") {
                        assert!(report.is_clean(), "{name}: {report:?}");
                    }
                }
                Err(
                    Error::Refused { .. }
                    | Error::NotADatabase { .. }
                    | Error::EmptyFile { .. }
                    | Error::HotJournal { .. },
                ) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        let mut after = copy.files();
        after.retain(|file, _| before.contains_key(file));
        assert!(after == before, "{name}");
        // Who reads a log that a killed program has left needs an index to it.
        let added: Vec<_> = copy
            .files()
            .into_keys()
            .filter(|file| !before.contains_key(file))
            .collect();
        assert!(
            added.is_empty() || (added == ["degenbot.db-shm"] && before.len() > 1),
            "{name}: {added:?}"
        );
    }
    let all: BTreeSet<_> = degenbot::database::SchemaVersion::all().collect();
    assert_eq!(versions, all);
}

#[test]
fn a_damaged_file_has_findings_and_the_rest_of_it_is_looked_at() {
    for name in [
        "odd/corrupt-sqlite-master.db",
        "odd/flipped-byte-index-page.db",
        "odd/truncated-page-boundary.db",
    ] {
        let report = verify(&Copy::of(name).path);
        assert_eq!(
            report.findings[0].rule,
            Rule::Integrity,
            "{name}: {report:?}"
        );
    }
    let damaged = Clean::with(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = CAST(x'70ff' AS TEXT) \
         WHERE name = 'ix_pools_token0_id'",
    );
    assert_eq!(damaged.findings()[0], "integrity - -");
    let damaged = Clean::with("UPDATE erc20_tokens SET decimals = 256 WHERE id = 2");
    let page = "SELECT CAST(rootpage AS TEXT) AS line FROM sqlite_schema \
                WHERE name IN ('liquidity_positions', 'aave_v3_users')";
    let pages = content::lines(&mut content::connect(&damaged.path), page);
    let mut bytes = fs::read(&damaged.path).unwrap();
    for page in pages {
        let start = (page.parse::<usize>().unwrap() - 1) * 4_096;
        bytes[start..start + 4_096].fill(0x5a);
    }
    fs::write(&damaged.path, bytes).unwrap();
    let report = verify(&damaged.path);
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {}",
                finding.rule,
                finding.table.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert!(
        found.contains(&"integrity liquidity_positions".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"integrity aave_v3_users".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"value erc20_tokens".to_owned()),
        "{found:?}"
    );
}

#[test]
fn looks_at_one_state_beside_a_program_that_writes() {
    /// Breaks a rule at the first opportunity.
    struct Writer<'path>(&'path Path, bool);

    impl Observer for Writer<'_> {
        fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
            if !self.1 {
                self.1 = true;
                content::connect(self.0)
                    .batch_execute(
                        "UPDATE liquidity_positions SET liquidity_net = '499' WHERE id = 11",
                    )
                    .unwrap();
            }
            ControlFlow::Continue(())
        }
    }

    let clean = Clean::new();
    let mut writer = Writer(&clean.path, false);
    let options = VerifyOptions::default();
    let report = verify_sqlite_database(&clean.path, &options, &mut writer).unwrap();
    assert!(writer.1);
    assert_eq!(lines(&report), [""; 0]);
    assert_eq!(clean.findings(), ["liquidity-sum pools 2"]);
}

#[test]
fn is_right_while_a_program_commits_all_the_time() {
    let clean = Clean::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = content::connect(&clean.path);
            let mut commits = 0;
            while !done.load(Ordering::Relaxed) {
                commits += 1;
                connection
                    .batch_execute(&format!(
                        "PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; \
                         UPDATE liquidity_positions SET liquidity_net = '{commits}', \
                             liquidity_gross = '{commits}' WHERE id = 11; \
                         UPDATE liquidity_positions SET liquidity_net = '-{commits}', \
                             liquidity_gross = '{commits}' WHERE id = 13; COMMIT"
                    ))
                    .unwrap();
            }
            commits
        });
        for _ in 0..50 {
            assert_eq!(clean.findings(), [""; 0]);
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}

/// What only the user's own program knows is not looked at, and all else is.
#[test]
fn objects_that_sqlite_does_not_know_are_no_findings() {
    const OBJECTS: &str = "CREATE TABLE notes (note TEXT); CREATE INDEX notes_by_note ON notes (note); \
         PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE INDEX notes_by_note ON notes (note COLLATE mine)' \
         WHERE name = 'notes_by_note'; \
         INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) \
         VALUES ('table', 'search', 'search', 0, 'CREATE VIRTUAL TABLE search USING nomod(x)')";
    assert_eq!(Clean::with(OBJECTS).findings(), [""; 0]);
    let (unindexed, found) = FAULTS[0];
    let faulty = Clean::with(unindexed);
    content::connect(&faulty.path)
        .batch_execute(OBJECTS)
        .unwrap();
    assert_eq!(faulty.findings(), found);
}

#[test]
fn leaves_the_log_of_a_killed_program_as_it_is() {
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    let before = copy.files();
    verify(&copy.path);
    let after = copy.files();
    for (file, bytes) in &before {
        assert!(after[file] == *bytes, "{file}");
    }
}

#[test]
fn can_be_stopped() {
    struct Stop;

    impl Observer for Stop {
        fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }

    let clean = Clean::new();
    let error = verify_sqlite_database(&clean.path, &VerifyOptions::default(), &mut Stop);
    assert!(matches!(error, Err(Error::Interrupted { .. })), "{error:?}");
}

#[test]
fn works_where_nothing_may_be_written() {
    use std::os::unix::fs::PermissionsExt;

    let clean = Clean::with("UPDATE pools SET token1_id = 1 WHERE id = 2");
    let folder = clean.path.parent().unwrap();
    fs::set_permissions(&clean.path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    let (_folder, binary) = public_copy_of_the_binary();
    let mut command = unprivileged(&binary);
    command
        .args(["--database", "degenbot.db", "database", "verify"])
        .current_dir(folder);
    let told = run(command, "");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    insta::assert_snapshot!(told, @r"
    status: 1
    --- stdout
    Rule         Table  Rows
    token-order  pools     1
        2  the address of token0_id 1 is not below that of token1_id 1
    --- stderr
    error: 1 problem found in degenbot.db
    hint: 'degenbot database verify --help' says what each rule demands
    ");
    assert_eq!(corpus::files(folder).len(), 1);
}

#[test]
fn says_that_all_is_well() {
    let clean = Clean::new();
    insta::assert_snapshot!(quietly(&clean.path, &["database", "verify"]), @r"
    status: 0
    --- stdout
    degenbot.db is sound
    --- stderr
    ");
    insta::assert_snapshot!(quietly(&clean.path, &["database", "verify", "--quick"]), @r"
    status: 0
    --- stdout
    degenbot.db is sound, as far as --quick looks
    --- stderr
    ");
    let document = json(&clean.path, 0);
    assert_eq!(document["version"]["migration"], "20260618000000");
    assert_eq!(document["findings"].as_array().unwrap().len(), 0);
}

/// Several faults, one of them many times.
fn faulty() -> Clean {
    Clean::with(
        "UPDATE erc20_tokens SET symbol = CAST(x'1b5b41ff' AS TEXT) WHERE id = 2;
         UPDATE liquidity_positions SET liquidity_net = '499' WHERE id = 11;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
         INSERT INTO aave_v3_contracts (market_id, name, address)
         SELECT 7, 'ORACLE', printf('0xabcdefabcdefabcdefabcdefabcdef%010d', i) FROM n",
    )
}

#[test]
fn lists_what_is_wrong() {
    let faulty = faulty();
    let told = quietly(&faulty.path, &["database", "verify"]);
    insta::assert_snapshot!(told, @r#"
    status: 1
    --- stdout
    Rule              Table               Rows
    foreign-key       aave_v3_contracts  1,234
         2  market_id 7 is not in aave_v3_markets
         3  market_id 7 is not in aave_v3_markets
         4  market_id 7 is not in aave_v3_markets
         5  market_id 7 is not in aave_v3_markets
         6  market_id 7 is not in aave_v3_markets
         7  market_id 7 is not in aave_v3_markets
         8  market_id 7 is not in aave_v3_markets
         9  market_id 7 is not in aave_v3_markets
        10  market_id 7 is not in aave_v3_markets
        11  market_id 7 is not in aave_v3_markets
        and 1,224 more
    value             erc20_tokens           1
        2  symbol: expected a text in UTF-8, found "\u{1b}[A�"
    address-checksum  aave_v3_contracts  1,234
         2  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000001"
         3  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000002"
         4  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000003"
         5  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000004"
         6  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000005"
         7  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000006"
         8  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000007"
         9  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000008"
        10  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000009"
        11  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000010"
        and 1,224 more
    liquidity-sum     pools                  1
        2  the net liquidity of its ticks adds up to -1
    --- stderr
    error: 2,470 problems found in degenbot.db
    hint: 'degenbot database verify --help' says what each rule demands
    "#);
    let longest = told.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest <= 80, "{longest}: {told}");
}

#[test]
fn json_is_one_object_on_stdout() {
    let document = json(&faulty().path, 1);
    assert_eq!(document["format"], 1);
    assert_eq!(document["path"], "degenbot.db");
    assert_eq!(document["quick"], false);
    let findings = document["findings"].as_array().unwrap();
    let finding = &findings[0];
    assert_eq!(finding["rule"], "foreign-key");
    assert_eq!(finding["table"], "aave_v3_contracts");
    assert_eq!(finding["rows"], 1_234);
    assert_eq!(finding["examples"].as_array().unwrap().len(), 10);
    assert_eq!(finding["examples"][0]["id"], 2);
    assert_eq!(
        finding["examples"][0]["detail"],
        "market_id 7 is not in aave_v3_markets"
    );
    assert_eq!(findings.len(), 4);
}

fn json(path: &Path, status: i32) -> serde_json::Value {
    let output = on(path, &["database", "verify", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(status));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn tells_of_damage_what_can_be_done() {
    let copy = Copy::of("odd/corrupt-sqlite-master.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "verify"]), @r"
    status: 1
    --- stdout
    Rule       Table  Rows
    integrity  -         1
        database disk image is malformed
    --- stderr
    error: 1 problem found in degenbot.db
    hint: Move it away with its -wal, and 'degenbot database restore' puts degenbot.db.bak in its place; or salvage a copy with the '.recover' command of the sqlite3 shell
    ");
}

#[test]
fn refuses_what_is_older_than_the_first_version_or_not_ours() {
    let copy = Copy::of("populated/populated-0.5.0b1.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "verify"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db has the schema of b20f5564b3b6, from before the first stable one (eb4080485a56)
    hint: Bring it to the newest version with 'degenbot database upgrade'
    ");
    let copy = Copy::of("odd/foreign-no-stamp.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "verify", "--json"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is not a degenbot database: its tables are notes, pools
    hint: Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file); nothing was changed
    ");
}
