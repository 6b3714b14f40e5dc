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
    /// The newest block that cannot disappear. What was final once stays final, whatever the node says now.
    pub(super) fn final_block(&self, stored: &[StoredBlock]) -> BlockNumber {
        let of_node = match &self.finalized {
            Some(finalized) => finalized.number.min(self.head.number),
            None => BlockNumber::new(self.head.number.get().saturating_sub(UNCERTAIN))
                .unwrap_or(BlockNumber::FIRST),
        };
        let known = stored.iter().find(|block| block.is_final);
        known.map_or(of_node, |known| known.number.max(of_node))
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

/// Asks a node for the end of its chain, and compares the stored blocks, the highest first, with it. If the node does not
/// have the highest one yet, it is asked again until `patience` is used up.
pub(super) fn look(
    node: &Node,
    stored: &[StoredBlock],
    patience: Duration,
    cancel: &CancelToken,
) -> Result<(ChainView, Standing), SyncError> {
    const PAUSE: Duration = Duration::from_millis(50);
    let top = stored.first();
    let mut tags = vec![BlockTag::Latest, BlockTag::Finalized];
    tags.extend(top.map(|top| BlockTag::Number(top.number)));
    let begin = Instant::now();
    let mut wait = PAUSE;
    loop {
        let mut headers = node.headers_at(&tags)?.into_iter();
        let mut next = || headers.next().flatten();
        let (head, finalized, found) = (next(), next(), next());
        let head = head.ok_or(SyncError::NoTarget {
            target: BlockTarget::LATEST,
        })?;
        let view = ChainView { head, finalized };
        let Some(top) = top else {
            return Ok((view, Standing::InChain));
        };
        let head = view.head.number;
        if let Some(header) = found.filter(|_| top.number <= head) {
            let standing = compare(node, stored, top, &header)?;
            return Ok((view, standing));
        }
        if begin.elapsed() >= patience {
            let block = top.number;
            return Err(SyncError::Behind { block, head });
        }
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if cancel.is_cancelled() {
                return Err(SyncError::Interrupted);
            }
            thread::sleep(PAUSE);
        }
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

/// Compares the stored blocks, the highest first, with the chain, which has a block at the height of the highest one.
fn compare(
    node: &Node,
    stored: &[StoredBlock],
    top: &StoredBlock,
    header: &Header,
) -> Result<Standing, SyncError> {
    if header.hash == top.hash {
        return Ok(Standing::InChain);
    }
    let numbers: Vec<_> = stored.iter().map(|block| block.number).collect();
    let headers = node.headers(&numbers)?;
    if let Some(contradicted) = contradicted(stored, &headers) {
        return Err(contradicted);
    }
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

/// The error of a final block that is the only stored one that the chain does not have.
pub(super) fn contradicted(
    stored: &[StoredBlock],
    headers: &[Option<Header>],
) -> Option<SyncError> {
    let is_gone = |(block, header): &(&StoredBlock, &Option<Header>)| {
        let hash = header.as_ref().map(|header| header.hash);
        hash != Some(block.hash)
    };
    let mut gone = stored.iter().zip(headers).filter(is_gone);
    match (gone.next()?, gone.next()) {
        ((block, Some(header)), None) if block.is_final => Some(SyncError::FinalBlock {
            block: block.number,
            stored: block.hash,
            found: header.hash,
        }),
        _ => None,
    }
}
