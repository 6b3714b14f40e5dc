//! Scaled balances, and how an event can contradict one.

use std::fmt::{self, Display};

use crate::types::decimal::U256;

/// The balance of a holder, as the token keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct ScaledBalance {
    /// `scaledBalanceOf`.
    pub scaled: U256,
    /// `getPreviousIndex`: the index at the last change, in ray; 0 before the first one.
    pub last_index: U256,
}

/// An event contradicts the balance that it changes.
///
/// Then events before it are missing, or the token does not compute as its revision says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BalanceError {
    /// The event says another interest than the balance has.
    Increase {
        /// The interest of the balance.
        expected: U256,
        /// The `balanceIncrease` of the event.
        found: U256,
    },
    /// No scaled balance has the balance that the event leads to.
    Unreachable {
        /// That balance.
        balance: U256,
    },
    /// More is taken away than there is.
    Negative {
        /// The scaled balance.
        scaled: U256,
        /// What is taken away.
        amount: U256,
    },
    /// The index is lower than the balance's last one. Indexes never fall.
    IndexFell {
        /// The balance's last index.
        last: U256,
        /// The index of the event.
        index: U256,
    },
    /// A number exceeds 256 bits, or an index is zero.
    Overflow,
}

impl Display for BalanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Increase { expected, found } => write!(
                f,
                "the event says an interest of {found}, but the balance has {expected}"
            ),
            Self::Unreachable { balance } => {
                write!(f, "no scaled balance has a balance of {balance}")
            }
            Self::Negative { scaled, amount } => {
                write!(f, "the event takes {amount} from {scaled}")
            }
            Self::IndexFell { last, index } => {
                write!(f, "the index {index} is lower than the last one, {last}")
            }
            Self::Overflow => f.write_str("the numbers exceed 256 bits"),
        }
    }
}

impl std::error::Error for BalanceError {}
