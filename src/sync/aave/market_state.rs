//! A market in memory: its contracts, reserves and e-mode categories, and what events make of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::sqlite::SqliteConnection;

use crate::aave::pool_rules::PoolRules;
use crate::aave::scaled_balance::BalanceError;
use crate::aave::token_rules::{TokenKind, UnknownRevision};
use crate::events::aave_v3_addresses_provider::AddressId;
use crate::events::aave_v3_pool::{LiquidationCall, ReserveDataUpdated};
use crate::events::aave_v3_pool_configurator::{EModeCategoryAdded, ReserveInitialized};
use crate::models::aave::position_writer::{PositionWriter, Side};
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::aave::reserve_writer::{forget_positions, scaled_debt};
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_gho_token::AaveGhoToken;
use crate::models::rows::aave_v3_asset::NewAaveV3Asset;
use crate::models::rows::aave_v3_emode_asset::{AaveV3EModeAsset, NewAaveV3EModeAsset};
use crate::models::rows::aave_v3_emode_category::{AaveV3EModeCategory, NewAaveV3EModeCategory};
use crate::models::rows::aave_v3_market::{AaveV3Contract, NewAaveV3Contract};
use crate::models::rows::erc20_token::{Erc20Token, NewErc20Token};
use crate::sqlite::prepared::Statements;
use crate::sync::aave::balance_mismatch::BalanceMismatch;
use crate::sync::aave::balances::{Balances, Written};
use crate::sync::aave::chain_values::{MarketValues, ReserveAddresses};
use crate::sync::aave::market_event::{MarketEvent, PoolEvent, RareEvent, What};
use crate::sync::aave::market_scope::{CONFIGURATOR, DATA_PROVIDER, ORACLE, POOL, ScopedMarket};
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::reserve_state::{Membership, Reserve, Tokens};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BlockNumber, ChainId, EModeCategoryId, Revision, Timestamp};
use crate::types::sync_cursor::LogPosition;

/// A market in memory.
#[derive(Debug)]
pub(super) struct MarketState {
    market_id: i64,
    chain: ChainId,
    /// By their names in the database.
    contracts: BTreeMap<String, Contract>,
    pub(super) reserves: Vec<Reserve>,
    by_underlying: HashMap<Address, usize>,
    by_token: HashMap<Address, (usize, Side)>,
    categories: BTreeMap<EModeCategoryId, NewAaveV3EModeCategory>,
    /// The rows of the categories, as far as they are in the database.
    category_ids: BTreeMap<EModeCategoryId, i64>,
    unwritten_categories: Vec<EModeCategoryId>,
    gho: Option<Gho>,
    /// Where each oracle takes the price of each asset from, listed or not.
    pub(super) sources: HashMap<(Address, Address), Address>,
    pub(super) balances: Balances,
}

#[derive(Debug, Clone, Copy)]
struct Contract {
    /// `None` for a contract that the market has no longer.
    address: Option<Address>,
    revision: Option<Revision>,
    is_unwritten: bool,
}

/// The GHO token, where its debt token is of its own kind.
#[derive(Debug, Clone)]
struct Gho {
    token: Address,
    row: AaveGhoToken,
    is_unwritten: bool,
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
    /// Reads a market.
    pub(super) fn load(
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
            Some(token) => Gho::load(connection, market.chain, token)?,
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
            gho,
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
            let stored = Reserve::stored(connection, reserve, &memberships, debt_kind)?;
            let reserve =
                stored.map_err(|(token, unknown)| unknown_token(market, token, unknown))?;
            state.index(reserve);
        }
        Ok(state)
    }

    /// Adds a reserve, or finds its place by its new tokens.
    fn index(&mut self, reserve: Reserve) {
        let place = self.reserves.len();
        self.by_underlying.insert(reserve.underlying, place);
        self.by_token
            .insert(reserve.a_token, (place, Side::Collateral));
        self.by_token.insert(reserve.v_token, (place, Side::Debt));
        self.reserves.push(reserve);
    }

    /// The kind of the debt token of an asset. `is_of_gho` is what the node says of a token that was just listed.
    fn debt_kind(&self, underlying: Address, is_of_gho: Option<bool>) -> TokenKind {
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

    /// The reserves, to ask their contracts about them.
    pub(super) fn addresses(&self) -> Vec<ReserveAddresses> {
        let addresses = |reserve: &Reserve| ReserveAddresses {
            underlying: reserve.underlying,
            a_token: reserve.a_token,
            v_token: reserve.v_token,
        };
        self.reserves.iter().map(addresses).collect()
    }

    /// The numbers of the e-mode categories.
    pub(super) fn category_numbers(&self) -> BTreeSet<EModeCategoryId> {
        self.categories.keys().copied().collect()
    }

    fn pool_revision(&self) -> Option<Revision> {
        self.contracts.get(POOL)?.revision
    }

    /// The reserve and the side of a token.
    pub(super) fn of_token(&self, token: Address) -> Option<(usize, Side)> {
        self.by_token.get(&token).copied()
    }

    /// The place of the reserve of an asset.
    pub(super) fn of_underlying(&self, asset: Address) -> Option<usize> {
        self.by_underlying.get(&asset).copied()
    }

    /// Reads the users and positions that events need.
    pub(super) fn read_balances(
        &mut self,
        writer: &mut PositionWriter<'_>,
        events: &[MarketEvent],
    ) -> Result<(), RowError> {
        for event in events {
            let token = self.of_token(event.contract).and_then(|(place, side)| {
                let reserve = self.reserves.get(place)?;
                (reserve.asset.id != 0).then_some((place, reserve.asset.id, side))
            });
            let mut read =
                |user, position| self.balances.read(writer, self.market_id, user, position);
            match &event.what {
                What::Balance(user, _) => read(*user, token)?,
                What::Transfer(transfer) => {
                    read(transfer.from, token)?;
                    read(transfer.to, token)?;
                }
                What::Pool(PoolEvent::EMode(event)) => read(event.user, None)?,
                What::Pool(PoolEvent::CollateralEnabled(event)) => read(event.user, None)?,
                What::Pool(PoolEvent::CollateralDisabled(event)) => read(event.user, None)?,
                What::Pool(PoolEvent::Data(_) | PoolEvent::Liquidation(_)) => {}
                What::Rare(rare) => {
                    if let RareEvent::DiscountPercent(event) = &**rare {
                        read(event.user, None)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds up the debt of the reserves whose indexes may move without an event.
    pub(super) fn read_debt(
        &mut self,
        connection: &mut SqliteConnection,
        events: &[MarketEvent],
    ) -> Result<(), RowError> {
        for event in events {
            if let What::Pool(PoolEvent::Liquidation(event)) = &event.what
                && event.receive_a_token
                && let Some(place) = self.of_underlying(event.collateral_asset)
                && let Some(reserve) = self.reserves.get_mut(place)
                && reserve.debt.is_none()
            {
                reserve.debt = Some(scaled_debt(connection, reserve.asset.id)?);
            }
        }
        Ok(())
    }

    /// Applies an event. Returns whether it was one of the market.
    pub(super) fn apply(
        &mut self,
        event: &MarketEvent,
        context: &Context<'_>,
    ) -> Result<bool, SyncError> {
        match &event.what {
            What::Balance(user, change) => {
                let Some((place, side)) = self.of_token(event.contract) else {
                    return Ok(false);
                };
                let Some(reserve) = self.reserves.get_mut(place) else {
                    return Ok(false);
                };
                self.balances
                    .change((place, reserve), side, *user, change)
                    .map_err(|source| mismatch(context.market, event, *user, source))?;
            }
            What::Transfer(transfer) => {
                let Some((place, Side::Collateral)) = self.of_token(event.contract) else {
                    return Ok(false);
                };
                let Some(reserve) = self.reserves.get_mut(place) else {
                    return Ok(false);
                };
                if reserve.facts.transfer_amount.is_none()
                    && let Some(amount) =
                        context.facts.transfers.get(&(event.contract, event.place))
                {
                    reserve.set_transfer_amount(*amount).map_err(|unknown| {
                        unknown_token(context.market, event.contract, unknown)
                    })?;
                }
                let users = [transfer.from, transfer.to];
                self.balances
                    .transfer((place, reserve), users, transfer.value, transfer.index)
                    .map_err(|source| mismatch(context.market, event, transfer.from, source))?;
            }
            What::Pool(_) if self.contract(POOL) != Some(event.contract) => return Ok(false),
            What::Pool(of_pool) => self.apply_pool_event(of_pool, event.place.block, context)?,
            What::Rare(rare) => return self.apply_rare_event(rare, event, context),
        }
        Ok(true)
    }

    fn apply_pool_event(
        &mut self,
        event: &PoolEvent,
        block: BlockNumber,
        context: &Context<'_>,
    ) -> Result<(), SyncError> {
        match event {
            PoolEvent::Data(event) => self.update_data(event, block, context),
            PoolEvent::CollateralEnabled(event) => {
                if let Some(place) = self.of_underlying(event.reserve) {
                    self.balances.switch(event.user, place, true);
                }
            }
            PoolEvent::CollateralDisabled(event) => {
                if let Some(place) = self.of_underlying(event.reserve) {
                    self.balances.switch(event.user, place, false);
                }
            }
            PoolEvent::EMode(event) => self.balances.set_e_mode(event.user, event.category_id),
            PoolEvent::Liquidation(event) => self.update_silently(event, block, context)?,
        }
        Ok(())
    }

    fn update_data(
        &mut self,
        event: &ReserveDataUpdated,
        block: BlockNumber,
        context: &Context<'_>,
    ) {
        let place = self.of_underlying(event.reserve);
        let Some(reserve) = place.and_then(|place| self.reserves.get_mut(place)) else {
            return;
        };
        reserve.asset.liquidity_index = event.liquidity_index;
        reserve.asset.liquidity_rate = event.liquidity_rate;
        reserve.asset.borrow_index = event.variable_borrow_index;
        reserve.asset.borrow_rate = event.variable_borrow_rate;
        reserve.asset.last_update_block = Some(block);
        reserve.facts.last_update_time = context.timestamp(block);
        reserve.unwritten.asset = true;
        reserve.unwritten.facts = true;
    }

    /// Moves the indexes of the collateral, as the revisions 9 and 10 of the Pool do without an event in a liquidation that
    /// pays in aTokens.
    fn update_silently(
        &mut self,
        event: &LiquidationCall,
        block: BlockNumber,
        context: &Context<'_>,
    ) -> Result<(), SyncError> {
        let is_silent = |revision: Revision| matches!(revision.get(), 9 | 10);
        let Some(revision) = self.pool_revision().filter(|revision| is_silent(*revision)) else {
            return Ok(());
        };
        let place = self.of_underlying(event.collateral_asset);
        let Some(reserve) = place.and_then(|place| self.reserves.get_mut(place)) else {
            return Ok(());
        };
        if !event.receive_a_token {
            return Ok(());
        }
        let market = context.market;
        let rules = PoolRules::new(revision).map_err(|unknown| SyncError::UnknownPoolRevision {
            market: Box::new(market.name.clone()),
            revision: unknown.0,
        })?;
        let times = (reserve.facts.last_update_time, context.timestamp(block));
        let (Some(before), Some(now)) = times else {
            return Err(SyncError::NoUpdateTime {
                market: Box::new(market.name.clone()),
                asset: reserve.underlying,
            });
        };
        let seconds = now.get().saturating_sub(before.get());
        if seconds == 0 {
            return Ok(());
        }
        let asset = &mut reserve.asset;
        let overflow = || SyncError::NoUpdateTime {
            market: Box::new(market.name.clone()),
            asset: reserve.underlying,
        };
        if asset.liquidity_rate != U256::default() {
            asset.liquidity_index = rules
                .liquidity_index(asset.liquidity_index, asset.liquidity_rate, seconds)
                .ok_or_else(overflow)?;
        }
        if reserve.debt.is_none_or(|debt| !debt.is_zero()) {
            asset.borrow_index = rules
                .borrow_index(asset.borrow_index, asset.borrow_rate, seconds)
                .ok_or_else(overflow)?;
        }
        asset.last_update_block = Some(block);
        reserve.facts.last_update_time = Some(now);
        reserve.unwritten.asset = true;
        reserve.unwritten.facts = true;
        Ok(())
    }

    fn apply_rare_event(
        &mut self,
        rare: &RareEvent,
        event: &MarketEvent,
        context: &Context<'_>,
    ) -> Result<bool, SyncError> {
        let emitter = event.contract;
        let [is_oracle, is_configurator] =
            [ORACLE, CONFIGURATOR].map(|name| self.contract(name) == Some(emitter));
        match rare {
            RareEvent::Upgraded(_)
            | RareEvent::DiscountPercent(_)
            | RareEvent::DiscountToken(_)
            | RareEvent::DiscountRateStrategy(_) => {
                let Some((place, side)) = self.of_token(emitter) else {
                    return Ok(false);
                };
                self.apply_token_event(rare, emitter, (place, side), context)?;
            }
            RareEvent::Source(source) => {
                self.sources.insert((emitter, source.asset), source.source);
                if is_oracle {
                    self.refresh_sources();
                }
            }
            RareEvent::Pool(_)
            | RareEvent::Configurator(_)
            | RareEvent::DataProvider(_)
            | RareEvent::Oracle(_)
            | RareEvent::Proxy(_)
            | RareEvent::AddressSet(_) => {
                if emitter != context.market.provider {
                    return Ok(false);
                }
                self.apply_provider_event(rare, context)?;
            }
            _ if !is_configurator => return Ok(false),
            RareEvent::Initialized(new) => self.list(new, event.place, context)?,
            RareEvent::Category(category) => self.set_category(category),
            _ => self.configure(rare),
        }
        Ok(true)
    }

    fn apply_token_event(
        &mut self,
        rare: &RareEvent,
        token: Address,
        (place, side): (usize, Side),
        context: &Context<'_>,
    ) -> Result<(), SyncError> {
        match rare {
            RareEvent::Upgraded(event) => {
                let revision =
                    context
                        .facts
                        .token_revision(context.market, event.implementation, side)?;
                let Some(reserve) = self.reserves.get_mut(place) else {
                    return Ok(());
                };
                reserve
                    .upgrade(side, revision)
                    .map_err(|unknown| unknown_token(context.market, token, unknown))?;
                // Since revision 4, GHO's debt has no discounts.
                if reserve.debt_kind == TokenKind::GhoDebt
                    && side == Side::Debt
                    && revision.get() >= 4
                    && let Some(gho) = &mut self.gho
                {
                    gho.row.v_gho_discount_token = None;
                    gho.row.v_gho_discount_rate_strategy = None;
                    gho.is_unwritten = true;
                }
            }
            RareEvent::DiscountPercent(event) => self
                .balances
                .set_discount(event.user, event.new_discount_percent),
            RareEvent::DiscountToken(event) => {
                if let Some(gho) = &mut self.gho {
                    gho.row.v_gho_discount_token = Some(event.new_discount_token);
                    gho.is_unwritten = true;
                }
            }
            RareEvent::DiscountRateStrategy(event) => {
                if let Some(gho) = &mut self.gho {
                    gho.row.v_gho_discount_rate_strategy = Some(event.new_discount_rate_strategy);
                    gho.is_unwritten = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_provider_event(
        &mut self,
        rare: &RareEvent,
        context: &Context<'_>,
    ) -> Result<(), SyncError> {
        let facts = context.facts;
        let market = context.market;
        match rare {
            RareEvent::Proxy(event) => {
                let revision = match event.id.name() {
                    Some(POOL) => Some(facts.pool_revision(market, event.implementation_address)?),
                    Some(CONFIGURATOR) => facts.configurator_revision(event.implementation_address),
                    _ => None,
                };
                self.set_address(&event.id, event.proxy_address, revision);
            }
            RareEvent::Pool(event) => {
                let revision = facts.pool_revision(market, event.new_address)?;
                self.set_revision(POOL, Some(revision));
            }
            RareEvent::Configurator(event) => {
                let revision = facts.configurator_revision(event.new_address);
                self.set_revision(CONFIGURATOR, revision);
            }
            RareEvent::DataProvider(event) => {
                self.set_contract(DATA_PROVIDER, event.new_address, None);
            }
            RareEvent::Oracle(event) => {
                self.set_contract(ORACLE, event.new_address, None);
                for ((oracle, asset), source) in &facts.sources {
                    self.sources.entry((*oracle, *asset)).or_insert(*source);
                }
                self.refresh_sources();
            }
            RareEvent::AddressSet(event) => self.set_address(&event.id, event.new_address, None),
            _ => {}
        }
        Ok(())
    }

    /// Notes the address under an id that is a name.
    fn set_address(&mut self, id: &AddressId, address: Address, revision: Option<Revision>) {
        if let Some(name) = id.name() {
            self.set_contract(name, address, revision);
        }
    }

    fn set_contract(&mut self, name: &str, address: Address, revision: Option<Revision>) {
        let contract = Contract {
            address: (address != Address::ZERO).then_some(address),
            revision,
            is_unwritten: true,
        };
        self.contracts.insert(name.to_owned(), contract);
    }

    fn set_revision(&mut self, name: &str, revision: Option<Revision>) {
        if let Some(contract) = self.contracts.get_mut(name) {
            contract.revision = revision;
            contract.is_unwritten = true;
        }
    }

    /// Gives every reserve the price source that the market's oracle has for it.
    fn refresh_sources(&mut self) {
        let Some(oracle) = self.contract(ORACLE) else {
            return;
        };
        for reserve in &mut self.reserves {
            let source = self.sources.get(&(oracle, reserve.underlying)).copied();
            let source = source.filter(|source| *source != Address::ZERO);
            if source.is_some() && reserve.asset.price_source != source {
                reserve.asset.price_source = source;
                reserve.unwritten.asset = true;
            }
        }
    }

    /// Lists a reserve.
    fn list(
        &mut self,
        event: &ReserveInitialized,
        place: LogPosition,
        context: &Context<'_>,
    ) -> Result<(), SyncError> {
        let (facts, market) = (context.facts, context.market);
        let is_of_gho = facts.gho_debt.contains(&event.variable_debt_token);
        let debt_kind = self.debt_kind(event.asset, Some(is_of_gho));
        let pool = self.pool_revision();
        let revision = |token, side| facts.first_revision(market, token, (side, debt_kind), pool);
        let tokens = Tokens {
            underlying: event.asset,
            a_token: event.a_token,
            v_token: event.variable_debt_token,
            a_token_revision: revision(event.a_token, Side::Collateral)?,
            v_token_revision: revision(event.variable_debt_token, Side::Debt)?,
            debt_kind,
        };
        log::debug!("{} lists {} at {place}", market.name, event.asset);
        let unknown = |unknown: UnknownRevision| {
            let token = match unknown.kind {
                TokenKind::AToken => tokens.a_token,
                TokenKind::VariableDebt | TokenKind::GhoDebt => tokens.v_token,
            };
            unknown_token(market, token, unknown)
        };
        if let Some(index) = self.of_underlying(event.asset)
            && let Some(reserve) = self.reserves.get_mut(index)
        {
            self.by_token.remove(&reserve.a_token);
            self.by_token.remove(&reserve.v_token);
            reserve.relisted(&tokens).map_err(unknown)?;
            self.balances.forget_reserve(index);
            self.by_token
                .insert(tokens.a_token, (index, Side::Collateral));
            self.by_token.insert(tokens.v_token, (index, Side::Debt));
        } else {
            self.index(Reserve::listed(self.market_id, &tokens).map_err(unknown)?);
        }
        if debt_kind == TokenKind::GhoDebt
            && let Some(gho) = &mut self.gho
        {
            gho.is_unwritten = true;
        }
        for ((oracle, asset), source) in &facts.sources {
            self.sources.entry((*oracle, *asset)).or_insert(*source);
        }
        self.refresh_sources();
        Ok(())
    }

    fn set_category(&mut self, event: &EModeCategoryAdded) {
        let category = NewAaveV3EModeCategory {
            market_id: self.market_id,
            category_id: event.category_id,
            label: event.label_text().map(str::to_owned),
            ltv: event.ltv,
            liquidation_threshold: event.liquidation_threshold,
            liquidation_bonus: event.liquidation_bonus,
            price_source: Some(event.oracle),
        };
        self.categories.insert(event.category_id, category);
        self.unwritten_categories.push(event.category_id);
        // Assets can be in a category before it has limits.
        for reserve in &mut self.reserves {
            if reserve.config.e_mode_category_id == Some(event.category_id) {
                reserve.unwritten.asset = true;
            }
        }
    }

    /// Applies what the configurator says of a reserve.
    fn configure(&mut self, event: &RareEvent) {
        let asset = match event {
            RareEvent::Dropped(event) => event.asset,
            RareEvent::Collateral(event) => event.asset,
            RareEvent::Borrowing(event) => event.asset,
            RareEvent::StableBorrowing(event) => event.asset,
            RareEvent::FlashLoaning(event) => event.asset,
            RareEvent::DebtCeiling(event) => event.asset,
            RareEvent::BorrowableInIsolation(event) => event.asset,
            RareEvent::AssetCategory(event) => event.asset,
            RareEvent::CollateralInEMode(event) => event.asset,
            RareEvent::BorrowableInEMode(event) => event.asset,
            RareEvent::LtvZeroInEMode(event) => event.asset,
            _ => return,
        };
        let place = self.of_underlying(asset);
        let Some(reserve) = place.and_then(|place| self.reserves.get_mut(place)) else {
            return;
        };
        let config = &mut reserve.config;
        reserve.unwritten.config = true;
        match event {
            RareEvent::Dropped(_) => reserve.drop_configuration(),
            RareEvent::Collateral(event) => {
                config.ltv = event.ltv;
                config.liquidation_threshold = event.liquidation_threshold;
                config.liquidation_bonus = event.liquidation_bonus;
            }
            RareEvent::Borrowing(event) => config.borrowing_enabled = event.enabled,
            RareEvent::StableBorrowing(event) => config.stable_borrowing_enabled = event.enabled,
            RareEvent::FlashLoaning(event) => config.flash_loan_enabled = event.enabled,
            RareEvent::DebtCeiling(event) => {
                config.debt_ceiling = Some(event.new_debt_ceiling);
                config.isolation_mode = event.new_debt_ceiling != U256::default();
            }
            RareEvent::BorrowableInIsolation(event) => {
                config.borrowable_in_isolation = event.borrowable;
            }
            RareEvent::AssetCategory(event) => reserve.set_only_category(event.new_category_id),
            RareEvent::CollateralInEMode(event) => {
                reserve.set_membership(event.category_id, Membership::Collateral, event.collateral);
            }
            RareEvent::BorrowableInEMode(event) => {
                reserve.set_membership(event.category_id, Membership::Borrowable, event.borrowable);
            }
            RareEvent::LtvZeroInEMode(event) => {
                reserve.set_membership(event.category_id, Membership::LtvZero, event.ltv_zero);
            }
            _ => {}
        }
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
            let revision = match *name {
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
        for reserve in &mut self.reserves {
            let Some(of_reserve) = values.reserves.get(&reserve.underlying) else {
                continue;
            };
            let before = reserve.clone();
            reserve
                .correct(of_reserve, &values.bitmaps, values.has_bitmaps())
                .map_err(|unknown| unknown_token(market, before.a_token, unknown))?;
            if let Some(block) = blocks.get(&reserve.underlying) {
                reserve.asset.last_update_block = Some(*block);
            }
            reserve.unwritten = reserve.changes_since(&before);
        }
        Ok(())
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

    /// Writes what is not in the database yet.
    pub(super) fn write(
        &mut self,
        connection: &mut SqliteConnection,
        facts: &NodeFacts,
    ) -> Result<Written, RowError> {
        self.write_contracts(connection)?;
        self.write_categories(connection)?;
        let mut written = Written::default();
        for place in 0..self.reserves.len() {
            written.rows += u64::from(self.write_reserve(connection, place, facts)?);
        }
        self.write_gho(connection)?;
        let ids: Vec<_> = self
            .reserves
            .iter()
            .map(|reserve| reserve.asset.id)
            .collect();
        let statements = Statements::of(connection)?;
        let mut writer = PositionWriter::new(statements)?;
        let _held = statements.hold();
        let of_balances = self.balances.write(&mut writer, self.market_id, &ids)?;
        written.created += of_balances.created;
        written.rows += of_balances.rows;
        Ok(written)
    }

    fn write_contracts(&mut self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        for (name, contract) in &mut self.contracts {
            if !std::mem::take(&mut contract.is_unwritten) {
                continue;
            }
            match contract.address {
                Some(address) => NewAaveV3Contract {
                    market_id: self.market_id,
                    name: name.clone(),
                    address,
                    revision: contract.revision,
                }
                .store(connection)?,
                None => NewAaveV3Contract::delete(connection, self.market_id, name)?,
            }
        }
        Ok(())
    }

    fn write_categories(&mut self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        for number in std::mem::take(&mut self.unwritten_categories) {
            if let Some(category) = self.categories.get(&number) {
                let id = category.store(connection)?;
                self.category_ids.insert(number, id);
            }
        }
        Ok(())
    }

    /// Returns whether anything was written.
    fn write_reserve(
        &mut self,
        connection: &mut SqliteConnection,
        place: usize,
        facts: &NodeFacts,
    ) -> Result<bool, RowError> {
        let Some(reserve) = self.reserves.get_mut(place) else {
            return Ok(false);
        };
        let unwritten = std::mem::take(&mut reserve.unwritten);
        if unwritten.asset {
            let number = reserve.config.e_mode_category_id;
            reserve.asset.e_mode_category_id =
                number.and_then(|number| self.category_ids.get(&number).copied());
            if reserve.asset.id == 0 || unwritten.positions {
                let addresses = [reserve.underlying, reserve.a_token, reserve.v_token];
                let tokens = addresses.map(|address| facts.token(self.chain, address));
                let ids = Erc20Token::insert_or_get(connection, &tokens)?;
                if let [underlying, a_token, v_token] = ids[..] {
                    reserve.asset.underlying_asset_id = underlying;
                    reserve.asset.a_token_id = a_token;
                    reserve.asset.v_token_id = v_token;
                }
                fill_in(connection, &tokens, &ids)?;
            }
            if reserve.asset.id == 0 {
                reserve.asset.id = as_new(&reserve.asset).insert(connection)?;
                reserve.number();
            } else {
                reserve.asset.update(connection)?;
            }
        }
        if unwritten.positions {
            forget_positions(connection, reserve.asset.id)?;
        }
        if unwritten.config {
            reserve.config.store(connection)?;
        }
        if unwritten.facts {
            reserve.facts.store(connection)?;
        }
        if unwritten.memberships {
            NewAaveV3EModeAsset::replace(connection, reserve.asset.id, reserve.memberships())?;
        }
        Ok(unwritten.asset || unwritten.config || unwritten.facts || unwritten.memberships)
    }

    fn write_gho(&mut self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        let Some(gho) = &mut self.gho else {
            return Ok(());
        };
        if !std::mem::take(&mut gho.is_unwritten) {
            return Ok(());
        }
        let of_gho = self
            .reserves
            .iter()
            .find(|reserve| reserve.underlying == gho.token);
        if let Some(reserve) = of_gho.filter(|reserve| reserve.asset.id != 0) {
            gho.row.v_token_id = Some(reserve.asset.v_token_id);
        }
        gho.row.update(connection)
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
    ) -> Result<Option<Self>, RowError> {
        let Some(found) = Erc20Token::by_address(connection, chain, token)? else {
            return Ok(None);
        };
        let row = AaveGhoToken::by_token(connection, found.id)?;
        Ok(row.map(|row| Self {
            token,
            row,
            is_unwritten: false,
        }))
    }
}

/// Fills in what a token lacks in the database: pools leave it out.
fn fill_in(
    connection: &mut SqliteConnection,
    tokens: &[NewErc20Token],
    ids: &[i64],
) -> Result<(), RowError> {
    for (token, id) in tokens.iter().zip(ids) {
        token.fill_in(connection, *id)?;
    }
    Ok(())
}

fn as_new(asset: &crate::models::rows::aave_v3_asset::AaveV3Asset) -> NewAaveV3Asset {
    NewAaveV3Asset {
        market_id: asset.market_id,
        underlying_asset_id: asset.underlying_asset_id,
        a_token_id: asset.a_token_id,
        a_token_revision: asset.a_token_revision,
        v_token_id: asset.v_token_id,
        v_token_revision: asset.v_token_revision,
        last_update_block: asset.last_update_block,
        liquidity_index: asset.liquidity_index,
        liquidity_rate: asset.liquidity_rate,
        borrow_index: asset.borrow_index,
        borrow_rate: asset.borrow_rate,
        e_mode_category_id: asset.e_mode_category_id,
        price_source: asset.price_source,
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

fn mismatch(
    market: &ScopedMarket,
    event: &MarketEvent,
    user: Address,
    error: BalanceError,
) -> SyncError {
    SyncError::Balance {
        mismatch: Box::new(BalanceMismatch {
            market: market.name.clone(),
            token: event.contract,
            user,
            place: event.place,
            transaction: event.transaction,
            error,
        }),
    }
}
