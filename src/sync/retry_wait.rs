//! How long to wait before something that failed is tried again.

use std::time::Duration;

/// The wait after tries that failed: twice as long after each, up to `longest` or a poll.
pub(super) fn wait_after(tries: u32, poll: Duration, longest: Duration) -> Duration {
    poll.saturating_mul(2_u32.saturating_pow(tries))
        .min(longest.max(poll))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_between_tries_are_bounded_however_long_it_takes() {
        let (poll, longest) = (Duration::from_millis(500), Duration::from_secs(5));
        let wait = |tries, poll| wait_after(tries, poll, longest).as_millis();
        let waits = [1, 2, 3, 4, 5, 12, u32::MAX].map(|tries| wait(tries, poll));
        assert_eq!(waits, [1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000]);
        let slow = Duration::from_secs(3_600);
        assert_eq!(wait(1, slow), slow.as_millis());
        assert_eq!(wait(u32::MAX, slow), slow.as_millis());
    }
}
