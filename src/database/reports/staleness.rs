//! Whether a database is too far behind, its backup too old or its log too long.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::counted::counted;
use crate::database::reports::status::{DatabaseStatus, Lag, UpdatedTo};
use crate::deployments::chains::chain_title;
use crate::escape::escaped_name;
use crate::setters::setters;
use crate::types::integer::ChainId;

/// The limits beyond which a database is stale. Without a limit, nothing of its kind is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusLimits {
    /// How many blocks each active exchange and market may be behind its chain.
    pub max_lag_blocks: Option<u64>,
    /// How old the backup may be.
    pub max_backup_age: Option<Duration>,
    /// How long the log may be, in bytes.
    pub max_log_bytes: Option<u64>,
}

setters!(StatusLimits {
    max_lag_blocks: u64 => Some,
    max_backup_age: Duration => Some,
    max_log_bytes: u64 => Some,
});

/// What is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusSubject {
    /// The blocks of exchanges and markets.
    Blocks,
    /// The backup.
    Backup,
    /// The log.
    Log,
}

impl StatusSubject {
    /// Its name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Backup => "backup",
            Self::Log => "log",
        }
    }
}

/// Why a database is stale. Displayed as a clause, such as `the backup at degenbot.db.bak is 2 days old`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Staleness {
    /// Exchanges or markets are too far behind.
    Behind {
        /// The one that is the furthest behind.
        name: String,
        /// By how many blocks.
        blocks: u64,
        /// How many others are too far behind.
        others: u64,
        /// The limit.
        limit: u64,
    },
    /// Active exchanges or markets were never updated.
    NeverUpdated {
        /// The first of them.
        name: String,
        /// How many others there are.
        others: u64,
    },
    /// How far exchanges and markets are behind is not known.
    HeadNotKnown {
        /// Their chain.
        chain: ChainId,
        /// Why.
        reason: String,
    },
    /// The stored chain or block of an exchange or a market is none.
    InvalidRow {
        /// Its name.
        name: String,
    },
    /// No exchange and no market is active, so that nothing is updated.
    NothingActive,
    /// The database is of an early version, which does not have the blocks of exchanges.
    BlocksNotStored {
        /// The version.
        version: String,
    },
    /// There is no backup.
    NoBackup {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Whether there is a backup that is new enough is not known: its folder cannot be listed.
    BackupNotKnown {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// What is there is no backup.
    BadBackup {
        /// Where it is.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The time of the backup is in the future, or not known.
    BackupTimeNotKnown {
        /// Where it is.
        path: PathBuf,
    },
    /// The backup is too old.
    OldBackup {
        /// Where it is.
        path: PathBuf,
        /// Its age.
        age: Duration,
        /// The limit.
        limit: Duration,
    },
    /// The log is too long.
    LongLog {
        /// Its size in bytes.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

impl DatabaseStatus {
    /// Compares the status with limits. The result is empty if the database is fresh. What is not known does not pass.
    #[must_use]
    pub fn staleness(&self, limits: &StatusLimits, now: SystemTime) -> Vec<Staleness> {
        let mut found = Vec::new();
        if let Some(limit) = limits.max_lag_blocks {
            self.judge_blocks(limit, &mut found);
        }
        if let Some(limit) = limits.max_backup_age {
            found.extend(self.judge_backup(limit, now));
        }
        if let Some(limit) = limits.max_log_bytes
            && self.log_bytes > limit
        {
            let bytes = self.log_bytes;
            found.push(Staleness::LongLog { bytes, limit });
        }
        found
    }

    fn judge_blocks(&self, limit: u64, found: &mut Vec<Staleness>) {
        let (mut behind, mut never, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_any_active = false;
        for one in self.active() {
            is_any_active = true;
            match self.lag(one) {
                Lag::Blocks(blocks) if blocks > limit => behind.push((blocks, one)),
                Lag::NeverUpdated => never.push(one),
                Lag::HeadNotKnown(chain) if !silent.contains(&chain) => silent.push(chain),
                Lag::Blocks(_) | Lag::HeadNotKnown(_) => {}
                Lag::Invalid => found.push(Staleness::InvalidRow { name: name(one) }),
            }
        }
        if self.exchanges.is_none() {
            let version = self.recognition.version_name();
            found.push(Staleness::BlocksNotStored { version });
        } else if !is_any_active {
            found.push(Staleness::NothingActive);
        }
        let others = |count: usize| u64::try_from(count.saturating_sub(1)).unwrap_or(u64::MAX);
        // Of those that are behind equally far, the first.
        if let Some((blocks, worst)) = behind.iter().rev().max_by_key(|(blocks, _)| *blocks) {
            found.push(Staleness::Behind {
                name: name(worst),
                blocks: *blocks,
                others: others(behind.len()),
                limit,
            });
        }
        if let Some(first) = never.first() {
            found.push(Staleness::NeverUpdated {
                name: name(first),
                others: others(never.len()),
            });
        }
        for chain in silent {
            if let Some(Err(reason)) = self.chains.get(&chain).and_then(|it| it.head.as_ref()) {
                let reason = reason.clone();
                found.push(Staleness::HeadNotKnown { chain, reason });
            }
        }
    }

    fn judge_backup(&self, limit: Duration, now: SystemTime) -> Option<Staleness> {
        let path = self.backup.path.clone();
        let is_fresh =
            self.backup.problem.is_none() && self.backup.age(now).is_some_and(|age| age <= limit);
        if let Some(problem) = self.backup.not_listed.clone().filter(|_| !is_fresh) {
            return Some(Staleness::BackupNotKnown { path, problem });
        }
        if let Some(problem) = self.backup.problem.clone() {
            return Some(Staleness::BadBackup { path, problem });
        }
        if !self.backup.exists() {
            return Some(Staleness::NoBackup { path });
        }
        match self.backup.age(now) {
            None => Some(Staleness::BackupTimeNotKnown { path }),
            Some(age) if age > limit => Some(Staleness::OldBackup { path, age, limit }),
            Some(_) => None,
        }
    }
}

/// The name of an exchange or a market for people. That of an invalid row is what is stored.
fn name(of: &UpdatedTo) -> String {
    match (&of.full_name, &of.name) {
        (Some(name), _) => escaped_name(name),
        (None, Some(name)) => escaped_name(&name.to_string()),
        (None, None) => "one without a name".to_owned(),
    }
}

impl Staleness {
    /// What is stale.
    #[must_use]
    pub const fn subject(&self) -> StatusSubject {
        match self {
            Self::Behind { .. }
            | Self::NeverUpdated { .. }
            | Self::HeadNotKnown { .. }
            | Self::InvalidRow { .. }
            | Self::NothingActive
            | Self::BlocksNotStored { .. } => StatusSubject::Blocks,
            Self::NoBackup { .. }
            | Self::BackupNotKnown { .. }
            | Self::BadBackup { .. }
            | Self::BackupTimeNotKnown { .. }
            | Self::OldBackup { .. } => StatusSubject::Backup,
            Self::LongLog { .. } => StatusSubject::Log,
        }
    }
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let and_others = |others: u64| match others {
            0 => String::new(),
            _ => format!(" and {}", counted(others, "other")),
        };
        match self {
            Self::Behind {
                name,
                blocks,
                others: 0,
                limit,
            } => write!(
                f,
                "{name} is {} behind (at most {limit})",
                counted(blocks, "block")
            ),
            Self::Behind {
                name,
                blocks,
                others,
                limit,
            } => write!(
                f,
                "{name}{} are more than {} behind, up to {blocks}",
                and_others(*others),
                counted(limit, "block")
            ),
            Self::NeverUpdated { name, others: 0 } => write!(f, "{name} was never updated"),
            Self::NeverUpdated { name, others } => {
                write!(f, "{name}{} were never updated", and_others(*others))
            }
            Self::HeadNotKnown { chain, reason } => write!(
                f,
                "the newest block of {} is not known ({reason})",
                chain_title(*chain)
            ),
            Self::InvalidRow { name } => write!(f, "the chain or the block of {name} is invalid"),
            Self::NothingActive => write!(f, "no exchange and no market is active"),
            Self::BlocksNotStored { version } => write!(
                f,
                "a database at {} does not say the blocks of exchanges",
                escaped_name(version)
            ),
            Self::BackupNotKnown { path, problem } => write!(
                f,
                "whether there is a new backup at {} is not known: {problem}",
                path.display()
            ),
            Self::NoBackup { path } => write!(f, "there is no backup at {}", path.display()),
            Self::BadBackup { path, problem } => {
                write!(f, "{} is no backup: {problem}", path.display())
            }
            Self::BackupTimeNotKnown { path } => write!(
                f,
                "the time of the backup at {} is in the future, or not known",
                path.display()
            ),
            Self::OldBackup { path, age, limit } => write!(
                f,
                "the backup at {} is {} old (at most {})",
                path.display(),
                Age(*age),
                Age(*limit)
            ),
            Self::LongLog { bytes, limit } => {
                write!(f, "the log has {bytes} bytes (at most {limit})")
            }
        }
    }
}

/// A time for people, in its two largest units: `2 d 3 h`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age(pub(crate) Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
        let mut parts = units
            .iter()
            .scan(seconds, |rest, (unit, size)| {
                let number = *rest / size;
                *rest %= size;
                Some((number, *unit))
            })
            .skip_while(|(number, _)| *number == 0)
            .take(2)
            .filter(|(number, _)| *number > 0);
        let Some((number, unit)) = parts.next() else {
            return write!(f, "0 s");
        };
        write!(f, "{number} {unit}")?;
        parts.try_for_each(|(number, unit)| write!(f, " {number} {unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units_at_most() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_661, "1 h 1 min"),
            (3_605, "1 h"),
            (93_600, "1 d 2 h"),
            (864_059, "10 d"),
        ] {
            let age = Age(Duration::from_secs(seconds));
            assert_eq!(age.to_string(), expected, "{seconds}");
        }
    }
}
