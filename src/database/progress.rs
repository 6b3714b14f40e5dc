use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

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
    /// [`Error::Interrupted`](crate::database::error::Error::Interrupted) and everything as it was before.
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()>;

    /// A flag that ends the operation when it is set, also in the middle of a statement that runs for
    /// minutes, such as the building of an index.
    fn stop_flag(&self) -> Option<&'static AtomicBool> {
        None
    }
}

/// Watches nothing and stops nothing.
impl Observer for () {
    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
