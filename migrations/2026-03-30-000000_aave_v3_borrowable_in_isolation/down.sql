ALTER TABLE aave_v3_asset_configs DROP COLUMN borrowable_in_isolation;

UPDATE alembic_version SET version_num = '9c411aeeb15e';
