//! `degenbot pool update --dry-run`, and the room on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use degenbot::deployments::Deployment;
use degenbot::sync::{
    Estimate, PoolUpdateOptions, PoolUpdatePlan, SyncError, UpdateNeeds, plan_update,
};
use degenbot::types::{Address, BlockNumber, ChainId};
use insta::assert_snapshot;

use super::model::{Happening, creation, liquidity};
use super::{Scene, execute, insert_exchange, to_head};
use crate::faults::on_a_small_disk;
use crate::support::command::{on, quietly, run};
use crate::support::node_faults::{Faults, Incident, Style};
use crate::support::unprivileged::{public_copy_of_the_binary, unprivileged};

/// The files of a folder with their content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    files.collect()
}

impl Scene {
    fn plan(&self, chunk: u64) -> (PoolUpdatePlan, Result<(), SyncError>) {
        let options = to_head().chunk(chunk);
        plan_update(&self.path, self.model.chain, &self.node(), &options)
    }

    fn needs(&self, chunk: u64) -> UpdateNeeds {
        let before = files(self.folder.path());
        let (plan, result) = self.plan(chunk);
        result.unwrap();
        assert_eq!(files(self.folder.path()), before);
        plan.needs.unwrap()
    }
}

fn is_in(number: u64, estimate: Estimate) -> bool {
    (estimate.low..=estimate.high).contains(&number)
}

/// A pool or an event of liquidity in every block but each third.
fn blocks(number: u64) -> Vec<Vec<Happening>> {
    let block = |number: u64| match number % 3 {
        0 => Vec::new(),
        1 if number < 240 => {
            let number = u8::try_from(number / 3).unwrap();
            vec![creation(usize::from(number % 7), number / 7)]
        }
        _ => vec![liquidity(5, 1, 0, 2, 10), liquidity(6, 1, 0, 2, 10)],
    };
    (0..number).map(block).collect()
}

#[test]
fn plan_of_a_few_blocks_is_exact() {
    let scene = Scene::with(ChainId::ETHEREUM, 4, &blocks(40));
    let needs = scene.needs(10_000);
    let report = scene.update_to_head();
    let exact = |estimate: Estimate| (estimate.low, estimate.high);
    assert_eq!(exact(needs.pools), (report.pools, report.pools));
    assert_eq!(exact(needs.events), (report.events, report.events));
    assert!(is_in(report.node.requests, needs.requests), "{needs:?}");
    let (plan, result) = scene.plan(10_000);
    result.unwrap();
    assert_eq!((plan.blocks, plan.undone_above), (0, None));
    assert!(plan.exchanges.iter().all(|exchange| exchange.blocks == 0));
}

#[test]
fn estimates_hold_what_an_update_then_needs() {
    for (style, max_range, max_logs, chunk) in [
        (None, None, None, 50),
        (Some(Style::Infura), Some(25), None, 10_000),
        (Some(Style::Alchemy), None, Some(40), 10_000),
    ] {
        let scene = Scene::with(ChainId::ETHEREUM, 0, &blocks(2_500));
        let limited = Faults {
            style,
            max_range,
            max_logs,
            ..Faults::default()
        };
        scene.server.set_faults(limited);
        let needs = scene.needs(chunk);
        // About eight ranges, each with two kinds of events.
        assert!(scene.server.count() < 40, "{}", scene.server.count());
        let (report, result) = scene.update(&to_head().chunk(chunk));
        result.unwrap();
        scene.assert_at(scene.head());
        assert!(is_in(report.pools, needs.pools), "{report:?} {needs:?}");
        assert!(is_in(report.events, needs.events), "{report:?} {needs:?}");
        let requests = report.node.requests;
        assert!(is_in(requests, needs.requests), "{report:?} {needs:?}");
        assert!(needs.sampled_blocks < 2_500, "{needs:?}");
    }
}

#[test]
fn sparse_blocks_before_a_limit_say_nothing_about_dense_ones_behind_it() {
    let dense = vec![liquidity(5, 1, 0, 2, 10); 12];
    let blocks = [vec![Vec::new(); 20], vec![dense; 60]].concat();
    for (max_range, max_logs) in [(None, Some(30)), (Some(10), None)] {
        let scene = Scene::with(ChainId::ETHEREUM, 0, &blocks);
        scene.server.set_faults(Faults {
            style: Some(Style::Geth),
            max_range,
            max_logs,
            ..Faults::default()
        });
        let needs = scene.needs(10_000);
        assert!(is_in(720, needs.events), "{needs:?}");
        assert!(needs.events.expected > 400, "{needs:?}");
        let (report, result) = scene.update(&to_head());
        result.unwrap();
        let requests = report.node.requests - report.node.splits;
        assert!(requests <= needs.requests.high, "{report:?} {needs:?}");
    }
}

#[test]
fn plan_of_a_reorganised_chain_says_what_would_be_undone() {
    let mut scene = Scene::with(ChainId::ETHEREUM, 10, &blocks(20));
    scene.update_to_head();
    scene.reorganise(3, &[vec![creation(2, 99)], Vec::new(), Vec::new()]);
    let (plan, result) = scene.plan(10_000);
    result.unwrap();
    let kept = scene.head() - 3;
    assert_eq!(plan.undone_above.map(Into::into), Some(kept));
    assert_eq!((plan.blocks, plan.needs.unwrap().pools.expected), (3, 1));
    scene.update_to_head();
}

#[test]
fn dry_run_says_what_a_limit_on_requests_means() {
    let scene = Scene::with(ChainId::ETHEREUM, 4, &blocks(40));
    let url = scene.server.url();
    let last_line = || {
        let arguments = [
            "pool",
            "update",
            "--dry-run",
            "--to-block",
            "latest",
            "--rpc",
            &url,
        ];
        let told = run(on(&scene.path, &arguments), "");
        let (told, errors) = told.split_once("--- stderr\n").unwrap();
        assert!(told.starts_with("status: 0\n"), "{told}{errors}");
        assert_eq!(errors, "");
        told.lines().next_back().unwrap().trim_start().to_owned()
    };
    assert_snapshot!(last_line(), @"A node that limits the number of requests can take longer; --max-rate is counted in.");
    let refusal = || Incident::Status(429, vec![("retry-after", "0".to_owned())], String::new());
    scene.server.set_faults(Faults::next([refusal()]));
    assert_snapshot!(last_line(), @"The node limits the number of requests and refused 1 request, so it takes longer; --max-rate is counted in.");
    scene
        .server
        .set_faults(Faults::next([refusal(), refusal()]));
    assert_snapshot!(last_line(), @"The node limits the number of requests and refused 2 requests, so it takes longer; --max-rate is counted in.");
}

/// What the update says, and what its dry run says first.
fn both(scene: &Scene, more: &[&str]) -> [String; 2] {
    [&["--dry-run"][..], &[]].map(|option| {
        let arguments = [&["pool", "update"], more, option].concat();
        let told = quietly(&scene.path, &arguments);
        let (status, rest) = told.split_once("--- stdout\n").unwrap();
        let errors = rest.split_once("--- stderr\n").unwrap().1;
        let mut shown = status.to_owned();
        for line in errors.lines().filter(|line| line.starts_with("error")) {
            shown += line;
        }
        shown
    })
}

/// Makes an update impossible.
type Change = Box<dyn Fn(&Scene)>;

#[test]
fn dry_run_refuses_what_the_update_refuses() {
    let new = || Scene::with(ChainId::ETHEREUM, 2, &blocks(12));
    let latest = ["--to-block", "latest"];
    let sql = |sql: &'static str| move |scene: &Scene| execute(&scene.path, sql);
    let camelot = |scene: &Scene| {
        let camelot = Deployment::new(
            "ethereum_other_camelot_v2".parse().unwrap(),
            "camelot_v2".parse().unwrap(),
            Address::new([0xca; 20]),
            None,
            None,
        );
        insert_exchange(&scene.path, &camelot.unwrap());
        execute(
            &scene.path,
            "UPDATE exchanges SET active = 1 WHERE factory LIKE '0xcacaca%'",
        );
    };
    let downgraded = |scene: &Scene| {
        let told = quietly(
            &scene.path,
            &["database", "downgrade", "--to", "0.6.0a4", "--force"],
        );
        assert!(told.starts_with("status: 0"), "{told}");
    };
    let changes: Vec<(&str, Change, &[&str])> = vec![
        (
            "is at block 2000",
            Box::new(sql(
                "UPDATE exchanges SET last_update_block = 2000 WHERE name = 'uniswap_v3'",
            )),
            &latest,
        ),
        (
            "does not exist yet",
            Box::new(|_| {}),
            &["--to-block", "5000"],
        ),
        (
            "has no block 'safe'",
            Box::new(|scene| scene.server.chain(|chain| chain.finality = 1_000)),
            &["--to-block", "safe"],
        ),
        (
            "No exchange is active",
            Box::new(sql("UPDATE exchanges SET active = 0")),
            &latest,
        ),
        (
            "no node for chain ID 8453",
            Box::new(sql("UPDATE exchanges SET active = 1")),
            &latest,
        ),
        ("cannot be updated", Box::new(camelot), &latest),
        (
            "newest version of the schema",
            Box::new(downgraded),
            &latest,
        ),
        (
            "of chain",
            Box::new(|scene| scene.server.chain(|chain| chain.chain_id = 10)),
            &latest,
        ),
        (
            "block 1000",
            Box::new(|scene| scene.server.chain(|chain| chain.pruned_before = 1_005)),
            &latest,
        ),
        (
            "no row in pool_managers",
            Box::new(sql("DELETE FROM pool_managers")),
            &latest,
        ),
    ];
    for (expected, change, options) in changes {
        let scene = new();
        change(&scene);
        let url = scene.server.url();
        let before = files(scene.folder.path());
        let arguments = [&["--rpc", &url], options].concat();
        let [planned, done] = both(&scene, &arguments);
        if !expected.starts_with("cannot") && !expected.contains("8453") {
            assert_eq!(before.len(), files(scene.folder.path()).len());
        }
        assert_eq!(planned, done);
        assert!(done.starts_with("status: 1\n"), "{expected}: {done}");
        if expected != "of chain" {
            assert!(done.contains(expected), "{expected}: {done}");
        }
    }
}

#[test]
fn dry_run_refuses_a_database_that_cannot_be_written() {
    let scene = Scene::with(ChainId::ETHEREUM, 2, &blocks(5));
    let (_binary_folder, binary) = public_copy_of_the_binary();
    let url = scene.server.url();
    let told = |option: &[&str]| {
        let mut command = unprivileged(&binary);
        command
            .arg("--database")
            .arg(&scene.path)
            .args(["pool", "update", "--rpc", &url])
            .args(option);
        run(command, "")
    };
    for (folder, file) in [(0o555, 0o444), (0o777, 0o444), (0o555, 0o666)] {
        fs::set_permissions(&scene.path, fs::Permissions::from_mode(file)).unwrap();
        fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(folder)).unwrap();
        let (planned, done) = (told(&["--dry-run"]), told(&[]));
        fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(
            done.starts_with("status: 1\n"),
            "{folder:o} {file:o}: {done}"
        );
        assert_eq!(planned, done, "{folder:o} {file:o}");
    }
}

#[test]
fn update_is_refused_where_the_disk_is_too_small() {
    let scene = Scene::with(ChainId::ETHEREUM, 0, &blocks(700));
    let url = scene.server.url();
    let script = format!(
        "dd if=/dev/zero of=filler bs=4096 2>/dev/null; truncate -s -98304 filler; \
         for option in --dry-run --quiet --no-space-check; do \
             $DEGENBOT --database degenbot.db pool update --to-block latest --rpc {url} $option 2>&1 \
                 | grep -vE '^ |^Ethereum: ' | sed -E 's/[0-9]+ bytes/N bytes/g'; ls; \
         done; rm filler; \
         $DEGENBOT --database degenbot.db pool update --to-block latest --rpc {url} 2>&1 | cut -d: -f1; \
         $DEGENBOT --database degenbot.db database verify -q && echo sound"
    );
    let Some(told) = on_a_small_disk(3, &scene.path, &script) else {
        eprintln!("skipped: file systems cannot be mounted here");
        return;
    };
    assert_snapshot!(told, @r"
    mounted
    error: Ethereum: About N bytes are needed beside degenbot.db, and N bytes are free
    hint: Free some space. An update can take in less (fewer exchanges or markets, or fewer blocks with --to-block), or go on anyway with --no-space-check: what is committed before the disk is full stays
    degenbot.db
    filler
    error: Ethereum: About N bytes are needed beside degenbot.db, and N bytes are free
    hint: Free some space. An update can take in less (fewer exchanges or markets, or fewer blocks with --to-block), or go on anyway with --no-space-check: what is committed before the disk is full stays
    degenbot.db
    filler
    error: Ethereum: The disk is full: degenbot.db could not be written
    hint: Free some space and try again
    degenbot.db
    filler
    Ethereum is at block 1,700
    degenbot.db is sound
    sound
    ");
}

#[test]
fn first_sync_of_many_blocks_is_estimated_before_it_begins() {
    let scene = Scene::new(ChainId::ETHEREUM, 0);
    scene.server.chain(|chain| {
        for _ in 0..100_000 {
            chain.push(Vec::new());
        }
    });
    execute(
        &scene.path,
        "UPDATE exchanges SET active = 0 WHERE name <> 'uniswap_v3'",
    );
    let requests = |options: &PoolUpdateOptions| {
        let before = scene.server.count();
        scene.update(options).1.unwrap();
        scene.server.count() - before
    };
    let at = |block: u64| to_head().to_block(BlockNumber::new(block).unwrap().into());
    // Two questions for each of eight ranges, and the update itself.
    let checked = requests(&at(101_000).chunk(100_000));
    execute(
        &scene.path,
        "UPDATE exchanges SET last_update_block = NULL; DELETE FROM chain_blocks",
    );
    let unchecked = requests(&at(101_000).chunk(100_000).check_space(false));
    assert_eq!(checked - unchecked, 16);
    execute(
        &scene.path,
        "UPDATE exchanges SET last_update_block = NULL; DELETE FROM chain_blocks",
    );
    let short = requests(&at(100_999).chunk(100_000));
    assert!(short <= unchecked, "{short}");
}
