//! Publication of a complete copy under its final name.

use std::fs;
use std::path::Path;

use crate::database::connection::open::{Access, is_wal_on_disk, open_raw_connection, settle};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, backup_path};
use crate::database::files::regular_file::require_replaceable_file;
use crate::database::files::reserved::{Use, use_of};
use crate::database::files::staged_file::StagedFile;
use crate::database::recognition::recognise::{recognise, recognise_without_trace};
use crate::sqlite::busy_handler::BusyHandler;

/// Renames a complete copy to its final name.
pub(crate) fn publish(staged: StagedFile, replace_existing: bool) -> Result<(), Error> {
    if replace_existing {
        return staged.replace();
    }
    staged.publish_new().map_err(|error| match error.kind {
        ErrorKind::AlreadyExists => error.with_kind(ErrorKind::BackupExists),
        _ => error,
    })
}

/// Fails if a copy of `file` cannot be written to `backup`. Only a regular file is replaced, and only one that is
/// degenbot's. At the default name of a backup, any SQLite database counts as one.
pub(crate) fn check_target(
    file: &DatabaseFile,
    backup: &Path,
    replace_existing: bool,
) -> Result<(), Error> {
    require_replaceable_file(backup)?;
    DatabaseFile::at(backup).require_regular_sidecars()?;
    DatabaseFile::at(backup).refuse_follower()?;
    if let Some(used @ (Use::Sidecar | Use::SidecarOfOther | Use::Replication | Use::Temporary)) =
        use_of(file, backup)
    {
        let what = used.title();
        return Err(ErrorKind::TargetIsReserved { what }.at(backup));
    }
    // Only the log of a recognised database can be cleared away later.
    if let Some(leftover) = DatabaseFile::at(backup).leftover()
        && let Err(error) = recognise_without_trace(backup)
    {
        match error.kind {
            ErrorKind::HotJournal => {}
            // The journal is that of a program that writes.
            ErrorKind::Locked | ErrorKind::Interrupted => return Err(error),
            _ => return Err(ErrorKind::Leftover { leftover }.at(backup)),
        }
    }
    let Ok(metadata) = fs::symlink_metadata(backup) else {
        return Ok(());
    };
    // A dangling link may point to a disk that is not mounted at the moment.
    if backup.is_dir() || (metadata.is_symlink() && !backup.exists()) {
        return Err(ErrorKind::AlreadyExists.at(backup));
    }
    if file.is_same_as(backup) {
        return Err(ErrorKind::BackupOntoItself.at(backup));
    }
    // A link of that name says nothing about the file that it leads to.
    let is_default = backup == backup_path(file.path()) && !metadata.is_symlink();
    require_degenbot(backup, is_default)?;
    if !replace_existing {
        return Err(ErrorKind::BackupExists.at(backup));
    }
    Ok(())
}

/// Fails if the file at the path of a copy is somebody else's. An empty or a damaged database is not. With `any_database`,
/// no SQLite database is.
fn require_degenbot(existing: &Path, any_database: bool) -> Result<(), Error> {
    let foreign = |expected| Err(ErrorKind::TargetIsForeign { expected }.at(existing));
    match recognise_without_trace(existing) {
        Ok(recognition) if any_database || recognition.catalogue.tables.is_empty() => Ok(()),
        Ok(recognition) => recognition
            .require_degenbot(existing)
            .or_else(|_| foreign("a degenbot database")),
        // What it is stays unknown.
        Err(error) if error.is_about_the_system() => Err(error),
        Err(error) => match error.kind {
            ErrorKind::NotADatabase if any_database => foreign("an SQLite database"),
            ErrorKind::NotADatabase => foreign("a degenbot database"),
            // Nobody knows what it is, or it is in use.
            ErrorKind::CannotOpen { .. } | ErrorKind::Locked => Err(error),
            // Clearing the leftovers away finds any other obstacle.
            _ => Ok(()),
        },
    }
}

/// Removes the sidecars of an earlier backup that somebody has opened. SQLite would apply that log to the new
/// backup. Waits for programs that use the earlier one: what they write would be lost.
///
/// # Errors
///
/// [`ErrorKind::Locked`] if one goes on using it.
pub(crate) fn clear_away_leftovers(
    target: &DatabaseFile,
    busy_handler: &BusyHandler,
) -> Result<(), Error> {
    if !target.has_sidecars() {
        return await_end_of_use(target, busy_handler);
    }
    // Only a recognised database is opened for this: beside any other file, SQLite might delete the log.
    let recognised = recognise(target.path());
    let is_own_log = recognised.is_ok();
    let settled = recognised.and_then(|_| settle(target.path(), busy_handler));
    match (target.leftover(), settled) {
        (_, Err(error)) if matches!(error.kind, ErrorKind::Locked) => Err(error),
        // The log belongs to the copy, which the user may not write, for example.
        (Some(_), Err(error)) if is_own_log => Err(error),
        (Some(leftover), _) => Err(ErrorKind::Leftover { leftover }.at(target.path())),
        (None, _) => Ok(()),
    }
}

/// Waits until nobody reads or writes a database in rollback mode. One in WAL mode without sidecars is in no use.
fn await_end_of_use(target: &DatabaseFile, busy_handler: &BusyHandler) -> Result<(), Error> {
    let path = target.path();
    if !path.exists() || is_wal_on_disk(path).unwrap_or(false) {
        return Ok(());
    }
    let locked = open_raw_connection(path, Access::ReadWrite, busy_handler).and_then(|handle| {
        handle
            .execute("BEGIN EXCLUSIVE; COMMIT")
            .map_err(|error| Error::from_sqlite(path, error))
    });
    match locked {
        Err(error) if matches!(error.kind, ErrorKind::Locked | ErrorKind::Interrupted) => {
            Err(error)
        }
        // Nobody can use what cannot be opened, or is no database.
        _ => Ok(()),
    }
}
