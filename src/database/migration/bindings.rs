//! Bindings: the columns that the names and positions in the user's views and triggers stand for.
//!
//! An object can still compile after a migration and mean something else: a name binds to a column of another table, a
//! natural join compares other columns, or a value goes to another column because the columns are in another order.
//!
//! What SQLite makes of an object shows that, in copies of the schema. Where a name matters, the bytecode differs from
//! that in a copy in which the column that comes or goes is called otherwise. Where a position matters, the object does
//! not compile with a table that has more columns in the middle, or it sorts by one of these. So no SQL is parsed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::slice;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::bytecode::Program;
use crate::database::migration::conflict_clauses::UniqueKeys;
use crate::database::migration::firing;
use crate::database::migration::not_null::{Clauses, NotNullColumns};
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;
use crate::database::migration::sql_tokens::{
    Token, tokens, with_columns, without_collations, without_conflict_clauses,
};
use crate::database::migration::working::Present;
use crate::database::structure::sql_name;

/// How many columns are added to a table to find out what depends on the positions of others. A statement has fewer
/// columns of its own between a `*` and the one whose number it uses.
const MORE_COLUMNS: usize = 40;

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
    let tables = changed_tables(&mut old, new, &before.others)?;
    let keys = UniqueKeys::changed(&mut old, new, &before.others)?;
    let not_null = NotNullColumns::changed(&mut old, new, &before.others)?;
    if tables.is_empty() && keys.is_empty() && not_null.is_empty() {
        return Ok(Vec::new());
    }
    let views = before.others.iter().filter(|object| object.kind == "view");
    let mut uses = Vec::new();
    for object in views.chain(&before.triggers) {
        // A migration can have renamed a column in a statement.
        let mut now = after.others.iter().chain(&after.triggers);
        if let Some(now) = now.find(|now| now.kind == object.kind && now.name == object.name) {
            uses.push(Use::of(&mut old, new, object, now)?);
        }
    }
    let mut reasons = Reasons::default();
    look_at_names(path, before, Time::Before, &tables, &uses, &mut reasons)?;
    look_at_names(path, after, Time::After, &tables, &uses, &mut reasons)?;
    for alike in groups_alike(&tables) {
        look_at_positions(path, before, &alike, &uses, &mut reasons)?;
    }
    for (number, one) in uses.iter().enumerate() {
        for (before, after) in one.programs().flatten() {
            reasons.add(number, || keys.relied_on_before(before));
            reasons.add(number, || keys.relied_on_after(after));
        }
        if one.object.kind != "trigger" || not_null.is_empty() {
            continue;
        }
        let before = one.clauses(&mut old, one.object, &one.before)?;
        let after = one.clauses(new, one.now, &one.after)?;
        for (before, after) in before.iter().zip(&after) {
            let (Some(before), Some(after)) = (before, after) else {
                continue;
            };
            reasons.add(number, || not_null.relied_on_before(before));
            reasons.add(number, || not_null.fails_after(before, after));
        }
    }
    let mut found: Vec<_> = reasons
        .0
        .into_iter()
        .filter_map(|(number, reason)| {
            let object = uses.get(number)?.object;
            Some(format!("{} {} ({reason})", object.kind, object.name))
        })
        .collect();
    for index in before.others.iter().filter(|object| object.kind == "index") {
        if let Some(reason) = changed_index(index, &tables) {
            found.push(format!("index {} ({reason})", index.name));
        }
    }
    Ok(found)
}

/// The first reason found for each object, by the number of its use.
#[derive(Debug, Default)]
struct Reasons(BTreeMap<usize, String>);

impl Reasons {
    fn add(&mut self, number: usize, find: impl FnOnce() -> Option<String>) {
        if !self.0.contains_key(&number)
            && let Some(reason) = find()
        {
            self.0.insert(number, reason);
        }
    }
}

/// A table with its columns before and after a migration, which differ.
#[derive(Debug)]
struct ChangedTable<'object> {
    name: &'object str,
    before: Vec<String>,
    after: Vec<String>,
}

fn changed_tables<'object>(
    old: &mut Compiler<'_>,
    new: &mut Compiler<'_>,
    objects: &'object [Object],
) -> Result<Vec<ChangedTable<'object>>, Error> {
    let mut tables = Vec::new();
    for (name, after) in new.remaining_tables(objects)? {
        let before = old.columns(name, true)?.unwrap_or_default();
        if before != after {
            tables.push(ChangedTable {
                name,
                before,
                after,
            });
        }
    }
    Ok(tables)
}

/// The tables whose columns change alike.
fn groups_alike<'tables>(
    tables: &'tables [ChangedTable<'tables>],
) -> Vec<Vec<&'tables ChangedTable<'tables>>> {
    let mut alike: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for table in tables {
        let columns = (&table.before, &table.after);
        alike.entry(columns).or_default().push(table);
    }
    alike.into_values().collect()
}

/// A view or a trigger, with what SQLite makes of it before and after a migration.
struct Use<'object> {
    object: &'object Object,
    now: &'object Object,
    /// The columns that the table of a trigger has before and after.
    columns: Vec<String>,
    /// The names of a view's columns, before and after.
    names: [Vec<String>; 2],
    before: Vec<Option<Program>>,
    after: Vec<Option<Program>>,
}

impl<'object> Use<'object> {
    fn of(
        old: &mut Compiler<'_>,
        new: &mut Compiler<'_>,
        object: &'object Object,
        now: &'object Object,
    ) -> Result<Self, Error> {
        let owner = &object.owner;
        let mut columns = old.columns(owner, false)?.unwrap_or_default();
        let remaining = new.columns(owner, false)?.unwrap_or_default();
        columns.retain(|column| sql_name::is_among(column, &remaining));
        Ok(Self {
            object,
            now,
            before: programs(old, object, &columns)?,
            after: programs(new, now, &columns)?,
            names: [names(old, object)?, names(new, now)?],
            columns,
        })
    }

    /// The programs before and after, `None` for what does not work at both times.
    fn programs(&self) -> impl Iterator<Item = Option<(&Program, &Program)>> {
        let both = self.before.iter().zip(&self.after);
        both.map(|(before, after)| Some((before.as_ref()?, after.as_ref()?)))
    }

    /// The programs of a trigger with and without its conflict clauses, `None` for what does not work.
    fn clauses<'program>(
        &self,
        compiler: &mut Compiler<'_>,
        trigger: &Object,
        with: &'program [Option<Program>],
    ) -> Result<Vec<Option<Clauses<'program>>>, Error> {
        let mut plain = trigger.clone();
        plain.statement = without_conflict_clauses(&trigger.statement);
        let without = programs(compiler, &plain, &self.columns)?;
        let both = with.iter().zip(without).map(|(with, without)| {
            Some(Clauses {
                with: with.as_ref()?,
                without: without?,
            })
        });
        Ok(both.collect())
    }
}

/// What SQLite makes of an object: of a query of a view, of each event of a trigger. `columns` are those of its table.
fn programs(
    compiler: &mut Compiler<'_>,
    object: &Object,
    columns: &[String],
) -> Result<Vec<Option<Program>>, Error> {
    if object.kind != "view" {
        return firing::programs(compiler, object, columns);
    }
    let query = format!("EXPLAIN SELECT * FROM main.{}", sql::name(&object.name));
    Ok(vec![compiler.program(&query)?.ok()])
}

/// The names of a view's columns. SQLite numbers those that have a name already: a column that a `*` brings takes the
/// name, and the one that had it becomes `NAME:1`.
fn names(compiler: &mut Compiler<'_>, object: &Object) -> Result<Vec<String>, Error> {
    if object.kind != "view" {
        return Ok(Vec::new());
    }
    Ok(compiler.columns(&object.name, false)?.unwrap_or_default())
}

/// Before or after the migration.
#[derive(Debug, Clone, Copy)]
enum Time {
    Before,
    After,
}

/// A column that comes or goes.
#[derive(Debug)]
struct Column<'tables> {
    table: &'tables str,
    name: &'tables str,
    /// The name that it has in a copy, which nothing else has.
    free_name: String,
}

impl Column<'_> {
    fn rename(&self) -> String {
        let (table, name) = (sql::name(self.table), sql::name(self.name));
        let free_name = &self.free_name;
        format!("ALTER TABLE main.{table} RENAME COLUMN {name} TO {free_name}")
    }
}

/// The columns that one time has and the other lacks.
fn columns_beyond<'tables>(
    present: &Present,
    time: Time,
    tables: &'tables [ChangedTable<'_>],
) -> Vec<Column<'tables>> {
    let mut found = Vec::new();
    for table in tables {
        let (columns, others) = match time {
            Time::Before => (&table.before, &table.after),
            Time::After => (&table.after, &table.before),
        };
        let beyond = columns
            .iter()
            .filter(|name| !sql_name::is_among(name, others));
        for name in beyond {
            found.push(Column {
                table: table.name,
                name,
                free_name: format!("{}{}_", present.free_name, found.len()),
            });
        }
    }
    found
}

/// Finds out what depends on the names of columns that only one time has, whose objects are `present`.
fn look_at_names(
    path: &Path,
    present: &Present,
    time: Time,
    tables: &[ChangedTable<'_>],
    uses: &[Use<'_>],
    reasons: &mut Reasons,
) -> Result<(), Error> {
    let columns = columns_beyond(present, time, tables);
    if columns.is_empty() {
        return Ok(());
    }
    let reason = |column: &Column<'_>| {
        let Column { table, name, .. } = column;
        let what = match time {
            Time::Before => "without",
            Time::After => "with the new column",
        };
        format!("would mean something else {what} {table}.{name}")
    };
    let mut depending = by_name(path, present, time, &columns, uses)?;
    for column in &columns {
        if depending.is_empty() {
            return Ok(());
        }
        for number in by_name(path, present, time, slice::from_ref(column), uses)? {
            reasons.add(number, || Some(reason(column)));
            depending.remove(&number);
        }
    }
    // They depend on several columns together.
    for number in depending {
        reasons.add(number, || columns.first().map(reason));
    }
    Ok(())
}

/// The uses that depend on the names of these columns.
fn by_name(
    path: &Path,
    present: &Present,
    time: Time,
    columns: &[Column<'_>],
    uses: &[Use<'_>],
) -> Result<BTreeSet<usize>, Error> {
    let statements: Vec<_> = columns.iter().map(Column::rename).collect();
    let real_names: BTreeMap<_, _> = columns
        .iter()
        .map(|column| (column.free_name.clone(), column.name.to_owned()))
        .collect();
    let mut copy = present.changed_copy(path, &statements, |object| object.statement.clone())?;
    let mut compiler = copy.compiler(path);
    let mut depending = BTreeSet::new();
    for (number, one) in uses.iter().enumerate() {
        let object = match time {
            Time::Before => one.object,
            Time::After => one.now,
        };
        let [names_before, names_after] = &one.names;
        let expected = match time {
            Time::Before => names_before,
            Time::After => names_after,
        };
        let renamed = programs(&mut compiler, object, &one.columns)?;
        let found = names(&mut compiler, object)?;
        // What has a name of its own in any case must not get it from a column that comes or goes.
        let is_same = |(name, expected): (&String, &String)| {
            name == expected || name.starts_with(&present.free_name)
        };
        let works = one.programs().any(|both| both.is_some());
        if works && !found.iter().zip(expected).all(is_same) {
            depending.insert(number);
        }
        for (both, renamed) in one.programs().zip(renamed) {
            let Some((before, after)) = both else {
                continue;
            };
            let program = match time {
                Time::Before => before,
                Time::After => after,
            };
            if renamed
                .map(|renamed| renamed.with_names(&real_names))
                .as_ref()
                != Some(program)
            {
                depending.insert(number);
            }
        }
    }
    Ok(depending)
}

/// Finds out what depends on positions of columns that change, of tables that change alike.
fn look_at_positions(
    path: &Path,
    before: &Present,
    tables: &[&ChangedTable<'_>],
    uses: &[Use<'_>],
    reasons: &mut Reasons,
) -> Result<(), Error> {
    let depending = by_position(path, before, tables, uses)?;
    if depending.is_empty() {
        return Ok(());
    }
    let mut add = |table: &ChangedTable<'_>, depending: &BTreeMap<usize, Position>| {
        for (number, position) in depending {
            reasons.add(*number, || Some(position.reason(table.name)));
        }
    };
    for table in tables {
        add(table, &by_position(path, before, &[table], uses)?);
    }
    if let Some(table) = tables.first() {
        add(table, &depending);
    }
    Ok(())
}

/// How an object depends on the positions of columns.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// It takes all columns in their order.
    Order,
    /// It sorts or groups by the number of a column.
    Number,
}

impl Position {
    fn reason(self, table: &str) -> String {
        match self {
            Self::Order => {
                format!("takes the columns of {table} in their order, which would change")
            }
            Self::Number => {
                format!("sorts or groups by the number of a column, which {table} would change")
            }
        }
    }
}

/// The uses that depend on where the columns of these tables are that change.
fn by_position(
    path: &Path,
    present: &Present,
    tables: &[&ChangedTable<'_>],
    uses: &[Use<'_>],
) -> Result<BTreeMap<usize, Position>, Error> {
    let more = |number: usize| {
        let names =
            (0..MORE_COLUMNS).map(|column| format!("{}{number}_{column}", present.free_name));
        // The collation of a column goes with it, and shows where rows are sorted by it.
        let columns: Vec<_> = names.map(|name| format!("{name} COLLATE {name}")).collect();
        columns.join(", ")
    };
    let statement = |object: &Object| {
        let table = tables
            .iter()
            .position(|table| object.kind == "table" && table.name == object.name);
        let wider = table.and_then(|number| {
            let ChangedTable { before, after, .. } = tables.get(number)?;
            let same = before
                .iter()
                .zip(after)
                .take_while(|(before, after)| before == after);
            with_columns(&object.statement, same.count(), &more(number))
        });
        wider.unwrap_or_else(|| match object.kind.as_str() {
            "view" => without_collations(&object.statement),
            _ => object.statement.clone(),
        })
    };
    let mut copy = present.changed_copy(path, &[], statement)?;
    let mut compiler = copy.compiler(path);
    let mut depending = BTreeMap::new();
    for (number, one) in uses.iter().enumerate() {
        let mut object = one.object.clone();
        object.statement = without_collations(&object.statement);
        let wider = programs(&mut compiler, &object, &one.columns)?;
        for (_, wider) in one.programs().zip(wider).filter(|(both, _)| both.is_some()) {
            let Some(wider) = wider else {
                depending.insert(number, Position::Order);
                continue;
            };
            let sorts = (0..tables.len()).any(|table| {
                let prefix = format!("{}{table}_", present.free_name);
                wider.sorts_by_some(&prefix, MORE_COLUMNS)
            });
            if sorts {
                depending.entry(number).or_insert(Position::Number);
            }
        }
    }
    Ok(depending)
}

/// Why an index takes a column for what was a text, if it may. In an index, SQLite takes a name in double quotes for a
/// text as long as no column has it.
fn changed_index(index: &Object, tables: &[ChangedTable<'_>]) -> Option<String> {
    if !has_quoted_name(index) {
        return None;
    }
    let table = tables.iter().find(|table| table.name == index.owner)?;
    let tokens = tokens(&index.statement);
    let has_word = |column: &str| {
        let column = column.to_ascii_lowercase();
        tokens
            .iter()
            .any(|token| matches!(token, Token::Word(word) if *word == column))
    };
    let mut added = table
        .after
        .iter()
        .filter(|column| !table.before.contains(column));
    let column = added.find(|column| has_word(column))?;
    Some(format!("would read {}.{column}", table.name))
}

/// Whether something stands in double quotes in the statement of an object.
pub(super) fn has_quoted_name(object: &Object) -> bool {
    object.statement.contains('"')
}
