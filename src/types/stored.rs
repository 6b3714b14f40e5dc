//! How a value lies in the database, before its column's type has had a look at it.

use std::fmt::Write;

use diesel::sqlite::{SqliteType, SqliteValue};

use super::InvalidValue;

/// A value as SQLite stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stored<'value> {
    Null,
    Integer(i64),
    Real(f64),
    /// The bytes of a text, which SQLite does not require to be UTF-8.
    Text(&'value [u8]),
    Blob(&'value [u8]),
}

/// What a stored value of a column means. Every way of reading goes through this one: the checked types
/// have no other decoder.
pub(crate) trait Decode: Sized {
    /// # Errors
    ///
    /// [`InvalidValue`] where the value is none of the type's.
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue>;
}

/// A value that is stored as an integer.
pub(crate) trait Encode {
    /// The number that is stored.
    fn encode(self) -> i64;
}

impl<'value> Stored<'value> {
    /// The value of a column that Diesel reads.
    pub(crate) fn of(value: &'value mut SqliteValue<'_, '_, '_>) -> Self {
        match value.value_type() {
            None => Self::Null,
            Some(SqliteType::Integer | SqliteType::SmallInt | SqliteType::Long) => {
                Self::Integer(value.read_long())
            }
            Some(SqliteType::Float | SqliteType::Double) => Self::Real(value.read_double()),
            Some(SqliteType::Text) => Self::Text(value.read_text().as_bytes()),
            Some(SqliteType::Binary) => Self::Blob(value.read_blob()),
        }
    }

    /// The bytes of a value that is stored as text.
    pub(crate) fn text(self, expected: &'static str) -> Result<&'value [u8], InvalidValue> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.invalid(expected)),
        }
    }

    /// A value that was made to be read by people.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => other.shown(),
        }
    }

    /// The number, if it is one.
    pub(crate) const fn as_integer(self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The number of a value that is stored as an integer.
    pub(crate) fn integer(self, expected: &'static str) -> Result<i64, InvalidValue> {
        match self {
            Self::Integer(number) => Ok(number),
            other => Err(other.invalid(expected)),
        }
    }

    /// The complaint about a value that is none of what was expected.
    #[cold]
    pub(crate) fn invalid(self, expected: &'static str) -> InvalidValue {
        InvalidValue {
            expected,
            found: self.shown(),
        }
    }

    /// The value as it would be written in SQL, shortened.
    pub(crate) fn shown(self) -> String {
        const SHOWN: usize = 100;
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => format!("{number:?}"),
            Self::Text(text) => {
                let text = String::from_utf8_lossy(text);
                let mut shown: String = text.chars().take(SHOWN).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                format!("{shown:?}")
            }
            Self::Blob(bytes) => {
                let mut shown = String::from("x'");
                for byte in bytes.iter().take(SHOWN / 2) {
                    // Writing to a string does not fail.
                    let _ = write!(shown, "{byte:02x}");
                }
                shown.push_str(if bytes.len() > SHOWN / 2 { "…'" } else { "'" });
                shown
            }
        }
    }
}

impl Decode for i64 {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        stored.integer("an id (an integer)")
    }
}

impl Decode for String {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        const EXPECTED: &str = "a text in UTF-8";
        let bytes = stored.text(EXPECTED)?;
        match str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(stored.invalid(EXPECTED)),
        }
    }
}

/// NULL is `None`.
impl<T: Decode> Decode for Option<T> {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        match stored {
            Stored::Null => Ok(None),
            stored => T::decode(stored).map(Some),
        }
    }
}

/// Reads a column of Diesel's through [`Decode`], as every type here does.
macro_rules! read_with_diesel {
    ($name:ty, $sql_type:ty) => {
        impl diesel::deserialize::FromSql<$sql_type, diesel::sqlite::Sqlite> for $name {
            fn from_sql(
                mut value: diesel::sqlite::SqliteValue<'_, '_, '_>,
            ) -> diesel::deserialize::Result<Self> {
                Ok($crate::types::Decode::decode($crate::types::Stored::of(
                    &mut value,
                ))?)
            }
        }
    };
}
pub(super) use read_with_diesel;
