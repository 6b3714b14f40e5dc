//! `database export`: every row as it is stored, all files or none.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use degenbot::database::{
    Effect, Error, ErrorKind, ExportFormat, ExportOptions, ExportPart, ExportReport, Observer,
    Progress, SchemaVersion, Stage, export_database, list_database_views,
};
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use parquet::file::reader::SerializedFileReader;
use parquet::record::Field;
use parquet::record::reader::RowIter;

use crate::faults::on_a_small_disk;
use crate::support::cases;
use crate::support::command::{on, quietly, run};
use crate::support::content;
use crate::support::corpus::{self, Copy};

const TABLES: [&str; 7] = [
    "exchanges",
    "tokens",
    "pools",
    "ticks",
    "aave_reserves",
    "aave_users",
    "aave_positions",
];

/// The folder of an export beside a database.
fn output(copy: &Copy) -> PathBuf {
    copy.folder().join("export")
}

fn options(copy: &Copy) -> ExportOptions {
    ExportOptions::new(output(copy))
}

fn export(copy: &Copy, options: &ExportOptions) -> Result<ExportReport, Error> {
    export_database(&copy.path, options, &mut ())
}

/// The rows of a Parquet file, a line each, with the columns that are asked for. NULL is `-`, and flags are 0 and 1.
fn rows(copy: &Copy, table: &str, columns: &[&str]) -> Vec<String> {
    let path = output(copy).join(format!("{table}.parquet"));
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = RowIter::from_file_into(Box::new(reader));
    let rows = rows.map(|row| {
        let row = row.unwrap();
        let text = |wanted: &&str| {
            let found = row.get_column_iter().find(|(name, _)| name == wanted);
            match found.unwrap().1 {
                Field::Null => "-".to_owned(),
                Field::Str(text) => text.clone(),
                Field::Bool(flag) => u8::from(*flag).to_string(),
                Field::Double(number) => format!("{number:?}"),
                Field::Long(number) => number.to_string(),
                other => panic!("{other:?}"),
            }
        };
        columns.iter().map(text).collect::<Vec<_>>().join("|")
    });
    rows.collect()
}

/// The same of a query.
fn expected(connection: &mut SqliteConnection, source: &str, columns: &[&str]) -> Vec<String> {
    let columns: Vec<_> = columns
        .iter()
        .map(|column| format!("coalesce({column}, '-')"))
        .collect();
    let columns = columns.join(" || '|' || ");
    content::lines(
        connection,
        &format!("SELECT {columns} AS line FROM {source}"),
    )
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

const POOLS: [&str; 22] = [
    "chain_id",
    "pool_table",
    "id",
    "exchange",
    "kind",
    "address",
    "pool_hash",
    "hooks",
    "token0",
    "symbol0",
    "decimals0",
    "token1",
    "symbol1",
    "decimals1",
    "fee_token0",
    "fee_token1",
    "fee_denominator",
    "stable",
    "tick_spacing",
    "bin_step",
    "liquidity_update_block",
    "liquidity_update_log_index",
];

const TICKS: [&str; 7] = [
    "pool_table",
    "pool_id",
    "address",
    "pool_hash",
    "tick",
    "liquidity_net",
    "liquidity_gross",
];

#[test]
fn exported_rows_are_those_of_the_tables_and_views() {
    cases::for_each(&corpus::supported(), |name| {
        let copy = Copy::of(name);
        let report = export(&copy, &options(&copy)).unwrap();
        let files: Vec<_> = report.files.iter().map(|file| file.table).collect();
        assert_eq!(files, TABLES, "{name}");
        let mut connection = content::connect(&copy.path);
        let mut check = |table: &str, source: &str, columns: &[&str]| {
            let found = rows(&copy, table, columns);
            let stored = expected(&mut connection, source, columns);
            assert_eq!(sorted(found), sorted(stored), "{name}: {table}");
        };
        check(
            "exchanges",
            "exchanges",
            &["chain_id", "id", "name", "active", "factory", "deployer"],
        );
        let tokens = "(SELECT chain AS chain_id, * FROM erc20_tokens)";
        check(
            "tokens",
            tokens,
            &["chain_id", "id", "address", "name", "symbol", "decimals"],
        );
        let views = list_database_views(&copy.path).unwrap().views;
        for view in &views {
            connection.batch_execute(&view.sql).unwrap();
        }
        let mut check = |table: &str, source: &str, columns: &[&str]| {
            let found = rows(&copy, table, columns);
            let stored = expected(&mut connection, source, columns);
            assert_eq!(sorted(found), sorted(stored), "{name}: {table}");
        };
        check("pools", "v_pools", &POOLS);
        let with_manager = "(SELECT t.pool_table, t.pool_id, t.pool_hash, t.tick, t.liquidity_net, \
             t.liquidity_gross, p.address FROM v_ticks AS t LEFT JOIN v_pools AS p \
             ON p.pool_table = t.pool_table AND p.id = t.pool_id)";
        check("ticks", with_manager, &TICKS);
        if views.iter().any(|view| view.name == "v_aave_positions") {
            check(
                "aave_positions",
                "v_aave_positions",
                &[
                    "chain_id",
                    "market",
                    "user_address",
                    "side",
                    "symbol",
                    "decimals",
                    "asset",
                    "scaled_balance",
                    "last_index",
                    "is_collateral_enabled",
                ],
            );
        } else {
            assert!(report.files[6].is_missing, "{name}");
        }
    });
}

#[test]
fn every_version_has_the_same_columns() {
    let columns = |copy: &Copy| {
        let headers = TABLES.map(|table| {
            let text = fs::read_to_string(output(copy).join(format!("{table}.csv"))).unwrap();
            text.lines().next().unwrap().to_owned()
        });
        headers.join("\n")
    };
    let latest = Copy::upgraded("populated/populated-0.6.0a4.db");
    let csv = |copy: &Copy| options(copy).format(ExportFormat::Csv);
    let report = export(&latest, &csv(&latest)).unwrap();
    assert!(report.files.iter().all(|file| !file.is_missing));
    let versions: Vec<_> = SchemaVersion::all().collect();
    cases::map(&versions, ToString::to_string, |version| {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        if *version != SchemaVersion::latest() {
            let to = version.to_string();
            let told = quietly(&copy.path, &["database", "downgrade", "--yes", "--to", &to]);
            assert!(told.starts_with("status: 0"), "{told}");
        }
        let report = export(&copy, &csv(&copy)).unwrap();
        assert_eq!(report.version, *version);
        assert_eq!(columns(&copy), columns(&latest), "{version}");
        let rows = report.files.iter().map(|file| file.rows);
        let is_older = report.files.iter().any(|file| file.is_missing);
        assert!(is_older || rows.min() > Some(0), "{version}");
    });
}

/// Fees, flags and numbers, with what no other test has: NULL beside the empty text, quotes, and the greatest number.
#[test]
fn csv_tells_null_from_the_empty_text_and_quotes_the_rest() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute(
            "PRAGMA foreign_keys = OFF; DELETE FROM erc20_tokens WHERE id > 4;
             UPDATE erc20_tokens SET name = NULL, symbol = '', decimals = NULL WHERE id = 1;
             UPDATE erc20_tokens SET name = 'a,b', symbol = 'say \"x\"', decimals = 0 WHERE id = 2;
             UPDATE erc20_tokens SET name = 'two' || char(13, 10) || 'lines', symbol = ' x ', decimals = 255 WHERE id = 3;
             UPDATE erc20_tokens SET name = '', symbol = NULL, decimals = 18 WHERE id = 4;",
        )
        .unwrap();
    let only = options(&copy)
        .format(ExportFormat::Csv)
        .only(vec![ExportPart::Tokens]);
    let report = export(&copy, &only).unwrap();
    let text = fs::read_to_string(&report.files[0].path).unwrap();
    let address = |id| {
        let query = format!(
            "SELECT chain || ',{id},' || address AS line FROM erc20_tokens WHERE id = {id}"
        );
        content::lines(&mut content::connect(&copy.path), &query).remove(0)
    };
    let expected = format!(
        "chain_id,id,address,name,symbol,decimals\n{},,\"\",\n{},\"a,b\",\"say \"\"x\"\"\",0\n{},\"two\r\nlines\", x ,255\n\
         {},\"\",,18\n",
        address(1),
        address(2),
        address(3),
        address(4)
    );
    assert_eq!(text, expected);
    assert_eq!(report.files.len(), 1);
    assert_eq!(fs::read_dir(output(&copy)).unwrap().count(), 1);
}

#[test]
fn numbers_are_exact_texts_and_the_nearest_floats() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let greatest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    content::connect(&copy.path)
        .batch_execute(&format!(
            "UPDATE aave_v3_debt_positions SET balance = '{greatest}', last_index = NULL;
             UPDATE liquidity_positions SET liquidity_net = '-170141183460469231731687303715884105727',
                 liquidity_gross = '9007199254740993';
             UPDATE uniswap_v3_pools SET fee_token0 = 1, fee_token1 = 100, fee_denominator = 30000"
        ))
        .unwrap();
    export(&copy, &options(&copy)).unwrap();
    let debts = rows(
        &copy,
        "aave_positions",
        &[
            "side",
            "scaled_balance",
            "scaled_balance_float",
            "last_index",
            "last_index_float",
        ],
    );
    let debt = format!("debt|{greatest}|1.157920892373162e77|-|-");
    assert!(debts.contains(&debt), "{debts:?}");
    let ticks = rows(
        &copy,
        "ticks",
        &[
            "pool_table",
            "liquidity_net",
            "liquidity_net_float",
            "liquidity_gross_float",
        ],
    );
    let tick =
        "pools|-170141183460469231731687303715884105727|-1.7014118346046923e38|9007199254740992.0";
    assert!(ticks.iter().any(|found| found == tick), "{ticks:?}");
    let fees = rows(
        &copy,
        "pools",
        &["kind", "fee_token0_percent", "fee_token1_percent"],
    );
    let fee = format!("uniswap_v3|{:?}|{:?}", 100.0 / 30000.0, 10000.0 / 30000.0);
    assert!(fees.contains(&fee), "{fees:?}");
}

#[test]
fn values_that_a_column_cannot_have_are_null_and_counted() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute(
            "PRAGMA foreign_keys = OFF;
             UPDATE erc20_tokens SET symbol = x'ff', decimals = 'many' WHERE id = 1;
             UPDATE exchanges SET active = 2 WHERE id = (SELECT min(id) FROM exchanges);
             UPDATE liquidity_positions SET liquidity_net = '1e3', liquidity_gross = '-1'
                 WHERE id = (SELECT min(id) FROM liquidity_positions);
             INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross)
                 VALUES (999999, 7, '007', '5')",
        )
        .unwrap();
    let report = export(&copy, &options(&copy)).unwrap();
    let mut found = Vec::new();
    for file in &report.files {
        for invalid in &file.invalid {
            found.push(format!(
                "{}.{} {}",
                file.table, invalid.column, invalid.values
            ));
        }
    }
    for expected in [
        "exchanges.active 1",
        "tokens.symbol 1",
        "tokens.decimals 1",
        "ticks.liquidity_net 2",
        "ticks.liquidity_gross 1",
    ] {
        assert!(found.iter().any(|found| found == expected), "{found:?}");
    }
    let tokens = rows(&copy, "tokens", &["id", "symbol", "decimals"]);
    assert!(tokens.contains(&"1|-|-".to_owned()), "{tokens:?}");
    // Of a pool that does not exist, only the id is known.
    let columns = [
        "pool_table",
        "pool_id",
        "chain_id",
        "kind",
        "address",
        "symbol0",
        "tick",
        "liquidity_net",
        "liquidity_net_float",
        "liquidity_gross",
    ];
    let ticks = rows(&copy, "ticks", &columns);
    let orphan = "pools|999999|-|-|-|-|7|-|-|5".to_owned();
    assert!(ticks.contains(&orphan), "{ticks:?}");
    let told = quietly(
        &copy.path,
        &["database", "export", "--output", "again", "--only", "ticks"],
    );
    let warning = "warning: 2 values of ticks.liquidity_net cannot be in the column and are NULL in the file: \
         'degenbot database verify' names them\n";
    assert!(told.contains(warning), "{told}");
}

#[test]
fn rows_of_other_chains_are_left_out() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    export(&copy, &options(&copy)).unwrap();
    let all = TABLES.map(|table| rows(&copy, table, &["chain_id"]));
    let chain = ChainId::new(1).unwrap();
    let one = options(&copy).chains(vec![chain]).replace_existing(true);
    export(&copy, &one).unwrap();
    for (table, all) in TABLES.into_iter().zip(all) {
        let expected: Vec<_> = all.into_iter().filter(|chain| chain == "1").collect();
        assert_eq!(rows(&copy, table, &["chain_id"]), expected, "{table}");
    }
    let told = quietly(
        &copy.path,
        &["database", "export", "--output", "x", "--chain", "77"],
    );
    assert!(told.starts_with("status: 2"), "{told}");
    assert!(!copy.folder().join("x").exists());
}

/// Calls a function before the first rows of a table are written.
struct Before<'test>(&'static str, &'test mut dyn FnMut() -> ControlFlow<()>);

impl Observer for Before<'_> {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        match progress.stage {
            Stage::Exporting(table) if table == self.0 => (self.1)(),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[test]
fn files_are_one_state_beside_a_writer() {
    for mode in ["WAL", "DELETE"] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        let set = format!(
            "PRAGMA busy_timeout = 0; PRAGMA journal_mode = {mode}; UPDATE exchanges SET last_update_block = 1"
        );
        let mut writer = content::connect(&copy.path);
        writer.batch_execute(&set).unwrap();
        let mut calls = 0;
        let mut write = || {
            calls += 1;
            let written = writer.batch_execute(
                "BEGIN IMMEDIATE; UPDATE erc20_tokens SET symbol = 'LATER'; DELETE FROM liquidity_positions;
                 UPDATE exchanges SET last_update_block = 7; COMMIT",
            );
            // In rollback mode, a reader keeps writers from committing.
            assert_eq!(written.is_ok(), mode == "WAL", "{written:?}");
            let _ = writer.batch_execute("ROLLBACK");
            ControlFlow::Continue(())
        };
        let options = options(&copy);
        export_database(&copy.path, &options, &mut Before("exchanges", &mut write)).unwrap();
        let marks = rows(&copy, "exchanges", &["last_update_block"]);
        let symbols = rows(&copy, "tokens", &["symbol"]);
        let of_pools = rows(&copy, "pools", &["symbol0"]);
        let ticks = rows(&copy, "ticks", &["pool_table"]);
        let states = [
            marks.contains(&"7".to_owned()),
            symbols.contains(&"LATER".to_owned()),
            of_pools.contains(&"LATER".to_owned()),
            !ticks.contains(&"pools".to_owned()),
        ];
        // The log was not empty, so one attempt is enough.
        assert_eq!((states, calls), ([false; 4], 1), "{mode}");
    }
}

#[test]
fn export_leaves_no_trace_and_reads_a_database_that_follows_another() {
    for follower in [false, true] {
        let copy = Copy::of("populated/wal-0.6.0a4.db");
        if follower {
            fs::write(copy.folder().join("degenbot.db-txid"), "0000000000000007").unwrap();
        }
        let before = copy.files();
        let elsewhere = tempfile::tempdir().unwrap();
        let options = ExportOptions::new(elsewhere.path());
        let report = export(&copy, &options).unwrap();
        assert!(report.files[1].rows > 0);
        assert_eq!(copy.files(), before, "{follower}");
    }
    let foreign = Copy::of("odd/foreign-no-stamp.db");
    let error = export(&foreign, &options(&foreign)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused { .. }), "{error}");
    assert!(!output(&foreign).exists());
}

#[test]
fn interrupted_export_leaves_nothing() {
    for table in ["exchanges", "ticks", "aave_positions"] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        let before = copy.files();
        let mut stop = || ControlFlow::Break(());
        let error = export_database(&copy.path, &options(&copy), &mut Before(table, &mut stop));
        let error = error.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Interrupted), "{error}");
        assert_eq!(error.effect, Some(Effect::Nothing));
        assert!(!output(&copy).exists(), "{table}");
        assert_eq!(copy.files(), before, "{table}");
    }
}

/// The content of each file of an export.
fn files(copy: &Copy) -> std::collections::BTreeMap<String, Vec<u8>> {
    corpus::files(&output(copy))
}

#[test]
fn files_of_an_export_are_replaced_only_if_asked_and_only_such_files() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    export(&copy, &options(&copy)).unwrap();
    let earlier = files(&copy);
    content::connect(&copy.path)
        .batch_execute("UPDATE erc20_tokens SET symbol = 'LATER'")
        .unwrap();
    let error = export(&copy, &options(&copy)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::ExportExists), "{error}");
    assert_eq!(files(&copy), earlier);
    let command = ["database", "export", "--output", "export"];
    let told = run(on(&copy.path, &command), "n\n");
    assert!(
        told.contains("export has files of an earlier export. Do you want to replace them?"),
        "{told}"
    );
    assert_eq!(files(&copy), earlier);

    let replacing = options(&copy).replace_existing(true);
    let tokens = output(&copy).join("tokens.parquet");
    for (text, is_ours) in [("mine", false), ("", true)] {
        fs::write(&tokens, text).unwrap();
        let others = files(&copy);
        match export(&copy, &replacing) {
            Ok(_) => assert!(is_ours, "{text:?}"),
            Err(error) => {
                assert!(
                    matches!(error.kind, ErrorKind::TargetIsForeign { .. }) && !is_ours,
                    "{error}"
                );
                assert_eq!(files(&copy), others);
            }
        }
    }
    let told = run(on(&copy.path, &command), "y\n");
    assert!(told.starts_with("status: 0"), "{told}");
    assert!(rows(&copy, "tokens", &["symbol"]).contains(&"LATER".to_owned()));
    assert_eq!(files(&copy).len(), TABLES.len());

    // The file that a link leads to is replaced, and the link stays.
    let elsewhere = copy.folder().join("elsewhere");
    fs::rename(&tokens, &elsewhere).unwrap();
    symlink(&elsewhere, &tokens).unwrap();
    fs::write(&elsewhere, "").unwrap();
    export(&copy, &replacing).unwrap();
    assert!(fs::symlink_metadata(&tokens).unwrap().is_symlink());
    assert!(fs::metadata(&elsewhere).unwrap().len() > 0);
    // A folder, and the database itself.
    fs::remove_file(&tokens).unwrap();
    fs::create_dir(&tokens).unwrap();
    let error = export(&copy, &replacing).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    fs::remove_dir(&tokens).unwrap();
    symlink(&copy.path, &tokens).unwrap();
    let error = export(&copy, &replacing).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::TargetIsReserved { .. }),
        "{error}"
    );
}

#[test]
fn no_file_gets_its_name_if_one_cannot() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let (ticks, mut replacing) = (output(&copy).join("ticks.parquet"), options(&copy));
    for is_replaced in [false, true] {
        replacing.replace_existing = is_replaced;
        let mut before = std::collections::BTreeMap::new();
        let mut intrude = || {
            fs::write(&ticks, "mine").unwrap();
            before = files(&copy);
            before.retain(|name, _| !name.contains(".degenbot-tmp-"));
            ControlFlow::Continue(())
        };
        let error = export_database(&copy.path, &replacing, &mut Before("ticks", &mut intrude));
        let error = error.unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::TargetIsForeign { .. }),
            "{error}"
        );
        assert_eq!(error.effect, Some(Effect::Nothing), "{is_replaced}");
        assert_eq!(files(&copy), before, "{is_replaced}");
        fs::remove_file(&ticks).unwrap();
        replacing.replace_existing = true;
        export(&copy, &replacing).unwrap();
        content::connect(&copy.path)
            .batch_execute(
                "UPDATE erc20_tokens SET symbol = 'LATER'; UPDATE exchanges SET active = 0",
            )
            .unwrap();
    }
}

#[test]
fn full_disk_leaves_the_earlier_files() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
             INSERT INTO erc20_tokens (chain, address, name) \
             SELECT 1, printf('0x%040x', i), hex(randomblob(50)) FROM n",
        )
        .unwrap();
    let megabytes = usize::try_from(fs::metadata(&copy.path).unwrap().len() >> 20).unwrap() + 5;
    let script = "export='database export --format csv --output'; \
         $DEGENBOT --quiet --database degenbot.db $export old --only exchanges; (cd old; sha256sum *) >sums; \
         dd if=/dev/zero of=filler bs=1M 2>/dev/null; truncate -s -300K filler; \
         for folder in old new; do $DEGENBOT --database degenbot.db $export $folder --force 2>&1; echo \"status: $?\"; done; \
         (cd old; ls; sha256sum --check --quiet ../sums && echo unchanged); ls";
    let Some(told) = on_a_small_disk(megabytes, &copy.path, script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    insta::assert_snapshot!(told, @r"
    mounted
    error: The disk is full: old/tokens.csv could not be written
    hint: Nothing was changed. Free some space and try again
    status: 1
    error: The disk is full: new/tokens.csv could not be written
    hint: Nothing was changed. Free some space and try again
    status: 1
    exchanges.csv
    unchanged
    degenbot.db
    filler
    old
    sums
    ");
}

/// Complete files have a footer, which the reader looks for.
fn is_complete(path: &Path) -> bool {
    SerializedFileReader::new(File::open(path).unwrap()).is_ok()
}

#[test]
fn killed_export_leaves_only_complete_files() {
    let copy = crate::faults::grown(Copy::upgraded("populated/populated-0.6.0a4.db"));
    let command = ["database", "export", "--output", ".", "--force"];
    crate::faults::kill_at_many_instants(&copy, &command, |when| {
        for table in TABLES {
            let path = copy.folder().join(format!("{table}.parquet"));
            assert!(!path.exists() || is_complete(&path), "{when}: {table}");
        }
    });
}

/// Both names would have the rows of the last one.
#[test]
fn two_names_of_one_file_are_refused() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let folder = output(&copy);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("same"), "").unwrap();
    for name in ["pools.parquet", "ticks.parquet"] {
        symlink("same", folder.join(name)).unwrap();
    }
    let error = export(&copy, &options(&copy).replace_existing(true)).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::TargetIsReserved { .. }),
        "{error}"
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    assert_eq!(fs::metadata(folder.join("same")).unwrap().len(), 0);
}
