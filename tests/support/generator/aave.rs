//! An Aave V3 market.

use degenbot::models::{
    AaveV3Asset, Erc20Token, NewAaveV3Asset, NewAaveV3AssetConfig, NewAaveV3CollateralPosition,
    NewAaveV3Contract, NewAaveV3DebtPosition, NewAaveV3EModeCategory, NewAaveV3Market,
    NewAaveV3User, NewAaveV3UserCollateralConfig, NewErc20Token,
};
use degenbot::schema::{
    aave_v3_asset_configs, aave_v3_assets, aave_v3_collateral_positions, aave_v3_contracts,
    aave_v3_debt_positions, aave_v3_emode_categories, aave_v3_markets,
    aave_v3_user_collateral_configs, aave_v3_users,
};
use degenbot::types::{
    Address, BasisPoints, BlockNumber, ChainId, Decimals, EModeCategoryId, Revision, U256,
};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::random::Random;
use super::{BLOCK, Result};

const ASSETS: u32 = 12;

/// Fills in a market with so many users.
pub fn fill(
    connection: &mut SqliteConnection,
    random: &mut Random,
    chain: ChainId,
    users: u32,
) -> Result<()> {
    let block = BlockNumber::new(BLOCK.into())?;
    let market_id: i64 = diesel::insert_into(aave_v3_markets::table)
        .values(NewAaveV3Market {
            chain_id: chain,
            name: "aave_v3".to_owned(),
            active: true,
            last_update_block: Some(block),
        })
        .returning(aave_v3_markets::id)
        .get_result(connection)?;
    diesel::insert_into(aave_v3_contracts::table)
        .values(NewAaveV3Contract {
            market_id,
            name: "POOL".to_owned(),
            address: Address::new(random.bytes()),
            revision: Some(Revision::new(7)?),
        })
        .execute(connection)?;
    let category_id: i64 = diesel::insert_into(aave_v3_emode_categories::table)
        .values(NewAaveV3EModeCategory {
            market_id,
            category_id: EModeCategoryId::new(1)?,
            label: Some("ETH correlated".to_owned()),
            ltv: BasisPoints::new(9_300)?,
            liquidation_threshold: BasisPoints::new(9_500)?,
            liquidation_bonus: BasisPoints::new(10_100)?,
            price_source: None,
        })
        .returning(aave_v3_emode_categories::id)
        .get_result(connection)?;
    let mut assets = Vec::new();
    for number in 0..ASSETS {
        let in_category = number % 4 == 0;
        assets.push(list(
            connection,
            random,
            chain,
            market_id,
            in_category.then_some(category_id),
        )?);
    }
    for _ in 0..users {
        join(connection, random, market_id, &assets)?;
    }
    Ok(())
}

fn list(
    connection: &mut SqliteConnection,
    random: &mut Random,
    chain: ChainId,
    market_id: i64,
    category: Option<i64>,
) -> Result<AaveV3Asset> {
    let tokens: Vec<_> = ["", "a", "variableDebt"]
        .iter()
        .map(|prefix| NewErc20Token {
            chain,
            address: Address::new(random.bytes()),
            name: None,
            symbol: Some(format!("{prefix}GEN")),
            decimals: Decimals::new(18).ok(),
        })
        .collect();
    let tokens = Erc20Token::insert_or_get(connection, &tokens)?;
    let asset = diesel::insert_into(aave_v3_assets::table)
        .values(NewAaveV3Asset {
            market_id,
            underlying_asset_id: tokens[0],
            a_token_id: tokens[1],
            a_token_revision: Revision::new(3)?,
            v_token_id: tokens[2],
            v_token_revision: Revision::new(3)?,
            last_update_block: Some(BlockNumber::new((BLOCK - random.below(10_000)).into())?),
            liquidity_index: index(random),
            liquidity_rate: number(random, 25),
            borrow_index: index(random),
            borrow_rate: number(random, 25),
            e_mode_category_id: category,
            price_source: Some(Address::new(random.bytes())),
        })
        .returning(AaveV3Asset::as_returning())
        .get_result(connection)?;
    diesel::insert_into(aave_v3_asset_configs::table)
        .values(NewAaveV3AssetConfig {
            asset_id: asset.id,
            ltv: BasisPoints::new(7_500)?,
            liquidation_threshold: BasisPoints::new(8_000)?,
            liquidation_bonus: BasisPoints::new(10_500)?,
            e_mode_category_id: category.map(|_| EModeCategoryId::new(1)).transpose()?,
            borrowing_enabled: true,
            stable_borrowing_enabled: false,
            flash_loan_enabled: true,
            isolation_mode: false,
            debt_ceiling: None,
            borrowable_in_isolation: false,
        })
        .execute(connection)?;
    Ok(asset)
}

fn join(
    connection: &mut SqliteConnection,
    random: &mut Random,
    market_id: i64,
    assets: &[AaveV3Asset],
) -> Result<()> {
    let user_id: i64 = diesel::insert_into(aave_v3_users::table)
        .values(NewAaveV3User {
            market_id,
            address: Address::new(random.bytes()),
            e_mode: EModeCategoryId::new(u8::from(random.once_in(10)))?,
            gho_discount: BasisPoints::new(0)?,
            stk_aave_balance: None,
            isolation_mode_collateral_asset_id: None,
            isolation_mode_debt: U256::default(),
        })
        .returning(aave_v3_users::id)
        .get_result(connection)?;
    let collateral = random.one_of(assets);
    diesel::insert_into(aave_v3_collateral_positions::table)
        .values(NewAaveV3CollateralPosition {
            user_id,
            asset_id: collateral.id,
            balance: number(random, 22),
            last_index: Some(collateral.liquidity_index),
        })
        .execute(connection)?;
    diesel::insert_into(aave_v3_user_collateral_configs::table)
        .values(NewAaveV3UserCollateralConfig {
            user_id,
            asset_id: collateral.id,
            enabled: true,
        })
        .execute(connection)?;
    if random.once_in(2) {
        let borrowed = random.one_of(assets);
        diesel::insert_into(aave_v3_debt_positions::table)
            .values(NewAaveV3DebtPosition {
                user_id,
                asset_id: borrowed.id,
                // Debt that was paid back stays as a zero.
                balance: if random.once_in(8) {
                    U256::default()
                } else {
                    number(random, 20)
                },
                last_index: Some(borrowed.borrow_index),
            })
            .execute(connection)?;
    }
    Ok(())
}

/// An index of one to two, in ray.
fn index(random: &mut Random) -> U256 {
    let ray = alloy_primitives::U256::from(10).pow(alloy_primitives::U256::from(27));
    U256(ray + number(random, 26).0)
}

/// A number of up to so many digits.
fn number(random: &mut Random, digits: u32) -> U256 {
    let magnitude = alloy_primitives::U256::from(10).pow(alloy_primitives::U256::from(digits - 9));
    U256(magnitude * alloy_primitives::U256::from(random.below(999_999_999)))
}
