//! The rules of tokens: how each revision of an aToken or a debt token rounds.

use std::fmt::{self, Display};

use crate::aave::ray_math::{Rounding, ray_div, ray_mul};
use crate::aave::scaled_balance::{BalanceError, ScaledBalance};
use crate::types::decimal::U256;
use crate::types::integer::Revision;
use crate::types::kind::TransferAmount;

/// The kind of a token whose balances are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// An aToken: what somebody has supplied.
    AToken,
    /// A variable debt token: what somebody owes.
    VariableDebt,
    /// The variable debt token of GHO. Its revisions are counted by themselves, and the first three have discounts.
    GhoDebt,
}

/// The revision of a token is not known, so nobody knows how it rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownRevision {
    /// The kind of the token.
    pub kind: TokenKind,
    /// Its revision.
    pub revision: Revision,
}

/// A change of one balance: a `Mint` or a `Burn`.
///
/// Both say the balance's interest since the last change. A withdrawal or a repayment that is smaller than the interest
/// emits a `Mint`, so the event's name does not tell what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct BalanceChange {
    /// Whether it is a `Mint`.
    pub is_mint: bool,
    /// The amount of the event: the difference of the balances, without its sign.
    pub value: U256,
    /// The interest since the balance's last index, in units of the token.
    pub balance_increase: U256,
    /// The index, in ray.
    pub index: U256,
}

/// How a token of some kind and revision computes balances.
///
/// The rules are those of the releases 3.0.0 to 3.6 of Aave. Those of the revisions 1, 4 and 5 (5 and 6 of GHO) are
/// tested against the balances that whole markets of real contracts had, the others against a model of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRules {
    kind: TokenKind,
    revision: Revision,
    transfer_amount: TransferAmount,
    /// How an amount is rounded that is computed from a scaled one.
    balance: Rounding,
    difference: Difference,
    /// Whether the token has discounts.
    has_discount: bool,
}

/// What the `value` of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// The amount that somebody asked for, and the interest. Its scaled amount is added or subtracted.
    OfAmounts,
    /// The difference of two rounded balances. The new scaled balance is the only one that has the new balance: no index
    /// is below one ray, so different scaled balances have different balances. This is the rounding that finds it.
    OfBalances(Rounding),
}

impl TokenRules {
    /// The rules of a revision.
    ///
    /// # Errors
    ///
    /// [`UnknownRevision`] if it is not known: 0, or above 5 (6 for the debt token of GHO).
    pub fn new(
        kind: TokenKind,
        revision: Revision,
        transfer_amount: TransferAmount,
    ) -> Result<Self, UnknownRevision> {
        let nearest = (Rounding::HalfUp, Difference::OfAmounts);
        let (balance, difference) = match (kind, revision.get()) {
            (TokenKind::AToken | TokenKind::VariableDebt, 1..=3) | (TokenKind::GhoDebt, 1..=4) => {
                nearest
            }
            (TokenKind::AToken, 4..=5) => (Rounding::Down, Difference::OfBalances(Rounding::Up)),
            (TokenKind::VariableDebt, 4..=5) | (TokenKind::GhoDebt, 5..=6) => {
                (Rounding::Up, Difference::OfBalances(Rounding::Down))
            }
            _ => return Err(UnknownRevision { kind, revision }),
        };
        Ok(Self {
            kind,
            revision,
            transfer_amount,
            balance,
            difference,
            has_discount: kind == TokenKind::GhoDebt && revision.get() <= 3,
        })
    }

    /// The rules of the first revision.
    #[cfg(feature = "sync")]
    pub(crate) fn first(kind: TokenKind, transfer_amount: TransferAmount) -> Self {
        Self {
            kind,
            revision: Revision::ONE,
            transfer_amount,
            balance: Rounding::HalfUp,
            difference: Difference::OfAmounts,
            has_discount: kind == TokenKind::GhoDebt,
        }
    }

    /// Whether the token's debt can have a discount: [`Discount`](crate::aave::Discount) has its rules.
    #[must_use]
    pub const fn has_discount(&self) -> bool {
        self.has_discount
    }

    /// Whether a repayment of the whole discounted balance burns all of the scaled one.
    pub(super) fn clears_dust(&self) -> bool {
        self.has_discount && self.revision.get() >= 2
    }

    /// A scaled balance in units of the token at an index. `None` if the contract would revert.
    #[must_use]
    pub fn balance(&self, scaled: U256, index: U256) -> Option<U256> {
        ray_mul(scaled, index, self.balance)
    }

    /// The balance after a `Mint` or a `Burn` of a token without discounts.
    ///
    /// # Errors
    ///
    /// [`BalanceError`] if the event contradicts the balance: an event is missing before it, or the rules are not those
    /// of the token.
    pub fn after(
        &self,
        before: ScaledBalance,
        change: &BalanceChange,
    ) -> Result<ScaledBalance, BalanceError> {
        let increase = self.increase(before, change.index)?;
        if increase != change.balance_increase {
            return Err(BalanceError::Increase {
                expected: increase,
                found: change.balance_increase,
            });
        }
        Ok(ScaledBalance {
            scaled: self.scaled_after(before.scaled, change)?,
            last_index: change.index,
        })
    }

    /// The interest of a balance since its last index.
    pub(super) fn increase(
        &self,
        before: ScaledBalance,
        index: U256,
    ) -> Result<U256, BalanceError> {
        let now = self.balance(before.scaled, index);
        let then = self.balance(before.scaled, before.last_index);
        let (now, then) = now.zip(then).ok_or(BalanceError::Overflow)?;
        let increase = now.0.checked_sub(then.0);
        increase.map(U256).ok_or(BalanceError::IndexFell {
            last: before.last_index,
            index,
        })
    }

    /// The scaled balance after an event, of which the interest is not looked at.
    pub(super) fn scaled_after(
        &self,
        scaled: U256,
        change: &BalanceChange,
    ) -> Result<U256, BalanceError> {
        let BalanceChange {
            is_mint,
            value,
            balance_increase,
            index,
        } = *change;
        // Only the interest was minted, before a transfer.
        if is_mint && value == balance_increase {
            return Ok(scaled);
        }
        match self.difference {
            Difference::OfAmounts => {
                let (amount, is_added) = change.amount().ok_or(BalanceError::Overflow)?;
                let amount = ray_div(amount, index, Rounding::HalfUp);
                let amount = amount.ok_or(BalanceError::Overflow)?;
                let after = if is_added {
                    scaled.0.checked_add(amount.0).ok_or(BalanceError::Overflow)
                } else {
                    let negative = BalanceError::Negative { scaled, amount };
                    scaled.0.checked_sub(amount.0).ok_or(negative)
                };
                after.map(U256)
            }
            Difference::OfBalances(rounding) => {
                let now = self.balance(scaled, index).ok_or(BalanceError::Overflow)?;
                let then = now.0.checked_sub(balance_increase.0);
                let after = then.and_then(|then| {
                    if is_mint {
                        then.checked_add(value.0)
                    } else {
                        then.checked_sub(value.0)
                    }
                });
                let after = U256(after.ok_or(BalanceError::Negative {
                    scaled,
                    amount: value,
                })?);
                let found = ray_div(after, index, rounding).ok_or(BalanceError::Overflow)?;
                if self.balance(found, index) == Some(after) {
                    Ok(found)
                } else {
                    Err(BalanceError::Unreachable { balance: after })
                }
            }
        }
    }

    /// Moves what a `BalanceTransfer` says from one balance to another, which are those of two holders. For a transfer to
    /// oneself, the caller passes the balance to [`Self::touched`] instead.
    ///
    /// # Errors
    ///
    /// [`BalanceError`] if the sender does not have as much.
    pub fn transferred(
        &self,
        from: ScaledBalance,
        to: ScaledBalance,
        value: U256,
        index: U256,
    ) -> Result<(ScaledBalance, ScaledBalance), BalanceError> {
        let amount = match self.transfer_amount {
            TransferAmount::Scaled => value,
            TransferAmount::Unscaled => {
                ray_div(value, index, Rounding::HalfUp).ok_or(BalanceError::Overflow)?
            }
        };
        let negative = BalanceError::Negative {
            scaled: from.scaled,
            amount,
        };
        let left = from.scaled.0.checked_sub(amount.0).ok_or(negative)?;
        let received = to.scaled.0.checked_add(amount.0);
        let received = received.ok_or(BalanceError::Overflow)?;
        let moved = |balance: ScaledBalance, scaled| ScaledBalance {
            scaled: U256(scaled),
            ..self.touched(balance, index)
        };
        Ok((moved(from, left), moved(to, received)))
    }

    /// A balance whose owner has transferred it, or a part of it, to itself.
    #[must_use]
    pub const fn touched(&self, balance: ScaledBalance, index: U256) -> ScaledBalance {
        match self.transfer_amount {
            TransferAmount::Scaled => ScaledBalance {
                last_index: index,
                ..balance
            },
            TransferAmount::Unscaled => balance,
        }
    }
}

impl BalanceChange {
    /// The amount without the interest, and whether it was added. `None` if it exceeds 256 bits.
    pub(super) fn amount(&self) -> Option<(U256, bool)> {
        let (value, increase) = (self.value.0, self.balance_increase.0);
        if !self.is_mint {
            return Some((U256(value.checked_add(increase)?), false));
        }
        Some(match value.checked_sub(increase) {
            Some(added) => (U256(added), true),
            None => (U256(increase.wrapping_sub(value)), false),
        })
    }
}

impl Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AToken => "aToken",
            Self::VariableDebt => "variable debt token",
            Self::GhoDebt => "variable debt token of GHO",
        })
    }
}

impl Display for UnknownRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, revision } = self;
        write!(f, "revision {revision} of the {kind} is not known")
    }
}

impl std::error::Error for UnknownRevision {}
