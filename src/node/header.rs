//! Headers of blocks.

use alloy_primitives::Bloom;
use serde::Deserialize;

use crate::node::hex;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

/// The header of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The number of the block.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: BlockHash,
    /// The hash of the block before it.
    pub parent_hash: BlockHash,
    /// When it was made, in seconds since 1970.
    pub timestamp: u64,
    /// The filter of its events' addresses and topics. Some chains leave it empty.
    pub logs_bloom: Bloom,
}

/// Which block a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockTag {
    /// The first block of the chain.
    Earliest,
    /// The newest block that is final.
    Finalized,
    /// The newest block that is unlikely to be replaced.
    Safe,
    /// The newest block.
    Latest,
    /// The block with this number.
    Number(BlockNumber),
}

impl BlockTag {
    /// The tag as JSON.
    pub(super) fn json(self) -> String {
        match self {
            Self::Earliest => "\"earliest\"".to_owned(),
            Self::Finalized => "\"finalized\"".to_owned(),
            Self::Safe => "\"safe\"".to_owned(),
            Self::Latest => "\"latest\"".to_owned(),
            Self::Number(number) => format!("\"{:#x}\"", number.get()),
        }
    }

    /// The number, if the tag has one.
    pub(super) const fn number(self) -> Option<BlockNumber> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }
}

/// Reads a header; `null` is none.
pub(super) fn read(json: &str) -> Result<Option<Header>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Raw<'a> {
        number: &'a str,
        hash: &'a str,
        parent_hash: &'a str,
        timestamp: &'a str,
        #[serde(default)]
        logs_bloom: Option<&'a str>,
    }
    let raw: Option<Raw<'_>> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let Some(raw) = raw else {
        return Ok(None);
    };
    let header = || {
        let logs_bloom = match raw.logs_bloom {
            Some(bloom) => Bloom::new(hex::bytes(bloom)?),
            None => Bloom::ZERO,
        };
        Some(Header {
            number: hex::block(raw.number)?,
            hash: BlockHash::new(hex::bytes(raw.hash)?),
            parent_hash: BlockHash::new(hex::bytes(raw.parent_hash)?),
            timestamp: hex::number(raw.timestamp)?,
            logs_bloom,
        })
    };
    match header() {
        // It would have no next block.
        Some(header) if header.number == BlockNumber::LAST => {
            Err("no chain has a block of that number".to_owned())
        }
        Some(header) => Ok(Some(header)),
        None => Err("a field of the block has another form".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_number_is_of_no_block() {
        let header = |number: &str| {
            let hash = format!("0x{}", "ab".repeat(32));
            let json = serde_json::json!({
                "number": number, "hash": hash, "parentHash": hash, "timestamp": "0x0",
            });
            read(&json.to_string())
        };
        assert!(header("0x7ffffffffffffffe").unwrap().is_some());
        assert!(header("0x7fffffffffffffff").is_err());
    }
}
