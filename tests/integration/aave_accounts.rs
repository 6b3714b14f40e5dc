//! What Aave V3 accounts are worth, against `getUserAccountData` of the contracts.

mod stored;

use std::collections::BTreeMap;

use degenbot::aave::{
    AccountData, CollateralValue, DebtValue, EModeLimits, PoolRules, UnknownPoolRevision,
};
use degenbot::types::{BasisPoints, Revision, U256};
use num_bigint::BigUint;
use proptest::prelude::*;
use serde_json::Value;

const ACCOUNTS: &[u8] = include_bytes!("../aave-accounts.zst");

fn text(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

fn small(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn ratio(value: &Value) -> BasisPoints {
    BasisPoints::new(small(value)).unwrap()
}

fn seconds(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn decimals(value: &Value) -> u8 {
    u8::try_from(small(value)).unwrap()
}

fn rules(revision: u32) -> PoolRules {
    PoolRules::new(Revision::new(revision).unwrap()).unwrap()
}

/// What the contract has said.
fn expected(account: &Value) -> AccountData {
    let word = |place: usize| text(&account[5][place]);
    let basis_points = |place: usize| {
        BasisPoints::new(account[5][place].as_str().unwrap().parse().unwrap()).unwrap()
    };
    AccountData {
        collateral_base: word(0),
        debt_base: word(1),
        available_borrows_base: word(2),
        liquidation_threshold: basis_points(3),
        ltv: basis_points(4),
        health_factor: Some(word(5)).filter(|it| *it != U256(alloy_primitives::U256::MAX)),
    }
}

#[test]
fn accounts_are_worth_what_the_contracts_say() {
    let lines = String::from_utf8(zstd::decode_all(ACCOUNTS).unwrap()).unwrap();
    let mut compared: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for line in lines.lines() {
        let account: Value = serde_json::from_str(line).unwrap();
        let pool = rules(small(&account[0]));
        let rows = |place: usize| account[place].as_array().unwrap().iter();
        let mut in_e_mode = 0;
        let collateral: Vec<_> = rows(3)
            .map(|row| {
                let e_mode = row[8].as_array().map(|limits| EModeLimits {
                    ltv: ratio(&limits[0]),
                    liquidation_threshold: ratio(&limits[1]),
                    is_ltv_zero: limits[2] == 1,
                });
                in_e_mode |= u32::from(e_mode.is_some());
                CollateralValue {
                    scaled: text(&row[0]),
                    liquidity_index: pool
                        .liquidity_index(text(&row[1]), text(&row[2]), seconds(&row[3]))
                        .unwrap(),
                    price: text(&row[4]),
                    decimals: decimals(&row[5]),
                    ltv: ratio(&row[6]),
                    liquidation_threshold: ratio(&row[7]),
                    e_mode,
                }
            })
            .collect();
        let debt = rows(4).map(|row| DebtValue {
            scaled: text(&row[0]),
            borrow_index: pool
                .borrow_index(text(&row[1]), text(&row[2]), seconds(&row[3]))
                .unwrap(),
            price: text(&row[4]),
            decimals: decimals(&row[5]),
        });
        let found = pool.account(collateral, debt).unwrap();
        assert_eq!(found, expected(&account), "{line}");
        let counts = compared.entry(small(&account[0])).or_default();
        counts.0 += 1;
        counts.1 += in_e_mode;
    }
    let compared: Vec<_> = compared.into_iter().collect();
    assert_eq!(compared, [(1, (208, 6)), (10, (147, 19))]);
}

#[test]
fn unknown_revisions_of_the_pool_have_no_rules() {
    for revision in [0, 11, 255] {
        let revision = Revision::new(revision).unwrap();
        assert_eq!(PoolRules::new(revision), Err(UnknownPoolRevision(revision)));
    }
}

/// One ray.
fn ray() -> BigUint {
    BigUint::from(10_u32).pow(27)
}

/// A product in ray, rounded half up.
fn mul(one: &BigUint, other: &BigUint) -> BigUint {
    (one * other + ray() / 2_u32) / ray()
}

fn number(big: &BigUint) -> U256 {
    big.to_string().parse().unwrap()
}

proptest! {
    #[test]
    fn indexes_grow_as_with_whole_numbers(
        index in 10_u128.pow(27)..10_u128.pow(30),
        rate in prop_oneof![Just(0), 0..10_u128.pow(27), 0..10_u128.pow(31)],
        seconds in prop_oneof![0..4_u64, 0..100_000_u64, 0..40_000_000_u64],
    ) {
        let (big_index, big_rate) = (BigUint::from(index), BigUint::from(rate));
        let (stored, stored_rate) = (number(&big_index), number(&big_rate));
        let year = BigUint::from(31_536_000_u32);
        let simple = ray() + &big_rate * seconds / &year;
        let simple = number(&mul(&simple, &big_index));
        let x = &big_rate * seconds / &year;
        let exponential = ray() + &x + mul(&x, &(&x / 2_u32 + mul(&x, &(&x / 6_u32))));
        let square = mul(&big_rate, &big_rate) / (&year * &year);
        let cube = mul(&square, &big_rate) / &year;
        let [one, two] = [1, 2].map(|less| seconds.saturating_sub(less));
        let binomial = ray()
            + &big_rate * seconds / &year
            + BigUint::from(seconds) * one * &square / 2_u32
            + BigUint::from(seconds) * one * two * &cube / 6_u32;
        for revision in 1..=10 {
            let pool = rules(revision);
            prop_assert_eq!(pool.liquidity_index(stored, stored_rate, seconds), Some(simple));
            let growth = if revision >= 8 { &exponential } else { &binomial };
            prop_assert_eq!(
                pool.borrow_index(stored, stored_rate, seconds),
                Some(number(&mul(growth, &big_index)))
            );
        }
    }

    #[test]
    fn any_account_has_a_worth_or_none(
        numbers in any::<[[u64; 4]; 4]>(),
        shifts in prop::array::uniform4(0..256_usize),
        decimals in any::<u8>(),
        ltv in 0..=i32::MAX as u32,
    ) {
        let mut of = numbers.into_iter().zip(shifts).map(|(limbs, shift)| {
            U256(alloy_primitives::U256::from_limbs(limbs) >> shift)
        });
        let mut next = || of.next().unwrap();
        let (scaled, index, price, rate) = (next(), next(), next(), next());
        let ltv = BasisPoints::new(ltv).unwrap();
        for revision in 1..=10 {
            let pool = rules(revision);
            let _ = pool.borrow_index(index, rate, u64::MAX);
            let _ = pool.liquidity_index(index, rate, u64::MAX);
            let collateral = CollateralValue {
                scaled,
                liquidity_index: index,
                price,
                decimals,
                ltv,
                liquidation_threshold: ltv,
                e_mode: None,
            };
            let debt = DebtValue { scaled, borrow_index: index, price, decimals };
            let _ = pool.account([collateral, collateral], [debt]);
        }
    }
}
