//! Takes the changes of blocks back.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use diesel::result::{DatabaseErrorKind, Error};

use crate::models::access::retired_ids;
use crate::models::journal::journal_error::{JournalError, ReferringKey};
use crate::models::journal::market_marks::markets_to_undo;
use crate::models::journal::referrers::Referrers;
use crate::models::journal::referring_rows;
use crate::models::journal::tables::JournaledTable;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::stored::{Decode, Encode};

/// What was undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undone {
    /// Pools that the blocks had created, which are deleted.
    pub pools: u64,
    /// Tokens that the blocks had created, which are deleted.
    pub tokens: u64,
    /// Rows whose values before the blocks are restored, or that are deleted or inserted again.
    pub rows: u64,
}

/// What becomes of rows that are no longer as the blocks left them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// Nothing: it is an error.
    Refused,
    /// Those of markets are set back to before the blocks all the same, and the rows that refer to one that goes go as
    /// well. A row stays away if what it refers to is gone. Those of pools are refused.
    #[cfg(feature = "sync")]
    MarketsSetBack,
}

/// Takes back what the blocks of a chain above `keep` have changed, the last change first, and moves the marks of the
/// chain's exchanges and markets back to `keep`. Runs in the caller's transaction, which must be rolled back after an error.
///
/// # Errors
///
/// [`JournalError::TooDeep`] if the journal does not reach back so far, [`JournalError::Changed`] if a row is no longer as
/// the blocks left it, [`JournalError::Referred`] if a row refers to one that would be deleted, or to a value that would be set
/// back, and [`JournalError::OtherProgram`] or [`JournalError::MarketMoved`] if another program has taken in blocks that are not
/// in the journal.
pub(crate) fn undo(
    statements: Statements<'_>,
    chain: ChainId,
    keep: BlockNumber,
    otherwise: Otherwise,
) -> Result<Undone, JournalError> {
    let of_chain = Bound::Integer(chain.encode());
    let kept = Bound::Integer(keep.encode());
    let oldest = statements
        .prepare(
            "SELECT coalesce(max(number) FILTER (WHERE is_final), min(number)) \
             FROM chain_blocks WHERE chain_id = ?1",
        )?
        .first_integer(&[of_chain])?;
    if let Some(oldest) = oldest.and_then(|number| u64::try_from(number).ok())
        && oldest > keep.get()
    {
        return Err(JournalError::TooDeep {
            block: keep,
            oldest: BlockNumber::new(oldest).unwrap_or(keep),
        });
    }
    let mut further = statements.prepare(
        "SELECT name, last_update_block, number FROM exchanges, \
         (SELECT max(number) AS number FROM chain_blocks WHERE chain_id = ?1) \
         WHERE chain_id = ?1 AND last_update_block > max(number, ?2) LIMIT 1",
    )?;
    further.query(&[of_chain, kept])?;
    if further.step()? {
        return Err(JournalError::OtherProgram {
            exchange: further.column(0).to_text(),
            mark: Decode::decode(further.column(1)).unwrap_or(keep),
            last: Decode::decode(further.column(2)).unwrap_or(keep),
        });
    }
    drop(further);
    let markets = markets_to_undo(statements, chain, keep, otherwise == Otherwise::Refused)?;
    let mut undoer = Undoer {
        statements,
        otherwise,
        kept,
        prepared: HashMap::new(),
        retired: HashMap::new(),
        undone: Undone::default(),
        referrers: Referrers::new(statements)?,
    };
    let mut entries = statements.prepare(
        "SELECT id, block, table_name, row_id, old_values, new_values FROM chain_journal \
         WHERE chain_id = ?1 AND block > ?2 ORDER BY id DESC",
    )?;
    entries.query(&[of_chain, kept])?;
    while entries.step()? {
        undoer.undo(&Entry::read(&entries)?)?;
    }
    entries.reset();
    for (table, id) in undoer.retired {
        retired_ids::retire(statements, table, id)?;
    }
    let markets: Vec<_> = markets.iter().map(i64::to_string).collect();
    let of_market = format!(
        "chain_id = ?1 AND last_update_block > ?2 AND id IN ({})",
        markets.join(", ")
    );
    for (action, table, above) in [
        (
            "UPDATE aave_v3_markets SET last_update_block = ?2",
            "aave_v3_markets",
            &*of_market,
        ),
        (
            "DELETE FROM chain_journal",
            "chain_journal",
            "chain_id = ?1 AND block > ?2",
        ),
        (
            "DELETE FROM chain_blocks",
            "chain_blocks",
            "chain_id = ?1 AND number > ?2",
        ),
        (
            "UPDATE exchanges SET last_update_block = ?2",
            "exchanges",
            "chain_id = ?1 AND last_update_block > ?2",
        ),
    ] {
        let values = [of_chain, kept];
        statements
            .prepare(&format!("{action} WHERE {above}"))?
            .run(&values)?;
        let left = statements
            .prepare(&format!("SELECT 1 FROM {table} WHERE {above} LIMIT 1"))?
            .first_integer(&values)?;
        if left.is_some() {
            return Err(JournalError::NotWritten { table });
        }
    }
    Ok(undoer.undone)
}

/// An entry of the journal.
struct Entry {
    id: i64,
    block: BlockNumber,
    table: &'static JournaledTable,
    row_id: i64,
    old_values: Option<String>,
    new_values: Option<String>,
}

impl Entry {
    fn read(row: &Statement<'_>) -> Result<Self, JournalError> {
        let id = row.key(0);
        let malformed = || JournalError::Malformed { id };
        let name = String::decode(row.column(2)).map_err(|_| malformed())?;
        Ok(Self {
            id,
            block: Decode::decode(row.column(1)).map_err(|_| malformed())?,
            table: JournaledTable::named(&name).ok_or_else(malformed)?,
            row_id: Decode::decode(row.column(3)).map_err(|_| malformed())?,
            old_values: Decode::decode(row.column(4)).map_err(|_| malformed())?,
            new_values: Decode::decode(row.column(5)).map_err(|_| malformed())?,
        })
    }
}

/// Which values of a row an entry has.
#[derive(Debug, Clone, Copy)]
enum Values {
    /// All, with the primary key.
    Whole,
    /// Those that change, of a row that stays. There may be more.
    Changed,
}

/// What has become of a row since an entry was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    AsLeft,
    Changed,
    Gone,
}

/// The statements for entries of one table with values of the same columns.
struct Prepared<'connection> {
    /// Whether a row has the compared values.
    compare: Statement<'connection>,
    restore: Statement<'connection>,
    insert: Statement<'connection>,
    delete: Statement<'connection>,
}

struct Undoer<'connection> {
    statements: Statements<'connection>,
    otherwise: Otherwise,
    /// The block above which is undone.
    kept: Bound<'static>,
    /// By table and columns.
    prepared: HashMap<(&'static str, String), Prepared<'connection>>,
    /// The highest deleted id of each table whose ids are not used again.
    retired: HashMap<&'static str, i64>,
    undone: Undone,
    referrers: Referrers<'connection>,
}

impl<'connection> Undoer<'connection> {
    fn undo(&mut self, entry: &Entry) -> Result<(), JournalError> {
        match (&entry.old_values, &entry.new_values) {
            (None, Some(new)) => self.undo_insert(entry, new),
            (Some(old), Some(new)) => self.undo_update(entry, old, new),
            (Some(old), None) => self.undo_delete(entry, old),
            (None, None) => Err(JournalError::Malformed { id: entry.id }),
        }
    }

    fn undo_insert(&mut self, entry: &Entry, new: &str) -> Result<(), JournalError> {
        let table = entry.table;
        let row = Bound::Integer(entry.row_id);
        let state = self.prepare(entry, new, Values::Whole)?.state(row, new)?;
        if state != RowState::AsLeft && table.is_shared {
            // It is a row of another program by now, or gone. What comes in its place gets a row of its own.
            return Ok(());
        }
        if state != RowState::AsLeft && !self.sets_back(table) {
            return Err(self.changed(entry));
        }
        if self.sets_back(table) {
            referring_rows::release(self.statements, table.name, entry.row_id)?;
        }
        if let Some(key) = self.referrers.of_row(table, entry.row_id)? {
            if table.is_shared {
                // What refers to it may be undone later. The token then goes as well.
                let kept = self
                    .statements
                    .prepare("UPDATE chain_journal SET block = ?2 WHERE id = ?1")?
                    .run(&[Bound::Integer(entry.id), self.kept])?;
                return require_set_back(kept, "chain_journal");
            }
            return Err(self.referred(entry, key));
        }
        if state != RowState::Gone {
            let prepared = self.prepare(entry, new, Values::Whole)?;
            require_set_back(prepared.delete.run(&[row])?, table.name)?;
        }
        if table.has_lasting_ids {
            let retired = self.retired.entry(table.name).or_insert(entry.row_id);
            *retired = entry.row_id.max(*retired);
        }
        match table.name {
            "pools" | "managed_pools" => self.undone.pools += 1,
            "erc20_tokens" => self.undone.tokens += 1,
            _ => self.undone.rows += 1,
        }
        Ok(())
    }

    fn undo_update(&mut self, entry: &Entry, old: &str, new: &str) -> Result<(), JournalError> {
        let row = Bound::Integer(entry.row_id);
        match self.prepare(entry, new, Values::Whole)?.state(row, new)? {
            RowState::AsLeft => {}
            RowState::Gone if self.sets_back(entry.table) => return self.insert_again(entry, old),
            RowState::Changed if self.sets_back(entry.table) => {}
            RowState::Changed | RowState::Gone => return Err(self.changed(entry)),
        }
        let referring = self.referrers.of_values(entry.table, entry.row_id)?;
        let prepared = self.prepare(entry, old, Values::Changed)?;
        let restored = match prepared.restore.run(&[row, Bound::Text(old)]) {
            // Another row has the values that the row has to get.
            Err(error) if is_violation(&error) => return Err(self.changed(entry)),
            restored => restored?,
        };
        require_set_back(restored, entry.table.name)?;
        let still_referring = self.referrers.of_values(entry.table, entry.row_id)?;
        if let Some(key) = referring
            .into_iter()
            .find(|key| !still_referring.contains(key))
        {
            return Err(self.referred(entry, key));
        }
        self.undone.rows += 1;
        Ok(())
    }

    fn undo_delete(&mut self, entry: &Entry, old: &str) -> Result<(), JournalError> {
        if self.sets_back(entry.table) {
            let row = Bound::Integer(entry.row_id);
            // A row of others has the id by now.
            self.prepare(entry, old, Values::Whole)?
                .delete
                .run(&[row])?;
        }
        self.insert_again(entry, old)
    }

    fn insert_again(&mut self, entry: &Entry, old: &str) -> Result<(), JournalError> {
        let inserted = self
            .prepare(entry, old, Values::Whole)?
            .insert
            .run(&[Bound::Text(old)]);
        match inserted {
            Ok(inserted) => require_set_back(inserted, entry.table.name)?,
            // What the row belongs to is gone.
            Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))
                if self.sets_back(entry.table) =>
            {
                return Ok(());
            }
            // Another program has inserted such a row.
            Err(error) if is_violation(&error) => return Err(self.changed(entry)),
            Err(error) => return Err(error.into()),
        }
        self.undone.rows += 1;
        Ok(())
    }

    /// Whether a row of the table is set back, whatever has become of it.
    #[cfg(feature = "sync")]
    fn sets_back(&self, table: &JournaledTable) -> bool {
        self.otherwise == Otherwise::MarketsSetBack && table.is_of_markets()
    }

    #[cfg(not(feature = "sync"))]
    const fn sets_back(&self, _table: &JournaledTable) -> bool {
        match self.otherwise {
            Otherwise::Refused => false,
        }
    }

    /// The statements for the columns of `values`.
    fn prepare(
        &mut self,
        entry: &Entry,
        values: &str,
        which: Values,
    ) -> Result<&mut Prepared<'connection>, JournalError> {
        let malformed = || JournalError::Malformed { id: entry.id };
        let keys = columns_of(self.statements, values).map_err(|_| malformed())?;
        let table = entry.table;
        // The names become part of statements, so only those of the schema may pass.
        let columns: Option<Vec<&str>> = keys
            .split(',')
            .map(|key| table.columns.iter().copied().find(|name| *name == key))
            .collect();
        let columns = columns.ok_or_else(malformed)?;
        if !columns.contains(&table.key) && matches!(which, Values::Whole) {
            return Err(malformed());
        }
        match self.prepared.entry((table.name, keys)) {
            Slot::Occupied(found) => Ok(found.into_mut()),
            Slot::Vacant(missing) => {
                Ok(missing.insert(Prepared::new(self.statements, table, &columns)?))
            }
        }
    }

    /// The error of a row that others have changed.
    #[cold]
    fn changed(&self, entry: &Entry) -> JournalError {
        JournalError::Changed {
            table: entry.table.name.to_owned(),
            id: entry.row_id,
            pool: self.pool_of(entry).ok().flatten(),
            block: entry.block,
        }
    }

    /// The error of a row to which another one refers.
    #[cold]
    fn referred(&self, entry: &Entry, key: ReferringKey) -> JournalError {
        JournalError::Referred {
            table: entry.table.name,
            id: entry.row_id,
            pool: self.pool_of(entry).ok().flatten(),
            block: entry.block,
            key: Box::new(key),
        }
    }

    /// The address or hash of the pool that a row belongs to, if that can still be found.
    fn pool_of(&self, entry: &Entry) -> Result<Option<String>, Error> {
        let Some(column) = entry.table.pool_column() else {
            return Ok(None);
        };
        let values = entry.new_values.as_deref().or(entry.old_values.as_deref());
        let in_values = |name: &str| -> Result<Option<i64>, Error> {
            self.statements
                .prepare(&format!("SELECT json_extract(?1, '$.{name}')"))?
                .first_integer(&[Bound::text(values)])
        };
        let Some(id) = in_values(column)? else {
            return Ok(None);
        };
        let sql = if entry.table.columns.contains(&"managed_pool_id")
            || entry.table.name == "managed_pools"
        {
            "SELECT pool_hash FROM uniswap_v4_pools WHERE managed_pool_id = ?1"
        } else {
            "SELECT address FROM pools WHERE id = ?1"
        };
        let mut find = self.statements.prepare(sql)?;
        find.query(&[Bound::Integer(id)])?;
        let found = find.step()?.then(|| find.column(0).to_text());
        Ok(found)
    }
}

impl<'connection> Prepared<'connection> {
    fn new(
        statements: Statements<'connection>,
        table: &JournaledTable,
        columns: &[&str],
    ) -> Result<Self, Error> {
        let JournaledTable { name, key, .. } = table;
        let value =
            |column: &str, parameter: u8| format!("json_extract(?{parameter}, '$.{column}')");
        let compared: Vec<_> = columns
            .iter()
            .filter(|column| table.compared().contains(column))
            .filter(|column| !table.of_users().contains(column))
            .map(|column| format!("{column} IS {}", value(column, 2)))
            .collect();
        let set: Vec<_> = columns
            .iter()
            .filter(|column| !table.of_users().contains(column))
            .map(|column| format!("{column} = {}", value(column, 2)))
            .collect();
        let inserted: Vec<_> = columns.iter().map(|column| value(column, 1)).collect();
        Ok(Self {
            compare: statements.prepare(&format!(
                "SELECT {} FROM {name} WHERE {key} = ?1",
                compared.join(" AND ")
            ))?,
            restore: statements.prepare(&format!(
                "UPDATE {name} SET {} WHERE {key} = ?1",
                set.join(", ")
            ))?,
            insert: statements.prepare(&format!(
                "INSERT INTO {name} ({}) SELECT {}",
                columns.join(", "),
                inserted.join(", ")
            ))?,
            delete: statements.prepare(&format!("DELETE FROM {name} WHERE {key} = ?1"))?,
        })
    }

    /// Whether the row is there, and with these values.
    fn state(&mut self, row: Bound<'_>, values: &str) -> Result<RowState, Error> {
        let found = self.compare.first_integer(&[row, Bound::Text(values)])?;
        Ok(match found {
            Some(1) => RowState::AsLeft,
            Some(_) => RowState::Changed,
            None => RowState::Gone,
        })
    }
}

const fn is_violation(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(
            DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation,
            _
        )
    )
}

const fn require_set_back(changed: u64, table: &'static str) -> Result<(), JournalError> {
    if changed == 0 {
        return Err(JournalError::NotWritten { table });
    }
    Ok(())
}

/// The names in a JSON object, separated by commas.
fn columns_of(statements: Statements<'_>, values: &str) -> Result<String, Error> {
    let mut keys = statements.prepare("SELECT group_concat(key) FROM json_each(?1)")?;
    keys.query(&[Bound::Text(values)])?;
    if !keys.step()? {
        return Ok(String::new());
    }
    Ok(keys.column(0).to_text())
}
