//! Values, each by the type that its column's model has.

use crate::database::error::database_error::Error;
use crate::database::progress::Stage;
use crate::database::structure::catalogue::Table;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::ALEMBIC_TABLE;
use crate::database::verification::checker::Checker;
use crate::database::verification::relations;
use crate::database::verification::rule::Rule;
use crate::types::address::Address;
use crate::types::decimal::{I128, U128, U256};
use crate::types::flag::Flag;
use crate::types::integer::{
    BasisPoints, BinStep, BlockNumber, ChainId, Decimals, EModeCategoryId, FeeParts, LogIndex,
    Revision, Tick, TickSpacing, WordPosition,
};
use crate::types::kind::{ManagedPoolKind, PoolKind, PoolManagerKind};
use crate::types::pool_hash::PoolHash;
use crate::types::stored::{Decode, Stored};

/// What is wrong with a value.
type Fault = (Rule, String);

/// Whether a column can hold a value that is not NULL.
type Check = fn(Stored<'_>) -> Result<(), Fault>;

/// Columns that do not hold what others of the same name do.
const EXCEPTIONS: [(&str, &str, Check); 3] = [
    ("aave_v3_assets", "e_mode_category_id", value::<i64>),
    ("managed_pools", "kind", value::<ManagedPoolKind>),
    ("pool_managers", "kind", value::<PoolManagerKind>),
];

/// What the columns of each name hold.
const COLUMNS: [(Check, &[&str]); 21] = [
    (
        value::<i64>,
        &[
            "id",
            "a_token_id",
            "asset_id",
            "currency0_id",
            "currency1_id",
            "exchange_id",
            "isolation_mode_collateral_asset_id",
            "managed_pool_id",
            "manager_id",
            "market_id",
            "pool_id",
            "token0_id",
            "token1_id",
            "token_id",
            "underlying_asset_id",
            "user_id",
            "v_token_id",
        ],
    ),
    (value::<String>, &["label", "name", "symbol"]),
    (value::<PoolKind>, &["kind"]),
    (value::<ChainId>, &["chain", "chain_id"]),
    (
        value::<BlockNumber>,
        &["last_update_block", "liquidity_update_block"],
    ),
    (value::<LogIndex>, &["liquidity_update_log_index"]),
    (value::<Decimals>, &["decimals"]),
    (value::<TickSpacing>, &["tick_spacing"]),
    (value::<BinStep>, &["bin_step"]),
    (value::<WordPosition>, &["word"]),
    (
        value::<FeeParts>,
        &[
            "fee_currency0",
            "fee_currency1",
            "fee_denominator",
            "fee_token0",
            "fee_token1",
        ],
    ),
    (
        value::<BasisPoints>,
        &[
            "gho_discount",
            "liquidation_bonus",
            "liquidation_threshold",
            "ltv",
        ],
    ),
    (
        value::<Revision>,
        &["a_token_revision", "revision", "v_token_revision"],
    ),
    (
        value::<EModeCategoryId>,
        &["category_id", "e_mode", "e_mode_category_id"],
    ),
    (
        value::<Flag>,
        &[
            "active",
            "borrowable_in_isolation",
            "borrowing_enabled",
            "enabled",
            "flash_loan_enabled",
            "isolation_mode",
            "stable",
            "stable_borrowing_enabled",
        ],
    ),
    (tick, &["tick"]),
    (decimal::<I128>, &["liquidity_net"]),
    (decimal::<U128>, &["liquidity_gross"]),
    (
        decimal::<U256>,
        &[
            "balance",
            "bitmap",
            "borrow_index",
            "borrow_rate",
            "debt_ceiling",
            "isolation_mode_debt",
            "last_index",
            "liquidity_index",
            "liquidity_rate",
            "stk_aave_balance",
        ],
    ),
    (
        address,
        &[
            "address",
            "deployer",
            "factory",
            "hooks",
            "price_source",
            "state_view",
            "v_gho_discount_rate_strategy",
            "v_gho_discount_token",
        ],
    ),
    (pool_hash, &["pool_hash"]),
];

/// The tables with a row for each tick or word. Their values are looked at where the ticks are.
const OF_LIQUIDITY: [&str; 4] = [
    "initialization_maps",
    "liquidity_positions",
    "managed_pool_initialization_maps",
    "managed_pool_liquidity_positions",
];

/// The tables with a row for each Aave user, or several.
const OF_USERS: [&str; 4] = [
    "aave_v3_collateral_positions",
    "aave_v3_debt_positions",
    "aave_v3_user_collateral_configs",
    "aave_v3_users",
];

fn value<T: Decode>(stored: Stored<'_>) -> Result<(), Fault> {
    T::decode(stored)
        .map(drop)
        .map_err(|invalid| (Rule::Value, invalid.to_string()))
}

/// What is no text is a value of another type; anything else is no number.
fn decimal<T: Decode>(stored: Stored<'_>) -> Result<(), Fault> {
    value::<T>(stored).map_err(|(rule, detail)| match stored {
        Stored::Text(_) => (Rule::Decimal, detail),
        _ => (rule, detail),
    })
}

fn tick(stored: Stored<'_>) -> Result<(), Fault> {
    value::<Tick>(stored).map_err(|(rule, detail)| match stored {
        Stored::Integer(_) => (Rule::TickRange, detail),
        _ => (rule, detail),
    })
}

fn address(stored: Stored<'_>) -> Result<(), Fault> {
    let address = Address::decode(stored).map_err(|invalid| match stored {
        Stored::Text(_) => (Rule::Address, invalid.to_string()),
        _ => (Rule::Value, invalid.to_string()),
    })?;
    let canonical = address.to_string();
    if stored == Stored::Text(canonical.as_bytes()) {
        return Ok(());
    }
    Err((Rule::AddressChecksum, format!("found {}", stored.shown())))
}

fn pool_hash(stored: Stored<'_>) -> Result<(), Fault> {
    let hash = PoolHash::decode(stored).map_err(|invalid| match stored {
        Stored::Text(_) => (Rule::PoolHash, invalid.to_string()),
        _ => (Rule::Value, invalid.to_string()),
    })?;
    if stored == Stored::Text(hash.to_string().as_bytes()) {
        return Ok(());
    }
    Err((
        Rule::PoolHash,
        format!("expected lower case, found {}", stored.shown()),
    ))
}

fn check_of(table: &str, column: &str) -> Option<Check> {
    let exception = EXCEPTIONS
        .iter()
        .find(|(of, name, _)| (*of, *name) == (table, column));
    match exception {
        Some((.., check)) => Some(*check),
        None => COLUMNS
            .iter()
            .find(|(_, names)| names.contains(&column))
            .map(|(check, _)| *check),
    }
}

/// What is wrong with a value that is not NULL, if anything is.
pub(super) fn fault(table: &str, column: &str, stored: Stored<'_>) -> Option<Fault> {
    let (rule, detail) = check_of(table, column)?(stored).err()?;
    Some((rule, format!("{column}: {detail}")))
}

/// Whether the values of a table are looked at, here or with the ticks.
pub(super) fn is_checked(table: &str, quick: bool) -> bool {
    SchemaVersion::latest()
        .catalogue()
        .tables
        .contains_key(table)
        && table != ALEMBIC_TABLE
        && !(quick && (OF_LIQUIDITY.contains(&table) || OF_USERS.contains(&table)))
}

/// Goes through the values of every table but those of the liquidity.
pub(super) fn check(checker: &mut Checker<'_>) -> Result<(), Error> {
    for (name, table) in &checker.catalogue.tables {
        if is_checked(name, checker.quick) && !OF_LIQUIDITY.contains(&name.as_str()) {
            checker.attempt(Some(name), "values", |checker| {
                check_table(checker, name, table)
            })?;
        }
    }
    Ok(())
}

fn check_table(checker: &mut Checker<'_>, name: &str, table: &Table) -> Result<(), Error> {
    /// Rows between two looks at the observer.
    const ROWS: u64 = 16_384;
    let columns: Vec<_> = table
        .columns
        .iter()
        .filter_map(|(column, properties)| {
            let is_nullable = !properties.not_null && properties.primary_key == 0;
            Some((column.as_str(), is_nullable, check_of(name, column)?))
        })
        .collect();
    let names: Vec<_> = columns.iter().map(|(name, ..)| *name).collect();
    let mut statement = checker.statements.prepare(&format!(
        "SELECT {}, {} FROM {name}",
        relations::key_of(name),
        names.join(", ")
    ))?;
    let total = checker.rows(name);
    let mut done = 0;
    while statement.step()? {
        if done % ROWS == 0 {
            checker.tell(Stage::Checking(name), done, total)?;
        }
        done += 1;
        for (index, (column, is_nullable, check)) in (1..).zip(&columns) {
            let stored = statement.column(index);
            if *is_nullable && stored == Stored::Null {
                continue;
            }
            if let Err((rule, detail)) = check(stored) {
                let id = statement.column(0).as_integer();
                checker
                    .findings
                    .add(rule, Some(name), id, || format!("{column}: {detail}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_schema_is_checked() {
        let mut tables = 0;
        let mut table = "";
        for line in include_str!("../../schema.rs").lines() {
            let line = line.trim();
            if let Some((name, _)) = line.split_once(" (")
                && line.ends_with('{')
            {
                table = name;
                tables += 1;
            } else if let Some((column, _)) = line.split_once(" -> ")
                && !line.starts_with("diesel::")
            {
                if table == ALEMBIC_TABLE {
                    continue;
                }
                assert!(check_of(table, column).is_some(), "{table}.{column}");
            }
        }
        assert_eq!(tables, 32);
    }

    #[test]
    fn no_column_is_there_twice() {
        let mut names: Vec<_> = COLUMNS.iter().flat_map(|(_, names)| *names).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
