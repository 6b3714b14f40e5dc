//! The state of the chains as a file for Prometheus.
//!
//! The textfile collector of `node_exporter` reads files in the text format of Prometheus. They must never be there in
//! part, so each is written beside its target and renamed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crate::cli::follow::chain_state::ChainState;
use crate::cli::metrics_file::{Figures, Kind, MetricsFile, float};
use crate::cli::progress::update::Subject;
use crate::database::error::database_error::Error;
use crate::settings::resolve::Settings;
use crate::types::integer::ChainId;

/// The file is replaced at least as often, so that its time shows that the program runs.
const EVERY: Duration = Duration::from_secs(15);

/// How every file of a follower begins.
const BEGIN: &str = "# HELP degenbot_follow_up ";

/// A figure of each chain: its name without the prefix, its kind, its description and its value.
type Figure = (
    &'static str,
    Kind,
    &'static str,
    fn(&ChainState) -> Option<f64>,
);

const FIGURES: [Figure; 17] = [
    (
        "follow_up",
        Kind::Gauge,
        "Whether the chain is followed: 1, or 0 while the node or the database cannot be used, or before the first catch-up.",
        |state| Some(if state.is_up() { 1.0 } else { 0.0 }),
    ),
    (
        "exchanges",
        Kind::Gauge,
        "Exchanges that take part.",
        |state| Some(float(state.members as u64)),
    ),
    (
        "head_block",
        Kind::Gauge,
        "The newest block of the node.",
        |state| state.head.map(|block| float(block.get())),
    ),
    (
        "committed_block",
        Kind::Gauge,
        "The last block that is in the database.",
        |state| state.block.map(|block| float(block.get())),
    ),
    (
        "finalized_block",
        Kind::Gauge,
        "The newest block that the node calls final.",
        |state| state.finalized.map(|block| float(block.get())),
    ),
    (
        "lag_blocks",
        Kind::Gauge,
        "Blocks that the node has and the database lacks.",
        |state| state.lag().map(float),
    ),
    (
        "lag_seconds",
        Kind::Gauge,
        "The time between the last block in the database and the newest one of the node.",
        |state| state.seconds_behind.map(float),
    ),
    (
        "last_success_timestamp_seconds",
        Kind::Gauge,
        "When the database was last found to have all blocks of the node.",
        |state| {
            let since = state.succeeded?.duration_since(SystemTime::UNIX_EPOCH);
            Some(since.ok()?.as_secs_f64())
        },
    ),
    (
        "pools_total",
        Kind::Counter,
        "New pools since the program was started.",
        |state| Some(float(state.created)),
    ),
    (
        "liquidity_events_total",
        Kind::Counter,
        "Liquidity events that were applied since the program was started.",
        |state| Some(float(state.events)),
    ),
    (
        "reorganisations_total",
        Kind::Counter,
        "Reorganisations after which blocks were undone.",
        |state| Some(float(state.reorganisations)),
    ),
    (
        "node_requests_total",
        Kind::Counter,
        "Requests to the node.",
        |state| Some(float(state.node.requests)),
    ),
    (
        "node_calls_total",
        Kind::Counter,
        "Calls of the node's methods. A request can have several.",
        |state| Some(float(state.node.calls)),
    ),
    (
        "node_retries_total",
        Kind::Counter,
        "Requests that were repeated because there was no usable answer.",
        |state| Some(float(state.node.retries)),
    ),
    (
        "node_rate_limits_total",
        Kind::Counter,
        "Requests that the node has refused because there were too many.",
        |state| Some(float(state.node.rate_limits)),
    ),
    (
        "node_splits_total",
        Kind::Counter,
        "Requests that the node has refused because they were too large.",
        |state| Some(float(state.node.splits)),
    ),
    (
        "node_received_bytes_total",
        Kind::Counter,
        "Bytes of the node's answers.",
        |state| Some(float(state.node.bytes)),
    ),
];

/// The file that a follower replaces again and again.
#[derive(Debug)]
pub(in crate::cli) struct FollowMetrics {
    file: MetricsFile,
    written: Option<Instant>,
    /// Whether the last try has failed.
    is_failing: bool,
}

impl FollowMetrics {
    /// The file at a path. Fails if something is there that may not be replaced.
    pub(in crate::cli) fn at(path: PathBuf, settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            file: MetricsFile::at(path, settings, BEGIN)?,
            written: None,
            is_failing: false,
        })
    }

    /// Whether it is time to write it, although nothing has happened.
    pub(super) fn is_due(&self) -> bool {
        self.written
            .is_none_or(|written| written.elapsed() >= EVERY)
    }

    /// Replaces the file. A failure is told once, and it is tried again later.
    pub(super) fn write(&mut self, subject: Subject, chains: &BTreeMap<ChainId, ChainState>) {
        self.written = Some(Instant::now());
        match self.file.replace(&text(subject, chains)) {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                log::warn!("The metrics cannot be written; it is tried again: {error}");
            }
            Err(_) => {}
        }
    }
}

/// The text of the file.
fn text(subject: Subject, chains: &BTreeMap<ChainId, ChainState>) -> Figures {
    let mut text = Figures::default();
    // The figures of both can be in the same folder, so each has labels of its own.
    let of_subject: &[_] = match subject {
        Subject::Pools => &[],
        Subject::Markets => &[("of", "aave")],
    };
    for figure in FIGURES {
        let (name, kind, description, value) = of(subject, figure);
        text.describe(name, kind, description);
        for (chain, state) in chains {
            if let Some(value) = value(state) {
                let chain = chain.to_string();
                let labels = [&[("chain_id", chain.as_str())], of_subject].concat();
                text.push(name, &labels, value);
            }
        }
    }
    text
}

/// A figure under the name that it has for markets, where that is another one.
const fn of(subject: Subject, figure: Figure) -> Figure {
    let (name, kind, _, value) = figure;
    let (name, description) = match (subject, name.as_bytes()) {
        (Subject::Markets, b"exchanges") => ("markets", "Markets that take part."),
        (Subject::Markets, b"pools_total") => (
            "positions_total",
            "New positions since the program was started.",
        ),
        (Subject::Markets, b"liquidity_events_total") => (
            "events_total",
            "Events that were applied since the program was started.",
        ),
        _ => return figure,
    };
    (name, kind, description, value)
}
