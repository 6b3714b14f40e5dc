//! The list of pools for `pool list`.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::recognition::recognise::recognise_connection;
use crate::database::reports::pool_info::{PoolInfo, PoolReader, on_chains, owner};
use crate::deployments::exchange_name::ExchangeName;
use crate::models::pools::pool_family::PoolFamily;
use crate::setters::setters;
use crate::sqlite::prepared::{Bound, Statements};
use crate::sqlite::transaction::{Begin, transaction};
use crate::types::integer::ChainId;
use crate::types::stored::Decode;

/// How many pools are read at a time.
const PART: u64 = 4_096;

/// Which pools [`list_pools`] lists.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PoolListOptions {
    /// The chains of the pools; all if it is empty.
    pub chains: Vec<ChainId>,
    /// The exchanges of the pools; all if it is empty.
    pub exchanges: Vec<ExchangeName>,
    /// The greatest number of pools.
    pub limit: Option<u64>,
}

setters!(PoolListOptions {
    chains: Vec<ChainId>,
    exchanges: Vec<ExchangeName>,
    limit: u64 => Some,
});

/// Calls `take` with each pool of a database of any version, ordered by the id of its exchange and by its own. It ends
/// with the first error of `take`.
///
/// It reads without leaving a trace, in parts of a few thousand pools: whatever their number, it needs little memory, and
/// however slow `take` is, no transaction stays open. A program that writes meanwhile may add or remove pools between
/// two parts; a pool that is there all the time is listed once.
///
/// # Errors
///
/// [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) if the database is not at a version of this program. Other
/// kinds if the database cannot be read. An invalid value is no error, because values are not checked.
pub fn list_pools<E: From<Error>>(
    path: &Path,
    options: &PoolListOptions,
    mut take: impl FnMut(PoolInfo) -> Result<(), E>,
) -> Result<(), E> {
    let mut left = options.limit.unwrap_or(u64::MAX);
    let mut groups: Option<Vec<Group>> = None;
    while left > 0 {
        let part = read_without_trace(path, |connection| {
            let read = |connection: &mut SqliteConnection| {
                read_part(connection, path, options, groups.clone(), left.min(PART))
            };
            transaction(connection, Begin::Deferred, read, Error::from)
                .map_err(|error| error.at(path, "list the pools"))
        })?;
        for pool in part.pools {
            left = left.saturating_sub(1);
            take(pool)?;
        }
        if part.groups.is_empty() {
            break;
        }
        groups = Some(part.groups);
    }
    Ok(())
}

/// Pools of one family and one exchange, from an id on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Group {
    /// The id of the exchange; `None` for pools that refer to none.
    exchange_id: Option<i64>,
    family: PoolFamily,
    from_id: i64,
}

struct Part {
    pools: Vec<PoolInfo>,
    /// What is left, in order.
    groups: Vec<Group>,
}

fn read_part(
    connection: &mut SqliteConnection,
    path: &Path,
    options: &PoolListOptions,
    groups: Option<Vec<Group>>,
    most: u64,
) -> Result<Part, Error> {
    let recognition = recognise_connection(connection)?;
    recognition.require_version_of_structure(path)?;
    let mut reader = PoolReader::new(connection, &recognition)?;
    let mut groups = match groups {
        Some(groups) => groups,
        None => all_groups(reader.statements(), options)?,
    };
    let mut pools = Vec::new();
    let mut done = 0;
    for group in &mut groups {
        let wanted = most.saturating_sub(pools.len() as u64);
        let owner = owner(group.family);
        let on_chains = on_chains(&format!("{owner}.chain"), &options.chains);
        // No index has the exchange, so this goes through the pools in the order of their ids. With `=` instead of `IS`,
        // SQLite would begin with the managers, and sort.
        let mut values = vec![
            Bound::Integer(group.from_id),
            Bound::Integer(i64::try_from(wanted).unwrap_or(i64::MAX)),
        ];
        let of_exchange = match group.exchange_id {
            Some(id) => {
                values.push(Bound::Integer(id));
                format!("{owner}.exchange_id IS ?3")
            }
            None => format!("typeof({owner}.exchange_id) <> 'integer'"),
        };
        let found = reader.read(
            group.family,
            &format!("p.id >= ?1 AND {of_exchange} AND {on_chains} ORDER BY p.id LIMIT ?2"),
            &values,
        )?;
        let last = found.last().map(|pool| pool.id);
        let is_filled = found.len() as u64 == wanted;
        pools.extend(found);
        match last.and_then(|last| last.checked_add(1)) {
            Some(next) if is_filled => {
                group.from_id = next;
                break;
            }
            _ => done += 1,
        }
    }
    groups.drain(..done);
    Ok(Part { pools, groups })
}

/// The groups that the options ask for, in the order of the list.
fn all_groups(statements: Statements<'_>, options: &PoolListOptions) -> QueryResult<Vec<Group>> {
    let mut exchange_ids = BTreeSet::new();
    if options.exchanges.is_empty() {
        let on_chains = on_chains("chain", &options.chains);
        for query in [
            format!("SELECT DISTINCT exchange_id FROM pools WHERE {on_chains}"),
            format!(
                "SELECT DISTINCT m.exchange_id FROM managed_pools AS p \
                 LEFT JOIN pool_managers AS m ON m.id = p.manager_id WHERE {on_chains}"
            ),
        ] {
            let mut rows = statements.prepare(&query)?;
            while rows.step()? {
                exchange_ids.insert(rows.column(0).as_integer());
            }
        }
    } else {
        let mut rows = statements.prepare("SELECT id, chain_id, name FROM exchanges")?;
        while rows.step()? {
            let name = ChainId::decode(rows.column(1))
                .and_then(|chain| String::decode(rows.column(2)).map(|name| (chain, name)));
            let is_asked_for = name.is_ok_and(|(chain, name)| {
                let exchange = ExchangeName { chain, name };
                options.exchanges.contains(&exchange)
            });
            if is_asked_for {
                exchange_ids.insert(Some(rows.key(0)));
            }
        }
    }
    let families = |exchange_id| {
        PoolFamily::ALL.map(|family| Group {
            exchange_id,
            family,
            from_id: i64::MIN,
        })
    };
    let has_none = exchange_ids.remove(&None);
    let without = has_none.then_some(None);
    let ordered = exchange_ids.into_iter().chain(without);
    Ok(ordered.flat_map(families).collect())
}
