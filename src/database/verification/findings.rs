//! The findings of a verification.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::database::verification::rule::Rule;

/// The number of examples in a finding.
const EXAMPLES: usize = 10;

/// The rows of one table that break one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The table, or `None` if the finding is about the whole file.
    pub table: Option<String>,
    /// The number of violations. Usually it is the number of rows, but a row with two bad values counts twice.
    pub rows: u64,
    /// The first ten violations.
    pub examples: Vec<Example>,
}

/// A row that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The row's id, if the violation is about one row.
    pub id: Option<i64>,
    /// The address of the row, or the hash of its pool, if it has one.
    pub key: Option<String>,
    /// The exchange of the row, such as `base_uniswap_v3`, if it belongs to one.
    pub exchange: Option<String>,
    /// What is wrong with the row.
    pub detail: String,
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: BTreeMap<(Rule, Option<String>), Found>,
    /// What damage has prevented.
    failures: Vec<Failure>,
}

/// A check that damage has prevented.
#[derive(Debug)]
struct Failure {
    rule: Rule,
    table: Option<String>,
    what: String,
    problem: String,
}

#[derive(Debug, Default)]
struct Found {
    rows: u64,
    examples: Vec<Example>,
}

impl Findings {
    /// Records a violation. It composes the detail only for an example.
    #[cold]
    pub(super) fn add(
        &mut self,
        rule: Rule,
        table: Option<&str>,
        id: Option<i64>,
        detail: impl FnOnce() -> String,
    ) {
        let found = self
            .found
            .entry((rule, table.map(str::to_owned)))
            .or_default();
        found.rows += 1;
        if found.examples.len() < EXAMPLES {
            found.examples.push(Example {
                id,
                key: None,
                exchange: None,
                detail: detail(),
            });
        }
    }

    /// Records that damage has prevented a check.
    pub(super) fn add_failure(
        &mut self,
        rule: Rule,
        table: Option<&str>,
        what: &str,
        problem: &str,
    ) {
        self.failures.push(Failure {
            rule,
            table: table.map(str::to_owned),
            what: what.to_owned(),
            problem: problem.to_owned(),
        });
    }

    /// Adds the findings of a later part of the work. A check that was divided fails once: its first failure counts.
    pub(super) fn append(&mut self, later: Self) {
        for (place, mut found) in later.found {
            let all = self.found.entry(place).or_default();
            all.rows += found.rows;
            found.examples.truncate(EXAMPLES - all.examples.len());
            all.examples.append(&mut found.examples);
        }
        for failure in later.failures {
            let is_known = self
                .failures
                .iter()
                .any(|known| known.table == failure.table && known.what == failure.what);
            if is_known {
                continue;
            }
            self.add(failure.rule, failure.table.as_deref(), None, || {
                format!("{} cannot be checked: {}", failure.what, failure.problem)
            });
            self.failures.push(failure);
        }
    }

    /// Whether there is a finding about what was checked.
    pub(super) fn has_problems(&self) -> bool {
        self.found.keys().any(|(rule, _)| *rule != Rule::NotChecked)
    }

    /// The examples with their tables.
    pub(super) fn examples(&mut self) -> impl Iterator<Item = (&str, &mut Example)> {
        self.found.iter_mut().flat_map(|((_, table), found)| {
            let table = table.as_deref().unwrap_or_default();
            found
                .examples
                .iter_mut()
                .map(move |example| (table, example))
        })
    }

    /// The findings, ordered by rule and table.
    pub(super) fn into_list(self) -> Vec<Finding> {
        self.found
            .into_iter()
            .map(|((rule, table), found)| Finding {
                rule,
                table,
                rows: found.rows,
                examples: found.examples,
            })
            .collect()
    }
}
