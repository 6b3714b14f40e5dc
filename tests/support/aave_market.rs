//! A small market, made by hand.

use degenbot::database::{Database, create_new_sqlite_database};
use degenbot::models::AaveV3Accounts;
use degenbot::types::Address;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use tempfile::TempDir;

use super::content;

/// Two markets. Assets 1 (WETH, category 1 by its parameters) and 2 (USDC, no parameters, category 2 by its
/// row) are in market 1, asset 3 (WETH again) is in market 2. Of market 1's users, 1 and 3 owe something, 2 has
/// a debt of 0, and 4 has supplied only; 5 is in market 2, and owes something there.
const MARKET: &str = "
INSERT INTO erc20_tokens (id, chain, address, symbol, decimals) VALUES
    (1, 1, '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2', 'WETH', 18),
    (2, 1, '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', 'USDC', 6),
    (3, 1, '0x4d5F47FA6A74757f35C14fD3a6Ef8E3C9BC514E8', 'aEthWETH', 18),
    (4, 1, '0xeA51d7853EEFb32b6ee06b1C12E6dcCA88Be0fFE', 'vEthWETH', 18);
INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES
    (1, 1, 'aave_v3', 1, 23000000),
    (2, 1, 'aave_v3_prime', 1, NULL),
    (3, 8453, 'aave_v3', 0, NULL);
INSERT INTO aave_v3_contracts (id, market_id, name, address, revision) VALUES
    (1, 1, 'POOL', '0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2', 7),
    (2, 1, 'PRICE_ORACLE', '0x54586bE62E3c3580375aE3723C145253060Ca0C2', NULL);
INSERT INTO aave_v3_emode_categories
    (id, market_id, category_id, label, ltv, liquidation_threshold, liquidation_bonus) VALUES
    (10, 1, 1, 'ETH correlated', 9300, 9500, 10100),
    (11, 1, 2, 'stable', 9000, 9200, 10200),
    (12, 2, 1, 'ETH correlated', 9400, 9600, 10100);
INSERT INTO aave_v3_assets
    (id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id, v_token_revision,
     liquidity_index, liquidity_rate, borrow_index, borrow_rate, e_mode_category_id) VALUES
    (1, 1, 1, 3, 1, 4, 1, '1050000000000000000000000000', '0', '1100000000000000000000000000', '0', NULL),
    (2, 1, 2, 3, 1, 4, 1, '1500000000000000000000000000', '0', '2000000000000000000000000000', '0', 11),
    (3, 2, 1, 3, 1, 4, 1, '1000000000000000000000000000', '0', '1000000000000000000000000000', '0', 12);
INSERT INTO aave_v3_asset_configs
    (id, asset_id, ltv, liquidation_threshold, liquidation_bonus, e_mode_category_id, borrowing_enabled,
     stable_borrowing_enabled, flash_loan_enabled, isolation_mode, borrowable_in_isolation) VALUES
    (1, 1, 8050, 8300, 10500, 1, 1, 0, 1, 0, 0);
INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt) VALUES
    (1, 1, '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 1, 0, '0'),
    (2, 1, '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359', 0, 0, '0'),
    (3, 1, '0xdbf03b407c01e7cd3cbea99509d93f8dddc8c6fb', 2, 0, '0'),
    (4, 1, '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb', 77, 0, '0'),
    (5, 2, '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 1, 0, '0');
INSERT INTO aave_v3_user_collateral_configs (id, user_id, asset_id, enabled) VALUES
    (1, 1, 1, 1), (2, 3, 1, 0);
INSERT INTO aave_v3_collateral_positions (id, user_id, asset_id, balance, last_index) VALUES
    (1, 1, 2, '3', NULL),
    (2, 1, 1, '1000', '1010000000000000000000000000'),
    (3, 3, 1, '115792089237316195423570985008687907853269984665640564039457584007913129639935', NULL),
    (4, 4, 2, '7', NULL),
    (5, 5, 3, '8', NULL);
INSERT INTO aave_v3_debt_positions (id, user_id, asset_id, balance, last_index) VALUES
    (1, 1, 2, '500', NULL),
    (2, 2, 1, '0', NULL),
    (3, 3, 2, '21', NULL),
    (4, 5, 3, '1', NULL),
    (5, 3, 1, '0', NULL);
INSERT INTO aave_gho_tokens (id, token_id, v_token_id) VALUES (6, 2, 4);
";

pub const FIRST: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
pub const THIRD: &str = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB";

pub fn market() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    content::connect(&path).batch_execute(MARKET).unwrap();
    let database = Database::open(&path).unwrap();
    (folder, database)
}

pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// The items of a stream: ids of users, and messages.
pub fn outcomes(connection: &mut SqliteConnection) -> Vec<String> {
    AaveV3Accounts::with_debt(connection, 1)
        .unwrap()
        .map(|account| match account {
            Ok(account) => account.user.id.to_string(),
            Err(error) => error.to_string(),
        })
        .collect()
}
