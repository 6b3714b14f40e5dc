//! Assumptions: values that old rows lack and the user supplies.

use std::fmt;
use std::str::FromStr;

use crate::deployments::exchange_kind::ExchangeKind;
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

impl Assumptions {
    /// What each assumption is about, as [`Assumption::subject`] says it.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let stable = self.aerodrome_v2_stable.map(Assumption::AerodromeV2Stable);
        let mut subjects: Vec<_> = stable.iter().map(Assumption::subject).collect();
        subjects.extend(self.factory_subjects());
        subjects
    }

    /// What the assumptions about factories are about.
    pub(crate) fn factory_subjects(&self) -> Vec<String> {
        let factories = self.factories.iter().cloned().map(Assumption::Factory);
        factories.map(|assumption| assumption.subject()).collect()
    }
}

impl Assumption {
    /// What the assumption is about: the text before the `=`. Two assumptions about the same contradict each other.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::AerodromeV2Stable(_) => "aerodrome_v2.stable".to_owned(),
            Self::Factory(factory) => format!("factory.{}.{}", factory.chain, factory.kind),
        }
    }
}

impl FromStr for Assumption {
    type Err = UnknownAssumption;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownAssumption::unknown(text);
        let invalid = |reason: String| UnknownAssumption {
            text: text.to_owned(),
            reason: Some(reason),
        };
        let (name, value) = text.split_once('=').ok_or_else(unknown)?;
        if name == "aerodrome_v2.stable" {
            let stable = value.parse().map_err(|_| unknown())?;
            return Ok(Self::AerodromeV2Stable(stable));
        }
        let (chain, kind) = name
            .strip_prefix("factory.")
            .and_then(|exchange| exchange.split_once('.'))
            .ok_or_else(unknown)?;
        let chain = chain.parse().ok().filter(|chain| *chain > 0);
        Ok(Self::Factory(FactoryAssumption {
            chain: chain.ok_or_else(|| invalid("CHAIN is not a chain ID".to_owned()))?,
            kind: kind
                .parse::<ExchangeKind>()
                .map_err(|_| invalid(format!("KIND is not one of {}", kinds())))?
                .to_string(),
            factory: Address::typed(value).map_err(invalid).and_then(|factory| {
                if factory == Address::new([0; 20]) {
                    Err(invalid("no contract can have the zero address".to_owned()))
                } else {
                    Ok(factory)
                }
            })?,
        }))
    }
}

/// The kinds of exchanges, for a message.
fn kinds() -> String {
    let kinds: Vec<_> = ExchangeKind::all().map(ExchangeKind::as_str).collect();
    kinds.join(", ")
}

/// The error of a text that is not an assumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAssumption {
    text: String,
    /// What is wrong; `None` if the text is nothing like an assumption.
    reason: Option<String>,
}

impl UnknownAssumption {
    fn unknown(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            reason: None,
        }
    }
}

impl std::error::Error for UnknownAssumption {}

impl fmt::Display for UnknownAssumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => f.write_str(reason),
            None => write!(
                f,
                "'{}' is not a known assumption; the known ones are aerodrome_v2.stable=true, \
                 aerodrome_v2.stable=false and factory.CHAIN.KIND=ADDRESS",
                self.text
            ),
        }
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
            "factory.0.uniswap_v3=0x33128a8fC17869897dcE68Ed026d694621f6FDfD",
            "factory.1.uniswap_v3=0x0000000000000000000000000000000000000000",
            "factory.1.nokind=0x33128a8fC17869897dcE68Ed026d694621f6FDfD",
            // Its letter case is not the checksum.
            "factory.1.uniswap_v3=0x33128a8fC17869897dcE68Ed026d694621f6FDfd",
        ] {
            assert!(text.parse::<Assumption>().is_err(), "{text}");
        }
    }
}
