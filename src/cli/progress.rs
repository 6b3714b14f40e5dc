//! The progress reporter: a bar on a terminal, lines in a log.

mod layout;
pub(super) mod live_lines;
pub(super) mod one_line;
mod pace;
pub(super) mod pools;
pub(super) mod update;

use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use crate::cancel::CancelToken;
use crate::cli::format::bytes;
use crate::cli::interrupt;
use crate::cli::interrupt::Cancellable;
use crate::cli::printer::Printer;
use crate::cli::progress::layout::Layout;
use crate::cli::progress::pace::Pace;
use crate::cli::wrap::terminal_width;
use crate::counted::counted;
use crate::database::progress::{Observer, Progress, Stage};
use crate::escape::escaped_name;
use crate::system::threads::require_threads;

/// What is shown if the end cannot be known.
const UNKNOWN: &str = "{msg} {spinner} {elapsed}";

/// The columns that the clock takes.
const CLOCK: usize = 10;

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
    /// What the bar shows: the kind of the stage, and whether its end is known.
    shown: Option<(&'static str, bool)>,
    pace: Pace,
    /// When the operation began, and when the last line was printed.
    began: Instant,
    told: Instant,
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
            shown: None,
            pace: Pace::begin(0, now),
            began: now,
            told: now,
            _cancellable: Cancellable::begin(),
        }
    }

    fn kind<'stage>(&self, stage: Stage<'stage>) -> (&'static str, &'stage str) {
        match stage {
            Stage::CarryingOver(table) => ("Carrying over", table),
            Stage::Checking(table) => ("Checking", table),
            Stage::Exporting(table) => ("Exporting", table),
            Stage::Replacing(table) => ("Putting in place", table),
            Stage::Verifying => ("Verifying", ""),
            Stage::Compacting => ("Compacting", ""),
            Stage::Writing => ("Writing", ""),
            Stage::WritingBack => ("Writing back", ""),
            _ => (self.copying, ""),
        }
    }

    /// Draws the bar, on one line however narrow the terminal is.
    fn draw(&mut self, what: &str, progress: Progress<'_>) {
        let is_known = progress.total > 0;
        let bar = self.bar.get_or_insert_with(|| {
            // The clock is that of the operation, so that it does not go back from stage to stage.
            let bar = ProgressBar::new(0).with_elapsed(self.began.elapsed());
            if !is_known {
                set_template(&bar, UNKNOWN);
                // The bar panics without a thread for its clock.
                if require_threads(2).is_ok() {
                    bar.enable_steady_tick(Duration::from_millis(100));
                }
            }
            bar
        });
        if !is_known {
            let what = layout::cut(what, terminal_width().saturating_sub(CLOCK));
            if bar.message() != what {
                bar.set_message(what);
            }
            return;
        }
        let now = Instant::now();
        let rate = self.pace.rate(now);
        let left = self.pace.seconds_left(progress, now);
        let layout = Layout::new(terminal_width(), what, progress, rate, left);
        set_template(bar, layout.template);
        bar.set_message(layout.begin);
        bar.set_prefix(layout.end);
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    }

    /// Prints a line if the interval has passed.
    fn say(&mut self, what: &str, progress: Progress<'_>) {
        if self.told.elapsed() < LINE_EVERY {
            return;
        }
        let now = Instant::now();
        self.told = now;
        let Progress { done, total, .. } = progress;
        let mut line = match done {
            0 => format!("{what}: {} s so far", self.began.elapsed().as_secs()),
            _ if progress.stage.counts_bytes() => {
                format!("{what}: {} of {}", bytes(done), bytes(total))
            }
            _ => format!("{what}: {done} of {}", counted(total, "row")),
        };
        // Writing to a string cannot fail.
        if let Some(rate) = self.pace.rate(now)
            && progress.stage.counts_bytes()
        {
            let _ = write!(line, ", {}/s", bytes(rate));
        }
        if let Some(left) = self.pace.seconds_left(progress, now) {
            let _ = write!(line, ", {left} s left");
        }
        self.printer.message(line);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn set_template(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Observer for ProgressReporter<'_> {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        let (kind, table) = self.kind(progress.stage);
        let shown = Some((kind, progress.total > 0));
        if self.shown != shown {
            self.clear();
            self.shown = shown;
            self.pace = Pace::begin(progress.done, Instant::now());
        }
        self.pace.advance(progress.done, Instant::now());
        if !self.printer.is_quiet() {
            let what = escaped_name(format!("{kind} {table}").trim_end());
            if self.is_terminal {
                self.draw(&what, progress);
            } else {
                self.say(&what, progress);
            }
        }
        if !interrupt::cancel_token().is_cancelled() {
            return ControlFlow::Continue(());
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
