//! Temporary files: the new database and the work database of a rebuild.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{Access, open_connection};
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::structure::create_tables::create_tables;
use crate::database::structure::schema_version::SchemaVersion;
use crate::sqlite::file_uri::uri;

/// The page cache of each attached database, in KiB. Token lookups are spread over the whole database. Twice as
/// much does not speed up the rebuild of a million rows (`cargo bench --bench upgrade`), and memory use should
/// stay small.
const CACHE_KIBIBYTES: i64 = 16_384;

/// The temporary files of a rebuild. Dropping this removes them.
#[derive(Debug)]
pub(super) struct TemporaryFiles {
    /// The new database.
    new: StagedFile,
    /// Intermediate results about the old database.
    work: StagedFile,
}

impl TemporaryFiles {
    /// Creates both files beside the old database, and the tables of the new database.
    pub(super) fn create(
        connection: &mut SqliteConnection,
        file: &DatabaseFile,
        target: SchemaVersion,
    ) -> Result<Self, Error> {
        let files = Self {
            new: StagedFile::create(file.real(), PRIVATE)?,
            work: StagedFile::create(file.real(), PRIVATE)?,
        };
        let settings = FileSettings::of(connection, file.path())?;
        settings.build(files.new.path(), target)?;
        settings.prepare(files.work.path())?;
        Ok(files)
    }

    /// Attaches both files as `new` and `work`, to be filled.
    pub(super) fn attach_for_filling(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), Error> {
        attach(connection, path, self.new.path(), "new", "rw")?;
        attach(connection, path, self.work.path(), "work", "rw")?;
        // Incomplete files are deleted, so nothing needs a journal. Rows with broken foreign keys are carried
        // over as they are.
        connection
            .batch_execute(
                "PRAGMA foreign_keys = OFF; PRAGMA new.journal_mode = OFF; PRAGMA new.synchronous = OFF; \
                 PRAGMA work.journal_mode = OFF; PRAGMA work.synchronous = OFF",
            )
            .map_err(|error| Error::from_diesel(path, "open the new database", error))
    }

    /// Attaches the complete new database as `new`, to be read.
    pub(super) fn attach_for_reading(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), Error> {
        attach(connection, path, self.new.path(), "new", "ro")
    }
}

/// The settings in a database file's header, which a rebuild keeps.
#[derive(Debug, QueryableByName)]
struct FileSettings {
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = BigInt)]
    page_size: i64,
    #[diesel(sql_type = BigInt)]
    auto_vacuum: i64,
    #[diesel(sql_type = BigInt)]
    user_version: i64,
    #[diesel(sql_type = BigInt)]
    application_id: i64,
}

impl FileSettings {
    fn of(connection: &mut SqliteConnection, path: &Path) -> Result<Self, Error> {
        diesel::sql_query(
            "SELECT encoding, page_size, auto_vacuum, user_version, application_id \
             FROM pragma_encoding, pragma_page_size, pragma_auto_vacuum, pragma_user_version, \
                  pragma_application_id",
        )
        .get_result(connection)
        .map_err(|error| Error::from_diesel(path, "read the database's settings", error))
    }

    /// Creates a temporary database with the same settings. SQLite attaches only databases of the same
    /// encoding.
    fn prepare(&self, file: &Path) -> Result<SqliteConnection, Error> {
        let mut connection = open_connection(file, Access::Create)?;
        connection
            .batch_execute(&format!(
                "PRAGMA encoding = {}; PRAGMA page_size = {}; PRAGMA auto_vacuum = {}; \
                 PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; \
                 PRAGMA user_version = {}; PRAGMA application_id = {}",
                sql::literal(&self.encoding),
                self.page_size,
                self.auto_vacuum,
                self.user_version,
                self.application_id
            ))
            .map_err(|error| Error::from_diesel(file, "create a temporary database", error))?;
        Ok(connection)
    }

    /// Creates the new tables in a temporary file.
    fn build(&self, staged: &Path, target: SchemaVersion) -> Result<(), Error> {
        let mut connection = self.prepare(staged)?;
        create_tables(&mut connection, target)
            .map_err(|error| Error::from_create_tables(staged, error))
    }
}

/// Attaches a temporary database to the connection of the old one.
fn attach(
    connection: &mut SqliteConnection,
    path: &Path,
    staged: &Path,
    schema: &str,
    mode: &str,
) -> Result<(), Error> {
    diesel::sql_query(format!("ATTACH ? AS {schema}"))
        .bind::<Text, _>(uri(staged, &format!("mode={mode}")))
        .execute(connection)
        .and_then(|_| {
            connection.batch_execute(&format!(
                "PRAGMA {schema}.cache_size = {cache}; PRAGMA main.cache_size = {cache}",
                cache = -CACHE_KIBIBYTES
            ))
        })
        .map_err(|error| Error::from_diesel(path, "open the new database", error))
}
