DROP TABLE lfj_pools;
