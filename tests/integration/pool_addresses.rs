//! The addresses of pools, computed and compared with those of real pools.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use alloy_primitives::{B256, address, b256, hex, keccak256};
use degenbot::deployments::{Deployment, EventFamily, ExchangeKind, PoolSalt};
use degenbot::types::{Address, FeeParts, PoolKind, TickSpacing};
use proptest::prelude::*;

use crate::support::event_logs;

fn deployment(name: &str) -> &'static Deployment {
    Deployment::of(&name.parse().unwrap()).unwrap()
}

fn pair([token0, token1]: [Address; 2]) -> PoolSalt {
    PoolSalt::Pair { token0, token1 }
}

fn with_fee([token0, token1]: [Address; 2], fee: u32) -> PoolSalt {
    let fee = FeeParts::new(fee).unwrap();
    PoolSalt::Fee {
        token0,
        token1,
        fee,
    }
}

fn with_spacing([token0, token1]: [Address; 2], tick_spacing: i32) -> PoolSalt {
    let tick_spacing = TickSpacing::new(tick_spacing).unwrap();
    PoolSalt::TickSpacing {
        token0,
        token1,
        tick_spacing,
    }
}

fn aerodrome([token0, token1]: [Address; 2], stable: bool) -> PoolSalt {
    PoolSalt::Stable {
        token0,
        token1,
        stable,
    }
}

/// Real pools of every known exchange whose pools are contracts.
#[rustfmt::skip]
fn real_pools() -> Vec<(&'static str, PoolSalt, Address)> {
    let pool = |text: &str| text.parse::<Address>().unwrap();
    let usdc = pool("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
    let weth = pool("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2");
    let tether = pool("0xdAC17F958D2ee523a2206206994597C13D831ec7");
    let uni = pool("0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984");
    let base_weth = pool("0x4200000000000000000000000000000000000006");
    let base_usdc = pool("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
    let bridged_usdc = pool("0xd9aAEc86B65D86f6A7B5B1b0c42FFA531710b6CA");
    let tbtc = pool("0x236aa50979D5f3De3Bd1Eeb40E81137F22ab794b");
    let cbeth = pool("0x2Ae3F1Ec7F1F5012CFEab0185bfc7aa3cf0DEc22");
    let degen = pool("0x4ed4E862860beD51a9570b96d89aF5E1B0Efefed");
    let aero = pool("0x940181a94A35A4569E4529A3CDfB74e38FD98631");
    let dola = pool("0x4621b7A9c75199271F773Ebd9A499dbd165c3191");
    let base = [base_weth, base_usdc];
    vec![
        ("ethereum_uniswap_v2", pair([usdc, weth]), pool("0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc")),
        ("ethereum_sushiswap_v2", pair([weth, tether]), pool("0x06da0fd433C1A5d7a4faa01111c044910A184553")),
        ("ethereum_pancakeswap_v2", pair([usdc, weth]), pool("0x2E8135bE71230c6B1B4045696d41C09Db0414226")),
        ("ethereum_uniswap_v3", with_fee([uni, weth], 3_000), pool("0x1d42064Fc4Beb5F8aAF85F4617AE8b3b5B8Bd801")),
        ("ethereum_uniswap_v3", with_fee([usdc, weth], 10_000), pool("0x7BeA39867e4169DBe237d55C8242a8f2fcDcc387")),
        ("ethereum_sushiswap_v3", with_fee([usdc, weth], 500), pool("0x35644Fb61aFBc458bf92B15AdD6ABc1996Be5014")),
        ("ethereum_pancakeswap_v3", with_fee([weth, tether], 500), pool("0x6CA298D2983aB03Aa1dA7679389D955A4eFEE15C")),
        ("base_uniswap_v2", pair([base_weth, degen]), pool("0x7C327d692B72f60b28AecEDbcC1BA784712fE7b2")),
        ("base_sushiswap_v2", pair(base), pool("0x2F8818D1B0f3e3E295440c1C0cDDf40aAA21fA87")),
        ("base_pancakeswap_v2", pair([base_weth, bridged_usdc]), pool("0x92363F9817f92a7ae0592A4cb29959A88d885cc8")),
        ("base_swapbased_v2", pair(base), pool("0xaEeB835f3Aa21d19ea5E33772DaA9E64f1b6982F")),
        ("base_uniswap_v3", with_fee([base_weth, degen], 3_000), pool("0xc9034c3E7F58003E6ae0C8438e7c8f4598d5ACAA")),
        ("base_sushiswap_v3", with_fee(base, 500), pool("0x57713F7716e0b0F65ec116912F834E49805480d2")),
        ("base_pancakeswap_v3", with_fee(base, 100), pool("0x72AB388E2E2F6FaceF59E3C3FA2C4E29011c2D38")),
        ("base_pancakeswap_v3", with_fee([cbeth, base_weth], 100), pool("0x257FCbAE4Ac6B26A02E4FC5e1a11e4174B5ce395")),
        ("base_aerodrome_v2", aerodrome([tbtc, bridged_usdc], false), pool("0x723AEf6543aecE026a15662Be4D3fb3424D502A9")),
        ("base_aerodrome_v2", aerodrome([dola, bridged_usdc], true), pool("0x0B25c51637c43decd6CC1C1e3da4518D54ddb528")),
        ("base_aerodrome_v3", with_spacing(base, 100), pool("0xb2cc224c1c9feE385f8ad6a55b4d94E92359DC59")),
        ("base_aerodrome_v3", with_spacing([base_weth, aero], 200), pool("0x82321f3beb69f503380d6b233857d5c43562e2d0")),
    ]
}

#[test]
fn real_pools_have_the_computed_addresses() {
    for (name, salt, address) in real_pools() {
        assert_eq!(
            deployment(name).pool_address(&salt),
            Some(address),
            "{name}"
        );
    }
}

#[test]
fn every_hash_of_an_init_code_is_checked_with_a_real_pool() {
    let checked: BTreeSet<_> = real_pools().into_iter().map(|(name, ..)| name).collect();
    for known in Deployment::known() {
        let name = known.exchange().to_string();
        let has_contracts = matches!(known.kind, ExchangeKind::Pools(_));
        assert_eq!(known.init_code_hash.is_some(), has_contracts, "{name}");
        assert_eq!(checked.contains(name.as_str()), has_contracts, "{name}");
    }
}

/// Both tokens of a pair, and the first bytes of its address.
type PairRecord = ([Address; 2], [u8; 4]);

/// The pairs of `tests/pairs.zst`: those of SushiSwap, then those of PancakeSwap.
fn recorded_pairs() -> [Vec<PairRecord>; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs.zst");
    let bytes = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let (records, rest) = bytes.as_chunks::<44>();
    assert!(rest.is_empty());
    let record = |record: &[u8; 44]| {
        let token = |start: usize| Address::new(record[start..start + 20].try_into().unwrap());
        ([token(0), token(20)], record[40..].try_into().unwrap())
    };
    let (sushiswap, pancakeswap) = records.split_at(4_774);
    [sushiswap, pancakeswap].map(|records| records.iter().map(record).collect())
}

#[test]
fn all_recorded_pairs_have_the_computed_addresses() {
    let [sushiswap, pancakeswap] = recorded_pairs();
    let expected = b256!("0xaec1241877c20829884273494cc6b7acbb7c99eec8b9cf2a4e65d2665de68f36");
    compare("ethereum_sushiswap_v2", &sushiswap, 4_774, expected);
    let expected = b256!("0x60f62792b6cf1e85437019f04f54bf66126fcb8bc5eb1dd9773413f686f10233");
    compare("ethereum_pancakeswap_v2", &pancakeswap, 8_006, expected);
}

/// Compares the pairs, one by one by their first bytes, then all by the hash of their addresses.
fn compare(exchange: &str, pairs: &[PairRecord], count: usize, expected: B256) {
    assert_eq!(pairs.len(), count);
    let mut addresses = Vec::new();
    for (number, (tokens, start)) in pairs.iter().enumerate() {
        let computed = deployment(exchange).pool_address(&pair(*tokens)).unwrap();
        assert_eq!(
            computed.as_bytes()[..4],
            *start,
            "pair {number} of {exchange}"
        );
        addresses.extend_from_slice(computed.as_bytes());
    }
    assert_eq!(keccak256(addresses), expected);
}

/// Aerodrome's pools are minimal proxies, whose code has the address of the implementation in it.
#[test]
fn init_codes_of_aerodrome_are_those_of_minimal_proxies() {
    let hash = |implementation: alloy_primitives::Address| {
        let code = [
            hex!("3d602d80600a3d3981f3363d3d373d3d3d363d73").as_slice(),
            implementation.as_slice(),
            &hex!("5af43d82803e903d91602b57fd5bf3"),
        ];
        Some(keccak256(code.concat()))
    };
    assert_eq!(
        deployment("base_aerodrome_v2").init_code_hash,
        hash(address!("0xA4e46b4f701c62e14DF11B48dCe76A7d793CD6d7"))
    );
    assert_eq!(
        deployment("base_aerodrome_v3").init_code_hash,
        hash(address!("0xeC8E5342B19977B4eF8892e02D8DAEcfa1315831"))
    );
}

#[test]
fn first_blocks_are_known_but_for_swapbased() {
    let unknown: Vec<_> = Deployment::known()
        .iter()
        .filter(|known| known.first_block.is_none())
        .map(|known| known.exchange().to_string())
        .collect();
    assert_eq!(unknown, ["base_swapbased_v2"]);
}

#[test]
fn events_of_all_known_deployments_are_known() {
    for known in Deployment::known() {
        assert!(known.kind.event_family().is_some(), "{}", known.exchange());
    }
    let pools = ExchangeKind::Pools;
    assert_eq!(pools(PoolKind::CamelotV2).event_family(), None);
    assert_eq!(pools(PoolKind::LfjBinned).event_family(), None);
    let family = pools(PoolKind::PancakeswapV3).event_family();
    assert_eq!(family, Some(EventFamily::UniswapV3));
}

#[test]
fn pools_of_an_added_exchange_are_checked_if_their_init_code_is_known() {
    let factory = Address::new([7; 20]);
    let tokens = [Address::new([1; 20]), Address::new([2; 20])];
    let other = |kind: PoolKind| {
        Deployment::new(
            format!("base_other_{}", &kind.as_str()[kind.as_str().len() - 2..])
                .parse()
                .unwrap(),
            ExchangeKind::Pools(kind),
            factory,
            None,
            None,
        )
        .unwrap()
    };
    let unknown = other(PoolKind::UniswapV2);
    assert_eq!(unknown.pool_address(&pair(tokens)), None);
    let hash = B256::repeat_byte(9);
    let known = unknown.with_init_code_hash(hash).unwrap();
    let address = known.pool_address(&pair(tokens));
    assert_eq!(address, Some(pair(tokens).address(factory, hash)));
}

proptest! {
    /// Against the definition, with every value in the order of the contracts.
    #[test]
    fn addresses_are_those_of_create2(
        bytes: [[u8; 20]; 3],
        fee in 0_u32..1 << 24,
        tick_spacing in 1_i32..=32_767,
        stable: bool,
        init_code_hash: [u8; 32],
    ) {
        let [deployer, token0, token1] = bytes.map(Address::new);
        let tokens = [token0, token1];
        let packed = [bytes[1], bytes[2]].concat();
        let words = |number| {
            [event_logs::address(token0), event_logs::address(token1), number].concat()
        };
        let cases = [
            (pair(tokens), packed.clone()),
            (aerodrome(tokens, stable), [packed, vec![stable.into()]].concat()),
            (with_fee(tokens, fee), words(event_logs::unsigned(fee.into()))),
            (with_spacing(tokens, tick_spacing), words(event_logs::signed(tick_spacing.into()))),
        ];
        for (salt, hashed) in cases {
            prop_assert_eq!(salt.hash(), keccak256(&hashed));
            let hash = keccak256(hashed);
            let all = [&[0xff][..], deployer.as_bytes(), hash.as_slice(), &init_code_hash];
            let expected = Address::new(keccak256(all.concat())[12..].try_into().unwrap());
            prop_assert_eq!(salt.address(deployer, B256::new(init_code_hash)), expected);
        }
    }
}
