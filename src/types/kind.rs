//! Columns that have one of a few words, such as the `kind` columns, which name the table with the other columns of a row.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::serialize;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

use crate::types::invalid_value::InvalidValue;
use crate::types::stored::{Decode, Stored, read_with_diesel};

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $expected:literal, { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromSqlRow, AsExpression,
        )]
        #[diesel(sql_type = Text)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("Stored as `", $text, "`.")]
                $variant,
            )+
        }

        impl $name {
            /// Every kind, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The kind as it is stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::decode(Stored::Text(text.as_bytes()))
            }
        }

        impl Decode for $name {
            fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
                let text = stored.text($expected)?;
                // Comparing with constants is faster than a loop over `ALL`.
                $(if text == $text.as_bytes() {
                    return Ok(Self::$variant);
                })+
                Err(stored.invalid($expected))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        read_with_diesel!($name, Text);

        impl ToSql<Text, Sqlite> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.as_str());
                Ok(IsNull::No)
            }
        }
    };
}

kind! {
    /// The kind of a row of `pools`. The table `<kind>_pools` has its other columns; those of `lfj_binned` are
    /// in `lfj_pools`.
    PoolKind, "a pool kind", {
        AerodromeV2 = "aerodrome_v2",
        AerodromeV3 = "aerodrome_v3",
        CamelotV2 = "camelot_v2",
        LfjBinned = "lfj_binned",
        PancakeswapV2 = "pancakeswap_v2",
        PancakeswapV3 = "pancakeswap_v3",
        SushiswapV2 = "sushiswap_v2",
        SushiswapV3 = "sushiswap_v3",
        SwapbasedV2 = "swapbased_v2",
        UniswapV2 = "uniswap_v2",
        UniswapV3 = "uniswap_v3",
    }
}
kind! {
    /// The kind of a row of `managed_pools`. The table `<kind>_pools` has its other columns.
    ManagedPoolKind, "a managed pool kind", {
        UniswapV4 = "uniswap_v4",
    }
}
kind! {
    /// The kind of a row of `pool_managers`.
    PoolManagerKind, "a pool manager kind", {
        UniswapV4 = "uniswap_v4",
    }
}
kind! {
    /// What a `BalanceTransfer` of an aToken says.
    ///
    /// `Scaled` is the scaled amount; a transfer also moves the last index of both sides. That is so since Aave 3.0.1.
    /// `Unscaled` is the amount in units of the token; the last indexes stay as they are. That was so in 3.0.0.
    ///
    /// Releases 3.0.0 and 3.0.1 both call themselves revision 1. Markets that are older than February 2023, but for that
    /// on Ethereum, began with 3.0.0.
    TransferAmount, "what a transfer says", {
        Scaled = "scaled",
        Unscaled = "unscaled",
    }
}
