//! The rules about pools and the tables of their kinds.

use crate::database::verification::checker::Query;
use crate::database::verification::plan::Plan;
use crate::database::verification::rule::Rule;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, PoolKindTable};

/// Checks that every pool has a row in the table of its kind, and that every row there has its pool.
pub(super) fn plan(plan: &mut Plan<'_, '_>) {
    let tables = &plan.catalogue.tables;
    let kinds: Vec<_> = POOL_KIND_TABLES
        .iter()
        .filter(|kind| tables.contains_key(kind.table))
        .collect();
    for family in PoolFamily::ALL {
        plan.query(without_row(family, &kinds));
    }
    for kind in kinds {
        plan.query(without_pool(kind));
    }
}

fn without_row(family: PoolFamily, kinds: &[&PoolKindTable]) -> Query {
    let key = family.key();
    let of_kind = |what: &dyn Fn(&PoolKindTable) -> String| {
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
        is_divided: true,
        sql: format!(
            "SELECT p.id, 'it is of kind ' || p.kind || ' and has no row in ' || {} \
             FROM {table} AS p WHERE p.rowid BETWEEN ?1 AND ?2 AND NOT {}",
            of_kind(&|kind| format!("'{}'", kind.table)),
            of_kind(&|kind| format!(
                "EXISTS (SELECT 1 FROM {} AS s WHERE s.{key} = p.id)",
                kind.table
            )),
        ),
    }
}

fn without_pool(kind: &PoolKindTable) -> Query {
    let PoolKindTable { name, table, .. } = *kind;
    let (key, pools) = (kind.family.key(), kind.family.table());
    // Another rule reports a pool of an unknown kind.
    let names: Vec<_> = POOL_KIND_TABLES
        .iter()
        .filter(|other| other.family == kind.family)
        .map(|kind| format!("'{}'", kind.name))
        .collect();
    Query {
        rule: Rule::PoolOrphan,
        table,
        is_divided: true,
        sql: format!(
            "SELECT s.{key}, CASE WHEN p.id ISNULL THEN 'there is no such pool' \
                             ELSE 'the pool is of kind ' || p.kind END \
             FROM {table} AS s LEFT JOIN {pools} AS p ON p.id = s.{key} \
             WHERE s.rowid BETWEEN ?1 AND ?2 \
             AND (p.id ISNULL OR (p.kind <> '{name}' AND p.kind IN ({})))",
            names.join(", ")
        ),
    }
}
