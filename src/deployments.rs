//! Names of exchanges and markets, and the known deployments: the contracts of a protocol on a chain.
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
pub(crate) mod invalid_market;
mod known_deployments;
mod known_markets;
pub(crate) mod market;
pub(crate) mod market_name;
pub(crate) mod pool_address;

pub use chains::{chain_called, chain_names, chain_title};
pub use deployment::Deployment;
pub use event_family::EventFamily;
pub use exchange_kind::ExchangeKind;
pub use exchange_name::{ExchangeName, NotAnExchangeName};
pub use fees::{FeeCall, FeeSource, Fees};
pub use invalid_deployment::InvalidDeployment;
pub use invalid_market::InvalidMarket;
pub use market::Market;
pub use market_name::{MarketName, NotAMarketName};
pub use pool_address::PoolSalt;
