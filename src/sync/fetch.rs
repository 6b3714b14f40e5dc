//! Asks for ranges of blocks on several threads, and puts the answers in order.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::node::error::NodeError;
use crate::sync::decode::{Decode, Gather, Which};
use crate::sync::piece::{Answered, Parts, Piece, Plan, blocks, piece};
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;

/// How much memory the answers take that wait for their turn, in bytes. Ranges that are under way come on top.
const BUFFER: usize = 24 << 20;

/// How many events an answer has at most, roughly. Many nodes give no more than 10,000. They take some seven megabytes as
/// text, and as many answers come at once as there are threads.
const EVENTS: u64 = 8_000;

/// A part of a range that one thread asks for.
#[derive(Debug, Clone, Copy)]
enum Part {
    Events(Which),
    Headers,
}

/// A range whose answers are not complete, or not used yet.
#[derive(Debug)]
struct Range<C> {
    from: BlockNumber,
    to: BlockNumber,
    answers: Parts<C>,
    failure: Option<NodeError>,
    missing: usize,
}

#[derive(Debug)]
struct State<C> {
    /// The first block that is in no range yet; `None` if all are.
    next: Option<BlockNumber>,
    /// The ranges in order, each with its number.
    ranges: VecDeque<Range<C>>,
    /// The number of the first range.
    first: usize,
    /// What no thread has begun to ask for, by the number of the range.
    parts: VecDeque<(usize, Part)>,
    /// The memory of complete answers.
    buffered: usize,
    /// The number of blocks that have as many events as an answer may have, going by the latest answers: for the first
    /// filter, and for the second.
    fitting: [u64; 2],
    is_stopped: bool,
}

struct Queue<'a, D: Decode> {
    plan: Plan<'a, D>,
    state: Mutex<State<D::Changes>>,
    changed: Condvar,
}

/// What a consumer gets.
pub(super) enum Fetched<C> {
    /// The next blocks.
    Piece(Box<Piece<C>>),
    /// The next blocks are not there yet. There is time to do something else.
    Waiting,
}

/// Fetches the blocks of a plan, and passes them to `consume` in order. It ends early if `consume` breaks.
pub(super) fn fetch<D: Decode>(
    plan: Plan<'_, D>,
    mut consume: impl FnMut(Fetched<D::Changes>) -> Result<ControlFlow<()>, SyncError>,
) -> Result<(), SyncError> {
    let queue = Queue {
        plan,
        state: Mutex::new(State {
            next: Some(plan.from),
            ranges: VecDeque::new(),
            first: 0,
            parts: VecDeque::new(),
            buffered: 0,
            fitting: [u64::MAX; 2],
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
                            let Range {
                                from, to, answers, ..
                            } = *range;
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

enum Taken<C> {
    Range(Box<Range<C>>),
    /// Nothing is complete yet.
    Later,
    End,
}

impl<D: Decode> Queue<'_, D> {
    fn lock(&self) -> MutexGuard<'_, State<D::Changes>> {
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
    fn job(
        &self,
        state: &mut State<D::Changes>,
    ) -> Option<(usize, Part, BlockNumber, BlockNumber)> {
        if state.parts.is_empty()
            && state.buffered < BUFFER
            && let Some(from) = state.next
        {
            let width = state.fitting.into_iter().fold(self.width(), u64::min);
            let to = self.plan.end(from, width);
            state.next = (to < self.plan.to).then(|| to.next());
            let number = state.first + state.ranges.len();
            // Headers come soon, and the thread can ask for the next part. The events of the second filter, which are those
            // of liquidity, take longest.
            let second = self.plan.decoder.filter(Which::Second);
            let parts = [
                (!self.plan.is_final(from)).then_some(Part::Headers),
                second.map(|_| Part::Events(Which::Second)),
                Some(Part::Events(Which::First)),
            ];
            for part in parts.into_iter().flatten() {
                state.parts.push_back((number, part));
            }
            state.ranges.push_back(Range {
                from,
                to,
                answers: (None, None, None),
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
        let limits = [Which::First, Which::Second]
            .into_iter()
            .filter_map(|which| plan.decoder.filter(which))
            .filter_map(|filter| plan.node.range_limit(filter));
        limits
            .min()
            .map_or(plan.width, |limit| limit.min(plan.width))
            .max(1)
    }

    fn ask(&self, number: usize, part: Part, from: BlockNumber, to: BlockNumber) {
        let plan = &self.plan;
        let mut answers = (None, None, None);
        let failure = match part {
            Part::Events(Which::First) => {
                let asked = plan.events(Which::First, from, to, None);
                asked.map(|events| answers.0 = events)
            }
            Part::Events(Which::Second) => {
                let asked = plan.events(Which::Second, from, to, None);
                asked.map(|events| answers.1 = events)
            }
            Part::Headers => {
                let asked = plan.node.existing_headers(&blocks(from, to));
                asked.map(|headers| answers.2 = Some(headers))
            }
        };
        let mut state = self.lock();
        state.buffered += memory(&answers);
        let blocks = to.get() - from.get() + 1;
        let answered = [&answers.0, &answers.1];
        for (fitting, answered) in state.fitting.iter_mut().zip(answered) {
            if let Some(answered) = answered {
                *fitting = fitting_blocks(blocks, answered.events);
            }
        }
        let index = number.checked_sub(state.first);
        if let Some(range) = index.and_then(|index| state.ranges.get_mut(index)) {
            range.missing -= 1;
            let before = &mut range.answers;
            before.0 = answers.0.or(before.0.take());
            before.1 = answers.1.or(before.1.take());
            before.2 = answers.2.or(before.2.take());
            if let Err(failure) = failure {
                range.failure.get_or_insert(failure);
                // What comes after a failure is not needed.
                state.next = None;
            }
        }
        self.changed.notify_all();
    }

    /// Takes the first range when it is complete. Waits for that only if `waits`.
    fn take(&self, waits: bool) -> Taken<D::Changes> {
        let mut state = self.lock();
        loop {
            match state.ranges.front() {
                Some(range) if range.missing == 0 => {
                    let Some(range) = state.ranges.pop_front() else {
                        return Taken::End;
                    };
                    state.first += 1;
                    state.buffered = state.buffered.saturating_sub(memory(&range.answers));
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

/// The bytes of memory that the events of a range take, roughly.
fn memory<C: Gather>((first, second, _): &Parts<C>) -> usize {
    let events = [first, second];
    events.into_iter().flatten().map(Answered::memory).sum()
}

/// How many blocks have as many events as an answer may have, if one of so many blocks has so many events.
fn fitting_blocks(blocks: u64, events: usize) -> u64 {
    let events = u64::try_from(events).unwrap_or(u64::MAX);
    (blocks.saturating_mul(EVENTS) / events.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_question_follow_the_events_of_the_answers() {
        assert_eq!(fitting_blocks(10_000, 8_000), 10_000);
        assert_eq!(fitting_blocks(10_000, 80_000), 1_000);
        assert_eq!(fitting_blocks(10_000, 80), 1_000_000);
        assert_eq!(fitting_blocks(10_000, 0), 80_000_000);
        assert_eq!(fitting_blocks(1, usize::MAX), 1);
        assert_eq!(fitting_blocks(u64::MAX, 0), u64::MAX);
    }
}
