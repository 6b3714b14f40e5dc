//! Why one request had no usable answer, and what to do about it.

use std::time::Duration;

use crate::node::error::NodeError;

/// Why one request had no usable answer.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) action: Action,
    /// What the caller is told if nothing helps.
    pub(super) error: NodeError,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Ask again when the endpoint can be asked again, or ask another one.
    Rate,
    /// Ask for fewer blocks, now and later. The node may say how many.
    RangeTooWide(Option<u64>),
    /// Ask for fewer blocks this time. The node may offer a range.
    TooMuch(Option<(u64, u64)>),
    /// Put fewer calls into a message.
    Batch,
    /// Wait for the node to catch up, or ask another one.
    Behind,
    /// Ask again.
    Again,
    /// The answer cannot be right. Ask again, but not often.
    Doubt,
    /// Do not ask this endpoint again.
    Leave,
    /// Give up.
    Stop,
}

impl Fault {
    pub(super) const fn new(action: Action, error: NodeError) -> Self {
        Self { action, error }
    }

    /// The end of a cancelled request.
    pub(super) const fn interrupted() -> Self {
        Self::new(Action::Stop, NodeError::Interrupted)
    }

    /// The error, with what was tried.
    pub(super) fn after(self, made: u32, time: Duration) -> NodeError {
        let mut error = self.error;
        match &mut error {
            NodeError::Unreachable { tries, .. } => *tries = made,
            NodeError::RateLimited { waited, .. } => *waited = time,
            _ => {}
        }
        error
    }
}
