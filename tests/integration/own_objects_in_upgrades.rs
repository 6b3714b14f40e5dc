//! What an upgrade would break of the user's own is refused by name, and what it would not break stays.

use degenbot::database::{
    ErrorKind, MigrateOptions, latest_database_version, migrate_sqlite_database, plan_migration,
    plan_upgrade, upgrade_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::corpus::{self, Copy, upgrade_options};

pub fn changed(name: &str, statements: &str) -> Copy {
    let copy = Copy::of(name);
    content::connect(&copy.path)
        .batch_execute(statements)
        .unwrap();
    copy
}

/// What is a text in double quotes stays one.
#[test]
fn rebuild_keeps_objects_with_texts_in_double_quotes() {
    let copy = changed(
        "populated/populated-0.5.0a2.db",
        "CREATE VIEW mine AS SELECT \"a text\" AS value, \"address\" FROM pools; \
         CREATE TABLE notes (a); CREATE INDEX noted ON pools (address) WHERE kind <> \"a text\"; \
         CREATE TRIGGER kept AFTER INSERT ON notes BEGIN UPDATE notes SET a = \"a text\"; END",
    );
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    let mut connection = content::connect(&copy.path);
    connection
        .batch_execute("INSERT INTO notes VALUES (1)")
        .unwrap();
    for query in [
        "SELECT value AS line FROM mine LIMIT 1",
        "SELECT a AS line FROM notes",
    ] {
        assert_eq!(content::lines(&mut connection, query), ["a text"]);
    }
}

#[test]
fn rebuild_refuses_names_that_the_new_version_needs() {
    for (statement, object) in [
        ("CREATE INDEX lfj_pools ON pools (kind)", "index lfj_pools"),
        (
            "CREATE INDEX IX_erc20_tokens_chain ON erc20_tokens (symbol)",
            "index IX_erc20_tokens_chain",
        ),
        (
            "CREATE TABLE ix_exchange_deployments_exchange_id (a)",
            "table ix_exchange_deployments_exchange_id",
        ),
    ] {
        for name in corpus::names(&["populated"]) {
            let is_early = ["0.5.0a", "0.5.0b"]
                .iter()
                .any(|release| name.contains(release));
            if !is_early {
                continue;
            }
            let copy = changed(name, statement);
            let before = copy.files();
            let options = upgrade_options();
            let error = upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::NamesTaken { .. }),
                "{name}, {statement}: {error}"
            );
            assert!(error.to_string().ends_with(object), "{name}: {error}");
            assert!(error.hint().contains("Give them other names"));
            let planned = plan_upgrade(&copy.path, &options).unwrap_err();
            assert_eq!(planned.to_string(), error.to_string());
            assert_eq!(copy.files(), before, "{name}");
        }
    }
}

/// SQLite takes a foreign key to columns that are not a key, and then refuses what is written to either table.
#[test]
fn upgrade_refuses_to_break_a_foreign_key_of_the_user() {
    for (release, table, column) in [
        ("0.5.0a1", "pools", "address"),
        ("0.5.0b1", "uniswap_v4_pools", "pool_hash"),
        ("0.5.0b2", "uniswap_v4_pools", "pool_hash"),
    ] {
        let name = format!("populated/populated-{release}.db");
        let refused = Copy::of(&name);
        let kept = Copy::of(&name);
        for (copy, parent) in [
            (&refused, format!("{table} ({column})")),
            (&kept, table.to_owned()),
        ] {
            content::connect(&copy.path)
                .batch_execute(&format!(
                    "CREATE TABLE mine (a, b REFERENCES {parent}, c REFERENCES pools (kind))"
                ))
                .unwrap();
        }
        let before = refused.files();
        let options = upgrade_options();
        let error = upgrade_sqlite_database(&refused.path, &options, &mut ()).unwrap_err();
        assert!(
            error.to_string().ends_with(&format!(
                "table mine (refers to {table}({column}), which would no longer be a key)"
            )),
            "{release}: {error}"
        );
        let planned = plan_upgrade(&refused.path, &options).unwrap_err();
        assert_eq!(planned.to_string(), error.to_string(), "{release}");
        assert_eq!(refused.files(), before, "{release}");
        // A foreign key that cannot be used before is the user's own affair, and one to the primary key stays.
        upgrade_sqlite_database(&kept.path, &options, &mut ()).unwrap();
    }
}

/// SQLite calls a function that it does not know a missing table, if it is to have rows.
#[test]
fn plan_tells_a_table_function_of_the_users_program_from_a_missing_table() {
    let target = WITHOUT_COLUMN.parse().unwrap();
    for (object, reason) in [
        (
            "VIEW mine AS SELECT * FROM Generate_Series(1, 3)",
            "needs what only your program defines",
        ),
        ("VIEW mine AS SELECT * FROM gone", "stands in the way"),
        (
            "TRIGGER mine AFTER INSERT ON pools BEGIN INSERT INTO gone(a) VALUES (1); END",
            "stands in the way",
        ),
    ] {
        let copy = Copy::upgraded("populated/populated-0.6.0a17.db");
        content::connect(&copy.path)
            .batch_execute(&format!("CREATE {object}"))
            .unwrap();
        let told = plan_migration(&copy.path, target).unwrap_err().to_string();
        assert!(told.contains(reason), "{object}: {told}");
    }
}

/// A migration replaces stamps while foreign keys are off.
#[test]
fn migration_refuses_to_break_a_foreign_key_to_a_stamp() {
    let alembic = |stamp: &str, action: &str| {
        format!(
            "CREATE TABLE mine (a REFERENCES alembic_version (version_num) {action}); \
             INSERT INTO mine VALUES ('{stamp}')"
        )
    };
    let diesel = |version: &str| {
        format!(
            "CREATE TABLE mine (a REFERENCES __DIESEL_schema_migrations); \
             INSERT INTO mine VALUES ('{version}')"
        )
    };
    for (name, statements, stamp) in [
        (
            "populated/populated-0.5.0.db",
            alembic("eb4080485a56", ""),
            "alembic_version.version_num eb4080485a56",
        ),
        (
            "populated/populated-0.5.0.db",
            alembic("eb4080485a56", "ON UPDATE CASCADE"),
            "alembic_version.version_num eb4080485a56",
        ),
        (
            A2,
            alembic("756fba1f75f4", ""),
            "alembic_version.version_num 756fba1f75f4",
        ),
    ] {
        let told = refused_upgrade(name, &statements);
        let reason = format!(": table mine (refers to {stamp}, which would go)");
        assert!(told.ends_with(&reason), "{name}: {told}");
    }
    let told = refused_downgrade(WITHOUT_COLUMN, &diesel("20260402000000"));
    let reason = ": table mine (refers to __diesel_schema_migrations.version 20260402000000, which would go)";
    assert!(told.ends_with(reason), "{told}");
    // It stays, or is broken already.
    let broken = format!("PRAGMA foreign_keys = OFF; {}", alembic("none", ""));
    let copy = changed("populated/populated-0.5.0.db", &broken);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    let copy = Copy::upgraded("populated/populated-0.5.0.db");
    content::connect(&copy.path)
        .batch_execute(&diesel("20251108000000"))
        .unwrap();
    let (from, to) = (latest_database_version(), WITHOUT_COLUMN.parse().unwrap());
    migrate_sqlite_database(&copy.path, from, to, &MigrateOptions::default()).unwrap();
}

/// An upgrade drops the table with the stamp of another lineage, and a rebuild all tables of stamps.
#[test]
fn upgrade_refuses_to_drop_additions_to_the_tables_of_stamps() {
    let rust_core = "populated/populated-0.6.0a17.db";
    for (name, statement, addition) in [
        (
            "populated/populated-0.5.0b1.db",
            "ALTER TABLE alembic_version ADD COLUMN mine",
            "column alembic_version.mine",
        ),
        (
            "populated/populated-0.5.0a1.db",
            "CREATE TABLE __diesel_schema_migrations (mine INT); INSERT INTO __diesel_schema_migrations VALUES (1)",
            "column __diesel_schema_migrations.mine",
        ),
        (
            rust_core,
            "ALTER TABLE _degenbot_db_schema_version ADD COLUMN mine",
            "column _degenbot_db_schema_version.mine",
        ),
        (
            rust_core,
            "CREATE INDEX mine ON _degenbot_db_schema_version (schema_version)",
            "index mine (on _degenbot_db_schema_version)",
        ),
    ] {
        let copy = changed(name, statement);
        let before = copy.files();
        let options = upgrade_options();
        let error = upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
        assert!(
            error.to_string().ends_with(addition),
            "{statement}: {error}"
        );
        let planned = plan_upgrade(&copy.path, &options).unwrap_err();
        assert_eq!(planned.to_string(), error.to_string());
        assert_eq!(copy.files(), before, "{statement}");
    }
}

/// What only looks as if it would be broken.
#[test]
fn upgrade_keeps_triggers_on_generated_columns_and_foreign_keys_to_later_tables() {
    for name in [
        "populated/populated-0.5.0a1.db",
        "populated/populated-0.6.0a4.db",
    ] {
        let copy = changed(
            name,
            "CREATE TABLE mine (a, g AS (a * 2) STORED, v AS (a * 3), \
                 b REFERENCES aave_v3_users (address), c REFERENCES missing (d)); \
             CREATE TRIGGER of_generated AFTER UPDATE OF a, g, v ON mine BEGIN SELECT 1; END",
        );
        let options = upgrade_options();
        plan_upgrade(&copy.path, &options).unwrap();
        upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    }
}

/// A rebuild stores hashes as texts, where early releases had bytes.
#[test]
fn rebuild_refuses_to_break_a_foreign_key_of_the_user() {
    let table = |key: &str| {
        format!(
            "CREATE UNIQUE INDEX hashed ON uniswap_v4_pools (pool_hash, managed_pool_id); \
             CREATE TABLE mine (h, m INTEGER, FOREIGN KEY {key}); \
             INSERT INTO mine SELECT pool_hash, managed_pool_id FROM uniswap_v4_pools LIMIT 3"
        )
    };
    let by_hash = table("(h, m) REFERENCES uniswap_v4_pools (pool_hash, managed_pool_id)");
    let copy = changed("populated/populated-0.5.0a2.db", &by_hash);
    let before = copy.files();
    let refused = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap_err();
    let ErrorKind::ForeignKeysBroken { violations } = &refused.kind else {
        panic!("{refused}");
    };
    let violations: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(
        violations,
        [1, 2, 3].map(|row| format!("mine row {row} (to uniswap_v4_pools)"))
    );
    assert_eq!(copy.files(), before);

    let by_id = table("(m) REFERENCES managed_pools (id)");
    let copy = changed("populated/populated-0.5.0a2.db", &by_id);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
}

pub const A2: &str = "populated/populated-0.5.0a2.db";
pub const B2: &str = "populated/populated-0.5.0b2.db";

/// What an upgrade to the newest version says about a database with these objects. It changes nothing, and its plan says
/// the same.
pub fn refused_upgrade(name: &str, statements: &str) -> String {
    let copy = changed(name, statements);
    let before = copy.files();
    let options = upgrade_options();
    let Err(error) = upgrade_sqlite_database(&copy.path, &options, &mut ()) else {
        panic!("{name}, {statements}");
    };
    let planned = plan_upgrade(&copy.path, &options).unwrap_err();
    assert_eq!(planned.to_string(), error.to_string(), "{statements}");
    assert_eq!(copy.files(), before, "{statements}");
    error.to_string()
}

/// The version that is downgraded. The way back from a later one may drop a column, which SQLite refuses on its own where an
/// object is broken.
pub const FROM: &str = "20261128000000";

/// What a downgrade says.
pub fn refused_downgrade(target: &str, statements: &str) -> String {
    let from = FROM.parse().unwrap();
    let copy = Copy::of("populated/populated-0.6.0a17.db");
    let upgrade = upgrade_options().target(from);
    upgrade_sqlite_database(&copy.path, &upgrade, &mut ()).unwrap();
    content::connect(&copy.path)
        .batch_execute(statements)
        .unwrap();
    let before = content::of(&copy.path);
    let target = target.parse().unwrap();
    let Err(planned) = plan_migration(&copy.path, target) else {
        panic!("{statements}");
    };
    let options = MigrateOptions::default();
    let Err(error) = migrate_sqlite_database(&copy.path, from, target, &options) else {
        panic!("{statements}");
    };
    assert_eq!(planned.to_string(), error.to_string(), "{statements}");
    assert_eq!(content::of(&copy.path), before, "{statements}");
    error.to_string()
}

/// SQLite keeps the table of a trigger and the parent of a foreign key as a statement writes them.
#[test]
fn letter_case_of_names_makes_no_difference_to_a_migration() {
    for (target, statements, lost) in [
        (
            WITHOUT_COLUMN,
            "CREATE TRIGGER mine AFTER UPDATE ON @pools \
             BEGIN UPDATE aave_v3_assets SET price_source = 'x' WHERE id = -1; END",
            "trigger mine",
        ),
        (
            WITHOUT_COLUMN,
            "CREATE TRIGGER mine AFTER UPDATE OF price_source ON @aave_v3_assets BEGIN SELECT 1; END",
            "trigger mine (no such column: aave_v3_assets.price_source)",
        ),
        (
            WITHOUT_TABLE,
            "CREATE TABLE mine (id INTEGER PRIMARY KEY, pool REFERENCES @lfj_pools (pool_id))",
            "table mine (refers to lfj_pools)",
        ),
    ] {
        for name in [str::to_owned, str::to_uppercase] {
            let told = refused_downgrade(target, &spelled(statements, name));
            assert!(told.to_lowercase().contains(lost), "{statements}: {told}");
        }
    }
    for (statements, lost) in [
        (
            "CREATE TRIGGER mine AFTER INSERT ON @alembic_version BEGIN SELECT 1; END",
            None,
        ),
        (
            "CREATE TABLE _alembic_tmp_pools (id); \
             CREATE TRIGGER mine AFTER INSERT ON @_alembic_tmp_pools BEGIN SELECT 1; END",
            Some("trigger mine (on _alembic_tmp_pools, which goes)"),
        ),
        (
            "CREATE TRIGGER mine AFTER INSERT ON @metadata BEGIN SELECT 1; END",
            Some("trigger mine (on metadata, which goes)"),
        ),
        (
            "CREATE TABLE mine (a REFERENCES @metadata (key))",
            Some("table mine (refers to metadata)"),
        ),
        (
            "CREATE TRIGGER mine AFTER INSERT ON @pools BEGIN SELECT new.id; END",
            None,
        ),
    ] {
        for name in [str::to_owned, str::to_uppercase] {
            let statements = spelled(statements, name);
            let Some(lost) = lost else {
                let copy = changed(A2, &statements);
                upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
                let triggers = "SELECT name AS line FROM sqlite_schema WHERE type = 'trigger'";
                let triggers = content::lines(&mut content::connect(&copy.path), triggers);
                assert_eq!(triggers, ["mine"], "{statements}");
                continue;
            };
            let told = refused_upgrade(A2, &statements);
            assert!(told.to_lowercase().contains(lost), "{statements}: {told}");
        }
    }
}

/// Statements with the name after `@` in other letters.
fn spelled(statements: &str, spell: fn(&str) -> String) -> String {
    let (before, after) = statements.split_once('@').unwrap();
    let (name, after) = after.split_once(' ').unwrap();
    format!("{before}{} {after}", spell(name))
}

/// The newest version without a column of `aave_v3_assets`, `price_source`.
pub const WITHOUT_COLUMN: &str = "b0b9e84d5527";
/// The newest version without the table `lfj_pools`.
const WITHOUT_TABLE: &str = "2606a6c7f5ee";

#[test]
fn trigger_on_a_view_is_looked_at_for_every_event() {
    for event in ["INSERT", "DELETE", "UPDATE", "UPDATE OF id"] {
        let told = refused_downgrade(
            WITHOUT_COLUMN,
            &format!(
                "CREATE VIEW mine AS SELECT id FROM aave_v3_assets; \
                 CREATE TRIGGER own INSTEAD OF {event} ON MINE \
                 BEGIN UPDATE aave_v3_assets SET price_source = 'x' WHERE id = -1; END"
            ),
        );
        assert!(told.contains("trigger own"), "{event}: {told}");
        let told = refused_upgrade(
            A2,
            &format!(
                "CREATE VIEW mine AS SELECT id FROM pools; \
                 CREATE TRIGGER own INSTEAD OF {event} ON mine \
                 BEGIN UPDATE uniswap_v3_pools SET has_liquidity = 1; END"
            ),
        );
        assert!(told.contains("trigger own"), "{event}: {told}");
    }
    let told = refused_upgrade(
        A2,
        "CREATE VIEW mine AS SELECT * FROM uniswap_v3_pools; \
         CREATE TRIGGER own INSTEAD OF UPDATE OF has_liquidity ON mine BEGIN SELECT 1; END",
    );
    assert!(
        told.ends_with("trigger own (no such column: mine.has_liquidity)"),
        "{told}"
    );
}

/// Objects with which SQLite cannot compile a statement that inserts into `mine` or reads all views.
const HIDING: [&str; 6] = [
    "CREATE TRIGGER first AFTER INSERT ON mine BEGIN SELECT my_function(1); END",
    "CREATE TRIGGER first AFTER INSERT ON mine BEGIN SELECT * FROM my_function(1); END",
    "CREATE TRIGGER first AFTER INSERT ON mine BEGIN SELECT 1 COLLATE my_collation = 2; END",
    "CREATE TRIGGER first AFTER INSERT ON mine BEGIN SELECT * FROM nowhere; END",
    "CREATE TRIGGER first AFTER INSERT ON other BEGIN SELECT * FROM nowhere; END",
    "CREATE VIEW first AS SELECT * FROM nowhere; CREATE VIEW second AS SELECT * FROM first",
];

#[test]
fn object_that_is_broken_already_hides_no_other() {
    let tables = "CREATE TABLE mine (x); CREATE TABLE other (x); \
                  CREATE VIEW written AS SELECT id FROM pools; \
                  CREATE TRIGGER writes INSTEAD OF INSERT ON written BEGIN SELECT 1; END";
    for hiding in HIDING {
        for value in ["1", "my_function(1)", "1 COLLATE my_collation"] {
            let told = refused_downgrade(
                WITHOUT_TABLE,
                &format!(
                    "{tables}; {hiding}; CREATE TRIGGER own AFTER INSERT ON mine BEGIN \
                       INSERT INTO other VALUES (1); INSERT INTO written VALUES (1); \
                       INSERT INTO lfj_pools (pool_id) VALUES ({value}); \
                     END"
                ),
            );
            assert!(told.contains("trigger own"), "{hiding}, {value}: {told}");
            assert!(!told.contains("first"), "{hiding}, {value}: {told}");
        }
        let told = refused_upgrade(
            A2,
            &format!(
                "{tables}; {hiding}; CREATE TRIGGER own AFTER INSERT ON mine \
                 BEGIN UPDATE uniswap_v3_pools SET has_liquidity = my_function(1) WHERE 0; END"
            ),
        );
        assert!(told.contains("trigger own"), "{hiding}: {told}");
        let told = refused_downgrade(
            WITHOUT_TABLE,
            &format!(
                "{tables}; {hiding}; CREATE VIEW own AS SELECT my_function(bin_step) FROM lfj_pools"
            ),
        );
        assert!(told.contains("view own"), "{hiding}: {told}");

        let copy = changed(A2, &format!("{tables}; {hiding}"));
        upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    }
}

#[test]
fn view_of_statistics_is_looked_at() {
    let told = refused_downgrade(
        WITHOUT_TABLE,
        "ANALYZE; CREATE VIEW own AS SELECT s.tbl, l.bin_step FROM sqlite_stat1 AS s, lfj_pools AS l",
    );
    assert!(told.contains("view own"), "{told}");
}

#[test]
fn probes_take_names_that_are_free() {
    for name in ["_degenbot_probe", "_DEGENBOT_PROBE_"] {
        let own = format!(
            "CREATE TABLE {name} (x); CREATE VIEW mine AS SELECT id FROM pools; \
             CREATE TRIGGER {name}1 INSTEAD OF UPDATE ON mine \
             BEGIN INSERT INTO {name} SELECT bin_step FROM lfj_pools; END"
        );
        let told = refused_downgrade(WITHOUT_TABLE, &own);
        assert!(told.contains(&format!("trigger {name}1")), "{told}");
        let told = refused_upgrade(
            "populated/populated-0.5.0a1.db",
            &format!("CREATE TABLE {name} (x); CREATE TABLE mine (x REFERENCES pools (address))"),
        );
        assert!(
            told.contains("table mine (refers to pools(address)"),
            "{told}"
        );
    }
}

#[test]
fn virtual_table_that_reads_what_goes_is_refused() {
    let told = refused_downgrade(
        WITHOUT_COLUMN,
        "CREATE VIRTUAL TABLE mine USING fts5(price_source, content='aave_v3_assets', content_rowid='id')",
    );
    assert!(told.contains("table mine ("), "{told}");
    let told = refused_downgrade(
        WITHOUT_TABLE,
        "CREATE VIRTUAL TABLE mine USING fts5(bin_step, content='LFJ_POOLS', content_rowid='pool_id')",
    );
    assert!(told.contains("table mine ("), "{told}");
    let told = refused_upgrade(
        A2,
        "CREATE VIRTUAL TABLE mine USING fts5(has_liquidity, content='uniswap_v3_pools', content_rowid='pool_id')",
    );
    assert!(told.contains("table mine ("), "{told}");
    let copy = changed(
        A2,
        "CREATE VIRTUAL TABLE mine USING fts5(address, content='pools', content_rowid='id'); \
         CREATE VIRTUAL TABLE none USING fts5(address, content=''); \
         CREATE VIRTUAL TABLE texts USING fts5(address); \
         CREATE VIRTUAL TABLE words USING fts5vocab('texts', 'row'); \
         CREATE VIRTUAL TABLE places USING rtree(id, low, high); \
         INSERT INTO texts VALUES ('x')",
    );
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    let query = "SELECT term AS line FROM words";
    assert_eq!(
        content::lines(&mut content::connect(&copy.path), query),
        ["x"]
    );
}

/// The copy that Alembic makes of a table has the columns of the table after the change.
#[test]
fn leftover_with_a_column_of_its_own_is_dropped_only_without_values() {
    for (columns, rows) in [
        ("*, 'note ' || id AS note", true),
        ("*, NULL AS note", false),
        ("id, chain, address AS renamed", false),
        ("id, chain, address || 'x' AS renamed", true),
    ] {
        let create = format!("CREATE TABLE _alembic_tmp_pools AS SELECT {columns} FROM pools");
        for name in ["populated/populated-0.5.0.db", B2] {
            if rows {
                let told = refused_upgrade(name, &create);
                assert!(told.contains("_alembic_tmp_pools"), "{columns}: {told}");
            } else {
                let copy = changed(name, &create);
                upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
            }
        }
    }
    let copy = changed(
        B2,
        "CREATE TABLE _alembic_tmp_pools (ID INTEGER, note TEXT DEFAULT 0); \
         INSERT INTO _alembic_tmp_pools (id) SELECT id FROM pools",
    );
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
}

/// A Rust-core release has dropped the initialization maps, and the upgrade creates them again.
#[test]
fn names_of_dropped_maps_are_needed() {
    for (statement, object) in [
        (
            "CREATE VIEW initialization_maps AS SELECT 1",
            "view initialization_maps",
        ),
        (
            "CREATE TABLE Initialization_Maps (x)",
            "table Initialization_Maps",
        ),
        (
            "CREATE TABLE mine (x); CREATE INDEX ix_initialization_maps_pool_id_word ON mine (x)",
            "index ix_initialization_maps_pool_id_word",
        ),
    ] {
        let told = refused_upgrade("populated/populated-0.6.0a17.db", statement);
        assert!(
            told.ends_with(&format!("have names that the new version needs: {object}")),
            "{told}"
        );
    }
}

#[test]
fn rebuild_names_only_tables_of_the_python_package_as_dropped() {
    let options = upgrade_options();
    for (name, statement, dropped) in [
        (
            B2,
            "CREATE TABLE metadata (mine); INSERT INTO metadata VALUES ('kept')",
            false,
        ),
        (A2, "CREATE TABLE mine (x)", true),
    ] {
        let copy = changed(name, statement);
        let planned = plan_upgrade(&copy.path, &options).unwrap().dropped;
        let report = upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap();
        let reported = report.rebuild.unwrap().dropped;
        assert_eq!(planned, reported);
        assert_eq!(reported.contains(&"metadata".to_owned()), dropped, "{name}");
    }
}
