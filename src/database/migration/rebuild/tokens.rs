//! Tokens: turns the token addresses of pools into ids of rows of `erc20_tokens`.

use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::rebuild::carry::count;
use crate::database::migration::rebuild::obstacles::Obstacles;
use crate::database::migration::rebuild::pool_references;
use crate::database::migration::rebuild::pool_references::{is_address, resolves_pools};
use crate::database::migration::rebuild::source::LegacySource;
use crate::types::address::Address;

diesel::define_sql_function! {
    /// Returns an address in the spelling of EIP-55.
    fn eip55(address: Text) -> Text;
}

/// Finds the id of every token that a pool names by its address, and adds missing tokens to `new.erc20_tokens`,
/// which has the old tokens already. Returns the number of added tokens.
///
/// `pool_references` has found the addresses with the same spelling. This finds the others in another letter
/// case, if the match is unique.
pub(super) fn resolve(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    obstacles: &mut Obstacles,
) -> Result<usize, Error> {
    let missing = "SELECT count(*) AS number FROM work.work_tokens WHERE id IS NULL";
    let mut added = 0;
    if sql::number(connection, missing)? > 0 {
        added = resolve_others(connection, obstacles)?;
        if resolves_pools(source) {
            set_ids(connection, "work_pools", "token0", "token0_id")?;
            set_ids(connection, "work_pools", "token1", "token1_id")?;
        }
        if source.has("uniswap_v4_pools", "currency0") {
            set_ids(connection, "work_v4_pools", "token0", "currency0_id")?;
            set_ids(connection, "work_v4_pools", "token1", "currency1_id")?;
        }
    }
    if resolves_pools(source) {
        look_for_pools_without_tokens(connection, source, obstacles)?;
    }
    Ok(added)
}

/// Looks for pools that lack a token in all of their tables.
fn look_for_pools_without_tokens(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    obstacles: &mut Obstacles,
) -> Result<(), Error> {
    let complete = if pool_references::any_claim(connection, "lacks_token0 OR lacks_token1")? {
        let condition =
            "coalesce(token0_id, token0) NOTNULL AND coalesce(token1_id, token1) NOTNULL";
        let query = format!("SELECT count(*) AS number FROM work.work_pools WHERE {condition}");
        sql::number(connection, &query)?
    } else {
        count(connection, "work", "work_pools")?
    };
    // Usually there are none. Finding out which they are takes longer than counting.
    if complete == count(connection, "main", "pools")? {
        return Ok(());
    }
    obstacles.look_for(
        connection,
        "a token of the pool is missing from all tables",
        "'pools ' || id",
        &without_tokens(source),
    )?;
    Ok(())
}

/// The FROM clause for pools that lack a token in all of their tables.
fn without_tokens(source: &LegacySource<'_>) -> String {
    let conditions: Vec<_> = [0, 1]
        .map(|number| {
            let mut values = vec![format!("w.token{number}_id"), format!("w.token{number}")];
            for column in [format!("token{number}_id"), format!("token{number}_id_")] {
                if source.has("pools", &column) {
                    values.push(format!("s.{column}"));
                }
            }
            format!("coalesce({}) IS NULL", values.join(", "))
        })
        .to_vec();
    format!(
        "main.pools AS s LEFT JOIN work.work_pools AS w ON w.pool_id = s.id WHERE {}",
        conditions.join(" OR ")
    )
}

/// Finds or adds the tokens whose addresses are spelled differently in `erc20_tokens` or are missing there.
/// Returns the number of added tokens.
fn resolve_others(
    connection: &mut SqliteConnection,
    obstacles: &mut Obstacles,
) -> Result<usize, Error> {
    obstacles.look_for(
        connection,
        "this is not a token address",
        "'token ' || quote(address) || ' on chain ' || quote(chain)",
        &format!(
            "work.work_tokens WHERE id IS NULL AND NOT {}",
            is_address("address")
        ),
    )?;
    sql::execute(
        connection,
        "CREATE TABLE work.work_spellings (address, chain, id, tokens, PRIMARY KEY (address, chain)) \
         WITHOUT ROWID",
    )?;
    // The table has only the wanted addresses. There can be millions of others.
    sql::execute(
        connection,
        &format!(
            "INSERT OR IGNORE INTO work.work_spellings SELECT lower(address), chain, NULL, 0 \
             FROM work.work_tokens WHERE id IS NULL AND {}",
            is_address("address")
        ),
    )?;
    sql::execute(
        connection,
        "INSERT INTO work.work_spellings SELECT lower(t.address), t.chain, t.id, 1 \
         FROM new.erc20_tokens AS t WHERE EXISTS (SELECT 1 FROM work.work_spellings AS s \
           WHERE s.address = lower(t.address) AND s.chain = t.chain) \
         ON CONFLICT (address, chain) DO UPDATE SET id = coalesce(id, excluded.id), tokens = tokens + 1",
    )?;
    obstacles.look_for(
        connection,
        "several rows of erc20_tokens have this address in other letter cases",
        "'token ' || address || ' on chain ' || chain",
        "work.work_tokens AS w WHERE id IS NULL AND (SELECT tokens FROM work.work_spellings AS s \
         WHERE s.address = lower(w.address) AND s.chain = w.chain) > 1",
    )?;
    eip55_utils::register_impl(connection, |address: String| {
        let parsed = address.parse::<Address>();
        parsed.map_or(address, |address| address.to_string())
    })?;
    let added = sql::execute(
        connection,
        "INSERT INTO new.erc20_tokens (id, chain, address) \
         SELECT (SELECT coalesce(max(id), 0) FROM new.erc20_tokens) \
                + row_number() OVER (ORDER BY chain, address), chain, eip55(address) \
         FROM (SELECT chain, address FROM work.work_spellings WHERE tokens = 0)",
    )?;
    sql::execute(
        connection,
        "UPDATE work.work_spellings SET id = (SELECT t.id FROM new.erc20_tokens AS t \
         WHERE t.address = eip55(work_spellings.address) AND t.chain = work_spellings.chain) \
         WHERE tokens = 0",
    )?;
    sql::execute(
        connection,
        "UPDATE work.work_tokens SET id = (SELECT s.id FROM work.work_spellings AS s \
         WHERE s.address = lower(work_tokens.address) AND s.chain = work_tokens.chain) \
         WHERE id IS NULL",
    )?;
    sql::execute(connection, "DROP TABLE work.work_spellings")?;
    Ok(added)
}

fn set_ids(
    connection: &mut SqliteConnection,
    table: &str,
    token: &str,
    id: &str,
) -> Result<(), Error> {
    sql::execute(
        connection,
        &format!(
            "UPDATE work.{table} SET {id} = (SELECT t.id FROM work.work_tokens AS t \
             WHERE t.address = {table}.{token} AND t.chain = {table}.chain) \
             WHERE {id} IS NULL AND {token} IS NOT NULL"
        ),
    )?;
    Ok(())
}
