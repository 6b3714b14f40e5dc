DROP TABLE aave_v3_emode_assets;
DROP TABLE aave_v3_asset_facts;
DROP TABLE aave_v3_market_facts;
