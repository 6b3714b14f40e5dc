//! Pools inside a pool manager: the columns common to all kinds.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::models::access::table_row::table_row;
use crate::schema::managed_pools;
use crate::types::kind::ManagedPoolKind;

/// The columns common to all kinds of managed pools. The other columns are in the table of the pool's kind,
/// under the same id.
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

/// A managed pool to insert; the row in the table of its kind must follow.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = managed_pools, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewManagedPool {
    /// Which table holds the pool's other columns.
    pub kind: ManagedPoolKind,
    /// The manager that holds the pool.
    pub manager_id: i64,
}
