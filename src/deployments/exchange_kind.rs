//! The kind of an exchange's pools.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::serialize;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

use crate::types::invalid_value::InvalidValue;
use crate::types::kind::{PoolKind, PoolManagerKind};
use crate::types::stored::{Decode, Stored, read_with_diesel};

/// The kind of an exchange's pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
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

    /// Whether one contract holds all pools.
    pub(crate) const fn is_manager(self) -> bool {
        matches!(self, Self::Manager(_))
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
        Self::decode(Stored::Text(text.as_bytes()))
    }
}

impl Decode for ExchangeKind {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        match PoolManagerKind::decode(stored) {
            Ok(kind) => Ok(Self::Manager(kind)),
            Err(_) => PoolKind::decode(stored).map(Self::Pools),
        }
    }
}

read_with_diesel!(ExchangeKind, Text);

impl ToSql<Text, Sqlite> for ExchangeKind {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.as_str());
        Ok(IsNull::No)
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
