//! The migrations and the real databases agree.

use degenbot::database::catalogue::{Catalogue, Difference};
use degenbot::database::{SchemaObject, SchemaVersion};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::support::cases;
use crate::support::content::{self, Content};
use crate::support::corpus::Copy;
use crate::support::rows;
use crate::support::versions::newest_of_corpus;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// A database in memory after the first `count` migrations.
fn migrated(count: usize) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .unwrap();
    connection.applied_migrations().unwrap();
    let migrations = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).unwrap();
    for migration in &migrations[..count] {
        connection.run_migration(migration).unwrap();
    }
    connection
}

fn catalogue(connection: &mut SqliteConnection) -> Catalogue {
    let mut catalogue = Catalogue::read(connection).unwrap();
    catalogue.tables.remove("__diesel_schema_migrations");
    catalogue
}

/// The differences in either direction; empty for structures that are the same to a program.
fn differences(one: &Catalogue, other: &Catalogue) -> (Vec<Difference>, Vec<SchemaObject>) {
    let mut differences = one.differences_from(other);
    differences.extend(other.differences_from(one));
    let mut extras = one.extras_beyond(other);
    extras.extend(other.extras_beyond(one));
    (differences, extras)
}

#[test]
fn each_migration_leads_to_the_structure_of_its_alembic_revision() {
    let references = [
        ("eb4080485a56", "fresh/fresh-0.5.0b4.db"),
        ("eb4080485a56", "fresh/fresh-0.5.0.db"),
        ("eb4080485a56", "upgraded/b2chain-0.5.0b4.db"),
        ("a512dbce9854", "upgraded/alembic-at-a512dbce9854.db"),
        ("5d2dfe7292b3", "upgraded/alembic-at-5d2dfe7292b3.db"),
        ("9c411aeeb15e", "upgraded/alembic-at-9c411aeeb15e.db"),
        ("b0b9e84d5527", "fresh/fresh-0.6.0a1.db"),
        ("b0b9e84d5527", "upgraded/b2chain-0.6.0a1.db"),
        ("e0aaad8ad486", "upgraded/direct-0.5.0-to-0.6.0a2.db"),
        ("2606a6c7f5ee", "fresh/fresh-0.6.0a3.db"),
        ("2606a6c7f5ee", "upgraded/b2chain-0.6.0a10.db"),
        (
            "2606a6c7f5ee",
            "upgraded/assisted-a2chain-at-2606a6c7f5ee.db",
        ),
    ];
    let name = |(_, name): &(&str, &str)| (*name).to_owned();
    cases::map(&references, name, |&(revision, name)| {
        let index = SchemaVersion::all()
            .position(|version| version.alembic_revision() == Some(revision))
            .unwrap();
        let mut ours = migrated(index + 1);
        let copy = Copy::of(name);
        let mut theirs = content::connect(&copy.path);
        let difference = differences(&catalogue(&mut ours), &catalogue(&mut theirs));
        assert_eq!(difference, (vec![], vec![]), "{name}");
        let stamp = content::lines(&mut ours, "SELECT version_num AS line FROM alembic_version");
        assert_eq!(stamp, [revision]);
    });
}

#[test]
fn every_migration_reverts_and_reruns_with_rows_in_every_table() {
    let full = rows::in_every_table();
    let versions: Vec<_> = SchemaVersion::all().collect();
    let first = catalogue(&mut migrated(1));
    let shapes = [
        // Created by this program, and upgraded by Alembic with constraints that have names.
        ("ours", None),
        ("alembic's", Some("upgraded/b2chain-0.6.0a10.db")),
    ];
    for (shape, name) in shapes {
        let mut connection = match name {
            None => {
                let mut connection = migrated(versions.len());
                copy_rows(&mut connection, &full.path);
                connection
            }
            Some(name) => {
                let copy = Copy::of(name);
                let mut connection = SqliteConnection::establish(":memory:").unwrap();
                connection
                    .deserialize_readonly_database_from_buffer(&rollback_image(&copy.path))
                    .unwrap();
                let mut writable = SqliteConnection::establish(":memory:").unwrap();
                clone_into(&mut connection, &mut writable);
                writable
            }
        };
        connection
            .batch_execute("PRAGMA foreign_keys = OFF")
            .unwrap();
        let migrations = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).unwrap();
        connection.applied_migrations().unwrap();
        if name.is_some() {
            let by_alembic = versions
                .iter()
                .filter(|version| **version < newest_of_corpus());
            let (by_alembic, ours) = migrations.split_at(by_alembic.count());
            for migration in by_alembic {
                let version = migration.name().version().to_string();
                diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES (?)")
                    .bind::<Text, _>(version)
                    .execute(&mut connection)
                    .unwrap();
            }
            for migration in ours {
                connection.run_migration(migration).unwrap();
            }
        }
        let top = catalogue(&mut connection);
        let of_first = |connection: &mut SqliteConnection| -> Content {
            let mut content = content::of_connection(connection);
            content.retain(|table, _| first.tables.contains_key(table));
            for (table, rows) in &mut content {
                rows.retain_columns(|column| first.tables[table].columns.contains_key(column));
            }
            content
        };
        let rows = of_first(&mut connection);
        for (index, migration) in migrations.iter().enumerate().skip(1).rev() {
            connection.revert_migration(migration).unwrap();
            let below = catalogue(&mut migrated(index));
            assert_eq!(
                differences(&catalogue(&mut connection), &below),
                (vec![], vec![]),
                "{shape}: down to {}",
                versions[index - 1]
            );
            let stamp = content::lines(
                &mut connection,
                "SELECT version_num AS line FROM alembic_version",
            );
            assert_eq!(stamp, [versions[index - 1].alembic_stamp().unwrap()]);
            assert_eq!(violations(&mut connection), 0);
        }
        for migration in &migrations[1..] {
            connection.run_migration(migration).unwrap();
        }
        assert_eq!(
            differences(&catalogue(&mut connection), &top),
            (vec![], vec![]),
            "{shape}"
        );
        // What the first stable schema already had went through it all untouched.
        assert_eq!(of_first(&mut connection), rows, "{shape}");
        for migration in migrations.iter().rev() {
            connection.revert_migration(migration).unwrap();
        }
        assert!(catalogue(&mut connection).tables.is_empty());
    }
}

/// The database as an image that can be read in memory, where there is no WAL mode.
fn rollback_image(path: &std::path::Path) -> Vec<u8> {
    content::connect(path)
        .batch_execute("PRAGMA journal_mode = DELETE")
        .unwrap();
    std::fs::read(path).unwrap()
}

/// Copies schema and rows of one connection's database into an empty one.
fn clone_into(from: &mut SqliteConnection, to: &mut SqliteConnection) {
    to.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    for statement in content::lines(
        from,
        "SELECT sql AS line FROM sqlite_schema WHERE sql IS NOT NULL \
         ORDER BY type = 'table' DESC",
    ) {
        to.batch_execute(&statement).unwrap();
    }
    for (table, rows) in content::of_connection(from) {
        insert(to, &table, &rows);
    }
}

fn copy_rows(connection: &mut SqliteConnection, from: &std::path::Path) {
    for (table, rows) in content::of(from) {
        if !["__diesel_schema_migrations", "alembic_version"].contains(&table.as_str()) {
            assert!(!rows.rows.is_empty(), "no rows in {table}");
            insert(connection, &table, &rows);
        }
    }
}

fn insert(connection: &mut SqliteConnection, table: &str, rows: &content::Rows) {
    for row in &rows.rows {
        let values: Vec<_> = row
            .iter()
            .map(|cell| match cell.split_at(1) {
                ("t", hex) => format!("CAST(x'{hex}' AS TEXT)"),
                ("b", hex) => format!("x'{hex}'"),
                ("n", _) => "NULL".to_owned(),
                (_, number) => number.to_owned(),
            })
            .collect();
        let columns: Vec<_> = rows.columns.iter().map(|c| format!("\"{c}\"")).collect();
        connection
            .batch_execute(&format!(
                "INSERT INTO \"{table}\" ({}) VALUES ({})",
                columns.join(", "),
                values.join(", ")
            ))
            .unwrap();
    }
}

fn violations(connection: &mut SqliteConnection) -> usize {
    content::lines(
        connection,
        "SELECT \"table\" AS line FROM pragma_foreign_key_check",
    )
    .len()
}

#[test]
fn no_migration_runs_outside_a_transaction() {
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    for entry in std::fs::read_dir(migrations).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let mut names: Vec<_> = std::fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(names, ["down.sql", "up.sql"], "{}", path.display());
        }
    }
}
