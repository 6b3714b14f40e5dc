-- Alembic revision eb4080485a56: tokens, exchanges, V2/V3/V4 pools and their liquidity.

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE erc20_tokens (
    id INTEGER NOT NULL,
    chain BIGINT NOT NULL,
    address VARCHAR(42) NOT NULL,
    name TEXT,
    symbol TEXT,
    decimals INTEGER,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_erc20_tokens_address_chain ON erc20_tokens (address, chain);

CREATE TABLE exchanges (
    id INTEGER NOT NULL,
    chain_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    last_update_block BIGINT,
    factory VARCHAR(42) NOT NULL,
    deployer VARCHAR(42),
    PRIMARY KEY (id)
);

CREATE TABLE pools (
    id INTEGER NOT NULL,
    address VARCHAR(42) NOT NULL,
    chain BIGINT NOT NULL,
    kind TEXT NOT NULL,
    token0_id BIGINT NOT NULL,
    token1_id BIGINT NOT NULL,
    exchange_id BIGINT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (token0_id) REFERENCES erc20_tokens (id),
    FOREIGN KEY (token1_id) REFERENCES erc20_tokens (id),
    FOREIGN KEY (exchange_id) REFERENCES exchanges (id)
);
CREATE UNIQUE INDEX ix_liquidity_pool_address_chain ON pools (address, chain);
CREATE INDEX ix_liquidity_pools_token_ids ON pools (token0_id, token1_id);
CREATE INDEX ix_pools_token0_id ON pools (token0_id);
CREATE INDEX ix_pools_token1_id ON pools (token1_id);

CREATE TABLE aerodrome_v2_pools (
    pool_id INTEGER NOT NULL,
    stable BOOLEAN NOT NULL,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE camelot_v2_pools (
    pool_id INTEGER NOT NULL,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE pancakeswap_v2_pools (
    pool_id INTEGER NOT NULL,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE sushiswap_v2_pools (
    pool_id INTEGER NOT NULL,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE swapbased_v2_pools (
    pool_id INTEGER NOT NULL,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE uniswap_v2_pools (
    pool_id INTEGER NOT NULL,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE aerodrome_v3_pools (
    pool_id INTEGER NOT NULL,
    tick_spacing INTEGER NOT NULL,
    liquidity_update_block BIGINT,
    liquidity_update_log_index INTEGER,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE pancakeswap_v3_pools (
    pool_id INTEGER NOT NULL,
    tick_spacing INTEGER NOT NULL,
    liquidity_update_block BIGINT,
    liquidity_update_log_index INTEGER,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE sushiswap_v3_pools (
    pool_id INTEGER NOT NULL,
    tick_spacing INTEGER NOT NULL,
    liquidity_update_block BIGINT,
    liquidity_update_log_index INTEGER,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE uniswap_v3_pools (
    pool_id INTEGER NOT NULL,
    tick_spacing INTEGER NOT NULL,
    liquidity_update_block BIGINT,
    liquidity_update_log_index INTEGER,
    fee_token0 INTEGER NOT NULL,
    fee_token1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE liquidity_positions (
    id INTEGER NOT NULL,
    pool_id BIGINT NOT NULL,
    tick INTEGER NOT NULL,
    liquidity_net VARCHAR(78) NOT NULL,
    liquidity_gross VARCHAR(78) NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);
CREATE UNIQUE INDEX ix_liquidity_positions_pool_id_tick ON liquidity_positions (pool_id, tick);

CREATE TABLE initialization_maps (
    id INTEGER NOT NULL,
    pool_id BIGINT NOT NULL,
    word INTEGER NOT NULL,
    bitmap VARCHAR(78) NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);
CREATE UNIQUE INDEX ix_initialization_maps_pool_id_word ON initialization_maps (pool_id, word);

CREATE TABLE pool_managers (
    id INTEGER NOT NULL,
    address VARCHAR(42) NOT NULL,
    chain BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state_view VARCHAR(42),
    exchange_id BIGINT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (exchange_id) REFERENCES exchanges (id)
);
CREATE UNIQUE INDEX ix_pool_manager_address_chain ON pool_managers (address, chain);

CREATE TABLE managed_pools (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    manager_id BIGINT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (manager_id) REFERENCES pool_managers (id)
);
CREATE INDEX ix_managed_pools_manager_id ON managed_pools (manager_id);

CREATE TABLE uniswap_v4_pools (
    managed_pool_id INTEGER NOT NULL,
    pool_hash VARCHAR(66) NOT NULL,
    hooks VARCHAR(42) NOT NULL,
    currency0_id BIGINT NOT NULL,
    currency1_id BIGINT NOT NULL,
    fee_currency0 INTEGER NOT NULL,
    fee_currency1 INTEGER NOT NULL,
    fee_denominator INTEGER NOT NULL,
    tick_spacing INTEGER NOT NULL,
    liquidity_update_block BIGINT,
    liquidity_update_log_index INTEGER,
    PRIMARY KEY (managed_pool_id),
    FOREIGN KEY (managed_pool_id) REFERENCES managed_pools (id),
    FOREIGN KEY (currency0_id) REFERENCES erc20_tokens (id),
    FOREIGN KEY (currency1_id) REFERENCES erc20_tokens (id)
);
CREATE INDEX ix_uniswap_v4_pools_pool_hash ON uniswap_v4_pools (pool_hash);
CREATE INDEX ix_uniswap_v4_pools_currency0_id ON uniswap_v4_pools (currency0_id);
CREATE INDEX ix_uniswap_v4_pools_currency1_id ON uniswap_v4_pools (currency1_id);
CREATE INDEX ix_uniswap_v4_pools_token_ids ON uniswap_v4_pools (currency0_id, currency1_id);

CREATE TABLE managed_pool_liquidity_positions (
    id INTEGER NOT NULL,
    managed_pool_id BIGINT NOT NULL,
    tick INTEGER NOT NULL,
    liquidity_net VARCHAR(78) NOT NULL,
    liquidity_gross VARCHAR(78) NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (managed_pool_id) REFERENCES managed_pools (id)
);
CREATE INDEX ix_managed_pool_liquidity_positions_managed_pool_id
    ON managed_pool_liquidity_positions (managed_pool_id);
CREATE UNIQUE INDEX ix_managed_pool_liquidity_positions_pool_id_tick
    ON managed_pool_liquidity_positions (managed_pool_id, tick);

CREATE TABLE managed_pool_initialization_maps (
    id INTEGER NOT NULL,
    managed_pool_id BIGINT NOT NULL,
    word INTEGER NOT NULL,
    bitmap VARCHAR(78) NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (managed_pool_id) REFERENCES managed_pools (id)
);
CREATE INDEX ix_managed_pool_initialization_maps_managed_pool_id
    ON managed_pool_initialization_maps (managed_pool_id);
CREATE UNIQUE INDEX ix_managed_pool_initialization_maps_pool_id_word
    ON managed_pool_initialization_maps (managed_pool_id, word);

INSERT INTO alembic_version (version_num) VALUES ('eb4080485a56');
