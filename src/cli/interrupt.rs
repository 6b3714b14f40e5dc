//! Ctrl-C, and the signals that ask a process to end.
//!
//! An operation that can be cancelled is told and cleans up after itself. At any other time, a prompt
//! included, the process ends at once: whatever is not committed is rolled back by SQLite.

use std::io::Write;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::failure::ABORTED;

static CANCELLABLE: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler. Where that fails the signals keep their default effect, which is to end the
/// process.
pub(super) fn install() {
    let installed = ctrlc::set_handler(|| {
        if CANCELLABLE.load(Ordering::SeqCst) {
            REQUESTED.store(true, Ordering::SeqCst);
        } else {
            leave_prompt();
            let _ = writeln!(std::io::stderr(), "\n{ABORTED}");
            process::exit(1);
        }
    });
    if let Err(error) = installed {
        log::debug!("No handler for Ctrl-C: {error}");
    }
}

/// Gives the terminal back as it was before a question was put on it. Ctrl-C does not come here then,
/// but the signal of a terminal that is closed does.
fn leave_prompt() {
    if crossterm::terminal::is_raw_mode_enabled().unwrap_or(false) {
        let _ = crossterm::terminal::disable_raw_mode();
        let _ = crossterm::execute!(
            std::io::stderr(),
            crossterm::event::DisableBracketedPaste,
            crossterm::cursor::Show
        );
    }
}

/// While it lives, an operation is under way that asks [`requested`] now and then.
#[derive(Debug)]
pub(super) struct Cancellable(());

impl Cancellable {
    pub(super) fn begin() -> Self {
        CANCELLABLE.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        CANCELLABLE.store(false, Ordering::SeqCst);
    }
}

/// Whether the user has asked for the end.
pub(super) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// The flag that is set when the user has asked for the end.
pub(super) fn flag() -> &'static AtomicBool {
    &REQUESTED
}
