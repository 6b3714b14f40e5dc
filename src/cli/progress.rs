use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressStyle};

use super::Printer;
use super::interrupt::{self, Cancellable};
use crate::database::{Observer, Progress, Stage};

const BYTES: &str =
    "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left";
const ROWS: &str = "{msg} {bar:30} {human_pos}/{human_len} rows {eta} left";

/// Shows how far an operation is, on a terminal, and ends it on Ctrl-C.
#[derive(Debug)]
pub(super) struct ProgressReporter {
    copying: &'static str,
    quiet: bool,
    /// Draws nothing where stderr is no terminal.
    bar: Option<ProgressBar>,
    /// What the bar is about.
    kind: Option<&'static str>,
    _cancellable: Cancellable,
}

impl ProgressReporter {
    /// `copying` is what the copying of bytes is called.
    pub(super) fn new(copying: &'static str, printer: &Printer) -> Self {
        Self {
            copying,
            quiet: printer.is_quiet(),
            bar: None,
            kind: None,
            _cancellable: Cancellable::begin(),
        }
    }

    /// The bar for a stage, from its first progress on: each kind of stage has its own.
    fn bar(&mut self, stage: Stage<'_>) -> &ProgressBar {
        let (kind, table) = match stage {
            Stage::CarryingOver(table) => ("Carrying over", table),
            Stage::Checking(table) => ("Checking", table),
            Stage::Replacing(table) => ("Putting in place", table),
            _ => (self.copying, ""),
        };
        if self.kind != Some(kind) {
            self.clear();
            self.kind = Some(kind);
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = if self.quiet {
                ProgressBar::hidden()
            } else {
                ProgressBar::new(0)
            };
            let template = if stage.counts_bytes() { BYTES } else { ROWS };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        let message = format!("{kind} {table}");
        let message = message.trim_end();
        if bar.message() != message {
            bar.set_message(message.to_owned());
        }
        bar
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for ProgressReporter {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        let bar = self.bar(progress.stage);
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        if interrupt::requested() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn stop_flag(&self) -> Option<&'static AtomicBool> {
        Some(interrupt::flag())
    }
}

impl Drop for ProgressReporter {
    fn drop(&mut self) {
        self.clear();
    }
}
