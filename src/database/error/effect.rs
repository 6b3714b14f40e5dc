//! The effect of a failed operation: whether it had changed something before it failed.

/// What a failed operation did to the database and to the other files that it was to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing: they are as they were.
    Nothing,
    /// Nothing of its own. A killed program had left half of a transaction in the file of the database, and SQLite has
    /// taken that back, or has begun to. What counts as the content, the rows that were committed, is as it was.
    RolledBack,
    /// It is not known whether the change was made: the disk failed during the commit.
    Unknown,
    /// The change was made. What failed came after it.
    Changed,
}
