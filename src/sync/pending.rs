//! What is decoded and not committed yet, and what is committed together.

use std::collections::BTreeMap;

use crate::models::journal::blocks::StoredBlock;
use crate::node::header::Header;
use crate::sync::decode::Gather;
use crate::sync::piece::Piece;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

/// Consecutive blocks that are committed together.
#[derive(Debug)]
pub(super) struct Batch<C> {
    pub(super) from: BlockNumber,
    /// The hash of the block before the first one.
    pub(super) parent_hash: BlockHash,
    pub(super) to: BlockNumber,
    pub(super) changes: C,
    /// All blocks, if they are not final.
    pub(super) headers: Vec<StoredBlock>,
    /// The last block.
    pub(super) end: StoredBlock,
    /// The times of the blocks whose headers are known: all that are not final, and the ends of ranges.
    pub(super) times: BTreeMap<BlockNumber, u64>,
}

impl<C> Batch<C> {
    /// Whether its blocks are on the same branch of the chain as stored ones. Another update may have stored them since this
    /// one began, from a node on another branch.
    pub(super) fn fits(&self, stored: &[StoredBlock]) -> bool {
        let parent = self.from.previous();
        stored.iter().all(|stored| {
            let hash = if Some(stored.number) == parent {
                Some(self.parent_hash)
            } else {
                self.hash(stored.number)
            };
            hash.is_none_or(|hash| hash == stored.hash)
        })
    }

    /// The hash of a block, if it is known.
    fn hash(&self, number: BlockNumber) -> Option<BlockHash> {
        self.headers
            .iter()
            .chain([&self.end])
            .find(|block| block.number == number)
            .map(|block| block.hash)
    }
}

/// What is decoded and not committed yet: consecutive blocks, all of them final or none.
#[derive(Debug, Default)]
pub(super) struct Pending<C> {
    pub(super) blocks: u64,
    changes: C,
    /// All blocks, if they are not final.
    headers: Vec<StoredBlock>,
    /// The first block, and the hash of the one before it.
    begin: Option<(BlockNumber, BlockHash)>,
    end: Option<StoredBlock>,
    times: BTreeMap<BlockNumber, u64>,
}

impl<C: Gather> Pending<C> {
    pub(super) fn weight(&self) -> usize {
        self.changes.weight()
    }

    /// Whether a piece can be added: its blocks are final as those that are pending, or not.
    pub(super) fn takes(&self, piece: &Piece<C>) -> bool {
        self.end.is_none_or(|end| end.is_final == piece.is_final)
    }

    pub(super) fn add(&mut self, piece: Piece<C>) -> Result<(), SyncError> {
        self.blocks += piece.to.get() - piece.from.get() + 1;
        self.begin
            .get_or_insert((piece.from, piece.first.parent_hash));
        let is_final = piece.is_final;
        let stored = |header: &Header| StoredBlock {
            number: header.number,
            hash: header.hash,
            is_final,
        };
        self.end = Some(stored(&piece.last));
        self.headers.extend(piece.headers.iter().map(stored));
        let known = piece.headers.iter().chain([&piece.first, &piece.last]);
        self.times
            .extend(known.map(|header| (header.number, header.timestamp)));
        self.changes.append(piece.into_changes()?);
        Ok(())
    }

    /// Takes what is pending, to be committed.
    pub(super) fn take(&mut self) -> Option<Batch<C>> {
        let end = self.end.take()?;
        let (from, parent_hash) = self.begin.take()?;
        self.blocks = 0;
        Some(Batch {
            from,
            parent_hash,
            to: end.number,
            changes: std::mem::take(&mut self.changes),
            headers: std::mem::take(&mut self.headers),
            end,
            times: std::mem::take(&mut self.times),
        })
    }
}
