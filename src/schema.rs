// @generated automatically by Diesel CLI.

diesel::table! {
    aave_gho_tokens (id) {
        id -> BigInt,
        token_id -> BigInt,
        v_gho_discount_rate_strategy -> Nullable<Text>,
        v_gho_discount_token -> Nullable<Text>,
        v_token_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    aave_v3_asset_configs (id) {
        id -> BigInt,
        asset_id -> BigInt,
        ltv -> Integer,
        liquidation_threshold -> Integer,
        liquidation_bonus -> Integer,
        e_mode_category_id -> Nullable<Integer>,
        borrowing_enabled -> Bool,
        stable_borrowing_enabled -> Bool,
        flash_loan_enabled -> Bool,
        isolation_mode -> Bool,
        debt_ceiling -> Nullable<Text>,
        borrowable_in_isolation -> Bool,
    }
}

diesel::table! {
    aave_v3_asset_facts (id) {
        id -> BigInt,
        asset_id -> BigInt,
        last_update_time -> Nullable<BigInt>,
        transfer_amount -> Nullable<Text>,
    }
}

diesel::table! {
    aave_v3_assets (id) {
        id -> BigInt,
        market_id -> BigInt,
        underlying_asset_id -> BigInt,
        a_token_id -> BigInt,
        a_token_revision -> Integer,
        v_token_id -> BigInt,
        v_token_revision -> Integer,
        last_update_block -> Nullable<BigInt>,
        liquidity_index -> Text,
        liquidity_rate -> Text,
        borrow_index -> Text,
        borrow_rate -> Text,
        e_mode_category_id -> Nullable<BigInt>,
        price_source -> Nullable<Text>,
    }
}

diesel::table! {
    aave_v3_collateral_positions (id) {
        id -> BigInt,
        user_id -> BigInt,
        asset_id -> BigInt,
        balance -> Text,
        last_index -> Nullable<Text>,
    }
}

diesel::table! {
    aave_v3_contracts (id) {
        id -> BigInt,
        market_id -> BigInt,
        name -> Text,
        address -> Text,
        revision -> Nullable<Integer>,
    }
}

diesel::table! {
    aave_v3_debt_positions (id) {
        id -> BigInt,
        user_id -> BigInt,
        asset_id -> BigInt,
        balance -> Text,
        last_index -> Nullable<Text>,
    }
}

diesel::table! {
    aave_v3_emode_assets (id) {
        id -> BigInt,
        asset_id -> BigInt,
        category_id -> Integer,
        is_collateral -> Bool,
        is_borrowable -> Bool,
        is_ltv_zero -> Bool,
    }
}

diesel::table! {
    aave_v3_emode_categories (id) {
        id -> BigInt,
        market_id -> BigInt,
        category_id -> Integer,
        label -> Nullable<Text>,
        ltv -> Integer,
        liquidation_threshold -> Integer,
        liquidation_bonus -> Integer,
        price_source -> Nullable<Text>,
    }
}

diesel::table! {
    aave_v3_market_facts (id) {
        id -> BigInt,
        market_id -> BigInt,
        name -> Nullable<Text>,
        first_block -> Nullable<BigInt>,
        last_update_time -> Nullable<BigInt>,
    }
}

diesel::table! {
    aave_v3_markets (id) {
        id -> BigInt,
        chain_id -> BigInt,
        name -> Text,
        active -> Bool,
        last_update_block -> Nullable<BigInt>,
    }
}

diesel::table! {
    aave_v3_user_collateral_configs (id) {
        id -> BigInt,
        user_id -> BigInt,
        asset_id -> BigInt,
        enabled -> Bool,
    }
}

diesel::table! {
    aave_v3_users (id) {
        id -> BigInt,
        market_id -> BigInt,
        address -> Text,
        e_mode -> Integer,
        gho_discount -> Integer,
        stk_aave_balance -> Nullable<Text>,
        isolation_mode_collateral_asset_id -> Nullable<BigInt>,
        isolation_mode_debt -> Text,
    }
}

diesel::table! {
    aerodrome_v2_pools (pool_id) {
        pool_id -> BigInt,
        stable -> Bool,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    aerodrome_v3_pools (pool_id) {
        pool_id -> BigInt,
        tick_spacing -> Integer,
        liquidity_update_block -> Nullable<BigInt>,
        liquidity_update_log_index -> Nullable<Integer>,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    alembic_version (version_num) {
        version_num -> Text,
    }
}

diesel::table! {
    camelot_v2_pools (pool_id) {
        pool_id -> BigInt,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    chain_blocks (id) {
        id -> BigInt,
        chain_id -> BigInt,
        number -> BigInt,
        hash -> Text,
        is_final -> Bool,
    }
}

diesel::table! {
    chain_journal (id) {
        id -> BigInt,
        chain_id -> BigInt,
        block -> BigInt,
        table_name -> Text,
        row_id -> BigInt,
        old_values -> Nullable<Text>,
        new_values -> Nullable<Text>,
    }
}

diesel::table! {
    erc20_tokens (id) {
        id -> BigInt,
        chain -> BigInt,
        address -> Text,
        name -> Nullable<Text>,
        symbol -> Nullable<Text>,
        decimals -> Nullable<Integer>,
    }
}

diesel::table! {
    exchange_deployments (id) {
        id -> BigInt,
        exchange_id -> BigInt,
        kind -> Text,
        first_block -> Nullable<BigInt>,
        init_code_hash -> Nullable<Text>,
    }
}

diesel::table! {
    exchanges (id) {
        id -> BigInt,
        chain_id -> BigInt,
        name -> Text,
        active -> Bool,
        last_update_block -> Nullable<BigInt>,
        factory -> Text,
        deployer -> Nullable<Text>,
    }
}

diesel::table! {
    initialization_maps (id) {
        id -> BigInt,
        pool_id -> BigInt,
        word -> Integer,
        bitmap -> Text,
    }
}

diesel::table! {
    lfj_pools (pool_id) {
        pool_id -> BigInt,
        bin_step -> Integer,
    }
}

diesel::table! {
    liquidity_positions (id) {
        id -> BigInt,
        pool_id -> BigInt,
        tick -> Integer,
        liquidity_net -> Text,
        liquidity_gross -> Text,
    }
}

diesel::table! {
    managed_pool_initialization_maps (id) {
        id -> BigInt,
        managed_pool_id -> BigInt,
        word -> Integer,
        bitmap -> Text,
    }
}

diesel::table! {
    managed_pool_liquidity_positions (id) {
        id -> BigInt,
        managed_pool_id -> BigInt,
        tick -> Integer,
        liquidity_net -> Text,
        liquidity_gross -> Text,
    }
}

diesel::table! {
    managed_pools (id) {
        id -> BigInt,
        kind -> Text,
        manager_id -> BigInt,
    }
}

diesel::table! {
    pancakeswap_v2_pools (pool_id) {
        pool_id -> BigInt,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    pancakeswap_v3_pools (pool_id) {
        pool_id -> BigInt,
        tick_spacing -> Integer,
        liquidity_update_block -> Nullable<BigInt>,
        liquidity_update_log_index -> Nullable<Integer>,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    pool_managers (id) {
        id -> BigInt,
        address -> Text,
        chain -> BigInt,
        kind -> Text,
        state_view -> Nullable<Text>,
        exchange_id -> BigInt,
    }
}

diesel::table! {
    pools (id) {
        id -> BigInt,
        address -> Text,
        chain -> BigInt,
        kind -> Text,
        token0_id -> BigInt,
        token1_id -> BigInt,
        exchange_id -> BigInt,
    }
}

diesel::table! {
    retired_ids (id) {
        id -> BigInt,
        table_name -> Text,
        last_id -> BigInt,
    }
}

diesel::table! {
    sushiswap_v2_pools (pool_id) {
        pool_id -> BigInt,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    sushiswap_v3_pools (pool_id) {
        pool_id -> BigInt,
        tick_spacing -> Integer,
        liquidity_update_block -> Nullable<BigInt>,
        liquidity_update_log_index -> Nullable<Integer>,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    swapbased_v2_pools (pool_id) {
        pool_id -> BigInt,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    uniswap_v2_pools (pool_id) {
        pool_id -> BigInt,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    uniswap_v3_pools (pool_id) {
        pool_id -> BigInt,
        tick_spacing -> Integer,
        liquidity_update_block -> Nullable<BigInt>,
        liquidity_update_log_index -> Nullable<Integer>,
        fee_token0 -> Integer,
        fee_token1 -> Integer,
        fee_denominator -> Integer,
    }
}

diesel::table! {
    uniswap_v4_pools (managed_pool_id) {
        managed_pool_id -> BigInt,
        pool_hash -> Text,
        hooks -> Text,
        currency0_id -> BigInt,
        currency1_id -> BigInt,
        fee_currency0 -> Integer,
        fee_currency1 -> Integer,
        fee_denominator -> Integer,
        tick_spacing -> Integer,
        liquidity_update_block -> Nullable<BigInt>,
        liquidity_update_log_index -> Nullable<Integer>,
    }
}

diesel::joinable!(aave_v3_asset_configs -> aave_v3_assets (asset_id));
diesel::joinable!(aave_v3_asset_facts -> aave_v3_assets (asset_id));
diesel::joinable!(aave_v3_assets -> aave_v3_emode_categories (e_mode_category_id));
diesel::joinable!(aave_v3_assets -> aave_v3_markets (market_id));
diesel::joinable!(aave_v3_collateral_positions -> aave_v3_assets (asset_id));
diesel::joinable!(aave_v3_collateral_positions -> aave_v3_users (user_id));
diesel::joinable!(aave_v3_contracts -> aave_v3_markets (market_id));
diesel::joinable!(aave_v3_debt_positions -> aave_v3_assets (asset_id));
diesel::joinable!(aave_v3_debt_positions -> aave_v3_users (user_id));
diesel::joinable!(aave_v3_emode_assets -> aave_v3_assets (asset_id));
diesel::joinable!(aave_v3_emode_categories -> aave_v3_markets (market_id));
diesel::joinable!(aave_v3_market_facts -> aave_v3_markets (market_id));
diesel::joinable!(aave_v3_user_collateral_configs -> aave_v3_assets (asset_id));
diesel::joinable!(aave_v3_user_collateral_configs -> aave_v3_users (user_id));
diesel::joinable!(aave_v3_users -> aave_v3_assets (isolation_mode_collateral_asset_id));
diesel::joinable!(aave_v3_users -> aave_v3_markets (market_id));
diesel::joinable!(aerodrome_v2_pools -> pools (pool_id));
diesel::joinable!(aerodrome_v3_pools -> pools (pool_id));
diesel::joinable!(camelot_v2_pools -> pools (pool_id));
diesel::joinable!(exchange_deployments -> exchanges (exchange_id));
diesel::joinable!(initialization_maps -> pools (pool_id));
diesel::joinable!(lfj_pools -> pools (pool_id));
diesel::joinable!(liquidity_positions -> pools (pool_id));
diesel::joinable!(managed_pool_initialization_maps -> managed_pools (managed_pool_id));
diesel::joinable!(managed_pool_liquidity_positions -> managed_pools (managed_pool_id));
diesel::joinable!(managed_pools -> pool_managers (manager_id));
diesel::joinable!(pancakeswap_v2_pools -> pools (pool_id));
diesel::joinable!(pancakeswap_v3_pools -> pools (pool_id));
diesel::joinable!(pool_managers -> exchanges (exchange_id));
diesel::joinable!(pools -> exchanges (exchange_id));
diesel::joinable!(sushiswap_v2_pools -> pools (pool_id));
diesel::joinable!(sushiswap_v3_pools -> pools (pool_id));
diesel::joinable!(swapbased_v2_pools -> pools (pool_id));
diesel::joinable!(uniswap_v2_pools -> pools (pool_id));
diesel::joinable!(uniswap_v3_pools -> pools (pool_id));
diesel::joinable!(uniswap_v4_pools -> managed_pools (managed_pool_id));

diesel::allow_tables_to_appear_in_same_query!(
    aave_gho_tokens,
    aave_v3_asset_configs,
    aave_v3_asset_facts,
    aave_v3_assets,
    aave_v3_collateral_positions,
    aave_v3_contracts,
    aave_v3_debt_positions,
    aave_v3_emode_assets,
    aave_v3_emode_categories,
    aave_v3_market_facts,
    aave_v3_markets,
    aave_v3_user_collateral_configs,
    aave_v3_users,
    aerodrome_v2_pools,
    aerodrome_v3_pools,
    alembic_version,
    camelot_v2_pools,
    chain_blocks,
    chain_journal,
    erc20_tokens,
    exchange_deployments,
    exchanges,
    initialization_maps,
    lfj_pools,
    liquidity_positions,
    managed_pool_initialization_maps,
    managed_pool_liquidity_positions,
    managed_pools,
    pancakeswap_v2_pools,
    pancakeswap_v3_pools,
    pool_managers,
    pools,
    retired_ids,
    sushiswap_v2_pools,
    sushiswap_v3_pools,
    swapbased_v2_pools,
    uniswap_v2_pools,
    uniswap_v3_pools,
    uniswap_v4_pools,
);
