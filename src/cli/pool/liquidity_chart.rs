//! A chart of a pool's liquidity: one bar for each bucket of ticks.

use crate::cli::bar::bar;
use crate::cli::format::grouped;
use crate::cli::pool::prices::Prices;
use crate::cli::printer::{Colour, Lines};
use crate::cli::table::Alignment::Right;
use crate::cli::table::padded;
use crate::database::reports::liquidity_buckets::{LiquidityBucket, LiquidityBuckets};
use crate::database::reports::pool_info::PoolInfo;
use crate::database::reports::pool_show::PoolLiquidity;
use crate::types::integer::{BlockNumber, Tick, TickSpacing};
use crate::types::sql_value::SqlValue;

/// How many bars are shown, about.
pub(super) const BARS: u8 = 20;

/// The tick that a pool is at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) tick: Tick,
    /// The block of the node that says so; `None` if the user says it.
    pub(super) block: Option<BlockNumber>,
}

impl Current {
    /// The tick, its price, and who says so.
    pub(super) fn describe(self, prices: &Prices) -> String {
        let tick = self.tick.get();
        let source = match self.block {
            Some(block) => format!("in block {}", grouped(block.get())),
            None => "(--tick)".to_owned(),
        };
        format!("Current tick {tick} {source}: {}", prices.described(tick))
    }
}

/// The buckets of a chart around a tick, or why there are none.
pub(super) fn buckets(
    pool: &PoolInfo,
    liquidity: &PoolLiquidity,
    tick: Option<Tick>,
    number: u8,
) -> Result<LiquidityBuckets, &'static str> {
    let ranges = liquidity.ranges();
    let ranges = ranges.ok_or("the net liquidity of the ticks does not add up")?;
    let spacing = match &pool.tick_spacing {
        Some(SqlValue::Integer(spacing)) => i32::try_from(*spacing).ok(),
        _ => None,
    };
    let spacing = spacing.and_then(|spacing| TickSpacing::new(spacing).ok());
    let spacing = spacing.unwrap_or(TickSpacing::ONE);
    LiquidityBuckets::around(&ranges, spacing, tick, number).ok_or("the pool has none")
}

/// Appends the bars. Those with a price below the current one are green, the others magenta. A wide terminal gets the
/// inverse prices as well.
pub(super) fn draw(
    lines: &mut Lines,
    prices: &Prices,
    buckets: &LiquidityBuckets,
    current: Option<Tick>,
    columns: usize,
) {
    const WIDE: usize = 120;
    const LONGEST_BAR: usize = 160;
    let has_inverse = columns >= WIDE;
    let row = |tick: String, price, inverse, liquidity| {
        let cells = [
            Some(tick),
            Some(price),
            has_inverse.then_some(inverse),
            Some(liquidity),
        ];
        cells.into_iter().flatten().collect::<Vec<String>>()
    };
    let mut rows = vec![row(
        "From tick".to_owned(),
        prices.title(),
        prices.inverse_title(),
        "Liquidity".to_owned(),
    )];
    rows.extend(buckets.buckets.iter().map(|bucket| {
        row(
            bucket.lower.to_string(),
            prices.at(bucket.lower),
            prices.inverse_at(bucket.lower),
            short(height(bucket)),
        )
    }));
    let is_current = |bucket: &LiquidityBucket| current.is_some_and(|current| bucket.has(current));
    let marks = buckets.buckets.iter().map(|bucket| match current {
        Some(_) if is_current(bucket) => "▶ ",
        Some(_) => "  ",
        None => "",
    });
    let first = if current.is_some() { "  " } else { "" };
    let marks: Vec<_> = std::iter::once(first).chain(marks).collect();
    let widths: Vec<_> = (0..rows[0].len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    let left: usize = widths.iter().map(|width| width + 2).sum();
    let left = left + first.len();
    let room = columns.saturating_sub(left).clamp(1, LONGEST_BAR);
    let most = buckets.buckets.iter().map(height).fold(0.0, f64::max);
    let mut bars = buckets.buckets.iter();
    for (place, (row, mark)) in rows.iter().zip(marks).enumerate() {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| padded(cell, *width, Right))
            .collect();
        let line = format!("{mark}{}", cells.join("  "));
        let Some(bucket) = (place > 0).then(|| bars.next()).flatten() else {
            lines.push(line);
            continue;
        };
        let bar = bar(height(bucket) / most, room);
        if bar.is_empty() {
            lines.push(line);
            continue;
        }
        let is_below = current.is_none_or(|current| bucket.lower <= current.get());
        let colour = if is_below {
            Colour::Green
        } else {
            Colour::Magenta
        };
        lines.push_coloured(format_args!("{line}  "), colour, bar);
    }
}

/// The average liquidity of a bucket.
#[expect(clippy::cast_precision_loss, reason = "a bar has a few thousand steps")]
pub(super) fn height(bucket: &LiquidityBucket) -> f64 {
    bucket.average() as f64
}

/// A number with four significant digits.
pub(super) fn short(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number:.3e}")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::pool::prices::tests::prices;
    use crate::database::reports::pool_show::LiquidityRange;

    /// Liquidity at usual prices, and some beyond them.
    pub(in crate::cli::pool) fn sample(current: Option<i32>, number: u8) -> LiquidityBuckets {
        let bounds = [
            (-887_220, 1),
            (-201_000, 5),
            (-199_200, 14),
            (-197_400, 5),
            (-196_200, 1),
            (887_220, 0),
        ];
        let ranges: Vec<_> = bounds
            .windows(2)
            .map(|pair| LiquidityRange {
                lower: Tick::new(pair[0].0).unwrap(),
                upper: Tick::new(pair[1].0).unwrap(),
                liquidity: pair[0].1 * 1_000_000_000_000_000,
            })
            .collect();
        let tick = current.map(|tick| Tick::new(tick).unwrap());
        let spacing = TickSpacing::new(60).unwrap();
        LiquidityBuckets::around(&ranges, spacing, tick, number).unwrap()
    }

    fn drawn(current: Option<i32>, columns: usize) -> Lines {
        let mut lines = Lines::new();
        let prices = prices(Some(12), ["WETH", "USDC"]);
        let tick = current.map(|tick| Tick::new(tick).unwrap());
        draw(&mut lines, &prices, &sample(current, 12), tick, columns);
        lines
    }

    #[test]
    fn charts_fit_on_the_terminal() {
        for columns in [80, 200] {
            let lines = drawn(Some(-198_432), columns).shown(false);
            let widest = lines.lines().map(|line| line.chars().count()).max();
            assert!(widest.unwrap() <= columns, "{lines}");
            assert!(widest.unwrap() > columns - 10, "{lines}");
        }
        insta::assert_snapshot!(drawn(Some(-198_432), 80).shown(false), @r"
          From tick  USDC per WETH  Liquidity
            -201120         1844.6   4.000e15  ███████████▊
            -200640         1935.3   5.000e15  ██████████████▋
            -200160         2030.5   5.000e15  ██████████████▋
            -199680         2130.3   5.000e15  ██████████████▋
            -199200         2235.0   1.400e16  █████████████████████████████████████████
        ▶   -198720         2344.9   1.400e16  █████████████████████████████████████████
            -198240         2460.2   1.400e16  █████████████████████████████████████████
            -197760         2581.2   1.175e16  ██████████████████████████████████▍
            -197280         2708.1   5.000e15  ██████████████▋
            -196800         2841.3   5.000e15  ██████████████▋
            -196320         2981.0   2.000e15  █████▉
            -195840         3127.5   1.000e15  ██▉
        ");
        insta::assert_snapshot!(drawn(None, 80).shown(false), @r"
        From tick  USDC per WETH  Liquidity
          -201120         1844.6   4.000e15  ████████████▎
          -200640         1935.3   5.000e15  ███████████████▍
          -200160         2030.5   5.000e15  ███████████████▍
          -199680         2130.3   5.000e15  ███████████████▍
          -199200         2235.0   1.400e16  ███████████████████████████████████████████
          -198720         2344.9   1.400e16  ███████████████████████████████████████████
          -198240         2460.2   1.400e16  ███████████████████████████████████████████
          -197760         2581.2   1.175e16  ████████████████████████████████████▏
          -197280         2708.1   5.000e15  ███████████████▍
          -196800         2841.3   5.000e15  ███████████████▍
          -196320         2981.0   2.000e15  ██████▏
          -195840         3127.5   1.000e15  ███▏
        ");
        insta::assert_snapshot!(drawn(Some(-198_432), 200).shown(false), @r"
          From tick  USDC per WETH  WETH per USDC  Liquidity
            -201120         1844.6     0.00054212   4.000e15  █████████████████████████████████████████▊
            -200640         1935.3     0.00051671   5.000e15  ████████████████████████████████████████████████████▏
            -200160         2030.5     0.00049250   5.000e15  ████████████████████████████████████████████████████▏
            -199680         2130.3     0.00046942   5.000e15  ████████████████████████████████████████████████████▏
            -199200         2235.0     0.00044742   1.400e16  ██████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████
        ▶   -198720         2344.9     0.00042645   1.400e16  ██████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████
            -198240         2460.2     0.00040647   1.400e16  ██████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████
            -197760         2581.2     0.00038742   1.175e16  ██████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████▌
            -197280         2708.1     0.00036926   5.000e15  ████████████████████████████████████████████████████▏
            -196800         2841.3     0.00035196   5.000e15  ████████████████████████████████████████████████████▏
            -196320         2981.0     0.00033546   2.000e15  ████████████████████▉
            -195840         3127.5     0.00031974   1.000e15  ██████████▍
        ");
    }

    #[test]
    fn bars_are_green_up_to_the_current_price() {
        let shown = drawn(Some(-198_432), 80).shown(true);
        let colours: Vec<_> = shown
            .lines()
            .filter_map(|line| Some(line.split_once("\u{1b}[")?.1.split_once('m')?.0))
            .collect();
        let [green, magenta] = ["32", "35"];
        let marked = shown
            .lines()
            .position(|line| line.starts_with('▶'))
            .unwrap();
        assert!(colours[..marked].iter().all(|it| *it == green), "{shown}");
        assert!(colours[marked..].iter().all(|it| *it == magenta), "{shown}");
        assert!(!colours[marked..].is_empty());
    }
}
