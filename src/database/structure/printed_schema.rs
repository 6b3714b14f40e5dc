//! The test that compares `src/schema.rs` with the output of `diesel print-schema`.

use std::fmt::Write;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::MigrationHarness;

use crate::database::connection::open::open_in_memory;
use crate::database::connection::sql::lines;
use crate::database::structure::pending_migrations::all_migrations;

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = BigInt)]
    not_null: i64,
    #[diesel(sql_type = BigInt)]
    primary_key: i64,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    column: String,
}

/// The output of `diesel print-schema` for the migrations, with the settings of `diesel.toml`.
fn printed_schema() -> String {
    let mut connection = open_in_memory().unwrap();
    connection.applied_migrations().unwrap();
    for migration in all_migrations() {
        connection.run_migration(&*migration).unwrap();
    }
    let mut text = String::from("// @generated automatically by Diesel CLI.\n\n");
    let tables = lines(
        &mut connection,
        "SELECT name AS line FROM sqlite_schema WHERE type = 'table' \
         AND name <> '__diesel_schema_migrations' ORDER BY name",
    )
    .unwrap();
    for table in &tables {
        let columns: Vec<ColumnRow> = diesel::sql_query(format!(
            "SELECT name, type AS declared, \"notnull\" AS not_null, pk AS primary_key \
             FROM pragma_table_xinfo('{table}') ORDER BY cid"
        ))
        .load(&mut connection)
        .unwrap();
        let key: Vec<_> = columns
            .iter()
            .filter(|column| column.primary_key > 0)
            .map(|column| column.name.as_str())
            .collect();
        write!(
            text,
            "diesel::table! {{\n    {table} ({}) {{\n",
            key.join(", ")
        )
        .unwrap();
        for column in &columns {
            let declared = column.declared.split('(').next().unwrap();
            let rust = match declared {
                "INTEGER" if column.primary_key > 0 => "BigInt",
                "INTEGER" => "Integer",
                "BIGINT" => "BigInt",
                "VARCHAR" | "TEXT" => "Text",
                "BOOLEAN" => "Bool",
                other => panic!("{table}.{}: {other}", column.name),
            };
            let rust = if column.not_null == 0 {
                format!("Nullable<{rust}>")
            } else {
                rust.to_owned()
            };
            writeln!(text, "        {} -> {rust},", column.name).unwrap();
        }
        text.push_str("    }\n}\n\n");
    }
    // A key is joinable if it is the only one between its two tables.
    let keys: Vec<ForeignKeyRow> = diesel::sql_query(
        "SELECT t.name AS child, k.\"table\" AS parent, k.\"from\" AS \"column\" \
         FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS k WHERE t.type = 'table' \
         ORDER BY child, parent",
    )
    .load(&mut connection)
    .unwrap();
    for key in &keys {
        let between = keys
            .iter()
            .filter(|other| {
                (&other.child, &other.parent) == (&key.child, &key.parent)
                    || (&other.child, &other.parent) == (&key.parent, &key.child)
            })
            .count();
        if between == 1 {
            writeln!(
                text,
                "diesel::joinable!({} -> {} ({}));",
                key.child, key.parent, key.column
            )
            .unwrap();
        }
    }
    text.push_str("\ndiesel::allow_tables_to_appear_in_same_query!(\n");
    for table in &tables {
        writeln!(text, "    {table},").unwrap();
    }
    text.push_str(");\n");
    text
}

#[test]
fn schema_rs_is_what_diesel_prints_for_the_migrations() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/schema.rs");
    let printed = printed_schema();
    // Without the diesel CLI, this writes `src/schema.rs` as `diesel migration run` does.
    if std::env::var_os("DEGENBOT_WRITE_SCHEMA").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        printed,
        "src/schema.rs is stale; write it with `diesel migration run` or \
         DEGENBOT_WRITE_SCHEMA=1 cargo test --lib schema_rs"
    );
}
