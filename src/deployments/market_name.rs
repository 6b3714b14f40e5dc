//! The name of a market of Aave V3.

use std::fmt;
use std::str::FromStr;

use crate::deployments::chains::{on_chain, split_chain, with_chain};
use crate::deployments::known_markets::known_title;
use crate::escape::escaped_name;
use crate::types::integer::ChainId;

/// The name that commands give a market: the chain and a name on it.
///
/// It is written `ethereum_aave_v3`, or `130_aave_v3` if this crate has no name for the chain. The table
/// `aave_v3_markets` has another name, the one that the market's contract says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketName {
    /// The chain.
    pub chain: ChainId,
    /// The name on that chain.
    pub name: String,
}

impl MarketName {
    /// The name for people, such as `Aave V3 on Ethereum (chain ID 1)`.
    #[must_use]
    pub fn description(&self) -> String {
        let title = match known_title(self.chain, &self.name) {
            Some(title) => title.to_owned(),
            // A row may hold any text.
            None => escaped_name(&self.name),
        };
        on_chain(self.chain, &title)
    }
}

impl fmt::Display for MarketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&with_chain(self.chain, &self.name))
    }
}

impl FromStr for MarketName {
    type Err = NotAMarketName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chain, name) = split_chain(text).ok_or_else(|| NotAMarketName(text.to_owned()))?;
        let name = name.to_owned();
        Ok(Self { chain, name })
    }
}

/// Error for a text that is not a chain followed by `_` and a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the name of a market, such as ethereum_aave_v3")]
pub struct NotAMarketName(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn market_names_round_trip_through_text() {
        for text in ["ethereum_aave_v3", "arbitrum_aave_v3", "4242424242_spark"] {
            assert_eq!(text.parse::<MarketName>().unwrap().to_string(), text);
        }
        let by_id: MarketName = "1_aave_v3_lido".parse().unwrap();
        assert_eq!(by_id.to_string(), "ethereum_aave_v3_lido");
        assert_eq!(by_id.description(), "Aave V3 Lido on Ethereum (chain ID 1)");
        let other: MarketName = "130_spark\u{1b}".parse().unwrap();
        assert_eq!(other.description(), "spark\\u{1b} (chain ID 130)");
        for text in ["", "base", "base_", "_aave_v3", "mars_aave_v3", "0_aave_v3"] {
            assert!(text.parse::<MarketName>().is_err(), "{text}");
        }
    }
}
