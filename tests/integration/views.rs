//! `database views`: views that show what the tables have.

use degenbot::database::{
    ErrorKind, PoolInfo, PoolListOptions, SchemaVersion, list_database_views, list_pools,
};
use degenbot::types::SqlValue;
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::quietly;
use crate::support::content;
use crate::support::corpus::{self, Copy};

/// A connection that has the views that the command prints.
fn with_views(copy: &Copy) -> diesel::sqlite::SqliteConnection {
    let told = quietly(&copy.path, &["database", "views"]);
    let told = told.strip_prefix("status: 0\n--- stdout\n").unwrap();
    let (sql, errors) = told.split_once("--- stderr\n").unwrap();
    assert_eq!(errors, "");
    let mut connection = content::connect(&copy.path);
    connection.batch_execute(sql).unwrap();
    connection
}

#[test]
fn pools_of_the_view_are_those_of_the_list() {
    cases::for_each(&corpus::supported(), |name| {
        let copy = Copy::of(name);
        let mut pools: Vec<PoolInfo> = Vec::new();
        let take = |pool| -> Result<(), degenbot::database::Error> {
            pools.push(pool);
            Ok(())
        };
        list_pools(&copy.path, &PoolListOptions::default(), take).unwrap();
        let text = |value: &Option<SqlValue>| match value {
            // Its display would escape control characters.
            Some(SqlValue::Text(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "-".to_owned(),
        };
        let mut expected: Vec<_> = pools
            .iter()
            .map(|pool| {
                let values = [
                    &pool.kind,
                    &pool.chain_id,
                    &pool.pool_hash,
                    &pool.token0.symbol,
                    &pool.token1.symbol,
                    &pool.fee_token0,
                    &pool.fee_denominator,
                    &pool.tick_spacing,
                    &pool.stable,
                    &pool.bin_step,
                    &pool.liquidity_update_block,
                ];
                let values: Vec<_> = values.into_iter().map(text).collect();
                format!("{} {}", pool.id, values.join(" "))
            })
            .collect();
        expected.sort();
        let columns = [
            "kind",
            "chain_id",
            "pool_hash",
            "symbol0",
            "symbol1",
            "fee_token0",
            "fee_denominator",
            "tick_spacing",
            "stable",
            "bin_step",
            "liquidity_update_block",
        ];
        let columns = columns.map(|column| format!("coalesce({column}, '-')"));
        let query = format!(
            "SELECT id || ' ' || {} AS line FROM v_pools",
            columns.join(" || ' ' || ")
        );
        let mut connection = with_views(&copy);
        let mut found = content::lines(&mut connection, &query);
        found.sort();
        assert_eq!(found, expected, "{name}");
        let ticks = "SELECT (SELECT count(*) FROM v_ticks) = (SELECT count(*) FROM liquidity_positions) \
            + (SELECT count(*) FROM managed_pool_liquidity_positions) AS line";
        assert_eq!(content::lines(&mut connection, ticks), ["1"], "{name}");
    });
}

#[test]
fn positions_of_the_view_are_those_of_the_tables() {
    let versions: Vec<_> = SchemaVersion::all().collect();
    cases::map(&versions, ToString::to_string, |version| {
        let to = version.to_string();
        let to = to.as_str();
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        if *version != SchemaVersion::latest() {
            let told = quietly(&copy.path, &["database", "downgrade", "--yes", "--to", to]);
            assert!(told.starts_with("status: 0"), "{told}");
        }
        let views = list_database_views(&copy.path).unwrap();
        assert_eq!(views.version, *version);
        let mut connection = with_views(&copy);
        let has_view = views.missing.is_empty();
        let count = |table: &str| format!("SELECT count(*) AS line FROM {table}");
        let tables = content::try_lines(&mut connection, &count("aave_v3_debt_positions"));
        assert_eq!(tables.is_ok(), has_view, "{to}");
        if has_view {
            for (side, table) in [
                ("debt", "aave_v3_debt_positions"),
                ("collateral", "aave_v3_collateral_positions"),
            ] {
                let of_side = format!(
                    "v_aave_positions WHERE side = '{side}' AND market IS NOT NULL AND asset IS NOT NULL"
                );
                let found = content::lines(&mut connection, &count(&of_side));
                assert_eq!(
                    found,
                    content::lines(&mut connection, &count(table)),
                    "{to}"
                );
                assert_ne!(found, ["0"], "{to}");
            }
        } else {
            assert_eq!(views.missing, ["v_aave_positions"], "{to}");
        }
    });
}

#[test]
fn views_leave_nothing_behind() {
    let copy = Copy::of("populated/wal-0.5.0.db");
    let before = copy.files();
    let told = quietly(&copy.path, &["database", "views"]);
    let missing = "-- For a database at eb4080485a56.\n-- It has no v_aave_positions: this version lacks the tables.\n";
    assert!(told.contains(missing), "{told}");
    assert_eq!(copy.files(), before);
    let foreign = Copy::of("odd/foreign-no-stamp.db");
    let error = list_database_views(&foreign.path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused { .. }), "{error}");
}
