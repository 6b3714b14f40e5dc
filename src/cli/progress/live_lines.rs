//! Lines at the bottom of a terminal that stay current, while messages scroll by above them.

use std::fmt::Display;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::printer::{Printer, presentable};

/// The lines. Where messages go to no terminal, or to nobody, there are none.
#[derive(Debug)]
pub(in crate::cli) struct LiveLines(Option<MultiProgress>);

/// One of the lines, however narrow the terminal is.
#[derive(Debug)]
pub(in crate::cli) struct LiveLine(ProgressBar);

impl LiveLines {
    pub(in crate::cli) fn new(printer: &Printer) -> Self {
        let are_shown = printer.is_terminal() && !printer.is_quiet();
        Self(are_shown.then(MultiProgress::new))
    }

    /// Adds a line below the others.
    pub(in crate::cli) fn add(&self) -> Option<LiveLine> {
        let bar = self.0.as_ref()?.add(ProgressBar::new(0));
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        Some(LiveLine(bar))
    }

    /// Calls `print` while the lines are hidden.
    pub(in crate::cli) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }
}

impl LiveLine {
    pub(in crate::cli) fn set(&self, text: impl Display) {
        let text = presentable(text);
        if self.0.message() != text {
            self.0.set_message(text);
        }
    }

    pub(in crate::cli) fn remove(self) {
        self.0.finish_and_clear();
    }
}
