//! The prices at ticks, for charts.

use crate::cli::bar::rounded;
use crate::cli::pool::cells::symbol;
use crate::database::reports::pool_info::PoolInfo;
use crate::types::sql_value::SqlValue;

/// The prices of a pool: of token 0 in token 1, and the inverse.
#[derive(Debug)]
pub(super) struct Prices {
    /// The decimals of token 0 less those of token 1; `None` if one of them is not known. The prices are in the smallest
    /// units then.
    decimals: Option<i32>,
    symbols: Option<[String; 2]>,
}

impl Prices {
    pub(super) fn of(pool: &PoolInfo) -> Self {
        let decimals = |value: &Option<SqlValue>| match value {
            Some(SqlValue::Integer(number)) => i32::try_from(*number)
                .ok()
                .filter(|it| (0..=255).contains(it)),
            _ => None,
        };
        let of_both = decimals(&pool.token0.decimals).zip(decimals(&pool.token1.decimals));
        let symbols = symbol(&pool.token0).zip(symbol(&pool.token1));
        Self {
            decimals: of_both.map(|(token0, token1)| token0 - token1),
            symbols: symbols.map(|(token0, token1)| [token0, token1]),
        }
    }

    /// What the prices are in.
    pub(super) fn title(&self) -> String {
        let symbols = self.symbols.as_ref();
        self.named(symbols.map(|[token0, token1]| [token1, token0]), "Price")
    }

    /// What the inverse prices are in.
    pub(super) fn inverse_title(&self) -> String {
        let symbols = self.symbols.as_ref();
        self.named(symbols.map(|[token0, token1]| [token0, token1]), "Inverse")
    }

    fn named(&self, symbols: Option<[&String; 2]>, otherwise: &str) -> String {
        const LONGEST: usize = 20;
        let raw = match self.decimals {
            Some(_) => "",
            None => " (raw)",
        };
        let named = symbols.map(|[of, per]| format!("{of} per {per}{raw}"));
        let short = named.filter(|title| title.chars().count() <= LONGEST + raw.len());
        short.unwrap_or_else(|| format!("{otherwise}{raw}"))
    }

    /// The price at a tick.
    pub(super) fn at(&self, tick: i32) -> String {
        in_digits(self.number(tick))
    }

    /// The inverse price at a tick.
    pub(super) fn inverse_at(&self, tick: i32) -> String {
        in_digits(self.number(tick).recip())
    }

    /// The price at a tick, and what it is in.
    pub(super) fn described(&self, tick: i32) -> String {
        let (price, title) = (self.at(tick), self.title());
        match title.strip_prefix("Price") {
            Some(raw) => format!("price {price}{raw}"),
            None => format!("{price} {title}"),
        }
    }

    fn number(&self, tick: i32) -> f64 {
        1.0001_f64.powi(tick) * 10_f64.powi(self.decimals.unwrap_or(0))
    }
}

/// A price with five significant digits.
fn in_digits(price: f64) -> String {
    if !(1e-4..1e9).contains(&price) {
        return format!("{price:.4e}");
    }
    let places = rounded(4.0 - price.log10().floor()).min(9);
    format!("{price:.places$}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::pool) fn prices(decimals: Option<i32>, symbols: [&str; 2]) -> Prices {
        Prices {
            decimals,
            symbols: Some(symbols.map(str::to_owned)),
        }
    }

    #[test]
    fn prices_have_decimals_and_names_where_they_are_known() {
        let known = prices(Some(12), ["WETH", "USDC"]);
        assert_eq!(known.title(), "USDC per WETH");
        assert_eq!(known.inverse_title(), "WETH per USDC");
        assert_eq!(known.at(-198_432), "2413.5");
        assert_eq!(known.inverse_at(-198_432), "0.00041434");
        let raw = prices(None, ["WETH", "USDC"]);
        assert_eq!(raw.title(), "USDC per WETH (raw)");
        assert_eq!(raw.at(0), "1.0000");
        assert_eq!(raw.at(-198_432), "2.4135e-9");
        assert_eq!(raw.inverse_at(-887_272), "3.4026e38");
        let long = prices(Some(0), ["A very long symbol", "USDC"]);
        assert_eq!([long.title(), long.inverse_title()], ["Price", "Inverse"]);
        assert_eq!(known.described(-198_432), "2413.5 USDC per WETH");
        assert_eq!(long.described(0), "price 1.0000");
    }
}
