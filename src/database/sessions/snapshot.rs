//! Snapshots: read-only sessions on one state of a database, and parallel reads with several of them.

use std::fmt;
use std::ops::{Deref, DerefMut, RangeInclusive};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Instant;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{Access, LOCK_TIMEOUT, forbid_writing, open_connection};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::sessions::database::Database;
use crate::database::sessions::session::Session;
use crate::models::access::row_error::RowError;
use crate::models::liquidity::tick_map::read::{PoolTickMap, TickMaps};
use crate::models::pools::chain_pools::{ChainPools, ReferencedRows, UnlinkedPools};
use crate::models::pools::pool_family::PoolFamily;
use crate::types::integer::ChainId;

/// A read-only session that sees one state of the database as long as it lives, without the commits of others.
///
/// A snapshot should be short: while it lives, checkpoints cannot move later commits from the log into the database.
pub struct Snapshot(Session);

impl Snapshot {
    fn begin(mut session: Session) -> QueryResult<Self> {
        AnsiTransactionManager::begin_transaction(&mut *session)?;
        // From here on, the drop ends the transaction.
        let mut snapshot = Self(session);
        // The pool allows it again.
        forbid_writing(&mut snapshot, true)?;
        // A transaction gets its state with its first statement.
        diesel::sql_query("SELECT 1 FROM sqlite_schema").execute(&mut *snapshot)?;
        Ok(snapshot)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if let Err(error) = AnsiTransactionManager::rollback_transaction(&mut *self.0) {
            log::debug!("A snapshot has ended by itself: {error}");
        }
    }
}

impl Deref for Snapshot {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(&self.0).finish()
    }
}

impl Database {
    /// Takes up to `count` sessions on the same state of the database, to read it in parallel. The number depends on
    /// the connections that the pool has to spare. It is at least one.
    ///
    /// # Errors
    ///
    /// Those of [`Database::session`], and [`ErrorKind::Locked`] if others commit so often that no two sessions see the
    /// same state.
    pub fn snapshots(&self, count: usize) -> Result<Vec<Snapshot>, Error> {
        let failed = |error| Error::from_diesel(self.path(), "read from the database", error);
        self.require_same_file()?;
        // This connection notices the commits of others. It is not from the pool, which may be exhausted.
        let mut watcher = open_connection(self.path(), Access::ReadWrite)?;
        // Another one may have taken its place meanwhile.
        self.require_same_file()?;
        let began = Instant::now();
        loop {
            let before = data_version(&mut watcher).map_err(failed)?;
            let snapshots = self
                .sessions(count)?
                .into_iter()
                .map(Snapshot::begin)
                .collect::<QueryResult<Vec<_>>>()
                .map_err(failed)?;
            // A commit meanwhile may lie between two of the snapshots, so all are taken again. That window is a few
            // microseconds. A lock would block writers instead, and is not available on a read-only file.
            if data_version(&mut watcher).map_err(failed)? == before {
                return Ok(snapshots);
            }
            if began.elapsed() > LOCK_TIMEOUT {
                return Err(ErrorKind::Locked.at(self.path()));
            }
        }
    }

    /// Reads all pools of a chain with the rows that they refer to. Two connections of the pool read the same state of
    /// the database.
    ///
    /// ```
    /// # use degenbot::database;
    /// use degenbot::database::{Database, Error};
    /// use degenbot::models::{LiquidityPool, PoolFamily};
    /// use degenbot::types::ChainId;
    ///
    /// # fn main() -> Result<(), Error> {
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let path = folder.path().join("degenbot.db");
    /// # database::create_new_sqlite_database(&path)?;
    /// let database = Database::open(&path)?;
    /// let base = ChainId::new(8453).expect("a chain id");
    ///
    /// let pools = database.chain_pools(base)?;
    /// for entry in pools.pools() {
    ///     let symbols = [entry.token0, entry.token1].map(|token| token.symbol.as_deref().unwrap_or("?"));
    ///     match entry.pool {
    ///         LiquidityPool::V2(pool) => println!("{symbols:?} at {:?}", pool.parameters.fees),
    ///         LiquidityPool::V3(pool) => println!("{symbols:?} by {} ticks", pool.parameters.tick_spacing),
    ///         _ => {}
    ///     }
    /// }
    ///
    /// // Their liquidity, on two threads. To collect the maps, put them behind a lock.
    /// database.for_each_tick_map(PoolFamily::Pools, base, 2, |map| -> Result<(), Error> {
    ///     let map = map?;
    ///     println!("pool {} has {} ticks", map.pool_id, map.tick_map.ticks().len());
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`ChainPools::load`] and of [`Database::snapshots`].
    pub fn chain_pools(&self, chain: ChainId) -> Result<ChainPools, Error> {
        let mut snapshots = self.snapshots(2)?.into_iter();
        let (mut one, mut other) = match (snapshots.next(), snapshots.next()) {
            (Some(one), Some(other)) => (one, other),
            (Some(mut one), None) => return Ok(ChainPools::load(&mut one, chain)?),
            (None, _) => return Ok(ChainPools::load(&mut *self.session()?, chain)?),
        };
        let (bare, referred) = thread::scope(|scope| {
            let referred = thread::Builder::new()
                .spawn_scoped(scope, || ReferencedRows::read(&mut other, chain));
            let bare = UnlinkedPools::read(&mut one, chain);
            let referred = referred.map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            (bare, referred)
        });
        // If the system has no thread left, one connection reads after the other.
        let referred = referred.unwrap_or_else(|_| ReferencedRows::read(&mut other, chain));
        Ok(ChainPools::link(bare?, referred?)?)
    }

    /// Calls `each` with the tick map of every pool of a chain that has liquidity or a mark; that of any other is
    /// [`TickMap::default`](crate::models::TickMap::default). Up to `threads` threads read in parallel, the caller's
    /// among them, each with a connection of the pool, as far as the pool has connections and the system threads to
    /// spare. They see the same state of the database. The maps come in no particular order.
    ///
    /// `each` gets an error for a malformed pool. If `each` returns an error, the work ends.
    ///
    /// # Errors
    ///
    /// The first error that `each` returns, and those of [`Database::snapshots`].
    pub fn for_each_tick_map<E: From<Error> + Send>(
        &self,
        family: PoolFamily,
        chain: ChainId,
        threads: usize,
        each: impl Fn(Result<PoolTickMap, RowError>) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let mut snapshots = self.snapshots(threads.max(1))?;
        let Some(shares) = snapshots
            .first_mut()
            .map(|snapshot| Shares::of(snapshot, family))
            .transpose()
            .map_err(|error| Error::from_diesel(self.path(), "read from the database", error))?
            .flatten()
        else {
            return Ok(());
        };
        let ended = AtomicBool::new(false);
        let failure = Mutex::new(None);
        let work = |mut snapshot: Snapshot| -> Result<(), E> {
            let _end_of_all = EndOnPanic(&ended);
            while let Some(ids) = shares.next() {
                let maps = TickMaps::of_chain_between(&mut snapshot, family, chain, ids)
                    .map_err(Error::from)?;
                for map in maps {
                    if ended.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    each(map)?;
                }
            }
            Ok(())
        };
        let run = |snapshot: Snapshot| {
            if let Err(error) = work(snapshot) {
                ended.store(true, Ordering::Relaxed);
                failure
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .get_or_insert(error);
            }
        };
        thread::scope(|scope| {
            let run = &run;
            let mut snapshots = snapshots.into_iter();
            let own = snapshots.next();
            for snapshot in snapshots {
                let started = thread::Builder::new().spawn_scoped(scope, move || run(snapshot));
                if let Err(error) = started {
                    log::debug!("Fewer threads read than there are connections: {error}");
                    break;
                }
            }
            own.map(run)
        });
        failure
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .map_or(Ok(()), Err)
    }
}

/// A number that changes with every commit of another connection.
fn data_version(connection: &mut SqliteConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        data_version: i64,
    }
    diesel::sql_query("PRAGMA data_version")
        .get_result::<Row>(connection)
        .map(|row| row.data_version)
}

/// A guard that stops the other threads if this one panics.
struct EndOnPanic<'flag>(&'flag AtomicBool);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// The ids of a table in equal shares. Each thread takes the next share when it is free. There are many shares, because
/// the liquidity may be concentrated in a few of them.
struct Shares {
    taken: AtomicI64,
    first: i64,
    last: i64,
    width: i64,
}

impl Shares {
    const COUNT: i64 = 256;

    fn of(connection: &mut SqliteConnection, family: PoolFamily) -> QueryResult<Option<Self>> {
        #[derive(QueryableByName)]
        struct Ids {
            #[diesel(sql_type = Nullable<BigInt>)]
            first: Option<i64>,
            #[diesel(sql_type = Nullable<BigInt>)]
            last: Option<i64>,
        }
        let table = family.table();
        // A single `SELECT min(id), max(id)` would scan the whole table.
        let query = format!(
            "SELECT (SELECT min(id) FROM {table}) AS first, (SELECT max(id) FROM {table}) AS last"
        );
        let ids: Ids = diesel::sql_query(query).get_result(connection)?;
        Ok(ids.first.zip(ids.last).map(|(first, last)| Self {
            taken: AtomicI64::new(0),
            first,
            last,
            width: last.saturating_sub(first) / Self::COUNT + 1,
        }))
    }

    fn next(&self) -> Option<RangeInclusive<i64>> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let first = taken
            .checked_mul(self.width)
            .and_then(|offset| self.first.checked_add(offset))
            .filter(|first| *first <= self.last)?;
        let last = first.saturating_add(self.width - 1).min(self.last);
        Some(first..=last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_every_id_once() {
        for (first, last) in [
            (1, 1),
            (1, 1_000_003),
            (-5, 5),
            (i64::MAX - 3, i64::MAX),
            (1, i64::MAX),
        ] {
            let shares = Shares {
                taken: AtomicI64::new(0),
                first,
                last,
                width: last.saturating_sub(first) / Shares::COUNT + 1,
            };
            let mut expected = Some(first);
            while let Some(ids) = shares.next() {
                assert_eq!(Some(*ids.start()), expected);
                assert!(ids.start() <= ids.end());
                expected = ids.end().checked_add(1);
            }
            assert_eq!(expected, last.checked_add(1));
            assert!(shares.next().is_none());
        }
    }
}
