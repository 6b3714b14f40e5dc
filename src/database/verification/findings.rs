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
                key: None,
                exchange: None,
                detail: detail(),
            });
        }
    }

    /// Whether there is a finding about what was checked.
    pub(super) fn has_problems(&self) -> bool {
        self.0.keys().any(|(rule, _)| *rule != Rule::NotChecked)
    }

    /// The examples with their tables.
    pub(super) fn examples(&mut self) -> impl Iterator<Item = (&str, &mut Example)> {
        self.0.iter_mut().flat_map(|((_, table), found)| {
            let table = table.as_deref().unwrap_or_default();
            found
                .examples
                .iter_mut()
                .map(move |example| (table, example))
        })
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
