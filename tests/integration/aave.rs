//! Aave V3 accounts: one user, and all users with debt.

mod malformed;

use std::sync::Arc;

use degenbot::database::Database;
use degenbot::models::*;
use degenbot::types::{BasisPoints, ChainId, EModeCategoryId};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::support::aave_market::{FIRST, THIRD, address, market, outcomes};
use crate::support::content;
use crate::support::corpus::Copy;

fn basis_points(number: u32) -> BasisPoints {
    BasisPoints::new(number).unwrap()
}

fn with_debt(connection: &mut SqliteConnection, market_id: i64) -> Vec<AaveV3Account> {
    AaveV3Accounts::with_debt(connection, market_id)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn account_has_its_positions_with_their_assets() {
    let (_folder, database) = market();
    let mut session = database.session().unwrap();
    let account = AaveV3Account::of_user(&mut session, 1, address(FIRST))
        .unwrap()
        .unwrap();
    assert_eq!(account.user.id, 1);
    let [weth, usdc] = account.collateral.as_slice() else {
        panic!("{:?}", account.collateral);
    };
    assert_eq!(weth.reserve.underlying.symbol.as_deref(), Some("WETH"));
    assert_eq!(weth.reserve.a_token.symbol.as_deref(), Some("aEthWETH"));
    assert_eq!(weth.reserve.v_token.symbol.as_deref(), Some("vEthWETH"));
    assert_eq!((weth.position.id, weth.enabled), (2, Some(true)));
    assert_eq!(weth.balance(), Some("1050".parse().unwrap()));
    assert_eq!((usdc.position.id, usdc.enabled), (1, None));
    // 4.5 is rounded up.
    assert_eq!(usdc.balance(), Some("5".parse().unwrap()));
    let [debt] = account.debt.as_slice() else {
        panic!("{:?}", account.debt);
    };
    assert_eq!(debt.balance(), Some("1000".parse().unwrap()));
    assert!(Arc::ptr_eq(&debt.reserve, &usdc.reserve));

    // The user is in category 1, and so is WETH by its parameters; USDC is in another one, and has none.
    let label = |it: Option<&AaveV3EModeCategory>| it.and_then(|it| it.label.clone());
    assert_eq!(
        label(account.e_mode_of(&weth.reserve)).as_deref(),
        Some("ETH correlated")
    );
    assert_eq!(
        account.liquidation_threshold(&weth.reserve),
        Some(basis_points(9500))
    );
    assert_eq!(account.ltv(&weth.reserve), Some(basis_points(9300)));
    assert_eq!(
        usdc.reserve.e_mode(),
        Some(EModeCategoryId::new(2).unwrap())
    );
    assert_eq!(account.e_mode_of(&usdc.reserve), None);
    assert_eq!(account.liquidation_threshold(&usdc.reserve), None);
    assert_eq!(account.ltv(&usdc.reserve), None);

    // The third one is in category 2, which USDC is in by its row. What it has of WETH is beyond 256 bits.
    let account = AaveV3Account::of_user(&mut session, 1, address(THIRD))
        .unwrap()
        .unwrap();
    let weth = &account.collateral[0];
    assert_eq!((weth.enabled, weth.balance()), (Some(false), None));
    assert_eq!(
        account.liquidation_threshold(&weth.reserve),
        Some(basis_points(8300))
    );
    let usdc = &account.debt[1];
    assert_eq!(
        account.liquidation_threshold(&usdc.reserve),
        Some(basis_points(9200))
    );
    assert_eq!(account.ltv(&usdc.reserve), Some(basis_points(9000)));

    // There is no category 77.
    let fourth = address("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb");
    let account = AaveV3Account::of_user(&mut session, 1, fourth)
        .unwrap()
        .unwrap();
    assert_eq!(account.e_mode_category, None);
    assert_eq!((account.collateral.len(), account.debt.len()), (1, 0));
    assert_eq!(
        AaveV3Account::of_user(&mut session, 2, fourth).unwrap(),
        None
    );
}

#[test]
fn rows_are_found_by_name() {
    let (_folder, database) = market();
    let mut session = database.session().unwrap();
    let connection = &mut *session;
    let mainnet = ChainId::new(1).unwrap();
    let prime = AaveV3Market::by_name(connection, mainnet, "aave_v3_prime").unwrap();
    assert_eq!(prime, AaveV3Market::by_id(connection, 2).unwrap());
    assert!(prime.is_some_and(|it| it.id == 2));
    let other = ChainId::new(8453).unwrap();
    assert_eq!(
        AaveV3Market::by_name(connection, other, "aave_v3_prime").unwrap(),
        None
    );
    assert_eq!(AaveV3Market::by_id(connection, 9).unwrap(), None);
    let markets = AaveV3Market::of_chain(connection, mainnet).unwrap();
    assert_eq!(markets.iter().map(|it| it.id).collect::<Vec<_>>(), [1, 2]);

    let contracts = AaveV3Contract::of_market(connection, 1).unwrap();
    assert_eq!(
        contracts
            .iter()
            .map(|it| it.name.as_str())
            .collect::<Vec<_>>(),
        ["POOL", "PRICE_ORACLE"]
    );
    let categories = AaveV3EModeCategory::of_market(connection, 1).unwrap();
    assert_eq!(
        categories.iter().map(|it| it.id).collect::<Vec<_>>(),
        [10, 11]
    );
    let assets = AaveV3Asset::of_market(connection, 1).unwrap();
    assert_eq!(assets.iter().map(|it| it.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        AaveV3Asset::by_id(connection, 2).unwrap().as_ref(),
        Some(&assets[1])
    );
    let reserves = AaveV3Reserve::of_market(connection, 1).unwrap();
    assert_eq!(
        reserves
            .iter()
            .map(|it| it.asset.clone())
            .collect::<Vec<_>>(),
        assets
    );
    let gho = AaveGhoToken::by_token(connection, 2).unwrap();
    assert!(gho.is_some_and(|it| it.id == 6));
    assert_eq!(AaveGhoToken::by_token(connection, 1).unwrap(), None);
}

#[test]
fn users_are_found_by_addresses_in_any_letter_case() {
    let (_folder, database) = market();
    let mut session = database.session().unwrap();
    let found = |session: &mut SqliteConnection| {
        let user = AaveV3User::by_address(session, 1, address(THIRD)).unwrap();
        let account = AaveV3Account::of_user(session, 1, address(THIRD)).unwrap();
        let user = user.map(|it| it.id);
        assert_eq!(user, account.map(|it| it.user.id));
        user
    };
    assert_eq!(found(&mut session), Some(3));
    // A program that takes the two for different addresses has added the same user again.
    session
        .batch_execute(&format!(
            "INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt) \
             VALUES (9, 1, '{THIRD}', 0, 0, '0')"
        ))
        .unwrap();
    assert_eq!(found(&mut session), Some(9));
}

#[test]
fn with_debt_leaves_out_users_without_debt() {
    let (_folder, database) = market();
    let mut session = database.session().unwrap();
    assert_eq!(outcomes(&mut session), ["1", "3"]);
    assert_eq!(with_debt(&mut session, 2).len(), 1);
    assert!(with_debt(&mut session, 3).is_empty());
}

#[test]
fn with_debt_reads_one_snapshot() {
    let (_folder, database) = market();
    let mut session = database.session().unwrap();
    let expected = with_debt(&mut session, 1);

    let mut accounts = AaveV3Accounts::with_debt(&mut session, 1).unwrap();
    let first = accounts.next().unwrap().unwrap();
    content::connect(database.path())
        .batch_execute(
            "UPDATE aave_v3_debt_positions SET balance = '0';
             UPDATE aave_v3_assets SET borrow_index = '7';
             UPDATE aave_v3_users SET e_mode = 0;
             DELETE FROM aave_v3_user_collateral_configs;",
        )
        .unwrap();
    let others: Vec<_> = accounts.by_ref().map(Result::unwrap).collect();
    assert_eq!([vec![first], others].concat(), expected);
    drop(accounts);
    assert!(with_debt(&mut session, 1).is_empty());
}

#[test]
fn with_debt_shares_assets_between_ten_thousand_accounts() {
    const USERS: usize = 10_000;

    let (_folder, database) = market();
    let mut session = database.session().unwrap();
    session
        .batch_execute(&format!(
            "WITH RECURSIVE n (id) AS (SELECT 100 UNION ALL SELECT id + 1 FROM n LIMIT {USERS})
             INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, isolation_mode_debt)
             SELECT id, 1, printf('0x%040x', id), id % 3, 0, '0' FROM n;
             INSERT INTO aave_v3_collateral_positions (user_id, asset_id, balance)
             SELECT id, 1, id FROM aave_v3_users WHERE id >= 100;
             INSERT INTO aave_v3_debt_positions (user_id, asset_id, balance)
             SELECT id, 2, id FROM aave_v3_users WHERE id >= 100;"
        ))
        .unwrap();
    let mut weth = None;
    let mut last = 0;
    let mut count = 0;
    for account in AaveV3Accounts::with_debt(&mut session, 1).unwrap() {
        let account = account.unwrap();
        assert!(account.user.id > last);
        last = account.user.id;
        if account.user.id < 100 {
            continue;
        }
        count += 1;
        let [collateral] = account.collateral.as_slice() else {
            panic!("{account:?}");
        };
        assert_eq!(collateral.position.balance.to_string(), last.to_string());
        assert_eq!(account.debt.len(), 1);
        let shared = weth.get_or_insert_with(|| Arc::clone(&collateral.reserve));
        assert!(Arc::ptr_eq(shared, &collateral.reserve));
    }
    assert_eq!(count, USERS);
    // Nothing of the accounts that have been dropped is kept.
    assert_eq!(weth.map(|it| Arc::strong_count(&it)), Some(1));
}

/// A line for each position of an account, as [`POSITIONS`] has them.
fn lines(account: &AaveV3Account) -> Vec<String> {
    fn shown<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "-".to_owned(), |value| value.to_string())
    }

    let line = |sort: &str, reserve: &AaveV3Reserve, rest: String| {
        [
            account.user.id.to_string(),
            sort.to_owned(),
            reserve.asset.id.to_string(),
            reserve.underlying.id.to_string(),
            reserve.a_token.address.to_string().to_lowercase(),
            reserve.v_token.address.to_string().to_lowercase(),
            shown(account.liquidation_threshold(reserve)),
            shown(account.ltv(reserve)),
            rest,
        ]
        .join("|")
    };
    let collateral = account.collateral.iter().map(|it| {
        let position = &it.position;
        let rest = [
            position.id.to_string(),
            position.balance.to_string(),
            shown(position.last_index),
            shown(it.enabled.map(i32::from)),
            it.reserve.asset.liquidity_index.to_string(),
        ];
        line("collateral", &it.reserve, rest.join("|"))
    });
    let debt = account.debt.iter().map(|it| {
        let position = &it.position;
        let rest = [
            position.id.to_string(),
            position.balance.to_string(),
            shown(position.last_index),
            "-".to_owned(),
            it.reserve.asset.borrow_index.to_string(),
        ];
        line("debt", &it.reserve, rest.join("|"))
    });
    collateral.chain(debt).collect()
}

/// Every position, by queries that owe nothing to the library.
const POSITIONS: &str = "
WITH p AS (
    SELECT 'collateral' AS sort, * FROM aave_v3_collateral_positions
    UNION ALL SELECT 'debt', * FROM aave_v3_debt_positions
)
SELECT u.id || '|' || p.sort || '|' || a.id || '|' || a.underlying_asset_id
    || '|' || (SELECT lower(address) FROM erc20_tokens WHERE id = a.a_token_id)
    || '|' || (SELECT lower(address) FROM erc20_tokens WHERE id = a.v_token_id)
    || '|' || coalesce(CASE WHEN k.category_id = coalesce(c.e_mode_category_id, e.category_id)
        THEN k.liquidation_threshold ELSE c.liquidation_threshold END, '-')
    || '|' || coalesce(CASE WHEN k.category_id = coalesce(c.e_mode_category_id, e.category_id)
        THEN CASE c.ltv WHEN 0 THEN 0 ELSE k.ltv END ELSE c.ltv END, '-')
    || '|' || p.id || '|' || p.balance || '|' || coalesce(p.last_index, '-')
    || '|' || CASE sort WHEN 'debt' THEN '-' ELSE coalesce((
        SELECT enabled FROM aave_v3_user_collateral_configs AS f
        WHERE f.user_id = u.id AND f.asset_id = a.id), '-') END
    || '|' || CASE sort WHEN 'debt' THEN a.borrow_index ELSE a.liquidity_index END AS line
FROM p
JOIN aave_v3_users AS u ON u.id = p.user_id
JOIN aave_v3_assets AS a ON a.id = p.asset_id
LEFT JOIN aave_v3_asset_configs AS c ON c.asset_id = a.id
LEFT JOIN aave_v3_emode_categories AS e ON e.id = a.e_mode_category_id
LEFT JOIN aave_v3_emode_categories AS k
    ON k.market_id = u.market_id AND k.category_id = u.e_mode AND u.e_mode <> 0
ORDER BY u.id, p.sort, a.id";

#[test]
fn with_debt_finds_the_accounts_that_plain_queries_find() {
    let copy = Copy::upgraded("populated/populated-0.6.0a14.db");
    let mut plain = content::connect(&copy.path);
    let database = Database::open(&copy.path).unwrap();
    let mut session = database.session().unwrap();
    let mut expected: Vec<String> = content::lines(&mut plain, POSITIONS);
    let mut found = Vec::new();
    let mut streamed = 0;
    for market in [1, 4, 7] {
        let owing = content::lines(
            &mut plain,
            &format!(
                "SELECT u.id || '' AS line FROM aave_v3_users AS u \
                 JOIN aave_v3_debt_positions AS d ON d.user_id = u.id \
                 WHERE u.market_id = {market} AND d.balance <> '0' GROUP BY u.id ORDER BY u.id"
            ),
        );
        let accounts = with_debt(&mut session, market);
        let ids: Vec<_> = accounts.iter().map(|it| it.user.id.to_string()).collect();
        assert_eq!(ids, owing);
        streamed += ids.len();
        let mut accounts = accounts.into_iter().peekable();
        for user in content::lines(
            &mut plain,
            &format!(
                "SELECT address AS line FROM aave_v3_users WHERE market_id = {market} ORDER BY id"
            ),
        ) {
            let account = AaveV3Account::of_user(&mut session, market, address(&user))
                .unwrap()
                .unwrap();
            if accounts.peek().is_some_and(|it| it.user == account.user) {
                assert_eq!(accounts.next(), Some(account.clone()));
            }
            found.extend(lines(&account));
        }
        assert_eq!(accounts.next(), None);
    }
    assert!(streamed > 20, "{streamed}");
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 165);
}
