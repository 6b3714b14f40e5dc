//! Logs that are not valid events.

use super::*;
use degenbot::events::EventProblem;
use degenbot::events::aave_v3_pool_configurator::EModeCategoryAdded;

pub type Decode = fn(&Log<'_>) -> Result<(), MalformedEvent>;

fn decoder<E: Event>() -> Decode {
    |log| E::decode(log).map(|_| ())
}

/// Every decoder, with a valid event, and for each word after the first topic the bytes at which it may not be changed.
fn events() -> Vec<(Decode, EventLog, Vec<std::ops::Range<usize>>)> {
    const ADDRESS: std::ops::Range<usize> = 0..12;
    const ANY: std::ops::Range<usize> = 0..0;
    const FLAG: std::ops::Range<usize> = 0..31;
    const COUNT: std::ops::Range<usize> = 0..24;
    const INT24: std::ops::Range<usize> = 0..29;
    const INT128: std::ops::Range<usize> = 0..16;
    let address = |byte| Address::new([byte; 20]);
    let tokens = [address(1), address(2)];
    let ticks = [-60, 120];
    let id = PoolHash::new([9; 32]);
    let mut events = vec![
        (
            decoder::<uniswap_v2::PairCreated>(),
            EventLog::pair_created(CONTRACT, tokens, address(3), 1),
            vec![ADDRESS, ADDRESS, ADDRESS, COUNT],
        ),
        (
            decoder::<aerodrome_v2::PoolCreated>(),
            EventLog::aerodrome_v2_pool_created(CONTRACT, tokens, true, address(3), 1),
            vec![ADDRESS, ADDRESS, FLAG, ADDRESS, COUNT],
        ),
        (
            decoder::<aerodrome_v3::PoolCreated>(),
            EventLog::aerodrome_v3_pool_created(CONTRACT, tokens, 60, address(3)),
            vec![ADDRESS, ADDRESS, INT24, ADDRESS],
        ),
        (
            decoder::<uniswap_v3::PoolCreated>(),
            EventLog::v3_pool_created(CONTRACT, tokens, 3_000, 60, address(3)),
            vec![ADDRESS, ADDRESS, INT24, INT24, ADDRESS],
        ),
        (
            decoder::<uniswap_v3::Mint>(),
            EventLog::mint(CONTRACT, ticks, 5),
            vec![ADDRESS, INT24, INT24, ADDRESS, INT128, ANY, ANY],
        ),
        (
            decoder::<uniswap_v3::Burn>(),
            EventLog::burn(CONTRACT, ticks, 5),
            vec![ADDRESS, INT24, INT24, INT128, ANY, ANY],
        ),
        (
            decoder::<uniswap_v4::Initialize>(),
            EventLog::initialize(CONTRACT, tokens, 3_000, 60, address(3)).1,
            // Another byte makes it the id of another key.
            vec![0..32, 0..32, 0..32, 0..32, 0..32, 0..32, ADDRESS, INT24],
        ),
        (
            decoder::<uniswap_v4::ModifyLiquidity>(),
            EventLog::modify_liquidity(CONTRACT, id, ticks, -5),
            vec![ANY, ADDRESS, INT24, INT24, INT128, ANY],
        ),
    ];
    for event in &aave_v3_events::EVENTS {
        events.push((event.decode, event.example(), event.fixed_bytes()));
    }
    events
}

#[test]
fn changed_padding_is_an_error() {
    for (decode, valid, ranges) in events() {
        decode(&valid.at(7, 3)).unwrap();
        let topics = valid.topics.len() - 1;
        assert_eq!(ranges.len(), topics + valid.data.len() / 32);
        for (word, range) in ranges.into_iter().enumerate() {
            for byte in range {
                let mut changed = valid.clone();
                match word.checked_sub(topics) {
                    None => changed.topics[word + 1][byte] ^= 0x80,
                    Some(word) => changed.data[word * 32 + byte] ^= 0x80,
                }
                let error = decode(&changed.at(7, 3)).unwrap_err();
                assert_eq!(error.contract, CONTRACT);
                assert_eq!(error.place, changed.at(7, 3).place);
            }
        }
    }
}

#[test]
fn another_number_of_topics_or_words_is_an_error() {
    for (decode, valid, _) in events() {
        for topics in (0..5).filter(|topics| *topics != valid.topics.len()) {
            let mut changed = valid.clone();
            changed.topics.resize(topics, B256::ZERO);
            let problem = *decode(&changed.at(7, 3)).unwrap_err().problem;
            let expected = match topics {
                0 => EventProblem::Topic { found: None },
                found => EventProblem::Topics {
                    found,
                    expected: valid.topics.len(),
                },
            };
            assert_eq!(problem, expected);
        }
        let expected = valid.data.len();
        let has_text = valid.topics[0] == EModeCategoryAdded::TOPIC;
        let lengths = [
            0,
            1,
            expected.saturating_sub(32),
            expected.saturating_sub(1),
            expected + 1,
            expected + 32,
        ];
        for found in lengths.into_iter().filter(|found| *found != expected) {
            let mut changed = valid.clone();
            changed.data.resize(found, 0);
            let problem = *decode(&changed.at(7, 3)).unwrap_err().problem;
            // The text is shorter than a word.
            let least = expected - 32 * usize::from(has_text);
            let wrong = if has_text && found < least {
                EventProblem::DataTooShort { found, least }
            } else {
                EventProblem::Data { found, expected }
            };
            assert_eq!(problem, wrong);
        }
        let mut changed = valid.clone();
        changed.topics[0] = B256::ZERO;
        let problem = *decode(&changed.at(7, 3)).unwrap_err().problem;
        let found = Some(B256::ZERO);
        assert_eq!(problem, EventProblem::Topic { found });
    }
}

#[test]
fn errors_name_the_contract_the_place_and_the_problem() {
    let message = |event: &EventLog| liquidity_change(&event.at(7, 3)).unwrap_err().to_string();
    let mint = EventLog::mint(CONTRACT, [-60, 120], 5);
    let mut too_high = mint.clone();
    too_high.topics[3] = crate::support::event_logs::signed(887_273);
    let mut not_extended = mint.clone();
    not_extended.topics[2][0] = 0;
    let mut cut = mint.clone();
    cut.data.pop();
    let mut short = mint.clone();
    short.topics.pop();
    let mut other = mint.clone();
    other.topics[0] = B256::repeat_byte(0x11);
    let mut anonymous = mint.clone();
    anonymous.topics.clear();
    let too_much = EventLog::burn(CONTRACT, [-60, 120], 1 << 127);
    let messages = [
        &too_high,
        &not_extended,
        &cut,
        &short,
        &other,
        &anonymous,
        &too_much,
    ];
    insta::assert_snapshot!(messages.map(message).join("\n"), @r"
    the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Mint(address,address,int24,int24,uint128,uint256,uint256): tickUpper is not a tick (-887272 to 887272): 0x00000000000000000000000000000000000000000000000000000000000d89e9
    the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Mint(address,address,int24,int24,uint128,uint256,uint256): tickLower is not an int24: 0x00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc4
    the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Mint(address,address,int24,int24,uint128,uint256,uint256): its data are 127 bytes long instead of 128
    the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Mint(address,address,int24,int24,uint128,uint256,uint256): it has 3 topics instead of 4
    the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Mint(address,address,int24,int24,uint128,uint256,uint256): its first topic is 0x1111111111111111111111111111111111111111111111111111111111111111
    the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Mint(address,address,int24,int24,uint128,uint256,uint256): it has no topics
    the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Burn(address,int24,int24,uint128,uint256,uint256): amount is not liquidity (0 or more, below 2^127): 0x0000000000000000000000000000000080000000000000000000000000000000
    ");

    let usdc = Address::new([2; 20]);
    let (_, mut event) = EventLog::initialize(CONTRACT, [Address::ZERO, usdc], 500, 10, usdc);
    event.data[31] ^= 1;
    let error = uniswap_v4::Initialize::decode(&event.at(7, 3)).unwrap_err();
    insta::assert_snapshot!(error, @"the event of contract 0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC at block 7, log 3 is not a valid Initialize(bytes32,address,address,uint24,int24,address,uint160,int24): the id of the pool is 0x900f86b01c50568b774cfa95a4dddfd21fee94f3e949d5216aaf5aac3bc9a0fd, but the hash of its key is 0xde7459d5074d1100e3dde167f98e44786c3c5edce8ef0390ddab38e691a283f8");
}

/// The factory of Solidly V3 emits Uniswap V3's event with the fee and the tick spacing in each other's places. What
/// is decoded is not the pool, so its logs must not be taken for Uniswap's.
#[test]
fn layout_is_that_of_the_contract_and_not_of_the_topic() {
    let [weth, token] = [1, 2].map(|byte| Address::new([byte; 20]));
    let event = EventLog::v3_pool_created(CONTRACT, [weth, token], 100, 10_000, weth);
    let created = uniswap_v3::PoolCreated::decode(&event.at(7, 3)).unwrap();
    assert_eq!(
        (created.fee.get(), created.tick_spacing.get()),
        (100, 10_000)
    );
}

proptest! {
    #[test]
    fn arbitrary_logs_are_decoded_or_refused(
        topics in prop::collection::vec(any::<[u8; 32]>().prop_map(B256::new), 0..5),
        keep_topic: bool,
        data in prop::collection::vec(any::<u8>(), 0..320),
    ) {
        for (decode, valid, _) in events() {
            let mut changed = EventLog { topics: topics.clone(), data: data.clone(), ..valid };
            if keep_topic && !changed.topics.is_empty() {
                changed.topics[0] = valid.topics[0];
            }
            if let Err(error) = decode(&changed.at(7, 3)) {
                prop_assert!(error.to_string().contains("block 7, log 3"));
            }
        }
    }

    /// Words that are valid for the most part reach every check.
    #[test]
    fn arbitrary_words_are_decoded_or_refused(
        word in 0..9_usize,
        value in prop_oneof![
            any::<i128>().prop_map(crate::support::event_logs::signed),
            any::<i32>().prop_map(|number| crate::support::event_logs::signed(number.into())),
            any::<[u8; 32]>().prop_map(B256::new),
        ],
    ) {
        for (decode, valid, _) in events() {
            let mut changed = valid.clone();
            let topics = valid.topics.len() - 1;
            let words = topics + valid.data.len() / 32;
            match (word % words).checked_sub(topics) {
                None => changed.topics[word % words + 1] = value,
                Some(word) => changed.data[word * 32..][..32].copy_from_slice(value.as_slice()),
            }
            if let Err(error) = decode(&changed.at(7, 3)) {
                prop_assert!(error.to_string().contains("block 7, log 3"));
            }
        }
    }
}
