//! The events by which the pools of an exchange are found and followed.

use crate::deployments::exchange_kind::ExchangeKind;
use crate::types::kind::{PoolKind, PoolManagerKind};

/// Exchanges whose factories and pools emit the same events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventFamily {
    /// The factory emits `PairCreated`. The pools have no ticks.
    UniswapV2,
    /// The factory emits `PoolCreated`, with a flag for stable pools. The pools have no ticks.
    AerodromeV2,
    /// The factory emits `PoolCreated`, with the fee. The pools emit `Mint` and `Burn`.
    UniswapV3,
    /// The factory emits `PoolCreated`, without a fee. The pools emit `Mint` and `Burn`.
    AerodromeV3,
    /// The pool manager emits `Initialize` and `ModifyLiquidity`.
    UniswapV4,
}

impl ExchangeKind {
    /// The events of such exchanges; `None` if this crate does not know them.
    #[must_use]
    pub const fn event_family(self) -> Option<EventFamily> {
        match self {
            Self::Pools(kind) => match kind {
                PoolKind::UniswapV2
                | PoolKind::SushiswapV2
                | PoolKind::PancakeswapV2
                | PoolKind::SwapbasedV2 => Some(EventFamily::UniswapV2),
                PoolKind::AerodromeV2 => Some(EventFamily::AerodromeV2),
                PoolKind::UniswapV3 | PoolKind::SushiswapV3 | PoolKind::PancakeswapV3 => {
                    Some(EventFamily::UniswapV3)
                }
                PoolKind::AerodromeV3 => Some(EventFamily::AerodromeV3),
                PoolKind::CamelotV2 | PoolKind::LfjBinned => None,
            },
            Self::Manager(PoolManagerKind::UniswapV4) => Some(EventFamily::UniswapV4),
        }
    }
}
