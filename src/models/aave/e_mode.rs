//! Which e-mode categories an asset is in.

use std::collections::HashMap;

use diesel::QueryResult;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::models::journal::market_marks::MarkedBy;
use crate::models::rows::aave_v3_emode_asset::AaveV3EModeAsset;
use crate::models::rows::aave_v3_market::AaveV3Contract;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::integer::{EModeCategoryId, Revision};

/// An asset's part in an e-mode category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveV3EModeMembership {
    /// The number of the category in its market.
    pub category_id: EModeCategoryId,
    /// Whether the category's limits apply to the asset as collateral.
    pub is_collateral: bool,
    /// Whether users in the category can borrow the asset.
    pub is_borrowable: bool,
    /// Whether its loan-to-value ratio in the category is zero. Since Aave 3.6.
    pub is_ltv_zero: bool,
}

impl AaveV3EModeMembership {
    /// The membership of an asset that is in one category at most, as before Aave 3.2.
    pub(super) const fn before_3_2(category_id: EModeCategoryId) -> Self {
        Self {
            category_id,
            is_collateral: true,
            is_borrowable: true,
            is_ltv_zero: false,
        }
    }
}

impl From<AaveV3EModeAsset> for AaveV3EModeMembership {
    fn from(row: AaveV3EModeAsset) -> Self {
        Self {
            category_id: row.category_id,
            is_collateral: row.is_collateral,
            is_borrowable: row.is_borrowable,
            is_ltv_zero: row.is_ltv_zero,
        }
    }
}

/// What the reserves of a market have from other tables.
pub(super) struct MarketRows<'connection> {
    pool: Statement<'connection>,
    any_member: Statement<'connection>,
    members: Statement<'connection>,
    columns: Columns,
    contract: Columns,
    statements: Statements<'connection>,
    found: HashMap<i64, OfMarket>,
}

#[derive(Debug, Clone, Copy)]
struct OfMarket {
    /// The revision of its Pool.
    pool_revision: Option<Revision>,
    /// Whether any of its assets has a membership, of the block of the mark.
    has_members: bool,
    /// Whether another program has moved the mark since, so that what only this one stores is of an earlier block.
    are_stale: bool,
}

impl<'connection> MarketRows<'connection> {
    pub(super) fn prepare(statements: Statements<'connection>) -> QueryResult<Self> {
        let columns = AaveV3EModeAsset::COLUMNS;
        let contract = AaveV3Contract::COLUMNS;
        Ok(Self {
            pool: statements.prepare(&format!(
                "SELECT {} FROM {} AS k WHERE k.market_id = ?1 AND k.name = 'POOL' ORDER BY k.id",
                contract.of("k"),
                contract.table,
            ))?,
            any_member: statements.prepare(
                "SELECT 1 FROM aave_v3_assets AS a JOIN aave_v3_emode_assets AS m ON m.asset_id = a.id \
                 WHERE a.market_id = ?1 LIMIT 1",
            )?,
            members: statements.prepare(&format!(
                "SELECT {} FROM {} AS m WHERE m.asset_id = ?1 ORDER BY m.category_id",
                columns.of("m"),
                columns.table,
            ))?,
            columns,
            contract,
            statements,
            found: HashMap::new(),
        })
    }

    pub(super) fn pool_revision(&mut self, market_id: i64) -> Result<Option<Revision>, RowError> {
        Ok(self.of_market(market_id)?.pool_revision)
    }

    /// Whether what only this program stores is of an earlier block than the market's mark.
    pub(super) fn are_facts_stale(&mut self, market_id: i64) -> Result<bool, RowError> {
        Ok(self.of_market(market_id)?.are_stale)
    }

    /// The categories of an asset; `None` if the database has none of any asset of the market.
    pub(super) fn memberships(
        &mut self,
        market_id: i64,
        asset_id: i64,
    ) -> Result<Option<Vec<AaveV3EModeMembership>>, RowError> {
        if !self.of_market(market_id)?.has_members {
            return Ok(None);
        }
        self.members.query(&[Bound::Integer(asset_id)])?;
        let mut found = Vec::new();
        while self.members.step()? {
            let row = AaveV3EModeAsset::read(&self.columns, &self.members)?;
            found.push(row.into());
        }
        Ok(Some(found))
    }

    fn of_market(&mut self, market_id: i64) -> Result<OfMarket, RowError> {
        if let Some(found) = self.found.get(&market_id) {
            return Ok(*found);
        }
        let market = [Bound::Integer(market_id)];
        self.pool.query(&market)?;
        let revision = if self.pool.step()? {
            AaveV3Contract::read(&self.contract, &self.pool)?.revision
        } else {
            None
        };
        self.any_member.query(&market)?;
        let marked_by = MarkedBy::of_market(self.statements, market_id)?;
        let are_stale = marked_by == MarkedBy::Another;
        let found = OfMarket {
            pool_revision: revision,
            has_members: self.any_member.step()? && !are_stale,
            are_stale,
        };
        self.found.insert(market_id, found);
        Ok(found)
    }
}
