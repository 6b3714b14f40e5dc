//! What accounts are worth at a time and at prices.

use std::collections::HashMap;

use crate::aave::account_data::{AccountData, CollateralValue, DebtValue, EModeLimits};
use crate::aave::pool_rules::PoolRules;
use crate::aave::prices::AavePrices;
use crate::aave::ray_math::RAY;
use crate::escape::escaped_name;
use crate::models::aave::account::{AaveV3Account, AaveV3Collateral, AaveV3Debt};
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::aave::valuation_error::ValuationError;
use crate::models::rows::erc20_token::Erc20Token;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::Timestamp;

/// Values accounts at one time and at one set of prices.
///
/// It computes what the accounts of a market share, such as the indexes at that time, once for each reserve. For a single
/// account, [`AaveV3Account::at`] is enough.
#[derive(Debug)]
pub struct AaveV3Valuation<'prices> {
    time: Timestamp,
    prices: &'prices AavePrices,
    /// Keyed by the ids of the assets.
    reserves: HashMap<i64, Result<ReserveAtTime, ValuationError>>,
}

/// What the positions in a reserve have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveAtTime {
    /// How the market's Pool computes.
    pub rules: PoolRules,
    /// The liquidity index at the time.
    pub liquidity_index: U256,
    /// The borrow index at the time.
    pub borrow_index: U256,
    /// The price of the asset, if it has one.
    pub price: Option<U256>,
    decimals: u8,
}

impl<'prices> AaveV3Valuation<'prices> {
    /// A valuation at the time of a block.
    #[must_use]
    pub fn new(time: Timestamp, prices: &'prices AavePrices) -> Self {
        Self {
            time,
            prices,
            reserves: HashMap::new(),
        }
    }

    /// What an account is worth: the numbers of `getUserAccountData` in a block of this time, to the last digit.
    ///
    /// # Errors
    ///
    /// [`ValuationError`] if the database or the prices lack what the numbers depend on. What the account does not use,
    /// such as the price of a supplied asset that is not collateral, may be missing.
    pub fn account(&mut self, account: &AaveV3Account) -> Result<AccountData, ValuationError> {
        let mut collateral = Vec::with_capacity(account.collateral.len());
        for position in &account.collateral {
            if position.enabled == Some(true) && !position.position.balance.0.is_zero() {
                collateral.push(self.collateral(account, position)?);
            }
        }
        let mut debt = Vec::with_capacity(account.debt.len());
        for position in &account.debt {
            if !position.position.balance.0.is_zero() {
                debt.push(self.debt(account, position)?);
            }
        }
        let rules = match account.reserves().next() {
            Some(reserve) => self.reserve(reserve)?.rules,
            None => return Ok(AccountData::EMPTY),
        };
        rules
            .account(collateral, debt)
            .ok_or(ValuationError::Overflow)
    }

    /// What a collateral position is computed with, whether or not it is enabled.
    ///
    /// # Errors
    ///
    /// [`ValuationError`] if the database or the prices lack something.
    pub fn collateral(
        &mut self,
        account: &AaveV3Account,
        position: &AaveV3Collateral,
    ) -> Result<CollateralValue, ValuationError> {
        let reserve = &position.reserve;
        let at_time = self.reserve(reserve)?;
        let config = reserve.config.as_ref();
        let config = config.ok_or_else(|| ValuationError::NoParameters {
            asset: name_of(&reserve.underlying),
        })?;
        Ok(CollateralValue {
            scaled: position.position.balance,
            liquidity_index: at_time.liquidity_index,
            price: self.price(account, reserve, &at_time)?,
            decimals: at_time.decimals,
            ltv: config.ltv,
            liquidation_threshold: config.liquidation_threshold,
            e_mode: e_mode_limits(account, reserve)?,
        })
    }

    /// What a debt position is computed with.
    ///
    /// # Errors
    ///
    /// [`ValuationError`] if the database or the prices lack something.
    pub fn debt(
        &mut self,
        account: &AaveV3Account,
        position: &AaveV3Debt,
    ) -> Result<DebtValue, ValuationError> {
        let reserve = &position.reserve;
        let at_time = self.reserve(reserve)?;
        Ok(DebtValue {
            scaled: position.position.balance,
            borrow_index: at_time.borrow_index,
            price: self.price(account, reserve, &at_time)?,
            decimals: at_time.decimals,
        })
    }

    /// What the positions in a reserve have in common.
    ///
    /// # Errors
    ///
    /// [`ValuationError`] if the database lacks something.
    pub fn reserve(&mut self, reserve: &AaveV3Reserve) -> Result<ReserveAtTime, ValuationError> {
        let (time, prices) = (self.time, self.prices);
        self.reserves
            .entry(reserve.asset.id)
            .or_insert_with(|| ReserveAtTime::new(reserve, time, prices))
            .clone()
    }

    /// The price that counts for an account's position: before Aave 3.2, that of the e-mode category's own price source,
    /// if it has one and the asset is in the category.
    fn price(
        &self,
        account: &AaveV3Account,
        reserve: &AaveV3Reserve,
        at_time: &ReserveAtTime,
    ) -> Result<U256, ValuationError> {
        if at_time.rules.has_category_prices()
            && let Some(category) = &account.e_mode_category
            && let Some(source) = category.price_source.filter(|it| *it != Address::ZERO)
            && reserve.in_e_mode(category.category_id).is_some()
        {
            let price = self.prices.of(source).ok_or(ValuationError::NoPrice {
                asset: format!(
                    "the price source {source} of e-mode category {}",
                    category.category_id
                ),
            })?;
            if !price.0.is_zero() {
                return Ok(price);
            }
        }
        at_time.price.ok_or_else(|| ValuationError::NoPrice {
            asset: name_of(&reserve.underlying),
        })
    }
}

impl ReserveAtTime {
    fn new(
        reserve: &AaveV3Reserve,
        time: Timestamp,
        prices: &AavePrices,
    ) -> Result<Self, ValuationError> {
        let asset = || name_of(&reserve.underlying);
        let rules = pool_rules(reserve)?;
        for known in [reserve.a_token_rules(), reserve.v_token_rules()] {
            known.map_err(|unknown| ValuationError::UnknownTokenRevision {
                asset: asset(),
                kind: unknown.kind,
                revision: unknown.revision,
            })?;
        }
        let updated = reserve.last_update_time();
        let updated = updated.ok_or_else(|| ValuationError::NoUpdateTime { asset: asset() })?;
        let seconds = time.get().checked_sub(updated.get());
        let seconds = seconds.ok_or_else(|| ValuationError::BeforeUpdate {
            asset: asset(),
            updated,
            time,
        })?;
        let decimals = reserve.underlying.decimals;
        let decimals = decimals.ok_or_else(|| ValuationError::NoDecimals { asset: asset() })?;
        let stored = &reserve.asset;
        if stored.liquidity_index < RAY || stored.borrow_index < RAY {
            return Err(ValuationError::NoIndex { asset: asset() });
        }
        let liquidity_index =
            rules.liquidity_index(stored.liquidity_index, stored.liquidity_rate, seconds);
        let borrow_index = rules.borrow_index(stored.borrow_index, stored.borrow_rate, seconds);
        Ok(Self {
            rules,
            liquidity_index: liquidity_index.ok_or(ValuationError::Overflow)?,
            borrow_index: borrow_index.ok_or(ValuationError::Overflow)?,
            price: prices.of(reserve.underlying.address),
            decimals: decimals.get(),
        })
    }
}

impl AaveV3Account {
    /// What the account is worth: the numbers of `getUserAccountData` in a block of this time, to the last digit.
    ///
    /// [`AaveV3Valuation`] does the same for many accounts, faster.
    ///
    /// # Errors
    ///
    /// [`ValuationError`] as in [`AaveV3Valuation::account`].
    pub fn at(&self, time: Timestamp, prices: &AavePrices) -> Result<AccountData, ValuationError> {
        AaveV3Valuation::new(time, prices).account(self)
    }

    /// The reserves of the positions.
    fn reserves(&self) -> impl Iterator<Item = &AaveV3Reserve> {
        let collateral = self.collateral.iter().map(|it| &*it.reserve);
        collateral.chain(self.debt.iter().map(|it| &*it.reserve))
    }
}

/// The rules of the market that a reserve is listed in.
fn pool_rules(reserve: &AaveV3Reserve) -> Result<PoolRules, ValuationError> {
    let revision = reserve
        .pool_revision
        .ok_or(ValuationError::NoPoolRevision)?;
    PoolRules::new(revision).map_err(|unknown| ValuationError::UnknownPoolRevision {
        revision: unknown.0,
    })
}

/// The limits of the account's e-mode category for an asset, if it is collateral in it.
fn e_mode_limits(
    account: &AaveV3Account,
    reserve: &AaveV3Reserve,
) -> Result<Option<EModeLimits>, ValuationError> {
    let number = account.user.e_mode;
    let Some(member) = reserve.in_e_mode(number).filter(|it| it.is_collateral) else {
        return Ok(None);
    };
    let category = account.e_mode_category.as_deref();
    let category = category.ok_or(ValuationError::NoCategory { category: number })?;
    Ok(Some(EModeLimits {
        ltv: category.ltv,
        liquidation_threshold: category.liquidation_threshold,
        is_ltv_zero: member.is_ltv_zero,
    }))
}

/// The symbol of a token, or its address.
fn name_of(token: &Erc20Token) -> String {
    match &token.symbol {
        // A contract can have any text.
        Some(symbol) => format!("{} ({})", escaped_name(symbol), token.address),
        None => token.label(),
    }
}
