//! Notices: what a rebuild does to rows without the user's own objects noticing. Nothing of theirs is lost or broken, but
//! they may have to act.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::objects::readable_objects;
use crate::database::migration::readers::{readers, triggers_on_insert, virtual_tables_on};
use crate::database::migration::rebuild::build::Built;
use crate::database::migration::rebuild::rules::Destination;
use crate::database::migration::rebuild::source::LegacySource;
use crate::database::migration::rebuild::task::Rebuild;
use crate::database::migration::working::Present;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::structure::sql_name;
use crate::sqlite::authorizer::{Access, AccessKind};

/// The table of the tokens.
const TOKENS: &str = "erc20_tokens";
/// The table of the exchanges.
const EXCHANGES: &str = "exchanges";

/// What the user has to know of their own objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RebuildNotices {
    /// The views, triggers and indexes that read `uniswap_v4_pools.pool_hash`, each as `view NAME`, if the rebuild writes its
    /// values anew: as texts like `0x12ab…`, in place of bytes or of other letters. What they compare it with has to be such
    /// a text then.
    pub readers_of_hashes: Vec<String>,
    /// The triggers, each as `NAME (on TABLE)`, on the insertion into tables to which the rebuild adds rows. No trigger
    /// fires during a migration, so what they keep lacks these rows.
    pub unfired_triggers: Vec<String>,
    /// The virtual tables, such as full-text tables with `content=`, that have indexed rows which the rebuild writes anew, or
    /// of a table to which it adds rows. They have to be rebuilt afterwards.
    pub stale_indexes: Vec<String>,
}

impl RebuildNotices {
    /// What a rebuild has to say that adds rows to these tables.
    fn of(
        connection: &mut SqliteConnection,
        path: &Path,
        source: &LegacySource<'_>,
        added: &[&str],
    ) -> Result<Self, Error> {
        let (table, column) = ("uniswap_v4_pools", "pool_hash");
        let rewrites = source.has(table, column) && source.destination(table, column).is_some();
        if !rewrites && added.is_empty() {
            return Ok(Self::default());
        }
        let reads_hash = |access: &Access| {
            rewrites
                && sql_name::is_same(&access.table, table)
                && matches!(&access.kind, AccessKind::Read(read) if sql_name::is_same(read, column))
        };
        let reads_changed = |access: &Access| {
            reads_hash(access)
                || matches!(access.kind, AccessKind::Read(_))
                    && sql_name::is_among(&access.table, added)
        };
        let present = Present::new(readable_objects(connection)?);
        let unfired = triggers_on_insert(&present, added)
            .map(|trigger| format!("{} (on {})", trigger.name, trigger.owner));
        Ok(Self {
            readers_of_hashes: readers(&present, path, reads_hash)?,
            unfired_triggers: unfired.collect(),
            stale_indexes: virtual_tables_on(&present, path, reads_changed)?,
        })
    }

    /// What a rebuild has to say that has built the new database. The old one is as it was before.
    pub(super) fn of_built(
        connection: &mut SqliteConnection,
        rebuild: &Rebuild<'_>,
        built: &Built,
    ) -> Result<Self, Error> {
        let mut added = Vec::new();
        if built.added_tokens > 0 {
            added.push(TOKENS);
        }
        if built.added_exchanges > 0 {
            added.push(EXCHANGES);
        }
        Self::of(connection, rebuild.path, &rebuild.source(), &added)
    }

    /// What the rebuild of this database would have to say.
    pub(crate) fn expected(
        connection: &mut SqliteConnection,
        path: &Path,
        recognition: &Recognition,
    ) -> Result<Self, Error> {
        let Identity::Legacy { revision, .. } = recognition.identity else {
            return Ok(Self::default());
        };
        let source = LegacySource::new(&recognition.catalogue, revision);
        let mut added = Vec::new();
        if lacks_a_token(connection, &source)? {
            added.push(TOKENS);
        }
        if lacks_an_exchange(connection, &source)? {
            added.push(EXCHANGES);
        }
        Self::of(connection, path, &source, &added)
    }
}

/// Whether a pool names a token that is missing.
fn lacks_a_token(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
) -> Result<bool, Error> {
    let known = format!("SELECT chain, lower(address) FROM main.{TOKENS}");
    for table in source.kind_tables().chain(["pools", "uniswap_v4_pools"]) {
        let (chain, from) = pools_of(table);
        for column in source.columns(table) {
            let Some(Destination::Token(id)) = source.destination(table, column) else {
                continue;
            };
            let lacks_id = if source.has(table, id) {
                format!("s.{id} IS NULL AND ")
            } else {
                String::new()
            };
            let missing = format!(
                "{from} WHERE {lacks_id}s.{column} NOTNULL AND {chain} NOTNULL \
                 AND ({chain}, lower(s.{column})) NOT IN ({known})"
            );
            if any(connection, &missing)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether pools or pool managers have more factories than there are exchanges. An exchange without a factory gets one.
fn lacks_an_exchange(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
) -> Result<bool, Error> {
    if !source.has_table(EXCHANGES) {
        return Ok(false);
    }
    let mut claims = Vec::new();
    for table in source.kind_tables() {
        if source.has(table, "factory") {
            let (chain, from) = pools_of(table);
            claims.push(format!(
                "SELECT {chain} AS chain, p.kind AS kind, lower(s.factory) AS factory FROM {from} \
                 WHERE s.factory NOTNULL"
            ));
        }
    }
    let managers = "pool_managers";
    if source.has_table(managers) && !source.has(managers, "exchange_id") {
        claims.push(format!(
            "SELECT chain, kind, lower(address) AS factory FROM main.{managers}"
        ));
    }
    if claims.is_empty() {
        return Ok(false);
    }
    let factory = if source.has(EXCHANGES, "factory") {
        "e.factory"
    } else {
        "NULL"
    };
    let of_kind =
        format!("FROM main.{EXCHANGES} AS e WHERE e.chain_id = c.chain AND e.name = c.kind");
    any(
        connection,
        &format!(
            "({}) AS c WHERE NOT EXISTS (SELECT 1 {of_kind} AND lower({factory}) = c.factory) \
             GROUP BY c.chain, c.kind HAVING count(*) > (SELECT count(*) {of_kind} AND {factory} IS NULL)",
            claims.join(" UNION ")
        ),
    )
}

/// The expression for the chain of the pools of a table, and the FROM clause, in which the table is `s`.
fn pools_of(table: &str) -> (&'static str, String) {
    match table {
        "pools" => ("s.chain", "main.pools AS s".to_owned()),
        "uniswap_v4_pools" => (
            "m.chain",
            format!(
                "main.{table} AS s JOIN main.managed_pools AS d ON d.id = s.managed_pool_id \
                 JOIN main.pool_managers AS m ON m.id = d.manager_id"
            ),
        ),
        _ => (
            "p.chain",
            format!("main.{table} AS s JOIN main.pools AS p ON p.id = s.pool_id"),
        ),
    }
}

/// Whether a FROM clause has rows.
fn any(connection: &mut SqliteConnection, from_where: &str) -> Result<bool, Error> {
    let query = format!("SELECT EXISTS (SELECT 1 FROM {from_where}) AS number");
    Ok(sql::number(connection, &query)? > 0)
}
