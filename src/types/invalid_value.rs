//! A value that its type does not allow.

/// A value that its type does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct InvalidValue {
    /// The form of a valid value.
    pub expected: &'static str,
    /// The value that was found, as SQL would write it, shortened.
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
