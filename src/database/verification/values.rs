//! The rules about single values: each column's type decides which values are valid.

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::progress::Stage;
use crate::database::structure::catalogue::Table;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::ALEMBIC_TABLE;
use crate::database::verification::checker::{Checker, Rowids};
use crate::database::verification::crew::Part;
use crate::database::verification::plan::Plan;
use crate::database::verification::relations;
use crate::database::verification::rule::Rule;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::models::pools::pool_family::LIQUIDITY_TABLES;
use crate::models::rows::column_type::ColumnType;
use crate::sqlite::prepared::Bound;
use crate::types::address::Address;
use crate::types::decimal::{I128, U128, U256};
use crate::types::flag::Flag;
use crate::types::hash::{BlockHash, CodeHash, PoolHash};
use crate::types::integer::{
    BasisPoints, BinStep, BlockNumber, ChainId, Decimals, EModeCategoryId, FeeParts, LogIndex,
    Revision, Tick, TickSpacing, Timestamp, WordPosition,
};
use crate::types::kind::{ManagedPoolKind, PoolKind, PoolManagerKind, TransferAmount};
use crate::types::stored::{Decode, Stored};

/// The fault of a value: the broken rule and the detail.
type Fault = (Rule, String);

/// Checks a value that is not NULL.
type Check = fn(Stored<'_>) -> Result<(), Fault>;

/// The tables with rows for each Aave user.
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

/// Checks a decimal number. A malformed text breaks the rule `decimal`, and a value of another type the rule `value`.
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
    Some(match ColumnType::of(table, column)? {
        ColumnType::Id => value::<i64>,
        ColumnType::Text => value::<String>,
        ColumnType::Address => address,
        ColumnType::BasisPoints => value::<BasisPoints>,
        ColumnType::BinStep => value::<BinStep>,
        ColumnType::BlockHash => value::<BlockHash>,
        ColumnType::BlockNumber => value::<BlockNumber>,
        ColumnType::ChainId => value::<ChainId>,
        ColumnType::CodeHash => value::<CodeHash>,
        ColumnType::Decimals => value::<Decimals>,
        ColumnType::EModeCategoryId => value::<EModeCategoryId>,
        ColumnType::ExchangeKind => value::<ExchangeKind>,
        ColumnType::FeeParts => value::<FeeParts>,
        ColumnType::Flag => value::<Flag>,
        ColumnType::I128 => decimal::<I128>,
        ColumnType::LogIndex => value::<LogIndex>,
        ColumnType::ManagedPoolKind => value::<ManagedPoolKind>,
        ColumnType::PoolHash => pool_hash,
        ColumnType::PoolKind => value::<PoolKind>,
        ColumnType::PoolManagerKind => value::<PoolManagerKind>,
        ColumnType::Revision => value::<Revision>,
        ColumnType::Tick => tick,
        ColumnType::TickSpacing => value::<TickSpacing>,
        ColumnType::Timestamp => value::<Timestamp>,
        ColumnType::TransferAmount => value::<TransferAmount>,
        ColumnType::U128 => decimal::<U128>,
        ColumnType::U256 => decimal::<U256>,
        ColumnType::WordPosition => value::<WordPosition>,
    })
}

/// The fault of a value that is not NULL, if it has one.
pub(super) fn fault(table: &str, column: &str, stored: Stored<'_>) -> Option<Fault> {
    let (rule, detail) = check_of(table, column)?(stored).err()?;
    Some((rule, format!("{column}: {detail}")))
}

/// Whether verification checks the values of a table, here or with the ticks.
pub(super) fn is_checked(table: &str, quick: bool) -> bool {
    SchemaVersion::latest()
        .catalogue()
        .tables
        .contains_key(table)
        && table != ALEMBIC_TABLE
        && !(quick && (LIQUIDITY_TABLES.contains(&table) || OF_USERS.contains(&table)))
}

/// Plans the checks of the values of every table except those of the liquidity.
pub(super) fn plan(plan: &mut Plan<'_, '_>) {
    for (name, table) in &plan.catalogue.tables {
        if !is_checked(name, plan.quick) || LIQUIDITY_TABLES.contains(&name.as_str()) {
            continue;
        }
        plan.expect(name, name);
        for rowids in plan.ranges(name) {
            plan.parts.push(Part::new(move |checker| {
                checker.attempt(Some(name), "values", |checker| {
                    check_table(checker, name, table, rowids)
                })
            }));
        }
    }
}

fn check_table(
    checker: &mut Checker<'_>,
    name: &str,
    table: &Table,
    (first, last): Rowids,
) -> Result<(), Error> {
    /// The number of rows between two progress reports.
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
        "SELECT {}, {} FROM {name} WHERE rowid BETWEEN ?1 AND ?2",
        relations::key_of(name),
        names.join(", ")
    ))?;
    statement.query(&[Bound::Integer(first), Bound::Integer(last)])?;
    checker.advance(name, 0)?;
    let mut done = 0;
    while statement.step()? {
        done += 1;
        if done == ROWS {
            checker.advance(name, done)?;
            done = 0;
        }
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
    checker.advance(name, done)
}

/// Checks that every text of every table is UTF-8. For a schema of which the types of the columns are unknown.
pub(super) fn check_texts(checker: &mut Checker<'_>) -> Result<(), Error> {
    for (name, table) in &checker.catalogue.tables {
        checker.tell(Stage::Verifying, 0, 0)?;
        checker.attempt(Some(name), "texts", |checker| {
            let columns: Vec<_> = table.columns.keys().collect();
            let names: Vec<_> = columns.iter().map(|column| sql::name(column)).collect();
            let query = format!(
                "SELECT rowid, {} FROM {}",
                names.join(", "),
                sql::name(name)
            );
            let mut statement = checker.statements.prepare(&query)?;
            while statement.step()? {
                for (index, column) in (1..).zip(&columns) {
                    let stored = statement.column(index);
                    if let (Stored::Text(_), Err((rule, detail))) =
                        (stored, value::<String>(stored))
                    {
                        let id = statement.column(0).as_integer();
                        checker
                            .findings
                            .add(rule, Some(name), id, || format!("{column}: {detail}"));
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}
