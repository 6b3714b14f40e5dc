//! The columns of a table within a statement's result, for reading millions of rows without Diesel.

use std::ffi::c_int;

use crate::models::access::row_error::RowError;
use crate::sqlite::prepared::Statement;
use crate::types::invalid_value::InvalidValue;
use crate::types::stored::Decode;

/// The columns of one table within a statement's result. The first one is the table's primary key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) table: &'static str,
    pub(crate) names: &'static [&'static str],
    /// The index of the first column in the result.
    pub(crate) offset: c_int,
}

impl Columns {
    /// The select list for the table under an alias.
    pub(crate) fn of(&self, alias: &str) -> String {
        let names: Vec<_> = self
            .names
            .iter()
            .map(|name| format!("{alias}.{name}"))
            .collect();
        names.join(", ")
    }

    /// Decodes the value of a column in the current row.
    #[inline]
    pub(crate) fn get<T: Decode>(
        &self,
        statement: &Statement<'_>,
        index: c_int,
    ) -> Result<T, RowError> {
        T::decode(statement.column(self.offset + index))
            .map_err(|source| self.invalid(statement, index, source))
    }

    /// The index of the first column after these.
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
