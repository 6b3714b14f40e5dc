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
    /// Whether the headers of all blocks are needed. Then the events are decoded later, block by block.
    pub(super) with_headers: bool,
    pub(super) threads: usize,
}

/// The events of a range of blocks, on one branch of the chain.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    pub(super) creations: Events,
    pub(super) liquidity: Option<Events>,
    pub(super) first: Header,
    pub(super) last: Header,
    /// The headers of all blocks, if they were needed.
    pub(super) headers: Vec<Header>,
}

/// The events of a range.
#[derive(Debug)]
pub(super) enum Events {
    Logs(Logs),
    /// Decoded by the thread that has asked for them. The writer has enough to do.
    Decoded(Result<Changes, Box<SyncError>>),
}

impl Events {
    /// The events if they are not decoded yet.
    const fn logs(&self) -> Option<&Logs> {
        match self {
            Self::Logs(logs) => Some(logs),
            Self::Decoded(_) => None,
        }
    }
}

/// An answer with events.
#[derive(Debug)]
pub(super) struct Answered {
    events: Events,
    first: Header,
    last: Header,
}

impl Piece {
    /// The changes of all blocks together.
    pub(super) fn into_changes(self, decoder: &Decoder<'_>) -> Result<Changes, SyncError> {
        let mut changes = match self.creations {
            Events::Decoded(found) => found.map_err(|error| *error)?,
            Events::Logs(logs) => decoder.creations_of(&logs)?,
        };
        match self.liquidity {
            Some(Events::Decoded(found)) => changes.append(found.map_err(|error| *error)?),
            Some(Events::Logs(logs)) => changes.append(Decoder::liquidity_of(&logs)),
            None => {}
        }
        Ok(changes)
    }
}

impl Answered {
    /// The bytes of memory that the events take, roughly.
    pub(super) fn memory(&self) -> usize {
        match &self.events {
            Events::Logs(logs) => logs.memory(),
            Events::Decoded(Ok(changes)) => changes.memory(),
            Events::Decoded(Err(_)) => 0,
        }
    }
}

impl Plan<'_> {
    pub(super) fn creations(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Answered, NodeError> {
        let answer = self.node.logs(&self.decoder.creations, from, to, None)?;
        Ok(self.answered(answer, |logs| self.decoder.creations_of(logs)))
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
        Ok(Some(self.answered(answer, decode)))
    }

    fn answered(
        &self,
        answer: LogAnswer,
        decode: impl FnOnce(&Logs) -> Result<Changes, SyncError>,
    ) -> Answered {
        let LogAnswer { logs, first, last } = answer;
        Answered {
            events: if self.with_headers {
                Events::Logs(logs)
            } else {
                Events::Decoded(decode(&logs).map_err(Box::new))
            },
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
            creations: creations.events,
            headers: headers.unwrap_or_default(),
            liquidity: None,
        };
        match joined(plan, piece, liquidity) {
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
    let headers = plan
        .with_headers
        .then(|| plan.node.existing_headers(&blocks(from, to)))
        .transpose()?;
    Ok((creations, liquidity, headers))
}

/// Adds the liquidity to a piece if all of its parts are of one branch. Otherwise returns the block that differs.
fn joined(
    plan: &Plan<'_>,
    mut piece: Piece,
    liquidity: Option<Answered>,
) -> Result<Piece, BlockNumber> {
    if let Some(liquidity) = liquidity {
        if liquidity.last.hash != piece.last.hash {
            return Err(piece.to);
        }
        if liquidity.first.hash != piece.first.hash {
            return Err(piece.from);
        }
        piece.liquidity = Some(liquidity.events);
    }
    if !plan.with_headers {
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
    for log in [Some(&piece.creations), piece.liquidity.as_ref()]
        .into_iter()
        .flatten()
        .filter_map(Events::logs)
        .flat_map(Logs::iter)
    {
        let index = log.place.block.get().checked_sub(piece.from.get());
        let header = index
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| headers.get(index));
        if header.is_none_or(|header| header.hash != log.block_hash) {
            return Err(log.place.block);
        }
    }
    Ok(piece)
}
