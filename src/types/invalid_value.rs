//! A value that its type cannot stand for.

/// A stored or given value that its type cannot stand for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct InvalidValue {
    /// What a valid value looks like.
    pub expected: &'static str,
    /// What was there instead: the value as it would be written in SQL, shortened.
    pub found: String,
}

impl InvalidValue {
    pub(super) fn integer(expected: &'static str, found: i128) -> Self {
        Self {
            expected,
            found: found.to_string(),
        }
    }
}
