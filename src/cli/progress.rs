//! The progress reporter: a bar on a terminal, lines in a log.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use crate::cancel::CancelToken;
use crate::cli::format::bytes;
use crate::cli::interrupt;
use crate::cli::interrupt::Cancellable;
use crate::cli::printer::Printer;
use crate::database::progress::{Observer, Progress, Stage};

const BYTES: &str =
    "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left";
const ROWS: &str = "{msg} {bar:30} {human_pos}/{human_len} rows {eta} left";
const UNKNOWN: &str = "{msg} {spinner} {elapsed}";

/// The interval between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the progress of an operation, as a bar on a terminal and as lines in a log, and ends the operation on
/// Ctrl-C.
#[derive(Debug)]
pub(super) struct ProgressReporter<'printer> {
    copying: &'static str,
    printer: &'printer Printer,
    is_terminal: bool,
    bar: Option<ProgressBar>,
    /// The kind of stage that the bar shows.
    kind: Option<&'static str>,
    /// When that stage began, and when the last line was printed.
    began: Instant,
    told: Instant,
    has_told_that_it_goes_on: bool,
    _cancellable: Cancellable,
}

impl<'printer> ProgressReporter<'printer> {
    /// `copying` is the label of the stage that copies bytes.
    pub(super) fn new(copying: &'static str, printer: &'printer Printer) -> Self {
        let now = Instant::now();
        Self {
            copying,
            printer,
            is_terminal: printer.is_terminal(),
            bar: None,
            kind: None,
            began: now,
            told: now,
            has_told_that_it_goes_on: false,
            _cancellable: Cancellable::begin(),
        }
    }

    fn kind<'stage>(&self, stage: Stage<'stage>) -> (&'static str, &'stage str) {
        match stage {
            Stage::CarryingOver(table) => ("Carrying over", table),
            Stage::Checking(table) => ("Checking", table),
            Stage::Replacing(table) => ("Putting in place", table),
            Stage::Verifying => ("Verifying", ""),
            Stage::Compacting => ("Compacting", ""),
            Stage::Writing => ("Writing", ""),
            Stage::WritingBack => ("Writing back", ""),
            _ => (self.copying, ""),
        }
    }

    /// Draws the bar for this kind of stage.
    fn draw(&mut self, kind: &'static str, table: &str, progress: Progress<'_>) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(0);
            let template = match progress {
                Progress { total: 0, .. } => UNKNOWN,
                _ if progress.stage.counts_bytes() => BYTES,
                _ => ROWS,
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            if progress.total == 0 {
                bar.enable_steady_tick(Duration::from_millis(100));
            }
            bar
        });
        let message = format!("{kind} {table}");
        let message = message.trim_end();
        if bar.message() != message {
            bar.set_message(message.to_owned());
        }
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    }

    /// Prints a line if the interval has passed.
    fn say(&mut self, kind: &'static str, table: &str, progress: Progress<'_>) {
        if self.told.elapsed() < LINE_EVERY {
            return;
        }
        self.told = Instant::now();
        let what = format!("{kind} {table}");
        let what = what.trim_end();
        let Progress { done, total, .. } = progress;
        let seconds = self.began.elapsed().as_secs().max(1);
        let rate = done / seconds;
        let left = total.saturating_sub(done) / rate.max(1);
        let line = if done == 0 {
            format!("{what}: {seconds} s so far")
        } else if progress.stage.counts_bytes() {
            format!(
                "{what}: {} of {}, {}/s, {left} s left",
                bytes(done),
                bytes(total),
                bytes(rate)
            )
        } else {
            format!("{what}: {done} of {total} rows, {left} s left")
        };
        self.printer.message(line);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for ProgressReporter<'_> {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        let (kind, table) = self.kind(progress.stage);
        if self.kind != Some(kind) {
            self.clear();
            self.kind = Some(kind);
            self.began = Instant::now();
        }
        if !self.printer.is_quiet() {
            if self.is_terminal {
                self.draw(kind, table, progress);
            } else {
                self.say(kind, table, progress);
            }
        }
        if !interrupt::cancel_token().is_cancelled() {
            return ControlFlow::Continue(());
        }
        if progress.stage == Stage::WritingBack && !self.has_told_that_it_goes_on {
            self.has_told_that_it_goes_on = true;
            self.clear();
            self.printer
                .message("The new content is being written back; this cannot be interrupted.");
        }
        ControlFlow::Break(())
    }

    fn cancel_token(&self) -> Option<CancelToken> {
        Some(interrupt::cancel_token().clone())
    }
}

impl Drop for ProgressReporter<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}
