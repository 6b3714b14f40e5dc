//! The events of Aave V3's Pool.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::EModeCategoryId;
use crate::types::log::Log;

/// The interest of a reserve was added up, and its rates are new.
///
/// In revisions 9 and 10 of the Pool, a liquidation that pays in aTokens moves the indexes of the collateral without
/// this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveDataUpdated {
    /// The underlying token of the reserve.
    pub reserve: Address,
    /// The yearly supply rate, in ray (10²⁷).
    pub liquidity_rate: U256,
    /// The yearly rate of stable debt, in ray; 0 since Aave 3.2, which has no stable debt.
    pub stable_borrow_rate: U256,
    /// The yearly rate of variable debt, in ray.
    pub variable_borrow_rate: U256,
    /// The cumulated supply interest, in ray.
    pub liquidity_index: U256,
    /// The cumulated interest of variable debt, in ray.
    pub variable_borrow_index: U256,
}

impl Event for ReserveDataUpdated {
    const SIGNATURE: &'static str =
        "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)";
    const TOPIC: B256 = b256!("0x804c9b842b2748a22bb64b345453a3de7ca54a6ca45ce00d415894979e22897a");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[reserve],
             [
                liquidity_rate,
                stable_borrow_rate,
                variable_borrow_rate,
                liquidity_index,
                variable_borrow_index,
            ]| {
                Ok(Self {
                    reserve: reserve.address("reserve")?,
                    liquidity_rate: liquidity_rate.number(),
                    stable_borrow_rate: stable_borrow_rate.number(),
                    variable_borrow_rate: variable_borrow_rate.number(),
                    liquidity_index: liquidity_index.number(),
                    variable_borrow_index: variable_borrow_index.number(),
                })
            },
        )
    }
}

/// What a user has supplied of a reserve is collateral from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveUsedAsCollateralEnabled {
    /// The underlying token of the reserve.
    pub reserve: Address,
    /// The user.
    pub user: Address,
}

impl Event for ReserveUsedAsCollateralEnabled {
    const SIGNATURE: &'static str = "ReserveUsedAsCollateralEnabled(address,address)";
    const TOPIC: B256 = b256!("0x00058a56ea94653cdf4f152d227ace22d4c00ad99e2a43f58cb7d9e3feb295f2");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[reserve, user], []| {
            Ok(Self {
                reserve: reserve.address("reserve")?,
                user: user.address("user")?,
            })
        })
    }
}

/// What a user has supplied of a reserve is no collateral any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveUsedAsCollateralDisabled {
    /// The underlying token of the reserve.
    pub reserve: Address,
    /// The user.
    pub user: Address,
}

impl Event for ReserveUsedAsCollateralDisabled {
    const SIGNATURE: &'static str = "ReserveUsedAsCollateralDisabled(address,address)";
    const TOPIC: B256 = b256!("0x44c58d81365b66dd4b1a7f36c25aa97b8c71c361ee4937adc1a00000227db5dd");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[reserve, user], []| {
            Ok(Self {
                reserve: reserve.address("reserve")?,
                user: user.address("user")?,
            })
        })
    }
}

/// A user has chosen another e-mode category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserEModeSet {
    /// The user.
    pub user: Address,
    /// The category; 0 means none.
    pub category_id: EModeCategoryId,
}

impl Event for UserEModeSet {
    const SIGNATURE: &'static str = "UserEModeSet(address,uint8)";
    const TOPIC: B256 = b256!("0xd728da875fc88944cbf17638bcbe4af0eedaef63becd1d1c57cc097eb4608d84");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[user], [category_id]| {
            Ok(Self {
                user: user.address("user")?,
                category_id: category_id.category_id("categoryId")?,
            })
        })
    }
}

/// A part of a user's debt was paid with a part of the collateral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiquidationCall {
    /// The underlying token of the collateral.
    pub collateral_asset: Address,
    /// The underlying token of the debt.
    pub debt_asset: Address,
    /// Whose debt it was.
    pub user: Address,
    /// The debt that was paid, in units of the debt's token.
    pub debt_to_cover: U256,
    /// The collateral that the liquidator has got, in units of the collateral's token.
    pub liquidated_collateral_amount: U256,
    /// Who has paid.
    pub liquidator: Address,
    /// Whether the liquidator has got aTokens instead of the underlying token.
    pub receive_a_token: bool,
}

impl Event for LiquidationCall {
    const SIGNATURE: &'static str =
        "LiquidationCall(address,address,address,uint256,uint256,address,bool)";
    const TOPIC: B256 = b256!("0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[collateral_asset, debt_asset, user],
             [
                debt_to_cover,
                liquidated_collateral_amount,
                liquidator,
                receive_a_token,
            ]| {
                Ok(Self {
                    collateral_asset: collateral_asset.address("collateralAsset")?,
                    debt_asset: debt_asset.address("debtAsset")?,
                    user: user.address("user")?,
                    debt_to_cover: debt_to_cover.number(),
                    liquidated_collateral_amount: liquidated_collateral_amount.number(),
                    liquidator: liquidator.address("liquidator")?,
                    receive_a_token: receive_a_token.flag("receiveAToken")?,
                })
            },
        )
    }
}
