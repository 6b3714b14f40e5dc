//! Assumptions: values that old rows lack and the user supplies.

use std::fmt;
use std::str::FromStr;

use crate::types::address::Address;

/// Values that the rows of an old database lack, supplied by the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assumptions {
    /// Whether the Aerodrome V2 pools have stable curves. Databases before revision 723fe25c87b8 do not record
    /// it.
    pub aerodrome_v2_stable: Option<bool>,
    /// The factories of exchanges whose pools do not record one.
    pub factories: Vec<FactoryAssumption>,
}

/// The factory of one exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactoryAssumption {
    /// The id of the chain.
    pub chain: i64,
    /// The kind of the exchange's pools, which is also its name.
    pub kind: String,
    /// The address of the factory.
    pub factory: Address,
}

/// One supplied value, parsed from `aerodrome_v2.stable=true`, `aerodrome_v2.stable=false` or
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
    /// The supplied factory of an exchange; the last one if there are several.
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

/// The error of a text that is not an assumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAssumption(String);

impl std::error::Error for UnknownAssumption {}

impl fmt::Display for UnknownAssumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is not a known assumption; the known ones are aerodrome_v2.stable=true, \
             aerodrome_v2.stable=false and factory.CHAIN.KIND=ADDRESS",
            self.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assumptions_are_parsed_and_unknown_texts_are_errors() {
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
