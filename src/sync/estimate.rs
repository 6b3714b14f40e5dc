//! Estimates from samples.

/// A number that is not known exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Hardly less than that.
    pub low: u64,
    /// The best guess.
    pub expected: u64,
    /// Hardly more than that.
    pub high: u64,
}

impl Estimate {
    /// A number that is known.
    pub(super) const fn exact(number: u64) -> Self {
        Self {
            low: number,
            expected: number,
            high: number,
        }
    }

    /// The sum of both.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            expected: self.expected.saturating_add(other.expected),
            high: self.high.saturating_add(other.high),
        }
    }

    /// The product with other factors for the low, the expected and the high number.
    pub(super) fn times(self, [low, expected, high]: [f64; 3]) -> Self {
        Self {
            low: whole(real(self.low) * low),
            expected: whole(real(self.expected) * expected),
            high: whole(real(self.high) * high),
        }
    }

    /// The estimate with no number above `most`.
    pub(super) fn at_most(self, most: Self) -> Self {
        Self {
            low: self.low.min(most.low),
            expected: self.expected.min(most.expected),
            high: self.high.min(most.high),
        }
    }
}

/// A part of the blocks, and what a sample of it had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stratum {
    pub(super) blocks: u64,
    /// The blocks of the sample.
    pub(super) sampled: u64,
    /// What they had.
    pub(super) count: u64,
}

impl Stratum {
    fn is_whole(&self) -> bool {
        self.sampled >= self.blocks
    }

    /// How many there are in a block.
    pub(super) fn density(&self) -> f64 {
        real(self.count) / real(self.sampled.max(1))
    }
}

/// How many there are in all blocks.
///
/// The uncertainty is twice the standard error. The spread between the parts stands for that inside each of them, and
/// even a sample without anything leaves room for what it may have missed.
pub(super) fn total(strata: &[Stratum]) -> Estimate {
    let seen: u64 = strata.iter().map(|stratum| stratum.count).sum();
    let expected: f64 = strata
        .iter()
        .map(|stratum| real(stratum.blocks) * stratum.density())
        .sum();
    let spread = spread(strata);
    let variance: f64 = strata
        .iter()
        .filter(|stratum| !stratum.is_whole())
        .map(|stratum| {
            let of_chance = real(stratum.count.max(1)) / real(stratum.sampled.max(1)).powi(2);
            real(stratum.blocks).powi(2) * (spread + of_chance)
        })
        .sum();
    let uncertainty = 2.0 * variance.sqrt();
    Estimate {
        low: whole(expected - uncertainty).max(seen),
        expected: whole(expected).max(seen),
        high: whole(expected + uncertainty).max(seen),
    }
}

/// The variance of the densities. A single one says nothing about it, so its square stands for it.
fn spread(strata: &[Stratum]) -> f64 {
    let densities = || strata.iter().map(Stratum::density);
    let number = real(u64::try_from(strata.len()).unwrap_or(u64::MAX));
    let mean = densities().sum::<f64>() / number.max(1.0);
    if strata.len() < 2 {
        return mean.powi(2);
    }
    let squares = densities().map(|density| (density - mean).powi(2));
    squares.sum::<f64>() / (number - 1.0)
}

/// A number as a fraction; an estimate needs no more digits.
#[expect(clippy::cast_precision_loss, reason = "an estimate has few digits")]
pub(super) const fn real(number: u64) -> f64 {
    number as f64
}

/// The nearest whole number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and the number is not negative"
)]
pub(super) fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stratum(blocks: u64, sampled: u64, count: u64) -> Stratum {
        Stratum {
            blocks,
            sampled,
            count,
        }
    }

    #[test]
    fn whole_samples_are_exact() {
        let strata = [stratum(10, 10, 3), stratum(5, 5, 0)];
        assert_eq!(total(&strata), Estimate::exact(3));
        assert_eq!(total(&[]), Estimate::exact(0));
    }

    #[test]
    fn uncertainty_grows_with_the_spread_and_shrinks_with_the_sample() {
        let even = total(&[stratum(1000, 10, 20), stratum(1000, 10, 20)]);
        let uneven = total(&[stratum(1000, 10, 0), stratum(1000, 10, 40)]);
        assert_eq!((even.expected, uneven.expected), (4000, 4000));
        assert!(uneven.high > even.high && uneven.low <= even.low);
        let larger = total(&[stratum(1000, 900, 1800), stratum(1000, 900, 1800)]);
        assert!(larger.high < even.high && larger.low > even.low);
        // What was seen is there.
        assert_eq!(uneven.low, 40);
        // Nothing was seen, which does not prove that there is nothing.
        let nothing = total(&[stratum(1_000_000, 1000, 0)]);
        assert_eq!((nothing.low, nothing.expected), (0, 0));
        assert!(nothing.high >= 1000);
    }

    proptest! {
        #[test]
        fn numbers_are_in_order(
            strata in proptest::collection::vec((1..1_u64 << 40, 0..1_u64 << 20, 0..1_u64 << 40), 0..9),
        ) {
            let strata: Vec<_> = strata
                .into_iter()
                .map(|(blocks, sampled, count)| stratum(blocks, sampled.min(blocks), count))
                .collect();
            let Estimate { low, expected, high } = total(&strata);
            prop_assert!(low <= expected && expected <= high, "{low} {expected} {high}");
        }
    }
}
