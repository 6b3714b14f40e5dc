//! Ctrl-C and the other signals that ask the process to end.
//!
//! A thread waits for them. What the first one does depends on what the command is doing:
//!
//! - It reads or asks a question: the process ends at once.
//! - It writes: the operation is notified, cleans up and returns, or completes if it is past the point of no return.
//! - It has written, or failed to: the result is reported as if there had been no signal.
//!
//! Ctrl-Z stops the process. At a question, the terminal is then as it was before, and the question comes again.
//!
//! A second Ctrl-C, or a second termination, ends the process in any case, even if the command is inside a call that
//! nothing can interrupt. SQLite then rolls back what was not committed. Signals that follow the first at once count as
//! one: `timeout` sends one to the process and one to its group.

use std::any::Any;
use std::io::Write;
use std::process;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::ABORTED;
use crate::cli::question_line;
use crate::system::signals::{EndSignals, Signal, stop_process, takes_output};

/// The time in which signals count as one.
const AT_ONCE: Duration = Duration::from_millis(500);

/// What a second signal says during an operation.
const STOPPED: &str =
    "Stopped at once by a second signal. SQLite rolls back what was not committed.";

/// What a second signal says after an operation.
const CUT_SHORT: &str = "Stopped at once by a second signal, after the operation had ended. Its report may be incomplete.";

/// What the command is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has changed nothing: it reads, or asks a question.
    Idle,
    /// It runs an operation that polls [`cancel_token`].
    Running,
    /// The operation has ended, and its result counts.
    Finished,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The time of the first signal.
    signalled: Option<Instant>,
}

impl State {
    /// Whether a signal that comes now is another than the first.
    fn is_second(&self, signal: Signal, now: Instant) -> bool {
        signal != Signal::HangUp
            && self
                .signalled
                .is_some_and(|first| now.saturating_duration_since(first) > AT_ONCE)
    }
}

/// The thread that waits for signals holds this lock while it ends the process. So no operation can begin or end between
/// the decision and the end.
static STATE: Mutex<State> = Mutex::new(State {
    phase: Phase::Idle,
    signalled: None,
});
static TOKEN: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);

/// What a signal that ends the process drops before, such as a temporary file that a question is about.
static HELD: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);

/// Holds something that must be dropped even if a signal ends the process. There is one at a time.
#[derive(Debug)]
pub(super) struct Held(());

impl Held {
    pub(super) fn hold(what: impl Send + 'static) -> Self {
        *held() = Some(Box::new(what));
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *held() = None;
    }
}

fn held() -> MutexGuard<'static, Option<Box<dyn Any + Send>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread that waits for signals. If that fails, the signals keep their default effect: they end the process.
pub(super) fn install() {
    let signals = match EndSignals::block() {
        Ok(signals) => signals,
        Err(error) => {
            log::debug!("The signals cannot be waited for: {error}");
            return;
        }
    };
    let builder = thread::Builder::new().name("signals".to_owned());
    if let Err(error) = builder.spawn(move || wait(signals)) {
        log::debug!("The signals cannot be waited for: {error}");
        let _ = signals.unblock();
    }
}

fn wait(signals: EndSignals) {
    loop {
        match signals.wait() {
            Ok(Signal::Stop) => stop(),
            Ok(signal) => receive(signal, signals),
            Err(error) => {
                log::debug!("The signals cannot be waited for: {error}");
                let _ = signals.unblock();
                // This thread takes the next signal, which ends the process.
                loop {
                    thread::park();
                }
            }
        }
    }
}

fn receive(signal: Signal, signals: EndSignals) {
    let mut state = state();
    let now = Instant::now();
    let is_second = state.is_second(signal, now);
    match (state.phase, is_second) {
        (Phase::Idle, _) => end(signals, ABORTED, ExitStatus::Failed),
        (Phase::Running, true) => end(signals, STOPPED, ExitStatus::EndedBySignal),
        (Phase::Finished, true) => end(signals, CUT_SHORT, ExitStatus::EndedBySignal),
        (Phase::Running, false) => TOKEN.cancel(),
        // A terminal that closes sends several hangups, and a result can be reported without one.
        (Phase::Finished, false) => {}
    }
    state.signalled.get_or_insert(now);
}

fn end(signals: EndSignals, message: &str, status: ExitStatus) -> ! {
    // Nobody may read stderr, and the command may hold its lock: a later signal must not wait for this message. Those that
    // come at once do: `timeout` sends two, and the second would end the process before it has said anything.
    let unblock_later = move || {
        thread::sleep(AT_ONCE);
        let _ = signals.unblock();
        // This thread takes the next signal, which ends the process.
        loop {
            thread::park();
        }
    };
    if thread::Builder::new().spawn(unblock_later).is_err() {
        let _ = signals.unblock();
    }
    question_line::leave();
    drop(held().take());
    if takes_output(&std::io::stderr()) {
        let _ = writeln!(std::io::stderr(), "\n{message}");
    }
    process::exit(status.number().into());
}

/// Stops the process as Ctrl-Z does where nothing waits for its signal, until it is continued.
fn stop() {
    let is_asked = question_line::leave();
    if let Err(error) = stop_process() {
        log::debug!("The process cannot be stopped: {error}");
    }
    if is_asked && let Err(error) = question_line::come_back() {
        log::debug!("The question cannot be shown again: {error}");
    }
}

/// A guard: while it exists, an operation is running that polls [`cancel_token`], or one that is too short for that.
/// Afterwards the result counts, until [`await_answer`] or the next operation.
#[derive(Debug)]
pub(super) struct Cancellable(());

impl Cancellable {
    pub(super) fn begin() -> Self {
        state().phase = Phase::Running;
        Self(())
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        finish();
    }
}

/// From now on the result of the command counts, whatever signal comes.
pub(super) fn finish() {
    state().phase = Phase::Finished;
}

/// From now on a signal ends the process at once: a question waits for its answer.
pub(super) fn await_answer() {
    state().phase = Phase::Idle;
}

/// The token that is cancelled when a signal has requested the end.
pub(super) fn cancel_token() -> &'static CancelToken {
    &TOKEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_at_once_are_one() {
        let first = Instant::now();
        let state = State {
            phase: Phase::Running,
            signalled: Some(first),
        };
        for signal in [Signal::Interrupt, Signal::Terminate, Signal::Quit] {
            assert!(!state.is_second(signal, first));
            assert!(!state.is_second(signal, first + AT_ONCE));
            assert!(state.is_second(signal, first + AT_ONCE * 2));
        }
        assert!(!state.is_second(Signal::HangUp, first + AT_ONCE * 2));
    }
}
