//! `degenbot aave update`: as it is, with `--dry-run` and with `--follow`.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout};

use alloy_primitives::keccak256;
use degenbot::sync::{SyncError, plan_aave_update};
use degenbot::types::ChainId;
use serde_json::Value;

use super::stored::rows;
use super::{NEVER, Scene, assert_rows, at, execute, reference, to_head, two_markets};
use crate::support::aave_recording::recording;
use crate::support::command::{finish, on, quietly, send, spawn};
use crate::support::fake_chain::FakeChain;
use crate::support::node_faults::Faults;

/// The command while it runs.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn follow(scene: &Scene, more: &[&str]) -> Self {
        let arguments = ["aave", "update", "--follow", "--json", "--poll", "0.01"];
        let mut command = on(&scene.path, &arguments);
        command.args(["--rpc", &scene.server.url()]).args(more);
        let mut child = spawn(command);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for a line of JSON.
    fn wait_for(&mut self, find: impl Fn(&Value) -> bool) -> Value {
        loop {
            let Some(line) = self.lines.next() else {
                panic!("{:?}", self.child.wait());
            };
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if find(&line) {
                return line;
            }
        }
    }

    fn wait_for_block(&mut self, block: u64) -> Value {
        self.wait_for(|line| line["event"] == "commit" && line["block"] == block)
    }

    /// What it says when a signal has ended it.
    fn end(self) -> String {
        assert!(send(&self.child, "-TERM"));
        finish(self.child)
    }
}

#[test]
fn follower_takes_blocks_in_undoes_them_and_ends_well() {
    let scene = Scene::new("302", 500);
    let [first, second, third] = [30, 40, 60].map(|percent| scene.percent(percent));
    scene.fork_above(first);
    let metrics = scene.path.with_file_name("aave.prom");
    let mut running = Running::follow(&scene, &["--metrics-file", metrics.to_str().unwrap()]);
    running.wait_for_block(first);
    scene.grow(second);
    let commit = running.wait_for_block(second);
    assert!(commit["events"].as_u64().unwrap() > 0, "{commit}");
    assert!(commit.get("liquidity_events").is_none() && commit["new_positions"].is_u64());
    assert_rows(&rows(&scene.path), &reference(scene.recording, second));
    // Other blocks come.
    scene.fork_above(first);
    scene.grow(third);
    let undone = running.wait_for(|line| line["event"] == "undo");
    assert!(undone["undone_above_block"].as_u64().unwrap() <= first);
    running.wait_for_block(third);
    assert_rows(&rows(&scene.path), &reference(scene.recording, third));
    let told = running.end();
    assert!(told.starts_with("status: 0\n"), "{told}");
    for part in [
        "Ethereum: following 1 market, from block 16,291,070.",
        "Ethereum is up to date at block",
        "Ethereum: the chain was reorganised; what came after block",
        " new positions, ",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let figures = std::fs::read_to_string(metrics).unwrap();
    for figure in [
        "markets",
        "positions_total",
        "events_total",
        "committed_block",
    ] {
        let line = format!("degenbot_{figure}{{chain_id=\"1\",of=\"aave\"}} ");
        assert!(figures.contains(&line), "{figures}");
    }
    assert!(!figures.contains("pools_total"), "{figures}");
}

#[test]
fn event_that_a_node_leaves_out_for_a_while_is_waited_for() {
    let scene = Scene::new("302", 0);
    let [first, last] = [50, 90].map(|percent| scene.percent(percent));
    scene.fork_above(first);
    let mut running = Running::follow(&scene, &[]);
    running.wait_for_block(first);
    let mint = keccak256("Mint(address,address,uint256,uint256,uint256)").to_string();
    scene
        .server
        .set_faults(Faults::mutating(move |method, answer| {
            if method == "eth_getLogs"
                && let Some(logs) = answer["result"].as_array_mut()
            {
                logs.retain(|log| log["topics"][0] != mint.as_str());
            }
        }));
    scene.grow(last);
    let waiting = running.wait_for(|line| line["event"] == "waiting");
    let reason = waiting["error"].as_str().unwrap();
    assert!(reason.contains("does not fit the event"), "{reason}");
    scene.server.set_faults(Faults::default());
    running.wait_for_block(last);
    running.wait_for(|line| line["event"] == "resumed");
    assert_rows(&rows(&scene.path), &reference(scene.recording, last));
    assert!(running.end().starts_with("status: 0\n"));
}

#[test]
fn market_that_is_activated_meanwhile_takes_part() {
    let scene = two_markets::scene(200);
    execute(
        &scene.path,
        "UPDATE aave_v3_markets SET active = 0 WHERE name = 'Another Market'",
    );
    let mut running = Running::follow(&scene, &[]);
    let head = scene.recording.head();
    running.wait_for_block(head);
    execute(&scene.path, "UPDATE aave_v3_markets SET active = 1");
    running.wait_for_block(head);
    let at_once = two_markets::scene(0);
    at_once.update_to_head();
    assert_rows(&rows(&scene.path), &rows(&at_once.path));
    let told = running.end();
    assert!(
        told.contains("another is active now, and is followed from"),
        "{told}"
    );
}

#[test]
fn target_that_stays_is_not_followed() {
    let scene = Scene::new("302", 0);
    let told = quietly(
        &scene.path,
        &["aave", "update", "--follow", "--to-block", "16291100"],
    );
    assert!(told.starts_with("status: 2\n"), "{told}");
    assert!(
        told.contains("'--follow' cannot be used with '--to-block 16291100'"),
        "{told}"
    );
}

#[test]
fn plan_says_what_an_update_needs_and_writes_nothing() {
    for finality in [0, NEVER] {
        let scene = Scene::new("36", finality);
        let before = std::fs::read(&scene.path).unwrap();
        let node = scene.node();
        let (plan, result) = plan_aave_update(&scene.path, ChainId::ETHEREUM, &node, &to_head());
        result.unwrap();
        assert_eq!(std::fs::read(&scene.path).unwrap(), before);
        let needs = plan.needs.unwrap();
        let report = scene.update_to_head();
        assert_eq!(plan.target, report.target);
        assert_eq!(plan.markets[0].from, report.markets[0].from);
        assert_eq!(
            plan.blocks,
            scene.recording.head() - scene.recording.first_block + 1
        );
        // All blocks were asked for, so the events of known contracts are counted.
        assert_eq!(needs.sampled_blocks, plan.blocks);
        assert!(needs.events.low > report.events / 2, "{needs:?}");
        assert!(
            needs.events.high <= report.events + 200,
            "{needs:?} {report:?}"
        );
        let requests = needs.requests.low..=needs.requests.high;
        assert!(
            requests.contains(&report.node.requests),
            "{needs:?} {report:?}"
        );
        let (plan, result) = plan_aave_update(&scene.path, ChainId::ETHEREUM, &node, &to_head());
        result.unwrap();
        assert_eq!((plan.blocks, plan.markets[0].blocks), (0, 0));
    }
}

#[test]
fn plan_is_refused_what_an_update_is_refused() {
    let scene = Scene::new("302", 10);
    execute(
        &scene.path,
        "CREATE TRIGGER mine AFTER INSERT ON aave_v3_users BEGIN DELETE FROM erc20_tokens; END",
    );
    let plan = || plan_aave_update(&scene.path, ChainId::ETHEREUM, &scene.node(), &to_head()).1;
    let told = plan().unwrap_err().to_string();
    assert_eq!(told, scene.update(&to_head()).1.unwrap_err().to_string());
    execute(
        &scene.path,
        "DROP TRIGGER mine;
         CREATE TRIGGER mine AFTER UPDATE ON aave_v3_markets BEGIN SELECT of_my_program(new.id); END",
    );
    assert!(matches!(plan(), Err(SyncError::Database { .. })));
    scene.update(&to_head()).1.unwrap_err();
}

#[test]
fn dry_run_says_blocks_requests_time_and_room() {
    let scene = Scene::new("302", 0);
    let url = scene.server.url();
    let arguments = [
        "aave",
        "update",
        "--dry-run",
        "--to-block",
        "latest",
        "--rpc",
        &url,
    ];
    let told = quietly(&scene.path, &arguments);
    assert!(told.starts_with("status: 0\n"), "{told}");
    for part in [
        "Ethereum: 1,034 blocks up to 16,292,104\n",
        "  ethereum_aave_v3  from block 16,291,071\n",
        "  Requests ",
        "  Events ",
        "  Time ",
        "  Disk ",
        "  Estimated from 1,034 of the blocks",
    ] {
        assert!(told.contains(part), "{told}");
    }
    scene.update(&to_head().to_block(at(16_292_104))).1.unwrap();
    let told = quietly(&scene.path, &arguments);
    assert!(
        told.contains("Ethereum has nothing to take in up to block 16,292,104."),
        "{told}"
    );
}

#[test]
fn long_first_sync_estimates_its_need_before_it_begins() {
    const FIRST: u64 = 16_291_071;
    let mut chain = FakeChain::new(1, FIRST - 1);
    for _ in 0..100_001 {
        chain.push(Vec::new());
    }
    chain.calls = |_, _, _| Err("execution reverted".to_owned());
    let requests = |checks: bool| {
        let scene = Scene::on(recording("302"), chain.clone(), 0);
        scene.update(&to_head().check_space(checks)).1.unwrap();
        let all = scene.server.requests();
        let calls = all.iter().flatten();
        calls.filter(|(method, _)| method == "eth_getLogs").count()
    };
    // About eight ranges.
    assert!(requests(true) >= requests(false) + 8);
}
