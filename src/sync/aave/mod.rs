//! Updates of Aave V3's markets.
//!
//! A token's own `Mint`, `Burn` and `BalanceTransfer`, in the order of the chain, give every scaled balance exactly. Each of
//! them repeats the interest of the balance that it changes, so that a contradiction shows at the event. The configuration
//! is in events as well. What none of them says (revisions, names, the times of blocks) the node is asked for, at its newest
//! block.
//!
//! | part | what it does |
//! |---|---|
//! | `market_scope` | which markets take part, and which contracts are known |
//! | `market_event` | decodes the events of a market |
//! | `market_decoder` | asks for them |
//! | `node_facts` | asks for what no event says |
//! | `transfer_amounts` | finds out what the transfers of the first aTokens say |
//! | `reserve_state` | a reserve, and what events make of it |
//! | `market_state` | a market in memory: contracts, reserves, e-mode categories |
//! | `apply_events` | what events make of it |
//! | `market_rows` | writes it |
//! | `balances` | users and positions |
//! | `market_commit` | writes the changes of blocks |
//! | `markets` | puts these together |
//! | `aave_update` | writes events that the caller has received |
//! | `chain_values` | what a market's contracts say at a block |
//! | `picture` | a market of one state of the database |
//! | `comparison` | compares the two |
//! | `holders` | finds the users that the database has lost |
//! | `truth` | what the contracts say of what a repair is about |
//! | `takeover` | takes over markets that another program has followed |
//! | `market_needs`, `plan` | say what an update would need |

pub(crate) mod aave_update;
pub(crate) mod aave_update_error;
pub(super) mod apply_events;
pub(crate) mod balance_mismatch;
pub(super) mod balances;
pub(super) mod chain_values;
pub(super) mod comparison;
pub(super) mod contract_calls;
pub(super) mod events_after;
pub(super) mod holders;
pub(super) mod implementation;
pub(super) mod market_commit;
pub(super) mod market_decoder;
pub(super) mod market_event;
pub(crate) mod market_needs;
pub(super) mod market_rows;
pub(super) mod market_scope;
pub(super) mod market_state;
pub(super) mod markets;
pub(super) mod node_facts;
pub(super) mod picture;
pub(crate) mod plan;
pub(super) mod price_sources;
pub(crate) mod repair;
pub(crate) mod repair_report;
pub(super) mod reserve_state;
pub(super) mod reserve_times;
pub(super) mod revisions;
pub(crate) mod takeover;
pub(super) mod transfer_amounts;
pub(super) mod truth;
pub(crate) mod update;
pub(crate) mod verify;
pub(crate) mod verify_report;
