//! Raw values as SQLite stores them, and the traits that decode and encode them.

use std::fmt::Write;

use diesel::sqlite::{SqliteType, SqliteValue};

use crate::types::invalid_value::InvalidValue;

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

/// Decodes a stored value. All reading goes through this trait: the checked types have no other decoder.
pub(crate) trait Decode: Sized {
    /// # Errors
    ///
    /// [`InvalidValue`] if the type does not allow the value.
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue>;
}

/// Encodes a value that is stored as an integer.
pub(crate) trait Encode {
    /// The number to store.
    fn encode(self) -> i64;
}

impl<'value> Stored<'value> {
    /// Takes the value of a column from Diesel.
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

    /// The value as text, for people.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => other.shown(),
        }
    }

    /// The number, if the value is an integer.
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

    /// The error for a value that was not `expected`.
    #[cold]
    pub(crate) fn invalid(self, expected: &'static str) -> InvalidValue {
        InvalidValue {
            expected,
            found: self.shown(),
        }
    }

    /// The value as SQL would write it, shortened.
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
                    // Writing to a string cannot fail.
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

/// Reads NULL as `None`.
impl<T: Decode> Decode for Option<T> {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        match stored {
            Stored::Null => Ok(None),
            stored => T::decode(stored).map(Some),
        }
    }
}

/// Implements Diesel's `FromSql` through [`Decode`].
macro_rules! read_with_diesel {
    ($name:ty, $sql_type:ty) => {
        impl diesel::deserialize::FromSql<$sql_type, diesel::sqlite::Sqlite> for $name {
            fn from_sql(
                mut value: diesel::sqlite::SqliteValue<'_, '_, '_>,
            ) -> diesel::deserialize::Result<Self> {
                Ok($crate::types::stored::Decode::decode(
                    $crate::types::stored::Stored::of(&mut value),
                )?)
            }
        }
    };
}
pub(crate) use read_with_diesel;

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use proptest::prelude::*;

    use super::*;
    use crate::types::address::Address;
    use crate::types::decimal::{I128, U128, U256};
    use crate::types::flag::Flag;
    use crate::types::hash::PoolHash;
    use crate::types::integer::{
        BasisPoints, BinStep, BlockNumber, ChainId, Decimals, EModeCategoryId, FeeParts, LogIndex,
        Revision, Tick, TickSpacing, WordPosition,
    };
    use crate::types::kind::{ManagedPoolKind, PoolKind, PoolManagerKind};

    /// A value that owns its bytes.
    #[derive(Debug, Clone)]
    enum Value {
        Null,
        Integer(i64),
        Real(f64),
        Text(Vec<u8>),
        Blob(Vec<u8>),
    }

    impl Value {
        fn stored(&self) -> Stored<'_> {
            match self {
                Self::Null => Stored::Null,
                Self::Integer(number) => Stored::Integer(*number),
                Self::Real(number) => Stored::Real(*number),
                Self::Text(text) => Stored::Text(text),
                Self::Blob(bytes) => Stored::Blob(bytes),
            }
        }
    }

    /// Any value that a column can hold; most of them resemble valid ones.
    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            1 => Just(Value::Null),
            4 => any::<i64>().prop_map(Value::Integer),
            4 => (-70_000_i64..70_000).prop_map(Value::Integer),
            2 => (-900_000_i64..900_000).prop_map(Value::Integer),
            1 => any::<f64>().prop_map(Value::Real),
            2 => any::<Vec<u8>>().prop_map(Value::Text),
            4 => "-?[0-9]{1,80}".prop_map(|text| Value::Text(text.into_bytes())),
            4 => "0[xX]([0-9a-fA-F]{40}|[0-9a-f]{64}|[0-9a-g]{0,70})".prop_map(|text| Value::Text(text.into_bytes())),
            2 => "[a-z]{4,11}_(v2|v3|v4|binned)".prop_map(|text| Value::Text(text.into_bytes())),
            2 => prop::sample::select(PoolKind::ALL).prop_map(|kind| Value::Text(kind.as_str().into())),
            1 => any::<Vec<u8>>().prop_map(Value::Blob),
        ]
    }

    /// Checks that the value is either decoded correctly, or rejected with an error that has the expected form and
    /// the value.
    fn reads_what_it_says<T: Decode>(
        stored: Stored<'_>,
        says: impl FnOnce(&T, Stored<'_>) -> bool,
    ) {
        match T::decode(stored) {
            Ok(value) => assert!(says(&value, stored), "{stored:?}"),
            Err(error) => {
                assert!(!error.expected.is_empty());
                // 100 characters at most, quoted and escaped.
                assert!(error.found.chars().count() < 1_100, "{error}");
            }
        }
    }

    fn is_text<T: Display>(value: &T, stored: Stored<'_>) -> bool {
        stored == Stored::Text(value.to_string().as_bytes())
    }

    fn is_text_in_any_case<T: Display>(value: &T, stored: Stored<'_>) -> bool {
        matches!(stored, Stored::Text(text) if text.eq_ignore_ascii_case(value.to_string().as_bytes()))
    }

    /// Calls a macro with every type of integers and its least and greatest value.
    macro_rules! for_each_integer {
        ($callback:ident) => {
            $callback!(
                ChainId: 1, i64::MAX;
                BlockNumber: 0, i64::MAX;
                LogIndex: 0, i64::from(i32::MAX);
                Decimals: 0, 255;
                Tick: -887_272, 887_272;
                TickSpacing: 1, 32_767;
                BinStep: 1, 65_535;
                WordPosition: -32_768, 32_767;
                FeeParts: 0, i64::from(i32::MAX);
                BasisPoints: 0, i64::from(i32::MAX);
                Revision: 0, i64::from(i32::MAX);
                EModeCategoryId: 0, 255;
            )
        };
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8_192))]

        #[test]
        fn stored_values_decode_unchanged_or_are_rejected(value in any_value()) {
            let stored = value.stored();
            macro_rules! integers {
                ($($name:ident: $least:expr, $greatest:expr;)+) => {
                    $(reads_what_it_says::<$name>(stored, |value, stored| {
                        stored == Stored::Integer(value.encode())
                    });)+
                };
            }
            for_each_integer!(integers);
            reads_what_it_says::<Flag>(stored, |flag, stored| {
                stored == Stored::Integer(i64::from(bool::from(*flag)))
            });
            reads_what_it_says::<I128>(stored, is_text);
            reads_what_it_says::<U128>(stored, is_text);
            reads_what_it_says::<U256>(stored, is_text);
            reads_what_it_says::<PoolKind>(stored, is_text);
            reads_what_it_says::<ManagedPoolKind>(stored, is_text);
            reads_what_it_says::<PoolManagerKind>(stored, is_text);
            reads_what_it_says::<Address>(stored, is_text_in_any_case);
            reads_what_it_says::<PoolHash>(stored, is_text_in_any_case);
            reads_what_it_says::<String>(stored, is_text);
            reads_what_it_says::<i64>(stored, |number, stored| stored == Stored::Integer(*number));
            reads_what_it_says::<Option<Tick>>(stored, |tick, stored| {
                tick.is_none() == (stored == Stored::Null)
            });
        }

        #[test]
        fn decoded_integers_compare_like_the_stored_ones(one: i64, other: i64) {
            macro_rules! integers {
                ($($name:ident: $least:expr, $greatest:expr;)+) => {
                    $(if let (Ok(a), Ok(b)) = (
                        $name::decode(Stored::Integer(one)),
                        $name::decode(Stored::Integer(other)),
                    ) {
                        prop_assert_eq!(a.cmp(&b), one.cmp(&other));
                    })+
                };
            }
            for_each_integer!(integers);
        }

        #[test]
        fn addresses_and_hashes_compare_like_their_lower_case_texts(one: [u8; 32], other: [u8; 32]) {
            let hashes = (PoolHash::new(one), PoolHash::new(other));
            prop_assert_eq!(hashes.0.cmp(&hashes.1), hashes.0.to_string().cmp(&hashes.1.to_string()));
            let lower = |address: Address| address.to_string().to_lowercase();
            let first = |bytes: [u8; 32]| Address::new(std::array::from_fn(|index| bytes[index]));
            let (one, other) = (first(one), first(other));
            prop_assert_eq!(one.cmp(&other), lower(one).cmp(&lower(other)));
        }
    }

    #[test]
    fn both_ends_of_a_range_decode_and_their_neighbours_are_rejected() {
        fn ends<T: Decode + Encode + Debug>(least: i64, greatest: i64) {
            for number in [least, greatest] {
                assert_eq!(T::decode(Stored::Integer(number)).unwrap().encode(), number);
            }
            for beyond in [least.checked_sub(1), greatest.checked_add(1)]
                .into_iter()
                .flatten()
            {
                let error = T::decode(Stored::Integer(beyond)).unwrap_err();
                assert_eq!(error.found, beyond.to_string());
            }
        }
        macro_rules! integers {
            ($($name:ident: $least:expr, $greatest:expr;)+) => {
                $(ends::<$name>($least, $greatest);)+
            };
        }
        for_each_integer!(integers);
    }
}
