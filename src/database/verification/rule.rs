//! The rules of verification, with their names and descriptions.

use std::fmt;

use serde::Serialize;
use serde::Serializer;

macro_rules! rules {
    ($($rule:ident = $name:literal: $description:literal,)+) => {
        /// A rule that every database must satisfy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(
                #[doc = $description]
                $rule,
            )+
        }

        impl Rule {
            /// Every rule, in the order of the report.
            pub const ALL: &'static [Self] = &[$(Self::$rule),+];

            /// The rule's name. It is stable across releases.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name),+
                }
            }

            /// The rule in one sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$rule => $description),+
                }
            }
        }
    };
}

// To add one: CONTRIBUTING.md, "A verify rule".
rules! {
    Integrity = "integrity":
        "SQLite finds the file sound, and every table can be read.",
    ForeignKey = "foreign-key":
        "The row that a foreign key references exists.",
    Value = "value":
        "A value is of its column's type and in its range.",
    Decimal = "decimal":
        "A number beyond 64 bits is canonical decimal text in the range of its Solidity type.",
    Address = "address":
        "An address is 0x and 40 hexadecimal digits.",
    AddressChecksum = "address-checksum":
        "The letter case of an address is that of EIP-55.",
    PoolHash = "pool-hash":
        "A pool hash is 0x and 64 hexadecimal digits in lower case.",
    DuplicateAddress = "duplicate-address":
        "No two rows of a chain or market have the same address in different letter case.",
    DuplicatePool = "duplicate-pool":
        "No pool manager has two pools with the same hash.",
    Fee = "fee":
        "A fee is at most its denominator, which is not zero; V4's mark of a dynamic fee is an exception.",
    PoolKind = "pool-kind":
        "A pool has a row in the table of its kind.",
    PoolOrphan = "pool-orphan":
        "A row in the table of a kind belongs to a pool of that kind.",
    TokenOrder = "token-order":
        "The address of a pool's first token is lower than that of its second.",
    TokenChain = "token-chain":
        "Rows that belong together are on the same chain: pools, tokens, exchanges, markets.",
    TickRange = "tick-range":
        "A tick is from -887272 to 887272.",
    TickSpacing = "tick-spacing":
        "A tick is a multiple of its pool's tick spacing.",
    LiquiditySum = "liquidity-sum":
        "The net liquidity of a pool's ticks adds up to zero, and no partial sum is below zero.",
    LiquidityGross = "liquidity-gross":
        "The gross liquidity of a tick is above zero, and at least the absolute value of its net liquidity.",
    Bitmap = "bitmap":
        "The bits of a pool's initialization map are set for its initialized ticks and no others.",
    UpdateMark = "update-mark":
        "The last update block of a pool or asset is not above that of its exchange or market.",
    AaveMarket = "aave-market":
        "Aave users and assets refer only to rows of their own market.",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
