//! Observers of operations.

use std::ops::ControlFlow;

use degenbot::database::{Observer, Progress};

/// Stops at the `left`-th progress.
pub struct StopAt {
    pub left: usize,
}

impl Observer for StopAt {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        assert!(progress.done <= progress.total);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }
}
