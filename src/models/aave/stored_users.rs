//! Reads the users of a market with their positions, for comparisons with the chain.

use std::collections::BTreeMap;

use crate::models::aave::position_writer::{PositionRow, Side};
use crate::models::access::row_error::RowError;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::flag::Flag;
use crate::types::invalid_value::InvalidValue;
use crate::types::stored::Decode;

const USERS: &str = "aave_v3_users";
const FLAGS: &str = "aave_v3_user_collateral_configs";

/// The ids and addresses of the users of a market, in the order of their ids.
pub(crate) fn users_of_market(
    statements: Statements<'_>,
    market_id: i64,
) -> Result<Vec<(i64, Address)>, RowError> {
    let mut rows = statements
        .prepare("SELECT id, address FROM aave_v3_users WHERE market_id = ?1 ORDER BY id")?;
    rows.query(&[Bound::Integer(market_id)])?;
    let mut users = Vec::new();
    while rows.step()? {
        let id = rows.key(0);
        let address = Decode::decode(rows.column(1))
            .map_err(|source| invalid(USERS, id, "address", source))?;
        users.push((id, address));
    }
    Ok(users)
}

const fn invalid(
    table: &'static str,
    id: i64,
    column: &'static str,
    source: InvalidValue,
) -> RowError {
    RowError::Invalid {
        table,
        id,
        column,
        source,
    }
}

/// The statements that read what a user has.
pub(crate) struct UserReader<'connection> {
    positions: [Statement<'connection>; 2],
    flags: Statement<'connection>,
}

impl<'connection> UserReader<'connection> {
    pub(crate) fn new(statements: Statements<'connection>) -> Result<Self, RowError> {
        let of_side = |side: Side| {
            statements.prepare(&format!(
                "SELECT id, asset_id, balance, last_index FROM {} WHERE user_id = ?1",
                side.table()
            ))
        };
        Ok(Self {
            positions: [of_side(Side::Collateral)?, of_side(Side::Debt)?],
            flags: statements.prepare(
                "SELECT id, asset_id, enabled FROM aave_v3_user_collateral_configs WHERE user_id = ?1",
            )?,
        })
    }

    /// The positions of a user on one side, each with its asset.
    pub(crate) fn positions(
        &mut self,
        side: Side,
        user_id: i64,
    ) -> Result<Vec<(i64, PositionRow)>, RowError> {
        let [collateral, debt] = &mut self.positions;
        let rows = match side {
            Side::Collateral => collateral,
            Side::Debt => debt,
        };
        rows.query(&[Bound::Integer(user_id)])?;
        let mut positions = Vec::new();
        while rows.step()? {
            let id = rows.key(0);
            let malformed = |column, source| invalid(side.table(), id, column, source);
            let scaled =
                Decode::decode(rows.column(2)).map_err(|source| malformed("balance", source))?;
            let last_index: Option<U256> =
                Decode::decode(rows.column(3)).map_err(|source| malformed("last_index", source))?;
            positions.push((rows.key(1), PositionRow::new(id, scaled, last_index)));
        }
        Ok(positions)
    }

    /// Which assets a user has switched, and how.
    pub(crate) fn flags(&mut self, user_id: i64) -> Result<Vec<(i64, bool)>, RowError> {
        let rows = &mut self.flags;
        rows.query(&[Bound::Integer(user_id)])?;
        let mut flags = Vec::new();
        while rows.step()? {
            let flag = Flag::decode(rows.column(2))
                .map_err(|source| invalid(FLAGS, rows.key(0), "enabled", source))?;
            flags.push((rows.key(1), bool::from(flag)));
        }
        Ok(flags)
    }
}

/// All scaled balances of one side, added up by asset. Those of users that are not there any more do not count.
pub(crate) fn scaled_totals(
    statements: Statements<'_>,
    side: Side,
) -> Result<BTreeMap<i64, alloy_primitives::U256>, RowError> {
    let mut rows = statements.prepare(&format!(
        "SELECT id, asset_id, balance FROM {} WHERE balance <> '0' \
         AND user_id IN (SELECT id FROM aave_v3_users)",
        side.table()
    ))?;
    rows.query(&[])?;
    let mut totals: BTreeMap<i64, alloy_primitives::U256> = BTreeMap::new();
    while rows.step()? {
        let balance: U256 = Decode::decode(rows.column(2))
            .map_err(|source| invalid(side.table(), rows.key(0), "balance", source))?;
        let total = totals.entry(rows.key(1)).or_default();
        // A wrong sum is a difference, whatever it is.
        *total = total.wrapping_add(balance.0);
    }
    Ok(totals)
}
