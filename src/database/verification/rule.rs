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

rules! {
    Integrity = "integrity":
        "SQLite finds the file sound, and every table can be read.",
    ForeignKey = "foreign-key":
        "What a row refers to is there.",
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
        "No two rows of a chain or market have one address in different letter case.",
    DuplicatePool = "duplicate-pool":
        "No manager has two pools with one hash.",
    Fee = "fee":
        "A fee is a fraction: its denominator is not zero, and it is not above that, unless it is V4's mark of a dynamic fee.",
    PoolKind = "pool-kind":
        "A pool has a row in the table of its kind.",
    PoolOrphan = "pool-orphan":
        "A row in the table of a kind belongs to a pool of that kind.",
    TokenOrder = "token-order":
        "The address of a pool's first token is lower than that of its second.",
    TokenChain = "token-chain":
        "What belongs together is on one chain: pools, tokens, exchanges, markets.",
    TickRange = "tick-range":
        "A tick is from -887272 to 887272.",
    TickSpacing = "tick-spacing":
        "A tick is a multiple of its pool's tick spacing.",
    LiquiditySum = "liquidity-sum":
        "The net liquidity of a pool's ticks adds up to zero, and never to less on the way.",
    LiquidityGross = "liquidity-gross":
        "The gross liquidity of a tick is above zero, and not below its net liquidity's absolute value.",
    Bitmap = "bitmap":
        "The bits of a pool's initialization map are set for its initialized ticks and no others.",
    UpdateMark = "update-mark":
        "No mark is beyond the last block that its exchange or market has taken in.",
    AaveMarket = "aave-market":
        "What Aave users and assets refer to is in their own market.",
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
