//! The block up to which a database is updated.

use std::fmt::{self, Display};
use std::str::FromStr;

use crate::node::header::BlockTag;
use crate::types::integer::BlockNumber;

/// The block up to which a database is updated: a number, or a tag with an offset, such as `latest:-64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockTarget {
    pub(super) tag: BlockTag,
    /// The number of blocks after the tag's.
    pub(super) offset: i64,
}

impl BlockTarget {
    /// The newest block but 64. Hardly any block so old disappears from its chain.
    pub const DEFAULT: Self = Self {
        tag: BlockTag::Latest,
        offset: -64,
    };

    /// The newest block.
    pub const LATEST: Self = Self {
        tag: BlockTag::Latest,
        offset: 0,
    };

    /// Whether it is another block when the chain has grown.
    #[must_use]
    pub const fn moves(self) -> bool {
        matches!(
            self.tag,
            BlockTag::Latest | BlockTag::Safe | BlockTag::Finalized
        )
    }

    /// The block, if the tag is at `base`. A block before the first one is the first one.
    pub(super) fn above(self, base: BlockNumber) -> BlockNumber {
        let number = base.get().saturating_add_signed(self.offset);
        BlockNumber::new(number).unwrap_or(base)
    }
}

impl Default for BlockTarget {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<BlockNumber> for BlockTarget {
    fn from(number: BlockNumber) -> Self {
        Self {
            tag: BlockTag::Number(number),
            offset: 0,
        }
    }
}

impl Display for BlockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag {
            BlockTag::Number(number) => return Display::fmt(&number, f),
            BlockTag::Earliest => f.write_str("earliest")?,
            BlockTag::Finalized => f.write_str("finalized")?,
            BlockTag::Safe => f.write_str("safe")?,
            BlockTag::Latest => f.write_str("latest")?,
        }
        match self.offset {
            0 => Ok(()),
            offset => write!(f, ":{offset}"),
        }
    }
}

/// The error of a text that is no block target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTarget {
    /// The pending block has no hash, and its events may never happen.
    #[error("the pending block is not part of the chain yet; use 'latest'")]
    Pending,
    /// It is neither a number nor a tag.
    #[error(
        "'{0}' is neither a block number nor one of earliest, finalized, safe and latest, with an offset such as latest:-64"
    )]
    Unknown(String),
}

impl FromStr for BlockTarget {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || InvalidTarget::Unknown(text.to_owned());
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = text.parse().map_err(|_| unknown())?;
            return Ok(BlockNumber::new(number).map_err(|_| unknown())?.into());
        }
        let (tag, offset) = match text.split_once(':') {
            Some((tag, offset)) => (tag, offset.parse().map_err(|_| unknown())?),
            None => (text, 0),
        };
        let tag = match tag {
            "earliest" => BlockTag::Earliest,
            "finalized" => BlockTag::Finalized,
            "safe" => BlockTag::Safe,
            "latest" => BlockTag::Latest,
            "pending" => return Err(InvalidTarget::Pending),
            _ => return Err(unknown()),
        };
        Ok(Self { tag, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_round_trip_through_text() {
        for text in [
            "0",
            "23000000",
            "latest",
            "latest:-64",
            "finalized",
            "safe:-1",
            "earliest:100",
        ] {
            assert_eq!(text.parse::<BlockTarget>().unwrap().to_string(), text);
        }
        assert_eq!("latest:-64".parse(), Ok(BlockTarget::DEFAULT));
        for (text, moves) in [
            ("latest:-64", true),
            ("finalized", true),
            ("safe:-1", true),
            ("earliest", false),
            ("7", false),
        ] {
            assert_eq!(
                text.parse::<BlockTarget>().unwrap().moves(),
                moves,
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        assert_eq!(
            "pending".parse::<BlockTarget>(),
            Err(InvalidTarget::Pending)
        );
        for text in [
            "",
            "-1",
            "last",
            "latest:",
            "latest:x",
            "latest-64",
            "0x10",
            "18446744073709551615",
        ] {
            assert_eq!(
                text.parse::<BlockTarget>(),
                Err(InvalidTarget::Unknown(text.to_owned()))
            );
        }
    }

    #[test]
    fn offsets_stay_in_the_chain() {
        let block = |number| BlockNumber::new(number).unwrap();
        assert_eq!(BlockTarget::DEFAULT.above(block(100)), block(36));
        assert_eq!(BlockTarget::DEFAULT.above(block(63)), block(0));
    }
}
