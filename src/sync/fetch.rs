//! Asks for ranges of blocks on several threads, and puts the answers in order.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::node::error::NodeError;
use crate::node::header::Header;
use crate::sync::piece::{Answered, Piece, Plan, blocks, piece};
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;

/// How much memory the answers take that wait for their turn, in bytes. Ranges that are under way come on top.
const BUFFER: usize = 24 << 20;

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

/// What a consumer gets.
pub(super) enum Fetched {
    /// The next blocks.
    Piece(Box<Piece>),
    /// The next blocks are not there yet. There is time to do something else.
    Waiting,
}

/// Fetches the blocks of a plan, and passes them to `consume` in order. It ends early if `consume` breaks.
pub(super) fn fetch(
    plan: Plan<'_>,
    mut consume: impl FnMut(Fetched) -> Result<ControlFlow<()>, SyncError>,
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
        let mut waits = false;
        let result = loop {
            // Without any thread, this one asks.
            if started == 0 {
                queue.work_once();
            }
            let fetched = match queue.take(waits && started > 0) {
                Taken::Range(range) => {
                    waits = false;
                    range.failure.clone().map_or_else(
                        || {
                            let Range { from, to, .. } = *range;
                            let answers = (range.creations, range.liquidity, range.headers);
                            let piece = piece(&plan, from, to, answers)?;
                            Ok(Fetched::Piece(Box::new(piece)))
                        },
                        |failure| Err(SyncError::from(failure)),
                    )
                }
                Taken::Later => {
                    waits = true;
                    Ok(Fetched::Waiting)
                }
                Taken::End => break Ok(()),
            };
            match fetched.and_then(&mut consume) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        queue.stop();
        result
    })
}

enum Taken {
    Range(Box<Range>),
    /// Nothing is complete yet.
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
            let to = self.plan.end(from, width);
            state.next = (to < self.plan.to).then(|| to.next());
            let number = state.first + state.ranges.len();
            // Headers come soon, and the thread can ask for the next part. The events of liquidity take longest.
            let liquidity = self.plan.decoder.liquidity.as_ref();
            let parts = [
                (!self.plan.is_final(from)).then_some(Part::Headers),
                liquidity.map(|_| Part::Liquidity),
                Some(Part::Creations),
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

    /// Takes the first range when it is complete. Waits for that only if `waits`.
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
                    let taken: usize = logs.into_iter().flatten().map(Answered::memory).sum();
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
        logs.into_iter().flatten().map(Answered::memory).sum()
    }
}
