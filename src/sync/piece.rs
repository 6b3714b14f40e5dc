//! The events of ranges of blocks, put together from answers.

use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::Header;
use crate::node::logs::request::LogAnswer;
use crate::sync::decode::{Decode, Gather, Which};
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Plan<'a, D> {
    pub(super) node: &'a Node,
    /// The filters, and what decodes the events.
    pub(super) decoder: &'a D,
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    /// The number of blocks in a range, at most.
    pub(super) width: u64,
    /// The last final block. The headers of all blocks above it are asked for. No range has blocks of both kinds.
    pub(super) final_block: BlockNumber,
    pub(super) threads: usize,
    /// The node's newest block, if the last blocks of final ranges are stored, so that their hashes have to be confirmed.
    pub(super) confirmed_below: Option<BlockNumber>,
}

impl<D> Clone for Plan<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for Plan<'_, D> {}

/// The events of a range of blocks, on one branch of the chain.
#[derive(Debug)]
pub(super) struct Piece<C> {
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    first_changes: Decoded<C>,
    second_changes: Option<Decoded<C>>,
    pub(super) first: Header,
    pub(super) last: Header,
    /// Whether its blocks are final.
    pub(super) is_final: bool,
    /// The headers of all blocks, if they are not final.
    pub(super) headers: Vec<Header>,
}

/// The changes of a range, decoded by the thread that has asked for them: the writer has enough to do.
type Decoded<C> = Result<C, Box<SyncError>>;

/// An answer with events.
#[derive(Debug)]
pub(super) struct Answered<C> {
    changes: Decoded<C>,
    /// The number of events.
    pub(super) events: usize,
    /// The blocks of the events and their hashes, if they are not final.
    hashes: Vec<(BlockNumber, BlockHash)>,
    first: Header,
    last: Header,
}

impl<C: Gather> Piece<C> {
    /// Adds what is missing to the changes of all blocks, unless they are an error.
    pub(super) fn complete<T: Default>(
        &mut self,
        add: impl FnOnce(&mut C, (BlockNumber, BlockNumber), BlockHash) -> Result<T, SyncError>,
    ) -> Result<T, SyncError> {
        let range = (self.from, self.to);
        match &mut self.first_changes {
            Ok(changes) => add(changes, range, self.last.hash),
            Err(_) => Ok(T::default()),
        }
    }

    /// The changes of all blocks together.
    pub(super) fn into_changes(self) -> Result<C, SyncError> {
        let mut changes = self.first_changes.map_err(|error| *error)?;
        if let Some(second) = self.second_changes {
            changes.append(second.map_err(|error| *error)?);
        }
        Ok(changes)
    }
}

impl<C: Gather> Answered<C> {
    /// The bytes of memory that the changes take, roughly.
    pub(super) fn memory(&self) -> usize {
        let hashes = self.hashes.capacity() * size_of::<(BlockNumber, BlockHash)>();
        self.changes.as_ref().map_or(0, Gather::memory) + hashes
    }
}

impl<D: Decode> Plan<'_, D> {
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

    /// Asks for the events of a filter. `None` if there is no such filter.
    pub(super) fn events(
        &self,
        which: Which,
        from: BlockNumber,
        to: BlockNumber,
        pinned: Option<BlockHash>,
    ) -> Result<Option<Answered<D::Changes>>, NodeError> {
        let Some(filter) = self.decoder.filter(which) else {
            return Ok(None);
        };
        let answer = match self.head(which, from) {
            Some(head) => self.node.confirmed_logs(filter, from, to, pinned, head)?,
            None => self.node.logs(filter, from, to, pinned)?,
        };
        Ok(Some(self.answered(which, from, answer)))
    }

    /// The newest block, if the answer has to confirm the hash of the range's last block. The answer to the second filter
    /// confirms that to the first one, and the headers confirm those of blocks that are not final.
    fn head(&self, which: Which, from: BlockNumber) -> Option<BlockNumber> {
        let is_alone = self.decoder.filter(Which::Second).is_none();
        self.confirmed_below
            .filter(|_| which == Which::First && is_alone && self.is_final(from))
    }

    fn answered(&self, which: Which, from: BlockNumber, answer: LogAnswer) -> Answered<D::Changes> {
        let LogAnswer { logs, first, last } = answer;
        let mut hashes = Vec::new();
        if !self.is_final(from) {
            hashes.extend(logs.iter().map(|log| (log.place.block, log.block_hash)));
            hashes.dedup();
        }
        Answered {
            changes: self.decoder.decode(which, &logs).map_err(Box::new),
            events: logs.len(),
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

/// What is asked for of a range: the events of the first filter and of the second, and the headers.
pub(super) type Parts<C> = (
    Option<Answered<C>>,
    Option<Answered<C>>,
    Option<Vec<Header>>,
);

/// Puts the parts of a range together. If they are of different branches of the chain, they are asked for again.
pub(super) fn piece<D: Decode>(
    plan: &Plan<'_, D>,
    from: BlockNumber,
    to: BlockNumber,
    answers: Parts<D::Changes>,
) -> Result<Piece<D::Changes>, SyncError> {
    const TRIES: u32 = 3;
    let mut parts = Some(answers);
    let mut tries = 0;
    loop {
        let (first, second, headers) = match parts.take() {
            Some((Some(first), second, headers)) => (first, second, headers),
            _ => ask_again(plan, from, to)?,
        };
        let piece = Piece {
            from,
            to,
            first: first.first,
            last: first.last,
            first_changes: first.changes,
            is_final: plan.is_final(from),
            headers: headers.unwrap_or_default(),
            second_changes: None,
        };
        match joined(piece, first.hashes, second) {
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

/// All parts of a range. There is a first filter always.
type Complete<C> = (Answered<C>, Option<Answered<C>>, Option<Vec<Header>>);

/// Asks for the parts of a range one after the other.
fn ask_again<D: Decode>(
    plan: &Plan<'_, D>,
    from: BlockNumber,
    to: BlockNumber,
) -> Result<Complete<D::Changes>, SyncError> {
    let first = plan.events(Which::First, from, to, None)?;
    let first = first.ok_or(SyncError::Branches { block: to })?;
    let second = plan.events(Which::Second, from, to, Some(first.last.hash))?;
    let headers = (!plan.is_final(from))
        .then(|| plan.node.existing_headers(&blocks(from, to)))
        .transpose()?;
    Ok((first, second, headers))
}

/// Adds the changes of the second filter to a piece if all of its parts are of one branch. Otherwise returns the block that
/// differs.
fn joined<C>(
    mut piece: Piece<C>,
    mut hashes: Vec<(BlockNumber, BlockHash)>,
    second: Option<Answered<C>>,
) -> Result<Piece<C>, BlockNumber> {
    if let Some(second) = second {
        if second.last.hash != piece.last.hash {
            return Err(piece.to);
        }
        if second.first.hash != piece.first.hash {
            return Err(piece.from);
        }
        piece.second_changes = Some(second.changes);
        hashes.extend(second.hashes);
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
