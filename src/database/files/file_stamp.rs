//! File stamps, by which a changed or replaced file is noticed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The longest tick of the clock from which the system takes the times of files. Two writes within a tick leave the
/// same time.
const TICK: Duration = Duration::from_millis(10);

/// The longest tick of a file system that stores whole seconds.
const COARSE_TICK: Duration = Duration::from_secs(2);

/// The size, inode and time of a file. They change if the file is written or replaced, unless it was written in the
/// same tick of the clock before: see [`FileStamp::is_settled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    /// The size, in bytes.
    pub(crate) bytes: u64,
    inode: u64,
    /// Seconds and nanoseconds of the last write. The time of the last change would show more, but SQLite itself changes
    /// it: as root it sets the owner of a log that it opens.
    modified: (i64, i64),
}

impl FileStamp {
    /// The stamp of a file, or `None` if its metadata cannot be read.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            bytes: metadata.len(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }

    /// The longest tick of the clock from which this stamp was taken.
    pub(crate) const fn tick(&self) -> Duration {
        if self.modified.1 == 0 {
            COARSE_TICK
        } else {
            TICK
        }
    }

    /// Whether a write after `now` changes the stamp. Only then an equal stamp proves that nothing was written since.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.modified;
        let tick = self.tick();
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u64::try_from(nanoseconds))
        else {
            return true;
        };
        let modified =
            Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds));
        now.duration_since(SystemTime::UNIX_EPOCH)
            .is_ok_and(|now| now > modified.saturating_add(tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modified(seconds: i64, nanoseconds: i64) -> FileStamp {
        FileStamp {
            bytes: 1,
            inode: 1,
            modified: (seconds, nanoseconds),
        }
    }

    #[test]
    fn stamp_is_settled_once_the_tick_of_its_time_is_over() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let fine = modified(100, 5_000_000);
        assert!(!fine.is_settled(at(100_005)));
        assert!(!fine.is_settled(at(100_015)));
        assert!(fine.is_settled(at(100_016)));
        let coarse = modified(100, 0);
        assert!(!coarse.is_settled(at(101_900)));
        assert!(coarse.is_settled(at(102_001)));
        assert!(!modified(200, 1).is_settled(at(100_000)));
    }
}
