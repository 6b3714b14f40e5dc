//! Row types: a file for each table or family of similar tables.

pub(crate) mod aave_gho_token;
pub(crate) mod aave_v3_asset;
pub(crate) mod aave_v3_asset_facts;
pub(crate) mod aave_v3_emode_asset;
pub(crate) mod aave_v3_emode_category;
pub(crate) mod aave_v3_market;
pub(crate) mod aave_v3_market_facts;
pub(crate) mod aave_v3_position;
pub(crate) mod aave_v3_user;
pub(crate) mod chain_block;
pub(crate) mod chain_journal_entry;
pub(crate) mod column_type;
pub(crate) mod erc20_token;
pub(crate) mod exchange;
pub(crate) mod exchange_deployment;
pub(crate) mod initialization_map;
pub(crate) mod lfj_pool;
pub(crate) mod liquidity_position;
pub(crate) mod managed_pool;
pub(crate) mod pool;
pub(crate) mod pool_manager;
pub(crate) mod retired_id;
pub(crate) mod uniswap_v4_pool;
pub(crate) mod v2_pool;
pub(crate) mod v3_pool;
