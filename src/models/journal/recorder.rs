//! Records the changes of rows in the journal.

use diesel::prelude::*;

use crate::models::journal::tables::{Change, JournaledTable, TABLES, UpdateOf};
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::stored::Encode;

/// The temporary table with the block whose changes are being written; empty if they are not recorded.
const BLOCK: &str = "degenbot_journal_block";

/// Records the changes that a connection makes, while a block is set.
///
/// Temporary triggers do it. Only this connection has them, they see every change, whatever code makes it, and the
/// journal is written in the transaction that changes the row. The changes by liquidity events are recorded by what
/// applies them ([`JournalEntries`](crate::models::journal::entries::JournalEntries)).
#[derive(Debug)]
pub(crate) struct Recorder;

impl Recorder {
    /// Prepares a connection that is outside a transaction for updates of one sort. No block is set.
    pub(crate) fn install(statements: Statements<'_>, update: UpdateOf) -> QueryResult<()> {
        statements.execute(&format!(
            "CREATE TEMP TABLE IF NOT EXISTS {BLOCK} (chain_id BIGINT NOT NULL, block BIGINT NOT NULL)"
        ))?;
        let is_written = |table: &&JournaledTable| table.written_by.is_none_or(|it| it == update);
        for table in TABLES.iter().filter(is_written) {
            for change in table.triggers {
                statements.execute(&change.trigger(table))?;
            }
        }
        Ok(())
    }

    /// Undoes [`Self::install`].
    pub(crate) fn remove(statements: Statements<'_>) -> QueryResult<()> {
        for table in &TABLES {
            for change in table.triggers {
                statements.execute(&format!(
                    "DROP TRIGGER IF EXISTS temp.{}",
                    change.name(table)
                ))?;
            }
        }
        statements.execute(&format!("DROP TABLE IF EXISTS temp.{BLOCK}"))?;
        Ok(())
    }

    /// Records the following changes as those of a block. A rollback ends this as well.
    pub(crate) fn enter(
        statements: Statements<'_>,
        chain: ChainId,
        block: BlockNumber,
    ) -> QueryResult<()> {
        Self::leave(statements)?;
        let values = [
            Bound::Integer(chain.encode()),
            Bound::Integer(block.encode()),
        ];
        statements
            .prepare(&format!("INSERT INTO temp.{BLOCK} VALUES (?1, ?2)"))?
            .run(&values)
            .map(drop)
    }

    /// Records no further changes.
    pub(crate) fn leave(statements: Statements<'_>) -> QueryResult<()> {
        statements
            .execute(&format!("DELETE FROM temp.{BLOCK}"))
            .map(drop)
    }
}

impl Change {
    fn name(self, table: &JournaledTable) -> String {
        let change = match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        };
        format!("degenbot_journal_{change}_{}", table.name)
    }

    fn trigger(self, table: &JournaledTable) -> String {
        let values = |row: &str| {
            let pairs: Vec<_> = table
                .columns
                .iter()
                .map(|column| format!("'{column}', {row}.{column}"))
                .collect();
            format!("json_object({})", pairs.join(", "))
        };
        let (event, row, old, new) = match self {
            Self::Insert => ("INSERT", "NEW", "NULL".to_owned(), values("NEW")),
            Self::Update => ("UPDATE", "OLD", values("OLD"), values("NEW")),
            Self::Delete => ("DELETE", "OLD", values("OLD"), "NULL".to_owned()),
        };
        let JournaledTable { name, key, .. } = table;
        format!(
            "CREATE TEMP TRIGGER IF NOT EXISTS {trigger} AFTER {event} ON main.{name} BEGIN \
             INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values) \
             SELECT chain_id, block, '{name}', {row}.{key}, {old}, {new} FROM {BLOCK}; END",
            trigger = self.name(table),
        )
    }
}
