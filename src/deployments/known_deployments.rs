//! The known deployments.

use ExchangeKind::Manager;
use ExchangeKind::Pools;
use alloy_primitives::address;

use crate::deployments::exchange_kind::ExchangeKind;
use crate::types::address::Address;
use crate::types::integer::ChainId;
use crate::types::kind::PoolKind::{
    AerodromeV2, AerodromeV3, PancakeswapV2, PancakeswapV3, SushiswapV2, SushiswapV3, SwapbasedV2,
    UniswapV2, UniswapV3,
};
use crate::types::kind::PoolManagerKind::UniswapV4;

/// A protocol's contracts on a chain. The name of the exchange is that of the kind.
#[derive(Debug)]
pub(super) struct KnownDeployment {
    pub(super) chain: ChainId,
    pub(super) kind: ExchangeKind,
    /// The name for people.
    pub(super) title: &'static str,
    pub(super) factory: Address,
    pub(super) deployer: Option<Address>,
    pub(super) state_view: Option<Address>,
}

/// The name for people of a known exchange.
pub(super) fn known_title(chain: ChainId, name: &str) -> Option<&'static str> {
    let known = KNOWN_DEPLOYMENTS
        .iter()
        .find(|known| known.chain == chain && known.kind.as_str() == name)?;
    Some(known.title)
}

/// The known deployments: chain, kind, name for people, factory (for V4, the pool manager), deployer or state view.
// To add one: CONTRIBUTING.md, "An exchange".
#[rustfmt::skip]
pub(super) static KNOWN_DEPLOYMENTS: &[KnownDeployment] = &[
    row(ChainId::BASE, Pools(AerodromeV2), "Aerodrome V2", address!("0x420DD381b31aEf6683db6B902084cB0FFECe40Da"), None),
    row(ChainId::BASE, Pools(AerodromeV3), "Aerodrome V3", address!("0x5e7BB104d84c7CB9B682AaC2F3d509f5F406809A"), None),
    row(ChainId::BASE, Pools(PancakeswapV2), "Pancakeswap V2", address!("0x02a84c1b3BBD7401a5f7fa98a384EBC70bB5749E"), None),
    row(ChainId::BASE, Pools(PancakeswapV3), "Pancakeswap V3", address!("0x0BFbCF9fa4f9C56B0F40a671Ad40E0805A091865"),
        Some(address!("0x41ff9AA7e16B8B1a8a8dc4f0eFacd93D02d071c9"))),
    row(ChainId::BASE, Pools(SushiswapV2), "Sushiswap V2", address!("0x71524B4f93c58fcbF659783284E38825f0622859"), None),
    row(ChainId::BASE, Pools(SushiswapV3), "Sushiswap V3", address!("0xc35DADB65012eC5796536bD9864eD8773aBc74C4"), None),
    row(ChainId::BASE, Pools(SwapbasedV2), "SwapBased V2", address!("0x04C9f118d21e8B767D2e50C946f0cC9F6C367300"), None),
    row(ChainId::BASE, Pools(UniswapV2), "Uniswap V2", address!("0x8909Dc15e40173Ff4699343b6eB8132c65e18eC6"), None),
    row(ChainId::BASE, Pools(UniswapV3), "Uniswap V3", address!("0x33128a8fC17869897dcE68Ed026d694621f6FDfD"), None),
    row(ChainId::BASE, Manager(UniswapV4), "Uniswap V4", address!("0x498581fF718922c3f8e6A244956aF099B2652b2b"),
        Some(address!("0xA3c0c9b65baD0b08107Aa264b0f3dB444b867A71"))),
    row(ChainId::ETHEREUM, Pools(PancakeswapV2), "Pancakeswap V2", address!("0x1097053Fd2ea711dad45caCcc45EfF7548fCB362"), None),
    row(ChainId::ETHEREUM, Pools(PancakeswapV3), "Pancakeswap V3", address!("0x0BFbCF9fa4f9C56B0F40a671Ad40E0805A091865"),
        Some(address!("0x41ff9AA7e16B8B1a8a8dc4f0eFacd93D02d071c9"))),
    row(ChainId::ETHEREUM, Pools(SushiswapV2), "Sushiswap V2", address!("0xC0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac"), None),
    row(ChainId::ETHEREUM, Pools(SushiswapV3), "Sushiswap V3", address!("0xbACEB8eC6b9355Dfc0269C18bac9d6E2Bdc29C4F"), None),
    row(ChainId::ETHEREUM, Pools(UniswapV2), "Uniswap V2", address!("0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"), None),
    row(ChainId::ETHEREUM, Pools(UniswapV3), "Uniswap V3", address!("0x1F98431c8aD98523631AE4a59f267346ea31F984"), None),
    row(ChainId::ETHEREUM, Manager(UniswapV4), "Uniswap V4", address!("0x000000000004444c5dc75cB358380D2e3dE08A90"),
        Some(address!("0x7fFE42C4a5DEeA5b0feC41C94C136Cf115597227"))),
];

/// One row of the table. The second contract is the deployer; for a pool manager, it is the
/// state view.
const fn row(
    chain: ChainId,
    kind: ExchangeKind,
    title: &'static str,
    factory: alloy_primitives::Address,
    second: Option<alloy_primitives::Address>,
) -> KnownDeployment {
    let second = match second {
        Some(address) => Some(Address::new(address.0.0)),
        None => None,
    };
    let (deployer, state_view) = match kind {
        Pools(_) => (second, None),
        Manager(_) => (None, second),
    };
    KnownDeployment {
        chain,
        kind,
        title,
        factory: Address::new(factory.0.0),
        deployer,
        state_view,
    }
}
