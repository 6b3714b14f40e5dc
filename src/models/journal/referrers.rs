//! The foreign keys by which other rows refer to a row that is taken back.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use diesel::result::Error;

use crate::models::journal::journal_error::ReferringKey;
use crate::models::journal::tables::JournaledTable;
use crate::sqlite::prepared::{Bound, Statement, Statements};

/// Finds rows that refer to others. A downgrade takes blocks back while SQLite does not check foreign keys, and a user's
/// own key can refer to any columns that are unique.
pub(super) struct Referrers<'connection> {
    statements: Statements<'connection>,
    /// Whether SQLite checks foreign keys itself.
    are_keys_enforced: bool,
    by_table: HashMap<&'static str, Vec<Referrer<'connection>>>,
}

/// A foreign key to a table.
struct Referrer<'connection> {
    key: ReferringKey,
    /// The columns that it refers to.
    columns: Vec<String>,
    /// Finds a row that refers by it to the row with an id.
    find: Statement<'connection>,
}

impl<'connection> Referrers<'connection> {
    pub(super) fn new(statements: Statements<'connection>) -> Result<Self, Error> {
        let enforced = statements
            .prepare("PRAGMA foreign_keys")?
            .first_integer(&[])?;
        Ok(Self {
            statements,
            are_keys_enforced: enforced == Some(1),
            by_table: HashMap::new(),
        })
    }

    /// A foreign key by which a row refers to the row of this table with this id. If SQLite checks foreign keys, only the
    /// tables are looked at whose rows stay because others refer to them: it checks the others itself, and does what
    /// their keys say.
    pub(super) fn of_row(
        &mut self,
        table: &'static JournaledTable,
        id: i64,
    ) -> Result<Option<ReferringKey>, Error> {
        if self.are_keys_enforced && !table.has_lasting_ids {
            return Ok(None);
        }
        for referrer in self.to(table)? {
            if referrer.is_found(id)? {
                return Ok(Some(referrer.key.clone()));
            }
        }
        Ok(None)
    }

    /// The foreign keys by which rows refer to other values of the row than its id, if SQLite does not check foreign keys.
    pub(super) fn of_values(
        &mut self,
        table: &'static JournaledTable,
        id: i64,
    ) -> Result<Vec<ReferringKey>, Error> {
        let mut keys = Vec::new();
        if !self.are_keys_enforced {
            for referrer in self.to(table)? {
                let is_of_values = referrer.columns.iter().any(|column| column != table.key);
                if is_of_values && referrer.is_found(id)? {
                    keys.push(referrer.key.clone());
                }
            }
        }
        Ok(keys)
    }

    fn to(
        &mut self,
        table: &'static JournaledTable,
    ) -> Result<&mut Vec<Referrer<'connection>>, Error> {
        Ok(match self.by_table.entry(table.name) {
            Slot::Occupied(found) => found.into_mut(),
            Slot::Vacant(missing) => missing.insert(keys_to(self.statements, table)?),
        })
    }
}

impl Referrer<'_> {
    fn is_found(&mut self, id: i64) -> Result<bool, Error> {
        Ok(self.find.first_integer(&[Bound::Integer(id)])?.is_some())
    }
}

/// The foreign keys that refer to a table.
fn keys_to<'connection>(
    statements: Statements<'connection>,
    table: &JournaledTable,
) -> Result<Vec<Referrer<'connection>>, Error> {
    // A key without names of columns refers to the primary key. One that refers to no column of the table refers to no
    // row either.
    let mut columns = statements.prepare(
        "SELECT m.name, k.id, k.\"from\", \
           (SELECT p.name FROM pragma_table_xinfo(?1) AS p \
            WHERE CASE WHEN k.\"to\" IS NULL THEN p.pk = k.seq + 1 ELSE p.name = k.\"to\" COLLATE NOCASE END) AS parent \
         FROM main.sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS k \
         WHERE m.type = 'table' AND k.\"table\" = ?1 COLLATE NOCASE AND parent NOTNULL ORDER BY m.name, k.id, k.seq",
    )?;
    columns.query(&[Bound::Text(table.name)])?;
    let mut keys: Vec<(String, i64, Vec<[String; 2]>)> = Vec::new();
    while columns.step()? {
        let (child, id) = (columns.column(0).to_text(), columns.key(1));
        let pair = [2, 3].map(|column| columns.column(column).to_text());
        match keys.last_mut() {
            Some((last, last_id, pairs)) if *last == child && *last_id == id => pairs.push(pair),
            _ => keys.push((child, id, vec![pair])),
        }
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    keys.into_iter()
        .map(|(child, _, pairs)| {
            // The column of the parent comes first: its collation decides, as in a check of foreign keys.
            let are_equal: Vec<_> = pairs
                .iter()
                .map(|[from, to]| format!("p.{} = c.{}", quoted(to), quoted(from)))
                .collect();
            let find = statements.prepare(&format!(
                "SELECT 1 FROM main.{} AS p CROSS JOIN main.{} AS c WHERE p.{} = ?1 AND {} LIMIT 1",
                table.name,
                quoted(&child),
                table.key,
                are_equal.join(" AND ")
            ))?;
            let (from, columns): (Vec<_>, Vec<_>) =
                pairs.into_iter().map(|[from, to]| (from, to)).unzip();
            let key = ReferringKey {
                table: child,
                columns: from.join(", "),
            };
            Ok(Referrer { key, columns, find })
        })
        .collect()
}
