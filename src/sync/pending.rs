//! What is decoded and not committed yet.

use crate::models::journal::blocks::StoredBlock;
use crate::sync::changes::{Changes, Decoder};
use crate::sync::commit::{Batch, BatchChanges};
use crate::sync::piece::{Events, Piece};
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

    /// Adds a piece. Decodes its events if that is not done.
    pub(super) fn add(&mut self, decoder: &Decoder<'_>, piece: Piece) -> Result<(), SyncError> {
        self.blocks += piece.to.get() - piece.from.get() + 1;
        self.begin
            .get_or_insert((piece.from, piece.first.parent_hash));
        self.end = Some(StoredBlock {
            number: piece.last.number,
            hash: piece.last.hash,
            is_final: self.is_final,
        });
        let first = self.journaled.len();
        for header in piece.headers {
            let block = StoredBlock {
                number: header.number,
                hash: header.hash,
                is_final: false,
            };
            self.journaled.push((block, Changes::default()));
        }
        let changes = &mut self.changes;
        let blocks = self.journaled.get_mut(first..).unwrap_or_default();
        match piece.creations {
            Events::Decoded(events) => changes.append(events.map_err(|error| *error)?),
            Events::Logs(logs) => {
                for log in logs.iter() {
                    if let Some(changes) = of_block(blocks, piece.from, log.place.block) {
                        decoder.add_creation(&log, changes)?;
                    }
                }
            }
        }
        match piece.liquidity {
            Some(Events::Decoded(events)) => changes.append(events.map_err(|error| *error)?),
            Some(Events::Logs(logs)) => {
                for log in logs.iter() {
                    if let Some(changes) = of_block(blocks, piece.from, log.place.block) {
                        Decoder::add_liquidity(&log, changes);
                    }
                }
            }
            None => {}
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

/// The changes of a block among those of consecutive ones.
fn of_block(
    blocks: &mut [(StoredBlock, Changes)],
    first: BlockNumber,
    number: BlockNumber,
) -> Option<&mut Changes> {
    let offset = number.get().checked_sub(first.get())?;
    let block = blocks.get_mut(usize::try_from(offset).ok()?);
    block.map(|(_, changes)| changes)
}
