//! Updates of a database from a node: the pools of its exchanges, and their liquidity.
//!
//! [`update_pools`] takes in what has happened on a chain since the last update. It is exact: each event counts once,
//! an answer of a node counts only with proof, and a block that disappears from the chain is undone. [`follow_pools`]
//! goes on with that until it is told to end.
//!
//! | part | what it does |
//! |---|---|
//! | `scope` | which exchanges take part, and from which block on |
//! | `chain_view` | what the node says of the chain's end, and where the database left it |
//! | `take_in` | takes blocks in: fetches them, and commits some at a time |
//! | `fetch` | asks for ranges of blocks on several threads, and puts the answers in order |
//! | `changes` | decodes the events of a range, and checks them |
//! | `commit` | writes the changes of a range, the marks and the journal in one transaction |
//! | `update` | puts these together |
//! | `domain` | what is the same for all updates, and what is different |
//! | `follow` | goes on with that, and outlasts what passes |
//! | `plan` | says what an update would do and need, from samples of events (`sample`, `needs`, `room`) |

pub(crate) mod aave;
pub(crate) mod aave_prices;
mod application;
mod at_block;
pub(crate) mod block_target;
mod chain_state;
mod chain_view;
mod changes;
mod commit;
mod course;
pub(crate) mod current_tick;
mod decode;
mod domain;
pub(crate) mod estimate;
mod events_since;
mod factory_fees;
mod fetch;
pub(crate) mod follow;
pub(crate) mod follow_event;
mod freshness;
mod held_back;
mod keep_up;
pub(crate) mod market_facts;
mod member;
mod mend;
pub(crate) mod needs;
mod outline;
mod pair_numbers;
mod pending;
mod piece;
pub(crate) mod plan;
mod pool_columns;
pub(crate) mod pool_facts;
mod pool_index;
pub(crate) mod pool_snapshot;
mod pools;
mod preconditions;
pub(crate) mod repair;
mod repair_extent;
pub(crate) mod repair_report;
mod replay;
mod replayed_pools;
pub(crate) mod report;
mod retake;
mod retry_wait;
mod room;
mod run_options;
mod sample;
mod scope;
mod state_comparison;
mod stopped;
mod stored_pools;
pub(crate) mod sync_error;
mod take_in;
mod tally;
mod token_values;
pub(crate) mod tokens;
pub(crate) mod update;
pub(crate) mod update_options;
pub(crate) mod verify;
pub(crate) mod verify_report;
mod writing_connection;

pub use aave::aave_update::{AaveUpdate, AppliedAaveUpdate, UpdateBlock};
pub use aave::aave_update_error::AaveUpdateError;
pub use aave::balance_mismatch::BalanceMismatch;
pub use aave::market_needs::AaveUpdateNeeds;
pub use aave::plan::{AaveUpdatePlan, PlannedMarket, plan_aave_update};
pub use aave::repair::{AaveRepairOptions, repair_aave_markets};
pub use aave::repair_report::{AaveRepairReport, MarketRepair};
pub use aave::takeover::TakenOver;
pub use aave::update::{
    AaveUpdateOptions, AaveUpdateReport, MarketUpdate, SkippedMarket, StoppedMarket,
    follow_aave_markets, update_aave_markets,
};
pub use aave::verify::{AaveVerifyOptions, verify_aave_markets};
pub use aave::verify_report::{
    AaveFinding, AaveProgress, AaveSubject, AaveVerifyReport, MarketNotCompared, MarketVerification,
};
pub use aave_prices::{OraclePrices, ask_aave_prices};
pub use block_target::{BlockTarget, InvalidTarget};
pub use current_tick::{CurrentTick, ask_current_tick};
pub use estimate::Estimate;
pub use follow::{FollowOptions, follow_pools};
pub use follow_event::{FollowEvent, FollowStatus};
pub use market_facts::ask_market;
pub use needs::UpdateNeeds;
pub use plan::{PlannedExchange, PoolUpdatePlan, plan_update};
pub use pool_facts::{Difference, Subject};
pub use pool_snapshot::chains_of_pools;
pub use repair::{PoolRepairOptions, repair_pools};
pub use repair_extent::RepairExtent;
pub use repair_report::{ExchangeRepair, PoolRepairReport};
pub use report::{ExchangeUpdate, PoolUpdateReport, Skipped, UpdateProgress};
pub use sync_error::SyncError;
pub use tokens::{
    TokenUpdateOptions, TokenUpdateReport, chains_of_incomplete_tokens, update_tokens,
};
pub use update::update_pools;
pub use update_options::{PoolUpdateOptions, UpdateObserver};
pub use verify::{PoolVerifyOptions, verify_pools};
pub use verify_report::{
    ExchangeVerification, NotCompared, PoolFinding, PoolProgress, PoolVerifyReport,
};
