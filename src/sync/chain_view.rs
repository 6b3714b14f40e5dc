//! What a node says of the end of its chain, compared with where the database left it.

use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::journal_error::JournalError;
use crate::node::client::Node;
use crate::node::header::{BlockTag, Header};
use crate::sync::block_target::BlockTarget;
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;

/// The number of blocks below the newest one that can disappear, if the node calls no block final.
const UNCERTAIN: u64 = 4_096;

/// The end of a chain.
#[derive(Debug, Clone)]
pub(super) struct ChainView {
    pub(super) head: Header,
    /// The newest final block, if the node has one.
    pub(super) finalized: Option<Header>,
}

/// How the blocks of the database stand to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// All are in the chain.
    InChain,
    /// Those above this block are gone.
    GoneAbove(BlockNumber),
}

impl ChainView {
    /// Asks a node. If its newest block is below one that the chain has had, it is asked again until `patience` is used
    /// up: several nodes can answer at one address, and some of them can lag behind. A node that lacks thousands of
    /// blocks does not catch up meanwhile.
    pub(super) fn ask(
        node: &Node,
        known: Option<BlockNumber>,
        patience: Duration,
        cancel: &CancelToken,
    ) -> Result<Self, SyncError> {
        let mut waiting = Waiting::new(patience, cancel);
        loop {
            let head = node.header(BlockTag::Latest)?;
            let head = head.ok_or(SyncError::NoTarget {
                target: BlockTarget::LATEST,
            })?;
            let missing = known.map_or(0, |known| known.get().saturating_sub(head.number.get()));
            if (1..=UNCERTAIN).contains(&missing) && waiting.pause()? {
                continue;
            }
            let finalized = node.header(BlockTag::Finalized)?;
            return Ok(Self { head, finalized });
        }
    }

    /// The newest block that cannot disappear.
    pub(super) fn final_block(&self) -> BlockNumber {
        match &self.finalized {
            Some(finalized) => finalized.number.min(self.head.number),
            None => BlockNumber::new(self.head.number.get().saturating_sub(UNCERTAIN))
                .unwrap_or(BlockNumber::FIRST),
        }
    }

    /// The block that a target stands for.
    pub(super) fn resolve(
        &self,
        node: &Node,
        target: BlockTarget,
    ) -> Result<BlockNumber, SyncError> {
        let base = match target.tag {
            BlockTag::Number(number) => number,
            BlockTag::Latest => self.head.number,
            BlockTag::Finalized => match &self.finalized {
                Some(finalized) => finalized.number,
                None => return Err(SyncError::NoTarget { target }),
            },
            tag @ (BlockTag::Earliest | BlockTag::Safe) => {
                let header = node.header(tag)?;
                header.ok_or(SyncError::NoTarget { target })?.number
            }
        };
        let number = target.above(base);
        if number > self.head.number {
            return Err(SyncError::TargetBeyondHead {
                target: number,
                head: self.head.number,
            });
        }
        Ok(number)
    }
}

/// Compares the stored blocks, the highest first, with the chain. If the node does not have the highest one yet, it is
/// asked again until `patience` is used up.
pub(super) fn compare(
    node: &Node,
    stored: &[StoredBlock],
    patience: Duration,
    cancel: &CancelToken,
) -> Result<Standing, SyncError> {
    let Some(top) = stored.first() else {
        return Ok(Standing::InChain);
    };
    let header = wait_for(node, top.number, patience, cancel)?;
    if header.hash == top.hash {
        return Ok(Standing::InChain);
    }
    let numbers: Vec<_> = stored.iter().map(|block| block.number).collect();
    let headers = node.headers(&numbers)?;
    let kept = stored.iter().zip(&headers).find(|(block, header)| {
        header
            .as_ref()
            .is_some_and(|header| header.hash == block.hash)
    });
    match (kept, stored.last()) {
        (Some((block, _)), _) => Ok(Standing::GoneAbove(block.number)),
        (None, Some(lowest)) => Err(JournalError::TooDeep {
            block: lowest.number.previous().unwrap_or(BlockNumber::FIRST),
            oldest: lowest.number,
        }
        .into()),
        (None, None) => Ok(Standing::InChain),
    }
}

/// The header of a block that the node once had.
fn wait_for(
    node: &Node,
    number: BlockNumber,
    patience: Duration,
    cancel: &CancelToken,
) -> Result<Header, SyncError> {
    let mut waiting = Waiting::new(patience, cancel);
    loop {
        if let Some(header) = node.header(BlockTag::Number(number))? {
            return Ok(header);
        }
        if !waiting.pause()? {
            let head = node.header(BlockTag::Latest)?;
            return Err(SyncError::Behind {
                block: number,
                head: head.map_or(BlockNumber::FIRST, |head| head.number),
            });
        }
    }
}

/// The pauses between questions to a node that is behind. Each is longer than the one before.
struct Waiting<'a> {
    until: Option<Instant>,
    cancel: &'a CancelToken,
    next: Duration,
}

impl<'a> Waiting<'a> {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    fn new(patience: Duration, cancel: &'a CancelToken) -> Self {
        Self {
            until: Instant::now().checked_add(patience),
            cancel,
            next: Self::SHORTEST,
        }
    }

    /// Pauses, and returns whether it did. It does not if the patience is used up.
    fn pause(&mut self) -> Result<bool, SyncError> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return Ok(false);
        }
        let end = Instant::now() + self.next;
        while Instant::now() < end {
            if self.cancel.is_cancelled() {
                return Err(SyncError::Interrupted);
            }
            thread::sleep(Self::SHORTEST);
        }
        self.next = (self.next * 2).min(Self::LONGEST);
        Ok(true)
    }
}
