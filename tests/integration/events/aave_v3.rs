//! The events of Aave V3.

use std::collections::BTreeMap;

use super::aave_v3_events::{Declared, EVENTS};
use super::*;
use crate::support::aave_logs::{RecordedMarket, recorded_markets};
use crate::support::event_logs::unsigned;
use degenbot::events::aave_v3_addresses_provider::{
    AddressId, AddressSet, PriceOracleUpdated, ProxyCreated,
};
use degenbot::events::aave_v3_pool::ReserveDataUpdated;
use degenbot::events::aave_v3_pool_configurator::{
    CollateralConfigurationChanged, EModeCategoryAdded, ReserveInitialized,
};
use degenbot::types::{BasisPoints, U256};

#[test]
fn topics_are_those_of_the_contracts() {
    for event in &EVENTS {
        let encoded = event.example();
        assert_eq!(
            keccak256(event.decoded_signature),
            event.topic,
            "{}",
            event.name
        );
        assert_eq!(event.decoded_topic, event.topic, "{}", event.name);
        assert_eq!(encoded.topics[0], event.topic, "{}", event.name);
    }
}

proptest! {
    #[test]
    fn events_are_decoded_as_they_were_encoded(
        word: [u8; 32],
        label in prop::collection::vec(any::<u8>(), 0..100),
        place in (0..u64::MAX / 2, 0..u32::MAX / 2),
    ) {
        for event in &EVENTS {
            let values = event.values(word, &label);
            let encoded = EventLog::declared(CONTRACT, event.declaration, &values);
            let decoded = (event.fields)(&encoded.at(place.0, place.1));
            prop_assert_eq!(decoded, Ok(values), "{}", event.name);
        }
    }

    #[test]
    fn names_of_contracts_are_ids_without_the_zeros(name in "[ -~]{1,32}") {
        let mut id = [0; 32];
        id[..name.len()].copy_from_slice(name.as_bytes());
        let id = AddressId::new(id);
        prop_assert_eq!(id.name(), Some(name.as_str()));
    }
}

#[test]
fn id_that_is_no_printable_text_has_no_name() {
    let name_of = |start: &[u8]| {
        let mut id = [0; 32];
        id[..start.len()].copy_from_slice(start);
        AddressId::new(id).name().map(str::to_owned)
    };
    for id in [
        "",
        "\0POOL",
        "POOL\0POOL",
        "POOL\n",
        "P\u{7f}",
        "P\u{f6}\u{f6}l",
    ] {
        assert_eq!(name_of(id.as_bytes()), None, "{id:?}");
    }
    assert_eq!(name_of(&[b'P', 0xff]), None);
    assert_eq!(name_of(b"POOL"), Some("POOL".to_owned()));
}

fn declared(name: &str) -> &'static Declared {
    EVENTS.iter().find(|event| event.name == name).unwrap()
}

fn category_added(label: &[u8]) -> EventLog {
    let event = declared("EModeCategoryAdded");
    EventLog::declared(CONTRACT, event.declaration, &event.values([1; 32], label))
}

#[test]
fn label_can_have_any_bytes_but_only_utf_8_is_text() {
    for (label, text) in [
        (b"".as_slice(), Some("")),
        (b"ETH correlated", Some("ETH correlated")),
        (&[b'x'; 32], Some("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
        (&[b'x'; 33], Some("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
        ("\u{1f47b}\0".as_bytes(), Some("\u{1f47b}\0")),
        (&[0xff, 0xfe], None),
        (&[0xe2, 0x82], None),
    ] {
        let event = EModeCategoryAdded::decode(&category_added(label).at(7, 3)).unwrap();
        assert_eq!((event.label.as_slice(), event.label_text()), (label, text));
    }
}

#[test]
fn text_in_another_place_or_of_another_length_is_an_error() {
    const PLACE: usize = 4 * 32;
    const LENGTH: usize = 5 * 32;
    let valid = category_added(b"Stables");
    assert!(EModeCategoryAdded::decode(&valid.at(7, 3)).is_ok());
    let with = |at: usize, word: B256| {
        let mut changed = valid.clone();
        changed.data[at..at + 32].copy_from_slice(word.as_slice());
        changed
    };
    let power = |exponent: usize| B256::from(alloy_primitives::U256::from(1) << exponent);
    let mut longer = valid.clone();
    longer.data.extend([0; 32]);
    let mut cut = valid.clone();
    cut.data.truncate(5 * 32 + 31);
    let mut not_padded = valid.clone();
    *not_padded.data.last_mut().unwrap() = 1;
    let events = [
        with(PLACE, unsigned(0)),
        with(PLACE, unsigned(0x80)),
        with(PLACE, unsigned(0xc0)),
        with(PLACE, power(64)),
        with(PLACE, B256::repeat_byte(0xff)),
        with(LENGTH, unsigned(0)),
        with(LENGTH, unsigned(6)),
        with(LENGTH, unsigned(33)),
        with(LENGTH, power(63)),
        with(LENGTH, unsigned(u128::from(u64::MAX) - 31)),
        with(LENGTH, unsigned(u64::MAX.into())),
        with(LENGTH, power(64)),
        with(LENGTH, power(128)),
        with(LENGTH, B256::repeat_byte(0xff)),
        longer,
        cut,
        not_padded,
    ];
    let problems = events.map(|event| {
        let error = EModeCategoryAdded::decode(&event.at(7, 3)).unwrap_err();
        error.problem.to_string()
    });
    insta::assert_snapshot!(problems.join("\n"), @r"
    label is not right behind the other values: 0x0000000000000000000000000000000000000000000000000000000000000000
    label is not right behind the other values: 0x0000000000000000000000000000000000000000000000000000000000000080
    label is not right behind the other values: 0x00000000000000000000000000000000000000000000000000000000000000c0
    label is not right behind the other values: 0x0000000000000000000000000000000000000000000000010000000000000000
    label is not right behind the other values: 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    its data are 224 bytes long instead of 192
    label is not padded with zeros: 0x537461626c657300000000000000000000000000000000000000000000000000
    its data are 224 bytes long instead of 256
    its data are 224 bytes long instead of 9223372036854776000
    label is not of a length that data can have: 0x000000000000000000000000000000000000000000000000ffffffffffffffe0
    label is not of a length that data can have: 0x000000000000000000000000000000000000000000000000ffffffffffffffff
    label is not of a length that data can have: 0x0000000000000000000000000000000000000000000000010000000000000000
    label is not of a length that data can have: 0x0000000000000000000000000000000100000000000000000000000000000000
    label is not of a length that data can have: 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    its data are 256 bytes long instead of 224
    its data are 191 bytes long instead of at least 192
    label is not padded with zeros: 0x537461626c657300000000000000000000000000000000000000000000000001
    ");
}

#[test]
fn ratio_beyond_16_bits_is_an_error() {
    let event = declared("CollateralConfigurationChanged");
    let mut values = event.values([0; 32], b"");
    let mut decode = |ltv: u128| {
        values[1] = unsigned(ltv).to_vec();
        let log = EventLog::declared(CONTRACT, event.declaration, &values);
        let decoded = CollateralConfigurationChanged::decode(&log.at(7, 3));
        decoded
            .map(|event| event.ltv.get())
            .map_err(|error| error.problem.to_string())
    };
    assert_eq!(decode(65_535), Ok(65_535));
    insta::assert_snapshot!(decode(65_536).unwrap_err(), @"ltv is not a ratio below 2^16 basis points: 0x0000000000000000000000000000000000000000000000000000000000010000");
}

/// The module with the events of a contract.
fn emitter(market: &RecordedMarket, contract: Address) -> &'static str {
    let tokens = [&market.a_tokens, &market.variable_debt_tokens];
    if contract == market.addresses_provider {
        "aave_v3_addresses_provider"
    } else if contract == market.oracle {
        "aave_v3_oracle"
    } else if contract == market.pool {
        "aave_v3_pool"
    } else if contract == market.pool_configurator {
        "aave_v3_pool_configurator"
    } else if tokens.iter().any(|tokens| tokens.contains(&contract)) {
        "aave_v3_token"
    } else {
        panic!("{contract} is no contract of the market")
    }
}

/// How many events a recorded market has, and how many of them are not decoded. Each decoded event is compared with the
/// log, into which its fields are encoded again.
fn decode_all(market: &RecordedMarket) -> (BTreeMap<&'static str, usize>, usize) {
    let mut counts = BTreeMap::new();
    let mut others = 0;
    for log in market.logs.iter() {
        let emitter = emitter(market, log.address);
        let event = EVENTS
            .iter()
            .find(|event| event.emitter == emitter && Some(&event.topic) == log.topics.first());
        let Some(event) = event else {
            others += 1;
            continue;
        };
        let fields = (event.fields)(&log).unwrap();
        let encoded = EventLog::declared(log.address, event.declaration, &fields);
        assert_eq!(encoded.topics, log.topics, "{}", log.place);
        assert_eq!(encoded.data, log.data, "{}", log.place);
        *counts.entry(event.name).or_default() += 1;
    }
    (counts, others)
}

/// The numbers are from a count of the topics by a script.
#[test]
fn all_events_of_recorded_markets_are_decoded() {
    let [old, new] = recorded_markets();
    assert_eq!([&old.version, &new.version], ["3.0.2", "3.6.0"]);
    assert_eq!([old.logs.len(), new.logs.len()], [4_109, 4_907]);
    let counts = [
        ("AddressSet", 0, 1),
        ("AssetBorrowableInEModeChanged", 0, 1),
        ("AssetCollateralInEModeChanged", 0, 1),
        ("AssetSourceUpdated", 3, 3),
        ("BalanceTransfer", 153, 140),
        ("Burn", 191, 280),
        ("CollateralConfigurationChanged", 3, 3),
        ("EModeAssetCategoryChanged", 1, 0),
        ("EModeCategoryAdded", 1, 1),
        ("LiquidationCall", 32, 23),
        ("Mint", 781, 912),
        ("PoolConfiguratorUpdated", 1, 1),
        ("PoolDataProviderUpdated", 1, 0),
        ("PoolUpdated", 1, 1),
        ("PriceOracleUpdated", 1, 1),
        ("ProxyCreated", 2, 2),
        ("ReserveBorrowing", 3, 3),
        ("ReserveDataUpdated", 714, 927),
        ("ReserveFlashLoaning", 3, 3),
        ("ReserveInitialized", 3, 3),
        ("ReserveUsedAsCollateralDisabled", 48, 34),
        ("ReserveUsedAsCollateralEnabled", 66, 48),
        ("UserEModeSet", 34, 9),
    ];
    let expected = |pick: fn((&'static str, usize, usize)) -> (&'static str, usize)| {
        let counts = counts.map(pick).into_iter();
        counts
            .filter(|(_, count)| *count > 0)
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(
        decode_all(&old),
        (expected(|(name, count, _)| (name, count)), 2_067)
    );
    assert_eq!(
        decode_all(&new),
        (expected(|(name, _, count)| (name, count)), 2_510)
    );
}

/// The events of one kind that a contract has emitted.
fn emitted<E: Event>(market: &RecordedMarket, contract: Address) -> Vec<E> {
    let logs = market.logs.iter();
    logs.filter(|log| log.address == contract && log.topics.first() == Some(&E::TOPIC))
        .map(|log| E::decode(&log).unwrap())
        .collect()
}

#[test]
fn recorded_events_say_what_the_market_has() {
    for market in recorded_markets() {
        let provider = market.addresses_provider;
        let proxies: Vec<_> = emitted::<ProxyCreated>(&market, provider)
            .into_iter()
            .map(|created| (created.id.name().unwrap().to_owned(), created.proxy_address))
            .collect();
        let pool = ("POOL".to_owned(), market.pool);
        let configurator = ("POOL_CONFIGURATOR".to_owned(), market.pool_configurator);
        assert_eq!(proxies, [pool, configurator]);
        let oracles = emitted::<PriceOracleUpdated>(&market, provider);
        assert_eq!(oracles[0].new_address, market.oracle);
        let reserves = emitted::<ReserveInitialized>(&market, market.pool_configurator);
        let has_stable_debt = market.version == "3.0.2";
        for (number, reserve) in reserves.iter().enumerate() {
            assert_eq!(reserve.asset, market.underlying_tokens[number]);
            assert_eq!(reserve.a_token, market.a_tokens[number]);
            assert_eq!(
                reserve.variable_debt_token,
                market.variable_debt_tokens[number]
            );
            assert_eq!(reserve.stable_debt_token != Address::ZERO, has_stable_debt);
        }
        if !has_stable_debt {
            for updated in emitted::<ReserveDataUpdated>(&market, market.pool) {
                assert_eq!(updated.stable_borrow_rate, U256::default());
            }
        }
        let categories = emitted::<EModeCategoryAdded>(&market, market.pool_configurator);
        let described: Vec<_> = categories
            .iter()
            .map(|category| (category.category_id.get(), category.label_text()))
            .collect();
        assert_eq!(described, [(1, Some("E"))]);
        let ratios = [
            categories[0].ltv,
            categories[0].liquidation_threshold,
            categories[0].liquidation_bonus,
        ];
        assert_eq!(ratios.map(BasisPoints::get), [9_000, 9_300, 10_200]);
        let others: Vec<_> = emitted::<AddressSet>(&market, provider)
            .iter()
            .map(|set| (set.id.name().unwrap().to_owned(), set.old_address))
            .collect();
        let umbrella = ("UMBRELLA".to_owned(), Address::ZERO);
        assert_eq!(
            others,
            if has_stable_debt {
                vec![]
            } else {
                vec![umbrella]
            }
        );
    }
}
