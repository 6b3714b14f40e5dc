//! What requests to nodes have cost so far.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What requests to nodes have cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStatistics {
    /// Calls of methods. A batch has several.
    pub calls: u64,
    /// HTTP requests, or messages on a socket.
    pub requests: u64,
    /// Refusals of ranges or batches that were too large, after which a part was asked for.
    pub splits: u64,
    /// Requests that were repeated because there was no usable answer.
    pub retries: u64,
    /// Refusals because of too many requests.
    pub rate_limits: u64,
    /// Bytes of answers, decompressed.
    pub bytes: u64,
    /// The time that threads waited before they sent or repeated a request, added up.
    pub waited: Duration,
}

impl AddAssign for NodeStatistics {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.requests += other.requests;
        self.splits += other.splits;
        self.retries += other.retries;
        self.rate_limits += other.rate_limits;
        self.bytes += other.bytes;
        self.waited += other.waited;
    }
}

/// The counters of the threads that share a node.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) calls: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) splits: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) rate_limits: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) waited_micros: AtomicU64,
}

impl Counters {
    /// What they are now.
    pub(super) fn read(&self) -> NodeStatistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NodeStatistics {
            calls: read(&self.calls),
            requests: read(&self.requests),
            splits: read(&self.splits),
            retries: read(&self.retries),
            rate_limits: read(&self.rate_limits),
            bytes: read(&self.bytes),
            waited: Duration::from_micros(read(&self.waited_micros)),
        }
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
}
