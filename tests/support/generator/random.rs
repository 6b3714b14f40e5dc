//! Choices that can be made again.

use std::time::Duration;

/// The xorshift generator of Marsaglia, "Xorshift RNGs" (2003).
pub struct Random(u64);

impl Random {
    /// Neighbouring seeds lead to different choices from the start; 0 would lead to nothing but 0.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 16) % u64::from(end)).unwrap()
    }

    /// Whether a thing that happens once in `times` happens.
    pub fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    pub fn one_of<'list, T>(&mut self, list: &'list [T]) -> &'list T {
        &list[usize::try_from(self.below(u32::try_from(list.len()).unwrap())).unwrap()]
    }

    /// A part of a time.
    pub fn part_of(&mut self, time: Duration) -> Duration {
        time * self.below(10_001) / 10_000
    }

    /// Bytes without a pattern.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.below(256).to_le_bytes()[0])
    }

    /// The seed for somebody else's choices.
    pub fn seed(&mut self) -> u32 {
        self.below(u32::MAX)
    }
}
