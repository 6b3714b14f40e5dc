//! `degenbot aave position risk`: finds the users near liquidation.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::aave::prices::{AavePrices, InvalidPrice, WholePrice};
use crate::cli::aave::amounts::{
    WAD, buffer_percent, buffer_text, health_factor, in_base, percent,
};
use crate::cli::aave::chosen::{chains, chosen, names};
use crate::cli::aave::heading::{MarketFields, heading};
use crate::cli::aave::position::zones::histogram;
use crate::cli::aave::pricing::{MarketPrices, PricesDocument, Pricing};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::{abbreviated, grouped, plain};
use crate::cli::interrupt::Cancellable;
use crate::cli::json::Json;
use crate::cli::known_values::market;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::Table;
use crate::counted::counted;
use crate::database::reports::aave_accounts::{
    AaveRiskOptions, AaveRiskReport, value_aave_accounts,
};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::decimal::U256;

/// How many users are listed for people, unless more or fewer are asked for.
const USUAL_LIMIT: usize = 20;

/// How many users that could not be valued are listed for people.
const NAMED: usize = 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct Risk {
    /// Only this user
    address: Option<Address>,
    /// Only this market, as `aave list` shows it; without it, all active ones
    #[arg(long, value_name = "NAME", value_parser = market(), hide_possible_values = true)]
    market: Option<String>,
    /// List only users with a health factor below this one, such as 1.05
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    below: Option<U256>,
    /// Leave out users with less debt, in whole units of the base currency (US dollars)
    #[arg(long, value_name = "AMOUNT")]
    min_debt: Option<WholePrice>,
    /// How many users are listed [default: 20; with --json, all]
    #[arg(long, value_name = "USERS")]
    limit: Option<usize>,
    /// Draw only the debt by health factor, in narrow zones
    ///
    /// What can be liquidated is red, what is near it magenta, the rest green; NO_COLOR in the
    /// environment keeps the bars plain.
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(long, conflicts_with_all = ["address", "below", "limit"])]
    chart: bool,
    #[command(flatten)]
    pricing: Pricing,
    #[command(flatten)]
    json: Json,
}

/// A health factor in wad.
fn factor(text: &str) -> Result<U256, String> {
    let number = text.parse::<WholePrice>();
    let factor = number.and_then(|number| number.in_units(WAD));
    factor.map_err(|error| match error {
        InvalidPrice::Number => "it is not a number like 1.05".to_owned(),
        InvalidPrice::TooManyDecimals => "it has more than 18 decimals".to_owned(),
        error => error.to_string(),
    })
}

/// A market, its users, and the prices that they were valued with.
type Valued = (AaveRiskReport, MarketPrices);

impl Risk {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let file = self.pricing.read_file()?;
        let _running = Cancellable::begin();
        let markets = chosen(&path, self.market.as_deref())?;
        let mut prices = self.pricing.prepare(context, &chains(&markets), file)?;
        let mut reports: Vec<Valued> = Vec::new();
        for market in &markets {
            let chain = market.market.chain;
            let Some(of_market) = prices.of(market)? else {
                return Err(Failure::Sync {
                    chain,
                    error: Box::new(SyncError::NoEndpoint { chain }),
                });
            };
            let report = self.value(&path, market.market.id, &of_market.prices)?;
            reports.extend(report.map(|report| (report, of_market)));
        }
        prices.finish()?;
        if let (Some(address), []) = (self.address, reports.as_slice()) {
            return Err(Failure::UnknownUser {
                address,
                markets: names(&markets),
                with_debt: true,
            });
        }
        let document = Document {
            path: path.display().to_string(),
            markets: reports.iter().map(MarketDocument::of).collect(),
        };
        self.json
            .report_or(context, "aave position risk", &document, || {
                self.describe(context, &reports)
            })
    }

    /// The users of a market; `None` if it does not have the one that was asked for.
    fn value(
        &self,
        path: &Path,
        market_id: i64,
        prices: &AavePrices,
    ) -> Result<Option<AaveRiskReport>, Failure> {
        let min_debt = self.min_debt.map(|debt| debt.in_units(prices.unit()));
        let min_debt = min_debt
            .transpose()
            .map_err(|error| Failure::PriceNotUsed {
                asset: "--min-debt".to_owned(),
                error,
            })?;
        let usual = (!self.json.is_given()).then_some(USUAL_LIMIT);
        let mut options = AaveRiskOptions::default().min_debt(min_debt.unwrap_or_default());
        options.below = self.below;
        options.limit = self.limit.or(usual);
        options.address = self.address;
        options.fine_zones = self.chart;
        match value_aave_accounts(path, market_id, prices, &options) {
            Ok(report) => Ok((self.address.is_none() || report.users > 0).then_some(report)),
            Err(error) => Err(error.into()),
        }
    }

    fn describe(&self, context: &Context, reports: &[Valued]) -> Lines {
        const USUAL_WIDTH: usize = 80;
        let mut lines = Lines::new();
        for (place, (report, prices)) in reports.iter().enumerate() {
            if place > 0 {
                lines.push("");
            }
            lines.push_fitting(&heading(&report.market), 4);
            prices.describe(&mut lines);
            summary(&mut lines, report);
            if self.address.is_none() {
                lines.push("");
                let columns = context.printer.columns().unwrap_or(USUAL_WIDTH);
                let unit = &prices.prices;
                histogram(
                    &mut lines,
                    &report.zones,
                    unit,
                    prices.base_currency,
                    columns,
                );
            }
            if !self.chart {
                list(&mut lines, report, prices, context.printer.columns());
            }
        }
        lines
    }
}

fn summary(lines: &mut Lines, report: &AaveRiskReport) {
    let mut parts = vec![format!(
        "{} with debt",
        counted(grouped(report.users), "user")
    )];
    if report.too_small > 0 {
        let number = grouped(report.too_small);
        parts.push(format!("{number} of them with less than --min-debt"));
    }
    if !report.not_computed.is_empty() {
        let number = grouped(report.not_computed.len() as u64);
        parts.push(format!("{number} not computed"));
    }
    let text = parts.join(", ");
    lines.push_fitting(&text, 4);
    if !report.stable_borrowing.is_empty() {
        let assets: Vec<_> = report.stable_borrowing.iter().map(|it| plain(it)).collect();
        let text = format!(
            "Debts at stable rates, which the database does not have, may be missing: {}",
            assets.join(", ")
        );
        lines.push_fitting(&text, 4);
    }
}

fn list(lines: &mut Lines, report: &AaveRiskReport, prices: &MarketPrices, columns: Option<usize>) {
    /// A table with whole addresses has this width.
    const WIDE: usize = 120;
    let amount = |amount| in_base(amount, prices.prices.unit(), prices.base_currency);
    let is_narrow = columns.is_some_and(|columns| columns < WIDE);
    let name = |address: Address| {
        let address = address.to_string();
        if is_narrow {
            abbreviated(&address)
        } else {
            address
        }
    };
    if !report.accounts.is_empty() {
        let near = report.accounts.iter().map(|account| {
            let data = &account.data;
            [
                name(account.address),
                health_factor(data.health_factor),
                buffer_percent(data.health_factor),
                amount(data.debt_base),
                amount(data.collateral_base),
            ]
        });
        let titles = [
            ("User", Left),
            ("Health factor", Right),
            ("Buffer", Right),
            ("Debt", Right),
            ("Collateral", Right),
        ];
        lines.push("");
        if is_narrow {
            let mut table = Table::titled(titles);
            near.for_each(|row| table.push(row));
            lines.extend(table.lines());
        } else {
            let [user, factor, buffer, debt, collateral] = titles;
            let more = [("LTV", Right), ("Threshold", Right), ("E-mode", Right)];
            let [ltv, threshold, e_mode] = more;
            let mut table = Table::titled([
                user, factor, buffer, debt, collateral, ltv, threshold, e_mode,
            ]);
            for (account, row) in report.accounts.iter().zip(near) {
                let [user, factor, buffer, debt, collateral] = row;
                let ltv = percent(Some(account.data.ltv));
                let threshold = percent(Some(account.data.liquidation_threshold));
                let e_mode = match account.e_mode.get() {
                    0 => "-".to_owned(),
                    number => number.to_string(),
                };
                table.push([
                    user, factor, buffer, debt, collateral, ltv, threshold, e_mode,
                ]);
            }
            lines.extend(table.lines());
        }
        let more = report.matching - report.accounts.len() as u64;
        if more > 0 {
            lines.push(format_args!("{} more; see --limit", grouped(more)));
        }
    }
    if report.not_computed.is_empty() {
        return;
    }
    lines.push("");
    lines.push("Not computed:");
    for part in report.not_computed.iter().take(NAMED) {
        let user = part.address.map_or_else(|| "-".to_owned(), name);
        lines.push_fitting(&format!("{user}  {}", part.reason), 4);
    }
    let more = report.not_computed.len().saturating_sub(NAMED);
    if more > 0 {
        lines.push(format_args!(
            "{} more; --json has all",
            grouped(more as u64)
        ));
    }
}

#[derive(Serialize)]
struct Document {
    path: String,
    markets: Vec<MarketDocument>,
}

#[derive(Serialize)]
struct MarketDocument {
    #[serde(flatten)]
    market: MarketFields,
    prices: PricesDocument,
    users: u64,
    users_below_min_debt: u64,
    matching_users: u64,
    stable_borrowing: Vec<String>,
    zones: Vec<ZoneDocument>,
    accounts: Vec<AccountDocument>,
    not_computed: Vec<NotComputedDocument>,
}

#[derive(Serialize)]
struct ZoneDocument {
    from: String,
    below: Option<String>,
    users: u64,
    debt_base: String,
    collateral_base: String,
}

#[derive(Serialize)]
struct AccountDocument {
    address: String,
    e_mode: u8,
    health_factor: Option<String>,
    buffer: Option<String>,
    collateral_base: String,
    debt_base: String,
    available_borrows_base: String,
    ltv: u32,
    liquidation_threshold: u32,
}

#[derive(Serialize)]
struct NotComputedDocument {
    address: Option<String>,
    reason: String,
}

impl MarketDocument {
    fn of((report, prices): &Valued) -> Self {
        /// A hundredth of a health factor, in wad.
        const HUNDREDTH: u128 = 10_000_000_000_000_000;
        let wad = |hundredths: u64| (u128::from(hundredths) * HUNDREDTH).to_string();
        let zones = report.zones.iter().map(|zone| ZoneDocument {
            from: wad(zone.from),
            below: zone.below.map(wad),
            users: zone.accounts,
            debt_base: zone.debt_base.to_string(),
            collateral_base: zone.collateral_base.to_string(),
        });
        let accounts = report.accounts.iter().map(|account| {
            let data = &account.data;
            AccountDocument {
                address: account.address.to_string(),
                e_mode: account.e_mode.get(),
                health_factor: data.health_factor.map(|it| it.to_string()),
                buffer: buffer_text(data.health_factor),
                collateral_base: data.collateral_base.to_string(),
                debt_base: data.debt_base.to_string(),
                available_borrows_base: data.available_borrows_base.to_string(),
                ltv: data.ltv.get(),
                liquidation_threshold: data.liquidation_threshold.get(),
            }
        });
        let not_computed = report.not_computed.iter().map(|part| NotComputedDocument {
            address: part.address.map(|it| it.to_string()),
            reason: part.reason.clone(),
        });
        Self {
            market: MarketFields::of(&report.market),
            prices: prices.document(),
            users: report.users,
            users_below_min_debt: report.too_small,
            matching_users: report.matching,
            stable_borrowing: report.stable_borrowing.clone(),
            zones: zones.collect(),
            accounts: accounts.collect(),
            not_computed: not_computed.collect(),
        }
    }
}
