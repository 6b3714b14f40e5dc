use std::collections::BTreeMap;

use serde::Serialize;

use crate::database::verification::rule::Rule;

/// The examples that are kept of each finding.
const EXAMPLES: usize = 10;

/// Rows of one table that break one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The table; none where the file as a whole is meant.
    pub table: Option<String>,
    /// How often the rule is broken: usually the number of the rows. A row with two bad values counts twice.
    pub rows: u64,
    /// The first ten.
    pub examples: Vec<Example>,
}

/// A row that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The row's id, where one row is meant.
    pub id: Option<i64>,
    /// What is wrong with it.
    pub detail: String,
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<(Rule, Option<String>), Found>);

#[derive(Debug, Default)]
struct Found {
    rows: u64,
    examples: Vec<Example>,
}

impl Findings {
    /// Counts a row. The detail is asked for only where it is kept.
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

    /// By rule and table.
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
