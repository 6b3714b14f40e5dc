//! Whole pools: one by one, streamed, loaded with what they refer to, and inserted.

mod insert;

use std::collections::BTreeMap;

use degenbot::database::{Database, Error, create_new_sqlite_database};
use degenbot::models::{
    ChainPools, Erc20Token, Exchange, Fees, LiquidityPool, LiquidityPools, ManagedLiquidityPool,
    ManagedLiquidityPools, NewErc20Token, NewExchange, NewLiquidityPool, NewPoolManager, Pool,
    PoolManager, PoolParameters, RowError, UniswapV4Pool, V2Parameters, V2Protocol,
};
use degenbot::schema::{exchanges, pools, uniswap_v4_pools};
use degenbot::types::{Address, ChainId, FeeParts, PoolKind, PoolManagerKind};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use tempfile::TempDir;

use crate::support::content;
use crate::support::databases::generated;
use crate::support::rows;

fn chains(connection: &mut SqliteConnection) -> Vec<ChainId> {
    exchanges::table
        .select(exchanges::chain_id)
        .distinct()
        .load(connection)
        .unwrap()
}

fn all<T>(items: impl Iterator<Item = Result<T, RowError>>) -> Vec<T> {
    items.map(|item| item.unwrap()).collect()
}

/// Every pool of the database by every way there is to it.
fn compare_all_ways(connection: &mut SqliteConnection) -> BTreeMap<PoolKind, usize> {
    let rows: Vec<Pool> = pools::table
        .order(pools::id)
        .select(Pool::as_select())
        .load(connection)
        .unwrap();
    let mut kinds = BTreeMap::new();
    let mut single = Vec::new();
    for row in &rows {
        let pool = LiquidityPool::by_id(connection, row.id).unwrap().unwrap();
        let base = pool.base();
        assert_eq!(
            (base.id, base.address, base.chain, pool.kind()),
            (row.id, row.address, row.chain, row.kind)
        );
        assert_eq!(
            (base.token0_id, base.token1_id, base.exchange_id),
            (row.token0_id, row.token1_id, row.exchange_id)
        );
        let found = LiquidityPool::by_address(connection, row.chain, row.address).unwrap();
        assert_eq!(found.as_ref(), Some(&pool));
        let pair = LiquidityPool::of_pair(connection, row.token1_id, row.token0_id).unwrap();
        assert!(pair.contains(&pool));
        *kinds.entry(pool.kind()).or_insert(0) += 1;
        single.push(pool);
    }
    for chain in chains(connection) {
        let expected: Vec<_> = single
            .iter()
            .filter(|pool| pool.base().chain == chain)
            .cloned()
            .collect();
        assert_eq!(
            all(LiquidityPools::of_chain(connection, chain).unwrap()),
            expected
        );
    }
    let exchanges: Vec<Exchange> = exchanges::table
        .select(Exchange::as_select())
        .load(connection)
        .unwrap();
    for exchange in &exchanges {
        let expected: Vec<_> = single
            .iter()
            .filter(|pool| pool.base().exchange_id == exchange.id)
            .cloned()
            .collect();
        let found = all(LiquidityPools::of_exchange(connection, exchange.id).unwrap());
        assert_eq!(found, expected);
        assert_eq!(
            Exchange::by_id(connection, exchange.id).unwrap().as_ref(),
            Some(exchange)
        );
    }
    let managed: Vec<UniswapV4Pool> = uniswap_v4_pools::table
        .order(uniswap_v4_pools::managed_pool_id)
        .select(UniswapV4Pool::as_select())
        .load(connection)
        .unwrap();
    let mut single = Vec::new();
    for row in &managed {
        let pool = ManagedLiquidityPool::by_id(connection, row.managed_pool_id)
            .unwrap()
            .unwrap();
        assert_eq!(
            (pool.pool_hash, pool.hooks, pool.tick_spacing),
            (row.pool_hash, row.hooks, row.tick_spacing)
        );
        let found =
            ManagedLiquidityPool::by_hash(connection, pool.manager_id, pool.pool_hash).unwrap();
        assert_eq!(found.as_ref(), Some(&pool));
        let pair =
            ManagedLiquidityPool::of_pair(connection, row.currency0_id, row.currency1_id).unwrap();
        assert!(pair.contains(&pool));
        single.push(pool);
    }
    let mut of_managers = Vec::new();
    for chain in chains(connection) {
        let of_chain = all(ManagedLiquidityPools::of_chain(connection, chain).unwrap());
        for pool in &of_chain {
            assert_eq!(pool.chain(connection).unwrap(), chain);
        }
        let mut by_managers = Vec::new();
        for manager in PoolManager::of_chain(connection, chain).unwrap() {
            by_managers.extend(all(ManagedLiquidityPools::of_manager(
                connection, manager.id,
            )
            .unwrap()));
            let found = PoolManager::by_address(connection, chain, manager.address).unwrap();
            assert_eq!(found.as_ref(), Some(&manager));
        }
        by_managers.sort_by_key(|pool| pool.id);
        assert_eq!(by_managers, of_chain);
        of_managers.extend(of_chain);
    }
    of_managers.sort_by_key(|pool| pool.id);
    assert_eq!(of_managers, single);
    assert!(!single.is_empty());
    kinds
}

#[test]
fn every_lookup_finds_the_same_pool() {
    let copy = rows::in_every_table();
    let database = Database::open(&copy.path).unwrap();
    let kinds = compare_all_ways(&mut database.session().unwrap());
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), PoolKind::ALL);

    let (_folder, database) = generated();
    compare_all_ways(&mut database.session().unwrap());
}

#[test]
fn chain_pools_load_tokens_exchanges_and_managers() {
    let (_folder, database) = generated();
    let chain = ChainId::new(1).unwrap();
    let mut session = database.session().unwrap();
    let loaded = ChainPools::load(&mut session, chain).unwrap();
    let streamed = all(LiquidityPools::of_chain(&mut session, chain).unwrap());
    assert!(loaded.pools().map(|entry| entry.pool).eq(&streamed));
    for entry in loaded.pools() {
        let base = entry.pool.base();
        assert_eq!(
            (entry.token0.id, entry.token1.id, entry.exchange.id),
            (base.token0_id, base.token1_id, base.exchange_id)
        );
        assert!(entry.token0.address < entry.token1.address);
    }
    let streamed = all(ManagedLiquidityPools::of_chain(&mut session, chain).unwrap());
    assert!(loaded.managed_pools().map(|entry| entry.pool).eq(&streamed));
    for entry in loaded.managed_pools() {
        assert_eq!(
            (entry.currency0.id, entry.currency1.id, entry.manager.id),
            (
                entry.pool.currency0_id,
                entry.pool.currency1_id,
                entry.pool.manager_id
            )
        );
    }
    for token in loaded.tokens().iter().take(50) {
        let found = Erc20Token::by_id(&mut session, token.id).unwrap();
        assert_eq!(found.as_ref(), Some(token));
        let found = Erc20Token::by_address(&mut session, chain, token.address).unwrap();
        assert_eq!(found.as_ref(), Some(token));
    }
    let nothing = ChainPools::load(&mut session, ChainId::new(5).unwrap()).unwrap();
    assert_eq!(
        (nothing.pools().len(), nothing.managed_pools().len()),
        (0, 0)
    );
}

/// What a change of the database by hand makes of reading the pools of Ethereum.
fn errors_after(change: &str) -> (Vec<String>, usize, String) {
    let (folder, database) = generated();
    let path = folder.path().join("degenbot.db");
    content::connect(&path)
        .batch_execute(&format!("PRAGMA foreign_keys = OFF; {change}"))
        .unwrap();
    let chain = ChainId::new(1).unwrap();
    let mut session = database.session().unwrap();
    let mut errors = Vec::new();
    let mut pools = 0;
    for pool in LiquidityPools::of_chain(&mut session, chain).unwrap() {
        match pool {
            Ok(_) => pools += 1,
            Err(error) => errors.push(error.to_string()),
        }
    }
    for pool in ManagedLiquidityPools::of_chain(&mut session, chain).unwrap() {
        match pool {
            Ok(_) => pools += 1,
            Err(error) => errors.push(error.to_string()),
        }
    }
    let loaded = ChainPools::load(&mut session, chain)
        .unwrap_err()
        .to_string();
    (errors, pools, loaded)
}

#[test]
fn pool_stream_names_a_malformed_pool_and_goes_on() {
    let (_folder, database) = generated();
    let chain = ChainId::new(1).unwrap();
    let whole = ChainPools::load(&mut database.session().unwrap(), chain).unwrap();
    let count = whole.pools().len() + whole.managed_pools().len();
    for (change, expected) in [
        (
            "UPDATE pools SET address = 'nowhere' WHERE id = 7",
            "pools row 7, column address: expected an address (0x and 40 hexadecimal digits), found \"nowhere\"",
        ),
        (
            "UPDATE pools SET kind = 'curve' WHERE id = 7",
            "pools row 7, column kind: expected a pool kind, found \"curve\"",
        ),
        (
            "UPDATE pools SET kind = 'uniswap_v3' WHERE id = (SELECT min(pool_id) FROM uniswap_v2_pools)",
            "has no row",
        ),
        (
            "UPDATE uniswap_v3_pools SET tick_spacing = 'ten' WHERE pool_id = (SELECT max(pool_id) FROM uniswap_v3_pools)",
            "column tick_spacing: expected a tick spacing (1 to 32767), found \"ten\"",
        ),
        (
            "UPDATE uniswap_v4_pools SET pool_hash = x'00ff' WHERE managed_pool_id = 3",
            "uniswap_v4_pools row 3, column pool_hash: expected a pool hash (0x and 64 hexadecimal digits), found x'00ff'",
        ),
        (
            "DELETE FROM uniswap_v4_pools WHERE managed_pool_id = 3",
            "managed_pools row 3 has no row 3 in uniswap_v4_pools",
        ),
    ] {
        let (errors, pools, loaded) = errors_after(change);
        assert_eq!(errors.len(), 1, "{change}: {errors:?}");
        assert!(errors[0].contains(expected), "{errors:?}");
        assert_eq!(loaded, errors[0]);
        assert_eq!(pools, count - 1, "{change}");
    }
    let (errors, _, loaded) = errors_after("DELETE FROM erc20_tokens WHERE id = 40");
    assert!(errors.is_empty());
    assert!(
        loaded.ends_with("has no row 40 in erc20_tokens"),
        "{loaded}"
    );
}

#[test]
fn pool_stream_reads_one_snapshot_and_ends_once() {
    let (_folder, database) = generated();
    let chain = ChainId::new(1).unwrap();
    let mut session = database.session().unwrap();
    let mut pools = LiquidityPools::of_chain(&mut session, chain).unwrap();
    database
        .write(|connection| -> Result<(), Error> {
            connection.batch_execute(
                "PRAGMA defer_foreign_keys = ON; UPDATE pools SET chain = 5 WHERE id > 10",
            )?;
            Ok(())
        })
        .unwrap();
    assert!(pools.by_ref().count() > 1_000);
    assert!(pools.next().is_none());
    drop(pools);
    let mut pools = LiquidityPools::of_chain(&mut session, chain).unwrap();
    assert!(pools.by_ref().count() < 11);
    drop(pools);
    let mut pools = ManagedLiquidityPools::of_chain(&mut session, chain).unwrap();
    assert!(pools.by_ref().count() > 10);
    assert!(pools.next().is_none());
}

/// Runs in a process of its own, in which nothing has opened a connection yet.
const CHILD: &str = "DEGENBOT_TEST_FOREIGN_CONNECTION";

#[test]
fn foreign_connection_is_refused_until_a_session_was_opened() {
    let chain = ChainId::new(1).unwrap();
    if let Ok(path) = std::env::var(CHILD) {
        let mut before = SqliteConnection::establish(&path).unwrap();
        let error = Erc20Token::of_chain(&mut before, chain).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the connection was not opened by degenbot"
        );
        let _database = Database::open(&path).unwrap();
        let mut after = SqliteConnection::establish(&path).unwrap();
        assert!(!Erc20Token::of_chain(&mut after, chain).unwrap().is_empty());
        return;
    }
    let (folder, database) = generated();
    drop(database);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "pools::foreign_connection_is_refused_until_a_session_was_opened",
        ])
        .env(CHILD, folder.path().join("degenbot.db"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

fn token(chain: ChainId, number: u8) -> NewErc20Token {
    NewErc20Token {
        chain,
        address: Address::new([number; 20]),
        name: Some(format!("Token {number}")),
        symbol: None,
        decimals: None,
    }
}

fn new_pool(exchange_id: i64, number: u8) -> NewLiquidityPool {
    let chain = ChainId::new(1).unwrap();
    let parts = |number| FeeParts::new(number).unwrap();
    NewLiquidityPool {
        address: Address::new([number; 20]),
        chain,
        exchange_id,
        token0: token(chain, 1),
        token1: token(chain, number),
        parameters: PoolParameters::V2(V2Parameters {
            protocol: V2Protocol::Aerodrome { stable: true },
            fees: Fees {
                token0: parts(3),
                token1: parts(4),
                denominator: parts(1_000),
            },
        }),
    }
}

fn with_exchange() -> (TempDir, Database, i64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    let database = Database::open(&path).unwrap();
    let exchange_id = database
        .write(|connection| -> Result<_, Error> {
            Ok(diesel::insert_into(exchanges::table)
                .values(NewExchange {
                    chain_id: ChainId::new(1).unwrap(),
                    name: "aerodrome_v2".to_owned(),
                    active: true,
                    last_update_block: None,
                    factory: Address::ZERO,
                    deployer: None,
                })
                .returning(exchanges::id)
                .get_result(connection)?)
        })
        .unwrap();
    (folder, database, exchange_id)
}

#[test]
fn insert_or_get_finds_or_creates_pools_and_tokens() {
    let (folder, database, exchange_id) = with_exchange();
    let new: Vec<_> = [9, 8, 9, 7]
        .map(|number| new_pool(exchange_id, number))
        .to_vec();
    let ids = database
        .write(|connection| LiquidityPool::insert_or_get(connection, &new).map_err(Error::from))
        .unwrap();
    assert_eq!(ids, [1, 2, 1, 3]);
    let path = folder.path().join("degenbot.db");
    let before = content::of(&path);
    assert_eq!(before["erc20_tokens"].rows.len(), 4);
    // Outside a transaction it makes its own.
    let mut session = database.session().unwrap();
    assert_eq!(
        LiquidityPool::insert_or_get(&mut session, &new).unwrap(),
        ids
    );
    assert_eq!(content::of(&path), before);
    for (id, new) in ids.iter().zip(&new) {
        let pool = LiquidityPool::by_id(&mut session, *id).unwrap().unwrap();
        assert_eq!(pool.parameters(), new.parameters);
        assert_eq!(pool.base().address, new.address);
        let token = Erc20Token::by_id(&mut session, pool.base().token1_id)
            .unwrap()
            .unwrap();
        assert_eq!(token.name, new.token1.name);
    }
}

#[test]
fn insert_or_get_finds_rows_with_lower_case_addresses() {
    let (folder, database, exchange_id) = with_exchange();
    let path = folder.path().join("degenbot.db");
    let manager = NewPoolManager {
        address: Address::new([0xab; 20]),
        chain: ChainId::new(1).unwrap(),
        kind: PoolManagerKind::UniswapV4,
        state_view: None,
        exchange_id,
    };
    let new = [new_pool(exchange_id, 0xab), new_pool(exchange_id, 0xcd)];
    let mut session = database.session().unwrap();
    let ids = LiquidityPool::insert_or_get(&mut session, &new).unwrap();
    let manager_ids =
        PoolManager::insert_or_get(&mut session, std::slice::from_ref(&manager)).unwrap();
    content::connect(&path)
        .batch_execute(
            "UPDATE pools SET address = lower(address); \
             UPDATE erc20_tokens SET address = lower(address); \
             UPDATE pool_managers SET address = lower(address)",
        )
        .unwrap();
    let before = content::of(&path);
    assert_eq!(
        LiquidityPool::insert_or_get(&mut session, &new).unwrap(),
        ids
    );
    assert_eq!(
        PoolManager::insert_or_get(&mut session, std::slice::from_ref(&manager)).unwrap(),
        manager_ids
    );
    assert_eq!(content::of(&path), before);
    let chain = manager.chain;
    for new in &new {
        let found = LiquidityPool::by_address(&mut session, chain, new.address).unwrap();
        assert_eq!(found.unwrap().base().address, new.address);
        let found = Erc20Token::by_address(&mut session, chain, new.token1.address).unwrap();
        assert_eq!(found.unwrap().address, new.token1.address);
    }
    let found = PoolManager::by_address(&mut session, chain, manager.address).unwrap();
    assert_eq!(found.unwrap().id, manager_ids[0]);
}

#[test]
fn insert_or_get_rejects_a_batch_with_an_impossible_pool() {
    let (folder, database, exchange_id) = with_exchange();
    let path = folder.path().join("degenbot.db");
    let mut session = database.session().unwrap();
    let good = new_pool(exchange_id, 9);
    LiquidityPool::insert_or_get(&mut session, std::slice::from_ref(&good)).unwrap();
    let before = content::of(&path);

    let mut reversed = new_pool(exchange_id, 8);
    std::mem::swap(&mut reversed.token0, &mut reversed.token1);
    let mut elsewhere = new_pool(exchange_id, 8);
    elsewhere.token1.chain = ChainId::new(10).unwrap();
    let mut other_kind = good.clone();
    other_kind.parameters = PoolParameters::V2(V2Parameters {
        protocol: V2Protocol::Uniswap,
        ..match good.parameters {
            PoolParameters::V2(parameters) => parameters,
            _ => panic!("{good:?}"),
        }
    });
    let no_exchange = new_pool(exchange_id + 1, 8);
    let missing = format!("there is no row {} in exchanges", exchange_id + 1);
    for (bad, reason) in [
        (reversed, "expected token0's address below token1's, found "),
        (
            elsewhere,
            "expected tokens on the pool's chain, found chain 10",
        ),
        (other_kind, "expected uniswap_v2, found aerodrome_v2"),
        (no_exchange, &missing),
    ] {
        let batch = [new_pool(exchange_id, 5), bad];
        let error = LiquidityPool::insert_or_get(&mut session, &batch).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(content::of(&path), before);
    }
}
