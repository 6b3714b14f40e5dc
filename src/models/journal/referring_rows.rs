//! The rows of markets that refer to a row that is taken back.
//!
//! What the blocks have added to a row is taken back before the row itself. So what still refers to it is of others,
//! and means nothing without it.

use crate::models::journal::journal_error::JournalError;
use crate::sqlite::prepared::{Bound, Statements};

/// Rows that cannot be without what they refer to: its table, theirs, and their column.
const PARTS: [(&str, &str, &str); 9] = [
    (USERS, "aave_v3_collateral_positions", "user_id"),
    (USERS, "aave_v3_debt_positions", "user_id"),
    (USERS, "aave_v3_user_collateral_configs", "user_id"),
    (ASSETS, "aave_v3_collateral_positions", "asset_id"),
    (ASSETS, "aave_v3_debt_positions", "asset_id"),
    (ASSETS, "aave_v3_user_collateral_configs", "asset_id"),
    (ASSETS, "aave_v3_asset_configs", "asset_id"),
    (ASSETS, "aave_v3_asset_facts", "asset_id"),
    (ASSETS, "aave_v3_emode_assets", "asset_id"),
];

/// Rows that can.
const OTHERS: [(&str, &str, &str); 2] = [
    (ASSETS, USERS, "isolation_mode_collateral_asset_id"),
    ("aave_v3_emode_categories", ASSETS, "e_mode_category_id"),
];

const USERS: &str = "aave_v3_users";
const ASSETS: &str = "aave_v3_assets";

/// Makes that no row of a market refers to a row of one: deletes those that are parts of it, and empties the columns of
/// others.
pub(super) fn release(
    statements: Statements<'_>,
    table: &str,
    id: i64,
) -> Result<(), JournalError> {
    let row = [Bound::Integer(id)];
    for (_, part, column) in PARTS.iter().filter(|(of, ..)| *of == table) {
        let sql = format!("DELETE FROM {part} WHERE {column} = ?1");
        statements.prepare(&sql)?.run(&row)?;
    }
    for (_, other, column) in OTHERS.iter().filter(|(of, ..)| *of == table) {
        let sql = format!("UPDATE {other} SET {column} = NULL WHERE {column} = ?1");
        statements.prepare(&sql)?.run(&row)?;
    }
    Ok(())
}
