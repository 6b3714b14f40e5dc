//! Words of 32 bytes, read as values of Solidity's types.
//!
//! A value that is shorter than a word has padding, which is checked: zeros before an unsigned number or an address,
//! copies of the sign before a signed number.

use alloy_primitives::B256;

use crate::events::malformed_event::EventProblem;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, EModeCategoryId, FeeParts, Tick, TickSpacing};
use crate::types::invalid_value::InvalidValue;

/// A topic or a word of the data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'log>(pub(super) &'log [u8; 32]);

impl Word<'_> {
    /// A `bytes32`, which can be anything.
    pub(super) fn bytes(self) -> [u8; 32] {
        *self.0
    }

    /// A `uint256`, which can be any number.
    pub(super) fn number(self) -> U256 {
        U256(alloy_primitives::U256::from_be_bytes(*self.0))
    }

    /// An `address`.
    pub(super) fn address(self, name: &'static str) -> Result<Address, EventProblem> {
        match self.0.split_last_chunk::<20>() {
            Some((padding, bytes)) if padding == [0; 12] => Ok(Address::new(*bytes)),
            _ => Err(self.not(name, "an address after 12 zero bytes")),
        }
    }

    /// A `bool`.
    pub(super) fn flag(self, name: &'static str) -> Result<bool, EventProblem> {
        match self.unsigned() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(self.not(name, "a bool (0 or 1)")),
        }
    }

    /// A `uint256` that counts something.
    pub(super) fn count(self, name: &'static str) -> Result<u64, EventProblem> {
        self.unsigned()
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(|| self.not(name, "a number below 2^64"))
    }

    /// A number of bytes; `None` if it is greater than any place in memory.
    pub(super) fn size(self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok()
    }

    /// A ratio in basis points. Aave keeps all of them in 16 bits, but its events have them as `uint256`.
    pub(super) fn basis_points(self, name: &'static str) -> Result<BasisPoints, EventProblem> {
        self.unsigned()
            .and_then(|ratio| u16::try_from(ratio).ok())
            .and_then(|ratio| BasisPoints::new(ratio.into()).ok())
            .ok_or_else(|| self.not(name, "a ratio below 2^16 basis points"))
    }

    /// A `uint8` that is the number of an e-mode category.
    pub(super) fn category_id(self, name: &'static str) -> Result<EModeCategoryId, EventProblem> {
        self.unsigned()
            .and_then(|number| u8::try_from(number).ok())
            .and_then(|number| EModeCategoryId::new(number).ok())
            .ok_or_else(|| self.not(name, "a uint8"))
    }

    /// A `uint24` that is a fee.
    pub(super) fn fee(self, name: &'static str) -> Result<FeeParts, EventProblem> {
        self.unsigned()
            .and_then(|fee| u32::try_from(fee).ok())
            .filter(|fee| *fee < 1 << 24)
            .and_then(|fee| FeeParts::new(fee).ok())
            .ok_or_else(|| self.not(name, "a uint24"))
    }

    /// An `int24` that is a tick.
    pub(super) fn tick(self, name: &'static str) -> Result<Tick, EventProblem> {
        self.int24(name, Tick::new)
    }

    /// An `int24` that is a tick spacing.
    pub(super) fn tick_spacing(self, name: &'static str) -> Result<TickSpacing, EventProblem> {
        self.int24(name, TickSpacing::new)
    }

    /// A `uint128` of liquidity. Contracts keep changes of liquidity in an `int128`, so it is below 2^127.
    pub(super) fn liquidity(self, name: &'static str) -> Result<i128, EventProblem> {
        self.unsigned()
            .and_then(|amount| i128::try_from(amount).ok())
            .ok_or_else(|| self.not(name, "liquidity (0 or more, below 2^127)"))
    }

    /// An `int256` that is a change of liquidity. Contracts keep it in an `int128`.
    pub(super) fn liquidity_delta(self, name: &'static str) -> Result<i128, EventProblem> {
        self.signed()
            .ok_or_else(|| self.not(name, "a change of liquidity (an int128)"))
    }

    /// A `uint160` that is the square root of a price.
    pub(super) fn sqrt_price(self, name: &'static str) -> Result<U256, EventProblem> {
        let number = self.number();
        if number.0.bit_len() <= 160 {
            Ok(number)
        } else {
            Err(self.not(name, "a uint160"))
        }
    }

    fn int24<T>(
        self,
        name: &'static str,
        new: impl FnOnce(i32) -> Result<T, InvalidValue>,
    ) -> Result<T, EventProblem> {
        let number = self
            .signed()
            .and_then(|number| i32::try_from(number).ok())
            .ok_or_else(|| self.not(name, "an int24"))?;
        new(number).map_err(|error| self.not(name, error.expected))
    }

    /// The number, if it fits 128 bits.
    fn unsigned(self) -> Option<u128> {
        let (low, high) = self.halves();
        (high == 0).then_some(low)
    }

    /// The signed number, if it fits 128 bits.
    fn signed(self) -> Option<i128> {
        let (low, high) = self.halves();
        let number = low.cast_signed();
        let sign = if number < 0 { u128::MAX } else { 0 };
        (high == sign).then_some(number)
    }

    /// The low and the high half of the number.
    fn halves(self) -> (u128, u128) {
        let number = |half: Option<&[u8; 16]>| half.map_or(0, |bytes| u128::from_be_bytes(*bytes));
        (number(self.0.last_chunk()), number(self.0.first_chunk()))
    }

    /// The problem that this value is not what was expected.
    pub(super) fn not(self, name: &'static str, expected: &'static str) -> EventProblem {
        EventProblem::Value {
            name,
            expected,
            word: B256::new(*self.0),
        }
    }
}
