//! The markets of a database with their stored values, for `aave list` and `database status`.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::database::recognition::identity::Recognition;
use crate::deployments::market_name::MarketName;
use crate::models::aave::stored_market::market_name;
use crate::types::integer::ChainId;
use crate::types::sql_value::{SqlValue, serialize_flag};

/// A market with its stored values.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MarketInfo {
    /// The name that commands give it; `None` if the row is invalid.
    #[serde(skip)]
    pub market: Option<MarketName>,
    /// The chain id.
    pub chain_id: Option<SqlValue>,
    /// The name that its contract says.
    pub name: Option<SqlValue>,
    /// 1 if the market is active, so that updates include it. In JSON, 1 is true and 0 is false.
    #[serde(serialize_with = "serialize_flag")]
    pub active: Option<SqlValue>,
    /// The last block that updates have processed.
    pub last_update_block: Option<SqlValue>,
    /// The contract that knows the others.
    pub provider: Option<SqlValue>,
    /// The first block that can have events, if it is known.
    pub first_block: Option<SqlValue>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    chain_id: Option<SqlValue>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<SqlValue>,
    #[diesel(sql_type = Nullable<Text>)]
    active: Option<SqlValue>,
    #[diesel(sql_type = Nullable<Text>)]
    last_update_block: Option<SqlValue>,
    #[diesel(sql_type = Nullable<Text>)]
    provider: Option<SqlValue>,
    #[diesel(sql_type = Nullable<Text>)]
    given: Option<SqlValue>,
    #[diesel(sql_type = Nullable<Text>)]
    first_block: Option<SqlValue>,
}

/// The markets with their stored values, ordered by id. `None` if the database has no table of markets.
pub(crate) fn markets_of(
    connection: &mut SqliteConnection,
    recognition: &Recognition,
) -> QueryResult<Option<Vec<MarketInfo>>> {
    let has = |table: &str, columns: &[&str]| recognition.catalogue.has_columns(table, columns);
    let columns = ["id", "chain_id", "name", "active", "last_update_block"];
    if !has("aave_v3_markets", &columns) {
        return Ok(None);
    }
    let provider = if has("aave_v3_contracts", &["id", "market_id", "name", "address"]) {
        "(SELECT address FROM aave_v3_contracts AS c \
          WHERE c.market_id = m.id AND c.name = 'POOL_ADDRESS_PROVIDER' ORDER BY c.id LIMIT 1)"
    } else {
        "NULL"
    };
    let fact = |column: &str| {
        if has("aave_v3_market_facts", &["id", "market_id", column]) {
            format!(
                "(SELECT {column} FROM aave_v3_market_facts AS f WHERE f.market_id = m.id ORDER BY f.id LIMIT 1)"
            )
        } else {
            "NULL".to_owned()
        }
    };
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT chain_id, name, active, last_update_block, {provider} AS provider, {} AS given, \
         {} AS first_block FROM aave_v3_markets AS m ORDER BY id",
        fact("name"),
        fact("first_block"),
    ))
    .load(connection)?;
    let info = |row: Row| MarketInfo {
        market: name_of([&row.chain_id, &row.name, &row.provider, &row.given]),
        chain_id: row.chain_id,
        name: row.name,
        active: row.active,
        last_update_block: row.last_update_block,
        provider: row.provider,
        first_block: row.first_block,
    };
    Ok(Some(rows.into_iter().map(info).collect()))
}

/// The name of the market of a row, if the row is valid.
fn name_of([chain, id, provider, given]: [&Option<SqlValue>; 4]) -> Option<MarketName> {
    let (Some(SqlValue::Integer(chain)), Some(SqlValue::Text(id))) = (chain, id) else {
        return None;
    };
    let chain = ChainId::new(u64::try_from(*chain).ok()?).ok()?;
    let provider = match provider {
        None => None,
        Some(SqlValue::Text(text)) => Some(text.parse().ok()?),
        Some(_) => return None,
    };
    let given = match given {
        Some(SqlValue::Text(given)) => Some(given.as_str()),
        _ => None,
    };
    Some(market_name(chain, id, provider, given))
}
