//! Pools, and the tables with the columns of their kinds.

use super::{Checker, Error, Query, Rule};
use crate::models::PoolFamily;

/// A kind of pools.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) family: PoolFamily,
    /// As it is stored.
    pub(super) name: &'static str,
    /// The table with the columns that only these pools have.
    pub(super) table: &'static str,
    pub(super) has_ticks: bool,
}

/// Every kind.
pub(super) static KINDS: [Kind; 12] = [
    Kind::of_pools("aerodrome_v2", "aerodrome_v2_pools", false),
    Kind::of_pools("aerodrome_v3", "aerodrome_v3_pools", true),
    Kind::of_pools("camelot_v2", "camelot_v2_pools", false),
    Kind::of_pools("lfj_binned", "lfj_pools", false),
    Kind::of_pools("pancakeswap_v2", "pancakeswap_v2_pools", false),
    Kind::of_pools("pancakeswap_v3", "pancakeswap_v3_pools", true),
    Kind::of_pools("sushiswap_v2", "sushiswap_v2_pools", false),
    Kind::of_pools("sushiswap_v3", "sushiswap_v3_pools", true),
    Kind::of_pools("swapbased_v2", "swapbased_v2_pools", false),
    Kind::of_pools("uniswap_v2", "uniswap_v2_pools", false),
    Kind::of_pools("uniswap_v3", "uniswap_v3_pools", true),
    Kind {
        family: PoolFamily::ManagedPools,
        name: "uniswap_v4",
        table: "uniswap_v4_pools",
        has_ticks: true,
    },
];

impl Kind {
    /// Whether its table has fees.
    pub(super) fn has_fees(&self) -> bool {
        self.name != "lfj_binned"
    }

    const fn of_pools(name: &'static str, table: &'static str, has_ticks: bool) -> Self {
        Self {
            family: PoolFamily::Pools,
            name,
            table,
            has_ticks,
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

#[cfg(test)]
mod tests {
    use super::*;

    use crate::types::{ManagedPoolKind, PoolKind};

    #[test]
    fn every_kind_is_there() {
        let names = |family| {
            KINDS
                .iter()
                .filter(|kind| kind.family == family)
                .map(|kind| kind.name)
                .collect::<Vec<_>>()
        };
        let pools: Vec<_> = PoolKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names(PoolFamily::Pools), pools);
        let managed: Vec<_> = ManagedPoolKind::ALL
            .iter()
            .map(|kind| kind.as_str())
            .collect();
        assert_eq!(names(PoolFamily::ManagedPools), managed);
    }
}
