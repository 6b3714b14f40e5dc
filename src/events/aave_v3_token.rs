//! The events of Aave V3's tokens: aTokens, variable debt tokens, and the debt token of GHO.
//!
//! An aToken and a variable debt token store scaled balances. A balance is the scaled balance times an index, which
//! grows with the interest. How both are rounded depends on the revision of the token.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::BasisPoints;
use crate::types::log::Log;

/// A balance has grown, or has shrunk by less than its interest.
///
/// A supply or a loan emits it, and so does interest alone: then `value` equals `balance_increase`. A withdrawal or a
/// repayment emits it if the interest since the last event is more than what is taken away: then `value` is less than
/// `balance_increase`.
///
/// Up to revision 3, and in GHO's debt token up to revision 4, the amount of the operation is exactly the difference of
/// the two. Later revisions compute `value` from two rounded balances instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mint {
    /// Who has called the Pool.
    pub caller: Address,
    /// Whose balance it is.
    pub on_behalf_of: Address,
    /// By how much the balance has grown, with its interest, in units of the underlying token.
    pub value: U256,
    /// The interest of the balance since its last event, in units of the underlying token. GHO's debt token up to
    /// revision 3 takes the discount off first.
    pub balance_increase: U256,
    /// The cumulated interest at that moment, in ray (10²⁷): of supplies for an aToken, of debts for a variable debt
    /// token. A balance is the scaled balance times this.
    pub index: U256,
}

impl Event for Mint {
    const SIGNATURE: &'static str = "Mint(address,address,uint256,uint256,uint256)";
    const TOPIC: B256 = b256!("0x458f5fa412d0f69b08dd84872b0215675cc67bc1d5b6fd93300a1c3878b86196");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[caller, on_behalf_of], [value, balance_increase, index]| {
                Ok(Self {
                    caller: caller.address("caller")?,
                    on_behalf_of: on_behalf_of.address("onBehalfOf")?,
                    value: value.number(),
                    balance_increase: balance_increase.number(),
                    index: index.number(),
                })
            },
        )
    }
}

/// A balance has shrunk by more than its interest.
///
/// The amount of the operation is `value + balance_increase`, with the same exception as for [`Mint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Burn {
    /// Whose balance it is.
    pub from: Address,
    /// Who gets the underlying token; the zero address in a debt token.
    pub target: Address,
    /// By how much the balance has shrunk, after its interest was added, in units of the underlying token.
    pub value: U256,
    /// The interest of the balance since its last event, as in [`Mint`].
    pub balance_increase: U256,
    /// The cumulated interest at that moment, in ray (10²⁷): of supplies for an aToken, of debts for a variable debt
    /// token. A balance is the scaled balance times this.
    pub index: U256,
}

impl Event for Burn {
    const SIGNATURE: &'static str = "Burn(address,address,uint256,uint256,uint256)";
    const TOPIC: B256 = b256!("0x4cf25bc1d991c17529c25213d3cc0cda295eeaad5f13f361969b12ea48015f90");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[from, target], [value, balance_increase, index]| {
            Ok(Self {
                from: from.address("from")?,
                target: target.address("target")?,
                value: value.number(),
                balance_increase: balance_increase.number(),
                index: index.number(),
            })
        })
    }
}

/// An aToken was transferred, or a liquidator or the treasury has received a part of the collateral as aTokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BalanceTransfer {
    /// Whose balance has shrunk.
    pub from: Address,
    /// Whose balance has grown; it can be the same account.
    pub to: Address,
    /// The scaled amount, which is the amount divided by the index. Only the aTokens of Aave 3.0.0 emit the amount
    /// itself, in units of the underlying token. They have revision 1, as those of 3.0.1 and 3.0.2.
    pub value: U256,
    /// The cumulated supply interest at that moment, in ray (10²⁷).
    pub index: U256,
}

impl Event for BalanceTransfer {
    const SIGNATURE: &'static str = "BalanceTransfer(address,address,uint256,uint256)";
    const TOPIC: B256 = b256!("0x4beccb90f994c31aced7a23b5611020728a23d8ec5cddd1a3e9d97b96fda8666");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[from, to], [value, index]| {
            Ok(Self {
                from: from.address("from")?,
                to: to.address("to")?,
                value: value.number(),
                index: index.number(),
            })
        })
    }
}

/// The proxy of a token has another implementation, perhaps of another revision, from this event on. The first
/// implementation of a proxy has no such event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upgraded {
    /// The contract with the new code.
    pub implementation: Address,
}

impl Event for Upgraded {
    const SIGNATURE: &'static str = "Upgraded(address)";
    const TOPIC: B256 = b256!("0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[implementation], []| {
            Ok(Self {
                implementation: implementation.address("implementation")?,
            })
        })
    }
}

/// A user of GHO's debt token up to revision 3 has another discount.
///
/// The event comes before the [`Mint`] or [`Burn`] of the same operation, which still counts the interest with the old
/// discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscountPercentUpdated {
    /// The user.
    pub user: Address,
    /// The discount on interest before, in basis points.
    pub old_discount_percent: BasisPoints,
    /// The discount on interest from now on, in basis points.
    pub new_discount_percent: BasisPoints,
}

impl Event for DiscountPercentUpdated {
    const SIGNATURE: &'static str = "DiscountPercentUpdated(address,uint256,uint256)";
    const TOPIC: B256 = b256!("0x74ab9665e7c36c29ddb78ef88a3e2eac73d35b8b16de7bc573e313e320104956");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[user, new_discount_percent], [old_discount_percent]| {
                Ok(Self {
                    user: user.address("user")?,
                    old_discount_percent: old_discount_percent
                        .basis_points("oldDiscountPercent")?,
                    new_discount_percent: new_discount_percent
                        .basis_points("newDiscountPercent")?,
                })
            },
        )
    }
}

/// Holders of another token than before get discounts from GHO's debt token (up to revision 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscountTokenUpdated {
    /// The token before; the zero address at first.
    pub old_discount_token: Address,
    /// The token from now on.
    pub new_discount_token: Address,
}

impl Event for DiscountTokenUpdated {
    const SIGNATURE: &'static str = "DiscountTokenUpdated(address,address)";
    const TOPIC: B256 = b256!("0x6b489e1dbfbe36f55c511c098bcc9d92fec7f04f74ceb75018697ab68f7d3529");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[old_discount_token, new_discount_token], []| {
            Ok(Self {
                old_discount_token: old_discount_token.address("oldDiscountToken")?,
                new_discount_token: new_discount_token.address("newDiscountToken")?,
            })
        })
    }
}

/// Another contract than before computes the discounts of GHO's debt token (up to revision 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscountRateStrategyUpdated {
    /// The contract before; the zero address at first.
    pub old_discount_rate_strategy: Address,
    /// The contract from now on.
    pub new_discount_rate_strategy: Address,
}

impl Event for DiscountRateStrategyUpdated {
    const SIGNATURE: &'static str = "DiscountRateStrategyUpdated(address,address)";
    const TOPIC: B256 = b256!("0x194bd59f47b230edccccc2be58b92dde3a5dadd835751a621af59006928bccef");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[old_discount_rate_strategy, new_discount_rate_strategy], []| {
                Ok(Self {
                    old_discount_rate_strategy: old_discount_rate_strategy
                        .address("oldDiscountRateStrategy")?,
                    new_discount_rate_strategy: new_discount_rate_strategy
                        .address("newDiscountRateStrategy")?,
                })
            },
        )
    }
}
