//! Objects of the user's own keep commands from working. The commands say so, and never that it is a fault of theirs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection;

use crate::support::command::quietly;
use crate::support::content;
use crate::support::content::Content;
use crate::support::corpus::Copy;

const LATEST: &str = "fresh/fresh-0.6.0a13.db";
const EXCHANGE: &str = "base_uniswap_v4";

/// Each object, as the statements that make it. A schema can name what this connection lacks.
const OBJECTS: [(&str, &str); 27] = [
    (
        "collation",
        "CREATE TABLE own (x TEXT PRIMARY KEY); INSERT INTO own VALUES ('a'), ('b'); \
      PRAGMA writable_schema = ON; UPDATE sqlite_schema \
      SET sql = 'CREATE TABLE own (x TEXT COLLATE mine PRIMARY KEY)' WHERE name = 'own'",
    ),
    (
        "collation in our table",
        "CREATE INDEX own ON exchanges (name); PRAGMA writable_schema = ON; \
      UPDATE sqlite_schema SET sql = 'CREATE INDEX own ON exchanges (name COLLATE mine)' WHERE name = 'own'",
    ),
    (
        "function",
        "CREATE TABLE own (a, b AS (abs(a)) STORED, CHECK (abs(a) > 0)); INSERT INTO own VALUES (1); \
      PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'abs', 'mine') WHERE name = 'own'",
    ),
    (
        "function in our table",
        "CREATE INDEX own ON exchanges (lower(name)); PRAGMA writable_schema = ON; \
      UPDATE sqlite_schema SET sql = replace(sql, 'lower', 'mine') WHERE name = 'own'",
    ),
    (
        "function in a trigger",
        "CREATE TRIGGER own AFTER INSERT ON exchanges BEGIN SELECT mine(NEW.id); END",
    ),
    (
        "function in a view",
        "CREATE VIEW own AS SELECT mine(name) FROM exchanges",
    ),
    (
        "module",
        "CREATE TABLE own (a); PRAGMA writable_schema = ON; UPDATE sqlite_schema \
      SET sql = 'CREATE VIRTUAL TABLE own USING mine (a)', rootpage = 0 WHERE name = 'own'",
    ),
    (
        "tokenizer",
        "CREATE VIRTUAL TABLE own USING fts5 (a); \
      CREATE TRIGGER filled AFTER INSERT ON exchanges BEGIN INSERT INTO own VALUES (NEW.name); END; \
      PRAGMA writable_schema = ON; UPDATE sqlite_schema \
      SET sql = 'CREATE VIRTUAL TABLE own USING fts5 (a, tokenize=mine)' WHERE name = 'own'",
    ),
    (
        "broken view",
        "CREATE VIEW own AS SELECT missing FROM exchanges",
    ),
    (
        "view of a missing table",
        "CREATE VIEW own AS SELECT * FROM missing",
    ),
    (
        "circle of views",
        "CREATE VIEW own AS SELECT * FROM other; CREATE VIEW other AS SELECT * FROM own",
    ),
    (
        "trigger that raises",
        "CREATE TRIGGER own BEFORE INSERT ON exchanges BEGIN SELECT raise(ABORT, 'no new ones'); END",
    ),
    (
        "trigger that rolls back",
        "CREATE TRIGGER own BEFORE INSERT ON exchanges \
      BEGIN SELECT raise(ROLLBACK, 'no new ones'); END",
    ),
    (
        "trigger on managers",
        "CREATE TRIGGER own BEFORE INSERT ON pool_managers BEGIN SELECT raise(ABORT, 'none'); END",
    ),
    (
        "trigger into a missing table",
        "CREATE TRIGGER own AFTER INSERT ON exchanges BEGIN INSERT INTO missing VALUES (1); END",
    ),
    (
        "unique index",
        "CREATE UNIQUE INDEX own ON exchanges (chain_id) WHERE name >= 'uniswap_v4'; \
      INSERT OR IGNORE INTO exchanges (chain_id, name, active, factory) \
      VALUES (8453, 'zz_v4', 1, '0x0000000000000000000000000000000000000005')",
    ),
    (
        "strict table",
        "CREATE TABLE own (a INT, b ANY) STRICT; INSERT INTO own VALUES (1, 'x')",
    ),
    (
        "table without rowid",
        "CREATE TABLE own (a PRIMARY KEY) WITHOUT ROWID; INSERT INTO own VALUES (1)",
    ),
    (
        "foreign key to a column without index",
        "PRAGMA foreign_keys = OFF; CREATE TABLE own (a REFERENCES exchanges (name)); INSERT INTO own VALUES ('x')",
    ),
    (
        "table of migrations of another shape",
        "DROP TABLE IF EXISTS __diesel_schema_migrations; \
      CREATE TABLE __diesel_schema_migrations (a, b)",
    ),
    (
        "table of migrations with another column",
        "DROP TABLE IF EXISTS __diesel_schema_migrations; \
      CREATE TABLE __diesel_schema_migrations (version PRIMARY KEY, note NOT NULL)",
    ),
    (
        "generated version",
        "DROP TABLE IF EXISTS __diesel_schema_migrations; \
      CREATE TABLE __diesel_schema_migrations (a, version AS (a))",
    ),
    (
        "view of migrations",
        "DROP TABLE IF EXISTS __diesel_schema_migrations; \
      CREATE TABLE own (version); CREATE VIEW __diesel_schema_migrations AS SELECT * FROM own",
    ),
    (
        "view of the revision",
        "CREATE TABLE own AS SELECT * FROM alembic_version; DROP TABLE alembic_version; \
      CREATE VIEW alembic_version AS SELECT * FROM own",
    ),
    (
        "table of the revision of another shape",
        "DROP TABLE alembic_version; CREATE TABLE alembic_version (x)",
    ),
    (
        "constraint on the revision",
        "CREATE TABLE own AS SELECT * FROM alembic_version; DROP TABLE alembic_version; \
      CREATE TABLE alembic_version (version_num PRIMARY KEY, z CHECK (version_num > '')); \
      INSERT INTO alembic_version (version_num) SELECT * FROM own",
    ),
    (
        "view of another stamp",
        "DROP TABLE IF EXISTS _degenbot_db_schema_version; \
      CREATE VIEW _degenbot_db_schema_version AS SELECT mine(1) AS schema_version",
    ),
];

const ADD: &[&str] = &[
    "exchange",
    "add",
    "--chain",
    "8453",
    "--name",
    "zzz_v4",
    "--kind",
    "uniswap_v4",
    "--factory",
    "0x6EcCab422D763aC031210895C81787E87B43A652",
];

const COMMANDS: [&[&str]; 12] = [
    &["database", "verify"],
    &[
        "database", "backup", "--output", "copy.db", "--verify", "full",
    ],
    &["database", "compact"],
    &["database", "compact", "--into", "small.db"],
    &["database", "upgrade", "--dry-run"],
    &["database", "upgrade", "--force"],
    &["database", "downgrade", "--to", "0.5.0", "--dry-run"],
    &["database", "downgrade", "--to", "0.5.0", "--force"],
    &["exchange", "activate", EXCHANGE],
    &["exchange", "deactivate", "base_uniswap_v3"],
    ADD,
    &["database", "reset", "--force"],
];

fn with(database: &Path, objects: &str) {
    content::connect(database)
        .batch_execute("PRAGMA legacy_alter_table = ON; PRAGMA trusted_schema = OFF")
        .unwrap();
    content::connect(database)
        .batch_execute(objects)
        .unwrap_or_else(|error| panic!("{objects}: {error}"));
}

/// The content of a database that has this object. Without its module, a virtual table has none.
fn content_of(path: &Path, object: &str) -> Option<Content> {
    (object != "module").then(|| content::of(path))
}

#[test]
fn no_object_of_the_users_own_is_reported_as_a_fault_of_the_program() {
    let current = Copy::upgraded(LATEST);
    let old = Copy::of("populated/populated-0.5.0.db");
    let mut wrong = Vec::new();
    for (what, objects) in OBJECTS {
        for (base, is_old) in [(&current, false), (&old, true)] {
            // The version makes a difference to an upgrade only.
            let is_tried = |command: &&&[&str]| !is_old || command[1] == "upgrade";
            for command in COMMANDS.iter().filter(is_tried) {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("degenbot.db");
                fs::copy(&base.path, &path).unwrap();
                with(&path, objects);
                let before = content_of(&path, what);
                let told = quietly(&path, command);
                let is_right = if told.starts_with("status: 1\n") {
                    content_of(&path, what) == before && told.contains("\nhint: ")
                } else {
                    told.starts_with("status: 0\n") || told.starts_with("status: 3\n")
                };
                if !is_right || told.contains("please report") || told.contains("Could not") {
                    wrong.push(format!("{what}, {command:?}: {told}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a command says about one of the objects.
fn told(what: &str, command: &[&str]) -> String {
    let copy = Copy::upgraded(LATEST);
    let (_, objects) = OBJECTS.iter().find(|(name, _)| *name == what).unwrap();
    with(&copy.path, objects);
    let told = quietly(&copy.path, command);
    // Without its own table of stamps, a database of a version that the Python package lacks is warned about.
    told.lines()
        .filter(|line| !line.starts_with("warning: The database at degenbot.db is stamped"))
        .fold(String::new(), |told, line| told + line + "\n")
}

#[test]
fn errors_about_own_objects_say_which_and_what_to_do() {
    insta::assert_snapshot!(told("collation", &["database", "compact"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: An object of your own in degenbot.db needs what only your program defines: no such collation sequence: mine
    hint: Nothing was changed. 'degenbot database verify' names the tables and indexes that need it. An index, a view or a trigger can be dropped, and created again by your program afterwards; the rows of a table would go with it. A backup needs no such program
    ");
    insta::assert_snapshot!(told("tokenizer", &["database", "downgrade", "--to", "0.5.0", "--force"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: An object of your own in degenbot.db needs what only your program defines: table own: no such tokenizer: mine
    hint: Nothing was changed. 'degenbot database verify' names the tables and indexes that need it. An index, a view or a trigger can be dropped, and created again by your program afterwards; the rows of a table would go with it. A backup needs no such program
    ");
    insta::assert_snapshot!(told("trigger that raises", ADD), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db rejects the change of base_zzz_v4: no new ones; its triggers on these tables are own
    hint: Nothing was changed. Look at the triggers, indexes and constraints of your own on exchanges, exchange_deployments and pool_managers with the sqlite3 shell; drop the one that stands in the way, and run the command again
    ");
    insta::assert_snapshot!(
        told("table of migrations of another shape", &["database", "upgrade", "--force"]),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The version of degenbot.db cannot be recorded in its tables __diesel_schema_migrations and alembic_version: no such column: __diesel_schema_migrations.version
    hint: Nothing was changed. One of them is not as degenbot and the Python package create it. If it is your own, give it another name; what is missing is then created
    "
    );
    insta::assert_snapshot!(told("unique index", ADD), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db rejects the change of base_zzz_v4: UNIQUE constraint failed: exchanges.chain_id
    hint: Nothing was changed. Look at the triggers, indexes and constraints of your own on exchanges, exchange_deployments and pool_managers with the sqlite3 shell; drop the one that stands in the way, and run the command again
    ");
}

/// An upgrade would create what the object is called.
#[test]
fn object_with_a_name_of_a_later_version_is_to_get_another() {
    let told = |database: &str, object: &str| {
        let copy = Copy::of(database);
        with(&copy.path, object);
        let before = copy.files();
        let told = quietly(&copy.path, &["database", "upgrade", "--force"]);
        assert!(copy.files() == before);
        told
    };
    insta::assert_snapshot!(
        told("populated/populated-0.5.0b1.db", "CREATE TABLE LFJ_POOLS (a)"),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is stamped b20f5564b3b6 and does not have that structure: table LFJ_POOLS belongs to a later version
    hint: Nothing was changed. If this is an object of your own, give it another name with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
    insta::assert_snapshot!(
        told("populated/populated-0.5.0.db", "CREATE TABLE lfj_pools (mine)"),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is stamped eb4080485a56 and does not have that structure: table lfj_pools belongs to a later version
    hint: Nothing was changed. If this is an object of your own, give it another name with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
    insta::assert_snapshot!(
        told("populated/populated-0.5.0a1.db", "CREATE VIEW aave_v3_assets AS SELECT 1"),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db carries no version stamp, and has what belongs to a later version: view aave_v3_assets
    hint: Nothing was changed. If this is an object of your own, give it another name with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
}

/// Texts that SQLite has for errors of its own. `raise` can say the same.
pub const TEXTS_OF_SQLITE: [&str; 16] = [
    "file is not a database",
    "database is locked",
    "database table is locked",
    "database disk image is malformed",
    "malformed database schema (own)",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
    "unable to open database file",
    "locking protocol",
    "interrupted",
    "out of memory",
    "no such savepoint: own",
    "unsupported file format",
    "no such function: own",
    "UNIQUE constraint failed: exchanges.id",
];

/// Triggers that raise a text whenever one of these tables is written to.
fn raising(tables: &[String], text: &str) -> String {
    let mut triggers = String::new();
    for (number, table) in tables.iter().enumerate() {
        for event in ["INSERT", "UPDATE", "DELETE"] {
            let _ = write!(
                triggers,
                "CREATE TRIGGER own_{number}_{event} BEFORE {event} ON \"{table}\" \
                 BEGIN SELECT raise(ABORT, '{text}'); END;"
            );
        }
    }
    triggers
}

#[test]
fn text_of_a_trigger_is_not_taken_for_an_error_of_sqlite() {
    const COMMANDS: [&[&str]; 6] = [
        &["database", "upgrade", "--force"],
        &["database", "downgrade", "--to", "0.5.0", "--force"],
        &["database", "reset", "--force"],
        &["exchange", "activate", EXCHANGE],
        &["exchange", "deactivate", "base_uniswap_v3"],
        ADD,
    ];
    let current = Copy::upgraded("populated/populated-0.6.0a14.db");
    let bases = [
        Copy::of("populated/populated-0.5.0a1.db"),
        Copy::of("populated/populated-0.5.0.db"),
        current,
    ];
    for base in &bases {
        let tables = content::lines(
            &mut content::connect(&base.path),
            "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        );
        for command in COMMANDS {
            let told = |text: &str| {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("degenbot.db");
                fs::copy(&base.path, &path).unwrap();
                with(&path, &raising(&tables, text));
                // The warning about a missing node names the folder.
                let told = quietly(&path, command);
                let lines = told.lines().filter(|line| !line.starts_with("warning: "));
                lines.collect::<Vec<_>>().join("\n")
            };
            let expected = told("MINE");
            assert!(!expected.contains("Could not"), "{command:?}: {expected}");
            for text in TEXTS_OF_SQLITE {
                assert_eq!(
                    told(text).replace(text, "MINE"),
                    expected,
                    "{command:?}, {text}"
                );
            }
        }
    }
}

/// What an upgrade says about a database with these changes to its schema. It changes nothing.
fn refused(database: &str, statements: &str) -> String {
    let copy = Copy::of(database);
    with(&copy.path, statements);
    let before = copy.files();
    let told = quietly(&copy.path, &["database", "upgrade", "--force"]);
    assert!(copy.files() == before);
    told
}

#[test]
fn column_of_ones_own_is_to_get_a_table() {
    insta::assert_snapshot!(
        refused("populated/populated-0.5.0.db", "ALTER TABLE erc20_tokens ADD COLUMN mine"),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is stamped eb4080485a56 and does not have that structure: column erc20_tokens.mine should not be there
    hint: Nothing was changed. If this is a column of your own, move it to a table of your own with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
    insta::assert_snapshot!(
        refused(
            "populated/populated-0.5.0.db",
            "CREATE TABLE owner (id INTEGER PRIMARY KEY); ALTER TABLE pools ADD COLUMN mine REFERENCES owner (id)",
        ),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is stamped eb4080485a56 and does not have that structure: column pools.mine should not be there; foreign key pools(mine) to owner(id) should not be there
    hint: Nothing was changed. If this is a column of your own, move it to a table of your own with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
    insta::assert_snapshot!(
        refused("populated/populated-0.5.0a1.db", "ALTER TABLE pools ADD COLUMN mine TEXT"),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db carries no version stamp, and the release that wrote none (0.5.0a1) has another structure: column pools.mine should not be there
    hint: Nothing was changed. If this is a column of your own, move it to a table of your own with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
    insta::assert_snapshot!(
        refused(
            "populated/populated-0.5.0a1.db",
            "ALTER TABLE pools ADD COLUMN mine TEXT; CREATE TABLE aave_v3_assets (a)",
        ),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db carries no version stamp, and the release that wrote none (0.5.0a1) has another structure: column pools.mine should not be there; table aave_v3_assets belongs to a later version
    hint: Nothing was changed. If these are your own, give the objects other names and move the columns to a table of your own, with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
    insta::assert_snapshot!(
        refused("populated/populated-0.6.0a17.db", "ALTER TABLE pools ADD COLUMN mine TEXT"),
        @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is stamped Rust-core 3 and does not have that structure: column pools.mine should not be there
    hint: Nothing was changed. If this is a column of your own, move it to a table of your own with the sqlite3 shell. If not, restore a backup from before the schema was changed (degenbot.db.bak, if you have one)
    "
    );
}

/// The stamp of a Rust-core release says nothing about the structure, so the nearest one is compared with.
#[test]
fn object_of_ones_own_in_a_rust_core_database_is_named() {
    for release in ["0.6.0a11", "0.6.0a14", "0.6.0a17"] {
        for object in [
            "TABLE chain_blocks (mine)",
            "TABLE retired_ids (mine)",
            "VIEW chain_blocks AS SELECT 1",
        ] {
            let database = format!("populated/populated-{release}.db");
            let told = refused(&database, &format!("CREATE {object}"));
            let (kind, rest) = object.split_once(' ').unwrap();
            let name = rest.split(' ').next().unwrap();
            let named = format!(
                "does not have that structure: {} {name} belongs to a later version\n",
                kind.to_lowercase()
            );
            let is_named = told.contains(&named)
                || told.contains(&format!(
                    "have names that the new version needs: view {name}\n"
                ));
            assert!(is_named, "{release}, {object}: {told}");
            assert!(told.contains("other name"), "{release}, {object}: {told}");
        }
    }
}

/// SQLite would read them in the place of its functions, and so the checks of the database would.
#[test]
fn object_with_the_name_of_a_function_is_named() {
    for (own, name) in [
        (
            "CREATE VIEW pragma_freelist_count AS SELECT 0 AS freelist_count",
            "view pragma_freelist_count",
        ),
        (
            "CREATE TABLE Pragma_Index_List (name)",
            "table Pragma_Index_List",
        ),
        ("CREATE TABLE dbstat (name)", "table dbstat"),
    ] {
        let copy = Copy::upgraded(LATEST);
        with(&copy.path, own);
        let before = copy.files();
        for command in [
            &["database", "verify"][..],
            &["database", "info"],
            &["database", "backup"],
            &["database", "compact"],
            &["database", "views", "--install"],
        ] {
            let told = quietly(&copy.path, command);
            assert!(told.starts_with("status: 1\n"), "{command:?}: {told}");
            let expected = format!("{name} has the name of a function of SQLite");
            assert!(told.contains(&expected), "{command:?}: {told}");
        }
        assert_eq!(copy.files(), before, "{own}");
    }
}
