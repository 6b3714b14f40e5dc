//! The effect of a failed operation: whether it had changed something before it failed.

/// What a failed operation did to the database and to the other files that it was to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing: they are as they were.
    Nothing,
    /// It is not known whether the change was made: the disk failed during the commit.
    Unknown,
    /// The change was made. What failed came after it.
    Changed,
}
