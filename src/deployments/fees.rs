//! The fees of an exchange's pools, as the Python package stores them.

use alloy_primitives::{B256, keccak256};

use crate::deployments::exchange_kind::ExchangeKind;
use crate::types::address::Address;
use crate::types::integer::FeeParts;
use crate::types::kind::{PoolKind, PoolManagerKind};

/// The fee of a pool. It is the same for both of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fees {
    /// Where the numerator comes from.
    pub source: FeeSource,
    /// The denominator.
    pub denominator: FeeParts,
}

/// Where the numerator of a pool's fee comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeeSource {
    /// All pools have this one.
    Fixed(FeeParts),
    /// The event of the pool's creation has it.
    Event,
    /// The factory answers a call with it.
    Factory(FeeCall),
}

/// A call that a factory answers with the fee of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeeCall {
    /// Aerodrome V2: by the pool and whether it is stable.
    GetFee,
    /// Aerodrome V3: by the pool.
    GetSwapFee,
}

impl FeeCall {
    /// The signature of the function. Its answer is one word with the fee.
    #[must_use]
    pub const fn signature(self) -> &'static str {
        match self {
            Self::GetFee => "getFee(address,bool)",
            Self::GetSwapFee => "getSwapFee(address)",
        }
    }

    /// The data of the call for a pool. `stable` counts only for [`Self::GetFee`].
    #[must_use]
    pub fn data(self, pool: Address, stable: bool) -> Vec<u8> {
        let mut pool_word = B256::ZERO;
        pool_word[12..].copy_from_slice(pool.as_bytes());
        let mut data = keccak256(self.signature())[..4].to_vec();
        data.extend_from_slice(pool_word.as_slice());
        match self {
            Self::GetFee => data.extend_from_slice(B256::with_last_byte(stable.into()).as_slice()),
            Self::GetSwapFee => {}
        }
        data
    }
}

const TEN_THOUSAND: FeeParts = FeeParts::constant::<10_000>();
const MILLION: FeeParts = FeeParts::constant::<1_000_000>();

impl ExchangeKind {
    /// The fees of such an exchange's pools; `None` if this crate does not know them.
    #[must_use]
    pub const fn fees(self) -> Option<Fees> {
        let (source, denominator) = match self {
            Self::Pools(kind) => match kind {
                PoolKind::UniswapV2 | PoolKind::SushiswapV2 | PoolKind::SwapbasedV2 => {
                    let fee = FeeParts::constant::<3>();
                    (FeeSource::Fixed(fee), FeeParts::constant::<1_000>())
                }
                PoolKind::PancakeswapV2 => {
                    let fee = FeeParts::constant::<25>();
                    (FeeSource::Fixed(fee), TEN_THOUSAND)
                }
                PoolKind::AerodromeV2 => (FeeSource::Factory(FeeCall::GetFee), TEN_THOUSAND),
                PoolKind::UniswapV3 | PoolKind::SushiswapV3 | PoolKind::PancakeswapV3 => {
                    (FeeSource::Event, MILLION)
                }
                PoolKind::AerodromeV3 => (FeeSource::Factory(FeeCall::GetSwapFee), MILLION),
                PoolKind::CamelotV2 | PoolKind::LfjBinned => return None,
            },
            Self::Manager(PoolManagerKind::UniswapV4) => (FeeSource::Event, MILLION),
        };
        Some(Fees {
            source,
            denominator,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fee_calls_have_the_selector_and_their_arguments_in_words() {
        let pool = Address::new([0xab; 20]);
        let word = "000000000000000000000000abababababababababababababababababababab";
        let hex = |data: Vec<u8>| alloy_primitives::hex::encode(data);
        let stable = format!("cc56b2c5{word}{:064}", 1);
        assert_eq!(hex(FeeCall::GetFee.data(pool, true)), stable);
        let volatile = format!("cc56b2c5{word}{:064}", 0);
        assert_eq!(hex(FeeCall::GetFee.data(pool, false)), volatile);
        let swap = hex(FeeCall::GetSwapFee.data(pool, false));
        assert_eq!(swap, format!("35458dcc{word}"));
    }

    #[test]
    fn fees_are_those_of_the_python_package() {
        let fixed = |fee| FeeSource::Fixed(FeeParts::new(fee).unwrap());
        let by_call = FeeSource::Factory;
        for (kind, source, denominator) in [
            ("uniswap_v2", fixed(3), 1_000),
            ("sushiswap_v2", fixed(3), 1_000),
            ("swapbased_v2", fixed(3), 1_000),
            ("pancakeswap_v2", fixed(25), 10_000),
            ("aerodrome_v2", by_call(FeeCall::GetFee), 10_000),
            ("uniswap_v3", FeeSource::Event, 1_000_000),
            ("sushiswap_v3", FeeSource::Event, 1_000_000),
            ("pancakeswap_v3", FeeSource::Event, 1_000_000),
            ("aerodrome_v3", by_call(FeeCall::GetSwapFee), 1_000_000),
            ("uniswap_v4", FeeSource::Event, 1_000_000),
        ] {
            let fees = kind.parse::<ExchangeKind>().unwrap().fees().unwrap();
            assert_eq!(fees.source, source, "{kind}");
            assert_eq!(fees.denominator.get(), denominator, "{kind}");
        }
    }

    #[test]
    fn fees_are_known_where_events_are() {
        for kind in ExchangeKind::all() {
            assert_eq!(kind.fees().is_some(), kind.event_family().is_some());
        }
    }
}
