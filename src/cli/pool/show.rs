//! `degenbot pool show`: shows a pool and its liquidity.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::asking::Nodes;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::exchange::lookup::require_known_chains;
use crate::cli::failure::Failure;
use crate::cli::format::{cell, yes_or_no};
use crate::cli::interrupt::Cancellable;
use crate::cli::json::Json;
use crate::cli::known_values::chain_id;
use crate::cli::options::path_of_file;
use crate::cli::own_file::OwnFile;
use crate::cli::pool::cells;
use crate::cli::pool::liquidity_chart::{BARS, Current, buckets, draw};
use crate::cli::pool::liquidity_svg;
use crate::cli::pool::pool_table::PoolTable;
use crate::cli::pool::prices::Prices;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::Left;
use crate::cli::table::Table;
use crate::database::reports::liquidity_buckets::LiquidityBuckets;
use crate::database::reports::pool_info::PoolInfo;
use crate::database::reports::pool_show::{
    PoolLiquidity, PoolReport, PoolSelector, TokenSelector, show_pools,
};
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::node::options::NodeOptions;
use crate::sync::current_tick::ask_current_tick;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId, Tick};
use crate::types::sql_value::SqlValue;

/// The width of a chart in a file or a pipe.
const USUAL_WIDTH: usize = 80;

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
    /// Draw only the liquidity, around the current tick, which a node says
    ///
    /// The node is that of the pool's chain in the config file. Without one, the chart is
    /// around the middle of the liquidity. Bars below the current price are green, those
    /// above it magenta; NO_COLOR in the environment keeps them plain.
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(long)]
    chart: bool,
    /// Write the chart to this file as an SVG image
    ///
    /// It has colours for light and dark pages. Only a chart of this command is replaced.
    #[arg(long, value_name = "FILE", value_parser = path_of_file("the image is written to a file as a whole; name one ('./-' is one)"))]
    svg: Option<PathBuf>,
    /// The current tick, for --chart and --svg; no node is asked
    #[arg(long, value_name = "TICK", value_parser = tick, allow_negative_numbers = true, conflicts_with = "rpc")]
    tick: Option<Tick>,
    #[command(flatten)]
    nodes: Nodes,
    #[command(flatten)]
    json: Json,
}

fn tick(text: &str) -> Result<Tick, String> {
    let tick = text.parse::<i32>().ok();
    let tick = tick.and_then(|tick| Tick::new(tick).ok());
    tick.ok_or_else(|| "it is not a tick (-887272 to 887272)".to_owned())
}

impl Show {
    /// An option that has no effect without another one.
    pub(super) fn contradiction(&self) -> Option<String> {
        let option = if self.tick.is_some() {
            "--tick <TICK>"
        } else if !self.nodes.rpc.is_empty() {
            "--rpc <URL>"
        } else {
            return None;
        };
        (!self.is_chart())
            .then(|| format!("the argument '{option}' needs '--chart' or '--svg <FILE>'"))
    }

    /// Whether the current tick is wanted.
    const fn is_chart(&self) -> bool {
        self.chart || self.svg.is_some()
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let settings = context.settings()?;
        let path = settings.database.path.clone();
        let name = self.name();
        let Some(selector) = selector(&self.pool, self.token.as_deref()) else {
            return Err(Failure::UnknownPool { name });
        };
        let file = self.svg.clone().map(|path| {
            let expected = "a chart of this command";
            OwnFile::at(path, &settings, liquidity_svg::BEGIN, expected)
        });
        let file = file.transpose()?;
        require_known_chains(&path, &self.chain)?;
        let report = show_pools(&path, &selector, &self.chain)?;
        if report.pools.is_empty() {
            return Err(Failure::UnknownPool { name });
        }
        let chart = self.is_chart().then(|| self.chart(context, &report));
        let chart = chart.transpose()?;
        if let (Some(file), Some(chart)) = (file, &chart) {
            let buckets = chart.buckets(liquidity_svg::BARS)?;
            let current = chart.current.as_ref().map(|it| *it).map_err(String::as_str);
            let image = liquidity_svg::image(&chart.title(), &chart.prices, &buckets, current);
            file.replace(image.as_bytes())?;
            context.printer.message(format_args!(
                "Wrote the chart to {}.",
                file.path().display()
            ));
        }
        if self.json.is_given() {
            let mut document = Document::new(path.display().to_string(), &report);
            let chart = chart.as_ref().map(ChartDocument::of).transpose()?;
            document.chart = chart;
            return self.json.report(context, "pool show", &document);
        }
        match (chart, report.pools.as_slice()) {
            (Some(chart), _) if self.chart => context.print(&chart.lines(context)?),
            (Some(_), _) => Ok(()),
            (None, [pool]) => context.print(&describe(context, pool, report.liquidity.as_ref())),
            (None, _) => list(context, report),
        }
    }

    /// The pool as the arguments name it.
    fn name(&self) -> String {
        match &self.token {
            Some(token) => format!("{}/{token}", self.pool),
            None => self.pool.clone(),
        }
    }

    fn chart<'report>(
        &self,
        context: &Context,
        report: &'report PoolReport,
    ) -> Result<Chart<'report>, Failure> {
        let not_drawn = |reason: &str| Failure::PoolNotDrawn {
            name: self.name(),
            reason: reason.to_owned(),
            matching: report.pools.len(),
        };
        let (pool, liquidity) = match (report.pools.as_slice(), &report.liquidity) {
            ([pool], Some(liquidity)) => (pool, liquidity),
            ([_], None) => return Err(not_drawn("pools of its kind have no ticks")),
            _ => return Err(not_drawn("several pools match")),
        };
        // What cannot be drawn is not worth a question.
        buckets(pool, liquidity, None, BARS).map_err(not_drawn)?;
        let current = match self.tick {
            Some(tick) => Ok(Current { tick, block: None }),
            None => self.ask(context, pool)?,
        };
        Ok(Chart {
            name: self.name(),
            pool,
            liquidity,
            prices: Prices::of(pool),
            current,
        })
    }

    /// Asks a node for the current tick; the inner error is why there is none.
    fn ask(&self, context: &Context, pool: &PoolInfo) -> Result<Result<Current, String>, Failure> {
        let chain = match &pool.chain_id {
            Some(SqlValue::Integer(id)) => u64::try_from(*id).ok(),
            _ => None,
        };
        let chain = chain.and_then(|chain| ChainId::new(chain).ok());
        let Some(chain) = chain else {
            return Ok(Err(
                "The current tick is not known: the pool is on no chain".to_owned(),
            ));
        };
        let settings = context.settings()?;
        let of_chain = |error: SyncError| Failure::Sync {
            chain,
            error: Box::new(error),
        };
        let _running = Cancellable::begin();
        let options = NodeOptions::default();
        let endpoints = Endpoints::new(
            &settings,
            &self.nodes.rpc,
            &options,
            &BTreeSet::from([chain]),
        )?;
        let node = match endpoints.node(chain) {
            Err(SyncError::NoEndpoint { .. }) => {
                return Ok(Err(format!(
                    "The current tick is not known: there is no node for chain ID {chain} (see --rpc and --tick)"
                )));
            }
            node => node.map_err(of_chain)?,
        };
        let current = ask_current_tick(&node, pool).map_err(|error| of_chain(error.into()))?;
        Ok(current
            .map(|current| Current {
                tick: current.tick,
                block: Some(current.block),
            })
            .ok_or_else(|| {
                "The current tick is not known: the contract does not say it".to_owned()
            }))
    }
}

/// A chart of the only pool that the arguments can mean.
struct Chart<'report> {
    name: String,
    pool: &'report PoolInfo,
    liquidity: &'report PoolLiquidity,
    prices: Prices,
    /// The current tick, or why it is not known.
    current: Result<Current, String>,
}

impl Chart<'_> {
    fn tick(&self) -> Option<Tick> {
        self.current.as_ref().ok().map(|current| current.tick)
    }

    fn buckets(&self, number: u8) -> Result<LiquidityBuckets, Failure> {
        buckets(self.pool, self.liquidity, self.tick(), number).map_err(|reason| {
            Failure::PoolNotDrawn {
                name: self.name.clone(),
                reason: reason.to_owned(),
                matching: 1,
            }
        })
    }

    fn title(&self) -> String {
        const LONGEST: usize = 20;
        format!(
            "{}, {}, {}",
            cells::tokens(self.pool, LONGEST),
            cells::fee(self.pool),
            cells::exchange(self.pool)
        )
    }

    fn lines(&self, context: &Context) -> Result<Lines, Failure> {
        let mut lines = Lines::new();
        lines.push_fitting(&format!("Liquidity of {}", self.title()), 4);
        match &self.current {
            Ok(current) => lines.push_fitting(&format!("▶ {}", current.describe(&self.prices)), 4),
            Err(unknown) => lines.push_fitting(unknown, 4),
        }
        let columns = context.printer.columns().unwrap_or(USUAL_WIDTH);
        draw(
            &mut lines,
            &self.prices,
            &self.buckets(BARS)?,
            self.tick(),
            columns,
        );
        Ok(lines)
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
    chart: Option<ChartDocument>,
}

#[derive(Serialize)]
struct ChartDocument {
    current_tick: Option<i32>,
    block: Option<u64>,
    bucket_ticks: u32,
    buckets: Vec<BucketDocument>,
}

#[derive(Serialize)]
struct BucketDocument {
    lower: i32,
    upper: i32,
    liquidity_ticks: String,
}

impl ChartDocument {
    fn of(chart: &Chart<'_>) -> Result<Self, Failure> {
        let buckets = chart.buckets(BARS)?;
        let current = chart.current.as_ref().ok();
        let documents = buckets.buckets.iter().map(|bucket| BucketDocument {
            lower: bucket.lower,
            upper: bucket.upper,
            liquidity_ticks: bucket.liquidity_ticks.to_string(),
        });
        Ok(Self {
            current_tick: current.map(|current| current.tick.get()),
            block: current
                .and_then(|current| current.block)
                .map(BlockNumber::get),
            bucket_ticks: buckets.width,
            buckets: documents.collect(),
        })
    }
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
            chart: None,
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
        lines.push("");
        match buckets(pool, liquidity, None, BARS) {
            Ok(buckets) => {
                lines.push("Liquidity around the middle of it: a database has no current price; see --chart.");
                let columns = context.printer.columns().unwrap_or(USUAL_WIDTH);
                draw(&mut lines, &Prices::of(pool), &buckets, None, columns);
            }
            Err(reason) => {
                lines.push(format_args!("The liquidity cannot be drawn: {reason}."));
                if !liquidity.ticks.is_empty() {
                    lines.push("'degenbot database verify' says more about it.");
                }
            }
        }
    }
    lines
}
