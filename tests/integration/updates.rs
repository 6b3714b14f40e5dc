//! Liquidity changed by events, and written.

mod followers;

use std::collections::BTreeMap;

use degenbot::database::{Error, ErrorKind};
use degenbot::models::{
    BitmapWord, Exchange, ExchangeUpdate, LiquidityError, LiquidityPools, LiquidityUpdate,
    LogPosition, PoolFamily, PoolUpdate, RowError, SyncCursor, TickLiquidity, TickMap,
    UpdateReport, bitmap_position,
};
use degenbot::schema::exchanges;
use degenbot::types::{
    BlockNumber, I128, LogIndex, PoolKind, Tick, TickSpacing, U128, U256, WordPosition,
};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use proptest::prelude::*;

use crate::support::content;
use crate::support::databases::{chain, generated};

/// A V3 pool of the database, and its spacing.
fn some_pool(connection: &mut SqliteConnection) -> (i64, TickSpacing, i64) {
    let pools = LiquidityPools::of_chain(connection, chain()).unwrap();
    for pool in pools {
        if let degenbot::models::LiquidityPool::V3(pool) = pool.unwrap() {
            return (
                pool.base.id,
                pool.parameters.tick_spacing,
                pool.base.exchange_id,
            );
        }
    }
    panic!("there is no V3 pool");
}

fn place(block: u64, log_index: u32) -> LogPosition {
    LogPosition::new(
        BlockNumber::new(block).unwrap(),
        LogIndex::new(log_index).unwrap(),
    )
}

fn cursor(block: u64, log_index: u32) -> SyncCursor {
    place(block, log_index).into()
}

/// What an update does that was written before.
fn already_applied() -> UpdateReport {
    let mut report = UpdateReport::default();
    report.already_applied = 1;
    report
}

#[test]
fn update_is_applied_once_and_deletes_empty_ticks() {
    let (folder, database) = generated();
    let path = folder.path().join("degenbot.db");
    let mut session = database.session().unwrap();
    let (pool_id, spacing, exchange_id) = some_pool(&mut session);
    let before = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
    let (lower, upper) = (Tick::new(-spacing.get()).unwrap(), Tick::new(0).unwrap());

    let mut map = before.clone();
    let mut pool = PoolUpdate::new(PoolFamily::Pools, pool_id);
    let mint = place(22_999_999, 3);
    map.modify_liquidity(&mut pool, spacing, mint, lower, upper, 1_000)
        .unwrap();
    let mut update = LiquidityUpdate::default();
    update.pools.push(pool);
    update.exchanges.push(taken_in(exchange_id, 23_000_001));
    let report = update.apply(&mut session).unwrap();
    assert!(report.written >= 4 && report.deleted == 0, "{report:?}");
    let stored = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
    assert_eq!(stored, map);
    let exchange = Exchange::by_id(&mut session, exchange_id).unwrap().unwrap();
    assert_eq!(
        exchange.last_update_block,
        BlockNumber::new(23_000_001).ok()
    );

    // The same again changes nothing, not even the file.
    let content = content::of(&path);
    let changes = |connection: &mut SqliteConnection| {
        content::lines(connection, "SELECT total_changes() || '' AS line")
    };
    let counted = changes(&mut session);
    assert_eq!(update.apply(&mut session).unwrap(), already_applied());
    assert_eq!(changes(&mut session), counted);
    assert_eq!(content::of(&path), content);

    // The liquidity goes, and the ticks that it made with it.
    let mut pool = PoolUpdate::new(PoolFamily::Pools, pool_id);
    let burn = place(22_999_999, 5);
    map.modify_liquidity(&mut pool, spacing, burn, lower, upper, -1_000)
        .unwrap();
    assert_eq!((map.ticks(), map.words()), (before.ticks(), before.words()));
    let update = LiquidityUpdate::new(vec![pool], Vec::new());
    let report = update.apply(&mut session).unwrap();
    assert!(report.written + report.deleted >= 2, "{report:?}");
    let stored = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
    assert_eq!(stored, map);
    assert_eq!(update.apply(&mut session).unwrap(), already_applied());
}

#[test]
fn mark_moves_backwards_only_on_request() {
    let (_folder, database) = generated();
    let mut session = database.session().unwrap();
    let (pool_id, spacing, exchange_id) = some_pool(&mut session);
    let tick = Tick::new(spacing.get() * 3).unwrap();
    let stored = |connection: &mut SqliteConnection| {
        TickMap::of_pool(connection, PoolFamily::Pools, pool_id).unwrap()
    };
    let update = |gross: u128, from: SyncCursor, block: u64| {
        let mut pool = PoolUpdate::between(PoolFamily::Pools, pool_id, from, cursor(block, 3));
        pool.set_tick(TickLiquidity {
            tick,
            liquidity_net: I128(0),
            liquidity_gross: U128(gross),
        })
        .unwrap();
        LiquidityUpdate::new(vec![pool], vec![taken_in(exchange_id, block)])
    };
    let gross =
        |connection: &mut SqliteConnection| stored(connection).tick(tick).unwrap().liquidity_gross;
    let first = stored(&mut session).sync_cursor();
    update(5, first, 24_000_000).apply(&mut session).unwrap();
    update(7, cursor(24_000_000, 3), 24_000_001)
        .apply(&mut session)
        .unwrap();

    let mut back = update(5, cursor(24_000_001, 3), 24_000_000);
    let error = back.apply(&mut session).unwrap_err();
    let expected = "expected a mark that moves forwards, found block 24000000, log 3 after block 24000001, log 3";
    assert!(error.to_string().ends_with(expected), "{error}");
    back.allow_rewind = true;
    let report = back.apply(&mut session).unwrap();
    assert_eq!((report.written, report.outdated), (3, 0));
    assert_eq!(gross(&mut session), U128(5));
    let exchange = Exchange::by_id(&mut session, exchange_id).unwrap().unwrap();
    assert_eq!(
        exchange.last_update_block,
        BlockNumber::new(24_000_000).ok()
    );
    assert_eq!(back.apply(&mut session).unwrap(), already_applied());

    // Values are corrected at their mark on request only, and an exchange that is further stays there.
    let here = cursor(24_000_000, 3);
    let mut corrected = update(6, here, 24_000_000);
    let error = corrected.apply(&mut session).unwrap_err();
    assert!(
        matches!(error, RowError::Conflict { stored, .. } if stored == here),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("is at block 24000000, log 3, but with other liquidity"),
        "{error}"
    );
    corrected.allow_rewind = true;
    assert_eq!(corrected.apply(&mut session).unwrap().written, 1);
    assert_eq!(
        corrected.apply(&mut session).unwrap(),
        UpdateReport::default()
    );
    assert_eq!(gross(&mut session), U128(6));
    let behind = LiquidityUpdate::new(Vec::new(), vec![taken_in(exchange_id, 1)]);
    assert_eq!(behind.apply(&mut session).unwrap().outdated, 1);
}

#[test]
fn update_refuses_pools_without_ticks() {
    let (_folder, database) = generated();
    let mut session = database.session().unwrap();
    let v2_pool = LiquidityPools::of_chain(&mut session, chain())
        .unwrap()
        .map(|pool| pool.unwrap())
        .find(|pool| pool.kind() == PoolKind::UniswapV2)
        .unwrap()
        .base()
        .id;
    for (family, id, expected) in [
        (
            PoolFamily::Pools,
            v2_pool,
            "expected a kind with ticks, found uniswap_v2",
        ),
        (
            PoolFamily::Pools,
            1 << 40,
            "there is no row 1099511627776 in pools",
        ),
        (
            PoolFamily::ManagedPools,
            1 << 40,
            "there is no row 1099511627776 in managed_pools",
        ),
    ] {
        // Nothing but a deletion, of what is not there.
        let mut pool = PoolUpdate::new(family, id);
        pool.set_word(BitmapWord {
            word: WordPosition::new(0).unwrap(),
            bitmap: U256::default(),
        });
        let update = LiquidityUpdate::new(vec![pool], Vec::new());
        let error = update.apply(&mut session).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn update_is_written_whole_or_not_at_all() {
    let (folder, database) = generated();
    let path = folder.path().join("degenbot.db");
    let mut session = database.session().unwrap();
    let (pool_id, ..) = some_pool(&mut session);
    let v2_pool = LiquidityPools::of_chain(&mut session, chain())
        .unwrap()
        .map(|pool| pool.unwrap())
        .find(|pool| pool.kind() == PoolKind::UniswapV2)
        .unwrap()
        .base()
        .id;
    let tick = TickLiquidity {
        tick: Tick::new(0).unwrap(),
        liquidity_net: I128(5),
        liquidity_gross: U128(5),
    };
    let marked = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id)
        .unwrap()
        .sync_cursor();
    let with = |family, id, is_marked: bool| {
        let mut pool = if is_marked {
            PoolUpdate::between(family, id, marked, cursor(24_000_000, 1))
        } else {
            PoolUpdate::new(family, id)
        };
        pool.set_tick(tick).unwrap();
        pool
    };
    let good = with(PoolFamily::Pools, pool_id, true);
    let before = content::of(&path);
    for (pool, exchange, expected) in [
        (
            with(PoolFamily::Pools, 1 << 40, false),
            None,
            "there is no row 1099511627776 in pools",
        ),
        (
            with(PoolFamily::ManagedPools, 1 << 40, true),
            None,
            "there is no row 1099511627776 in managed_pools",
        ),
        (
            with(PoolFamily::Pools, v2_pool, true),
            None,
            "expected a kind with ticks, found uniswap_v2",
        ),
        (
            with(PoolFamily::Pools, pool_id, false),
            None,
            "expected marks for new values, found none",
        ),
        (
            PoolUpdate::between(PoolFamily::Pools, pool_id, marked, cursor(24_000_000, 2)),
            None,
            "is at block 24000000, log 1, but the update leads from",
        ),
        (
            PoolUpdate::new(PoolFamily::Pools, pool_id),
            Some(taken_in(77, 24_000_000)),
            "there is no row 77 in exchanges",
        ),
    ] {
        let update = LiquidityUpdate::new(vec![good.clone(), pool], exchange.into_iter().collect());
        let error = update.apply(&mut session).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(content::of(&path), before);
        let error = database
            .write(|connection| update.apply(connection).map_err(Error::from))
            .unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Row { .. }), "{error}");
        assert_eq!(content::of(&path), before);
    }
    let mut pool = PoolUpdate::new(PoolFamily::Pools, pool_id);
    let error = pool
        .set_tick(TickLiquidity {
            liquidity_gross: U128(4),
            ..tick
        })
        .unwrap_err();
    assert!(
        error.to_string().contains("found 4 at tick 0, with 5 net"),
        "{error}"
    );
}

#[test]
fn impossible_events_change_nothing() {
    let spacing = TickSpacing::new(60).unwrap();
    let tick = |number| Tick::new(number).unwrap();
    let mut map = TickMap::default();
    let mut update = PoolUpdate::new(PoolFamily::Pools, 1);
    let mint = place(7, 3);
    map.modify_liquidity(&mut update, spacing, mint, tick(-60), tick(60), 10)
        .unwrap();
    let (map_before, update_before) = (map.clone(), update.clone());
    let next = place(7, 4);
    for (lower, upper, delta, expected) in [
        (
            60,
            60,
            1,
            "the position's lower tick 60 is not below its upper tick 60",
        ),
        (
            -60,
            61,
            1,
            "tick 61 is not a multiple of the tick spacing 60",
        ),
        (
            -60,
            60,
            -11,
            "a change of -11 does not fit the liquidity at tick -60",
        ),
        (
            -60,
            120,
            -10,
            "a change of -10 does not fit the liquidity at tick 120",
        ),
        (0, 120, i128::MIN, "does not fit the liquidity at tick 0"),
    ] {
        let error: LiquidityError = map
            .modify_liquidity(&mut update, spacing, next, tick(lower), tick(upper), delta)
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!((&map, &update), (&map_before, &update_before));
    }
    map.modify_liquidity(&mut update, spacing, next, tick(-60), tick(60), -10)
        .unwrap();
    assert!(map.is_empty());
    assert_eq!(map.sync_cursor(), next.into());
}

#[test]
fn bitmap_positions_match_the_contracts() {
    // From the tests of Uniswap's TickBitmap and the definition of its position function.
    let position = |tick, spacing| {
        bitmap_position(Tick::new(tick).unwrap(), TickSpacing::new(spacing).unwrap())
            .map(|(word, bit)| (word.get(), bit))
    };
    assert_eq!(position(0, 1), Some((0, 0)));
    assert_eq!(position(-1, 1), Some((-1, 255)));
    assert_eq!(position(255, 1), Some((0, 255)));
    assert_eq!(position(256, 1), Some((1, 0)));
    assert_eq!(position(-256, 1), Some((-1, 0)));
    assert_eq!(position(-257, 1), Some((-2, 255)));
    assert_eq!(position(-887_272, 1), Some((-3466, 24)));
    assert_eq!(position(-887_270, 10), Some((-347, 105)));
    assert_eq!(position(887_270, 10), Some((346, 151)));
    assert_eq!(position(61, 60), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any events, in any blocks: the database holds what memory holds, and positions by themselves explain it.
    #[test]
    fn database_follows_arbitrary_events(
        events in proptest::collection::vec((-40_i32..40, 1_i32..20, 1_u32..1_000, any::<bool>()), 1..60),
        block_size in 1_usize..8,
    ) {
        let (_folder, database) = generated();
        let mut session = database.session().unwrap();
        let (pool_id, spacing, _) = some_pool(&mut session);
        content::lines(&mut session, "SELECT '' AS line");
        session
            .batch_execute("DELETE FROM liquidity_positions; DELETE FROM initialization_maps")
            .unwrap();
        let mut map = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
        let mut places = (0..).map(|log_index| place(24_000_000, log_index));
        let mut positions: Vec<(i32, i32, i128)> = Vec::new();
        for block in events.chunks(block_size) {
            let mut pool = PoolUpdate::new(PoolFamily::Pools, pool_id);
            for (lower, width, amount, burns) in block {
                let (lower, upper, delta) = match positions.pop() {
                    Some((lower, upper, amount)) if *burns => (lower, upper, -amount),
                    popped => {
                        positions.extend(popped);
                        let position = (*lower, lower + width, i128::from(*amount));
                        positions.push(position);
                        position
                    }
                };
                let tick = |number: i32| Tick::new(number * spacing.get()).unwrap();
                let place = places.next().unwrap();
                map.modify_liquidity(&mut pool, spacing, place, tick(lower), tick(upper), delta).unwrap();
            }
            let update = LiquidityUpdate::new(vec![pool], Vec::new());
            update.apply(&mut session).unwrap();
            let stored = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
            prop_assert_eq!(&stored, &map);
            prop_assert_eq!(update.apply(&mut session).unwrap(), already_applied());
        }
        let mut expected: BTreeMap<i32, (i128, u128)> = BTreeMap::new();
        for (lower, upper, amount) in positions {
            for (tick, net) in [(lower, amount), (upper, -amount)] {
                let at = expected.entry(tick * spacing.get()).or_default();
                at.0 += net;
                at.1 += amount.unsigned_abs();
            }
        }
        let found: BTreeMap<_, _> = map
            .ticks()
            .iter()
            .map(|at| (at.tick.get(), (at.liquidity_net.0, at.liquidity_gross.0)))
            .collect();
        prop_assert_eq!(&found, &expected);
        let mut words: BTreeMap<WordPosition, alloy_primitives::U256> = BTreeMap::new();
        for tick in expected.keys() {
            let (word, bit) = bitmap_position(Tick::new(*tick).unwrap(), spacing).unwrap();
            words.entry(word).or_default().set_bit(bit, true);
        }
        let words: Vec<_> = words
            .into_iter()
            .map(|(word, bitmap)| BitmapWord { word, bitmap: U256(bitmap) })
            .collect();
        prop_assert_eq!(map.words(), words.as_slice());
    }
}

/// That everything up to a block is in the database, whatever was before.
fn taken_in(exchange_id: i64, to: u64) -> ExchangeUpdate {
    ExchangeUpdate::new(exchange_id, None, BlockNumber::new(to).unwrap())
}

/// The block of an exchange can go back while a bot runs: a backup is restored, or an update undoes blocks. The pools of
/// the bot's next events may have no other ones in between, so only the block shows that some are missing.
#[test]
fn update_is_refused_after_the_block_of_its_exchange_has_gone_back() {
    let (_folder, database) = generated();
    let mut session = database.session().unwrap();
    let (pool_id, spacing, exchange_id) = some_pool(&mut session);
    let stored = |connection: &mut SqliteConnection| {
        let exchange = Exchange::by_id(connection, exchange_id).unwrap();
        exchange.unwrap().last_update_block
    };
    let to = |block: u64| BlockNumber::new(block).unwrap();
    let led = |from: Option<u64>, block: u64| {
        let exchange = ExchangeUpdate::new(exchange_id, from.map(to), to(block));
        LiquidityUpdate::new(Vec::new(), vec![exchange])
    };
    let loaded = stored(&mut session).unwrap().get();
    led(Some(loaded), loaded + 10).apply(&mut session).unwrap();
    led(Some(loaded + 10), loaded + 11)
        .apply(&mut session)
        .unwrap();

    // Others that are behind, or start from less, lose nothing.
    let report = led(Some(loaded), loaded + 5).apply(&mut session).unwrap();
    assert_eq!(report.outdated, 1);
    led(Some(loaded + 3), loaded + 12)
        .apply(&mut session)
        .unwrap();
    assert_eq!(stored(&mut session), Some(to(loaded + 12)));

    for (block, at) in [
        (Some(to(loaded)), format!("block {loaded}")),
        (None, "no block".to_owned()),
    ] {
        diesel::update(exchanges::table.find(exchange_id))
            .set(exchanges::last_update_block.eq(block))
            .execute(&mut *session)
            .unwrap();
        let mut map = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
        let mark = map.sync_cursor();
        let mut pool = PoolUpdate::new(PoolFamily::Pools, pool_id);
        let (lower, upper) = (Tick::new(0).unwrap(), Tick::new(spacing.get()).unwrap());
        map.modify_liquidity(&mut pool, spacing, place(24_000_000, 3), lower, upper, 10)
            .unwrap();
        let mut update = led(Some(loaded + 12), 24_000_000);
        update.pools.push(pool);
        let error = update.apply(&mut session).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "exchanges row {exchange_id} is at {at}, but the update leads on from block {}",
                loaded + 12
            )
        );
        // Also where it would write nothing: what comes next may have nothing to write either.
        for to in [loaded - 1, loaded] {
            let error = led(Some(loaded + 12), to).apply(&mut session).unwrap_err();
            assert!(matches!(error, RowError::Behind { .. }), "{error}");
        }
        assert_eq!(stored(&mut session), block);
        let now = TickMap::of_pool(&mut session, PoolFamily::Pools, pool_id).unwrap();
        assert_eq!(now.sync_cursor(), mark);
    }
}

#[test]
fn exchange_is_found_by_name_and_a_missing_row_is_reported() {
    let (_folder, database) = generated();
    let mut session = database.session().unwrap();
    let found = Exchange::by_name(&mut session, chain(), "uniswap_v3")
        .unwrap()
        .unwrap();
    let row: Exchange = exchanges::table
        .find(found.id)
        .select(Exchange::as_select())
        .first(&mut *session)
        .unwrap();
    assert_eq!(found, row);
    assert!(
        Exchange::by_name(&mut session, chain(), "curve")
            .unwrap()
            .is_none()
    );
    let error: RowError = LiquidityUpdate::new(Vec::new(), vec![taken_in(999, 1)])
        .apply(&mut session)
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no row 999 in exchanges");
}
