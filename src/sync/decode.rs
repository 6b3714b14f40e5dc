//! What turns the events of blocks into changes, whatever they are about.

use crate::node::logs::filter::LogFilter;
use crate::sync::sync_error::SyncError;
use crate::types::log::Logs;

/// One of the two filters of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    First,
    Second,
}

/// Says which events an update needs, and turns them into changes. The threads that ask for events do that.
pub(super) trait Decode: Sync {
    type Changes: Gather + Send;

    /// The filters. The events of each are asked for by themselves, because a node may limit one kind of them only.
    /// `None` if there is nothing to ask for.
    fn filter(&self, which: Which) -> Option<&LogFilter>;

    /// The changes that the events of a filter make.
    fn decode(&self, which: Which, logs: &Logs) -> Result<Self::Changes, SyncError>;
}

/// Changes of consecutive blocks.
pub(super) trait Gather: Default {
    /// Adds the changes of the other filter, or of the blocks after these.
    fn append(&mut self, other: Self);

    /// How many statements the changes need, roughly.
    fn weight(&self) -> usize;

    /// The bytes of memory that they take, roughly.
    fn memory(&self) -> usize;
}
