//! The printer, which owns stdout and stderr.

use std::env;
use std::fmt::Display;
use std::io;
use std::io::{IsTerminal, Write};

use env_logger::fmt::style::{AnsiColor, Style};

/// The process's streams: data goes to stdout, everything else to stderr.
#[derive(Debug)]
pub(super) struct Printer {
    quiet: bool,
    verbose: bool,
    /// Whether stderr shows colours.
    is_coloured: bool,
}

/// The styles of clap's own errors, which read well on a light and on a dark background.
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Green.on_default();

impl Printer {
    pub(super) fn new(quiet: bool, verbose: bool) -> Self {
        Self {
            quiet,
            verbose,
            is_coloured: io::stderr().is_terminal() && !is_plain(),
        }
    }

    /// Prints an error, even with `--quiet`.
    pub(super) fn error(&self, message: impl Display) {
        self.labelled(ERROR, "error:", message);
    }

    /// Prints a hint: what to do next.
    pub(super) fn hint(&self, message: impl Display) {
        self.labelled(HINT, "hint:", message);
    }

    fn labelled(&self, style: Style, label: &str, message: impl Display) {
        if self.is_coloured {
            self.always(format_args!("{style}{label}{style:#} {message}"));
        } else {
            self.always(format_args!("{label} {message}"));
        }
    }

    /// Prints data to stdout.
    pub(super) fn data(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            // The reader has read enough and closed the pipe, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Prints a message for people, unless `--quiet` is given.
    pub(super) fn message(&self, line: impl Display) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// Prints a line, even with `--quiet`. Errors are ignored: nobody reads a closed stderr.
    pub(super) fn always(&self, line: impl Display) {
        // In one write, so that no other output comes between.
        let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
    }

    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether `--verbose` is given.
    pub(super) const fn is_verbose(&self) -> bool {
        self.verbose
    }
}

/// Whether the user or the terminal wants no colours.
pub(super) fn is_plain() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("NO_COLOR") || env::var_os("TERM").is_none_or(|terminal| terminal == "dumb")
}
