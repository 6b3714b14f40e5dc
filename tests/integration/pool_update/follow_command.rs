//! `degenbot pool update --follow`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStdout, Command};
use std::time::Duration;

use degenbot::types::ChainId;
use insta::assert_snapshot;
use serde_json::Value;

use super::command::settled;
use super::model::{Happening, creation, liquidity};
use super::{Scene, assert_rows, execute, rows};
use crate::support::command::{finish, on, run, send, spawn};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;
use crate::support::terminal::Terminal;

/// The command while it runs.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The command with the nodes of these scenes, on the database of the first one.
fn command(scenes: &[&Scene], more: &[&str]) -> Command {
    let mut command = on(&scenes[0].path, &["pool", "update", "--follow", "--json"]);
    command.args(["--poll", "0.01"]);
    for scene in scenes {
        command.args(["--rpc", &scene.server.url()]);
    }
    command.args(more);
    command
}

impl Running {
    fn begin(command: Command) -> Self {
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

    /// Waits until the database has a block of a chain.
    fn wait_for_block(&mut self, chain: ChainId, block: u64) -> Value {
        self.wait_for(|line| {
            line["event"] == "commit" && line["chain_id"] == chain.get() && line["block"] == block
        })
    }

    fn wait_for_head(&mut self, scene: &Scene) -> Value {
        self.wait_for_block(scene.model.chain, scene.head())
    }

    /// What it says when it has ended.
    fn told(self) -> String {
        settled(&finish(self.child))
    }

    fn end_by(self, signal: &str) -> String {
        assert!(send(&self.child, signal));
        self.told()
    }
}

fn blocks() -> [Vec<Happening>; 3] {
    [
        vec![creation(0, 1), liquidity(3, 1, 0, 2, 1_000)],
        vec![liquidity(3, 1, 0, 2, -400), creation(4, 1)],
        vec![creation(4, 2)],
    ]
}

fn scene(chain: ChainId) -> Scene {
    Scene::with(chain, 2, &blocks())
}

/// What a follower that is ended by a signal says.
fn ended_by(signal: &str) -> String {
    let mut scene = scene(ChainId::ETHEREUM);
    let mut running = Running::begin(command(&[&scene], &[]));
    running.wait_for_head(&scene);
    scene.push(&[vec![creation(1, 1)]]);
    let line = running.wait_for_head(&scene);
    assert_eq!(line["new_pools"], 1);
    scene.reorganise(2, &[vec![creation(2, 1)], Vec::new(), Vec::new()]);
    let undone = running.wait_for(|line| line["event"] == "undo");
    assert_eq!(undone["undone_above_block"], scene.head() - 3);
    running.wait_for_head(&scene);
    scene.assert_at(scene.head());
    running.end_by(signal)
}

#[test]
fn signals_end_it_well() {
    let told = ended_by("-TERM");
    assert_snapshot!(told, @r"
    status: 0
    --- stdout
    --- stderr
    Ethereum: following 8 exchanges.
    Ethereum is up to date at block 1,003; new blocks are taken in as they come.
    Ethereum: the chain was reorganised; what came after block 1,002 is undone: 2 pools, 1 tokens and 2 rows.
    Ethereum is at block 1,005: 6 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    ");
    for signal in ["-INT", "-HUP"] {
        assert_eq!(ended_by(signal), told, "{signal}");
    }
}

/// What stays on a terminal after this was written to it.
fn screen(written: &str) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut row = 0;
    let mut rest = written;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        if let ('\u{1b}', Some(sequence)) = (next, rest.strip_prefix('[')) {
            let end = sequence.find(|it: char| it.is_ascii_alphabetic()).unwrap();
            match &sequence[end..=end] {
                "A" => row -= sequence[..end].parse::<usize>().unwrap(),
                "J" => {
                    rows.truncate(row);
                    rows.push(String::new());
                }
                other => panic!("{other}"),
            }
            rest = &sequence[end + 1..];
        } else if next == '\n' {
            row += 1;
            rows.resize_with(rows.len().max(row + 1), String::new);
        } else if next != '\r' {
            rows[row].push(next);
        }
    }
    rows
}

#[test]
fn interrupted_follower_leaves_no_line_on_the_terminal() {
    let ethereum = scene(ChainId::ETHEREUM);
    let base = scene(ChainId::BASE);
    execute(&ethereum.path, "UPDATE exchanges SET active = 1");
    let mut command = on(&ethereum.path, &["pool", "update", "--follow"]);
    command.args(["--rpc", &ethereum.server.url(), "--rpc", &base.server.url()]);
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    let mut terminal = Terminal::run(command);
    let mut written = String::new();
    for _ in 0..2 {
        written += &terminal.wait_for("is up to date");
        written += "is up to date";
    }
    terminal.press("\u{3}");
    let (status, rest) = terminal.finish();
    assert_eq!(status, 0, "{rest}");
    written += &rest;
    let rows = screen(&written);
    let known = [
        ": following",
        " is up to date at",
        " come.",
        " is at block ",
        "KiB",
        " s.",
    ];
    for row in rows.iter().filter(|row| !row.trim().is_empty()) {
        assert!(
            known.iter().any(|part| row.contains(part)),
            "{row:?}: {rows:#?}"
        );
    }
    assert_eq!(
        rows.iter()
            .filter(|row| row.contains(" is at block "))
            .count(),
        2
    );
}

#[test]
fn killed_follower_is_continued() {
    let mut scene = scene(ChainId::ETHEREUM);
    for number in 0..6 {
        let mut running = Running::begin(command(&[&scene], &["--chunk", "1"]));
        running.wait_for(|line| line["event"] == "commit");
        scene.push(&[vec![creation(5, number)], blocks()[0].clone()]);
        scene.reorganise(1, &[vec![liquidity(3, 1, 0, 2, 7)], Vec::new()]);
        running.wait_for(|line| line["event"] == "commit");
        assert!(send(&running.child, "-KILL"));
        drop(running.told());
    }
    let mut running = Running::begin(command(&[&scene], &[]));
    scene.push(&[Vec::new()]);
    running.wait_for_head(&scene);
    scene.assert_at(scene.head());
    assert!(running.end_by("-TERM").starts_with("status: 0"));
}

#[test]
fn chain_that_fails_keeps_no_other_from_being_followed() {
    let mut ethereum = scene(ChainId::ETHEREUM);
    let base = scene(ChainId::BASE);
    execute(&ethereum.path, "UPDATE exchanges SET active = 1");
    base.server.chain(|chain| chain.pruned_before = 1_002);
    let mut running = Running::begin(command(&[&ethereum, &base], &[]));
    let failed = running.wait_for(|line| line["event"] == "failed");
    assert_eq!(failed["chain_id"], 8453);
    ethereum.push(&[vec![creation(1, 1)]]);
    running.wait_for_head(&ethereum);
    let told = running.end_by("-TERM");
    // The messages of the chains come in any order, and Ethereum's first update may have the new block already.
    let mut lines: Vec<_> = told.lines().collect();
    lines.retain(|line| !line.contains("is up to date at block"));
    lines[3..].sort_unstable();
    assert_snapshot!(lines.join("\n"), @r"
    status: 1
    --- stdout
    --- stderr
    Base: following 11 exchanges.
    Ethereum is at block 1,004: 5 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    Ethereum: following 8 exchanges.
    error: Base: The node http://127.0.0.1:[PORT] no longer has the events of block 1000: pruned history unavailable
    error: Not followed to the end: Base
    hint: The messages above say why
    hint: Use a node that has the events of that block: one with the full history, such as geth with --history.chain=all (and --history.logs=0)
    ");
    execute(
        &ethereum.path,
        "UPDATE exchanges SET last_update_block = NULL WHERE chain_id = 8453",
    );
    assert_rows(
        &rows(&ethereum.path),
        &ethereum.model.rows_at(ethereum.head()),
    );
}

#[test]
fn chains_that_all_fail_end_it() {
    let scene = scene(ChainId::ETHEREUM);
    scene.server.chain(|chain| chain.pruned_before = 1_002);
    let running = Running::begin(command(&[&scene], &[]));
    assert_snapshot!(running.told(), @r"
    status: 1
    --- stdout
    --- stderr
    Ethereum: following 8 exchanges.
    error: Ethereum: The node http://127.0.0.1:[PORT] no longer has the events of block 1000: pruned history unavailable
    hint: Use a node that has the events of that block: one with the full history, such as geth with --history.chain=all (and --history.logs=0)
    ");
}

#[test]
fn chain_that_is_activated_later_is_followed_from_then_on() {
    let ethereum = scene(ChainId::ETHEREUM);
    let base = scene(ChainId::BASE);
    let mut running = Running::begin(command(&[&ethereum, &base], &[]));
    running.wait_for_head(&ethereum);
    execute(&ethereum.path, "UPDATE exchanges SET active = 1");
    running.wait_for_head(&base);
    let told = running.end_by("-TERM");
    assert!(told.starts_with("status: 0"), "{told}");
    let mut expected = ethereum.model.rows_at(ethereum.head());
    expected.extend(base.model.rows_at(base.head()));
    assert_rows(&rows(&ethereum.path), &expected);
}

#[test]
fn node_that_goes_away_is_told_once() {
    let mut scene = scene(ChainId::ETHEREUM);
    let mut running = Running::begin(command(&[&scene], &[]));
    running.wait_for_head(&scene);
    scene.server.set_faults(Faults::always([Incident::Close]));
    let waiting = running.wait_for(|line| line["event"] == "waiting");
    assert!(waiting["error"].is_string());
    scene.server.wait_for_requests(scene.server.count() + 4);
    scene.server.set_faults(Faults::default());
    running.wait_for(|line| line["event"] == "resumed");
    scene.push(&[Vec::new()]);
    running.wait_for_head(&scene);
    let told = running.end_by("-TERM");
    assert_eq!(told.matches("waiting").count(), 1, "{told}");
    assert_eq!(told.matches("going on after").count(), 1, "{told}");
}

/// A follower of a copy of the database on a disk of two megabytes. Then it runs each line of its input as a command on
/// that disk, and prints an event after each. At the end of its input, it ends the follower and copies the database back.
/// `None` where file systems cannot be mounted.
fn on_a_small_disk(scene: &Scene) -> Option<Running> {
    let script = format!(
        "disk=$PWD/disk; mkdir disk; mount -t tmpfs -o size=2m tmpfs disk || exit; cd disk; cp ../degenbot.db .; \
         $DEGENBOT --database degenbot.db pool update --follow --json --poll 0.01 --rpc {url} & follower=$!; \
         while read -r step; do eval \"$step\"; echo '{{\"event\": \"step\"}}'; done; \
         kill -TERM $follower; wait $follower; status=$?; cp degenbot.db* ..; exit $status",
        url = scene.server.url()
    );
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .current_dir(scene.folder.path())
        .env("HOME", scene.folder.path())
        .env("DEGENBOT", env!("CARGO_BIN_EXE_degenbot"));
    let can_mount = Command::new("unshare")
        .args([
            "--map-root-user",
            "--mount",
            "mount",
            "-t",
            "tmpfs",
            "tmpfs",
        ])
        .arg(scene.folder.path())
        .status();
    can_mount
        .is_ok_and(|status| status.success())
        .then(|| Running::begin(command))
}

impl Running {
    /// Runs a command on the small disk.
    fn step(&mut self, command: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{command}").unwrap();
        self.wait_for(|line| line["event"] == "step");
    }
}

#[test]
fn disk_that_fills_is_waited_for() {
    let mut scene = scene(ChainId::ETHEREUM);
    let Some(mut running) = on_a_small_disk(&scene) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    running.wait_for_head(&scene);
    // A block that needs more than is left is not begun. Where nothing is left, no block is.
    let large = vec![liquidity(3, 1, 0, 2, 5); 400];
    let fill = "dd if=/dev/zero of=filler bs=4096 2>/dev/null";
    for (fill, block, expected) in [
        (
            format!("{fill}; truncate -s -98304 filler"),
            large,
            "bytes are needed",
        ),
        (fill.to_owned(), Vec::new(), "The disk is full"),
    ] {
        running.step(&fill);
        scene.push(&[block]);
        let waiting = running.wait_for(|line| {
            assert_ne!(line["event"], "failed", "{line}");
            line["event"] == "waiting"
        });
        let error = waiting["error"].as_str().unwrap();
        assert!(error.contains(expected), "{error}");
        running.step("rm filler");
        running.wait_for(|line| line["event"] == "resumed");
        scene.push(&[vec![liquidity(3, 1, 0, 2, 5)]]);
        running.wait_for_head(&scene);
    }
    drop(running.child.stdin.take());
    let told = running.told();
    assert!(told.starts_with("status: 0"), "{told}");
    scene.assert_at(scene.head());
}

#[test]
fn exchange_that_does_not_fit_keeps_no_other_from_following() {
    let many = vec![liquidity(3, 1, 0, 2, 5); 300];
    let blocks = [
        vec![creation(3, 1), creation(0, 1)],
        many.clone(),
        many.clone(),
        many,
    ];
    let mut scene = Scene::with(ChainId::ETHEREUM, 4, &blocks);
    scene.server.chain(|chain| {
        for _ in 0..100_000 {
            chain.push(Vec::new());
        }
    });
    let head = scene.server.chain(|chain| chain.head());
    execute(
        &scene.path,
        &format!(
            "UPDATE exchanges SET last_update_block = {head}; \
             UPDATE exchanges SET active = 0, last_update_block = NULL WHERE name = 'uniswap_v3'"
        ),
    );
    let Some(mut running) = on_a_small_disk(&scene) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    scene.push(&[vec![creation(0, 3)]]);
    let is_commit = |line: &Value, block| line["event"] == "commit" && line["block"] == block;
    running.wait_for(|line| is_commit(line, head + 1));
    running.step(
        "dd if=/dev/zero of=filler bs=4096 2>/dev/null; truncate -s -262144 filler; \
         $DEGENBOT --database degenbot.db exchange activate ethereum_uniswap_v3 --from-block 1000",
    );
    scene.push(&[vec![creation(0, 2)]]);
    running.wait_for(|line| is_commit(line, head + 2));
    drop(running.child.stdin.take());
    let told = running.told();
    assert!(
        told.contains("ethereum_uniswap_v3 is not followed for now: the disk has too little room"),
        "{told}"
    );
}

#[test]
fn given_node_of_the_only_chain_may_come_later() {
    let scene = scene(ChainId::ETHEREUM);
    scene.server.set_faults(Faults::always([Incident::Close]));
    let mut running = Running::begin(command(&[&scene], &[]));
    running.wait_for(|line| line["event"] == "waiting");
    scene.server.set_faults(Faults::default());
    running.wait_for_head(&scene);
    assert!(running.end_by("-TERM").starts_with("status: 0"));
    scene.assert_at(scene.head());
}

#[test]
fn one_of_several_given_nodes_may_come_later() {
    let mut ethereum = scene(ChainId::ETHEREUM);
    let other = NodeServer::start(ethereum.server.chain(|chain| chain.clone()));
    ethereum
        .server
        .set_faults(Faults::always([Incident::Close]));
    let mut running = Running::begin(command(&[&ethereum], &["--rpc", &other.url()]));
    running.wait_for_head(&ethereum);
    // The first one is there now, and the second one goes away.
    ethereum.server.set_faults(Faults::default());
    other.set_faults(Faults::always([Incident::Close]));
    ethereum.push(&[vec![creation(1, 1)]]);
    running.wait_for_head(&ethereum);
    let told = running.end_by("-TERM");
    assert!(told.starts_with("status: 0"), "{told}");
    assert!(!told.contains("left out"), "{told}");
    ethereum.assert_at(ethereum.head());
}

#[test]
fn given_node_that_turns_out_to_be_of_another_chain_is_refused() {
    let ethereum = scene(ChainId::ETHEREUM);
    let base = scene(ChainId::BASE);
    base.server.set_faults(Faults::always([Incident::Close]));
    let mut running = Running::begin({
        let mut command = on(&ethereum.path, &["pool", "update", "--follow", "--json"]);
        command.args(["--poll", "0.01", "--rpc", &base.server.url()]);
        command
    });
    running.wait_for(|line| line["event"] == "waiting");
    base.server.set_faults(Faults::default());
    let failed = running.wait_for(|line| line["event"] == "failed");
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("chain 8453"), "{error}");
    assert!(running.told().starts_with("status: 1"));
    let lines = rows(&ethereum.path);
    assert!(
        lines.iter().all(|line| !line.starts_with("pool")),
        "{lines:?}"
    );
}

#[test]
fn given_node_of_one_of_several_chains_must_be_there() {
    let scene = scene(ChainId::ETHEREUM);
    execute(&scene.path, "UPDATE exchanges SET active = 1");
    scene.server.set_faults(Faults::always([Incident::Close]));
    let url = scene.server.url();
    let mut command = on(&scene.path, &["pool", "update", "--follow"]);
    command.args(["--rpc", &url, "--rpc", &url]);
    let told = settled(&run(command, ""));
    let (_, error) = told.split_once("error: ").unwrap();
    assert!(told.starts_with("status: 1"), "{told}");
    assert!(
        error.contains("which chain it is for is not known until it answers"),
        "{told}"
    );
    assert!(error.contains("hint: With '--chain NAME'"), "{told}");
}

#[test]
fn service_manager_hears_how_it_goes() {
    let scene = scene(ChainId::ETHEREUM);
    let path = scene.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut command = command(&[&scene], &[]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000");
    let mut running = Running::begin(command);
    let mut heard = Vec::new();
    let mut hear = |wanted: &[&str]| {
        let mut buffer = [0; 1024];
        let mut missing: Vec<_> = wanted.to_vec();
        while !missing.is_empty() {
            assert!(heard.len() < 2_000, "{missing:?}: {heard:?}");
            let length = socket.recv(&mut buffer).unwrap();
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            let found = missing.iter().position(|missing| *missing == message);
            found.map(|index| missing.remove(index));
            heard.push(message);
        }
    };
    hear(&[
        "EXTEND_TIMEOUT_USEC=60000000",
        "READY=1",
        "STATUS=Ethereum at block 1,003",
    ]);
    hear(&["WATCHDOG=1"; 3]);
    running.wait_for_head(&scene);
    assert!(send(&running.child, "-TERM"));
    hear(&["STOPPING=1"]);
    assert!(running.told().starts_with("status: 0"));
    for once in ["READY=1", "STOPPING=1"] {
        let told = heard.iter().filter(|message| *message == once);
        assert_eq!(told.count(), 1, "{heard:?}");
    }
}

/// The figures of a file in the text format of Prometheus. Each has its description and its kind before it.
fn figures(path: &Path) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    let (mut described, mut kinds) = (BTreeSet::new(), BTreeMap::new());
    let mut figures = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').unwrap();
            assert!(!text.is_empty() && described.insert(name), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(["gauge", "counter"].contains(&kind), "{line}");
            assert!(described.contains(name) && kinds.insert(name, kind).is_none());
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap();
            assert!(kinds.contains_key(name), "{line}");
            let labels = labels.strip_suffix('}').unwrap();
            assert!(labels.starts_with("chain_id=\"") && labels.ends_with('"'));
            let known = figures.insert(series.to_owned(), value.parse().unwrap());
            assert_eq!(known, None, "{line}");
        }
    }
    figures
}

#[test]
fn metrics_say_how_it_goes() {
    let mut scene = scene(ChainId::ETHEREUM);
    let mut running = Running::begin(command(&[&scene], &["--metrics-file", "degenbot.prom"]));
    let path = scene.folder.path().join("degenbot.prom");
    running.wait_for_head(&scene);
    scene.reorganise(1, &[Vec::new(), Vec::new()]);
    running.wait_for_head(&scene);
    let figure = |name: &str| {
        let figures = figures(&path);
        figures
            .get(&format!("degenbot_{name}{{chain_id=\"1\"}}"))
            .copied()
    };
    while figure("follow_up") != Some(1.0) || figure("committed_block") != Some(1_004.0) {
        std::thread::yield_now();
    }
    assert!(running.end_by("-TERM").starts_with("status: 0"));
    for (name, value) in [
        ("follow_up", 0.0),
        ("exchanges", 8.0),
        ("head_block", 1_004.0),
        ("committed_block", 1_004.0),
        ("finalized_block", 1_002.0),
        ("lag_blocks", 0.0),
        ("lag_seconds", 0.0),
        ("pools_total", 4.0),
        ("liquidity_events_total", 2.0),
        ("reorganisations_total", 1.0),
        ("node_rate_limits_total", 0.0),
    ] {
        assert_eq!(figure(name), Some(value), "{name}");
    }
    assert!(figure("last_success_timestamp_seconds") > Some(1.7e9));
    assert!(figure("node_requests_total") > Some(5.0));
    let names: BTreeSet<_> = fs::read_dir(scene.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("prom"))
        .collect();
    assert_eq!(names, BTreeSet::from(["degenbot.prom".to_owned()]));
}

#[test]
fn foreign_file_does_not_become_one_of_metrics() {
    let scene = scene(ChainId::ETHEREUM);
    fs::write(scene.folder.path().join("notes.prom"), "mine").unwrap();
    let refused = |path| settled(&run(command(&[&scene], &["--metrics-file", path]), ""));
    assert_snapshot!(refused("notes.prom"), @r"
    status: 1
    --- stdout
    --- stderr
    error: notes.prom exists and is not a file of metrics of this command
    hint: Name another file (--output, --into, --metrics-file, --prometheus, --svg), or move this one away
    ");
    assert_snapshot!(refused("degenbot.db"), @r"
    status: 1
    --- stdout
    --- stderr
    error: degenbot.db is the place of the database itself
    hint: Name another file (--database, --output, --into, --metrics-file, --prometheus, --svg, --config)
    ");
    assert_snapshot!(refused("degenbot.db.bak"), @r"
    status: 1
    --- stdout
    --- stderr
    error: degenbot.db.bak is the place of a copy of the database that degenbot keeps
    hint: Name another file (--database, --output, --into, --metrics-file, --prometheus, --svg, --config)
    ");
    assert_snapshot!(refused("/dev/null"), @r"
    status: 1
    --- stdout
    --- stderr
    error: /dev/null is not a regular file
    hint: Give the path of a regular file, or one where there is none yet
    ");
    assert_snapshot!(refused("-"), @r"
    status: 2
    --- stdout
    --- stderr
    error: invalid value '-' for '--metrics-file <PATH>': the file is replaced again and again, which stdout cannot be

    For more information, try '--help'.
    ");
    assert_eq!(
        fs::read_to_string(scene.folder.path().join("notes.prom")).unwrap(),
        "mine"
    );
}

#[test]
fn target_that_stays_cannot_be_followed() {
    let scene = scene(ChainId::ETHEREUM);
    let refused = |more| settled(&run(command(&[&scene], more), ""));
    assert_snapshot!(refused(&["--to-block", "1002"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: the argument '--follow' cannot be used with '--to-block 1002', which stays where it is

    Usage: degenbot pool update [OPTIONS]

    For more information, try '--help'.
    ");
    let without = |option: &[&str]| {
        let arguments = [&["pool", "update"], option].concat();
        settled(&run(on(&scene.path, &arguments), ""))
    };
    assert_snapshot!(without(&["--follow", "--poll", "0"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: invalid value '0' for '--poll <SECONDS>': it is not a number from 0.01 to 3600

    For more information, try '--help'.
    ");
    assert_snapshot!(without(&["--poll", "2"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      --follow

    Usage: degenbot pool update --follow --poll <SECONDS>

    For more information, try '--help'.
    ");
}

#[test]
fn reader_that_is_gone_ends_it() {
    let scene = scene(ChainId::ETHEREUM);
    let mut running = Running::begin(command(&[&scene], &[]));
    running.wait_for_head(&scene);
    let Running { child, lines } = running;
    drop(lines);
    scene.server.chain(|chain| chain.push(Vec::new()));
    let told = finish(child);
    assert!(told.starts_with("status: 0"), "{told}");
}
