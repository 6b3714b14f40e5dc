//! The journal: rows that blocks changed which were not final.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::chain_journal;
use crate::types::integer::{BlockNumber, ChainId};

/// A row that a block changed which was not final when an update took it in. The newest entry of a row of
/// `aave_v3_market_facts` is there for final blocks, too: it says up to which block this program has followed the market.
///
/// Entries are undone in the reverse order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = chain_journal, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct ChainJournalEntry {
    /// The row's id.
    pub id: i64,
    /// The chain.
    pub chain_id: ChainId,
    /// The block whose events changed the row.
    pub block: BlockNumber,
    /// The table of the changed row.
    pub table_name: String,
    /// The id of the changed row.
    pub row_id: i64,
    /// The values before the change, as a JSON object by column; `None` if the row was inserted. Values that the change
    /// leaves as they are may be missing, if the row stays.
    pub old_values: Option<String>,
    /// All values after the change, as a JSON object; `None` if the row was deleted.
    pub new_values: Option<String>,
}

/// An entry of the journal, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = chain_journal, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewChainJournalEntry {
    /// The chain.
    pub chain_id: ChainId,
    /// The block whose events changed the row.
    pub block: BlockNumber,
    /// The table of the changed row.
    pub table_name: String,
    /// The id of the changed row.
    pub row_id: i64,
    /// The values before the change; `None` if the row was inserted.
    pub old_values: Option<String>,
    /// The values after the change; `None` if the row was deleted.
    pub new_values: Option<String>,
}
