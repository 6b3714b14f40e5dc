//! Every row type reads what the Python package wrote and writes what it reads; every column type
//! rejects what its column cannot mean.

use std::path::Path;

use degenbot::database::{Database, create_new_sqlite_database, upgrade_existing_sqlite_database};
use degenbot::models::*;
use degenbot::schema;
use degenbot::types::{Address, PoolKind, U256};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::support::cases;
use crate::support::content::{self, Content};
use crate::support::corpus::Copy;
use crate::support::rows;

/// Calls a macro with every table and its row type.
macro_rules! for_each_table {
    ($callback:ident) => {
        $callback!(
            (erc20_tokens, Erc20Token),
            (exchanges, Exchange),
            (pools, Pool),
            (aerodrome_v2_pools, AerodromeV2Pool),
            (camelot_v2_pools, CamelotV2Pool),
            (pancakeswap_v2_pools, PancakeswapV2Pool),
            (sushiswap_v2_pools, SushiswapV2Pool),
            (swapbased_v2_pools, SwapbasedV2Pool),
            (uniswap_v2_pools, UniswapV2Pool),
            (aerodrome_v3_pools, AerodromeV3Pool),
            (pancakeswap_v3_pools, PancakeswapV3Pool),
            (sushiswap_v3_pools, SushiswapV3Pool),
            (uniswap_v3_pools, UniswapV3Pool),
            (lfj_pools, LfjPool),
            (liquidity_positions, LiquidityPosition),
            (initialization_maps, InitializationMap),
            (pool_managers, PoolManager),
            (managed_pools, ManagedPool),
            (uniswap_v4_pools, UniswapV4Pool),
            (
                managed_pool_liquidity_positions,
                ManagedPoolLiquidityPosition
            ),
            (
                managed_pool_initialization_maps,
                ManagedPoolInitializationMap
            ),
            (aave_v3_markets, AaveV3Market),
            (aave_v3_contracts, AaveV3Contract),
            (aave_v3_emode_categories, AaveV3EModeCategory),
            (aave_v3_assets, AaveV3Asset),
            (aave_v3_asset_configs, AaveV3AssetConfig),
            (aave_v3_users, AaveV3User),
            (aave_v3_user_collateral_configs, AaveV3UserCollateralConfig),
            (aave_v3_collateral_positions, AaveV3CollateralPosition),
            (aave_v3_debt_positions, AaveV3DebtPosition),
            (aave_gho_tokens, AaveGhoToken),
            (aave_v3_market_facts, AaveV3MarketFacts),
            (aave_v3_asset_facts, AaveV3AssetFacts),
            (aave_v3_emode_assets, AaveV3EModeAsset),
            (exchange_deployments, ExchangeDeployment),
            (chain_blocks, ChainBlock),
            (chain_journal, ChainJournalEntry),
            (retired_ids, RetiredId),
        )
    };
}

/// Reads every row of every table through its type and writes it to an empty database.
fn copy_through_types(from: &mut SqliteConnection, to: &mut SqliteConnection) -> usize {
    let mut tables = 0;
    macro_rules! copy {
        ($(($table:ident, $row:ident)),+ $(,)?) => {
            $(
                let rows: Vec<$row> = schema::$table::table
                    .select($row::as_select())
                    .load(from)
                    .unwrap_or_else(|error| panic!("{}: {error}", stringify!($table)));
                assert!(
                    !rows.is_empty(),
                    "{} has no rows: add some to tests/support/rows.rs",
                    stringify!($table)
                );
                for row in &rows {
                    diesel::insert_into(schema::$table::table)
                        .values(row)
                        .execute(to)
                        .unwrap_or_else(|error| panic!("{row:?}: {error}"));
                }
                let written: Vec<$row> = schema::$table::table
                    .select($row::as_select())
                    .load(to)
                    .unwrap();
                assert_eq!(written, rows);
                tables += 1;
            )+
        };
    }
    for_each_table!(copy);
    tables
}

/// The content with hexadecimal texts in lower case: addresses are written with their checksum, and
/// the corpus has some without.
fn in_lower_case(path: &Path) -> Content {
    let mut content = content::of(path);
    content.retain(|table, _| !table.starts_with("__diesel") && table != "alembic_version");
    for rows in content.values_mut() {
        for cell in rows.rows.iter_mut().flatten() {
            // "0x" is 3078 in hexadecimal; letters A to F are 41 to 46, a to f 61 to 66.
            if cell.starts_with("t3078") {
                let pairs: Vec<_> = cell.as_bytes()[1..].chunks(2).collect();
                let lower: String = pairs
                    .iter()
                    .map(|pair| match pair {
                        [b'4', letter] => format!("6{}", char::from(*letter)),
                        pair => String::from_utf8(pair.to_vec()).unwrap(),
                    })
                    .collect();
                *cell = format!("t{lower}");
            }
        }
        rows.rows.sort();
    }
    content
}

#[test]
fn row_types_read_and_write_every_table_unchanged() {
    let copy = rows::in_every_table();
    // A name of the corpus holds a NUL byte, and texts go through `String`, which keeps it.
    let fresh = copy.folder().join("fresh.db");
    create_new_sqlite_database(&fresh).unwrap();
    let source = Database::open(&copy.path).unwrap();
    let target = Database::open(&fresh).unwrap();
    let tables = copy_through_types(
        &mut source.session().unwrap(),
        &mut target.session().unwrap(),
    );
    // All but the Python package's stamp.
    let schema = include_str!("../../src/schema.rs");
    assert_eq!(
        tables + 1,
        schema.matches("diesel::table! {").count(),
        "a table is missing in for_each_table!"
    );
    let (written, expected) = (in_lower_case(&fresh), in_lower_case(&copy.path));
    assert!(written.keys().eq(expected.keys()));
    for (table, rows) in &written {
        assert!(
            *rows == expected[table],
            "{table} is not written as it is read: its row type in src/models/rows/ may lack a column"
        );
    }
}

/// Without a value, the test above would pass for a row type that lacks the column.
#[test]
fn every_column_has_a_value_in_some_row() {
    for (table, rows) in content::of(&rows::in_every_table().path) {
        for (index, column) in rows.columns.iter().enumerate() {
            assert!(
                rows.rows.iter().any(|row| !row[index].starts_with('n')),
                "{table}.{column} has no values: add some to NEWER in tests/support/rows.rs"
            );
        }
    }
}

#[test]
fn row_types_read_columns_in_any_order() {
    let names = [
        "upgraded/b2chain-0.6.0a10.db",
        "upgraded/assisted-a2chain-at-2606a6c7f5ee.db",
    ];
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        upgrade_existing_sqlite_database(&copy.path).unwrap();
        let database = Database::open(&copy.path).unwrap();
        let mut session = database.session().unwrap();
        let pools: Vec<Pool> = schema::pools::table
            .select(Pool::as_select())
            .load(&mut *session)
            .unwrap();
        assert!(pools.iter().any(|pool| pool.kind == PoolKind::CamelotV2));
        let managers: Vec<PoolManager> = schema::pool_managers::table
            .select(PoolManager::as_select())
            .load(&mut *session)
            .unwrap();
        assert_eq!(managers.len(), 3, "{name}");
    });
}

fn first_error<T>(result: QueryResult<Vec<T>>) -> String {
    match result {
        Ok(_) => panic!("everything was read"),
        Err(diesel::result::Error::DeserializationError(error)) => {
            format!("{error}: {}", error.source().unwrap())
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn column_types_reject_impossible_values() {
    let copy = Copy::of("odd/weird-numbers.db");
    let mut connection = content::connect(&copy.path);
    let error = first_error(
        schema::liquidity_positions::table
            .select(LiquidityPosition::as_select())
            .load(&mut connection),
    );
    assert!(error.contains("expected "), "{error}");
    let words: QueryResult<Vec<U256>> = schema::initialization_maps::table
        .select(schema::initialization_maps::bitmap)
        .load(&mut connection);
    let error = first_error(words);
    assert!(error.contains("the decimal text of a uint256"), "{error}");

    let copy = Copy::of("odd/weird-types.db");
    let mut connection = content::connect(&copy.path);
    let error = first_error(
        schema::exchanges::table
            .select(Exchange::as_select())
            .load(&mut connection),
    );
    assert!(error.contains("expected a "), "{error}");
    let error = first_error(
        schema::erc20_tokens::table
            .select(Erc20Token::as_select())
            .load(&mut connection),
    );
    assert!(error.contains("expected a number of decimals"), "{error}");

    let copy = Copy::of("odd/flipped-byte-value.db");
    let mut connection = content::connect(&copy.path);
    let error = first_error(
        schema::liquidity_positions::table
            .select(LiquidityPosition::as_select())
            .load(&mut connection),
    );
    assert!(error.contains("the decimal text of an int128"), "{error}");
}

#[test]
fn address_columns_accept_any_letter_case() {
    let copy = Copy::of("odd/case-duplicate-addresses.db");
    let mut connection = content::connect(&copy.path);
    let addresses: Vec<Address> = schema::erc20_tokens::table
        .select(schema::erc20_tokens::address)
        .load(&mut connection)
        .unwrap();
    let mut distinct = addresses.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() < addresses.len());
}

#[test]
fn pool_kinds_are_those_of_the_databases() {
    let copy = rows::in_every_table();
    let mut kinds: Vec<PoolKind> = schema::pools::table
        .select(schema::pools::kind)
        .distinct()
        .load(&mut content::connect(&copy.path))
        .unwrap();
    kinds.sort();
    assert_eq!(kinds, PoolKind::ALL);
}

#[test]
fn chain_id_keeps_more_than_32_bits() {
    use degenbot::types::ChainId;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    let database = Database::open(&path).unwrap();
    let mut session = database.session().unwrap();
    let palm = ChainId::new(11_297_108_109).unwrap();
    diesel::insert_into(schema::exchanges::table)
        .values(NewExchange {
            chain_id: palm,
            name: "uniswap_v3".to_owned(),
            active: true,
            last_update_block: None,
            factory: Address::ZERO,
            deployer: None,
        })
        .execute(&mut *session)
        .unwrap();
    let chain: ChainId = schema::exchanges::table
        .select(schema::exchanges::chain_id)
        .first(&mut *session)
        .unwrap();
    assert_eq!(chain, palm);
}
