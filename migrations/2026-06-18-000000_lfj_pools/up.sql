-- LFJ (Liquidity Book) pools. The Python package has them without an Alembic revision, from its
-- Rust-core version 2 on, so the stamp stays at 2606a6c7f5ee. Those releases also add the table to older
-- structures without migrating them.

CREATE TABLE IF NOT EXISTS lfj_pools (
    pool_id INTEGER NOT NULL,
    bin_step INTEGER NOT NULL,
    PRIMARY KEY (pool_id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);
