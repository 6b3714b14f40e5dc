//! The values of pools for people.

use crate::cli::format::{abbreviated, cell, plain};
use crate::database::reports::pool_info::{PoolInfo, TokenInfo};
use crate::escape::escaped;
use crate::types::sql_value::SqlValue;

/// The exchange of a pool.
pub(super) fn exchange(pool: &PoolInfo) -> String {
    let name = pool.exchange.as_ref().map(ToString::to_string);
    cell(name.map(SqlValue::Text).as_ref())
}

/// The address of a pool, or the hash of a managed one.
pub(super) fn address(pool: &PoolInfo) -> String {
    /// The length of a hash.
    const LONGEST: usize = 66;
    match pool.address.as_ref().or(pool.pool_hash.as_ref()) {
        Some(SqlValue::Text(text)) => cut(&escaped(text).to_string(), LONGEST),
        other => cell(other),
    }
}

/// The tokens of a pool, each cut to this many characters.
pub(super) fn tokens(pool: &PoolInfo, most: usize) -> String {
    let name = |token: &TokenInfo| match (symbol(token), &token.address) {
        (Some(symbol), _) => cut(&symbol, most),
        (None, Some(SqlValue::Text(address))) => {
            let address = escaped(address).to_string();
            let short = abbreviated(&address);
            if address.len() <= most {
                address
            } else if short.len() <= most {
                short
            } else {
                cut(&address, most)
            }
        }
        (None, address) => cell(address.as_ref()),
    };
    format!("{}/{}", name(&pool.token0), name(&pool.token1))
}

/// The symbol of a token, if it has one.
pub(super) fn symbol(token: &TokenInfo) -> Option<String> {
    match &token.symbol {
        Some(SqlValue::Text(symbol)) if symbol.trim().is_empty() => None,
        Some(SqlValue::Text(symbol)) => Some(escaped(symbol).to_string()),
        other => other.as_ref().map(|symbol| cell(Some(symbol))),
    }
}

/// Everything about a token.
pub(super) fn token(token: &TokenInfo) -> String {
    let address = cell(token.address.as_ref());
    let decimals = match &token.decimals {
        None => "decimals unknown".to_owned(),
        decimals => format!("{} decimals", cell(decimals.as_ref())),
    };
    match symbol(token) {
        Some(symbol) => format!("{}, {address}, {decimals}", plain(&symbol)),
        None => format!("{address}, {decimals}"),
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The fee of a pool in percent: one, or those of both tokens if they differ.
pub(super) fn fee(pool: &PoolInfo) -> String {
    let denominator = pool.fee_denominator.as_ref();
    let [token0, token1] = [&pool.fee_token0, &pool.fee_token1];
    match (token0, token1) {
        (None, None) => "-".to_owned(),
        _ if token0 == token1 => percent(token0.as_ref(), denominator),
        _ => format!(
            "{}/{}",
            percent(token0.as_ref(), denominator),
            percent(token1.as_ref(), denominator)
        ),
    }
}

fn percent(numerator: Option<&SqlValue>, denominator: Option<&SqlValue>) -> String {
    /// The fee of a Uniswap V4 pool whose hooks decide the fee of each swap.
    const DYNAMIC: i64 = 0x80_0000;
    /// A millionth of a percent.
    const UNIT: i128 = 100_000_000;
    match (numerator, denominator) {
        (Some(SqlValue::Integer(DYNAMIC)), _) => "dynamic".to_owned(),
        (Some(SqlValue::Integer(part)), Some(SqlValue::Integer(whole))) if *whole > 0 => {
            let units = i128::from(*part) * UNIT / i128::from(*whole);
            let sign = if units < 0 { "-" } else { "" };
            let (whole, part) = (
                units.unsigned_abs() / 1_000_000,
                units.unsigned_abs() % 1_000_000,
            );
            let text = format!("{sign}{whole}.{part:06}");
            format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => format!("{} of {}", cell(numerator), cell(denominator)),
    }
}

/// The tick spacing of a pool, or the step of its bins.
pub(super) fn spacing(pool: &PoolInfo) -> String {
    match &pool.bin_step {
        Some(step) => format!("bins {}", cell(Some(step))),
        None => cell(pool.tick_spacing.as_ref()),
    }
}

/// The mark of a pool: the block and the log of the last event of its liquidity.
pub(super) fn mark(pool: &PoolInfo) -> String {
    let block = cell(pool.liquidity_update_block.as_ref());
    match &pool.liquidity_update_log_index {
        Some(log) => format!("{block}:{}", cell(Some(log))),
        None => block,
    }
}

/// The number of ticks of a pool.
pub(super) fn ticks(pool: &PoolInfo) -> String {
    cell(pool.ticks.map(SqlValue::Integer).as_ref())
}
