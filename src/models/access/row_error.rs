//! The error of reading or writing a row.

use crate::types::invalid_value::InvalidValue;

/// The error of reading or writing a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A stored value is not valid for its column.
    #[error("{table} row {id}, column {column}: {source}")]
    Invalid {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: i64,
        /// The column.
        column: &'static str,
        /// The stored value, and what was expected.
        source: InvalidValue,
    },
    /// A row refers to a row that does not exist.
    #[error("{table} row {id} has no row {missing} in {parent}")]
    Missing {
        /// The table of the referring row.
        table: &'static str,
        /// Its id.
        id: i64,
        /// The table it refers to.
        parent: &'static str,
        /// The id that is missing there.
        missing: i64,
    },
    /// The row to update does not exist.
    #[error("there is no row {id} in {table}")]
    NotFound {
        /// The table.
        table: &'static str,
        /// The id.
        id: i64,
    },
    /// The row to write is invalid.
    #[error("{table}, {what}: {source}")]
    Rejected {
        /// The table it is for.
        table: &'static str,
        /// What identifies the row, such as its address.
        what: String,
        /// The invalid value, and what was expected.
        source: InvalidValue,
    },
    /// A position's asset belongs to another market than its user.
    #[error("{table} row {id}: its asset {asset_id} is not in market {market_id}, the user's")]
    OtherMarket {
        /// The table of the position.
        table: &'static str,
        /// Its id.
        id: i64,
        /// The asset of the position.
        asset_id: i64,
        /// The market of the user.
        market_id: i64,
    },
    /// A statement failed.
    #[error(transparent)]
    Sql(#[from] diesel::result::Error),
}
