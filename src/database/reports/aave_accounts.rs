//! What the accounts of an Aave V3 market are worth, for `aave position risk` and `aave position show`.

use std::path::Path;

use alloy_primitives::U256 as Number;

use crate::aave::account_data::AccountData;
use crate::aave::pool_rules::PoolRules;
use crate::aave::prices::AavePrices;
use crate::aave::ray_math::percent_mul;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::reports::aave_markets::{AaveMarketState, read_markets, state};
use crate::models::aave::account::read::AaveV3Accounts;
use crate::models::aave::account::{AaveV3Account, AaveV3Debt};
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::aave::valuation::AaveV3Valuation;
use crate::models::aave::valuation_error::ValuationError;
use crate::models::access::row_error::RowError;
use crate::models::rows::erc20_token::Erc20Token;
use crate::setters::setters;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, EModeCategoryId, Timestamp};

/// The bounds of the zones of health factors, in hundredths.
const BOUNDS: [u64; 6] = [100, 105, 110, 125, 150, 200];

/// The first and the last bound of fine zones, and how wide those between them are.
const FINE_BOUNDS: (u64, u64, usize) = (90, 200, 5);

/// Which accounts [`value_aave_accounts`] returns.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AaveRiskOptions {
    /// Only accounts with a health factor below this one, in wad.
    pub below: Option<U256>,
    /// Only accounts with at least this debt, in units of the base currency. The others count nowhere.
    pub min_debt: U256,
    /// The greatest number of accounts.
    pub limit: Option<usize>,
    /// Only the account of this user.
    pub address: Option<Address>,
    /// Zones of five hundredths of a health factor from 0.90 to 2.00, instead of fewer and wider ones.
    pub fine_zones: bool,
}

setters!(AaveRiskOptions {
    below: U256 => Some,
    min_debt: U256,
    limit: usize => Some,
    address: Address => Some,
    fine_zones: bool,
});

/// What the accounts of a market with debt are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveRiskReport {
    /// The market, and the block that the numbers are of.
    pub market: AaveMarketState,
    /// How many users have debt.
    pub users: u64,
    /// How many of them have less than the least debt that was asked for.
    pub too_small: u64,
    /// How many accounts meet the options, apart from the greatest number.
    pub matching: u64,
    /// The accounts, those near liquidation first.
    pub accounts: Vec<AaveRiskAccount>,
    /// All accounts with enough debt, by health factor.
    pub zones: Vec<AaveRiskZone>,
    /// The accounts that could not be valued.
    pub not_computed: Vec<AaveNotComputed>,
    /// Reserves with borrowing at stable rates, in a market that is older than Aave 3.2: the database has no such debts,
    /// so that accounts may owe more than it says.
    pub stable_borrowing: Vec<String>,
}

/// What an account is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveRiskAccount {
    /// The user.
    pub address: Address,
    /// The e-mode category of the user; 0 for none.
    pub e_mode: EModeCategoryId,
    /// The numbers of `getUserAccountData`.
    pub data: AccountData,
}

/// The accounts whose health factor is in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveRiskZone {
    /// The least health factor, in hundredths.
    pub from: u64,
    /// The health factor above all of them, in hundredths; `None` in the last zone.
    pub below: Option<u64>,
    /// How many accounts there are.
    pub accounts: u64,
    /// Their debt, in units of the base currency.
    pub debt_base: U256,
    /// Their collateral.
    pub collateral_base: U256,
}

/// An account that could not be valued.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveNotComputed {
    /// The user; `None` if its row is invalid.
    pub address: Option<Address>,
    /// The reason.
    pub reason: String,
}

/// An account with its positions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AavePositionReport {
    /// The market, and the block that the numbers are of.
    pub market: AaveMarketState,
    /// The e-mode category of the user; 0 for none.
    pub e_mode: EModeCategoryId,
    /// Its name, if the database has it.
    pub e_mode_label: Option<String>,
    /// What the account is worth, or why that is not known. `None` without prices.
    pub data: Option<Result<AccountData, ValuationError>>,
    /// What is supplied, without empty positions.
    pub collateral: Vec<AavePosition>,
    /// What is owed, without empty positions.
    pub debt: Vec<AavePosition>,
    /// As in [`AaveRiskReport`].
    pub stable_borrowing: Vec<String>,
}

/// A position of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AavePosition {
    /// The asset.
    pub asset: Erc20Token,
    /// The scaled balance.
    pub scaled: U256,
    /// The balance with its interest, as the token's `balanceOf` has it; `None` if that is not known.
    pub balance: Option<U256>,
    /// The price of the asset, in units of the base currency.
    pub price: Option<U256>,
    /// What the position is worth, in units of the base currency.
    pub value_base: Option<U256>,
    /// Whether it is used as collateral.
    pub is_collateral: bool,
    /// The loan-to-value ratio that applies to it; `None` for debt.
    pub ltv: Option<BasisPoints>,
    /// The liquidation threshold that applies to it; `None` for debt.
    pub liquidation_threshold: Option<BasisPoints>,
}

/// Values all accounts of a market with debt, at the time of the block that the database is at. The numbers are those of
/// `getUserAccountData`.
///
/// It reads one state of the database, without leaving a trace.
///
/// # Errors
///
/// [`ErrorKind::Valuation`] if no account of the market can be valued. The kinds of
/// [`list_aave_assets`](crate::database::list_aave_assets).
pub fn value_aave_accounts(
    path: &Path,
    market_id: i64,
    prices: &AavePrices,
    options: &AaveRiskOptions,
) -> Result<AaveRiskReport, Error> {
    read_markets(path, "read the accounts", |connection| {
        let market = state(connection, market_id)?;
        let (rules, time) = require_valued(path, &market)?;
        let reserves = AaveV3Reserve::of_market(connection, market_id)?;
        let mut report = AaveRiskReport {
            stable_borrowing: stable_borrowing(rules, &reserves),
            users: 0,
            too_small: 0,
            matching: 0,
            accounts: Vec::new(),
            zones: zones(options.fine_zones),
            not_computed: Vec::new(),
            market,
        };
        let mut valuation = AaveV3Valuation::new(time, prices);
        if let Some(address) = options.address {
            let account = AaveV3Account::of_user(connection, market_id, address)?;
            let owes = |debt: &AaveV3Debt| !debt.position.balance.0.is_zero();
            if let Some(account) = account.filter(|account| account.debt.iter().any(owes)) {
                report.users += 1;
                report.add(path, Ok(account), &mut valuation, options)?;
            }
        } else {
            for account in AaveV3Accounts::with_debt(connection, market_id)? {
                report.users += 1;
                report.add(path, account, &mut valuation, options)?;
            }
        }
        let order = |account: &AaveRiskAccount| {
            let data = &account.data;
            let debt = std::cmp::Reverse(data.debt_base);
            (
                data.health_factor.is_none(),
                data.health_factor,
                debt,
                account.address,
            )
        };
        report.accounts.sort_unstable_by_key(order);
        report.matching = report.accounts.len() as u64;
        report
            .accounts
            .truncate(options.limit.unwrap_or(usize::MAX));
        Ok(report)
    })
}

impl AaveRiskReport {
    fn add(
        &mut self,
        path: &Path,
        account: Result<AaveV3Account, RowError>,
        valuation: &mut AaveV3Valuation<'_>,
        options: &AaveRiskOptions,
    ) -> Result<(), Error> {
        let account = match account {
            Ok(account) => account,
            Err(error @ RowError::Sql { .. }) => return Err(error.into()),
            Err(error) => {
                self.not_computed.push(AaveNotComputed {
                    address: None,
                    reason: error.to_string(),
                });
                return Ok(());
            }
        };
        let data = match valuation.account(&account) {
            Ok(data) => data,
            Err(error) => {
                self.not_computed.push(AaveNotComputed {
                    address: Some(account.user.address),
                    reason: error.to_string(),
                });
                return Ok(());
            }
        };
        if data.debt_base < options.min_debt {
            self.too_small += 1;
            return Ok(());
        }
        // Debt can be worth nothing: then there is no health factor, and the account is in no danger.
        let zone = self.zones.iter_mut().find(|zone| {
            let is_below = |factor: U256| zone.below.is_none_or(|below| factor < hundredths(below));
            data.health_factor.map_or(zone.below.is_none(), is_below)
        });
        if let Some(zone) = zone {
            zone.accounts += 1;
            let sum = |one: U256, other: U256| one.0.checked_add(other.0).map(U256);
            let debt = sum(zone.debt_base, data.debt_base);
            let collateral = sum(zone.collateral_base, data.collateral_base);
            let overflow = || not_valued(path, &self.market, ValuationError::Overflow);
            (zone.debt_base, zone.collateral_base) = debt.zip(collateral).ok_or_else(overflow)?;
        }
        let is_near = |below| data.health_factor.is_some_and(|factor| factor < below);
        if options.below.is_none_or(is_near) {
            self.accounts.push(AaveRiskAccount {
                address: account.user.address,
                e_mode: account.user.e_mode,
                data,
            });
        }
        Ok(())
    }
}

/// An account of a market with its positions; `None` if the market does not have the user. Without prices, only the
/// balances are known.
///
/// # Errors
///
/// The kinds of [`list_aave_assets`](crate::database::list_aave_assets).
pub fn show_aave_position(
    path: &Path,
    market_id: i64,
    address: Address,
    prices: Option<&AavePrices>,
) -> Result<Option<AavePositionReport>, Error> {
    let none = AavePrices::new(AavePrices::DOLLAR);
    read_markets(path, "read the account", |connection| {
        let market = state(connection, market_id)?;
        let Some(account) = AaveV3Account::of_user(connection, market_id, address)? else {
            return Ok(None);
        };
        let reserves = AaveV3Reserve::of_market(connection, market_id)?;
        let rules = market.pool_revision.and_then(|it| PoolRules::new(it).ok());
        let mut valuation = market
            .time
            .map(|time| AaveV3Valuation::new(time, prices.unwrap_or(&none)));
        let data = prices.map(|_| match &mut valuation {
            Some(valuation) => valuation.account(&account),
            None => Err(ValuationError::NoMarketTime),
        });
        Ok(Some(AavePositionReport {
            e_mode: account.user.e_mode,
            e_mode_label: account
                .e_mode_category
                .as_ref()
                .and_then(|category| category.label.clone()),
            data,
            collateral: collateral(&account, valuation.as_mut()),
            debt: debt(&account, valuation.as_mut()),
            stable_borrowing: rules.map_or_else(Vec::new, |it| stable_borrowing(it, &reserves)),
            market,
        }))
    })
}

fn collateral(
    account: &AaveV3Account,
    mut valuation: Option<&mut AaveV3Valuation<'_>>,
) -> Vec<AavePosition> {
    let filled = account.collateral.iter();
    let filled = filled.filter(|it| !it.position.balance.0.is_zero());
    let positions = filled.map(|it| {
        let scaled = it.position.balance;
        let mut position = AavePosition {
            asset: it.reserve.underlying.clone(),
            scaled,
            balance: None,
            price: None,
            value_base: None,
            is_collateral: it.enabled == Some(true),
            ltv: account.ltv(&it.reserve),
            liquidation_threshold: account.liquidation_threshold(&it.reserve),
        };
        if let Some(valuation) = valuation.as_deref_mut()
            && let Ok(at_time) = valuation.reserve(&it.reserve)
        {
            let rules = it.reserve.a_token_rules().ok();
            position.balance = rules.and_then(|it| it.balance(scaled, at_time.liquidity_index));
            if let Ok(value) = valuation.collateral(account, it) {
                position.price = Some(value.price);
                position.value_base = at_time.rules.collateral_value(&value);
            }
        }
        position
    });
    positions.collect()
}

fn debt(
    account: &AaveV3Account,
    mut valuation: Option<&mut AaveV3Valuation<'_>>,
) -> Vec<AavePosition> {
    let filled = account.debt.iter();
    let filled = filled.filter(|it| !it.position.balance.0.is_zero());
    let positions = filled.map(|it| {
        let scaled = it.position.balance;
        let mut position = AavePosition {
            asset: it.reserve.underlying.clone(),
            scaled,
            balance: None,
            price: None,
            value_base: None,
            is_collateral: false,
            ltv: None,
            liquidation_threshold: None,
        };
        if let Some(valuation) = valuation.as_deref_mut()
            && let Ok(at_time) = valuation.reserve(&it.reserve)
        {
            position.balance = debt_balance(account, it, at_time.borrow_index);
            if let Ok(value) = valuation.debt(account, it) {
                position.price = Some(value.price);
                position.value_base = at_time.rules.debt_value(&value);
            }
        }
        position
    });
    positions.collect()
}

/// The balance of a debt at an index, without the discount that it may have.
fn debt_balance(account: &AaveV3Account, debt: &AaveV3Debt, index: U256) -> Option<U256> {
    let rules = debt.reserve.v_token_rules().ok()?;
    let scaled = debt.position.balance;
    let balance = rules.balance(scaled, index)?;
    if !rules.has_discount() {
        return Some(balance);
    }
    let before = rules.balance(scaled, debt.position.last_index.unwrap_or_default())?;
    let interest = U256(balance.0.checked_sub(before.0)?);
    let discount = percent_mul(interest, account.user.gho_discount)?;
    balance.0.checked_sub(discount.0).map(U256)
}

/// What no account of the market can be valued without.
fn require_valued(path: &Path, market: &AaveMarketState) -> Result<(PoolRules, Timestamp), Error> {
    let because = |source| not_valued(path, market, source);
    let revision = market
        .pool_revision
        .ok_or_else(|| because(ValuationError::NoPoolRevision))?;
    let unknown = |_| because(ValuationError::UnknownPoolRevision { revision });
    let rules = PoolRules::new(revision).map_err(unknown)?;
    let time = market
        .time
        .ok_or_else(|| because(ValuationError::NoMarketTime))?;
    Ok((rules, time))
}

fn not_valued(path: &Path, market: &AaveMarketState, source: ValuationError) -> Error {
    ErrorKind::Valuation {
        market: market.name.to_string(),
        source: Box::new(source),
    }
    .at(path)
}

fn stable_borrowing(rules: PoolRules, reserves: &[AaveV3Reserve]) -> Vec<String> {
    if !rules.has_stable_debt() {
        return Vec::new();
    }
    let with_stable = reserves.iter().filter(|reserve| {
        let config = reserve.config.as_ref();
        config.is_some_and(|config| config.stable_borrowing_enabled)
    });
    with_stable.map(|it| it.underlying.label()).collect()
}

fn zones(fine: bool) -> Vec<AaveRiskZone> {
    let bounds: Vec<u64> = if fine {
        let (first, last, width) = FINE_BOUNDS;
        (first..=last).step_by(width).collect()
    } else {
        BOUNDS.into()
    };
    let from = std::iter::once(0).chain(bounds.clone());
    let below = bounds.into_iter().map(Some).chain([None]);
    let zones = from.zip(below).map(|(from, below)| AaveRiskZone {
        from,
        below,
        accounts: 0,
        debt_base: U256::default(),
        collateral_base: U256::default(),
    });
    zones.collect()
}

/// A health factor in wad.
fn hundredths(number: u64) -> U256 {
    U256(Number::from(number) * Number::from(10_000_000_000_000_000_u64))
}
