//! The chains that have a name.

use crate::types::integer::ChainId;

/// A chain with a name.
pub(super) struct Chain {
    id: ChainId,
    /// The prefix of its exchanges' names.
    pub(super) name: &'static str,
    /// The name for people.
    pub(super) title: &'static str,
}

// To add one: CONTRIBUTING.md, "A chain".
const CHAINS: &[Chain] = &[
    Chain {
        id: ChainId::ARBITRUM,
        name: "arbitrum",
        title: "Arbitrum",
    },
    Chain {
        id: ChainId::AVALANCHE,
        name: "avalanche",
        title: "Avalanche",
    },
    Chain {
        id: ChainId::BASE,
        name: "base",
        title: "Base",
    },
    Chain {
        id: ChainId::BNB,
        name: "bnb",
        title: "BNB Chain",
    },
    Chain {
        id: ChainId::CELO,
        name: "celo",
        title: "Celo",
    },
    Chain {
        id: ChainId::ETHEREUM,
        name: "ethereum",
        title: "Ethereum",
    },
    Chain {
        id: ChainId::GNOSIS,
        name: "gnosis",
        title: "Gnosis",
    },
    Chain {
        id: ChainId::INK,
        name: "ink",
        title: "Ink",
    },
    Chain {
        id: ChainId::LINEA,
        name: "linea",
        title: "Linea",
    },
    Chain {
        id: ChainId::MANTLE,
        name: "mantle",
        title: "Mantle",
    },
    Chain {
        id: ChainId::MEGAETH,
        name: "megaeth",
        title: "MegaETH",
    },
    Chain {
        id: ChainId::METIS,
        name: "metis",
        title: "Metis",
    },
    Chain {
        id: ChainId::MONAD,
        name: "monad",
        title: "Monad",
    },
    Chain {
        id: ChainId::OPTIMISM,
        name: "optimism",
        title: "Optimism",
    },
    Chain {
        id: ChainId::PLASMA,
        name: "plasma",
        title: "Plasma",
    },
    Chain {
        id: ChainId::POLYGON,
        name: "polygon",
        title: "Polygon",
    },
    Chain {
        id: ChainId::SCROLL,
        name: "scroll",
        title: "Scroll",
    },
    Chain {
        id: ChainId::SONEIUM,
        name: "soneium",
        title: "Soneium",
    },
    Chain {
        id: ChainId::SONIC,
        name: "sonic",
        title: "Sonic",
    },
    Chain {
        id: ChainId::XLAYER,
        name: "xlayer",
        title: "X Layer",
    },
    Chain {
        id: ChainId::ZKSYNC,
        name: "zksync",
        title: "ZKsync Era",
    },
];

pub(super) fn chain(id: ChainId) -> Option<&'static Chain> {
    CHAINS.iter().find(|chain| chain.id == id)
}

/// The name of a chain for people, such as `Ethereum`; its ID if it has no name.
#[must_use]
pub fn chain_title(id: ChainId) -> String {
    chain(id).map_or_else(|| format!("Chain {id}"), |chain| chain.title.to_owned())
}

/// Whether a chain has a name.
#[cfg(feature = "cli")]
pub(crate) fn has_title(id: ChainId) -> bool {
    chain(id).is_some()
}

/// The names of the chains that have one.
pub fn chain_names() -> impl Iterator<Item = &'static str> {
    CHAINS.iter().map(|chain| chain.name)
}

/// Finds a chain by its name, such as `base`, or by its ID.
#[must_use]
pub fn chain_called(text: &str) -> Option<ChainId> {
    let named = CHAINS.iter().find(|chain| chain.name == text);
    match named {
        Some(chain) => Some(chain.id),
        None => ChainId::new(text.parse().ok()?).ok(),
    }
}

/// A name on a chain as people type it: behind the chain's name, or its ID if it has none.
pub(super) fn with_chain(id: ChainId, name: &str) -> String {
    match chain(id) {
        Some(chain) => format!("{}_{name}", chain.name),
        None => format!("{id}_{name}"),
    }
}

/// The chain and the name of a text such as `base_uniswap_v3`.
pub(super) fn split_chain(text: &str) -> Option<(ChainId, &str)> {
    let (chain, name) = text.split_once('_')?;
    let chain = chain_called(chain)?;
    (!name.is_empty()).then_some((chain, name))
}

/// A title with its chain, such as `Uniswap V3 on Base (chain ID 8453)`.
pub(super) fn on_chain(id: ChainId, title: &str) -> String {
    match chain(id) {
        Some(chain) => format!("{title} on {} (chain ID {id})", chain.title),
        None => format!("{title} (chain ID {id})"),
    }
}
