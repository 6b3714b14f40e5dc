//! Numbers of Aave for people, and for JSON.

use std::time::{Duration, SystemTime};

use alloy_primitives::U256 as Number;

use crate::cli::format;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, Timestamp};

/// One wad, the unit of health factors.
pub(super) const WAD: U256 = U256(Number::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]));

/// An amount in whole units, rounded down to some decimals, with separators for thousands.
pub(super) fn in_units(amount: U256, unit: U256, places: u32) -> String {
    let scale = Number::from(10_u64.saturating_pow(places));
    let Some((whole, rest)) = divided(amount.0, unit.0) else {
        return amount.to_string();
    };
    let whole = grouped(&whole.to_string());
    if places == 0 {
        return whole;
    }
    let digits = rest
        .checked_mul(scale)
        .and_then(|it| it.checked_div(unit.0));
    let digits = digits.unwrap_or_default().to_string();
    let width = usize::try_from(places).unwrap_or_default();
    format!("{whole}.{digits:0>width$}")
}

/// An amount of a token, with as many decimals as its size allows.
pub(super) fn of_token(amount: U256, decimals: u8) -> String {
    let unit = Number::from(10).checked_pow(Number::from(decimals));
    let Some(unit) = unit else {
        return amount.to_string();
    };
    let many = unit.saturating_mul(Number::from(1_000));
    let places = if amount.0 >= many {
        0
    } else {
        6.min(u32::from(decimals))
    };
    in_units(amount, U256(unit), places)
}

/// An amount of the base currency.
pub(super) fn in_base(amount: U256, unit: U256, base_currency: Option<Address>) -> String {
    of_currency(in_units(amount, unit, 2), base_currency)
}

/// A price; those below one whole unit have more decimals.
pub(super) fn price(price: U256, unit: U256, base_currency: Option<Address>) -> String {
    if price.0 >= unit.0 {
        return in_base(price, unit, base_currency);
    }
    of_currency(trimmed(in_units(price, unit, 8)), base_currency)
}

/// A price with all of its decimals, two at least.
pub(super) fn exact_price(price: U256, unit: U256, base_currency: Option<Address>) -> String {
    of_currency(trimmed(in_units(price, unit, 18)), base_currency)
}

/// A number without the zeros at its end, except for two decimals.
fn trimmed(mut number: String) -> String {
    let shortest = number.find('.').map_or(number.len(), |point| point + 3);
    while number.len() > shortest && number.ends_with('0') {
        number.pop();
    }
    number
}

fn of_currency(number: String, base_currency: Option<Address>) -> String {
    if base_currency == Some(Address::ZERO) {
        format!("${number}")
    } else {
        number
    }
}

fn divided(dividend: Number, divisor: Number) -> Option<(Number, Number)> {
    (!divisor.is_zero()).then(|| dividend.div_rem(divisor))
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A health factor, rounded down.
pub(super) fn health_factor(factor: Option<U256>) -> String {
    /// Nobody needs to tell health factors from each other that are higher.
    const HIGH: u64 = 1_000;
    match factor {
        None => "no debt".to_owned(),
        Some(factor) if factor.0 >= WAD.0 * Number::from(HIGH) => format!("> {HIGH}"),
        Some(factor) => in_units(factor, WAD, 4),
    }
}

/// By how much the collateral can fall until it no longer covers the debt, as a share of it, in wad: 1 − 1/HF, rounded
/// down. It is negative if it does not cover the debt. `None` without debt, or without any collateral.
pub(super) fn buffer(factor: Option<U256>) -> Option<(bool, U256)> {
    let factor = factor?.0;
    let square = WAD.0.checked_mul(WAD.0)?;
    if factor.is_zero() {
        return None;
    }
    let (inverse, rest) = square.div_rem(factor);
    let inverse = if rest.is_zero() {
        inverse
    } else {
        inverse.checked_add(Number::from(1))?
    };
    let is_negative = inverse > WAD.0;
    let distance = if is_negative {
        inverse - WAD.0
    } else {
        WAD.0 - inverse
    };
    Some((is_negative, U256(distance)))
}

/// The buffer as JSON has it.
pub(super) fn buffer_text(factor: Option<U256>) -> Option<String> {
    let (is_negative, distance) = buffer(factor)?;
    Some(format!("{}{distance}", if is_negative { "-" } else { "" }))
}

/// The buffer for people.
pub(super) fn buffer_percent(factor: Option<U256>) -> String {
    let Some((is_negative, distance)) = buffer(factor) else {
        return "-".to_owned();
    };
    let hundredth = U256(WAD.0 / Number::from(100));
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{} %", in_units(distance, hundredth, 2))
}

/// A ratio for people.
pub(super) fn percent(ratio: Option<BasisPoints>) -> String {
    ratio.map_or_else(
        || "-".to_owned(),
        |ratio| format!("{}.{:02} %", ratio.get() / 100, ratio.get() % 100),
    )
}

/// A yearly rate in ray, for people.
pub(super) fn rate(rate: U256) -> String {
    let hundredth = Number::from(10).pow(Number::from(25));
    format!("{} %", in_units(rate, U256(hundredth), 2))
}

fn system_time(time: Timestamp) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.get()))
}

/// The time of a block, for people.
pub(super) fn time(time: Timestamp) -> String {
    system_time(time).map_or_else(|| time.to_string(), |time| format::time(time).to_string())
}

/// The time of a block, for programs.
pub(super) fn timestamp(time: Timestamp) -> String {
    system_time(time).map_or_else(|| time.to_string(), format::timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u128) -> U256 {
        U256(Number::from(number))
    }

    #[test]
    fn amounts_are_rounded_down() {
        let dollar = number(100_000_000);
        for (amount, places, expected) in [
            (0, 2, "0.00"),
            (123_456_789_999, 2, "1,234.56"),
            (99_999_999, 2, "0.99"),
            (100_000_000_000_000, 0, "1,000,000"),
            (1, 8, "0.00000001"),
        ] {
            assert_eq!(in_units(number(amount), dollar, places), expected);
        }
        let shown = |amount| price(number(amount), dollar, Some(Address::ZERO));
        assert_eq!([1, 200_000_000].map(shown), ["$0.00000001", "$2.00"]);
        assert_eq!(price(number(7), dollar, None), "0.00000007");
        assert_eq!(in_units(number(7), number(0), 2), "7");
        assert_eq!(of_token(number(1_234_567_890), 6), "1,234");
        assert_eq!(of_token(number(34_567_890), 6), "34.567890");
        assert_eq!(of_token(number(7), 0), "7");
        assert_eq!(of_token(number(7), 255), "7");
    }

    #[test]
    fn buffers_are_one_less_the_inverse() {
        for (factor, text, shown) in [
            (2_000_000_000_000_000_000, "500000000000000000", "50.00 %"),
            (1_000_000_000_000_000_000, "0", "0.00 %"),
            (800_000_000_000_000_000, "-250000000000000000", "-25.00 %"),
            (3_000_000_000_000_000_000, "666666666666666666", "66.66 %"),
        ] {
            let factor = Some(number(factor));
            assert_eq!(buffer_text(factor).as_deref(), Some(text));
            assert_eq!(buffer_percent(factor), shown);
        }
        assert_eq!(buffer_text(None), None);
        assert_eq!(buffer_text(Some(number(0))), None);
        assert_eq!(buffer_percent(Some(number(0))), "-");
    }

    #[test]
    fn no_debt_is_no_health_factor() {
        assert_eq!(health_factor(None), "no debt");
        assert_eq!(
            health_factor(Some(number(1_049_999_999_999_999_999))),
            "1.0499"
        );
        assert_eq!(health_factor(Some(number(0))), "0.0000");
        assert_eq!(health_factor(Some(U256(Number::MAX))), "> 1000");
    }
}
