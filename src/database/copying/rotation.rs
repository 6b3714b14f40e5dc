//! Backups of which some are kept: each has the time in its name, and the oldest are removed.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::dated_backup::{dated, dated_backups};
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::staged_file::StagedFile;
use crate::database::recognition::recognise::recognise_without_trace;

/// How many names are tried. A name is taken if another backup began in the same second.
const MOST_NAMES: u64 = 1_000;

/// An earlier backup that was to be looked at or removed, and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotRemoved {
    /// Its path, or that of the folder if that cannot be read.
    pub path: PathBuf,
    /// Why it stays.
    pub problem: String,
}

/// The backups of a folder before a new one is made.
///
/// What comes later is never removed, so that two programs that make backups at the same time do not remove each other's.
#[derive(Debug)]
pub(super) struct Rotation {
    base: PathBuf,
    /// The first name that is tried.
    first: SystemTime,
    keep: NonZeroU32,
    /// The oldest by its name first.
    earlier: Vec<PathBuf>,
    /// Those of them whose time is still to come.
    to_come: Vec<PathBuf>,
    not_removed: Vec<NotRemoved>,
}

impl Rotation {
    /// Looks what there is. `database` is what is copied, and no backup, whatever its name.
    pub(super) fn begin(
        database: &DatabaseFile,
        base: &Path,
        keep: NonZeroU32,
    ) -> Result<Self, Error> {
        if base.is_dir() {
            return Err(ErrorKind::AlreadyExists.at(base));
        }
        let folder = DatabaseFile::at(base).folder().to_owned();
        let (mut earlier, not_removed) = match dated_backups(base) {
            Ok(earlier) => (earlier, Vec::new()),
            Err(error) => (
                Vec::new(),
                vec![NotRemoved {
                    problem: Error::io(&folder, "read", error).to_string(),
                    path: folder,
                }],
            ),
        };
        earlier.retain(|path| !database.is_same_as(path));
        let now = SystemTime::now();
        let (ahead, to_come) = ahead_of(now, base, &earlier);
        Ok(Self {
            base: base.to_owned(),
            first: now + Duration::from_secs(ahead),
            keep,
            earlier,
            to_come,
            not_removed,
        })
    }

    /// The first name that is free.
    pub(super) fn free_name(&self) -> Result<PathBuf, Error> {
        let free = self.names().find(|name| is_free(name));
        free.ok_or_else(|| ErrorKind::BackupExists.at(&self.base))
    }

    /// Gives a complete copy the first name that is free by now.
    pub(super) fn publish(&self, staged: &StagedFile) -> Result<PathBuf, Error> {
        for name in self.names().filter(|name| is_free(name)) {
            match staged.publish_new_as(&name) {
                Err(error) if matches!(error.kind, ErrorKind::AlreadyExists) => {}
                published => return published.map(|()| name),
            }
        }
        Err(ErrorKind::BackupExists.at(&self.base))
    }

    fn names(&self) -> impl Iterator<Item = PathBuf> {
        (0..MOST_NAMES).map(|second| dated(&self.base, self.first + Duration::from_secs(second)))
    }

    /// Removes the oldest backups, as many as there are too many together with the new one. Only a file that is recognised
    /// as a degenbot database counts. Returns what was removed and what could not be.
    pub(super) fn remove_oldest(self) -> (Vec<PathBuf>, Vec<NotRemoved>) {
        let (mut backups, mut removed, mut not_removed) =
            (Vec::new(), Vec::new(), self.not_removed);
        for path in self.earlier {
            match look_at(&path) {
                Ok(Some(stamp)) => backups.push((path, stamp)),
                // Another program has removed it.
                Ok(None) => {}
                Err(problem) => not_removed.push(NotRemoved { path, problem }),
            }
        }
        // The new one is one of those that are kept.
        let kept = usize::try_from(self.keep.get() - 1).unwrap_or(usize::MAX);
        let too_many = backups.len().saturating_sub(kept);
        for (path, stamp) in backups.into_iter().take(too_many) {
            match remove(&path, stamp) {
                Ok(()) => removed.push(path),
                Err(problem) => not_removed.push(NotRemoved { path, problem }),
            }
        }
        let mut to_come = self.to_come;
        to_come.retain(|path| {
            let is_told = not_removed.iter().any(|told| told.path == *path);
            !is_told && !removed.contains(path) && path.exists()
        });
        not_removed.extend(to_come.into_iter().map(|path| NotRemoved {
            path,
            problem: "its name has a time that is still to come, so that it counts as newer than new ones".to_owned(),
        }));
        (removed, not_removed)
    }
}

/// How many seconds after `now` the newest name is free, so that no later backup has a name before it: several can be made
/// in a second. A name that is far ahead was given while the clock was wrong. It counts as the newest for as long, and is
/// returned.
fn ahead_of(now: SystemTime, base: &Path, earlier: &[PathBuf]) -> (u64, Vec<PathBuf>) {
    let names: Vec<_> = (0..MOST_NAMES)
        .map(|second| dated(base, now + Duration::from_secs(second)))
        .collect();
    let last_name = names.last();
    let is_far_ahead = |path: &&PathBuf| last_name.is_some_and(|last| *path > last);
    let to_come = earlier.iter().filter(is_far_ahead).cloned().collect();
    let taken = names.iter().rposition(|name| earlier.contains(name));
    let ahead = taken.map_or(0, |taken| u64::try_from(taken).unwrap_or_default() + 1);
    (ahead, to_come)
}

/// Whether nothing is at a path, and nothing beside it that SQLite would take for a part of it.
fn is_free(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err() && !DatabaseFile::at(path).has_sidecars()
}

/// The stamp of a backup, `None` if it is gone.
fn look_at(path: &Path) -> Result<Option<FileStamp>, String> {
    let Some(stamp) = FileStamp::of(path) else {
        return Ok(None);
    };
    match recognise_without_trace(path).and_then(|found| found.require_degenbot(path)) {
        Ok(()) => Ok(Some(stamp)),
        Err(error) if matches!(error.kind, ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Removes a backup that is still the file with this stamp, and beside which no program that writes has a file.
fn remove(path: &Path, stamp: FileStamp) -> Result<(), String> {
    let file = DatabaseFile::at(path);
    if file.has_sidecars() || file.refuse_follower().is_err() {
        return Err("it has files beside it, so that a program may be using it".to_owned());
    }
    let is_regular = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    if !is_regular || FileStamp::of(path) != Some(stamp) {
        return Err("another program has changed it".to_owned());
    }
    fs::remove_file(path).map_err(|error| Error::io(path, "remove", error).to_string())
}
