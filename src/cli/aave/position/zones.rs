//! A histogram of health factors, weighted by debt.

use alloy_primitives::U256 as Number;

use crate::aave::prices::AavePrices;
use crate::cli::aave::amounts::in_base;
use crate::cli::bar::bar;
use crate::cli::format::grouped;
use crate::cli::printer::{Colour, Lines};
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::{Table, padded};
use crate::database::reports::aave_accounts::AaveRiskZone;
use crate::types::address::Address;

/// Appends the lines of the histogram: what can be liquidated in red, what is near it in magenta, the rest in green.
pub(super) fn histogram(
    lines: &mut Lines,
    zones: &[AaveRiskZone],
    prices: &AavePrices,
    base_currency: Option<Address>,
    columns: usize,
) {
    const WIDEST: usize = 200;
    let amount = |amount| in_base(amount, prices.unit(), base_currency);
    let mut table = Table::titled([
        ("Health factor", Left),
        ("Users", Right),
        ("Collateral", Right),
        ("Debt", Right),
    ]);
    for zone in zones {
        table.push([
            range(zone),
            grouped(zone.accounts),
            amount(zone.collateral_base),
            amount(zone.debt_base),
        ]);
    }
    let rows: Vec<_> = table.lines().collect();
    let left = rows.iter().map(|line| line.chars().count()).max();
    let left = left.unwrap_or(0) + 2;
    let room = columns.min(WIDEST).saturating_sub(left).max(1);
    let most = zones.iter().map(|zone| zone.debt_base.0).max();
    let most = most.unwrap_or_default();
    let (titles, rows) = rows.split_at(1);
    lines.extend(titles);
    for (zone, row) in zones.iter().zip(rows) {
        let bar = bar(share(zone.debt_base.0, most), room);
        if bar.is_empty() {
            lines.push(row);
        } else {
            lines.push_coloured(padded(row, left, Left), colour(zone), bar);
        }
    }
}

fn colour(zone: &AaveRiskZone) -> Colour {
    /// Below this health factor, in hundredths, little has to happen.
    const NEAR: u64 = 110;
    match zone.below {
        Some(..=100) => Colour::Red,
        Some(..=NEAR) => Colour::Magenta,
        _ => Colour::Green,
    }
}

fn range(zone: &AaveRiskZone) -> String {
    let number = |hundredths: u64| format!("{}.{:02}", hundredths / 100, hundredths % 100);
    match (zone.from, zone.below) {
        (0, Some(below)) => format!("below {}", number(below)),
        (from, Some(below)) => format!("{} to {}", number(from), number(below)),
        (from, None) => format!("from {}", number(from)),
    }
}

/// A part of the largest one, precise enough for a bar.
fn share(part: Number, most: Number) -> f64 {
    const STEPS: u64 = 1 << 20;
    let shift = most.bit_len().saturating_sub(128);
    let (part, most) = (part >> shift, most >> shift);
    let steps = (part * Number::from(STEPS)).checked_div(most);
    let steps = u32::try_from(steps.unwrap_or_default()).unwrap_or(0);
    let share = f64::from(steps) / 1_048_576.0;
    // What is too small for a step is not nothing.
    if share == 0.0 && !part.is_zero() {
        f64::MIN_POSITIVE
    } else {
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::decimal::U256;

    #[test]
    fn bars_are_as_long_as_the_debt_is_large() {
        let zone = |from, below, debt: u64| AaveRiskZone {
            from,
            below,
            accounts: 3,
            debt_base: U256(Number::from(debt) * AavePrices::DOLLAR.0),
            collateral_base: U256(Number::from(1_000) * AavePrices::DOLLAR.0),
        };
        let zones = [
            zone(0, Some(100), 0),
            zone(100, Some(105), 1),
            zone(105, Some(200), 500),
            zone(200, None, 1_000),
        ];
        let prices = AavePrices::new(AavePrices::DOLLAR);
        let mut lines = Lines::new();
        histogram(&mut lines, &zones, &prices, Some(Address::ZERO), 60);
        let plain = lines.shown(false);
        assert_eq!(
            plain.lines().collect::<Vec<_>>(),
            [
                "Health factor  Users  Collateral       Debt",
                "below 1.00         3   $1,000.00      $0.00",
                "1.00 to 1.05       3   $1,000.00      $1.00  ▏",
                "1.05 to 2.00       3   $1,000.00    $500.00  ███████▌",
                "from 2.00          3   $1,000.00  $1,000.00  ███████████████",
            ]
        );
        let coloured = lines.shown(true);
        let bars: Vec<_> = coloured
            .lines()
            .filter_map(|line| line.split_once('\u{1b}'))
            .collect();
        assert_eq!(
            bars.iter().map(|(_, bar)| *bar).collect::<Vec<_>>(),
            [
                "[35m▏\u{1b}[0m",
                "[32m███████▌\u{1b}[0m",
                "[32m███████████████\u{1b}[0m",
            ]
        );
    }

    #[test]
    fn any_numbers_have_shares() {
        assert!((share(Number::MAX, Number::MAX) - 1.0).abs() < f64::EPSILON);
        assert!(share(Number::from(1), Number::MAX) >= 0.0);
        assert!(share(Number::ZERO, Number::ZERO) <= 0.0);
        assert!(share(Number::from(1), Number::from(10).pow(Number::from(30))) > 0.0);
    }
}
