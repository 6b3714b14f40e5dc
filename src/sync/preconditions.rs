//! What must hold before an update begins, or a dry run promises one.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::own_triggers::require_none_that_interferes;
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::database::recognition::recognise::recognise;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::free_list::{has_doubtful_pages, require_sound_pages};
use crate::sqlite::prepared::Statements;
use crate::sync::chain_view::ChainView;
use crate::sync::member::Member;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;

/// Fails if the database is not at the newest version, or cannot be written.
pub(super) fn require_updatable(path: &Path) -> Result<(), SyncError> {
    require_latest(recognise(path)?.require_version(path)?)?;
    let file = DatabaseFile::at(path);
    file.require_writable()?;
    let has_sidecar = |sidecar| file.sidecar(sidecar).exists();
    if !has_sidecar(Sidecar::Wal) || !has_sidecar(Sidecar::Shm) {
        file.require_writable_folder()?;
    }
    Ok(())
}

/// Fails if an operation that is only planned would be refused as soon as it wrote: because of damage that makes pages
/// look free or gives them to two tables, or of a trigger of the user's own. `marks` is the table whose marks it moves.
pub(super) fn require_accepted_writes(
    path: &Path,
    marks: &str,
    cancel: &CancelToken,
) -> Result<(), SyncError> {
    let is_doubtful = read_without_trace(path, |connection| {
        require_none_that_interferes(connection, path)?;
        require_compiled_marks(connection, marks)?;
        has_doubtful_pages(connection, path)
    })
    .map_err(|error: Error| error.at(path, "look at the triggers"))?;
    if is_doubtful {
        require_sound_pages(path, Some(cancel.clone()))?;
    }
    Ok(())
}

/// Fails if SQLite cannot compile what each update writes at its end, the marks in a table: a trigger of the user's own can
/// need what only the user's program defines.
fn require_compiled_marks(connection: &mut SqliteConnection, table: &str) -> Result<(), Error> {
    let update = format!("UPDATE main.{table} SET last_update_block = last_update_block");
    Statements::of(connection)?.prepare(&update)?;
    Ok(())
}

/// Fails if the database is not at the newest version.
pub(super) fn require_latest(version: SchemaVersion) -> Result<(), SyncError> {
    if version == SchemaVersion::latest() {
        return Ok(());
    }
    Err(SyncError::Version {
        found: version.to_string(),
    })
}

/// Fails if an exchange or a market is at a block that the node does not have, or begins at one.
pub(super) fn require_marks_in_chain<M: Member>(
    scope: &Scope<M>,
    view: &ChainView,
) -> Result<(), SyncError> {
    let head = view.head.number;
    for member in &scope.exchanges {
        let exchange = Box::new(member.name());
        match member.mark() {
            Some(mark) if mark > head => {
                return Err(SyncError::BeyondHead {
                    exchange,
                    mark,
                    head,
                });
            }
            None if member.next() > head => {
                let first = member.next();
                return Err(SyncError::NotBegun {
                    exchange,
                    first,
                    head,
                });
            }
            _ => {}
        }
    }
    Ok(())
}
