//! The markets of a database, with the names that commands give them.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::deployments::market::Market;
use crate::deployments::market_name::MarketName;
use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_v3_market::{AaveV3Contract, AaveV3Market};
use crate::models::rows::aave_v3_market_facts::AaveV3MarketFacts;
use crate::schema::{aave_v3_contracts, aave_v3_market_facts, aave_v3_markets};
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

/// The name of the contract that knows the other contracts of a market.
pub(crate) const PROVIDER: &str = "POOL_ADDRESS_PROVIDER";

/// A market with the name that commands give it.
///
/// That is the name of the known market with the same addresses provider, otherwise the one in `aave_v3_market_facts`,
/// otherwise the one in `aave_v3_markets`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveV3StoredMarket {
    /// The row.
    pub market: AaveV3Market,
    /// The name that commands give it.
    pub name: MarketName,
    /// The contract that knows the others, if the database has it.
    pub provider: Option<Address>,
    /// The row of `aave_v3_market_facts`, if there is one.
    pub facts: Option<AaveV3MarketFacts>,
}

impl AaveV3StoredMarket {
    /// All markets, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or a statement fails.
    pub fn all(connection: &mut SqliteConnection) -> Result<Vec<Self>, RowError> {
        let markets = load!(
            connection,
            AaveV3Market,
            aave_v3_markets::table.order(aave_v3_markets::id)
        )?;
        Self::complete(connection, markets)
    }

    /// The markets with a name. There is more than one only if rows were added by hand.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or a statement fails.
    pub fn by_name(
        connection: &mut SqliteConnection,
        name: &MarketName,
    ) -> Result<Vec<Self>, RowError> {
        let mut found = Self::of_chain(connection, name.chain)?;
        found.retain(|market| market.name == *name);
        Ok(found)
    }

    /// The markets of a chain, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or a statement fails.
    pub fn of_chain(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Vec<Self>, RowError> {
        let markets = AaveV3Market::of_chain(connection, chain)?;
        Self::complete(connection, markets)
    }

    fn complete(
        connection: &mut SqliteConnection,
        markets: Vec<AaveV3Market>,
    ) -> Result<Vec<Self>, RowError> {
        let providers = load!(
            connection,
            AaveV3Contract,
            aave_v3_contracts::table
                .filter(aave_v3_contracts::name.eq(PROVIDER))
                .order(aave_v3_contracts::id)
        )?;
        // An older version has no such table.
        let facts = if has_table(connection, "aave_v3_market_facts")? {
            load!(
                connection,
                AaveV3MarketFacts,
                aave_v3_market_facts::table.order(aave_v3_market_facts::id)
            )?
        } else {
            Vec::new()
        };
        let complete = |market: AaveV3Market| {
            let provider = providers
                .iter()
                .find(|contract| contract.market_id == market.id)
                .map(|contract| contract.address);
            let facts = facts
                .iter()
                .find(|facts| facts.market_id == market.id)
                .cloned();
            let given = facts.as_ref().and_then(|facts| facts.name.as_deref());
            Self {
                name: market_name(market.chain_id, &market.name, provider, given),
                market,
                provider,
                facts,
            }
        };
        Ok(markets.into_iter().map(complete).collect())
    }

    /// The known market that this is.
    #[must_use]
    pub fn known(&self) -> Option<&'static Market> {
        Market::of(&self.name).filter(|known| {
            self.provider
                .is_none_or(|provider| provider == known.provider)
        })
    }

    /// The first block that can have events. `None` stands for the chain's first block.
    #[must_use]
    pub fn first_block(&self) -> Option<BlockNumber> {
        let stored = self.facts.as_ref().and_then(|facts| facts.first_block);
        stored.or_else(|| self.known().and_then(|known| known.first_block))
    }
}

/// Whether the database has a table, whose name is in lower case.
pub(crate) fn has_table(connection: &mut SqliteConnection, table: &str) -> QueryResult<bool> {
    let found = Statements::of(connection)?
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND lower(name) = ?1")?
        .first_integer(&[Bound::Text(table)])?;
    Ok(found.is_some())
}

/// The name that commands give a market: `id` is its name in `aave_v3_markets`, `given` that in `aave_v3_market_facts`.
pub(crate) fn market_name(
    chain: ChainId,
    id: &str,
    provider: Option<Address>,
    given: Option<&str>,
) -> MarketName {
    let known = match provider {
        Some(provider) => Market::with_provider(chain, provider),
        None => Market::known()
            .iter()
            .find(|known| known.chain == chain && known.market_id == Some(id)),
    };
    match known {
        Some(known) => known.market_name(),
        None => MarketName {
            chain,
            name: given.unwrap_or(id).to_owned(),
        },
    }
}
