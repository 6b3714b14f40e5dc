//! Questions about events.

mod addresses;
mod bloom;
mod check;
pub(crate) mod filter;
mod order;
mod read;
pub(crate) mod request;
mod split;

pub use filter::LogFilter;
pub use request::LogAnswer;
