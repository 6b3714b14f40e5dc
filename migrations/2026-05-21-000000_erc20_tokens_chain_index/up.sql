-- Alembic revision 2606a6c7f5ee: index of tokens by chain.

CREATE INDEX ix_erc20_tokens_chain ON erc20_tokens (chain);

UPDATE alembic_version SET version_num = '2606a6c7f5ee';
