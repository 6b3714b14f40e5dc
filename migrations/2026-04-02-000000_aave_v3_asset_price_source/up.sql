-- Alembic revision e0aaad8ad486: the oracle source of an Aave V3 asset's price.

ALTER TABLE aave_v3_assets ADD COLUMN price_source VARCHAR(42);

UPDATE alembic_version SET version_num = 'e0aaad8ad486';
