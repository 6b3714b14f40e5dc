//! Unchecked values, for reports.

use std::fmt;

use diesel::deserialize;
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::sql_types::Text;
use diesel::sqlite::{Sqlite, SqliteType, SqliteValue};
use serde::{Serialize, Serializer};

use crate::counted::counted;
use crate::escape::escaped;
use crate::types::stored::Stored;

/// A stored value of any type, unchecked.
///
/// Reports use it, because they describe databases that can hold anything. All other code reads through
/// the checked types. It reads a column that is selected as text, and does not convert the value. NULL
/// reads as `Option::None`.
///
/// JSON has a number, a text, or an array with the bytes of a BLOB. An infinite number is a text, `Infinity` or
/// `-Infinity`, because JSON has no such number.
#[derive(Debug, Clone, PartialEq, FromSqlRow)]
pub enum SqlValue {
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text. Bytes that are not UTF-8 are replaced.
    Text(String),
    /// The bytes of a BLOB.
    Blob(Vec<u8>),
}

impl SqlValue {
    /// A stored value; `None` for NULL.
    pub(crate) fn of(stored: Stored<'_>) -> Option<Self> {
        Some(match stored {
            Stored::Null => return None,
            Stored::Integer(number) => Self::Integer(number),
            Stored::Real(number) => Self::Real(number),
            Stored::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            Stored::Blob(bytes) => Self::Blob(bytes.to_vec()),
        })
    }
}

impl FromSql<Text, Sqlite> for SqlValue {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(match value.value_type() {
            Some(SqliteType::Integer | SqliteType::SmallInt | SqliteType::Long) => {
                Self::Integer(value.read_long())
            }
            Some(SqliteType::Float | SqliteType::Double) => Self::Real(value.read_double()),
            Some(SqliteType::Binary) => Self::Blob(value.read_blob().to_vec()),
            Some(SqliteType::Text) | None => Self::Text(value.read_text().to_owned()),
        })
    }
}

impl Serialize for SqlValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Real(number) if number.is_finite() => serializer.serialize_f64(*number),
            Self::Real(number) if number.is_nan() => serializer.serialize_str("NaN"),
            Self::Real(number) if *number > 0.0 => serializer.serialize_str("Infinity"),
            Self::Real(_) => serializer.serialize_str("-Infinity"),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Blob(bytes) => bytes.serialize(serializer),
        }
    }
}

/// Serializes a flag of a row: 0 and 1 as false and true, any other value as it is.
#[expect(clippy::ref_option, reason = "serde hands over a reference")]
pub(crate) fn serialize_flag<S: Serializer>(
    flag: &Option<SqlValue>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match flag {
        Some(SqlValue::Integer(0)) => serializer.serialize_bool(false),
        Some(SqlValue::Integer(1)) => serializer.serialize_bool(true),
        other => other.serialize(serializer),
    }
}

impl fmt::Display for SqlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Text(text) => f.pad(&escaped(text).to_string()),
            Self::Blob(bytes) => f.write_str(&counted(bytes.len(), "byte")),
        }
    }
}
