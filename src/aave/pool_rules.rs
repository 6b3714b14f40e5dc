//! The rules of the Pool: how an index grows with time, and what an account is worth.

use std::fmt::{self, Display};

use alloy_primitives::U256 as Number;

use crate::aave::account_data::{AccountData, CollateralValue, DebtValue};
use crate::aave::ray_math::{RAY, Rounding, divided, percent_mul, ray_mul};
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, Revision};

/// Aave ignores leap years.
const SECONDS_PER_YEAR: Number = Number::from_limbs([31_536_000, 0, 0, 0]);

/// One wad: 10¹⁸, the unit of health factors.
const WAD: Number = Number::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// The revision of a Pool is not known, so nobody knows how it computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "nothing else is known")]
pub struct UnknownPoolRevision(
    /// The revision.
    pub Revision,
);

/// How a Pool of some revision computes.
///
/// The rules of the revisions 1 (releases 3.0.0 to 3.0.2) and 10 (3.6) were compared with `getUserAccountData` of the
/// contracts. Those in between follow the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolRules {
    revision: u32,
}

impl PoolRules {
    /// The rules of a revision.
    ///
    /// # Errors
    ///
    /// [`UnknownPoolRevision`] if it is not known: 0, or above 10.
    pub const fn new(revision: Revision) -> Result<Self, UnknownPoolRevision> {
        match revision.get() {
            number @ 1..=10 => Ok(Self { revision: number }),
            _ => Err(UnknownPoolRevision(revision)),
        }
    }

    /// Whether the price source of an e-mode category counts instead of those of its assets, which it did until release
    /// 3.1.
    #[must_use]
    pub const fn has_category_prices(self) -> bool {
        self.revision <= 4
    }

    /// Whether there were debts at stable rates, which no event of a variable debt token shows. Until release 3.1.
    #[must_use]
    pub const fn has_stable_debt(self) -> bool {
        self.revision <= 4
    }

    /// Whether amounts are rounded to the disadvantage of the account, which they are since release 3.5.
    const fn is_cautious(self) -> bool {
        self.revision >= 9
    }

    /// `getReserveNormalizedIncome`: the liquidity index some seconds after it was stored, with simple interest. `None` if
    /// the contract would revert.
    #[must_use]
    pub fn liquidity_index(self, stored: U256, rate: U256, seconds: u64) -> Option<U256> {
        if seconds == 0 {
            return Some(stored);
        }
        let interest = rate.0.checked_mul(Number::from(seconds))? / SECONDS_PER_YEAR;
        let growth = U256(RAY.0.checked_add(interest)?);
        ray_mul(growth, stored, Rounding::HalfUp)
    }

    /// `getReserveNormalizedVariableDebt`: the borrow index some seconds after it was stored, with compound interest.
    /// `None` if the contract would revert.
    #[must_use]
    pub fn borrow_index(self, stored: U256, rate: U256, seconds: u64) -> Option<U256> {
        if seconds == 0 {
            return Some(stored);
        }
        let growth = if self.revision >= 8 {
            exponential(rate, seconds)?
        } else {
            binomial(rate, seconds)?
        };
        ray_mul(growth, stored, Rounding::HalfUp)
    }

    /// `getUserAccountData`: what an account is worth. `None` if the contract would revert.
    #[must_use]
    pub fn account(
        self,
        collateral: impl IntoIterator<Item = CollateralValue>,
        debt: impl IntoIterator<Item = DebtValue>,
    ) -> Option<AccountData> {
        let (mut sum, mut by_ltv, mut by_threshold) = (Number::ZERO, Number::ZERO, Number::ZERO);
        for it in collateral {
            // Release 3.6 no longer looks at the reserve's own threshold.
            if self.revision <= 9 && it.liquidation_threshold.get() == 0 {
                continue;
            }
            let value = self.collateral_value(&it)?.0;
            let (ltv, threshold) = self.limits(&it);
            sum = sum.checked_add(value)?;
            by_ltv = by_ltv.checked_add(weighted(value, ltv)?)?;
            by_threshold = by_threshold.checked_add(weighted(value, threshold)?)?;
        }
        let mut debt_sum = Number::ZERO;
        for it in debt {
            debt_sum = debt_sum.checked_add(self.debt_value(&it)?.0)?;
        }
        let average = |weighted: Number| {
            let average = weighted.checked_div(sum).unwrap_or_default();
            let number = u32::try_from(average).ok()?;
            BasisPoints::new(number).ok()
        };
        let (ltv, threshold) = (average(by_ltv)?, average(by_threshold)?);
        let health_factor = if debt_sum.is_zero() {
            None
        } else {
            Some(self.health_factor(sum, by_threshold, threshold, debt_sum)?)
        };
        let limit = if self.is_cautious() {
            weighted(sum, ltv)? / Number::from(10_000)
        } else {
            percent_mul(U256(sum), ltv)?.0
        };
        Some(AccountData {
            collateral_base: U256(sum),
            debt_base: U256(debt_sum),
            available_borrows_base: U256(limit.saturating_sub(debt_sum)),
            liquidation_threshold: threshold,
            ltv,
            health_factor,
        })
    }

    fn health_factor(
        self,
        collateral: Number,
        by_threshold: Number,
        threshold: BasisPoints,
        debt: Number,
    ) -> Option<U256> {
        let wad_div =
            |one: Number| divided(one.checked_mul(WAD)?, debt, Rounding::HalfUp).map(|it| it.0);
        if self.is_cautious() {
            return Some(U256(wad_div(by_threshold)? / Number::from(10_000)));
        }
        wad_div(percent_mul(U256(collateral), threshold)?.0).map(U256)
    }

    /// What a collateral is worth, in units of the base currency, whether or not it has a liquidation threshold. `None` if
    /// the contract would revert.
    #[must_use]
    pub fn collateral_value(self, it: &CollateralValue) -> Option<U256> {
        let rounding = if self.is_cautious() {
            Rounding::Down
        } else {
            Rounding::HalfUp
        };
        let balance = ray_mul(it.scaled, it.liquidity_index, rounding)?;
        in_base(balance, it.price, it.decimals, Rounding::Down)
    }

    /// What a debt is worth, in units of the base currency. `None` if the contract would revert.
    #[must_use]
    pub fn debt_value(self, it: &DebtValue) -> Option<U256> {
        let (balance, value) = if self.is_cautious() {
            (Rounding::Up, Rounding::Up)
        } else {
            (Rounding::HalfUp, Rounding::Down)
        };
        let balance = ray_mul(it.scaled, it.borrow_index, balance)?;
        in_base(balance, it.price, it.decimals, value)
    }

    /// The loan-to-value ratio and the liquidation threshold that apply to a collateral.
    #[must_use]
    pub fn limits(self, it: &CollateralValue) -> (BasisPoints, BasisPoints) {
        let Some(e_mode) = it.e_mode else {
            return (it.ltv, it.liquidation_threshold);
        };
        let has_none = if self.revision >= 10 {
            e_mode.is_ltv_zero
        } else {
            // A reserve without a ratio of its own has none in e-mode either.
            it.ltv.get() == 0
        };
        let ltv = if has_none {
            BasisPoints::ZERO
        } else {
            e_mode.ltv
        };
        (ltv, e_mode.liquidation_threshold)
    }
}

fn weighted(value: Number, weight: BasisPoints) -> Option<Number> {
    value.checked_mul(Number::from(weight.get()))
}

/// An amount of a token in the base currency.
fn in_base(amount: U256, price: U256, decimals: u8, rounding: Rounding) -> Option<U256> {
    let unit = Number::from(10).checked_pow(Number::from(decimals))?;
    divided(amount.0.checked_mul(price.0)?, unit, rounding)
}

/// Compound interest, by the first terms of the binomial series. Before release 3.4.
fn binomial(rate: U256, seconds: u64) -> Option<U256> {
    let [time, less_one, less_two] =
        [0, 1, 2].map(|less| Number::from(seconds.saturating_sub(less)));
    let square = ray_mul(rate, rate, Rounding::HalfUp)?.0 / (SECONDS_PER_YEAR * SECONDS_PER_YEAR);
    let cube = ray_mul(U256(square), rate, Rounding::HalfUp)?.0 / SECONDS_PER_YEAR;
    let first = rate.0.checked_mul(time)? / SECONDS_PER_YEAR;
    let pairs = time * less_one;
    let second = pairs.checked_mul(square)? / Number::from(2);
    let third = pairs.checked_mul(less_two)?.checked_mul(cube)? / Number::from(6);
    let sum = RAY.0.checked_add(first)?.checked_add(second)?;
    sum.checked_add(third).map(U256)
}

/// Compound interest, by the first terms of the exponential series. Since release 3.4.
fn exponential(rate: U256, seconds: u64) -> Option<U256> {
    let x = rate.0.checked_mul(Number::from(seconds))? / SECONDS_PER_YEAR;
    let times_x = |other: Number| ray_mul(U256(x), U256(other), Rounding::HalfUp).map(|it| it.0);
    let inner = (x / Number::from(2)).checked_add(times_x(x / Number::from(6))?)?;
    let sum = RAY.0.checked_add(x)?.checked_add(times_x(inner)?)?;
    Some(U256(sum))
}

impl Display for UnknownPoolRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {} of the Pool is not known", self.0)
    }
}

impl std::error::Error for UnknownPoolRevision {}
