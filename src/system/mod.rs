//! Calls of the operating system that no package wraps.

pub(crate) mod lease;
