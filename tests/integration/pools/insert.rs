//! Insertion where rows are missing, or stored in an unusual letter case.

use std::path::Path;

use degenbot::models::{NewManagedLiquidityPool, SyncCursor};
use degenbot::types::{PoolHash, TickSpacing};

use super::*;

#[test]
fn inserts_name_the_row_that_is_missing() {
    let (folder, database, exchange_id) = with_exchange();
    let mut session = database.session().unwrap();
    let manager = NewPoolManager {
        address: Address::new([0xab; 20]),
        chain: ChainId::new(1).unwrap(),
        kind: PoolManagerKind::UniswapV4,
        state_view: None,
        exchange_id: 77,
    };
    let before = content::of(&folder.path().join("degenbot.db"));
    let error =
        PoolManager::insert_or_get(&mut session, std::slice::from_ref(&manager)).unwrap_err();
    assert_eq!(error.to_string(), "there is no row 77 in exchanges");
    let manager = PoolManager {
        id: 78,
        address: manager.address,
        chain: manager.chain,
        kind: manager.kind,
        state_view: None,
        exchange_id,
    };
    let pool = new_managed_pool(7);
    let error = ManagedLiquidityPool::insert_or_get(&mut session, &manager, &[pool]).unwrap_err();
    assert!(
        matches!(
            error,
            RowError::NotFound {
                table: "pool_managers",
                id: 78
            }
        ),
        "{error}"
    );
    assert_eq!(content::of(&folder.path().join("degenbot.db")), before);
}

/// A managed pool of two new currencies.
fn new_managed_pool(number: u8) -> NewManagedLiquidityPool {
    let base = new_pool(0, number);
    NewManagedLiquidityPool {
        pool_hash: PoolHash::new([0xa0 | (number & 0xf); 32]),
        hooks: Address::ZERO,
        currency0: base.token0,
        currency1: base.token1,
        fees: Fees {
            token0: FeeParts::new(500).unwrap(),
            token1: FeeParts::new(500).unwrap(),
            denominator: FeeParts::new(1_000_000).unwrap(),
        },
        tick_spacing: TickSpacing::new(10).unwrap(),
        sync_cursor: SyncCursor::default(),
    }
}

#[test]
fn insert_or_get_finds_every_spelling_of_an_address() {
    let (folder, database, exchange_id) = with_exchange();
    let path = folder.path().join("degenbot.db");
    let mut session = database.session().unwrap();
    let manager = NewPoolManager {
        address: Address::new([0xcd; 20]),
        chain: ChainId::new(1).unwrap(),
        kind: PoolManagerKind::UniswapV4,
        state_view: None,
        exchange_id,
    };
    let managers = [manager];
    let new = [new_pool(exchange_id, 0xab), new_pool(exchange_id, 0xef)];
    let ids = LiquidityPool::insert_or_get(&mut session, &new).unwrap();
    let manager_ids = PoolManager::insert_or_get(&mut session, &managers).unwrap();
    let manager = PoolManager::by_id(&mut session, manager_ids[0])
        .unwrap()
        .unwrap();
    let v4_pools = [new_managed_pool(0xc), new_managed_pool(0xd)];
    let v4_ids = ManagedLiquidityPool::insert_or_get(&mut session, &manager, &v4_pools).unwrap();
    // A batch that is large beside its table reads all of it, a smaller one the unusual texts, and one that is small
    // beside its table uses the index.
    for size in [None, Some(100), Some(1_000_000)] {
        if let Some(id) = size {
            content::connect(&path)
                .batch_execute(&format!(
                    "INSERT INTO erc20_tokens (id, chain, address) VALUES ({id}, 1, 'x{id}'); \
                     INSERT INTO managed_pools (id, kind, manager_id) VALUES ({id}, 'uniswap_v4', 1); \
                     INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) \
                     VALUES ({id}, 'x{id}', 1, 'uniswap_v2', 1, 2, 1); \
                     INSERT INTO pool_managers (id, address, chain, kind, exchange_id) \
                     VALUES ({id}, 'x{id}', 1, 'uniswap_v4', 1)"
                ))
                .unwrap();
        }
        for spelling in [
            "'0x' || upper(substr(TEXT, 3))",
            "upper(TEXT)",
            "'0X' || lower(substr(TEXT, 3))",
            "upper(substr(TEXT, 1, 1)) || 'x' || upper(substr(TEXT, 3, 1)) || lower(substr(TEXT, 4))",
            "lower(substr(TEXT, 1, 41)) || upper(substr(TEXT, 42))",
        ] {
            content::connect(&path)
                .batch_execute(
                    &[
                        ("pools", "address"),
                        ("erc20_tokens", "address"),
                        ("pool_managers", "address"),
                        ("uniswap_v4_pools", "pool_hash"),
                    ]
                    .map(|(table, column)| {
                        format!(
                            "UPDATE {table} SET {column} = {};",
                            spelling.replace("TEXT", column)
                        )
                    })
                    .concat(),
                )
                .unwrap();
            let before = content::of(&path);
            let found = LiquidityPool::insert_or_get(&mut session, &new).unwrap();
            assert_eq!(found, ids, "{spelling}");
            let found = PoolManager::insert_or_get(&mut session, &managers).unwrap();
            assert_eq!(found, manager_ids, "{spelling}");
            let found = ManagedLiquidityPool::insert_or_get(&mut session, &manager, &v4_pools);
            assert_eq!(found.unwrap(), v4_ids, "{spelling}");
            let tokens = [new[0].token0.clone(), new[1].token1.clone()];
            Erc20Token::insert_or_get(&mut session, &tokens).unwrap();
            assert_eq!(content::of(&path), before, "{spelling}");
            // An address on another chain is another one.
            let mut elsewhere = tokens[0].clone();
            elsewhere.chain = ChainId::new(8453).unwrap();
            let id = Erc20Token::insert_or_get(&mut session, &[elsewhere]).unwrap()[0];
            content::connect(&path)
                .batch_execute(&format!("DELETE FROM erc20_tokens WHERE id = {id}"))
                .unwrap();
            assert_eq!(content::of(&path), before, "{spelling}");
        }
    }
}

/// Batches that are large and small beside the table.
const LAST_IDS: [Option<i64>; 2] = [None, Some(1_000_000)];

fn with_last_id(path: &Path, id: Option<i64>) {
    if let Some(id) = id {
        content::connect(path)
            .batch_execute(&format!(
                "PRAGMA foreign_keys = OFF; \
                 INSERT INTO erc20_tokens (id, chain, address) VALUES ({id}, 1, 'x'); \
                 INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) \
                 VALUES ({id}, 'x', 1, 'uniswap_v2', 1, 2, 1)"
            ))
            .unwrap();
    }
}

#[test]
fn of_two_spellings_the_usual_one_counts() {
    for (step, last_id) in [-10, 10]
        .into_iter()
        .flat_map(|step| LAST_IDS.map(|id| (step, id)))
    {
        let (folder, database, exchange_id) = with_exchange();
        let path = folder.path().join("degenbot.db");
        let mut session = database.session().unwrap();
        let new = [new_pool(exchange_id, 0xab)];
        let tokens = [new[0].token0.clone(), new[0].token1.clone()];
        LiquidityPool::insert_or_get(&mut session, &new).unwrap();
        content::connect(&path)
            .batch_execute(&format!(
                "PRAGMA foreign_keys = OFF; \
                 UPDATE pools SET id = 20, token0_id = token0_id + 20, token1_id = token1_id + 20; \
                 UPDATE aerodrome_v2_pools SET pool_id = 20; UPDATE erc20_tokens SET id = id + 20; \
                 INSERT INTO erc20_tokens (id, chain, address) \
                 SELECT id + {step}, chain, upper(address) FROM erc20_tokens; \
                 INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) \
                 SELECT id + {step}, upper(address), chain, 'camelot_v2', token0_id, token1_id, exchange_id FROM pools"
            ))
            .unwrap();
        with_last_id(&path, last_id);
        let found = LiquidityPool::insert_or_get(&mut session, &new).unwrap();
        assert_eq!(found, [20]);
        let found = Erc20Token::insert_or_get(&mut session, &tokens).unwrap();
        assert_eq!(found, [21, 22]);
    }
}

#[test]
fn pool_twice_in_a_batch_is_one_pool() {
    for last_id in LAST_IDS {
        let (folder, database, exchange_id) = with_exchange();
        let mut session = database.session().unwrap();
        let first = [new_pool(exchange_id, 0xab)];
        LiquidityPool::insert_or_get(&mut session, &first).unwrap();
        with_last_id(&folder.path().join("degenbot.db"), last_id);
        let new = [0xcd, 0xab, 0xcd].map(|number| new_pool(exchange_id, number));
        let ids = LiquidityPool::insert_or_get(&mut session, &new).unwrap();
        assert_eq!(ids[0], ids[2]);
        assert_ne!(ids[0], ids[1]);
    }
}

#[test]
fn rows_that_a_trigger_inserts_meanwhile_are_found() {
    for last_id in LAST_IDS {
        let (folder, database, exchange_id) = with_exchange();
        let path = folder.path().join("degenbot.db");
        let mut session = database.session().unwrap();
        let new = [0xab, 0xcd].map(|number| new_pool(exchange_id, number));
        let [first, second] = &new;
        LiquidityPool::insert_or_get(&mut session, std::slice::from_ref(first)).unwrap();
        with_last_id(&path, last_id);
        let (pool, token) = (second.address, second.token1.address);
        content::connect(&path)
            .batch_execute(&format!(
                "DELETE FROM aerodrome_v2_pools; DELETE FROM pools WHERE kind = 'aerodrome_v2'; \
                 CREATE TRIGGER another AFTER INSERT ON pools WHEN new.address <> '{pool}' BEGIN \
                   INSERT INTO erc20_tokens (chain, address) VALUES (1, '{token}'); \
                   INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id) \
                   VALUES ('{pool}', 1, 'aerodrome_v2', 1, 2, 1); END"
            ))
            .unwrap();
        let ids = LiquidityPool::insert_or_get(&mut session, &new).unwrap();
        let count = "SELECT count(*) || ' ' || max(address = 'ADDRESS') AS line FROM pools WHERE address <> 'x'";
        let found = content::lines(
            &mut content::connect(&path),
            &count.replace("ADDRESS", &pool.to_string()),
        );
        assert_eq!(found, ["2 1"]);
        assert_ne!(ids[0], ids[1]);
    }
}
