//! The options for following a chain.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::endpoints::IfSilent;
use crate::cli::options::path_of_file;
use crate::sync::block_target::BlockTarget;
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Following {
    /// Go on: take in each new block, until the process is told to end
    ///
    /// SIGTERM and Ctrl-C end it with the exit status 0. What passes does not end it: a node
    /// that is away, a locked database. docs/follow.md has a unit for systemd.
    #[arg(long)]
    pub(in crate::cli) follow: bool,
    /// How many seconds lie between two questions for a new block
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds, requires = "follow")]
    pub(in crate::cli) poll: Duration,
    /// Write the state of each chain to this file, for Prometheus
    ///
    /// The textfile collector of node_exporter reads it if its name ends in .prom. It is
    /// replaced after each commit, and at least every 15 seconds.
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(long, value_name = "PATH", value_parser = path_of_file("the file is replaced again and again, which stdout cannot be"), requires = "follow")]
    pub(in crate::cli) metrics_file: Option<PathBuf>,
}

impl Following {
    /// Why a target cannot be followed.
    pub(in crate::cli) fn contradiction(&self, target: BlockTarget) -> Option<String> {
        (self.follow && !target.moves()).then(|| {
            format!("the argument '--follow' cannot be used with '--to-block {target}', which stays where it is")
        })
    }

    /// What is done about nodes that do not answer at the start.
    pub(in crate::cli) fn if_silent(&self, chains: &BTreeSet<ChainId>) -> IfSilent {
        match chains.first() {
            _ if !self.follow => IfSilent::Fail,
            Some(chain) if chains.len() == 1 => IfSilent::Wait(*chain),
            _ => IfSilent::CannotWait,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    seconds
        .filter(|seconds| (0.01..=3_600.0).contains(seconds))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "it is not a number from 0.01 to 3600".to_owned())
}
