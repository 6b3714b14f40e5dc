//! The state of the chains as a file for Prometheus.
//!
//! The textfile collector of `node_exporter` reads files in the text format of Prometheus. They must never be there in
//! part, so each is written beside its target and renamed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::cli::follow::chain_state::ChainState;
use crate::cli::progress::update::Subject;
use crate::cli::settings_files::require_other;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::regular_file::{open_regular, require_replaceable_file};
use crate::database::files::reserved::use_of;
use crate::database::files::staged_file::{PUBLIC, StagedFile};
use crate::settings::resolve::Settings;
use crate::types::integer::ChainId;

/// The file is replaced at least as often, so that its time shows that the program runs.
const EVERY: Duration = Duration::from_secs(15);

/// How every file of this program begins.
const BEGIN: &str = "# HELP degenbot_";

/// The kinds of figures.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

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

/// Prometheus has only this kind of number. Blocks and counts stay exact in it.
#[expect(
    clippy::cast_precision_loss,
    reason = "no figure comes near the limit of 2^53"
)]
const fn float(number: u64) -> f64 {
    number as f64
}

/// The file.
#[derive(Debug)]
pub(in crate::cli) struct MetricsFile {
    path: PathBuf,
    written: Option<Instant>,
    /// Whether the last try has failed.
    is_failing: bool,
}

impl MetricsFile {
    /// The file at a path. Fails if something is there that may not be replaced.
    pub(in crate::cli) fn at(path: PathBuf, settings: &Settings) -> Result<Self, Error> {
        require_unused(&path, settings)?;
        require_own(&path)?;
        Ok(Self {
            path,
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
        let written = StagedFile::create(&self.path, PUBLIC).and_then(|mut staged| {
            staged.write(text(subject, chains).as_bytes())?;
            staged.replace_unsynced()
        });
        match written {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                log::warn!("The metrics cannot be written; it is tried again: {error}");
            }
            Err(_) => {}
        }
    }
}

/// Fails if the path is one that belongs to the database, or that of a file with settings. A file of the database must not
/// be opened here either: closing it would drop SQLite's locks.
fn require_unused(path: &Path, settings: &Settings) -> Result<(), Error> {
    match use_of(&DatabaseFile::at(&settings.database.path), path) {
        Some(used) => Err(ErrorKind::TargetIsReserved { what: used.title() }.at(path)),
        None => require_other(settings, path),
    }
}

/// Fails if what is at the path is neither a file of metrics of this program, nor nothing.
fn require_own(path: &Path) -> Result<(), Error> {
    require_replaceable_file(path)?;
    let foreign = || {
        let expected = "a file of metrics that degenbot has written";
        ErrorKind::TargetIsForeign { expected }.at(path)
    };
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return require_folder(path);
    };
    if !metadata.is_file() {
        return Err(ErrorKind::AlreadyExists.at(path));
    }
    let mut begin = Vec::new();
    let file = open_regular(path).map_err(|error| Error::io(path, "read", error))?;
    file.take(BEGIN.len() as u64)
        .read_to_end(&mut begin)
        .map_err(|error| Error::io(path, "read", error))?;
    if begin.is_empty() || begin == BEGIN.as_bytes() {
        return Ok(());
    }
    Err(foreign())
}

/// Fails if a new file cannot be made at the path.
fn require_folder(path: &Path) -> Result<(), Error> {
    StagedFile::create(path, PUBLIC).map(drop)
}

/// The text of the file.
fn text(subject: Subject, chains: &BTreeMap<ChainId, ChainState>) -> String {
    let mut text = String::new();
    // The figures of both can be in the same folder, so each has labels of its own.
    let label = match subject {
        Subject::Pools => "",
        Subject::Markets => ",of=\"aave\"",
    };
    for figure in FIGURES {
        let (name, kind, description, value) = of(subject, figure);
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP degenbot_{name} {description}");
        let _ = writeln!(text, "# TYPE degenbot_{name} {kind}");
        for (chain, state) in chains {
            if let Some(value) = value(state) {
                let _ = writeln!(
                    text,
                    "degenbot_{name}{{chain_id=\"{chain}\"{label}}} {value}"
                );
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::settings::environment::Environment;
    use crate::settings::resolve::Overrides;

    fn settings(folder: &Path) -> Settings {
        let overrides = Overrides {
            config: Some(folder.join("config.toml")),
            database: Some(folder.join("degenbot.db")),
        };
        fs::write(folder.join("config.toml"), "").unwrap();
        Settings::resolve(&overrides, &Environment::default()).unwrap()
    }

    #[test]
    fn only_its_own_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let settings = settings(folder.path());
        fs::write(at("degenbot.db"), "").unwrap();
        fs::write(at("empty.prom"), "").unwrap();
        fs::write(at("foreign.prom"), "node_load1 0.5\n").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("empty.prom"), at("link.prom")).unwrap();
        symlink(at("nothing"), at("dangling.prom")).unwrap();
        fs::write(at("own.prom"), text(Subject::Pools, &BTreeMap::new())).unwrap();
        for name in ["own.prom", "empty.prom", "new.prom"] {
            assert!(MetricsFile::at(at(name), &settings).is_ok(), "{name}");
        }
        for name in [
            "foreign.prom",
            "folder",
            "link.prom",
            "dangling.prom",
            "/dev/null",
            "nowhere/new.prom",
        ] {
            assert!(MetricsFile::at(at(name), &settings).is_err(), "{name}");
        }
        assert!(!at("new.prom").exists());
    }

    #[test]
    fn path_that_is_used_otherwise_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let settings = settings(folder.path());
        fs::write(at("degenbot.db"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("degenbot.db.bak", at("link-to-backup")).unwrap();
        symlink("nodes.toml", at("link-to-nodes")).unwrap();
        fs::hard_link(at("degenbot.db"), at("hard")).unwrap();
        fs::hard_link(at("config.toml"), at("hard-config")).unwrap();
        for name in [
            "degenbot.db",
            "folder/../degenbot.db-wal",
            "degenbot.db.bak",
            "degenbot.db.bak-wal",
            "degenbot.db.pre-upgrade",
            "degenbot.db.pre-restore",
            "degenbot.db.degenbot-tmp-1-0",
            "link-to-backup",
            "hard",
            "config.toml",
            "hard-config",
            "nodes.toml",
            "link-to-nodes",
        ] {
            let error = MetricsFile::at(at(name), &settings).unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::TargetIsReserved { .. }),
                "{name}: {error}"
            );
        }
    }
}
