use std::fmt::Display;
use std::io::{self, Write};

use super::Failure;

/// The process's streams: data goes to stdout, everything else to stderr.
#[derive(Debug)]
pub(super) struct Printer {
    quiet: bool,
}

impl Printer {
    pub(super) const fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Data: what a script reads.
    pub(super) fn data(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::Output(error)),
            Ok(()) => Ok(()),
        }
    }

    /// A line that tells a person what was done.
    pub(super) fn message(&self, line: impl Display) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// A line that even `--quiet` does not suppress. Nothing can be done about a stderr that is gone.
    pub(super) fn always(&self, line: impl Display) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }
}

/// A number of bytes for people, in binary units.
pub(super) fn bytes(number: u64) -> impl Display {
    indicatif::BinaryBytes(number)
}
