//! The lock wait: how long the connections that an operation opens wait for the locks of other programs.
//!
//! An operation opens many connections, some of them deep inside a check. So the wait belongs to the thread that runs the
//! operation, not to each call: none of them can forget it.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::sqlite::busy_handler::BusyHandler;

static CHOSEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    static WAIT: RefCell<Option<BusyHandler>> = const { RefCell::new(None) };
}

/// The wait of this thread, until it is dropped. Then the wait before it holds again.
#[derive(Debug)]
#[must_use]
pub(crate) struct LockWait {
    before: Option<BusyHandler>,
    /// It belongs to the thread that began it.
    not_send: PhantomData<*const ()>,
}

impl LockWait {
    /// Begins a wait of this length at most. Cancelling the token ends it.
    pub(crate) fn begin(wait: Duration, cancel: Option<CancelToken>) -> Self {
        CHOSEN.store(true, Ordering::Relaxed);
        Self::like(BusyHandler::new(wait, cancel))
    }

    /// Begins a wait like that of a busy handler.
    pub(crate) fn like(busy_handler: BusyHandler) -> Self {
        Self {
            before: WAIT.replace(Some(busy_handler)),
            not_send: PhantomData,
        }
    }

    /// Begins a wait of the present length that cannot be cancelled, for what follows a change.
    pub(crate) fn to_the_end() -> Self {
        let before = WAIT.with_borrow(Clone::clone);
        let patient = before.as_ref().map(BusyHandler::without_cancellation);
        Self {
            before: WAIT.replace(patient),
            not_send: PhantomData,
        }
    }
}

impl Drop for LockWait {
    fn drop(&mut self) {
        WAIT.replace(self.before.take());
    }
}

/// The wait of this thread, if one has begun.
pub(crate) fn present() -> Option<BusyHandler> {
    WAIT.with_borrow(Clone::clone)
}

/// Whether an operation of this process has begun that lets its caller choose how long it waits.
#[cfg(feature = "cli")]
pub(crate) fn was_chosen() -> bool {
    CHOSEN.load(Ordering::Relaxed)
}

/// Whether the wait of this thread has been cancelled. SQLite does not tell why its busy handler has given up.
pub(crate) fn is_cancelled() -> bool {
    WAIT.with_borrow(|wait| wait.as_ref().is_some_and(BusyHandler::is_stopped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_before_holds_again_when_an_inner_one_ends() {
        let length = || present().map(|handler| handler.limit());
        assert_eq!(length(), None);
        let cancel = CancelToken::new();
        let outer = LockWait::begin(Duration::from_secs(9), Some(cancel.clone()));
        cancel.cancel();
        assert!(is_cancelled());
        {
            let _patient = LockWait::to_the_end();
            assert_eq!(length(), Some(Duration::from_secs(9)));
            assert!(!is_cancelled());
            let _inner = LockWait::begin(Duration::ZERO, None);
            assert_eq!(length(), Some(Duration::ZERO));
        }
        assert_eq!(length(), Some(Duration::from_secs(9)));
        assert!(is_cancelled());
        drop(outer);
        assert_eq!(length(), None);
    }
}
