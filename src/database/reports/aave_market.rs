//! The state of an Aave V3 market, for `aave market show`.

use std::collections::HashMap;
use std::path::Path;

use alloy_primitives::U256 as Number;
use diesel::sqlite::SqliteConnection;

use crate::aave::prices::AavePrices;
use crate::aave::token_rules::TokenRules;
use crate::database::error::database_error::Error;
use crate::database::reports::aave_markets::{AaveMarketState, read_markets, state};
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::aave::valuation::AaveV3Valuation;
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_v3_emode_category::AaveV3EModeCategory;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::decimal::U256;
use crate::types::stored::Decode;

/// The state of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveMarketReport {
    /// The market, and the block that the numbers are of.
    pub market: AaveMarketState,
    /// How many users the database has.
    pub users: u64,
    /// How many of them supply something.
    pub collateral_positions: u64,
    /// How many debts there are.
    pub debt_positions: u64,
    /// The reserves, in the order of their ids.
    pub reserves: Vec<AaveReserveReport>,
    /// The e-mode categories, in the order of their numbers.
    pub categories: Vec<AaveCategoryReport>,
}

/// The state of a reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveReserveReport {
    /// The reserve.
    pub reserve: AaveV3Reserve,
    /// All that is supplied, with interest: `totalSupply` of the aToken, if all its holders are in the database. `None` if
    /// that cannot be computed.
    pub supplied: Option<U256>,
    /// All that is owed, with interest: `totalSupply` of the variable debt token. `None` if that cannot be computed.
    pub owed: Option<U256>,
    /// How many users supply it.
    pub suppliers: u64,
    /// How many users owe it.
    pub borrowers: u64,
}

/// An e-mode category.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveCategoryReport {
    /// The category.
    pub category: AaveV3EModeCategory,
    /// How many users are in it.
    pub users: u64,
}

/// The scaled balances of a token.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    holders: u64,
    /// `None` if it exceeds 256 bits.
    scaled: Option<Number>,
}

/// The state of a market. It goes through all of its positions.
///
/// # Errors
///
/// The kinds of [`list_aave_assets`](crate::database::list_aave_assets).
pub fn show_aave_market(path: &Path, market_id: i64) -> Result<AaveMarketReport, Error> {
    read_markets(path, "read the market", |connection| {
        read(connection, market_id)
    })
}

fn read(connection: &mut SqliteConnection, market_id: i64) -> Result<AaveMarketReport, Error> {
    let market = state(connection, market_id)?;
    let reserves = AaveV3Reserve::of_market(connection, market_id)?;
    let mut categories = AaveV3EModeCategory::of_market(connection, market_id)?;
    categories.sort_by_key(|category| category.category_id);
    let statements = Statements::of(connection)?;
    let users = users_by_category(statements, market_id)?;
    let supplied = totals(statements, "aave_v3_collateral_positions", market_id)?;
    let owed = totals(statements, "aave_v3_debt_positions", market_id)?;
    let holders = |totals: &HashMap<i64, Total>| totals.values().map(|total| total.holders).sum();
    let no_prices = AavePrices::new(AavePrices::DOLLAR);
    let mut valuation = market
        .time
        .map(|time| AaveV3Valuation::new(time, &no_prices));
    let reserves = reserves.into_iter().map(|reserve| {
        let total = |totals: &HashMap<i64, Total>| {
            let zero = Total {
                holders: 0,
                scaled: Some(Number::ZERO),
            };
            totals.get(&reserve.asset.id).copied().unwrap_or(zero)
        };
        let (supplied, owed) = (total(&supplied), total(&owed));
        let at_time = valuation.as_mut().and_then(|it| it.reserve(&reserve).ok());
        let amount = |total: Total, rules: Option<_>, index: Option<U256>| {
            let rules: TokenRules = rules?;
            rules.balance(U256(total.scaled?), index?)
        };
        AaveReserveReport {
            supplied: amount(
                supplied,
                reserve.a_token_rules().ok(),
                at_time.map(|it| it.liquidity_index),
            ),
            owed: amount(
                owed,
                reserve.v_token_rules().ok(),
                at_time.map(|it| it.borrow_index),
            ),
            suppliers: supplied.holders,
            borrowers: owed.holders,
            reserve,
        }
    });
    let reserves = reserves.collect();
    let of_category = |category: AaveV3EModeCategory| AaveCategoryReport {
        users: users
            .get(&i64::from(category.category_id.get()))
            .copied()
            .unwrap_or(0),
        category,
    };
    Ok(AaveMarketReport {
        users: users.values().sum(),
        collateral_positions: holders(&supplied),
        debt_positions: holders(&owed),
        reserves,
        categories: categories.into_iter().map(of_category).collect(),
        market,
    })
}

/// How many users each e-mode category has.
fn users_by_category(
    statements: Statements<'_>,
    market_id: i64,
) -> Result<HashMap<i64, u64>, Error> {
    let mut rows = statements.prepare(
        "SELECT e_mode, count(*) FROM aave_v3_users WHERE market_id = ?1 GROUP BY e_mode",
    )?;
    rows.query(&[Bound::Integer(market_id)])?;
    let mut users = HashMap::new();
    while rows.step()? {
        users.insert(rows.key(0), u64::try_from(rows.key(1)).unwrap_or(0));
    }
    Ok(users)
}

/// The sums of all scaled balances, by asset. SQLite cannot add numbers of this size.
fn totals(
    statements: Statements<'_>,
    table: &'static str,
    market_id: i64,
) -> Result<HashMap<i64, Total>, Error> {
    // The table is read in the order of its rows, which is the fastest.
    let mut rows = statements.prepare(&format!(
        "SELECT p.id, p.asset_id, p.balance FROM {table} AS p NOT INDEXED WHERE p.balance <> '0' \
         AND p.asset_id IN (SELECT id FROM aave_v3_assets WHERE market_id = ?1)"
    ))?;
    rows.query(&[Bound::Integer(market_id)])?;
    let mut totals: HashMap<i64, Total> = HashMap::new();
    while rows.step()? {
        let balance = U256::decode(rows.column(2)).map_err(|source| RowError::Invalid {
            table,
            id: rows.key(0),
            column: "balance",
            source,
        })?;
        let total = totals.entry(rows.key(1)).or_insert(Total {
            holders: 0,
            scaled: Some(Number::ZERO),
        });
        total.holders += 1;
        total.scaled = total.scaled.and_then(|sum| sum.checked_add(balance.0));
    }
    Ok(totals)
}
