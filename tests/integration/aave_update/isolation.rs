//! What concerns one market ends its update by name, and leaves the others of its chain alone.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use alloy_primitives::{Address as Contract, keccak256};
use degenbot::database::CancelToken;
use degenbot::deployments::MarketName;
use degenbot::sync::{
    AaveUpdateOptions, FollowEvent, SyncError, UpdateObserver, UpdateProgress, follow_aave_markets,
};
use degenbot::types::ChainId;

use super::stored::rows;
use super::two_markets::{self, moved_address};
use super::{NEVER, Scene, assert_rows, at, execute, market, to_head};
use crate::support::aave_recording::recording;
use crate::support::command::quietly;
use crate::support::fake_chain::{FakeChain, FakeLog};

const IMPLEMENTATION: Contract = Contract::repeat_byte(0x66);

/// The two markets: which of them is told of, and which is the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    First,
    Second,
}

impl Bad {
    fn names(self) -> [MarketName; 2] {
        let names = [market(), "1_another".parse().unwrap()];
        match self {
            Self::First => names,
            Self::Second => {
                let [good, bad] = names;
                [bad, good]
            }
        }
    }

    /// A token that the market lists early.
    fn token(self) -> Contract {
        let recording = match self {
            Self::First => recording("36"),
            Self::Second => recording("302"),
        };
        let expected = recording.expected.values().last().unwrap();
        let token = expected.reserves[0].a_token.parse().unwrap();
        match self {
            Self::First => token,
            Self::Second => moved_address(recording, token),
        }
    }

    /// The upgrade of the token to code with an unknown revision.
    fn upgrade(self) -> FakeLog {
        FakeLog {
            address: self.token(),
            topics: vec![keccak256("Upgraded(address)"), IMPLEMENTATION.into_word()],
            data: Vec::new(),
        }
    }
}

/// Both markets. The token is upgraded in this block.
fn scene(bad: Bad, finality: u64, percent: u64) -> (Scene, u64) {
    let scene = two_markets::scene(finality);
    let block = scene.percent(percent);
    scene.server.chain(|chain| {
        let before = chain.clone();
        *chain = FakeChain::new(before.chain_id, before.first());
        chain.calls = before.calls;
        chain.answers = before.answers;
        chain.finality = finality;
        for of_before in &before.blocks[1..] {
            let mut logs = of_before.logs.clone();
            logs.extend((of_before.number == block).then(|| bad.upgrade()));
            chain.push_with_time(of_before.timestamp, logs);
        }
        let mut word = vec![0; 32];
        word[31] = 6;
        let data = keccak256("ATOKEN_REVISION()")[..4].to_vec();
        let answers = Arc::make_mut(&mut chain.answers);
        answers
            .entry((IMPLEMENTATION, data))
            .or_default()
            .insert(0, word);
    });
    (scene, block)
}

/// The rows after updates of each market by itself, to these blocks.
fn alone(scene: &Scene, bad: Bad, [good_block, bad_block]: [u64; 2]) -> Vec<String> {
    let [bad, good] = bad.names();
    for (name, block) in [(good, good_block), (bad, bad_block)] {
        let options = to_head().to_block(at(block)).markets(vec![name]);
        scene.update(&options).1.unwrap();
    }
    rows(&scene.path)
}

fn assert_unknown(error: &SyncError, bad: Bad) {
    let SyncError::UnknownTokenRevision { market, token, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(**market, bad.names()[0]);
    assert_eq!(token.as_bytes(), bad.token().as_slice());
}

#[test]
fn unknown_revision_ends_the_update_of_its_market_only() {
    for (bad, finality) in [
        (Bad::First, 0),
        (Bad::Second, 0),
        (Bad::First, NEVER),
        (Bad::Second, 300),
    ] {
        let (scene, block) = scene(bad, finality, 50);
        let head = scene.recording.head();
        let options = to_head().chunk(100);
        let (report, result) = scene.update(&options);
        assert_unknown(&result.unwrap_err(), bad);
        assert!(report.stopped.is_empty() && report.skipped.is_empty());
        let [bad_name, good_name] = bad.names();
        let reached = |name: &MarketName| {
            let mut markets = report.markets.iter();
            let of_market = markets.find(|it| it.market == *name).unwrap();
            of_market.to.unwrap().get()
        };
        assert_eq!(reached(&good_name), head);
        let mark = reached(&bad_name);
        assert!(mark < block && mark + 100 >= block, "{mark} {block}");
        let found = rows(&scene.path);
        let (by_itself, _) = self::scene(bad, 0, 50);
        assert_rows(&found, &alone(&by_itself, bad, [head, mark]));
        // Again, nothing else.
        let (_, result) = scene.update(&options);
        assert_unknown(&result.unwrap_err(), bad);
        assert_rows(&rows(&scene.path), &found);
    }
}

#[test]
fn command_tells_how_far_each_market_got() {
    let (scene, block) = scene(Bad::Second, 0, 50);
    let url = scene.server.url();
    let arguments = ["aave", "update", "--to-block", "latest", "--chunk", "100"];
    let told = quietly(&scene.path, &[&arguments[..], &["--rpc", &url]].concat());
    assert!(told.starts_with("status: 1\n"), "{told}");
    for part in [
        "Ethereum is at block 16,292,394: ",
        "another got as far as block ",
        "another: revision 6 of the aToken is not known",
    ] {
        assert!(told.contains(part), "{block}: {told}");
    }
}

/// Wrong balances in one position of each market.
const SPOIL: &str =
    "UPDATE aave_v3_debt_positions SET balance = balance || '0' WHERE length(balance) > 9";

#[test]
fn every_market_that_ends_early_has_its_error() {
    let scene = two_markets::scene(0);
    let half = scene.percent(50);
    scene.update(&to_head().to_block(at(half))).1.unwrap();
    let before = rows(&scene.path);
    execute(&scene.path, SPOIL);
    let (report, result) = scene.update(&to_head());
    let [bad, good] = Bad::Second.names();
    let of = |error: &SyncError| match error {
        SyncError::Balance { mismatch } => mismatch.market.clone(),
        error => panic!("{error:?}"),
    };
    let [first] = &report.stopped[..] else {
        panic!("{:?}", report.stopped);
    };
    assert_eq!(first.market, of(&first.error));
    let mut told = [of(&first.error), of(&result.unwrap_err())];
    told.sort();
    let mut both = [bad, good];
    both.sort();
    assert_eq!(told, both);
    let marks: Vec<_> = report.markets.iter().map(|it| it.to).collect();
    assert_eq!(marks.len(), 2);
    assert!(marks.iter().all(|mark| mark.unwrap().get() == half));
    execute(
        &scene.path,
        "UPDATE aave_v3_debt_positions SET balance = substr(balance, 1, length(balance) - 1)
         WHERE length(balance) > 10",
    );
    assert_rows(&rows(&scene.path), &before);
    scene.update_to_head();
}

/// What a follower tells.
#[derive(Debug, PartialEq)]
enum Told {
    UpTo(u64),
    LeftOut(String),
    Takes(String),
    Undone,
}

struct Watch(Sender<Told>);

impl UpdateObserver for Watch {
    fn progress(&mut self, _: &UpdateProgress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn event(&mut self, event: &FollowEvent<'_>) -> ControlFlow<()> {
        let mut told = Vec::new();
        match event {
            FollowEvent::UpToDate(status) => {
                told.extend(status.block.map(|block| Told::UpTo(block.get())));
            }
            FollowEvent::Exchanges { added, skipped, .. } => {
                told.extend(added.iter().map(|(name, _)| Told::Takes(name.name.clone())));
                let skipped = skipped.iter();
                told.extend(skipped.map(|it| {
                    assert!(it.is_for_now);
                    Told::LeftOut(format!("{}: {}", it.exchange.name, it.reason))
                }));
            }
            FollowEvent::Undone { .. } => told.push(Told::Undone),
            other => panic!("{other:?}"),
        }
        for told in told {
            let _ = self.0.send(told);
        }
        ControlFlow::Continue(())
    }
}

/// Ends the follower, also where the test fails.
struct CancelledAtEnd<'a>(&'a CancelToken);

impl Drop for CancelledAtEnd<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Follows the markets of a scene while `act` is running.
fn follow(scene: &Scene, act: impl FnOnce(&Receiver<Told>)) {
    let (sender, told) = channel();
    let cancel = CancelToken::new();
    let options = AaveUpdateOptions::default()
        .to_block(degenbot::sync::BlockTarget::LATEST)
        .cancel(cancel.clone());
    thread::scope(|threads| {
        let following = threads.spawn(|| {
            let poll = Duration::from_millis(1);
            let (path, node) = (&scene.path, scene.node());
            let mut watch = Watch(sender);
            let chain = ChainId::ETHEREUM;
            follow_aave_markets(path, chain, &node, &options, poll, &mut watch).1
        });
        let ending = CancelledAtEnd(&cancel);
        act(&told);
        drop(ending);
        following.join().unwrap().unwrap();
    });
}

/// Waits for something, and returns what else was told until then.
fn wait_for(told: &Receiver<Told>, wanted: &Told) -> Vec<Told> {
    let before = told.iter().take_while(|it| it != wanted);
    before.filter(|it| !matches!(it, Told::UpTo(_))).collect()
}

#[test]
fn follower_goes_on_with_the_other_market_and_tells_once() {
    for bad in [Bad::First, Bad::Second] {
        for finality in [20, NEVER] {
            let (scene, block) = scene(bad, finality, 50);
            let [start, head] = [scene.percent(40), scene.recording.head()];
            let whole = scene.server.chain(|chain| chain.clone());
            scene.fork_above(start);
            let grow = |to: u64| {
                scene.server.chain(|chain| {
                    for number in chain.head() + 1..=to {
                        let block = whole.block(number).unwrap();
                        chain.push_with_time(block.timestamp, block.logs.clone());
                    }
                });
            };
            let [bad_name, _] = bad.names();
            follow(&scene, |told| {
                wait_for(told, &Told::UpTo(start));
                grow(block - 1);
                assert_eq!(wait_for(told, &Told::UpTo(block - 1)), []);
                grow(head - 5);
                let news = wait_for(told, &Told::UpTo(head - 5));
                let [Told::LeftOut(text)] = &news[..] else {
                    panic!("{news:?}");
                };
                let expected = format!("{}: revision 6 of the aToken is not known", bad_name.name);
                assert!(text.starts_with(&expected), "{text}");
                // It is tried again, and nobody hears of it.
                let questions = || {
                    let requests = scene.server.requests();
                    let calls = requests.iter().flatten();
                    calls.filter(|(method, _)| method == "eth_getLogs").count()
                };
                let before = questions();
                while questions() < before + 3 {
                    assert!(matches!(told.recv().unwrap(), Told::UpTo(_)));
                }
                grow(head);
                assert_eq!(wait_for(told, &Told::UpTo(head)), []);
            });
            // The node did not know of the upgrade when the token was listed.
            let by_itself = two_markets::scene(0);
            let expected = alone(&by_itself, bad, [head, block - 1]);
            assert_rows(&rows(&scene.path), &expected);
        }
    }
}

#[test]
fn market_that_works_again_is_followed_again() {
    let scene = two_markets::scene(NEVER);
    let whole = scene.server.chain(|chain| chain.clone());
    let [half, head] = [scene.percent(50), scene.recording.head()];
    scene.fork_above(half);
    let debts = |sql: &str| {
        execute(
            &scene.path,
            &format!(
                "UPDATE aave_v3_debt_positions SET balance = {sql} WHERE length(balance) > 9 AND user_id IN
                 (SELECT u.id FROM aave_v3_users AS u JOIN aave_v3_markets AS m ON m.id = market_id
                  WHERE m.name = 'Another Market')"
            ),
        );
    };
    follow(&scene, |told| {
        wait_for(told, &Told::UpTo(half));
        debts("balance || '0'");
        scene.server.chain(|chain| {
            for block in &whole.blocks[chain.blocks.len()..] {
                chain.push_with_time(block.timestamp, block.logs.clone());
            }
        });
        let news = wait_for(told, &Told::UpTo(head));
        let [Told::LeftOut(text)] = &news[..] else {
            panic!("{news:?}");
        };
        assert!(text.contains("does not fit the event"), "{text}");
        debts("substr(balance, 1, length(balance) - 1)");
        let news = wait_for(told, &Told::Takes("another".to_owned()));
        assert_eq!(news, []);
        wait_for(told, &Told::UpTo(head));
    });
    let at_once = two_markets::scene(0);
    at_once.update_to_head();
    assert_rows(&rows(&scene.path), &rows(&at_once.path));
}

#[test]
fn blocks_that_disappear_are_undone_for_a_market_that_is_left_out() {
    let (scene, block) = scene(Bad::First, NEVER, 50);
    let head = scene.recording.head();
    assert!(scene.update(&to_head().chunk(100)).1.is_err());
    // The upgrade is gone with its blocks, and so is what the other market has after them.
    let keep = block - 60;
    let both = two_markets::scene(0);
    let whole = both.server.chain(|chain| chain.clone());
    scene.fork_above(keep);
    scene.server.chain(|chain| {
        for number in chain.head() + 1..=head {
            let block = whole.block(number).unwrap();
            chain.push_with_time(block.timestamp, block.logs.clone());
        }
    });
    scene.update_to_head();
    both.update_to_head();
    assert_rows(&rows(&scene.path), &rows(&both.path));
}

/// The Python package stores less of a market. The contracts say the rest, and here they do not answer.
#[test]
fn market_that_cannot_be_taken_over_leaves_the_other_alone() {
    for bad in [Bad::First, Bad::Second] {
        let scene = two_markets::scene(0);
        let half = scene.percent(50);
        scene.update(&to_head().to_block(at(half))).1.unwrap();
        let [bad_name, good_name] = bad.names();
        let of_bad = if bad == Bad::First { "min" } else { "max" };
        let forget = format!(
            "DELETE FROM aave_v3_asset_facts WHERE asset_id IN (SELECT id FROM aave_v3_assets
             WHERE market_id = (SELECT {of_bad}(id) FROM aave_v3_markets))"
        );
        execute(&scene.path, &forget);
        let (report, result) = scene.update(&to_head());
        let error = result.unwrap_err();
        assert!(report.taken_over.is_empty());
        let reached = |name: &MarketName| {
            let mut markets = report.markets.iter();
            markets
                .find(|it| it.market == *name)
                .map(|it| it.to.unwrap().get())
        };
        let head = scene.recording.head();
        assert_eq!(reached(&good_name), Some(head), "{error}");
        assert_eq!(reached(&bad_name), None);
        assert!(error.to_string().contains(&bad_name.to_string()), "{error}");
    }
}
