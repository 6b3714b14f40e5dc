//! `degenbot pool show`: shows a pool and its liquidity.

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exchange::lookup::require_known_chains;
use crate::cli::failure::Failure;
use crate::cli::format::{cell, yes_or_no};
use crate::cli::json::Json;
use crate::cli::known_values::chain_id;
use crate::cli::pool::cells;
use crate::cli::pool::liquidity_chart::chart;
use crate::cli::pool::pool_table::PoolTable;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::Left;
use crate::cli::table::Table;
use crate::database::reports::pool_info::PoolInfo;
use crate::database::reports::pool_show::{
    PoolLiquidity, PoolReport, PoolSelector, TokenSelector, show_pools,
};
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::types::integer::ChainId;
use crate::types::sql_value::SqlValue;

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The pool: its address, the hash of a Uniswap V4 pool, its ID; or its first token
    #[arg(value_name = "POOL|TOKEN")]
    pool: String,
    /// The other token of the pool; tokens are named by their address or symbol
    #[arg(value_name = "TOKEN")]
    token: Option<String>,
    /// Only this chain, by its name or ID; can be repeated
    #[arg(long, value_name = "CHAIN", value_parser = chain_id(), hide_possible_values = true)]
    chain: Vec<ChainId>,
    #[command(flatten)]
    json: Json,
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let Some(selector) = selector(&self.pool, self.token.as_deref()) else {
            return Err(Failure::UnknownPool { name: self.pool });
        };
        require_known_chains(&path, &self.chain)?;
        let report = show_pools(&path, &selector, &self.chain)?;
        if report.pools.is_empty() {
            let name = match self.token {
                Some(token) => format!("{}/{token}", self.pool),
                None => self.pool,
            };
            return Err(Failure::UnknownPool { name });
        }
        if self.json.is_given() {
            let document = Document::new(path.display().to_string(), &report);
            return self.json.report(context, "pool show", &document);
        }
        match report.pools.as_slice() {
            [pool] => context.print(&describe(context, pool, report.liquidity.as_ref())),
            _ => list(context, report),
        }
    }
}

/// What the arguments name; `None` if they cannot name a pool.
fn selector(pool: &str, token: Option<&str>) -> Option<PoolSelector> {
    let token_called = |text: &str| match text.parse() {
        Ok(address) => TokenSelector::Address(address),
        Err(_) => TokenSelector::Symbol(text.to_owned()),
    };
    if let Some(token) = token {
        return Some(PoolSelector::Pair([pool, token].map(token_called)));
    }
    if !pool.is_empty() && pool.bytes().all(|byte| byte.is_ascii_digit()) {
        return pool.parse().ok().map(PoolSelector::Id);
    }
    if let Ok(address) = pool.parse() {
        return Some(PoolSelector::Address(address));
    }
    if let Ok(hash) = pool.parse() {
        return Some(PoolSelector::Hash(hash));
    }
    // As the list has them.
    let (one, other) = pool.split_once('/')?;
    Some(PoolSelector::Pair([one, other].map(token_called)))
}

#[derive(Serialize)]
struct Document<'report> {
    path: String,
    pools: &'report [PoolInfo],
    liquidity: Option<LiquidityDocument>,
}

#[derive(Serialize)]
struct LiquidityDocument {
    words: Option<i64>,
    ticks: Vec<TickDocument>,
}

#[derive(Serialize)]
struct TickDocument {
    tick: i32,
    /// Texts, because most readers of JSON have no number of this size.
    liquidity_net: String,
    liquidity_gross: String,
}

impl<'report> Document<'report> {
    fn new(path: String, report: &'report PoolReport) -> Self {
        let tick = |at: &TickLiquidity| TickDocument {
            tick: at.tick.get(),
            liquidity_net: at.liquidity_net.to_string(),
            liquidity_gross: at.liquidity_gross.to_string(),
        };
        Self {
            path,
            pools: &report.pools,
            liquidity: report
                .liquidity
                .as_ref()
                .map(|liquidity| LiquidityDocument {
                    words: liquidity.words,
                    ticks: liquidity.ticks.iter().map(tick).collect(),
                }),
        }
    }
}

/// Lists the pools that the arguments can mean.
fn list(context: &Context, report: PoolReport) -> Result<(), Failure> {
    let number = report.pools.len();
    let mut table = PoolTable::new(context);
    for pool in report.pools {
        table.push(pool)?;
    }
    table.print()?;
    context.printer.message(format_args!(
        "These {number} pools match. Name one by its address or its hash, and its chain by --chain."
    ));
    Ok(())
}

fn describe(context: &Context, pool: &PoolInfo, liquidity: Option<&PoolLiquidity>) -> Lines {
    const USUAL: usize = 80;
    let mut facts = vec![
        ("Pool", cells::address(pool)),
        ("ID", format!("{} in {}", pool.id, pool.family.table())),
        ("Kind", cell(pool.kind.as_ref())),
        ("Exchange", cells::exchange(pool)),
        ("Chain", cell(pool.chain_id.as_ref())),
        ("Token 0", cells::token(&pool.token0)),
        ("Token 1", cells::token(&pool.token1)),
        ("Fee", cells::fee(pool)),
    ];
    let others = [
        ("Manager", pool.manager.as_ref().map(SqlValue::to_string)),
        ("Hooks", pool.hooks.as_ref().map(SqlValue::to_string)),
        (
            "Stable",
            pool.stable.as_ref().map(|stable| yes_or_no(Some(stable))),
        ),
        (
            "Tick spacing",
            pool.tick_spacing.as_ref().map(SqlValue::to_string),
        ),
        ("Bin step", pool.bin_step.as_ref().map(SqlValue::to_string)),
    ];
    facts.extend(
        others
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    if let Some(liquidity) = liquidity {
        let words = liquidity.words.map(SqlValue::Integer);
        facts.push(("Mark", cells::mark(pool)));
        facts.push(("Ticks", cells::ticks(pool)));
        facts.push(("Words", cell(words.as_ref())));
    }
    let mut table = Table::new([Left, Left]);
    for (name, value) in facts {
        table.push([name.to_owned(), value]);
    }
    let mut lines: Lines = table.lines().collect();
    if let Some(liquidity) = liquidity {
        let columns = context.printer.columns().unwrap_or(USUAL);
        lines.push("");
        lines.extend(chart(pool, liquidity, columns));
    }
    lines
}
