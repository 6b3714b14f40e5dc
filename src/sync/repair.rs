//! The repair of pools from the events of their chain.
//!
//! A pool has a mark, the place of its last event, which no contract tells. So a repair does not read the state of a
//! contract: it builds the pools in memory from all of their events, by the code that decodes those for an update. What
//! differs is written anew.
//!
//! The journal has the values that the last blocks have left, and can take them back only while the rows have these
//! values. So a repair first takes back all blocks that are not final, repairs the pools as they were then, and takes the
//! blocks in again by an update. The pools that are repaired are released from the journal before, so that it does not
//! matter what is wrong with their rows. All of that but the update is one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::connection::own_triggers::require_none_that_interferes;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file;
use crate::database::recognition::recognise::recognise_state;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::recorder::Recorder;
use crate::models::journal::release::{BlocksAbove, PoolRow};
use crate::models::journal::undo::{Otherwise, Undone, undo};
use crate::models::pools::liquidity_pool::rewrite::delete_pool;
use crate::models::pools::pool_family::PoolFamily;
use crate::node::client::Node;
use crate::node::header::Header;
use crate::setters::setters;
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::chain_view::{Standing, look};
use crate::sync::mend::{Fault, Mended, faults, mend};
use crate::sync::pool_snapshot::{Selection, Snapshot};
use crate::sync::preconditions::{require_accepted_writes, require_latest, require_updatable};
use crate::sync::repair_extent::RepairExtent;
use crate::sync::repair_report::{ExchangeRepair, PoolRepairReport};
use crate::sync::replay::{PoolKey, Replay};
use crate::sync::replayed_pools::Replaying;
use crate::sync::retake::{Retake, active_marks};
use crate::sync::stored_pools::PoolId;
use crate::sync::sync_error::SyncError;
use crate::sync::verify_report::PoolProgress;
use crate::sync::writing_connection::open_to_write;
use crate::types::integer::{BlockNumber, ChainId};

/// Options for a repair of pools.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolRepairOptions {
    /// Exchanges all of whose pools are compared with their events, and whose missing pools are found.
    pub exchanges: Vec<ExchangeName>,
    /// Single pools: addresses, hashes of pools inside managers, and ids.
    pub pools: Vec<String>,
    /// Whether pools are deleted that their exchange has not created. One that it has created after its block in the
    /// database stays.
    pub delete_unknown: bool,
    /// Whether only the report is made, and nothing is written.
    pub dry_run: bool,
    /// The number of requests that are under way at once.
    pub concurrency: usize,
    /// The time to wait for a lock of the database.
    pub wait: Duration,
    /// The time to wait for a node that lacks a block of the database.
    pub patience: Duration,
    /// The token that cancels the repair. The node has its own.
    pub cancel: CancelToken,
}

setters!(PoolRepairOptions {
    exchanges: Vec<ExchangeName>,
    pools: Vec<String>,
    delete_unknown: bool,
    dry_run: bool,
    concurrency: usize,
    wait: Duration,
    patience: Duration,
    cancel: CancelToken,
});

impl Default for PoolRepairOptions {
    fn default() -> Self {
        Self {
            exchanges: Vec::new(),
            pools: Vec::new(),
            delete_unknown: false,
            dry_run: false,
            concurrency: 4,
            wait: LOCK_TIMEOUT,
            patience: Duration::from_secs(60),
            cancel: CancelToken::new(),
        }
    }
}

/// Makes pools of a chain as an update from their first block would have made them: their tokens, fees and marks, their
/// ticks and words. Of an exchange, pools that the database lacks are inserted. A pool that its exchange has not created
/// is reported, and deleted only if [`PoolRepairOptions::delete_unknown`] is set.
///
/// It reads all events of the pools from a node. What differs is written in one transaction, and nothing is written if
/// nothing differs. Blocks that can disappear from the chain are taken back before, and taken in again afterwards; pools
/// that they had created get other ids. If it ends before that, the next update takes them in.
///
/// Returns what was done, also if it failed later.
///
/// # Errors
///
/// See [`SyncError`].
pub fn repair_pools(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &PoolRepairOptions,
    observe: &mut dyn FnMut(&PoolProgress),
) -> (PoolRepairReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let _waiting = LockWait::begin(options.wait, Some(options.cancel.clone()));
    let mut report = PoolRepairReport::new(chain);
    let mut repair = Repair {
        path,
        chain,
        node,
        options,
        observe,
        report: &mut report,
    };
    let result = repair.run();
    report.node = node.statistics();
    report.elapsed = begin.elapsed();
    (report, result)
}

struct Repair<'a> {
    path: &'a Path,
    chain: ChainId,
    node: &'a Node,
    options: &'a PoolRepairOptions,
    observe: &'a mut dyn FnMut(&PoolProgress),
    report: &'a mut PoolRepairReport,
}

/// The pools as they must be.
struct Truth {
    /// At the last final block of the database.
    replay: Replay,
    /// The last block that is final; `None` if no block of the database can be taken back.
    keep: Option<BlockNumber>,
    /// Whether blocks of the database are gone from the chain.
    is_gone: bool,
    /// What is wrong at the blocks that the database is at. Nobody knows if blocks are gone.
    faults: Vec<Fault>,
    /// The pools of the database that their exchange has created after its block there.
    later: BTreeSet<PoolKey>,
}

/// What a transaction did.
struct Written {
    mended: Mended,
    undone: Option<(BlockNumber, Undone)>,
    /// The active exchanges with their blocks before.
    marks: Vec<(ExchangeName, BlockNumber)>,
    faults: Vec<Fault>,
}

impl Repair<'_> {
    fn run(&mut self) -> Result<(), SyncError> {
        /// How often it begins anew if others write meanwhile.
        const PASSES: u32 = 5;
        require_updatable(self.path)?;
        if !self.options.dry_run {
            staged_file::sweep(DatabaseFile::at(self.path).real());
            // What cannot be repaired is refused before anything is asked.
            open_to_write(self.path, &self.options.cancel)?;
        }
        for _ in 0..PASSES {
            let snapshot = Snapshot::read(self.path, self.selection())?;
            let truth = self.truth(&snapshot)?;
            self.begin_report(&snapshot, &truth);
            let is_nothing = truth.faults.iter().all(|fault| !self.is_mended(fault));
            if self.options.dry_run && truth.is_gone {
                return Err(SyncError::Reorganised {
                    keep: truth.keep.unwrap_or(BlockNumber::FIRST),
                });
            }
            if self.options.dry_run && !is_nothing {
                require_accepted_writes(self.path, "exchanges", &self.options.cancel)?;
            }
            if self.options.dry_run || (is_nothing && !truth.is_gone) {
                return Ok(());
            }
            let Some(written) = self.write(&snapshot, &truth)? else {
                log::info!(
                    "chain {}: the repair begins anew: another program has written",
                    self.chain
                );
                continue;
            };
            if truth.is_gone {
                self.tell(&written.faults);
            }
            let Mended {
                rewritten,
                inserted,
                deleted,
            } = written.mended;
            let report = &mut *self.report;
            (report.rewritten, report.inserted) = (rewritten, inserted);
            (report.deleted, report.undone) = (deleted, written.undone);
            if written.undone.is_some() {
                self.take_in_again(&written.marks)?;
                self.count_those_taken_in(&truth);
            }
            return Ok(());
        }
        Err(SyncError::Unsettled {
            reason: "another program has written to the database",
        })
    }

    /// Counts the faulty pools that the blocks had created which were taken back: they were made by taking these in again.
    fn count_those_taken_in(&mut self, truth: &Truth) {
        let is_later = |key| !truth.replay.pools.contains_key(&key);
        let faults = truth.faults.iter().filter(|fault| fault.is_known);
        for fault in faults.filter(|fault| fault.key.is_some_and(is_later)) {
            match fault.id {
                Some(_) => self.report.rewritten += 1,
                None => self.report.inserted += 1,
            }
        }
    }

    fn selection(&self) -> Selection<'_> {
        Selection {
            chain: self.chain,
            exchanges: &self.options.exchanges,
            pools: &self.options.pools,
            sample: None,
        }
    }

    /// Whether something is done about a fault.
    fn is_mended(&self, fault: &Fault) -> bool {
        fault.is_known || (self.options.delete_unknown && !fault.is_later)
    }

    fn begin_report(&mut self, snapshot: &Snapshot, truth: &Truth) {
        *self.report = PoolRepairReport::new(self.chain);
        self.report.skipped.clone_from(&snapshot.scope.skipped);
        for (index, of_exchange) in &snapshot.pools {
            let Some(exchange) = snapshot.scope.exchanges.get(*index) else {
                continue;
            };
            if let Some(mark) = exchange.mark {
                self.report.exchanges.push(ExchangeRepair {
                    exchange: exchange.name(),
                    mark,
                    pools: of_exchange.pools.len() as u64,
                });
            }
        }
        self.tell(&truth.faults);
    }

    fn tell(&mut self, faults: &[Fault]) {
        let report = &mut *self.report;
        for fault in faults {
            let findings = if fault.is_known {
                &mut report.findings
            } else {
                &mut report.unknown
            };
            findings.push(fault.finding.clone());
        }
    }

    /// Builds the pools from their events.
    fn truth(&mut self, snapshot: &Snapshot) -> Result<Truth, SyncError> {
        let PoolRepairOptions {
            patience, cancel, ..
        } = self.options;
        let (view, standing) = look(self.node, &snapshot.blocks, *patience, cancel)?;
        let is_gone = standing != Standing::InChain;
        let keep = snapshot.keep();
        if let (Standing::GoneAbove(above), None) = (standing, keep) {
            // Nobody knows what another program has taken in since.
            return Err(SyncError::Reorganised { keep: above });
        }
        let exchanges = snapshot.scope.exchanges.iter().enumerate();
        let marks: BTreeMap<usize, BlockNumber> = exchanges
            .filter_map(|(index, exchange)| Some((index, exchange.mark?)))
            .collect();
        let bases: BTreeMap<usize, BlockNumber> = marks
            .iter()
            .map(|(index, mark)| (*index, keep.map_or(*mark, |keep| keep.min(*mark))))
            .collect();
        let first = |index: &usize| {
            let exchange = snapshot.scope.exchanges.get(*index)?;
            exchange.deployment.first_block
        };
        let begins: BTreeMap<usize, BlockNumber> = bases
            .keys()
            .map(|index| (*index, first(index).unwrap_or(BlockNumber::FIRST)))
            .collect();
        let mut replaying = Replaying {
            node: self.node,
            chain: self.chain,
            snapshot,
            threads: self.options.concurrency.max(1),
            cancel,
            headers: BTreeMap::new(),
            observe: &mut *self.observe,
        };
        let mut replay = Replay::default();
        replaying.run(&mut replay, &begins, &bases)?;
        if is_gone {
            let later = created_later(&mut replaying, &replay, &bases, &view.head)?;
            return Ok(Truth {
                replay,
                keep,
                is_gone,
                faults: Vec::new(),
                later,
            });
        }
        let mut at_marks = replay.clone();
        replaying.run(&mut at_marks, &after(&bases), &marks)?;
        let later = created_later(&mut replaying, &at_marks, &marks, &view.head)?;
        Ok(Truth {
            replay,
            keep,
            is_gone,
            faults: faults(snapshot, &at_marks, &later),
            later,
        })
    }

    /// Writes what is wrong anew, in one transaction. `None` if the database is no longer what the truth was made for.
    fn write(&mut self, snapshot: &Snapshot, truth: &Truth) -> Result<Option<Written>, SyncError> {
        let (path, chain) = (self.path, self.chain);
        let mut connection = open_to_write(path, &self.options.cancel)?;
        Recorder::remove(Statements::of(&mut connection)?)?;
        let selection = self.selection();
        let written = transaction(
            &mut connection,
            Begin::Immediate,
            |connection| -> Result<Option<Written>, SyncError> {
                require_latest(recognise_state(connection)?.require_version(path)?)?;
                require_none_that_interferes(connection, path)?;
                let now = Snapshot::of_connection(connection, selection)?;
                if !now.is_like(snapshot) {
                    return Ok(None);
                }
                let marks = active_marks(connection, chain)?;
                let undone = match truth.keep {
                    Some(keep) => {
                        let above = BlocksAbove { chain, keep };
                        release(connection, above, &now, truth)?;
                        take_back(connection, snapshot, chain, keep)?
                    }
                    None => None,
                };
                let now = now.again(connection)?;
                let faults = faults(&now, &truth.replay, &truth.later);
                let deletes_unknown = self.options.delete_unknown;
                let mended = mend(connection, &now, &truth.replay, &faults, deletes_unknown)?;
                Ok(Some(Written {
                    mended,
                    undone,
                    marks,
                    faults,
                }))
            },
            SyncError::from,
        );
        written.map_err(|error| match error {
            _ if self.options.cancel.is_cancelled() => SyncError::Interrupted,
            SyncError::Database { source } => SyncError::Database {
                source: Box::new((*source).at(path, "repair the pools")),
            },
            error => error,
        })
    }

    /// Takes in the blocks again that were taken back.
    fn take_in_again(&mut self, marks: &[(ExchangeName, BlockNumber)]) -> Result<(), SyncError> {
        let Some((keep, _)) = self.report.undone else {
            return Ok(());
        };
        let retake = Retake {
            path: self.path,
            chain: self.chain,
            node: self.node,
            concurrency: self.options.concurrency,
            wait: self.options.wait,
            patience: self.options.patience,
            cancel: &self.options.cancel,
        };
        self.report.taken_in = retake.pools(marks, keep)?;
        Ok(())
    }
}

/// The blocks that come next.
fn after(blocks: &BTreeMap<usize, BlockNumber>) -> BTreeMap<usize, BlockNumber> {
    let blocks = blocks.iter();
    blocks
        .map(|(index, block)| (*index, block.next()))
        .collect()
}

/// The pools of the database that a replay lacks, and that their exchange has created after the blocks of the replay. The
/// block of such an exchange in the database is too low: nothing is wrong with its pools.
fn created_later(
    replaying: &mut Replaying<'_>,
    replay: &Replay,
    ends: &BTreeMap<usize, BlockNumber>,
    head: &Header,
) -> Result<BTreeSet<PoolKey>, SyncError> {
    let unknown: Vec<_> = faults(replaying.snapshot, replay, &BTreeSet::new())
        .into_iter()
        .filter(|fault| !fault.is_known)
        .collect();
    let heads: BTreeMap<usize, BlockNumber> = unknown
        .iter()
        .map(|fault| (fault.exchange, head.number))
        .collect();
    if heads.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut at_head = replay.clone();
    replaying.run(&mut at_head, &after(ends), &heads)?;
    let keys = unknown.into_iter().filter_map(|fault| fault.key);
    Ok(keys
        .filter(|key| !replay.pools.contains_key(key) && at_head.pools.contains_key(key))
        .collect())
}

/// Takes pools out of the journal whose rows may be wrong: those that were found to be wrong, or, if nobody could
/// compare them, all that the last blocks have changed. A pool that these blocks have created is deleted.
fn release(
    connection: &mut SqliteConnection,
    above: BlocksAbove,
    snapshot: &Snapshot,
    truth: &Truth,
) -> Result<(), SyncError> {
    let statements = Statements::of(connection)?;
    let mut rows: BTreeSet<PoolRow> = BTreeSet::new();
    for fault in truth.faults.iter().filter(|fault| !fault.is_later) {
        rows.extend(fault.id.map(PoolId::row));
    }
    // Nothing of such a pool can be taken back.
    rows.extend(above.pools_that_are_gone(statements)?);
    if truth.is_gone {
        for pool in snapshot.pools.values().flat_map(|it| &it.pools) {
            rows.insert(pool.id.row());
        }
    }
    for row in rows {
        if above.release_pool(statements, row)? {
            let family = PoolFamily::ALL
                .into_iter()
                .find(|family| family.table() == row.table);
            if let Some(family) = family {
                delete_pool(statements, family, row.id)?;
            }
        }
    }
    Ok(())
}

/// Takes back the blocks that are not final.
fn take_back(
    connection: &mut SqliteConnection,
    snapshot: &Snapshot,
    chain: ChainId,
    keep: BlockNumber,
) -> Result<Option<(BlockNumber, Undone)>, SyncError> {
    if snapshot.blocks.iter().all(|block| block.number <= keep) {
        return Ok(None);
    }
    let undone = undo(Statements::of(connection)?, chain, keep, Otherwise::Refused);
    let undone = undone.map_err(|error| SyncError::of_repair(error, RepairExtent::Pools))?;
    Ok(Some((keep, undone)))
}
