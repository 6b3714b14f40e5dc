-- Alembic revision a512dbce9854: Aave V3 markets, assets, users and positions.

CREATE TABLE aave_v3_markets (
    id INTEGER NOT NULL,
    chain_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    last_update_block BIGINT,
    PRIMARY KEY (id)
);

CREATE TABLE aave_v3_contracts (
    id INTEGER NOT NULL,
    market_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    address VARCHAR(42) NOT NULL,
    revision INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY (market_id) REFERENCES aave_v3_markets (id)
);
CREATE INDEX ix_aave_v3_contracts_market_id ON aave_v3_contracts (market_id);

CREATE TABLE aave_v3_assets (
    id INTEGER NOT NULL,
    market_id BIGINT NOT NULL,
    underlying_asset_id BIGINT NOT NULL,
    a_token_id BIGINT NOT NULL,
    a_token_revision INTEGER NOT NULL,
    v_token_id BIGINT NOT NULL,
    v_token_revision INTEGER NOT NULL,
    last_update_block BIGINT,
    liquidity_index VARCHAR(78) NOT NULL,
    liquidity_rate VARCHAR(78) NOT NULL,
    borrow_index VARCHAR(78) NOT NULL,
    borrow_rate VARCHAR(78) NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (market_id) REFERENCES aave_v3_markets (id),
    FOREIGN KEY (underlying_asset_id) REFERENCES erc20_tokens (id),
    FOREIGN KEY (a_token_id) REFERENCES erc20_tokens (id),
    FOREIGN KEY (v_token_id) REFERENCES erc20_tokens (id)
);
CREATE INDEX ix_aave_v3_assets_a_token_id ON aave_v3_assets (a_token_id);
CREATE INDEX ix_aave_v3_assets_market_id ON aave_v3_assets (market_id);
CREATE INDEX ix_aave_v3_assets_underlying_asset_id ON aave_v3_assets (underlying_asset_id);
CREATE INDEX ix_aave_v3_assets_v_token_id ON aave_v3_assets (v_token_id);
CREATE UNIQUE INDEX ix_aave_assets_underlying_asset_market
    ON aave_v3_assets (underlying_asset_id, market_id);

CREATE TABLE aave_v3_users (
    id INTEGER NOT NULL,
    market_id BIGINT NOT NULL,
    address VARCHAR(42) NOT NULL,
    e_mode INTEGER NOT NULL,
    gho_discount INTEGER NOT NULL,
    stk_aave_balance VARCHAR(78),
    PRIMARY KEY (id),
    FOREIGN KEY (market_id) REFERENCES aave_v3_markets (id)
);
CREATE INDEX ix_aave_v3_users_market_id ON aave_v3_users (market_id);
CREATE UNIQUE INDEX ix_aave_users_address_market ON aave_v3_users (address, market_id);

CREATE TABLE aave_v3_collateral_positions (
    id INTEGER NOT NULL,
    user_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    balance VARCHAR(78) NOT NULL,
    last_index VARCHAR(78),
    PRIMARY KEY (id),
    FOREIGN KEY (user_id) REFERENCES aave_v3_users (id),
    FOREIGN KEY (asset_id) REFERENCES aave_v3_assets (id)
);
CREATE INDEX ix_aave_v3_collateral_positions_asset_id ON aave_v3_collateral_positions (asset_id);
CREATE INDEX ix_aave_v3_collateral_positions_user_id ON aave_v3_collateral_positions (user_id);
CREATE UNIQUE INDEX ix_aave_collateral_position_user_asset
    ON aave_v3_collateral_positions (user_id, asset_id);

CREATE TABLE aave_v3_debt_positions (
    id INTEGER NOT NULL,
    user_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    balance VARCHAR(78) NOT NULL,
    last_index VARCHAR(78),
    PRIMARY KEY (id),
    FOREIGN KEY (user_id) REFERENCES aave_v3_users (id),
    FOREIGN KEY (asset_id) REFERENCES aave_v3_assets (id)
);
CREATE INDEX ix_aave_v3_debt_positions_asset_id ON aave_v3_debt_positions (asset_id);
CREATE INDEX ix_aave_v3_debt_positions_user_id ON aave_v3_debt_positions (user_id);
CREATE UNIQUE INDEX ix_aave_debt_position_user_asset ON aave_v3_debt_positions (user_id, asset_id);

CREATE TABLE aave_gho_tokens (
    id INTEGER NOT NULL,
    token_id BIGINT NOT NULL,
    v_gho_discount_rate_strategy VARCHAR(42),
    v_gho_discount_token VARCHAR(42),
    PRIMARY KEY (id),
    FOREIGN KEY (token_id) REFERENCES erc20_tokens (id)
);
CREATE INDEX ix_aave_gho_tokens_token_id ON aave_gho_tokens (token_id);

UPDATE alembic_version SET version_num = 'a512dbce9854';
