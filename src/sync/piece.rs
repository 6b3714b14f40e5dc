//! The events of ranges of blocks, put together from answers.

use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::Header;
use crate::node::logs::request::LogAnswer;
use crate::sync::changes::{Changes, Decoder};
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;
use crate::types::log::Logs;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) node: &'a Node,
    /// The filters, and what decodes the events.
    pub(super) decoder: &'a Decoder<'a>,
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    /// The number of blocks in a range, at most.
    pub(super) width: u64,
    /// The last final block. The headers of all blocks above it are asked for. No range has blocks of both kinds.
    pub(super) final_block: BlockNumber,
    pub(super) threads: usize,
}

/// The events of a range of blocks, on one branch of the chain.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    pub(super) creations: Decoded,
    pub(super) liquidity: Option<Decoded>,
    pub(super) first: Header,
    pub(super) last: Header,
    /// Whether its blocks are final.
    pub(super) is_final: bool,
    /// The headers of all blocks, if they are not final.
    pub(super) headers: Vec<Header>,
}

/// The changes of a range, decoded by the thread that has asked for them: the writer has enough to do.
type Decoded = Result<Changes, Box<SyncError>>;

/// An answer with events.
#[derive(Debug)]
pub(super) struct Answered {
    changes: Decoded,
    /// The blocks of the events and their hashes, if they are not final.
    hashes: Vec<(BlockNumber, BlockHash)>,
    first: Header,
    last: Header,
}

impl Piece {
    /// The changes of all blocks together.
    pub(super) fn into_changes(self) -> Result<Changes, SyncError> {
        let mut changes = self.creations.map_err(|error| *error)?;
        if let Some(liquidity) = self.liquidity {
            changes.append(liquidity.map_err(|error| *error)?);
        }
        Ok(changes)
    }
}

impl Answered {
    /// The bytes of memory that the changes take, roughly.
    pub(super) fn memory(&self) -> usize {
        let hashes = self.hashes.capacity() * size_of::<(BlockNumber, BlockHash)>();
        self.changes.as_ref().map_or(0, Changes::memory) + hashes
    }
}

impl Plan<'_> {
    /// Whether the blocks of the range that begins at a block are final.
    pub(super) fn is_final(&self, from: BlockNumber) -> bool {
        from <= self.final_block
    }

    /// The last block of the range that begins at a block and has at most `width` blocks.
    pub(super) fn end(&self, from: BlockNumber, width: u64) -> BlockNumber {
        /// With so many blocks that are not final, they are asked for in two halves: the changes of the first, which the
        /// journal makes many, are written while the second is under way.
        const WORTH_HALVING: u64 = 64;
        let first = self.from.max(self.final_block.next());
        let not_final = (self.to.get() + 1).saturating_sub(first.get());
        let (last, width) = if self.is_final(from) {
            (self.to.min(self.final_block), width)
        } else if not_final < WORTH_HALVING {
            (self.to, width)
        } else {
            (self.to, width.min(not_final.div_ceil(2)))
        };
        let end = BlockNumber::new(from.get().saturating_add(width - 1));
        end.map_or(last, |end| end.min(last))
    }

    pub(super) fn creations(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Answered, NodeError> {
        let answer = self.node.logs(&self.decoder.creations, from, to, None)?;
        Ok(self.answered(from, answer, |logs| self.decoder.creations_of(logs)))
    }

    /// `None` if no exchange has such events.
    pub(super) fn liquidity(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        pinned: Option<BlockHash>,
    ) -> Result<Option<Answered>, NodeError> {
        let Some(filter) = &self.decoder.liquidity else {
            return Ok(None);
        };
        let answer = self.node.logs(filter, from, to, pinned)?;
        let decode = |logs: &Logs| Ok(Decoder::liquidity_of(logs));
        Ok(Some(self.answered(from, answer, decode)))
    }

    fn answered(
        &self,
        from: BlockNumber,
        answer: LogAnswer,
        decode: impl FnOnce(&Logs) -> Result<Changes, SyncError>,
    ) -> Answered {
        let LogAnswer { logs, first, last } = answer;
        let mut hashes = Vec::new();
        if !self.is_final(from) {
            hashes.extend(logs.iter().map(|log| (log.place.block, log.block_hash)));
            hashes.dedup();
        }
        Answered {
            changes: decode(&logs).map_err(Box::new),
            hashes,
            first,
            last,
        }
    }
}

/// The numbers of a range.
pub(super) fn blocks(from: BlockNumber, to: BlockNumber) -> Vec<BlockNumber> {
    (from.get()..=to.get())
        .filter_map(|number| BlockNumber::new(number).ok())
        .collect()
}

/// Puts the parts of a range together. If they are of different branches of the chain, they are asked for again.
pub(super) fn piece(
    plan: &Plan<'_>,
    from: BlockNumber,
    to: BlockNumber,
    answers: (Option<Answered>, Option<Answered>, Option<Vec<Header>>),
) -> Result<Piece, SyncError> {
    const TRIES: u32 = 3;
    let mut parts = Some(answers);
    let mut tries = 0;
    loop {
        let (creations, liquidity, headers) = match parts.take() {
            Some((Some(creations), liquidity, headers)) => (creations, liquidity, headers),
            _ => ask_again(plan, from, to)?,
        };
        let piece = Piece {
            from,
            to,
            first: creations.first,
            last: creations.last,
            creations: creations.changes,
            is_final: plan.is_final(from),
            headers: headers.unwrap_or_default(),
            liquidity: None,
        };
        match joined(piece, creations.hashes, liquidity) {
            Ok(piece) => return Ok(piece),
            Err(block) => {
                tries += 1;
                if tries == TRIES {
                    return Err(SyncError::Branches { block });
                }
            }
        }
    }
}

type Parts = (Answered, Option<Answered>, Option<Vec<Header>>);

/// Asks for the parts of a range one after the other.
fn ask_again(plan: &Plan<'_>, from: BlockNumber, to: BlockNumber) -> Result<Parts, NodeError> {
    let creations = plan.creations(from, to)?;
    let liquidity = plan.liquidity(from, to, Some(creations.last.hash))?;
    let headers = (!plan.is_final(from))
        .then(|| plan.node.existing_headers(&blocks(from, to)))
        .transpose()?;
    Ok((creations, liquidity, headers))
}

/// Adds the liquidity to a piece if all of its parts are of one branch. Otherwise returns the block that differs.
fn joined(
    mut piece: Piece,
    mut hashes: Vec<(BlockNumber, BlockHash)>,
    liquidity: Option<Answered>,
) -> Result<Piece, BlockNumber> {
    if let Some(liquidity) = liquidity {
        if liquidity.last.hash != piece.last.hash {
            return Err(piece.to);
        }
        if liquidity.first.hash != piece.first.hash {
            return Err(piece.from);
        }
        piece.liquidity = Some(liquidity.changes);
        hashes.extend(liquidity.hashes);
    }
    if piece.is_final {
        return Ok(piece);
    }
    let headers = &piece.headers;
    let count = usize::try_from(piece.to.get() - piece.from.get() + 1).ok();
    if Some(headers.len()) != count {
        return Err(piece.to);
    }
    let ends = [
        (headers.first(), &piece.first),
        (headers.last(), &piece.last),
    ];
    for (header, end) in ends {
        if header.is_none_or(|header| header.hash != end.hash) {
            return Err(end.number);
        }
    }
    for (before, header) in headers.iter().zip(headers.iter().skip(1)) {
        if header.parent_hash != before.hash {
            return Err(header.number);
        }
    }
    for (block, hash) in hashes {
        let index = block.get().checked_sub(piece.from.get());
        let header = index
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| headers.get(index));
        if header.is_none_or(|header| header.hash != hash) {
            return Err(block);
        }
    }
    Ok(piece)
}
