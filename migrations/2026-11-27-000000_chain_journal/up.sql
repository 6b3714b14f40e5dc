-- What an update from a node has to know beyond the Python package's tables, which ignores these.

-- What is known of an exchange's contracts. A row counts instead of what the program knows itself.
CREATE TABLE exchange_deployments (
    id INTEGER NOT NULL,
    exchange_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    first_block BIGINT,
    init_code_hash VARCHAR(66),
    PRIMARY KEY (id),
    FOREIGN KEY (exchange_id) REFERENCES exchanges (id)
);
CREATE UNIQUE INDEX ix_exchange_deployments_exchange_id ON exchange_deployments (exchange_id);

-- The hashes of the blocks that an update took in, from the last final one on.
CREATE TABLE chain_blocks (
    id INTEGER NOT NULL,
    chain_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hash VARCHAR(66) NOT NULL,
    is_final BOOLEAN NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_chain_blocks_chain_id_number ON chain_blocks (chain_id, number);

-- The rows that these blocks changed, in the order of the changes. The values are JSON objects.
CREATE TABLE chain_journal (
    id INTEGER NOT NULL,
    chain_id BIGINT NOT NULL,
    block BIGINT NOT NULL,
    table_name TEXT NOT NULL,
    row_id BIGINT NOT NULL,
    old_values TEXT,
    new_values TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX ix_chain_journal_chain_id_block ON chain_journal (chain_id, block);

-- The highest id that a deleted row of a table had. No other row gets it.
CREATE TABLE retired_ids (
    id INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    last_id BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_retired_ids_table_name ON retired_ids (table_name);
