//! Estimates for people and as JSON.

use serde::Serialize;

use crate::cli::format::grouped;
use crate::counted::counted;
use crate::node::statistics::NodeStatistics;
use crate::sync::estimate::Estimate;

/// A range, with the best guess in front. An estimate has two digits.
pub(in crate::cli) fn range(estimate: Estimate, format: impl Fn(u64) -> String) -> String {
    let Estimate {
        low,
        expected,
        high,
        ..
    } = estimate;
    if low == high {
        return format(expected);
    }
    let [low, expected, high] = [low, expected, high].map(|number| format(rounded(number)));
    if low == high {
        return format!("about {expected}");
    }
    format!("about {expected} ({low} to {high})")
}

/// The number with two digits that count.
fn rounded(number: u64) -> u64 {
    let digits = number.checked_ilog10().unwrap_or_default();
    let unit = 10_u64.pow(digits.saturating_sub(1));
    (number / unit + u64::from(number % unit >= unit.div_ceil(2) && unit > 1)).saturating_mul(unit)
}

/// A time in milliseconds for people.
pub(in crate::cli) fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{seconds}.{} s", milliseconds / 100 % 10),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// What an estimate was made from, and what it leaves out.
pub(in crate::cli) fn answers_of(sampled_blocks: u64, node: &NodeStatistics) -> [String; 2] {
    // Eight requests rarely reach a limit that an update then reaches all the time.
    let limits = match node.rate_limits {
        0 => {
            "  A node that limits the number of requests can take longer; --max-rate is counted in."
                .to_owned()
        }
        refused => format!(
            "  The node limits the number of requests and refused {}, so it takes longer; --max-rate is counted in.",
            counted(refused, "request")
        ),
    };
    let sampled = format!(
        "  Estimated from {} of the blocks, and from how fast the node answers now.",
        grouped(sampled_blocks)
    );
    [sampled, limits]
}

/// A range as JSON.
#[derive(Serialize)]
pub(in crate::cli) struct Range {
    low: u64,
    expected: u64,
    high: u64,
}

impl From<Estimate> for Range {
    fn from(estimate: Estimate) -> Self {
        Self {
            low: estimate.low,
            expected: estimate.expected,
            high: estimate.high,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_have_two_digits() {
        for (number, expected) in [
            (0, 0),
            (7, 7),
            (99, 99),
            (123, 120),
            (125, 130),
            (996, 1_000),
            (1_949, 1_900),
            (u64::MAX, 18_000_000_000_000_000_000),
        ] {
            assert_eq!(rounded(number), expected, "{number}");
        }
    }

    #[test]
    fn times_have_a_suitable_unit() {
        for (milliseconds, expected) in [
            (40, "0.0 s"),
            (9_990, "9.9 s"),
            (61_000, "61 s"),
            (125_000, "2 min"),
            (7_260_000, "2 h 1 min"),
        ] {
            assert_eq!(time(milliseconds), expected);
        }
    }
}
