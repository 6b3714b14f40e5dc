//! Tick bitmaps: one bit for each tick of a V3 or V4 pool, 256 to a word, set if the tick is initialized.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::{initialization_maps, managed_pool_initialization_maps};
use crate::types::decimal::U256;
use crate::types::integer::WordPosition;

/// A word of a V3 pool's tick bitmap; (`pool_id`, `word`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = initialization_maps, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct InitializationMap {
    /// The row's id.
    pub id: i64,
    /// The id of the pool in `pools`.
    pub pool_id: i64,
    /// The word's position in the bitmap.
    pub word: WordPosition,
    /// One bit for each of the word's 256 ticks, set if the tick is initialized.
    pub bitmap: U256,
}

/// A word of a V3 pool's tick bitmap to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = initialization_maps, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewInitializationMap {
    /// The id of the pool in `pools`.
    pub pool_id: i64,
    /// The word's position in the bitmap.
    pub word: WordPosition,
    /// One bit for each of the word's 256 ticks, set if the tick is initialized.
    pub bitmap: U256,
}

/// A word of a V4 pool's tick bitmap; (`managed_pool_id`, `word`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = managed_pool_initialization_maps, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct ManagedPoolInitializationMap {
    /// The row's id.
    pub id: i64,
    /// The id of the pool in `managed_pools`.
    pub managed_pool_id: i64,
    /// The word's position in the bitmap.
    pub word: WordPosition,
    /// One bit for each of the word's 256 ticks, set if the tick is initialized.
    pub bitmap: U256,
}

/// A word of a V4 pool's tick bitmap to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = managed_pool_initialization_maps, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewManagedPoolInitializationMap {
    /// The id of the pool in `managed_pools`.
    pub managed_pool_id: i64,
    /// The word's position in the bitmap.
    pub word: WordPosition,
    /// One bit for each of the word's 256 ticks, set if the tick is initialized.
    pub bitmap: U256,
}
