//! What the header of a block says about its events: the filter `logsBloom`.

use alloy_primitives::{Bloom, BloomInput};

use crate::node::logs::filter::LogFilter;
use crate::types::log::{Log, Logs};

/// Whether a block may have an event. A filter that is empty says nothing: some chains do not fill it.
pub(super) fn has(bloom: &Bloom, log: &Log<'_>) -> bool {
    let contains = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
    bloom.is_zero()
        || contains(log.address.as_bytes())
            && log.topics.iter().all(|topic| contains(topic.as_slice()))
}

/// Whether a block probably has an event that is asked for. In a block with many events that cannot be told.
pub(super) fn promises(bloom: &Bloom, filter: &LogFilter) -> bool {
    /// The probability of an error that is small enough.
    const SMALL: f64 = 0.01;
    if bloom.is_zero() {
        return false;
    }
    let contains = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
    let address = filter.addresses.is_empty()
        || filter
            .addresses
            .iter()
            .any(|address| contains(address.as_bytes()));
    let topics = filter
        .topics()
        .into_iter()
        .all(|topics| topics.is_empty() || topics.iter().any(|topic| contains(topic.as_slice())));
    address && topics && chance(bloom, filter) < SMALL
}

/// The probability that a block without any event that is asked for looks as if it had one.
fn chance(bloom: &Bloom, filter: &LogFilter) -> f64 {
    let ones: u32 = bloom.0.iter().map(|byte| byte.count_ones()).sum();
    // Three bits stand for an address or a topic.
    let of_one = (f64::from(ones) / 2048.0).powi(3);
    let of_any = |number: usize| match u32::try_from(number) {
        Ok(0) => None,
        Ok(number) => Some(1.0 - (1.0 - of_one).powf(f64::from(number))),
        Err(_) => Some(1.0),
    };
    let lists = filter.topics().map(<[_]>::len);
    let lists = std::iter::once(filter.addresses.len()).chain(lists);
    // Without any list, any event will do, and there is one.
    lists
        .filter_map(of_any)
        .reduce(|one, other| one * other)
        .unwrap_or(0.0)
}

/// The filter of a block with these events.
pub(super) fn of(logs: &Logs) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs.iter() {
        bloom.accrue(BloomInput::Raw(log.address.as_bytes()));
        for topic in log.topics {
            bloom.accrue(BloomInput::Raw(topic.as_slice()));
        }
    }
    bloom
}
