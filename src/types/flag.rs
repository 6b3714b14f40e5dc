use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::sql_types::Bool;
use diesel::sqlite::{Sqlite, SqliteValue};

use super::{InvalidValue, read_integer};

const EXPECTED: &str = "a flag (0 or 1)";

/// Reads a `BOOLEAN` column strictly; row types hold the `bool`.
///
/// SQLite has no boolean type: the Python package stores 0 and 1, and a column holding the text
/// `true` would otherwise be read as false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub struct Flag(bool);

impl From<Flag> for bool {
    fn from(flag: Flag) -> Self {
        flag.0
    }
}

impl FromSql<Bool, Sqlite> for Flag {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        match read_integer(&mut value, EXPECTED)? {
            0 => Ok(Self(false)),
            1 => Ok(Self(true)),
            other => Err(InvalidValue::integer(EXPECTED, other.into()).into()),
        }
    }
}
