//! The events of exchanges, their pools, and Aave V3 markets, decoded from logs.
//!
//! A decoder takes a log whose contract is known to emit the event. It checks the number of topics, the length of the
//! data, and that each word is a value of its type. Anything else is a [`MalformedEvent`], which names the contract,
//! the place and the problem: a node that cuts or alters a log must not change the database.
//!
//! The first topic alone does not say what an event means. Any contract can emit Uniswap V3's `Mint`, and the factory
//! of Solidly V3 emits Uniswap V3's `PoolCreated` with the fee and the tick spacing in each other's places. So a caller
//! chooses the logs by their contract first.
//!
//! | event | emitted by |
//! |---|---|
//! | [`uniswap_v2::PairCreated`] | factories of Uniswap V2, SushiSwap V2, PancakeSwap V2, SwapBased V2 |
//! | [`aerodrome_v2::PoolCreated`] | factory of Aerodrome V2 |
//! | [`uniswap_v3::PoolCreated`] | factories of Uniswap V3, SushiSwap V3, PancakeSwap V3 |
//! | [`aerodrome_v3::PoolCreated`] | factory of Aerodrome V3 (Slipstream) |
//! | [`uniswap_v3::Mint`], [`uniswap_v3::Burn`] | pools of all these V3 exchanges |
//! | [`uniswap_v4::Initialize`], [`uniswap_v4::ModifyLiquidity`] | pool manager of Uniswap V4 |
//! | all of [`aave_v3_addresses_provider`] | `PoolAddressesProvider` of an Aave V3 market |
//! | all of [`aave_v3_oracle`] | its price oracle |
//! | all of [`aave_v3_pool`] | its Pool |
//! | all of [`aave_v3_pool_configurator`] | its `PoolConfigurator` |
//! | [`aave_v3_token::Mint`], [`aave_v3_token::Burn`] | its aTokens and variable debt tokens |
//! | [`aave_v3_token::BalanceTransfer`] | its aTokens |
//! | [`aave_v3_token::Upgraded`] | proxies of these tokens |
//! | the other events of [`aave_v3_token`] | the variable debt token of GHO |
//!
//! Of Aave V3, these are the events that decide the state of a market. `Supply`, `Borrow` and the other events that
//! only say why a balance has changed are not decoded.

pub mod aave_v3_addresses_provider;
pub mod aave_v3_oracle;
pub mod aave_v3_pool;
pub mod aave_v3_pool_configurator;
pub mod aave_v3_token;
pub mod aerodrome_v2;
pub mod aerodrome_v3;
pub(crate) mod event;
pub(crate) mod liquidity_change;
pub(crate) mod malformed_event;
pub mod uniswap_v2;
pub mod uniswap_v3;
pub mod uniswap_v4;
mod word;

pub use event::Event;
pub use liquidity_change::LiquidityChange;
pub use malformed_event::{EventProblem, MalformedEvent};
