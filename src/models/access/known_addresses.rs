//! The ids of rows by chain and address, in memory.
//!
//! A search for an address takes SQLite nearly a microsecond, and a new row needs one for each usual spelling. If a batch
//! is not small beside its table, reading the whole table once takes less.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

use crate::sqlite::prepared::Statements;
use crate::types::address::Address;
use crate::types::integer::ChainId;
use crate::types::stored::Decode;

/// Rows that are known, by the chain and the address that they have in whatever letter case.
#[derive(Default)]
pub(in crate::models) struct KnownAddresses {
    ids: HashMap<(ChainId, Address), i64>,
    /// Whether they were all rows of the table.
    is_complete: bool,
}

impl KnownAddresses {
    /// The number of rows that are worth reading for each row of a batch. A row takes some 0.2 µs.
    const ROWS_PER_NEW: i64 = 4;
    /// The number of rows that are kept in memory, at most. A row takes some 80 bytes.
    const MOST: i64 = 250_000;

    /// Reads a table with the columns `id`, `chain` and `address`, unless it is too large for a batch of this many rows.
    pub(in crate::models) fn of_table(
        statements: Statements<'_>,
        table: &'static str,
        batch: usize,
    ) -> QueryResult<Self> {
        let largest_id = statements
            .prepare(&format!("SELECT max(id) FROM {table}"))?
            .first_integer(&[])?
            .unwrap_or_default();
        let worthwhile = i64::try_from(batch)
            .unwrap_or(i64::MAX)
            .saturating_mul(Self::ROWS_PER_NEW);
        if largest_id > worthwhile.min(Self::MOST) {
            return Ok(Self::default());
        }
        let mut ids = HashMap::new();
        let mut rows = statements.prepare(&format!(
            "SELECT id, chain, address FROM {table} NOT INDEXED"
        ))?;
        while rows.step()? {
            // What is neither a chain nor an address is not what anyone looks for.
            let chain = ChainId::decode(rows.column(1));
            let address = Address::decode(rows.column(2));
            if let (Ok(chain), Ok(address)) = (chain, address)
                && ids.insert((chain, address), rows.key(0)).is_some()
            {
                // Which of two spellings counts, the searches say.
                return Ok(Self::default());
            }
        }
        Ok(Self {
            ids,
            is_complete: true,
        })
    }

    pub(in crate::models) fn get(&self, chain: ChainId, address: Address) -> Option<i64> {
        self.ids.get(&(chain, address)).copied()
    }

    pub(in crate::models) fn add(&mut self, chain: ChainId, address: Address, id: i64) {
        self.ids.insert((chain, address), id);
    }

    /// Whether no row existed that is not known. A trigger of the user's own may insert one meanwhile.
    pub(in crate::models) const fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// Whether a row is there already, going by the error of its insertion.
pub(in crate::models) const fn is_there_already(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
    )
}
