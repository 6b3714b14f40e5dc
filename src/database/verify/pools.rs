//! Pools, and the tables with the columns of their kinds.

use std::sync::LazyLock;

use super::{Checker, Error, Query, Rule};
use crate::models::access::columns::Columns;
use crate::models::pools::managed_liquidity_pool::managed_detail_columns;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::detail_columns;
use crate::types::{ManagedPoolKind, PoolKind};

/// A kind of pools.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) family: PoolFamily,
    /// As it is stored.
    pub(super) name: &'static str,
    /// The table with the columns that only these pools have.
    pub(super) table: &'static str,
    pub(super) has_ticks: bool,
    pub(super) has_fees: bool,
}

/// Every kind.
pub(super) static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let pools = PoolKind::ALL
        .iter()
        .map(|kind| Kind::of(PoolFamily::Pools, kind.as_str(), detail_columns(*kind)));
    let managed_pools = ManagedPoolKind::ALL.iter().map(|kind| {
        let columns = managed_detail_columns(*kind);
        Kind::of(PoolFamily::ManagedPools, kind.as_str(), columns)
    });
    pools.chain(managed_pools).collect()
});

impl Kind {
    fn of(family: PoolFamily, name: &'static str, columns: Columns) -> Self {
        Self {
            family,
            name,
            table: columns.table,
            has_ticks: columns.names.contains(&"tick_spacing"),
            has_fees: columns.names.contains(&"fee_denominator"),
        }
    }
}

/// Every pool has its row in the table of its kind, and every row there its pool.
pub(super) fn check(checker: &mut Checker<'_>) -> Result<(), Error> {
    let tables = &checker.catalogue.tables;
    let kinds: Vec<_> = KINDS
        .iter()
        .filter(|kind| tables.contains_key(kind.table))
        .collect();
    for family in PoolFamily::ALL {
        checker.run(&without_row(family, &kinds))?;
    }
    for kind in kinds {
        checker.run(&without_pool(kind))?;
    }
    Ok(())
}

fn without_row(family: PoolFamily, kinds: &[&Kind]) -> Query {
    let key = family.key();
    let of_kind = |what: &dyn Fn(&Kind) -> String| {
        let cases: Vec<_> = kinds
            .iter()
            .filter(|kind| kind.family == family)
            .map(|kind| format!("WHEN '{}' THEN {}", kind.name, what(kind)))
            .collect();
        format!("CASE p.kind {} END", cases.join(" "))
    };
    let table = family.table();
    Query {
        rule: Rule::PoolKind,
        table,
        sql: format!(
            "SELECT p.id, 'it is of kind ' || p.kind || ' and has no row in ' || {} \
             FROM {table} AS p WHERE NOT {}",
            of_kind(&|kind| format!("'{}'", kind.table)),
            of_kind(&|kind| format!(
                "EXISTS (SELECT 1 FROM {} AS s WHERE s.{key} = p.id)",
                kind.table
            )),
        ),
    }
}

fn without_pool(kind: &Kind) -> Query {
    let Kind { name, table, .. } = *kind;
    let (key, pools) = (kind.family.key(), kind.family.table());
    // What is of no kind at all is another rule's.
    let names: Vec<_> = KINDS
        .iter()
        .filter(|other| other.family == kind.family)
        .map(|kind| format!("'{}'", kind.name))
        .collect();
    Query {
        rule: Rule::PoolOrphan,
        table,
        sql: format!(
            "SELECT s.{key}, CASE WHEN p.id ISNULL THEN 'there is no such pool' \
                             ELSE 'the pool is of kind ' || p.kind END \
             FROM {table} AS s LEFT JOIN {pools} AS p ON p.id = s.{key} \
             WHERE p.id ISNULL OR (p.kind <> '{name}' AND p.kind IN ({}))",
            names.join(", ")
        ),
    }
}
