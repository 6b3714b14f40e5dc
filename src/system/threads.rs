//! Whether the system has threads for this process.

use std::io;
use std::sync::Mutex;
use std::thread;

/// Fails if the system cannot start `count` threads. Some libraries panic then.
///
/// A thread that has ended counts for a moment longer, so `count` is twice the number of threads that are needed.
pub(crate) fn require_threads(count: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let _closed = gate.lock();
        (0..count).try_for_each(|_| {
            let wait = || drop(gate.lock());
            thread::Builder::new().spawn_scoped(scope, wait).map(drop)
        })
    })
}
