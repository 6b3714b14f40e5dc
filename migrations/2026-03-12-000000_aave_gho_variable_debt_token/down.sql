-- DROP COLUMN refuses a column that a table-level FOREIGN KEY names, and the Python package's own migrations
-- declare it so. So the table is rebuilt (see "Rebuilding a table" in CONTRIBUTING.md).
PRAGMA legacy_alter_table = ON;

CREATE TABLE aave_gho_tokens_new (
    id INTEGER NOT NULL,
    token_id BIGINT NOT NULL,
    v_gho_discount_rate_strategy VARCHAR(42),
    v_gho_discount_token VARCHAR(42),
    PRIMARY KEY (id),
    FOREIGN KEY (token_id) REFERENCES erc20_tokens (id)
);
INSERT INTO aave_gho_tokens_new (id, token_id, v_gho_discount_rate_strategy, v_gho_discount_token)
SELECT id, token_id, v_gho_discount_rate_strategy, v_gho_discount_token FROM aave_gho_tokens;
DROP TABLE aave_gho_tokens;
ALTER TABLE aave_gho_tokens_new RENAME TO aave_gho_tokens;
CREATE INDEX ix_aave_gho_tokens_token_id ON aave_gho_tokens (token_id);

PRAGMA legacy_alter_table = OFF;

UPDATE alembic_version SET version_num = 'a512dbce9854';
