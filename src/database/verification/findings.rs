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
    /// What is wrong with the row.
    pub detail: String,
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<(Rule, Option<String>), Found>);

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
        let found = self.0.entry((rule, table.map(str::to_owned))).or_default();
        found.rows += 1;
        if found.examples.len() < EXAMPLES {
            found.examples.push(Example {
                id,
                detail: detail(),
            });
        }
    }

    /// The findings, ordered by rule and table.
    pub(super) fn into_list(self) -> Vec<Finding> {
        self.0
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
