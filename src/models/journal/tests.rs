//! Undoing blocks gives the database from before them.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::MigrationHarness;
use proptest::prelude::*;

use crate::database::connection::open::open_in_memory;
use crate::database::structure::pending_migrations::migrations_after;
use crate::models::access::row_error::RowError;
use crate::models::journal::block_updates::{mark_final, prune};
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::entries::JournalEntries;
use crate::models::journal::journal_error::JournalError;
use crate::models::journal::recorder::Recorder;
use crate::models::journal::tables::{TABLES, UpdateOf};
use crate::models::journal::undo::{Otherwise, Undone, undo};
use crate::models::liquidity::bulk_event_writer::BulkEventWriter;
use crate::models::liquidity::event_writer::{Applied, EventError, EventWriter, LiquidityEvent};
use crate::models::liquidity::pool_update::PoolUpdate;
use crate::models::liquidity::tick_map::TickMap;
use crate::models::pools::liquidity_pool::LiquidityPool;
use crate::models::pools::liquidity_pool::insert::NewLiquidityPool;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_parameters::{Fees, PoolParameters, V3Parameters, V3Protocol};
use crate::models::rows::erc20_token::NewErc20Token;
use crate::sqlite::prepared::Statements;
use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId, FeeParts, LogIndex, Tick, TickSpacing};
use crate::types::sync_cursor::{LogPosition, SyncCursor};

mod written_together;

const CHAIN: ChainId = ChainId::ETHEREUM;

fn database() -> SqliteConnection {
    let mut connection = open_in_memory().unwrap();
    connection.applied_migrations().unwrap();
    for migration in migrations_after(None) {
        connection.run_migration(&*migration).unwrap();
    }
    connection
        .batch_execute(
            "PRAGMA foreign_keys = ON;
             INSERT INTO exchanges (chain_id, name, active, last_update_block, factory) VALUES
                (1, 'uniswap_v3', 1, 99, '0x1F98431c8aD98523631AE4a59f267346ea31F984'),
                (8453, 'uniswap_v3', 1, 5000, '0x33128a8fC17869897dcE68Ed026d694621f6FDfD')",
        )
        .unwrap();
    connection
}

fn block(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap()
}

fn place(number: u64, index: u32) -> LogPosition {
    LogPosition::new(block(number), LogIndex::new(index).unwrap())
}

fn spacing() -> TickSpacing {
    TickSpacing::new(60).unwrap()
}

/// A pool whose tokens other pools have as well.
fn new_pool(number: u8) -> NewLiquidityPool {
    let token = |number: u8| NewErc20Token {
        chain: CHAIN,
        address: Address::new([number; 20]),
        name: None,
        symbol: None,
        decimals: None,
    };
    let fee = |parts| FeeParts::new(parts).unwrap();
    NewLiquidityPool {
        address: Address::new([100 + number; 20]),
        chain: CHAIN,
        exchange_id: 1,
        token0: token(1 + number % 3),
        token1: token(5 + number % 4),
        parameters: PoolParameters::V3(V3Parameters {
            protocol: V3Protocol::Uniswap,
            fees: Fees {
                token0: fee(3000),
                token1: fee(3000),
                denominator: fee(1_000_000),
            },
            tick_spacing: spacing(),
            sync_cursor: SyncCursor::default(),
        }),
    }
}

/// What happens in a block.
#[derive(Debug, Clone)]
enum Happening {
    Creation(u8),
    /// Pool, lower tick, length, amount. A negative amount takes away what is there, if there is so much.
    Liquidity(u8, i32, i32, i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0..6_u8).prop_map(Happening::Creation),
        (0..6_u8, -3..3, 1..300, -30..60_i64).prop_map(|(pool, lower, length, amount)| {
            Happening::Liquidity(pool, lower, length, amount)
        }),
    ]
}

/// Writes a block that is recorded. What is impossible, such as a burn of liquidity that is not there, is left out.
fn write_block(connection: &mut SqliteConnection, number: u64, happenings: &[Happening]) {
    connection
        .immediate_transaction(|connection| {
            for (index, happening) in (0..).zip(happenings) {
                match *happening {
                    Happening::Creation(pool) => {
                        record(connection, number, |connection| {
                            LiquidityPool::insert_or_get(connection, &[new_pool(pool)])
                                .map(drop)
                                .map_err(EventError::from)
                        })
                        .unwrap();
                    }
                    Happening::Liquidity(pool, lower, length, amount) => {
                        let address = new_pool(pool).address.to_string();
                        let id: Option<i64> = diesel::dsl::sql::<diesel::sql_types::BigInt>(
                            &format!("SELECT id FROM pools WHERE address = '{address}'"),
                        )
                        .get_result(connection)
                        .optional()?;
                        let Some(id) = id else { continue };
                        let tick = |step: i32| Tick::new(step * 60).unwrap();
                        let event = LiquidityEvent {
                            place: place(number, index),
                            lower: tick(lower),
                            upper: tick(lower + length),
                            delta: amount.into(),
                        };
                        let mut map = TickMap::of_pool(connection, PoolFamily::Pools, id).unwrap();
                        let mut update = PoolUpdate::new(PoolFamily::Pools, id);
                        let expected = map.modify_liquidity(
                            &mut update,
                            spacing(),
                            event.place,
                            event.lower,
                            event.upper,
                            event.delta,
                        );
                        if expected.is_err() {
                            continue;
                        }
                        record(connection, number, |connection| {
                            apply(connection, true, id, &[event])
                        })
                        .unwrap();
                        assert_eq!(
                            TickMap::of_pool(connection, PoolFamily::Pools, id).unwrap(),
                            map
                        );
                    }
                }
            }
            let exchange =
                format!("UPDATE exchanges SET last_update_block = {number} WHERE id = 1");
            connection.batch_execute(&exchange)?;
            StoredBlock {
                number: block(number),
                hash: BlockHash::new([u8::try_from(number).unwrap(); 32]),
                is_final: false,
            }
            .store(connection, CHAIN)
        })
        .unwrap();
}

fn apply(
    connection: &mut SqliteConnection,
    is_recorded: bool,
    pool_id: i64,
    events: &[LiquidityEvent],
) -> Result<(), EventError> {
    let statements = Statements::of(connection)?;
    let mut applied = Applied::default();
    let table = "uniswap_v3_pools";
    if !is_recorded {
        let mut writer = BulkEventWriter::new(statements, PoolFamily::Pools)?;
        writer.add(pool_id, table, events.iter(), &mut applied)?;
        return writer.write(&mut applied);
    }
    let mut writer = EventWriter::new(statements, PoolFamily::Pools)?;
    let mut journal = JournalEntries::default();
    writer.apply(pool_id, table, events, &mut applied, &mut journal)?;
    writer.delete_rows(&mut applied)?;
    Ok(journal.write(statements, CHAIN)?)
}

fn record(
    connection: &mut SqliteConnection,
    number: u64,
    write: impl FnOnce(&mut SqliteConnection) -> Result<(), EventError>,
) -> Result<(), EventError> {
    Recorder::enter(Statements::of(connection)?, CHAIN, block(number))?;
    write(connection)?;
    Recorder::leave(Statements::of(connection)?)?;
    Ok(())
}

/// All rows of the tables of the journal and of the exchanges.
fn content(connection: &mut SqliteConnection) -> Vec<String> {
    let mut rows = Vec::new();
    let tables = TABLES
        .iter()
        .map(|table| (table.name, table.columns))
        .chain([("exchanges", &["id", "last_update_block"][..])]);
    for (name, columns) in tables {
        let statements = Statements::of(connection).unwrap();
        let mut read = statements
            .prepare(&format!(
                "SELECT json_array({}) FROM {name} ORDER BY 1",
                columns.join(", ")
            ))
            .unwrap();
        while read.step().unwrap() {
            rows.push(format!("{name} {}", read.column(0).to_text()));
        }
    }
    rows
}

fn undo_to(connection: &mut SqliteConnection, keep: u64) -> Result<Undone, JournalError> {
    connection.immediate_transaction(|connection| {
        undo(
            Statements::of(connection)?,
            CHAIN,
            block(keep),
            Otherwise::Refused,
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn undoing_any_suffix_gives_the_database_of_the_prefix(
        blocks in prop::collection::vec(prop::collection::vec(happening(), 0..12), 1..8),
        keep in 0..8_u64,
    ) {
        let mut connection = database();
        Recorder::install(Statements::of(&mut connection).unwrap(), UpdateOf::Pools).unwrap();
        let anchor = StoredBlock { number: block(99), hash: BlockHash::new([99; 32]), is_final: true };
        anchor.store(&mut connection, CHAIN).unwrap();
        let mut contents = vec![content(&mut connection)];
        for (number, happenings) in (100..).zip(&blocks) {
            write_block(&mut connection, number, happenings);
            contents.push(content(&mut connection));
        }
        let keep = keep.min(blocks.len() as u64);
        undo_to(&mut connection, 99 + keep).unwrap();
        prop_assert_eq!(&content(&mut connection), &contents[usize::try_from(keep).unwrap()]);
        let stored = StoredBlock::of_chain(&mut connection, CHAIN).unwrap();
        prop_assert_eq!(stored[0].number, block(99 + keep));

        // No id of a pool is given again, and what was undone can be written again.
        let highest: Option<i64> = diesel::dsl::sql::<diesel::sql_types::Nullable<diesel::sql_types::BigInt>>(
            "SELECT max(last_id) FROM retired_ids WHERE table_name = 'pools'",
        ).get_result(&mut connection).unwrap();
        let new = LiquidityPool::insert_or_get(&mut connection, &[new_pool(77)]).unwrap();
        prop_assert!(highest.is_none_or(|highest| new[0] > highest));
    }
}

/// A database in which block 100 created a pool, and block 101 added liquidity.
fn with_two_blocks() -> SqliteConnection {
    let mut connection = database();
    Recorder::install(Statements::of(&mut connection).unwrap(), UpdateOf::Pools).unwrap();
    let anchor = StoredBlock {
        number: block(99),
        hash: BlockHash::new([99; 32]),
        is_final: true,
    };
    anchor.store(&mut connection, CHAIN).unwrap();
    write_block(&mut connection, 100, &[Happening::Creation(1)]);
    write_block(
        &mut connection,
        101,
        &[Happening::Liquidity(1, -2, 5, 1_000)],
    );
    connection
}

#[test]
fn changed_row_keeps_everything_and_names_the_pool() {
    for (change, expected) in [
        (
            "UPDATE liquidity_positions SET liquidity_net = '7', liquidity_gross = '7' WHERE tick = -120",
            "liquidity_positions row 1 of pool 0x6565656565656565656565656565656565656565 is no longer as block 101 left it",
        ),
        (
            "DELETE FROM initialization_maps",
            "initialization_maps row 2 of pool 0x6565656565656565656565656565656565656565 is no longer as block 101 left it",
        ),
        (
            "UPDATE uniswap_v3_pools SET liquidity_update_block = 102",
            "uniswap_v3_pools row 1 of pool 0x6565656565656565656565656565656565656565 is no longer as block 101 left it",
        ),
        (
            "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) VALUES (1, 660, '1', '1')",
            "pools row 1 of pool 0x6565656565656565656565656565656565656565 cannot be set back to before block 100: \
             liquidity_positions refers to it (pool_id)",
        ),
        (
            "UPDATE exchanges SET last_update_block = 102 WHERE id = 1",
            "uniswap_v3 is at block 102, but the last block in the journal is 101",
        ),
    ] {
        let mut connection = with_two_blocks();
        connection.batch_execute(change).unwrap();
        let before = content(&mut connection);
        let error = undo_to(&mut connection, 99).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(content(&mut connection), before);
    }
}

#[test]
fn token_stays_if_others_refer_to_it_or_goes_with_its_name() {
    let mut connection = with_two_blocks();
    connection
        .batch_execute(
            "UPDATE erc20_tokens SET name = 'filled in later', decimals = 18;
             INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id)
                 VALUES ('0x00000000000000000000000000000000000000AA', 1, 'uniswap_v2', 1, 1, 1)",
        )
        .unwrap();
    let undone = undo_to(&mut connection, 99).unwrap();
    assert_eq!((undone.pools, undone.tokens), (1, 1));
    let tokens = content(&mut connection);
    let tokens: Vec<_> = tokens
        .iter()
        .filter(|row| row.starts_with("erc20_tokens"))
        .collect();
    assert_eq!(
        tokens,
        [
            r#"erc20_tokens [1,1,"0x0202020202020202020202020202020202020202","filled in later",null,18]"#
        ]
    );
}

#[test]
fn final_blocks_are_not_undone_and_can_be_forgotten() {
    let mut connection = with_two_blocks();
    mark_final(&mut connection, CHAIN, block(100)).unwrap();
    let error = undo_to(&mut connection, 99).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database can go back to block 100 at most, not to block 99"
    );
    // Another program that calls less final does not change that.
    let of_hundred = StoredBlock::of_range(&mut connection, CHAIN, block(100), block(100)).unwrap();
    let again = StoredBlock {
        is_final: false,
        ..of_hundred[0]
    };
    again.store(&mut connection, CHAIN).unwrap();
    prune(&mut connection, CHAIN, block(100)).unwrap();
    let numbers: Vec<_> = StoredBlock::of_chain(&mut connection, CHAIN)
        .unwrap()
        .iter()
        .map(|stored| (stored.number.get(), stored.is_final))
        .collect();
    assert_eq!(numbers, [(101, false), (100, true)]);
    assert_eq!(undo_to(&mut connection, 100).unwrap().rows, 5);
    // The blocks of another chain are another chain's.
    assert_eq!(undo_to(&mut connection, 100).unwrap(), Undone::default());
}

#[test]
fn entry_of_another_program_is_refused() {
    for values in [
        "'pools', 1, NULL, '{\"id\": 1, \"x) --\": 2}'",
        "'pools', 1, NULL, '{\"address\": 1}'",
        "'pools', 1, NULL, 'no JSON'",
        "'sqlite_schema', 1, NULL, '{\"id\": 1}'",
        "'pools', 1, NULL, NULL",
    ] {
        let mut connection = with_two_blocks();
        connection
            .batch_execute(&format!(
                "INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values)
                 VALUES (1, 101, {values})"
            ))
            .unwrap();
        let before = content(&mut connection);
        let error = undo_to(&mut connection, 99).unwrap_err();
        assert!(
            matches!(error, JournalError::Malformed { .. }),
            "{values}: {error}"
        );
        assert_eq!(content(&mut connection), before);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn events_in_any_chunks_lead_to_one_tick_map(
        events in prop::collection::vec((-3..3, 1..300, -30..60_i64), 1..40),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        repeated in 0..3_usize,
    ) {
        let mut connection = database();
        LiquidityPool::insert_or_get(&mut connection, &[new_pool(1)]).unwrap();
        let mut map = TickMap::default();
        let mut update = PoolUpdate::new(PoolFamily::Pools, 1);
        let mut possible = Vec::new();
        for (number, (lower, length, amount)) in (1..).zip(events) {
            let tick = |step: i32| Tick::new(step * 60).unwrap();
            let event = LiquidityEvent {
                place: place(number / 3, u32::try_from(number).unwrap()),
                lower: tick(lower),
                upper: tick(lower + length),
                delta: amount.into(),
            };
            let LiquidityEvent { place, lower, upper, delta } = event;
            if map.modify_liquidity(&mut update, spacing(), place, lower, upper, delta).is_ok() {
                possible.push(event);
            }
        }
        let mut ends: Vec<_> = ends.iter().map(|end| end.index(possible.len() + 1)).collect();
        ends.push(possible.len());
        ends.sort_unstable();
        let mut start = 0;
        for end in ends {
            // Events that are applied already are skipped.
            apply(&mut connection, false, 1, &possible[start.max(repeated) - repeated..end]).unwrap();
            start = end;
        }
        prop_assert_eq!(TickMap::of_pool(&mut connection, PoolFamily::Pools, 1).unwrap(), map);
    }
}

#[test]
fn impossible_event_is_named_by_its_place() {
    let mut connection = database();
    LiquidityPool::insert_or_get(&mut connection, &[new_pool(1)]).unwrap();
    let tick = |tick| Tick::new(tick).unwrap();
    let event = |index, lower, upper, delta| LiquidityEvent {
        place: place(7, index),
        lower: tick(lower),
        upper: tick(upper),
        delta,
    };
    // An error rolls everything back.
    let apply = |connection: &mut SqliteConnection, pool_id, events: &[LiquidityEvent]| {
        connection.immediate_transaction(|connection| apply(connection, false, pool_id, events))
    };
    for (events, expected) in [
        (
            vec![event(1, 0, 60, 5), event(2, 0, 60, -6), event(3, 0, 60, 6)],
            (2, "a change of -6 does not fit the liquidity at tick 0"),
        ),
        (
            vec![event(4, 60, 60, 5)],
            (
                4,
                "the position's lower tick 60 is not below its upper tick 60",
            ),
        ),
        (
            vec![event(5, 0, 61, 0)],
            (5, "tick 61 is not a multiple of the tick spacing 60"),
        ),
    ] {
        let Err(EventError::Liquidity { place, error }) = apply(&mut connection, 1, &events) else {
            panic!("{events:?}");
        };
        assert_eq!(
            (place.log_index.get(), error.to_string().as_str()),
            expected
        );
    }
    connection
        .batch_execute("INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) VALUES (1, 0, '1', '1')")
        .unwrap();
    let error = apply(&mut connection, 1, &[event(6, 0, 60, 5)]).unwrap_err();
    assert!(matches!(error, EventError::Liquidity { .. }), "{error:?}");
    let missing = apply(&mut connection, 2, &[event(6, 0, 60, 5)]).unwrap_err();
    assert!(
        matches!(missing, EventError::Row(RowError::Missing { .. })),
        "{missing:?}"
    );
}
