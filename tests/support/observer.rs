//! Observers of operations.

use std::ops::ControlFlow;
use std::path::Path;

use degenbot::database::{Observer, Progress};
use diesel::connection::SimpleConnection;

use super::content;

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

/// Runs a statement at the first opportunity.
pub struct Writer<'path> {
    path: &'path Path,
    statement: &'static str,
    pub has_written: bool,
}

impl<'path> Writer<'path> {
    pub fn new(path: &'path Path, statement: &'static str) -> Self {
        Self {
            path,
            statement,
            has_written: false,
        }
    }
}

impl Observer for Writer<'_> {
    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        if !self.has_written {
            self.has_written = true;
            content::connect(self.path)
                .batch_execute(self.statement)
                .unwrap();
        }
        ControlFlow::Continue(())
    }
}
