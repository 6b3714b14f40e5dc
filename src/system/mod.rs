//! Safe wrappers of system calls that no crate offers.

#[cfg(feature = "cli")]
pub(crate) mod closed_stdout;
pub(crate) mod copy_up;
#[cfg(feature = "cli")]
pub(crate) mod file_size_limit;
pub(crate) mod free_space;
pub(crate) mod lease;
pub(crate) mod own_descriptors;
#[cfg(feature = "cli")]
pub(crate) mod signals;
pub(crate) mod threads;
