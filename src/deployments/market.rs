//! A market of Aave V3 on a chain.

use std::borrow::Cow;
use std::sync::LazyLock;

use alloy_primitives::address;

use crate::deployments::invalid_market::InvalidMarket;
use crate::deployments::known_markets::{KNOWN_MARKETS, KnownMarket};
use crate::deployments::market_name::MarketName;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

/// A market of Aave V3 on a chain.
///
/// Whether an update can follow a market depends on the revisions of its contracts, which its events say. Until Aave 3.2,
/// markets could also have debt at a stable rate, which no table of the database has: the health factors of their users
/// before that are too high.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Market {
    /// The chain.
    pub chain: ChainId,
    /// The name that commands give it, without the chain.
    pub name: Cow<'static, str>,
    /// The name for people, such as `Aave V3 Lido`.
    pub title: Cow<'static, str>,
    /// The name that its contract says, which the table `aave_v3_markets` has. `None` if it is not known.
    pub market_id: Option<&'static str>,
    /// The contract that knows the others, `PoolAddressesProvider`. It stays the same when they are replaced.
    pub provider: Address,
    /// The pool; `None` for a market that is not known.
    pub pool: Option<Address>,
    /// The configurator of the pool; `None` for a market that is not known.
    pub configurator: Option<Address>,
    /// The price oracle, which the market can replace; `None` for a market that is not known.
    pub oracle: Option<Address>,
    /// The first block that can have events of the market. `None` if it is not known; events are then looked for from the
    /// chain's first block on.
    pub first_block: Option<BlockNumber>,
    /// The GHO token, if the market's debt in GHO has a contract of its own kind, which gave discounts.
    pub gho: Option<Address>,
}

static KNOWN: LazyLock<Vec<Market>> =
    LazyLock::new(|| KNOWN_MARKETS.iter().map(Market::from).collect());

impl From<&KnownMarket> for Market {
    fn from(known: &KnownMarket) -> Self {
        let is_main = (known.chain, known.name) == MAIN;
        Self {
            chain: known.chain,
            name: known.name.into(),
            title: known.title.into(),
            provider: known.provider,
            pool: Some(known.pool),
            configurator: Some(known.configurator),
            oracle: Some(known.oracle),
            first_block: known
                .first_block
                .and_then(|block| BlockNumber::new(block).ok()),
            gho: is_main.then_some(GHO),
            market_id: is_main.then_some("Aave Ethereum Market"),
        }
    }
}

/// The market that the Python package has. It is the only one whose debt token of GHO gave discounts; elsewhere, GHO is a
/// token like any other.
const MAIN: (ChainId, &str) = (ChainId::ETHEREUM, "aave_v3");
const GHO: Address = Address::new(address!("0x40D16FC0246aD3160Ccc09B8D0D3A2cD28aE6C2f").0.0);

impl Market {
    /// The known markets, by the name that commands give them.
    #[must_use]
    pub fn known() -> &'static [Self] {
        &KNOWN
    }

    /// The known market with this name.
    #[must_use]
    pub fn of(market: &MarketName) -> Option<&'static Self> {
        Self::known()
            .iter()
            .find(|known| known.chain == market.chain && known.name == market.name)
    }

    /// The known market with this addresses provider on a chain.
    #[must_use]
    pub fn with_provider(chain: ChainId, provider: Address) -> Option<&'static Self> {
        Self::known()
            .iter()
            .find(|known| known.chain == chain && known.provider == provider)
    }

    /// Creates a market that is not among the known ones.
    ///
    /// # Errors
    ///
    /// [`InvalidMarket`] if it is known already, or if commands could not name it.
    pub fn new(market: MarketName, provider: Address) -> Result<Self, InvalidMarket> {
        let known = Self::of(&market).or_else(|| Self::with_provider(market.chain, provider));
        if let Some(known) = known {
            return Err(InvalidMarket::Known {
                market: known.market_name(),
                provider: known.provider,
            });
        }
        let MarketName { chain, name } = market;
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !name.bytes().all(is_plain)
            || !name.starts_with(|first: char| first.is_ascii_lowercase())
        {
            return Err(InvalidMarket::Name { name });
        }
        if provider == Address::new([0; 20]) {
            return Err(InvalidMarket::ZeroAddress);
        }
        Ok(Self {
            chain,
            title: name.clone().into(),
            name: name.into(),
            provider,
            pool: None,
            configurator: None,
            oracle: None,
            first_block: None,
            gho: None,
            market_id: None,
        })
    }

    /// The same market with another first block.
    #[must_use]
    pub fn with_first_block(self, first_block: BlockNumber) -> Self {
        Self {
            first_block: Some(first_block),
            ..self
        }
    }

    /// The name that commands give it.
    #[must_use]
    pub fn market_name(&self) -> MarketName {
        MarketName {
            chain: self.chain,
            name: self.name.clone().into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::deployments::chains::chain;

    #[test]
    fn known_markets_are_unique_and_ordered() {
        let names: Vec<_> = Market::known()
            .iter()
            .map(|known| known.market_name().to_string())
            .collect();
        assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
        assert_eq!(names.len(), 24);
        for contract in [
            |known: &Market| Some(known.provider),
            |known: &Market| known.pool,
            |known: &Market| known.configurator,
            |known: &Market| known.oracle,
        ] {
            let addresses: BTreeSet<_> = Market::known()
                .iter()
                .map(|known| (known.chain, contract(known)))
                .collect();
            assert_eq!(addresses.len(), names.len());
        }
        for (known, name) in Market::known().iter().zip(&names) {
            assert!(chain(known.chain).is_some(), "{known:?}");
            assert_eq!(Market::of(&name.parse().unwrap()), Some(known));
            assert_eq!(
                Market::with_provider(known.chain, known.provider),
                Some(known)
            );
        }
    }

    #[test]
    fn main_market_of_ethereum_is_that_of_the_python_package() {
        let main = Market::of(&"ethereum_aave_v3".parse().unwrap()).unwrap();
        assert_eq!(
            main.provider.to_string(),
            "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
        );
        assert_eq!(main.first_block.map(BlockNumber::get), Some(16_291_071));
        let with_gho: Vec<_> = Market::known()
            .iter()
            .filter(|known| known.gho.is_some())
            .collect();
        assert_eq!(with_gho, [main]);
        assert_eq!(
            main.market_name().description(),
            "Aave V3 on Ethereum (chain ID 1)"
        );
    }

    #[test]
    fn invalid_markets_are_rejected_with_a_reason() {
        let provider = Address::new([7; 20]);
        let known = Market::of(&"base_aave_v3".parse().unwrap())
            .unwrap()
            .provider;
        let new = |name: &str, provider| {
            Market::new(name.parse().unwrap(), provider)
                .map(|added| added.market_name().description())
                .map_err(|error| error.to_string())
        };
        let is_known = "base_aave_v3 is already known, with the addresses provider 0xe20fCBdBfFC4Dd138cE8b2E6FBb6CB49777ad64D";
        for (found, expected) in [
            (
                new("base_other_v3", provider),
                Ok("other_v3 on Base (chain ID 8453)"),
            ),
            (
                new("ethereum_other_v3", known),
                Ok("other_v3 on Ethereum (chain ID 1)"),
            ),
            (new("base_aave_v3", provider), Err(is_known)),
            (new("base_other_v3", known), Err(is_known)),
            (
                new("base_Other_v3", provider),
                Err(
                    "'Other_v3' is not a valid name: use lower-case letters, digits and _, and begin with a letter",
                ),
            ),
            (
                new("base_3", provider),
                Err(
                    "'3' is not a valid name: use lower-case letters, digits and _, and begin with a letter",
                ),
            ),
            (
                new("base_other_v3", Address::new([0; 20])),
                Err("The zero address is no addresses provider: no contract can have it"),
            ),
        ] {
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
    }
}
