-- Alembic revision b0b9e84d5527: whether an asset can be borrowed in isolation mode.

-- Adding a NOT NULL column needs a default; the Python package's own upgrade uses this one.
ALTER TABLE aave_v3_asset_configs
    ADD COLUMN borrowable_in_isolation BOOLEAN NOT NULL DEFAULT '0';

UPDATE alembic_version SET version_num = 'b0b9e84d5527';
