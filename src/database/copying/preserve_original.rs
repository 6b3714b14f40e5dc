//! The database that was there, kept under another name when its content is replaced.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::database::copying::consistent_copy::{PinnedSnapshot, Writers};
use crate::database::error::database_error::Error;
use crate::database::files::database_file::{DatabaseFile, has_sidecars, with_suffix};
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::Observer;
use crate::sqlite::busy_handler::BusyHandler;

/// A complete copy of the database as it was, without a name of its own yet.
#[derive(Debug)]
pub(crate) struct PreservedOriginal {
    staged: StagedFile,
    file: DatabaseFile,
    suffix: &'static str,
}

/// Where it is.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    path: PathBuf,
    /// It was there already, from a try that was ended in the middle.
    was_there: bool,
}

impl PreservedOriginal {
    /// Copies a database that is locked against writing.
    pub(crate) fn copy(
        file: &DatabaseFile,
        suffix: &'static str,
        busy_handler: &BusyHandler,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let snapshot = PinnedSnapshot::take(file, Writers::LockedOut, busy_handler)?;
        // Under the name without a number, so that the next try finds what this one may leave.
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

    /// Gives it the first name, with a number if need be, that is not taken, or that such a copy has already.
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
            } else if !is_same_content(self.staged.path(), &path).unwrap_or(false) {
                number += 1;
                continue;
            }
            return Ok(Published {
                path,
                was_there: !is_free,
            });
        }
    }
}

impl Published {
    /// Removes it: the database has not been replaced.
    pub(crate) fn discard(&self) {
        if !self.was_there {
            let _ = fs::remove_file(&self.path);
        }
    }

    pub(crate) fn into_path(self) -> PathBuf {
        self.path
    }
}

fn is_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut bytes, mut others) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let length = one.read(&mut bytes)?;
        if length == 0 {
            return Ok(true);
        }
        other.read_exact(&mut others[..length])?;
        if bytes[..length] != others[..length] {
            return Ok(false);
        }
    }
}
