-- What an update of an Aave V3 market has to know beyond the Python package's tables, which ignores these.

-- What is known of a market: the name that commands give it, the first block that can have events, and the time of the
-- last block that is in the database.
CREATE TABLE aave_v3_market_facts (
    id INTEGER NOT NULL,
    market_id BIGINT NOT NULL,
    name TEXT,
    first_block BIGINT,
    last_update_time BIGINT,
    PRIMARY KEY (id),
    FOREIGN KEY (market_id) REFERENCES aave_v3_markets (id)
);
CREATE UNIQUE INDEX ix_aave_v3_market_facts_market_id ON aave_v3_market_facts (market_id);

-- What is known of an asset: the time of its last index update, from which interest is counted, and what the transfers of
-- its aToken say.
CREATE TABLE aave_v3_asset_facts (
    id INTEGER NOT NULL,
    asset_id BIGINT NOT NULL,
    last_update_time BIGINT,
    transfer_amount TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY (asset_id) REFERENCES aave_v3_assets (id)
);
CREATE UNIQUE INDEX ix_aave_v3_asset_facts_asset_id ON aave_v3_asset_facts (asset_id);

-- The e-mode categories that each asset is in. Since Aave 3.2, an asset can be in several.
CREATE TABLE aave_v3_emode_assets (
    id INTEGER NOT NULL,
    asset_id BIGINT NOT NULL,
    category_id INTEGER NOT NULL,
    is_collateral BOOLEAN NOT NULL,
    is_borrowable BOOLEAN NOT NULL,
    is_ltv_zero BOOLEAN NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (asset_id) REFERENCES aave_v3_assets (id)
);
CREATE UNIQUE INDEX ix_aave_v3_emode_assets_asset_id_category_id ON aave_v3_emode_assets (asset_id, category_id);
