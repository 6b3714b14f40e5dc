//! The liquidity of a pool in buckets of ticks, for charts.

use alloy_primitives::U256 as Number;

use crate::database::reports::pool_show::LiquidityRange;
use crate::types::decimal::U256;
use crate::types::integer::{Tick, TickSpacing};

/// The liquidity of a pool around a tick, in buckets of the same width.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiquidityBuckets {
    /// How many ticks each bucket has.
    pub width: u32,
    /// The buckets in ascending order. Each begins where the one before ends.
    pub buckets: Vec<LiquidityBucket>,
}

/// The liquidity of some ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiquidityBucket {
    /// The first tick, a multiple of the width. The outermost buckets can begin and end beyond the ticks that a pool can
    /// have; there is no liquidity.
    pub lower: i32,
    /// The tick after the last.
    pub upper: i32,
    /// The sum of the liquidity of all its ticks.
    pub liquidity_ticks: U256,
}

impl LiquidityBucket {
    /// The average liquidity of its ticks, rounded down.
    #[must_use]
    pub fn average(&self) -> u128 {
        let ticks = self.upper.abs_diff(self.lower);
        let average = self.liquidity_ticks.0.checked_div(Number::from(ticks));
        // No tick has more, so neither has the average.
        average.map_or(0, |average| average.saturating_to())
    }

    /// Whether a tick is one of its ticks.
    #[must_use]
    pub fn has(&self, tick: Tick) -> bool {
        (self.lower..self.upper).contains(&tick.get())
    }
}

impl LiquidityBuckets {
    /// Puts the ranges of [`PoolLiquidity::ranges`](crate::database::PoolLiquidity::ranges) into about `number` buckets
    /// around a tick; without one, around the middle of the liquidity. They have nine tenths of it, and a bit more than
    /// that on both sides. Positions over all prices count only if there are no others. `None` if there is no liquidity.
    #[must_use]
    pub fn around(
        ranges: &[LiquidityRange],
        spacing: TickSpacing,
        tick: Option<Tick>,
        number: u8,
    ) -> Option<Self> {
        let (first, last) = (ranges.first()?, ranges.last()?);
        let everywhere = first.liquidity.min(last.liquidity);
        let weights = [everywhere, 0].map(|less| Weights { ranges, less });
        let weights = weights.iter().find(|it| !it.all().is_zero())?;
        let centre = match tick {
            Some(tick) => tick.get().into(),
            None => weights.middle(),
        };
        let ends = (i64::from(first.lower.get()), i64::from(last.upper.get()));
        let spacing = i64::from(spacing.get());
        let narrowest = i64::from(number.max(1)) * spacing;
        let half = weights.half_of_most(centre).max(narrowest / 2);
        let half = half + half / 3;
        let lower = (centre - half).max(ends.0.min(centre));
        let upper = (centre + half).min(ends.1.max(centre + 1));
        let width = ((upper - lower - 1) / narrowest + 1) * spacing;
        let mut buckets = Vec::new();
        let mut from = lower.div_euclid(width) * width;
        while from < upper {
            buckets.push(LiquidityBucket {
                lower: i32::try_from(from).ok()?,
                upper: i32::try_from(from + width).ok()?,
                liquidity_ticks: U256(sum(ranges, 0, from, from + width)),
            });
            from += width;
        }
        Some(Self {
            width: u32::try_from(width).ok()?,
            buckets,
        })
    }
}

/// The liquidity that decides which ticks are shown: what each range has beyond `less`.
struct Weights<'ranges> {
    ranges: &'ranges [LiquidityRange],
    less: u128,
}

impl Weights<'_> {
    fn between(&self, from: i64, to: i64) -> Number {
        sum(self.ranges, self.less, from, to)
    }

    fn all(&self) -> Number {
        self.between(i64::MIN, i64::MAX)
    }

    /// The tick with half of it on either side.
    fn middle(&self) -> i64 {
        least(TICKS, |tick| {
            let below = self.between(i64::MIN, tick - FARTHEST);
            below + below >= self.all()
        }) - FARTHEST
    }

    /// The least distance from a tick within which nine tenths of it are.
    fn half_of_most(&self, centre: i64) -> i64 {
        let ten = Number::from(10);
        let most = self.all() * Number::from(9);
        least(TICKS, |half| {
            self.between(centre - half, centre + half) * ten >= most
        })
    }
}

/// The last tick that a pool can have, on either side of zero.
const FARTHEST: i64 = 887_272;

/// The greatest distance of two ticks.
const TICKS: i64 = 2 * FARTHEST;

/// The least number up to `most` for which a condition holds that also holds for all greater ones.
fn least(most: i64, holds: impl Fn(i64) -> bool) -> i64 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = i64::midpoint(low, high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The sum of the liquidity beyond `less` of the ticks from one up to another.
fn sum(ranges: &[LiquidityRange], less: u128, from: i64, to: i64) -> Number {
    let begin = ranges.partition_point(|range| i64::from(range.upper.get()) <= from);
    ranges[begin..]
        .iter()
        .take_while(|range| i64::from(range.lower.get()) < to)
        .fold(Number::ZERO, |sum, range| {
            let lower = i64::from(range.lower.get()).max(from);
            let upper = i64::from(range.upper.get()).min(to);
            let liquidity = range.liquidity.saturating_sub(less);
            sum + Number::from(liquidity) * Number::from(upper.abs_diff(lower))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ranges between ticks, each of so many ticks and with so much liquidity.
    fn ranges(from: i32, parts: &[(i32, u128)]) -> Vec<LiquidityRange> {
        let mut lower = from;
        let ranges = parts.iter().map(|(length, liquidity)| {
            let upper = lower + length;
            let range = LiquidityRange {
                lower: Tick::new(lower).unwrap(),
                upper: Tick::new(upper).unwrap(),
                liquidity: *liquidity,
            };
            lower = upper;
            range
        });
        ranges.collect()
    }

    fn spacing(spacing: i32) -> TickSpacing {
        TickSpacing::new(spacing).unwrap()
    }

    fn in_short(buckets: &LiquidityBuckets) -> Vec<(i32, u128)> {
        let all = buckets.buckets.iter();
        all.map(|it| (it.lower, it.average())).collect()
    }

    #[test]
    fn buckets_are_around_the_tick_or_the_middle() {
        let ranges = ranges(
            -887_200,
            &[(886_200, 5), (1_000, 10), (2_000, 20), (885_200, 5)],
        );
        let buckets = LiquidityBuckets::around(&ranges, spacing(100), None, 4).unwrap();
        assert_eq!(
            in_short(&buckets),
            [(-800, 10), (0, 20), (800, 20), (1600, 12)]
        );
        let tick = Tick::new(5_050).unwrap();
        let buckets = LiquidityBuckets::around(&ranges, spacing(100), Some(tick), 4).unwrap();
        let lower = buckets.buckets.first().unwrap().lower;
        let upper = buckets.buckets.last().unwrap().upper;
        assert!(lower < 0 && upper > 10_000, "{buckets:?}");
        assert_eq!(buckets.buckets.iter().filter(|it| it.has(tick)).count(), 1);
    }

    #[test]
    fn averages_are_of_all_ticks() {
        let ranges = ranges(0, &[(30, 9), (30, 0), (60, 4)]);
        let buckets = LiquidityBuckets::around(&ranges, spacing(60), None, 1).unwrap();
        assert_eq!(in_short(&buckets), [(0, 4)]);
        assert_eq!(buckets.width, 60);
        assert_eq!(buckets.buckets[0].liquidity_ticks.to_string(), "270");
    }

    #[test]
    fn no_liquidity_is_no_bucket() {
        assert_eq!(LiquidityBuckets::around(&[], spacing(1), None, 9), None);
        let empty = ranges(0, &[(60, 0)]);
        assert_eq!(LiquidityBuckets::around(&empty, spacing(1), None, 9), None);
        // A position over all prices is liquidity if there is no other.
        let one = ranges(-887_272, &[(1_774_544, 7)]);
        let buckets = LiquidityBuckets::around(&one, spacing(1), None, 9).unwrap();
        assert!(buckets.buckets.iter().all(|it| it.average() <= 7));
    }

    proptest! {
        /// The buckets have exactly the liquidity of their ticks, which is summed tick by tick here, and any tick asked
        /// for is in one of them.
        #[test]
        fn sum_over_the_buckets_is_that_over_the_ticks(
            from in -3_000_i32..3_000,
            parts in prop::collection::vec((1_i32..400, prop_oneof![Just(0), 1..9_u128, Just(u128::MAX), any::<u128>()]), 1..9),
            step in 1_i32..300,
            tick in prop::option::of(-5_000_i32..5_000),
            number in 0_u8..40,
        ) {
            let ranges = ranges(from, &parts);
            let tick = tick.map(|tick| Tick::new(tick).unwrap());
            let Some(buckets) = LiquidityBuckets::around(&ranges, spacing(step), tick, number) else {
                prop_assert!(parts.iter().all(|(_, liquidity)| *liquidity == 0));
                return Ok(());
            };
            let liquidity = |tick: i32| {
                let range = ranges.iter().find(|it| (it.lower.get()..it.upper.get()).contains(&tick));
                Number::from(range.map_or(0, |range| range.liquidity))
            };
            let mut end = buckets.buckets[0].lower;
            for bucket in &buckets.buckets {
                prop_assert_eq!(bucket.lower, end);
                end = bucket.upper;
                prop_assert_eq!(bucket.upper.abs_diff(bucket.lower), buckets.width);
                prop_assert_eq!(bucket.lower % step, 0);
                let expected = (bucket.lower..bucket.upper).fold(Number::ZERO, |sum, tick| sum + liquidity(tick));
                prop_assert_eq!(bucket.liquidity_ticks.0, expected);
            }
            prop_assert!(buckets.buckets.len() <= usize::from(number.max(1)) + 1, "{}", buckets.buckets.len());
            if let Some(tick) = tick {
                prop_assert!(buckets.buckets.iter().any(|it| it.has(tick)));
            }
        }
    }
}
