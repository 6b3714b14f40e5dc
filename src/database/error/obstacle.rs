//! Obstacles to an upgrade: rows that cannot be converted without guessing.

use std::fmt;

/// Rows that a rebuild cannot convert without guessing, all for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The number of rows.
    pub count: usize,
    /// Some of the rows, each as `TABLE ID`, or as `TABLE VALUE` if the row has no id.
    pub rows: Vec<String>,
    /// Why the rows are unclear.
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
