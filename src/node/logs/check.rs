//! What must hold of an answer with events.

use std::ops::RangeInclusive;

use crate::node::header::Header;
use crate::node::logs::bloom;
use crate::node::logs::filter::LogFilter;
use crate::node::logs::order::sorted;
use crate::node::logs::read::Violation;
use crate::types::integer::BlockNumber;
use crate::types::log::{Log, Logs};

/// Whether an event can be part of the answer. The filter is without duplicates.
pub(super) fn accept(
    filter: &LogFilter,
    range: &RangeInclusive<BlockNumber>,
    log: &Log<'_>,
) -> Result<(), &'static str> {
    if !range.contains(&log.place.block) {
        Err("an event is of a block outside the range")
    } else if !filter.has_address(&log.address) {
        Err("an event is of a contract that was not asked for")
    } else if !filter.has_topics(log.topics) {
        Err("an event has a topic that was not asked for")
    } else {
        Ok(())
    }
}

/// Sorts events, each of which is accepted, and checks them.
pub(super) fn checked(logs: Logs, first: &Header, last: &Header) -> Result<Logs, Violation> {
    let logs = sorted(logs);
    check(&logs, first, last)?;
    Ok(logs)
}

/// Checks sorted events.
pub(super) fn check(logs: &Logs, first: &Header, last: &Header) -> Result<(), Violation> {
    let mut previous: Option<Log<'_>> = None;
    for log in logs.iter() {
        if let Some(previous) = previous
            && previous.place.block == log.place.block
        {
            if previous.place == log.place {
                return Err(of("two events have one place", &log));
            }
            if previous.block_hash != log.block_hash {
                let problem = format!(
                    "the block has two hashes, {} and this one",
                    previous.block_hash
                );
                return Err(of(&problem, &log));
            }
        }
        for header in [first, last] {
            if header.number == log.place.block {
                of_header(&log, header)?;
            }
        }
        previous = Some(log);
    }
    Ok(())
}

fn of_header(log: &Log<'_>, header: &Header) -> Result<(), Violation> {
    if log.block_hash != header.hash {
        let problem = format!(
            "the block has the hash {}, its event another one",
            header.hash
        );
        return Err(of(&problem, log));
    }
    if !bloom::has(&header.logs_bloom, log) {
        return Err(of(
            "the header of the block says that it has no such event",
            log,
        ));
    }
    Ok(())
}

fn of(problem: &str, log: &Log<'_>) -> Violation {
    Violation {
        problem: problem.to_owned(),
        found: format!(
            "the event at {} of the contract {} with the block hash {}",
            log.place, log.address, log.block_hash
        ),
    }
}
