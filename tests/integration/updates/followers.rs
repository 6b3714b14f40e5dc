//! Several programs that follow one chain in one database: each event counts once, or is refused.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use degenbot::database::{Database, Error, ErrorKind};
use degenbot::models::{LiquidityError, ManagedLiquidityPools};

use super::*;

/// Liquidity over two ticks of one pool, for which every event is of another amount.
struct Follower {
    pool_id: i64,
    spacing: TickSpacing,
    map: TickMap,
    update: PoolUpdate,
}

impl Follower {
    fn start(connection: &mut SqliteConnection, pool_id: i64, spacing: TickSpacing) -> Self {
        Self {
            pool_id,
            spacing,
            map: TickMap::of_pool(connection, PoolFamily::Pools, pool_id).unwrap(),
            update: PoolUpdate::new(PoolFamily::Pools, pool_id),
        }
    }

    fn take(&mut self, place: LogPosition, delta: i128) -> Result<(), LiquidityError> {
        let tick = |number: i32| Tick::new(number * self.spacing.get()).unwrap();
        let (lower, upper) = (tick(-1), tick(1));
        let spacing = self.spacing;
        self.map
            .modify_liquidity(&mut self.update, spacing, place, lower, upper, delta)
    }

    fn update(&self) -> LiquidityUpdate {
        LiquidityUpdate::new(vec![self.update.clone()], Vec::new())
    }

    fn write(&mut self, connection: &mut SqliteConnection) -> Result<UpdateReport, RowError> {
        let report = self.update().apply(connection)?;
        self.update = PoolUpdate::new(PoolFamily::Pools, self.pool_id);
        Ok(report)
    }
}

/// A database whose first V3 pool has no liquidity and no mark.
fn with_new_pool() -> (tempfile::TempDir, Database, i64, TickSpacing) {
    let (folder, database) = generated();
    let mut session = database.session().unwrap();
    let (pool_id, spacing, _) = some_pool(&mut session);
    session
        .batch_execute(&format!(
            "DELETE FROM liquidity_positions WHERE pool_id = {pool_id}; \
             DELETE FROM initialization_maps WHERE pool_id = {pool_id}; {}",
            set_mark(pool_id, "NULL", "NULL")
        ))
        .unwrap();
    drop(session);
    (folder, database, pool_id, spacing)
}

/// Statements that set a pool's mark, in whatever table it is.
fn set_mark(pool_id: i64, block: &str, log_index: &str) -> String {
    let tables = ["aerodrome", "pancakeswap", "sushiswap", "uniswap"];
    tables
        .map(|protocol| {
            format!(
                "UPDATE {protocol}_v3_pools SET liquidity_update_block = {block}, \
                 liquidity_update_log_index = {log_index} WHERE pool_id = {pool_id};"
            )
        })
        .concat()
}

fn gross(connection: &mut SqliteConnection, pool_id: i64, spacing: TickSpacing) -> u128 {
    let map = TickMap::of_pool(connection, PoolFamily::Pools, pool_id).unwrap();
    map.tick(spacing_tick(spacing))
        .map_or(0, |at| at.liquidity_gross.0)
}

fn spacing_tick(spacing: TickSpacing) -> Tick {
    Tick::new(spacing.get()).unwrap()
}

const EVENTS: u32 = 40;
const AMOUNT: u32 = 100_000;

/// Follows the chain from the pool's mark to its end, by a few events at a time.
fn follow(database: &Database, pool_id: i64, spacing: TickSpacing, batch: usize) {
    let mut session = database.session().unwrap();
    let mut follower = Follower::start(&mut session, pool_id, spacing);
    loop {
        let mut taken = 0;
        for log_index in 0..EVENTS {
            match follower.take(place(24_000_000, log_index), AMOUNT.into()) {
                Ok(()) => taken += 1,
                Err(LiquidityError::NotAfterMark { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            if taken == batch {
                break;
            }
        }
        if taken == 0 {
            return;
        }
        match follower.write(&mut session) {
            Ok(_) => {}
            Err(RowError::Conflict { .. }) => {
                follower = Follower::start(&mut session, pool_id, spacing);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn threads_that_follow_one_chain_count_each_event_once() {
    let (_folder, database, pool_id, spacing) = with_new_pool();
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for batch in [1, 2, 3, 7] {
            let (database, barrier) = (&database, &barrier);
            scope.spawn(move || {
                barrier.wait();
                follow(database, pool_id, spacing, batch);
            });
        }
    });
    let mut session = database.session().unwrap();
    let expected = u128::from(EVENTS * AMOUNT);
    assert_eq!(gross(&mut session, pool_id, spacing), expected);
}

/// Runs in processes of their own.
const CHILD: &str = "DEGENBOT_TEST_FOLLOWER";

#[test]
fn processes_that_follow_one_chain_count_each_event_once() {
    if let Some(path) = std::env::var_os(CHILD) {
        let database = Database::open(Path::new(&path)).unwrap();
        let (pool_id, spacing, _) = some_pool(&mut database.session().unwrap());
        follow(&database, pool_id, spacing, 1);
        return;
    }
    let (folder, database, pool_id, spacing) = with_new_pool();
    let start = || {
        let test = "updates::followers::processes_that_follow_one_chain_count_each_event_once";
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(CHILD, folder.path().join("degenbot.db"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut children = [start(), start(), start()];
    // One is killed, wherever it is, and starts again.
    let mut session = database.session().unwrap();
    while gross(&mut session, pool_id, spacing) == 0 && children[0].try_wait().unwrap().is_none() {
        thread::yield_now();
    }
    children[0].kill().unwrap();
    children[0].wait().unwrap();
    children[0] = start();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let expected = u128::from(EVENTS * AMOUNT);
    assert_eq!(gross(&mut session, pool_id, spacing), expected);
}

#[test]
fn clones_with_different_events_are_refused_instead_of_lost() {
    let (_folder, database, pool_id, spacing) = with_new_pool();
    let mut session = database.session().unwrap();
    let mut first = Follower::start(&mut session, pool_id, spacing);
    let mut second = Follower::start(&mut session, pool_id, spacing);
    first.take(place(24_000_000, 1), 1_000_000).unwrap();
    second.take(place(24_000_000, 2), 1_000_000).unwrap();
    assert_eq!(first.write(&mut session).unwrap().written, 5);
    let error = database
        .write(|connection| second.update().apply(connection).map_err(Error::from))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "pools row {pool_id} is at block 24000000, log 1, but the update leads from no event to block 24000000, \
             log 2"
        )
    );
    assert!(matches!(
        error.kind,
        ErrorKind::Row { source: RowError::Conflict { id, stored, .. }, .. }
            if (id, stored) == (pool_id, cursor(24_000_000, 1))
    ));
    assert_eq!(gross(&mut session, pool_id, spacing), 1_000_000);

    // An update may not take events of two maps, even if they stand at the same mark afterwards.
    let mut third = Follower::start(&mut session, pool_id, spacing);
    third.take(place(24_000_000, 2), 1_000_000).unwrap();
    first.update = third.update.clone();
    let error = first.take(place(24_000_000, 3), 1_000_000).unwrap_err();
    assert_eq!(
        error,
        LiquidityError::OtherUpdate {
            map: cursor(24_000_000, 1),
            update: cursor(24_000_000, 2)
        }
    );

    // Read again, the loser's event is written.
    second = Follower::start(&mut session, pool_id, spacing);
    second.take(place(24_000_000, 2), 1_000_000).unwrap();
    second.write(&mut session).unwrap();
    assert_eq!(gross(&mut session, pool_id, spacing), 2_000_000);
    // The third had the same events: they are there already.
    assert_eq!(third.write(&mut session).unwrap(), already_applied());
    assert_eq!(gross(&mut session, pool_id, spacing), 2_000_000);
}

#[test]
fn restarted_program_adds_no_event_again() {
    let (_folder, database, pool_id, spacing) = with_new_pool();
    let mut session = database.session().unwrap();
    for _ in 0..3 {
        let mut follower = Follower::start(&mut session, pool_id, spacing);
        let taken = follower.take(place(24_000_000, 1), 5_000_000);
        if taken.is_ok() {
            follower.write(&mut session).unwrap();
        } else {
            let refused = LiquidityError::NotAfterMark {
                place: place(24_000_000, 1),
                mark: cursor(24_000_000, 1),
            };
            assert_eq!(taken, Err(refused));
            assert_eq!(
                follower.write(&mut session).unwrap(),
                UpdateReport::default()
            );
        }
        assert_eq!(gross(&mut session, pool_id, spacing), 5_000_000);
    }
}

#[test]
fn event_of_amount_zero_does_not_move_the_mark() {
    let (_folder, database, pool_id, spacing) = with_new_pool();
    let mut session = database.session().unwrap();
    let mut follower = Follower::start(&mut session, pool_id, spacing);
    follower.take(place(24_000_000, 1), 0).unwrap();
    assert_eq!(follower.update.sync_cursor(), None);
    assert_eq!(follower.map, TickMap::default());
    follower.take(place(24_000_000, 2), 7).unwrap();
    follower.take(place(24_000_000, 9), 0).unwrap();
    assert_eq!(follower.map.sync_cursor(), cursor(24_000_000, 2));
    follower.take(place(24_000_000, 3), 7).unwrap();
    assert!(follower.take(place(24_000_000, 3), 0).is_err());
    follower.write(&mut session).unwrap();
    let stored = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
    assert_eq!(stored, follower.map);
    assert_eq!(stored.sync_cursor(), cursor(24_000_000, 3));
}

#[test]
fn writes_of_other_programs_are_noticed() {
    let (_folder, database, pool_id, spacing) = with_new_pool();
    let mut session = database.session().unwrap();
    let mut follower = Follower::start(&mut session, pool_id, spacing);
    follower.take(place(24_000_000, 1), 1_000).unwrap();
    follower.write(&mut session).unwrap();
    let tick = spacing.get();
    for (change, expected) in [
        // As the Python package writes: the liquidity with its mark.
        (
            format!(
                "UPDATE liquidity_positions SET liquidity_gross = '1500' WHERE pool_id = {pool_id} AND tick = {tick}; {}",
                set_mark(pool_id, "24000000", "5")
            ),
            "is at block 24000000, log 5, but the update leads from block 24000000, log 1 to block 24000000, log 6",
        ),
        (
            set_mark(pool_id, "NULL", "NULL"),
            "is at no event, but the update leads from block 24000000, log 1",
        ),
        (
            set_mark(pool_id, "24000000", "NULL"),
            "is at block 24000000, but the update leads from block 24000000, log 1",
        ),
        // Without the mark.
        (
            format!(
                "UPDATE liquidity_positions SET liquidity_gross = '1500' WHERE pool_id = {pool_id} AND tick = {tick}"
            ),
            "is at block 24000000, log 1, but with other liquidity than the update's",
        ),
        (
            format!("DELETE FROM liquidity_positions WHERE pool_id = {pool_id} AND tick = -{tick}"),
            "is at block 24000000, log 1, but with other liquidity than the update's",
        ),
        (
            set_mark(pool_id, "'soon'", "1"),
            "column liquidity_update_block: expected a block number (0 or more), found \"soon\"",
        ),
    ] {
        let mut follower = Follower::start(&mut session, pool_id, spacing);
        follower.take(place(24_000_000, 6), 1_000).unwrap();
        session.batch_execute("SAVEPOINT change").unwrap();
        session.batch_execute(&change).unwrap();
        let error = follower.write(&mut session).unwrap_err().to_string();
        session
            .batch_execute("ROLLBACK TO change; RELEASE change")
            .unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn updates_of_many_pools_skip_those_that_are_written() {
    let (_folder, database) = generated();
    let mut session = database.session().unwrap();
    let managed = ManagedLiquidityPools::of_chain(&mut session, chain())
        .unwrap()
        .map(|pool| pool.unwrap())
        .take(3);
    let managed: Vec<_> = managed.collect();
    let update = |connection: &mut SqliteConnection, delta: i128| -> Vec<PoolUpdate> {
        managed
            .iter()
            .map(|pool| {
                let family = PoolFamily::ManagedPools;
                let mut map = TickMap::of_pool(connection, family, pool.id).unwrap();
                let mut update = PoolUpdate::new(family, pool.id);
                let tick = |number: i32| Tick::new(number * pool.tick_spacing.get()).unwrap();
                let (place, spacing) = (place(24_000_000, 3), pool.tick_spacing);
                map.modify_liquidity(&mut update, spacing, place, tick(5), tick(6), delta)
                    .unwrap();
                update
            })
            .collect()
    };
    let mut pools = update(&mut session, 10);
    let others = update(&mut session, 11);
    let one = LiquidityUpdate::new(vec![pools[1].clone()], Vec::new());
    one.apply(&mut session).unwrap();
    let report = LiquidityUpdate::new(pools.clone(), Vec::new())
        .apply(&mut session)
        .unwrap();
    assert_eq!(report.already_applied, 1);
    assert!(report.written >= 6, "{report:?}");
    // The mark alone does not make a pool's update one that is written.
    pools[1] = others[1].clone();
    let error = LiquidityUpdate::new(pools, Vec::new())
        .apply(&mut session)
        .unwrap_err();
    let expected = format!(
        "managed_pools row {} is at block 24000000, log 3",
        managed[1].id
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn liquidity_without_a_mark_takes_no_event_until_it_has_one() {
    let (_folder, database) = generated();
    let mut session = database.session().unwrap();
    let (pool_id, spacing, _) = some_pool(&mut session);
    session
        .batch_execute(&set_mark(pool_id, "NULL", "NULL"))
        .unwrap();
    let mut follower = Follower::start(&mut session, pool_id, spacing);
    assert!(!follower.map.is_empty());
    let refused = follower.take(place(24_000_000, 3), 5);
    assert_eq!(refused, Err(LiquidityError::NoMark));

    let known = PoolUpdate::between(
        PoolFamily::Pools,
        pool_id,
        SyncCursor::default(),
        cursor(24_000_000, 2),
    );
    let known = LiquidityUpdate::new(vec![known], Vec::new());
    assert_eq!(known.apply(&mut session).unwrap().written, 1);
    follower = Follower::start(&mut session, pool_id, spacing);
    follower.take(place(24_000_000, 3), 5).unwrap();
    follower.write(&mut session).unwrap();
}

#[test]
fn every_reader_of_tick_maps_has_the_mark() {
    let (_folder, database, pool_id, spacing) = with_new_pool();
    let mut session = database.session().unwrap();
    let of_chain = |connection: &mut SqliteConnection| {
        degenbot::models::TickMaps::of_chain(connection, PoolFamily::Pools, chain())
            .unwrap()
            .map(|map| map.unwrap())
            .find(|map| map.pool_id == pool_id)
    };
    assert_eq!(of_chain(&mut session), None);
    let mut follower = Follower::start(&mut session, pool_id, spacing);
    assert_eq!(follower.map, TickMap::default());
    follower.take(place(24_000_000, 1), 5).unwrap();
    follower.take(place(24_000_000, 2), -5).unwrap();
    follower.write(&mut session).unwrap();
    // Without liquidity, but not as if no event had come.
    let map = of_chain(&mut session).unwrap().tick_map;
    assert_eq!(
        (map.is_empty(), map.sync_cursor()),
        (true, cursor(24_000_000, 2))
    );
    assert_eq!(map, follower.map);
    for pool in LiquidityPools::of_chain(&mut session, chain())
        .unwrap()
        .collect::<Vec<_>>()
    {
        if let degenbot::models::LiquidityPool::V3(pool) = pool.unwrap() {
            let map = TickMap::of_pool(&mut session, PoolFamily::Pools, pool.base.id).unwrap();
            assert_eq!(map.sync_cursor(), pool.parameters.sync_cursor);
        }
    }
}

/// What one of two programs does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It starts again: reads the map, and forgets what it has not written.
    Restart,
    /// It takes an event, whichever it is.
    Take(u32),
    /// It writes, and keeps what it has written to write it again later.
    Write,
    /// It begins a new update on the map it has, whether the one before is written or not.
    NewUpdate,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// Each event has an amount of its own bit, so the liquidity says which events are in it, and how often.
    #[test]
    fn interleaved_programs_lose_nothing_and_count_nothing_twice(
        rounds in proptest::collection::vec(
            proptest::collection::vec(
                (0_usize..2, prop_oneof![
                    2 => Just(Step::Restart),
                    4 => (0_u32..6).prop_map(Step::Take),
                    3 => Just(Step::Write),
                    2 => Just(Step::NewUpdate),
                ]),
                1..40,
            ),
            100,
        ),
    ) {
        let (_folder, database, pool_id, spacing) = with_new_pool();
        let mut session = database.session().unwrap();
        for steps in rounds {
            session.batch_execute("SAVEPOINT round").unwrap();
            let start = |connection: &mut SqliteConnection| {
                let follower = Follower::start(connection, pool_id, spacing);
                let taken = gross(connection, pool_id, spacing);
                (follower, taken)
            };
            let mut programs = [start(&mut session), start(&mut session)];
            for (which, step) in steps {
                let (follower, taken) = &mut programs[which];
                match step {
                    Step::Restart => programs[which] = start(&mut session),
                    Step::NewUpdate => follower.update = PoolUpdate::new(PoolFamily::Pools, pool_id),
                    Step::Take(event) => {
                        if follower.take(place(24_000_000, event), 1 << event).is_ok() {
                            *taken += 1 << event;
                        }
                    }
                    Step::Write => {
                        let before = gross(&mut session, pool_id, spacing);
                        session.batch_execute("SAVEPOINT write").unwrap();
                        let written = follower.update().apply(&mut session);
                        if written.is_err() {
                            session.batch_execute("ROLLBACK TO write").unwrap();
                        }
                        session.batch_execute("RELEASE write").unwrap();
                        let after = gross(&mut session, pool_id, spacing);
                        match written {
                            Ok(report) if report.written > 0 => {
                                prop_assert_eq!(after, *taken);
                                prop_assert_eq!(before & after, before, "an event is lost");
                            }
                            Ok(report) if report.already_applied > 0 => {
                                prop_assert_eq!((before, after), (*taken, *taken));
                            }
                            Ok(_) => prop_assert_eq!(before, after),
                            Err(RowError::Conflict { .. }) => prop_assert_eq!(before, after),
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            }
            session.batch_execute("ROLLBACK TO round; RELEASE round").unwrap();
        }
    }
}

#[test]
fn update_that_a_trigger_ignores_in_part_fails() {
    let (_folder, database, pool_id, spacing) = with_new_pool();
    let mut session = database.session().unwrap();
    let exchange: i64 = exchanges::table
        .select(exchanges::id)
        .first(&mut *session)
        .unwrap();
    let kind: String = degenbot::schema::pools::table
        .find(pool_id)
        .select(degenbot::schema::pools::kind)
        .first(&mut *session)
        .unwrap();
    let marks = format!("{kind}_pools");
    for (event, table) in [
        ("INSERT", "liquidity_positions"),
        ("INSERT", "initialization_maps"),
        ("UPDATE", &marks),
        ("UPDATE", "exchanges"),
    ] {
        session
            .batch_execute(&format!(
                "CREATE TRIGGER mine BEFORE {event} ON {table} BEGIN SELECT raise(IGNORE); END"
            ))
            .unwrap();
        let mut map = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
        let mut update = PoolUpdate::new(PoolFamily::Pools, pool_id);
        let place = place(24_000_000, 3);
        let (lower, upper) = (Tick::new(0).unwrap(), spacing_tick(spacing));
        map.modify_liquidity(&mut update, spacing, place, lower, upper, 10)
            .unwrap();
        let update = LiquidityUpdate::new(
            vec![update],
            vec![ExchangeUpdate::new(exchange, None, place.block)],
        );
        let error = update.apply(&mut session).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("a trigger of your own ignores a row that is written to {table}")
        );
        session.batch_execute("DROP TRIGGER mine").unwrap();
    }
}
