//! How far a database is, and what is known of its backup, for `database status`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::files::cut_file;
use crate::database::files::database_file::{DatabaseFile, backup_path};
use crate::database::files::dated_backup::dated_backups;
use crate::database::files::file_stamp::LARGEST_SKEW;
use crate::database::files::open_by::{Program, programs_using};
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::recognition::recognise::recognise_connection;
use crate::database::reports::inspect::{ExchangeInfo, exchanges_of};
use crate::database::reports::market_list::{MarketInfo, markets_of};
use crate::folder_of::folder_of;
use crate::setters::setters;
use crate::sqlite::auto_checkpoint::LITESTREAM;
use crate::sqlite::transaction::{Begin, transaction};
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::sql_value::SqlValue;

/// Options of [`read_database_status`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StatusOptions {
    /// The path of the backup; [`backup_path`] by default. Of this file and those with a time behind its name, the one that
    /// was last written counts.
    pub backup: Option<PathBuf>,
}

setters!(StatusOptions { backup: PathBuf => Some });

/// The result of [`read_database_status`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseStatus {
    /// The path of the database.
    pub path: PathBuf,
    /// The identity of the database.
    pub recognition: Recognition,
    /// The size of the file in bytes.
    pub file_bytes: u64,
    /// The size of the log in bytes.
    pub log_bytes: u64,
    /// The exchanges, ordered by id; `None` if this version of the database does not say their blocks.
    pub exchanges: Option<Vec<UpdatedTo>>,
    /// The Aave markets, ordered by id; `None` if this version of the database has none.
    pub markets: Option<Vec<UpdatedTo>>,
    /// The chains of the exchanges and markets.
    pub chains: BTreeMap<ChainId, ChainStatus>,
    /// The backup.
    pub backup: BackupStatus,
    /// The other programs that have the database open, writers first; `None` if the system does not tell.
    pub programs: Option<Vec<Program>>,
    /// What is known of Litestream.
    pub litestream: Litestream,
}

/// Up to which block an exchange or a market is updated, with the stored values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UpdatedTo {
    /// The name that commands give it; `None` if the row is invalid.
    pub full_name: Option<String>,
    /// The chain id.
    pub chain_id: Option<SqlValue>,
    /// The stored name.
    pub name: Option<SqlValue>,
    /// 1 if it is active, so that updates include it.
    pub active: Option<SqlValue>,
    /// The last block that updates have processed.
    pub last_update_block: Option<SqlValue>,
}

/// How far a chain is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainStatus {
    /// The newest block that an exchange or a market of the chain is at.
    pub newest: Option<BlockNumber>,
    /// The newest block of a node, or why it is not known; `None` if no node was asked.
    pub head: Option<Result<BlockNumber, String>>,
}

/// How far an exchange or a market is behind its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// The number of blocks.
    Blocks(u64),
    /// It was never updated.
    NeverUpdated,
    /// The node that was asked does not say its newest block.
    HeadNotKnown(ChainId),
    /// The stored chain or block is none.
    Invalid,
}

/// What is known of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupStatus {
    /// Where it is, or where it was looked for.
    pub path: PathBuf,
    /// Its size in bytes; `None` if there is no backup, or if it cannot be found out.
    pub bytes: Option<u64>,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// The version of its schema.
    pub version: Option<String>,
    /// Why it is no backup. Without a problem, it is a degenbot database that does not lack its end. Its pages and rows are
    /// not checked.
    pub problem: Option<String>,
    /// Why the folder cannot be listed, so that nobody knows whether there are others, with a time behind the name.
    pub not_listed: Option<String>,
}

/// What is known of Litestream, which replicates databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Litestream {
    /// The process that has the database open.
    pub process: Option<u32>,
    /// Whether the database has its tables. They stay when it has ended.
    pub has_tables: bool,
    /// Whether `litestream restore -f` keeps the file up to date with another database.
    pub is_follower: bool,
}

/// Reads how far a degenbot database of any version is, and what is known of its backup. It leaves no trace.
///
/// # Errors
///
/// [`Refused`](crate::database::ErrorKind::Refused) if it is not a degenbot database. Other kinds if the database cannot be
/// read.
pub fn read_database_status(path: &Path, options: &StatusOptions) -> Result<DatabaseStatus, Error> {
    let (recognition, exchanges, markets) = read_without_trace(path, |connection| {
        transaction(connection, Begin::Deferred, read, Error::from)
            .map_err(|error| error.at(path, "read the status"))
    })?;
    recognition.require_degenbot(path)?;
    let file = DatabaseFile::existing(path)?;
    let base = options.backup.clone();
    let base = base.unwrap_or_else(|| backup_path(path));
    let programs = cfg!(target_os = "linux").then(|| programs_using(path));
    let litestream = programs
        .iter()
        .flatten()
        .find(|program| program.is_litestream());
    let has_table = |table: &&str| recognition.catalogue.tables.contains_key(*table);
    let exchanges: Option<Vec<_>> =
        exchanges.map(|rows| rows.into_iter().map(UpdatedTo::of_exchange).collect());
    let markets: Option<Vec<_>> =
        markets.map(|rows| rows.into_iter().map(UpdatedTo::of_market).collect());
    let all = exchanges.iter().flatten().chain(markets.iter().flatten());
    Ok(DatabaseStatus {
        path: path.to_owned(),
        file_bytes: file.bytes(),
        log_bytes: file.log_bytes(),
        chains: chains(all),
        exchanges,
        markets,
        backup: BackupStatus::newest(&file, &base),
        litestream: Litestream {
            process: litestream.map(|program| program.pid),
            has_tables: LITESTREAM.iter().any(has_table),
            is_follower: file.refuse_follower().is_err(),
        },
        programs,
        recognition,
    })
}

type Rows = (
    Recognition,
    Option<Vec<ExchangeInfo>>,
    Option<Vec<MarketInfo>>,
);

fn read(connection: &mut SqliteConnection) -> Result<Rows, Error> {
    let recognition = recognise_connection(connection)?;
    let exchanges = exchanges_of(connection, &recognition)?;
    let markets = markets_of(connection, &recognition)?;
    Ok((recognition, exchanges, markets))
}

/// The chains, each with the newest block that one of its exchanges or markets is at, whether that is active or not.
fn chains<'a>(all: impl Iterator<Item = &'a UpdatedTo>) -> BTreeMap<ChainId, ChainStatus> {
    let mut chains: BTreeMap<_, ChainStatus> = BTreeMap::new();
    for one in all {
        if let Some(chain) = one.chain() {
            let newest = &mut chains.entry(chain).or_default().newest;
            *newest = (*newest).max(one.block());
        }
    }
    chains
}

impl DatabaseStatus {
    /// The exchanges and markets that updates include.
    pub fn active(&self) -> impl Iterator<Item = &UpdatedTo> {
        let all = self.exchanges.iter().chain(&self.markets).flatten();
        all.filter(|one| one.is_active())
    }

    /// The chains of what is active.
    #[must_use]
    pub fn active_chains(&self) -> BTreeSet<ChainId> {
        self.active().filter_map(UpdatedTo::chain).collect()
    }

    /// Sets the newest block of a chain's node, or why it is not known.
    pub fn set_head(&mut self, chain: ChainId, head: Result<BlockNumber, String>) {
        self.chains.entry(chain).or_default().head = Some(head);
    }

    /// How far an exchange or a market is behind the newest block of its chain: that of the node, if one was asked, or
    /// that of the database, if that is higher.
    #[must_use]
    pub fn lag(&self, of: &UpdatedTo) -> Lag {
        let Some((chain, status)) = of.chain().and_then(|id| Some((id, self.chains.get(&id)?)))
        else {
            return Lag::Invalid;
        };
        let block = match (of.block(), &of.last_update_block) {
            (Some(block), _) => block,
            (None, None) => return Lag::NeverUpdated,
            (None, Some(_)) => return Lag::Invalid,
        };
        let newest = status.newest.unwrap_or(block);
        match status.head {
            None => Lag::Blocks(newest.get() - block.get()),
            Some(Ok(head)) => Lag::Blocks(newest.max(head).get() - block.get()),
            Some(Err(_)) => Lag::HeadNotKnown(chain),
        }
    }
}

impl UpdatedTo {
    fn of_exchange(row: ExchangeInfo) -> Self {
        Self {
            full_name: row.full_name().map(|name| name.to_string()),
            chain_id: row.chain_id,
            name: row.name,
            active: row.active,
            last_update_block: row.last_update_block,
        }
    }

    fn of_market(row: MarketInfo) -> Self {
        Self {
            full_name: row.market.map(|market| market.to_string()),
            chain_id: row.chain_id,
            name: row.name,
            active: row.active,
            last_update_block: row.last_update_block,
        }
    }

    /// Whether updates include it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active == Some(SqlValue::Integer(1))
    }

    /// Its chain, if the stored value is one.
    #[must_use]
    pub fn chain(&self) -> Option<ChainId> {
        ChainId::new(natural(self.chain_id.as_ref())?).ok()
    }

    /// The last block, if it was updated and the stored value is one.
    #[must_use]
    pub fn block(&self) -> Option<BlockNumber> {
        BlockNumber::new(natural(self.last_update_block.as_ref())?).ok()
    }
}

fn natural(value: Option<&SqlValue>) -> Option<u64> {
    match value {
        Some(SqlValue::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

impl BackupStatus {
    /// Looks at the backup that was last written, of the one at a path and those that have a time behind this name. The
    /// database itself is none, whatever its name.
    fn newest(database: &DatabaseFile, base: &Path) -> Self {
        let (dated, not_listed) = match dated_backups(base) {
            Ok(dated) => (dated, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => {
                let folder = folder_of(base).display();
                (
                    Vec::new(),
                    Some(format!("{folder} cannot be listed: {error}")),
                )
            }
        };
        let written = dated
            .into_iter()
            .chain([base.to_owned()])
            .filter(|path| !database.is_same_as(path))
            .filter_map(|path| {
                let modified = fs::metadata(&path).ok()?.modified().ok()?;
                Some((modified, path))
            });
        let newest = written
            .max()
            .map_or_else(|| base.to_owned(), |(_, path)| path);
        Self {
            not_listed,
            ..Self::of(newest, database)
        }
    }

    /// Looks at a backup of a database.
    fn of(path: PathBuf, database: &DatabaseFile) -> Self {
        let mut status = Self {
            bytes: None,
            modified: None,
            version: None,
            problem: None,
            not_listed: None,
            path,
        };
        match fs::metadata(&status.path) {
            Ok(metadata) => {
                status.bytes = Some(metadata.len());
                status.modified = metadata.modified().ok();
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return status,
            Err(error) => {
                status.problem = Some(Error::io(&status.path, "find", error).to_string());
                return status;
            }
        }
        if database.is_same_as(&status.path) {
            status.problem = Some("it is the database itself".to_owned());
            return status;
        }
        match look_at_backup(&status.path) {
            Ok((recognition, problem)) => {
                status.problem = problem;
                if let Identity::Foreign(refusal) = &recognition.identity {
                    status.problem = Some(format!("it {refusal}"));
                } else {
                    status.version = Some(recognition.version_name());
                }
            }
            Err(error) => status.problem = Some(error.to_string()),
        }
        status
    }

    /// Its age, if its time is known. The clock of a file server may be ahead a little.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        match now.duration_since(self.modified?) {
            Ok(age) => Some(age),
            Err(ahead) if ahead.duration() <= LARGEST_SKEW => Some(Duration::ZERO),
            Err(_) => None,
        }
    }

    /// Whether anything is there.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.bytes.is_some()
    }
}

/// What a backup is, and whether it lacks its end.
fn look_at_backup(path: &Path) -> Result<(Recognition, Option<String>), Error> {
    #[derive(QueryableByName)]
    struct Sizes {
        #[diesel(sql_type = BigInt)]
        pages: i64,
        #[diesel(sql_type = BigInt)]
        page_size: i64,
    }
    read_without_trace(path, |connection| {
        let recognition = recognise_connection(connection)
            .map_err(|error| error.at(path, "recognise the backup"))?;
        let sizes: Sizes = diesel::sql_query(
            "SELECT page_count AS pages, page_size FROM pragma_page_count, pragma_page_size",
        )
        .get_result(connection)
        .map_err(|error| Error::from_diesel(path, "read the size of the backup", error))?;
        let file = DatabaseFile::existing(path)?;
        // A log may hold the end.
        let problem = if file.log_bytes() == 0 {
            let [pages, page_size] = [sizes.pages, sizes.page_size].map(i64::unsigned_abs);
            cut_file::problem(file.bytes(), pages, page_size)
        } else {
            None
        };
        Ok((recognition, problem))
    })
}
