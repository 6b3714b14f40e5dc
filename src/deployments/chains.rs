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
        id: ChainId::BASE,
        name: "base",
        title: "Base",
    },
    Chain {
        id: ChainId::ETHEREUM,
        name: "ethereum",
        title: "Ethereum",
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
