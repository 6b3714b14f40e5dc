//! A token that cancels an operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cancels operations from another thread, or from a handler of signals. Clones are the same token; an operation keeps
/// its own for as long as it needs it.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the operations that have this token to end. They end with
    /// [`ErrorKind::Interrupted`](crate::database::ErrorKind::Interrupted), also in the middle of a statement that runs
    /// for minutes, and leave everything as it was.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the operations were asked to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
