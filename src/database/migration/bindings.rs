//! Bindings: the columns that the names and positions in the user's views and triggers stand for.
//!
//! An object can still compile after a migration and mean something else: a name binds to a column of another table, a
//! natural join compares other columns, or a value goes to another column because the columns are in another order.
//! SQLite's authorizer says what an object reads and writes, before and after.
//!
//! Reads by name must stay the same. A `*` may read more or less than before. A table with one column more shows what
//! depends on a `*`: each `*` reads that column too, and what takes columns by position does not compile with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::firing;
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;
use crate::database::migration::sql_tokens::{Token, tokens};
use crate::database::migration::working::Present;
use crate::sqlite::authorizer::AccessKind;

/// Returns the views, triggers and indexes that work before and after, and mean something else, each with the reason.
///
/// `new` has the schema of `after`, without its triggers.
pub(super) fn changed(
    path: &Path,
    before: &Present,
    after: &Present,
    new: &mut Compiler<'_>,
) -> Result<Vec<String>, Error> {
    let mut copy = before.copy(path)?;
    let mut old = copy.compiler(path);
    let relations = Relation::of(&mut old, new, &before.others)?;
    let changes = changes(&relations);
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let views = before.others.iter().filter(|object| object.kind == "view");
    let mut uses = Vec::new();
    for object in views.chain(&before.triggers) {
        // A migration can have renamed a column in a statement.
        let mut now = after.others.iter().chain(&after.triggers);
        let Some(now) = now.find(|now| now.kind == object.kind && now.name == object.name) else {
            continue;
        };
        let (before, after) = (Bindings::of(&mut old, object)?, Bindings::of(new, now)?);
        if before.statements > 0 && after.statements > 0 {
            uses.push(Use {
                object,
                before,
                after,
                stars: BTreeMap::new(),
                positions_of: None,
            });
        }
    }
    for change in &changes {
        old.undone(|old| {
            change.widen(old, &before.free_name)?;
            uses.iter_mut()
                .try_for_each(|one| one.compare_with_wider(old, &before.free_name, change))
        })?;
    }
    let describe = |one: &Use<'_>| {
        let reason = changed_join(one.object, &relations)
            .or_else(|| one.changed_columns())
            .or_else(|| changed_name(one.object, &relations))?;
        Some(format!(
            "{} {} ({reason})",
            one.object.kind, one.object.name
        ))
    };
    let mut found: Vec<_> = uses.iter().filter_map(describe).collect();
    for index in before.others.iter().filter(|object| object.kind == "index") {
        if let Some(reason) = changed_index(index, &relations) {
            found.push(format!("index {} ({reason})", index.name));
        }
    }
    Ok(found)
}

/// A table or a view with its columns before and after a migration.
struct Relation<'object> {
    name: &'object str,
    is_table: bool,
    before: Vec<String>,
    after: Vec<String>,
}

impl<'object> Relation<'object> {
    fn of(
        old: &mut Compiler<'_>,
        new: &mut Compiler<'_>,
        objects: &'object [Object],
    ) -> Result<Vec<Self>, Error> {
        let mut relations = Vec::new();
        for object in objects {
            if ["table", "view"].contains(&object.kind.as_str()) {
                relations.push(Self {
                    name: &object.name,
                    is_table: object.kind == "table",
                    before: old.columns(&object.name, true)?.unwrap_or_default(),
                    after: new.columns(&object.name, true)?.unwrap_or_default(),
                });
            }
        }
        Ok(relations)
    }
}

/// Tables whose columns change alike.
struct Change<'object> {
    tables: Vec<&'object str>,
    /// Whether a column that stays gets another position.
    is_of_positions: bool,
}

fn changes<'object>(relations: &[Relation<'object>]) -> Vec<Change<'object>> {
    let mut alike: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for relation in relations.iter().filter(|relation| relation.is_table) {
        let Relation { before, after, .. } = relation;
        // What uses a table that goes does not compile any more.
        if before != after && !after.is_empty() {
            alike
                .entry((before, after))
                .or_default()
                .push(relation.name);
        }
    }
    alike
        .into_iter()
        .map(|((before, after), tables)| Change {
            tables,
            is_of_positions: !before.starts_with(after) && !after.starts_with(before),
        })
        .collect()
}

impl Change<'_> {
    /// Adds a column to each of the tables. The names differ so that no natural join compares them.
    fn widen(&self, compiler: &mut Compiler<'_>, free_name: &str) -> Result<(), Error> {
        for (number, table) in self.tables.iter().enumerate() {
            let table = sql::name(table);
            let add = format!("ALTER TABLE main.{table} ADD COLUMN {free_name}{number}");
            // A table whose columns change is an ordinary one.
            let _ = compiler.attempt(&add)?;
        }
        Ok(())
    }
}

/// What a view or a trigger reads and writes.
struct Bindings {
    /// How many statements of the object compile: one for a view, one for each event of a trigger.
    statements: usize,
    /// How often each column is read, as table and column.
    reads: BTreeMap<(String, String), usize>,
    /// The tables and views that are read or written to.
    relations: BTreeSet<String>,
}

impl Bindings {
    fn of(compiler: &mut Compiler<'_>, object: &Object) -> Result<Self, Error> {
        let accesses = if object.kind == "view" {
            let query = format!("SELECT 1 FROM main.{} LIMIT 0", sql::name(&object.name));
            compiler.accesses(&query)?.into_iter().collect()
        } else {
            firing::accesses(compiler, object)?
        };
        let mut bindings = Self {
            statements: accesses.len(),
            reads: BTreeMap::new(),
            relations: BTreeSet::new(),
        };
        for access in accesses.into_iter().flatten() {
            bindings.relations.insert(access.table.clone());
            if let AccessKind::Read(column) = access.kind
                && !column.is_empty()
            {
                *bindings.reads.entry((access.table, column)).or_default() += 1;
            }
        }
        Ok(bindings)
    }
}

/// How an object uses columns before and after a migration.
struct Use<'object> {
    object: &'object Object,
    before: Bindings,
    after: Bindings,
    /// How many times each table and view is read with `*`.
    stars: BTreeMap<String, usize>,
    /// A table of whose columns the object depends on positions that change.
    positions_of: Option<String>,
}

impl Use<'_> {
    /// Finds out how the object depends on tables that have one column more now.
    fn compare_with_wider(
        &mut self,
        compiler: &mut Compiler<'_>,
        free_name: &str,
        change: &Change<'_>,
    ) -> Result<(), Error> {
        let mut tables = change.tables.iter();
        let Some(table) = tables.find(|table| self.before.relations.contains(**table)) else {
            return Ok(());
        };
        if !change.is_of_positions && self.before.reads == self.after.reads {
            return Ok(());
        }
        let wider = Bindings::of(compiler, self.object)?;
        if change.is_of_positions && wider.statements < self.before.statements {
            self.positions_of = Some((*table).to_owned());
        }
        for ((relation, column), count) in wider.reads {
            if column.starts_with(free_name) {
                let stars = self.stars.entry(relation).or_default();
                *stars = count.max(*stars);
            }
        }
        Ok(())
    }

    /// Why the object means other columns than before, if it does.
    fn changed_columns(&self) -> Option<String> {
        if let Some(table) = &self.positions_of {
            return Some(format!(
                "takes the columns of {table} in their order, which would change"
            ));
        }
        let count =
            |bindings: &Bindings, read| bindings.reads.get(read).copied().unwrap_or_default();
        let mut gone = Vec::new();
        let mut added = Vec::new();
        for read in self.before.reads.keys().chain(self.after.reads.keys()) {
            let (relation, column) = read;
            let by_star = self.stars.get(relation).copied().unwrap_or_default();
            match (count(&self.before, read), count(&self.after, read)) {
                (before, after) if before == after => {}
                (0, count) | (count, 0) if count == by_star => {}
                (before, after) if before > after => {
                    gone.push(format!("would no longer read {relation}.{column}"));
                }
                _ => added.push(format!("would read {relation}.{column}")),
            }
        }
        gone.into_iter().chain(added).next()
    }
}

/// Why the joins of an object compare other columns than before, if they do. SQLite's authorizer does not say which columns
/// NATURAL and USING compare: those that several of the joined relations have, and those that are listed.
fn changed_join(object: &Object, relations: &[Relation<'_>]) -> Option<String> {
    let tokens = tokens(&object.statement);
    let is_natural = tokens.windows(2).any(|pair| match pair {
        [Token::Word(first), Token::Word(second)] => {
            first == "natural" && JOINS.contains(&second.as_str())
        }
        _ => false,
    });
    let listed = columns_of_using(&tokens);
    if !is_natural && listed.is_empty() {
        return None;
    }
    let words: BTreeSet<_> = tokens.iter().filter_map(word).collect();
    let joined = relations.iter().filter(|relation| {
        // A view names itself too.
        let is_itself = object.kind == "view" && relation.name == object.name;
        !is_itself && words.contains(relation.name.to_ascii_lowercase().as_str())
    });
    let mut with_column: BTreeMap<String, [BTreeSet<&str>; 2]> = BTreeMap::new();
    for relation in joined {
        for (time, columns) in [&relation.before, &relation.after].into_iter().enumerate() {
            for column in columns {
                let column = column.to_ascii_lowercase();
                with_column.entry(column).or_default()[time].insert(relation.name);
            }
        }
    }
    let changed = with_column.into_iter().find(|(column, [before, after])| {
        before != after
            && before.len().max(after.len()) > 1
            && (is_natural || listed.contains(column.as_str()))
    });
    changed.map(|(column, _)| format!("would join by other columns because of {column}"))
}

/// What can follow NATURAL.
const JOINS: [&str; 7] = ["join", "left", "right", "full", "inner", "cross", "outer"];

/// The columns that the USING clauses of a statement list, in lower case.
fn columns_of_using(tokens: &[Token]) -> BTreeSet<&str> {
    let mut listed = BTreeSet::new();
    for (place, pair) in tokens.windows(2).enumerate() {
        let [Token::Word(first), Token::Open] = pair else {
            continue;
        };
        if first == "using" {
            let columns = tokens.iter().skip(place + 2);
            listed.extend(
                columns
                    .take_while(|token| **token != Token::Close)
                    .filter_map(word),
            );
        }
    }
    listed
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

/// Why a column of a view is another one under the same name, if one is. SQLite numbers columns that have a name already:
/// a column that a `*` brings takes the name, and the one that had it becomes `NAME:1`.
fn changed_name(object: &Object, relations: &[Relation<'_>]) -> Option<String> {
    let mut views = relations.iter().filter(|relation| !relation.is_table);
    let view = views.find(|view| object.kind == "view" && view.name == object.name)?;
    let numbered = |more: &[String], fewer: &[String]| {
        let added = more.iter().filter(|name| !fewer.contains(name));
        let mut names = added.filter_map(|name| {
            let (name, number) = name.rsplit_once(':')?;
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| name.to_owned())
        });
        names.find(|name| fewer.contains(name))
    };
    let name =
        numbered(&view.after, &view.before).or_else(|| numbered(&view.before, &view.after))?;
    Some(format!("would have another column as {name}"))
}

/// Why an index takes a column for what was a text, if it may. In an index, SQLite takes a name in double quotes for a text
/// as long as no column has it.
fn changed_index(index: &Object, relations: &[Relation<'_>]) -> Option<String> {
    if !has_quoted_name(index) {
        return None;
    }
    let mut tables = relations.iter().filter(|relation| relation.is_table);
    let table = tables.find(|table| table.name == index.owner)?;
    let tokens = tokens(&index.statement);
    let words: BTreeSet<_> = tokens.iter().filter_map(word).collect();
    let mut added = table
        .after
        .iter()
        .filter(|column| !table.before.contains(column));
    let column = added.find(|column| words.contains(column.to_ascii_lowercase().as_str()))?;
    Some(format!("would read {}.{column}", table.name))
}

/// Whether something stands in double quotes in the statement of an object.
pub(super) fn has_quoted_name(object: &Object) -> bool {
    object.statement.contains('"')
}
