//! The repair of markets from what their contracts say.
//!
//! The journal has the values that the last blocks have left, and can take them back only while the rows have these
//! values. So a repair first takes back all blocks that are not final, whatever has become of their rows, writes what
//! the contracts said at the last final block of the database, and takes the blocks in again by an update. All of that
//! but the update is one transaction. Blocks that are gone from the chain are taken back before that, in the same way.
//!
//! What an event of the last blocks makes wrong is wrong again after that, and is repaired as a change of the last block.

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
use crate::deployments::market_name::MarketName;
use crate::models::aave::reserve_writer::delete_orphans;
use crate::models::aave::stored_market::{AaveV3StoredMarket, PROVIDER};
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::market_marks::MarkedBy;
use crate::models::journal::recorder::Recorder;
use crate::models::journal::tables::UpdateOf;
use crate::models::journal::undo::{Otherwise, Undone, undo};
use crate::models::rows::aave_v3_market::NewAaveV3Contract;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::setters::setters;
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::aave::chain_values::{NotRead, provider_of};
use crate::sync::aave::comparison::other_provider;
use crate::sync::aave::market_scope::{NEVER_UPDATED, POOL, ScopedMarket};
use crate::sync::aave::picture::{Markets, Picture, Users, is_as_it_was};
use crate::sync::aave::repair_report::{AaveRepairReport, MarketRepair};
use crate::sync::aave::truth::{About, Truth};
use crate::sync::aave::update::{AaveUpdateOptions, SkippedMarket, update_aave_markets};
use crate::sync::aave::verify_report::{AaveFinding, AaveProgress};
use crate::sync::block_target::BlockTarget;
use crate::sync::chain_view::{Standing, look};
use crate::sync::preconditions::{require_latest, require_updatable};
use crate::sync::repair_extent::RepairExtent;
use crate::sync::retake::{Retake, active_marks, ends};
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::sync::writing_connection::open_to_write;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

/// Options for a repair of markets.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AaveRepairOptions {
    /// The markets; all active ones of the chain if empty.
    pub markets: Vec<MarketName>,
    /// The users whose balances, e-mode and collateral are made right.
    pub users: Vec<Address>,
    /// Whether all users are compared, and those that are wrong made right.
    pub all_found: bool,
    /// Whether contracts, e-mode categories and reserves are made right.
    pub reserves: bool,
    /// The number of requests that are under way at once.
    pub concurrency: usize,
    /// The time to wait for a lock of the database.
    pub wait: Duration,
    /// The time to wait for a node that lacks a block of the database.
    pub patience: Duration,
    /// The token that cancels the repair. The node has its own.
    pub cancel: CancelToken,
}

setters!(AaveRepairOptions {
    markets: Vec<MarketName>,
    users: Vec<Address>,
    all_found: bool,
    reserves: bool,
    concurrency: usize,
    wait: Duration,
    patience: Duration,
    cancel: CancelToken,
});

impl Default for AaveRepairOptions {
    fn default() -> Self {
        Self {
            markets: Vec::new(),
            users: Vec::new(),
            all_found: false,
            reserves: false,
            concurrency: 4,
            wait: LOCK_TIMEOUT,
            patience: Duration::from_secs(60),
            cancel: CancelToken::new(),
        }
    }
}

/// Makes users and reserves of the markets of a chain what their contracts say.
///
/// It reads the state of the last final block that the database has, so the node must have that state. What differs is
/// written in one transaction, and nothing is written if nothing differs. Blocks that can disappear from the chain are
/// taken back before, and taken in again afterwards. If it ends before that, the next update takes them in.
///
/// Returns what was done, also if it failed later.
///
/// # Errors
///
/// See [`SyncError`].
pub fn repair_aave_markets(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &AaveRepairOptions,
    observe: &mut dyn FnMut(&AaveProgress),
) -> (AaveRepairReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let _waiting = LockWait::begin(options.wait, Some(options.cancel.clone()));
    let mut report = AaveRepairReport::new(chain);
    let mut repair = Repair {
        path,
        chain,
        node,
        options,
        observe,
        report: &mut report,
        has_lost_reserve: false,
        done: (Vec::new(), 0),
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
    options: &'a AaveRepairOptions,
    observe: &'a mut dyn FnMut(&AaveProgress),
    report: &'a mut AaveRepairReport,
    /// Whether a reserve was added that the database had lost. All users are compared then: they have lost what they have of it.
    has_lost_reserve: bool,
    /// What was found and written before the comparison began anew with it.
    done: (Vec<AaveFinding>, u64),
}

/// Which of a market's blocks are repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Those that are final. The others are taken back.
    Final,
    /// The last one.
    Last,
}

/// What a transaction did.
struct Written {
    rows: u64,
    undone: Option<(BlockNumber, Undone)>,
    /// The active exchanges and markets with their blocks before.
    exchanges: Vec<(ExchangeName, BlockNumber)>,
    markets: Vec<(MarketName, BlockNumber)>,
}

impl Repair<'_> {
    fn run(&mut self) -> Result<(), SyncError> {
        /// How often it begins anew if others write meanwhile.
        const PASSES: u32 = 5;
        require_updatable(self.path)?;
        staged_file::sweep(DatabaseFile::at(self.path).real());
        // What cannot be repaired is refused before anything is asked.
        open_to_write(self.path, &self.options.cancel)?;
        let mut taken_back = None;
        for _ in 0..PASSES {
            let markets = Markets::read(self.path, self.chain, &self.options.markets)?;
            let AaveRepairOptions {
                patience, cancel, ..
            } = self.options;
            let (_, standing) = look(self.node, &markets.blocks, *patience, cancel)?;
            if let Standing::GoneAbove(keep) = standing {
                self.take_back(&markets, keep)?;
                continue;
            }
            let before = std::mem::replace(self.report, AaveRepairReport::new(self.chain));
            self.report.undone = before.undone;
            self.report_skipped(&markets);
            let Some(truths) = self.truths(&markets, Part::Final)? else {
                *self.report = before;
                continue;
            };
            let (findings, rows) = self.done.clone();
            self.report.findings.splice(0..0, findings);
            self.report.rows = rows;
            let is_nothing = truths.iter().all(|truth| truth.is_nothing);
            if is_nothing {
                return self.finish(taken_back);
            }
            let Some(written) = self.write(&markets, &truths, Part::Final)? else {
                log::info!(
                    "chain {}: the repair begins anew: another program has written",
                    self.chain
                );
                *self.report = before;
                continue;
            };
            self.report.rows += written.rows;
            self.note_undone(written.undone);
            if written.undone.is_some() {
                taken_back.get_or_insert(written);
            }
            if !self.has_lost_reserve && truths.iter().any(Truth::has_lost_reserve) {
                // With its row, what users have of it can be compared.
                self.has_lost_reserve = true;
                self.done = (self.report.findings.clone(), self.report.rows);
                continue;
            }
            return self.finish(taken_back);
        }
        Err(SyncError::Unsettled {
            reason: "another program has written to the database",
        })
    }

    /// Takes in the blocks again that were taken back.
    fn finish(&mut self, taken_back: Option<Written>) -> Result<(), SyncError> {
        match taken_back {
            Some(written) => {
                self.take_in_again(&written)?;
                self.repair_last()
            }
            None => Ok(()),
        }
    }

    /// Repairs what the last blocks have made wrong again: an event can say what the contract does not keep. That is recorded
    /// as a change of the last block.
    fn repair_last(&mut self) -> Result<(), SyncError> {
        let markets = Markets::read(self.path, self.chain, &self.options.markets)?;
        let first = std::mem::take(&mut self.report.findings);
        let before = std::mem::take(&mut self.report.markets);
        let truths = self.truths(&markets, Part::Last)?;
        let is_wrong = !self.report.findings.is_empty();
        self.report.findings = first;
        self.report.markets = before;
        let unsettled = || SyncError::Unsettled {
            reason: "another program has written to the database",
        };
        let truths = truths.ok_or_else(unsettled)?;
        if is_wrong {
            let written = self.write(&markets, &truths, Part::Last)?;
            self.report.rows += written.ok_or_else(unsettled)?.rows;
        }
        Ok(())
    }

    /// Whether all users are compared.
    const fn compares_all(&self) -> bool {
        self.options.all_found || self.has_lost_reserve
    }

    fn report_skipped(&mut self, markets: &Markets) {
        let skipped = markets.scope.skipped.iter();
        let chain = self.chain;
        self.report
            .skipped
            .extend(skipped.map(|skipped| SkippedMarket {
                market: MarketName {
                    chain,
                    name: skipped.exchange.name.clone(),
                },
                reason: skipped.reason.clone(),
            }));
        for market in &markets.scope.exchanges {
            if market.last_block().is_none() {
                self.report.skipped.push(SkippedMarket {
                    market: market.name.clone(),
                    reason: NEVER_UPDATED.into(),
                });
            }
        }
    }

    /// Compares, and reads what is to be written. `None` if the database is no longer as it was.
    fn truths(&mut self, markets: &Markets, part: Part) -> Result<Option<Vec<Truth>>, SyncError> {
        let mut truths = Vec::new();
        for market in &markets.scope.exchanges {
            let Some(mark) = market.last_block() else {
                continue;
            };
            let users = Users {
                named: if self.has_lost_reserve {
                    &[]
                } else {
                    &self.options.users
                },
                sample: if self.compares_all() { None } else { Some(0) },
            };
            let Some(picture) = Picture::read(self.path, market, users, &[])? else {
                return Ok(None);
            };
            let block = match part {
                Part::Final => keep(&markets.blocks, market).unwrap_or(mark),
                Part::Last => mark,
            };
            let truth = match self.truth(market, &picture, (mark, block)) {
                Ok(truth) => truth,
                Err(NotRead::Answer(_)) if self.replace_provider(market, &picture, mark)? => {
                    return Ok(None);
                }
                Err(not_read) => return Err(not_read.into_error(&market.name, block)),
            };
            self.report.markets.push(MarketRepair {
                market: market.name.clone(),
                mark,
                block,
                users: u64::try_from(picture.users.len()).unwrap_or(u64::MAX),
            });
            truths.push(truth);
        }
        Ok(Some(truths))
    }

    /// Writes the addresses provider that the market's Pool names, if the database has another one. Returns whether it has.
    fn replace_provider(
        &mut self,
        market: &ScopedMarket,
        picture: &Picture,
        mark: BlockNumber,
    ) -> Result<bool, SyncError> {
        let is_asked = self.options.reserves || self.options.all_found;
        let pool = picture.state.contract(POOL).filter(|_| is_asked);
        let found = provider_of(self.node, pool, BlockTag::Number(mark));
        let provider = found.map_err(|not_read| not_read.into_error(&market.name, mark))?;
        let Some(provider) = provider.filter(|provider| *provider != market.provider) else {
            return Ok(false);
        };
        let path = self.path;
        let mut connection = open_to_write(path, &self.options.cancel)?;
        let written = transaction(
            &mut connection,
            Begin::Immediate,
            |connection| -> Result<bool, SyncError> {
                require_none_that_interferes(connection, path)?;
                if !is_as_it_was(connection, market)? {
                    return Ok(false);
                }
                let row = NewAaveV3Contract {
                    market_id: market.id,
                    name: PROVIDER.to_owned(),
                    address: provider,
                    revision: None,
                };
                row.store(connection)?;
                Ok(true)
            },
            SyncError::from,
        );
        if written.map_err(|error| self.of_write(error))? {
            self.done.0.push(other_provider(market, provider));
            self.done.1 += 1;
        }
        Ok(true)
    }

    /// Compares a market with the state at its mark, and reads the state at the block that is repaired.
    fn truth(
        &mut self,
        market: &ScopedMarket,
        picture: &Picture,
        blocks: (BlockNumber, BlockNumber),
    ) -> Result<Truth, NotRead> {
        let about = About {
            all_found: self.compares_all(),
            reserves: self.options.reserves,
        };
        let at = (self.node, blocks);
        let (truth, findings) = Truth::read(at, market, picture, about, self.observe)?;
        self.report.findings.extend(findings);
        Ok(truth)
    }

    /// Writes what is wrong anew, in one transaction. `None` if the database is no longer as it was.
    fn write(
        &mut self,
        markets: &Markets,
        truths: &[Truth],
        part: Part,
    ) -> Result<Option<Written>, SyncError> {
        let (path, chain) = (self.path, self.chain);
        let mut connection = open_to_write(path, &self.options.cancel)?;
        Recorder::install(Statements::of(&mut connection)?, UpdateOf::AaveMarkets)?;
        let written = transaction(
            &mut connection,
            Begin::Immediate,
            |connection| -> Result<Option<Written>, SyncError> {
                require_latest(recognise_state(connection)?.require_version(path)?)?;
                require_none_that_interferes(connection, path)?;
                let scope = Scope::read_markets(connection, chain, &self.options.markets)?;
                let blocks = StoredBlock::of_chain(connection, chain)?;
                if blocks != markets.blocks || marks_of(&scope) != marks_of(&markets.scope) {
                    return Ok(None);
                }
                let exchanges = active_marks(connection, chain)?;
                let of_markets = market_marks(connection, chain)?;
                let keeps = truths
                    .iter()
                    .filter_map(|truth| keep(&blocks, &truth.market));
                let mut undone = None;
                delete_orphans(Statements::of(connection)?)?;
                if let (Part::Final, Some(keep)) = (part, keeps.min()) {
                    undone = Some((keep, set_back(connection, chain, keep)?));
                }
                let mut rows = 0;
                for truth in truths {
                    let last = truth.market.mark.filter(|_| part == Part::Last);
                    if let Some(mark) = last.filter(|_| keep(&blocks, &truth.market).is_some()) {
                        Recorder::enter(Statements::of(connection)?, chain, mark)?;
                    }
                    rows += truth.write(connection)?;
                    Recorder::leave(Statements::of(connection)?)?;
                    if self.compares_all() && !truth.has_lost_reserve() {
                        truth.require_totals(connection)?;
                    }
                }
                Ok(Some(Written {
                    rows,
                    undone,
                    exchanges,
                    markets: of_markets,
                }))
            },
            SyncError::from,
        );
        written.map_err(|error| self.of_write(error))
    }

    /// Takes back what is gone from the chain, whatever has become of its rows. It does nothing if the database is no
    /// longer as it was.
    fn take_back(&mut self, markets: &Markets, keep: BlockNumber) -> Result<(), SyncError> {
        let (path, chain) = (self.path, self.chain);
        let mut connection = open_to_write(path, &self.options.cancel)?;
        Recorder::install(Statements::of(&mut connection)?, UpdateOf::AaveMarkets)?;
        let undone = transaction(
            &mut connection,
            Begin::Immediate,
            |connection| -> Result<_, SyncError> {
                require_latest(recognise_state(connection)?.require_version(path)?)?;
                require_none_that_interferes(connection, path)?;
                if StoredBlock::of_chain(connection, chain)? != markets.blocks {
                    return Ok(None);
                }
                delete_orphans(Statements::of(connection)?)?;
                Ok(Some((keep, set_back(connection, chain, keep)?)))
            },
            SyncError::from,
        );
        let undone = undone.map_err(|error| self.of_write(error))?;
        self.note_undone(undone);
        Ok(())
    }

    /// Adds what was taken back.
    fn note_undone(&mut self, undone: Option<(BlockNumber, Undone)>) {
        let Some((keep, undone)) = undone else { return };
        let (before, mut sum) = self.report.undone.unwrap_or((keep, Undone::default()));
        sum.pools += undone.pools;
        sum.tokens += undone.tokens;
        sum.rows += undone.rows;
        self.report.undone = Some((keep.min(before), sum));
    }

    fn of_write(&self, error: SyncError) -> SyncError {
        match error {
            _ if self.options.cancel.is_cancelled() => SyncError::Interrupted,
            SyncError::Database { source } => SyncError::Database {
                source: Box::new((*source).at(self.path, "repair the markets")),
            },
            error => error,
        }
    }

    /// Takes in the blocks again that were taken back.
    fn take_in_again(&mut self, written: &Written) -> Result<(), SyncError> {
        let Some((keep, _)) = written.undone else {
            return Ok(());
        };
        let options = self.options;
        let marks = || written.markets.iter();
        for end in ends(self.node, marks().map(|(_, mark)| *mark), keep)? {
            let markets = marks().filter(|(_, mark)| *mark >= end);
            let update = AaveUpdateOptions::default()
                .markets(markets.map(|(name, _)| name.clone()).collect())
                .to_block(BlockTarget::from(end))
                .concurrency(options.concurrency)
                .wait(options.wait)
                .patience(options.patience)
                .cancel(options.cancel.clone());
            let (_, result) =
                update_aave_markets(self.path, self.chain, self.node, &update, &mut ());
            result?;
            self.report.taken_in = Some(end);
        }
        let retake = Retake {
            path: self.path,
            chain: self.chain,
            node: self.node,
            concurrency: options.concurrency,
            wait: options.wait,
            patience: options.patience,
            cancel: &options.cancel,
        };
        let pools = retake.pools(&written.exchanges, keep)?;
        self.report.taken_in = self.report.taken_in.max(pools);
        Ok(())
    }
}

/// Takes back the blocks above `keep`, whatever has become of the rows of markets since.
fn set_back(
    connection: &mut SqliteConnection,
    chain: ChainId,
    keep: BlockNumber,
) -> Result<Undone, SyncError> {
    let statements = Statements::of(connection)?;
    let undone = undo(statements, chain, keep, Otherwise::MarketsSetBack);
    undone.map_err(|error| SyncError::of_repair(error, RepairExtent::Markets))
}

/// The last block that is not taken back; `None` if nothing of the market has to be, or can be: another program, such as
/// the Python package, has moved its mark.
fn keep(blocks: &[StoredBlock], market: &ScopedMarket) -> Option<BlockNumber> {
    let (top, mark) = (blocks.first()?, market.mark?);
    if mark > top.number || market.marked_by == MarkedBy::Another {
        return None;
    }
    let last_final = blocks.iter().find(|block| block.is_final);
    let keep = last_final.or(blocks.last())?.number;
    (keep < mark).then_some(keep)
}

fn marks_of(scope: &Scope<ScopedMarket>) -> Vec<(i64, Option<BlockNumber>, Address)> {
    let markets = scope.exchanges.iter();
    markets
        .map(|market| (market.id, market.mark, market.provider))
        .collect()
}

/// The active markets of a chain that have a mark.
fn market_marks(
    connection: &mut SqliteConnection,
    chain: ChainId,
) -> Result<Vec<(MarketName, BlockNumber)>, SyncError> {
    let markets = AaveV3StoredMarket::of_chain(connection, chain)?.into_iter();
    let active = markets.filter(|stored| stored.market.active);
    Ok(active
        .filter_map(|stored| Some((stored.name, stored.market.last_update_block?)))
        .collect())
}
