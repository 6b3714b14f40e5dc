//! The keys of the rows in the examples. Ids differ between databases; a key is the same everywhere.

use diesel::prelude::*;

use crate::database::error::database_error::Error;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::checker::{Checker, damage};
use crate::deployments::exchange_name::ExchangeName;
use crate::models::pools::pool_family::{LIQUIDITY_TABLES, PoolFamily};
use crate::models::pools::pool_kind_tables::POOL_KIND_TABLES;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::integer::ChainId;
use crate::types::stored::Stored;

/// Adds the key and the exchange to each example of a row. Damage can hide them.
pub(super) fn add_keys(checker: &mut Checker<'_>, may_be_damaged: bool) -> Result<(), Error> {
    if may_be_damaged {
        checker.forget_pages()?;
    }
    let (statements, catalogue) = (checker.statements, checker.catalogue);
    let ours = &SchemaVersion::latest().catalogue().tables;
    for (table, example) in checker.findings.examples() {
        let id = example.id.filter(|_| ours.contains_key(table));
        let Some((id, query)) = id.zip(query(table, catalogue)) else {
            continue;
        };
        let found = match find(statements, &query, id) {
            Ok(found) => found,
            Err(error) => {
                damage(Error::from(error).at(checker.path, "verify the database"))?;
                None
            }
        };
        if let Some((key, exchange)) = found {
            example.key = key;
            example.exchange = exchange;
        }
    }
    Ok(())
}

/// The key and the exchange of a row.
fn find(
    statements: Statements<'_>,
    query: &str,
    id: i64,
) -> QueryResult<Option<(Option<String>, Option<String>)>> {
    let mut row = statements.prepare(query)?;
    row.query(&[Bound::Integer(id)])?;
    if !row.step()? {
        return Ok(None);
    }
    let text = |column| match row.column(column) {
        Stored::Null => None,
        stored => Some(stored.to_text()),
    };
    let exchange = row.column(1).as_integer().zip(text(2));
    let exchange = exchange.and_then(|(chain, name)| {
        let chain = ChainId::new(chain.try_into().ok()?).ok()?;
        Some(ExchangeName { chain, name }.to_string())
    });
    Ok(Some((text(0), exchange)))
}

/// The query for the key of a row, and for the chain and the name of its exchange.
fn query(table: &str, catalogue: &Catalogue) -> Option<String> {
    let kind = POOL_KIND_TABLES.iter().find(|kind| kind.table == table);
    let family = kind.map(|kind| kind.family).or_else(|| {
        PoolFamily::ALL.into_iter().find(|family| {
            let of_ticks = [family.tick_columns().table, family.word_columns().table];
            family.table() == table || of_ticks.contains(&table)
        })
    });
    if let Some(family) = family {
        let pool = if LIQUIDITY_TABLES.contains(&table) {
            format!("(SELECT {} AS id FROM {table} WHERE id = ?1)", family.key())
        } else {
            "(SELECT ?1 AS id)".to_owned()
        };
        return Some(match family {
            PoolFamily::Pools => format!(
                "SELECT p.address, e.chain_id, e.name FROM {pool} AS r JOIN pools AS p ON p.id = r.id \
                 LEFT JOIN exchanges AS e ON e.id = p.exchange_id"
            ),
            PoolFamily::ManagedPools => format!(
                "SELECT u.pool_hash, e.chain_id, e.name FROM {pool} AS r \
                 LEFT JOIN uniswap_v4_pools AS u ON u.managed_pool_id = r.id \
                 LEFT JOIN managed_pools AS p ON p.id = r.id \
                 LEFT JOIN pool_managers AS m ON m.id = p.manager_id \
                 LEFT JOIN exchanges AS e ON e.id = m.exchange_id"
            ),
        });
    }
    let has = |column| catalogue.has_columns(table, &[column]);
    Some(match table {
        "exchanges" => "SELECT factory, chain_id, name FROM exchanges WHERE id = ?1".to_owned(),
        "pool_managers" => "SELECT m.address, e.chain_id, e.name FROM pool_managers AS m \
                            LEFT JOIN exchanges AS e ON e.id = m.exchange_id WHERE m.id = ?1"
            .to_owned(),
        _ if has("address") => format!("SELECT address, NULL, NULL FROM {table} WHERE id = ?1"),
        _ if has("user_id") => format!(
            "SELECT u.address, NULL, NULL FROM {table} AS r \
             JOIN aave_v3_users AS u ON u.id = r.user_id WHERE r.id = ?1"
        ),
        _ if has("underlying_asset_id") => format!(
            "SELECT t.address, NULL, NULL FROM {table} AS r \
             JOIN erc20_tokens AS t ON t.id = r.underlying_asset_id WHERE r.id = ?1"
        ),
        _ => return None,
    })
}
