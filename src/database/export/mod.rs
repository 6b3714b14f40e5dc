//! Export: pools, ticks, tokens, exchanges and Aave markets as files for data frames.

mod batch;
mod csv_file;
pub(crate) mod export_database;
mod file_set;
pub(crate) mod options;
mod parquet_file;
mod read_rows;
mod read_ticks;
mod table_file;
pub(crate) mod tables;
