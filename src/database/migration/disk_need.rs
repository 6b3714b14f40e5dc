//! The disk space that a migration in place needs.
//!
//! Nobody knows it before the migration: it depends on where the rows lie. Known are a lower limit, without which the
//! migration cannot end, and an upper one: every page of the database changes, and those of new tables come on top.

use std::fs;
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::is_wal_on_disk;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::database::files::disk_space;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;

/// The size of the log's index, in bytes, as SQLite creates it.
const INDEX_BYTES: u64 = 32 << 10;

/// The least size of an entry of an index, in bytes: its record and the pointer to it.
const ENTRY_BYTES: u64 = 8;

/// The size of an entry with an address and a number, in pages that are half full.
const LARGE_ENTRY_BYTES: u64 = 128;

/// Fails if the disk has less room than the migration certainly needs.
pub(super) fn require_room(
    connection: &mut SqliteConnection,
    path: &Path,
    from: SchemaVersion,
    target: SchemaVersion,
) -> Result<(), Error> {
    let needed = at_least(connection, path, from, target)?;
    disk_space::require_least_room(path, DatabaseFile::at(path).real(), needed)
}

/// The bytes that the files of the database certainly grow by.
pub(super) fn at_least(
    connection: &mut SqliteConnection,
    path: &Path,
    from: SchemaVersion,
    target: SchemaVersion,
) -> Result<u64, Error> {
    let page_size = number(
        connection,
        "SELECT page_size AS number FROM pragma_page_size",
    )?;
    let sizes = (page_size, ENTRY_BYTES);
    let new = new_bytes(connection, from.catalogue(), target.catalogue(), sizes)?;
    // The first page changes, too.
    let written = new.saturating_add(page_size);
    let file = DatabaseFile::at(path);
    if is_wal_on_disk(path)? {
        let index = if file.sidecar(Sidecar::Shm).exists() {
            0
        } else {
            INDEX_BYTES
        };
        // A log that was moved into the database is written from its start again.
        let log = fs::metadata(file.sidecar(Sidecar::Wal)).map_or(0, |log| log.len());
        return Ok(written.saturating_sub(log).saturating_add(index));
    }
    let free = number(
        connection,
        "SELECT freelist_count AS number FROM pragma_freelist_count",
    )?;
    let grown = new.saturating_sub(free.saturating_mul(page_size));
    // The old first page is kept in the journal.
    Ok(grown.saturating_add(page_size))
}

/// The bytes that the files of the database grow by at most: the log, which has each changed page once, and the database
/// itself, into which its pages are moved. `computed` are the bytes of the rows that the migration computes.
pub(super) fn at_most(
    connection: &mut SqliteConnection,
    path: &Path,
    from: SchemaVersion,
    target: SchemaVersion,
    computed: u64,
) -> Result<u64, Error> {
    /// The header of a page in the log is less than this part of the page.
    const HEADER: u64 = 20;
    let page_size = number(
        connection,
        "SELECT page_size AS number FROM pragma_page_size",
    )?;
    let sizes = (page_size, LARGE_ENTRY_BYTES);
    let new = new_bytes(connection, from.catalogue(), target.catalogue(), sizes)?;
    // The pages with the schema become more, too.
    let grown = new.saturating_add(new / 8).saturating_add(computed);
    let changed = DatabaseFile::at(path)
        .bytes_with_log()
        .saturating_add(grown);
    let log = changed.saturating_add(changed / HEADER);
    Ok(log.saturating_add(grown).saturating_add(INDEX_BYTES))
}

/// The bytes of the tables and indexes that the target has in addition, with pages and entries of these sizes.
fn new_bytes(
    connection: &mut SqliteConnection,
    from: &Catalogue,
    target: &Catalogue,
    (page_size, entry_bytes): (u64, u64),
) -> Result<u64, Error> {
    let mut bytes = 0_u64;
    for (name, table) in &target.tables {
        let Some(present) = from.tables.get(name) else {
            let objects = u64::try_from(1 + table.indexes.len()).unwrap_or(u64::MAX);
            bytes = bytes.saturating_add(page_size.saturating_mul(objects));
            continue;
        };
        let added = table
            .indexes
            .keys()
            .filter(|index| !present.indexes.contains_key(*index))
            .count();
        if added > 0 {
            let query = format!("SELECT count(*) AS number FROM {}", sql::name(name));
            let entries = number(connection, &query)?.saturating_mul(entry_bytes);
            let added = u64::try_from(added).unwrap_or(u64::MAX);
            bytes = bytes.saturating_add(entries.max(page_size).saturating_mul(added));
        }
    }
    Ok(bytes)
}

fn number(connection: &mut SqliteConnection, query: &str) -> Result<u64, Error> {
    let number = sql::number(connection, query)?;
    Ok(u64::try_from(number).unwrap_or_default())
}
