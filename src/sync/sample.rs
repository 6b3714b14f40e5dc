//! A few ranges of blocks, asked for to estimate how much there is in all of them.

use std::time::Instant;

use crate::events::event::Event as _;
use crate::events::{aerodrome_v2, aerodrome_v3, uniswap_v2, uniswap_v3, uniswap_v4};
use crate::node::client::Node;
use crate::node::logs::filter::LogFilter;
use crate::node::logs::request::LogAnswer;
use crate::sync::estimate::{Estimate, Stratum, real, total, whole};
use crate::sync::member::Member;
use crate::sync::scope::{Group, Scope};
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;
use crate::types::log::Log;

/// How many ranges are asked for, roughly, each with one request for each kind of events.
const RANGES: u64 = 8;

/// How many blocks a range has at most, but for the last one, which shows the limits of the node.
const WIDTH: u64 = 1_000;

/// What the samples of all groups say.
#[derive(Debug)]
pub(super) struct Sample {
    filters: Vec<OfFilter>,
    /// The number of blocks that were asked for.
    pub(super) blocks: u64,
}

/// What the samples of a group say about the events of one filter.
#[derive(Debug, Default)]
struct OfFilter {
    /// In the order of the chain.
    parts: Vec<Part>,
    /// The range that showed a limit of the node.
    probe: Option<Part>,
    /// How many blocks a request may have.
    width: u64,
    /// How many events an answer had at most, if a range was cut because of its events.
    most_logs: Option<u64>,
}

/// A part of a group's blocks, and the range that was asked for.
#[derive(Debug, Clone, Copy)]
struct Part {
    blocks: u64,
    sampled: u64,
    pools: u64,
    changes: u64,
    bytes: u64,
    seconds: f64,
}

impl Part {
    const fn stratum(&self, count: u64) -> Stratum {
        Stratum {
            blocks: self.blocks,
            sampled: self.sampled,
            count,
        }
    }
}

/// Asks for a few ranges of the blocks up to `target`. `chunk` is how many blocks an update asks for at once, and `filters`
/// are those of a group.
pub(super) fn sample<M: Member>(
    node: &Node,
    scope: &Scope<M>,
    target: BlockNumber,
    chunk: u64,
    filters: impl Fn(&Group) -> Vec<LogFilter>,
) -> Result<Sample, SyncError> {
    let groups = groups(scope, target);
    let all: u64 = groups.iter().map(length).sum();
    let mut sample = Sample {
        filters: Vec::new(),
        blocks: 0,
    };
    for group in &groups {
        let share = RANGES.saturating_mul(length(group)).div_ceil(all.max(1));
        let mut blocks = 0;
        for filter in filters(group) {
            let of_filter = sample_group(node, &filter, group, share.max(1), chunk)?;
            blocks = of_filter.parts.iter().map(|part| part.sampled).sum();
            sample.filters.push(of_filter);
        }
        sample.blocks += blocks;
    }
    Ok(sample)
}

/// The groups that an update takes in one after the other.
fn groups<M: Member>(scope: &Scope<M>, target: BlockNumber) -> Vec<Group> {
    let mut scope = scope.clone();
    let mut groups = Vec::new();
    while let Some(group) = scope.next_group(target) {
        for index in &group.members {
            if let Some(exchange) = scope.exchanges.get_mut(*index) {
                exchange.advance(group.to);
            }
        }
        groups.push(group);
    }
    groups
}

fn length(group: &Group) -> u64 {
    group.to.get() - group.from.get() + 1
}

fn sample_group(
    node: &Node,
    filter: &LogFilter,
    group: &Group,
    ranges: u64,
    chunk: u64,
) -> Result<OfFilter, SyncError> {
    let length = length(group);
    let mut of_filter = OfFilter {
        width: chunk,
        ..OfFilter::default()
    };
    // As many ranges as fit. The last one comes first, because it shows the limits of the node.
    let mut ranges = ranges.min(length.div_ceil(WIDTH)).max(1);
    let begin_of = |number: u64, ranges: u64| group.from.get() + length / ranges * number;
    let last_blocks = group.to.get() - begin_of(ranges - 1, ranges) + 1;
    let asked = last_blocks.min(chunk);
    let begin = group.to.get() - (asked - 1);
    let Some(last) = ask(node, filter, begin, asked, last_blocks)? else {
        return Ok(of_filter);
    };
    let is_cut = last.sampled < asked;
    if is_cut {
        // The blocks that the node did not get to are not like those before them, so the last range is asked for again
        // in parts.
        of_filter.learn(node.range_limit(filter), &last);
        ranges = ranges.max(RANGES).min(length);
        of_filter.probe = Some(last);
    } else {
        of_filter.parts.push(last);
    }
    // Then the first one: a node without old blocks says so about the block that an update would ask for.
    let rest = if is_cut { ranges } else { ranges - 1 };
    for number in 0..rest {
        let begin = begin_of(number, ranges);
        let end = if number == ranges - 1 {
            group.to.get()
        } else {
            begin_of(number + 1, ranges) - 1
        };
        let blocks = end - begin + 1;
        let asked = blocks.min(chunk).min(WIDTH);
        let from = if number == 0 {
            begin
        } else {
            begin + (blocks - asked) / 2
        };
        let Some(part) = ask(node, filter, from, asked, blocks)? else {
            break;
        };
        if part.sampled < asked {
            of_filter.learn(node.range_limit(filter), &part);
        }
        of_filter.parts.push(part);
    }
    if !is_cut {
        of_filter.parts.rotate_left(1);
    }
    Ok(of_filter)
}

/// Asks for a range, which stands for a part of so many blocks. `None` if there are no such blocks.
fn ask(
    node: &Node,
    filter: &LogFilter,
    from: u64,
    asked: u64,
    blocks: u64,
) -> Result<Option<Part>, SyncError> {
    let (Ok(first), Ok(last)) = (BlockNumber::new(from), BlockNumber::new(from + (asked - 1)))
    else {
        return Ok(None);
    };
    let (before, clock) = (node.statistics(), Instant::now());
    let answer = node.first_logs(filter, first, last)?;
    let bytes = node.statistics().bytes - before.bytes;
    Ok(Some(Part {
        seconds: clock.elapsed().as_secs_f64(),
        ..part(&answer, blocks, bytes)
    }))
}

/// Counts the events of an answer about a part of so many blocks.
fn part(answer: &LogAnswer, blocks: u64, bytes: u64) -> Part {
    let pools = answer.logs.iter().filter(is_creation).count();
    let pools = u64::try_from(pools).unwrap_or(u64::MAX);
    let logs = u64::try_from(answer.logs.len()).unwrap_or(u64::MAX);
    Part {
        blocks,
        sampled: answer.last.number.get() - answer.first.number.get() + 1,
        pools,
        changes: logs - pools,
        bytes,
        seconds: 0.0,
    }
}

fn is_creation(log: &Log<'_>) -> bool {
    let topics = [
        uniswap_v2::PairCreated::TOPIC,
        aerodrome_v2::PoolCreated::TOPIC,
        uniswap_v3::PoolCreated::TOPIC,
        aerodrome_v3::PoolCreated::TOPIC,
        uniswap_v4::Initialize::TOPIC,
    ];
    log.topics
        .first()
        .is_some_and(|topic| topics.contains(topic))
}

impl OfFilter {
    /// A range was cut: because of the node's limit of blocks, or because of its events.
    fn learn(&mut self, limit: Option<u64>, part: &Part) {
        if let Some(limit) = limit {
            self.width = self.width.min(limit);
        } else {
            let logs = part.pools + part.changes;
            self.most_logs = Some(self.most_logs.unwrap_or(1).max(logs));
        }
    }

    /// How many requests the blocks need.
    fn requests(&self) -> u64 {
        let of_part = |part: &Part| {
            let density = part.stratum(part.pools + part.changes).density();
            let fitting = match self.most_logs {
                Some(logs) if density > 0.0 => whole(real(logs) / density).max(1),
                _ => self.width,
            };
            part.blocks.div_ceil(fitting.min(self.width).max(1))
        };
        self.parts.iter().map(of_part).sum()
    }
}

impl Sample {
    fn total(&self, count: impl Fn(&Part) -> u64) -> Estimate {
        let of_filter = |filter: &OfFilter| {
            let strata: Vec<_> = filter
                .parts
                .iter()
                .map(|part| part.stratum(count(part)))
                .collect();
            total(&strata)
        };
        let filters = self.filters.iter().map(of_filter);
        filters.fold(Estimate::default(), Estimate::plus)
    }

    /// New pools.
    pub(super) fn pools(&self) -> Estimate {
        self.total(|part| part.pools)
    }

    /// Changes of liquidity, also of pools that no exchange knows.
    pub(super) fn changes(&self) -> Estimate {
        self.total(|part| part.changes)
    }

    /// Bytes of answers.
    pub(super) fn bytes(&self) -> Estimate {
        self.total(|part| part.bytes)
    }

    /// How many changes of liquidity a block has at the end of the chain.
    pub(super) fn newest_changes(&self) -> f64 {
        let newest = self
            .filters
            .iter()
            .filter_map(|filter| filter.parts.first());
        newest
            .map(|part| part.stratum(part.changes).density())
            .sum()
    }

    /// Requests for events. More are needed if a range is refused or asked for again.
    pub(super) fn log_requests(&self) -> Estimate {
        let expected: u64 = self.filters.iter().map(OfFilter::requests).sum();
        // Each part but the first may end inside a range.
        let inner = self
            .filters
            .iter()
            .map(|filter| filter.parts.len().saturating_sub(1));
        let inner = u64::try_from(inner.sum::<usize>()).unwrap_or(u64::MAX);
        Estimate {
            low: expected.saturating_sub(inner),
            expected,
            high: expected.saturating_add(expected / 2),
        }
    }

    /// The seconds of a request without its events, and of a byte of events.
    pub(super) fn seconds(&self) -> (f64, f64) {
        let filters = || self.filters.iter();
        let parts = || filters().flat_map(|filter| filter.parts.iter().chain(&filter.probe));
        let shortest = parts().map(|part| part.seconds).fold(f64::MAX, f64::min);
        let bytes: u64 = parts().map(|part| part.bytes).sum();
        let longer: f64 = parts().map(|part| part.seconds - shortest).sum();
        if bytes == 0 {
            return (0.0, 0.0);
        }
        (shortest, longer / real(bytes))
    }
}
