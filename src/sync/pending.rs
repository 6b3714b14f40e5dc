//! What is decoded and not committed yet.

use crate::models::journal::blocks::StoredBlock;
use crate::node::header::Header;
use crate::sync::changes::Changes;
use crate::sync::commit::Batch;
use crate::sync::piece::Piece;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

/// What is decoded and not committed yet: consecutive blocks, all of them final or none.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) blocks: u64,
    /// The time of the last block.
    pub(super) time: u64,
    changes: Changes,
    /// All blocks, if they are not final.
    headers: Vec<StoredBlock>,
    /// The first block, and the hash of the one before it.
    begin: Option<(BlockNumber, BlockHash)>,
    end: Option<StoredBlock>,
}

impl Pending {
    pub(super) fn weight(&self) -> usize {
        self.changes.weight()
    }

    /// Whether a piece can be added: its blocks are final as those that are pending, or not.
    pub(super) fn takes(&self, piece: &Piece) -> bool {
        self.end.is_none_or(|end| end.is_final == piece.is_final)
    }

    pub(super) fn add(&mut self, piece: Piece) -> Result<(), SyncError> {
        self.blocks += piece.to.get() - piece.from.get() + 1;
        self.time = piece.last.timestamp;
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
        self.changes.append(piece.into_changes()?);
        Ok(())
    }

    /// Takes what is pending, to be committed.
    pub(super) fn take(&mut self) -> Option<Batch> {
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
        })
    }
}
