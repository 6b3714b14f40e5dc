//! The kind of an exchange's pools.

use std::fmt;
use std::str::FromStr;

use crate::types::invalid_value::InvalidValue;
use crate::types::kind::{PoolKind, PoolManagerKind};

/// The kind of an exchange's pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// Each pool is a contract.
    Pools(PoolKind),
    /// One contract, the pool manager, holds all pools.
    Manager(PoolManagerKind),
}

impl ExchangeKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        let pools = PoolKind::ALL.iter().copied().map(Self::Pools);
        pools.chain(PoolManagerKind::ALL.iter().copied().map(Self::Manager))
    }

    /// The kind as it is stored with pools.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pools(kind) => kind.as_str(),
            Self::Manager(kind) => kind.as_str(),
        }
    }

    /// The suffix that the name of such an exchange must have, such as `_v3`. No column holds the kind; the
    /// Python package finds it by this suffix.
    pub(super) fn suffix(self) -> &'static str {
        let kind = self.as_str();
        kind.rfind('_').map_or(kind, |start| &kind[start..])
    }
}

impl fmt::Display for ExchangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ExchangeKind {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(kind) => Ok(Self::Manager(kind)),
            Err(_) => text.parse().map(Self::Pools),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_round_trip_through_text() {
        for kind in ExchangeKind::all() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert!(kind.suffix().starts_with('_'));
        }
        assert!("uniswap_v5".parse::<ExchangeKind>().is_err());
    }
}
