//! What the contracts of a market of Aave say, for its activation.

use crate::database::aave_markets::MarketFacts;
use crate::models::rows::erc20_token::NewErc20Token;
use crate::node::calls::Call;
use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::BlockTag;
use crate::sync::token_values;
use crate::types::address::Address;
use crate::types::integer::ChainId;

// The first four bytes of the Keccak-256 hashes of the functions.
const GET_MARKET_ID: [u8; 4] = [0x56, 0x8e, 0xf4, 0x70];
const GET_POOL: [u8; 4] = [0x02, 0x6b, 0x1d, 0x5f];
const NAME: [u8; 4] = [0x06, 0xfd, 0xde, 0x03];
const SYMBOL: [u8; 4] = [0x95, 0xd8, 0x9b, 0x41];
const DECIMALS: [u8; 4] = [0x31, 0x3c, 0xe5, 0x67];

/// Asks the contracts of a market for what its activation stores, at the newest block: its addresses provider, and its GHO
/// token if that is one of its own kind.
///
/// `None` if the addresses provider is none of Aave V3: it has no code, does not say the market's name, or has no pool.
///
/// # Errors
///
/// Any [`NodeError`]: [`OtherChain`](NodeError::OtherChain) if the node is of another chain.
pub fn ask_market(
    node: &Node,
    chain: ChainId,
    provider: Address,
    gho: Option<Address>,
) -> Result<Option<MarketFacts>, NodeError> {
    let call = |to, selector: [u8; 4]| Call {
        to,
        data: selector.to_vec(),
    };
    let mut calls = vec![call(provider, GET_MARKET_ID), call(provider, GET_POOL)];
    if let Some(gho) = gho {
        calls.extend([NAME, SYMBOL, DECIMALS].map(|selector| call(gho, selector)));
    }
    let answers = node.calls(&calls, BlockTag::Latest)?;
    let mut answers = answers.into_iter().map(Result::ok);
    let mut next = || answers.next().flatten();
    let (market_id, pool) = (next(), next());
    let market_id = market_id.and_then(|answer| token_values::text(&answer));
    // That of Aave V2 says a name as well, and has no function for its pool of this name.
    let has_pool = pool.is_some_and(|answer| is_address(&answer));
    let Some(market_id) = market_id.filter(|id| has_pool && !id.is_empty()) else {
        return Ok(None);
    };
    let facts = MarketFacts::new(market_id);
    Ok(Some(match gho {
        None => facts,
        Some(address) => facts.gho(NewErc20Token {
            chain,
            address,
            name: next().and_then(|answer| token_values::text(&answer)),
            symbol: next().and_then(|answer| token_values::text(&answer)),
            decimals: next().and_then(|answer| token_values::decimals(&answer)),
        }),
    }))
}

/// Whether an answer is an address of a contract.
fn is_address(answer: &[u8]) -> bool {
    answer.len() == 32 && answer[..12] == [0; 12] && answer[12..] != [0; 20]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_of_the_functions() {
        for (selector, function) in [
            (GET_MARKET_ID, "getMarketId()"),
            (GET_POOL, "getPool()"),
            (NAME, "name()"),
            (SYMBOL, "symbol()"),
            (DECIMALS, "decimals()"),
        ] {
            assert_eq!(
                alloy_primitives::keccak256(function)[..4],
                selector,
                "{function}"
            );
        }
    }

    #[test]
    fn pool_is_an_address_that_is_not_zero() {
        let mut word = [0; 32];
        assert!(!is_address(&word));
        word[31] = 1;
        assert!(is_address(&word));
        assert!(!is_address(&word[1..]));
        word[0] = 1;
        assert!(!is_address(&word));
    }
}
