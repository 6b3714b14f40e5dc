//! Safe wrappers of system calls that no crate offers.

pub(crate) mod lease;
