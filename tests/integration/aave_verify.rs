//! Markets of Aave V3 beside their contracts: the comparison, the repair, and what the Python package has left.

mod last_blocks;
mod lost_rows;
mod other_program;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{B256, U256, keccak256};
use degenbot::database::{
    CancelToken, MarketFacts, MarketOptions, activate_market, create_new_sqlite_database,
};
use degenbot::models::NewErc20Token;
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::{
    AaveRepairOptions, AaveRepairReport, AaveUpdateOptions, AaveUpdateReport, AaveVerifyOptions,
    AaveVerifyReport, BlockTarget, SyncError, repair_aave_markets, update_aave_markets,
    verify_aave_markets,
};
use degenbot::types::{Address, BlockNumber, ChainId, Decimals};
use diesel::connection::SimpleConnection as _;
use tempfile::TempDir;

use crate::support::aave_state::{BLOCKS, chain, selector};
use crate::support::content::{connect, integrity, lines};
use crate::support::fake_chain::FakeLog;
use crate::support::node_server::NodeServer;

/// A database with the recorded market, and a node.
struct Scene {
    _folder: TempDir,
    path: PathBuf,
    server: Arc<NodeServer>,
}

impl Scene {
    /// The market up to a block.
    fn at(block: u64) -> Self {
        let scene = Self::never_updated();
        scene.update(block).1.unwrap();
        scene
    }

    /// The market as an activation leaves it.
    fn never_updated() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        create_new_sqlite_database(&path).unwrap();
        let gho = NewErc20Token {
            chain: ChainId::ETHEREUM,
            address: "0x40D16FC0246aD3160Ccc09B8D0D3A2cD28aE6C2f"
                .parse()
                .unwrap(),
            name: Some("Gho Token".to_owned()),
            symbol: Some("GHO".to_owned()),
            decimals: Some(Decimals::new(18).unwrap()),
        };
        let facts = MarketFacts::new("Aave Ethereum Market".to_owned()).gho(gho);
        let options = MarketOptions::default().facts(facts);
        activate_market(&path, &"ethereum_aave_v3".parse().unwrap(), &options)
            .unwrap()
            .unwrap();
        Self {
            _folder: folder,
            path,
            server: Arc::new(NodeServer::start(chain())),
        }
    }

    fn node(&self) -> Node {
        let endpoints = vec![self.server.endpoint()];
        let options = NodeOptions::default().max_tries(2);
        Node::new(ChainId::ETHEREUM, endpoints, options, CancelToken::new()).unwrap()
    }

    fn execute(&self, sql: &str) {
        connect(&self.path).batch_execute(sql).unwrap();
    }

    fn update(&self, block: u64) -> (AaveUpdateReport, Result<(), SyncError>) {
        let options = AaveUpdateOptions::default()
            .to_block(BlockTarget::from(BlockNumber::new(block).unwrap()))
            .patience(Duration::ZERO);
        let chain = ChainId::ETHEREUM;
        update_aave_markets(&self.path, chain, &self.node(), &options, &mut ())
    }

    fn verify(&self, options: &AaveVerifyOptions) -> (AaveVerifyReport, Result<(), SyncError>) {
        let chain = ChainId::ETHEREUM;
        verify_aave_markets(&self.path, chain, &self.node(), options, &mut |_| {})
    }

    fn repair(&self, options: &AaveRepairOptions) -> (AaveRepairReport, Result<(), SyncError>) {
        let chain = ChainId::ETHEREUM;
        repair_aave_markets(&self.path, chain, &self.node(), options, &mut |_| {})
    }

    /// What differs, a line for each value.
    fn found(&self) -> Vec<String> {
        let (report, result) = self.verify(&AaveVerifyOptions::default().sample(None));
        result.unwrap();
        assert_eq!(report.not_compared, []);
        subjects(&report)
    }

    fn users(&self) -> Vec<Address> {
        let users = lines(
            &mut connect(&self.path),
            "SELECT address AS line FROM aave_v3_users ORDER BY id",
        );
        users.iter().map(|user| user.parse().unwrap()).collect()
    }
}

fn subjects(report: &AaveVerifyReport) -> Vec<String> {
    let findings = report.findings.iter();
    findings
        .map(|finding| finding.subject.to_string())
        .collect()
}

/// Faults in rows, and what a comparison of everything says about it.
const FAULTS: [(&str, &[&str]); 27] = [
    (
        "UPDATE aave_v3_collateral_positions SET balance = balance || '1'
         WHERE id = (SELECT min(id) FROM aave_v3_collateral_positions WHERE balance <> '0')",
        &["scaled balance", "scaled total supply"],
    ),
    (
        "DELETE FROM aave_v3_debt_positions
         WHERE id = (SELECT max(id) FROM aave_v3_debt_positions WHERE balance <> '0')",
        &["scaled balance", "scaled total supply"],
    ),
    (
        "UPDATE aave_v3_debt_positions SET last_index = '7'
         WHERE id = (SELECT max(id) FROM aave_v3_debt_positions)",
        &["last index"],
    ),
    (
        "UPDATE aave_v3_users SET e_mode = 7 WHERE id = 2",
        &["e-mode category"],
    ),
    (
        "UPDATE aave_v3_user_collateral_configs SET enabled = 1 - enabled WHERE id = 1",
        &["enabled as collateral"],
    ),
    (
        "DELETE FROM aave_v3_user_collateral_configs
         WHERE id = (SELECT min(id) FROM aave_v3_user_collateral_configs WHERE enabled)",
        &["enabled as collateral"],
    ),
    (
        "UPDATE aave_v3_assets SET liquidity_index = liquidity_index || '1' WHERE id = 1",
        &["liquidity_index"],
    ),
    (
        "UPDATE aave_v3_assets SET liquidity_rate = '1' WHERE id = 1",
        &["liquidity_rate"],
    ),
    (
        "UPDATE aave_v3_assets SET borrow_index = '1' WHERE id = 1",
        &["borrow_index"],
    ),
    (
        "UPDATE aave_v3_assets SET borrow_rate = '1' WHERE id = 1",
        &["borrow_rate"],
    ),
    (
        "UPDATE aave_v3_assets SET last_update_block = last_update_block - 1 WHERE id = 1",
        &["last_update_block"],
    ),
    (
        "UPDATE aave_v3_assets SET price_source = NULL WHERE id = 1",
        &["price_source"],
    ),
    (
        "UPDATE aave_v3_asset_facts SET last_update_time = 7 WHERE asset_id = 1",
        &["last_update_time"],
    ),
    (
        "UPDATE aave_v3_asset_configs SET ltv = ltv + 1, liquidation_threshold = 1, liquidation_bonus = 1
         WHERE asset_id = 1",
        &["liquidation_bonus", "liquidation_threshold", "ltv"],
    ),
    (
        "UPDATE aave_v3_asset_configs SET borrowing_enabled = 1 - borrowing_enabled,
             flash_loan_enabled = 1 - flash_loan_enabled, isolation_mode = 1 - isolation_mode,
             borrowable_in_isolation = 1 - borrowable_in_isolation,
             stable_borrowing_enabled = 1 - stable_borrowing_enabled
         WHERE asset_id = 1",
        &[
            "borrowable_in_isolation",
            "borrowing_enabled",
            "flash_loan_enabled",
            "isolation_mode",
            "stable_borrowing_enabled",
        ],
    ),
    (
        "UPDATE aave_v3_asset_configs SET debt_ceiling = '77' WHERE asset_id = 1",
        &["debt_ceiling"],
    ),
    (
        "UPDATE aave_v3_emode_assets SET is_borrowable = 1 - is_borrowable WHERE id = 1",
        &["borrowable in e-mode category 1"],
    ),
    (
        "UPDATE aave_v3_emode_categories SET label = 'x', ltv = 1 WHERE category_id = 1",
        &["e-mode category 1: label", "e-mode category 1: ltv"],
    ),
    (
        "UPDATE aave_v3_contracts SET revision = 3 WHERE name = 'POOL'",
        &["revision of POOL"],
    ),
    (
        "UPDATE aave_v3_contracts SET address = '0x00000000000000000000000000000000000000AA'
         WHERE name = 'PRICE_ORACLE'",
        &["address of PRICE_ORACLE"],
    ),
    (
        "UPDATE erc20_tokens SET symbol = 'x', decimals = 7
         WHERE id = (SELECT a_token_id FROM aave_v3_assets WHERE id = 2)",
        &["decimals", "symbol"],
    ),
    (
        "UPDATE aave_v3_market_facts SET last_update_time = last_update_time + 86400",
        &["time of the last block"],
    ),
    (
        "UPDATE aave_v3_markets SET name = 'Other'",
        &["name of the market"],
    ),
    (
        "UPDATE aave_gho_tokens SET v_token_id = NULL",
        &["v_token_id in aave_gho_tokens"],
    ),
    (
        "DELETE FROM aave_gho_tokens",
        &["v_token_id in aave_gho_tokens"],
    ),
    (
        "UPDATE aave_v3_assets SET a_token_id = v_token_id, v_token_id = a_token_id WHERE id = 2",
        &["a_token", "v_token"],
    ),
    (
        "UPDATE aave_v3_assets SET v_token_revision = 99 WHERE id = 1",
        &["v_token_revision"],
    ),
];

#[test]
fn every_fault_is_found_and_mended() {
    // Every repair below takes back what is not final, and takes it in again.
    let scene = Scene::at(BLOCKS[2]);
    assert_eq!(scene.found(), Vec::<String>::new());
    for (sql, expected) in FAULTS {
        scene.execute(sql);
        let mut found = scene.found();
        found.sort();
        found.dedup();
        assert_eq!(found, expected, "{sql}");
        let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
        result.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(!report.findings.is_empty());
        let (keep, _) = report.undone.unwrap();
        assert_eq!(keep.get(), BLOCKS[1]);
        assert_eq!(report.taken_in.map(BlockNumber::get), Some(BLOCKS[2]));
        assert_eq!(scene.found(), Vec::<String>::new(), "{sql}");
    }
    assert_eq!(integrity(&scene.path), ["ok"]);
    // Blocks that are gone can still be undone.
    scene
        .server
        .chain(|chain| chain.reorganise(40, vec![Vec::new(); 50]));
    let (report, result) = scene.update(BLOCKS[2]);
    result.unwrap();
    assert_eq!(report.undone.unwrap().0.get(), BLOCKS[2] - 40);
}

#[test]
fn unknown_revision_in_the_database_is_not_blamed_on_the_version() {
    let scene = Scene::at(BLOCKS[1]);
    scene.execute("UPDATE aave_v3_assets SET v_token_revision = 99 WHERE id = 1");
    let error = scene.update(BLOCKS[2]).1.unwrap_err();
    assert!(matches!(error, SyncError::StoredRevision { .. }), "{error}");
    assert!(
        error
            .hint()
            .starts_with("'degenbot aave repair --reserves'")
    );
    let (_, result) = scene.repair(&AaveRepairOptions::default().reserves(true));
    result.unwrap();
    scene.update(BLOCKS[2]).1.unwrap();
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn market_with_another_provider_is_found_and_mended() {
    let scene = Scene::at(BLOCKS[2]);
    let contracts = "SELECT address AS line FROM aave_v3_contracts WHERE name = ";
    let contract = |name: &str| {
        let sql = format!("{contracts}'{name}'");
        lines(&mut connect(&scene.path), &sql)[0].parse().unwrap()
    };
    let (pool, provider): (alloy_primitives::Address, alloy_primitives::Address) =
        (contract("POOL"), contract("POOL_ADDRESS_PROVIDER"));
    scene.server.chain(|chain| {
        let call = selector("ADDRESSES_PROVIDER()").to_vec();
        let answer = B256::left_padding_from(provider.as_slice()).to_vec();
        let of_call = Arc::make_mut(&mut chain.answers).entry((pool, call));
        of_call.or_default().insert(BLOCKS[0], answer);
    });
    scene.execute(
        "UPDATE aave_v3_contracts SET address = '0x00000000000000000000000000000000000000AA'
         WHERE name = 'POOL_ADDRESS_PROVIDER'",
    );
    assert_eq!(scene.found(), ["address of POOL_ADDRESS_PROVIDER"]);
    let (report, result) = scene.repair(&AaveRepairOptions::default().reserves(true));
    result.unwrap();
    assert_eq!((report.findings.len(), report.rows), (1, 1));
    assert_eq!(scene.found(), Vec::<String>::new());
    assert_eq!(contract("POOL_ADDRESS_PROVIDER"), provider);
}

#[test]
fn users_are_repaired_beside_others_that_are_wrong_in_the_last_blocks() {
    let scene = Scene::at(BLOCKS[2]);
    let users = scene.users();
    let wrong = "UPDATE aave_v3_collateral_positions SET balance = '5' WHERE user_id <= 4";
    scene.execute(wrong);
    // The last blocks have changed positions of the others, which are set back all the same.
    let before = scene.found();
    let (_, result) = scene.repair(&AaveRepairOptions::default().users(users[..1].into()));
    result.unwrap();
    let named = AaveVerifyOptions::default().users(users[..1].into());
    let (report, result) = scene.verify(&named);
    result.unwrap();
    let of_user = report.findings.iter().filter(|it| it.user.is_some());
    assert_eq!(of_user.count(), 0, "{report:?}");
    let after = scene.found();
    assert!(!after.is_empty() && after.len() < before.len(), "{after:?}");
    let (report, result) = scene.repair(&AaveRepairOptions::default().users(users[..4].into()));
    result.unwrap();
    assert!(report.rows > 0);
    assert_eq!(scene.found(), Vec::<String>::new());
    let (report, result) = scene.repair(&AaveRepairOptions::default().users(users));
    result.unwrap();
    assert_eq!((report.findings, report.rows), (Vec::new(), 0));
}

#[test]
fn users_that_are_named_are_compared_with_all_tokens() {
    let scene = Scene::at(BLOCKS[2]);
    let users = scene.users();
    let named = AaveVerifyOptions::default().users(users[..1].into());
    let (report, result) = scene.verify(&named);
    result.unwrap();
    assert!(report.is_clean(), "{report:?}");
    let market = &report.markets[0];
    // Seven reserves with two tokens each.
    assert_eq!((market.compared, market.positions), (1, 14));
    assert_eq!(market.unknown, 0);
    let (report, result) = scene.verify(&AaveVerifyOptions::default().sample(Some(3)));
    result.unwrap();
    assert!(report.is_clean());
    assert_eq!(report.markets[0].compared, 3);
    assert_eq!(report.markets[0].users, users.len() as u64);
    // The chain has one of them, and the database another one in its place.
    let other = Address::new([0xee; 20]);
    let sql = format!(
        "UPDATE aave_v3_users SET address = '{other}' WHERE address = '{}'",
        users[0]
    );
    connect(&scene.path).batch_execute(&sql).unwrap();
    let named = AaveVerifyOptions::default().users(users.clone());
    let (report, result) = scene.verify(&named);
    result.unwrap();
    let market = &report.markets[0];
    assert_eq!((market.compared, market.unknown), (users.len() as u64, 1));
}

#[test]
fn events_are_taken_in_if_the_node_has_no_state_of_the_mark() {
    let scene = Scene::at(BLOCKS[0]);
    scene
        .server
        .chain(|chain| chain.stateless_before = BLOCKS[2]);
    let (report, result) = scene.verify(&AaveVerifyOptions::default().sample(None));
    result.unwrap();
    assert!(report.is_clean(), "{report:?}");
    let market = &report.markets[0];
    assert_eq!(
        (market.mark.get(), market.compared_at.get()),
        (BLOCKS[0], BLOCKS[2])
    );

    // A wrong balance shows, whether an event contradicts it or not.
    scene.execute(
        "UPDATE aave_v3_collateral_positions SET balance = balance || '1'
         WHERE id = (SELECT min(id) FROM aave_v3_collateral_positions WHERE balance <> '0')",
    );
    let found = scene.found();
    assert!(found.contains(&"scaled balance".to_owned()), "{found:?}");

    // The repair needs the state.
    let (_, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
    assert!(
        matches!(result, Err(SyncError::NoState { .. })),
        "{result:?}"
    );

    // No state at all is said.
    scene
        .server
        .chain(|chain| chain.stateless_before = BLOCKS[2] + 1);
    let (report, result) = scene.verify(&AaveVerifyOptions::default());
    result.unwrap();
    assert_eq!(report.not_compared.len(), 1);
    assert!(!report.is_clean());
}

/// What a database of the Python package lacks, or has otherwise.
const PYTHON: &str = "
    DELETE FROM aave_v3_market_facts;
    DELETE FROM aave_v3_asset_facts;
    DELETE FROM aave_v3_emode_assets;
    DELETE FROM chain_blocks;
    DELETE FROM chain_journal;
    UPDATE aave_v3_assets SET e_mode_category_id = NULL;
    UPDATE aave_v3_asset_configs SET borrowing_enabled = 0, flash_loan_enabled = 0, isolation_mode = 0,
        borrowable_in_isolation = 0, debt_ceiling = NULL;
    DELETE FROM aave_v3_collateral_positions WHERE balance = '0';
    DELETE FROM aave_v3_debt_positions WHERE balance = '0';
";

#[test]
fn market_of_the_python_package_is_taken_over_at_its_mark() {
    let scene = Scene::at(BLOCKS[0]);
    scene.execute(PYTHON);
    let (report, result) = scene.update(BLOCKS[0]);
    result.unwrap();
    let [taken_over] = report.taken_over.as_slice() else {
        panic!("{:?}", report.taken_over);
    };
    assert_eq!(taken_over.mark.get(), BLOCKS[0]);
    assert_eq!(taken_over.block.get(), BLOCKS[0]);
    assert_eq!(scene.found(), Vec::<String>::new());
    let (report, result) = scene.update(BLOCKS[2]);
    result.unwrap();
    assert_eq!(report.taken_over, []);
    assert_eq!(scene.found(), Vec::<String>::new());
}

/// This program has updated the market before, and then the Python package has. So what the package does not store is there,
/// of an earlier block.
#[test]
fn market_that_the_python_package_has_followed_in_between_is_taken_over_again() {
    let scene = Scene::at(BLOCKS[0]);
    scene.execute(
        "UPDATE aave_v3_market_facts SET last_update_time = last_update_time - 12;
         UPDATE aave_v3_asset_facts SET last_update_time = last_update_time - 12;
         DELETE FROM aave_v3_emode_assets WHERE id = (SELECT min(id) FROM aave_v3_emode_assets);
         DELETE FROM chain_blocks;
         DELETE FROM chain_journal;",
    );
    assert_ne!(scene.found(), Vec::<String>::new());
    let (report, result) = scene.update(BLOCKS[0]);
    result.unwrap();
    assert_eq!(report.taken_over.len(), 1);
    assert_eq!(scene.found(), Vec::<String>::new());
    let (report, result) = scene.update(BLOCKS[2]);
    result.unwrap();
    assert_eq!(report.taken_over, []);
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn market_of_the_python_package_is_read_at_the_final_block_if_its_mark_has_no_state() {
    let scene = Scene::at(BLOCKS[0]);
    scene.execute(PYTHON);
    scene
        .server
        .chain(|chain| chain.stateless_before = BLOCKS[0] + 1);
    let (report, result) = scene.update(BLOCKS[2]);
    result.unwrap();
    let [taken_over] = report.taken_over.as_slice() else {
        panic!("{:?}", report.taken_over);
    };
    assert_eq!(taken_over.mark.get(), BLOCKS[0]);
    assert_eq!(taken_over.block.get(), BLOCKS[1]);
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn wrong_balance_of_the_python_package_is_named_mended_and_passed() {
    let scene = Scene::at(BLOCKS[0]);
    scene.execute(PYTHON);
    scene.execute(
        "UPDATE aave_v3_collateral_positions SET balance = balance || '0' WHERE balance <> '0'",
    );
    let (_, result) = scene.update(BLOCKS[2]);
    let Err(SyncError::Balance { mismatch }) = result else {
        panic!("{result:?}");
    };
    assert!(scene.users().contains(&mismatch.user));
    let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
    result.unwrap();
    assert!(
        report
            .findings
            .iter()
            .any(|it| it.user == Some(mismatch.user))
    );
    scene.update(BLOCKS[2]).1.unwrap();
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn event_that_says_what_the_contract_does_not_keep_is_named_and_mended() {
    let scene = Scene::at(BLOCKS[2]);
    let asked = |sql: &str| lines(&mut connect(&scene.path), sql).remove(0);
    let configurator =
        asked("SELECT address AS line FROM aave_v3_contracts WHERE name = 'POOL_CONFIGURATOR'");
    let config = asked(
        "SELECT concat_ws(' ', t.address, c.liquidation_threshold, c.liquidation_bonus) AS line
         FROM aave_v3_asset_configs c JOIN aave_v3_assets a ON a.id = c.asset_id
         JOIN erc20_tokens t ON t.id = a.underlying_asset_id WHERE c.ltv > 0 ORDER BY c.id LIMIT 1",
    );
    let [asset, threshold, bonus] = config.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{config}");
    };
    let asset: alloy_primitives::Address = asset.parse().unwrap();
    let word = |number: &str| number.parse::<U256>().unwrap().to_be_bytes::<32>();
    let event = FakeLog {
        address: configurator.parse().unwrap(),
        topics: vec![
            keccak256("CollateralConfigurationChanged(address,uint256,uint256,uint256)"),
            B256::left_padding_from(asset.as_slice()),
        ],
        data: [word("0"), word(threshold), word(bonus)].concat(),
    };
    scene.server.chain(|chain| {
        chain.push(vec![event]);
        // The last final block stays one whose state is recorded.
        chain.finality += 1;
    });
    scene.update(BLOCKS[2] + 1).1.unwrap();
    assert_eq!(scene.found(), ["ltv"]);
    let (report, result) = scene.repair(&AaveRepairOptions::default().reserves(true));
    result.unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(scene.found(), Vec::<String>::new());

    // If the event disappears, so does what was written because of it.
    scene
        .server
        .chain(|chain| chain.reorganise(1, vec![Vec::new()]));
    let (report, result) = scene.update(BLOCKS[2] + 1);
    result.unwrap();
    assert_eq!(report.undone.unwrap().0.get(), BLOCKS[2]);
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn market_that_was_never_updated_is_named_as_such() {
    let scene = Scene::never_updated();
    let (report, result) = scene.verify(&AaveVerifyOptions::default());
    result.unwrap();
    let reasons: Vec<_> = report.skipped.iter().map(|it| &*it.reason).collect();
    assert_eq!(reasons, ["it was never updated"]);
    let (report, result) = scene.repair(&AaveRepairOptions::default().all_found(true));
    result.unwrap();
    let reasons: Vec<_> = report.skipped.iter().map(|it| &*it.reason).collect();
    assert_eq!(reasons, ["it was never updated"]);
}
