//! Adds what an update does to its report.

use crate::models::journal::undo::Undone;
use crate::sync::commit::Counts;
use crate::sync::report::{ExchangeUpdate, PoolUpdateReport};
use crate::sync::scope::{Group, Scope};
use crate::types::integer::BlockNumber;

/// Lists the exchanges that take part, each once.
pub(super) fn list(report: &mut PoolUpdateReport, scope: &Scope) {
    for exchange in &scope.exchanges {
        let name = exchange.name();
        if report.exchanges.iter().all(|entry| entry.exchange != name) {
            report.exchanges.push(ExchangeUpdate {
                exchange: name,
                from: exchange.next(),
                to: exchange.mark,
                pools: 0,
                missing_pairs: 0,
            });
        }
    }
}

/// Adds what a commit has written.
pub(super) fn count(
    report: &mut PoolUpdateReport,
    scope: &Scope,
    group: &Group,
    to: BlockNumber,
    counts: &Counts,
) {
    report.events += counts.applied.events;
    report.already_applied += counts.applied.skipped;
    report.rows += counts.applied.rows.written + counts.applied.rows.deleted;
    report.pools += counts.pools.iter().map(|(_, count)| count).sum::<u64>();
    for index in &group.members {
        let Some(exchange) = scope.exchanges.get(*index) else {
            continue;
        };
        let name = exchange.name();
        let entry = report
            .exchanges
            .iter_mut()
            .find(|entry| entry.exchange == name);
        if let Some(entry) = entry {
            entry.to = Some(to);
            entry.missing_pairs += counts.lost.get(index).copied().unwrap_or_default();
            let new = counts.pools.iter().filter(|(of, _)| of == index);
            entry.pools += new.map(|(_, count)| count).sum::<u64>();
        }
    }
}

/// Adds what was undone, down to the block `keep`.
pub(super) fn count_undone(report: &mut PoolUpdateReport, keep: BlockNumber, undone: Undone) {
    report.undone = Some(match report.undone {
        None => (keep, undone),
        Some((lowest, mut sum)) => {
            sum.pools += undone.pools;
            sum.tokens += undone.tokens;
            sum.rows += undone.rows;
            (lowest.min(keep), sum)
        }
    });
}
