//! Bringing in a database from before the first version: a new one is built beside it, compared with
//! it row by row, and put in its place; the original is kept under another name.
//!
//! Everything happens under one write lock on the old database, from before its structure is read to
//! the commit that replaces its content: readers go on meanwhile, a writer waits, and nothing that another
//! program commits can be missed. The new tables are filled in a temporary file by a second connection, so
//! that until the last step nothing of the old database has been touched. That step goes through SQLite, in the file that is
//! there: whether another program has it open cannot be known, since one that has not read from it yet
//! holds no lock, and it would go on with a file that is replaced under it.
//!
//! The tables of liquidity, which are by far the largest, have had the same columns in every revision.
//! Where they have, they stay where they are, and only their indexes change.
//!
//! - `rules` says where each value goes, as data; `mapping` turns that into statements;
//! - `work`, `tokens` and `exchanges` find out what a row refers to where that is spread out;
//! - `build` has `carry` fill the new tables; `indexes` makes their indexes;
//! - `swap` replaces, while `carry` compares in the `background`; so is the old database kept while the
//!   new one is built; `container` makes the temporary files;
//! - `obstacle` is what a row is that cannot be carried over without guessing.

mod background;
mod build;
mod carry;
mod container;
mod exchanges;
mod indexes;
mod mapping;
mod obstacle;
mod rules;
mod source;
mod swap;
mod tokens;
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use diesel::sqlite::SqliteConnection;

use super::assumption::Assumptions;
use super::claim::LFJ_TABLE;
use super::connection::{self, Access, LOCK_TIMEOUT};
use super::earlier::EarlierRevision;
use super::kept::{Kept, Published};
use super::lineage::{Origin, Recognition, recognise_connection};
use super::observer::{Observer, Stage};
use super::usability::{self, Usable};
use super::version::SchemaVersion;
use super::{Error, disk, leftovers, migrate, sql, stamps};
use crate::models::pools::pool_family::LIQUIDITY_TABLES;
use crate::sqlite::{Patience, stoppable};
use background::Background;
use carry::Counter;
use container::Files;
use source::Source;
use swap::{Object, Tables};

pub use obstacle::Obstacle;

/// How much disk a rebuild needs at most: the new database, the original that is kept, and the log through
/// which the one replaces the other. Two megabytes are for what does not depend on rows.
pub(super) fn disk_bytes(path: &Path) -> u64 {
    const EMPTY: u64 = 2 << 20;
    disk::size(path).saturating_mul(4).saturating_add(EMPTY)
}

/// What a rebuild did beyond carrying rows over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RebuildReport {
    /// Where the original is.
    pub original: PathBuf,
    /// The rows of the tables that were replaced.
    pub rows: u64,
    /// The tokens that pools referred to and `erc20_tokens` did not have.
    pub added_tokens: usize,
    /// The exchanges that were made of the pools' factories.
    pub added_exchanges: usize,
    /// Tables and columns that the new database has no place for, each as `TABLE` or `TABLE.COLUMN`.
    pub dropped: Vec<String>,
}

/// What a rebuild came to.
pub(super) enum Outcome {
    /// The database is at the target.
    Done(RebuildReport),
    /// Another process has brought it in meanwhile.
    NotNeeded,
}

/// Rebuilds a database at the version `target`.
pub(super) fn rebuild(
    path: &Path,
    target: SchemaVersion,
    assumptions: &Assumptions,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let real = fs::canonicalize(path).map_err(|error| Error::io(path, "find", error))?;
    connection::require_writable(&real)?;
    disk::require_room(path, &real, disk_bytes(&real))?;
    let stop = observer.stop_flag();
    let mut connection = stoppable(stop, || connection::open(path, Access::ReadWrite))?;
    let failed = |error| Error::from_diesel(path, "set up the connection", error);
    let is_wal = connection::journal_mode(&mut connection).map_err(failed)? == "wal";
    if !is_wal {
        // Writing anything before the commit would take a lock that no reader lets go of, and wait for it
        // again and again; the commit takes it once, or says that it cannot.
        sql::execute(&mut connection, "PRAGMA cache_spill = OFF").map_err(failed)?;
    }
    let files = Files::create(&mut connection, path, &real, target)?;
    let mut kept: Option<Published> = None;
    let result = migrate::with_foreign_keys_off(&mut connection, path, |connection| {
        let recognition = recognise_connection(connection)?;
        let (revision, half_way) = match recognition.origin {
            Some(Origin::Earlier { revision, half_way }) => (revision, half_way),
            Some(Origin::WithoutMaps(_)) => return Ok(Outcome::NotNeeded),
            None => {
                recognition.require_version(path)?;
                return Ok(Outcome::NotNeeded);
            }
        };
        let rebuild = Rebuild {
            path,
            recognition: &recognition,
            revision,
            half_way,
            target,
            assumptions,
        };
        rebuild.require_possible(connection)?;
        let original = Background::begin(path, {
            let (path, real) = (path.to_owned(), real.clone());
            move |observer| {
                let patience = Patience::new(LOCK_TIMEOUT, None);
                Kept::copy(&path, &real, ".pre-upgrade", &patience, observer)
            }
        })?;
        let mut builder = stoppable(stop, || connection::open(path, Access::ReadWrite))?;
        files.attach_for_filling(&mut builder, path)?;
        let built = build::build(&mut builder, &rebuild, observer)?;
        build::check_others(&mut builder, &rebuild, &built)?;
        let report = RebuildReport {
            original: PathBuf::new(),
            rows: built.rows,
            added_tokens: built.added_tokens,
            added_exchanges: built.added_exchanges,
            dropped: dropped(&rebuild.source())?,
        };
        let mut check = Some(Background::begin(path, {
            let path = path.to_owned();
            move |observer| {
                carry::check_all(&mut builder, &path, &built.carried, built.rows, observer)
            }
        })?);
        let original = original.finish(observer)?;
        // A reader is in the way of a writer, except in WAL mode.
        if !is_wal && let Some(check) = check.take() {
            check.finish(observer)?;
        }
        files.attach_for_reading(connection, path)?;
        rebuild.put_in_place(connection, &built.indexes, report.rows, observer)?;
        if let Some(check) = check.take() {
            check.finish(observer)?;
        }
        let original = original.publish()?;
        kept = Some(original.clone());
        Ok(Outcome::Done(RebuildReport {
            original: original.into_path(),
            ..report
        }))
    });
    if let (Err(_), Some(kept)) = (&result, &kept) {
        // The database itself is as it was.
        kept.discard();
    }
    let done = result?;
    if let Err(error) = connection::ensure_wal(&mut connection, path) {
        log::warn!("The database stays in rollback-journal mode: {error}");
    }
    Ok(done)
}

/// What is rebuilt, and as what.
#[derive(Clone, Copy)]
struct Rebuild<'rebuild> {
    path: &'rebuild Path,
    recognition: &'rebuild Recognition,
    revision: EarlierRevision,
    half_way: bool,
    target: SchemaVersion,
    assumptions: &'rebuild Assumptions,
}

impl<'rebuild> Rebuild<'rebuild> {
    fn source(&self) -> Source<'rebuild> {
        Source::new(&self.recognition.catalogue, self.revision)
    }

    /// Fails for what can be refused without building anything.
    fn require_possible(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        leftovers::check(connection, self.path, &self.recognition.catalogue)?;
        self.refuse_dangling()?;
        require_assumptions(connection, self.path, &self.source(), self.assumptions)
    }

    /// Puts the new content in the place of the old.
    fn put_in_place(
        &self,
        connection: &mut SqliteConnection,
        indexes: &[Object],
        rows: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let users = self.users_objects(connection)?;
        let usable = Usable::find(connection, self.path, &self.recognition.catalogue)?;
        sql::require_transaction(connection, self.path)?;
        let mut counter = Counter::new(self.path, observer, rows);
        let tables = Tables {
            replaced: &self.replaced_tables()?,
            staying: &self.staying()?,
        };
        let lost = |error| users_object_lost(self.path, &users, error);
        swap::swap(connection, &tables, &mut counter).map_err(lost)?;
        let missing = swap::missing_indexes(connection, &tables, indexes)?;
        indexes::make(connection, self.path, self.target, "main", missing).map_err(lost)?;
        for object in &users {
            sql::execute(connection, &object.statement).map_err(|error| lost(error.into()))?;
        }
        usable.require(connection, self.path)?;
        let arrived = recognise_connection(connection)?;
        let version = arrived.require_version(self.path)?;
        if version != self.target || !arrived.is_stamped_right {
            return Err(Error::RebuildCheckFailed {
                path: self.path.to_owned(),
                detail: format!("the new database came to be {}", arrived.name()),
            });
        }
        counter.advance(Stage::Replacing("alembic_version"), 0)
    }

    /// The tables of the old database that new ones take the place of.
    fn replaced_tables(&self) -> Result<Vec<String>, Error> {
        let staying = self.staying()?;
        let mut tables = self.old_tables()?;
        tables.retain(|table| !staying.contains(&table.as_str()));
        Ok(tables)
    }

    /// The tables of liquidity that are in the new schema as they are in the old one.
    fn staying(&self) -> Result<Vec<&'static str>, Error> {
        let target = &self.target.catalogue()?.tables;
        let is_same = |table: &&str| {
            let tables = [&self.recognition.catalogue.tables, target].map(|t| t.get(*table));
            matches!(tables, [Some(old), Some(new)]
                if old.columns == new.columns
                    && old.foreign_keys == new.foreign_keys
                    && old.unique_constraints == new.unique_constraints)
        };
        Ok(LIQUIDITY_TABLES.into_iter().filter(is_same).collect())
    }

    /// The tables of the old database that are not the user's own.
    fn old_tables(&self) -> Result<Vec<String>, Error> {
        let mut known = vec![
            self.revision.catalogue()?,
            self.target.catalogue()?,
            SchemaVersion::latest().catalogue()?,
        ];
        if self.half_way {
            known.push(self.revision.next()?.1);
        }
        let is_ours = |table: &String| {
            known
                .iter()
                .any(|structure| structure.tables.contains_key(table))
                || stamps::TABLES.contains(&table.as_str())
                || leftovers::is_leftover(table)
        };
        // A table that a later version adds is not the target's to drop.
        let is_later = |table: &String| table == LFJ_TABLE && !known[1].tables.contains_key(table);
        let tables = self.recognition.catalogue.tables.keys();
        Ok(tables
            .filter(|table| is_ours(table) && !is_later(table))
            .cloned()
            .collect())
    }

    /// Fails if a table of the user's own refers to one that there will not be.
    fn refuse_dangling(&self) -> Result<(), Error> {
        let gone = self.old_tables()?;
        let remaining = &self.target.catalogue()?.tables;
        usability::require_no_dangling(self.path, &self.recognition.catalogue, |table| {
            gone.iter().any(|gone| gone == table) && !remaining.contains_key(table)
        })
    }

    /// The user's own indexes and triggers on tables that are replaced. His views and tables stay.
    fn users_objects(&self, connection: &mut SqliteConnection) -> Result<Vec<Object>, Error> {
        let extras = self.recognition.extras();
        let replaced = self.replaced_tables()?;
        let mut objects = swap::objects(connection, "main")?;
        objects.retain(|object| {
            ["index", "trigger"].contains(&object.kind.as_str())
                && replaced.contains(&object.owner)
                && extras.contains(&format!("{} {}", object.kind, object.name))
        });
        Ok(objects)
    }
}

/// Fails where a value is needed that only the user can tell.
fn require_assumptions(
    connection: &mut SqliteConnection,
    path: &Path,
    source: &Source<'_>,
    assumptions: &Assumptions,
) -> Result<(), Error> {
    let table = "aerodrome_v2_pools";
    if !source.has_table(table) || assumptions.aerodrome_v2_stable.is_some() {
        return Ok(());
    }
    let condition = if source.has(table, "stable") {
        "stable IS NULL"
    } else {
        "1"
    };
    let query = format!("SELECT count(*) AS number FROM main.{table} WHERE {condition}");
    match sql::number(connection, &query)? {
        0 => Ok(()),
        rows => Err(Error::AssumptionNeeded {
            path: path.to_owned(),
            rows,
        }),
    }
}

/// The same for a database of which only the revision is known so far.
pub(super) fn missing_assumption(
    connection: &mut SqliteConnection,
    path: &Path,
    recognition: &Recognition,
    assumptions: &Assumptions,
) -> Result<Option<Error>, Error> {
    let Some(Origin::Earlier { revision, .. }) = recognition.origin else {
        return Ok(None);
    };
    let source = Source::new(&recognition.catalogue, revision);
    match require_assumptions(connection, path, &source, assumptions) {
        Err(error @ Error::AssumptionNeeded { .. }) => Ok(Some(error)),
        other => other.map(|()| None),
    }
}

/// What the newest schema has no place for, each as `TABLE` or `TABLE.COLUMN`.
pub(super) fn dropped_from(recognition: &Recognition) -> Result<Vec<String>, Error> {
    match recognition.origin {
        Some(Origin::Earlier { revision, .. }) => {
            dropped(&Source::new(&recognition.catalogue, revision))
        }
        _ => Ok(Vec::new()),
    }
}

fn dropped(source: &Source<'_>) -> Result<Vec<String>, Error> {
    let dropped = source.dropped()?.into_iter().map(|(table, column)| {
        column.map_or_else(|| table.to_owned(), |column| format!("{table}.{column}"))
    });
    Ok(dropped.collect())
}

/// Names the object of the user's own that could not be made anew, or whose name is needed.
fn users_object_lost(path: &Path, users: &[Object], error: Error) -> Error {
    let Error::Sql(cause) = &error else {
        return error;
    };
    let message = cause.to_string();
    if message.contains("already exists") || message.contains("there is already") {
        return Error::ObjectsLost {
            path: path.to_owned(),
            objects: vec![message],
        };
    }
    let lost = users
        .iter()
        .find(|object| message.contains("no such column") || message.contains(&object.name));
    match lost {
        Some(object) => Error::ObjectsLost {
            path: path.to_owned(),
            objects: vec![format!("{} {} ({message})", object.kind, object.name)],
        },
        None => error,
    }
}
