//! A market in memory: its contracts, reserves and e-mode categories, and what events make of them.

use std::collections::{BTreeMap, HashMap};

use diesel::sqlite::SqliteConnection;

use crate::aave::token_rules::{TokenKind, UnknownRevision};
use crate::models::aave::position_writer::Side;
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_gho_token::AaveGhoToken;
use crate::models::rows::aave_v3_emode_asset::AaveV3EModeAsset;
use crate::models::rows::aave_v3_emode_category::{AaveV3EModeCategory, NewAaveV3EModeCategory};
use crate::models::rows::aave_v3_market::AaveV3Contract;
use crate::models::rows::erc20_token::Erc20Token;
use crate::sync::aave::balances::Balances;
use crate::sync::aave::chain_values::{Asked, MarketValues, has_limits};
use crate::sync::aave::market_scope::{CONFIGURATOR, POOL, ScopedMarket};
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::reserve_state::{Reserve, Tokens, Unwritten};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId, EModeCategoryId, Revision, Timestamp};

/// A market in memory.
#[derive(Debug)]
pub(super) struct MarketState {
    pub(super) market_id: i64,
    pub(super) chain: ChainId,
    /// By their names in the database.
    pub(super) contracts: BTreeMap<String, Contract>,
    pub(super) reserves: Vec<Reserve>,
    pub(super) by_underlying: HashMap<Address, usize>,
    pub(super) by_token: HashMap<Address, (usize, Side)>,
    pub(super) categories: BTreeMap<EModeCategoryId, NewAaveV3EModeCategory>,
    /// The rows of the categories, as far as they are in the database.
    pub(super) category_ids: BTreeMap<EModeCategoryId, i64>,
    pub(super) unwritten_categories: Vec<EModeCategoryId>,
    /// The rows of categories that the market does not have.
    pub(super) removed_categories: Vec<i64>,
    pub(super) gho: Option<Gho>,
    /// The tokens of the reserves that the database has.
    pub(super) tokens: BTreeMap<Address, Erc20Token>,
    /// Where each oracle takes the price of each asset from, listed or not.
    pub(super) sources: HashMap<(Address, Address), Address>,
    pub(super) balances: Balances,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Contract {
    /// `None` for a contract that the market has no longer.
    pub(super) address: Option<Address>,
    pub(super) revision: Option<Revision>,
    pub(super) is_unwritten: bool,
}

/// The id of a row that is not there yet.
pub(super) const NO_ROW: i64 = 0;

/// The GHO token, where its debt token is of its own kind.
#[derive(Debug, Clone)]
pub(super) struct Gho {
    pub(super) token: Address,
    /// The row; without an id if the database lacks it.
    pub(super) row: AaveGhoToken,
    pub(super) is_unwritten: bool,
}

/// What is known of the block of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) market: &'a ScopedMarket,
    pub(super) facts: &'a NodeFacts,
    /// The times of blocks.
    pub(super) times: &'a BTreeMap<BlockNumber, u64>,
}

impl Context<'_> {
    fn time(&self, block: BlockNumber) -> Option<u64> {
        let asked = self.facts.times.get(&block);
        asked.or_else(|| self.times.get(&block)).copied()
    }

    pub(super) fn timestamp(&self, block: BlockNumber) -> Option<Timestamp> {
        Timestamp::new(self.time(block)?).ok()
    }
}

impl MarketState {
    /// Reads a market, to apply events to it.
    pub(super) fn load(
        connection: &mut SqliteConnection,
        market: &ScopedMarket,
    ) -> Result<Self, SyncError> {
        let state = Self::load_as_it_is(connection, market)?;
        state.require_known_revisions(market)?;
        Ok(state)
    }

    /// Reads a market, whatever is wrong with its revisions.
    pub(super) fn load_as_it_is(
        connection: &mut SqliteConnection,
        market: &ScopedMarket,
    ) -> Result<Self, SyncError> {
        let rows = AaveV3Contract::of_market(connection, market.id)?;
        let contracts = rows.into_iter().map(|row| {
            let contract = Contract {
                address: Some(row.address),
                revision: row.revision,
                is_unwritten: false,
            };
            (row.name, contract)
        });
        let contracts = contracts.collect();
        let gho = match market.gho {
            Some(token) => Some(Gho::load(connection, market.chain, token)?),
            None => None,
        };
        let mut state = Self {
            market_id: market.id,
            chain: market.chain,
            contracts,
            reserves: Vec::new(),
            by_underlying: HashMap::new(),
            by_token: HashMap::new(),
            categories: BTreeMap::new(),
            category_ids: BTreeMap::new(),
            unwritten_categories: Vec::new(),
            removed_categories: Vec::new(),
            gho,
            tokens: BTreeMap::new(),
            sources: HashMap::new(),
            balances: Balances::default(),
        };
        for row in AaveV3EModeCategory::of_market(connection, market.id)? {
            state.category_ids.insert(row.category_id, row.id);
            state.categories.insert(
                row.category_id,
                NewAaveV3EModeCategory {
                    market_id: row.market_id,
                    category_id: row.category_id,
                    label: row.label,
                    ltv: row.ltv,
                    liquidation_threshold: row.liquidation_threshold,
                    liquidation_bonus: row.liquidation_bonus,
                    price_source: row.price_source,
                },
            );
        }
        let memberships = AaveV3EModeAsset::of_market(connection, market.id)?;
        for reserve in AaveV3Reserve::of_market(connection, market.id)? {
            let debt_kind = state.debt_kind(reserve.underlying.address, None);
            state.tokens.extend(
                [&reserve.underlying, &reserve.a_token, &reserve.v_token]
                    .map(|token| (token.address, token.clone())),
            );
            state.index(Reserve::stored(
                connection,
                reserve,
                &memberships,
                debt_kind,
            )?);
        }
        Ok(state)
    }

    /// Fails if the database has a revision that is not known: no event can be applied.
    pub(super) fn require_known_revisions(&self, market: &ScopedMarket) -> Result<(), SyncError> {
        let unknown = self.reserves.iter().find_map(|reserve| reserve.unknown);
        match unknown {
            Some((token, source)) => Err(SyncError::StoredRevision {
                market: Box::new(market.name.clone()),
                token,
                source,
            }),
            None => Ok(()),
        }
    }

    /// Adds a reserve.
    pub(super) fn index(&mut self, reserve: Reserve) {
        let place = self.reserves.len();
        self.by_underlying.insert(reserve.underlying, place);
        self.by_token
            .insert(reserve.a_token, (place, Side::Collateral));
        self.by_token.insert(reserve.v_token, (place, Side::Debt));
        self.reserves.push(reserve);
    }

    /// The kind of the debt token of an asset. `is_of_gho` is what the node says of a token that was just listed.
    pub(super) fn debt_kind(&self, underlying: Address, is_of_gho: Option<bool>) -> TokenKind {
        let is_gho = self.gho.as_ref().is_some_and(|gho| gho.token == underlying);
        if is_gho && is_of_gho.unwrap_or(true) {
            TokenKind::GhoDebt
        } else {
            TokenKind::VariableDebt
        }
    }

    /// The address of a contract.
    pub(super) fn contract(&self, name: &str) -> Option<Address> {
        self.contracts.get(name)?.address
    }

    /// The revision of a contract.
    pub(super) fn contract_revision(&self, name: &str) -> Option<Revision> {
        self.contracts.get(name)?.revision
    }

    /// The e-mode categories, by their numbers.
    pub(super) const fn categories(&self) -> &BTreeMap<EModeCategoryId, NewAaveV3EModeCategory> {
        &self.categories
    }

    /// What the contracts are to be asked about.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            categories: self.categories.keys().copied().collect(),
            contracts: self.contracts.keys().cloned().collect(),
        }
    }

    /// The number of the e-mode category in the row of an asset, as far as it is a category of the market.
    pub(super) fn category_of_asset(&self, reserve: &Reserve) -> Option<EModeCategoryId> {
        let row = reserve.asset.e_mode_category_id?;
        let found = self.category_ids.iter().find(|(_, id)| **id == row);
        found.map(|(number, _)| *number)
    }

    pub(super) fn pool_revision(&self) -> Option<Revision> {
        self.contract_revision(POOL)
    }

    /// Whether the database has what only this program stores of each reserve.
    pub(super) fn has_facts(&self) -> bool {
        self.reserves.iter().all(|reserve| reserve.has_facts)
    }

    /// The reserve and the side of a token.
    pub(super) fn of_token(&self, token: Address) -> Option<(usize, Side)> {
        self.by_token.get(&token).copied()
    }

    /// The place of the reserve of an asset.
    pub(super) fn of_underlying(&self, asset: Address) -> Option<usize> {
        self.by_underlying.get(&asset).copied()
    }

    /// Makes the contracts, the e-mode categories and the reserves what the contracts say. `blocks` are the blocks of the
    /// last update of reserves whose own is wrong.
    pub(super) fn correct(
        &mut self,
        market: &ScopedMarket,
        values: &MarketValues,
        blocks: &BTreeMap<Address, BlockNumber>,
    ) -> Result<(), SyncError> {
        for (name, address) in &values.contracts {
            let revision = match name.as_str() {
                POOL => Some(values.pool_revision),
                CONFIGURATOR => values.configurator_revision,
                _ => None,
            };
            let is_right = self.contract(name) == Some(*address)
                && (revision.is_none() || self.contract_revision(name) == revision);
            if !is_right && *address != Address::ZERO {
                self.set_contract(name, *address, revision);
            }
        }
        for (number, values) in &values.categories {
            let Some(values) = values else { continue };
            let right = NewAaveV3EModeCategory {
                market_id: self.market_id,
                category_id: *number,
                label: values.label.clone(),
                ltv: values.ltv,
                liquidation_threshold: values.liquidation_threshold,
                liquidation_bonus: values.liquidation_bonus,
                price_source: Some(values.price_source),
            };
            if self.categories.get(number) != Some(&right) {
                self.categories.insert(*number, right);
                self.unwritten_categories.push(*number);
            }
        }
        self.add_missing(market, values)?;
        for reserve in &mut self.reserves {
            let Some(of_reserve) = values.reserves.get(&reserve.underlying) else {
                continue;
            };
            let before = reserve.clone();
            reserve
                .correct(of_reserve, &values.bitmaps, values.has_bitmaps())
                .map_err(|unknown| {
                    unknown_token(market, of_reserve.token(unknown.kind), unknown)
                })?;
            if let Some(block) = blocks.get(&reserve.underlying) {
                reserve.asset.last_update_block = Some(*block);
            }
            reserve.unwritten = if reserve.asset.id == 0 {
                Unwritten::ALL
            } else {
                reserve.changes_since(&before)
            };
            let number = reserve.config.e_mode_category_id;
            let row = number.and_then(|number| self.category_ids.get(&number).copied());
            let is_new = number.is_some_and(|it| self.unwritten_categories.contains(&it));
            reserve.unwritten.asset |= reserve.asset.e_mode_category_id != row || is_new;
        }
        if let Some(gho) = &mut self.gho {
            let reserves = self.reserves.iter();
            let mut of_gho = reserves.filter(|reserve| reserve.underlying == gho.token);
            gho.is_unwritten |= of_gho.any(|reserve| {
                reserve.unwritten.tokens || gho.row.v_token_id != Some(reserve.asset.v_token_id)
            });
        }
        Ok(())
    }

    /// Adds the reserves that the database lacks.
    fn add_missing(
        &mut self,
        market: &ScopedMarket,
        values: &MarketValues,
    ) -> Result<(), SyncError> {
        for (asset, of_reserve) in &values.reserves {
            if self.of_underlying(*asset).is_some() {
                continue;
            }
            let tokens = Tokens {
                underlying: *asset,
                a_token: of_reserve.a_token,
                v_token: of_reserve.v_token,
                a_token_revision: of_reserve.a_token_revision,
                v_token_revision: of_reserve.v_token_revision,
                debt_kind: self.debt_kind(*asset, None),
            };
            let listed = Reserve::listed(self.market_id, &tokens).map_err(|unknown| {
                unknown_token(market, of_reserve.token(unknown.kind), unknown)
            })?;
            self.index(listed);
        }
        Ok(())
    }

    /// Takes out the contracts and the e-mode categories that the market does not have, and empties the reserves that it
    /// does not list. Returns how many these are.
    pub(super) fn remove_what_is_not(&mut self, values: &MarketValues) -> u64 {
        let mut removed = 0;
        for (name, address) in &values.contracts {
            if *address == Address::ZERO && self.contract(name).is_some() {
                self.set_contract(name, Address::ZERO, None);
                removed += 1;
            }
        }
        for (number, of_chain) in &values.categories {
            let stored = self.categories.get(number);
            let is_stored =
                stored.is_some_and(|row| has_limits(row.ltv, row.liquidation_threshold));
            if of_chain.is_some() || !is_stored {
                continue;
            }
            self.categories.remove(number);
            if let Some(row) = self.category_ids.remove(number) {
                self.removed_categories.push(row);
                removed += 1;
                // The assets get another category, or none, before the row goes.
                for reserve in &mut self.reserves {
                    reserve.unwritten.asset |= reserve.asset.e_mode_category_id == Some(row);
                }
            }
        }
        for reserve in &mut self.reserves {
            if !values.listed.contains(&reserve.underlying) {
                removed += u64::from(!reserve.is_dropped());
                reserve.drop_configuration();
                reserve.unwritten.positions = true;
            }
        }
        removed
    }

    /// Makes the configurations of reserves and their e-mode categories what the contracts say.
    pub(super) fn correct_configs(&mut self, values: &MarketValues) {
        for reserve in &mut self.reserves {
            if let Some(of_reserve) = values.reserves.get(&reserve.underlying) {
                let before = reserve.clone();
                reserve.correct_config(of_reserve, &values.bitmaps, values.has_bitmaps());
                reserve.unwritten = reserve.changes_since(&before);
            }
        }
    }

    /// Forgets what another program, which has followed the market since, does not store of reserves.
    pub(super) fn forget_facts(&mut self) {
        for reserve in &mut self.reserves {
            reserve.forget_facts();
        }
    }

    /// Adds what another program does not store of reserves. `times` are those of blocks.
    pub(super) fn complete_facts(&mut self, times: &BTreeMap<BlockNumber, u64>) {
        for reserve in &mut self.reserves {
            if reserve.facts.last_update_time.is_none() {
                let block = reserve.asset.last_update_block;
                let time = block.and_then(|block| times.get(&block));
                reserve.facts.last_update_time = time.and_then(|time| Timestamp::new(*time).ok());
            }
            reserve.unwritten.facts = true;
            // The column with the row of the category is never written by the Python package.
            reserve.unwritten.asset = true;
        }
    }

    /// Forgets what is in the database, if that is a lot.
    pub(super) fn trim(&mut self) {
        self.balances.trim();
    }
}

impl Gho {
    fn load(
        connection: &mut SqliteConnection,
        chain: ChainId,
        token: Address,
    ) -> Result<Self, RowError> {
        let found = Erc20Token::by_address(connection, chain, token)?;
        let row = match &found {
            Some(found) => AaveGhoToken::by_token(connection, found.id)?,
            None => None,
        };
        Ok(Self {
            token,
            row: row.unwrap_or(AaveGhoToken {
                id: NO_ROW,
                token_id: NO_ROW,
                v_token_id: None,
                v_gho_discount_rate_strategy: None,
                v_gho_discount_token: None,
            }),
            is_unwritten: false,
        })
    }
}

pub(super) fn unknown_token(
    market: &ScopedMarket,
    token: Address,
    unknown: UnknownRevision,
) -> SyncError {
    SyncError::UnknownTokenRevision {
        market: Box::new(market.name.clone()),
        token,
        source: unknown,
    }
}
