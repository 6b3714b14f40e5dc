//! The figures of `database status --prometheus`.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::cli::metrics_file::{Figures, Kind, float};
use crate::database::reports::staleness::{Staleness, StatusLimits, StatusSubject};
use crate::database::reports::status::{DatabaseStatus, Lag, UpdatedTo};

/// How every file of these figures begins.
pub(super) const BEGIN: &str = "# HELP degenbot_database_status_timestamp_seconds ";

/// The labels of a value, apart from the one that all have.
type Labels = Vec<(&'static str, String)>;

/// The figures. All have a label with the path of the database.
pub(super) fn figures_of(
    status: &DatabaseStatus,
    limits: &StatusLimits,
    stale: &[Staleness],
    now: SystemTime,
) -> Figures {
    let mut gauges = Gauges {
        database: status.path.display().to_string(),
        figures: Figures::default(),
    };
    gauges.one(
        "database_status_timestamp_seconds",
        "When these figures were taken.",
        seconds(now),
    );
    let of_limits = [
        (StatusSubject::Blocks, limits.max_lag_blocks.is_some()),
        (StatusSubject::Backup, limits.max_backup_age.is_some()),
        (StatusSubject::Log, limits.max_log_bytes.is_some()),
    ];
    let given = of_limits.into_iter().filter(|(_, is_given)| *is_given);
    let is_exceeded = given.map(|(of, _)| {
        let is_exceeded = stale.iter().any(|stale| stale.subject() == of);
        (vec![("subject", of.name().to_owned())], flag(is_exceeded))
    });
    gauges.each(
        "database_stale",
        "Whether a limit of 'database status' is exceeded: 1 or 0, for each limit that was given.",
        is_exceeded,
    );
    of_files(&mut gauges, status);
    of_blocks(&mut gauges, status);
    gauges.figures
}

/// Figures of the state at one time.
struct Gauges {
    database: String,
    figures: Figures,
}

impl Gauges {
    /// A figure with its values.
    fn each(
        &mut self,
        name: &str,
        description: &str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        self.figures.describe(name, Kind::Gauge, description);
        for (labels, value) in values {
            let own = labels.iter().map(|(name, it)| (*name, it.as_str()));
            let labels: Vec<_> = [("database", self.database.as_str())]
                .into_iter()
                .chain(own)
                .collect();
            self.figures.push(name, &labels, value);
        }
    }

    /// A figure with one value, if that is known.
    fn one(&mut self, name: &str, description: &str, value: Option<f64>) {
        self.each(name, description, value.map(|value| (Vec::new(), value)));
    }
}

/// The database, its log and its backup, and who has it open.
fn of_files(gauges: &mut Gauges, status: &DatabaseStatus) {
    let (backup, programs) = (&status.backup, status.programs.as_ref());
    let is_usable = backup.exists() && backup.problem.is_none();
    let is_attached = status.litestream.process.is_some();
    for (name, description, value) in [
        (
            "database_bytes",
            "The size of the database.",
            Some(float(status.file_bytes)),
        ),
        (
            "database_log_bytes",
            "The size of its log.",
            Some(float(status.log_bytes)),
        ),
        (
            "database_backup_usable",
            "Whether the backup is there and recognised as one: 1 or 0.",
            Some(flag(is_usable)),
        ),
        (
            "database_backup_timestamp_seconds",
            "When the backup was written.",
            backup.modified.and_then(seconds),
        ),
        (
            "database_backup_bytes",
            "The size of the backup.",
            backup.bytes.map(float),
        ),
        (
            "database_programs",
            "Other programs that have the database open, as far as they can be seen.",
            programs.map(|programs| float(programs.len() as u64)),
        ),
        (
            "database_litestream_attached",
            "Whether Litestream has the database open, as far as that can be seen: 1 or 0.",
            programs.map(|_| flag(is_attached)),
        ),
    ] {
        gauges.one(name, description, value);
    }
}

/// How far chains, exchanges and markets are.
fn of_blocks(gauges: &mut Gauges, status: &DatabaseStatus) {
    let heads = status.chains.iter().filter_map(|(chain, known)| {
        let head = known.head.as_ref()?.as_ref().ok()?;
        Some((vec![("chain_id", chain.to_string())], float(head.get())))
    });
    gauges.each(
        "database_head_block",
        "The newest block of the chain's node.",
        heads,
    );
    let block = |one: &UpdatedTo| one.block().map(|block| float(block.get()));
    gauges.each(
        "database_block",
        "The last block of an active exchange or market that is in the database.",
        of_active(status, block, f64::min),
    );
    let lag = |one: &UpdatedTo| match status.lag(one) {
        Lag::Blocks(blocks) => Some(float(blocks)),
        _ => None,
    };
    gauges.each(
        "database_lag_blocks",
        "How many blocks an active exchange or market is behind its chain.",
        of_active(status, lag, f64::max),
    );
}

/// A value of each active exchange and market. Rows of the same name have one: a figure must not occur twice.
fn of_active(
    status: &DatabaseStatus,
    value: impl Fn(&UpdatedTo) -> Option<f64>,
    worse: fn(f64, f64) -> f64,
) -> Vec<(Labels, f64)> {
    let exchanges = status
        .exchanges
        .iter()
        .flatten()
        .map(|one| ("exchange", one));
    let markets = status.markets.iter().flatten().map(|one| ("market", one));
    let mut values = BTreeMap::new();
    for (kind, one) in exchanges.chain(markets).filter(|(_, one)| one.is_active()) {
        if let (Some(chain), Some(name), Some(value)) = (one.chain(), &one.full_name, value(one)) {
            let labels = vec![("chain_id", chain.to_string()), (kind, name.clone())];
            let entry = values.entry(labels).or_insert(value);
            *entry = worse(*entry, value);
        }
    }
    values.into_iter().collect()
}

/// A time as Prometheus has it.
fn seconds(time: SystemTime) -> Option<f64> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    Some(since.ok()?.as_secs_f64())
}

const fn flag(flag: bool) -> f64 {
    if flag { 1.0 } else { 0.0 }
}
