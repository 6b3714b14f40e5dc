//! `aave activate`, `deactivate`, `list` and `add` store what the Python package does, once, and leave everything else
//! alone.

use std::fs;
use std::path::Path;

use alloy_primitives::Address as Contract;
use degenbot::database::{
    CancelToken, Error, ErrorKind, MarketActivation, MarketConflict, MarketDeactivation,
    MarketFacts, MarketOptions, activate_market, add_market, create_new_sqlite_database,
    deactivate_market, list_markets,
};
use degenbot::deployments::{Market, MarketName};
use degenbot::models::{AaveV3StoredMarket, NewErc20Token};
use degenbot::node::{Node, NodeError, NodeOptions};
use degenbot::sync::ask_market;
use degenbot::types::{Address, BlockNumber, ChainId, Decimals};
use diesel::connection::SimpleConnection;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::cases;
use crate::support::command::{degenbot, on, quietly, run};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::databases;
use crate::support::fake_chain::FakeChain;
use crate::support::node_server::NodeServer;

/// The market of the Python package: what it stores when it activates it.
const STORED: [&str; 4] = [
    "1|Aave Ethereum Market|1|16291070",
    "1|POOL_ADDRESS_PROVIDER|0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e|-",
    "1|0x40D16FC0246aD3160Ccc09B8D0D3A2cD28aE6C2f|Gho Token|GHO|18",
    "1|aave_v3|16291071|-",
];

/// The rows of markets, their contracts, GHO and the facts, in short.
fn rows(path: &Path) -> Vec<String> {
    let query = "
        SELECT chain_id || '|' || name || '|' || active || '|' || ifnull(last_update_block, '-') AS line
        FROM aave_v3_markets
        UNION ALL SELECT market_id || '|' || name || '|' || address || '|' || ifnull(revision, '-')
        FROM aave_v3_contracts
        UNION ALL SELECT chain || '|' || address || '|' || name || '|' || symbol || '|' || decimals
        FROM aave_gho_tokens AS g JOIN erc20_tokens AS t ON t.id = g.token_id WHERE g.v_token_id IS NULL
        UNION ALL SELECT market_id || '|' || name || '|' || ifnull(first_block, '-') || '|' || ifnull(last_update_time, '-')
        FROM aave_v3_market_facts";
    content::lines(&mut content::connect(path), query)
}

fn name(text: &str) -> MarketName {
    text.parse().unwrap()
}

fn execute(path: &Path, statements: &str) {
    content::connect(path).batch_execute(statements).unwrap();
}

fn block(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap()
}

fn facts() -> MarketFacts {
    MarketFacts::new("Aave Ethereum Market".to_owned()).gho(NewErc20Token {
        chain: ChainId::ETHEREUM,
        address: "0x40D16FC0246aD3160Ccc09B8D0D3A2cD28aE6C2f"
            .parse()
            .unwrap(),
        name: Some("Gho Token".to_owned()),
        symbol: Some("GHO".to_owned()),
        decimals: Some(Decimals::new(18).unwrap()),
    })
}

fn activate(path: &Path, market: &str) -> Result<Option<MarketActivation>, Error> {
    let options = MarketOptions::default().facts(facts());
    activate_market(path, &name(market), &options)
}

fn conflict<T: std::fmt::Debug>(result: Result<T, Error>) -> MarketConflict {
    match result.unwrap_err().kind {
        ErrorKind::Market { conflict } => *conflict,
        other => panic!("{other:?}"),
    }
}

#[test]
fn activate_stores_what_the_python_package_stores_once() {
    let (_folder, path) = databases::empty();
    let main = name("ethereum_aave_v3");
    let options = MarketOptions::default();
    let unasked = activate_market(&path, &main, &options);
    assert_eq!(
        conflict(unasked),
        MarketConflict::IdUnknown {
            market: main.clone()
        }
    );
    assert_eq!(
        activate(&path, "ethereum_aave_v3").unwrap(),
        Some(MarketActivation::Added)
    );
    assert_eq!(rows(&path), STORED);
    let after = content::of(&path);
    // What is there needs no node.
    assert_eq!(
        activate_market(&path, &main, &options).unwrap(),
        Some(MarketActivation::AlreadyActive)
    );
    assert_eq!(
        activate(&path, "1_aave_v3").unwrap(),
        Some(MarketActivation::AlreadyActive)
    );
    assert_eq!(content::of(&path), after);
    for expected in [
        MarketDeactivation::Deactivated,
        MarketDeactivation::AlreadyInactive,
    ] {
        assert_eq!(
            deactivate_market(&path, &main, &options).unwrap(),
            Some(expected)
        );
    }
    assert_eq!(
        activate_market(&path, &main, &options).unwrap(),
        Some(MarketActivation::Activated)
    );
    assert_eq!(content::of(&path), after);
    assert_eq!(content::complaints(&path), [""; 0]);
    for unknown in ["ethereum_aave_v4", "4242_aave_v3"] {
        assert_eq!(activate(&path, unknown).unwrap(), None);
        let deactivated = deactivate_market(&path, &name(unknown), &options);
        assert_eq!(deactivated.unwrap(), None);
    }
    assert_eq!(content::of(&path), after);
}

#[test]
fn activate_stores_every_known_market_beside_the_others() {
    let (_folder, path) = databases::empty();
    for known in Market::known() {
        let activated = activate(&path, &known.market_name().to_string()).unwrap();
        assert_eq!(activated, Some(MarketActivation::Added));
    }
    let mut connection = content::connect(&path);
    let stored = AaveV3StoredMarket::all(&mut connection).unwrap();
    assert_eq!(stored.len(), Market::known().len());
    for (stored, known) in stored.iter().zip(Market::known()) {
        assert_eq!(stored.name, known.market_name());
        assert_eq!(stored.known(), Some(known));
        assert_eq!(stored.provider, Some(known.provider));
        assert_eq!(stored.first_block(), known.first_block);
        let mark = stored.market.last_update_block.map(BlockNumber::get);
        assert_eq!(mark, known.first_block.map(|first| first.get() - 1));
    }
    let gho = "SELECT count(*) AS line FROM aave_gho_tokens";
    assert_eq!(content::lines(&mut connection, gho), ["1"]);
}

#[test]
fn activate_completes_what_the_python_package_has_stored_and_keeps_its_mark() {
    let rows_of_python = [
        // As it stores them, and without the addresses provider; with a spelling of old rows.
        "INSERT INTO aave_v3_contracts (market_id, name, address) VALUES
             (7, 'POOL', '0x87870bca3f3fd6335c3f4ce8392d69350b4fa4e2'),
             (7, 'POOL_ADDRESS_PROVIDER', '0x2f39d218133afab8f2b819b1066c7e434ad94e9e');
         INSERT INTO erc20_tokens (id, chain, address) VALUES (3, 1, '0x40d16fc0246ad3160ccc09b8d0d3a2cd28ae6c2f');
         INSERT INTO aave_gho_tokens (token_id, v_gho_discount_token) VALUES
             (3, '0x4da27a545c0c5b758a6ba100e3a049001de870f5')",
        "",
    ];
    for (python, expected) in rows_of_python.into_iter().zip([2, 1]) {
        let (_folder, path) = databases::empty();
        execute(
            &path,
            &format!(
                "INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES
                     (7, 1, 'Aave Ethereum Market', 0, 17000000);
                 {python}"
            ),
        );
        let before = content::of(&path);
        // No node is needed: the row says which market it is.
        let options = MarketOptions::default();
        let activated = activate_market(&path, &name("ethereum_aave_v3"), &options);
        assert_eq!(activated.unwrap(), Some(MarketActivation::Activated));
        let mut connection = content::connect(&path);
        let stored = AaveV3StoredMarket::all(&mut connection).unwrap();
        let [stored] = &stored[..] else {
            panic!("{stored:?}")
        };
        assert_eq!(stored.market.last_update_block, Some(block(17_000_000)));
        assert_eq!(stored.first_block(), Some(block(16_291_071)));
        assert!(stored.provider.is_some() && stored.facts.is_some());
        let after = content::of(&path);
        assert_eq!(after["aave_v3_contracts"].rows.len(), expected);
        assert_eq!(after["aave_gho_tokens"].rows.len(), 1);
        assert_eq!(after["erc20_tokens"].rows.len(), 1);
        if expected == 2 {
            for table in ["aave_v3_contracts", "aave_gho_tokens", "erc20_tokens"] {
                assert_eq!(after[table], before[table]);
            }
        }
    }
    // A market without its provider is known by the name that its contract says.
    let (_folder, path) = databases::empty();
    execute(
        &path,
        "INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES
             (1, 8453, 'Aave Base Market', 0, 5), (2, 8453, 'Another', 0, 5)",
    );
    let base = MarketOptions::default().facts(MarketFacts::new("Aave Base Market".to_owned()));
    let activated = activate_market(&path, &name("base_aave_v3"), &base).unwrap();
    assert_eq!(activated, Some(MarketActivation::Activated));
    let marks =
        "SELECT id || '|' || active || '|' || last_update_block AS line FROM aave_v3_markets";
    let marks = content::lines(&mut content::connect(&path), marks);
    assert_eq!(marks, ["1|1|5", "2|0|5"]);
    // Of two rows, the one that was followed.
    let (_folder, path) = databases::empty();
    execute(
        &path,
        "INSERT INTO aave_v3_markets (id, chain_id, name, active, last_update_block) VALUES
             (1, 1, 'aave_v3', 0, NULL), (2, 1, 'Aave Ethereum Market', 0, 17000000)",
    );
    activate(&path, "ethereum_aave_v3").unwrap();
    let active = "SELECT id AS line FROM aave_v3_markets WHERE active";
    let active = content::lines(&mut content::connect(&path), active);
    assert_eq!(active, ["2"]);
}

#[test]
fn add_inserts_a_market_once() {
    let (_folder, path) = databases::empty();
    let provider = |byte: u8| Address::new([byte; 20]);
    let add = |text: &str, provider, first: Option<u64>| {
        let market = Market::new(name(text), provider).unwrap();
        let market = match first {
            Some(first) => market.with_first_block(block(first)),
            None => market,
        };
        let facts = MarketFacts::new("Spark Protocol".to_owned());
        add_market(&path, &market, &facts, &MarketOptions::default())
    };
    add("ethereum_spark", provider(1), Some(16_776_401)).unwrap();
    add("ethereum_other", provider(2), None).unwrap();
    // The chain makes the difference.
    add("gnosis_spark", provider(1), Some(0)).unwrap();
    execute(
        &path,
        "UPDATE aave_v3_contracts SET address = lower(address)",
    );
    let before = content::of(&path);
    assert_eq!(
        rows(&path),
        [
            "1|Spark Protocol|0|16776400",
            "1|Spark Protocol|0|-",
            "100|Spark Protocol|0|-",
            "1|POOL_ADDRESS_PROVIDER|0x0101010101010101010101010101010101010101|-",
            "2|POOL_ADDRESS_PROVIDER|0x0202020202020202020202020202020202020202|-",
            "3|POOL_ADDRESS_PROVIDER|0x0101010101010101010101010101010101010101|-",
            "1|spark|16776401|-",
            "2|other|-|-",
            "3|spark|0|-",
        ]
    );
    assert_eq!(
        conflict(add("ethereum_spark", provider(3), None)),
        MarketConflict::NameTaken {
            market: name("ethereum_spark")
        }
    );
    assert_eq!(
        conflict(add("ethereum_third", provider(1), None)),
        MarketConflict::ProviderTaken {
            market: name("ethereum_spark"),
            provider: provider(1)
        }
    );
    assert_eq!(content::of(&path), before);
    let listed: Vec<_> = list_markets(&path)
        .unwrap()
        .into_iter()
        .map(|listed| listed.market.unwrap().to_string())
        .collect();
    assert_eq!(listed, ["ethereum_spark", "ethereum_other", "gnosis_spark"]);
    // No node is needed for what is there.
    let options = MarketOptions::default();
    for text in ["ethereum_spark", "gnosis_spark"] {
        assert_eq!(
            activate_market(&path, &name(text), &options).unwrap(),
            Some(MarketActivation::Activated)
        );
        assert_eq!(
            deactivate_market(&path, &name(text), &options).unwrap(),
            Some(MarketDeactivation::Deactivated)
        );
    }
    assert_eq!(content::of(&path), before);
}

#[test]
fn activate_refuses_a_market_of_another_provider_and_several_of_one_name() {
    let (_folder, path) = databases::empty();
    execute(
        &path,
        "INSERT INTO aave_v3_markets (id, chain_id, name, active) VALUES
             (1, 8453, 'A', 0), (2, 10, 'B', 0), (3, 10, 'C', 0);
         INSERT INTO aave_v3_contracts (market_id, name, address) VALUES
             (1, 'POOL_ADDRESS_PROVIDER', '0x2000000000000000000000000000000000000001'),
             (2, 'POOL_ADDRESS_PROVIDER', '0x2000000000000000000000000000000000000001'),
             (3, 'POOL_ADDRESS_PROVIDER', '0x2000000000000000000000000000000000000002');
         INSERT INTO aave_v3_market_facts (market_id, name) VALUES (1, 'aave_v3'), (2, 'x'), (3, 'x')",
    );
    let before = content::of(&path);
    let error = |market: &str| {
        let error = activate(&path, market).unwrap_err().to_string();
        error.replace(path.to_str().unwrap(), "[PATH]")
    };
    insta::assert_snapshot!(error("base_aave_v3"), @"The database at [PATH] has base_aave_v3 with the addresses provider 0x2000000000000000000000000000000000000001, not 0xe20fCBdBfFC4Dd138cE8b2E6FBb6CB49777ad64D");
    insta::assert_snapshot!(error("optimism_x"), @"The database at [PATH] has optimism_x with the addresses providers 0x2000000000000000000000000000000000000001 and 0x2000000000000000000000000000000000000002");
    assert_eq!(content::of(&path), before);
}

#[test]
fn market_commands_fail_if_a_trigger_does_not_let_them() {
    let ignore = "SELECT RAISE(IGNORE);";
    let spark = Market::new(name("ethereum_spark"), Address::new([1; 20])).unwrap();
    let cases = [
        ("activate", "BEFORE INSERT ON aave_v3_markets", ignore),
        ("activate", "BEFORE INSERT ON aave_v3_contracts", ignore),
        ("activate", "BEFORE INSERT ON aave_v3_market_facts", ignore),
        ("activate", "BEFORE INSERT ON aave_gho_tokens", ignore),
        ("activate", "BEFORE INSERT ON erc20_tokens", ignore),
        (
            "activate",
            "AFTER INSERT ON aave_v3_contracts",
            "UPDATE aave_v3_contracts SET address = '0x2000000000000000000000000000000000000002';",
        ),
        (
            "activate",
            "AFTER INSERT ON aave_v3_markets",
            "UPDATE aave_v3_markets SET active = 0 WHERE id = NEW.id;",
        ),
        (
            "activate",
            "AFTER INSERT ON aave_gho_tokens",
            "DELETE FROM aave_gho_tokens;",
        ),
        ("deactivate", "BEFORE UPDATE ON aave_v3_markets", ignore),
        (
            "deactivate",
            "AFTER UPDATE OF active ON aave_v3_markets",
            "UPDATE aave_v3_markets SET active = 1 WHERE id = NEW.id;",
        ),
        ("add", "BEFORE INSERT ON aave_v3_markets", ignore),
        (
            "add",
            "AFTER INSERT ON aave_v3_markets",
            "UPDATE aave_v3_markets SET active = 1 WHERE id = NEW.id;",
        ),
    ];
    for (operation, event, body) in cases {
        let (_folder, path) = databases::empty();
        execute(
            &path,
            "INSERT INTO aave_v3_markets (id, chain_id, name, active) VALUES (7, 8453, 'Base', 1);
             INSERT INTO aave_v3_contracts (market_id, name, address) VALUES
                 (7, 'POOL_ADDRESS_PROVIDER', '0xe20fCBdBfFC4Dd138cE8b2E6FBb6CB49777ad64D')",
        );
        execute(
            &path,
            &format!("CREATE TRIGGER mine {event} BEGIN {body} END"),
        );
        let before = content::of(&path);
        let options = MarketOptions::default();
        let result = match operation {
            "activate" => activate(&path, "ethereum_aave_v3").map(|_| ()),
            "deactivate" => deactivate_market(&path, &name("base_aave_v3"), &options).map(|_| ()),
            _ => add_market(&path, &spark, &facts(), &options),
        };
        match conflict(result) {
            MarketConflict::NotKept { triggers, .. } => {
                assert_eq!(triggers, ["mine"], "{operation}, {event}");
            }
            other => panic!("{operation}, {event}: {other:?}"),
        }
        assert_eq!(content::of(&path), before, "{operation}, {event}");
    }
    let (_folder, path) = databases::empty();
    execute(
        &path,
        "CREATE TRIGGER mine BEFORE INSERT ON aave_v3_contracts BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    let error = activate(&path, "ethereum_aave_v3").unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(path.to_str().unwrap(), "[PATH]"), @"The database at [PATH] rejects the change of ethereum_aave_v3: no; its triggers on these tables are mine");
    assert_eq!(content::of(&path)["aave_v3_markets"].rows.len(), 0);
}

#[test]
fn older_versions_can_be_listed_and_markets_in_them_deactivated() {
    let names = corpus::names(&["populated", "upgraded"]);
    cases::for_each(&names, |database| {
        let copy = Copy::of(database);
        let before = copy.files();
        let listed = list_markets(&copy.path).unwrap();
        assert_eq!(copy.files(), before, "{database}");
        // Early ones have no such table.
        let stored = content::of(&copy.path).remove("aave_v3_markets");
        let rows = stored.map_or(0, |stored| stored.rows.len());
        assert_eq!(listed.len(), rows, "{database}");
    });
    cases::for_each(&corpus::supported(), |database| {
        let copy = Copy::of(database);
        let before = content::of(&copy.path);
        let refused = activate(&copy.path, "base_aave_v3");
        assert!(
            matches!(conflict(refused), MarketConflict::NoPlace { .. }),
            "{database}"
        );
        assert_eq!(content::of(&copy.path), before, "{database}");
        let listed = list_markets(&copy.path).unwrap();
        for market in listed.into_iter().filter_map(|listed| listed.market) {
            let deactivated =
                deactivate_market(&copy.path, &market, &MarketOptions::default()).unwrap();
            assert!(deactivated.is_some(), "{database}: {market}");
        }
        let active = list_markets(&copy.path)
            .unwrap()
            .into_iter()
            .filter(|listed| listed.active == Some(degenbot::types::SqlValue::Integer(1)));
        assert_eq!(active.count(), 0, "{database}");
    });
}

/// A `string` as contracts encode it.
fn string(text: &str) -> Vec<u8> {
    let mut answer = vec![0; 64];
    answer[31] = 32;
    answer[63] = u8::try_from(text.len()).unwrap();
    answer.extend(text.as_bytes());
    answer.resize(answer.len().next_multiple_of(32), 0);
    answer
}

/// Answers as the contracts of Ethereum, and as an addresses provider of Aave V2 at 0x0202…02.
fn answer(to: Contract, data: &[u8], _block: u64) -> Result<Vec<u8>, String> {
    let mut word = vec![0; 32];
    let market = Market::of(&name("ethereum_aave_v3")).unwrap();
    let is_provider = *to == *market.provider.as_bytes() || to[0] == 0x01;
    match data {
        [0x56, 0x8e, 0xf4, 0x70] if to[0] == 0x01 => Ok(string("Spark Protocol")),
        [0x56, 0x8e, 0xf4, 0x70] if to[0] == 0x02 => Ok(string("Aave genesis market")),
        [0x56, 0x8e, 0xf4, 0x70] if to[0] == 0x03 => Ok(string("3")),
        [0x56, 0x8e, 0xf4, 0x70] if is_provider => Ok(string("Aave Ethereum Market")),
        [0x02, 0x6b, 0x1d, 0x5f] if is_provider || to[0] == 0x03 => {
            word[31] = 7;
            Ok(word)
        }
        [0x06, 0xfd, 0xde, 0x03] => Ok(string("Gho Token")),
        [0x95, 0xd8, 0x9b, 0x41] => Ok(string("GHO")),
        [0x31, 0x3c, 0xe5, 0x67] => {
            word[31] = 18;
            Ok(word)
        }
        _ if to[0] == 0x02 => Err("execution reverted".to_owned()),
        // There is no contract.
        _ => Ok(Vec::new()),
    }
}

fn server() -> NodeServer {
    let mut chain = FakeChain::new(1, 1_000);
    chain.calls = answer;
    NodeServer::start(chain)
}

#[test]
fn contracts_of_a_market_are_asked_in_one_request() {
    let server = server();
    let node = |chain| {
        let options = NodeOptions::default().max_tries(2);
        Node::new(chain, vec![server.endpoint()], options, CancelToken::new()).unwrap()
    };
    let main = Market::of(&name("ethereum_aave_v3")).unwrap();
    let ask = |provider, gho| ask_market(&node(main.chain), main.chain, provider, gho);
    assert_eq!(ask(main.provider, main.gho).unwrap(), Some(facts()));
    assert_eq!(server.count(), 1);
    for other in [0x02, 0x04] {
        assert_eq!(ask(Address::new([other; 20]), None).unwrap(), None);
    }
    let chain = ChainId::BASE;
    let error = ask_market(&node(chain), chain, main.provider, None).unwrap_err();
    assert!(matches!(error, NodeError::OtherChain { .. }), "{error}");
}

/// A folder with a database.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/degenbot");
    fs::create_dir_all(&folder).unwrap();
    create_new_sqlite_database(&folder.join("degenbot.db")).unwrap();
    home
}

/// What the commands say, one after the other.
fn session(home: &Path, server: &NodeServer, commands: &[&str]) -> String {
    let url = server.url();
    let told = commands.iter().map(|line| {
        let mut command = degenbot(home);
        let arguments = line.replace("[NODE]", &url);
        command.arg("aave").args(arguments.split(' '));
        format!("$ degenbot aave {line}\n{}", run(command, ""))
    });
    let text: String = told.collect();
    text.replace(home.to_str().unwrap(), "[HOME]")
        .replace(&url, "[NODE]")
        .replace(url.trim_start_matches("http://"), "[NODE]")
}

#[test]
fn market_commands_print_the_python_packages_messages() {
    let home = home();
    let spark = "--provider 0x0101010101010101010101010101010101010101";
    let text = session(
        home.path(),
        &server(),
        &[
            "activate ethereum_aave_v3",
            "activate ethereum_aave_v3 --rpc [NODE]",
            "activate ethereum_aave_v3",
            "deactivate ethereum_aave_v3",
            "deactivate ethereum_aave_v3",
            "activate ethereum_aave_v3",
            "deactivate base_aave_v3",
            "activate base_aave_v3 --rpc [NODE]",
            "activate ethereum_aave_v3_lido --rpc [NODE]",
            &format!("add --chain ethereum {spark} --from-block 16776401 --rpc [NODE]"),
            &format!("add --chain 1 {spark} --name spark --rpc [NODE]"),
            "activate ethereum_spark_protocol",
            "-q deactivate ethereum_spark_protocol",
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn market_commands_report_invalid_arguments() {
    let home = home();
    let server = server();
    let text = session(
        home.path(),
        &server,
        &[
            "activate aave_v3",
            "activate etherum_aave_v3",
            "deactivate polygon_ave_v3",
            "activate xyz",
            "activate",
            "add --chain base --provider 0xe20fCBdBfFC4Dd138cE8b2E6FBb6CB49777ad64D --rpc [NODE]",
            "add --chain base --name aave_v3 --provider 0x0101010101010101010101010101010101010101",
            "add --chain base --name Spark --provider 0x0101010101010101010101010101010101010101",
            "add --chain base --provider 0x0000000000000000000000000000000000000000 --name x",
            "add --chain mars --provider 0x0101010101010101010101010101010101010101",
        ],
    );
    insta::assert_snapshot!(text);
    assert_eq!(server.count(), 0, "no node was to be asked");
    let text = session(
        home.path(),
        &server,
        &[
            "add --chain 1 --provider 0x0202020202020202020202020202020202020202 --rpc [NODE]",
            "add --chain 1 --provider 0x0303030303030303030303030303030303030303 --rpc [NODE]",
        ],
    );
    insta::assert_snapshot!(text, @r"
    $ degenbot aave add --chain 1 --provider 0x0202020202020202020202020202020202020202 --rpc [NODE]
    status: 1
    --- stdout
    --- stderr
    error: 0x0202020202020202020202020202020202020202 is no addresses provider of Aave V3 on Ethereum: it does not say the name of a market and its pool
    hint: Check the address and the chain. Aave calls this contract PoolAddressesProvider; a node that is not synced does not have it yet
    $ degenbot aave add --chain 1 --provider 0x0303030303030303030303030303030303030303 --rpc [NODE]
    status: 1
    --- stdout
    --- stderr
    error: The addresses provider 0x0303030303030303030303030303030303030303 on Ethereum calls its market '3', of which no name for commands can be made
    hint: Give the market a name of lower-case letters, digits and _ with '--name'
    ");
}

#[test]
fn list_shows_known_markets_and_rows() {
    let (_folder, path) = databases::empty();
    activate(&path, "ethereum_aave_v3").unwrap();
    execute(
        &path,
        "INSERT INTO aave_v3_markets (id, chain_id, name, active) VALUES
             (2, 1, 'Spark Protocol', 0), (3, 0, 'no chain', 'x')",
    );
    let listed = quietly(&path, &["aave", "list"]);
    assert!(
        listed.lines().all(|line| line.chars().count() <= 80),
        "{listed}"
    );
    insta::assert_snapshot!(listed);
    let document = |path: &Path| -> Value {
        let output = on(path, &["-q", "aave", "list", "--json"])
            .output()
            .unwrap();
        assert!(output.status.success());
        assert!(output.stderr.is_empty());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = document(&path);
    assert_eq!(found["has_database"], true);
    let markets = found["markets"].as_array().unwrap();
    assert_eq!(markets.len(), Market::known().len() + 2);
    let main = markets
        .iter()
        .find(|market| market["name"] == "ethereum_aave_v3");
    assert_eq!(
        main,
        Some(&serde_json::json!({
            "name": "ethereum_aave_v3",
            "is_known": true,
            "is_in_database": true,
            "chain_id": 1,
            "market": "Aave Ethereum Market",
            "active": true,
            "last_update_block": 16_291_070,
            "first_block": 16_291_071,
            "provider": "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e",
        }))
    );
    // Without a database, these are the known markets, and nothing is created.
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("degenbot.db");
    let found = document(&missing);
    assert_eq!(found["has_database"], false);
    let names = found["markets"].as_array().unwrap().iter();
    let names: Vec<_> = names
        .map(|market| market["name"].as_str().unwrap())
        .collect();
    let known = Market::known().iter();
    let known: Vec<_> = known.map(|known| known.market_name().to_string()).collect();
    assert_eq!(names, known);
    let told = quietly(&missing, &["aave", "activate", "base_aave_v3"]);
    insta::assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    error: There is no database at degenbot.db
    hint: Nothing was changed. Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file), or create the database with 'degenbot database reset'
    ");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
