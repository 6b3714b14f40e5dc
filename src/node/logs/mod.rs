//! Questions about events.

mod bloom;
mod check;
mod filter;
mod order;
mod read;
mod request;
mod split;

pub use filter::LogFilter;
pub use request::LogAnswer;
