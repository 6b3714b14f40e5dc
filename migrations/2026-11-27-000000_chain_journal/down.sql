DROP TABLE retired_ids;
DROP TABLE chain_journal;
DROP TABLE chain_blocks;
DROP TABLE exchange_deployments;
