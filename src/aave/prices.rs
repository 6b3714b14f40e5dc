//! Prices of assets in the base currency of a market's oracle, and what they would be otherwise.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use alloy_primitives::U256 as Number;

use crate::types::address::Address;
use crate::types::decimal::U256;

/// The prices of a market's assets, as its oracle gives them: `getAssetPrice` for one whole token, in units of the base
/// currency.
///
/// Before Aave 3.2, an e-mode category can have a price source of its own. The oracle is asked for its price as if it
/// were an asset, so that its address has an entry here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AavePrices {
    unit: U256,
    prices: BTreeMap<Address, U256>,
}

impl AavePrices {
    /// The unit of nearly all markets: 10⁸, for a dollar.
    pub const DOLLAR: U256 = U256(Number::from_limbs([100_000_000, 0, 0, 0]));

    /// No prices yet. `unit` is one whole of the base currency: `BASE_CURRENCY_UNIT`.
    #[must_use]
    pub const fn new(unit: U256) -> Self {
        Self {
            unit,
            prices: BTreeMap::new(),
        }
    }

    /// One whole of the base currency.
    #[must_use]
    pub const fn unit(&self) -> U256 {
        self.unit
    }

    /// Stores the price of an asset.
    pub fn set(&mut self, asset: Address, price: U256) {
        self.prices.insert(asset, price);
    }

    /// The price of an asset.
    #[must_use]
    pub fn of(&self, asset: Address) -> Option<U256> {
        self.prices.get(&asset).copied()
    }

    /// All prices, in the order of the addresses.
    pub fn iter(&self) -> impl Iterator<Item = (Address, U256)> {
        self.prices.iter().map(|(asset, price)| (*asset, *price))
    }
}

/// Another price than that of the oracle.
///
/// It is written as a percentage that is added or taken away (`-10%`, `+2.5%`), or as a value in whole units of the base
/// currency (`1800.25`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriceChange {
    /// Its price is multiplied.
    Factor {
        /// What it is multiplied by.
        numerator: U256,
        /// What it is divided by afterwards.
        denominator: U256,
    },
    /// It has this price.
    Value(WholePrice),
}

/// A price in whole units of the base currency, as text: `1800.25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholePrice {
    /// The digits without the point.
    digits: Number,
    /// How many of them are after the point.
    places: u32,
}

/// The text is no price, or no change of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPrice {
    /// It is not a number like `1800.25`.
    Number,
    /// More than the whole price is taken away.
    BelowZero,
    /// It has more decimals than the base currency.
    TooManyDecimals,
    /// It is too large.
    TooLarge,
}

impl PriceChange {
    /// The price after the change, rounded down.
    ///
    /// # Errors
    ///
    /// [`InvalidPrice`] if the base currency cannot express it, or if it exceeds 256 bits.
    pub fn apply(self, price: U256, unit: U256) -> Result<U256, InvalidPrice> {
        match self {
            Self::Factor {
                numerator,
                denominator,
            } => {
                let product = price.0.checked_mul(numerator.0);
                product
                    .and_then(|product| product.checked_div(denominator.0))
                    .map(U256)
                    .ok_or(InvalidPrice::TooLarge)
            }
            Self::Value(value) => value.in_units(unit),
        }
    }
}

impl WholePrice {
    /// The price in units of the base currency.
    ///
    /// # Errors
    ///
    /// [`InvalidPrice`] if it has more decimals than the base currency, or exceeds 256 bits.
    pub fn in_units(self, unit: U256) -> Result<U256, InvalidPrice> {
        let scale = power_of_ten(self.places).ok_or(InvalidPrice::TooLarge)?;
        let product = self.digits.checked_mul(unit.0);
        let (price, rest) = product.ok_or(InvalidPrice::TooLarge)?.div_rem(scale);
        if rest.is_zero() {
            Ok(U256(price))
        } else {
            Err(InvalidPrice::TooManyDecimals)
        }
    }
}

fn power_of_ten(exponent: u32) -> Option<Number> {
    Number::from(10).checked_pow(Number::from(exponent))
}

impl FromStr for WholePrice {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(InvalidPrice::Number),
            None => (text, ""),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
            return Err(InvalidPrice::Number);
        }
        // Zeros at the end say nothing, and could exceed the decimals of the base currency.
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let places = u32::try_from(fraction.len()).map_err(|_| InvalidPrice::TooManyDecimals)?;
        Ok(Self {
            digits: Number::from_str_radix(&digits, 10).map_err(|_| InvalidPrice::TooLarge)?,
            places,
        })
    }
}

impl FromStr for PriceChange {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(percentage) = text.strip_suffix('%') else {
            return text.parse().map(Self::Value);
        };
        let (is_less, digits) = match percentage.split_at_checked(1) {
            Some(("-", digits)) => (true, digits),
            Some(("+", digits)) => (false, digits),
            _ => return Err(InvalidPrice::Number),
        };
        let WholePrice { digits, places } = digits.parse()?;
        let hundred = places
            .checked_add(2)
            .and_then(power_of_ten)
            .ok_or(InvalidPrice::TooManyDecimals)?;
        let factor = if is_less {
            hundred.checked_sub(digits).ok_or(InvalidPrice::BelowZero)?
        } else {
            hundred.checked_add(digits).ok_or(InvalidPrice::TooLarge)?
        };
        Ok(Self::Factor {
            numerator: U256(factor),
            denominator: U256(hundred),
        })
    }
}

impl Display for InvalidPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "it is not a number like 1800.25",
            Self::BelowZero => "it takes away more than the whole price",
            Self::TooManyDecimals => "it has more decimals than the base currency",
            Self::TooLarge => "it is too large",
        })
    }
}

impl std::error::Error for InvalidPrice {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(number: u64) -> U256 {
        U256(Number::from(number))
    }

    fn changed(text: &str, price: u64) -> Result<U256, InvalidPrice> {
        text.parse::<PriceChange>()?
            .apply(number(price), AavePrices::DOLLAR)
    }

    #[test]
    fn percentages_are_exact_and_rounded_down() {
        for (text, price, expected) in [
            ("-10%", 1_000, 900),
            ("-10%", 1_009, 908),
            ("+10%", 1_009, 1_109),
            ("-100%", 7, 0),
            ("+250%", 4, 14),
            ("-0.01%", 1_000_000, 999_900),
            ("-33.3333%", 3_000_000, 2_000_001),
            ("+0%", 5, 5),
        ] {
            assert_eq!(changed(text, price), Ok(number(expected)), "{text}");
        }
    }

    #[test]
    fn values_are_whole_units_of_the_base_currency() {
        for (text, expected) in [
            ("0", 0),
            ("1", 100_000_000),
            ("1800.25", 180_025_000_000),
            ("0.00000001", 1),
            ("1.1000000000000", 110_000_000),
        ] {
            assert_eq!(changed(text, 9), Ok(number(expected)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, expected) in [
            ("", InvalidPrice::Number),
            ("10%", InvalidPrice::Number),
            ("%", InvalidPrice::Number),
            ("-%", InvalidPrice::Number),
            ("-1", InvalidPrice::Number),
            ("1.", InvalidPrice::Number),
            (".5", InvalidPrice::Number),
            ("1e3", InvalidPrice::Number),
            ("1,000", InvalidPrice::Number),
            ("é%", InvalidPrice::Number),
            ("-100.1%", InvalidPrice::BelowZero),
            ("0.000000001", InvalidPrice::TooManyDecimals),
        ] {
            assert_eq!(changed(text, 9), Err(expected), "{text}");
        }
        let long = "9".repeat(80);
        assert_eq!(changed(&long, 9), Err(InvalidPrice::TooLarge));
        assert_eq!(
            changed(&format!("+{long}%"), 9),
            Err(InvalidPrice::TooLarge)
        );
        let small = format!("-0.{}1%", "0".repeat(80));
        assert_eq!(changed(&small, 9), Err(InvalidPrice::TooManyDecimals));
    }

    proptest! {
        #[test]
        fn any_text_is_a_change_or_refused(text in "\\PC{0,90}", price: [u64; 4]) {
            let price = U256(Number::from_limbs(price));
            if let Ok(change) = text.parse::<PriceChange>() {
                let _ = change.apply(price, AavePrices::DOLLAR);
            }
        }

        #[test]
        fn a_written_price_is_read(units: u64) {
            let text = format!("{}.{:08}", units / 100_000_000, units % 100_000_000);
            prop_assert_eq!(changed(&text, 0), Ok(number(units)));
        }
    }
}
