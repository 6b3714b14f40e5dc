//! Lines at the bottom of a terminal that stay current, while messages scroll by above them.

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::printer::{Printer, presentable};
use crate::cli::progress::layout::cut;
use crate::cli::wrap::terminal_width;

/// The lines. Where messages go to no terminal, or to nobody, there are none.
#[derive(Debug)]
pub(in crate::cli) struct LiveLines(Option<ProgressBar>);

impl LiveLines {
    pub(in crate::cli) fn new(printer: &Printer) -> Self {
        let are_shown = printer.is_terminal() && !printer.is_quiet();
        Self(are_shown.then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        }))
    }

    /// Whether there are any.
    pub(in crate::cli) const fn are_shown(&self) -> bool {
        self.0.is_some()
    }

    /// Shows these lines, each on one line of the terminal however narrow it is.
    pub(in crate::cli) fn show(&self, lines: impl Iterator<Item = String>) {
        let Some(bar) = &self.0 else { return };
        let width = terminal_width();
        let lines: Vec<_> = lines.map(|line| cut(&presentable(line), width)).collect();
        let text = lines.join("\n");
        if bar.message() != text {
            bar.set_message(text);
        }
    }

    /// Calls `print` while the lines are hidden.
    pub(in crate::cli) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for LiveLines {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
