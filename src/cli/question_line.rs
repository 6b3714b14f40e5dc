//! The line of a question on the terminal.
//!
//! `inquire` draws it, in raw mode: each key is read as it is pressed, none sends a signal, and keys with Ctrl are taken
//! for letters. A process that ends or stops in that mode leaves it to the shell. So Ctrl-\ and Ctrl-Z send their signals
//! here as well, and the thread that waits for signals leaves the mode, and comes back to it.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, disable_raw_mode, enable_raw_mode, is_raw_mode_enabled,
};
use inquire::autocompletion::Replacement;
use inquire::{Autocomplete, CustomUserError};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use crate::cli::printer::presentable;

/// What stands on the line: the question and what was typed, which can be pasted from anywhere.
static SHOWN: Mutex<String> = Mutex::new(String::new());

fn shown() -> MutexGuard<'static, String> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Follows what is typed. It is an autocompleter, because `inquire` tells one when it begins, in raw mode, and at each
/// change.
#[derive(Clone)]
pub(super) struct QuestionLine(String);

impl QuestionLine {
    pub(super) fn of(question: &str) -> Self {
        Self(question.to_owned())
    }
}

impl Autocomplete for QuestionLine {
    fn get_suggestions(&mut self, input: &str) -> Result<Vec<String>, CustomUserError> {
        *shown() = format!("? {} {input}", self.0);
        if let Err(error) = let_keys_send_signals() {
            log::debug!("Ctrl-Z and Ctrl-\\ do not work at the question: {error}");
        }
        Ok(Vec::new())
    }

    fn get_completion(
        &mut self,
        _input: &str,
        _highlighted: Option<String>,
    ) -> Result<Replacement, CustomUserError> {
        Ok(Replacement::None)
    }
}

/// Has Ctrl-\ and Ctrl-Z send their signals. `inquire` takes care of Ctrl-C, which stays a key.
fn let_keys_send_signals() -> io::Result<()> {
    let terminal = io::stdin();
    let mut settings = tcgetattr(&terminal)?;
    settings.local_modes |= LocalModes::ISIG;
    settings.special_codes[SpecialCodeIndex::VINTR] = libc::_POSIX_VDISABLE;
    tcsetattr(&terminal, OptionalActions::Now, &settings)?;
    Ok(())
}

/// Restores the terminal if a question has changed it. Returns whether one has.
pub(super) fn leave() -> bool {
    let is_asked = is_raw_mode_enabled().unwrap_or(false);
    if is_asked {
        let _ = disable_raw_mode();
        let _ = execute!(io::stderr(), DisableBracketedPaste, Show);
    }
    is_asked
}

/// Takes up the question again after [`leave`].
pub(super) fn come_back() -> io::Result<()> {
    enable_raw_mode()?;
    let_keys_send_signals()?;
    execute!(
        io::stderr(),
        EnableBracketedPaste,
        Print('\r'),
        Clear(ClearType::CurrentLine),
        Print(presentable(shown()))
    )
}
