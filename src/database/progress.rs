//! How far an operation is, and stopping it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cancel::CancelToken;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'operation> {
    /// What is being done.
    pub stage: Stage<'operation>,
    /// What is done of it: bytes or rows, as the stage says.
    pub done: u64,
    /// What there is to do.
    pub total: u64,
}

/// What an operation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage<'operation> {
    /// Bytes are copied.
    Copying,
    /// A copy or a database is checked; how far that is cannot be known.
    Verifying,
    /// A compact copy is written, in bytes.
    Compacting,
    /// The pages of new content are written, in bytes.
    Writing,
    /// SQLite writes compact content back, in bytes, and cannot be stopped any more.
    WritingBack,
    /// The rows of this table are carried over into a new database.
    CarryingOver(&'operation str),
    /// The rows of this table are checked, or compared with what they were made of.
    Checking(&'operation str),
    /// The rows of this table are put in the place of the old ones.
    Replacing(&'operation str),
}

impl Stage<'_> {
    /// Whether [`Progress::done`] counts bytes; it counts rows otherwise.
    #[must_use]
    pub const fn counts_bytes(&self) -> bool {
        !matches!(
            self,
            Self::CarryingOver(_) | Self::Checking(_) | Self::Replacing(_)
        )
    }
}

/// Watches an operation that takes a while, and can stop it.
pub trait Observer {
    /// Called every few thousand pages or rows; `Break` ends the operation with
    /// [`ErrorKind::Interrupted`](crate::database::ErrorKind::Interrupted) and everything as it was before.
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()>;

    /// A token that ends the operation when it is cancelled, also in the middle of a statement that runs for
    /// minutes, such as the building of an index.
    fn cancel_token(&self) -> Option<CancelToken> {
        None
    }
}

/// Watches nothing and stops nothing.
impl Observer for () {
    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Stops nothing by itself; the operation ends when the token is cancelled.
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

/// An operation on a file was asked to stop.
#[derive(Debug)]
pub(crate) struct Cancelled {
    pub(crate) path: PathBuf,
}

/// Tells an observer how far an operation on a file is, and fails where it asks to stop.
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
