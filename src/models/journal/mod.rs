//! The journal of a chain: the rows that its last blocks changed, and how to undo them.
//!
//! A block that is not final can disappear from its chain. While an update writes the changes of such a block, the
//! [`recorder`] and the [`entries`] of events keep the values of every changed row, before and after. [`undo`] takes
//! the changes back, the last one first. [`blocks`] has the hashes by which a disappeared block is noticed.
//!
//! All of this happens in the transactions that change the rows, so that the journal and the rows agree.

#[cfg(feature = "sync")]
pub(crate) mod block_updates;
pub(crate) mod blocks;
#[cfg(feature = "sync")]
pub(crate) mod entries;
pub(crate) mod journal_error;
#[cfg(feature = "sync")]
pub(crate) mod leftovers;
pub(crate) mod market_marks;
#[cfg(feature = "sync")]
pub(crate) mod recorder;
mod referrers;
mod referring_rows;
#[cfg(feature = "sync")]
pub(crate) mod release;
pub(crate) mod tables;
pub(crate) mod undo;

#[cfg(test)]
#[cfg(feature = "sync")]
mod tests;
