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

/// The most by which the clock of a file server is ahead. A time that is later still is none of the clock's: somebody has
/// set it, or the clock was set back.
pub(crate) const LARGEST_SKEW: Duration = Duration::from_secs(60);

/// The size, inode and time of a file. They change if the file is written or replaced, unless it was written in the
/// same tick of the clock before: see [`FileStamp::is_settled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    /// The size, in bytes.
    pub(crate) bytes: u64,
    inode: u64,
    /// Seconds and nanoseconds of the last write, or of the last change.
    time: (i64, i64),
    /// Whether the file system stores whole seconds.
    is_coarse: bool,
}

impl FileStamp {
    /// The stamp of a file with the time of its last write, or `None` if its metadata cannot be read.
    ///
    /// The time of the last change would show more, but SQLite itself changes that of a log: as root it sets the owner of
    /// one that it opens.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let time = (metadata.mtime(), metadata.mtime_nsec());
        Some(Self::at(&metadata, time))
    }

    /// The stamp of a file with the time of its last change, which nobody can set. Other names and permissions change it,
    /// too.
    pub(crate) fn of_change(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let time = (metadata.ctime(), metadata.ctime_nsec());
        Some(Self::at(&metadata, time))
    }

    fn at(metadata: &fs::Metadata, time: (i64, i64)) -> Self {
        // A program can set the time of the last write to a whole second, but not that of the last change. FAT has had
        // hundredths of a second there.
        let is_coarse = metadata.mtime_nsec() == 0 && metadata.ctime_nsec() % 10_000_000 == 0;
        Self {
            bytes: metadata.len(),
            inode: metadata.ino(),
            time,
            is_coarse,
        }
    }

    /// The longest tick of the clock from which this stamp was taken.
    pub(crate) const fn tick(&self) -> Duration {
        if self.is_coarse { COARSE_TICK } else { TICK }
    }

    /// Whether a write at `now` or soon after it changes the stamp. Only then an equal stamp proves that nothing was
    /// written since.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        self.shows_writes(now, now)
    }

    /// Whether a write at any time from `then` to `now` would have changed the stamp.
    pub(crate) fn shows_writes(&self, then: SystemTime, now: SystemTime) -> bool {
        let since_epoch = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH);
        let (seconds, nanoseconds) = self.time;
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u64::try_from(nanoseconds))
        else {
            return true;
        };
        let time = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds));
        let is_over = |then: Duration| then > time.saturating_add(self.tick());
        let is_to_come = |now: Duration| time > now.saturating_add(LARGEST_SKEW);
        since_epoch(then).is_ok_and(is_over) || since_epoch(now).is_ok_and(is_to_come)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modified(seconds: i64, nanoseconds: i64) -> FileStamp {
        FileStamp {
            bytes: 1,
            inode: 1,
            time: (seconds, nanoseconds),
            is_coarse: nanoseconds == 0,
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
        assert!(!modified(101, 1).is_settled(at(100_000)));
    }

    #[test]
    fn time_to_come_is_settled_until_it_is_near() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let tomorrow = modified(100_000, 1);
        assert!(tomorrow.is_settled(at(99_000)));
        assert!(tomorrow.shows_writes(at(1_000), at(99_000)));
        assert!(!tomorrow.shows_writes(at(1_000), at(99_990)));
        assert!(!tomorrow.shows_writes(at(1_000), at(100_001)));
        assert!(tomorrow.shows_writes(at(100_001), at(100_002)));
    }

    #[test]
    fn stamp_of_the_last_change_does_not_have_the_time_that_somebody_has_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "x").unwrap();
        let soon = SystemTime::now() + Duration::from_secs(1);
        let file = fs::File::open(&path).unwrap();
        file.set_modified(soon + Duration::from_secs(1)).unwrap();
        assert!(!FileStamp::of(&path).unwrap().is_settled(soon));
        assert!(FileStamp::of_change(&path).unwrap().is_settled(soon));
        // A whole second says nothing about the clock.
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(second).unwrap();
        assert_eq!(FileStamp::of(&path).unwrap().tick(), TICK);
    }
}
