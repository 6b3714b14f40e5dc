//! SQLite's online backup interface.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::NonNull;

use libsqlite3_sys as ffi;

use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// The state of a backup after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupStep {
    /// Every page is copied, and the destination is committed.
    Done,
    /// Pages remain.
    More,
}

/// Copies the pages of one database over another in one transaction.
///
/// Readers of the destination see its old content until the last step. Dropping the backup before that rolls it back.
#[derive(Debug)]
pub(crate) struct Backup<'connections> {
    raw: NonNull<ffi::sqlite3_backup>,
    destination: &'connections RawConnection,
    source: PhantomData<&'connections RawConnection>,
}

impl<'connections> Backup<'connections> {
    pub(crate) fn new(
        source: &'connections RawConnection,
        destination: &'connections RawConnection,
    ) -> Result<Self, SqliteError> {
        let main = c"main".as_ptr();
        // SAFETY: both connections are open and outlive the backup, because it borrows them. Both names are
        // NUL-terminated.
        let raw =
            unsafe { ffi::sqlite3_backup_init(destination.as_ptr(), main, source.as_ptr(), main) };
        let Some(raw) = NonNull::new(raw) else {
            // SAFETY: the destination is open.
            let code = unsafe { ffi::sqlite3_errcode(destination.as_ptr()) };
            return Err(destination.last_error(code));
        };
        Ok(Self {
            raw,
            destination,
            source: PhantomData,
        })
    }

    /// Copies up to `pages` pages. A negative number copies all that remain.
    pub(crate) fn step(&mut self, pages: c_int) -> Result<BackupStep, SqliteError> {
        // SAFETY: the backup is finished only when `self` is dropped.
        match unsafe { ffi::sqlite3_backup_step(self.raw.as_ptr(), pages) } {
            ffi::SQLITE_DONE => Ok(BackupStep::Done),
            ffi::SQLITE_OK => Ok(BackupStep::More),
            code => Err(self.destination.last_error(code)),
        }
    }

    /// The number of pages that remained after the last step.
    pub(crate) fn remaining(&self) -> u64 {
        // SAFETY: as in `step`.
        let remaining = unsafe { ffi::sqlite3_backup_remaining(self.raw.as_ptr()) };
        remaining.try_into().unwrap_or_default()
    }

    /// The number of pages that the source had at the last step.
    pub(crate) fn page_count(&self) -> u64 {
        // SAFETY: as in `step`.
        let count = unsafe { ffi::sqlite3_backup_pagecount(self.raw.as_ptr()) };
        count.try_into().unwrap_or_default()
    }
}

impl Drop for Backup<'_> {
    fn drop(&mut self) {
        // SAFETY: the backup is finished once, while both connections are open. The result repeats the error of the
        // last step, which the caller has seen.
        unsafe { ffi::sqlite3_backup_finish(self.raw.as_ptr()) };
    }
}
