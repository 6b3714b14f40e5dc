//! Creation of empty databases.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::open::{Access, is_wal_on_disk, open_connection};
use crate::database::copying::text_encoding::TextEncoding;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file::{PUBLIC, StagedFile};
use crate::database::recognition::recognise::recognise;
use crate::database::structure::create_tables::create_tables;
use crate::database::structure::schema_version::SchemaVersion;
use crate::folder_of::folder_of;
use crate::new_folders::NewFolders;

/// The page size of new databases: SQLite's default, and the Python package's.
pub(crate) const PAGE_SIZE: i64 = 4_096;

/// Creates an empty database at the newest version, and its folder if that is missing.
///
/// The database is in WAL mode with `auto_vacuum=FULL`, as the Python package creates it. It gets its name when
/// it is complete.
///
/// # Errors
///
/// Fails with [`ErrorKind::AlreadyExists`] if the path exists, with [`ErrorKind::Leftover`] if the log of a
/// deleted database lies there, and with another kind if the file cannot be written.
pub fn create_new_sqlite_database(path: &Path) -> Result<(), Error> {
    EffectTracker::track(path, |effect| create(path, effect))
}

fn create(path: &Path, effect: &mut EffectTracker) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(ErrorKind::AlreadyExists.at(path));
    }
    DatabaseFile::at(path).refuse_leftover()?;
    let folder = folder_of(path);
    let folders = NewFolders::create(folder).map_err(|error| Error::io(folder, "create", error))?;
    let staged = StagedFile::create(path, PUBLIC)?;
    build_empty(staged.path(), PAGE_SIZE, TextEncoding::DEFAULT)?;
    effect.publish(|| staged.publish_new())?;
    folders.keep();
    log::debug!("Created the database {}", path.display());
    Ok(())
}

/// Fills an empty file with the newest schema.
pub(super) fn build_empty(
    path: &Path,
    page_size: i64,
    encoding: TextEncoding,
) -> Result<(), Error> {
    let mut connection = open_connection(path, Access::Create)?;
    let failed = |error| Error::from_diesel(path, "create the database", error);
    // SQLite accepts these settings only before the first table. Nothing needs to be durable
    // yet, because the finished file is synced as a whole. WAL mode comes last: closing a database moves
    // its log into the file, and does not report whether that failed.
    connection
        .batch_execute(&format!(
            "PRAGMA encoding = '{encoding}'; PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = FULL; \
             PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF"
        ))
        .map_err(failed)?;
    create_tables(&mut connection, SchemaVersion::latest())
        .map_err(|error| Error::from_create_tables(path, error))?;
    connection
        .batch_execute("VACUUM; PRAGMA journal_mode = WAL")
        .map_err(failed)?;
    drop(connection);
    let built = recognise(path)?;
    if built.identity.version() != Some(SchemaVersion::latest()) || !is_wal_on_disk(path)? {
        return Err(ErrorKind::CopyCheckFailed {
            detail: "it is not what was written".to_owned(),
        }
        .at(path));
    }
    Ok(())
}
