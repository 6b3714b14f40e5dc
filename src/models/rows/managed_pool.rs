//! Pools that live inside a pool manager: what all kinds have in common.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::managed_pools;
use crate::types::ManagedPoolKind;

/// The columns that every managed pool has; the table of its kind holds the rest, under the same id.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = managed_pools, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct ManagedPool {
    /// The row's id.
    pub id: i64,
    /// Which table holds the pool's other columns.
    pub kind: ManagedPoolKind,
    /// The manager that holds the pool.
    pub manager_id: i64,
}

table_row!(ManagedPool in managed_pools: id, kind, manager_id);

/// A managed pool to be inserted, followed by the row of its kind's table.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = managed_pools, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewManagedPool {
    /// Which table holds the pool's other columns.
    pub kind: ManagedPoolKind,
    /// The manager that holds the pool.
    pub manager_id: i64,
}
