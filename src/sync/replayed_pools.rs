//! The pools that a repair is about, built from their events.

use std::collections::{BTreeMap, BTreeSet};

use crate::cancel::CancelToken;
use crate::node::client::Node;
use crate::node::header::{BlockTag, Header};
use crate::sync::chain_state::{address, ask, plain_call};
use crate::sync::pool_snapshot::{PoolsOfExchange, Snapshot};
use crate::sync::replay::{Parts, PoolKey, Range, Replay, Wanted};
use crate::sync::sync_error::SyncError;
use crate::sync::verify_report::PoolProgress;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

/// How many pools a filter names, at most.
const NAMED: usize = 500;

/// How many blocks are asked for at a time.
const SCANNED: u64 = 10_000;

/// A replay of the pools of a snapshot.
pub(super) struct Replaying<'a> {
    pub(super) node: &'a Node,
    pub(super) chain: ChainId,
    pub(super) snapshot: &'a Snapshot,
    pub(super) threads: usize,
    pub(super) cancel: &'a CancelToken,
    pub(super) headers: BTreeMap<BlockNumber, Header>,
    pub(super) observe: &'a mut dyn FnMut(&PoolProgress),
}

impl Replaying<'_> {
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

    /// Takes in the events of the exchanges' blocks. `begins` has the first block of each exchange, `ends` the last one.
    pub(super) fn run(
        &mut self,
        replay: &mut Replay,
        begins: &BTreeMap<usize, BlockNumber>,
        ends: &BTreeMap<usize, BlockNumber>,
    ) -> Result<(), SyncError> {
        // Exchanges that end at the same block share the requests.
        let mut groups: BTreeMap<(BlockNumber, bool), Vec<usize>> = BTreeMap::new();
        for (index, end) in ends {
            if let Some(of_exchange) = self.snapshot.pools.get(index)
                && of_exchange.is_whole
            {
                let is_late = begins.get(index).is_some_and(|begin| begin > end);
                groups.entry((*end, is_late)).or_default().push(*index);
            }
        }
        for ((end, is_late), members) in groups {
            if is_late {
                continue;
            }
            let begin = members.iter().filter_map(|index| begins.get(index)).min();
            let begin = begin.copied().unwrap_or(BlockNumber::FIRST);
            self.take_in(replay, &members, &Wanted::All, begin, end)?;
        }
        for (index, of_exchange) in &self.snapshot.pools {
            if of_exchange.is_whole {
                continue;
            }
            let (Some(begin), Some(end)) = (begins.get(index), ends.get(index)) else {
                continue;
            };
            for wanted in self.wanted(*index, of_exchange)? {
                self.take_in(replay, &[*index], &wanted, *begin, *end)?;
            }
        }
        Ok(())
    }

    fn take_in(
        &mut self,
        replay: &mut Replay,
        members: &[usize],
        wanted: &Wanted,
        from: BlockNumber,
        end: BlockNumber,
    ) -> Result<(), SyncError> {
        if from > end {
            return Ok(());
        }
        let to = self.header(end)?;
        let range = Range {
            node: self.node,
            scope: &self.snapshot.scope,
            members,
            wanted,
            from,
            to: &to,
            parts: Parts::Both,
            threads: self.threads,
            chunk: SCANNED,
            cancel: self.cancel,
        };
        let (chain, observe) = (self.chain, &mut self.observe);
        replay.take_in(range, &mut |block| {
            observe(&PoolProgress {
                chain,
                activity: "reading blocks",
                done: block.get().saturating_sub(from.get()),
                total: end.get().saturating_sub(from.get()),
            });
            Ok(())
        })
    }

    /// What is asked for, to find the creations of single pools and their liquidity. The tokens narrow it down. They are
    /// those of the contracts, and those of the database in case a contract does not answer.
    fn wanted(
        &self,
        index: usize,
        of_exchange: &PoolsOfExchange,
    ) -> Result<Vec<Wanted>, SyncError> {
        let mut all = Vec::new();
        for pools in of_exchange.pools.chunks(NAMED) {
            let keys: BTreeSet<PoolKey> = pools
                .iter()
                .filter_map(|pool| pool.chain_key(index))
                .collect();
            let contracts: Vec<Address> = keys
                .iter()
                .filter_map(|key| match key {
                    PoolKey::Address(address) => Some(*address),
                    PoolKey::Hash(..) => None,
                })
                .collect();
            let mut tokens = [BTreeSet::new(), BTreeSet::new()];
            let of_tokens = tokens
                .iter_mut()
                .zip([("token0", "token0()"), ("token1", "token1()")]);
            for (tokens, (column, function)) in of_tokens {
                let calls: Vec<_> = contracts
                    .iter()
                    .map(|contract| plain_call(*contract, function))
                    .collect();
                let answers = ask(self.node, self.threads, &calls, BlockTag::Latest)?;
                tokens.extend(answers.into_iter().flatten().filter_map(|it| address(&it)));
                let stored = pools
                    .iter()
                    .filter_map(|pool| pool.facts.columns.get(column));
                tokens.extend(stored.filter_map(|text| text.parse::<Address>().ok()));
            }
            all.push(Wanted::Some {
                pools: keys,
                tokens,
            });
        }
        Ok(all)
    }
}
