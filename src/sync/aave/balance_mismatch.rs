//! An event that contradicts the balance which it changes.

use std::fmt::{self, Display};

use alloy_primitives::B256;

use crate::aave::scaled_balance::BalanceError;
use crate::deployments::market_name::MarketName;
use crate::types::address::Address;
use crate::types::sync_cursor::LogPosition;

/// An event of a token that contradicts the balance which it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BalanceMismatch {
    /// The market.
    pub market: MarketName,
    /// The token.
    pub token: Address,
    /// The user.
    pub user: Address,
    /// The place of the event.
    pub place: LogPosition,
    /// The hash of its transaction.
    pub transaction: B256,
    /// What is wrong.
    pub error: BalanceError,
}

impl Display for BalanceMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            market,
            token,
            user,
            place,
            transaction,
            error,
        } = self;
        write!(
            f,
            "{market}: the balance of {user} in token {token} does not fit the event at {place} \
             (transaction {transaction}): {error}"
        )
    }
}

impl std::error::Error for BalanceMismatch {}
