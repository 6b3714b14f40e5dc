//! Pool references: the tokens and exchanges of the old pools, gathered in the temporary database `work`.
//!
//! The old revisions spread them over several tables.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::rebuild::obstacles::Obstacles;
use crate::database::migration::rebuild::rules::{Destination, V3_TABLES};
use crate::database::migration::rebuild::source::LegacySource;

/// Whether the source stores the tokens or exchanges of pools in other columns than the newest schema does.
pub(super) fn resolves_pools(source: &LegacySource<'_>) -> bool {
    for table in source.kind_tables().chain(["pools"]) {
        for column in source.columns(table) {
            let destination = source.destination(table, column);
            if matches!(
                destination,
                Some(Destination::Token(_) | Destination::OfPool(_) | Destination::OfExchange(_))
            ) {
                return true;
            }
        }
    }
    false
}

/// Gathers the references of all pools and the obstacles among them. `new.erc20_tokens` has the old tokens
/// already.
pub(super) fn gather(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    obstacles: &mut Obstacles,
) -> Result<(), Error> {
    sql::execute(
        connection,
        "CREATE TABLE work.work_tokens (chain, address, id, PRIMARY KEY (address, chain)) WITHOUT ROWID",
    )?;
    if resolves_pools(source) {
        gather_pools(connection, source, obstacles)?;
    }
    if source.has("uniswap_v4_pools", "currency0") {
        gather_v4_pools(connection, source, obstacles)?;
    }
    if source.has_table("pool_managers") && !source.has("pool_managers", "exchange_id") {
        sql::execute(
            connection,
            "CREATE TABLE work.work_managers (manager_id INTEGER PRIMARY KEY, chain, kind, factory)",
        )?;
        // The exchanges of V4 have their pool manager as factory.
        sql::execute(
            connection,
            "INSERT INTO work.work_managers SELECT id, chain, kind, address FROM main.pool_managers",
        )?;
    }
    Ok(())
}

fn gather_pools(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    obstacles: &mut Obstacles,
) -> Result<(), Error> {
    const COLUMNS: [&str; 6] = [
        "token0",
        "token1",
        "token0_id",
        "token1_id",
        "factory",
        "deployer",
    ];
    sql::execute(
        connection,
        &format!(
            "CREATE TABLE work.work_pools (pool_id INTEGER PRIMARY KEY, chain, kind, {}, exchange_id, \
             parts)",
            COLUMNS.join(", ")
        ),
    )?;
    let values = |table: &str, chain: &str| {
        COLUMNS
            .map(|column| {
                let token = column.strip_suffix("_id").unwrap_or(column);
                match (source.has(table, column), source.has(table, token)) {
                    (true, true) if token != column => {
                        format!("coalesce(s.{column}, {})", token_id(token, chain))
                    }
                    (true, _) => format!("s.{column}"),
                    (false, true) => token_id(token, chain),
                    (false, false) => "NULL".to_owned(),
                }
            })
            .join(", ")
    };
    let exchange_id = if source.has("pools", "exchange_id") {
        "p.exchange_id"
    } else {
        "NULL"
    };
    if source.has_pools_in_one_table() {
        let values = values("pools", "s.chain");
        sql::execute(
            connection,
            &format!(
                "INSERT INTO work.work_pools SELECT s.id, s.chain, s.kind, {values}, NULL, 1 \
                 FROM main.pools AS s"
            ),
        )?;
        let kinds: Vec<_> = V3_TABLES
            .iter()
            .filter_map(|table| table.strip_suffix("_pools"))
            .map(sql::literal)
            .collect();
        let from = format!("main.pools WHERE kind NOT IN ({})", kinds.join(", "));
        obstacles.look_for(
            connection,
            "release 0.5.0a1 has no pools of this kind",
            "'pools ' || id",
            &from,
        )?;
    }
    for table in source.kind_tables() {
        let values = values(table, "p.chain");
        sql::execute(
            connection,
            &format!(
                "INSERT INTO work.work_pools \
                 SELECT s.pool_id, p.chain, p.kind, {values}, {exchange_id}, 1 \
                 FROM main.{table} AS s LEFT JOIN main.pools AS p ON p.id = s.pool_id WHERE true \
                 ON CONFLICT (pool_id) DO UPDATE SET parts = parts + 1"
            ),
        )?;
    }
    // Many pools have the same values. This table has each combination once, so that questions about all pools
    // are cheap.
    sql::execute(
        connection,
        "CREATE TABLE work.work_claims AS \
         SELECT DISTINCT chain, kind, factory, deployer, exchange_id ISNULL AS lacks_exchange, \
           parts > 1 AS is_split, token0_id ISNULL AS lacks_token0, token1_id ISNULL AS lacks_token1 \
         FROM work.work_pools",
    )?;
    if any_claim(connection, "chain ISNULL")? {
        for table in source.kind_tables() {
            obstacles.look_for(
                connection,
                "there is no such pool, so its tokens would be lost",
                &format!("'{table} ' || pool_id"),
                &format!("main.{table} WHERE pool_id NOT IN (SELECT id FROM main.pools)"),
            )?;
        }
    }
    look_through_pools(connection, obstacles)?;
    for token in ["token0", "token1"] {
        if any_claim(connection, &format!("lacks_{token}"))? {
            add_tokens(connection, "work_pools", token, &format!("{token}_id"))?;
        }
    }
    Ok(())
}

/// Whether the condition holds for any pool.
pub(super) fn any_claim(connection: &mut SqliteConnection, condition: &str) -> QueryResult<bool> {
    let query = format!("SELECT count(*) AS number FROM work.work_claims WHERE {condition}");
    Ok(sql::number(connection, &query)? > 0)
}

/// Looks for pools whose references are invalid.
fn look_through_pools(
    connection: &mut SqliteConnection,
    obstacles: &mut Obstacles,
) -> Result<(), Error> {
    let is_wrong = "typeof(chain) <> 'integer' OR typeof(kind) <> 'text'";
    if any_claim(connection, is_wrong)? {
        obstacles.look_for(
            connection,
            "the pool's chain or kind is of the wrong type",
            "'pools ' || pool_id",
            &format!("work.work_pools WHERE {is_wrong}"),
        )?;
    }
    for column in ["factory", "deployer"] {
        obstacles.look_for(
            connection,
            "this is not an address, and pools have it",
            &format!("'{column} ' || quote({column})"),
            &format!(
                "(SELECT DISTINCT {column} FROM work.work_claims WHERE {column} NOTNULL AND NOT {})",
                is_address(column)
            ),
        )?;
    }
    if any_claim(connection, "is_split")? {
        obstacles.look_for(
            connection,
            "the pool is in the tables of several kinds",
            "'pools ' || pool_id",
            "work.work_pools WHERE parts > 1",
        )?;
    }
    Ok(())
}

fn gather_v4_pools(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    obstacles: &mut Obstacles,
) -> Result<(), Error> {
    // A half-finished upgrade can have the ids already.
    let [id0, id1] = ["currency0", "currency1"].map(|column| {
        let id = format!("{column}_id");
        let token = token_id(column, "m.chain");
        if source.has("uniswap_v4_pools", &id) {
            format!("coalesce(s.{id}, {token})")
        } else {
            token
        }
    });
    sql::execute(
        connection,
        "CREATE TABLE work.work_v4_pools (managed_pool_id INTEGER PRIMARY KEY, chain, token0, token1, \
         currency0_id, currency1_id)",
    )?;
    sql::execute(
        connection,
        &format!(
            "INSERT INTO work.work_v4_pools \
             SELECT s.managed_pool_id, m.chain, s.currency0, s.currency1, {id0}, {id1} \
             FROM main.uniswap_v4_pools AS s LEFT JOIN main.managed_pools AS d \
             ON d.id = s.managed_pool_id LEFT JOIN main.pool_managers AS m ON m.id = d.manager_id"
        ),
    )?;
    obstacles.look_for(
        connection,
        "the pool has no manager, so the chain of its tokens is unknown",
        "'uniswap_v4_pools ' || managed_pool_id",
        "work.work_v4_pools WHERE chain IS NULL",
    )?;
    add_tokens(connection, "work_v4_pools", "token0", "currency0_id")?;
    add_tokens(connection, "work_v4_pools", "token1", "currency1_id")?;
    Ok(())
}

/// The condition that a column has the text of an address. The length of the stored bytes is checked too, in
/// either encoding, because a text can go on after a NUL.
pub(super) fn is_address(column: &str) -> String {
    format!(
        "(typeof({column}) = 'text' AND length({column}) = 42 \
         AND length(hex({column})) IN (84, 168) \
         AND lower(substr({column}, 1, 2)) = '0x' AND substr({column}, 3) NOT GLOB '*[^0-9A-Fa-f]*')"
    )
}

/// The expression for the id of the token whose address is spelled exactly as in this column.
fn token_id(column: &str, chain: &str) -> String {
    format!(
        "(SELECT t.id FROM new.erc20_tokens AS t WHERE t.address = s.{column} AND t.chain = {chain})"
    )
}

/// Adds the addresses that no token has in the same spelling to `work_tokens`.
fn add_tokens(
    connection: &mut SqliteConnection,
    table: &str,
    token: &str,
    id: &str,
) -> Result<(), Error> {
    sql::execute(
        connection,
        &format!(
            "INSERT OR IGNORE INTO work.work_tokens (chain, address) SELECT chain, {token} \
             FROM work.{table} WHERE {id} IS NULL AND {token} IS NOT NULL AND chain IS NOT NULL"
        ),
    )?;
    Ok(())
}

/// Looks for invalid V4 pool hashes.
pub(super) fn look_for_bad_hashes(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    obstacles: &mut Obstacles,
) -> Result<(), Error> {
    const IS_TEXT: &str = "typeof({}) = 'text' AND length({}) = 66 AND substr({}, 1, 2) = '0x' \
                           AND substr({}, 3) NOT GLOB '*[^0-9A-Fa-f]*'";
    for column in source.columns("uniswap_v4_pools") {
        let is_sound = match source.destination("uniswap_v4_pools", column) {
            Some(Destination::HashBytes) => {
                format!("typeof({column}) = 'blob' AND length({column}) = 32")
            }
            Some(Destination::HashText) => {
                format!("{column} IS NULL OR ({})", IS_TEXT.replace("{}", column))
            }
            _ => continue,
        };
        obstacles.look_for(
            connection,
            "this is not a pool hash",
            "'uniswap_v4_pools ' || managed_pool_id",
            &format!("main.uniswap_v4_pools WHERE NOT ({is_sound})"),
        )?;
    }
    Ok(())
}
