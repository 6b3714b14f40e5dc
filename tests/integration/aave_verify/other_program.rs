//! Markets whose mark the Python package has moved since this program has followed them.

use degenbot::aave::AavePrices;
use degenbot::database::{list_aave_assets, show_aave_market};
use degenbot::models::{AaveV3Account, AaveV3Market, ValuationError};
use degenbot::sync::{AaveRepairOptions, AaveUpdate, AaveUpdateError, SyncError, UpdateBlock};
use degenbot::types::{BlockNumber, ChainId, Timestamp};
use diesel::Connection as _;

use super::{PYTHON, Scene};
use crate::support::aave_state::BLOCKS;
use crate::support::content::{connect, lines};

/// What only this program writes.
const OWN: [&str; 5] = [
    "aave_v3_market_facts",
    "aave_v3_asset_facts",
    "aave_v3_emode_assets",
    "chain_blocks",
    "chain_journal",
];

fn block(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap()
}

impl Scene {
    /// Another program takes in the blocks up to this one. It leaves alone what only this program writes.
    fn follow_as_another_program(&self, to: u64) {
        let before = self.path.with_extension("before");
        let before = before.to_str().unwrap();
        self.execute(&format!("VACUUM INTO '{before}'"));
        self.update(to).1.unwrap();
        let restored = OWN.map(|table| {
            format!(
                "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM earlier.{table};"
            )
        });
        self.execute(&format!(
            "ATTACH '{before}' AS earlier; BEGIN; {} COMMIT; DETACH earlier",
            restored.concat()
        ));
        std::fs::remove_file(before).unwrap();
    }

    /// An update of pools stores blocks.
    fn store(&self, from: u64, to: u64, is_final: bool) {
        for number in from..=to {
            let hash = self.server.chain(|chain| chain.hash(number));
            self.execute(&format!(
                "INSERT INTO chain_blocks VALUES (NULL, 1, {number}, '{hash}', {})
                 ON CONFLICT (chain_id, number) DO NOTHING",
                u8::from(is_final)
            ));
        }
    }

    fn asked(&self, sql: &str) -> Vec<String> {
        lines(&mut connect(&self.path), sql)
    }

    fn mark(&self) -> String {
        self.asked("SELECT last_update_block AS line FROM aave_v3_markets")
            .remove(0)
    }

    /// The block after another, as a bot receives it.
    fn apply_next(&self, number: u64) -> Result<u64, AaveUpdateError> {
        let market = "ethereum_aave_v3".parse().unwrap();
        let filter = AaveUpdate::filter(&mut connect(&self.path), &market)?;
        let node = self.node();
        let headers = node.existing_headers(&[block(number)]).unwrap();
        let blocks: Vec<UpdateBlock> = headers.iter().map(Into::into).collect();
        let logs = node.logs(&filter, block(number), block(number), None);
        let update = AaveUpdate::new(&market, &filter, blocks, block(0), &logs.unwrap().logs)?;
        let applied = connect(&self.path).transaction(|connection| update.apply(connection))?;
        Ok(applied.blocks)
    }
}

#[test]
fn update_without_a_node_is_refused_until_the_market_is_taken_over() {
    let scene = Scene::at(BLOCKS[0] - 10);
    scene.follow_as_another_program(BLOCKS[0]);
    // An update of pools stores the block of the furthest mark.
    scene.store(BLOCKS[0], BLOCKS[0], true);
    let refused = scene.apply_next(BLOCKS[0] + 1);
    assert!(
        matches!(refused, Err(AaveUpdateError::MarkMoved(_))),
        "{refused:?}"
    );
    let (report, result) = scene.update(BLOCKS[0]);
    result.unwrap();
    assert_eq!(report.taken_over.len(), 1);
    assert_eq!(scene.found(), Vec::<String>::new());
    assert_eq!(scene.apply_next(BLOCKS[0] + 1).unwrap(), 1);
    let (report, result) = scene.update(BLOCKS[2]);
    result.unwrap();
    assert_eq!(report.taken_over, []);
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn accounts_are_not_valued_until_the_market_is_taken_over() {
    let scene = Scene::at(BLOCKS[0] - 10);
    scene.follow_as_another_program(BLOCKS[0]);
    let read = || {
        let [listed] = &list_aave_assets(&scene.path).unwrap()[..] else {
            panic!("no market");
        };
        let market = show_aave_market(&scene.path, listed.market.id).unwrap();
        let times = market
            .reserves
            .iter()
            .map(|it| it.reserve.last_update_time());
        (listed.market.time, times.collect::<Vec<_>>())
    };
    let (time, times) = read();
    assert_eq!(time, None);
    assert!(times.iter().all(Option::is_none), "{times:?}");
    // A program that knows the time of the block itself.
    let connection = &mut connect(&scene.path);
    let market = AaveV3Market::of_chain(connection, ChainId::ETHEREUM).unwrap();
    let time = scene
        .server
        .chain(|chain| chain.block(BLOCKS[0]).unwrap().timestamp);
    let time = Timestamp::new(time).unwrap();
    let prices = AavePrices::new(AavePrices::DOLLAR);
    let users = scene.users().into_iter();
    let accounts: Vec<_> = users
        .filter_map(|user| AaveV3Account::of_user(connection, market[0].id, user).unwrap())
        .collect();
    let errors: Vec<_> = accounts
        .iter()
        .filter_map(|account| account.at(time, &prices).err())
        .collect();
    assert!(!errors.is_empty());
    assert!(
        errors
            .iter()
            .all(|error| matches!(error, ValuationError::NoUpdateTime { .. })),
        "{errors:?}"
    );
    scene.update(BLOCKS[0]).1.unwrap();
    let (found, times) = read();
    assert_eq!(found, Some(time));
    assert!(times.iter().all(Option::is_some), "{times:?}");
}

#[test]
fn times_are_those_of_the_mark_even_if_the_node_lacks_its_state() {
    let scene = Scene::at(BLOCKS[0] - 60);
    scene.follow_as_another_program(BLOCKS[0]);
    scene
        .server
        .chain(|chain| chain.stateless_before = BLOCKS[0] + 1);
    let (report, result) = scene.update(BLOCKS[0]);
    result.unwrap();
    assert_eq!(report.taken_over[0].block.get(), BLOCKS[1]);
    let stored = scene.asked(
        "SELECT a.last_update_block || ' ' || f.last_update_time AS line FROM aave_v3_assets AS a
         JOIN aave_v3_asset_facts AS f ON f.asset_id = a.id",
    );
    assert!(!stored.is_empty());
    for line in stored {
        let (number, time) = line.split_once(' ').unwrap();
        let number = number.parse().unwrap();
        let expected = scene
            .server
            .chain(|chain| chain.block(number).unwrap().timestamp);
        assert_eq!(time, expected.to_string(), "block {number}");
    }
}

#[test]
fn blocks_that_another_program_has_taken_in_are_not_undone() {
    let scene = Scene::at(BLOCKS[1]);
    let mark = BLOCKS[2] - 3;
    scene.follow_as_another_program(mark);
    scene.store(BLOCKS[1] + 1, BLOCKS[2], false);
    let before =
        scene.asked("SELECT id || ' ' || balance AS line FROM aave_v3_collateral_positions");
    scene
        .server
        .chain(|chain| chain.reorganise(10, vec![Vec::new(); 12]));
    let (report, result) = scene.update(BLOCKS[2]);
    assert_eq!(report.taken_over, []);
    assert_eq!(
        result.unwrap_err().to_string(),
        format!(
            "The chain was reorganised, but another program has moved Aave Ethereum Market from block {} to {mark}, and \
             what it has taken in cannot be taken back",
            BLOCKS[1]
        )
    );
    assert_eq!(scene.mark(), mark.to_string());
    let after =
        scene.asked("SELECT id || ' ' || balance AS line FROM aave_v3_collateral_positions");
    assert_eq!(before, after);
}

/// Its blocks are in no journal, so the values at its mark are written.
#[test]
fn repair_takes_back_nothing_that_another_program_has_taken_in() {
    let scene = Scene::at(BLOCKS[1]);
    scene.follow_as_another_program(BLOCKS[2]);
    scene.store(BLOCKS[1] + 1, BLOCKS[2], false);
    scene.execute(
        "UPDATE aave_v3_collateral_positions SET balance = balance || '1'
         WHERE id = (SELECT min(id) FROM aave_v3_collateral_positions WHERE balance <> '0')",
    );
    let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
    result.unwrap();
    assert!(report.undone.is_none());
    assert_eq!(scene.mark(), BLOCKS[2].to_string());
    scene.update(BLOCKS[2]).1.unwrap();
    assert_eq!(scene.found(), Vec::<String>::new());
}

/// The package stores no hash, but an update of pools has stored that of its block.
#[test]
fn market_that_only_another_program_has_followed_is_not_taken_over_from_a_block_that_was_replaced()
{
    let scene = Scene::at(BLOCKS[1]);
    scene.execute(PYTHON);
    scene.store(BLOCKS[1] - 10, BLOCKS[1] - 9, true);
    scene.store(BLOCKS[1] - 8, BLOCKS[1], false);
    scene.execute(
        "UPDATE aave_v3_collateral_positions SET balance = balance || '0' WHERE balance <> '0'",
    );
    scene.server.chain(|chain| {
        let depth = usize::try_from(BLOCKS[2] - BLOCKS[1]).unwrap() + 1;
        chain.reorganise(depth, vec![Vec::new(); depth]);
    });
    let (report, result) = scene.update(BLOCKS[2]);
    assert_eq!(report.taken_over, []);
    let error = result.unwrap_err();
    assert!(
        matches!(error, SyncError::OnReplacedBlock { .. }),
        "{error}"
    );
    let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
    result.unwrap();
    assert!(!report.findings.is_empty());
    assert_eq!(scene.mark(), BLOCKS[1].to_string());
    let (report, result) = scene.update(BLOCKS[1]);
    result.unwrap();
    assert_eq!(report.taken_over.len(), 1);
    // The block in its place has another time.
    assert_eq!(scene.found(), ["last_update_block"]);
}
