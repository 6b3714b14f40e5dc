//! Progress reports of an operation, and its cancellation.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cancel::CancelToken;
use crate::sqlite::lock_wait;

/// The progress of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'operation> {
    /// The present stage.
    pub stage: Stage<'operation>,
    /// The finished part of the stage, in bytes or rows (see [`Stage::counts_bytes`]).
    pub done: u64,
    /// The whole of the stage, in the same unit.
    pub total: u64,
}

/// A stage of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage<'operation> {
    /// Copies a file.
    Copying,
    /// Checks a copy or a database. The progress of this stage is unknown.
    Verifying,
    /// Writes a compact copy.
    Compacting,
    /// Writes the pages of new content.
    Writing,
    /// Writes compact content back into the database. SQLite cannot be interrupted in this stage.
    WritingBack,
    /// Converts the rows of this table into a new database.
    CarryingOver(&'operation str),
    /// Checks the rows of this table, or compares them with the old rows.
    Checking(&'operation str),
    /// Writing the rows of a table to a file.
    Exporting(&'operation str),
    /// Replaces the rows of this table by the new ones.
    Replacing(&'operation str),
}

impl Stage<'_> {
    /// Whether [`Progress::done`] counts bytes. Otherwise it counts rows.
    #[must_use]
    pub const fn counts_bytes(&self) -> bool {
        !matches!(
            self,
            Self::CarryingOver(_) | Self::Checking(_) | Self::Exporting(_) | Self::Replacing(_)
        )
    }
}

/// Receives the progress of a long operation, and can stop it.
pub trait Observer {
    /// Receives a progress report, every few thousand pages or rows. If it returns `Break`, the operation leaves
    /// everything as it was and returns [`ErrorKind::Interrupted`](crate::database::ErrorKind::Interrupted).
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()>;

    /// The token that cancels the operation. It also interrupts a statement that runs for minutes, such as one that
    /// builds an index, and it is looked at once more right before the change. After that the operation completes.
    fn cancel_token(&self) -> Option<CancelToken> {
        None
    }
}

/// Ignores every report.
impl Observer for () {
    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Stops the operation once the token is cancelled.
impl Observer for CancelToken {
    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        if self.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn cancel_token(&self) -> Option<CancelToken> {
        Some(self.clone())
    }
}

/// Stops the operation as the inner observer does, if there is one.
impl<Inner: Observer> Observer for Option<Inner> {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        match self {
            Some(observer) => observer.progress(progress),
            None => ControlFlow::Continue(()),
        }
    }

    fn cancel_token(&self) -> Option<CancelToken> {
        self.as_ref()?.cancel_token()
    }
}

/// The error that a stopped operation returns.
#[derive(Debug)]
pub(crate) struct Cancelled {
    pub(crate) path: PathBuf,
}

/// Reports progress to the observer. Fails if the observer stops the operation.
pub(crate) fn report(
    observer: &mut dyn Observer,
    path: &Path,
    stage: Stage<'_>,
    done: u64,
    total: u64,
) -> Result<(), Cancelled> {
    match observer.progress(Progress { stage, done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Cancelled {
            path: path.to_owned(),
        }),
    }
}

/// Fails if the operation of this thread has been cancelled. What makes its change looks here right before: a sync of the
/// disk can take longer than everything else, and reports nothing.
pub(crate) fn require_not_cancelled(path: &Path) -> Result<(), Cancelled> {
    if lock_wait::is_cancelled() {
        return Err(Cancelled {
            path: path.to_owned(),
        });
    }
    Ok(())
}
