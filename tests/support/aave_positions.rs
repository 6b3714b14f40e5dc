//! A market with users near liquidation and away from it, and its oracle.

use std::path::Path;

use alloy_primitives::{Address, U256};
use diesel::connection::SimpleConnection;

use super::content;
use super::fake_chain::FakeChain;

/// The name that commands give the market.
pub const MARKET: &str = "ethereum_positions";
/// The last block of the market.
pub const BLOCK: u64 = 23_000_000;
/// Owes 1,500 USDC for 1 WETH, in e-mode.
pub const NEAR: &str = "0x00000000000000000000000000000000000000b1";
/// Has no debt.
pub const WITHOUT_DEBT: &str = "0x00000000000000000000000000000000000000b5";
/// The asset that the oracle has no price for, owed by the fourth user. Its symbol is not what it seems.
pub const UNPRICED: &str = "0x00000000000000000000000000000000000000a3";
const ORACLE: &str = "0x00000000000000000000000000000000000000F2";

/// Adds the market to a database of the newest version.
///
/// Of its users, 9001 owes 1,500 USDC for 1 WETH, 9002 owes 1,000 USDC for 1 WETH, 9003 owes 1 USDC for 1 WETH, 9004
/// also owes what has no price, and 9005 owes nothing.
pub fn insert(path: &Path) {
    const SQL: &str = "
        INSERT INTO erc20_tokens (id, chain, address, symbol, decimals) VALUES
            (9001, 1, '0x00000000000000000000000000000000000000a1', 'WETH', 18),
            (9002, 1, '0x00000000000000000000000000000000000000a2', 'USDC', 6),
            (9003, 1, '0x00000000000000000000000000000000000000a3', 'X' || char(8238) || 'SU', 6),
            (9011, 1, '0x00000000000000000000000000000000000000c1', 'aWETH', 18),
            (9012, 1, '0x00000000000000000000000000000000000000c2', 'aUSDC', 6),
            (9013, 1, '0x00000000000000000000000000000000000000c3', 'aX', 6),
            (9021, 1, '0x00000000000000000000000000000000000000d1', 'vWETH', 18),
            (9022, 1, '0x00000000000000000000000000000000000000d2', 'vUSDC', 6),
            (9023, 1, '0x00000000000000000000000000000000000000d3', 'vX', 6);
        INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES
            (9001, 1, 'Positions Market', 1, 23000000);
        INSERT INTO aave_v3_market_facts (market_id, name, last_update_time) VALUES (9001, 'positions', 1750000000);
        INSERT INTO aave_v3_contracts (market_id, name, address, revision) VALUES
            (9001, 'POOL', '0x00000000000000000000000000000000000000F1', 10),
            (9001, 'PRICE_ORACLE', '0x00000000000000000000000000000000000000F2', NULL);
        INSERT INTO aave_v3_emode_categories
            (id, market_id, category_id, label, ltv, liquidation_threshold, liquidation_bonus) VALUES
            (9001, 9001, 1, 'Ether', 9000, 9300, 10200);
        INSERT INTO aave_v3_assets
            (id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id, v_token_revision,
             liquidity_index, liquidity_rate, borrow_index, borrow_rate) VALUES
            (9001, 9001, 9001, 9011, 5, 9021, 5, '1000000000000000000000000000', '20000000000000000000000000',
             '1000000000000000000000000000', '30000000000000000000000000'),
            (9002, 9001, 9002, 9012, 5, 9022, 5, '1000000000000000000000000000', '40000000000000000000000000',
             '1000000000000000000000000000', '50000000000000000000000000'),
            (9003, 9001, 9003, 9013, 5, 9023, 5, '1000000000000000000000000000', '0',
             '1000000000000000000000000000', '0');
        INSERT INTO aave_v3_asset_facts (asset_id, last_update_time) VALUES
            (9001, 1750000000), (9002, 1749913600), (9003, 1750000000);
        INSERT INTO aave_v3_asset_configs
            (asset_id, ltv, liquidation_threshold, liquidation_bonus, borrowing_enabled, stable_borrowing_enabled,
             flash_loan_enabled, isolation_mode, debt_ceiling, borrowable_in_isolation) VALUES
            (9001, 8050, 8300, 10500, 1, 0, 1, 0, '0', 0),
            (9002, 7500, 7800, 10400, 1, 0, 1, 0, '0', 1),
            (9003, 0, 0, 0, 1, 0, 1, 0, '0', 0);
        INSERT INTO aave_v3_emode_assets (asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero) VALUES
            (9001, 1, 1, 1, 0), (9002, 1, 0, 1, 0);
        INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt) VALUES
            (9001, 9001, '0x00000000000000000000000000000000000000b1', 1, 0, '0'),
            (9002, 9001, '0x00000000000000000000000000000000000000b2', 0, 0, '0'),
            (9003, 9001, '0x00000000000000000000000000000000000000b3', 0, 0, '0'),
            (9004, 9001, '0x00000000000000000000000000000000000000b4', 0, 0, '0'),
            (9005, 9001, '0x00000000000000000000000000000000000000b5', 0, 0, '0');
        INSERT INTO aave_v3_collateral_positions (user_id, asset_id, balance) VALUES
            (9001, 9001, '1000000000000000000'), (9002, 9001, '1000000000000000000'),
            (9003, 9001, '1000000000000000000'), (9004, 9001, '1000000000000000000'),
            (9005, 9001, '1000000000000000000'), (9001, 9002, '25000000');
        INSERT INTO aave_v3_user_collateral_configs (user_id, asset_id, enabled) VALUES
            (9001, 9001, 1), (9002, 9001, 1), (9003, 9001, 1), (9004, 9001, 1), (9005, 9001, 1);
        INSERT INTO aave_v3_debt_positions (user_id, asset_id, balance) VALUES
            (9001, 9002, '1500000000'), (9002, 9002, '1000000000'), (9003, 9002, '1000000'), (9004, 9002, '1000000'),
            (9004, 9003, '5000000');";
    content::connect(path).batch_execute(SQL).unwrap();
}

/// A chain that has the block of the market and three later ones, in which WETH is cheaper.
pub fn chain() -> FakeChain {
    let mut chain = FakeChain::new(1, BLOCK);
    for _ in 0..3 {
        chain.push(Vec::new());
    }
    chain.calls = oracle;
    chain
}

/// The oracle: WETH costs 2,000, or 1,500 in a later block; USDC costs 1. It refuses all other assets, and lists with one
/// of them.
fn oracle(to: Address, data: &[u8], block: u64) -> Result<Vec<u8>, String> {
    const WORD: usize = 32;
    let word = |number: u64| U256::from(number).to_be_bytes::<WORD>().to_vec();
    if to != ORACLE.parse::<Address>().unwrap() {
        return Ok(Vec::new());
    }
    let price = |argument: &[u8]| match argument.last() {
        Some(0xa1) if block == BLOCK => Ok(word(200_000_000_000)),
        Some(0xa1) => Ok(word(150_000_000_000)),
        Some(0xa2) => Ok(word(100_000_000)),
        _ => Err("execution reverted: no source\u{1b}[31m".to_owned()),
    };
    let (selector, arguments) = data.split_at(4);
    match selector {
        // BASE_CURRENCY_UNIT() and BASE_CURRENCY().
        [0x8c, 0x89, 0xb6, 0x4f] => Ok(word(100_000_000)),
        [0xe1, 0x9f, 0x47, 0x00] => Ok(word(0)),
        // getAssetPrice(address).
        [0xb3, 0x59, 0x6f, 0x07] => price(arguments),
        // getAssetsPrices(address[]).
        [0x9d, 0x23, 0xd9, 0xf2] => {
            let assets = arguments[2 * WORD..].chunks(WORD);
            let prices: Vec<_> = assets.map(price).collect::<Result<_, _>>()?;
            let count = u64::try_from(prices.len()).unwrap();
            Ok([vec![word(32), word(count)], prices].concat().concat())
        }
        _ => Err("execution reverted".to_owned()),
    }
}
