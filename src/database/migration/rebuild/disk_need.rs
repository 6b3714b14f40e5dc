//! The disk space that a rebuild needs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use diesel::QueryResult;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::migration::initialization_maps;
use crate::database::migration::rebuild::source::LegacySource;
use crate::database::migration::rebuild::task::Rebuild;
use crate::database::structure::catalogue::Index;
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::sqlite::prepared::Statements;

/// The pages for whatever does not depend on the number of rows: each table and index of each file has one at least.
const EMPTY: u64 = 512;

/// The bytes of an added token in all of the files, with its entries in indexes.
const TOKEN: u64 = 512;

/// Returns the most bytes that the files on the disk grow by, which is when the new content is moved from the log into
/// the database. They are in addition to the database and its log.
///
/// - The kept original is as large as the database: `1 * database`.
/// - Everything else depends on the tables that are replaced, on indexes of kept tables that go, and on words that are
///   computed. Of these:
///     - The new database has their rows and the index of tokens, and the work database what is known of pools. The
///       first is large if there are many tokens, and the other if there are many pools; both together take at most
///       `1.05`.
///     - The log has each new page once, and the pages that move into the place of others because the file gets
///       shorter: `1.05`. In rollback mode, the journal has the old pages instead.
///     - The database grows if new rows take more space than the old ones: `0.05` for rows of tokens, `0.25` for those
///       of pools, for which the two above are much smaller.
///     - SQLite sorts the entries of an index in temporary files, of which there are two while it merges them: `1` for
///       the largest index, unless they are on another disk.
/// - Tokens that pools name and the database lacks are added.
///
/// That makes `1 * database + 3.25 * replaced`, or `2.25 * replaced` with temporary files elsewhere. Databases of tokens,
/// of pools and of both were measured to take up to `3.1` and `2.1 * replaced` beside the kept original.
pub(super) fn at_most(
    connection: &mut SqliteConnection,
    file: &DatabaseFile,
    rebuild: &Rebuild<'_>,
) -> Result<u64, Error> {
    let page_size = number(
        connection,
        "SELECT page_size AS number FROM pragma_page_size",
    )?;
    let replaced = replaced_bytes(connection, rebuild)?;
    let tokens = missing_tokens(connection, &rebuild.source())?;
    let quarters = if sorts_on_disk_of(connection, file)? {
        13
    } else {
        9
    };
    Ok(file
        .bytes_with_log()
        .saturating_add(replaced.saturating_mul(quarters) / 4)
        .saturating_add(tokens.saturating_mul(TOKEN))
        .saturating_add(page_size.saturating_mul(EMPTY)))
}

/// Whether SQLite creates its temporary files on the disk of the database.
fn sorts_on_disk_of(connection: &mut SqliteConnection, file: &DatabaseFile) -> QueryResult<bool> {
    let device = |folder: &Path| fs::metadata(folder).ok().map(|metadata| metadata.dev());
    let folder = Statements::of(connection)?.temporary_folder();
    Ok(folder.is_none_or(|folder| device(&folder) == device(file.folder())))
}

/// The bytes of the tables that are replaced, of the indexes of kept tables that go, and of the words that are computed.
fn replaced_bytes(connection: &mut SqliteConnection, rebuild: &Rebuild<'_>) -> Result<u64, Error> {
    let source = rebuild.source();
    let old = &rebuild.recognition.catalogue.tables;
    let new = &rebuild.target.catalogue().tables;
    let replaced = rebuild.replaced_tables();
    let mut bytes = bytes_of(connection, "tbl_name", replaced.iter().map(String::as_str))?;
    for table in rebuild.kept_tables() {
        if let (Some(old), Some(new)) = (old.get(table), new.get(table)) {
            let goes = |(index, properties): &(&String, &Index)| {
                !new.indexes.contains_key(*index)
                    && LegacyRevision::any_has_index(table, index, properties)
            };
            let gone = old.indexes.iter().filter(goes);
            let gone = gone.map(|(index, _)| index.as_str());
            bytes = bytes.saturating_add(bytes_of(connection, "name", gone)?);
        }
    }
    for maps in initialization_maps::MAPS {
        if !source.has_table(maps.table) && source.has_table(maps.positions) {
            // A word is at most twice as long as a position, of which it has one at least.
            let positions = bytes_of(connection, "tbl_name", [maps.positions])?;
            bytes = bytes.saturating_add(positions.saturating_mul(2));
        }
    }
    Ok(bytes)
}

/// The bytes of the tables and indexes that have one of these names in a column of the schema. `dbstat` reads only their
/// pages.
fn bytes_of<'name>(
    connection: &mut SqliteConnection,
    column: &str,
    names: impl IntoIterator<Item = &'name str>,
) -> Result<u64, Error> {
    let names: Vec<_> = names.into_iter().map(sql::literal).collect();
    let query = format!(
        "SELECT sum(dbstat.pgsize) AS number FROM sqlite_schema AS object CROSS JOIN dbstat \
         ON dbstat.name = object.name WHERE dbstat.aggregate = 1 \
         AND object.{column} COLLATE NOCASE IN ({})",
        names.join(", ")
    );
    number(connection, &query)
}

/// The number of tokens that pools name by their addresses and the database lacks. A token of several chains counts once.
fn missing_tokens(
    connection: &mut SqliteConnection,
    source: &LegacySource<'_>,
) -> Result<u64, Error> {
    let mut queries = Vec::new();
    for table in source.kind_tables().chain(["pools", "uniswap_v4_pools"]) {
        for column in ["token0", "token1", "currency0", "currency1"] {
            if source.has(table, column) {
                queries.push(format!(
                    "SELECT {column} AS address FROM {table} WHERE {column} NOT IN \
                     (SELECT address FROM erc20_tokens WHERE address NOTNULL)"
                ));
            }
        }
    }
    if queries.is_empty() || !source.has_table("erc20_tokens") {
        return Ok(0);
    }
    let query = format!(
        "SELECT count(*) AS number FROM ({})",
        queries.join(" UNION ")
    );
    number(connection, &query)
}

fn number(connection: &mut SqliteConnection, query: &str) -> Result<u64, Error> {
    let number = sql::number(connection, query)?;
    Ok(u64::try_from(number).unwrap_or_default())
}
