-- Alembic revision 9c411aeeb15e: Aave V3 e-mode categories, asset and user configuration,
-- isolation mode.

CREATE TABLE aave_v3_emode_categories (
    id INTEGER NOT NULL,
    market_id BIGINT NOT NULL,
    category_id INTEGER NOT NULL,
    label TEXT,
    ltv INTEGER NOT NULL,
    liquidation_threshold INTEGER NOT NULL,
    liquidation_bonus INTEGER NOT NULL,
    price_source VARCHAR(42),
    PRIMARY KEY (id),
    FOREIGN KEY (market_id) REFERENCES aave_v3_markets (id)
);
CREATE INDEX ix_aave_v3_emode_categories_market_id ON aave_v3_emode_categories (market_id);
CREATE UNIQUE INDEX ix_aave_emode_category_market_cat
    ON aave_v3_emode_categories (market_id, category_id);

CREATE TABLE aave_v3_asset_configs (
    id INTEGER NOT NULL,
    asset_id BIGINT NOT NULL,
    ltv INTEGER NOT NULL,
    liquidation_threshold INTEGER NOT NULL,
    liquidation_bonus INTEGER NOT NULL,
    e_mode_category_id INTEGER,
    borrowing_enabled BOOLEAN NOT NULL,
    stable_borrowing_enabled BOOLEAN NOT NULL,
    flash_loan_enabled BOOLEAN NOT NULL,
    isolation_mode BOOLEAN NOT NULL,
    debt_ceiling VARCHAR(78),
    PRIMARY KEY (id),
    FOREIGN KEY (asset_id) REFERENCES aave_v3_assets (id)
);
CREATE INDEX ix_aave_v3_asset_configs_asset_id ON aave_v3_asset_configs (asset_id);
CREATE UNIQUE INDEX ix_aave_asset_config_asset ON aave_v3_asset_configs (asset_id);

CREATE TABLE aave_v3_user_collateral_configs (
    id INTEGER NOT NULL,
    user_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (user_id) REFERENCES aave_v3_users (id),
    FOREIGN KEY (asset_id) REFERENCES aave_v3_assets (id)
);
CREATE INDEX ix_aave_v3_user_collateral_configs_asset_id
    ON aave_v3_user_collateral_configs (asset_id);
CREATE INDEX ix_aave_v3_user_collateral_configs_user_id ON aave_v3_user_collateral_configs (user_id);
CREATE INDEX ix_aave_user_collateral_config_enabled ON aave_v3_user_collateral_configs (enabled);
CREATE UNIQUE INDEX ix_aave_user_collateral_config_user_asset
    ON aave_v3_user_collateral_configs (user_id, asset_id);

ALTER TABLE aave_v3_assets
    ADD COLUMN e_mode_category_id BIGINT REFERENCES aave_v3_emode_categories (id);
CREATE INDEX ix_aave_v3_assets_e_mode_category_id ON aave_v3_assets (e_mode_category_id);

ALTER TABLE aave_v3_users
    ADD COLUMN isolation_mode_collateral_asset_id BIGINT REFERENCES aave_v3_assets (id);
-- Adding a NOT NULL column needs a default; the Python package's own upgrade uses this one.
ALTER TABLE aave_v3_users ADD COLUMN isolation_mode_debt VARCHAR(78) NOT NULL DEFAULT '0';
CREATE INDEX ix_aave_v3_users_isolation_mode_collateral_asset_id
    ON aave_v3_users (isolation_mode_collateral_asset_id);

UPDATE alembic_version SET version_num = '9c411aeeb15e';
