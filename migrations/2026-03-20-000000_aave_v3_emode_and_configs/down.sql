-- DROP COLUMN refuses a column that a table-level FOREIGN KEY names, and the Python package's own migrations
-- declare it so. So the table is rebuilt (see "Rebuilding a table" in CONTRIBUTING.md).
PRAGMA legacy_alter_table = ON;

CREATE TABLE aave_v3_users_new (
    id INTEGER NOT NULL,
    market_id BIGINT NOT NULL,
    address VARCHAR(42) NOT NULL,
    e_mode INTEGER NOT NULL,
    gho_discount INTEGER NOT NULL,
    stk_aave_balance VARCHAR(78),
    PRIMARY KEY (id),
    FOREIGN KEY (market_id) REFERENCES aave_v3_markets (id)
);
INSERT INTO aave_v3_users_new (id, market_id, address, e_mode, gho_discount, stk_aave_balance)
SELECT id, market_id, address, e_mode, gho_discount, stk_aave_balance FROM aave_v3_users;
DROP TABLE aave_v3_users;
ALTER TABLE aave_v3_users_new RENAME TO aave_v3_users;
CREATE INDEX ix_aave_v3_users_market_id ON aave_v3_users (market_id);
CREATE UNIQUE INDEX ix_aave_users_address_market ON aave_v3_users (address, market_id);

CREATE TABLE aave_v3_assets_new (
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
INSERT INTO aave_v3_assets_new (
    id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id, v_token_revision,
    last_update_block, liquidity_index, liquidity_rate, borrow_index, borrow_rate
)
SELECT
    id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id, v_token_revision,
    last_update_block, liquidity_index, liquidity_rate, borrow_index, borrow_rate
FROM aave_v3_assets;
DROP TABLE aave_v3_assets;
ALTER TABLE aave_v3_assets_new RENAME TO aave_v3_assets;
CREATE INDEX ix_aave_v3_assets_a_token_id ON aave_v3_assets (a_token_id);
CREATE INDEX ix_aave_v3_assets_market_id ON aave_v3_assets (market_id);
CREATE INDEX ix_aave_v3_assets_underlying_asset_id ON aave_v3_assets (underlying_asset_id);
CREATE INDEX ix_aave_v3_assets_v_token_id ON aave_v3_assets (v_token_id);
CREATE UNIQUE INDEX ix_aave_assets_underlying_asset_market
    ON aave_v3_assets (underlying_asset_id, market_id);

DROP TABLE aave_v3_user_collateral_configs;
DROP TABLE aave_v3_asset_configs;
DROP TABLE aave_v3_emode_categories;

PRAGMA legacy_alter_table = OFF;

UPDATE alembic_version SET version_num = '5d2dfe7292b3';
