//! A database of the newest version with rows in every table.

use diesel::connection::SimpleConnection;

use super::content;
use super::corpus::Copy;

/// What has the most rows, kinds of pools and values of all that a release has made.
const NEWEST: &str = "populated/populated-0.6.0a14.db";

/// Statements for what no release has made yet: the rows of a new table or kind of pool, the values of a new
/// column, such as `UPDATE pools SET creation_block = 17000000 + id WHERE id % 2`.
const NEWER: &[&str] = &[
    "INSERT INTO exchange_deployments (exchange_id, kind, first_block, init_code_hash) VALUES
        ((SELECT min(id) FROM exchanges), 'uniswap_v2', 10000835,
         '0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f')",
    "INSERT INTO chain_blocks (chain_id, number, hash, is_final) VALUES
        (1, 23000000, '0x' || lower(hex(zeroblob(32))), 0)",
    "INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values) VALUES
        (1, 23000000, 'pools', 7, NULL, '[7]'), (1, 23000000, 'pools', 7, '[7]', NULL)",
    "INSERT INTO aave_v3_market_facts (market_id, name, first_block, last_update_time) VALUES
        ((SELECT min(id) FROM aave_v3_markets), 'aave_v3', 16291071, 1755000000)",
    "INSERT INTO aave_v3_asset_facts (asset_id, last_update_time, transfer_amount) VALUES
        ((SELECT min(id) FROM aave_v3_assets), 1755000000, 'scaled')",
    "INSERT INTO aave_v3_emode_assets (asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero) VALUES
        ((SELECT min(id) FROM aave_v3_assets), 1, 1, 0, 0)",
    "INSERT INTO retired_ids (table_name, last_id) VALUES ('pools', 1000000)",
];

/// A copy of it.
pub fn in_every_table() -> Copy {
    let copy = Copy::upgraded(NEWEST);
    let mut connection = content::connect(&copy.path);
    for statements in NEWER {
        connection
            .batch_execute(&format!("PRAGMA foreign_keys = ON; {statements}"))
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }
    copy
}
