//! The name of an exchange.

use std::fmt;
use std::str::FromStr;

use crate::deployments::chains::{on_chain, split_chain, with_chain};
use crate::deployments::known_deployments::known_title;
use crate::escape::escaped_name;
use crate::types::integer::ChainId;

/// The name of an exchange: the chain and the name in the table `exchanges`.
///
/// It is written `base_uniswap_v3`, or `130_camelot_v2` if this crate has no name for the chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeName {
    /// The chain.
    pub chain: ChainId,
    /// The name on that chain.
    pub name: String,
}

impl ExchangeName {
    /// The name for people, such as `Uniswap V3 on Base (chain ID 8453)`.
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

impl fmt::Display for ExchangeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&with_chain(self.chain, &self.name))
    }
}

impl FromStr for ExchangeName {
    type Err = NotAnExchangeName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chain, name) = split_chain(text).ok_or_else(|| NotAnExchangeName(text.to_owned()))?;
        let name = name.to_owned();
        Ok(Self { chain, name })
    }
}

/// Error for a text that is not a chain followed by `_` and a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the name of an exchange, such as base_uniswap_v3")]
pub struct NotAnExchangeName(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_names_round_trip_through_text() {
        for text in [
            "base_uniswap_v3",
            "ethereum_x",
            "4242424242_camelot_v2",
            "11297108109_a_b_c",
        ] {
            assert_eq!(text.parse::<ExchangeName>().unwrap().to_string(), text);
        }
        let by_id: ExchangeName = "8453_uniswap_v3".parse().unwrap();
        assert_eq!(by_id.to_string(), "base_uniswap_v3");
        for text in [
            "",
            "base",
            "base_",
            "_uniswap_v3",
            "mars_uniswap_v3",
            "0_uniswap_v3",
            "-1_a",
        ] {
            assert!(text.parse::<ExchangeName>().is_err(), "{text}");
        }
    }
}
