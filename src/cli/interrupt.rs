//! Handler of Ctrl-C and of the other signals that end a process.
//!
//! An operation that can be cancelled is notified and cleans up. At any other time, for example during a
//! question, the process ends at once; SQLite rolls uncommitted changes back.

use std::io::Write;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::failure::ABORTED;

static CANCELLABLE: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler. If that fails, the signals keep their default effect: they end the process.
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
        log::debug!("The handler for Ctrl-C cannot be installed: {error}");
    }
}

/// Restores the terminal if a question has changed it. During a question, Ctrl-C sends no signal, but a closed terminal
/// does.
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

/// A guard: while it exists, an operation is running that polls [`requested`].
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

/// Whether a signal has requested the end.
pub(super) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// The flag that is set when a signal has requested the end.
pub(super) fn flag() -> &'static AtomicBool {
    &REQUESTED
}
