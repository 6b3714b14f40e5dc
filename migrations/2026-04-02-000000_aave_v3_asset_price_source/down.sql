ALTER TABLE aave_v3_assets DROP COLUMN price_source;

UPDATE alembic_version SET version_num = 'b0b9e84d5527';
