//! Updates of pools and of a market in turns, on one chain with one journal.

use std::sync::Arc;

use degenbot::database::{
    MarketFacts, MarketOptions, RestoreOptions, activate_market, restore_sqlite_database,
};
use degenbot::models::{JournalError, NewErc20Token};
use degenbot::sync::{AaveUpdateOptions, BlockTarget, SyncError, update_aave_markets};
use degenbot::types::{BlockNumber, ChainId};
use proptest::prelude::*;

use super::model::{FIRST, Happening, any_block, creation};
use super::{Scene, assert_rows, execute, rows, to_head};
use crate::aave_update::market_rows;
use crate::support::aave_recording::{Recording, recording};
use crate::support::fake_chain::{Answers, FakeLog};

/// A chain with pools, on which a recorded market happens from the second block on.
struct Both {
    scene: Scene,
    market: &'static Recording,
}

impl Both {
    fn new(finality: u64) -> Self {
        let scene = Scene::new(ChainId::ETHEREUM, finality);
        let market = recording("302");
        let gho = NewErc20Token {
            chain: ChainId::ETHEREUM,
            address: "0x40D16FC0246aD3160Ccc09B8D0D3A2cD28aE6C2f"
                .parse()
                .unwrap(),
            name: None,
            symbol: None,
            decimals: None,
        };
        let facts = MarketFacts::new("A Market".to_owned()).gho(gho);
        let options = MarketOptions::default().facts(facts);
        let name = "ethereum_aave_v3".parse().unwrap();
        activate_market(&scene.path, &name, &options).unwrap();
        execute(
            &scene.path,
            &format!(
                "UPDATE aave_v3_market_facts SET first_block = {FIRST};
                 UPDATE aave_v3_markets SET last_update_block = {FIRST}"
            ),
        );
        let mut answers = Answers::new();
        for (call, said) in &*market.chain.answers {
            let since = |block: u64| FIRST + 1 + block - market.first_block;
            let said = said
                .iter()
                .map(|(block, answer)| (since(*block), answer.clone()));
            answers.insert(call.clone(), said.collect());
        }
        scene
            .server
            .chain(|chain| chain.answers = Arc::new(answers));
        Self { scene, market }
    }

    /// What happens in the market in the block of a number.
    fn of_market(&self, number: u64) -> (u64, Vec<FakeLog>) {
        let number = self.market.first_block + number - FIRST - 1;
        let block = self.market.chain.block(number).unwrap();
        (block.timestamp, block.logs.clone())
    }

    fn push(&mut self, blocks: &[Vec<Happening>]) {
        for block in blocks {
            let mut logs = self.scene.model.push(block);
            let (time, of_market) = self.of_market(self.scene.head());
            logs.extend(of_market);
            self.scene
                .server
                .chain(|chain| chain.push_with_time(time, logs));
        }
    }

    fn reorganise(&mut self, depth: usize, blocks: &[Vec<Happening>]) {
        self.scene.model.truncate(depth);
        self.scene.server.chain(|chain| chain.fork(depth));
        self.push(blocks);
    }

    fn update_pools(&self) {
        self.scene.update(&to_head()).1.unwrap();
    }

    fn update_market(&self) {
        let options = AaveUpdateOptions::default().to_block(BlockTarget::LATEST);
        let (path, chain) = (&self.scene.path, ChainId::ETHEREUM);
        let node = self.scene.node();
        update_aave_markets(path, chain, &node, &options, &mut ())
            .1
            .unwrap();
    }

    /// The rows of the market, without the tokens, which pools have as well.
    fn market_rows(&self) -> Vec<String> {
        let rows = market_rows(&self.scene.path).into_iter();
        rows.filter(|row| !row.starts_with("[\"token\"")).collect()
    }

    /// The pools, without the tokens, which the market has as well.
    fn pool_rows(&self) -> Vec<String> {
        let rows = rows(&self.scene.path).into_iter();
        rows.filter(|row| !row.starts_with("token")).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 30, ..ProptestConfig::default() })]

    #[test]
    fn updates_in_turns_with_reorganisations_give_what_each_alone_gives(
        steps in prop::collection::vec(
            (prop::collection::vec(any_block(), 1..40), any::<[bool; 2]>(), 0..30_usize),
            2..7,
        ),
        finality in prop_oneof![Just(1_000_u64), 20..60_u64],
    ) {
        let mut both = Both::new(finality);
        // Far enough for something to happen in the market.
        both.push(&vec![Vec::new(); 120]);
        for (blocks, [of_pools, of_market], depth) in steps {
            // Blocks that are final stay.
            let depth = depth.min(usize::try_from(finality).unwrap() / 2);
            let depth = depth.min(both.scene.model.blocks.len() - 1);
            let more = vec![Vec::new(); depth + 1];
            both.reorganise(depth, &[blocks, more].concat());
            if of_pools {
                both.update_pools();
            }
            if of_market {
                both.update_market();
            }
        }
        both.update_market();
        both.update_pools();
        let expected = both.scene.model.rows_at(both.scene.head()).into_iter();
        let expected: Vec<_> = expected.filter(|row| !row.starts_with("token")).collect();
        assert_rows(&both.pool_rows(), &expected);
        let mut alone = Both::new(0);
        alone.push(&both.scene.model.blocks[1..]);
        alone.update_market();
        assert_rows(&both.market_rows(), &alone.market_rows());
        prop_assert!(alone.market_rows().iter().any(|row| row.starts_with("[\"balance\"")));
    }
}

/// So that what goes on from there can be compared with it.
#[test]
fn block_at_the_mark_of_a_market_stays_when_pools_go_on() {
    for finality in [0, 10] {
        let mut both = Both::new(finality);
        both.push(&vec![Vec::new(); 120]);
        both.update_market();
        let mark = both.scene.head();
        for _ in 0..5 {
            both.push(&vec![Vec::new(); 20]);
            both.update_pools();
        }
        let kept = both
            .scene
            .server
            .chain(|chain| chain.hash(mark))
            .to_string();
        let sql = format!("SELECT hash AS line FROM chain_blocks WHERE number = {mark}");
        let connection = &mut crate::support::content::connect(&both.scene.path);
        assert_eq!(crate::support::content::lines(connection, &sql), [kept]);
        both.update_market();
    }
}

/// Nobody knows what the other program has taken in of blocks that are gone.
#[test]
fn update_says_which_backup_helps_where_another_program_has_moved_a_market() {
    let mut both = Both::new(1_000);
    both.push(&vec![Vec::new(); 120]);
    both.update_market();
    both.update_pools();
    let noted = both.scene.head();
    let backup = both.scene.path.with_extension("backup");
    execute(
        &both.scene.path,
        &format!("VACUUM INTO '{}'", backup.display()),
    );
    both.push(&vec![vec![creation(0, 1)]; 20]);
    both.update_pools();
    execute(
        &both.scene.path,
        "UPDATE aave_v3_markets SET last_update_block = last_update_block + 15",
    );
    both.reorganise(30, &vec![vec![creation(0, 2)]; 35]);
    let error = both.scene.update(&to_head()).1.unwrap_err();
    let moved = SyncError::Journal {
        source: JournalError::MarketMoved {
            market: "A Market".to_owned(),
            from: BlockNumber::new(noted).unwrap(),
            to: BlockNumber::new(noted + 15).unwrap(),
        },
    };
    assert_eq!(error.to_string(), moved.to_string());
    assert_eq!(
        error.hint(),
        format!(
            "Restore a backup in which this market is at block {noted} at most, as 'degenbot aave list' with '--database \
             BACKUP' shows, and run the update again"
        )
    );
    // The backup has blocks that are gone, too.
    let options = RestoreOptions::default().from(backup);
    restore_sqlite_database(&both.scene.path, &options, &mut ()).unwrap();
    both.update_pools();
    both.update_market();
    let expected = both.scene.model.rows_at(both.scene.head()).into_iter();
    let expected: Vec<_> = expected.filter(|row| !row.starts_with("token")).collect();
    assert_rows(&both.pool_rows(), &expected);
    let mut alone = Both::new(0);
    alone.push(&both.scene.model.blocks[1..]);
    alone.update_market();
    assert_rows(&both.market_rows(), &alone.market_rows());
}
