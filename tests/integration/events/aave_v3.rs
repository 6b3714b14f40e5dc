//! The events of Aave V3.

use super::aave_v3_events::{Declared, EVENTS};
use super::*;
use crate::support::event_logs::unsigned;
use degenbot::events::aave_v3_addresses_provider::AddressId;
use degenbot::events::aave_v3_pool_configurator::{
    CollateralConfigurationChanged, EModeCategoryAdded,
};

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
