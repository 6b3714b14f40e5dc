//! `degenbot aave market show`: shows the reserves and e-mode categories of markets.

use clap::Args;
use serde::Serialize;

use crate::cli::aave::amounts::{of_token, percent, rate, timestamp};
use crate::cli::aave::chosen::chosen;
use crate::cli::aave::heading::{MarketFields, heading};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::{grouped, plain};
use crate::cli::json::Json;
use crate::cli::known_values::market;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::Table;
use crate::counted::counted;
use crate::database::reports::aave_market::{
    AaveCategoryReport, AaveMarketReport, AaveReserveReport, show_aave_market,
};
use crate::models::aave::e_mode::AaveV3EModeMembership;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{Decimals, EModeCategoryId};

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// Only this market, as `aave list` shows it; without it, all active ones
    #[arg(long, value_name = "NAME", value_parser = market(), hide_possible_values = true)]
    market: Option<String>,
    #[command(flatten)]
    json: Json,
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let markets = chosen(&path, self.market.as_deref())?;
        let mut reports = Vec::new();
        for market in markets {
            reports.push(show_aave_market(&path, market.market.id)?);
        }
        let document = Document {
            path: path.display().to_string(),
            markets: reports.iter().map(MarketDocument::of).collect(),
        };
        self.json
            .report_or(context, "aave market show", &document, || {
                describe(&reports)
            })
    }
}

fn describe(reports: &[AaveMarketReport]) -> Lines {
    let mut lines = Lines::new();
    for (place, report) in reports.iter().enumerate() {
        if place > 0 {
            lines.push("");
        }
        lines.push_fitting(&heading(&report.market), 4);
        let revision = report.market.pool_revision;
        let revision = revision.map_or_else(
            || "the revision of the Pool is not known".to_owned(),
            |revision| format!("Pool revision {revision}"),
        );
        let text = format!(
            "{}: {revision}, {}, {} and {}",
            plain(&report.market.title),
            counted(grouped(report.users), "user"),
            counted(grouped(report.collateral_positions), "supplied position"),
            counted(grouped(report.debt_positions), "debt"),
        );
        lines.push_fitting(&text, 4);
        reserves(&mut lines, report);
        categories(&mut lines, report);
    }
    lines
}

fn reserves(lines: &mut Lines, report: &AaveMarketReport) {
    let mut table = Table::titled([
        ("Asset", Left),
        ("LTV", Right),
        ("Threshold", Right),
        ("Supplied", Right),
        ("Rate", Right),
        ("Owed", Right),
        ("Rate", Right),
        ("E-modes", Left),
    ]);
    for AaveReserveReport {
        reserve,
        supplied,
        owed,
        ..
    } in &report.reserves
    {
        let amount = |amount: Option<U256>| match (amount, reserve.underlying.decimals) {
            (Some(amount), Some(decimals)) => of_token(amount, decimals.get()),
            (Some(amount), None) => amount.to_string(),
            (None, _) => "-".to_owned(),
        };
        let config = reserve.config.as_ref();
        let e_modes: Vec<_> = reserve
            .e_modes
            .iter()
            .map(|it| it.category_id.to_string())
            .collect();
        table.push([
            plain(&reserve.underlying.label()),
            percent(config.map(|it| it.ltv)),
            percent(config.map(|it| it.liquidation_threshold)),
            amount(*supplied),
            rate(reserve.asset.liquidity_rate),
            amount(*owed),
            rate(reserve.asset.borrow_rate),
            if e_modes.is_empty() {
                "-".to_owned()
            } else {
                e_modes.join(" ")
            },
        ]);
    }
    lines.push("");
    lines.extend(table.lines());
}

/// The symbols of the assets that have a part in a category.
fn members(
    report: &AaveMarketReport,
    category: EModeCategoryId,
    has_part: impl Fn(AaveV3EModeMembership) -> bool,
) -> Vec<String> {
    let reserves = report.reserves.iter().map(|it| &it.reserve);
    let members = reserves.filter(|reserve| reserve.in_e_mode(category).is_some_and(&has_part));
    members.map(|reserve| reserve.underlying.label()).collect()
}

fn categories(lines: &mut Lines, report: &AaveMarketReport) {
    for AaveCategoryReport { category, users } in &report.categories {
        let label = category.label.as_deref().map(plain);
        let label = label.map_or_else(String::new, |label| format!(" ({label})"));
        let shown = |assets: Vec<String>| {
            let assets: Vec<_> = assets.iter().map(|it| plain(it)).collect();
            if assets.is_empty() {
                "-".to_owned()
            } else {
                assets.join(", ")
            }
        };
        lines.push("");
        let text = format!(
            "E-mode {}{label}: LTV {}, threshold {}, {}",
            category.category_id,
            percent(Some(category.ltv)),
            percent(Some(category.liquidation_threshold)),
            counted(grouped(*users), "user")
        );
        lines.push_fitting(&text, 4);
        let number = category.category_id;
        let collateral = members(report, number, |it| it.is_collateral);
        let borrowable = members(report, number, |it| it.is_borrowable);
        let without = members(report, number, |it| it.is_ltv_zero);
        lines.push_fitting(&format!("  collateral: {}", shown(collateral)), 4);
        lines.push_fitting(&format!("  borrowable: {}", shown(borrowable)), 4);
        if !without.is_empty() {
            lines.push_fitting(&format!("  without LTV: {}", shown(without)), 4);
        }
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
    active: bool,
    users: u64,
    supplied_positions: u64,
    debt_positions: u64,
    reserves: Vec<ReserveDocument>,
    e_mode_categories: Vec<CategoryDocument>,
}

#[derive(Serialize)]
struct ReserveDocument {
    symbol: Option<String>,
    address: String,
    decimals: Option<u8>,
    a_token: String,
    a_token_revision: u32,
    v_token: String,
    v_token_revision: u32,
    supplied: Option<String>,
    owed: Option<String>,
    suppliers: u64,
    borrowers: u64,
    liquidity_index: String,
    liquidity_rate: String,
    borrow_index: String,
    borrow_rate: String,
    last_update_time: Option<String>,
    parameters: Option<ParametersDocument>,
    e_modes: Vec<MembershipDocument>,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "as many as the contract has")]
struct ParametersDocument {
    ltv: u32,
    liquidation_threshold: u32,
    liquidation_bonus: u32,
    borrowing_enabled: bool,
    stable_borrowing_enabled: bool,
    flash_loan_enabled: bool,
    isolation_mode: bool,
    debt_ceiling: Option<String>,
    borrowable_in_isolation: bool,
}

#[derive(Serialize)]
struct MembershipDocument {
    category: u8,
    is_collateral: bool,
    is_borrowable: bool,
    is_ltv_zero: bool,
}

#[derive(Serialize)]
struct CategoryDocument {
    category: u8,
    label: Option<String>,
    ltv: u32,
    liquidation_threshold: u32,
    liquidation_bonus: u32,
    price_source: Option<String>,
    users: u64,
}

impl MarketDocument {
    fn of(report: &AaveMarketReport) -> Self {
        Self {
            market: MarketFields::of(&report.market),
            active: report.market.active,
            users: report.users,
            supplied_positions: report.collateral_positions,
            debt_positions: report.debt_positions,
            reserves: report.reserves.iter().map(ReserveDocument::of).collect(),
            e_mode_categories: report.categories.iter().map(CategoryDocument::of).collect(),
        }
    }
}

impl ReserveDocument {
    fn of(report: &AaveReserveReport) -> Self {
        let reserve = &report.reserve;
        let asset = &reserve.asset;
        let text = |number: Option<U256>| number.map(|number| number.to_string());
        let parameters = reserve.config.as_ref().map(|config| ParametersDocument {
            ltv: config.ltv.get(),
            liquidation_threshold: config.liquidation_threshold.get(),
            liquidation_bonus: config.liquidation_bonus.get(),
            borrowing_enabled: config.borrowing_enabled,
            stable_borrowing_enabled: config.stable_borrowing_enabled,
            flash_loan_enabled: config.flash_loan_enabled,
            isolation_mode: config.isolation_mode,
            debt_ceiling: text(config.debt_ceiling),
            borrowable_in_isolation: config.borrowable_in_isolation,
        });
        let e_modes = reserve.e_modes.iter().map(|it| MembershipDocument {
            category: it.category_id.get(),
            is_collateral: it.is_collateral,
            is_borrowable: it.is_borrowable,
            is_ltv_zero: it.is_ltv_zero,
        });
        Self {
            symbol: reserve.underlying.symbol.clone(),
            address: reserve.underlying.address.to_string(),
            decimals: reserve.underlying.decimals.map(Decimals::get),
            a_token: reserve.a_token.address.to_string(),
            a_token_revision: asset.a_token_revision.get(),
            v_token: reserve.v_token.address.to_string(),
            v_token_revision: asset.v_token_revision.get(),
            supplied: text(report.supplied),
            owed: text(report.owed),
            suppliers: report.suppliers,
            borrowers: report.borrowers,
            liquidity_index: asset.liquidity_index.to_string(),
            liquidity_rate: asset.liquidity_rate.to_string(),
            borrow_index: asset.borrow_index.to_string(),
            borrow_rate: asset.borrow_rate.to_string(),
            last_update_time: reserve.last_update_time().map(timestamp),
            parameters,
            e_modes: e_modes.collect(),
        }
    }
}

impl CategoryDocument {
    fn of(report: &AaveCategoryReport) -> Self {
        let category = &report.category;
        let source = category.price_source.filter(|it| *it != Address::ZERO);
        Self {
            category: category.category_id.get(),
            label: category.label.clone(),
            ltv: category.ltv.get(),
            liquidation_threshold: category.liquidation_threshold.get(),
            liquidation_bonus: category.liquidation_bonus.get(),
            price_source: source.map(|it| it.to_string()),
            users: report.users,
        }
    }
}
