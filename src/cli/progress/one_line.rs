//! Progress that fits on one line: it stays current on a terminal, and comes from time to time in a log.

use std::iter;
use std::time::{Duration, Instant};

use crate::cli::printer::Printer;
use crate::cli::progress::live_lines::LiveLines;

/// The interval between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The shortest time between two changes on a terminal.
const DRAW_EVERY: Duration = Duration::from_millis(50);

/// Shows how far an operation is.
#[derive(Debug)]
pub(in crate::cli) struct OneLine<'printer> {
    printer: &'printer Printer,
    shown: LiveLines,
    drawn: Option<Instant>,
    told: Instant,
}

impl<'printer> OneLine<'printer> {
    pub(in crate::cli) fn new(printer: &'printer Printer) -> Self {
        Self {
            printer,
            shown: LiveLines::new(printer),
            drawn: None,
            told: Instant::now(),
        }
    }

    /// Shows a line. In a log, `more` stands behind it.
    pub(in crate::cli) fn show(&mut self, line: String, more: impl FnOnce() -> String) {
        if self.shown.are_shown() {
            if self.drawn.is_none_or(|last| last.elapsed() >= DRAW_EVERY) {
                self.drawn = Some(Instant::now());
                self.shown.show(iter::once(line));
            }
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            self.printer.message(format_args!("{line}{}", more()));
        }
    }
}
