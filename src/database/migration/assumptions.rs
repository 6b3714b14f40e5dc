//! What the user says about rows that do not say it themselves.

use std::fmt;
use std::str::FromStr;

use crate::types::address::Address;

/// Values that no row of an old database tells, as the user knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assumptions {
    /// Whether the Aerodrome V2 pools have stable curves, for a database from before revision
    /// 723fe25c87b8.
    pub aerodrome_v2_stable: Option<bool>,
    /// Factories of exchanges none of whose pools tells it.
    pub factories: Vec<FactoryAssumption>,
}

/// The factory of the exchange of one kind on one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactoryAssumption {
    /// The chain's id.
    pub chain: i64,
    /// The kind of pool, which is the exchange's name.
    pub kind: String,
    /// The factory.
    pub factory: Address,
}

/// One value that the user tells: `aerodrome_v2.stable=true` or `=false`, or
/// `factory.CHAIN.KIND=ADDRESS`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assumption {
    /// Whether the Aerodrome V2 pools have stable curves.
    AerodromeV2Stable(bool),
    /// The factory of an exchange.
    Factory(FactoryAssumption),
}

impl FromIterator<Assumption> for Assumptions {
    fn from_iter<T: IntoIterator<Item = Assumption>>(assumptions: T) -> Self {
        let mut all = Self::default();
        for assumption in assumptions {
            match assumption {
                Assumption::AerodromeV2Stable(stable) => all.aerodrome_v2_stable = Some(stable),
                Assumption::Factory(factory) => all.factories.push(factory),
            }
        }
        all
    }
}

impl Assumptions {
    /// The factory that the user has told for an exchange.
    pub(crate) fn factory(&self, chain: i64, kind: &str) -> Option<Address> {
        self.factories
            .iter()
            .rfind(|told| told.chain == chain && told.kind == kind)
            .map(|told| told.factory)
    }
}

impl FromStr for Assumption {
    type Err = UnknownAssumption;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownAssumption(text.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(unknown)?;
        if name == "aerodrome_v2.stable" {
            let stable = value.parse().map_err(|_| unknown())?;
            return Ok(Self::AerodromeV2Stable(stable));
        }
        let (chain, kind) = name
            .strip_prefix("factory.")
            .and_then(|exchange| exchange.split_once('.'))
            .ok_or_else(unknown)?;
        Ok(Self::Factory(FactoryAssumption {
            chain: chain.parse().map_err(|_| unknown())?,
            kind: kind.to_owned(),
            factory: value.parse().map_err(|_| unknown())?,
        }))
    }
}

/// A text that is no assumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAssumption(String);

impl std::error::Error for UnknownAssumption {}

impl fmt::Display for UnknownAssumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is nothing that can be assumed; there are aerodrome_v2.stable=true, \
             aerodrome_v2.stable=false and factory.CHAIN.KIND=ADDRESS",
            self.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(
            "aerodrome_v2.stable=false".parse(),
            Ok(Assumption::AerodromeV2Stable(false))
        );
        let factory = "factory.8453.uniswap_v3=0x33128a8fC17869897dcE68Ed026d694621f6FDfD";
        let all: Assumptions = [factory.parse::<Assumption>().unwrap()]
            .into_iter()
            .collect();
        assert!(all.factory(8453, "uniswap_v3").is_some());
        assert!(all.factory(1, "uniswap_v3").is_none());
        for text in [
            "",
            "aerodrome_v2.stable",
            "aerodrome_v2.stable=1",
            "factory.1=0x33128a8fC17869897dcE68Ed026d694621f6FDfD",
            "factory.1.uniswap_v3=0x33",
        ] {
            assert!(text.parse::<Assumption>().is_err(), "{text}");
        }
    }
}
