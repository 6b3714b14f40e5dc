//! The progress of a comparison or a repair of pools.

use std::time::Instant;

use crate::cli::format::grouped;
use crate::cli::printer::Printer;
use crate::cli::progress::one_line::OneLine;
use crate::deployments::chains::chain_title;
use crate::sync::verify_report::PoolProgress;

/// Shows how far the comparison or the repair of a chain's pools is.
#[derive(Debug)]
pub(in crate::cli) struct PoolReporter<'printer> {
    line: OneLine<'printer>,
    /// What is going on, and since when.
    activity: Option<(&'static str, Instant)>,
}

impl<'printer> PoolReporter<'printer> {
    pub(in crate::cli) fn new(printer: &'printer Printer) -> Self {
        Self {
            line: OneLine::new(printer),
            activity: None,
        }
    }

    pub(in crate::cli) fn show(&mut self, progress: &PoolProgress) {
        let activity = progress.activity;
        let since = match self.activity {
            Some((known, since)) if known == activity => since,
            _ => self.activity.insert((activity, Instant::now())).1,
        };
        let left = seconds_left(since.elapsed().as_secs(), progress);
        self.line.show(line_of(progress, left), String::new);
    }
}

fn line_of(progress: &PoolProgress, left: Option<u64>) -> String {
    let left = left.map_or_else(String::new, |left| format!(", {left} s left"));
    format!(
        "{}: {}, {} of {}, {} % done{left}",
        chain_title(progress.chain),
        progress.activity,
        grouped(progress.done),
        grouped(progress.total),
        progress.done.saturating_mul(100) / progress.total.max(1),
    )
}

/// How long the rest takes, if enough is done to tell that.
fn seconds_left(elapsed: u64, progress: &PoolProgress) -> Option<u64> {
    if elapsed < 2 {
        return None;
    }
    let left = progress.total.saturating_sub(progress.done);
    let left = u128::from(elapsed) * u128::from(left);
    u64::try_from(left.checked_div(u128::from(progress.done))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::integer::ChainId;

    #[test]
    fn line_says_how_much_is_done_and_how_long_the_rest_takes() {
        let mut progress = PoolProgress {
            chain: ChainId::ETHEREUM,
            activity: "comparing pools",
            done: 1_500,
            total: 6_000,
        };
        let left = seconds_left(10, &progress);
        assert_eq!(
            line_of(&progress, left),
            "Ethereum: comparing pools, 1,500 of 6,000, 25 % done, 30 s left"
        );
        assert_eq!(seconds_left(1, &progress), None);
        progress.done = 0;
        assert_eq!(seconds_left(10, &progress), None);
        progress.total = 0;
        assert_eq!(
            line_of(&progress, None),
            "Ethereum: comparing pools, 0 of 0, 0 % done"
        );
    }
}
