//! Tick maps, read in every way.

use std::collections::BTreeMap;
use std::sync::Mutex;

use degenbot::database::{Database, Error, PoolOptions};
use degenbot::models::{PoolFamily, PoolTickMap, TickMap, TickMaps};
use degenbot::schema::liquidity_positions;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::databases::{chain, generated};

/// The maps of a family by plain queries.
fn by_hand(connection: &mut SqliteConnection, family: PoolFamily) -> BTreeMap<i64, Vec<String>> {
    let (pools, key, ticks, words) = match family {
        PoolFamily::Pools => (
            "(SELECT id FROM pools WHERE chain = 1 AND kind LIKE '%v3')",
            "pool_id",
            "liquidity_positions",
            "initialization_maps",
        ),
        PoolFamily::ManagedPools => (
            "(SELECT id FROM managed_pools WHERE manager_id IN (SELECT id FROM pool_managers WHERE chain = 1))",
            "managed_pool_id",
            "managed_pool_liquidity_positions",
            "managed_pool_initialization_maps",
        ),
    };
    let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for query in [
        format!(
            "SELECT {key} || ' ' || tick || ' ' || liquidity_net || ' ' || liquidity_gross AS line \
             FROM {ticks} WHERE {key} IN {pools} ORDER BY {key}, tick"
        ),
        format!(
            "SELECT {key} || ' ' || word || ' ' || bitmap AS line \
             FROM {words} WHERE {key} IN {pools} ORDER BY {key}, word"
        ),
    ] {
        for line in content::lines(connection, &query) {
            let (id, rest) = line.split_once(' ').unwrap();
            found
                .entry(id.parse().unwrap())
                .or_default()
                .push(rest.to_owned());
        }
    }
    found
}

fn written_out(map: &TickMap) -> Vec<String> {
    let ticks = map
        .ticks()
        .iter()
        .map(|at| format!("{} {} {}", at.tick, at.liquidity_net, at.liquidity_gross));
    let words = map
        .words()
        .iter()
        .map(|at| format!("{} {}", at.word, at.bitmap));
    ticks.chain(words).collect()
}

#[test]
fn tick_maps_are_streamed_as_stored() {
    let (_folder, database) = generated();
    let copy = Copy::upgraded("populated/populated-0.6.0a14.db");
    let corpus = Database::open(&copy.path).unwrap();
    for database in [database, corpus] {
        let mut session = database.session().unwrap();
        for family in PoolFamily::ALL {
            let expected = by_hand(&mut session, family);
            assert!(!expected.is_empty());
            let streamed: Vec<_> = TickMaps::of_chain(&mut session, family, chain())
                .unwrap()
                .map(|map| map.unwrap())
                .collect();
            assert!(streamed.is_sorted_by(|one, other| one.pool_id < other.pool_id));
            let found: BTreeMap<_, _> = streamed
                .iter()
                .map(|map| (map.pool_id, written_out(&map.tick_map)))
                .collect();
            let found: BTreeMap<_, _> = found
                .into_iter()
                .filter(|(_, lines)| !lines.is_empty())
                .collect();
            assert_eq!(found, expected);
            for map in &streamed {
                let single = TickMap::of_pool(&mut session, family, map.pool_id).unwrap();
                assert_eq!(single, map.tick_map);
                for at in single.ticks() {
                    assert_eq!(single.tick(at.tick), Some(at));
                }
            }
            for threads in [1, 3] {
                let parallel = Mutex::new(Vec::new());
                database
                    .for_each_tick_map(family, chain(), threads, |map| -> Result<(), Error> {
                        parallel.lock().unwrap().push(map?);
                        Ok(())
                    })
                    .unwrap();
                let mut parallel = parallel.into_inner().unwrap();
                parallel.sort_by_key(|map: &PoolTickMap| map.pool_id);
                assert_eq!(parallel, streamed);
            }
        }
        let nowhere = TickMap::of_pool(&mut session, PoolFamily::Pools, 1 << 40).unwrap();
        assert!(nowhere.is_empty());
    }
}

#[test]
fn tick_map_stream_names_a_malformed_map_and_goes_on() {
    for (table, change, expected) in [
        (
            "liquidity_positions",
            "liquidity_net = '1e18'",
            "column liquidity_net: expected the decimal text of an int128, found \"1e18\"",
        ),
        (
            "liquidity_positions",
            "liquidity_gross = '-5'",
            "column liquidity_gross: expected the decimal text of a uint128, found \"-5\"",
        ),
        (
            "liquidity_positions",
            "liquidity_gross = x'35'",
            "column liquidity_gross: expected the decimal text of a uint128, found x'35'",
        ),
        (
            "liquidity_positions",
            "tick = 900000",
            "column tick: expected a tick (-887272 to 887272), found 900000",
        ),
        (
            "initialization_maps",
            "bitmap = 5.5",
            "column bitmap: expected the decimal text of a uint256, found 5.5",
        ),
        (
            "initialization_maps",
            "word = 40000",
            "column word: expected a bitmap word position (-32768 to 32767), found 40000",
        ),
    ] {
        let (folder, database) = generated();
        let path = folder.path().join("degenbot.db");
        let mut by_hand = content::connect(&path);
        // VARCHAR makes a text of a number; a BLOB stays one.
        by_hand
            .batch_execute(&format!("UPDATE {table} SET {change} WHERE id = 20"))
            .unwrap();
        let pool_id: i64 = content::lines(
            &mut by_hand,
            &format!("SELECT pool_id || '' AS line FROM {table} WHERE id = 20"),
        )[0]
        .parse()
        .unwrap();
        let mut session = database.session().unwrap();
        let mut errors = Vec::new();
        let mut maps = Vec::new();
        for map in TickMaps::of_chain(&mut session, PoolFamily::Pools, chain()).unwrap() {
            match map {
                Ok(map) => maps.push(map.pool_id),
                Err(error) => errors.push(error.to_string()),
            }
        }
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].starts_with(&format!("{table} row 20, column ")),
            "{errors:?}"
        );
        // What a REAL is as a text is SQLite's business.
        let expected = expected.replace("found 5.5", "found \"5.5\"");
        assert!(errors[0].ends_with(&expected), "{errors:?}");
        assert!(!maps.contains(&pool_id));
        assert!(maps.iter().any(|id| *id > pool_id));
        let error = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap_err();
        assert_eq!(error.to_string(), errors[0]);
        let error = database
            .for_each_tick_map(PoolFamily::Pools, chain(), 2, |map| -> Result<(), Error> {
                map?;
                Ok(())
            })
            .unwrap_err();
        assert_eq!(error.to_string(), errors[0]);
    }
}

#[test]
fn parallel_readers_see_one_state_while_a_writer_commits() {
    let (_folder, database) = generated();
    let mut snapshots = database.snapshots(3).unwrap();
    let count = |connection: &mut SqliteConnection| -> i64 {
        liquidity_positions::table
            .count()
            .get_result(connection)
            .unwrap()
    };
    let before = count(&mut snapshots[0]);
    let mut committed = before;
    for snapshot in &mut snapshots {
        database
            .write(|connection| -> Result<(), Error> {
                Ok(connection.batch_execute(
                    "DELETE FROM liquidity_positions WHERE id = (SELECT min(id) FROM liquidity_positions)",
                )?)
            })
            .unwrap();
        committed -= 1;
        assert_eq!(count(snapshot), before);
        assert_eq!(count(&mut database.session().unwrap()), committed);
    }
    drop(snapshots);
    let mut again = database.snapshots(2).unwrap();
    assert_eq!(count(&mut again[1]), committed);

    // A stream on its own is one state too, whatever happens between two pools.
    let mut session = database.session().unwrap();
    let mut ticks = 0;
    for map in TickMaps::of_chain(&mut session, PoolFamily::Pools, chain()).unwrap() {
        ticks += map.unwrap().tick_map.ticks().len();
        database
            .write(|connection| -> Result<(), Error> {
                Ok(connection.batch_execute(
                    "DELETE FROM liquidity_positions WHERE id = (SELECT max(id) FROM liquidity_positions)",
                )?)
            })
            .unwrap();
    }
    assert_eq!(i64::try_from(ticks).unwrap(), committed);
}

#[test]
fn parallel_readers_use_the_pools_connections_and_need_no_lock() {
    let (folder, database) = generated();
    let path = folder.path().join("degenbot.db");
    let options = PoolOptions::default().max_size(1);
    let small = Database::open_with(&path, &options).unwrap();
    let expected = database.chain_pools(chain()).unwrap().pools().len();
    let mut holder = content::connect(&path);
    holder.batch_execute("BEGIN IMMEDIATE").unwrap();
    for database in [&database, &small] {
        assert_eq!(
            database.chain_pools(chain()).unwrap().pools().len(),
            expected
        );
        let maps = std::sync::atomic::AtomicUsize::new(0);
        database
            .for_each_tick_map(PoolFamily::Pools, chain(), 64, |map| -> Result<(), Error> {
                map?;
                maps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok(())
            })
            .unwrap();
        assert!(maps.into_inner() > 300);
    }
    assert_eq!(small.snapshots(5).unwrap().len(), 1);
    holder.batch_execute("ROLLBACK").unwrap();

    // What is written with a snapshot would be lost with it.
    let mut snapshot = small.snapshots(1).unwrap().pop().unwrap();
    let error = snapshot
        .batch_execute("UPDATE exchanges SET active = 0")
        .unwrap_err();
    assert_eq!(error.to_string(), "attempt to write a readonly database");
    drop(snapshot);
    let mut session = small.session().unwrap();
    session
        .batch_execute("UPDATE exchanges SET active = 0")
        .unwrap();
}

#[test]
fn parallel_readers_find_constant_liquidity_while_a_writer_moves_it() {
    let (_folder, database) = generated();
    let total = |database: &Database| {
        let sum = Mutex::new(0_i128);
        database
            .for_each_tick_map(PoolFamily::Pools, chain(), 2, |map| -> Result<(), Error> {
                let nets = map?
                    .tick_map
                    .ticks()
                    .iter()
                    .map(|at| at.liquidity_net.0)
                    .sum::<i128>();
                *sum.lock().unwrap() += nets;
                Ok(())
            })
            .unwrap();
        sum.into_inner().unwrap()
    };
    assert_eq!(total(&database), 0);
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                number += 1;
                database
                    .write(|connection| -> Result<(), Error> {
                        // From the first pool to the last one.
                        Ok(connection.batch_execute(&format!(
                            "UPDATE liquidity_positions SET liquidity_net = '{number}' \
                             WHERE id = (SELECT min(id) FROM liquidity_positions); \
                             UPDATE liquidity_positions SET liquidity_net = '{}' \
                             WHERE id = (SELECT max(id) FROM liquidity_positions)",
                            -number
                        ))?)
                    })
                    .unwrap();
            }
        });
        let mut totals: Vec<_> = (0..20).map(|_| total(&database)).collect();
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        // The first and the last tick did not cancel out before; once they do, they always do.
        totals.dedup();
        assert!(totals.len() <= 2, "{totals:?}");
    });
}
