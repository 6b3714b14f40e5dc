//! A protocol's contracts on a chain.

use std::borrow::Cow;
use std::sync::LazyLock;

use alloy_primitives::B256;

use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::deployments::invalid_deployment::InvalidDeployment;
use crate::deployments::known_deployments::{KNOWN_DEPLOYMENTS, KnownDeployment};
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

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
    /// The first block that can have events of the exchange: the one in which the factory was deployed. `None` if it is
    /// not known; events are then looked for from the chain's first block on.
    pub first_block: Option<BlockNumber>,
    /// The Keccak-256 hash of the code that deploys a pool. With it, [`Self::pool_address`] says which address a pool
    /// must have. `None` if it is not known, or if the pools have no contracts of their own.
    pub init_code_hash: Option<B256>,
}

static KNOWN: LazyLock<Vec<Deployment>> =
    LazyLock::new(|| KNOWN_DEPLOYMENTS.iter().map(Deployment::from).collect());

impl From<&KnownDeployment> for Deployment {
    fn from(known: &KnownDeployment) -> Self {
        Self {
            chain: known.chain,
            name: known.kind.as_str().into(),
            title: known.title.into(),
            kind: known.kind,
            factory: known.factory,
            deployer: known.deployer,
            state_view: known.state_view,
            first_block: known
                .first_block
                .and_then(|block| BlockNumber::new(block).ok()),
            init_code_hash: known.init_code_hash,
        }
    }
}

impl Deployment {
    /// The deployments that the Python package knows, by chain and name.
    #[must_use]
    pub fn known() -> &'static [Self] {
        &KNOWN
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
        let contracts = [
            ("factory", Some(factory)),
            ("deployer", deployer),
            ("state view", state_view),
        ];
        let zero = Address::new([0; 20]);
        if let Some((contract, _)) = contracts.iter().find(|(_, given)| *given == Some(zero)) {
            return Err(InvalidDeployment::ZeroAddress { contract });
        }
        Ok(Self {
            chain,
            title: name.clone().into(),
            name: name.into(),
            kind,
            factory,
            deployer,
            state_view,
            first_block: None,
            init_code_hash: None,
        })
    }

    /// The same deployment with another first block.
    #[must_use]
    pub fn with_first_block(self, first_block: BlockNumber) -> Self {
        Self {
            first_block: Some(first_block),
            ..self
        }
    }

    /// The same deployment with another hash of the code that deploys a pool.
    ///
    /// # Errors
    ///
    /// [`InvalidDeployment::Unused`] if the pools have no contracts of their own.
    pub fn with_init_code_hash(self, init_code_hash: B256) -> Result<Self, InvalidDeployment> {
        match self.kind {
            ExchangeKind::Pools(_) => Ok(Self {
                init_code_hash: Some(init_code_hash),
                ..self
            }),
            kind @ ExchangeKind::Manager(_) => Err(InvalidDeployment::Unused {
                kind,
                contract: "init code hash",
            }),
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::deployments::chains::chain;

    #[test]
    fn known_deployments_are_unique() {
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
            assert!(chain(known.chain).is_some(), "{known:?}");
            assert_eq!(known.name, known.kind.as_str());
            let name = known.exchange().to_string();
            assert_eq!(Deployment::of(&name.parse().unwrap()), Some(known));
        }
    }

    #[test]
    fn init_code_hash_is_for_pools_with_contracts() {
        let hash = B256::repeat_byte(1);
        let new = |name: &str, kind: &str| {
            Deployment::new(
                name.parse().unwrap(),
                kind.parse().unwrap(),
                Address::new([7; 20]),
                None,
                None,
            )
            .unwrap()
        };
        let block = BlockNumber::new(5).unwrap();
        let v3 = new("base_other_v3", "uniswap_v3").with_first_block(block);
        let v3 = v3.with_init_code_hash(hash).unwrap();
        assert_eq!(
            (v3.first_block, v3.init_code_hash),
            (Some(block), Some(hash))
        );
        let v4 = new("base_other_v4", "uniswap_v4").with_init_code_hash(hash);
        assert_eq!(
            v4.unwrap_err().to_string(),
            "An exchange of the kind uniswap_v4 has no init code hash"
        );
    }

    #[test]
    fn invalid_deployments_are_rejected_with_a_reason() {
        let [factory, zero] = [7, 0].map(|byte| Address::new([byte; 20]));
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
                    "4242424242_camelot_v2",
                    "camelot_v2",
                    factory,
                    Some(factory),
                    None,
                ),
                Ok("camelot_v2 (chain ID 4242424242)"),
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
            (
                new("base_other_v3", "uniswap_v3", zero, None, None),
                Err("The zero address is no factory: no contract can have it"),
            ),
            (
                new("base_other_v3", "uniswap_v3", factory, Some(zero), None),
                Err("The zero address is no deployer: no contract can have it"),
            ),
            (
                new("base_other_v4", "uniswap_v4", factory, None, Some(zero)),
                Err("The zero address is no state view: no contract can have it"),
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
    }
}
