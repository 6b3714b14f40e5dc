//! How differences between markets and their contracts are shown.

use serde::Serialize;

use crate::cli::format::grouped;
use crate::cli::printer::Lines;
use crate::sync::aave::verify_report::{AaveFinding, AaveProgress, AaveSubject};
use crate::types::address::Address;

/// A value that differs.
#[derive(Serialize)]
pub(super) struct FindingDocument {
    market: String,
    user: Option<String>,
    token: Option<String>,
    what: String,
    database: Option<String>,
    chain: Option<String>,
}

impl FindingDocument {
    pub(super) fn of(finding: &AaveFinding) -> Self {
        Self {
            market: finding.market.to_string(),
            user: finding.user.map(|user| user.to_string()),
            token: finding.token.map(|token| token.to_string()),
            what: finding.subject.to_string(),
            database: finding.database.clone(),
            chain: finding.chain.clone(),
        }
    }
}

/// Adds the lines about findings, one for each user or token, and those about its values.
pub(super) fn describe(lines: &mut Lines, findings: &[AaveFinding]) {
    let mut before = None;
    for finding in findings {
        let place = (&finding.market, finding.user, finding.token);
        if before != Some(place) {
            let named = |what: &str, address: Option<Address>| {
                address.map_or_else(String::new, |address| format!("  {what} {address}"))
            };
            let user = named("user", finding.user);
            let token = named("token", finding.token);
            let line = format!("{}{user}{token}", finding.market);
            lines.push_fitting(&line, 4);
            before = Some(place);
        }
        lines.push_fitting(&format!("    {}", text(finding)), 8);
    }
}

fn text(finding: &AaveFinding) -> String {
    let AaveFinding {
        subject,
        database,
        chain,
        ..
    } = finding;
    match (subject, database, chain) {
        (AaveSubject::Reserve, None, _) => "the database lacks the reserve".to_owned(),
        (AaveSubject::Reserve, _, None) => "the chain does not have the reserve".to_owned(),
        (AaveSubject::Interest, _, Some(chain)) => {
            format!("an event contradicts the balance {chain}")
        }
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

/// The line that says how far a comparison is.
pub(super) fn line_of(progress: &AaveProgress) -> String {
    format!(
        "{}: comparing users, {} of {}",
        progress.market,
        grouped(progress.done),
        grouped(progress.total)
    )
}
