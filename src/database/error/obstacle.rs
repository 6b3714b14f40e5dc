//! Rows that cannot be carried over without guessing.

use std::fmt;

/// Rows that a rebuild would have to interpret, all for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// How many rows there are.
    pub count: usize,
    /// Some of them, each as `TABLE ID`, or `TABLE VALUE` where the row has no id.
    pub rows: Vec<String>,
    /// What is unclear about them.
    pub problem: &'static str,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rows.join(", "))?;
        if let Some(more) = self
            .count
            .checked_sub(self.rows.len())
            .filter(|more| *more > 0)
        {
            write!(f, " and {more} more")?;
        }
        write!(f, ": {}", self.problem)
    }
}
