DROP INDEX ix_erc20_tokens_chain;

UPDATE alembic_version SET version_num = 'e0aaad8ad486';
