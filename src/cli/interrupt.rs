//! Handler of Ctrl-C and of the other signals that end a process.
//!
//! An operation that can be cancelled is notified and cleans up. At any other time, for example during a
//! question, the process ends at once; SQLite rolls uncommitted changes back.

use std::io::Write;
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cancel::CancelToken;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::ABORTED;

static CANCELLABLE: AtomicBool = AtomicBool::new(false);
static TOKEN: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);

/// Installs the handler. If that fails, the signals keep their default effect: they end the process.
pub(super) fn install() {
    // Made here, not in the handler.
    let _ = cancel_token();
    let installed = ctrlc::set_handler(|| {
        if CANCELLABLE.load(Ordering::SeqCst) {
            TOKEN.cancel();
        } else {
            leave_prompt();
            let _ = writeln!(std::io::stderr(), "\n{ABORTED}");
            process::exit(ExitStatus::Failed.number().into());
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

/// A guard: while it exists, an operation is running that polls [`cancel_token`].
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

/// The token that is cancelled when a signal has requested the end.
pub(super) fn cancel_token() -> &'static CancelToken {
    &TOKEN
}
