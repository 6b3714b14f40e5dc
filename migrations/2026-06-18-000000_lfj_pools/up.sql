-- LFJ (Liquidity Book) pools. The Python package has this table from its Rust-core version 2 on, without an
-- Alembic revision, so the stamp stays at 2606a6c7f5ee. Those releases also add the table to older
-- structures without migrating them, hence IF NOT EXISTS.

CREATE TABLE IF NOT EXISTS lfj_pools (
    pool_id INTEGER NOT NULL,
    bin_step INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);
