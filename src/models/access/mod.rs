//! Reading and writing rows: columns, row types, lookups and transactions.

pub(crate) mod columns;
pub(in crate::models) mod known_addresses;
pub(in crate::models) mod lookup;
pub(in crate::models) mod missing_parent;
pub(in crate::models) mod other_spellings;
pub(in crate::models) mod read_transaction;
pub(crate) mod retired_ids;
pub(crate) mod row_error;
pub(in crate::models) mod table_row;
pub(in crate::models) mod write_transaction;
pub(crate) mod written;
