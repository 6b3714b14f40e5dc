//! Blocks whose liquidity events are written together, and undone one by one.

use super::*;

/// The rows of ticks, words and marks without their ids.
fn liquidity(connection: &mut SqliteConnection) -> Vec<String> {
    let statements = Statements::of(connection).unwrap();
    let mut rows = Vec::new();
    for sql in [
        "SELECT json_array(pool_id, tick, liquidity_net, liquidity_gross) FROM liquidity_positions ORDER BY 1",
        "SELECT json_array(pool_id, word, bitmap) FROM initialization_maps ORDER BY 1",
        "SELECT json_array(pool_id, liquidity_update_block, liquidity_update_log_index) FROM uniswap_v3_pools ORDER BY 1",
    ] {
        let mut read = statements.prepare(sql).unwrap();
        while read.step().unwrap() {
            rows.push(read.column(0).to_text());
        }
    }
    rows
}

/// Three pools, which have the liquidity of the first events.
fn with_pools(first: &[(i64, LiquidityEvent)]) -> SqliteConnection {
    let mut connection = database();
    let pools = [1, 2, 3].map(new_pool);
    LiquidityPool::insert_or_get(&mut connection, &pools).unwrap();
    for (number, is_final) in [(99, true), (100, false)] {
        let hash = BlockHash::new([number; 32]);
        let number = block(number.into());
        let stored = StoredBlock {
            number,
            hash,
            is_final,
        };
        stored.store(&mut connection, CHAIN).unwrap();
    }
    apply_all(&mut connection, first, false);
    connection
}

/// Applies events of several pools, as an update does it.
fn apply_all(
    connection: &mut SqliteConnection,
    events: &[(i64, LiquidityEvent)],
    is_recorded: bool,
) {
    let statements = Statements::of(connection).unwrap();
    let family = PoolFamily::Pools;
    let by_pool = (1..=3).map(|pool| {
        let own = events.iter().filter(move |(id, _)| *id == pool);
        (pool, own.map(|(_, event)| event))
    });
    let mut applied = Applied::default();
    let table = "uniswap_v3_pools";
    if !is_recorded {
        let mut writer = BulkEventWriter::new(statements, family).unwrap();
        for (pool, own) in by_pool {
            writer.add(pool, table, own, &mut applied).unwrap();
        }
        writer.write(&mut applied).unwrap();
        return;
    }
    let mut writer = EventWriter::new(statements, family).unwrap();
    let mut journal = JournalEntries::default();
    for (pool, own) in by_pool {
        let own: Vec<_> = own.copied().collect();
        writer
            .apply(pool, table, &own, &mut applied, &mut journal)
            .unwrap();
    }
    writer.delete_rows(&mut applied).unwrap();
    journal.write(statements, CHAIN).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn blocks_that_are_written_together_are_undone_one_by_one(
        events in prop::collection::vec((1..4_i64, -2..2, 1..4, -20..20_i64, 0..3_u64), 1..60),
        first in any::<prop::sample::Index>(),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut maps = [1, 2, 3].map(|_| TickMap::default());
        let mut possible = Vec::new();
        let mut number = 100;
        for (index, (pool, lower, length, amount, later)) in (0..).zip(events) {
            // Positions are often emptied, so that rows come and go.
            number += later / 2;
            let tick = |step: i32| Tick::new(step * 60).unwrap();
            let (lower, upper) = (tick(lower), tick(lower + length));
            let delta = i128::from(amount / 5 * 5);
            let map = &mut maps[usize::try_from(pool - 1).unwrap()];
            let mut update = PoolUpdate::new(PoolFamily::Pools, pool);
            let place = place(number, index);
            if map.modify_liquidity(&mut update, spacing(), place, lower, upper, delta).is_ok() {
                possible.push((pool, LiquidityEvent { place, lower, upper, delta }));
            }
        }
        let first = first.index(possible.len() + 1);
        let first = possible[..first].last().map_or(99, |(_, event)| event.place.block.get());
        let keep = first + keep.index(usize::try_from(number - first + 1).unwrap()) as u64;
        let up_to = |block: u64| {
            let end = possible.partition_point(|(_, event)| event.place.block.get() <= block);
            &possible[..end]
        };
        let (before, kept) = (up_to(first), up_to(keep));
        let mut connection = with_pools(before);
        apply_all(&mut connection, &possible[before.len()..], true);
        prop_assert_eq!(liquidity(&mut connection), liquidity(&mut with_pools(&possible)));
        let order = "SELECT count(*) FROM chain_journal AS one JOIN chain_journal AS other \
            ON other.id > one.id AND other.block < one.block";
        let statements = Statements::of(&mut connection).unwrap();
        prop_assert_eq!(statements.prepare(order).unwrap().first_integer(&[]).unwrap(), Some(0));
        undo_to(&mut connection, keep).unwrap();
        prop_assert_eq!(liquidity(&mut connection), liquidity(&mut with_pools(kept)));
        // What was undone can be written again.
        apply_all(&mut connection, &possible[kept.len()..], true);
        prop_assert_eq!(liquidity(&mut connection), liquidity(&mut with_pools(&possible)));
    }
}
