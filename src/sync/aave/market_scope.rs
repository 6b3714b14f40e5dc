//! Which markets take part in an update, and which of their contracts are known.

use diesel::sqlite::SqliteConnection;

use crate::deployments::exchange_name::ExchangeName;
use crate::deployments::market_name::MarketName;
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::aave::stored_market::{AaveV3StoredMarket, PROVIDER};
use crate::models::access::row_error::RowError;
use crate::models::journal::market_marks::MarkedBy;
use crate::models::rows::aave_v3_market::AaveV3Contract;
use crate::sqlite::prepared::Statements;
use crate::sync::member::Member;
use crate::sync::report::Skipped;
use crate::sync::scope::Scope;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId, Timestamp};

/// A market that takes part.
#[derive(Debug, Clone)]
pub(super) struct ScopedMarket {
    pub(super) id: i64,
    pub(super) name: MarketName,
    /// The name in `aave_v3_markets`.
    pub(super) stored_name: String,
    pub(super) chain: ChainId,
    /// The contract that knows the others.
    pub(super) provider: Address,
    /// The GHO token, if its debt token is of its own kind.
    pub(super) gho: Option<Address>,
    pub(super) mark: Option<BlockNumber>,
    /// The time of the block of the mark, if the database has it.
    pub(super) time: Option<Timestamp>,
    /// Which program has moved the mark.
    pub(super) marked_by: MarkedBy,
    /// Whether the database has what only this program stores of each reserve, of the block of the mark.
    pub(super) is_complete: bool,
    pub(super) first_block: Option<BlockNumber>,
    /// The contracts whose events are asked for.
    pub(super) contracts: Vec<Address>,
    /// Whether the database has the market's Pool, so that all of its contracts are known.
    pub(super) is_known: bool,
}

impl Scope<ScopedMarket> {
    /// Reads the active markets of a chain; with names, only those.
    pub(super) fn read_markets(
        connection: &mut SqliteConnection,
        chain: ChainId,
        names: &[MarketName],
    ) -> Result<Self, RowError> {
        let mut scope = Self {
            exchanges: Vec::new(),
            skipped: Vec::new(),
            marks: Vec::new(),
        };
        for stored in AaveV3StoredMarket::of_chain(connection, chain)? {
            scope.marks.extend(stored.market.last_update_block);
            let is_wanted =
                stored.market.active && (names.is_empty() || names.contains(&stored.name));
            if !is_wanted {
                continue;
            }
            let known = stored.known();
            let provider = stored
                .provider
                .or_else(|| known.map(|known| known.provider));
            let Some(provider) = provider else {
                scope.skipped.push(Skipped {
                    exchange: named(&stored.name),
                    reason: "its addresses provider is not in the database".into(),
                    is_for_now: false,
                });
                continue;
            };
            let mut contracts = vec![provider];
            if let Some(known) = known {
                let fixed = [known.pool, known.configurator, known.oracle];
                contracts.extend(fixed.into_iter().flatten());
            }
            let rows = AaveV3Contract::of_market(connection, stored.market.id)?;
            let is_known = rows.iter().any(|row| row.name == POOL);
            let watched = rows
                .iter()
                .filter(|row| WATCHED.contains(&row.name.as_str()));
            contracts.extend(watched.map(|row| row.address));
            let reserves = AaveV3Reserve::of_market(connection, stored.market.id)?;
            for reserve in &reserves {
                contracts.extend([reserve.a_token.address, reserve.v_token.address]);
            }
            contracts.sort_unstable();
            contracts.dedup();
            let statements = Statements::of(connection)?;
            scope.exchanges.push(ScopedMarket {
                marked_by: MarkedBy::of_market(statements, stored.market.id)?,
                is_complete: reserves.iter().all(|reserve| reserve.facts.is_some()),
                id: stored.market.id,
                chain,
                provider,
                gho: known.and_then(|known| known.gho),
                mark: stored.market.last_update_block,
                time: stored
                    .facts
                    .as_ref()
                    .and_then(|facts| facts.last_update_time),
                first_block: stored.first_block(),
                stored_name: stored.market.name,
                name: stored.name,
                contracts,
                is_known,
            });
        }
        Ok(scope)
    }
}

/// The names of the contracts in the database.
pub(super) const POOL: &str = "POOL";
pub(super) const CONFIGURATOR: &str = "POOL_CONFIGURATOR";
pub(super) const ORACLE: &str = "PRICE_ORACLE";
pub(super) const DATA_PROVIDER: &str = "POOL_DATA_PROVIDER";

/// The contracts whose events are asked for.
pub(super) const WATCHED: [&str; 4] = [PROVIDER, POOL, CONFIGURATOR, ORACLE];

/// The name as updates tell it.
pub(super) fn named(market: &MarketName) -> ExchangeName {
    ExchangeName {
        chain: market.chain,
        name: market.name.clone(),
    }
}

/// Why a market without any block cannot be compared.
pub(super) const NEVER_UPDATED: &str = "it was never updated";

impl ScopedMarket {
    /// The last block that the database has of the market, if it was ever updated.
    pub(super) fn last_block(&self) -> Option<BlockNumber> {
        self.mark.filter(|_| !self.is_new())
    }
}

impl Member for ScopedMarket {
    const STANDS_ALONE: bool = true;

    fn name(&self) -> ExchangeName {
        named(&self.name)
    }

    fn mark(&self) -> Option<BlockNumber> {
        self.mark
    }

    /// An activation puts the mark before the market's first block.
    fn is_new(&self) -> bool {
        let begins = |mark| self.first_block.is_some_and(|first| mark < first);
        self.mark.is_none_or(begins)
    }

    fn next(&self) -> BlockNumber {
        match self.mark {
            Some(mark) => mark.next(),
            None => self.first_block.unwrap_or(BlockNumber::FIRST),
        }
    }

    fn advance(&mut self, mark: BlockNumber) {
        self.mark = Some(mark);
    }
}
