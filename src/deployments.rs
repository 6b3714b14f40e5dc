//! Names of exchanges, and the known deployments: the contracts of a protocol on a chain.
//!
//! Names and contracts are those of the Python package. Its updates find the events of an exchange by the
//! stored chain and name, so a name is more than a label.

pub(crate) mod chains;
pub(crate) mod deployment;
pub(crate) mod event_family;
pub(crate) mod exchange_kind;
pub(crate) mod exchange_name;
pub(crate) mod fees;
pub(crate) mod invalid_deployment;
mod known_deployments;
pub(crate) mod pool_address;

pub use chains::{chain_called, chain_names, chain_title};
pub use deployment::Deployment;
pub use event_family::EventFamily;
pub use exchange_kind::ExchangeKind;
pub use exchange_name::{ExchangeName, NotAnExchangeName};
pub use fees::{FeeCall, FeeSource, Fees};
pub use invalid_deployment::InvalidDeployment;
pub use pool_address::PoolSalt;
