//! Every database that a user can have: brought in with every row, or refused with a reason.

mod outcomes;

use std::collections::BTreeMap;
use std::path::Path;

use alloy_primitives::U256;
use degenbot::database::{
    self, Error, ErrorKind, SchemaVersion, UpgradeReport, upgrade_sqlite_database,
};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::support::cases;
use crate::support::content::{self, lines};
use crate::support::corpus::{self, Copy};
use crate::support::variant::variant;
use outcomes::OUTCOMES;

fn upgrade(path: &Path) -> Result<UpgradeReport, Error> {
    upgrade_sqlite_database(path, &corpus::upgrade_options(), &mut ())
}

fn outcome(result: &Result<UpgradeReport, Error>) -> String {
    match result {
        Ok(report) if report.rebuild.is_some() => format!("rebuilt from {}", report.from),
        Ok(report) if report.computed_words > 0 => format!("maps computed, from {}", report.from),
        Ok(report) => format!("in place from {}", report.from),
        Err(error) => match &error.kind {
            ErrorKind::Refused { refusal, .. } => variant(refusal),
            other => variant(other),
        },
    }
}

#[test]
fn upgrade_of_each_database_has_its_outcome_and_loses_or_invents_no_row() {
    let names = corpus::names(&["fresh", "populated", "upgraded", "odd", "revisions"]);
    let expected: BTreeMap<_, _> = OUTCOMES.iter().copied().collect();
    assert!(names.iter().eq(expected.keys()));
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        let before = copy.files();
        let result = upgrade(&copy.path);
        assert_eq!(outcome(&result), expected[name]);
        match &result {
            Ok(report) => compare(name, &copy, report),
            Err(_) => assert_eq!(copy.files(), before),
        }
    });
}

/// Compares an upgraded database with what it was.
fn compare(name: &str, copy: &Copy, report: &UpgradeReport) {
    assert_eq!(report.to, SchemaVersion::latest(), "{name}");
    let recognition = database::recognise(&copy.path).unwrap();
    assert!(recognition.identity.is_stamped_right(), "{name}");
    assert_eq!(recognition.identity.version().unwrap(), report.to, "{name}");
    let old = Copy::of(name);
    if name == "odd/hot-journal.db" {
        // Rolled back by whoever opens it.
        content::connect(&old.path)
            .batch_execute("BEGIN IMMEDIATE; COMMIT")
            .unwrap();
    }
    if name != "odd/flipped-byte-index-page.db" {
        let known = content::complaints(&old.path);
        assert_eq!(content::complaints(&copy.path), known, "{name}");
    }
    match &report.rebuild {
        None => {
            let mut before = content::of(&old.path);
            let mut after = content::of(&copy.path);
            before.retain(|table, _| !table.starts_with("_alembic_tmp_"));
            if report.computed_words > 0 || !before.contains_key("initialization_maps") {
                compare_maps(name, &old.path, &copy.path);
                after.remove("initialization_maps");
                after.remove("managed_pool_initialization_maps");
            }
            content::assert_carried_over(&before, &after, name);
        }
        Some(rebuild) => {
            // The original is what it was, in one file.
            let kept = content::of(&rebuild.original);
            assert_eq!(kept, content::of(&old.path), "{name}");
            compare_rebuilt(name, &rebuild.original, &copy.path, report);
        }
    }
}

/// Asserts that two queries, on the old database (`old.`) and on the new one, have the same rows.
fn same(connection: &mut SqliteConnection, name: &str, old: &str, new: &str) {
    for (what, query) in [
        ("lost", format!("{old} EXCEPT {new}")),
        ("invented", format!("{new} EXCEPT {old}")),
    ] {
        let count = lines(
            connection,
            &format!("SELECT CAST(count(*) AS TEXT) AS line FROM ({query})"),
        );
        assert_eq!(count, ["0"], "{name}: {what}: {query}");
    }
    let counts = [old, new].map(|query| {
        let query = format!("SELECT CAST(count(*) AS TEXT) AS line FROM ({query})");
        lines(connection, &query)
    });
    assert_eq!(counts[0], counts[1], "{name}: {old}");
}

const V3: [&str; 4] = [
    "aerodrome_v3",
    "pancakeswap_v3",
    "sushiswap_v3",
    "uniswap_v3",
];
const V2: [&str; 6] = [
    "aerodrome_v2",
    "camelot_v2",
    "pancakeswap_v2",
    "sushiswap_v2",
    "swapbased_v2",
    "uniswap_v2",
];

#[expect(clippy::too_many_lines, reason = "one query after the other")]
fn compare_rebuilt(name: &str, old: &Path, new: &Path, report: &UpgradeReport) {
    let rebuild = report.rebuild.as_ref().unwrap();
    let mut connection = content::connect(new);
    connection
        .batch_execute(&format!("ATTACH '{}' AS old", old.display()))
        .unwrap();
    let connection = &mut connection;
    let columns = |connection: &mut SqliteConnection, schema: &str, table: &str| {
        lines(
            connection,
            &format!(
                "SELECT name AS line FROM pragma_table_info('{table}', '{schema}') ORDER BY name"
            ),
        )
    };
    let tables = lines(
        connection,
        "SELECT name AS line FROM old.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
         AND name NOT LIKE '%!_version' ESCAPE '!' AND name NOT LIKE '!_%' ESCAPE '!'",
    );
    let is_first = columns(connection, "old", "pools").contains(&"fee".to_owned());

    // What keeps its name keeps its values, in rows of the same number.
    for table in &tables {
        if table == "metadata" {
            assert!(rebuild.dropped.contains(table), "{name}");
            continue;
        }
        let of_new = columns(connection, "main", table);
        let mut common = columns(connection, "old", table);
        common.retain(|column| {
            of_new.contains(column)
                && column != "pool_hash"
                && column != "state_view"
                // Filled in from what else the row, or its pools, say.
                && !(column.ends_with("_id") && ["pools", "uniswap_v4_pools"].contains(&table.as_str()) && column != "managed_pool_id")
                && column != "stable"
                && !(table == "exchanges" && ["factory", "deployer"].contains(&column.as_str()))
        });
        let common = common.join(", ");
        let more = match table.as_str() {
            "erc20_tokens" | "exchanges" => {
                format!(" WHERE id IN (SELECT id FROM old.{table})")
            }
            _ => String::new(),
        };
        same(
            connection,
            name,
            &format!("SELECT {common} FROM old.{table}"),
            &format!("SELECT {common} FROM main.{table}{more}"),
        );
    }

    // Tokens: every pool has those that it had, and no token was added that no pool has.
    for (kinds, table) in V2
        .iter()
        .chain(&V3)
        .map(|kind| (kind, format!("{kind}_pools")))
    {
        let source = if is_first {
            "pools".to_owned()
        } else {
            table.clone()
        };
        let of_old = columns(connection, "old", &source);
        let has = |column: &str| of_old.iter().any(|name| name == column);
        let id = if is_first { "id" } else { "pool_id" };
        let filter = if is_first {
            format!("WHERE kind = '{kinds}'")
        } else {
            String::new()
        };
        if has("token0") {
            same(
                connection,
                name,
                &format!("SELECT {id}, lower(token0), lower(token1) FROM old.{source} {filter}"),
                &format!(
                    "SELECT k.pool_id, lower(t0.address), lower(t1.address) FROM {table} AS k \
                     JOIN pools AS p ON p.id = k.pool_id \
                     JOIN erc20_tokens AS t0 ON t0.id = p.token0_id AND t0.chain = p.chain \
                     JOIN erc20_tokens AS t1 ON t1.id = p.token1_id AND t1.chain = p.chain"
                ),
            );
        } else if has("token0_id") {
            same(
                connection,
                name,
                &format!("SELECT pool_id, token0_id, token1_id FROM old.{table}"),
                &format!(
                    "SELECT p.id, p.token0_id, p.token1_id FROM {table} JOIN pools AS p ON p.id = pool_id"
                ),
            );
        }
        for column in ["factory", "deployer"]
            .into_iter()
            .filter(|column| has(column))
        {
            let told = if is_first { "AND" } else { "WHERE" };
            let old = format!(
                "SELECT {id}, lower({column}) FROM old.{source} {filter} {told} {column} NOTNULL"
            );
            same(
                connection,
                name,
                &old,
                &format!(
                    "SELECT p.id, lower(x.{column}) FROM {table} AS k JOIN pools AS p ON p.id = k.pool_id \
                     JOIN exchanges AS x ON x.id = p.exchange_id AND x.chain_id = p.chain \
                       AND x.name = p.kind \
                     WHERE p.id IN (SELECT {id} FROM old.{source} {filter} {told} {column} NOTNULL)"
                ),
            );
        }
        if is_first && kinds.ends_with("_v3") {
            same(
                connection,
                name,
                &format!(
                    "SELECT id, fee, fee, 1000000, tick_spacing, NULL FROM old.pools {filter}"
                ),
                &format!(
                    "SELECT pool_id, fee_token0, fee_token1, fee_denominator, tick_spacing, \
                     liquidity_update_block FROM {table}"
                ),
            );
        }
    }
    let of_pools = columns(connection, "old", "pools");
    let has = |column: &str| of_pools.iter().any(|name| name == column);
    if has("token0_id") || has("token0_id_") {
        let suffix = if has("token0_id") { "" } else { "_" };
        same(
            connection,
            name,
            &format!(
                "SELECT id, token0_id{suffix}, token1_id{suffix} FROM old.pools \
                 WHERE token0_id{suffix} NOTNULL"
            ),
            &format!(
                "SELECT id, token0_id, token1_id FROM pools \
                 WHERE id IN (SELECT id FROM old.pools WHERE token0_id{suffix} NOTNULL)"
            ),
        );
    }
    if has("exchange_id") {
        same(
            connection,
            name,
            "SELECT id, exchange_id FROM old.pools WHERE exchange_id NOTNULL",
            "SELECT id, exchange_id FROM pools \
             WHERE id IN (SELECT id FROM old.pools WHERE exchange_id NOTNULL)",
        );
    }
    let stable = match columns(connection, "old", "aerodrome_v2_pools") {
        old if old.iter().any(|column| column == "stable") => "coalesce(stable, 0)",
        _ => "0",
    };
    if tables.iter().any(|table| table == "aerodrome_v2_pools") {
        same(
            connection,
            name,
            &format!("SELECT pool_id, {stable} FROM old.aerodrome_v2_pools"),
            "SELECT pool_id, stable FROM aerodrome_v2_pools",
        );
    }
    if tables.iter().any(|table| table == "uniswap_v4_pools") {
        let of_old = columns(connection, "old", "uniswap_v4_pools");
        compare_v4(name, connection, &of_old);
    }
    let unused = lines(
        connection,
        "SELECT CAST(id AS TEXT) AS line FROM erc20_tokens WHERE id NOT IN (SELECT id FROM old.erc20_tokens) \
         AND id NOT IN (SELECT token0_id FROM pools UNION SELECT token1_id FROM pools \
           UNION SELECT currency0_id FROM uniswap_v4_pools UNION SELECT currency1_id FROM uniswap_v4_pools)",
    );
    assert_eq!(unused, [""; 0], "{name}");
    let added = lines(
        connection,
        "SELECT CAST((SELECT count(*) FROM erc20_tokens) - (SELECT count(*) FROM old.erc20_tokens) AS TEXT) AS line",
    );
    assert_eq!(added, [rebuild.added_tokens.to_string()], "{name}");
    let wrong = lines(
        connection,
        "SELECT CAST(p.id AS TEXT) AS line FROM pools AS p LEFT JOIN exchanges AS x ON x.id = p.exchange_id \
         WHERE x.chain_id IS NOT p.chain OR x.name IS NOT p.kind",
    );
    assert_eq!(wrong, [""; 0], "{name}");
    if !tables.iter().any(|table| table == "initialization_maps") {
        compare_maps(name, old, new);
    }
}

fn compare_v4(name: &str, connection: &mut SqliteConnection, of_old: &[String]) {
    let has = |column: &str| of_old.iter().any(|name| name == column);
    let hash = match (has("pool_hash"), has("pool_hash_hex")) {
        (true, true) => "coalesce(lower(pool_hash_hex), '0x' || lower(hex(pool_hash)))",
        (false, true) => "lower(pool_hash_hex)",
        _ => {
            "CASE typeof(pool_hash) WHEN 'blob' THEN '0x' || lower(hex(pool_hash)) \
              ELSE lower(pool_hash) END"
        }
    };
    same(
        connection,
        name,
        &format!("SELECT managed_pool_id, {hash} FROM old.uniswap_v4_pools"),
        "SELECT managed_pool_id, pool_hash FROM uniswap_v4_pools",
    );
    if has("currency0") {
        same(
            connection,
            name,
            "SELECT managed_pool_id, lower(currency0), lower(currency1), m.chain \
             FROM old.uniswap_v4_pools JOIN old.managed_pools AS d ON d.id = managed_pool_id \
             JOIN old.pool_managers AS m ON m.id = d.manager_id",
            "SELECT managed_pool_id, lower(t0.address), lower(t1.address), t0.chain \
             FROM uniswap_v4_pools JOIN erc20_tokens AS t0 ON t0.id = currency0_id \
             JOIN erc20_tokens AS t1 ON t1.id = currency1_id AND t1.chain = t0.chain",
        );
    } else {
        same(
            connection,
            name,
            "SELECT managed_pool_id, currency0_id, currency1_id FROM old.uniswap_v4_pools",
            "SELECT managed_pool_id, currency0_id, currency1_id FROM uniswap_v4_pools",
        );
    }
}

/// Compares the computed words with those that the old positions make.
fn compare_maps(name: &str, old: &Path, new: &Path) {
    for (maps, positions, owner, spacings) in [
        (
            "initialization_maps",
            "liquidity_positions",
            "pool_id",
            &V3[..],
        ),
        (
            "managed_pool_initialization_maps",
            "managed_pool_liquidity_positions",
            "managed_pool_id",
            &["uniswap_v4"],
        ),
    ] {
        let mut connection = content::connect(old);
        let mut of_pools = BTreeMap::new();
        for kind in spacings {
            for line in lines(
                &mut connection,
                &format!("SELECT {owner} || ' ' || tick_spacing AS line FROM {kind}_pools"),
            ) {
                let (pool, spacing) = line.split_once(' ').unwrap();
                of_pools.insert(pool.to_owned(), spacing.parse::<i64>().unwrap());
            }
        }
        let mut words: BTreeMap<(String, i64), U256> = BTreeMap::new();
        for line in lines(
            &mut connection,
            &format!("SELECT {owner} || ' ' || tick AS line FROM {positions}"),
        ) {
            let (pool, tick) = line.split_once(' ').unwrap();
            let compressed = tick.parse::<i64>().unwrap().div_euclid(of_pools[pool]);
            let word = words
                .entry((pool.to_owned(), compressed.div_euclid(256)))
                .or_default();
            let bit = usize::try_from(compressed.rem_euclid(256)).unwrap();
            *word |= U256::from(1) << bit;
        }
        let mut expected: Vec<_> = words
            .into_iter()
            .map(|((pool, word), bits)| format!("{pool} {word} {bits}"))
            .collect();
        expected.sort();
        let mut found = lines(
            &mut content::connect(new),
            &format!("SELECT {owner} || ' ' || word || ' ' || bitmap AS line FROM {maps}"),
        );
        found.sort();
        assert_eq!(found, expected, "{name}: {maps}");
    }
}
