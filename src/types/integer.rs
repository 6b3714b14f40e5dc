//! Integers of at most 64 bits, each with the range that its field has on chain.

use std::fmt;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::serialize;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Integer};
use diesel::sqlite::Sqlite;

use crate::types::invalid_value::InvalidValue;
use crate::types::stored::{Decode, Encode, Stored, read_with_diesel};

macro_rules! integer {
    (
        $(#[$doc:meta])*
        $name:ident($inner:ty) as $sql_type:ident($stored:ty), $range:expr, $expected:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromSqlRow, AsExpression)]
        #[diesel(sql_type = $sql_type)]
        pub struct $name($inner);

        impl $name {
            /// The number as a value of this type.
            ///
            /// # Errors
            ///
            /// [`InvalidValue`] if the number is out of the field's range.
            pub fn new(number: $inner) -> Result<Self, InvalidValue> {
                Self::from_stored(i128::from(number))
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }

            fn from_stored(number: i128) -> Result<Self, InvalidValue> {
                let invalid = || InvalidValue::integer($expected, number);
                let valid = <$inner>::try_from(number).map_err(|_| invalid())?;
                if ($range).contains(&valid) {
                    Ok(Self(valid))
                } else {
                    Err(invalid())
                }
            }
        }

        impl TryFrom<$inner> for $name {
            type Error = InvalidValue;

            fn try_from(number: $inner) -> Result<Self, Self::Error> {
                Self::new(number)
            }
        }

        impl From<$name> for $inner {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Decode for $name {
            fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
                Self::from_stored(stored.integer($expected)?.into())
            }
        }

        impl Encode for $name {
            fn encode(self) -> i64 {
                // Every range is within that of a signed 64-bit integer.
                i64::try_from(self.0).unwrap_or(i64::MAX)
            }
        }

        read_with_diesel!($name, $sql_type);

        impl ToSql<$sql_type, Sqlite> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(<$stored>::try_from(self.0)?);
                Ok(IsNull::No)
            }
        }
    };
}

integer! {
    /// The chain ID of [EIP-155](https://eips.ethereum.org/EIPS/eip-155). Some are above 2³¹ (Palm's
    /// test network is 11297108109).
    ChainId(u64) as BigInt(i64), 1..=i64::MAX as u64, "a chain ID (a positive integer)"
}
impl ChainId {
    /// Arbitrum.
    pub const ARBITRUM: Self = Self(42_161);
    /// Avalanche.
    pub const AVALANCHE: Self = Self(43_114);
    /// Base.
    pub const BASE: Self = Self(8453);
    /// BNB Chain.
    pub const BNB: Self = Self(56);
    /// Celo.
    pub const CELO: Self = Self(42_220);
    /// Ethereum's main network.
    pub const ETHEREUM: Self = Self(1);
    /// Gnosis.
    pub const GNOSIS: Self = Self(100);
    /// Ink.
    pub const INK: Self = Self(57_073);
    /// Linea.
    pub const LINEA: Self = Self(59_144);
    /// Mantle.
    pub const MANTLE: Self = Self(5000);
    /// `MegaETH`.
    pub const MEGAETH: Self = Self(4326);
    /// Metis.
    pub const METIS: Self = Self(1088);
    /// Monad.
    pub const MONAD: Self = Self(143);
    /// Optimism.
    pub const OPTIMISM: Self = Self(10);
    /// Plasma.
    pub const PLASMA: Self = Self(9745);
    /// Polygon.
    pub const POLYGON: Self = Self(137);
    /// Scroll.
    pub const SCROLL: Self = Self(534_352);
    /// Soneium.
    pub const SONEIUM: Self = Self(1868);
    /// Sonic.
    pub const SONIC: Self = Self(146);
    /// X Layer.
    pub const XLAYER: Self = Self(196);
    /// `ZKsync` Era.
    pub const ZKSYNC: Self = Self(324);
}

integer! {
    /// The number of a block.
    BlockNumber(u64) as BigInt(i64), 0..=i64::MAX as u64, "a block number (0 or more)"
}
integer! {
    /// The time of a block: seconds since the beginning of 1970.
    Timestamp(u64) as BigInt(i64), 0..=i64::MAX as u64, "a time in seconds (0 or more)"
}
integer! {
    /// The index of a log entry inside its block.
    LogIndex(u32) as Integer(i32), 0..=i32::MAX as u32, "a log index (0 or more)"
}
integer! {
    /// An ERC-20 token's number of decimals; a `uint8`.
    Decimals(u8) as Integer(i32), 0..=u8::MAX, "a number of decimals (0 to 255)"
}
integer! {
    /// A tick of a concentrated-liquidity pool: log₁.₀₀₀₁ of the price, within ±887272 (`TickMath` of
    /// Uniswap V3).
    Tick(i32) as Integer(i32), -887_272..=887_272, "a tick (-887272 to 887272)"
}
integer! {
    /// The distance between two ticks that can be initialized, 1 to 32767. These are the limits of Uniswap V4,
    /// which are the widest.
    TickSpacing(i32) as Integer(i32), 1..=32_767, "a tick spacing (1 to 32767)"
}
integer! {
    /// The distance between the prices of two adjacent bins of a Liquidity Book pool, in hundredths of a
    /// percent; a `uint16`.
    BinStep(u16) as Integer(i32), 1..=u16::MAX, "a bin step (1 to 65535)"
}
integer! {
    /// The position of a 256-bit word in a pool's tick bitmap: compressed tick >> 8; an `int16`.
    WordPosition(i16) as Integer(i32), i16::MIN..=i16::MAX, "a bitmap word position (-32768 to 32767)"
}
integer! {
    /// A fee's numerator or denominator. Uniswap V4 marks a dynamic fee with 8388608.
    FeeParts(u32) as Integer(i32), 0..=i32::MAX as u32, "a fee (0 or more)"
}
#[cfg(feature = "sync")]
impl BlockNumber {
    /// The first block of a chain.
    pub(crate) const FIRST: Self = Self(0);

    /// The highest number, which no block has: an answer with it is refused.
    pub(crate) const LAST: Self = Self(i64::MAX as u64);

    /// The next block.
    pub(crate) const fn next(self) -> Self {
        Self(if self.0 < Self::LAST.0 {
            self.0 + 1
        } else {
            self.0
        })
    }

    /// The block before; `None` for the first one.
    pub(crate) const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}
#[cfg(feature = "cli")]
impl TickSpacing {
    /// The least one.
    pub(crate) const ONE: Self = Self(1);
}
impl FeeParts {
    /// A number that is known when the program is built. One out of range does not compile.
    pub(crate) const fn constant<const NUMBER: u32>() -> Self {
        const { assert!(NUMBER <= i32::MAX as u32) };
        Self(NUMBER)
    }
}
integer! {
    /// A ratio in hundredths of a percent, as Aave stores thresholds, bonuses and discounts.
    BasisPoints(u32) as Integer(i32), 0..=i32::MAX as u32, "basis points (0 or more)"
}
impl BasisPoints {
    /// None of it.
    pub const ZERO: Self = Self(0);
}

integer! {
    /// The revision of an upgradeable Aave contract.
    Revision(u32) as Integer(i32), 0..=i32::MAX as u32, "a contract revision (0 or more)"
}
#[cfg(feature = "sync")]
impl Revision {
    /// The first revision.
    pub(crate) const ONE: Self = Self(1);
}
integer! {
    /// The number of an Aave V3 e-mode category in its market; a `uint8`. 0 means none.
    EModeCategoryId(u8) as Integer(i32), 0..=u8::MAX, "an e-mode category (0 to 255)"
}
impl EModeCategoryId {
    /// No category.
    pub const NONE: Self = Self(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_outside_the_range_of_their_type_are_rejected() {
        assert!(ChainId::new(0).is_err());
        assert_eq!(ChainId::new(11_297_108_109).unwrap().get(), 11_297_108_109);
        assert!(ChainId::new(u64::MAX).is_err());
        assert!(Tick::new(887_272).is_ok());
        assert!(Tick::new(-887_273).is_err());
        assert!(TickSpacing::new(0).is_err());
        assert!(BinStep::new(0).is_err());
        assert_eq!(
            Tick::new(900_000).unwrap_err().to_string(),
            "expected a tick (-887272 to 887272), found 900000"
        );
    }
}
