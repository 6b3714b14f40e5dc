//! One request for the events of a range, with proof that the node had its blocks.

use crate::node::client::Attempt;
use crate::node::fault::{Action, Fault};
use crate::node::header::{BlockTag, Header};
use crate::node::headers;
use crate::node::logs::bloom;
use crate::node::logs::check::{accept, checked};
use crate::node::logs::filter::{LogFilter, METHOD};
use crate::node::logs::read::{LogReader, Violation, read};
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;
use crate::types::log::{Log, Logs};

/// The events of a range of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogAnswer {
    /// The events, in the order of the chain.
    pub logs: Logs,
    /// The header of the first block of the range.
    pub first: Header,
    /// The header of the last block of the range.
    pub last: Header,
}

/// What the last block of a range has to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Proof {
    /// The hash that it must have, if that is known.
    pub(super) pinned: Option<BlockHash>,
    /// The newest block of the chain, if the hash is to be confirmed by the block after it.
    pub(super) head: Option<BlockNumber>,
}

impl Proof {
    /// Only that it has this hash.
    pub(super) const fn pinned(pinned: Option<BlockHash>) -> Self {
        Self { pinned, head: None }
    }
}

/// Asks for the events of a range and for the headers at its ends.
///
/// All are in one batch, so that one node answers them, even if several are behind one address. An endpoint that
/// takes no batches is asked for the last header before and after the events, which confirms it as well.
pub(super) fn ask(
    attempt: &Attempt<'_>,
    filter: &LogFilter,
    from: BlockNumber,
    to: BlockNumber,
    Proof { pinned, head }: Proof,
) -> Result<LogAnswer, Fault> {
    /// The events, three headers, and the chain for the first time.
    const BATCH: usize = 5;
    let last = || headers::question(BlockTag::Number(to));
    let mut questions = vec![filter.question(from, to), last()];
    if from < to {
        questions.push(headers::question(BlockTag::Number(from)));
    }
    let is_batch = attempt.slot.batch_limit() >= BATCH;
    if !is_batch {
        questions.insert(0, last());
    }
    let confirming = head
        .filter(|_| is_batch)
        .map(|head| headers::confirming(to, head));
    questions.extend(confirming.map(|number| headers::question(BlockTag::Number(number))));
    let range = from..=to;
    let accepted = |log: &Log<'_>| accept(filter, &range, log);
    let mut reader = LogReader::new(accepted);
    let place = usize::from(!is_batch);
    let read_logs = attempt.ask_with(&questions, (place, &mut reader), |items, unread| {
        let (before, items) = if is_batch {
            (None, items)
        } else {
            let header = headers::read_existing(attempt, &items[0], to)?;
            (Some(header), &items[1..])
        };
        let last = headers::read_existing(attempt, &items[0], to)?;
        let first = match items.get(1) {
            Some(item) if from < to => headers::read_existing(attempt, item, from)?,
            _ => last.clone(),
        };
        let expected = [pinned, before.map(|header| header.hash)];
        for expected in expected.into_iter().flatten() {
            headers::require_hash(attempt, &last, expected)?;
        }
        if let (Some(number), Some(item)) = (confirming, items.last()) {
            headers::confirm(attempt, &last, item, number)?;
        }
        let logs = match unread {
            None => None,
            Some(item) => {
                let json = attempt.slot.result(item, &attempt.about())?;
                let logs = read(json, accepted);
                Some(logs.map_err(|violation| invalid(attempt, &violation))?)
            }
        };
        Ok((logs, first, last))
    });
    let (logs, first, last) = read_logs?;
    let logs = checked(logs.unwrap_or(reader.logs), &first, &last)
        .map_err(|violation| invalid(attempt, &violation))?;
    let answer = LogAnswer { logs, first, last };
    check_silence(attempt, filter, &answer)?;
    Ok(answer)
}

/// If a block at an end of the range seems to have events that the answer lacks, asks for all events of that block.
fn check_silence(
    attempt: &Attempt<'_>,
    filter: &LogFilter,
    answer: &LogAnswer,
) -> Result<(), Fault> {
    /// Of two nodes that answer in turn, one that is behind would be asked in every attempt. The next question reaches
    /// the other one.
    const TRIES: u32 = 3;
    let (first, last) = (&answer.first, &answer.last);
    let ends = if first.number == last.number {
        &[last][..]
    } else {
        &[first, last][..]
    };
    for header in ends {
        let is_in = |log: Log<'_>| log.place.block == header.number;
        let is_there = answer.logs.iter().next().is_some_and(is_in)
            || answer
                .logs
                .get(answer.logs.len().wrapping_sub(1))
                .is_some_and(is_in);
        if is_there || !bloom::promises(&header.logs_bloom, filter) {
            continue;
        }
        let mut tries = 1;
        loop {
            match check_block(attempt, filter, header) {
                Err(fault) if fault.action == Action::Behind && tries < TRIES => tries += 1,
                // Who does not answer this question cannot be checked.
                Err(fault) if !is_serious(&fault) => break,
                checked => break checked?,
            }
        }
    }
    Ok(())
}

/// Asks for all events of a block that an answer has none of. They prove it: their filter is that of the header, or some
/// are missing.
fn check_block(attempt: &Attempt<'_>, filter: &LogFilter, header: &Header) -> Result<(), Fault> {
    let question = LogFilter::question_of_block(header.hash);
    attempt.blocks.set(Some(1));
    attempt.ask(&[question], |items| {
        let json = attempt.slot.result(&items[0], &attempt.about())?;
        let logs = read(json, |log| {
            if log.block_hash == header.hash {
                Ok(())
            } else {
                Err("an event is of another block")
            }
        })
        .map_err(|violation| invalid(attempt, &violation))?;
        if bloom::of(&logs) != header.logs_bloom || logs.iter().any(|log| filter.has(&log)) {
            let violation = Violation {
                problem: format!(
                    "block {} has events, as its header says, but the answer has none",
                    header.number
                ),
                found: "[]".to_owned(),
            };
            return Err(invalid(attempt, &violation));
        }
        Ok(())
    })
}

/// Whether a fault says more than that the question is not answered.
fn is_serious(fault: &Fault) -> bool {
    !matches!(
        fault.action,
        Action::Leave | Action::RangeTooWide(_) | Action::TooMuch(_)
    )
}

fn invalid(attempt: &Attempt<'_>, violation: &Violation) -> Fault {
    let mut about = attempt.about();
    about.method = METHOD;
    attempt
        .slot
        .invalid(&about, &violation.problem, &violation.found)
}
