//! What an upgrade or a downgrade would make mean something else of the user's own is refused by name, and what only
//! looks so stays.

use degenbot::database::{
    MigrateOptions, latest_database_version, migrate_sqlite_database, plan_upgrade,
    upgrade_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::own_objects_in_upgrades::{
    A2, B2, WITHOUT_COLUMN, changed, refused_downgrade, refused_upgrade,
};
use crate::support::command::quietly;
use crate::support::content;
use crate::support::corpus::{Copy, upgrade_options};

/// The objects still compile afterwards.
#[test]
fn object_whose_names_would_mean_other_columns_is_refused() {
    let tables = "CREATE TABLE own (id, price_source); CREATE TABLE other (price_source); \
                  CREATE VIEW whole AS SELECT * FROM aave_v3_assets;";
    let inner =
        "EXISTS (SELECT 1 FROM aave_v3_assets AS a WHERE a.id = own.id AND price_source NOTNULL)";
    for object in [
        format!("VIEW mine AS SELECT id FROM own WHERE {inner}"),
        format!("VIEW mine AS SELECT * FROM own WHERE {inner}"),
        format!(
                "TRIGGER mine AFTER INSERT ON other \
                 BEGIN UPDATE own SET id = 1 WHERE {inner}; SELECT * FROM aave_v3_assets; END"
            ),
        "VIEW mine AS SELECT (SELECT count(price_source) FROM whole) FROM own".to_owned(),
        "VIEW mine AS SELECT \"a text\", \"price_source\" FROM aave_v3_assets".to_owned(),
        "VIEW mine AS SELECT own.id FROM own NATURAL JOIN aave_v3_assets".to_owned(),
        "VIEW mine AS SELECT own.id FROM whole NATURAL JOIN own".to_owned(),
        "VIEW mine AS SELECT a.id FROM aave_v3_assets AS a JOIN own ON own.id = a.id \
             JOIN other USING (price_source)"
                .to_owned(),
        // Other tables come first in these joins, with columns that the query calls so.
        "VIEW mine AS WITH w (id, price_source) AS (SELECT id, price_source FROM own) \
         SELECT w.id FROM w NATURAL JOIN aave_v3_assets"
            .to_owned(),
        "VIEW mine AS SELECT a.id FROM aave_v3_assets AS a \
         NATURAL JOIN (SELECT id, price_source FROM own)"
            .to_owned(),
        "VIEW mine AS SELECT a.id FROM aave_v3_assets AS a \
         JOIN (SELECT id, price_source FROM own) AS o ON o.id = a.id JOIN other USING (price_source)"
            .to_owned(),
        // The columns of a `*` are those of a subquery.
        "VIEW mine AS SELECT id, (SELECT price_source FROM (SELECT * FROM aave_v3_assets) AS a \
         WHERE a.id = own.id) AS source FROM own"
            .to_owned(),
        "VIEW mine AS SELECT price_source AS source FROM \
         (SELECT a.*, own.price_source FROM aave_v3_assets AS a JOIN own ON own.id = a.id)"
            .to_owned(),
        "TRIGGER mine AFTER INSERT ON other BEGIN UPDATE own SET price_source = 1 \
         WHERE 'x' IN (SELECT price_source FROM (SELECT * FROM whole)); END"
            .to_owned(),
    ] {
        let told = refused_downgrade(WITHOUT_COLUMN, &format!("{tables} CREATE {object}"));
        let kind = object.split(' ').next().unwrap().to_lowercase();
        let expected = format!(": {kind} mine ({WITHOUT})");
        assert!(told.ends_with(&expected), "{object}: {told}");
    }
    for object in [
        format!("VIEW mine AS SELECT own.id FROM own WHERE {inner}"),
        "VIEW mine AS WITH w (id, price_source) AS (SELECT id, price_source FROM own) \
         SELECT w.id FROM w NATURAL JOIN aave_v3_assets"
            .to_owned(),
        "TRIGGER mine AFTER INSERT ON other BEGIN DELETE FROM own WHERE EXISTS \
         (SELECT price_source FROM (SELECT * FROM whole) AS a WHERE price_source = 'x'); END"
            .to_owned(),
    ] {
        let told = refused_upgrade(WITHOUT_PRICE_SOURCE, &format!("{tables} CREATE {object}"));
        assert!(
            told.ends_with(&format!(" mine ({WITH})")),
            "{object}: {told}"
        );
    }
}

const WITHOUT: &str = "would mean something else without aave_v3_assets.price_source";
const WITH: &str = "would mean something else with the new column aave_v3_assets.price_source";

const WITHOUT_PRICE_SOURCE: &str = "upgraded/alembic-at-9c411aeeb15e.db";

/// A `*` brings a column with the name of another one of the view, or takes it away.
#[test]
fn column_of_a_view_that_would_be_another_one_is_refused() {
    let objects = "CREATE TABLE own (asset_id, source); CREATE VIEW mine AS \
        SELECT a.*, own.source AS price_source FROM aave_v3_assets AS a JOIN own ON asset_id = a.id";
    let told = refused_upgrade(WITHOUT_PRICE_SOURCE, objects);
    assert!(told.ends_with(&format!(": view mine ({WITH})")), "{told}");
    let told = refused_downgrade(WITHOUT_COLUMN, objects);
    assert!(
        told.ends_with(&format!(": view mine ({WITHOUT})")),
        "{told}"
    );
}

/// SQLite takes a name in double quotes for a text as long as there is no such column.
#[test]
fn index_that_would_take_a_column_for_its_text_is_refused() {
    for index in [
        "INDEX mine ON aave_v3_assets (market_id, \"price_source\" || v_token_revision)",
        "INDEX mine ON aave_v3_assets (market_id) WHERE liquidity_rate <> \"price_source\"",
    ] {
        let told = refused_upgrade(WITHOUT_PRICE_SOURCE, &format!("CREATE {index}"));
        let expected = ": index mine (would read aave_v3_assets.price_source)";
        assert!(told.ends_with(expected), "{told}");
    }
}

/// SQLite takes a trigger on the change of a column that does not exist. It does not fire until there is one.
#[test]
fn trigger_that_waits_for_a_new_column_is_refused() {
    let own = "CREATE TABLE own (a); CREATE TRIGGER mine AFTER UPDATE OF";
    let end = "ON aave_v3_assets BEGIN INSERT INTO own VALUES (1); END";
    let told = refused_upgrade(
        WITHOUT_PRICE_SOURCE,
        &format!("{own} id, Price_Source {end}"),
    );
    let reason = "would fire at changes of the new column aave_v3_assets.price_source";
    assert!(
        told.ends_with(&format!(": trigger mine ({reason})")),
        "{told}"
    );
    // Neither version has it.
    let objects = format!("{own} id, price_of_yesterday {end}");
    let copy = changed(WITHOUT_PRICE_SOURCE, &objects);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
}

/// What only has the words of a join that would compare other columns.
#[test]
fn join_by_columns_that_stay_goes_on() {
    let objects = "CREATE TABLE own (id INTEGER PRIMARY KEY, price_source); \
        CREATE VIEW by_id AS SELECT a.id, own.price_source FROM aave_v3_assets AS a JOIN own USING (id); \
        CREATE VIEW texts AS SELECT own.price_source, 'natural' AS kind, 'using' AS how \
          FROM own JOIN aave_v3_assets AS a ON a.id = own.id; \
        CREATE INDEX \"mine\" ON \"aave_v3_assets\" (\"market_id\")";
    let copy = changed(WITHOUT_PRICE_SOURCE, objects);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
}

/// Early releases have the columns of `erc20_tokens` in another order.
#[test]
fn object_that_takes_columns_by_position_is_refused_only_if_their_order_changes() {
    let objects = |table: &str| {
        [
            format!("CREATE VIEW mine (a, b, c, d, e, f) AS SELECT * FROM {table}"),
            format!(
                "CREATE VIEW mine AS \
                 WITH named (a, b, c, d, e, f) AS (SELECT * FROM {table}) SELECT b FROM named"
            ),
            format!("CREATE VIEW mine AS SELECT * FROM own UNION ALL SELECT * FROM {table}"),
            format!(
                "CREATE TRIGGER mine AFTER INSERT ON own \
                 BEGIN INSERT INTO {table} VALUES (1, 2, 3, 4, 5, 6); END"
            ),
            format!(
                "CREATE TRIGGER mine AFTER DELETE ON {table} \
                 BEGIN INSERT INTO own SELECT * FROM {table}; END"
            ),
            format!(
                "CREATE VIEW whole AS SELECT * FROM {table}; \
                 CREATE TRIGGER writes INSTEAD OF INSERT ON whole BEGIN SELECT new.chain; END; \
                 CREATE TRIGGER mine AFTER INSERT ON own \
                 BEGIN INSERT INTO whole VALUES (1, 2, 3, 4, 5, 6); END"
            ),
        ]
    };
    let own = "CREATE TABLE own (a, b, c, d, e, f)";
    let order = ["id", "address", "chain", "name", "symbol", "decimals"];
    let kept = format!("CREATE TABLE kept ({})", order.join(", "));
    for object in objects("erc20_tokens") {
        let told = refused_upgrade(A2, &format!("{own}; {object}"));
        let reason = "takes the columns of erc20_tokens in their order, which would change)";
        assert!(told.contains(" mine (") && told.ends_with(reason), "{told}");
    }
    for object in objects("kept") {
        let copy = changed(A2, &format!("{own}; {kept}; {object}"));
        upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    }
}

/// What only looks as if it would mean something else.
#[test]
fn object_that_reads_whole_tables_goes_on_with_other_columns() {
    let latest = "CREATE VIEW whole AS SELECT * FROM aave_v3_assets; CREATE TABLE own (id); \
        CREATE VIEW twice AS SELECT * FROM whole AS a JOIN whole AS b USING (id); \
        CREATE VIEW users AS SELECT * FROM aave_v3_users NATURAL JOIN aave_v3_assets; \
        CREATE VIEW ordered AS WITH w AS (SELECT * FROM aave_v3_assets) \
          SELECT *, row_number() OVER (ORDER BY id) FROM w; \
        CREATE TRIGGER written AFTER INSERT ON own BEGIN SELECT * FROM whole WHERE id = new.id; END";
    let copy = Copy::upgraded("populated/populated-0.6.0a17.db");
    content::connect(&copy.path).batch_execute(latest).unwrap();
    let target = WITHOUT_COLUMN.parse().unwrap();
    let options = MigrateOptions::default();
    migrate_sqlite_database(&copy.path, latest_database_version(), target, &options).unwrap();
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();

    let early = "CREATE VIEW tokens AS SELECT * FROM erc20_tokens; \
        CREATE VIEW pairs AS SELECT * FROM tokens AS a, tokens AS b; \
        CREATE VIEW v3 AS SELECT * FROM uniswap_v3_pools UNION ALL SELECT * FROM sushiswap_v3_pools; \
        CREATE TRIGGER renamed INSTEAD OF UPDATE OF name ON tokens \
          BEGIN UPDATE erc20_tokens SET name = new.name WHERE rowid = new.id; END";
    let copy = changed(A2, early);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
}

/// `ORDER BY 2` is the second column, which can be another one afterwards.
#[test]
fn object_that_sorts_by_the_number_of_a_column_is_refused_only_if_it_is_another() {
    let own = "CREATE TABLE own (a)";
    for object in [
        "VIEW mine AS SELECT * FROM erc20_tokens ORDER BY 2",
        "VIEW mine AS SELECT * FROM erc20_tokens ORDER BY 3 COLLATE NOCASE DESC",
        "VIEW mine AS SELECT id FROM (SELECT * FROM erc20_tokens ORDER BY (2) LIMIT 3)",
        "VIEW mine AS SELECT count(*), t.* FROM erc20_tokens AS t GROUP BY 4",
        "VIEW mine AS SELECT * FROM erc20_tokens UNION SELECT * FROM erc20_tokens ORDER BY 2",
        "VIEW mine AS WITH t AS (SELECT * FROM erc20_tokens) SELECT * FROM t ORDER BY chain, 3",
        "TRIGGER mine AFTER INSERT ON own BEGIN \
         UPDATE own SET a = (SELECT id FROM (SELECT * FROM erc20_tokens ORDER BY 2 LIMIT 1)); END",
    ] {
        let told = refused_upgrade(A2, &format!("{own}; CREATE {object}"));
        let reason =
            " mine (sorts or groups by the number of a column, which erc20_tokens would change)";
        assert!(told.ends_with(reason), "{object}: {told}");
    }
    // A column that goes moves those behind it.
    let told = refused_downgrade(
        WITHOUT_COLUMN,
        "CREATE VIEW mine AS SELECT a.*, count(*) AS n, max(a.id) AS m FROM aave_v3_assets AS a \
         GROUP BY a.id ORDER BY 15",
    );
    assert!(
        told.contains(" mine (sorts or groups by the number"),
        "{told}"
    );
    let kept = "CREATE TABLE own (a); \
        CREATE VIEW first AS SELECT * FROM erc20_tokens ORDER BY 1; \
        CREATE VIEW listed AS SELECT chain, name FROM erc20_tokens ORDER BY 2; \
        CREATE VIEW before AS SELECT own.a, t.* FROM own, erc20_tokens AS t ORDER BY 1; \
        CREATE VIEW constant AS SELECT *, row_number() OVER (ORDER BY 2) AS n FROM erc20_tokens; \
        CREATE VIEW named AS SELECT * FROM erc20_tokens ORDER BY coalesce(name, 2), chain; \
        CREATE VIEW once AS SELECT DISTINCT * FROM erc20_tokens; \
        CREATE VIEW joined AS SELECT * FROM erc20_tokens UNION SELECT * FROM erc20_tokens; \
        CREATE VIEW appended AS SELECT * FROM aave_v3_assets ORDER BY 2";
    let copy = changed(A2, &kept.replace("aave_v3_assets", "pools"));
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    let copy = changed(WITHOUT_PRICE_SOURCE, kept);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
}

/// A trigger with a statement, on a table of its own.
fn trigger(statement: &str) -> String {
    format!(
        "CREATE TABLE own (a, b); CREATE TRIGGER mine AFTER INSERT ON own BEGIN {statement}; END"
    )
}

/// Asserts that an upgrade takes no offence at a trigger with this statement.
fn assert_goes_on(name: &str, statement: &str) {
    let copy = changed(name, &trigger(statement));
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ())
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Without the key, its rows would appear twice. With a new one, rows would stay out.
#[test]
fn trigger_whose_conflict_clause_counts_on_a_unique_key_is_refused() {
    let own = "CREATE TABLE own (a PRIMARY KEY)";
    let trigger = |statement: &str| {
        format!("{own}; CREATE TRIGGER mine AFTER INSERT ON own BEGIN {statement}; END")
    };
    for statement in [
        "INSERT OR IGNORE INTO uniswap_v4_pools (managed_pool_id, pool_hash) VALUES (1, new.a)",
        "REPLACE INTO uniswap_v4_pools (pool_hash) VALUES (new.a)",
        "UPDATE OR IGNORE uniswap_v4_pools SET pool_hash = new.a",
        "INSERT INTO uniswap_v4_pools (pool_hash) VALUES (new.a) ON CONFLICT DO NOTHING",
    ] {
        let told = refused_upgrade(B2, &trigger(statement));
        let reason =
            ": trigger mine (counts on the unique key uniswap_v4_pools(pool_hash), which would go)";
        assert!(told.ends_with(reason), "{statement}: {told}");
    }
    for statement in [
        "INSERT OR IGNORE INTO pools (address, chain) VALUES (new.a, 1)",
        "INSERT OR REPLACE INTO pools (address, chain) VALUES (new.a, 1)",
    ] {
        let told = refused_upgrade(A2, &trigger(statement));
        let reason = ": trigger mine (ignores or replaces rows by unique keys, and pools(address, chain) \
             would become one)";
        assert!(told.ends_with(reason), "{statement}: {told}");
    }
    for statement in [
        "INSERT INTO uniswap_v4_pools (pool_hash) VALUES (new.a)",
        "INSERT OR IGNORE INTO own VALUES (1, 2)",
        "INSERT OR IGNORE INTO erc20_tokens (address, chain) VALUES (new.a, 1)",
        "UPDATE OR IGNORE uniswap_v4_pools SET hooks = new.a",
        "INSERT OR IGNORE INTO own SELECT pool_hash, 1 FROM uniswap_v4_pools",
    ] {
        assert_goes_on(B2, statement);
    }
}

/// A column that becomes NOT NULL makes a trigger fail that does not write to it.
#[test]
fn trigger_that_would_write_null_to_a_new_not_null_is_refused() {
    for statement in [
        "INSERT INTO pools (address, chain, kind) VALUES (new.a, 1, 'uniswap_v2')",
        "INSERT INTO pools (kind, address, chain) SELECT 'uniswap_v2', a, 1 FROM own",
        "UPDATE own SET b = 1; INSERT INTO pools (address, chain, kind) VALUES (new.a, 1, 'x')",
    ] {
        let told = refused_upgrade(A2, &trigger(statement));
        let start = ": trigger mine (would write NULL to pools.";
        let end = ", which would become NOT NULL)";
        assert!(
            told.contains(start) && told.ends_with(end),
            "{statement}: {told}"
        );
    }
    for statement in [
        // It fails already.
        "INSERT INTO pools (address, chain) VALUES (new.a, 1)",
        "INSERT INTO own (a) VALUES (new.b)",
        "INSERT INTO erc20_tokens (address, chain, name, symbol, decimals) VALUES (new.a, 1, 'x', 'y', 1)",
        "UPDATE pools SET address = NULL WHERE address = new.a",
    ] {
        assert_goes_on(A2, statement);
    }
}

/// What OR IGNORE kept out because of NOT NULL would be written.
#[test]
fn trigger_whose_conflict_clause_counts_on_not_null_is_refused() {
    for statement in [
        "UPDATE OR IGNORE erc20_tokens SET name = new.b WHERE address = new.a",
        "INSERT OR IGNORE INTO erc20_tokens (address, chain, name, symbol, decimals) \
         VALUES (new.a, 1, new.b, 'x', 1)",
        "INSERT OR IGNORE INTO erc20_tokens (address, chain, name, symbol, decimals) \
         SELECT a, 1, b, 'x', 1 FROM own",
    ] {
        let told = refused_upgrade(A2, &trigger(statement));
        let reason = ": trigger mine (counts on erc20_tokens.name being NOT NULL, which it would no longer be)";
        assert!(told.ends_with(reason), "{statement}: {told}");
    }
    for statement in [
        "UPDATE erc20_tokens SET name = new.b WHERE address = new.a",
        "UPDATE OR IGNORE erc20_tokens SET name = 'x' WHERE address = new.a",
        "UPDATE OR IGNORE erc20_tokens SET address = new.b WHERE name IS NULL",
        "INSERT OR IGNORE INTO erc20_tokens (address, chain, name, symbol, decimals) \
         VALUES (new.a, 1, 'x', 'y', 1)",
        "INSERT INTO own SELECT name, 1 FROM erc20_tokens WHERE name IS NULL OR 0",
    ] {
        assert_goes_on(A2, statement);
    }
}

/// A rebuild stores hashes as texts, where early releases had bytes. What compares them is told, and goes on.
#[test]
fn what_reads_hashes_that_are_written_anew_is_named() {
    let objects = "CREATE TABLE own (a); \
        CREATE VIEW by_hash AS SELECT hooks FROM uniswap_v4_pools WHERE pool_hash = x'00'; \
        CREATE VIEW above AS SELECT * FROM by_hash; \
        CREATE VIEW others AS SELECT hooks FROM uniswap_v4_pools; \
        CREATE TRIGGER noted AFTER UPDATE ON uniswap_v4_pools \
          BEGIN INSERT INTO own VALUES (new.pool_hash); END; \
        CREATE TRIGGER fired AFTER INSERT ON own BEGIN SELECT hooks FROM uniswap_v4_pools; END; \
        CREATE INDEX of_bytes ON uniswap_v4_pools (hooks) WHERE typeof(pool_hash) = 'blob'; \
        CREATE INDEX of_length ON uniswap_v4_pools (length(pool_hash)); \
        CREATE INDEX of_hooks ON uniswap_v4_pools (hooks)";
    let named = [
        "view by_hash",
        "view above",
        "trigger noted",
        "index of_bytes",
        "index of_length",
    ];
    let copy = changed(A2, objects);
    let plan = plan_upgrade(&copy.path, &upgrade_options()).unwrap();
    assert_eq!(plan.notices.readers_of_hashes, named);
    let told = quietly(&copy.path, &["database", "upgrade", "--dry-run"]);
    for name in named {
        let line = format!("uniswap_v4_pools.pool_hash, as texts like 0x12ab…: {name} reads it");
        assert!(told.contains(&line), "{told}");
    }
    let told = quietly(&copy.path, &FORCED);
    assert!(
        told.contains("warning: view by_hash reads uniswap_v4_pools.pool_hash"),
        "{told}"
    );
    let copy = changed(WITHOUT_PRICE_SOURCE, objects);
    let plan = plan_upgrade(&copy.path, &upgrade_options()).unwrap();
    assert!(plan.notices.readers_of_hashes.is_empty());
}

/// A full-text table keeps what it has indexed of another table's rows. SQLite calls it damaged when they differ.
#[test]
fn full_text_table_over_rewritten_hashes_or_added_tokens_is_named() {
    let objects = "CREATE VIEW of_hashes AS SELECT managed_pool_id, pool_hash FROM uniswap_v4_pools; \
        CREATE VIRTUAL TABLE direct USING fts5 \
          (pool_hash, content='uniswap_v4_pools', content_rowid='managed_pool_id'); \
        CREATE VIRTUAL TABLE by_view USING fts5 \
          (pool_hash, content='of_hashes', content_rowid='managed_pool_id'); \
        CREATE VIRTUAL TABLE older USING fts4 (pool_hash, content='uniswap_v4_pools'); \
        CREATE VIRTUAL TABLE tokens USING fts5 (name, content='erc20_tokens', content_rowid='id'); \
        CREATE VIRTUAL TABLE other USING fts5 \
          (hooks, content='uniswap_v4_pools', content_rowid='managed_pool_id'); \
        CREATE VIRTUAL TABLE alone USING fts5 (pool_hash); \
        INSERT INTO older(older) VALUES ('rebuild')";
    for (remove, named) in [
        ("", vec!["direct", "by_view", "older"]),
        (REMOVE_TOKENS, vec!["direct", "by_view", "older", "tokens"]),
    ] {
        let copy = changed(A2, &format!("{remove}; {objects}"));
        let plan = plan_upgrade(&copy.path, &upgrade_options()).unwrap();
        assert_eq!(plan.notices.stale_indexes, named);
        let told = quietly(&copy.path, &["database", "upgrade", "--dry-run"]);
        let line = "the index of table direct, which has to be rebuilt afterwards";
        assert!(told.contains(line), "{told}");
        let told = quietly(&copy.path, &FORCED);
        for table in named {
            let warning = format!(
                "warning: table {table} has indexed rows that the upgrade changed. Rebuild it; \
                 for a full-text table, run: INSERT INTO \"{table}\"(\"{table}\") VALUES ('rebuild')"
            );
            assert!(told.contains(&warning), "{told}");
        }
    }
}

/// No trigger fires during a migration. What it keeps of the rows that a rebuild adds has to be made good by hand.
#[test]
fn trigger_that_does_not_fire_for_added_rows_is_named() {
    let objects = "CREATE TABLE own (a); \
        CREATE TRIGGER after_one AFTER INSERT ON erc20_tokens \
          BEGIN INSERT INTO own VALUES (new.address); END; \
        CREATE TRIGGER before_one BEFORE INSERT ON \"ERC20_TOKENS\" \
          BEGIN INSERT INTO own VALUES (new.address); END; \
        CREATE TRIGGER at_deletion AFTER DELETE ON erc20_tokens \
          BEGIN INSERT INTO own VALUES (old.address); END; \
        CREATE TRIGGER at_change AFTER UPDATE OF name ON erc20_tokens \
          BEGIN INSERT INTO own VALUES (old.address); END; \
        CREATE TRIGGER on_pools AFTER INSERT ON pools \
          BEGIN INSERT INTO own VALUES (new.address); END";
    let named = [
        "after_one (on erc20_tokens)",
        "before_one (on erc20_tokens)",
    ];
    let copy = changed(A2, objects);
    let plan = plan_upgrade(&copy.path, &upgrade_options()).unwrap();
    assert!(plan.notices.unfired_triggers.is_empty());
    let report = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    assert!(report.rebuild.unwrap().notices.unfired_triggers.is_empty());

    let copy = changed(A2, &format!("{REMOVE_TOKENS}; {objects}"));
    let plan = plan_upgrade(&copy.path, &upgrade_options()).unwrap();
    assert_eq!(plan.notices.unfired_triggers, named);
    let told = quietly(&copy.path, &["database", "upgrade", "--dry-run"]);
    let line = "for which trigger after_one (on erc20_tokens) does not fire";
    assert!(told.contains(line), "{told}");
    let told = quietly(&copy.path, &FORCED);
    for name in named {
        let warning =
            format!("warning: trigger {name} did not fire for the rows that the upgrade added");
        assert!(told.contains(&warning), "{told}");
    }
}

/// Some revisions between two releases have exchanges and lack those of some pools or pool managers.
#[test]
fn trigger_that_does_not_fire_for_added_exchanges_is_named() {
    let trigger = "CREATE TABLE own (a); CREATE TRIGGER noted AFTER INSERT ON exchanges \
          BEGIN INSERT INTO own VALUES (new.name); END";
    let one_manager = "UPDATE managed_pools SET manager_id = 3 WHERE manager_id = 5; \
                       DELETE FROM pool_managers WHERE id = 5";
    let of_pools = format!("{one_manager}; DELETE FROM exchanges WHERE name = 'swapbased_v2'");
    for (revision, remove, adds) in [
        ("3eb6b82dc42d", "", true),
        ("3eb6b82dc42d", one_manager, false),
        ("3eb6b82dc42d", &of_pools, true),
        ("901adb947000", "", true),
        ("901adb947000", one_manager, false),
        ("311beed36e7b", &of_pools, true),
        ("39e331854eb2", "", false),
    ] {
        let name = format!("revisions/a2-at-{revision}.db");
        let copy = changed(
            &name,
            &format!("PRAGMA foreign_keys = OFF; {remove}; {trigger}"),
        );
        let plan = plan_upgrade(&copy.path, &upgrade_options()).unwrap();
        let is_named = plan.notices.unfired_triggers == ["noted (on exchanges)"];
        assert_eq!(is_named, adds, "{revision}: {:?}", plan.notices);
        let report = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
        assert_eq!(report.rebuild.unwrap().notices, plan.notices, "{revision}");
    }
}

/// Removes tokens that pools name. A rebuild adds them again.
const REMOVE_TOKENS: &str =
    "DELETE FROM erc20_tokens WHERE address IN (SELECT token0 FROM uniswap_v2_pools LIMIT 3)";

const FORCED: [&str; 5] = [
    "database",
    "upgrade",
    "--force",
    "--assume",
    "aerodrome_v2.stable=false",
];
