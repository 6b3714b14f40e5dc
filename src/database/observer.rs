use std::ops::ControlFlow;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The bytes that are done.
    pub done: u64,
    /// The bytes that there are to do.
    pub total: u64,
}

/// Watches an operation that takes a while, and can stop it.
pub trait Observer {
    /// Called every few thousand pages; `Break` ends the operation with
    /// [`Error::Interrupted`](super::Error::Interrupted) and everything as it was before.
    fn progress(&mut self, progress: Progress) -> ControlFlow<()>;
}

/// Watches nothing and stops nothing.
impl Observer for () {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
