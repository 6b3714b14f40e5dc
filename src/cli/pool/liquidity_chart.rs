//! A chart of a pool's liquidity: one bar for each range of ticks.

use crate::cli::bar::{bar, rounded};
use crate::cli::pool::cells::symbol;
use crate::cli::table::Alignment::Right;
use crate::cli::table::padded;
use crate::database::reports::pool_info::PoolInfo;
use crate::database::reports::pool_show::{LiquidityRange, PoolLiquidity};
use crate::types::sql_value::SqlValue;

/// How many bars are shown, about.
const BARS: i32 = 20;

/// The lines of the chart.
pub(super) fn chart(pool: &PoolInfo, liquidity: &PoolLiquidity, columns: usize) -> Vec<String> {
    if liquidity.ticks.is_empty() {
        return vec!["The pool has no liquidity.".to_owned()];
    }
    let Some(ranges) = liquidity.ranges() else {
        return vec![
            "The liquidity cannot be drawn: the net liquidity of the ticks does not add up."
                .to_owned(),
            "'degenbot database verify' says more about it.".to_owned(),
        ];
    };
    let spacing = match &pool.tick_spacing {
        Some(SqlValue::Integer(spacing)) => i16::try_from(*spacing).unwrap_or(1).max(1).into(),
        _ => 1,
    };
    let Some(bars) = Bars::of(&ranges, spacing) else {
        return vec!["The pool has no liquidity.".to_owned()];
    };
    let mut lines = vec![
        "Liquidity by ticks, around those with the most: a database has no current price."
            .to_owned(),
    ];
    lines.extend(bars.lines(pool, columns));
    lines
}

/// The average liquidity of ranges of the same width.
#[derive(Debug, PartialEq)]
struct Bars {
    first: i32,
    width: i32,
    heights: Vec<f64>,
}

impl Bars {
    /// The bars around the range with the most liquidity, and a bit more. They end where hardly more is left than at the
    /// outermost ticks, which have only the positions over all prices. `None` if there is no liquidity.
    fn of(ranges: &[LiquidityRange], spacing: i32) -> Option<Self> {
        const HARDLY: u128 = 20;
        let (place, most) = ranges
            .iter()
            .enumerate()
            .rev()
            .max_by_key(|(_, range)| range.liquidity)
            .map(|(place, range)| (place, range.liquidity))
            .filter(|(_, most)| *most > 0)?;
        let everywhere = ranges.first()?.liquidity.min(ranges.last()?.liquidity);
        let least = everywhere + (most - everywhere) / HARDLY;
        let is_much = |range: &&LiquidityRange| range.liquidity >= least;
        let (before, after) = ranges.split_at(place);
        let below = before.iter().rev().take_while(is_much).last();
        let above = after.iter().take_while(is_much).last()?;
        let lower = below.unwrap_or(after.first()?).lower;
        let (lower, upper) = (lower.get(), above.upper.get());
        let more = ((upper - lower) / 10).max((BARS * spacing - (upper - lower)) / 2);
        let ends = (ranges.first()?.lower, ranges.last()?.upper);
        let lower = (lower - more).max(ends.0.get());
        let upper = (upper + more).min(ends.1.get());
        // Rounded up to a multiple of the spacing.
        let spacings = (upper - lower - 1) / (BARS * spacing) + 1;
        let width = spacings * spacing;
        let first = lower.div_euclid(width) * width;
        let mut heights = Vec::new();
        let mut from = first;
        while from < upper {
            heights.push(average(ranges, from, from + width));
            from += width;
        }
        Some(Self {
            first,
            width,
            heights,
        })
    }

    fn lines(&self, pool: &PoolInfo, columns: usize) -> Vec<String> {
        const WIDEST: usize = 120;
        let most = self.heights.iter().copied().fold(0.0, f64::max);
        let title = price_title(pool);
        let mut rows = vec![["From tick".to_owned(), title, "Liquidity".to_owned()]];
        let mut from = self.first;
        for height in &self.heights {
            rows.push([from.to_string(), price(pool, from), short(*height)]);
            from += self.width;
        }
        let widths = [0, 1, 2].map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        });
        let left: usize = widths.iter().map(|width| width + 2).sum();
        let room = columns.min(WIDEST).saturating_sub(left).max(1);
        let heights = std::iter::once(0.0).chain(self.heights.iter().copied());
        let lines = rows.iter().zip(heights).map(|(row, height)| {
            let [tick, price, liquidity] =
                [0, 1, 2].map(|column| padded(&row[column], widths[column], Right));
            let line = format!("{tick}  {price}  {liquidity}  {}", bar(height / most, room));
            line.trim_end().to_owned()
        });
        lines.collect()
    }
}

/// The average liquidity from a tick up to another.
#[expect(clippy::cast_precision_loss, reason = "a bar has a few hundred steps")]
fn average(ranges: &[LiquidityRange], from: i32, to: i32) -> f64 {
    let begin = ranges.partition_point(|range| range.upper.get() <= from);
    let sum: f64 = ranges[begin..]
        .iter()
        .take_while(|range| range.lower.get() < to)
        .map(|range| {
            let lower = range.lower.get().max(from);
            let upper = range.upper.get().min(to);
            range.liquidity as f64 * f64::from(upper - lower)
        })
        .sum();
    sum / f64::from(to - from)
}

/// A number with four significant digits.
fn short(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number:.3e}")
    }
}

fn decimals(pool: &PoolInfo) -> Option<i32> {
    let of = |value: &Option<SqlValue>| match value {
        Some(SqlValue::Integer(number)) => i32::try_from(*number)
            .ok()
            .filter(|it| (0..=255).contains(it)),
        _ => None,
    };
    Some(of(&pool.token0.decimals)? - of(&pool.token1.decimals)?)
}

fn price_title(pool: &PoolInfo) -> String {
    const LONGEST: usize = 20;
    if decimals(pool).is_none() {
        return "Price (raw)".to_owned();
    }
    match (symbol(&pool.token0), symbol(&pool.token1)) {
        (Some(token0), Some(token1)) => Some(format!("{token1} per {token0}")),
        _ => None,
    }
    .filter(|title| title.chars().count() <= LONGEST)
    .unwrap_or_else(|| "Price".to_owned())
}

/// The price of token 0 in token 1 at a tick; in the smallest units if the decimals are not known.
fn price(pool: &PoolInfo, tick: i32) -> String {
    let scale = 10_f64.powi(decimals(pool).unwrap_or(0));
    let price = 1.0001_f64.powi(tick) * scale;
    if !(1e-4..1e9).contains(&price) {
        return format!("{price:.4e}");
    }
    // Five significant digits, and no exponent.
    let places = rounded(4.0 - price.log10().floor()).min(9);
    format!("{price:.places$}")
}
