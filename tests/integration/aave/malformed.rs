//! What cannot be read is named, and is a failure of nothing else.

use degenbot::models::*;
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection;

use crate::support::aave_market::{FIRST, THIRD, address, market, outcomes};

#[test]
fn with_debt_names_a_malformed_row_and_goes_on() {
    let cases = [
        (
            "UPDATE aave_v3_users SET address = 'me' WHERE id = 1",
            "aave_v3_users row 1, column address: ",
        ),
        (
            "UPDATE aave_v3_collateral_positions SET balance = '-1' WHERE id = 2",
            "aave_v3_collateral_positions row 2, column balance: ",
        ),
        (
            "UPDATE aave_v3_collateral_positions SET last_index = '' WHERE id = 1",
            "aave_v3_collateral_positions row 1, column last_index: ",
        ),
        (
            "UPDATE aave_v3_user_collateral_configs SET enabled = 'true' WHERE id = 1",
            "aave_v3_user_collateral_configs row 1, column enabled: expected a flag (0 or 1), found \"true\"",
        ),
        (
            "UPDATE aave_v3_debt_positions SET balance = '5e2' WHERE id = 1",
            "aave_v3_debt_positions row 1, column balance: \
             expected the decimal text of a uint256, found \"5e2\"",
        ),
        (
            "UPDATE aave_v3_asset_configs SET ltv = 'much' WHERE id = 1; \
             DELETE FROM aave_v3_collateral_positions WHERE user_id = 3; \
             DELETE FROM aave_v3_debt_positions WHERE id = 5",
            "aave_v3_asset_configs row 1, column ltv: ",
        ),
        (
            "UPDATE aave_v3_emode_categories SET ltv = -1 WHERE id = 10",
            "aave_v3_emode_categories row 10, column ltv: ",
        ),
        (
            "PRAGMA foreign_keys = OFF; UPDATE aave_v3_debt_positions SET asset_id = 99 WHERE id = 1",
            "aave_v3_debt_positions row 1 has no row 99 in aave_v3_assets",
        ),
        (
            "UPDATE aave_v3_debt_positions SET asset_id = 3 WHERE id = 1",
            "aave_v3_debt_positions row 1: its asset 3 is not in market 1, the user's",
        ),
    ];
    for (damage, expected) in cases {
        let (_folder, database) = market();
        let mut session = database.session().unwrap();
        session.batch_execute(damage).unwrap();
        let found = outcomes(&mut session);
        assert!(found[0].starts_with(expected), "{damage}: {}", found[0]);
        assert_eq!(found[1..], ["3"], "{damage}");
        if !damage.contains("aave_v3_users") {
            let error = AaveV3Account::of_user(&mut session, 1, address(FIRST)).unwrap_err();
            assert_eq!(error.to_string(), found[0]);
        }
    }
}

#[test]
fn with_debt_reports_a_malformed_asset_to_each_user_that_has_it() {
    let cases = [
        (
            "UPDATE aave_v3_assets SET borrow_index = 'x' WHERE id = 2",
            "aave_v3_assets row 2, column borrow_index: ",
        ),
        (
            "UPDATE erc20_tokens SET decimals = 256 WHERE id = 2",
            "erc20_tokens row 2, column decimals: ",
        ),
        (
            "PRAGMA foreign_keys = OFF; DELETE FROM aave_v3_emode_categories WHERE id = 11",
            "aave_v3_assets row 2 has no row 11 in aave_v3_emode_categories",
        ),
        (
            "PRAGMA foreign_keys = OFF; DELETE FROM erc20_tokens WHERE id = 2",
            "aave_v3_assets row 2 has no row 2 in erc20_tokens",
        ),
    ];
    for (damage, expected) in cases {
        let (_folder, database) = market();
        let mut session = database.session().unwrap();
        // Another one who owes something, of WETH only.
        session
            .batch_execute("UPDATE aave_v3_debt_positions SET balance = '1' WHERE id = 2")
            .unwrap();
        session.batch_execute(damage).unwrap();
        let found = outcomes(&mut session);
        assert_eq!(found.len(), 3);
        assert!(found[0].starts_with(expected), "{damage}: {}", found[0]);
        assert_eq!(found[1], "2", "{damage}");
        assert!(found[2].starts_with(expected), "{damage}: {}", found[2]);
        let error = AaveV3Reserve::of_market(&mut session, 1).unwrap_err();
        assert_eq!(error.to_string(), found[0]);
    }
}

#[test]
fn single_reads_name_a_malformed_value() {
    fn message<T: std::fmt::Debug>(result: Result<T, RowError>) -> String {
        result.unwrap_err().to_string()
    }

    let (_folder, database) = market();
    let mut session = database.session().unwrap();
    let connection = &mut *session;
    connection
        .batch_execute(
            "UPDATE aave_v3_markets SET active = 2 WHERE id = 2;
             UPDATE aave_v3_contracts SET address = '0x' WHERE id = 2;
             UPDATE aave_v3_emode_categories SET category_id = 256 WHERE id = 11;
             UPDATE aave_v3_assets SET borrow_rate = '+1' WHERE id = 2;
             UPDATE aave_v3_users SET gho_discount = 'none' WHERE id = 3;
             UPDATE aave_gho_tokens SET v_gho_discount_token = x'00' WHERE id = 6;",
        )
        .unwrap();
    let mainnet = ChainId::new(1).unwrap();
    let markets = "aave_v3_markets row 2, column active: expected a flag (0 or 1), found 2";
    assert_eq!(message(AaveV3Market::by_id(connection, 2)), markets);
    assert_eq!(
        message(AaveV3Market::of_chain(connection, mainnet)),
        markets
    );
    assert_eq!(
        message(AaveV3Market::by_name(connection, mainnet, "aave_v3_prime")),
        markets
    );
    assert!(AaveV3Market::by_id(connection, 1).unwrap().is_some());
    assert_eq!(
        message(AaveV3Contract::of_market(connection, 1)),
        "aave_v3_contracts row 2, column address: \
         expected an address (0x and 40 hexadecimal digits), found \"0x\""
    );
    assert_eq!(
        message(AaveV3EModeCategory::of_market(connection, 1)),
        "aave_v3_emode_categories row 11, column category_id: \
         expected an e-mode category (0 to 255), found 256"
    );
    let assets = "aave_v3_assets row 2, column borrow_rate: \
                  expected the decimal text of a uint256, found \"+1\"";
    assert_eq!(message(AaveV3Asset::of_market(connection, 1)), assets);
    assert_eq!(message(AaveV3Asset::by_id(connection, 2)), assets);
    assert_eq!(
        message(AaveV3User::by_address(connection, 1, address(THIRD))),
        "aave_v3_users row 3, column gho_discount: expected basis points (0 or more), found \"none\""
    );
    assert_eq!(
        message(AaveGhoToken::by_token(connection, 2)),
        "aave_gho_tokens row 6, column v_gho_discount_token: \
         expected an address (0x and 40 hexadecimal digits), found x'00'"
    );
}
