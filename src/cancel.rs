//! The cancel token of an operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cancels operations from another thread or from a signal handler. Clones share one state, so an operation can keep
/// a clone.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Creates a token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the operations that have this token. They return
    /// [`ErrorKind::Interrupted`](crate::database::ErrorKind::Interrupted) and leave everything as it was. A statement
    /// that runs for minutes is interrupted as well.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the token is cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
