//! The operation `export`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use diesel::sqlite::SqliteConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::read_only::read_one_state;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::export::file_set::{ExportFile, check_target, publish_all};
use crate::database::export::options::{ExportOptions, ExportReport, ExportedFile, InvalidValues};
use crate::database::export::read_rows::Collector;
use crate::database::export::read_ticks::read_ticks;
use crate::database::export::table_file::{Course, Target, Written, write_table};
use crate::database::export::tables::{Source, TABLES, Table};
use crate::database::files::database_file::DatabaseFile;
use crate::database::progress::Observer;
use crate::database::recognition::recognise::{recognise_state, recognise_without_trace};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::models::pools::pool_family::PoolFamily;
use crate::new_folders::NewFolders;
use crate::sqlite::connection_hooks::cancellable;
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::prepared::Statements;
use crate::types::integer::ChainId;

/// Writes the tables of a database to files for data frames: denormalised, with the chain in every row, and with every
/// number beyond 64 bits as exact text and as a float.
///
/// The rows are those of one state of the database, which others can write to meanwhile. They are streamed: the memory does
/// not grow with the database. Reading leaves no trace, so the database may be on a disk that nobody can write to, or follow
/// another one. The files get their names all together, when they are complete; if one cannot get its name, none has.
///
/// Every version has the same files with the same columns; what a version lacks is NULL, or a file without rows. So is a value
/// that is not what its column can have: NULL, and counted ([`ExportedFile::invalid`]).
///
/// # Errors
///
/// - [`Refused`](crate::database::ErrorKind::Refused) if the database is not at a version of this program;
/// - [`ExportExists`](crate::database::ErrorKind::ExportExists) if there is a file that may not be replaced;
/// - [`TargetIsForeign`](crate::database::ErrorKind::TargetIsForeign) if one is no file of an export;
/// - [`DiskFull`](crate::database::ErrorKind::DiskFull) if the files do not fit on the disk;
/// - [`Interrupted`](crate::database::ErrorKind::Interrupted) if the observer asks for it;
/// - another kind if the database cannot be read or a file cannot be written.
pub fn export_database(
    path: &Path,
    options: &ExportOptions,
    observer: &mut dyn Observer,
) -> Result<ExportReport, Error> {
    let _waiting = LockWait::begin(options.wait, observer.cancel_token());
    EffectTracker::track(path, |effect| export(path, options, observer, effect))
}

fn export(
    path: &Path,
    options: &ExportOptions,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<ExportReport, Error> {
    recognise_without_trace(path)?.require_version_of_structure(path)?;
    let database = DatabaseFile::existing(path)?;
    let only: BTreeSet<_> = options.only.iter().copied().collect();
    let tables = TABLES
        .iter()
        .filter(|table| only.is_empty() || only.contains(&table.part));
    let format = options.format;
    let targets: Vec<_> = tables
        .map(|table| {
            let name = format!("{}.{format}", table.name);
            (table, options.output.join(name))
        })
        .collect();
    // A user who is asked whether to replace a file has heard of everything else that stands in the way.
    for replace_existing in [true, options.replace_existing] {
        for (_, target) in &targets {
            check_target(&database, target, format, replace_existing)?;
        }
    }
    require_different(&targets)?;
    let folders = NewFolders::create(&options.output)
        .map_err(|error| Error::io(&options.output, "create", error))?;
    let mut files = targets
        .into_iter()
        .map(|(table, target)| ExportFile::create(table, target))
        .collect::<Result<Vec<_>, Error>>()?;
    let cancel = observer.cancel_token();
    let (version, files_written) = cancellable(cancel, || {
        read_one_state(path, |connection| {
            export_state(connection, path, options, &mut files, observer)
                .map_err(|error| error.at(path, "export the database"))
        })
    })??;
    effect.publish(|| publish_all(&database, files, format, options.replace_existing))?;
    folders.keep();
    Ok(ExportReport {
        version,
        files: files_written,
    })
}

/// Fails if two of the files are one, by links.
fn require_different(targets: &[(&Table, PathBuf)]) -> Result<(), Error> {
    let mut files = BTreeSet::new();
    for (_, target) in targets {
        let real = DatabaseFile::at(target).real().to_owned();
        if !files.insert(real) {
            let what = "another file of the export";
            return Err(ErrorKind::TargetIsReserved { what }.at(target));
        }
    }
    Ok(())
}

/// Writes all files from the state that a connection reads.
fn export_state(
    connection: &mut SqliteConnection,
    path: &Path,
    options: &ExportOptions,
    files: &mut [ExportFile],
    observer: &mut dyn Observer,
) -> Result<(SchemaVersion, Vec<ExportedFile>), Error> {
    let version = recognise_state(connection)?.require_version_of_structure(path)?;
    let catalogue = version.catalogue();
    let mut exported = Vec::new();
    for file in files {
        // It has rows if the files have changed while they were read before.
        file.empty()?;
        let table = file.table;
        let total = rows_of(connection, catalogue, table)?;
        let target = Target {
            path: &file.path,
            file: file.file(),
            format: options.format,
        };
        let course = Course {
            observer: &mut *observer,
            total,
            done: 0,
        };
        let statements = Statements::of(connection)?;
        let mut is_missing = false;
        let Written { rows, invalid } = write_table(table, &target, course, |collector| {
            is_missing = !read_table(statements, catalogue, &options.chains, table, collector)?;
            Ok(())
        })?;
        let invalid = table.columns.iter().zip(invalid);
        exported.push(ExportedFile {
            table: table.name,
            path: file.path.clone(),
            rows,
            bytes: file.bytes()?,
            is_missing,
            invalid: invalid
                .filter(|(_, values)| *values > 0)
                .map(|(column, values)| InvalidValues {
                    column: column.name,
                    values,
                })
                .collect(),
        });
    }
    Ok((version, exported))
}

/// Adds the rows of a table. Returns whether the version has the table.
fn read_table(
    statements: Statements<'_>,
    catalogue: &Catalogue,
    chains: &[ChainId],
    table: &'static Table,
    collector: &mut Collector<'_>,
) -> Result<bool, Error> {
    match table.source {
        Source::Query(query) => {
            let Some(source) = query(catalogue) else {
                return Ok(false);
            };
            let mut rows = statements.prepare(&table.query(&source, chains))?;
            collector.read(&mut rows)?;
        }
        Source::Ticks => {
            for family in PoolFamily::ALL {
                read_ticks(statements, family, chains, table.columns, collector)?;
            }
        }
    }
    Ok(true)
}

/// About how many rows a table has: as many as its last id says.
fn rows_of(
    connection: &mut SqliteConnection,
    catalogue: &Catalogue,
    table: &Table,
) -> Result<u64, Error> {
    let mut rows = 0;
    for table in table.counted {
        if catalogue.tables.contains_key(*table) {
            let query = format!("SELECT max(id) AS number FROM {table}");
            rows += u64::try_from(sql::number(connection, &query)?).unwrap_or(0);
        }
    }
    Ok(rows)
}
