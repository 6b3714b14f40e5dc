//! Names of exchanges, and the known deployments: the contracts of a protocol on a chain.
//!
//! Names and contracts are those of the Python package. Its updates find the events of an exchange by the
//! stored chain and name, so a name is more than a label.

pub(crate) mod invalid_deployment;
mod table;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use invalid_deployment::InvalidDeployment;

use crate::types::address::Address;
use crate::types::integer::ChainId;
use crate::types::invalid_value::InvalidValue;
use crate::types::kind::{PoolKind, PoolManagerKind};

/// The name of an exchange: the chain and the name in the table `exchanges`.
///
/// It is written `base_uniswap_v3`, or `42161_camelot_v2` if this crate has no name for the chain.
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
        let title = match Deployment::of(self) {
            Some(known) => known.title.clone().into_owned(),
            // A row may hold any text.
            None => self.name.escape_debug().to_string(),
        };
        match table::chain(self.chain) {
            Some(chain) => format!("{title} on {} (chain ID {})", chain.title, self.chain),
            None => format!("{title} (chain ID {})", self.chain),
        }
    }
}

impl fmt::Display for ExchangeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match table::chain(self.chain) {
            Some(chain) => f.pad(&format!("{}_{}", chain.name, self.name)),
            None => f.pad(&format!("{}_{}", self.chain, self.name)),
        }
    }
}

impl FromStr for ExchangeName {
    type Err = NotAnExchangeName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('_')
            .filter(|(_, name)| !name.is_empty())
            .and_then(|(chain, name)| {
                Some(Self {
                    chain: chain_called(chain)?,
                    name: name.to_owned(),
                })
            })
            .ok_or_else(|| NotAnExchangeName(text.to_owned()))
    }
}

/// Finds a chain by its name, such as `base`, or by its ID.
#[must_use]
pub fn chain_called(text: &str) -> Option<ChainId> {
    let named = table::CHAINS.iter().find(|chain| chain.name == text);
    match named {
        Some(chain) => Some(chain.id),
        None => ChainId::new(text.parse().ok()?).ok(),
    }
}

/// Error for a text that is not a chain followed by `_` and a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the name of an exchange, such as base_uniswap_v3")]
pub struct NotAnExchangeName(String);

/// A protocol's contracts on a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deployment {
    /// The chain.
    pub chain: ChainId,
    /// The name on that chain.
    pub name: Cow<'static, str>,
    /// The name for people, such as `Uniswap V3`.
    pub title: Cow<'static, str>,
    /// The kind of its pools.
    pub kind: ExchangeKind,
    /// The factory contract; for an exchange with a pool manager, the pool manager.
    pub factory: Address,
    /// The contract that deploys the pools, if that is not the factory.
    pub deployer: Option<Address>,
    /// The contract that reads the state of the pools, for an exchange with a pool manager.
    pub state_view: Option<Address>,
}

impl Deployment {
    /// The deployments that the Python package knows, by chain and name.
    #[must_use]
    pub fn known() -> &'static [Self] {
        &table::DEPLOYMENTS
    }

    /// The known deployment with this name.
    #[must_use]
    pub fn of(exchange: &ExchangeName) -> Option<&'static Self> {
        Self::known()
            .iter()
            .find(|known| known.chain == exchange.chain && known.name == exchange.name)
    }

    /// Creates a deployment that is not among the known ones.
    ///
    /// # Errors
    ///
    /// [`InvalidDeployment`] if the Python package could not use it, or already knows it.
    pub fn new(
        exchange: ExchangeName,
        kind: ExchangeKind,
        factory: Address,
        deployer: Option<Address>,
        state_view: Option<Address>,
    ) -> Result<Self, InvalidDeployment> {
        let ExchangeName { chain, name } = exchange;
        let known = Self::known()
            .iter()
            .find(|known| known.chain == chain && (known.name == name || known.factory == factory));
        if let Some(known) = known {
            return Err(InvalidDeployment::Known {
                exchange: known.exchange(),
                factory: known.factory,
            });
        }
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !name.bytes().all(is_plain)
            || !name.starts_with(|first: char| first.is_ascii_lowercase())
        {
            return Err(InvalidDeployment::Name { name });
        }
        if !name.ends_with(kind.suffix()) {
            return Err(InvalidDeployment::Suffix { name, kind });
        }
        let unused = match kind {
            ExchangeKind::Pools(_) => state_view.map(|_| "state view"),
            ExchangeKind::Manager(_) => deployer.map(|_| "deployer"),
        };
        if let Some(contract) = unused {
            return Err(InvalidDeployment::Unused { kind, contract });
        }
        Ok(Self {
            chain,
            title: name.clone().into(),
            name: name.into(),
            kind,
            factory,
            deployer,
            state_view,
        })
    }

    /// The name of the exchange.
    #[must_use]
    pub fn exchange(&self) -> ExchangeName {
        ExchangeName {
            chain: self.chain,
            name: self.name.clone().into_owned(),
        }
    }
}

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
    fn suffix(self) -> &'static str {
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in [
            "base_uniswap_v3",
            "ethereum_x",
            "42161_camelot_v2",
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

    #[test]
    fn each_deployment_is_known_once() {
        let names: BTreeSet<_> = Deployment::known()
            .iter()
            .map(Deployment::exchange)
            .collect();
        assert_eq!(names.len(), Deployment::known().len());
        let factories: BTreeSet<_> = Deployment::known()
            .iter()
            .map(|known| (known.chain, known.factory))
            .collect();
        assert_eq!(factories.len(), names.len());
        for known in Deployment::known() {
            assert!(table::chain(known.chain).is_some(), "{known:?}");
            assert_eq!(known.name, known.kind.as_str());
            let name = known.exchange().to_string();
            assert_eq!(Deployment::of(&name.parse().unwrap()), Some(known));
        }
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in ExchangeKind::all() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert!(kind.suffix().starts_with('_'));
        }
        assert!("uniswap_v5".parse::<ExchangeKind>().is_err());
    }

    #[test]
    fn what_cannot_be_added_is_told() {
        let factory = Address::new([7; 20]);
        let new = |name: &str, kind: &str, factory, deployer, state_view| {
            let exchange = name.parse().unwrap();
            Deployment::new(
                exchange,
                kind.parse().unwrap(),
                factory,
                deployer,
                state_view,
            )
            .map(|added| added.exchange().description())
            .map_err(|error| error.to_string())
        };
        let base_v3 = Deployment::of(&"base_uniswap_v3".parse().unwrap())
            .unwrap()
            .factory;
        let known = "base_uniswap_v3 is already known, with the factory 0x33128a8fC17869897dcE68Ed026d694621f6FDfD";
        let cases = [
            (
                new(
                    "42161_camelot_v2",
                    "camelot_v2",
                    factory,
                    Some(factory),
                    None,
                ),
                Ok("camelot_v2 (chain ID 42161)"),
            ),
            (
                new("base_other_v4", "uniswap_v4", factory, None, Some(factory)),
                Ok("other_v4 on Base (chain ID 8453)"),
            ),
            (
                new("base_uniswap_v3", "uniswap_v3", factory, None, None),
                Err(known),
            ),
            (
                new("base_other_v3", "uniswap_v3", base_v3, None, None),
                Err(known),
            ),
            (
                new("base_Other_v3", "uniswap_v3", factory, None, None),
                Err(
                    "'Other_v3' is not a valid name: use lower-case letters, digits and _, and begin with a letter",
                ),
            ),
            (
                new("base_other_v2", "uniswap_v3", factory, None, None),
                Err(
                    "'other_v2' is not a valid name for uniswap_v3: it must end in _v3, by which the Python package knows the kind",
                ),
            ),
            (
                new("base_other_v3", "uniswap_v3", factory, None, Some(factory)),
                Err("An exchange of the kind uniswap_v3 has no state view"),
            ),
            (
                new("base_other_v4", "uniswap_v4", factory, Some(factory), None),
                Err("An exchange of the kind uniswap_v4 has no deployer"),
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
    }
}
