//! A client for the nodes of a chain: headers, events and calls, over JSON-RPC.
//!
//! It is synchronous, and knows nothing of databases or of what events mean. [`Node`] has the endpoints of one chain;
//! threads share it. An answer to [`Node::logs`] is one consistent view of the chain, with proof that the node had the
//! blocks, or an error.
//!
//! ```no_run
//! use degenbot::database::CancelToken;
//! use degenbot::node::{BlockTag, Endpoint, LogFilter, Node, NodeOptions};
//! use degenbot::types::{BlockNumber, ChainId};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::parse("http://localhost:8545")?;
//! let options = NodeOptions::default();
//! let node = Node::new(ChainId::ETHEREUM, vec![endpoint], options, CancelToken::new())?;
//! if let Some(head) = node.header(BlockTag::Latest)? {
//!     let from = BlockNumber::new(head.number.get().saturating_sub(99))?;
//!     let answer = node.logs(&LogFilter::default(), from, head.number, Some(head.hash))?;
//!     for log in answer.logs.iter() {
//!         println!("{} {}", log.place, log.address);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! HTTPS is verified with Mozilla's root certificates, which are compiled in; the environment variables
//! `SSL_CERT_FILE` and `HTTPS_PROXY` have no effect. Redirects are not followed. Answers are limited in size
//! ([`NodeOptions::max_answer_bytes`]) and time ([`NodeOptions::timeout`]).

pub(crate) mod calls;
mod classify;
pub(crate) mod client;
pub(crate) mod endpoint;
pub(crate) mod error;
mod fault;
pub(crate) mod header;
mod headers;
mod hex;
mod limits;
pub(crate) mod logs;
mod message;
pub(crate) mod options;
mod pace;
mod refusal;
mod slot;
pub(crate) mod statistics;
mod transport;

pub use calls::{Call, CallFailure};
pub use client::Node;
pub use endpoint::Endpoint;
pub use error::NodeError;
pub use header::{BlockTag, Header};
pub use logs::{LogAnswer, LogFilter};
pub use options::NodeOptions;
pub use statistics::NodeStatistics;
