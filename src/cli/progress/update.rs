//! The progress of an update: a line on a terminal, lines in a log.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::cli::format::{bytes, grouped, requests};
use crate::cli::interrupt::cancel_token;
use crate::cli::printer::Printer;
use crate::cli::progress::one_line::OneLine;
use crate::deployments::chains::chain_title;
use crate::sync::report::UpdateProgress;
use crate::sync::update_options::UpdateObserver;

/// What an update is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Subject {
    Pools,
    Markets,
}

impl Subject {
    /// What an update creates.
    pub(in crate::cli) const fn created(self) -> &'static str {
        match self {
            Self::Pools => "pools",
            Self::Markets => "positions",
        }
    }

    /// The events that an update applies.
    pub(in crate::cli) const fn events(self) -> &'static str {
        match self {
            Self::Pools => "liquidity events",
            Self::Markets => "events",
        }
    }

    /// What is active or not.
    pub(in crate::cli) const fn member(self) -> &'static str {
        match self {
            Self::Pools => "exchange",
            Self::Markets => "market",
        }
    }

    /// The command.
    pub(in crate::cli) const fn command(self) -> &'static str {
        match self {
            Self::Pools => "pool update",
            Self::Markets => "aave update",
        }
    }
}

/// Shows how far the update of a chain is.
pub(in crate::cli) struct UpdateReporter<'printer> {
    line: OneLine<'printer>,
    began: Instant,
    subject: Subject,
}

impl<'printer> UpdateReporter<'printer> {
    pub(in crate::cli) fn new(printer: &'printer Printer, subject: Subject) -> Self {
        Self {
            line: OneLine::new(printer),
            began: Instant::now(),
            subject,
        }
    }

    /// One line, at most as wide as a narrow terminal.
    fn line(&self, progress: &UpdateProgress) -> String {
        let UpdateProgress {
            chain,
            done,
            total,
            block,
            created,
            events,
            ..
        } = *progress;
        let left = self.seconds_left(done, total);
        let left = left.map_or_else(String::new, |left| format!(", {left} s left"));
        format!(
            "{}: block {}, {} % done, {} {}, {} events{left}",
            chain_title(chain),
            grouped(block.get()),
            done * 100 / total.max(1),
            grouped(created),
            self.subject.created(),
            grouped(events),
        )
    }

    fn seconds_left(&self, done: u64, total: u64) -> Option<u64> {
        let elapsed = self.began.elapsed().as_secs();
        if elapsed < 2 {
            return None;
        }
        let left = u128::from(elapsed) * u128::from(total.saturating_sub(done));
        u64::try_from(left.checked_div(u128::from(done))?).ok()
    }
}

impl UpdateObserver for UpdateReporter<'_> {
    fn progress(&mut self, progress: &UpdateProgress) -> ControlFlow<()> {
        if cancel_token().is_cancelled() {
            return ControlFlow::Break(());
        }
        let line = self.line(progress);
        self.line.show(line, || {
            format!(
                ", {}, {}",
                requests(progress.node.requests),
                bytes(progress.node.bytes)
            )
        });
        ControlFlow::Continue(())
    }
}
