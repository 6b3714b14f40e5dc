//! Adds what an update does to its report.

use crate::models::journal::undo::Undone;
use crate::sync::domain::Counts;
use crate::sync::member::Member;
use crate::sync::report::{MemberUpdate, UpdateReport};
use crate::sync::scope::{Group, Scope};
use crate::types::integer::BlockNumber;

/// Lists the members that take part, each once.
pub(super) fn list<M: Member>(report: &mut UpdateReport, scope: &Scope<M>) {
    for member in &scope.exchanges {
        let name = member.name();
        if report.members.iter().all(|entry| entry.name != name) {
            report.members.push(MemberUpdate {
                name,
                from: member.next(),
                to: member.mark(),
                created: 0,
                missing: 0,
            });
        }
    }
}

/// Adds what a commit has written.
pub(super) fn count<M: Member>(
    report: &mut UpdateReport,
    scope: &Scope<M>,
    group: &Group,
    to: BlockNumber,
    counts: &Counts,
) {
    let sum_of = |counts: &[(usize, u64)], index: usize| -> u64 {
        let of_member = counts.iter().filter(|(of, _)| *of == index);
        of_member.map(|(_, count)| count).sum()
    };
    report.events += counts.events;
    report.already_applied += counts.already_applied;
    report.rows += counts.rows;
    report.created += counts.created.iter().map(|(_, count)| count).sum::<u64>();
    for index in &group.members {
        let Some(member) = scope.exchanges.get(*index) else {
            continue;
        };
        let name = member.name();
        let entry = report.members.iter_mut().find(|entry| entry.name == name);
        if let Some(entry) = entry {
            entry.to = Some(to);
            entry.missing += sum_of(&counts.lost, *index);
            entry.created += sum_of(&counts.created, *index);
        }
    }
}

/// Adds what was undone, down to the block `keep`.
pub(super) fn count_undone(report: &mut UpdateReport, keep: BlockNumber, undone: Undone) {
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
