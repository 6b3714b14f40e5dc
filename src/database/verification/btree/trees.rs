//! The b-trees of a database, and what each has to hold.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::database::connection::sql;
use crate::database::structure::catalogue::Affinity;
use crate::database::verification::btree::page::Sizes;
use crate::sqlite::pages::PagePlaces;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::stored::Stored;

/// The b-trees of a database.
pub(crate) struct Trees {
    pub(super) sizes: Sizes,
    pub(super) all: Vec<Tree>,
    /// The first page of the list of free pages, and how many pages the list has.
    pub(super) free: (u32, u32),
    /// Whether there is a pointer map, which names the parent of each page (`auto_vacuum`).
    pub(super) has_pointer_map: bool,
    /// The tables whose rows and indexes SQLite itself has to check.
    others: Vec<String>,
}

/// A b-tree.
pub(super) struct Tree {
    pub(super) root: u32,
    /// Whether its pages are those of an index. `None` for a table that SQLite itself checks: without rowids, it is kept
    /// like an index.
    pub(super) is_index: Option<bool>,
    pub(super) content: Content,
}

/// What a b-tree has to hold.
pub(super) enum Content {
    Rows(Rows),
    Entries(Entries),
    /// SQLite itself checks it.
    Any,
}

/// What the rows of a table have to hold.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) columns: Vec<ColumnRule>,
    /// The indexes, which must have an entry for each row.
    pub(super) indexes: Vec<IndexOfRows>,
}

pub(super) struct ColumnRule {
    pub(super) not_null: bool,
    pub(super) affinity: Affinity,
    /// Whether the column stands for the rowid. Its value in the record is ignored.
    pub(super) is_rowid: bool,
    pub(super) default: Default,
}

/// The value of a column that a short record lacks, such as that of a row from before the column was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Default {
    Null,
    Integer(i64),
    Text(String),
    Unknown,
}

impl Default {
    /// The value, if it is known.
    pub(super) fn stored(&self) -> Option<Stored<'_>> {
        match self {
            Self::Null => Some(Stored::Null),
            Self::Integer(number) => Some(Stored::Integer(*number)),
            Self::Text(text) => Some(Stored::Text(text.as_bytes())),
            Self::Unknown => None,
        }
    }
}

pub(super) struct IndexOfRows {
    /// The place of the index among the trees.
    pub(super) tree: usize,
    pub(super) columns: Vec<KeyColumn>,
}

/// A column of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyColumn {
    Rowid,
    /// A column of the table by its number.
    Column(usize),
}

/// What the entries of an index have to hold.
pub(super) struct Entries {
    /// The place of the table among the trees.
    pub(super) table: usize,
    /// The number of columns, with the rowid.
    pub(super) columns: usize,
    /// Whether no two entries have the same columns before the rowid, unless one is NULL.
    pub(super) is_unique: bool,
}

/// A table or an index as SQLite has read it.
struct Object {
    is_index: bool,
    name: String,
    table: String,
    root: u32,
    sql: String,
}

/// Why a table is left to SQLite.
struct Left;

impl Trees {
    /// Reads the b-trees of the schema. `roots` are the root pages that SQLite's check goes through. `None` if only SQLite's
    /// check can check the file as a whole.
    pub(crate) fn read(
        statements: Statements<'_>,
        places: &PagePlaces,
        roots: &[u32],
        is_quick: bool,
    ) -> QueryResult<Option<Self>> {
        let mut first = vec![0; places.page_size() as usize];
        let is_read = statements
            .page_reader()
            .is_some_and(|reader| reader.read(places, 1, &mut first));
        let Some(header) = first.first_chunk::<100>().filter(|_| is_read) else {
            return Ok(None);
        };
        let number = |at: usize| {
            let bytes = header
                .get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_be_bytes)
        };
        let last_root = roots.iter().max().copied().unwrap_or(0);
        let has_pointer_map = number(52) != 0;
        let is_known = number(56) == 1
            && if has_pointer_map {
                number(52) == last_root
            } else {
                number(64) == 0
            };
        let usable = first.len() - usize::from(header[20]);
        let Some(sizes) = Sizes::of(usable).filter(|_| is_known) else {
            return Ok(None);
        };
        let Some(objects) = objects(statements, roots)? else {
            return Ok(None);
        };
        let mut trees = Self {
            sizes,
            all: objects
                .iter()
                .map(|object| Tree {
                    root: object.root,
                    is_index: object.is_index.then_some(true),
                    content: Content::Any,
                })
                .collect(),
            free: (number(32), number(36)),
            has_pointer_map,
            others: Vec::new(),
        };
        for (place, object) in objects.iter().enumerate() {
            if object.is_index {
                continue;
            }
            match trees.describe(statements, &objects, place, object, is_quick)? {
                Ok(()) => {}
                Err(Left) if statements.is_read_only() && has_check(object) => return Ok(None),
                Err(Left) => trees.others.push(object.table.clone()),
            }
        }
        Ok(Some(trees))
    }

    /// The tables whose rows and indexes SQLite itself has to check. The structure of their b-trees is checked here.
    pub(crate) fn others(&self) -> &[String] {
        &self.others
    }

    /// Describes the rows of a table and the entries of its indexes.
    fn describe(
        &mut self,
        statements: Statements<'_>,
        objects: &[Object],
        place: usize,
        table: &Object,
        is_quick: bool,
    ) -> QueryResult<Result<(), Left>> {
        if has_check(table) || !is_plain(statements, &table.name)? {
            return Ok(Err(Left));
        }
        let Some(mut rows) = Rows::read(statements, &table.name)? else {
            return Ok(Err(Left));
        };
        let mut entries = Vec::new();
        let mut list = statements
            .prepare("SELECT name, \"unique\", partial, origin FROM pragma_index_list(?1)")?;
        list.query(&[Bound::Text(&table.name)])?;
        while list.step()? {
            let name = list.column(0).to_text();
            let is_partial = list.column(2) != Stored::Integer(0);
            let index = objects
                .iter()
                .position(|object| object.is_index && object.name == name);
            let columns = rows.key_columns(statements, &name)?;
            let (Some(tree), Some(columns), false) = (index, columns, is_partial) else {
                return Ok(Err(Left));
            };
            let is_unique = list.column(1) != Stored::Integer(0);
            entries.push((tree, columns.len(), is_unique));
            // A quick check counts the entries.
            rows.indexes.push(IndexOfRows {
                tree,
                columns: if is_quick { Vec::new() } else { columns },
            });
        }
        let of_table = objects
            .iter()
            .filter(|object| object.is_index && object.table == table.name);
        if of_table.count() != entries.len() {
            return Ok(Err(Left));
        }
        for (tree, columns, is_unique) in entries {
            if let Some(tree) = self.all.get_mut(tree) {
                tree.content = Content::Entries(Entries {
                    table: place,
                    columns: if is_quick { 0 } else { columns },
                    is_unique,
                });
            }
        }
        if let Some(tree) = self.all.get_mut(place) {
            tree.is_index = Some(false);
            tree.content = Content::Rows(rows);
        }
        Ok(Ok(()))
    }
}

impl Rows {
    /// Reads the columns of a table. `None` if SQLite computes some of them.
    fn read(statements: Statements<'_>, table: &str) -> QueryResult<Option<Self>> {
        let mut rows = Self::default();
        // A primary key with an index of its own is an ordinary column.
        let mut keys =
            statements.prepare("SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk'")?;
        let has_key_index = keys.first_integer(&[Bound::Text(table)])?.is_some();
        let mut columns = statements.prepare(
            "SELECT type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
        )?;
        columns.query(&[Bound::Text(table)])?;
        while columns.step()? {
            if columns.column(4) != Stored::Integer(0) {
                return Ok(None);
            }
            let affinity = Affinity::of(&columns.column(0).to_text());
            let is_rowid = columns.column(3) != Stored::Integer(0) && !has_key_index;
            let default = match columns.column(2) {
                Stored::Null => Default::Null,
                expression => default(&expression.to_text(), affinity),
            };
            rows.columns.push(ColumnRule {
                not_null: columns.column(1) != Stored::Integer(0),
                affinity,
                is_rowid,
                default,
            });
        }
        Ok(Some(rows))
    }

    /// The value of a column that a record lacks, if it is known.
    pub(super) fn default_of(&self, column: usize) -> Option<Stored<'_>> {
        self.columns.get(column)?.default.stored()
    }

    /// The columns of an index. `None` if its order or its values are not those of plain columns.
    fn key_columns(
        &self,
        statements: Statements<'_>,
        index: &str,
    ) -> QueryResult<Option<Vec<KeyColumn>>> {
        let mut columns = Vec::new();
        let mut list = statements
            .prepare("SELECT cid, \"desc\", coll FROM pragma_index_xinfo(?1) ORDER BY seqno")?;
        list.query(&[Bound::Text(index)])?;
        while list.step()? {
            let is_plain =
                list.column(1) == Stored::Integer(0) && list.column(2) == Stored::Text(b"BINARY");
            let number = list.column(0).as_integer().unwrap_or(-2);
            let column = match usize::try_from(number) {
                Ok(number) => match self.columns.get(number) {
                    Some(column) if column.is_rowid => Some(KeyColumn::Rowid),
                    // SQLite stores a real number without a fraction as an integer there.
                    Some(column) if column.affinity != Affinity::Real => {
                        Some(KeyColumn::Column(number))
                    }
                    _ => None,
                },
                Err(_) => (number == -1).then_some(KeyColumn::Rowid),
            };
            match column.filter(|_| is_plain) {
                Some(column) => columns.push(column),
                None => return Ok(None),
            }
        }
        Ok(columns.ends_with(&[KeyColumn::Rowid]).then_some(columns))
    }
}

/// Whether a table has rowids and types that SQLite converts values to.
fn is_plain(statements: Statements<'_>, table: &str) -> QueryResult<bool> {
    let mut list = statements.prepare(
        "SELECT wr = 0 AND strict = 0 AND type = 'table' FROM pragma_table_list(?1) WHERE schema = 'main'",
    )?;
    Ok(list.first_integer(&[Bound::Text(table)])? == Some(1))
}

/// Whether a table may have a CHECK constraint.
fn has_check(table: &Object) -> bool {
    table.sql.to_ascii_lowercase().contains("check")
}

/// The value of a default in a column of this affinity, if it is a plain literal.
fn default(expression: &str, affinity: Affinity) -> Default {
    let is_numeric = matches!(
        affinity,
        Affinity::Integer | Affinity::Numeric | Affinity::Blob
    );
    let is_textual = matches!(affinity, Affinity::Text | Affinity::Blob);
    let text = expression
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .filter(|text| !text.replace("''", "").contains('\''));
    match (expression.parse(), text) {
        (Ok(number), _) if is_numeric => Default::Integer(number),
        (_, Some(text)) if is_textual => Default::Text(text.replace("''", "'")),
        _ if expression.eq_ignore_ascii_case("NULL") => Default::Null,
        _ => Default::Unknown,
    }
}

/// The tables and indexes with these root pages, in the same order. `None` if one is unclear.
fn objects(statements: Statements<'_>, roots: &[u32]) -> QueryResult<Option<Vec<Object>>> {
    let mut by_root = BTreeMap::new();
    by_root.insert(
        1,
        Object {
            is_index: false,
            name: "sqlite_schema".to_owned(),
            table: "sqlite_schema".to_owned(),
            root: 1,
            sql: String::new(),
        },
    );
    let mut schema = statements.prepare(
        "SELECT type, name, tbl_name, rootpage, coalesce(sql, '') FROM sqlite_schema \
         WHERE type IN ('table', 'index') AND rootpage <> 0",
    )?;
    while schema.step()? {
        let root = schema.column(3).as_integer();
        let Some(root) = root.and_then(|root| u32::try_from(root).ok()) else {
            return Ok(None);
        };
        let [kind, name, table, sql] = [0, 1, 2, 4].map(|column| schema.column(column).to_text());
        let object = Object {
            is_index: kind == "index",
            name,
            table,
            root,
            sql,
        };
        if by_root.insert(root, object).is_some() {
            return Ok(None);
        }
    }
    let objects: Option<Vec<_>> = roots.iter().map(|root| by_root.remove(root)).collect();
    // Each object has to be among them.
    Ok(objects.filter(|_| by_root.is_empty()))
}

/// The statement that shows which root pages SQLite's check goes through.
pub(crate) fn roots(statements: Statements<'_>, pragma: &str) -> QueryResult<Option<Vec<u32>>> {
    let mut program = statements.prepare(&format!("EXPLAIN PRAGMA main.{pragma}"))?;
    let [opcode, roots] = [1, 5];
    let mut found = None;
    while program.step()? {
        if program.column(opcode).to_text() == "IntegrityCk" {
            let list = program.column(roots).to_text();
            let numbers = list.trim_matches(['[', ']']).split(',').map(str::parse);
            // A root page that is 0 would be the mark of a check that leaves something out.
            found = numbers
                .collect::<Result<Vec<u32>, _>>()
                .ok()
                .filter(|roots| !roots.contains(&0));
        }
    }
    Ok(found)
}

/// The statement that checks a table by itself.
pub(crate) fn is_sound_alone(
    statements: Statements<'_>,
    pragma: &str,
    table: &str,
) -> QueryResult<bool> {
    let mut check = statements.prepare(&format!("PRAGMA main.{pragma}({})", sql::name(table)))?;
    while check.step()? {
        if check.column(0) != Stored::Text(b"ok") {
            return Ok(false);
        }
    }
    Ok(true)
}
