//! The pages that a write takes: those in the list of free pages, and those after the last page.
//!
//! SQLite writes over a page that is in use if the list names it by mistake, or if the header of the file has too small
//! a number of pages. Only a look at every page shows whether one does. A small write cannot afford that in a large
//! file, and rarely needs it: nearly all of them take no page from the list, and the file ends after its last page.
//!
//! A page is also in use twice if the schema names one root page for two tables.

use std::path::Path;

use diesel::QueryResult;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::{pages_on_disk, read_beside_others};
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::verification::integrity_check::{IntegrityCheck, first_damage};
use crate::sqlite::connection_hooks::cancellable;

/// Whether the tables of small writes have triggers, or rows that do not fit on one page. Of tokens, such writes only
/// insert rows, which gives nothing back.
const GIVES_BACK: &str = "WITH written(name) AS (VALUES ('exchanges'), ('pool_managers'), ('exchange_deployments'), \
     ('aave_v3_markets'), ('aave_v3_contracts'), ('aave_v3_market_facts'), ('aave_gho_tokens')) \
     SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' \
         AND (lower(tbl_name) IN written OR lower(tbl_name) = 'erc20_tokens')) \
     OR EXISTS (SELECT 1 FROM written, dbstat WHERE dbstat.name = written.name AND pagetype = 'overflow') AS number";

/// Whether two tables or indexes have the same root page. Rows that are written to one are then in the other as well.
const SHARES_ROOT: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE rootpage > 0 \
     GROUP BY rootpage HAVING count(*) > 1) AS number";

/// The pages that a transaction can take, at its start.
#[derive(Debug)]
pub(crate) struct FreePages {
    /// The length of the list.
    listed: i64,
    /// Whether its length says nothing of the pages that the transaction takes. The commit can move other pages into all free
    /// ones (`auto_vacuum=FULL`), even if nothing was written. A write to the exchanges or markets could give back as many
    /// pages as it takes: a trigger could, and an update of a row that needs further pages.
    is_length_vague: bool,
    /// The number of pages that the header of the file has.
    counted: i64,
    /// Whether the file has more pages than the database, and than its own header says. In WAL mode, a database that has
    /// become shorter is shorter than its file until the log is moved into it; the header then still fits the file.
    has_more: bool,
    /// Whether a page that the transaction writes to can be another table's.
    is_shared: bool,
}

impl FreePages {
    /// Looks at the database at `path` with a connection that is in a write transaction.
    pub(crate) fn look(connection: &mut SqliteConnection, path: &Path) -> Result<Self, Error> {
        Self::read(connection, path)
            .map_err(|error| Error::from_diesel(path, "read the list of free pages", error))
    }

    fn read(connection: &mut SqliteConnection, path: &Path) -> QueryResult<Self> {
        let auto_vacuum = "SELECT auto_vacuum AS number FROM pragma_auto_vacuum";
        let page_size = "SELECT page_size AS number FROM pragma_page_size";
        let counted = count(connection)?;
        let page_size = sql::number(connection, page_size)?;
        let bytes = DatabaseFile::at(path).bytes();
        let is_longer = |pages: i64| {
            let pages = u64::try_from(pages.saturating_mul(page_size)).unwrap_or_default();
            bytes > pages
        };
        let listed = length(connection)?;
        Ok(Self {
            listed,
            is_length_vague: listed > 0
                && (sql::number(connection, auto_vacuum)? == 1
                    || sql::number(connection, GIVES_BACK)? != 0),
            counted,
            has_more: is_longer(counted)
                && pages_on_disk(path).map_or(true, |pages| is_longer(pages.into())),
            is_shared: sql::number(connection, SHARES_ROOT)? != 0,
        })
    }

    /// Whether the transaction has written to pages that may be in use elsewhere, or would do so at its commit.
    pub(crate) fn is_used(&self, connection: &mut SqliteConnection) -> QueryResult<bool> {
        if self.is_shared || self.has_more && count(connection)? > self.counted {
            return Ok(true);
        }
        Ok(self.listed > 0 && (self.is_length_vague || length(connection)? != self.listed))
    }
}

/// Checks all pages if the database has free ones, if the file has pages after the last one, or if two tables have the same
/// root page. Otherwise this takes no time. Who writes for long, and takes pages with nearly every commit, does this once,
/// before the first write: an update from a node, and a pool of connections.
pub(crate) fn require_sound_free_pages(
    connection: &mut SqliteConnection,
    path: &Path,
    cancel: Option<CancelToken>,
) -> Result<(), Error> {
    if !has_doubtful_pages(connection, path)? {
        return Ok(());
    }
    log::info!("The database has free or shared pages: all pages are checked");
    require_sound_pages(path, cancel)
}

/// Whether the database has free pages, the file has pages after the last one, or two tables have the same root page.
pub(crate) fn has_doubtful_pages(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<bool, Error> {
    let free = FreePages::look(connection, path)?;
    Ok(free.listed > 0 || free.has_more || free.is_shared)
}

fn count(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let query = "SELECT page_count AS number FROM pragma_page_count";
    sql::number(connection, query)
}

fn length(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let query = "SELECT freelist_count AS number FROM pragma_freelist_count";
    sql::number(connection, query)
}

/// Fails if a page is damaged, or both free and in use.
pub(crate) fn require_sound_pages(path: &Path, cancel: Option<CancelToken>) -> Result<(), Error> {
    let damage = cancellable(cancel, || {
        read_beside_others(path, |connection| {
            first_damage(connection, path, IntegrityCheck::Quick)
        })
    })?;
    match damage {
        Some(detail) => Err(ErrorKind::Damaged { detail }.at(path)),
        None => Ok(()),
    }
}
