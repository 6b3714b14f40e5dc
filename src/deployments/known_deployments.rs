//! The known deployments.

use ExchangeKind::Manager;
use ExchangeKind::Pools;
use alloy_primitives::{B256, address, b256};

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
    pub(super) first_block: Option<u64>,
    pub(super) init_code_hash: Option<B256>,
}

/// The name for people of a known exchange.
pub(super) fn known_title(chain: ChainId, name: &str) -> Option<&'static str> {
    let known = KNOWN_DEPLOYMENTS
        .iter()
        .find(|known| known.chain == chain && known.kind.as_str() == name)?;
    Some(known.title)
}

/// The known deployments: chain, kind, name for people, factory (for V4, the pool manager), deployer or state view,
/// first block, hash of the init code.
// To add one: CONTRIBUTING.md, "An exchange".
#[rustfmt::skip]
pub(super) static KNOWN_DEPLOYMENTS: &[KnownDeployment] = &[
    row(ChainId::BASE, Pools(AerodromeV2), "Aerodrome V2", address!("0x420DD381b31aEf6683db6B902084cB0FFECe40Da"), None,
        Some(3_200_559), Some(AERODROME_V2_CLONE)),
    row(ChainId::BASE, Pools(AerodromeV3), "Aerodrome V3", address!("0x5e7BB104d84c7CB9B682AaC2F3d509f5F406809A"), None,
        Some(13_843_704), Some(AERODROME_V3_CLONE)),
    row(ChainId::BASE, Pools(PancakeswapV2), "Pancakeswap V2", address!("0x02a84c1b3BBD7401a5f7fa98a384EBC70bB5749E"), None,
        Some(2_910_387), Some(PANCAKESWAP_V2_PAIR)),
    row(ChainId::BASE, Pools(PancakeswapV3), "Pancakeswap V3", address!("0x0BFbCF9fa4f9C56B0F40a671Ad40E0805A091865"),
        Some(address!("0x41ff9AA7e16B8B1a8a8dc4f0eFacd93D02d071c9")), Some(2_912_007), Some(PANCAKESWAP_V3_POOL)),
    row(ChainId::BASE, Pools(SushiswapV2), "Sushiswap V2", address!("0x71524B4f93c58fcbF659783284E38825f0622859"), None,
        Some(2_631_214), Some(SUSHISWAP_V2_PAIR)),
    row(ChainId::BASE, Pools(SushiswapV3), "Sushiswap V3", address!("0xc35DADB65012eC5796536bD9864eD8773aBc74C4"), None,
        Some(1_759_510), Some(UNISWAP_V3_POOL)),
    // No source proves in which block the factory was deployed.
    row(ChainId::BASE, Pools(SwapbasedV2), "SwapBased V2", address!("0x04C9f118d21e8B767D2e50C946f0cC9F6C367300"), None,
        None, Some(SWAPBASED_V2_PAIR)),
    row(ChainId::BASE, Pools(UniswapV2), "Uniswap V2", address!("0x8909Dc15e40173Ff4699343b6eB8132c65e18eC6"), None,
        Some(6_601_915), Some(UNISWAP_V2_PAIR)),
    row(ChainId::BASE, Pools(UniswapV3), "Uniswap V3", address!("0x33128a8fC17869897dcE68Ed026d694621f6FDfD"), None,
        Some(1_371_680), Some(UNISWAP_V3_POOL)),
    row(ChainId::BASE, Manager(UniswapV4), "Uniswap V4", address!("0x498581fF718922c3f8e6A244956aF099B2652b2b"),
        Some(address!("0xA3c0c9b65baD0b08107Aa264b0f3dB444b867A71")), Some(25_350_988), None),
    row(ChainId::ETHEREUM, Pools(PancakeswapV2), "Pancakeswap V2", address!("0x1097053Fd2ea711dad45caCcc45EfF7548fCB362"), None,
        Some(15_614_590), Some(PANCAKESWAP_V2_PAIR)),
    row(ChainId::ETHEREUM, Pools(PancakeswapV3), "Pancakeswap V3", address!("0x0BFbCF9fa4f9C56B0F40a671Ad40E0805A091865"),
        Some(address!("0x41ff9AA7e16B8B1a8a8dc4f0eFacd93D02d071c9")), Some(16_950_686), Some(PANCAKESWAP_V3_POOL)),
    row(ChainId::ETHEREUM, Pools(SushiswapV2), "Sushiswap V2", address!("0xC0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac"), None,
        Some(10_794_229), Some(SUSHISWAP_V2_PAIR)),
    row(ChainId::ETHEREUM, Pools(SushiswapV3), "Sushiswap V3", address!("0xbACEB8eC6b9355Dfc0269C18bac9d6E2Bdc29C4F"), None,
        Some(16_955_547), Some(UNISWAP_V3_POOL)),
    row(ChainId::ETHEREUM, Pools(UniswapV2), "Uniswap V2", address!("0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"), None,
        Some(10_000_835), Some(UNISWAP_V2_PAIR)),
    row(ChainId::ETHEREUM, Pools(UniswapV3), "Uniswap V3", address!("0x1F98431c8aD98523631AE4a59f267346ea31F984"), None,
        Some(12_369_621), Some(UNISWAP_V3_POOL)),
    row(ChainId::ETHEREUM, Manager(UniswapV4), "Uniswap V4", address!("0x000000000004444c5dc75cB358380D2e3dE08A90"),
        Some(address!("0x7fFE42C4a5DEeA5b0feC41C94C136Cf115597227")), Some(21_688_329), None),
];

// The hashes of the init codes of pools. tests/integration/pool_addresses.rs checks each with real pools.
const UNISWAP_V2_PAIR: B256 =
    b256!("0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f");
const SUSHISWAP_V2_PAIR: B256 =
    b256!("0xe18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303");
const PANCAKESWAP_V2_PAIR: B256 =
    b256!("0x57224589c67f3f30a6b0d7a1b54cf3153ab84563bc609ef41dfb34f8b2974d2d");
const SWAPBASED_V2_PAIR: B256 =
    b256!("0xb64118b4e99d4a4163453838112a1695032df46c09f7f09064d4777d2767f8ea");
const UNISWAP_V3_POOL: B256 =
    b256!("0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54");
const PANCAKESWAP_V3_POOL: B256 =
    b256!("0x6ce8eb472fa82df5469c6ab6d485f17c3ad13c8cd7af59b3d4a8026c5ce0f7e2");
// Aerodrome's pools are minimal proxies (EIP-1167) of one implementation.
const AERODROME_V2_CLONE: B256 =
    b256!("0x6f178972b07752b522a4da1c5b71af6524e8b0bd6027ccb29e5312b0e5bcdc3c");
const AERODROME_V3_CLONE: B256 =
    b256!("0xffb9af9ea6d9e39da47392ecc7055277b9915b8bfc9f83f105821b7791a6ae30");

/// One row of the table. The second contract is the deployer; for a pool manager, it is the
/// state view.
const fn row(
    chain: ChainId,
    kind: ExchangeKind,
    title: &'static str,
    factory: alloy_primitives::Address,
    second: Option<alloy_primitives::Address>,
    first_block: Option<u64>,
    init_code_hash: Option<B256>,
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
        first_block,
        init_code_hash,
    }
}
