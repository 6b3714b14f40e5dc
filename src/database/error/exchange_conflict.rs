//! What keeps an exchange from being activated or added.

use std::fmt;

use crate::deployments::ExchangeName;
use crate::types::address::Address;

/// What of a database keeps an exchange from being activated or added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeConflict {
    /// The known exchange is there with another factory.
    OtherFactory {
        /// The exchange.
        exchange: ExchangeName,
        /// The factory that is there.
        found: Address,
        /// The known one.
        expected: Address,
    },
    /// An exchange that is not known is there with several factories.
    SeveralFactories {
        /// The exchange.
        exchange: ExchangeName,
        /// Two of the factories.
        factories: [Address; 2],
    },
    /// An exchange of the name is there already.
    NameTaken {
        /// The exchange.
        exchange: ExchangeName,
        /// Its factory.
        factory: Address,
    },
    /// An exchange with the factory is there already.
    FactoryTaken {
        /// The exchange.
        exchange: ExchangeName,
        /// Its factory.
        factory: Address,
    },
}

impl ExchangeConflict {
    /// The exchange that the database has.
    #[must_use]
    pub const fn exchange(&self) -> &ExchangeName {
        match self {
            Self::OtherFactory { exchange, .. }
            | Self::SeveralFactories { exchange, .. }
            | Self::NameTaken { exchange, .. }
            | Self::FactoryTaken { exchange, .. } => exchange,
        }
    }
}

impl fmt::Display for ExchangeConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever a row may hold.
        let exchange = self.exchange().to_string();
        let exchange = exchange.escape_debug();
        match self {
            Self::OtherFactory {
                found, expected, ..
            } => write!(f, "has {exchange} with the factory {found}, not {expected}"),
            Self::SeveralFactories {
                factories: [one, other],
                ..
            } => write!(f, "has {exchange} with the factories {one} and {other}"),
            Self::NameTaken { factory, .. } => {
                write!(f, "has {exchange} already, with the factory {factory}")
            }
            Self::FactoryTaken { factory, .. } => {
                write!(f, "has the factory {factory} already, as {exchange}")
            }
        }
    }
}
