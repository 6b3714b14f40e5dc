//! The original: a copy of a database under another name, made before its content is replaced.

use std::fs;
use std::io;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::database::copying::consistent_copy::{PinnedSnapshot, Writers};
use crate::database::error::database_error::Error;
use crate::database::files::database_file::{DatabaseFile, has_sidecars, with_suffix};
use crate::database::files::regular_file::open_regular;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::Observer;
use crate::sqlite::busy_handler::BusyHandler;

/// A complete copy of the original database that does not have its final name yet.
#[derive(Debug)]
pub(crate) struct PreservedOriginal {
    staged: StagedFile,
    file: DatabaseFile,
    suffix: &'static str,
}

/// A copy of the original under its final name.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    path: PathBuf,
    /// Whether the file existed before: an attempt that was killed has left the same copy.
    was_there: bool,
}

impl PreservedOriginal {
    /// Copies a database. The caller holds its write lock.
    pub(crate) fn copy(
        file: &DatabaseFile,
        suffix: &'static str,
        busy_handler: &BusyHandler,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let snapshot = PinnedSnapshot::take(file, Writers::LockedOut, busy_handler)?;
        // The staged file always belongs to the name without a number: the next attempt sweeps there.
        let target = with_suffix(file.real(), suffix);
        let mut staged = StagedFile::create(&target, PRIVATE)?;
        snapshot.copy(&mut staged, &target, observer)?;
        staged.copy_permissions(file.real())?;
        staged.sync()?;
        Ok(Self {
            staged,
            file: file.clone(),
            suffix,
        })
    }

    /// Gives the copy its final name: the first of `NAME.SUFFIX`, `NAME.SUFFIX-2`, … that is free. If a regular file
    /// with the same content and no other name has one of the names before that, it is used instead.
    pub(crate) fn publish(self) -> Result<Published, Error> {
        let mut number = 1;
        loop {
            let path = match number {
                1 => with_suffix(self.file.real(), self.suffix),
                _ => with_suffix(self.file.real(), &format!("{}-{number}", self.suffix)),
            };
            let is_free = fs::symlink_metadata(&path).is_err() && !has_sidecars(&path);
            if is_free {
                self.staged.publish_new_as(&path)?;
            } else if !self.is_at(&path).unwrap_or(false) {
                number += 1;
                continue;
            }
            return Ok(Published {
                path,
                was_there: !is_free,
            });
        }
    }

    /// Whether the file at `kept` is a copy of its own with the same content, on the disk.
    ///
    /// A file with a second name is none: that name may be the database's, whose content is about to change. It is not
    /// opened either, because closing the database drops SQLite's locks.
    fn is_at(&self, kept: &Path) -> io::Result<bool> {
        let metadata = fs::symlink_metadata(kept)?;
        let is_own = metadata.is_file() && metadata.nlink() == 1 && !self.file.is_same_as(kept);
        let copy = self.staged.path();
        if !is_own || has_sidecars(kept) || fs::metadata(copy)?.len() != metadata.len() {
            return Ok(false);
        }
        let (mut copy, mut kept) = (open_regular(copy)?, open_regular(kept)?);
        let (mut bytes, mut others) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            let length = copy.read(&mut bytes)?;
            if length == 0 {
                kept.sync_all()?;
                return Ok(true);
            }
            let (bytes, others) = (bytes.get(..length), others.get_mut(..length));
            let (Some(bytes), Some(others)) = (bytes, others) else {
                return Ok(false);
            };
            kept.read_exact(others)?;
            if bytes != others {
                return Ok(false);
            }
        }
    }
}

impl Published {
    /// Removes the copy after a failure to replace the database, unless the file existed before.
    pub(crate) fn discard(&self) {
        if !self.was_there {
            let _ = fs::remove_file(&self.path);
        }
    }

    pub(crate) fn into_path(self) -> PathBuf {
        self.path
    }
}
