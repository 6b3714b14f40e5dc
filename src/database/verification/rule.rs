//! The rules of verification, with their names and descriptions.

use std::fmt;

use serde::Serialize;
use serde::Serializer;

macro_rules! rules {
    ($($rule:ident = $name:literal: $description:literal; $remedy:literal,)+) => {
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

            /// What to do about a row that breaks the rule, in one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$rule => $remedy),+
                }
            }
        }
    };
}

// To add one: CONTRIBUTING.md, "A verify rule".
rules! {
    Integrity = "integrity":
        "SQLite finds the file sound, and every table can be read.";
        "Restore a backup, or salvage a copy with '.recover' in the sqlite3 shell.",
    NotChecked = "not-checked":
        "Every check can run: SQLite knows the collations, functions and modules that the schema uses.";
        "Check the file with the program that defines what is unknown. An index, a view or a trigger can be dropped and \
         created again; a table has rows that would go with it.",
    ForeignKey = "foreign-key":
        "The row that a foreign key references exists.";
        "Restore a backup with the missing row, or delete the row that refers to it.",
    Value = "value":
        "A value is of its column's type and in its range.";
        "Set the right value in the sqlite3 shell, or delete the row and load it again.",
    Decimal = "decimal":
        "A number beyond 64 bits is canonical decimal text in the range of its Solidity type.";
        "Set the right number in the sqlite3 shell, or delete the row and load it again.",
    Address = "address":
        "An address is 0x and 40 hexadecimal digits.";
        "Set the right address in the sqlite3 shell, or delete the row and load it again.",
    AddressChecksum = "address-checksum":
        "The letter case of an address is that of EIP-55.";
        "Nothing, unless other programs compare the texts: every letter case is read.",
    PoolHash = "pool-hash":
        "A pool hash is 0x and 64 hexadecimal digits in lower case.";
        "Set the hash to lower case in the sqlite3 shell; delete a row whose hash is cut off.",
    DuplicateAddress = "duplicate-address":
        "No two rows of a chain or market have the same address in different letter case.";
        "Let what refers to one of the rows refer to the other, and delete the first.",
    DuplicatePool = "duplicate-pool":
        "No pool manager has two pools with the same hash.";
        "Keep the pool with the later update mark, and delete the other with its ticks.",
    Fee = "fee":
        "A fee is at most its denominator, which is not zero; V4's mark of a dynamic fee is an exception.";
        "Set the fee that the pool's contract has, or delete the pool and load it again.",
    PoolKind = "pool-kind":
        "A pool has a row in the table of its kind.";
        "Delete the pool with its ticks and load it again.",
    PoolOrphan = "pool-orphan":
        "A row in the table of a kind belongs to a pool of that kind.";
        "Delete the row of the kind, or correct the kind of the pool.",
    TokenOrder = "token-order":
        "The address of a pool's first token is lower than that of its second.";
        "Delete the pool with its ticks and load it again.",
    TokenChain = "token-chain":
        "Rows that belong together are on the same chain: pools, tokens, exchanges, markets.";
        "Let the row refer to the token or exchange of its own chain.",
    TickRange = "tick-range":
        "A tick is from -887272 to 887272.";
        "Delete the ticks and words of the pool, and load its liquidity again.",
    TickSpacing = "tick-spacing":
        "A tick is a multiple of its pool's tick spacing.";
        "Delete the ticks and words of the pool, and load its liquidity again.",
    LiquiditySum = "liquidity-sum":
        "The net liquidity of a pool's ticks adds up to zero, and no partial sum is below zero.";
        "Events are missing or counted twice: load the pool's liquidity again.",
    LiquidityGross = "liquidity-gross":
        "The gross liquidity of a tick is above zero, and at least the absolute value of its net liquidity.";
        "Delete the ticks and words of the pool, and load its liquidity again.",
    Bitmap = "bitmap":
        "The bits of a pool's initialization map are set for its initialized ticks and no others.";
        "Delete the ticks and words of the pool, and load its liquidity again.",
    UpdateMark = "update-mark":
        "The last update block of a pool or asset is not above that of its exchange or market.";
        "Nothing, if updates of the pool run ahead; otherwise load its liquidity again.",
    AaveMarket = "aave-market":
        "Aave users and assets refer only to rows of their own market.";
        "Let the row refer to the user or asset of its own market.",
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
