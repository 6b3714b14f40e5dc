//! No migration loses a value, up or down.

use std::collections::BTreeMap;

use degenbot::database::catalogue::Catalogue;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

use crate::support::content::{self, Content};

/// What a migration drops on purpose when it is run: its version, the table, and the column or `None` for the whole table;
/// with the reason.
type Dropped = (
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static str,
);

/// None does so far. What the version before lacks goes with a downgrade; that needs no entry.
const DROPPED: &[Dropped] = &[];

/// The ids of the rows in each table.
const IDS: [i64; 3] = [11, 12, 13];

/// The order of the columns, which differs between databases of one version.
#[derive(Debug, Clone, Copy)]
enum Order {
    OfMigrations,
    Reversed,
}

#[test]
fn every_migration_keeps_the_values_of_every_column() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let files = FileBasedMigrations::from_path(folder).unwrap();
    let mut migrations = MigrationSource::<Sqlite>::migrations(&files).unwrap();
    migrations.sort_by_key(|migration| migration.name().version().to_string());
    for (index, migration) in migrations.iter().enumerate().skip(1) {
        let version = migration.name().version().to_string();
        for order in [Order::OfMigrations, Order::Reversed] {
            let [mut older, mut newer] =
                [index, index + 1].map(|count| filled(&migrations[..count], order));
            let (of_older, of_newer) = (columns(&mut older), columns(&mut newer));

            let before = content::of_connection(&mut older);
            in_one_transaction(&mut older, |connection| {
                connection
                    .run_migration(migration)
                    .unwrap_or_else(|error| panic!("{version}: {error}"));
            });
            let kept = of_older
                .iter()
                .filter(|column| !is_dropped(&version, column));
            let what = format!("{version}, up, {order:?}");
            require_kept(&before, &mut older, kept, &what);

            let before = content::of_connection(&mut newer);
            in_one_transaction(&mut newer, |connection| {
                connection
                    .revert_migration(migration)
                    .unwrap_or_else(|error| panic!("{version}: {error}"));
            });
            let kept = of_older.iter().filter(|column| of_newer.contains(column));
            let what = format!("{version}, down, {order:?}");
            require_kept(&before, &mut newer, kept, &what);
        }
    }
}

/// Runs or reverts a migration inside the one transaction of an upgrade. A migration that ends it would commit a part of the
/// upgrade, and its error would say that nothing was changed.
fn in_one_transaction(connection: &mut SqliteConnection, run: impl FnOnce(&mut SqliteConnection)) {
    connection
        .transaction(|connection| {
            connection.batch_execute("SAVEPOINT begun")?;
            run(connection);
            connection.batch_execute("RELEASE begun")
        })
        .unwrap();
}

fn is_dropped(version: &str, (table, column): &(String, String)) -> bool {
    DROPPED.iter().any(|(of, from, dropped, _)| {
        version == *of && from == table && dropped.is_none_or(|it| it == column)
    })
}

/// Fails unless these columns have the values that they had, and the connection is as a migration must leave it.
fn require_kept<'column>(
    before: &Content,
    connection: &mut SqliteConnection,
    kept: impl Iterator<Item = &'column (String, String)>,
    what: &str,
) {
    let after = content::of_connection(connection);
    let mut by_table: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, column) in kept {
        by_table.entry(table).or_default().push(column);
    }
    for (table, columns) in by_table {
        let [before, after] = [before, &after].map(|content| {
            let mut rows = content
                .get(table)
                .unwrap_or_else(|| panic!("{what}: no {table}"))
                .clone();
            rows.retain_columns(|column| columns.contains(&column));
            rows
        });
        assert_eq!(before, after, "{what}: {table}");
    }
    for (query, expected) in [
        (
            "SELECT \"table\" AS line FROM pragma_foreign_key_check",
            vec![],
        ),
        (
            "SELECT CAST(legacy_alter_table AS TEXT) AS line FROM pragma_legacy_alter_table",
            vec!["0"],
        ),
    ] {
        assert_eq!(
            content::lines(connection, query),
            expected,
            "{what}: {query}"
        );
    }
}

/// A database in memory after these migrations, with rows in every table.
fn filled(migrations: &[Box<dyn Migration<Sqlite>>], order: Order) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .unwrap();
    connection.applied_migrations().unwrap();
    for migration in migrations {
        connection.run_migration(migration).unwrap();
    }
    if matches!(order, Order::Reversed) {
        let before = Catalogue::read(&mut connection).unwrap();
        for table in tables(&mut connection) {
            reverse_columns(&mut connection, &table);
        }
        assert_eq!(Catalogue::read(&mut connection).unwrap(), before);
    }
    for (place, table) in tables(&mut connection).iter().enumerate() {
        fill(&mut connection, place, table);
    }
    connection
}

/// The tables but those of stamps, which the migrations write themselves.
fn tables(connection: &mut SqliteConnection) -> Vec<String> {
    let mut tables: Vec<_> = Catalogue::read(connection)
        .unwrap()
        .tables
        .into_keys()
        .collect();
    tables.retain(|table| {
        !["__diesel_schema_migrations", "alembic_version"].contains(&table.as_str())
    });
    tables
}

/// Each column with its table.
fn columns(connection: &mut SqliteConnection) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    for table in tables(connection) {
        for column in declared(connection, &table) {
            columns.push((table.clone(), column.name));
        }
    }
    columns
}

#[derive(QueryableByName)]
struct Declared {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
    /// The type, and what follows it.
    #[diesel(sql_type = diesel::sql_types::Text)]
    declaration: String,
    /// What values of its type can begin with.
    #[diesel(sql_type = diesel::sql_types::Text)]
    prefix: String,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    is_nullable: bool,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    is_key: bool,
    /// Whether it refers to the id of a row.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    refers: bool,
}

fn declared(connection: &mut SqliteConnection, table: &str) -> Vec<Declared> {
    diesel::sql_query(format!(
        "SELECT c.name, c.type || iif(c.\"notnull\", ' NOT NULL', '') || coalesce(' DEFAULT ' || c.dflt_value, '') \
             || coalesce(' REFERENCES ' || k.\"table\" || ' (' || k.\"to\" || ')', '') AS declaration, \
           iif(c.type LIKE '%CHAR%' OR c.type LIKE '%TEXT%', 'v', '') AS prefix, NOT c.\"notnull\" AS is_nullable, \
           c.pk > 0 AS is_key, k.\"from\" NOTNULL AS refers \
         FROM pragma_table_info('{table}') AS c LEFT JOIN pragma_foreign_key_list('{table}') AS k ON k.\"from\" = c.name \
         ORDER BY c.cid"
    ))
    .load(connection)
    .unwrap()
}

/// Creates an empty table again, with its columns in the reverse order.
fn reverse_columns(connection: &mut SqliteConnection, table: &str) {
    let columns = declared(connection, table);
    let keys: Vec<_> = columns.iter().filter(|column| column.is_key).collect();
    assert_eq!(keys.len(), 1, "the primary key of {table}");
    let indexes = content::lines(
        connection,
        &format!(
            "SELECT sql AS line FROM sqlite_schema WHERE type = 'index' AND tbl_name = '{table}' AND sql NOTNULL"
        ),
    );
    let reversed: Vec<_> = columns
        .iter()
        .rev()
        .map(|column| format!("{} {}", column.name, column.declaration))
        .collect();
    let (reversed, key, indexes) = (reversed.join(", "), &keys[0].name, indexes.join("; "));
    connection
        .batch_execute(&format!(
            "DROP TABLE {table}; CREATE TABLE {table} ({reversed}, PRIMARY KEY ({key})); {indexes}"
        ))
        .unwrap_or_else(|error| panic!("{table}: {error}"));
}

/// Inserts rows. No two values of a table are equal but those of foreign keys, and none is a default. The last row is NULL
/// wherever it can be.
fn fill(connection: &mut SqliteConnection, place: usize, table: &str) {
    let columns = declared(connection, table);
    for (row, id) in IDS.into_iter().enumerate() {
        let values: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let number = 1000 * (place + 1) + 10 * index + row;
                match column {
                    Declared { is_key: true, .. } => id.to_string(),
                    Declared {
                        is_nullable: true, ..
                    } if row + 1 == IDS.len() => "NULL".to_owned(),
                    Declared { refers: true, .. } => IDS[(row + index) % IDS.len()].to_string(),
                    // SQLite makes a number of it where the column has numbers.
                    Declared { prefix, .. } => format!("'{prefix}{number}'"),
                }
            })
            .collect();
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        connection
            .batch_execute(&format!(
                "INSERT INTO {table} ({}) VALUES ({})",
                names.join(", "),
                values.join(", ")
            ))
            .unwrap_or_else(|error| panic!("{table}: {error}"));
    }
}
