//! Safe wrappers of system calls that no crate offers.

#[cfg(feature = "cli")]
pub(crate) mod file_size_limit;
pub(crate) mod lease;
pub(crate) mod threads;
