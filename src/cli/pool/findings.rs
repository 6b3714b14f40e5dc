//! How differences between a database and its chain are shown.

use serde::Serialize;

use crate::cli::format::grouped;
use crate::cli::printer::Lines;
use crate::sync::pool_facts::{Difference, Subject};
use crate::sync::verify_report::PoolFinding;

/// How many differences of a pool are shown.
const SHOWN: usize = 10;

/// A pool that differs.
#[derive(Serialize)]
pub(super) struct FindingDocument {
    exchange: String,
    pool: Option<String>,
    id: Option<i64>,
    total: u64,
    differences: Vec<DifferenceDocument>,
}

#[derive(Serialize)]
struct DifferenceDocument {
    what: String,
    database: Option<String>,
    chain: Option<String>,
}

impl FindingDocument {
    pub(super) fn of(finding: &PoolFinding) -> Self {
        let shown = finding.differences.iter().take(SHOWN);
        Self {
            exchange: finding.exchange.to_string(),
            pool: finding.pool.clone(),
            id: finding.id,
            total: finding.differences.len() as u64,
            differences: shown
                .map(|difference| DifferenceDocument {
                    what: difference.subject.to_string(),
                    database: difference.database.clone(),
                    chain: difference.chain.clone(),
                })
                .collect(),
        }
    }
}

/// Adds the lines about a pool.
pub(super) fn describe(lines: &mut Lines, finding: &PoolFinding) {
    let id = finding
        .id
        .map_or_else(String::new, |id| format!("  ID {id}"));
    let pool = finding.pool.as_deref().unwrap_or("all pools");
    lines.push_fitting(&format!("{}  {pool}{id}", finding.exchange), 4);
    for difference in finding.differences.iter().take(SHOWN) {
        lines.push_fitting(&format!("    {}", text(difference)), 8);
    }
    let others = finding.differences.len().saturating_sub(SHOWN);
    if others > 0 {
        lines.push(format_args!("    and {} more", grouped(others as u64)));
    }
}

fn text(difference: &Difference) -> String {
    let Difference {
        subject,
        database,
        chain,
        ..
    } = difference;
    match (subject, database, chain) {
        (Subject::Creation, _, Some(chain)) => {
            format!("the exchange has created it only {chain}, which the database is at")
        }
        (Subject::Pool, None, _) => "the database lacks it".to_owned(),
        (Subject::Pool, _, Some(chain)) => format!("the chain does not have it: {chain}"),
        _ => {
            let shown =
                |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            format!(
                "{subject}: {}, on the chain {}",
                shown(database),
                shown(chain)
            )
        }
    }
}
