//! The same accounts, written to a database and read back.

use std::fmt::Write as _;

use degenbot::aave::{AavePrices, PriceChange};
use degenbot::database::{
    AaveRiskOptions, Database, create_new_sqlite_database, value_aave_accounts,
};
use degenbot::models::{AaveV3Account, AaveV3Accounts, AaveV3Valuation, ValuationError};
use degenbot::types::{Address, BasisPoints, Timestamp, U256};
use diesel::connection::SimpleConnection;
use serde_json::Value;
use tempfile::TempDir;

use super::{ACCOUNTS, expected, text};
use crate::support::content;

/// The time of the block, which is later than that of any update.
const TIME: u64 = 1_800_000_000;

fn time() -> Timestamp {
    Timestamp::new(TIME).unwrap()
}

fn wide(number: u64) -> U256 {
    U256(alloy_primitives::U256::from(number))
}

/// A database with what `sql` inserts.
fn database(sql: &str) -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    content::connect(&path).batch_execute(sql).unwrap();
    let database = Database::open(&path).unwrap();
    (folder, database)
}

/// What writes accounts: each is a market of its own, and each of its positions a reserve.
#[derive(Default)]
struct Rows {
    sql: String,
    last_id: u32,
}

impl Rows {
    fn next(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    fn push(&mut self, statement: &str) {
        let _ = writeln!(self.sql, "{statement};");
    }

    /// A token; its address is made of its id.
    fn token(&mut self, decimals: &Value) -> u32 {
        let id = self.next();
        self.push(&format!(
            "INSERT INTO erc20_tokens (id, chain, address, symbol, decimals) \
             VALUES ({id}, 1, '{}', 'T{id}', {decimals})",
            address(id)
        ));
        id
    }

    fn market(&mut self, revision: &Value) -> u32 {
        let id = self.next();
        self.push(&format!(
            "INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) \
             VALUES ({id}, 1, 'market {id}', 1, 7);
             INSERT INTO aave_v3_market_facts (market_id, last_update_time) VALUES ({id}, {TIME});
             INSERT INTO aave_v3_contracts (market_id, name, address, revision) \
             VALUES ({id}, 'POOL', '{}', {revision});
             INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt) \
             VALUES ({id}, {id}, '{}', 0, 0, '0')",
            address(id),
            address(id)
        ));
        id
    }

    /// The reserve of a position: a row of the recorded accounts.
    fn reserve(&mut self, market: u32, row: &Value, is_collateral: bool) -> (u32, u32) {
        let tokens = [(); 3].map(|()| self.token(&row[5]));
        let id = self.next();
        let (index, rate) = (row[1].as_str().unwrap(), row[2].as_str().unwrap());
        let updated = TIME - super::seconds(&row[3]);
        let none = "1000000000000000000000000000";
        let (liquidity, borrow) = if is_collateral {
            (index, none)
        } else {
            (none, index)
        };
        self.push(&format!(
            "INSERT INTO aave_v3_assets (id, market_id, underlying_asset_id, a_token_id, a_token_revision, \
                 v_token_id, v_token_revision, liquidity_index, liquidity_rate, borrow_index, borrow_rate) \
             VALUES ({id}, {market}, {}, {}, 1, {}, 1, '{liquidity}', '{rate}', '{borrow}', '{rate}');
             INSERT INTO aave_v3_asset_facts (asset_id, last_update_time) VALUES ({id}, {updated})",
            tokens[0], tokens[1], tokens[2]
        ));
        (id, tokens[0])
    }

    fn account(&mut self, account: &Value, prices: &mut AavePrices) -> u32 {
        let market = self.market(&account[0]);
        let mut category = None;
        for row in account[3].as_array().unwrap() {
            let (asset, token) = self.reserve(market, row, true);
            prices.set(address(token), text(&row[4]));
            self.push(&format!(
                "INSERT INTO aave_v3_asset_configs (asset_id, ltv, liquidation_threshold, liquidation_bonus, \
                     borrowing_enabled, stable_borrowing_enabled, flash_loan_enabled, isolation_mode, \
                     borrowable_in_isolation) VALUES ({asset}, {}, {}, 10500, 1, 0, 1, 0, 0);
                 INSERT INTO aave_v3_collateral_positions (user_id, asset_id, balance) \
                 VALUES ({market}, {asset}, '{}');
                 INSERT INTO aave_v3_user_collateral_configs (user_id, asset_id, enabled) \
                 VALUES ({market}, {asset}, 1)",
                row[6],
                row[7],
                row[0].as_str().unwrap()
            ));
            if let Some(limits) = row[8].as_array() {
                category = Some((limits[0].clone(), limits[1].clone()));
                self.push(&format!(
                    "INSERT INTO aave_v3_emode_assets \
                         (asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero) \
                     VALUES ({asset}, 2, 1, 0, {})",
                    limits[2]
                ));
            }
        }
        for row in account[4].as_array().unwrap() {
            let (asset, token) = self.reserve(market, row, false);
            prices.set(address(token), text(&row[4]));
            self.push(&format!(
                "INSERT INTO aave_v3_debt_positions (user_id, asset_id, balance) VALUES ({market}, {asset}, '{}')",
                row[0].as_str().unwrap()
            ));
        }
        if let Some((ltv, threshold)) = category {
            self.push(&format!(
                "UPDATE aave_v3_users SET e_mode = 2 WHERE id = {market};
                 INSERT INTO aave_v3_emode_categories \
                     (market_id, category_id, ltv, liquidation_threshold, liquidation_bonus) \
                 VALUES ({market}, 2, {ltv}, {threshold}, 10100)"
            ));
        }
        market
    }
}

fn address(id: u32) -> Address {
    let mut bytes = [0xa0; 20];
    bytes[16..].copy_from_slice(&id.to_be_bytes());
    Address::new(bytes)
}

#[test]
fn stored_accounts_are_worth_what_the_contracts_say() {
    let lines = String::from_utf8(zstd::decode_all(ACCOUNTS).unwrap()).unwrap();
    let mut rows = Rows::default();
    let mut prices = AavePrices::new(AavePrices::DOLLAR);
    let accounts: Vec<(u32, Value)> = lines
        .lines()
        .map(|line| {
            let account = serde_json::from_str(line).unwrap();
            (rows.account(&account, &mut prices), account)
        })
        .collect();
    assert_eq!(accounts.len(), 355);
    let (_folder, database) = database(&format!("BEGIN; {} COMMIT", rows.sql));
    let mut session = database.session().unwrap();
    let mut with_debt = 0;
    for (market, recorded) in &accounts {
        let id = i64::from(*market);
        let account = AaveV3Account::of_user(&mut session, id, address(*market));
        let account = account.unwrap().unwrap();
        let worth = account.at(time(), &prices).unwrap();
        assert_eq!(worth, expected(recorded), "{recorded}");
        for streamed in AaveV3Accounts::with_debt(&mut session, id).unwrap() {
            let mut valuation = AaveV3Valuation::new(time(), &prices);
            assert_eq!(valuation.account(&streamed.unwrap()), Ok(worth));
            with_debt += 1;
        }
        let report =
            value_aave_accounts(database.path(), id, &prices, &AaveRiskOptions::default()).unwrap();
        let reported: Vec<_> = report.accounts.iter().map(|it| it.data).collect();
        let has_debt = !account.debt.is_empty();
        assert_eq!(
            reported,
            has_debt.then_some(worth).into_iter().collect::<Vec<_>>()
        );
    }
    assert_eq!(with_debt, 200);
}

/// A market of Pool revision 7 with a user who supplies 10 of an asset at a price of 100, and owes 4 of another one at a
/// price of 50: 1,000 against 200.
fn small_market() -> (Rows, u32, AavePrices) {
    let account = serde_json::json!([
        7,
        1,
        "",
        [[
            "1000",
            "1000000000000000000000000000",
            "0",
            "5",
            "10000000000",
            2,
            7500,
            8000,
            null
        ]],
        [[
            "400",
            "1000000000000000000000000000",
            "0",
            "5",
            "5000000000",
            2
        ]],
        []
    ]);
    let mut rows = Rows::default();
    let mut prices = AavePrices::new(AavePrices::DOLLAR);
    let market = rows.account(&account, &mut prices);
    (rows, market, prices)
}

/// The worth of the user after some statements.
fn worth(sql: &str) -> Result<(u64, u64, Option<u64>), ValuationError> {
    worth_at(sql, |_| {})
}

fn worth_at(
    sql: &str,
    change: impl FnOnce(&mut AavePrices),
) -> Result<(u64, u64, Option<u64>), ValuationError> {
    let (mut rows, market, mut prices) = small_market();
    rows.push(sql);
    change(&mut prices);
    let (_folder, database) = database(&rows.sql);
    let mut session = database.session().unwrap();
    let account = AaveV3Account::of_user(&mut session, market.into(), address(market));
    let worth = account.unwrap().unwrap().at(time(), &prices)?;
    let whole =
        |number: U256, unit: u64| u64::try_from(number.0 / alloy_primitives::U256::from(unit));
    Ok((
        whole(worth.collateral_base, 100_000_000).unwrap(),
        whole(worth.debt_base, 100_000_000).unwrap(),
        worth
            .health_factor
            .map(|factor| whole(factor, 10_000_000_000_000_000).unwrap()),
    ))
}

#[test]
fn supplied_assets_are_collateral_only_if_a_row_says_so() {
    assert_eq!(worth("SELECT 1"), Ok((1_000, 200, Some(400))));
    let nothing = Ok((0, 200, Some(0)));
    assert_eq!(
        worth("DELETE FROM aave_v3_user_collateral_configs"),
        nothing
    );
    assert_eq!(
        worth("UPDATE aave_v3_user_collateral_configs SET enabled = 0"),
        nothing
    );
}

#[test]
fn memberships_decide_about_e_mode_where_there_is_one() {
    let in_category = "UPDATE aave_v3_users SET e_mode = 1;
        INSERT INTO aave_v3_emode_categories
            (id, market_id, category_id, ltv, liquidation_threshold, liquidation_bonus)
        SELECT 900, id, 1, 9000, 9500, 10100 FROM aave_v3_markets";
    let plain = Ok((1_000, 200, Some(400)));
    let e_mode = Ok((1_000, 200, Some(475)));
    let with = |more: &str| worth(&format!("{in_category}; {more}"));
    assert_eq!(with("SELECT 1"), plain);
    // The columns of the Python package, while no asset of the market has a membership.
    let by_column = "UPDATE aave_v3_asset_configs SET e_mode_category_id = 1";
    let by_row = "UPDATE aave_v3_assets SET e_mode_category_id = 900";
    assert_eq!(with(by_column), e_mode);
    assert_eq!(with(by_row), e_mode);
    let member = |category: u32, is_collateral: u32| {
        format!(
            "INSERT INTO aave_v3_emode_assets (asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero)
             SELECT asset_id, {category}, {is_collateral}, 1, 0 FROM aave_v3_asset_configs"
        )
    };
    assert_eq!(with(&member(1, 1)), e_mode);
    assert_eq!(with(&member(1, 0)), plain);
    assert_eq!(with(&format!("{by_column}; {}", member(2, 1))), plain);
    assert_eq!(with(&format!("{}; {}", member(2, 1), member(1, 1))), e_mode);
    assert_eq!(
        worth(&format!(
            "UPDATE aave_v3_users SET e_mode = 1; {}",
            member(1, 1)
        )),
        Err(ValuationError::NoCategory {
            category: degenbot::types::EModeCategoryId::new(1).unwrap()
        })
    );
}

#[test]
fn a_category_has_a_price_of_its_own_before_3_2() {
    let source = address(77_777);
    let sql = |revision: u32| {
        format!(
            "UPDATE aave_v3_contracts SET revision = {revision};
             UPDATE aave_v3_users SET e_mode = 1;
             INSERT INTO aave_v3_emode_categories
                 (market_id, category_id, ltv, liquidation_threshold, liquidation_bonus, price_source)
             SELECT id, 1, 9000, 8000, 10100, '{source}' FROM aave_v3_markets;
             INSERT INTO aave_v3_emode_assets (asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero)
             SELECT asset_id, 1, 1, 1, 0 FROM aave_v3_asset_configs"
        )
    };
    let priced = |price: u64| move |prices: &mut AavePrices| prices.set(source, wide(price));
    for revision in [1, 4] {
        assert_eq!(
            worth_at(&sql(revision), priced(20_000_000_000)),
            Ok((2_000, 200, Some(800)))
        );
        // A price of zero does not count.
        assert_eq!(
            worth_at(&sql(revision), priced(0)),
            Ok((1_000, 200, Some(400)))
        );
        assert_eq!(
            worth(&sql(revision)).unwrap_err().to_string(),
            format!("the price source {source} of e-mode category 1 has no price")
        );
    }
    assert_eq!(
        worth_at(&sql(5), priced(20_000_000_000)),
        Ok((1_000, 200, Some(400)))
    );
    assert_eq!(worth(&sql(5)), Ok((1_000, 200, Some(400))));
}

#[test]
fn what_is_missing_is_named() {
    for (sql, expected) in [
        (
            "UPDATE aave_v3_contracts SET revision = NULL",
            "the revision of the market's Pool is not known",
        ),
        (
            "DELETE FROM aave_v3_contracts",
            "the revision of the market's Pool is not known",
        ),
        (
            "UPDATE aave_v3_contracts SET revision = 11",
            "revision 11 of the Pool is not known",
        ),
        (
            "UPDATE aave_v3_assets SET a_token_revision = 6",
            "revision 6 of the aToken of T2 (0xA0a0A0a0a0A0A0A0A0a0A0a0a0A0a0A000000002) is not known",
        ),
        (
            "UPDATE aave_v3_assets SET v_token_revision = 6",
            "revision 6 of the variable debt token of T2 (0xA0a0A0a0a0A0A0A0A0a0A0a0a0A0a0A000000002) is not known",
        ),
        (
            "DELETE FROM aave_v3_asset_facts",
            "when the indexes of T2 (0xA0a0A0a0a0A0A0A0A0a0A0a0a0A0a0A000000002) were updated is not known",
        ),
        (
            "UPDATE aave_v3_asset_facts SET last_update_time = 1800000001",
            "the indexes of T2 (0xA0a0A0a0a0A0A0A0A0a0A0a0a0A0a0A000000002) are of the time 1800000001, which is after 1800000000",
        ),
        (
            "UPDATE aave_v3_assets SET liquidity_index = '0'",
            "the indexes of T2 (0xA0a0A0a0a0A0A0A0A0a0A0a0a0A0a0A000000002) are not known: those of a reserve are never less than one ray",
        ),
        (
            "DELETE FROM aave_v3_asset_configs",
            "the risk parameters of T2 (0xA0a0A0a0a0A0A0A0A0a0A0a0a0A0a0A000000002) are not known",
        ),
        (
            "UPDATE erc20_tokens SET decimals = NULL",
            "the decimals of T2 (0xA0a0A0a0a0A0A0A0A0a0A0a0a0A0a0A000000002) are not known",
        ),
        (
            "UPDATE aave_v3_collateral_positions SET balance = '1' || hex(zeroblob(38))",
            "the numbers exceed 256 bits",
        ),
    ] {
        let found = worth(sql).unwrap_err().to_string();
        assert_eq!(found.to_lowercase(), expected.to_lowercase(), "{sql}");
    }
    // The account does not depend on what is not collateral.
    assert_eq!(
        worth(
            "DELETE FROM aave_v3_user_collateral_configs;
             DELETE FROM aave_v3_asset_configs;"
        ),
        Ok((0, 200, Some(0)))
    );
    assert_eq!(
        worth("DELETE FROM aave_v3_debt_positions"),
        Ok((1_000, 0, None))
    );
    assert_eq!(
        worth("DELETE FROM aave_v3_debt_positions; DELETE FROM aave_v3_collateral_positions"),
        Ok((0, 0, None))
    );
}

#[test]
fn balances_round_as_the_revision_of_the_token_does() {
    let balances = |revision: u32, is_gho: bool| {
        let (mut rows, market, _) = small_market();
        let gho = if is_gho {
            "INSERT INTO aave_gho_tokens (token_id, v_token_id) SELECT underlying_asset_id, v_token_id
             FROM aave_v3_assets"
        } else {
            "SELECT 1"
        };
        rows.push(&format!(
            "UPDATE aave_v3_assets SET a_token_revision = {revision}, v_token_revision = {revision},
                 liquidity_index = '1001600000000000000000000000', borrow_index = '1001000000000000000000000000';
             {gho}"
        ));
        let (_folder, database) = database(&rows.sql);
        let mut session = database.session().unwrap();
        let account = AaveV3Account::of_user(&mut session, market.into(), address(market));
        let account = account.unwrap().unwrap();
        let shown = |balance: Option<U256>| balance.map_or("-".to_owned(), |it| it.to_string());
        let collateral = shown(account.collateral[0].balance());
        collateral + " " + &shown(account.debt[0].balance())
    };
    // 1,000 × 1.0016, and 400 × 1.001.
    assert_eq!(balances(3, false), "1002 400");
    assert_eq!(balances(4, false), "1001 401");
    assert_eq!(balances(6, false), "- -");
    assert_eq!(balances(4, true), "1001 400");
    assert_eq!(balances(5, true), "1001 401");
    assert_eq!(balances(6, true), "- 401");
}

#[test]
fn reports_name_every_account_that_is_not_computed() {
    let (mut rows, market, prices) = small_market();
    let (second, third, fourth) = (901, 902, 903);
    for (id, e_mode) in [(second, 0), (third, 7), (fourth, 0)] {
        rows.push(&format!(
            "INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt)
             VALUES ({id}, {market}, '{}', {e_mode}, 0, '0');
             INSERT INTO aave_v3_debt_positions (user_id, asset_id, balance)
             SELECT {id}, asset_id, {id} FROM aave_v3_debt_positions WHERE user_id = {market}",
            address(id)
        ));
    }
    // The second one also owes what has no price; the third one is in a category without a row, which it does not use;
    // the fourth one's row is damaged.
    let (asset, token) = rows.reserve(
        market,
        &serde_json::json!(["", "1000000000000000000000000000", "0", "5", "", 2]),
        false,
    );
    rows.push(&format!(
        "INSERT INTO aave_v3_debt_positions (user_id, asset_id, balance) VALUES ({second}, {asset}, '1');
         UPDATE aave_v3_users SET e_mode = 300 WHERE id = {fourth}"
    ));
    let (_folder, database) = database(&rows.sql);
    let report = |options: AaveRiskOptions| {
        value_aave_accounts(database.path(), market.into(), &prices, &options).unwrap()
    };
    let all = report(AaveRiskOptions::default());
    assert_eq!(all.users, 4);
    let addresses: Vec<_> = all.accounts.iter().map(|it| it.address).collect();
    assert_eq!(addresses, [address(third), address(market)]);
    let not_computed: Vec<_> = all
        .not_computed
        .iter()
        .map(|it| (it.address, it.reason.clone()))
        .collect();
    assert_eq!(
        not_computed,
        [
            (
                Some(address(second)),
                format!("T{token} ({}) has no price", address(token))
            ),
            (
                None,
                "aave_v3_users row 903, column e_mode: expected an e-mode category (0 to 255), found 300".to_owned()
            ),
        ]
    );
    let counts: Vec<_> = all.zones.iter().map(|zone| zone.accounts).collect();
    assert_eq!(counts, [1, 0, 0, 0, 0, 0, 1]);

    let near = report(AaveRiskOptions::default().below(wide(4_000_000_000_000_000_000)));
    assert_eq!((near.matching, near.accounts.len()), (1, 1));
    let first = report(AaveRiskOptions::default().limit(1));
    assert_eq!((first.matching, first.accounts.len()), (2, 1));
    let large = report(AaveRiskOptions::default().min_debt(wide(30_000_000_000)));
    assert_eq!((large.too_small, large.matching), (1, 1));
    assert_eq!(large.accounts[0].address, address(third));
}

#[test]
fn other_prices_change_health_factors() {
    let (rows, market, mut prices) = small_market();
    let (_folder, database) = database(&rows.sql);
    let mut session = database.session().unwrap();
    let account = AaveV3Account::of_user(&mut session, market.into(), address(market));
    let account = account.unwrap().unwrap();
    let asset = account.collateral[0].reserve.underlying.address;
    let fall: PriceChange = "-50%".parse().unwrap();
    let price = prices.of(asset).unwrap();
    prices.set(asset, fall.apply(price, prices.unit()).unwrap());
    let worth = account.at(time(), &prices).unwrap();
    assert_eq!(worth.collateral_base, wide(50_000_000_000));
    assert_eq!(worth.health_factor, Some(wide(2_000_000_000_000_000_000)));
    assert_eq!(worth.ltv, BasisPoints::new(7_500).unwrap());
}
