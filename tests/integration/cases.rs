//! Many cases in one test: all run, and those that fail are named.

use std::panic::catch_unwind;

use crate::support::cases::{for_each, map, message};

#[test]
fn map_returns_results_in_the_order_of_the_cases() {
    let cases: Vec<u32> = (0..100).collect();
    assert_eq!(map(&cases, u32::to_string, |case| *case), cases);
}

#[test]
fn for_each_names_every_failed_case_with_its_message() {
    let failed = catch_unwind(|| {
        for_each(&["one", "two", "three"], |name| {
            assert!(name == "two", "no {name}");
        });
    });
    assert_eq!(
        message(&*failed.unwrap_err()),
        "2 of 3 cases failed\none: no one\nthree: no three"
    );
}
