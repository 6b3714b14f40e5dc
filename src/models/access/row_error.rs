//! Why a row could not be read or written.

use crate::types::InvalidValue;

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A value of the database is none that its column can hold.
    #[error("{table} row {id}, column {column}: {source}")]
    Invalid {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: i64,
        /// The column.
        column: &'static str,
        /// What is there, and what was expected.
        source: InvalidValue,
    },
    /// A row that another one needs is not there.
    #[error("{table} row {id} has no row {missing} in {parent}")]
    Missing {
        /// The table of the row that is there.
        table: &'static str,
        /// Its id.
        id: i64,
        /// The table that lacks a row.
        parent: &'static str,
        /// The id that it would have.
        missing: i64,
    },
    /// A row that was to be changed is not there.
    #[error("there is no row {id} in {table}")]
    NotFound {
        /// The table.
        table: &'static str,
        /// The id.
        id: i64,
    },
    /// What was to be written cannot be right.
    #[error("{table}, {what}: {source}")]
    Rejected {
        /// The table it was for.
        table: &'static str,
        /// Which row.
        what: String,
        /// What it has, and what was expected.
        source: InvalidValue,
    },
    /// A position is of an asset that its user's market does not list.
    #[error("{table} row {id}: its asset {asset_id} is not in market {market_id}, the user's")]
    OtherMarket {
        /// The table of the position.
        table: &'static str,
        /// Its id.
        id: i64,
        /// The asset it is of.
        asset_id: i64,
        /// The market of its user.
        market_id: i64,
    },
    /// A statement failed.
    #[error(transparent)]
    Sql(#[from] diesel::result::Error),
}
