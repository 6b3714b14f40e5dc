use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use super::Printer;
use super::interrupt::{self, Cancellable};
use crate::database::{Observer, Progress};

/// Shows how far an operation is, on a terminal, and ends it on Ctrl-C.
#[derive(Debug)]
pub(super) struct ProgressReporter {
    bar: ProgressBar,
    _cancellable: Cancellable,
}

impl ProgressReporter {
    pub(super) fn new(what: &'static str, printer: &Printer) -> Self {
        // A bar draws nothing where stderr is no terminal.
        let bar = if printer.is_quiet() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        let template = "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} \
                        {binary_bytes_per_sec} {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self {
            bar,
            _cancellable: Cancellable::begin(),
        }
    }
}

impl Observer for ProgressReporter {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
        if interrupt::requested() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Drop for ProgressReporter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
