//! What is decoded and not committed yet.

use crate::models::journal::blocks::StoredBlock;
use crate::sync::changes::{Changes, Decoder};
use crate::sync::commit::{Batch, BatchChanges};
use crate::sync::fetch::Piece;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

/// What is decoded and not committed yet.
pub(super) struct Pending {
    is_final: bool,
    pub(super) blocks: u64,
    changes: Changes,
    journaled: Vec<(StoredBlock, Changes)>,
    /// The first block, and the hash of the one before it.
    begin: Option<(BlockNumber, BlockHash)>,
    end: Option<StoredBlock>,
}

impl Pending {
    pub(super) fn new(is_final: bool) -> Self {
        Self {
            is_final,
            blocks: 0,
            changes: Changes::default(),
            journaled: Vec::new(),
            begin: None,
            end: None,
        }
    }

    pub(super) fn weight(&self) -> usize {
        let journaled = self.journaled.iter().map(|(_, changes)| changes.weight());
        self.changes.weight() + journaled.sum::<usize>()
    }

    /// Decodes the events of a piece.
    pub(super) fn add(&mut self, decoder: &Decoder<'_>, piece: &Piece) -> Result<(), SyncError> {
        self.blocks += piece.to.get() - piece.from.get() + 1;
        self.begin
            .get_or_insert((piece.from, piece.first.parent_hash));
        self.end = Some(StoredBlock {
            number: piece.last.number,
            hash: piece.last.hash,
            is_final: self.is_final,
        });
        if self.is_final {
            for log in piece.creations.iter() {
                decoder.add_creation(&log, &mut self.changes)?;
            }
            for log in piece.liquidity.iter() {
                Decoder::add_liquidity(&log, &mut self.changes);
            }
            return Ok(());
        }
        let first = self.journaled.len();
        for header in &piece.headers {
            let block = StoredBlock {
                number: header.number,
                hash: header.hash,
                is_final: false,
            };
            self.journaled.push((block, Changes::default()));
        }
        let place = |number: BlockNumber| -> Option<usize> {
            let offset = number.get().checked_sub(piece.from.get())?;
            Some(first + usize::try_from(offset).ok()?)
        };
        for log in piece.creations.iter() {
            let found = place(log.place.block).and_then(|place| self.journaled.get_mut(place));
            if let Some((_, changes)) = found {
                decoder.add_creation(&log, changes)?;
            }
        }
        for log in piece.liquidity.iter() {
            let found = place(log.place.block).and_then(|place| self.journaled.get_mut(place));
            if let Some((_, changes)) = found {
                Decoder::add_liquidity(&log, changes);
            }
        }
        Ok(())
    }

    /// Takes what is pending, to be committed.
    pub(super) fn take(&mut self) -> Option<Batch> {
        let end = self.end.take()?;
        let (from, parent_hash) = self.begin.take()?;
        self.blocks = 0;
        let changes = if self.is_final {
            BatchChanges::Final(std::mem::take(&mut self.changes))
        } else {
            BatchChanges::Journaled(std::mem::take(&mut self.journaled))
        };
        Some(Batch {
            from,
            parent_hash,
            to: end.number,
            changes,
            end,
        })
    }
}
