//! What an account is made of and worth, in the base currency of the market's oracle.

use alloy_primitives::U256 as Number;

use crate::types::decimal::U256;
use crate::types::integer::BasisPoints;

/// A supplied asset that its owner uses as collateral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct CollateralValue {
    /// The scaled balance of the aToken.
    pub scaled: U256,
    /// The liquidity index at the time in question, in ray: [`PoolRules::liquidity_index`](crate::aave::PoolRules).
    pub liquidity_index: U256,
    /// The price of one whole token, in units of the base currency.
    pub price: U256,
    /// The decimals of the asset.
    pub decimals: u8,
    /// The reserve's own loan-to-value ratio.
    pub ltv: BasisPoints,
    /// The reserve's own liquidation threshold.
    pub liquidation_threshold: BasisPoints,
    /// The limits of the owner's e-mode category, if the asset is collateral in it.
    pub e_mode: Option<EModeLimits>,
}

/// The limits of an e-mode category for one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct EModeLimits {
    /// The loan-to-value ratio.
    pub ltv: BasisPoints,
    /// The liquidation threshold.
    pub liquidation_threshold: BasisPoints,
    /// Whether the asset's ratio in the category is zero. Since release 3.6.
    pub is_ltv_zero: bool,
}

/// A borrowed asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct DebtValue {
    /// The scaled balance of the variable debt token.
    pub scaled: U256,
    /// The borrow index at the time in question, in ray: [`PoolRules::borrow_index`](crate::aave::PoolRules).
    pub borrow_index: U256,
    /// The price of one whole token, in units of the base currency.
    pub price: U256,
    /// The decimals of the asset.
    pub decimals: u8,
}

/// What an account is worth: the numbers of `getUserAccountData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct AccountData {
    /// All collateral, in units of the base currency.
    pub collateral_base: U256,
    /// All debt, in units of the base currency.
    pub debt_base: U256,
    /// What could still be borrowed, in units of the base currency.
    pub available_borrows_base: U256,
    /// The liquidation threshold, weighted by the collateral.
    pub liquidation_threshold: BasisPoints,
    /// The loan-to-value ratio, weighted by the collateral.
    pub ltv: BasisPoints,
    /// The health factor in wad (10¹⁸); below one, the account can be liquidated. `None` without debt, for which the
    /// contract has the greatest number.
    pub health_factor: Option<U256>,
}

impl AccountData {
    /// An account without any position.
    pub const EMPTY: Self = Self {
        collateral_base: U256(Number::ZERO),
        debt_base: U256(Number::ZERO),
        available_borrows_base: U256(Number::ZERO),
        liquidation_threshold: BasisPoints::ZERO,
        ltv: BasisPoints::ZERO,
        health_factor: None,
    };
}
