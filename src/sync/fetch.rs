//! Asks for ranges of blocks on several threads, and puts the answers in order.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::Header;
use crate::node::logs::request::LogAnswer;
use crate::sync::changes::{Changes, Decoder};
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;
use crate::types::log::Logs;

/// How much memory the answers take that wait for their turn, in bytes. Ranges that are under way come on top.
const BUFFER: usize = 24 << 20;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) node: &'a Node,
    /// The filters, and what decodes the events.
    pub(super) decoder: &'a Decoder<'a>,
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    /// The number of blocks in a range, at most.
    pub(super) width: u64,
    /// Whether the headers of all blocks are needed. Then the events are decoded later, block by block.
    pub(super) with_headers: bool,
    pub(super) threads: usize,
}

/// The events of a range of blocks, on one branch of the chain.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) from: BlockNumber,
    pub(super) to: BlockNumber,
    pub(super) creations: Events,
    pub(super) liquidity: Option<Events>,
    pub(super) first: Header,
    pub(super) last: Header,
    /// The headers of all blocks, if they were needed.
    pub(super) headers: Vec<Header>,
}

/// The events of a range.
#[derive(Debug)]
pub(super) enum Events {
    Logs(Logs),
    /// Decoded by the thread that has asked for them. The writer has enough to do.
    Decoded(Result<Changes, Box<SyncError>>),
}

impl Events {
    /// The events if they are not decoded yet.
    const fn logs(&self) -> Option<&Logs> {
        match self {
            Self::Logs(logs) => Some(logs),
            Self::Decoded(_) => None,
        }
    }
}

/// An answer with events.
#[derive(Debug)]
struct Answered {
    events: Events,
    first: Header,
    last: Header,
}

/// A part of a range that one thread asks for.
#[derive(Debug, Clone, Copy)]
enum Part {
    Creations,
    Liquidity,
    Headers,
}

/// A range whose answers are not complete, or not used yet.
#[derive(Debug)]
struct Range {
    from: BlockNumber,
    to: BlockNumber,
    creations: Option<Answered>,
    liquidity: Option<Answered>,
    headers: Option<Vec<Header>>,
    failure: Option<NodeError>,
    missing: usize,
}

#[derive(Debug)]
struct State {
    /// The first block that is in no range yet; `None` if all are.
    next: Option<BlockNumber>,
    /// The ranges in order, each with its number.
    ranges: VecDeque<Range>,
    /// The number of the first range.
    first: usize,
    /// What no thread has begun to ask for, by the number of the range.
    parts: VecDeque<(usize, Part)>,
    /// The memory of complete answers.
    buffered: usize,
    is_stopped: bool,
}

struct Queue<'a> {
    plan: Plan<'a>,
    state: Mutex<State>,
    changed: Condvar,
}

/// Fetches the blocks of a plan, and passes them to `consume` in order. It ends early if `consume` breaks.
pub(super) fn fetch(
    plan: Plan<'_>,
    mut consume: impl FnMut(Piece) -> Result<ControlFlow<()>, SyncError>,
) -> Result<(), SyncError> {
    let queue = Queue {
        plan,
        state: Mutex::new(State {
            next: Some(plan.from),
            ranges: VecDeque::new(),
            first: 0,
            parts: VecDeque::new(),
            buffered: 0,
            is_stopped: false,
        }),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..plan.threads.max(1) {
            let worker = thread::Builder::new().name("fetch".to_owned());
            if worker.spawn_scoped(scope, || queue.work()).is_ok() {
                started += 1;
            }
        }
        let result = loop {
            // Without any thread, this one asks.
            if started == 0 {
                queue.work_once();
            }
            match queue.take(started > 0) {
                Taken::Range(range) => {
                    let piece = range.failure.clone().map_or_else(
                        || piece(&plan, *range),
                        |failure| Err(SyncError::from(failure)),
                    );
                    match piece.and_then(&mut consume) {
                        Ok(ControlFlow::Continue(())) => {}
                        Ok(ControlFlow::Break(())) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                }
                Taken::Later => {}
                Taken::End => break Ok(()),
            }
        };
        queue.stop();
        result
    })
}

impl Piece {
    /// The changes of all blocks together.
    pub(super) fn into_changes(self, decoder: &Decoder<'_>) -> Result<Changes, SyncError> {
        let mut changes = match self.creations {
            Events::Decoded(found) => found.map_err(|error| *error)?,
            Events::Logs(logs) => decoder.creations_of(&logs)?,
        };
        match self.liquidity {
            Some(Events::Decoded(found)) => changes.append(found.map_err(|error| *error)?),
            Some(Events::Logs(logs)) => changes.append(Decoder::liquidity_of(&logs)),
            None => {}
        }
        Ok(changes)
    }
}

impl Plan<'_> {
    fn creations(&self, from: BlockNumber, to: BlockNumber) -> Result<Answered, NodeError> {
        let answer = self.node.logs(&self.decoder.creations, from, to, None)?;
        Ok(self.answered(answer, |logs| self.decoder.creations_of(logs)))
    }

    /// `None` if no exchange has such events.
    fn liquidity(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        pinned: Option<BlockHash>,
    ) -> Result<Option<Answered>, NodeError> {
        let Some(filter) = &self.decoder.liquidity else {
            return Ok(None);
        };
        let answer = self.node.logs(filter, from, to, pinned)?;
        let decode = |logs: &Logs| Ok(Decoder::liquidity_of(logs));
        Ok(Some(self.answered(answer, decode)))
    }

    fn answered(
        &self,
        answer: LogAnswer,
        decode: impl FnOnce(&Logs) -> Result<Changes, SyncError>,
    ) -> Answered {
        let LogAnswer { logs, first, last } = answer;
        Answered {
            events: if self.with_headers {
                Events::Logs(logs)
            } else {
                Events::Decoded(decode(&logs).map_err(Box::new))
            },
            first,
            last,
        }
    }
}

enum Taken {
    Range(Box<Range>),
    /// Nothing is complete, and no thread works.
    Later,
    End,
}

impl Queue<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.lock().is_stopped = true;
        self.changed.notify_all();
    }

    /// Asks for one part after the other.
    fn work(&self) {
        loop {
            let mut state = self.lock();
            let (number, part, from, to) = loop {
                if state.is_stopped {
                    return;
                }
                if let Some(job) = self.job(&mut state) {
                    break job;
                }
                if state.next.is_none() {
                    return;
                }
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            };
            drop(state);
            self.ask(number, part, from, to);
        }
    }

    fn work_once(&self) {
        let job = self.job(&mut self.lock());
        if let Some((number, part, from, to)) = job {
            self.ask(number, part, from, to);
        }
    }

    /// The next part to ask for; makes a new range if there is room.
    fn job(&self, state: &mut State) -> Option<(usize, Part, BlockNumber, BlockNumber)> {
        if state.parts.is_empty()
            && state.buffered < BUFFER
            && let Some(from) = state.next
        {
            let width = self.width();
            let end = BlockNumber::new(from.get().saturating_add(width - 1)).ok();
            let to = end.map_or(self.plan.to, |end| end.min(self.plan.to));
            state.next = (to < self.plan.to).then(|| to.next());
            let number = state.first + state.ranges.len();
            let parts = [
                Some(Part::Creations),
                self.plan
                    .decoder
                    .liquidity
                    .as_ref()
                    .map(|_| Part::Liquidity),
                self.plan.with_headers.then_some(Part::Headers),
            ];
            for part in parts.into_iter().flatten() {
                state.parts.push_back((number, part));
            }
            state.ranges.push_back(Range {
                from,
                to,
                creations: None,
                liquidity: None,
                headers: None,
                failure: None,
                missing: state.parts.len(),
            });
            self.changed.notify_all();
        }
        let (number, part) = state.parts.pop_front()?;
        let range = state.ranges.get(number.checked_sub(state.first)?)?;
        Some((number, part, range.from, range.to))
    }

    /// The number of blocks in the next range.
    fn width(&self) -> u64 {
        let plan = &self.plan;
        let filters = [
            Some(&plan.decoder.creations),
            plan.decoder.liquidity.as_ref(),
        ];
        let limits = filters
            .into_iter()
            .flatten()
            .filter_map(|filter| plan.node.range_limit(filter));
        limits
            .min()
            .map_or(plan.width, |limit| limit.min(plan.width))
            .max(1)
    }

    fn ask(&self, number: usize, part: Part, from: BlockNumber, to: BlockNumber) {
        let plan = &self.plan;
        let mut answer = Answer::default();
        let failure = match part {
            Part::Creations => {
                let asked = plan.creations(from, to);
                asked.map(|events| answer.creations = Some(events))
            }
            Part::Liquidity => {
                let asked = plan.liquidity(from, to, None);
                asked.map(|events| answer.liquidity = events)
            }
            Part::Headers => {
                let asked = plan.node.existing_headers(&blocks(from, to));
                asked.map(|headers| answer.headers = Some(headers))
            }
        };
        let mut state = self.lock();
        state.buffered += answer.memory();
        let index = number.checked_sub(state.first);
        if let Some(range) = index.and_then(|index| state.ranges.get_mut(index)) {
            range.missing -= 1;
            range.creations = answer.creations.or(range.creations.take());
            range.liquidity = answer.liquidity.or(range.liquidity.take());
            range.headers = answer.headers.or(range.headers.take());
            if let Err(failure) = failure {
                range.failure.get_or_insert(failure);
                // What comes after a failure is not needed.
                state.next = None;
            }
        }
        self.changed.notify_all();
    }

    /// Takes the first range when it is complete.
    fn take(&self, waits: bool) -> Taken {
        let mut state = self.lock();
        loop {
            match state.ranges.front() {
                Some(range) if range.missing == 0 => {
                    let Some(range) = state.ranges.pop_front() else {
                        return Taken::End;
                    };
                    state.first += 1;
                    let logs = [&range.creations, &range.liquidity];
                    let taken: usize = logs.into_iter().flatten().map(memory).sum();
                    state.buffered = state.buffered.saturating_sub(taken);
                    self.changed.notify_all();
                    return Taken::Range(Box::new(range));
                }
                None if state.next.is_none() => return Taken::End,
                _ => {}
            }
            if !waits {
                return Taken::Later;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[derive(Debug, Default)]
struct Answer {
    creations: Option<Answered>,
    liquidity: Option<Answered>,
    headers: Option<Vec<Header>>,
}

impl Answer {
    fn memory(&self) -> usize {
        let logs = [&self.creations, &self.liquidity];
        logs.into_iter().flatten().map(memory).sum()
    }
}

fn memory(answer: &Answered) -> usize {
    match &answer.events {
        Events::Logs(logs) => logs.memory(),
        Events::Decoded(Ok(changes)) => changes.memory(),
        Events::Decoded(Err(_)) => 0,
    }
}

/// The numbers of a range.
fn blocks(from: BlockNumber, to: BlockNumber) -> Vec<BlockNumber> {
    (from.get()..=to.get())
        .filter_map(|number| BlockNumber::new(number).ok())
        .collect()
}

/// Puts the parts of a range together. If they are of different branches of the chain, they are asked for again.
fn piece(plan: &Plan<'_>, range: Range) -> Result<Piece, SyncError> {
    const TRIES: u32 = 3;
    let Range { from, to, .. } = range;
    let mut parts = Some((range.creations, range.liquidity, range.headers));
    let mut tries = 0;
    loop {
        let (creations, liquidity, headers) = match parts.take() {
            Some((Some(creations), liquidity, headers)) => (creations, liquidity, headers),
            _ => ask_again(plan, from, to)?,
        };
        let piece = Piece {
            from,
            to,
            first: creations.first,
            last: creations.last,
            creations: creations.events,
            headers: headers.unwrap_or_default(),
            liquidity: None,
        };
        match joined(plan, piece, liquidity) {
            Ok(piece) => return Ok(piece),
            Err(block) => {
                tries += 1;
                if tries == TRIES {
                    return Err(SyncError::Branches { block });
                }
            }
        }
    }
}

type Parts = (Answered, Option<Answered>, Option<Vec<Header>>);

/// Asks for the parts of a range one after the other.
fn ask_again(plan: &Plan<'_>, from: BlockNumber, to: BlockNumber) -> Result<Parts, NodeError> {
    let creations = plan.creations(from, to)?;
    let liquidity = plan.liquidity(from, to, Some(creations.last.hash))?;
    let headers = plan
        .with_headers
        .then(|| plan.node.existing_headers(&blocks(from, to)))
        .transpose()?;
    Ok((creations, liquidity, headers))
}

/// Adds the liquidity to a piece if all of its parts are of one branch. Otherwise returns the block that differs.
fn joined(
    plan: &Plan<'_>,
    mut piece: Piece,
    liquidity: Option<Answered>,
) -> Result<Piece, BlockNumber> {
    if let Some(liquidity) = liquidity {
        if liquidity.last.hash != piece.last.hash {
            return Err(piece.to);
        }
        if liquidity.first.hash != piece.first.hash {
            return Err(piece.from);
        }
        piece.liquidity = Some(liquidity.events);
    }
    if !plan.with_headers {
        return Ok(piece);
    }
    let headers = &piece.headers;
    let count = usize::try_from(piece.to.get() - piece.from.get() + 1).ok();
    if Some(headers.len()) != count {
        return Err(piece.to);
    }
    let ends = [
        (headers.first(), &piece.first),
        (headers.last(), &piece.last),
    ];
    for (header, end) in ends {
        if header.is_none_or(|header| header.hash != end.hash) {
            return Err(end.number);
        }
    }
    for (before, header) in headers.iter().zip(headers.iter().skip(1)) {
        if header.parent_hash != before.hash {
            return Err(header.number);
        }
    }
    for log in [Some(&piece.creations), piece.liquidity.as_ref()]
        .into_iter()
        .flatten()
        .filter_map(Events::logs)
        .flat_map(Logs::iter)
    {
        let index = log.place.block.get().checked_sub(piece.from.get());
        let header = index
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| headers.get(index));
        if header.is_none_or(|header| header.hash != log.block_hash) {
            return Err(log.place.block);
        }
    }
    Ok(piece)
}
