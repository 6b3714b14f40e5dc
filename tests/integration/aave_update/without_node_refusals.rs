//! What an update without a node refuses, and what it leaves out.

use alloy_primitives::B256;
use degenbot::database::{
    Database, ErrorKind, MigrateOptions, SchemaVersion, migrate_sqlite_database,
};
use degenbot::models::LogPosition;
use degenbot::node::LogFilter;
use degenbot::sync::{AaveUpdate, AaveUpdateError, AppliedAaveUpdate, SyncError};
use degenbot::types::{Address, Log, LogIndex, Logs};

use super::stored::rows;
use super::without_node::Received;
use super::{NEVER, Scene, assert_rows, execute, market, reference, to_head};
use crate::support::content::connect;

#[test]
fn blocks_and_events_that_do_not_fit_are_refused() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    let receive = || scene.received(begin + 1, begin + 40);
    let unknown = AaveUpdate::filter(&mut connect(&scene.path), &market());
    assert!(matches!(unknown, Err(AaveUpdateError::Incomplete(_))));
    scene.update_to(begin);
    let before = rows(&scene.path);
    let refused = |change: fn(&mut Received)| {
        let mut received = receive();
        change(&mut received);
        let error = scene.apply(&received, begin + 40).unwrap_err();
        assert_rows(&rows(&scene.path), &before);
        error.to_string()
    };
    let end = begin + 40;
    let of_none = refused(|received| {
        let last = received.logs.iter().last().unwrap().place.block;
        received.blocks.retain(|block| block.number < last);
    });
    assert!(of_none.contains("is of none of the blocks"), "{of_none}");
    let gap = refused(|received| {
        received.blocks.remove(5);
    });
    assert_eq!(
        gap,
        format!("block {} does not follow the one before it", begin + 7)
    );
    assert_eq!(
        refused(|received| received.blocks.clear()),
        "the update has no blocks"
    );
    let place = refused(|received| {
        let logs: Vec<Log<'_>> = received.logs.iter().collect();
        received.logs = logs.into_iter().rev().collect();
    });
    assert!(place.contains("not after the one before it"), "{place}");
    let missing = scene
        .apply(&scene.received(begin + 3, end), end)
        .unwrap_err();
    assert_eq!(
        missing.to_string(),
        format!(
            "the market is at block {begin}, and the first block of the update is {}",
            begin + 3
        )
    );
    let doubled = refused(|received| {
        let mut logs = Logs::new();
        for log in received.logs.iter() {
            logs.push(log);
            logs.push(log);
        }
        received.logs = logs;
    });
    assert!(doubled.contains("not after the one before it"), "{doubled}");
}

/// An error, after which nothing is written.
fn refused(scene: &Scene, received: &Received, final_block: u64) -> AaveUpdateError {
    let before = rows(&scene.path);
    let error = scene.apply(received, final_block).unwrap_err();
    assert_rows(&rows(&scene.path), &before);
    error
}

/// Another program takes in the block that lists a reserve. The bot does not know the new tokens.
#[test]
fn events_that_were_asked_for_before_a_reserve_was_listed_are_refused() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(20);
    scene.update_to(begin);
    let filter = || AaveUpdate::filter(&mut connect(&scene.path), &market()).unwrap();
    let old = filter();
    let head = scene.recording.head();
    let mut listed = begin;
    while old.covers(&filter()) {
        listed += 1;
        assert!(listed < head, "no reserve is listed");
        scene.update_to(listed);
    }
    let (next, end) = (listed + 1, listed + 30);
    // The block itself is there already.
    let there = scene.received_with(old.clone(), listed, listed);
    assert_eq!(
        scene.apply(&there, head).unwrap(),
        AppliedAaveUpdate::default()
    );
    let error = refused(&scene, &scene.received_with(old, next, end), head);
    assert!(matches!(error, AaveUpdateError::Filter(_)), "{error}");
    assert!(error.needs_node());
    // All events of the blocks have those of the new tokens, too.
    let all = LogFilter::default();
    scene
        .apply(&scene.received_with(all, next, end), head)
        .unwrap();
    assert_rows(&rows(&scene.path), &reference(scene.recording, end));
}

#[test]
fn market_that_the_python_package_has_followed_needs_a_node_first() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    execute(&scene.path, "DELETE FROM aave_v3_asset_facts");
    let received = scene.received(begin + 1, begin + 20);
    let error = refused(&scene, &received, begin + 20);
    assert!(matches!(error, AaveUpdateError::Incomplete(_)), "{error}");
    assert!(error.needs_node());
}

/// Events with the topics of a market's events, of a contract that is none of the market's, in every block.
#[test]
fn events_of_other_contracts_are_left_out_whatever_they_say() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let mut received = scene.received(begin + 1, begin + 20);
    let topics = received.filter.topics0.clone();
    received.filter = LogFilter::default();
    let own = std::mem::take(&mut received.logs);
    for of_block in &received.blocks {
        let of_own = own.iter().filter(|log| log.place.block == of_block.number);
        of_own.for_each(|log| received.logs.push(log));
        for (index, topic) in topics.iter().enumerate() {
            for (shape, data) in [&[][..], &[0x11; 32], &[0x11; 320]].into_iter().enumerate() {
                let index = u32::try_from(10_000 + 3 * index + shape).unwrap();
                received.logs.push(Log {
                    place: LogPosition::new(of_block.number, LogIndex::new(index).unwrap()),
                    block_hash: of_block.hash,
                    transaction_hash: B256::ZERO,
                    address: Address::new([0x77; 20]),
                    topics: &[*topic, B256::repeat_byte(0x11)][..=shape % 2],
                    data,
                });
            }
        }
    }
    let applied = scene.apply(&received, begin + 20).unwrap();
    assert_eq!(applied.events, u64::try_from(own.len()).unwrap());
    assert_rows(&rows(&scene.path), &reference(scene.recording, begin + 20));
}

#[test]
fn malformed_event_of_the_market_is_refused() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let mut received = scene.received(begin + 1, begin + 20);
    let mut logs = Logs::new();
    for log in received.logs.iter() {
        logs.push(Log { data: &[], ..log });
    }
    received.logs = logs;
    let error = refused(&scene, &received, begin + 20);
    assert!(matches!(error, AaveUpdateError::Malformed(_)), "{error}");
}

/// Those that an update from a node refuses, too.
#[test]
fn triggers_that_interfere_are_refused() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let received = scene.received(begin + 1, begin + 20);
    for (trigger, name) in [
        (
            "BEFORE INSERT ON chain_journal BEGIN SELECT raise(ignore); END",
            "chain_journal",
        ),
        (
            "AFTER UPDATE ON aave_v3_collateral_positions BEGIN UPDATE aave_v3_users SET e_mode = 7; END",
            "aave_v3_users",
        ),
    ] {
        execute(&scene.path, &format!("CREATE TRIGGER mine {trigger}"));
        let error = refused(&scene, &received, 0);
        assert!(
            matches!(&error, AaveUpdateError::Sync(SyncError::Database { source })
                if matches!(source.kind, ErrorKind::TriggerOnJournal { .. } | ErrorKind::TriggerInterferes { .. })),
            "{name}: {error}"
        );
        execute(&scene.path, "DROP TRIGGER mine");
    }
    scene.apply(&received, 0).unwrap();
}

#[test]
fn market_that_is_not_active_needs_an_activation_and_not_a_node() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let received = scene.received(begin + 1, begin + 20);
    execute(&scene.path, "UPDATE aave_v3_markets SET active = 0");
    let error = refused(&scene, &received, begin + 20);
    assert!(matches!(error, AaveUpdateError::Unknown(_)), "{error}");
    assert!(!error.needs_node());
}

#[test]
fn times_that_go_back_or_are_none_are_refused() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let times: [fn(&mut Received); 3] = [
        |received| received.blocks[5].timestamp = u64::MAX,
        |received| received.blocks[5].timestamp -= 1_000_000,
        |received| received.blocks.iter_mut().for_each(|it| it.timestamp = 1),
    ];
    for change in times {
        let mut received = scene.received(begin + 1, begin + 20);
        change(&mut received);
        let error = refused(&scene, &received, begin + 20);
        assert!(matches!(error, AaveUpdateError::Time(_)), "{error}");
    }
}

#[test]
fn database_of_an_older_version_is_named_as_such() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let received = scene.received(begin + 1, begin + 20);
    let (latest, older) = (SchemaVersion::latest(), "20260618000000".parse().unwrap());
    migrate_sqlite_database(&scene.path, latest, older, &MigrateOptions::default()).unwrap();
    let error = scene.apply(&received, begin + 20).unwrap_err();
    assert!(
        matches!(error, AaveUpdateError::Sync(SyncError::Version { .. })),
        "{error}"
    );
}

#[test]
fn lock_of_another_program_is_named_as_such() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let update = scene
        .received(begin + 1, begin + 20)
        .update(begin + 20)
        .unwrap();
    let database = Database::open(&scene.path).unwrap();
    let mut other = connect(&scene.path);
    diesel::connection::SimpleConnection::batch_execute(&mut other, "BEGIN IMMEDIATE").unwrap();
    // Outside a transaction of the session.
    let mut session = database.session().unwrap();
    let error = update.apply(&mut session).unwrap_err();
    assert!(
        matches!(&error, AaveUpdateError::Sync(SyncError::Database { source })
            if matches!(source.kind, ErrorKind::Locked)),
        "{error}"
    );
}

/// The hash of a block that the node does not have.
const GONE: &str = "0x00000000000000000000000000000000000000000000000000000000000000ee";

/// Another market, or the pools, can have got further on a branch that is gone.
#[test]
fn final_blocks_are_refused_where_the_database_has_another_branch() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    for number in [begin + 1, begin + 5, begin + 20] {
        execute(
            &scene.path,
            &format!("INSERT INTO chain_blocks VALUES (NULL, 1, {number}, '{GONE}', 0)"),
        );
        let received = scene.received(begin + 1, begin + 40);
        for final_block in [0, begin + 40] {
            let error = refused(&scene, &received, final_block);
            assert!(matches!(error, AaveUpdateError::OtherBranch), "{error}");
        }
        execute(
            &scene.path,
            &format!("DELETE FROM chain_blocks WHERE number = {number}"),
        );
    }
}

/// The block of the mark is stored, by an update of pools.
#[test]
fn market_whose_mark_another_program_has_moved_needs_a_node_first() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin - 1);
    execute(
        &scene.path,
        "UPDATE aave_v3_markets SET last_update_block = last_update_block + 1",
    );
    let hash = scene.server.chain(|chain| chain.hash(begin));
    execute(
        &scene.path,
        &format!("INSERT INTO chain_blocks VALUES (NULL, 1, {begin}, '{hash}', 1)"),
    );
    let refused = || refused(&scene, &scene.received(begin + 1, begin + 20), begin + 20);
    let error = refused();
    assert!(matches!(error, AaveUpdateError::MarkMoved(_)), "{error}");
    assert!(error.needs_node());
    assert_eq!(
        error.to_string(),
        "another program, such as the Python package, may have moved the mark of ethereum_aave_v3: nothing notes that this \
         one has; 'degenbot aave update' finds out, and takes the market over"
    );
    // A database of an older version of this program: whatever is needed is there, but no note of the mark.
    execute(&scene.path, "DELETE FROM chain_journal");
    let error = refused();
    assert!(matches!(error, AaveUpdateError::MarkMoved(_)), "{error}");
    execute(&scene.path, "DELETE FROM aave_v3_asset_facts");
    let error = refused();
    assert!(matches!(error, AaveUpdateError::Incomplete(_)), "{error}");
    assert_eq!(
        error.to_string(),
        "the database does not have all that is needed of ethereum_aave_v3; 'degenbot aave update' asks a node for it"
    );
}

/// A bot is stopped with blocks that are not final. The chain replaces them, and an update of pools gets to a final block
/// after them.
#[test]
fn blocks_that_have_become_final_since_they_were_received_need_a_node() {
    let scene = Scene::new("36", NEVER);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let received = scene.received(begin + 1, begin + 4);
    scene.fork_above(begin);
    scene.replace(0, 100);
    let later = begin + 50;
    let hash = scene.server.chain(|chain| chain.hash(later));
    execute(
        &scene.path,
        &format!("INSERT INTO chain_blocks VALUES (NULL, 1, {later}, '{hash}', 1)"),
    );
    for final_block in [0, begin, begin + 3] {
        let error = refused(&scene, &received, final_block);
        let first = final_block.max(begin) + 1;
        assert!(
            matches!(error, AaveUpdateError::Unproven(block) if block.get() == first),
            "{error:?}"
        );
        assert!(error.needs_node());
    }
    scene.update_to_head();
    // Those up to a block that is stored are proven, and so are those that the bot itself calls final.
    for (final_block, place) in [(0, begin + 10), (begin + 10, later)] {
        let scene = Scene::new("36", 0);
        scene.update_to(begin);
        let received = scene.received(begin + 1, begin + 10);
        let hash = scene.server.chain(|chain| chain.hash(place));
        execute(
            &scene.path,
            &format!("INSERT INTO chain_blocks VALUES (NULL, 1, {place}, '{hash}', 1)"),
        );
        scene.apply(&received, final_block).unwrap();
    }
}

/// What such blocks have left in databases: nobody can take them back.
#[test]
fn update_of_a_market_on_another_branch_says_so() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let later = begin + 50;
    let [found, hash] = [begin, later].map(|block| scene.server.chain(|chain| chain.hash(block)));
    execute(
        &scene.path,
        &format!(
            "UPDATE chain_blocks SET hash = '{GONE}';
             INSERT INTO chain_blocks VALUES (NULL, 1, {later}, '{hash}', 1)"
        ),
    );
    assert_eq!(
        scene.refused(&to_head()).to_string(),
        format!(
            "The final block {begin} has the hash {found} on the node, but {GONE} in the database"
        )
    );
}

#[test]
fn filter_of_a_database_of_an_older_version_is_refused_as_such() {
    let scene = Scene::new("36", 0);
    scene.update_to(scene.percent(60));
    let (latest, older) = (SchemaVersion::latest(), "20260618000000".parse().unwrap());
    migrate_sqlite_database(&scene.path, latest, older, &MigrateOptions::default()).unwrap();
    let error = AaveUpdate::filter(&mut connect(&scene.path), &market()).unwrap_err();
    assert!(
        matches!(error, AaveUpdateError::Sync(SyncError::Version { .. })),
        "{error}"
    );
}
