//! What the first write through a pool of connections checks.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::verification::free_list::require_sound_free_pages;

/// Whether the free pages of a database have been checked. All sessions of a pool share it.
#[derive(Debug, Default)]
pub(super) struct FirstWrite {
    is_checked: Mutex<bool>,
}

impl FirstWrite {
    /// Makes the next write check again, because the database is in another file.
    pub(super) fn forget(&self) {
        *self
            .is_checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Checks the free pages before the first write. Other threads wait for that check. After a failure, the next write
    /// checks again: the user may have restored a backup meanwhile.
    pub(super) fn prepare(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), Error> {
        // A panic under the lock leaves the value as it was, so a poisoned lock is usable.
        let mut is_checked = self
            .is_checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*is_checked {
            require_sound_free_pages(connection, path, None)?;
            *is_checked = true;
        }
        Ok(())
    }
}
