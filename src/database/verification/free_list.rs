//! The list of free pages, from which a write takes pages.
//!
//! SQLite writes over a page that is in use if the list names it by mistake. Only a look at every page shows whether one
//! does. A small write cannot afford that in a large file, and rarely needs it: nearly all of them take no page from the
//! list.

use std::path::Path;

use diesel::QueryResult;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::read_beside_others;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::verification::integrity_check::{IntegrityCheck, first_damage};
use crate::sqlite::connection_hooks::cancellable;

/// The list of free pages at the start of a write transaction.
#[derive(Debug)]
pub(crate) struct FreeList {
    pages: i64,
    /// Whether the commit moves other pages into all free ones (`auto_vacuum=FULL`). It does so even if nothing was
    /// written.
    is_filled_at_commit: bool,
}

impl FreeList {
    /// Reads the list's length, which stands in the header of the file.
    pub(crate) fn read(connection: &mut SqliteConnection) -> QueryResult<Self> {
        let auto_vacuum = "SELECT auto_vacuum AS number FROM pragma_auto_vacuum";
        Ok(Self {
            pages: length(connection)?,
            is_filled_at_commit: sql::number(connection, auto_vacuum)? == 1,
        })
    }

    /// Whether the transaction has taken pages from the list, or would take them at its commit.
    ///
    /// A transaction that has given back as many pages as it took goes unnoticed. Without a trigger, a row that is
    /// inserted gives none back.
    pub(crate) fn is_used(&self, connection: &mut SqliteConnection) -> QueryResult<bool> {
        Ok(self.pages > 0 && (self.is_filled_at_commit || length(connection)? != self.pages))
    }
}

fn length(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let query = "SELECT freelist_count AS number FROM pragma_freelist_count";
    sql::number(connection, query)
}

/// Fails if a page is damaged, or both free and in use.
pub(crate) fn require_sound_pages(path: &Path, cancel: Option<CancelToken>) -> Result<(), Error> {
    let damage = cancellable(cancel, || {
        read_beside_others(path, |connection| {
            first_damage(connection, path, IntegrityCheck::Quick)
        })
    })?;
    match damage {
        Some(detail) => Err(ErrorKind::Damaged { detail }.at(path)),
        None => Ok(()),
    }
}
