//! How many blocks an endpoint answers about at once, as its answers and refusals teach.

/// The largest range, of any chain.
const ALL: u64 = u64::MAX;

/// After how many answers without a refusal more is tried than was ever answered.
const CALM: u32 = 16;

/// What is known of the ranges that an endpoint answers, for one kind of filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RangeLimit {
    /// The limit of the node, whatever is in the blocks. It only becomes smaller.
    hard: u64,
    /// What the last answers and refusals suggest.
    width: u64,
    /// The most events that an answer had.
    most_logs: u64,
    /// Whether a range was refused because of the size of its answer.
    is_sized: bool,
    /// Answers since the last refusal because of size.
    calm: u32,
}

impl Default for RangeLimit {
    fn default() -> Self {
        Self {
            hard: ALL,
            width: ALL,
            most_logs: 0,
            is_sized: false,
            calm: 0,
        }
    }
}

impl RangeLimit {
    /// How many blocks to ask for.
    pub(super) fn width(self) -> u64 {
        self.width.min(self.hard)
    }

    /// The node's limit of blocks, if it has refused a range because of its width.
    pub(super) fn hard(self) -> Option<u64> {
        (self.hard < ALL).then_some(self.hard)
    }

    /// A range of as many blocks was refused because of its width. `limit` is what the node names instead.
    pub(super) fn too_wide(&mut self, blocks: u64, limit: Option<u64>) {
        let limit = limit.filter(|limit| *limit < blocks);
        let limit = limit.unwrap_or(blocks / 2).max(1);
        self.hard = self.hard.min(limit);
        // Its blocks may be nearly empty, so the whole width is tried.
        self.width = self.width.max(self.hard);
    }

    /// A range of as many blocks has too many events. `offered` is how many blocks the node offers instead.
    pub(super) fn too_much(&mut self, blocks: u64, offered: Option<u64>) {
        let offered = offered.filter(|offered| *offered < blocks);
        self.width = offered.unwrap_or(blocks / 2).max(1);
        self.is_sized = true;
        self.calm = 0;
    }

    /// A range of as many blocks was answered with as many events.
    pub(super) fn answered(&mut self, blocks: u64, logs: u64) {
        self.most_logs = self.most_logs.max(logs);
        if !self.is_sized {
            return;
        }
        self.calm += 1;
        // A little less than what was answered once, so that few ranges are refused.
        let mut target = self.most_logs - self.most_logs / 8;
        if self.calm >= CALM {
            self.calm = 0;
            target = self.most_logs.saturating_mul(2);
        }
        let doubled = blocks.saturating_mul(2);
        let fitting = match target.checked_div(logs) {
            // Fewer than one event a block, or none at all: see what the double brings.
            None => doubled,
            Some(_) => u64::try_from(u128::from(target) * u128::from(blocks) / u128::from(logs))
                .unwrap_or(ALL)
                .clamp(blocks.div_ceil(2), doubled),
        };
        // A range that was short for another reason does not make the next ones short.
        if blocks >= self.width || fitting > self.width {
            self.width = fitting;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_width_stay_and_limits_of_size_pass() {
        let mut limit = RangeLimit::default();
        assert_eq!((limit.width(), limit.hard()), (ALL, None));
        limit.too_wide(100_000, Some(10_000));
        assert_eq!((limit.width(), limit.hard()), (10_000, Some(10_000)));
        limit.too_much(10_000, Some(300));
        assert_eq!(limit.width(), 300);
        for _ in 0..100 {
            limit.answered(limit.width(), 0);
        }
        assert_eq!(limit.width(), 10_000);
    }

    #[test]
    fn ranges_follow_the_density_of_events() {
        let mut limit = RangeLimit::default();
        limit.answered(100, 5);
        assert_eq!(limit.width(), ALL);
        limit.too_much(1000, Some(10));
        limit.answered(10, 800);
        // 700 events at 80 a block.
        assert_eq!(limit.width(), 8);
        // The last range of a chunk is short.
        limit.answered(1, 80);
        assert_eq!(limit.width(), 8);
        limit.answered(8, 8);
        assert_eq!(limit.width(), 16);
        limit.answered(16, 10_000);
        limit.answered(16, 20_000);
        assert_eq!(limit.width(), 14);
    }

    #[test]
    fn an_offer_that_is_no_smaller_is_not_taken() {
        let mut limit = RangeLimit::default();
        limit.too_wide(1000, Some(1000));
        assert_eq!(limit.width(), 500);
        limit.too_much(500, Some(500));
        assert_eq!(limit.width(), 250);
        limit.too_much(1, None);
        assert_eq!(limit.width(), 1);
        limit.too_wide(1, None);
        assert_eq!(limit.width(), 1);
    }
}
