//! Exchanges: turns the factories and deployers of pools into rows of `exchanges`.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use crate::counted::counted;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::assumptions::{Assumption, Assumptions, FactoryAssumption};
use crate::database::migration::rebuild::obstacles::Obstacles;
use crate::database::migration::rebuild::pool_references::resolves_pools;
use crate::database::migration::rebuild::source::LegacySource;
use crate::types::address::Address;

/// A row of `exchanges` in the new database.
#[derive(Debug, QueryableByName)]
struct Exchange {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    chain: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    factory: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    deployer: Option<String>,
}

/// The values that pools or pool managers store about their exchange.
#[derive(Debug, QueryableByName)]
struct ExchangeClaim {
    #[diesel(sql_type = BigInt)]
    chain: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    factory: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    deployer: Option<String>,
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Fills `new.exchanges`, and `work.work_exchanges`, which has the exchange of each pool and pool manager.
/// Returns the number of added exchanges, and the subjects of the assumptions that were used.
///
/// An exchange is identified by its chain, its name and its factory. Its name is the kind of its pools. Pools
/// without a factory belong to the only exchange of their chain and kind.
pub(super) fn resolve(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    assumptions: &Assumptions,
    obstacles: &mut Obstacles,
) -> Result<(usize, Vec<String>), Error> {
    let mut used = Vec::new();
    let mut factory_of = |chain: i64, kind: &str| {
        let factory = assumptions.factory(chain, kind)?;
        let told = FactoryAssumption {
            chain,
            kind: kind.to_owned(),
            factory,
        };
        used.push(Assumption::Factory(told).subject());
        Some(factory)
    };
    let mut exchanges = existing(connection, source)?;
    let old = exchanges.len();
    let claims = claims(connection, source)?;
    for claim in claims.iter().filter(|claim| claim.factory.is_some()) {
        merge_claim(&mut exchanges, claim, obstacles);
    }
    for claim in claims.iter().filter(|claim| claim.factory.is_none()) {
        merge_claim_without_factory(&mut exchanges, claim, &mut factory_of, obstacles);
    }
    for exchange in &mut exchanges {
        if exchange.factory.is_none() {
            match factory_of(exchange.chain, &exchange.name) {
                Some(factory) => exchange.factory = Some(factory.to_string()),
                None => obstacles.add(
                    "the exchange's factory is unknown; --assume factory.CHAIN.KIND=ADDRESS supplies it",
                    format!("{} on chain {}", exchange.name, exchange.chain),
                ),
            }
        }
    }
    write(connection, &exchanges, old)?;
    Ok((exchanges.len() - old, used))
}

fn existing(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
) -> Result<Vec<Exchange>, Error> {
    if !source.has_table("exchanges") {
        return Ok(Vec::new());
    }
    let [factory, deployer] = ["factory", "deployer"].map(|column| {
        if source.has("exchanges", column) {
            column
        } else {
            "NULL"
        }
    });
    Ok(diesel::sql_query(format!(
        "SELECT id, chain_id AS chain, name, {factory} AS factory, {deployer} AS deployer \
         FROM main.exchanges ORDER BY id"
    ))
    .load(connection)?)
}

/// Returns the distinct claims about exchanges.
fn claims(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
) -> Result<Vec<ExchangeClaim>, Error> {
    let mut claims: Vec<ExchangeClaim> = Vec::new();
    if resolves_pools(source) {
        claims = diesel::sql_query(
            "SELECT DISTINCT chain, kind, factory, deployer FROM work.work_claims \
             WHERE chain IS NOT NULL AND kind IS NOT NULL \
             AND (factory NOTNULL OR deployer NOTNULL OR lacks_exchange) \
             ORDER BY chain, kind, factory, deployer",
        )
        .load(connection)?;
    }
    if lacks_managers_exchange(source) {
        let managers = diesel::sql_query(
            "SELECT chain, kind, factory, NULL AS deployer FROM work.work_managers \
             GROUP BY chain, kind, lower(factory) ORDER BY min(manager_id)",
        );
        claims.extend(managers.load::<ExchangeClaim>(connection)?);
    }
    Ok(claims)
}

fn merge_claim(exchanges: &mut Vec<Exchange>, claim: &ExchangeClaim, obstacles: &mut Obstacles) {
    let Some(factory) = &claim.factory else {
        return;
    };
    let of_kind =
        |exchange: &Exchange| exchange.chain == claim.chain && exchange.name == claim.kind;
    let found = exchanges
        .iter()
        .position(|exchange| {
            of_kind(exchange)
                && exchange
                    .factory
                    .as_deref()
                    .is_some_and(|known| is_same(known, factory))
        })
        .or_else(|| {
            exchanges
                .iter()
                .position(|exchange| of_kind(exchange) && exchange.factory.is_none())
        });
    let index = found.unwrap_or_else(|| {
        exchanges.push(Exchange {
            id: exchanges
                .iter()
                .map(|exchange| exchange.id)
                .max()
                .unwrap_or(0)
                + 1,
            chain: claim.chain,
            name: claim.kind.clone(),
            factory: None,
            deployer: None,
        });
        exchanges.len() - 1
    });
    let exchange = &mut exchanges[index];
    exchange.factory.get_or_insert_with(|| factory.clone());
    add_deployer(exchange, claim, obstacles);
}

fn merge_claim_without_factory(
    exchanges: &mut Vec<Exchange>,
    claim: &ExchangeClaim,
    factory_of: &mut impl FnMut(i64, &str) -> Option<Address>,
    obstacles: &mut Obstacles,
) {
    let row = || format!("{} on chain {}", claim.kind, claim.chain);
    let mut candidates: Vec<_> = exchanges
        .iter_mut()
        .filter(|exchange| exchange.chain == claim.chain && exchange.name == claim.kind)
        .collect();
    match candidates.as_mut_slice() {
        [exchange] => add_deployer(exchange, claim, obstacles),
        [] => match factory_of(claim.chain, &claim.kind) {
            Some(factory) => {
                let told = ExchangeClaim {
                    chain: claim.chain,
                    kind: claim.kind.clone(),
                    factory: Some(factory.to_string()),
                    deployer: claim.deployer.clone(),
                };
                merge_claim(exchanges, &told, obstacles);
            }
            None => obstacles.add(
                "the exchange's factory is unknown; --assume factory.CHAIN.KIND=ADDRESS supplies it",
                row(),
            ),
        },
        _ => obstacles.add(
            "some pools have no factory and could belong to several exchanges",
            row(),
        ),
    }
}

fn add_deployer(exchange: &mut Exchange, claim: &ExchangeClaim, obstacles: &mut Obstacles) {
    let Some(deployer) = &claim.deployer else {
        return;
    };
    let known = exchange.deployer.get_or_insert_with(|| deployer.clone());
    if !is_same(known, deployer) {
        obstacles.add(
            "pools of one factory have several deployers",
            format!("{} on chain {}", exchange.name, exchange.chain),
        );
    }
}

fn write(
    connection: &mut SqliteConnection,
    exchanges: &[Exchange],
    old: usize,
) -> Result<(), Error> {
    for (index, exchange) in exchanges.iter().enumerate() {
        // The other values of an old row are copied as they are stored, whatever their type.
        let statement = if index < old {
            "INSERT INTO new.exchanges (id, chain_id, name, active, last_update_block, factory, deployer) \
             SELECT id, chain_id, name, active, last_update_block, ?, ? FROM main.exchanges WHERE id = ?"
        } else {
            "INSERT INTO new.exchanges (factory, deployer, id, chain_id, name, active) \
             VALUES (?, ?, ?, ?, ?, 0)"
        };
        let query = diesel::sql_query(statement)
            .bind::<Nullable<Text>, _>(exchange.factory.as_deref().or(Some("")))
            .bind::<Nullable<Text>, _>(exchange.deployer.as_deref())
            .bind::<BigInt, _>(exchange.id);
        if index < old {
            query.execute(connection)?;
        } else {
            query
                .bind::<BigInt, _>(exchange.chain)
                .bind::<Text, _>(&exchange.name)
                .execute(connection)?;
        }
    }
    sql::execute(
        connection,
        "CREATE TABLE work.work_exchanges (chain, kind, factory, id, PRIMARY KEY (chain, kind, factory)) \
         WITHOUT ROWID",
    )?;
    // The first exchange of each chain and kind is also that of pools without a factory. If there are several,
    // such pools are an obstacle.
    for exchange in exchanges {
        for factory in [exchange.factory.as_deref().unwrap_or_default(), ""] {
            diesel::sql_query(
                "INSERT OR IGNORE INTO work.work_exchanges VALUES (?, ?, lower(?), ?)",
            )
            .bind::<BigInt, _>(exchange.chain)
            .bind::<Text, _>(&exchange.name)
            .bind::<Text, _>(factory)
            .bind::<BigInt, _>(exchange.id)
            .execute(connection)?;
        }
    }
    Ok(())
}

/// Joins the exchange (alias `e`) of a row of `work` (alias `w`).
pub(super) const JOIN: &str = "LEFT JOIN work.work_exchanges AS e ON e.chain = w.chain \
                               AND e.kind = w.kind AND e.factory = lower(coalesce(w.factory, ''))";

fn lacks_managers_exchange(source: &LegacySource<'_>) -> bool {
    source.has_table("pool_managers") && !source.has("pool_managers", "exchange_id")
}

/// Checks that every exchange of the old database is the same in the new one, and that every added exchange has
/// a pool or a pool manager.
pub(super) fn check(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
    path: &Path,
) -> Result<(), Error> {
    let mut old = "0";
    if source.has_table("exchanges") {
        let conditions: Vec<_> = source
            .columns("exchanges")
            .map(|column| match column {
                // Empty values are set from the pools.
                "factory" | "deployer" => {
                    format!("(s.{column} IS NULL OR n.{column} IS s.{column})")
                }
                _ => format!("n.{column} IS s.{column}"),
            })
            .collect();
        let lost = sql::number(
            connection,
            &format!(
                "SELECT count(*) AS number FROM main.exchanges AS s WHERE NOT EXISTS \
                 (SELECT 1 FROM new.exchanges AS n WHERE {})",
                conditions.join(" AND ")
            ),
        )?;
        if lost > 0 {
            return Err(ErrorKind::RebuildCheckFailed {
                detail: format!("not as in the original: {}", counted(lost, "exchange")),
            }
            .at(path));
        }
        old = "n.id IN (SELECT id FROM main.exchanges)";
    }
    let invented = sql::number(
        connection,
        &format!(
            "SELECT count(*) AS number FROM new.exchanges AS n WHERE NOT ({old}) \
             AND NOT EXISTS (SELECT 1 FROM new.pools AS p WHERE p.exchange_id = n.id) \
             AND NOT EXISTS (SELECT 1 FROM new.pool_managers AS m WHERE m.exchange_id = n.id)"
        ),
    )?;
    if invented > 0 {
        return Err(ErrorKind::RebuildCheckFailed {
            detail: format!("{invented} added exchanges have no pool and no pool manager"),
        }
        .at(path));
    }
    Ok(())
}
