//! Nodes on a socket of the same machine.

use std::fs;

use degenbot::database::CancelToken;
use degenbot::node::{BlockTag, Node, NodeError};
use tempfile::TempDir;

use super::{all_places, chain, impatient, logs, node, places};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

#[test]
fn a_socket_answers_as_an_address_does() {
    let folder = TempDir::new().unwrap();
    let server = NodeServer::start_on_socket(chain(), &folder.path().join("geth.ipc"));
    let node = node(&server, impatient());
    for _ in 0..3 {
        let answer = logs(&node, 1000, 1099).unwrap();
        assert_eq!(places(&answer), all_places(&chain(), 1000, 1099));
    }
    assert_eq!(server.connections(), 1);
    for incident in [
        Incident::Cut,
        Incident::Close,
        Incident::Body(b"<html>".to_vec()),
        Incident::Body(b"{} {}".to_vec()),
    ] {
        server.set_faults(Faults::next([incident]));
        assert!(logs(&node, 1000, 1099).is_ok());
    }
}

#[test]
fn a_node_that_was_started_again_is_connected_to_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("geth.ipc");
    let server = NodeServer::start_on_socket(chain(), &path);
    let node = node(&server, impatient().max_tries(1));
    assert!(node.header(BlockTag::Latest).is_ok());
    drop(server);
    fs::remove_file(&path).unwrap();
    let server = NodeServer::start_on_socket(chain(), &path);
    assert!(node.header(BlockTag::Latest).is_ok());
    assert_eq!(server.count(), 1);
}

#[test]
fn a_missing_socket_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("geth.ipc");
    let endpoint = path.to_str().unwrap().parse().unwrap();
    let error = Node::ask_chain_id(endpoint, impatient(), CancelToken::new()).unwrap_err();
    assert!(matches!(error, NodeError::Unreachable { .. }), "{error}");
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn an_endless_answer_is_cut() {
    let folder = TempDir::new().unwrap();
    let server = NodeServer::start_on_socket(chain(), &folder.path().join("geth.ipc"));
    server.set_faults(Faults::always([Incident::Body(vec![b'['; 2 << 20])]));
    let node = node(&server, impatient().max_answer_bytes(1 << 20));
    let error = node.header(BlockTag::Latest).unwrap_err();
    assert!(matches!(error, NodeError::TooLarge { .. }), "{error}");
}
