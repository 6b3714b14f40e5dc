//! Benchmark of valuing all accounts of an Aave V3 market with debt, beside reading them alone. Both run in turn in one
//! process. The database has 200,000 users with debt; `DEGENBOT_BENCH_USERS` changes that.
//!
//! - Valuing all of them takes at most a second on one core, and at most 1.5 times the streamed read alone.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the figures are what it is for, and it is for developers"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use degenbot::aave::AavePrices;
use degenbot::database::{
    AaveRiskOptions, Database, create_new_sqlite_database, value_aave_accounts,
};
use degenbot::models::{AaveV3Accounts, AaveV3Reserve};
use degenbot::types::U256;
use diesel::connection::SimpleConnection;

const USERS: u32 = 200_000;
const ROUNDS: usize = 5;

/// A market of 12 reserves with Pool revision 10, of which two are in an e-mode category. Each user owes one asset; half
/// supply one asset, half two.
fn fill(path: &Path, users: u32) {
    create_new_sqlite_database(path).unwrap();
    let database = Database::open(path).unwrap();
    let mut session = database.session().unwrap();
    session
        .batch_execute(&format!(
            "BEGIN;
             INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES (1, 1, 'bench', 1, 7);
             INSERT INTO aave_v3_market_facts (market_id, last_update_time) VALUES (1, 1800000000);
             INSERT INTO aave_v3_contracts (market_id, name, address, revision)
             VALUES (1, 'POOL', '0x87870bca3f3fd6335c3f4ce8392d69350b4fa4e2', 10);
             WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 36)
             INSERT INTO erc20_tokens (id, chain, address, symbol, decimals)
             SELECT id, 1, printf('0x%040x', id), 'T' || id, 18 FROM n;
             WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 12)
             INSERT INTO aave_v3_assets (id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id,
                 v_token_revision, liquidity_index, liquidity_rate, borrow_index, borrow_rate)
             SELECT id, 1, id, id + 12, 5, id + 24, 5, '10' || printf('%026d', id), '20' || printf('%024d', id),
                 '11' || printf('%026d', id), '30' || printf('%024d', id) FROM n;
             INSERT INTO aave_v3_asset_facts (asset_id, last_update_time)
             SELECT id, 1799990000 + id FROM aave_v3_assets;
             INSERT INTO aave_v3_asset_configs (asset_id, ltv, liquidation_threshold, liquidation_bonus,
                 borrowing_enabled, stable_borrowing_enabled, flash_loan_enabled, isolation_mode,
                 borrowable_in_isolation)
             SELECT id, 7500, 8000, 10500, 1, 0, 1, 0, 0 FROM aave_v3_assets;
             INSERT INTO aave_v3_emode_categories (market_id, category_id, ltv, liquidation_threshold,
                 liquidation_bonus) VALUES (1, 1, 9000, 9300, 10100);
             INSERT INTO aave_v3_emode_assets (asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero)
             VALUES (1, 1, 1, 1, 0), (2, 1, 1, 1, 0);
             WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT {users})
             INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt)
             SELECT id, 1, printf('0x%040x', id * 7919), id % 10 = 0, 0, '0' FROM n;
             INSERT INTO aave_v3_collateral_positions (user_id, asset_id, balance, last_index)
             SELECT id, id % 12 + 1, (id % 977 + 300) || '0000000000000000123', '1000000000000000000000000001'
             FROM aave_v3_users;
             INSERT INTO aave_v3_collateral_positions (user_id, asset_id, balance, last_index)
             SELECT id, (id + 5) % 12 + 1, (id % 97 + 10) || '0000000000000000456', '1000000000000000000000000002'
             FROM aave_v3_users WHERE id % 2;
             INSERT INTO aave_v3_user_collateral_configs (user_id, asset_id, enabled)
             SELECT user_id, asset_id, 1 FROM aave_v3_collateral_positions;
             INSERT INTO aave_v3_debt_positions (user_id, asset_id, balance, last_index)
             SELECT id, (id + 3) % 12 + 1, (id % 613 + 1) || '0000000000000000789', '1100000000000000000000000003'
             FROM aave_v3_users;
             COMMIT"
        ))
        .unwrap();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() -> ExitCode {
    // `cargo test --benches` only checks that this program builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let asked = std::env::var("DEGENBOT_BENCH_USERS").ok();
    let users = asked.map_or(USERS, |number| number.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    fill(&path, users);
    let database = Database::open(&path).unwrap();
    let mut session = database.session().unwrap();
    let mut prices = AavePrices::new(AavePrices::DOLLAR);
    for (place, reserve) in AaveV3Reserve::of_market(&mut session, 1)
        .unwrap()
        .into_iter()
        .enumerate()
    {
        let price = U256(AavePrices::DOLLAR.0 * alloy_primitives::U256::from(place + 1));
        prices.set(reserve.underlying.address, price);
    }
    let (mut reading, mut valuing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let read = AaveV3Accounts::with_debt(&mut session, 1).unwrap();
        assert_eq!(read.map(Result::unwrap).count(), users as usize);
        reading.push(began.elapsed());
        let began = Instant::now();
        let report = value_aave_accounts(&path, 1, &prices, &AaveRiskOptions::default()).unwrap();
        assert_eq!(report.accounts.len(), users as usize);
        valuing.push(began.elapsed());
    }
    let (reading, valuing) = (median(reading), median(valuing));
    let ratio = valuing.as_secs_f64() / reading.as_secs_f64();
    let is_too_slow = users == USERS && (ratio > 1.5 || valuing > Duration::from_secs(1));
    let mark = if is_too_slow { "TOO MUCH" } else { "" };
    println!(
        "{users} accounts valued in {valuing:.2?} (limit 1 s), {ratio:.2} times the read alone ({reading:.2?}, limit 1.5) {mark}"
    );
    ExitCode::from(u8::from(is_too_slow))
}
