//! Reading rows at the level of statements, where there are millions of them.

use std::ffi::c_int;

use crate::sqlite::Statement;
use crate::types::{Decode, InvalidValue};

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
    NotThere {
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

/// The columns of one table among those of a statement: the first one is the table's primary key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) table: &'static str,
    pub(crate) names: &'static [&'static str],
    /// Where they begin.
    pub(crate) offset: c_int,
}

impl Columns {
    /// What a query selects, of the table under its alias.
    pub(crate) fn of(&self, alias: &str) -> String {
        let names: Vec<_> = self
            .names
            .iter()
            .map(|name| format!("{alias}.{name}"))
            .collect();
        names.join(", ")
    }

    /// The value of a column of the current row.
    #[inline]
    pub(crate) fn get<T: Decode>(
        &self,
        statement: &Statement<'_>,
        index: c_int,
    ) -> Result<T, RowError> {
        T::decode(statement.column(self.offset + index))
            .map_err(|source| self.invalid(statement, index, source))
    }

    /// The place of the first column behind these.
    pub(crate) const fn end(&self) -> c_int {
        let mut end = self.offset;
        let mut counted = 0;
        while counted < self.names.len() {
            end += 1;
            counted += 1;
        }
        end
    }

    #[cold]
    pub(crate) fn invalid(
        &self,
        statement: &Statement<'_>,
        index: c_int,
        source: InvalidValue,
    ) -> RowError {
        let name = usize::try_from(index)
            .ok()
            .and_then(|index| self.names.get(index));
        RowError::Invalid {
            table: self.table,
            id: i64::decode(statement.column(self.offset)).unwrap_or_default(),
            column: name.copied().unwrap_or_default(),
            source,
        }
    }
}
