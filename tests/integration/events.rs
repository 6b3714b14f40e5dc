//! Events decoded from logs, and logs that are not valid events.

mod aave_v3;
mod aave_v3_events;
mod malformed;

use alloy_primitives::{B256, b256, hex, keccak256};
use degenbot::events::uniswap_v3::liquidity_change;
use degenbot::events::{
    Event, LiquidityChange, MalformedEvent, aerodrome_v2, aerodrome_v3, uniswap_v2, uniswap_v3,
    uniswap_v4,
};
use degenbot::models::{LogPosition, PoolFamily, PoolUpdate, SyncCursor, TickMap};
use degenbot::types::{Address, Log, PoolHash, Tick, TickSpacing};
use proptest::prelude::*;

use crate::support::event_logs::EventLog;

const CONTRACT: Address = Address::new([0xcc; 20]);

fn parse(text: &str) -> Address {
    text.parse().unwrap()
}

/// An event of the chain, with its data as text.
fn recorded(contract: &str, topics: &[B256], data: &str) -> EventLog {
    EventLog {
        address: parse(contract),
        topics: topics.to_vec(),
        data: hex::decode(data.replace(char::is_whitespace, "")).unwrap(),
    }
}

#[test]
fn topics_are_the_hashes_of_the_signatures() {
    fn check<E: Event>() {
        assert_eq!(keccak256(E::SIGNATURE), E::TOPIC, "{}", E::SIGNATURE);
    }
    check::<uniswap_v2::PairCreated>();
    check::<aerodrome_v2::PoolCreated>();
    check::<aerodrome_v3::PoolCreated>();
    check::<uniswap_v3::PoolCreated>();
    check::<uniswap_v3::Mint>();
    check::<uniswap_v3::Burn>();
    check::<uniswap_v4::Initialize>();
    check::<uniswap_v4::ModifyLiquidity>();
}

/// Mainnet, block 18872069: a position of one tick spacing in USDC/WETH 0.05 %, added and removed.
#[test]
fn recorded_mint_and_burn_cancel_out() {
    let pool = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640";
    let owner = b256!("0x00000000000000000000000051c72848c68a965f66fa7a88855f9f7784502a7f");
    let lower = b256!("0x0000000000000000000000000000000000000000000000000000000000030994");
    let upper = b256!("0x000000000000000000000000000000000000000000000000000000000003099e");
    let mint = recorded(
        pool,
        &[uniswap_v3::Mint::TOPIC, owner, lower, upper],
        "00000000000000000000000051c72848c68a965f66fa7a88855f9f7784502a7f
         0000000000000000000000000000000000000000000000151a96cfbd690c0000
         000000000000000000000000000000000000000000000000000006e711932265
         0000000000000000000000000000000000000000000000280e6b68857e3671e1",
    );
    let burn = recorded(
        pool,
        &[uniswap_v3::Burn::TOPIC, owner, lower, upper],
        "0000000000000000000000000000000000000000000000151a96cfbd690c0000
         000000000000000000000000000000000000000000000000000006dd3f8fb806
         00000000000000000000000000000000000000000000002910b7ad8aa708ae08",
    );
    let added = liquidity_change(&mint.at(18_872_069, 36)).unwrap();
    let removed = liquidity_change(&burn.at(18_872_069, 45)).unwrap();
    let expected = |delta| LiquidityChange {
        lower: Tick::new(199_060).unwrap(),
        upper: Tick::new(199_070).unwrap(),
        delta,
    };
    assert_eq!(added, expected(389_297_572_651_811_471_360));
    assert_eq!(removed, expected(-389_297_572_651_811_471_360));
}

/// The first pair and one of the first pools of Ethereum.
#[test]
fn creations_have_their_tokens_and_pools() {
    let usdc = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
    let weth = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
    let tokens = [parse(usdc), parse(weth)];
    let pair = parse("0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc");
    let event = EventLog::pair_created(CONTRACT, tokens, pair, 1);
    let created = uniswap_v2::PairCreated::decode(&event.at(10_008_355, 34)).unwrap();
    assert_eq!([created.token0, created.token1], tokens);
    assert_eq!((created.pair, created.pair_count), (pair, 1));

    let pool = parse("0x7BeA39867e4169DBe237d55C8242a8f2fcDcc387");
    let event = EventLog::v3_pool_created(CONTRACT, tokens, 10_000, 200, pool);
    let created = uniswap_v3::PoolCreated::decode(&event.at(12_369_811, 147)).unwrap();
    assert_eq!([created.token0, created.token1], tokens);
    assert_eq!(created.pool, pool);
    assert_eq!(
        (created.fee.get(), created.tick_spacing.get()),
        (10_000, 200)
    );

    let pool = parse("0x723AEf6543aecE026a15662Be4D3fb3424D502A9");
    for stable in [false, true] {
        let event = EventLog::aerodrome_v2_pool_created(CONTRACT, tokens, stable, pool, 2);
        let created = aerodrome_v2::PoolCreated::decode(&event.at(1, 0)).unwrap();
        assert_eq!([created.token0, created.token1], tokens);
        assert_eq!((created.pool, created.pool_count), (pool, 2));
        assert_eq!(created.stable, stable);
    }

    let event = EventLog::aerodrome_v3_pool_created(CONTRACT, tokens, 2_000, pool);
    let created = aerodrome_v3::PoolCreated::decode(&event.at(1, 0)).unwrap();
    assert_eq!([created.token0, created.token1], tokens);
    assert_eq!((created.pool, created.tick_spacing.get()), (pool, 2_000));
}

/// Arbitrum, block 298600531: WETH/USDC 0.3 %.
#[test]
fn recorded_initialize_has_the_key_of_its_id() {
    let id = b256!("0xc9bc8043294146424a4e4607d8ad837d6a659142822bbaaabc83bb57e7447461");
    let event = recorded(
        "0x360e68faccca8ca495c1b759fd9eee466db9fb32",
        &[
            uniswap_v4::Initialize::TOPIC,
            id,
            b256!("0x00000000000000000000000082af49447d8a07e3bd95bd0d56f35241523fbab1"),
            b256!("0x000000000000000000000000af88d065e77c8cc2239327c5edb3a432268e5831"),
        ],
        "0000000000000000000000000000000000000000000000000000000000000bb8
         000000000000000000000000000000000000000000000000000000000000003c
         0000000000000000000000000000000000000000000000000000000000000000
         00000000000000000000000000000000000000000003e08ab0dd488513a6f62e
         fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd0765",
    );
    let created = uniswap_v4::Initialize::decode(&event.at(298_600_531, 1)).unwrap();
    assert_eq!(created.id, PoolHash::new(id.0));
    assert_eq!(created.key.id(), created.id);
    assert_eq!(created.key.hooks, Address::ZERO);
    assert_eq!(created.key.fee.get(), 3_000);
    assert_eq!(created.key.tick_spacing.get(), 60);
    assert_eq!(created.tick.get(), -194_715);
    assert_eq!(created.sqrt_price.to_string(), "4687145946111116896040494");
}

/// The first pool of the manager on mainnet: ETH/USDC 0.05 %.
#[test]
fn pool_id_is_the_hash_of_the_key() {
    let usdc = parse("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
    let (id, event) = EventLog::initialize(CONTRACT, [Address::ZERO, usdc], 500, 10, Address::ZERO);
    let created = uniswap_v4::Initialize::decode(&event.at(21_688_329, 0)).unwrap();
    assert_eq!(created.id, id);
    assert_eq!(
        id.to_string(),
        "0x21c67e77068de97969ba93d4aab21826d33ca12bb9f565d8496e8fda8a82ca27"
    );
}

/// Mainnet: a full range with a salt.
#[test]
fn recorded_modify_liquidity_has_a_full_range() {
    let id = b256!("0x5244a02f00c673477f6bf1aef0f6b7f4af9cf50ebc22339f20a64f8a8cecba25");
    let event = recorded(
        "0x000000000004444c5dc75cb358380d2e3de08a90",
        &[
            uniswap_v4::ModifyLiquidity::TOPIC,
            id,
            b256!("0x000000000000000000000000bf4195ab0b03e1eb3345dd1e83bed7650b1ed123"),
        ],
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffff27660
         00000000000000000000000000000000000000000000000000000000000d89a0
         00000000000000000000000000000000000000000000000000537dfbf1461d0a
         b219073c4ff49f0783bdeaf4d0e56adae19d2a87a11c63be935f1c021f923b4b",
    );
    let modified = uniswap_v4::ModifyLiquidity::decode(&event.at(1, 2)).unwrap();
    let salt = b256!("0xb219073c4ff49f0783bdeaf4d0e56adae19d2a87a11c63be935f1c021f923b4b");
    assert_eq!((modified.id, modified.salt), (PoolHash::new(id.0), salt));
    let expected = LiquidityChange {
        lower: Tick::new(-887_200).unwrap(),
        upper: Tick::new(887_200).unwrap(),
        delta: 23_500_944_105_151_754,
    };
    assert_eq!(LiquidityChange::from(modified), expected);
}

/// Applies a change as the event of a pool with the tick spacing 10.
fn apply(map: &mut TickMap, update: &mut PoolUpdate, place: LogPosition, change: LiquidityChange) {
    map.modify_liquidity(
        update,
        TickSpacing::new(10).unwrap(),
        place,
        change.lower,
        change.upper,
        change.delta,
    )
    .unwrap();
}

#[test]
fn burn_of_zero_changes_nothing() {
    let mut map = TickMap::default();
    let mut update = PoolUpdate::new(PoolFamily::Pools, 1);
    let mint = EventLog::mint(CONTRACT, [-20, 10], 7);
    let burn = EventLog::burn(CONTRACT, [-20, 10], 0);
    let first = mint.at(5, 1);
    apply(
        &mut map,
        &mut update,
        first.place,
        liquidity_change(&first).unwrap(),
    );
    let before = map.clone();
    let second = burn.at(5, 2);
    apply(
        &mut map,
        &mut update,
        second.place,
        liquidity_change(&second).unwrap(),
    );
    assert_eq!(map, before);
    assert_eq!(map.sync_cursor(), SyncCursor::from(first.place));
}

#[test]
fn greatest_changes_are_those_of_an_int128() {
    let ticks = [-10, 10];
    let greatest = i128::MAX.unsigned_abs();
    let delta = |event: EventLog| liquidity_change(&event.at(1, 0)).map(|change| change.delta);
    assert_eq!(
        delta(EventLog::mint(CONTRACT, ticks, greatest)),
        Ok(i128::MAX)
    );
    assert_eq!(
        delta(EventLog::burn(CONTRACT, ticks, greatest)),
        Ok(-i128::MAX)
    );
    assert!(delta(EventLog::mint(CONTRACT, ticks, greatest + 1)).is_err());
    assert!(delta(EventLog::burn(CONTRACT, ticks, u128::MAX)).is_err());
    for number in [i128::MIN, -1, 0, i128::MAX] {
        let event = EventLog::modify_liquidity(CONTRACT, PoolHash::new([1; 32]), ticks, number);
        let modified = uniswap_v4::ModifyLiquidity::decode(&event.at(1, 0)).unwrap();
        assert_eq!(modified.liquidity_delta, number);
    }
}

fn any_address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::new)
}

fn any_tick() -> impl Strategy<Value = i32> {
    -887_272..=887_272
}

proptest! {
    #[test]
    fn creations_are_decoded_as_they_were_encoded(
        factory in any_address(),
        tokens in [any_address(), any_address()],
        pool in any_address(),
        fee in 0_u32..1 << 24,
        tick_spacing in 1_i32..=32_767,
        stable: bool,
        count: u64,
        place in (0..u64::MAX / 2, 0..u32::MAX / 2),
    ) {
        let event = EventLog::pair_created(factory, tokens, pool, count);
        let found = uniswap_v2::PairCreated::decode(&event.at(place.0, place.1)).unwrap();
        prop_assert_eq!([found.token0, found.token1, found.pair], [tokens[0], tokens[1], pool]);
        prop_assert_eq!(found.pair_count, count);

        let event = EventLog::aerodrome_v2_pool_created(factory, tokens, stable, pool, count);
        let found = aerodrome_v2::PoolCreated::decode(&event.at(place.0, place.1)).unwrap();
        prop_assert_eq!([found.token0, found.token1, found.pool], [tokens[0], tokens[1], pool]);
        prop_assert_eq!((found.stable, found.pool_count), (stable, count));

        let event = EventLog::v3_pool_created(factory, tokens, fee, tick_spacing, pool);
        let found = uniswap_v3::PoolCreated::decode(&event.at(place.0, place.1)).unwrap();
        prop_assert_eq!([found.token0, found.token1, found.pool], [tokens[0], tokens[1], pool]);
        prop_assert_eq!((found.fee.get(), found.tick_spacing.get()), (fee, tick_spacing));

        let event = EventLog::aerodrome_v3_pool_created(factory, tokens, tick_spacing, pool);
        let found = aerodrome_v3::PoolCreated::decode(&event.at(place.0, place.1)).unwrap();
        prop_assert_eq!([found.token0, found.token1, found.pool], [tokens[0], tokens[1], pool]);
        prop_assert_eq!(found.tick_spacing.get(), tick_spacing);

        let (id, event) = EventLog::initialize(factory, tokens, fee, tick_spacing, pool);
        let found = uniswap_v4::Initialize::decode(&event.at(place.0, place.1)).unwrap();
        prop_assert_eq!((found.id, found.key.id()), (id, id));
        let key = found.key;
        prop_assert_eq!([key.currency0, key.currency1, key.hooks], [tokens[0], tokens[1], pool]);
        prop_assert_eq!((key.fee.get(), key.tick_spacing.get()), (fee, tick_spacing));
    }

    #[test]
    fn changes_are_decoded_as_they_were_encoded(
        ticks in [any_tick(), any_tick()],
        delta: i128,
        id: [u8; 32],
    ) {
        let expected = |delta| Ok::<_, MalformedEvent>(LiquidityChange {
            lower: Tick::new(ticks[0]).unwrap(),
            upper: Tick::new(ticks[1]).unwrap(),
            delta,
        });
        let event = EventLog::modify_liquidity(CONTRACT, PoolHash::new(id), ticks, delta);
        let found = uniswap_v4::ModifyLiquidity::decode(&event.at(1, 0)).unwrap();
        prop_assert_eq!(found.id, PoolHash::new(id));
        prop_assert_eq!(Ok(found.into()), expected(delta));

        let amount = delta.unsigned_abs() >> 1;
        let signed = i128::try_from(amount).unwrap();
        let event = EventLog::mint(CONTRACT, ticks, amount);
        prop_assert_eq!(liquidity_change(&event.at(1, 0)), expected(signed));
        let event = EventLog::burn(CONTRACT, ticks, amount);
        prop_assert_eq!(liquidity_change(&event.at(1, 0)), expected(-signed));
    }
}
