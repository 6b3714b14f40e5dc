use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::NonNull;

use libsqlite3_sys as ffi;

use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// What a step of a backup came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupStep {
    /// Every page is copied and the destination is committed.
    Done,
    /// Pages are left.
    More,
}

/// SQLite's online backup: the pages of one database copied over another in one transaction.
///
/// The destination shows its old content until the last step, and again if the backup is dropped
/// before it.
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
        // SAFETY: both connections are open and, by the lifetime, outlive the backup; both names are
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

    /// Copies up to `pages` pages, or all that are left for a negative number.
    pub(crate) fn step(&mut self, pages: c_int) -> Result<BackupStep, SqliteError> {
        // SAFETY: the backup is finished only when `self` is dropped.
        match unsafe { ffi::sqlite3_backup_step(self.raw.as_ptr(), pages) } {
            ffi::SQLITE_DONE => Ok(BackupStep::Done),
            ffi::SQLITE_OK => Ok(BackupStep::More),
            code => Err(self.destination.last_error(code)),
        }
    }

    /// The pages that were left after the last step.
    pub(crate) fn remaining(&self) -> u64 {
        // SAFETY: as in `step`.
        let remaining = unsafe { ffi::sqlite3_backup_remaining(self.raw.as_ptr()) };
        remaining.try_into().unwrap_or_default()
    }

    /// The pages of the source, as of the last step.
    pub(crate) fn page_count(&self) -> u64 {
        // SAFETY: as in `step`.
        let count = unsafe { ffi::sqlite3_backup_pagecount(self.raw.as_ptr()) };
        count.try_into().unwrap_or_default()
    }
}

impl Drop for Backup<'_> {
    fn drop(&mut self) {
        // SAFETY: finished once; both connections are still open. Its result repeats the error of the
        // last step, which the caller has seen.
        unsafe { ffi::sqlite3_backup_finish(self.raw.as_ptr()) };
    }
}
