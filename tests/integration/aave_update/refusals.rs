//! What ends an update, by name, and leaves the database as it was.

use std::ops::ControlFlow;
use std::sync::Arc;

use alloy_primitives::{Address as Contract, B256, keccak256};
use degenbot::sync::{SyncError, UpdateObserver, UpdateProgress, update_aave_markets};
use degenbot::types::{Address, ChainId};
use serde_json::{Value, json};

use super::stored::rows;
use super::{NEVER, Scene, assert_rows, at, execute, reference, to_head};
use crate::support::aave_recording::{RecordedLog, recording};
use crate::support::command::{finish, on, quietly, send, spawn};
use crate::support::content::{connect, lines};
use crate::support::fake_chain::{FakeChain, FakeLog};
use crate::support::node_faults::{Faults, Incident};

const UPGRADED: &str = "Upgraded(address)";
const IMPLEMENTATION: Contract = Contract::repeat_byte(0x66);

fn topic(address: Contract) -> B256 {
    address.into_word()
}

/// An address of the recording, as its contracts have it.
fn raw(address: &str) -> Contract {
    address.parse().unwrap()
}

/// The address of the first aToken that was recorded.
fn a_token(scene: &Scene) -> String {
    let expected = scene.recording.expected.values().last().unwrap();
    expected.reserves[0].a_token.clone()
}

/// A contract answers a call with a number.
fn answers(chain: &mut FakeChain, contract: Contract, function: &str, number: u8) {
    let mut word = vec![0; 32];
    word[31] = number;
    let data = keccak256(function)[..4].to_vec();
    let all = Arc::make_mut(&mut chain.answers);
    all.entry((contract, data)).or_default().insert(0, word);
}

#[test]
fn unknown_revision_of_a_token_is_named_and_what_was_committed_stays() {
    for (version, revision, is_known) in [("302", 6, false), ("36", 6, false), ("36", 5, true)] {
        let scene = Scene::new(version, 0);
        let token = a_token(&scene);
        let log = FakeLog {
            address: raw(&token),
            topics: vec![keccak256(UPGRADED), topic(IMPLEMENTATION)],
            data: Vec::new(),
        };
        scene.server.chain(|chain| {
            answers(chain, IMPLEMENTATION, "ATOKEN_REVISION()", revision);
            chain.push(vec![log]);
        });
        let head = scene.recording.head();
        scene.update(&to_head().to_block(at(head))).1.unwrap();
        if is_known {
            scene.update_to_head();
            continue;
        }
        let told = scene.refused(&to_head()).to_string();
        assert!(
            told.contains("aave_v3") && told.contains(&token) && told.contains('6'),
            "{told}"
        );
        assert_rows(&rows(&scene.path), &reference(scene.recording, head));
    }
}

#[test]
fn unknown_revision_of_the_pool_is_named_and_what_was_committed_stays() {
    for (revision, is_known) in [(10, true), (11, false)] {
        let scene = Scene::new("36", 0);
        let provider = Contract::new(*scene.recording.provider.as_bytes());
        let log = FakeLog {
            address: provider,
            topics: vec![
                keccak256("PoolUpdated(address,address)"),
                topic(Contract::repeat_byte(0x55)),
                topic(IMPLEMENTATION),
            ],
            data: Vec::new(),
        };
        scene.server.chain(|chain| {
            answers(chain, IMPLEMENTATION, "POOL_REVISION()", revision);
            chain.push(vec![log]);
        });
        let head = scene.recording.head();
        scene.update(&to_head().to_block(at(head))).1.unwrap();
        if is_known {
            scene.update_to_head();
            continue;
        }
        let error = scene.refused(&to_head());
        assert!(
            matches!(error, SyncError::UnknownPoolRevision { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("11"), "{error}");
        assert_rows(&rows(&scene.path), &reference(scene.recording, head));
    }
}

#[test]
fn implementation_that_does_not_say_its_revision_is_named() {
    let scene = Scene::new("302", 0);
    let log = FakeLog {
        address: raw(&a_token(&scene)),
        topics: vec![keccak256(UPGRADED), topic(IMPLEMENTATION)],
        data: Vec::new(),
    };
    scene.server.chain(|chain| chain.push(vec![log]));
    let head = scene.recording.head();
    scene.update(&to_head().to_block(at(head))).1.unwrap();
    let told = scene.refused(&to_head()).to_string();
    let implementation = Address::new(IMPLEMENTATION.into_array()).to_string();
    assert!(
        told.contains(&implementation) && told.contains("ATOKEN_REVISION()"),
        "{told}"
    );
}

#[test]
fn wrong_balance_is_named_and_nothing_of_its_blocks_is_written() {
    for name in super::MARKETS {
        let scene = Scene::new(name, 0);
        let before = scene.percent(60);
        scene.update(&to_head().to_block(at(before))).1.unwrap();
        // A holder who acts again, of a token with interest.
        let sql = "SELECT t.address || ' ' || u.address AS line FROM aave_v3_debt_positions AS p
            JOIN aave_v3_users AS u ON u.id = user_id JOIN aave_v3_assets AS a ON a.id = asset_id
            JOIN erc20_tokens AS t ON t.id = v_token_id WHERE length(balance) > 9 ORDER BY p.id";
        let holders = lines(&mut connect(&scene.path), sql);
        let acts = |holder: &&String| {
            let (token, user) = holder.split_once(' ').unwrap();
            let user = topic(raw(user));
            scene.recording.logs.iter().any(|log| {
                log.block > before + 20 && log.contract == token && log.topics.contains(&user)
            })
        };
        let planted = holders.iter().find(acts).unwrap();
        let (token, user) = planted.split_once(' ').unwrap();
        execute(
            &scene.path,
            &format!(
                "UPDATE aave_v3_debt_positions SET balance = balance || '0'
                 WHERE user_id = (SELECT id FROM aave_v3_users WHERE address = '{user}') AND asset_id =
                     (SELECT a.id FROM aave_v3_assets AS a JOIN erc20_tokens AS t ON t.id = v_token_id
                      WHERE t.address = '{token}')"
            ),
        );
        let SyncError::Balance { mismatch } = scene.refused(&to_head()) else {
            panic!("another error");
        };
        assert_eq!(mismatch.token.to_string(), token);
        assert_eq!(mismatch.user.to_string(), user);
        let block = mismatch.place.block;
        assert!(block.get() > before);
        let number = B256::left_padding_from(&block.get().to_be_bytes());
        assert_eq!(mismatch.transaction, number);
        let told = mismatch.to_string();
        for part in [token, user, &block.to_string(), &number.to_string()] {
            assert!(told.contains(part), "{told}");
        }
        // The blocks before are committed with smaller chunks.
        let told = scene
            .update(&to_head().chunk(10))
            .1
            .unwrap_err()
            .to_string();
        assert!(told.contains(user), "{told}");
        let marks = "SELECT CAST(last_update_block AS TEXT) AS line FROM aave_v3_markets";
        let mark: u64 = lines(&mut connect(&scene.path), marks)[0].parse().unwrap();
        assert!(
            mark < block.get() && mark + 10 >= block.get(),
            "{mark} {block}"
        );
    }
}

/// Changes the events of an answer.
fn of_logs(
    change: impl Fn(&mut Vec<Value>) + Send + Sync + 'static,
) -> impl Fn(&str, &mut Value) + Send + Sync + 'static {
    move |method, answer| {
        if method == "eth_getLogs"
            && let Some(logs) = answer["result"].as_array_mut()
        {
            change(logs);
        }
    }
}

#[test]
fn event_that_a_node_leaves_out_is_noticed() {
    let [mint, burn] = ["Mint", "Burn"]
        .map(|name| keccak256(format!("{name}(address,address,uint256,uint256,uint256)")));
    for (name, topic, holder) in [
        ("300", mint, 2),
        ("302", burn, 1),
        ("36", mint, 2),
        ("36", burn, 1),
    ] {
        // The balance is wrong from then on, which the next event of the holder with interest shows.
        let logs = scene_logs(name);
        let has_later = |log: &&RecordedLog| {
            let is_same = |other: &&RecordedLog| {
                other.contract == log.contract
                    && other.block > log.block + 10
                    && other.topics[0] == burn
                    && other.topics[1] == log.topics[holder]
                    && other.data[32..64] != [0; 32]
            };
            let changes = || log.data[..32] != log.data[32..64];
            log.topics[0] == topic && changes() && logs.iter().any(|other| is_same(&other))
        };
        let left_out = logs.iter().find(has_later).unwrap();
        let (block, data) = (format!("{:#x}", left_out.block), left_out.data.to_string());
        let scene = Scene::new(name, 0);
        let error = scene.refused_answer(of_logs(move |logs| {
            logs.retain(|log| log["blockNumber"] != json!(block) || log["data"] != json!(data));
        }));
        assert!(matches!(error, SyncError::Balance { .. }), "{error:?}");
    }
}

fn scene_logs(name: &str) -> &'static [RecordedLog] {
    &recording(name).logs
}

#[test]
fn block_without_its_events_is_noticed_before_it_is_final() {
    let scene = Scene::new("36", NEVER);
    let last = scene.recording.logs.last().unwrap().block;
    scene.update(&to_head().to_block(at(last - 1))).1.unwrap();
    let number = json!(format!("{last:#x}"));
    let error = scene.refused_answer(of_logs(move |logs| {
        logs.retain(|log| log["blockNumber"] != number);
    }));
    assert!(!matches!(error, SyncError::Balance { .. }), "{error:?}");
}

#[test]
fn malformed_events_end_the_update() {
    for name in ["302", "36"] {
        for signature in [
            "Mint(address,address,uint256,uint256,uint256)",
            "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)",
            "ReserveInitialized(address,address,address,address,address)",
        ] {
            let scene = Scene::new(name, 0);
            let topic = keccak256(signature).to_string();
            let error = scene.refused_answer(of_logs(move |logs| {
                for log in logs {
                    if log["topics"][0] == json!(topic) {
                        log["data"] = json!("0x1234");
                    }
                }
            }));
            assert!(!matches!(error, SyncError::Balance { .. }), "{error:?}");
        }
    }
}

#[test]
fn node_that_refuses_calls_ends_the_update() {
    let scene = Scene::new("36", 0);
    let error = scene.refused_answer(|method, answer| {
        if method == "eth_call" {
            *answer = json!({"error": {"code": -32601, "message": "the method eth_call is not available"}});
        }
    });
    assert!(!matches!(error, SyncError::Balance { .. }), "{error:?}");
}

#[test]
fn market_without_a_provider_is_skipped_by_name() {
    let scene = Scene::new("302", 0);
    execute(
        &scene.path,
        "INSERT INTO aave_v3_markets (chain_id, name, active) VALUES (1, 'Another Market', 1);
         INSERT INTO aave_v3_market_facts (market_id, name, first_block)
             SELECT id, 'another', 16291071 FROM aave_v3_markets WHERE name = 'Another Market'",
    );
    let (report, result) = scene.update(&to_head());
    result.unwrap();
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.skipped[0].market.name, "another");
    let url = scene.server.url();
    let arguments = ["aave", "update", "--to-block", "latest", "--rpc", &url];
    let output = quietly(&scene.path, &arguments);
    assert!(
        output.contains("another") && output.contains("provider"),
        "{output}"
    );
    assert!(output.starts_with("status: 1\n"), "{output}");
}

#[test]
fn killed_update_is_continued() {
    let scene = Scene::new("36", 200);
    let url = scene.server.url();
    let arguments = [
        "aave",
        "update",
        "--to-block",
        "latest",
        "--chunk",
        "40",
        "--rpc",
        &url,
    ];
    let before = std::fs::read(&scene.path).unwrap();
    let head = scene.recording.head();
    for requests in [2, 6, 9, 12, 17, 23, 31] {
        for extension in ["-wal", "-shm"] {
            let mut sidecar = scene.path.clone().into_os_string();
            sidecar.push(extension);
            let _ = std::fs::remove_file(sidecar);
        }
        std::fs::write(&scene.path, &before).unwrap();
        let begin = scene.server.count();
        scene.server.set_faults(Faults {
            always: vec![Incident::Hang],
            ..Faults::next(vec![Incident::None; requests])
        });
        let child = spawn(on(&scene.path, &arguments));
        scene.server.wait_for_requests(begin + requests + 1);
        assert!(send(&child, "-KILL"));
        drop(finish(child));
        scene.server.set_faults(Faults::default());
        scene.update_to_head();
        assert_rows(&rows(&scene.path), &reference(scene.recording, head));
    }
}

#[test]
fn several_updates_of_one_database_help_each_other() {
    let scene = Scene::new("302", 300);
    std::thread::scope(|scope| {
        for chunk in [50, 50, 90] {
            let scene = &scene;
            scope.spawn(move || {
                let node = scene.node();
                let options = to_head().chunk(chunk);
                update_aave_markets(&scene.path, ChainId::ETHEREUM, &node, &options, &mut ())
                    .1
                    .unwrap();
            });
        }
    });
    let head = scene.recording.head();
    assert_rows(&rows(&scene.path), &reference(scene.recording, head));
}

/// Moves the mark, as another program does, after the first commit.
struct Meddler<'a> {
    scene: &'a Scene,
    has_meddled: bool,
}

impl UpdateObserver for Meddler<'_> {
    fn progress(&mut self, _: &UpdateProgress) -> ControlFlow<()> {
        if !self.has_meddled {
            self.has_meddled = true;
            execute(
                &self.scene.path,
                "UPDATE aave_v3_markets SET last_update_block = last_update_block + 5",
            );
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn market_whose_mark_another_program_moves_meanwhile_is_left_out() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(60);
    scene.update_to(begin);
    let mut meddler = Meddler {
        scene: &scene,
        has_meddled: false,
    };
    let (node, options) = (scene.node(), to_head().chunk(20));
    let (report, result) = update_aave_markets(
        &scene.path,
        ChainId::ETHEREUM,
        &node,
        &options,
        &mut meddler,
    );
    result.unwrap();
    let [skipped] = &report.skipped[..] else {
        panic!("{:?}", report.skipped);
    };
    assert!(
        skipped
            .reason
            .contains("another program has moved its mark"),
        "{}",
        skipped.reason
    );
    let mark = "SELECT last_update_block AS line FROM aave_v3_markets";
    assert_eq!(
        lines(&mut connect(&scene.path), mark),
        [(begin + 25).to_string()]
    );
}
