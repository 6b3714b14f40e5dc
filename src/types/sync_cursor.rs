//! Places of events in a chain, and marks of how far a pool is synchronized.

use std::cmp::Ordering;
use std::fmt;

use crate::types::integer::{BlockNumber, LogIndex};

/// The place of an event in its chain. Places are ordered as the events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition {
    /// The block of the event.
    pub block: BlockNumber,
    /// The log index of the event in its block.
    pub log_index: LogIndex,
}

impl LogPosition {
    /// The place of the event with a log index in a block.
    #[must_use]
    pub const fn new(block: BlockNumber, log_index: LogIndex) -> Self {
        Self { block, log_index }
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}, log {}", self.block, self.log_index)
    }
}

/// The mark of a pool: the last liquidity event that is in the database.
///
/// The mark is the place of the last event that changed liquidity. An event of amount zero, such as Uniswap's
/// burn of nothing, which collects fees, does not move it. The Python package keeps marks in the same way.
///
/// A mark without a block stands for no event at all, and is before every event. A mark with a block, but
/// without a log index, stands for all events of the block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SyncCursor {
    /// The block of the event; `None` before the first event.
    pub block: Option<BlockNumber>,
    /// The log index of the event in its block.
    pub log_index: Option<LogIndex>,
}

impl SyncCursor {
    /// Whether an event at `place` is after the mark.
    #[must_use]
    pub fn is_before(&self, place: LogPosition) -> bool {
        *self < Self::from(place)
    }
}

impl From<LogPosition> for SyncCursor {
    fn from(place: LogPosition) -> Self {
        Self {
            block: Some(place.block),
            log_index: Some(place.log_index),
        }
    }
}

impl Ord for SyncCursor {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |cursor: &Self| (cursor.block, cursor.log_index.is_none(), cursor.log_index);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for SyncCursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SyncCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.block, self.log_index) {
            (Some(block), Some(log_index)) => LogPosition { block, log_index }.fmt(f),
            (Some(block), None) => write!(f, "block {block}"),
            (None, _) => f.write_str("no event"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_ordered_as_the_events_that_they_include() {
        let cursor = |block: Option<u64>, log_index: Option<u32>| SyncCursor {
            block: block.map(|block| BlockNumber::new(block).unwrap()),
            log_index: log_index.map(|index| LogIndex::new(index).unwrap()),
        };
        let ascending = [
            cursor(None, None),
            cursor(Some(0), Some(0)),
            cursor(Some(7), Some(0)),
            cursor(Some(7), Some(3)),
            cursor(Some(7), None),
            cursor(Some(8), Some(0)),
        ];
        assert!(ascending.is_sorted_by(|one, other| one < other));
        let place = LogPosition::new(BlockNumber::new(7).unwrap(), LogIndex::new(3).unwrap());
        let before = ascending.map(|cursor| cursor.is_before(place));
        assert_eq!(before, [true, true, true, false, false, false]);
        assert_eq!(
            ascending.map(|cursor| cursor.to_string())[2..5],
            ["block 7, log 0", "block 7, log 3", "block 7"]
        );
    }
}
