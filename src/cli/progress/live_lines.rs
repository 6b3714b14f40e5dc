//! Lines at the bottom of a terminal that stay current, while messages scroll by above them.

use std::cell::RefCell;

use crate::cli::printer::{Printer, presentable, redraw};
use crate::cli::progress::layout::cut;
use crate::cli::wrap::terminal_width;

/// The lines. Where messages go to no terminal, or to nobody, there are none.
///
/// The cursor waits below them, at the beginning of a line. What the terminal itself writes there, such as the `^C` of
/// an interrupt, goes with the next change.
#[derive(Debug)]
pub(in crate::cli) struct LiveLines(Option<RefCell<Vec<String>>>);

impl LiveLines {
    pub(in crate::cli) fn new(printer: &Printer) -> Self {
        let are_shown = printer.can_redraw() && !printer.is_quiet();
        Self(are_shown.then(RefCell::default))
    }

    /// Whether there are any.
    pub(in crate::cli) const fn are_shown(&self) -> bool {
        self.0.is_some()
    }

    /// Shows these lines, each on one line of the terminal however narrow it is.
    pub(in crate::cli) fn show(&self, lines: impl Iterator<Item = String>) {
        let Some(shown) = &self.0 else { return };
        let width = terminal_width();
        let lines: Vec<_> = lines.map(|line| cut(&presentable(line), width)).collect();
        let mut shown = shown.borrow_mut();
        if *shown != lines {
            redraw(shown.len(), &lines);
            *shown = lines;
        }
    }

    /// Calls `print` while the lines are hidden.
    pub(in crate::cli) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        let Some(shown) = &self.0 else {
            return print();
        };
        redraw(shown.borrow().len(), &[]);
        let printed = print();
        redraw(0, &shown.borrow());
        printed
    }
}

impl Drop for LiveLines {
    fn drop(&mut self) {
        if let Some(shown) = &self.0 {
            redraw(shown.borrow().len(), &[]);
        }
    }
}
