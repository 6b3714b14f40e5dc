//! A database with everything right in it, and what is done to it.

/// Rows in every table of which a rule says something.
pub(super) const CLEAN: &str = "
    INSERT INTO erc20_tokens (id, chain, address, name, symbol, decimals) VALUES
        (1, 1, '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', 'USD Coin', 'USDC', 6),
        (2, 1, '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2', NULL, 'WETH', 18),
        (3, 1, '0x0000000000000000000000000000000000000000', NULL, NULL, NULL),
        (4, 8453, '0x4200000000000000000000000000000000000006', NULL, 'WETH', 18),
        (5, 1, '0x1000000000000000000000000000000000000005', NULL, NULL, NULL),
        (6, 1, '0x1000000000000000000000000000000000000006', NULL, NULL, NULL),
        (7, 1, '0x1000000000000000000000000000000000000007', NULL, NULL, NULL),
        (8, 1, '0x1000000000000000000000000000000000000008', NULL, NULL, NULL);
    INSERT INTO exchanges (id, chain_id, name, active, last_update_block, factory) VALUES
        (1, 1, 'uniswap_v2', 1, NULL, '0x2000000000000000000000000000000000000001'),
        (2, 1, 'uniswap_v3', 1, 1000, '0x2000000000000000000000000000000000000002'),
        (3, 1, 'uniswap_v4', 0, 1000, '0x2000000000000000000000000000000000000003'),
        (4, 8453, 'uniswap_v3', 1, NULL, '0x2000000000000000000000000000000000000004');
    INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) VALUES
        (1, '0x3000000000000000000000000000000000000001', 1, 'uniswap_v2', 1, 2, 1),
        (2, '0x3000000000000000000000000000000000000002', 1, 'uniswap_v3', 1, 2, 2),
        (3, '0x3000000000000000000000000000000000000003', 1, 'uniswap_v3', 1, 2, 2),
        (4, '0x3000000000000000000000000000000000000004', 1, 'lfj_binned', 2, 1, 1);
    INSERT INTO uniswap_v2_pools VALUES (1, 3, 3, 1000);
    INSERT INTO uniswap_v3_pools (pool_id, tick_spacing, liquidity_update_block,
        liquidity_update_log_index, fee_token0, fee_token1, fee_denominator) VALUES
        (2, 10, 1000, 7, 500, 500, 1000000),
        (3, 60, NULL, NULL, 3000, 3000, 1000000);
    INSERT INTO lfj_pools VALUES (4, 20);
    INSERT INTO liquidity_positions (id, pool_id, tick, liquidity_net, liquidity_gross) VALUES
        (13, 2, 100, '-500', '500'), (12, 2, 0, '0', '40'), (11, 2, -100, '500', '500');
    -- Bit 246; bits 0 and 10; none.
    INSERT INTO initialization_maps (id, pool_id, word, bitmap) VALUES
        (21, 2, -1, '113078212145816597093331040047546785012958969400039613319782796882727665664'),
        (22, 2, 0, '1025'),
        (23, 2, 9, '0');
    INSERT INTO pool_managers (id, address, chain, kind, exchange_id) VALUES
        (1, '0x4000000000000000000000000000000000000001', 1, 'uniswap_v4', 3);
    INSERT INTO managed_pools (id, kind, manager_id) VALUES (1, 'uniswap_v4', 1);
    INSERT INTO uniswap_v4_pools (managed_pool_id, pool_hash, hooks, currency0_id, currency1_id,
        fee_currency0, fee_currency1, fee_denominator, tick_spacing, liquidity_update_block) VALUES
        (1, '0xabababababababababababababababababababababababababababababababab',
         '0x0000000000000000000000000000000000000000', 3, 1, 3000, 3000, 1000000, 60, 999);
    -- The ends of the range, and of the type.
    INSERT INTO managed_pool_liquidity_positions
        (id, managed_pool_id, tick, liquidity_net, liquidity_gross) VALUES
        (31, 1, -887220, '170141183460469231731687303715884105727', '340282366920938463463374607431768211455'),
        (32, 1, -60, '170141183460469231731687303715884105727', '170141183460469231731687303715884105727'),
        (33, 1, 60, '-170141183460469231731687303715884105728', '170141183460469231731687303715884105728'),
        (34, 1, 887220, '-170141183460469231731687303715884105726', '170141183460469231731687303715884105728');
    -- Bits 61, 255, 1 and 195.
    INSERT INTO managed_pool_initialization_maps (id, managed_pool_id, word, bitmap) VALUES
        (41, 1, -58, '2305843009213693952'),
        (42, 1, -1, '57896044618658097711785492504343953926634992332820282019728792003956564819968'),
        (43, 1, 0, '2'),
        (44, 1, 57, '50216813883093446110686315385661331328818843555712276103168');
    INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES
        (1, 1, 'Core', 1, 500), (2, 1, 'Prime', 1, NULL);
    INSERT INTO aave_v3_contracts (id, market_id, name, address) VALUES
        (1, 1, 'POOL', '0x5000000000000000000000000000000000000001');
    INSERT INTO aave_v3_emode_categories
        (id, market_id, category_id, label, ltv, liquidation_threshold, liquidation_bonus) VALUES
        (1, 1, 1, 'ETH', 9300, 9500, 10100), (2, 2, 1, NULL, 9300, 9500, 10100);
    INSERT INTO aave_v3_assets (id, market_id, underlying_asset_id, a_token_id, a_token_revision,
        v_token_id, v_token_revision, last_update_block, liquidity_index, liquidity_rate,
        borrow_index, borrow_rate, e_mode_category_id) VALUES
        (1, 1, 1, 5, 1, 6, 1, 500, '1', '0', '1', '0', 1),
        (2, 2, 1, 7, 1, 8, 1, NULL, '1', '0', '1', '0', NULL);
    INSERT INTO aave_v3_asset_configs (id, asset_id, ltv, liquidation_threshold, liquidation_bonus,
        borrowing_enabled, stable_borrowing_enabled, flash_loan_enabled, isolation_mode, debt_ceiling)
        VALUES (1, 1, 7500, 7800, 10500, 1, 0, 1, 0, NULL);
    INSERT INTO aave_v3_users (id, market_id, address, e_mode, gho_discount, stk_aave_balance,
        isolation_mode_collateral_asset_id, isolation_mode_debt) VALUES
        (1, 1, '0x6000000000000000000000000000000000000001', 1, 0, NULL, 1, '0');
    INSERT INTO aave_v3_collateral_positions (id, user_id, asset_id, balance) VALUES (1, 1, 1, '5');
    INSERT INTO aave_v3_debt_positions (id, user_id, asset_id, balance) VALUES (1, 1, 1, '5');
    INSERT INTO aave_v3_user_collateral_configs (id, user_id, asset_id, enabled) VALUES (1, 1, 1, 1);
    INSERT INTO aave_gho_tokens (id, token_id, v_token_id) VALUES (1, 5, 6);";

/// What is done to a clean database, and what is found then: rules, tables and ids.
pub(super) const FAULTS: &[(&str, &[&str])] = &[
    // An index of the user's own, whose collation only his program has.
    (
        "CREATE TABLE notes (note TEXT); CREATE INDEX notes_by_note ON notes (note); \
         PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE INDEX notes_by_note ON notes (note COLLATE mine)' \
         WHERE name = 'notes_by_note'",
        &["not-checked notes -"],
    ),
    // Rows that no index knows.
    (
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = sql || ' WHERE 0' WHERE name = 'ix_erc20_tokens_chain';
         PRAGMA writable_schema = RESET;
         INSERT INTO erc20_tokens (chain, address) VALUES (1, '0x1000000000000000000000000000000000000009');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, ' WHERE 0', '') WHERE name = 'ix_erc20_tokens_chain'",
        &["integrity erc20_tokens - -"],
    ),
    (
        "INSERT INTO aave_v3_contracts (id, market_id, name, address) VALUES
             (9, 99, 'POOL', '0x5000000000000000000000000000000000000002')",
        &["foreign-key aave_v3_contracts 9"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 99, 7, '1', '1')",
        &["foreign-key liquidity_positions 14"],
    ),
    (
        "UPDATE erc20_tokens SET decimals = 'many' WHERE id = 1",
        &["value erc20_tokens 1"],
    ),
    (
        "UPDATE erc20_tokens SET name = CAST(x'ff' AS TEXT), symbol = x'00' WHERE id = 1",
        &["value erc20_tokens 1 1"],
    ),
    (
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'factory VARCHAR(42) NOT NULL', 'factory VARCHAR(42)');
         PRAGMA writable_schema = RESET;
         UPDATE exchanges SET factory = NULL WHERE id = 3;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'factory VARCHAR(42)', 'factory VARCHAR(42) NOT NULL')",
        &["value exchanges 3"],
    ),
    ("UPDATE exchanges SET active = 2 WHERE id = 3", &["value exchanges 3"]),
    ("UPDATE pools SET kind = 'nonsense' WHERE id = 3", &["value pools 3"]),
    ("UPDATE exchanges SET last_update_block = -1 WHERE id = 1", &["value exchanges 1"]),
    (
        "INSERT INTO liquidity_positions VALUES (14, 2, 'up', '0', '5')",
        &["value liquidity_positions 14"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 'two', 10, '0', '5')",
        &["foreign-key liquidity_positions 14", "value liquidity_positions 14"],
    ),
    (
        "INSERT INTO initialization_maps VALUES (24, 2, 40000, '0')",
        &["value initialization_maps 24"],
    ),
    (
        "UPDATE aave_v3_users SET e_mode = 256",
        &["value aave_v3_users 1"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_gross = '040' WHERE id = 12",
        &["decimal liquidity_positions 12"],
    ),
    (
        "UPDATE managed_pool_liquidity_positions
         SET liquidity_net = '170141183460469231731687303715884105728' WHERE id = 31",
        &["decimal managed_pool_liquidity_positions 31"],
    ),
    (
        "UPDATE managed_pool_initialization_maps SET bitmap = '0x2' WHERE id = 43",
        &["decimal managed_pool_initialization_maps 43"],
    ),
    ("UPDATE aave_v3_debt_positions SET balance = '-1'", &["decimal aave_v3_debt_positions 1"]),
    ("UPDATE erc20_tokens SET address = '0x12' WHERE id = 8", &["address erc20_tokens 8"]),
    (
        "UPDATE erc20_tokens SET address = lower(address) WHERE id = 1",
        &["address-checksum erc20_tokens 1"],
    ),
    (
        "UPDATE exchanges SET deployer = upper(factory) WHERE id = 2",
        &["address-checksum exchanges 2"],
    ),
    (
        "UPDATE uniswap_v4_pools SET pool_hash = replace(pool_hash, 'a', 'A')",
        &["pool-hash uniswap_v4_pools 1"],
    ),
    ("UPDATE uniswap_v4_pools SET pool_hash = '0xab'", &["pool-hash uniswap_v4_pools 1"]),
    // One of the two is written as it should not be.
    (
        "INSERT INTO erc20_tokens (id, chain, address) SELECT 9, chain, lower(address)
         FROM erc20_tokens WHERE id = 1",
        &["address-checksum erc20_tokens 9", "duplicate-address erc20_tokens 9"],
    ),
    (
        "INSERT INTO managed_pools (id, kind, manager_id) VALUES (2, 'uniswap_v4', 1);
         INSERT INTO uniswap_v4_pools SELECT 2, pool_hash, hooks, currency0_id, currency1_id, fee_currency0,
             fee_currency1, fee_denominator, tick_spacing, NULL, NULL FROM uniswap_v4_pools",
        &["duplicate-pool uniswap_v4_pools 2"],
    ),
    ("UPDATE uniswap_v2_pools SET fee_denominator = 0", &["fee uniswap_v2_pools 1 1"]),
    ("UPDATE uniswap_v3_pools SET fee_token1 = 1000001 WHERE pool_id = 3", &["fee uniswap_v3_pools 3"]),
    ("UPDATE uniswap_v4_pools SET fee_currency0 = 8388608", &[]),
    ("UPDATE uniswap_v4_pools SET fee_currency0 = 8388609", &["fee uniswap_v4_pools 1"]),
    // Both ends of a position, the wrong way round.
    (
        "UPDATE liquidity_positions SET liquidity_net = '-500' WHERE id = 11;
         UPDATE liquidity_positions SET liquidity_net = '500' WHERE id = 13",
        &["liquidity-sum pools 2"],
    ),
    ("DELETE FROM uniswap_v2_pools", &["pool-kind pools 1"]),
    ("DELETE FROM lfj_pools", &["pool-kind pools 4"]),
    ("DELETE FROM uniswap_v4_pools", &["pool-kind managed_pools 1"]),
    ("INSERT INTO sushiswap_v2_pools VALUES (1, 3, 3, 1000)", &["pool-orphan sushiswap_v2_pools 1"]),
    (
        "INSERT INTO uniswap_v2_pools VALUES (9, 3, 3, 1000)",
        &["foreign-key uniswap_v2_pools 9", "pool-orphan uniswap_v2_pools 9"],
    ),
    ("UPDATE pools SET token0_id = 2, token1_id = 1 WHERE id = 1", &["token-order pools 1"]),
    ("UPDATE pools SET token1_id = 1 WHERE id = 2", &["token-order pools 2"]),
    (
        "UPDATE uniswap_v4_pools SET currency0_id = 1, currency1_id = 3",
        &["token-order uniswap_v4_pools 1"],
    ),
    ("UPDATE pools SET exchange_id = 4 WHERE id = 1", &["token-chain pools 1"]),
    ("UPDATE pools SET token0_id = 4 WHERE id = 1", &["token-chain pools 1"]),
    ("UPDATE uniswap_v4_pools SET currency1_id = 4", &["token-chain uniswap_v4_pools 1"]),
    ("UPDATE aave_v3_assets SET v_token_id = 4 WHERE id = 2", &["token-chain aave_v3_assets 2"]),
    (
        "INSERT INTO liquidity_positions VALUES (14, 2, 887280, '0', '5')",
        &["tick-range liquidity_positions 14"],
    ),
    (
        "INSERT INTO managed_pool_liquidity_positions VALUES (35, 1, -887280, '0', '5')",
        &["tick-range managed_pool_liquidity_positions 35"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 2, 105, '0', '5')",
        &["tick-spacing liquidity_positions 14"],
    ),
    (
        "INSERT INTO liquidity_positions VALUES (14, 1, 100, '0', '5')",
        &["tick-spacing liquidity_positions 14"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_net = '499' WHERE id = 11",
        &["liquidity-sum pools 2"],
    ),
    (
        "UPDATE managed_pool_liquidity_positions
         SET liquidity_net = '-170141183460469231731687303715884105727' WHERE id = 34",
        &["liquidity-sum managed_pools 1"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_gross = '499' WHERE id = 13",
        &["liquidity-gross liquidity_positions 13"],
    ),
    // A row that should have been deleted.
    (
        "UPDATE liquidity_positions SET liquidity_gross = '0' WHERE id = 12;
         UPDATE initialization_maps SET bitmap = '1024' WHERE id = 22",
        &["liquidity-gross liquidity_positions 12"],
    ),
    ("UPDATE initialization_maps SET bitmap = '1027' WHERE id = 22", &["bitmap initialization_maps 22"]),
    ("UPDATE initialization_maps SET bitmap = '1024' WHERE id = 22", &["bitmap initialization_maps 22"]),
    ("INSERT INTO initialization_maps VALUES (24, 2, -9, '1')", &["bitmap initialization_maps 24"]),
    ("INSERT INTO initialization_maps VALUES (24, 3, 0, '1')", &["bitmap initialization_maps 24"]),
    ("INSERT INTO initialization_maps VALUES (24, 1, 0, '1')", &["bitmap initialization_maps 24"]),
    ("DELETE FROM initialization_maps WHERE id = 21", &["bitmap pools 2"]),
    ("DELETE FROM managed_pool_initialization_maps WHERE id = 44", &["bitmap managed_pools 1"]),
    (
        "UPDATE uniswap_v3_pools SET liquidity_update_block = 1001 WHERE pool_id = 2",
        &["update-mark uniswap_v3_pools 2"],
    ),
    (
        "UPDATE exchanges SET last_update_block = NULL WHERE id = 3",
        &["update-mark uniswap_v4_pools 1"],
    ),
    ("UPDATE aave_v3_markets SET last_update_block = 499", &["update-mark aave_v3_assets 1"]),
    (
        "UPDATE aave_v3_collateral_positions SET asset_id = 2",
        &["aave-market aave_v3_collateral_positions 1"],
    ),
    ("UPDATE aave_v3_debt_positions SET asset_id = 2", &["aave-market aave_v3_debt_positions 1"]),
    (
        "UPDATE aave_v3_user_collateral_configs SET asset_id = 2",
        &["aave-market aave_v3_user_collateral_configs 1"],
    ),
    (
        "UPDATE aave_v3_users SET isolation_mode_collateral_asset_id = 2",
        &["aave-market aave_v3_users 1"],
    ),
    (
        "UPDATE aave_v3_assets SET e_mode_category_id = 2 WHERE id = 1",
        &["aave-market aave_v3_assets 1"],
    ),
];

/// What is done to a generated database, and the rules and tables of what is found then. One row each.
pub(super) const FAULTS_OF_MANY: &[(&str, &[&str])] = &[
    (FAULTS[0].0, &["not-checked notes"]),
    (FAULTS[1].0, &["integrity erc20_tokens"]),
    (FAULTS[2].0, &["foreign-key aave_v3_contracts"]),
    ("UPDATE erc20_tokens SET decimals = 'many' WHERE id = 77", &["value erc20_tokens"]),
    (
        "UPDATE aave_v3_debt_positions SET balance = '007' WHERE id = 7",
        &["decimal aave_v3_debt_positions"],
    ),
    ("UPDATE pool_managers SET state_view = '0x12'", &["address pool_managers"]),
    (
        "UPDATE exchanges SET factory = lower(factory) WHERE id = 2",
        &["address-checksum exchanges"],
    ),
    (
        "UPDATE uniswap_v4_pools SET pool_hash = '0xab' WHERE managed_pool_id = 7",
        &["pool-hash uniswap_v4_pools"],
    ),
    (
        "INSERT INTO erc20_tokens (chain, address) SELECT chain, lower(address) FROM erc20_tokens WHERE id = 77",
        &["address-checksum erc20_tokens", "duplicate-address erc20_tokens"],
    ),
    (
        "UPDATE uniswap_v4_pools SET pool_hash = (SELECT pool_hash FROM uniswap_v4_pools WHERE managed_pool_id = 6)
         WHERE managed_pool_id = 7",
        &["duplicate-pool uniswap_v4_pools"],
    ),
    (
        "UPDATE uniswap_v2_pools SET fee_token0 = 1001
         WHERE pool_id = (SELECT min(pool_id) FROM uniswap_v2_pools)",
        &["fee uniswap_v2_pools"],
    ),
    (
        "DELETE FROM camelot_v2_pools WHERE pool_id = (SELECT max(pool_id) FROM camelot_v2_pools)",
        &["pool-kind pools"],
    ),
    (
        "INSERT INTO sushiswap_v2_pools SELECT * FROM uniswap_v2_pools LIMIT 1",
        &["pool-orphan sushiswap_v2_pools"],
    ),
    (
        "UPDATE pools SET token0_id = token1_id, token1_id = token0_id WHERE id = 77",
        &["token-order pools"],
    ),
    (
        "UPDATE pools SET exchange_id = (SELECT id FROM exchanges WHERE chain_id = 8453)
         WHERE id = (SELECT max(pool_id) FROM uniswap_v2_pools
                     JOIN pools AS p ON p.id = pool_id WHERE p.chain = 1)",
        &["token-chain pools"],
    ),
    (
        "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross)
         SELECT max(pool_id), 887280, '0', '5' FROM liquidity_positions",
        &["tick-range liquidity_positions"],
    ),
    (
        "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross)
         SELECT max(pool_id), 7, '0', '5' FROM uniswap_v3_pools WHERE tick_spacing = 60",
        &["tick-spacing liquidity_positions"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_net = '0' WHERE id = 777",
        &["liquidity-sum pools"],
    ),
    (
        "UPDATE liquidity_positions SET liquidity_gross = '1' WHERE id = 777",
        &["liquidity-gross liquidity_positions"],
    ),
    (
        "DELETE FROM managed_pool_initialization_maps WHERE id = 7",
        &["bitmap managed_pools"],
    ),
    (
        "UPDATE uniswap_v3_pools SET liquidity_update_block = 23000001
         WHERE pool_id = (SELECT max(pool_id) FROM uniswap_v3_pools)",
        &["update-mark uniswap_v3_pools"],
    ),
    (
        "INSERT INTO aave_v3_markets (id, chain_id, name, active) VALUES (2, 1, 'other', 1);
         INSERT INTO aave_v3_assets (id, market_id, underlying_asset_id, a_token_id, a_token_revision,
             v_token_id, v_token_revision, liquidity_index, liquidity_rate, borrow_index, borrow_rate)
             SELECT 99, 2, underlying_asset_id, a_token_id, 1, v_token_id, 1, '1', '0', '1', '0'
             FROM aave_v3_assets WHERE id = 1;
         UPDATE aave_v3_debt_positions SET asset_id = 99 WHERE id = 7",
        &["aave-market aave_v3_debt_positions"],
    ),
];
