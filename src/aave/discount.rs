//! The discount of GHO's debt, which the revisions 1 to 3 of its debt token have.

use crate::aave::ray_math::{Rounding, percent_mul, ray_div};
use crate::aave::scaled_balance::{BalanceError, ScaledBalance};
use crate::aave::token_rules::{BalanceChange, TokenRules};
use crate::types::decimal::U256;
use crate::types::integer::BasisPoints;

/// The discount of a holder on the interest of its debt.
///
/// The token says a new percentage before the `Mint` or `Burn` of the same action, which still counts with the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discount {
    percent: BasisPoints,
    /// What is in force after the holder's next event.
    next: Option<BasisPoints>,
}

/// A balance with the discount of its holder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct DiscountedBalance {
    /// The balance.
    pub balance: ScaledBalance,
    /// The discount.
    pub discount: Discount,
}

impl Default for Discount {
    fn default() -> Self {
        Self::new(BasisPoints::ZERO)
    }
}

impl Discount {
    /// A discount in force.
    #[must_use]
    pub const fn new(percent: BasisPoints) -> Self {
        Self {
            percent,
            next: None,
        }
    }

    /// The percentage of the last `DiscountPercentUpdated`.
    #[must_use]
    pub fn percent(self) -> BasisPoints {
        self.next.unwrap_or(self.percent)
    }

    /// The discount after a `DiscountPercentUpdated`.
    #[must_use]
    pub const fn updated(self, percent: BasisPoints) -> Self {
        Self {
            next: Some(percent),
            ..self
        }
    }
}

impl DiscountedBalance {
    /// The balance after a `Mint` or a `Burn` of a token with discounts, or without.
    ///
    /// # Errors
    ///
    /// [`BalanceError`] as in [`TokenRules::after`].
    pub fn after(self, rules: &TokenRules, change: &BalanceChange) -> Result<Self, BalanceError> {
        let Self { balance, discount } = self;
        let after = if rules.has_discount() {
            discounted(rules, balance, discount.percent, change)?
        } else {
            rules.after(balance, change)?
        };
        Ok(Self {
            balance: after,
            discount: Discount::new(discount.percent()),
        })
    }
}

fn discounted(
    rules: &TokenRules,
    before: ScaledBalance,
    percent: BasisPoints,
    change: &BalanceChange,
) -> Result<ScaledBalance, BalanceError> {
    const OVERFLOW: BalanceError = BalanceError::Overflow;
    let index = change.index;
    let interest = rules.increase(before, index)?;
    let discount = percent_mul(interest, percent).ok_or(OVERFLOW)?;
    let expected = U256(interest.0.saturating_sub(discount.0));
    if expected != change.balance_increase {
        return Err(BalanceError::Increase {
            expected,
            found: change.balance_increase,
        });
    }
    let scaled_discount = ray_div(discount, index, Rounding::HalfUp).ok_or(OVERFLOW)?;
    let (amount, is_added) = change.amount().ok_or(OVERFLOW)?;
    let balance = rules.balance(before.scaled, index).ok_or(OVERFLOW)?;
    let is_whole = !is_added && U256(balance.0.saturating_sub(discount.0)) == amount;
    let scaled = if is_whole && rules.clears_dust() {
        U256::default()
    } else {
        let amount = ray_div(amount, index, Rounding::HalfUp).ok_or(OVERFLOW)?;
        let (added, taken) = if is_added {
            (amount.0, Some(scaled_discount.0))
        } else {
            let taken = amount.0.checked_add(scaled_discount.0);
            (alloy_primitives::U256::ZERO, taken)
        };
        let taken = taken.ok_or(OVERFLOW)?;
        let sum = before.scaled.0.checked_add(added).ok_or(OVERFLOW)?;
        U256(sum.checked_sub(taken).ok_or(BalanceError::Negative {
            scaled: before.scaled,
            amount: U256(taken),
        })?)
    };
    Ok(ScaledBalance {
        scaled,
        last_index: index,
    })
}
