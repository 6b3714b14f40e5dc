//! `degenbot aave position show`: shows the positions of a user.

use clap::Args;
use serde::Serialize;

use crate::aave::account_data::AccountData;
use crate::aave::prices::AavePrices;
use crate::cli::aave::amounts::{
    buffer_percent, buffer_text, health_factor, in_base, of_token, percent, price,
};
use crate::cli::aave::chosen::{chains, chosen, names};
use crate::cli::aave::heading::{MarketFields, heading};
use crate::cli::aave::pricing::{MarketPrices, PricesDocument, Pricing};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::plain;
use crate::cli::interrupt::Cancellable;
use crate::cli::json::Json;
use crate::cli::known_values::market;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::Table;
use crate::database::reports::aave_accounts::{
    AavePosition, AavePositionReport, show_aave_position,
};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, Decimals};

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The user
    address: Address,
    /// Only this market, as `aave list` shows it; without it, all active ones
    #[arg(long, value_name = "NAME", value_parser = market(), hide_possible_values = true)]
    market: Option<String>,
    #[command(flatten)]
    pricing: Pricing,
    #[command(flatten)]
    json: Json,
}

/// What a user has in a market, and the prices, if there are any.
type Shown = (AavePositionReport, Option<MarketPrices>);

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let file = self.pricing.read_file()?;
        let _running = Cancellable::begin();
        let markets = chosen(&path, self.market.as_deref())?;
        let mut prices = self.pricing.prepare(context, &chains(&markets), file)?;
        let mut reports: Vec<Shown> = Vec::new();
        for market in &markets {
            let of_market = prices.of(market)?;
            let known = of_market.as_ref().map(|it| &it.prices);
            let report = show_aave_position(&path, market.market.id, self.address, known)?;
            reports.extend(report.map(|report| (report, of_market)));
        }
        if reports.is_empty() {
            return Err(Failure::UnknownUser {
                address: self.address,
                markets: names(&markets),
                with_debt: false,
            });
        }
        if reports.iter().all(|(_, prices)| prices.is_some()) {
            prices.finish()?;
        }
        let document = Document {
            path: path.display().to_string(),
            address: self.address.to_string(),
            markets: reports.iter().map(MarketDocument::of).collect(),
        };
        self.json
            .report_or(context, "aave position show", &document, || {
                describe(&reports)
            })
    }
}

fn describe(reports: &[Shown]) -> Lines {
    let mut lines = Lines::new();
    for (place, (report, prices)) in reports.iter().enumerate() {
        if place > 0 {
            lines.push("");
        }
        lines.push_fitting(&heading(&report.market), 4);
        match prices {
            Some(prices) => prices.describe(&mut lines),
            None => lines.push_fitting(
                "No prices: no node of the chain is known, and no file is given by --prices",
                4,
            ),
        }
        if !report.stable_borrowing.is_empty() {
            let assets: Vec<_> = report.stable_borrowing.iter().map(|it| plain(it)).collect();
            let text = format!(
                "Debts at stable rates, which the database does not have, may be missing: {}",
                assets.join(", ")
            );
            lines.push_fitting(&text, 4);
        }
        let none = AavePrices::new(AavePrices::DOLLAR);
        let unit = prices.as_ref().map_or(&none, |it| &it.prices).unit();
        let base_currency = prices.as_ref().and_then(|it| it.base_currency);
        let in_base = |amount: U256| in_base(amount, unit, base_currency);
        let price = |amount: U256| price(amount, unit, base_currency);
        account(&mut lines, report, &in_base);
        positions(&mut lines, "Supplied", &report.collateral, &in_base, &price);
        positions(&mut lines, "Owed", &report.debt, &in_base, &price);
    }
    lines
}

/// The numbers of the whole account.
fn account(lines: &mut Lines, report: &AavePositionReport, in_base: &dyn Fn(U256) -> String) {
    let mut table = Table::new([Left, Left]);
    let mut push = |name: &str, value: String| table.push([name.to_owned(), value]);
    if report.e_mode.get() != 0 {
        let label = report.e_mode_label.as_deref().map(plain);
        let label = label.map_or_else(String::new, |label| format!(" ({label})"));
        push("E-mode", format!("{}{label}", report.e_mode));
    }
    match &report.data {
        Some(Ok(data)) => {
            push("Health factor", health_factor(data.health_factor));
            push("Buffer", buffer_percent(data.health_factor));
            push("Collateral", in_base(data.collateral_base));
            push("Debt", in_base(data.debt_base));
            push("Can borrow", in_base(data.available_borrows_base));
            push("Loan to value", percent(Some(data.ltv)));
            push("Threshold", percent(Some(data.liquidation_threshold)));
        }
        Some(Err(error)) => push("Not computed", error.to_string()),
        None => {}
    }
    let facts: Vec<_> = table.lines().collect();
    if !facts.is_empty() {
        lines.push("");
        for fact in facts {
            lines.push_fitting(&fact, 4);
        }
    }
}

fn positions(
    lines: &mut Lines,
    title: &str,
    positions: &[AavePosition],
    in_base: &dyn Fn(U256) -> String,
    price: &dyn Fn(U256) -> String,
) {
    if positions.is_empty() {
        return;
    }
    let dash = || "-".to_owned();
    let mut table = Table::titled([
        (title, Left),
        ("Balance", Right),
        ("Price", Right),
        ("Value", Right),
        ("Collateral", Left),
        ("LTV", Right),
        ("Threshold", Right),
    ]);
    for it in positions {
        let balance = match (it.balance, it.asset.decimals) {
            (Some(balance), Some(decimals)) => of_token(balance, decimals.get()),
            (Some(balance), None) => balance.to_string(),
            (None, _) => format!("{} scaled", it.scaled),
        };
        let is_supplied = it.ltv.is_some() || it.liquidation_threshold.is_some();
        let collateral = match (is_supplied, it.is_collateral) {
            (false, _) => "-",
            (true, false) => "no",
            (true, true) => "yes",
        };
        table.push([
            plain(&it.asset.label()),
            balance,
            it.price.map_or_else(dash, price),
            it.value_base.map_or_else(dash, in_base),
            collateral.to_owned(),
            percent(it.ltv),
            percent(it.liquidation_threshold),
        ]);
    }
    lines.push("");
    lines.extend(table.lines());
}

#[derive(Serialize)]
struct Document {
    path: String,
    address: String,
    markets: Vec<MarketDocument>,
}

#[derive(Serialize)]
struct MarketDocument {
    #[serde(flatten)]
    market: MarketFields,
    prices: Option<PricesDocument>,
    e_mode: u8,
    e_mode_label: Option<String>,
    account: Option<AccountDocument>,
    /// Why there is no account.
    problem: Option<String>,
    stable_borrowing: Vec<String>,
    supplied: Vec<PositionDocument>,
    owed: Vec<PositionDocument>,
}

#[derive(Serialize)]
struct AccountDocument {
    health_factor: Option<String>,
    buffer: Option<String>,
    collateral_base: String,
    debt_base: String,
    available_borrows_base: String,
    ltv: u32,
    liquidation_threshold: u32,
}

#[derive(Serialize)]
struct PositionDocument {
    symbol: Option<String>,
    address: String,
    decimals: Option<u8>,
    scaled_balance: String,
    balance: Option<String>,
    price: Option<String>,
    value_base: Option<String>,
    is_collateral: bool,
    ltv: Option<u32>,
    liquidation_threshold: Option<u32>,
}

impl MarketDocument {
    fn of((report, prices): &Shown) -> Self {
        let account = |data: &AccountData| AccountDocument {
            health_factor: data.health_factor.map(|it| it.to_string()),
            buffer: buffer_text(data.health_factor),
            collateral_base: data.collateral_base.to_string(),
            debt_base: data.debt_base.to_string(),
            available_borrows_base: data.available_borrows_base.to_string(),
            ltv: data.ltv.get(),
            liquidation_threshold: data.liquidation_threshold.get(),
        };
        let data = report.data.as_ref();
        Self {
            market: MarketFields::of(&report.market),
            prices: prices.as_ref().map(MarketPrices::document),
            e_mode: report.e_mode.get(),
            e_mode_label: report.e_mode_label.clone(),
            account: data.and_then(|data| data.as_ref().ok()).map(account),
            problem: data
                .and_then(|data| data.as_ref().err())
                .map(ToString::to_string),
            stable_borrowing: report.stable_borrowing.clone(),
            supplied: report.collateral.iter().map(PositionDocument::of).collect(),
            owed: report.debt.iter().map(PositionDocument::of).collect(),
        }
    }
}

impl PositionDocument {
    fn of(it: &AavePosition) -> Self {
        let text = |number: Option<U256>| number.map(|number| number.to_string());
        Self {
            symbol: it.asset.symbol.clone(),
            address: it.asset.address.to_string(),
            decimals: it.asset.decimals.map(Decimals::get),
            scaled_balance: it.scaled.to_string(),
            balance: text(it.balance),
            price: text(it.price),
            value_base: text(it.value_base),
            is_collateral: it.is_collateral,
            ltv: it.ltv.map(BasisPoints::get),
            liquidation_threshold: it.liquidation_threshold.map(BasisPoints::get),
        }
    }
}
