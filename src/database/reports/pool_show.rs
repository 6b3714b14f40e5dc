//! Finding pools, and the liquidity of one, for `pool show`.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise_connection;
use crate::database::reports::pool_info::{PoolInfo, PoolReader, on_chains, owner};
use crate::models::access::row_error::RowError;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::sqlite::transaction::{Begin, transaction};
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::{ChainId, Tick};

/// What names one or several pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolSelector {
    /// The id in either table of pools.
    Id(i64),
    /// The contract.
    Address(Address),
    /// The id inside a pool manager.
    Hash(PoolHash),
    /// The two tokens, in either order.
    Pair([TokenSelector; 2]),
}

/// What names one or several tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSelector {
    /// The contract.
    Address(Address),
    /// The symbol. Other letter cases count only if no token has exactly this symbol.
    Symbol(String),
}

/// The result of [`show_pools`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PoolReport {
    /// The pools that were found, ordered by their exchange, table and id.
    pub pools: Vec<PoolInfo>,
    /// The liquidity, if it is one pool, of a kind with ticks.
    pub liquidity: Option<PoolLiquidity>,
}

/// The liquidity of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolLiquidity {
    /// The number of words of the tick bitmap; `None` if the database has no table of them.
    pub words: Option<i64>,
    /// The initialized ticks in ascending order.
    pub ticks: Vec<TickLiquidity>,
}

/// A range of ticks with the same liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiquidityRange {
    /// The first tick.
    pub lower: Tick,
    /// The tick after the last.
    pub upper: Tick,
    /// The liquidity that swaps use in this range.
    pub liquidity: u128,
}

impl PoolLiquidity {
    /// The ranges between initialized ticks, in ascending order. `None` if the net liquidity of the ticks adds up to a
    /// negative number anywhere, or not to zero in the end: events are missing then, or were counted twice.
    #[must_use]
    pub fn ranges(&self) -> Option<Vec<LiquidityRange>> {
        let mut liquidity = 0_u128;
        let mut ranges = Vec::new();
        for (place, at) in self.ticks.iter().enumerate() {
            liquidity = liquidity.checked_add_signed(at.liquidity_net.0)?;
            if let Some(next) = self.ticks.get(place + 1) {
                ranges.push(LiquidityRange {
                    lower: at.tick,
                    upper: next.tick,
                    liquidity,
                });
            }
        }
        (liquidity == 0).then_some(ranges)
    }
}

/// Finds pools in a database of any version. If there is one, its liquidity is read as well. It reads without leaving a
/// trace. Without `chains`, the pools can be on any chain.
///
/// # Errors
///
/// [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) if the database is not at a version of this program, and
/// [`ErrorKind::Row`](crate::database::ErrorKind::Row) if a tick is invalid. Other kinds if the database cannot be read.
pub fn show_pools(
    path: &Path,
    selector: &PoolSelector,
    chains: &[ChainId],
) -> Result<PoolReport, Error> {
    read_without_trace(path, |connection| {
        let read = |connection: &mut SqliteConnection| read(connection, path, selector, chains);
        transaction(connection, Begin::Deferred, read, Error::from)
            .map_err(|error| error.at(path, "read the pool"))
    })
}

fn read(
    connection: &mut SqliteConnection,
    path: &Path,
    selector: &PoolSelector,
    chains: &[ChainId],
) -> Result<PoolReport, Error> {
    let recognition = recognise_connection(connection)?;
    recognition.require_version_of_structure(path)?;
    let mut reader = PoolReader::new(connection, &recognition)?;
    let statements = reader.statements();
    let ids = match selector {
        PoolSelector::Id(id) => PoolFamily::ALL.map(|family| (family, *id)).into(),
        PoolSelector::Address(address) => {
            let ids = rows_with(statements, "pools", "address", "id", &address.spellings())?;
            of_family(PoolFamily::Pools, ids)
        }
        PoolSelector::Hash(hash) => {
            let (table, key) = ("uniswap_v4_pools", "managed_pool_id");
            let spellings = [hash.to_string(), hash.to_string()];
            let ids = rows_with(statements, table, "pool_hash", key, &spellings)?;
            of_family(PoolFamily::ManagedPools, ids)
        }
        PoolSelector::Pair(pair) => of_pair(statements, pair, chains)?,
    };
    let mut pools = Vec::new();
    for (family, id) in ids {
        let on_chains = on_chains(&format!("{}.chain", owner(family)), chains);
        let condition = format!("p.id = ?1 AND {on_chains}");
        pools.extend(reader.read(family, &condition, &[Bound::Integer(id)])?);
    }
    // The sort is stable: within an exchange, the pools stay in the order of their ids.
    pools.sort_by(|one, other| one.exchange.cmp(&other.exchange));
    let liquidity = match pools.as_slice() {
        [pool] if pool.ticks.is_some() => Some(liquidity(statements, &recognition, pool)?),
        _ => None,
    };
    Ok(PoolReport { pools, liquidity })
}

fn of_family(family: PoolFamily, ids: Vec<i64>) -> Vec<(PoolFamily, i64)> {
    ids.into_iter().map(|id| (family, id)).collect()
}

/// The integers in the first column of the result.
fn integers(rows: &mut Statement<'_>) -> QueryResult<Vec<i64>> {
    let mut integers = Vec::new();
    while rows.step()? {
        integers.push(rows.key(0));
    }
    Ok(integers)
}

/// The keys of the rows with a text in hexadecimal digits. An index finds the usual spellings; only if there is none,
/// the table is searched for others.
fn rows_with(
    statements: Statements<'_>,
    table: &str,
    column: &str,
    key: &str,
    spellings: &[String; 2],
) -> QueryResult<Vec<i64>> {
    let [usual, lower] = spellings.each_ref().map(|text| Bound::Text(text));
    for condition in [
        format!("{column} IN (?1, ?2)"),
        format!("lower({column}) = ?2"),
    ] {
        let mut rows = statements.prepare(&format!(
            "SELECT {key} FROM {table} WHERE {condition} ORDER BY {key}"
        ))?;
        rows.query(&[usual, lower])?;
        let keys = integers(&mut rows)?;
        if !keys.is_empty() {
            return Ok(keys);
        }
    }
    Ok(Vec::new())
}

/// The ids of the tokens that a selector names.
fn tokens(
    statements: Statements<'_>,
    selector: &TokenSelector,
    chains: &[ChainId],
) -> QueryResult<BTreeSet<i64>> {
    let symbol = match selector {
        TokenSelector::Address(address) => {
            let spellings = address.spellings();
            let ids = rows_with(statements, "erc20_tokens", "address", "id", &spellings)?;
            return Ok(ids.into_iter().collect());
        }
        TokenSelector::Symbol(symbol) => symbol,
    };
    for collation in ["BINARY", "NOCASE"] {
        let mut rows = statements.prepare(&format!(
            "SELECT id FROM erc20_tokens WHERE symbol = ?1 COLLATE {collation} AND {}",
            on_chains("chain", chains)
        ))?;
        rows.query(&[Bound::Text(symbol)])?;
        let ids = integers(&mut rows)?;
        if !ids.is_empty() {
            return Ok(ids.into_iter().collect());
        }
    }
    Ok(BTreeSet::new())
}

/// The pools of two tokens.
fn of_pair(
    statements: Statements<'_>,
    [one, other]: &[TokenSelector; 2],
    chains: &[ChainId],
) -> QueryResult<Vec<(PoolFamily, i64)>> {
    let one = tokens(statements, one, chains)?;
    let other = tokens(statements, other, chains)?;
    let mut found = BTreeSet::new();
    for (family, query) in [
        // Each query reads only an index: a token like WETH has hundreds of thousands of pools.
        (
            PoolFamily::Pools,
            "SELECT id, token1_id FROM pools WHERE token0_id = ?1",
        ),
        (
            PoolFamily::ManagedPools,
            "SELECT managed_pool_id, currency1_id FROM uniswap_v4_pools WHERE currency0_id = ?1",
        ),
    ] {
        let mut rows = statements.prepare(query)?;
        for (first, second) in [(&one, &other), (&other, &one)] {
            for token in first {
                rows.query(&[Bound::Integer(*token)])?;
                while rows.step()? {
                    if second.contains(&rows.key(1)) {
                        found.insert((family, rows.key(0)));
                    }
                }
            }
        }
    }
    Ok(found.into_iter().collect())
}

fn liquidity(
    statements: Statements<'_>,
    recognition: &Recognition,
    pool: &PoolInfo,
) -> Result<PoolLiquidity, RowError> {
    let (columns, key) = (pool.family.tick_columns(), pool.family.key());
    let words = pool.family.word_columns().table;
    let words = if recognition.catalogue.tables.contains_key(words) {
        statements
            .prepare(&format!("SELECT count(*) FROM {words} WHERE {key} = ?1"))?
            .first_integer(&[Bound::Integer(pool.id)])?
    } else {
        None
    };
    let mut rows = statements.prepare(&format!(
        "SELECT {} FROM {} AS r WHERE r.{key} = ?1 ORDER BY r.tick",
        columns.of("r"),
        columns.table
    ))?;
    rows.query(&[Bound::Integer(pool.id)])?;
    let mut ticks = Vec::new();
    while rows.step()? {
        ticks.push(TickLiquidity {
            tick: columns.get(&rows, 1)?,
            liquidity_net: columns.get(&rows, 2)?,
            liquidity_gross: columns.get(&rows, 3)?,
        });
    }
    Ok(PoolLiquidity { words, ticks })
}
