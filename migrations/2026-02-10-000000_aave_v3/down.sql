DROP TABLE aave_gho_tokens;
DROP TABLE aave_v3_debt_positions;
DROP TABLE aave_v3_collateral_positions;
DROP TABLE aave_v3_users;
DROP TABLE aave_v3_assets;
DROP TABLE aave_v3_contracts;
DROP TABLE aave_v3_markets;

UPDATE alembic_version SET version_num = 'eb4080485a56';
