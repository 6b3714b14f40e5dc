//! The checks of finished copies.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{
    Access, open_connection, open_for_reading, read_beside_others,
};
use crate::database::copying::same_rows::{Mismatch, compare};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::not_checked::NotChecked;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file::StagedFile;
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise_connection;
use crate::database::verification::integrity_check;
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::sqlite::connection_hooks::cancellable;

/// Checks that a finished copy is a degenbot database, and runs the integrity check `verify` if there is one. Returns the
/// parts that could not be checked, which are an error unless `allow_unchecked` is set. Errors name `backup_path`.
pub(crate) fn check_copy(
    staged: &StagedFile,
    backup_path: &Path,
    verify: Option<IntegrityCheck>,
    allow_unchecked: bool,
    observer: &mut dyn Observer,
) -> Result<(Recognition, Vec<NotChecked>), Error> {
    let (mut connection, recognition) = recognise_copy(staged, backup_path, observer)?;
    let Some(level) = verify else {
        return Ok((recognition, Vec::new()));
    };
    report(observer, backup_path, Stage::Verifying, 0, 0)?;
    let checked = integrity_check::check(&mut connection, backup_path, level, allow_unchecked)?;
    match checked.problem {
        Some(problem) => Err(failed(backup_path, problem)),
        None => Ok((recognition, checked.not_checked)),
    }
}

/// Checks the pages of a database before a copy of it is written row by row. SQLite does not notice all damage while it
/// copies: it can skip rows, or copy them to where they cannot be found. Errors name `path`.
pub(crate) fn check_source(
    file: &Path,
    access: Access,
    path: &Path,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    if access == Access::ReadWrite {
        // A user who may only read must not open it: SQLite would create files that the owner cannot write to.
        DatabaseFile::at(file).require_writable()?;
    }
    report(observer, path, Stage::Verifying, 0, 0)?;
    let check = |connection: &mut SqliteConnection| {
        integrity_check::first_damage(connection, path, IntegrityCheck::Quick)
    };
    let damage = cancellable(observer.cancel_token(), || match access {
        Access::ReadWrite => read_beside_others(file, check),
        _ => check(&mut open_connection(file, access)?),
    })?;
    match damage {
        Some(detail) => Err(ErrorKind::Damaged { detail }.at(path)),
        None => Ok(()),
    }
}

/// Checks a copy that was written row by row: it has every row of its source under the same rowid, and it passes the
/// full check. The caller makes sure that the source does not change. Errors name `path`.
pub(crate) fn check_rewritten(
    source: &Path,
    access: Access,
    staged: &StagedFile,
    path: &Path,
    observer: &mut dyn Observer,
) -> Result<Recognition, Error> {
    report(observer, path, Stage::Verifying, 0, 0)?;
    let (mut ours, mut theirs) = cancellable(observer.cancel_token(), || {
        open_to_read(source, access)
            .and_then(|source| Ok((source, open_connection(staged.path(), Access::Immutable)?)))
    })?;
    let tell = || report(observer, path, Stage::Verifying, 0, 0).is_ok();
    compare(&mut ours, &mut theirs, tell).map_err(|mismatch| match mismatch {
        Mismatch::Source(error) => Error::from_diesel(path, "compare the copy", error),
        Mismatch::Copy(error) => match Error::from_diesel(path, "compare the copy", error) {
            Error {
                kind: ErrorKind::Damaged { detail },
                ..
            } => ErrorKind::CopyCheckFailed { detail }.at(path),
            other => other,
        },
        Mismatch::Difference(detail) => ErrorKind::CopyCheckFailed { detail }.at(path),
        Mismatch::Stopped => ErrorKind::Interrupted.at(path),
    })?;
    drop((ours, theirs));
    // Each row was compared. What cannot be checked besides depends on what only the user's program defines.
    let (mut connection, recognition) = recognise_copy(staged, path, observer)?;
    match integrity_check::first_damage(&mut connection, path, IntegrityCheck::Full)? {
        Some(problem) => Err(failed(path, problem)),
        None => Ok(recognition),
    }
}

/// Opens a database that is only read here. Its log stays as it is when the connection closes.
fn open_to_read(file: &Path, access: Access) -> Result<SqliteConnection, Error> {
    match access {
        Access::ReadWrite => open_for_reading(file),
        _ => open_connection(file, access),
    }
}

fn recognise_copy(
    staged: &StagedFile,
    backup_path: &Path,
    observer: &mut dyn Observer,
) -> Result<(SqliteConnection, Recognition), Error> {
    let mut connection = cancellable(observer.cancel_token(), || {
        open_connection(staged.path(), Access::Immutable)
    })
    .map_err(|error| match error.kind {
        // A user knows the copy by its name, and a damaged copy says nothing of the database.
        ErrorKind::Damaged { detail } => failed(backup_path, detail),
        _ => error,
    })?;
    let recognition = recognise_connection(&mut connection)
        .and_then(|recognition| {
            recognition.require_degenbot(backup_path)?;
            Ok(recognition)
        })
        .map_err(
            |error| match error.at(backup_path, "recognise the database") {
                // What the system lacks says nothing of the copy.
                error if error.is_about_the_system() => error,
                error => failed(backup_path, error.to_string()),
            },
        )?;
    Ok((connection, recognition))
}

fn failed(backup_path: &Path, detail: String) -> Error {
    ErrorKind::CopyCheckFailed { detail }.at(backup_path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::files::staged_file::PRIVATE;

    #[test]
    fn copy_that_is_no_database_is_named_as_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("x.bak");
        let mut staged = StagedFile::create(&backup, PRIVATE).unwrap();
        let mut page = [0; 4096];
        page[..18].copy_from_slice(b"SQLite format 3\0\x10\0");
        page[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
        page[100] = 1;
        staged.write(&page).unwrap();
        let error = check_copy(&staged, &backup, None, true, &mut ()).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::CopyCheckFailed { .. }),
            "{error}"
        );
        assert_eq!(error.path(), Some(&*backup));
    }
}
