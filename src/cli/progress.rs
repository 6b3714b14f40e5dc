use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use super::Printer;
use super::interrupt::{self, Cancellable};
use crate::database::{Observer, Progress};

/// Shows how far an operation is, on a terminal, and ends it on Ctrl-C.
#[derive(Debug)]
pub(super) struct ProgressReporter {
    what: &'static str,
    quiet: bool,
    bar: Option<ProgressBar>,
    _cancellable: Cancellable,
}

impl ProgressReporter {
    pub(super) fn new(what: &'static str, printer: &Printer) -> Self {
        Self {
            what,
            quiet: printer.is_quiet(),
            bar: None,
            _cancellable: Cancellable::begin(),
        }
    }

    /// The bar, from the first progress on. It draws nothing where stderr is no terminal.
    fn bar(&mut self) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let bar = if self.quiet {
                ProgressBar::hidden()
            } else {
                ProgressBar::new(0)
            };
            let template = "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} \
                            {binary_bytes_per_sec} {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.with_message(self.what)
        })
    }
}

impl Observer for ProgressReporter {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        let bar = self.bar();
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        if interrupt::requested() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Drop for ProgressReporter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
