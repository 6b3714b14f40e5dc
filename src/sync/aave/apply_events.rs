//! What events make of a market in memory.

use diesel::sqlite::SqliteConnection;

use crate::aave::pool_rules::PoolRules;
use crate::aave::scaled_balance::BalanceError;
use crate::aave::token_rules::{TokenKind, UnknownRevision};
use crate::events::aave_v3_addresses_provider::AddressId;
use crate::events::aave_v3_pool::{LiquidationCall, ReserveDataUpdated};
use crate::events::aave_v3_pool_configurator::{EModeCategoryAdded, ReserveInitialized};
use crate::models::aave::position_writer::{PositionWriter, Side};
use crate::models::aave::reserve_writer::scaled_debt;
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_v3_emode_category::NewAaveV3EModeCategory;
use crate::sync::aave::balance_mismatch::BalanceMismatch;
use crate::sync::aave::market_event::{MarketEvent, PoolEvent, RareEvent, What};
use crate::sync::aave::market_scope::{CONFIGURATOR, DATA_PROVIDER, ORACLE, POOL, ScopedMarket};
use crate::sync::aave::market_state::{Context, Contract, MarketState, unknown_token};
use crate::sync::aave::reserve_state::{Membership, Reserve, Tokens};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BlockNumber, Revision};
use crate::types::sync_cursor::LogPosition;

impl MarketState {
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
            What::Pool(of_pool) => self.apply_pool_event(of_pool, event, context)?,
            What::Rare(rare) => return self.apply_rare_event(rare, event, context),
        }
        Ok(true)
    }

    fn apply_pool_event(
        &mut self,
        of_pool: &PoolEvent,
        event: &MarketEvent,
        context: &Context<'_>,
    ) -> Result<(), SyncError> {
        match of_pool {
            PoolEvent::Data(data) => self.update_data(data, event.place.block, context),
            PoolEvent::CollateralEnabled(switch) => {
                if let Some(place) = self.of_underlying(switch.reserve) {
                    self.balances.switch(switch.user, place, true);
                }
            }
            PoolEvent::CollateralDisabled(switch) => {
                if let Some(place) = self.of_underlying(switch.reserve) {
                    self.balances.switch(switch.user, place, false);
                }
            }
            PoolEvent::EMode(chosen) => self.balances.set_e_mode(chosen.user, chosen.category_id),
            PoolEvent::Liquidation(liquidation) => {
                self.update_silently(liquidation, event, context)?;
            }
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
        liquidation: &LiquidationCall,
        event: &MarketEvent,
        context: &Context<'_>,
    ) -> Result<(), SyncError> {
        let is_silent = |revision: Revision| matches!(revision.get(), 9 | 10);
        let Some(revision) = self.pool_revision().filter(|revision| is_silent(*revision)) else {
            return Ok(());
        };
        let place = self.of_underlying(liquidation.collateral_asset);
        let Some(reserve) = place.and_then(|place| self.reserves.get_mut(place)) else {
            return Ok(());
        };
        if !liquidation.receive_a_token {
            return Ok(());
        }
        let (market, block) = (context.market, event.place.block);
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
        // The contract would have reverted.
        let overflow = || mismatch(market, event, liquidation.user, BalanceError::Overflow);
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

    pub(super) fn set_contract(
        &mut self,
        name: &str,
        address: Address,
        revision: Option<Revision>,
    ) {
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

    /// Gives every reserve the price source that the market's oracle has for it, as far as that is known. The zero address
    /// stands for none: then the fallback oracle prices the asset.
    pub(super) fn refresh_sources(&mut self) {
        let Some(oracle) = self.contract(ORACLE) else {
            return;
        };
        for reserve in &mut self.reserves {
            let Some(known) = self.sources.get(&(oracle, reserve.underlying)) else {
                continue;
            };
            let source = Some(*known).filter(|source| *source != Address::ZERO);
            if reserve.asset.price_source != source {
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
