//! The repair of markets from what their contracts say.
//!
//! The journal has the values that the last blocks have left, and can take them back only while the rows have these
//! values. So a repair first takes back all blocks that are not final, writes what the contracts said at the last final
//! block of the database, and takes the blocks in again by an update. What is repaired is released from the journal before,
//! so that it does not matter what is wrong with its rows. All of that but the update is one transaction.
//!
//! What an event of the last blocks makes wrong is wrong again after that, and is repaired as a change of the last block.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::sqlite::SqliteConnection;

use crate::aave::scaled_balance::ScaledBalance;
use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::connection::own_triggers::require_none_that_interferes;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file;
use crate::database::recognition::recognise::recognise_state;
use crate::deployments::exchange_name::ExchangeName;
use crate::deployments::market_name::MarketName;
use crate::models::aave::position_writer::{PositionWriter, Side};
use crate::models::aave::stored_market::AaveV3StoredMarket;
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::market_marks::MarkedBy;
use crate::models::journal::recorder::Recorder;
use crate::models::journal::release::BlocksAbove;
use crate::models::journal::tables::UpdateOf;
use crate::models::journal::undo::{Undone, undo};
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::setters::setters;
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::aave::chain_values::{
    MarketValues, NotRead, ReserveValues, UserValues, read_balances, read_users,
};
use crate::sync::aave::comparison::{Comparison, token_of};
use crate::sync::aave::market_scope::{NEVER_UPDATED, ScopedMarket};
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::picture::{Markets, Picture, Users};
use crate::sync::aave::repair_report::{AaveRepairReport, MarketRepair};
use crate::sync::aave::reserve_times::{update_blocks, update_times};
use crate::sync::aave::update::{AaveUpdateOptions, SkippedMarket, update_aave_markets};
use crate::sync::aave::verify_report::{AaveFinding, AaveProgress, AaveSubject};
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

/// How many users are asked about at a time.
const TOGETHER: usize = 1_000;

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
}

/// Which of a market's blocks are repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Those that are final. The others are taken back.
    Final,
    /// The last one.
    Last,
}

/// What the contracts of a market say of what is repaired, at the last final block that the database has of it.
struct Truth {
    market: ScopedMarket,
    values: MarketValues,
    users: Vec<Address>,
    /// What each user has chosen.
    chosen: Vec<UserValues>,
    /// The balances of tokens and users.
    balances: BTreeMap<(Address, Address), ScaledBalance>,
    /// The blocks of the last update of reserves, as far as the database has wrong ones.
    blocks: BTreeMap<Address, BlockNumber>,
    reserves: bool,
    /// Whether the e-mode of a user is wrong.
    wrong_e_mode: BTreeSet<Address>,
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
        for _ in 0..PASSES {
            let markets = Markets::read(self.path, self.chain, &self.options.markets)?;
            let AaveRepairOptions {
                patience, cancel, ..
            } = self.options;
            let (_, standing) = look(self.node, &markets.blocks, *patience, cancel)?;
            if let Standing::GoneAbove(keep) = standing {
                return Err(SyncError::MarketsReorganised { keep });
            }
            *self.report = AaveRepairReport::new(self.chain);
            self.report_skipped(&markets);
            let Some(truths) = self.truths(&markets, Part::Final)? else {
                continue;
            };
            if self.report.findings.is_empty() {
                return Ok(());
            }
            let Some(written) = self.write(&markets, &truths, Part::Final)? else {
                log::info!(
                    "chain {}: the repair begins anew: another program has written",
                    self.chain
                );
                continue;
            };
            self.report.rows = written.rows;
            self.report.undone = written.undone;
            if written.undone.is_none() {
                return Ok(());
            }
            self.take_in_again(&written)?;
            return self.repair_last();
        }
        Err(SyncError::Unsettled {
            reason: "another program has written to the database",
        })
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

    /// How much of the database the repair is about.
    const fn extent(&self) -> RepairExtent {
        let AaveRepairOptions {
            markets,
            all_found,
            reserves,
            ..
        } = self.options;
        if *all_found && *reserves && markets.is_empty() {
            RepairExtent::AllOfAave
        } else {
            RepairExtent::SomeOfAave
        }
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
                named: &self.options.users,
                sample: if self.options.all_found {
                    None
                } else {
                    Some(0)
                },
            };
            let Some(picture) = Picture::read(self.path, market, users, &[])? else {
                return Ok(None);
            };
            let block = match part {
                Part::Final => keep(&markets.blocks, market).unwrap_or(mark),
                Part::Last => mark,
            };
            let truth = self
                .truth(market, &picture, mark, block)
                .map_err(|not_read| not_read.into_error(&market.name, block))?;
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

    /// Compares a market with the state at its mark, and reads the state at the block that is repaired.
    fn truth(
        &mut self,
        market: &ScopedMarket,
        picture: &Picture,
        mark: BlockNumber,
        block: BlockNumber,
    ) -> Result<Truth, NotRead> {
        let state = &picture.state;
        let (known, numbers) = (state.addresses(), state.category_numbers());
        let read = |at| MarketValues::read(self.node, market.provider, &known, &numbers, at);
        let at_mark = BlockTag::Number(mark);
        let values = read(at_mark)?;
        let times = update_times(self.node, state)?;
        let mut comparison = Comparison::new(&market.name);
        comparison.market(state, &values, &times);
        let is_found = |finding: &AaveFinding| finding.user.is_none();
        let reserves = self.options.reserves
            || (self.options.all_found && comparison.findings.iter().any(is_found));
        if !reserves {
            comparison.findings.clear();
        }
        let is_whole = !self.options.all_found;
        for (number, users) in picture.users.chunks(TOGETHER).enumerate() {
            (self.observe)(&AaveProgress {
                market: market.name.clone(),
                done: u64::try_from(number * TOGETHER).unwrap_or(u64::MAX),
                total: u64::try_from(picture.users.len()).unwrap_or(u64::MAX),
            });
            comparison.users(self.node, picture, &values, users, is_whole, at_mark)?;
        }
        let findings = comparison.findings;
        let of_users = findings.iter().filter_map(|finding| finding.user);
        let users: Vec<Address> = of_users.collect::<BTreeSet<_>>().into_iter().collect();
        let wrong_e_mode = findings
            .iter()
            .filter(|finding| finding.subject == AaveSubject::EMode)
            .filter_map(|finding| finding.user)
            .collect();
        self.report.findings.extend(findings);
        let at = BlockTag::Number(block);
        let values = if block == mark { values } else { read(at)? };
        let chosen = read_users(self.node, values.pool, &users, at)?;
        let mut pairs = Vec::new();
        for reserve in &state.reserves {
            if values.reserves.contains_key(&reserve.underlying) {
                let tokens = [reserve.a_token, reserve.v_token];
                pairs.extend(
                    users
                        .iter()
                        .flat_map(|user| tokens.map(|token| (token, *user))),
                );
            }
        }
        let balances = read_balances(self.node, &pairs, at)?;
        let blocks = if reserves {
            update_blocks(self.node, market, state, &values, block)?
        } else {
            BTreeMap::new()
        };
        Ok(Truth {
            market: market.clone(),
            values,
            users,
            chosen,
            balances: pairs.into_iter().zip(balances).collect(),
            blocks,
            reserves,
            wrong_e_mode,
        })
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
                if let (Part::Final, Some(keep)) = (part, keeps.min()) {
                    let above = BlocksAbove { chain, keep };
                    for truth in truths {
                        release(connection, above, truth)?;
                    }
                    let taken_back = undo(Statements::of(connection)?, chain, keep);
                    let taken_back =
                        taken_back.map_err(|error| SyncError::of_repair(error, self.extent()))?;
                    undone = Some((keep, taken_back));
                }
                let mut rows = 0;
                for truth in truths {
                    let last = truth.market.mark.filter(|_| part == Part::Last);
                    if let Some(mark) = last.filter(|_| keep(&blocks, &truth.market).is_some()) {
                        Recorder::enter(Statements::of(connection)?, chain, mark)?;
                    }
                    rows += correct(connection, truth)?;
                    Recorder::leave(Statements::of(connection)?)?;
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
        written.map_err(|error| match error {
            _ if self.options.cancel.is_cancelled() => SyncError::Interrupted,
            SyncError::Database { source } => SyncError::Database {
                source: Box::new((*source).at(path, "repair the markets")),
            },
            error => error,
        })
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

/// Takes what is repaired out of the journal: its rows may be wrong. A user or a reserve that the last blocks have inserted is
/// deleted.
fn release(
    connection: &mut SqliteConnection,
    above: BlocksAbove,
    truth: &Truth,
) -> Result<(), SyncError> {
    const OF_USER: [(&str, &str); 3] = [
        ("aave_v3_collateral_positions", "user_id"),
        ("aave_v3_debt_positions", "user_id"),
        ("aave_v3_user_collateral_configs", "user_id"),
    ];
    const OF_ASSET: [(&str, &str); 4] = [
        ("aave_v3_assets", "id"),
        ("aave_v3_asset_configs", "asset_id"),
        ("aave_v3_asset_facts", "asset_id"),
        ("aave_v3_emode_assets", "asset_id"),
    ];
    const WITH_ASSET: [(&str, &str); 6] = [
        ("aave_v3_collateral_positions", "asset_id"),
        ("aave_v3_debt_positions", "asset_id"),
        ("aave_v3_user_collateral_configs", "asset_id"),
        ("aave_v3_asset_configs", "asset_id"),
        ("aave_v3_asset_facts", "asset_id"),
        ("aave_v3_emode_assets", "asset_id"),
    ];
    const OF_MARKET: [(&str, &str); 2] = [
        ("aave_v3_contracts", "market_id"),
        ("aave_v3_emode_categories", "market_id"),
    ];
    let market_id = truth.market.id;
    let state = MarketState::load(connection, &truth.market)?;
    let statements = Statements::of(connection)?;
    let mut writer = PositionWriter::new(statements)?;
    for user in &truth.users {
        let Some(row) = writer.find_user(market_id, *user)? else {
            continue;
        };
        if above.delete_inserted(statements, ("aave_v3_users", row.id), &OF_USER)? {
            continue;
        }
        for place in OF_USER {
            above.release_rows(statements, place, row.id)?;
        }
        if truth.wrong_e_mode.contains(user) {
            above.release_rows(statements, ("aave_v3_users", "id"), row.id)?;
        }
    }
    if truth.reserves {
        for place in OF_MARKET {
            above.release_rows(statements, place, market_id)?;
        }
    }
    for reserve in &state.reserves {
        let id = reserve.asset.id;
        // The positions of users that were released may refer to it.
        let is_released = truth.reserves || !truth.users.is_empty();
        if is_released && above.delete_inserted(statements, ("aave_v3_assets", id), &WITH_ASSET)? {
            continue;
        }
        if truth.reserves {
            for place in OF_ASSET {
                above.release_rows(statements, place, id)?;
            }
        }
    }
    Ok(())
}

/// Writes what the contracts say. Returns how many rows were written.
fn correct(connection: &mut SqliteConnection, truth: &Truth) -> Result<u64, SyncError> {
    let users = Users {
        named: &truth.users,
        sample: Some(0),
    };
    let mut picture = Picture::of_connection(connection, &truth.market, users, &[])?;
    let state = &mut picture.state;
    if truth.reserves {
        state.correct(&truth.market, &truth.values, &truth.blocks)?;
    }
    let listed: Vec<(usize, ReserveValues, [Address; 2])> = state
        .reserves
        .iter()
        .enumerate()
        .filter_map(|(place, reserve)| {
            let values = truth.values.reserves.get(&reserve.underlying)?;
            let tokens = [Side::Collateral, Side::Debt].map(|side| token_of(reserve, side));
            Some((place, values.clone(), tokens))
        })
        .collect();
    for (user, chosen) in truth.users.iter().zip(&truth.chosen) {
        if state.balances.e_mode(*user) != chosen.e_mode {
            state.balances.set_e_mode(*user, chosen.e_mode);
        }
        for (place, values, tokens) in &listed {
            let is_collateral = chosen.is_collateral(values);
            let switch = picture.switches.get(&(*user, *place)).copied();
            if switch.unwrap_or_default() != is_collateral {
                state.balances.switch(*user, *place, is_collateral);
            }
            for (side, token) in [Side::Collateral, Side::Debt].into_iter().zip(tokens) {
                if let Some(balance) = truth.balances.get(&(*token, *user)) {
                    state.balances.correct((*user, *place, side), *balance);
                }
            }
        }
    }
    Ok(state.write(connection, &NodeFacts::default())?.rows)
}
