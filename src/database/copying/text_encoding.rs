//! The encoding of the texts in a database, which its first table fixes.
//!
//! A connection keeps the encoding that it has found. If the content of the file gets another one, each later statement
//! of that connection fails ("attached databases must use the same text encoding as main database") until it is closed.

use std::fmt::{self, Display};
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::sqlite::raw_connection::RawConnection;

/// The number of the encoding, as the header of the file has it; 0 if the database is empty.
const QUERY: &str = "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM sqlite_schema) THEN 0 WHEN encoding = 'UTF-8' THEN 1 \
                     WHEN encoding = 'UTF-16le' THEN 2 ELSE 3 END AS number FROM pragma_encoding";

/// An encoding of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextEncoding(&'static str);

impl TextEncoding {
    /// The encoding of new databases.
    pub(super) const DEFAULT: Self = Self("UTF-8");

    /// The encoding of a database; `None` if it is empty.
    pub(super) fn of(handle: &RawConnection, path: &Path) -> Result<Option<Self>, Error> {
        let row = handle
            .row(QUERY)
            .map_err(|error| Error::from_sqlite(path, error))?;
        let [number] = row.unwrap_or_default();
        Ok(Self::from_number(number))
    }

    /// The same with a Diesel connection.
    pub(super) fn of_connection(connection: &mut SqliteConnection) -> Result<Option<Self>, Error> {
        Ok(Self::from_number(sql::number(connection, QUERY)?))
    }

    const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => None,
            1 => Some(Self("UTF-8")),
            2 => Some(Self("UTF-16le")),
            _ => Some(Self("UTF-16be")),
        }
    }
}

impl Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
