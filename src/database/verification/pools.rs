//! The rules about pools and the tables of their kinds.

use crate::database::error::database_error::Error;
use crate::database::verification::checker::{Checker, Query};
use crate::database::verification::rule::Rule;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, PoolKindTable};

/// Checks that every pool has a row in the table of its kind, and that every row there has its pool.
pub(super) fn check(checker: &mut Checker<'_>) -> Result<(), Error> {
    let tables = &checker.catalogue.tables;
    let kinds: Vec<_> = POOL_KIND_TABLES
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
        sql: format!(
            "SELECT s.{key}, CASE WHEN p.id ISNULL THEN 'there is no such pool' \
                             ELSE 'the pool is of kind ' || p.kind END \
             FROM {table} AS s LEFT JOIN {pools} AS p ON p.id = s.{key} \
             WHERE p.id ISNULL OR (p.kind <> '{name}' AND p.kind IN ({}))",
            names.join(", ")
        ),
    }
}
