-- Alembic revision 5d2dfe7292b3: the GHO variable debt token.

ALTER TABLE aave_gho_tokens ADD COLUMN v_token_id BIGINT REFERENCES erc20_tokens (id);
CREATE INDEX ix_aave_gho_tokens_v_token_id ON aave_gho_tokens (v_token_id);

UPDATE alembic_version SET version_num = '5d2dfe7292b3';
