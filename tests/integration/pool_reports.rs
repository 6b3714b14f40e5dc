//! `pool list` and `pool show`: every pool, whatever its rows hold, and the liquidity of one.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use degenbot::database::{
    Error, ErrorKind, PoolInfo, PoolListOptions, PoolReport, PoolSelector, TokenSelector,
    list_pools, show_pools,
};
use degenbot::models::PoolFamily;
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::cases;
use crate::support::command::{finish, on, quietly, spawn};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::databases::{self, weth_and_usdc};
use crate::support::unprivileged::{public_copy_of_the_binary, unprivileged};

const POPULATED: &str = "populated/populated-0.6.0a4.db";

/// Every pool in the order of the list: table, id, number of ticks, kind, and the exchange, if it is valid.
const POOLS: &str = "
    SELECT family || ' ' || id || ' ' || ticks || ' ' || kind || ' ' || exchange AS line FROM (
        SELECT 'pools' AS family, p.id, p.kind, p.exchange_id,
            CASE WHEN p.kind LIKE '%v3' THEN (SELECT count(*) FROM liquidity_positions WHERE pool_id = p.id)
                ELSE '-' END AS ticks,
            e.chain_id || '_' || e.name AS exchange
        FROM pools p JOIN exchanges e ON e.id = p.exchange_id
        UNION ALL
        SELECT 'managed_pools', p.id, p.kind, m.exchange_id,
            (SELECT count(*) FROM managed_pool_liquidity_positions WHERE managed_pool_id = p.id),
            e.chain_id || '_' || e.name
        FROM managed_pools p JOIN pool_managers m ON m.id = p.manager_id JOIN exchanges e ON e.id = m.exchange_id
    ) ORDER BY exchange_id, family = 'managed_pools', id";

fn execute(path: &Path, statements: &str) {
    let mut connection = content::connect(path);
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .unwrap();
    connection.batch_execute(statements).unwrap();
}

fn by_hand(path: &Path) -> Vec<String> {
    content::lines(&mut content::connect(path), POOLS)
}

fn list(path: &Path, options: &PoolListOptions) -> Vec<PoolInfo> {
    let mut pools = Vec::new();
    list_pools(path, options, |pool| {
        pools.push(pool);
        Ok::<_, Error>(())
    })
    .unwrap();
    pools
}

fn in_short(pool: &PoolInfo) -> String {
    let json = serde_json::to_value(pool).unwrap();
    let ticks = pool.ticks.map_or("-".to_owned(), |it| it.to_string());
    let exchange = pool.exchange.as_ref().unwrap();
    format!(
        "{} {} {ticks} {} {}_{}",
        json["table"].as_str().unwrap(),
        pool.id,
        json["kind"].as_str().unwrap(),
        exchange.chain,
        exchange.name
    )
}

fn show(path: &Path, selector: &PoolSelector) -> PoolReport {
    show_pools(path, selector, &[]).unwrap()
}

fn symbol(text: &str) -> TokenSelector {
    TokenSelector::Symbol(text.to_owned())
}

/// The ids of the pools that a selector finds.
fn found(path: &Path, selector: &PoolSelector) -> Vec<(PoolFamily, i64)> {
    let report = show(path, selector);
    report.pools.iter().map(|it| (it.family, it.id)).collect()
}

#[test]
fn list_has_every_pool_of_every_version_in_order() {
    cases::for_each(&corpus::supported(), |name| {
        let copy = Copy::of(name);
        let expected = by_hand(&copy.path);
        let before = copy.files();
        let pools = list(&copy.path, &PoolListOptions::default());
        assert_eq!(copy.files(), before, "{name}");
        let listed: Vec<_> = pools.iter().map(in_short).collect();
        assert_eq!(listed, expected, "{name}");
        assert!(!listed.is_empty(), "{name}");
        for pool in &pools {
            assert!(pool.token0.address.is_some(), "{name}: {pool:?}");
            assert!(pool.token1.address.is_some(), "{name}: {pool:?}");
            let has_fee = pool.fee_token0.is_some() || pool.bin_step.is_some();
            assert!(has_fee, "{name}: {pool:?}");
        }
    });
}

#[test]
fn list_refuses_early_schemas_and_foreign_files() {
    for name in ["populated/populated-0.5.0a2.db", "odd/foreign-no-stamp.db"] {
        let copy = Copy::of(name);
        let error = list_pools::<Error>(&copy.path, &PoolListOptions::default(), |_| Ok(()));
        let error = error.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Refused { .. }), "{error}");
        let error = show_pools(&copy.path, &PoolSelector::Id(1), &[]).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Refused { .. }), "{error}");
    }
}

/// Pools of three exchanges in turn, more than are read at a time.
fn many() -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = databases::empty();
    execute(
        &path,
        "INSERT INTO exchanges (id, chain_id, name, active, factory) VALUES
             (1, 1, 'a_v2', 1, printf('0x%040x', 1)), (2, 1, 'b_v2', 1, printf('0x%040x', 2)),
             (3, 8453, 'c_v2', 1, printf('0x%040x', 3));
         INSERT INTO erc20_tokens (id, chain, address) VALUES (1, 1, printf('0x%040x', 1)), (2, 1, printf('0x%040x', 2));
         WITH RECURSIVE numbers(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < 20000)
             INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id)
             SELECT id, printf('0x%040x', id), iif(id % 3 = 2, 8453, 1), 'uniswap_v2', 1, 2, 1 + id % 3 FROM numbers;
         INSERT INTO uniswap_v2_pools (pool_id, fee_token0, fee_token1, fee_denominator)
             SELECT id, 3, 3, 1000 FROM pools",
    );
    (folder, path)
}

#[test]
fn list_reads_in_parts_that_join() {
    let (_folder, path) = many();
    let expected = by_hand(&path);
    assert_eq!(expected.len(), 20_000);
    let in_order = |options: PoolListOptions| -> Vec<_> {
        list(&path, &options).iter().map(in_short).collect()
    };
    assert!(in_order(PoolListOptions::default()) == expected);
    for limit in [0, 1, 4_095, 4_096, 4_097, 6_666, 6_667, 19_999, 20_001] {
        let listed = in_order(PoolListOptions::default().limit(limit));
        let most = usize::try_from(limit).unwrap().min(expected.len());
        assert!(listed == expected[..most], "{limit}");
    }
    let of = |suffix: &str| -> Vec<_> {
        let lines = expected.iter().filter(|line| line.ends_with(suffix));
        lines.cloned().collect()
    };
    let base = PoolListOptions::default().chains(vec![ChainId::BASE]);
    assert!(in_order(base) == of("c_v2"));
    let exchanges = ["base_c_v2", "ethereum_b_v2"];
    let exchanges: Vec<_> = exchanges.iter().map(|it| it.parse().unwrap()).collect();
    let both = PoolListOptions::default().exchanges(exchanges);
    assert!(in_order(both.clone()) == [of("b_v2"), of("c_v2")].concat());
    assert!(in_order(both.chains(vec![ChainId::BASE])) == of("c_v2"));
}

#[test]
fn list_ends_with_the_first_error_of_its_user() {
    let (_folder, path) = many();
    let mut taken = 0;
    let ended: Result<(), Option<Error>> = list_pools(&path, &PoolListOptions::default(), |_| {
        taken += 1;
        if taken == 3 { Err(None) } else { Ok(()) }
    });
    assert!(matches!(ended, Err(None)));
    assert_eq!(taken, 3);
}

#[test]
fn list_has_pools_whose_rows_are_invalid() {
    let copy = Copy::of(POPULATED);
    let number = by_hand(&copy.path).len();
    execute(
        &copy.path,
        "DELETE FROM uniswap_v2_pools WHERE pool_id = 58;
         UPDATE pools SET kind = 'other_v9' WHERE id = 75;
         UPDATE pools SET exchange_id = 987654 WHERE id = 127;
         UPDATE pools SET exchange_id = 'none' WHERE id = 168;
         UPDATE pools SET token0_id = 987654, address = x'00ff' WHERE id = 175;
         UPDATE managed_pools SET manager_id = 987654 WHERE id = (SELECT min(id) FROM managed_pools);
         UPDATE erc20_tokens SET symbol = CAST(x'ff41' AS TEXT), decimals = 'many'
             WHERE id = (SELECT token0_id FROM pools WHERE id = 1)",
    );
    let pools = list(&copy.path, &PoolListOptions::default());
    assert_eq!(pools.len(), number);
    let of = |id: i64| {
        let pool = pools
            .iter()
            .find(|it| it.family == PoolFamily::Pools && it.id == id);
        serde_json::to_value(pool.unwrap()).unwrap()
    };
    assert_eq!(of(58)["fee_token0"], Value::Null);
    assert_eq!(of(58)["exchange"], "ethereum_uniswap_v2");
    assert_eq!(of(75)["kind"], "other_v9");
    assert_eq!(of(75)["fee_token0"], Value::Null);
    assert_eq!(of(127)["exchange"], Value::Null);
    assert_eq!(of(175)["address"], serde_json::json!([0, 255]));
    assert_eq!(of(175)["token0"]["id"], 987_654);
    assert_eq!(of(175)["token0"]["address"], Value::Null);
    assert_eq!(of(1)["token0"]["symbol"], "\u{fffd}A");
    assert_eq!(of(1)["token0"]["decimals"], "many");
    let last: Vec<_> = pools.iter().rev().take(2).map(|it| it.family).collect();
    assert_eq!(last, [PoolFamily::ManagedPools, PoolFamily::Pools]);
    // The command prints them all, too.
    let told = quietly(&copy.path, &["pool", "list"]);
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert_eq!(told.lines().count(), number + 4, "{told}");
}

#[test]
fn show_finds_pools_by_all_their_names() {
    let copy = Copy::of(POPULATED);
    let (pools, managed) = (PoolFamily::Pools, PoolFamily::ManagedPools);
    assert_eq!(
        found(&copy.path, &PoolSelector::Id(1)),
        [(pools, 1), (managed, 1)]
    );
    assert_eq!(found(&copy.path, &PoolSelector::Id(987_654)), []);
    let address = "0xb8F257Ca11155897b7719EfC6586E48f0AF54E4d"
        .parse()
        .unwrap();
    let by_address = PoolSelector::Address(address);
    let hash = "0xaa1d753ceb96f2c3330cc62535f41b853fae19f1191f66f28cfffe6935d5f985";
    let by_hash = PoolSelector::Hash(hash.parse().unwrap());
    for spelled in ["lower", "upper", "lower"] {
        assert_eq!(found(&copy.path, &by_address), [(pools, 1)]);
        assert_eq!(found(&copy.path, &by_hash), [(managed, 1)]);
        execute(
            &copy.path,
            &format!(
                "UPDATE pools SET address = '0x' || {spelled}(substr(address, 3));
                 UPDATE uniswap_v4_pools SET pool_hash = '0x' || {spelled}(substr(pool_hash, 3))"
            ),
        );
    }
    let on_ethereum = show_pools(&copy.path, &by_address, &[ChainId::ETHEREUM]).unwrap();
    assert!(on_ethereum.pools.is_empty());
    let on_base = show_pools(&copy.path, &by_address, &[ChainId::BASE]).unwrap();
    assert_eq!(on_base.pools.len(), 1);
}

#[test]
fn show_finds_pools_by_their_tokens() {
    let copy = Copy::of(POPULATED);
    let eth_dai = [symbol("ETH"), symbol("DAI")];
    let expected = content::lines(
        &mut content::connect(&copy.path),
        "SELECT 'managed_pools ' || v.managed_pool_id AS line FROM uniswap_v4_pools v
         JOIN erc20_tokens a ON a.id = v.currency0_id JOIN erc20_tokens b ON b.id = v.currency1_id
         WHERE (a.symbol, b.symbol) IN (('ETH', 'DAI'), ('DAI', 'ETH'))
         UNION ALL SELECT 'pools ' || p.id FROM pools p
         JOIN erc20_tokens a ON a.id = p.token0_id JOIN erc20_tokens b ON b.id = p.token1_id
         WHERE (a.symbol, b.symbol) IN (('ETH', 'DAI'), ('DAI', 'ETH'))",
    );
    let pair = |[one, other]: [TokenSelector; 2]| PoolSelector::Pair([one, other]);
    let mut by_symbols: Vec<_> = show(&copy.path, &pair(eth_dai.clone()))
        .pools
        .iter()
        .map(|it| serde_json::to_value(it).unwrap())
        .map(|it| format!("{} {}", it["table"].as_str().unwrap(), it["id"]))
        .collect();
    by_symbols.sort();
    assert_eq!(by_symbols, expected);
    assert!(!expected.is_empty());
    let [eth, dai] = eth_dai;
    let by_names = found(&copy.path, &pair([eth.clone(), dai.clone()]));
    for same in [[dai, eth.clone()], [symbol("eth"), symbol("Dai")]] {
        assert_eq!(found(&copy.path, &pair(same)), by_names);
    }
    // A native currency has the zero address; so has that of another chain.
    let zero = TokenSelector::Address(
        "0x0000000000000000000000000000000000000000"
            .parse()
            .unwrap(),
    );
    let by_address = found(&copy.path, &pair([zero, symbol("DAI")]));
    assert!(by_names.iter().all(|pool| by_address.contains(pool)));
    assert_eq!(found(&copy.path, &pair([eth, symbol("NOPE")])), []);
}

#[test]
fn show_reads_the_liquidity_of_one_pool() {
    let copy = Copy::of(POPULATED);
    let address = "0xDeEf11836d892EE382381ff547F56cc6b6F376B1"
        .parse()
        .unwrap();
    let report = show(&copy.path, &PoolSelector::Address(address));
    let liquidity = report.liquidity.unwrap();
    assert_eq!(report.pools[0].ticks, Some(3));
    let ticks = content::lines(
        &mut content::connect(&copy.path),
        "SELECT tick || ' ' || liquidity_net || ' ' || liquidity_gross AS line
         FROM liquidity_positions WHERE pool_id = 31 ORDER BY tick",
    );
    let read: Vec<_> = liquidity
        .ticks
        .iter()
        .map(|at| format!("{} {} {}", at.tick, at.liquidity_net, at.liquidity_gross))
        .collect();
    assert_eq!(read, ticks);
    let words = "SELECT count(*) AS line FROM initialization_maps WHERE pool_id = 31";
    let words = content::lines(&mut content::connect(&copy.path), words);
    assert_eq!(liquidity.words.unwrap().to_string(), words[0]);
    // A pool without ticks has none, several pools have not either.
    for id in [58, 1] {
        assert!(show(&copy.path, &PoolSelector::Id(id)).liquidity.is_none());
    }
    execute(
        &copy.path,
        "UPDATE liquidity_positions SET liquidity_net = 'much' WHERE pool_id = 31",
    );
    let error = show_pools(&copy.path, &PoolSelector::Address(address), &[]).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Row { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The liquidity of each range is the sum of the positions over it.
    #[test]
    fn ranges_have_the_sum_of_the_positions_over_them(
        positions in prop::collection::vec((-50_i32..50, 1_i32..60, 1_u64..1_000_000), 1..12),
        lost: bool,
    ) {
        let copy = Copy::of(POPULATED);
        let mut net = std::collections::BTreeMap::<i32, i128>::new();
        for (lower, length, amount) in &positions {
            *net.entry(*lower).or_default() += i128::from(*amount);
            *net.entry(lower + length).or_default() -= i128::from(*amount);
        }
        if lost {
            net.pop_last();
        }
        let rows: Vec<_> = net
            .iter()
            .map(|(tick, net)| format!("(31, {tick}, '{net}', '1')"))
            .collect();
        execute(&copy.path, &format!(
            "DELETE FROM liquidity_positions WHERE pool_id = 31;
             INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) VALUES {}",
            rows.join(", ")
        ));
        let address = "0xDeEf11836d892EE382381ff547F56cc6b6F376B1".parse().unwrap();
        let liquidity = show(&copy.path, &PoolSelector::Address(address)).liquidity.unwrap();
        let Some(ranges) = liquidity.ranges() else {
            prop_assert!(lost);
            return Ok(());
        };
        prop_assert!(!lost);
        for range in ranges {
            for tick in range.lower.get()..range.upper.get() {
                let over = positions.iter().filter(|(lower, length, _)| (*lower..lower + length).contains(&tick));
                let sum: u128 = over.map(|(_, _, amount)| u128::from(*amount)).sum();
                prop_assert_eq!(range.liquidity, sum);
            }
        }
    }
}

#[test]
fn list_prints_a_table() {
    let copy = Copy::of("populated/populated-0.6.0a14.db");
    let told = quietly(
        &copy.path,
        &[
            "pool",
            "list",
            "--exchange",
            "base_uniswap_v3",
            "--limit",
            "2",
        ],
    );
    insta::assert_snapshot!(told);
    let told = quietly(
        &copy.path,
        &[
            "pool",
            "list",
            "--exchange",
            "base_uniswap_v4",
            "--chain",
            "base",
            "--limit",
            "2",
        ],
    );
    insta::assert_snapshot!("managed_pools", told);
    let told = quietly(&copy.path, &["pool", "list", "--chain", "polygon"]);
    insta::assert_snapshot!(told, @r"
    status: 0
    --- stdout
    --- stderr
    There are no such pools.
    ");
    let told = quietly(
        &copy.path,
        &["pool", "list", "--exchange", "base_uniswap_v9"],
    );
    insta::assert_snapshot!(told, @r"
    status: 2
    --- stdout
    --- stderr
    error: There is no exchange 'base_uniswap_v9'
    hint: Did you mean base_uniswap_v2, base_uniswap_v3 or base_uniswap_v4? 'degenbot exchange list' lists the exchanges
    ");
}

#[test]
fn list_in_a_file_has_complete_addresses() {
    let copy = Copy::of(POPULATED);
    execute(&copy.path, "UPDATE erc20_tokens SET symbol = NULL");
    let told = quietly(&copy.path, &["pool", "list"]);
    let output = on(&copy.path, &["pool", "list", "--json"])
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    for pool in document["pools"].as_array().unwrap() {
        let [one, other] =
            ["token0", "token1"].map(|token| pool[token]["address"].as_str().unwrap());
        assert!(
            told.contains(&format!("  {one}/{other}  ")),
            "{one}/{other}: {told}"
        );
    }
    assert!(!told.contains("..."), "{told}");
}

#[test]
fn show_prints_a_pool_and_draws_its_liquidity() {
    let copy = weth_and_usdc();
    let pool = "0xdeef11836d892ee382381ff547f56cc6b6f376b1";
    insta::assert_snapshot!(quietly(&copy.path, &["pool", "show", pool]));
    execute(
        &copy.path,
        "UPDATE liquidity_positions SET liquidity_net = '1' WHERE pool_id = 31 AND tick = -201000",
    );
    let told = quietly(&copy.path, &["pool", "show", pool]);
    let (_, chart) = told.split_once("\n\n").unwrap();
    insta::assert_snapshot!(chart, @r"
    The liquidity cannot be drawn: the net liquidity of the ticks does not add up.
    'degenbot database verify' says more about it.
    --- stderr
    ");
    let told = quietly(&copy.path, &["pool", "show", "58"]);
    insta::assert_snapshot!(told, @r"
    status: 0
    --- stdout
    Pool      0xA5e4Ec806fF9A12E21cf7bcEB87DD526929B754B
    ID        58 in pools
    Kind      uniswap_v2
    Exchange  ethereum_uniswap_v2
    Chain     1
    Token 0   TK19, 0xa25c519bc08A1026b0FbE5ae22C7832520717D16, 6 decimals
    Token 1   TK5, 0xD6cB1a9Ac736F0351f3A540B136e12cb26aC15e9, 9 decimals
    Fee       0.3%
    --- stderr
    ");
    let told = quietly(&copy.path, &["pool", "show", "1"]);
    insta::assert_snapshot!("several", told);
    for arguments in [
        &["pool", "show", "0xb8F257Ca11155897b7719EfC6586E48f0AF54E4e"][..],
        &["pool", "show", "99999999999999999999"],
        &["pool", "show", "WETH"],
        &["pool", "show", ""],
        &["pool", "show", "WETH", "NOPE"],
        &["pool", "show", "58", "--chain", "base"],
    ] {
        let told = quietly(&copy.path, arguments);
        let name = arguments[2..].iter().take_while(|it| !it.starts_with("--"));
        let name = name.copied().collect::<Vec<_>>().join("/");
        let expected =
            format!("status: 1\n--- stdout\n--- stderr\nerror: There is no pool '{name}'\nhint: ");
        assert!(told.starts_with(&expected), "{told}");
    }
}

#[test]
fn show_takes_the_tokens_as_the_list_has_them() {
    let copy = Copy::of(POPULATED);
    let json = |arguments: &[&str]| -> Value {
        let output = on(&copy.path, arguments).arg("--json").output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["pools"].clone()
    };
    let pools = json(&["pool", "show", "ETH/DAI"]);
    assert_eq!(pools, json(&["pool", "show", "ETH", "DAI"]));
    assert_eq!(pools, json(&["pool", "show", "DAI", "ETH"]));
    let listed = json(&["pool", "list"]);
    for pool in pools.as_array().unwrap() {
        assert!(listed.as_array().unwrap().contains(pool), "{pool}");
    }
}

#[test]
fn a_closed_pipe_ends_the_list() {
    let (_folder, path) = many();
    for arguments in [&["pool", "list"][..], &["pool", "list", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = on(&path, arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    if let Ok(full) = full {
        let mut command = on(&path, &["pool", "list", "--json"]);
        command.stdout(Stdio::from(full));
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            told.starts_with("error: Could not write to stdout: "),
            "{told}"
        );
    }
}

#[test]
fn a_read_only_database_is_listed() {
    use std::os::unix::fs::PermissionsExt;

    let copy = Copy::of("populated/populated-0.5.0.db");
    let before = copy.files();
    fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o555)).unwrap();
    let binary = public_copy_of_the_binary();
    for arguments in [&["pool", "list"][..], &["pool", "show", "58"]] {
        let mut command = unprivileged(&binary.1);
        command
            .args(["--database", "degenbot.db"])
            .args(arguments)
            .current_dir(copy.folder());
        let told = finish(spawn(command));
        assert!(told.starts_with("status: 0\n"), "{told}");
        assert!(told.contains("ethereum_uniswap_v2"), "{told}");
    }
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(copy.files(), before);
}

#[test]
fn list_works_beside_a_writer() {
    let (_folder, path) = many();
    let mut writer = content::connect(&path);
    writer
        .batch_execute(
            "PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF; \
             BEGIN IMMEDIATE; DELETE FROM pools WHERE id > 10000",
        )
        .unwrap();
    let mut last = 0;
    let mut listed = 0;
    // Every pool that stays is listed once, although others go in between.
    list_pools(&path, &PoolListOptions::default(), |pool| {
        listed += 1;
        if listed == 100 {
            writer.batch_execute("COMMIT").unwrap();
        }
        if pool.id <= 10_000 {
            last += 1;
        }
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(last, 10_000);
    assert!((10_000..20_000).contains(&listed), "{listed}");
}
