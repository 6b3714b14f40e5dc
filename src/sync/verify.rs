//! The comparison of a database's pools with the state of their chain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::deployments::exchange_name::ExchangeName;
use crate::node::client::Node;
use crate::node::header::{BlockTag, Header};
use crate::setters::setters;
use crate::sync::at_block::{AtBlock, is_about_the_answer, lacks_state};
use crate::sync::chain_view::{Standing, look};
use crate::sync::pool_facts::{Difference, Subject};
use crate::sync::pool_snapshot::{PoolsOfExchange, Selection, Snapshot};
use crate::sync::replay::{Parts, PoolKey, Replay, Wanted};
use crate::sync::report::Skipped;
use crate::sync::state_comparison::Comparison;
use crate::sync::sync_error::SyncError;
use crate::sync::verify_report::{
    ExchangeVerification, NotCompared, PoolFinding, PoolProgress, PoolVerifyReport,
};
use crate::types::integer::{BlockNumber, ChainId};

/// Options for a comparison of pools with their chain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolVerifyOptions {
    /// The exchanges; all active ones of the chain if neither exchanges nor pools are named.
    pub exchanges: Vec<ExchangeName>,
    /// Single pools: addresses, hashes of pools inside managers, and ids.
    pub pools: Vec<String>,
    /// How many pools of each exchange are compared; `None` for all, which also finds pools that the database lacks.
    pub sample: Option<usize>,
    /// The number of requests that are under way at once.
    pub concurrency: usize,
    /// The time to wait for a node that lacks a block of the database.
    pub patience: Duration,
    /// The token that cancels the comparison. The node has its own.
    pub cancel: CancelToken,
}

setters!(PoolVerifyOptions {
    exchanges: Vec<ExchangeName>,
    pools: Vec<String>,
    sample: Option<usize>,
    concurrency: usize,
    patience: Duration,
    cancel: CancelToken,
});

impl Default for PoolVerifyOptions {
    fn default() -> Self {
        Self {
            exchanges: Vec::new(),
            pools: Vec::new(),
            sample: Some(100),
            concurrency: 4,
            patience: Duration::from_secs(60),
            cancel: CancelToken::new(),
        }
    }
}

/// Compares pools of a chain with what their contracts say: tokens, fees, tick spacings, ticks, bitmaps and marks, and
/// the number of an exchange's pools.
///
/// It compares the state of the block up to which the exchange is in the database. If the node no longer has that state,
/// the events since then are added to what the database has, in memory, and the state of the newest block is compared.
/// All words are asked for that a pool's bitmap can have, so no initialized tick is missed.
///
/// It changes nothing, and reads one state of the database, so that an update can run meanwhile. A block that disappears
/// from the chain in the middle makes it begin anew.
///
/// # Errors
///
/// See [`SyncError`]. What could not be compared, although the node answers, is in the report.
pub fn verify_pools(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &PoolVerifyOptions,
    observe: &mut dyn FnMut(&PoolProgress),
) -> (PoolVerifyReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let mut report = PoolVerifyReport::new(chain);
    let result = verify(path, chain, node, options, observe, &mut report);
    report.node = node.statistics();
    report.elapsed = begin.elapsed();
    (report, result)
}

fn verify(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &PoolVerifyOptions,
    observe: &mut dyn FnMut(&PoolProgress),
    report: &mut PoolVerifyReport,
) -> Result<(), SyncError> {
    /// How often it begins anew if blocks disappear.
    const TRIES: u32 = 3;
    let mut tries = 0;
    loop {
        let selection = Selection {
            chain,
            exchanges: &options.exchanges,
            pools: &options.pools,
            sample: options.sample,
        };
        let snapshot = Snapshot::read(path, selection)?;
        *report = PoolVerifyReport::new(chain);
        report.skipped.clone_from(&snapshot.scope.skipped);
        let (_, standing) = look(node, &snapshot.blocks, options.patience, &options.cancel)?;
        if let Standing::GoneAbove(keep) = standing {
            return Err(SyncError::Reorganised { keep });
        }
        let mut verification = Verification {
            node,
            options,
            observe,
            report,
            snapshot: &snapshot,
            done: 0,
            headers: BTreeMap::new(),
        };
        let compared = verification.run();
        let changed = verification.changed_block();
        match (compared, changed) {
            (Ok(()), Ok(None)) => return Ok(()),
            (Err(SyncError::Interrupted), _) => return Err(SyncError::Interrupted),
            // What was compared was of two branches.
            (_, Ok(Some(block))) | (Err(SyncError::Branches { block }), _) => {
                tries += 1;
                if tries == TRIES {
                    return Err(SyncError::Branches { block });
                }
            }
            (Err(error), _) | (Ok(()), Err(error)) => return Err(error),
        }
    }
}

struct Verification<'a> {
    node: &'a Node,
    options: &'a PoolVerifyOptions,
    observe: &'a mut dyn FnMut(&PoolProgress),
    report: &'a mut PoolVerifyReport,
    snapshot: &'a Snapshot,
    /// The pools of the exchanges that are done.
    done: u64,
    /// The blocks whose state counts.
    headers: BTreeMap<BlockNumber, Header>,
}

impl Verification<'_> {
    fn run(&mut self) -> Result<(), SyncError> {
        for (index, of_exchange) in &self.snapshot.pools {
            let Some(exchange) = self.snapshot.scope.exchanges.get(*index) else {
                continue;
            };
            let Some(mark) = exchange.mark else {
                if of_exchange.count > 0 {
                    self.report.skipped.push(Skipped {
                        exchange: exchange.name(),
                        reason: "it has pools, but no block up to which they are synchronized"
                            .into(),
                        is_for_now: false,
                    });
                }
                continue;
            };
            self.of_exchange(*index, mark, of_exchange)?;
        }
        Ok(())
    }

    /// The pools that are compared.
    fn total(&self) -> u64 {
        let exchanges = &self.snapshot.scope.exchanges;
        let pools = self.snapshot.pools.iter();
        let compared = pools.filter(|(index, _)| {
            let exchange = exchanges.get(**index);
            exchange.is_some_and(|exchange| exchange.mark.is_some())
        });
        compared
            .map(|(_, of_exchange)| of_exchange.pools.len() as u64)
            .sum()
    }

    /// The header of a block, which is looked at again in the end.
    fn header(&mut self, number: BlockNumber) -> Result<Header, SyncError> {
        if let Some(header) = self.headers.get(&number) {
            return Ok(header.clone());
        }
        let Some(header) = self.node.header(BlockTag::Number(number))? else {
            let head = self.node.header(BlockTag::Latest)?;
            return Err(SyncError::Behind {
                block: number,
                head: head.map_or(BlockNumber::FIRST, |head| head.number),
            });
        };
        self.headers.insert(number, header.clone());
        Ok(header)
    }

    /// The first of the blocks that has another hash by now.
    fn changed_block(&self) -> Result<Option<BlockNumber>, SyncError> {
        let numbers: Vec<_> = self.headers.keys().copied().collect();
        let headers = self.node.headers(&numbers)?;
        let changed = self
            .headers
            .values()
            .zip(&headers)
            .find(|(before, now)| now.as_ref().is_none_or(|now| now.hash != before.hash));
        Ok(changed.map(|(before, _)| before.number))
    }

    fn of_exchange(
        &mut self,
        index: usize,
        mark: BlockNumber,
        of_exchange: &PoolsOfExchange,
    ) -> Result<(), SyncError> {
        let snapshot = self.snapshot;
        let Some(exchange) = snapshot.scope.exchanges.get(index) else {
            return Ok(());
        };
        let at_mark = self.header(mark)?;
        let block = AtBlock {
            node: self.node,
            scope: &snapshot.scope,
            index,
            exchange,
            mark: &at_mark,
            at: &at_mark,
            threads: self.options.concurrency.max(1),
            cancel: &self.options.cancel,
            creations: None,
        };
        let creations = if of_exchange.is_whole && self.options.sample.is_none() {
            Some(self.creations(&block)?)
        } else {
            None
        };
        let chain = self.report.chain;
        let compared = of_exchange.pools.len() as u64;
        let (before, total) = (self.done, self.total());
        let mut at = at_mark.clone();
        let (comparison, on_chain) = loop {
            let mut comparison = Comparison {
                block: AtBlock {
                    at: &at,
                    creations: creations.as_ref(),
                    ..block
                },
                findings: Vec::new(),
                not_compared: Vec::new(),
                values: 0,
            };
            let observe = &mut self.observe;
            let mut progress = |done: usize| {
                observe(&PoolProgress {
                    chain,
                    activity: "comparing pools",
                    done: before + done as u64,
                    total,
                });
            };
            progress(0);
            match comparison.run(of_exchange, &mut progress) {
                Ok(on_chain) => break (comparison, on_chain),
                Err(SyncError::Node { source }) if is_about_the_answer(&source) => {
                    if at.number == mark && lacks_state(&source) {
                        log::info!(
                            "{}: {source}; the newest block is compared",
                            exchange.name()
                        );
                        let head = self.node.header(BlockTag::Latest)?;
                        let head = head.map_or(mark, |head| head.number);
                        if head > mark {
                            at = self.header(head)?;
                            continue;
                        }
                    }
                    comparison.findings.clear();
                    comparison.not_compared = vec![NotCompared {
                        exchange: exchange.name(),
                        pool: None,
                        reason: source.to_string(),
                    }];
                    break (comparison, None);
                }
                Err(error) => return Err(error),
            }
        };
        let Comparison {
            mut findings,
            mut not_compared,
            values,
            ..
        } = comparison;
        self.find_later(&block, of_exchange, &mut findings)?;
        let report = &mut *self.report;
        report.exchanges.push(ExchangeVerification {
            exchange: exchange.name(),
            mark,
            compared_at: at.number,
            pools: of_exchange.count as u64,
            compared,
            on_chain,
        });
        self.done += compared;
        report.values += values;
        report.not_compared.append(&mut not_compared);
        report.findings.append(&mut findings);
        if let Some(creations) = &creations {
            self.find_missing(index, of_exchange, creations);
        }
        Ok(())
    }

    /// The pools that an exchange has created up to its block.
    fn creations(&mut self, block: &AtBlock<'_>) -> Result<Replay, SyncError> {
        let (from, to) = (block.first_block(), block.mark);
        let mut replay = Replay::default();
        let members = [block.index];
        let range = block.range(&members, &Wanted::All, Parts::Creations, from, to);
        let chain = self.report.chain;
        let observe = &mut self.observe;
        replay.take_in(range, &mut |block| {
            observe(&PoolProgress {
                chain,
                activity: "reading the creations of pools",
                done: block.get().saturating_sub(from.get()),
                total: to.number.get().saturating_sub(from.get()),
            });
            Ok(())
        })?;
        Ok(replay)
    }

    /// Says of the pools that the chain does not have at the exchange's block which ones it has later: then the block is
    /// too low.
    fn find_later(
        &self,
        block: &AtBlock<'_>,
        of_exchange: &PoolsOfExchange,
        findings: &mut [PoolFinding],
    ) -> Result<(), SyncError> {
        let is_unknown = |finding: &&mut PoolFinding| {
            let mut differences = finding.differences.iter();
            differences.any(|it| it.subject == Subject::Pool && it.database.is_some())
        };
        let key_of = |finding: &PoolFinding| {
            let mut pools = of_exchange.pools.iter();
            let pool = pools.find(|pool| Some(pool.id.id) == finding.id);
            pool.and_then(|pool| pool.chain_key(block.index))
        };
        let mut unknown: Vec<_> = findings.iter_mut().filter(is_unknown).collect();
        let keys: BTreeSet<_> = unknown.iter().filter_map(|it| key_of(it)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let Some(head) = self.node.header(BlockTag::Latest)? else {
            return Ok(());
        };
        let wanted = Wanted::Some {
            pools: keys,
            tokens: Default::default(),
        };
        let members = [block.index];
        let mark = block.mark.number;
        let mut later = Replay::default();
        let range = block.range(&members, &wanted, Parts::Creations, mark.next(), &head);
        later.take_in(range, &mut |_| Ok(()))?;
        for finding in &mut unknown {
            if key_of(finding).is_some_and(|key| later.pools.contains_key(&key)) {
                finding.differences = vec![Difference::created_after(mark)];
            }
        }
        Ok(())
    }

    /// Adds the pools that the chain has, but not the database.
    fn find_missing(&mut self, index: usize, of_exchange: &PoolsOfExchange, creations: &Replay) {
        let Some(exchange) = self.snapshot.scope.exchanges.get(index) else {
            return;
        };
        let stored: BTreeSet<PoolKey> = of_exchange
            .pools
            .iter()
            .filter_map(|pool| pool.chain_key(index))
            .collect();
        for key in creations.order.iter().filter(|key| !stored.contains(key)) {
            let Some(pool) = creations.pools.get(key) else {
                continue;
            };
            self.report.values += 1;
            self.report.findings.push(PoolFinding {
                exchange: exchange.name(),
                pool: Some(pool.new.name()),
                id: None,
                differences: vec![Difference {
                    subject: Subject::Pool,
                    database: None,
                    chain: Some("created".to_owned()),
                }],
            });
        }
    }
}
