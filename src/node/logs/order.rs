//! The order of events.

use crate::types::log::Logs;

/// The same events in the order of their places.
pub(super) fn sorted(logs: Logs) -> Logs {
    if logs.iter().is_sorted_by_key(|log| log.place) {
        return logs;
    }
    let mut order: Vec<_> = logs
        .iter()
        .enumerate()
        .map(|(index, log)| (log.place, index))
        .collect();
    order.sort_unstable();
    order
        .into_iter()
        .filter_map(|(_, index)| logs.get(index))
        .collect()
}
