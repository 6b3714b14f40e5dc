//! Small writes: a few rows of the user's choice, such as an exchange that becomes active.

use std::path::Path;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::kept_log::move_log;
use crate::database::connection::open::{Access, keep_in_memory, open_connection};
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file;
use crate::database::recognition::recognise::{recognise, recognise_state};
use crate::database::verification::free_list::{FreePages, require_sound_pages};
use crate::sqlite::connection_hooks::cancellable;
use crate::sqlite::lock_wait::LockWait;

/// Runs `operate` in a write transaction. The database must be at a version of this program. `rejected` names what was to
/// be changed in an error of SQLite.
///
/// If the transaction would write to pages that may be in use elsewhere, it is rolled back, all pages are checked, and it
/// runs once more: SQLite would overwrite a page that is in use if damage makes it look free.
pub(crate) fn write_small<T>(
    path: &Path,
    wait: Duration,
    cancel: Option<&CancelToken>,
    operate: impl Fn(&mut SqliteConnection) -> Result<T, Error>,
    rejected: impl Fn(&mut SqliteConnection, Error) -> Error,
) -> Result<T, Error> {
    let _waiting = LockWait::begin(wait, cancel.cloned());
    EffectTracker::track(path, |effect| {
        write_tracked(path, cancel, effect, operate, rejected)
    })
}

fn write_tracked<T>(
    path: &Path,
    cancel: Option<&CancelToken>,
    effect: &mut EffectTracker,
    operate: impl Fn(&mut SqliteConnection) -> Result<T, Error>,
    rejected: impl Fn(&mut SqliteConnection, Error) -> Error,
) -> Result<T, Error> {
    // Recognition does not write, so a refused database stays unchanged to the byte.
    recognise(path)?.require_version(path)?;
    DatabaseFile::at(path).require_writable()?;
    staged_file::sweep(DatabaseFile::at(path).real());
    let mut connection = cancellable(cancel.cloned(), || open_connection(path, Access::ReadWrite))?;
    // SQLite does not put a page that looks free into the rollback journal, so a rollback would not bring it back.
    keep_in_memory(&mut connection)
        .map_err(|error| Error::from_diesel(path, "open the database", error))?;
    let mut is_checked = false;
    loop {
        let mut needs_check = false;
        let result = effect.write(&mut connection, |connection| {
            recognise_state(connection)?.require_version(path)?;
            let free = FreePages::look(connection, path)?;
            let done = operate(connection);
            if !is_checked && free.is_used(connection)? {
                needs_check = true;
                return Err(diesel::result::Error::RollbackTransaction.into());
            }
            done
        });
        if !needs_check {
            if result.is_ok() {
                move_log(&mut connection, path);
            }
            return result
                .map_err(|error| error.at(path, "write to the database"))
                .map_err(|error| rejected(&mut connection, error));
        }
        log::info!("The change needs a page that looks free or shared: all pages are checked");
        require_sound_pages(path, cancel.cloned())?;
        is_checked = true;
    }
}

/// The triggers of these tables, whose names are in lower case.
pub(crate) fn triggers_of(
    connection: &mut SqliteConnection,
    tables: &[&str],
) -> QueryResult<Vec<String>> {
    sql::lines(
        connection,
        &format!(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' \
             AND lower(tbl_name) IN ('{}') ORDER BY name",
            tables.join("', '")
        ),
    )
}
