//! Many cases in one test: they run on all cores, and every one that fails is named.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Checks every case; what the checks return, in the order of the cases.
///
/// # Panics
///
/// Panics after the last case if any check did, with the name and the message of each that failed.
pub fn map<C: Sync, R: Send>(
    cases: &[C],
    name: impl Fn(&C) -> String,
    check: impl Fn(&C) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, case)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            cases.get(index).map(|case| (index, case))
        } {
            done.push((index, catch_unwind(AssertUnwindSafe(|| check(case)))));
        }
        done
    };
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(cases.len());
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    done.sort_by_key(|(index, _)| *index);
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for (index, outcome) in done {
        match outcome {
            Ok(result) => results.push(result),
            Err(panic) => failures.push(format!("{}: {}", name(&cases[index]), message(&*panic))),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases failed\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    results
}

/// Checks every case that is its own name, such as a database of the corpus.
pub fn for_each(names: &[&'static str], check: impl Fn(&'static str) + Sync) {
    map(names, |name| (*name).to_owned(), |name| check(name));
}

/// What a panic said.
pub fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
}
