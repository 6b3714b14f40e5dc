//! How fast a stage of an operation goes.

use std::time::{Duration, Instant};

use crate::database::progress::Progress;

/// Before that, what has been done says nothing about the rate.
const SETTLED: Duration = Duration::from_secs(1);

/// The average pace of a stage since it began.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    /// What was done at that time.
    from: u64,
    done: u64,
}

impl Pace {
    pub(super) const fn begin(done: u64, now: Instant) -> Self {
        Self {
            began: now,
            from: done,
            done,
        }
    }

    /// Takes what is done now. If that is less than before, the stage has begun anew.
    pub(super) const fn advance(&mut self, done: u64, now: Instant) {
        if done < self.done {
            *self = Self::begin(done, now);
        }
        self.done = done;
    }

    /// What is done in a second, if that can be told.
    pub(super) fn rate(&self, now: Instant) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.began);
        let done = u128::from(self.done - self.from);
        if elapsed < SETTLED || done == 0 {
            return None;
        }
        u64::try_from(done * 1000 / elapsed.as_millis()).ok()
    }

    /// How many seconds the rest takes at this rate.
    pub(super) fn seconds_left(&self, progress: Progress<'_>, now: Instant) -> Option<u64> {
        let rest = progress.total.saturating_sub(progress.done);
        Some(rest.div_ceil(self.rate(now)?.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::progress::Stage;

    #[test]
    fn rate_is_the_average_since_the_stage_began() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::begin(1_000, start);
        let at = |done| Progress {
            stage: Stage::Copying,
            done,
            total: 10_000,
        };
        pace.advance(9_000, start + Duration::from_millis(1));
        assert_eq!(pace.rate(start + Duration::from_millis(1)), None);
        assert_eq!(pace.rate(after(4)), Some(2_000));
        assert_eq!(pace.seconds_left(at(9_000), after(4)), Some(1));
        // The copy begins anew.
        pace.advance(0, after(5));
        assert_eq!(pace.rate(after(9)), None);
        pace.advance(500, after(9));
        assert_eq!(pace.rate(after(10)), Some(100));
        assert_eq!(pace.seconds_left(at(500), after(10)), Some(95));
        assert_eq!(pace.seconds_left(at(10_000), after(10)), Some(0));
    }
}
