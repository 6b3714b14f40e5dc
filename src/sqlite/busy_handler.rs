//! The busy handler: how long a connection waits for a lock.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;

/// Waits for a lock until a timeout or a cancellation.
#[derive(Debug, Clone)]
pub(crate) struct BusyHandler {
    wait: Duration,
    cancel: Option<CancelToken>,
    /// When the present wait began.
    began: Cell<Option<Instant>>,
}

impl BusyHandler {
    /// Creates a handler that waits for `wait` at most, or until the token is cancelled.
    pub(crate) const fn new(wait: Duration, cancel: Option<CancelToken>) -> Self {
        Self {
            wait,
            cancel,
            began: Cell::new(None),
        }
    }

    /// The same handler with another timeout.
    pub(crate) fn for_at_most(&self, wait: Duration) -> Self {
        Self::new(wait, self.cancel.clone())
    }

    /// The same handler, which nothing cancels.
    pub(crate) fn without_cancellation(&self) -> Self {
        Self::new(self.wait, None)
    }

    /// How long the handler waits at most.
    pub(crate) const fn limit(&self) -> Duration {
        self.wait
    }

    /// Whether the token is cancelled.
    pub(crate) fn is_stopped(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }

    /// Sleeps, longer with each try. Returns whether SQLite should try again.
    fn wait(&self, tries: u32) -> bool {
        if tries == 0 {
            self.began.set(Some(Instant::now()));
        }
        let began = self.began.get().unwrap_or_else(Instant::now);
        self.wait_since(began, tries)
    }

    /// The same for a wait that has begun at this time.
    pub(super) fn wait_since(&self, began: Instant, tries: u32) -> bool {
        const PAUSES: [u64; 8] = [1, 2, 5, 10, 15, 20, 25, 50];
        let left = self.wait.saturating_sub(began.elapsed());
        if self.is_stopped() || left.is_zero() {
            return false;
        }
        let index = usize::try_from(tries)
            .unwrap_or(usize::MAX)
            .min(PAUSES.len() - 1);
        thread::sleep(Duration::from_millis(PAUSES[index]).min(left));
        true
    }
}

/// SQLite calls this when another connection holds the lock. It tries again unless the result is 0.
pub(super) unsafe extern "C" fn busy(busy_handler: *mut c_void, tries: c_int) -> c_int {
    // SAFETY: `RawConnection::set_busy_handler` has registered the address of a value that the connection keeps as long
    // as SQLite may call this. Only the thread that uses the connection reads it.
    let busy_handler = unsafe { &*busy_handler.cast_const().cast::<BusyHandler>() };
    c_int::from(busy_handler.wait(u32::try_from(tries).unwrap_or_default()))
}
