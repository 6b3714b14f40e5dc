//! Filters of pools that contradict each other.

use crate::deployments::exchange_name::ExchangeName;
use crate::types::integer::ChainId;

/// Why `--chain` and `--exchange` cannot both be meant: an exchange is on none of the chains, or a chain has none of the
/// exchanges.
pub(super) fn contradiction(chains: &[ChainId], exchanges: &[String]) -> Option<String> {
    exchange_elsewhere(chains, exchanges).or_else(|| {
        // What is no name is reported as such.
        let names = exchanges
            .iter()
            .map(|name| name.parse::<ExchangeName>().ok());
        let names = names.collect::<Option<Vec<_>>>()?;
        let has_none = |chain: &&ChainId| names.iter().all(|name| name.chain != **chain);
        let chain = chains.iter().find(has_none)?;
        (!names.is_empty()).then(|| {
            format!("the argument '--chain {chain}' matches no exchange that '--exchange' names")
        })
    })
}

/// The same, for a chain that can be that of something else.
pub(super) fn exchange_elsewhere(chains: &[ChainId], exchanges: &[String]) -> Option<String> {
    if chains.is_empty() {
        return None;
    }
    exchanges.iter().find_map(|name| {
        let exchange = name.parse::<ExchangeName>().ok()?;
        (!chains.contains(&exchange.chain)).then(|| {
            format!(
                "the argument '--exchange {name}' is an exchange of chain {}, which '--chain' does not name",
                exchange.chain
            )
        })
    })
}
