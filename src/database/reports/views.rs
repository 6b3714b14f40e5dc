//! SQL views for people: pools, ticks and Aave positions, with names instead of ids.
//!
//! By default they are temporary views of the session that creates them, so that nothing is added to the database.
//! [`installed_views`](crate::database::installed_views) makes ordinary views of the same queries.

use std::path::Path;

use serde::Serialize;

use crate::database::error::database_error::Error;
use crate::database::recognition::recognise::recognise_without_trace;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, PoolKindTable};

/// The views for a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseViews {
    /// The version of the database.
    pub version: SchemaVersion,
    /// The views that a database of this version can have.
    pub views: Vec<DatabaseView>,
    /// The names of the others, whose tables it lacks.
    pub missing: Vec<&'static str>,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DatabaseView {
    /// Its name.
    pub name: &'static str,
    /// The statement that creates it, for the session alone.
    pub sql: String,
    /// The query.
    #[serde(skip)]
    select: String,
}

impl DatabaseView {
    /// The query of the view.
    pub(crate) fn select(&self) -> &str {
        &self.select
    }
}

/// The views for a database of any version of this program. It leaves no trace.
///
/// # Errors
///
/// [`Refused`](crate::database::ErrorKind::Refused) if the database is not at a version of this program. Other kinds if it
/// cannot be read.
pub fn list_database_views(path: &Path) -> Result<DatabaseViews, Error> {
    let version = recognise_without_trace(path)?.require_version(path)?;
    Ok(views_of(version))
}

/// The views for a version.
pub(crate) fn views_of(version: SchemaVersion) -> DatabaseViews {
    let catalogue = version.catalogue();
    let candidates = [
        ("v_pools", Some(pools(catalogue))),
        ("v_ticks", Some(TICKS.to_owned())),
        ("v_aave_positions", aave_positions(catalogue)),
    ];
    let (mut views, mut missing) = (Vec::new(), Vec::new());
    for (name, select) in candidates {
        match select {
            Some(select) => views.push(DatabaseView {
                name,
                sql: format!("CREATE TEMP VIEW {name} AS\n{select};"),
                select,
            }),
            None => missing.push(name),
        }
    }
    DatabaseViews {
        version,
        views,
        missing,
    }
}

/// The pools of both families. The columns of a kind are `NULL` for the others.
pub(crate) fn pools(catalogue: &Catalogue) -> String {
    let kinds: Vec<_> = POOL_KIND_TABLES
        .iter()
        .filter(|kind| kind.family == PoolFamily::Pools)
        .filter(|kind| catalogue.tables.contains_key(kind.table))
        .collect();
    let joins: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let PoolKindTable { name, table, .. } = kind;
            format!("\nLEFT JOIN {table} ON p.kind = '{name}' AND {table}.pool_id = p.id")
        })
        .collect();
    let joins = joins.concat();
    // The value is in the table of the pool's kind, and `NULL` in the others.
    let value = |column: &str| {
        let tables = kinds
            .iter()
            .filter(|kind| kind.columns().names.contains(&column))
            .map(|kind| format!("{}.{column}", kind.table));
        let tables: Vec<_> = tables.collect();
        match tables.as_slice() {
            [] => format!("NULL AS {column}"),
            [one] => format!("{one} AS {column}"),
            several => format!("coalesce({}) AS {column}", several.join(", ")),
        }
    };
    let own: Vec<_> = OF_KINDS.iter().map(|column| value(column)).collect();
    let own = own.join(",\n       ");
    format!(
        "SELECT 'pools' AS pool_table, p.id, p.chain AS chain_id, e.name AS exchange, p.kind, p.address,
       NULL AS pool_hash, NULL AS hooks, {TOKENS},
       {own}
FROM pools AS p
LEFT JOIN exchanges AS e ON e.id = p.exchange_id
LEFT JOIN erc20_tokens AS t0 ON t0.id = p.token0_id
LEFT JOIN erc20_tokens AS t1 ON t1.id = p.token1_id{joins}
UNION ALL
SELECT 'managed_pools', m.id, pm.chain, e.name, m.kind, pm.address,
       v.pool_hash, v.hooks, t0.address, t0.symbol, t0.decimals, t1.address, t1.symbol, t1.decimals,
       v.fee_currency0, v.fee_currency1, v.fee_denominator, NULL, v.tick_spacing, NULL,
       v.liquidity_update_block, v.liquidity_update_log_index
FROM managed_pools AS m
LEFT JOIN pool_managers AS pm ON pm.id = m.manager_id
LEFT JOIN exchanges AS e ON e.id = pm.exchange_id
LEFT JOIN uniswap_v4_pools AS v ON v.managed_pool_id = m.id
LEFT JOIN erc20_tokens AS t0 ON t0.id = v.currency0_id
LEFT JOIN erc20_tokens AS t1 ON t1.id = v.currency1_id"
    )
}

/// The columns of a pool's tokens.
const TOKENS: &str = "t0.address AS token0, t0.symbol AS symbol0, t0.decimals AS decimals0,
       t1.address AS token1, t1.symbol AS symbol1, t1.decimals AS decimals1";

/// The columns that the tables of kinds have, each some of them.
const OF_KINDS: [&str; 8] = [
    "fee_token0",
    "fee_token1",
    "fee_denominator",
    "stable",
    "tick_spacing",
    "bin_step",
    "liquidity_update_block",
    "liquidity_update_log_index",
];

/// The ticks of pools of both families.
const TICKS: &str = "SELECT 'pools' AS pool_table, l.pool_id AS pool_id, p.address, NULL AS pool_hash,
       l.tick, l.liquidity_net, l.liquidity_gross
FROM liquidity_positions AS l
LEFT JOIN pools AS p ON p.id = l.pool_id
UNION ALL
SELECT 'managed_pools', l.managed_pool_id, NULL, v.pool_hash, l.tick, l.liquidity_net, l.liquidity_gross
FROM managed_pool_liquidity_positions AS l
LEFT JOIN uniswap_v4_pools AS v ON v.managed_pool_id = l.managed_pool_id";

/// The positions of Aave users, with their scaled balances. `None` if the version has none.
pub(crate) fn aave_positions(catalogue: &Catalogue) -> Option<String> {
    let of = |table: &str, side: &str, enabled: (&str, &str)| {
        let (enabled, join) = enabled;
        format!(
            "SELECT mk.chain_id AS chain_id, mk.name AS market, u.address AS user_address, '{side}' AS side,
       t.symbol AS symbol, t.decimals AS decimals, t.address AS asset, b.balance AS scaled_balance,
       b.last_index AS last_index, {enabled} AS is_collateral_enabled
FROM {table} AS b
LEFT JOIN aave_v3_users AS u ON u.id = b.user_id
LEFT JOIN aave_v3_markets AS mk ON mk.id = u.market_id
LEFT JOIN aave_v3_assets AS a ON a.id = b.asset_id
LEFT JOIN erc20_tokens AS t ON t.id = a.underlying_asset_id{join}"
        )
    };
    let tables = [
        "aave_v3_collateral_positions",
        "aave_v3_debt_positions",
        "aave_v3_users",
        "aave_v3_markets",
        "aave_v3_assets",
    ];
    let has_all = tables
        .iter()
        .all(|table| catalogue.tables.contains_key(*table));
    if !has_all {
        return None;
    }
    // An older version does not say which collateral users have enabled.
    let is_known = catalogue
        .tables
        .contains_key("aave_v3_user_collateral_configs");
    let enabled = if is_known {
        (
            "c.enabled",
            "\nLEFT JOIN aave_v3_user_collateral_configs AS c ON c.user_id = b.user_id AND c.asset_id = b.asset_id",
        )
    } else {
        ("NULL", "")
    };
    let collateral = of("aave_v3_collateral_positions", "collateral", enabled);
    let debt = of("aave_v3_debt_positions", "debt", ("NULL", ""));
    Some(format!("{collateral}\nUNION ALL\n{debt}"))
}
