//! The arithmetic of Aave V3: what a token's events say of its holders, and what their positions are worth.
//!
//! Everything here is a function of numbers. It knows no database and no node.
//!
//! A *scaled* balance is an amount divided by the index at which it was deposited or borrowed. It changes only when its
//! owner does something; the interest is in the index. A token's own `Mint`, `Burn` and `BalanceTransfer` give every
//! scaled balance exactly, if they are taken in the order of the chain ([`TokenRules`]): no other event is needed, and
//! no call.
//!
//! What an account is worth, [`PoolRules`] computes as `getUserAccountData` does, to the last digit.
//!
//! Amounts are in the smallest unit of the token, indexes and rates in ray (10²⁷).

pub(crate) mod account_data;
pub(crate) mod discount;
pub(crate) mod pool_rules;
pub(crate) mod prices;
pub(crate) mod ray_math;
pub(crate) mod scaled_balance;
pub(crate) mod token_rules;
#[cfg(test)]
mod token_tests;

pub use crate::types::kind::TransferAmount;
pub use account_data::{AccountData, CollateralValue, DebtValue, EModeLimits};
pub use discount::{Discount, DiscountedBalance};
pub use pool_rules::{PoolRules, UnknownPoolRevision};
pub use prices::{AavePrices, InvalidPrice, PriceChange, WholePrice};
pub use ray_math::{RAY, Rounding, percent_mul, ray_div, ray_mul};
pub use scaled_balance::{BalanceError, ScaledBalance};
pub use token_rules::{BalanceChange, TokenKind, TokenRules, UnknownRevision};
