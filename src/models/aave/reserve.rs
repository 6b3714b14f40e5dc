//! Aave V3 reserves: assets with their risk parameters, tokens and e-mode category.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::aave::ray_math::RAY;
use crate::aave::token_rules::{TokenKind, TokenRules, UnknownRevision};
use crate::models::aave::e_mode::{AaveV3EModeMembership, MarketRows};
use crate::models::access::columns::Columns;
use crate::models::access::read_transaction::ReadTransaction;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::models::rows::aave_v3_asset::{AaveV3Asset, AaveV3AssetConfig};
use crate::models::rows::aave_v3_asset_facts::AaveV3AssetFacts;
use crate::models::rows::aave_v3_emode_category::AaveV3EModeCategory;
use crate::models::rows::erc20_token::Erc20Token;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::decimal::U256;
use crate::types::integer::{EModeCategoryId, Revision, Timestamp};
use crate::types::kind::TransferAmount;

/// An asset of a market with its risk parameters and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AaveV3Reserve {
    /// The asset, with its indexes.
    pub asset: AaveV3Asset,
    /// Its risk parameters outside e-mode, if they are in the database.
    pub config: Option<AaveV3AssetConfig>,
    /// What else is known of it. `None` if only the Python package has updated the market, or if it has updated it since this
    /// program has: what is stored is of an earlier block then.
    pub facts: Option<AaveV3AssetFacts>,
    /// The e-mode category that the asset's row refers to.
    pub e_mode_category: Option<AaveV3EModeCategory>,
    /// The e-mode categories that it is in, in the order of their numbers. If the database has no membership of any asset
    /// of the market, because only the Python package has updated it, or has updated it since, it is the one that
    /// [`Self::e_mode`] has.
    pub e_modes: Vec<AaveV3EModeMembership>,
    /// The revision of the market's Pool, if it is known.
    pub pool_revision: Option<Revision>,
    /// The kind of its debt token. The one of GHO counts its revisions by itself.
    pub debt_kind: TokenKind,
    /// The token that is lent and borrowed.
    pub underlying: Erc20Token,
    /// The aToken, which represents supplied amounts.
    pub a_token: Erc20Token,
    /// The variable debt token.
    pub v_token: Erc20Token,
}

impl AaveV3Reserve {
    /// The assets of a market, in the order of their ids. A market has tens of them.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed, a token or an e-mode category is missing, or the statement
    /// fails.
    pub fn of_market(
        connection: &mut SqliteConnection,
        market_id: i64,
    ) -> Result<Vec<Self>, RowError> {
        let transaction = ReadTransaction::begin(connection)?;
        let mut rows =
            ReserveRows::prepare(transaction.statements(), "a.market_id = ?1 ORDER BY a.id")?;
        rows.statement.query(&[Bound::Integer(market_id)])?;
        let mut found = Vec::new();
        while let Some(reserve) = rows.next()? {
            found.push(reserve);
        }
        Ok(found)
    }

    /// The number of the asset's e-mode category in its market; `None` if it has none.
    ///
    /// The risk parameters decide, because they follow the market's events. Without a number there, the
    /// category that the asset's row refers to decides.
    #[must_use]
    pub fn e_mode(&self) -> Option<EModeCategoryId> {
        let configured = self.config.as_ref().and_then(|it| it.e_mode_category_id);
        let referred = self.e_mode_category.as_ref().map(|it| it.category_id);
        configured.or(referred).filter(|number| number.get() != 0)
    }

    /// The asset's part in an e-mode category, if it is in it.
    #[must_use]
    pub fn in_e_mode(&self, category: EModeCategoryId) -> Option<AaveV3EModeMembership> {
        let found = self.e_modes.iter().find(|it| it.category_id == category);
        found.copied()
    }

    /// The time of the last update of its indexes, from which on interest counts, if it is known.
    #[must_use]
    pub fn last_update_time(&self) -> Option<Timestamp> {
        self.facts.as_ref().and_then(|it| it.last_update_time)
    }

    /// How the aToken computes.
    ///
    /// # Errors
    ///
    /// [`UnknownRevision`] if its revision is not known.
    pub fn a_token_rules(&self) -> Result<TokenRules, UnknownRevision> {
        self.rules(TokenKind::AToken, self.asset.a_token_revision)
    }

    /// How the variable debt token computes.
    ///
    /// # Errors
    ///
    /// [`UnknownRevision`] if its revision is not known.
    pub fn v_token_rules(&self) -> Result<TokenRules, UnknownRevision> {
        self.rules(self.debt_kind, self.asset.v_token_revision)
    }

    fn rules(&self, kind: TokenKind, revision: Revision) -> Result<TokenRules, UnknownRevision> {
        let known = self.facts.as_ref().and_then(|it| it.transfer_amount);
        TokenRules::new(kind, revision, known.unwrap_or(TransferAmount::Scaled))
    }

    /// A scaled balance of the aToken, converted to units of the underlying token at the stored `liquidity_index`. It is
    /// rounded as the aToken's revision does. `None` if the revision is not known, if the index is less than one ray, which
    /// no reserve has, or if the result exceeds 256 bits.
    #[must_use]
    pub fn collateral_balance(&self, scaled: U256) -> Option<U256> {
        let rules = self.a_token_rules().ok()?;
        rules.balance(scaled, known_index(self.asset.liquidity_index)?)
    }

    /// A scaled balance of the variable debt token, converted to units of the underlying token at the stored
    /// `borrow_index`. It is rounded as the debt token's revision does; the discount that GHO's first revisions have is
    /// not taken off. `None` if the revision is not known, if the index is less than one ray, or if the result exceeds 256
    /// bits.
    #[must_use]
    pub fn debt_balance(&self, scaled: U256) -> Option<U256> {
        let rules = self.v_token_rules().ok()?;
        rules.balance(scaled, known_index(self.asset.borrow_index)?)
    }
}

/// An index, unless it is one that no reserve has.
fn known_index(index: U256) -> Option<U256> {
    (index >= RAY).then_some(index)
}

/// A query for reserves.
struct ReserveRows<'connection> {
    statement: Statement<'connection>,
    asset: Columns,
    config: Columns,
    facts: Columns,
    category: Columns,
    tokens: [Columns; 3],
    /// The column that says whether the debt token is that of GHO.
    is_gho: c_int,
    market: MarketRows<'connection>,
}

impl<'connection> ReserveRows<'connection> {
    fn prepare(statements: Statements<'connection>, condition: &str) -> QueryResult<Self> {
        let asset = AaveV3Asset::COLUMNS;
        let config = AaveV3AssetConfig::columns_from(asset.end());
        let facts = AaveV3AssetFacts::columns_from(config.end());
        let category = AaveV3EModeCategory::columns_from(facts.end());
        let underlying = Erc20Token::columns_from(category.end());
        let a_token = Erc20Token::columns_from(underlying.end());
        let v_token = Erc20Token::columns_from(a_token.end());
        let statement = statements.prepare(&format!(
            "SELECT {}, {}, {}, {}, {}, {}, {}, \
             EXISTS (SELECT 1 FROM aave_gho_tokens AS g WHERE g.v_token_id = a.v_token_id) FROM {} AS a \
             LEFT JOIN {} AS c ON c.asset_id = a.id \
             LEFT JOIN {} AS f ON f.asset_id = a.id \
             LEFT JOIN {} AS e ON e.id = a.e_mode_category_id \
             LEFT JOIN {tokens} AS u ON u.id = a.underlying_asset_id \
             LEFT JOIN {tokens} AS s ON s.id = a.a_token_id \
             LEFT JOIN {tokens} AS v ON v.id = a.v_token_id \
             WHERE {condition}",
            asset.of("a"),
            config.of("c"),
            facts.of("f"),
            category.of("e"),
            underlying.of("u"),
            a_token.of("s"),
            v_token.of("v"),
            asset.table,
            config.table,
            facts.table,
            category.table,
            tokens = underlying.table,
        ))?;
        Ok(Self {
            statement,
            asset,
            config,
            facts,
            category,
            tokens: [underlying, a_token, v_token],
            is_gho: v_token.end(),
            market: MarketRows::prepare(statements)?,
        })
    }

    fn next(&mut self) -> Result<Option<AaveV3Reserve>, RowError> {
        if !self.statement.step()? {
            return Ok(None);
        }
        let row = &self.statement;
        let asset = AaveV3Asset::read(&self.asset, row)?;
        let missing = |parent: &Columns, missing: i64| RowError::Missing {
            table: self.asset.table,
            id: asset.id,
            parent: parent.table,
            missing,
        };
        let token = |columns: &Columns, id: i64| {
            Erc20Token::read_joined(columns, row)?.ok_or_else(|| missing(columns, id))
        };
        let [underlying, a_token, v_token] = &self.tokens;
        let e_mode_category = AaveV3EModeCategory::read_joined(&self.category, row)?;
        if let (Some(id), None) = (asset.e_mode_category_id, &e_mode_category) {
            return Err(missing(&self.category, id));
        }
        let facts = AaveV3AssetFacts::read_joined(&self.facts, row)?;
        let are_stale = self.market.are_facts_stale(asset.market_id)?;
        let mut reserve = AaveV3Reserve {
            config: AaveV3AssetConfig::read_joined(&self.config, row)?,
            facts: facts.filter(|_| !are_stale),
            e_mode_category,
            e_modes: Vec::new(),
            pool_revision: self.market.pool_revision(asset.market_id)?,
            debt_kind: match row.key(self.is_gho) {
                0 => TokenKind::VariableDebt,
                _ => TokenKind::GhoDebt,
            },
            underlying: token(underlying, asset.underlying_asset_id)?,
            a_token: token(a_token, asset.a_token_id)?,
            v_token: token(v_token, asset.v_token_id)?,
            asset,
        };
        let AaveV3Asset { id, market_id, .. } = reserve.asset;
        reserve.e_modes = match self.market.memberships(market_id, id)? {
            Some(stored) => stored,
            None => Vec::from_iter(reserve.e_mode().map(AaveV3EModeMembership::before_3_2)),
        };
        Ok(Some(reserve))
    }
}

/// A cache of the reserves and e-mode categories that accounts refer to, each read at first use. A malformed
/// one fails only the accounts that refer to it.
pub(in crate::models) struct Reserves<'connection> {
    rows: ReserveRows<'connection>,
    category_row: Statement<'connection>,
    found: HashMap<i64, Arc<AaveV3Reserve>>,
    /// Keyed by market and number.
    categories: HashMap<(i64, EModeCategoryId), Option<Arc<AaveV3EModeCategory>>>,
}

impl<'connection> Reserves<'connection> {
    pub(in crate::models) fn prepare(statements: Statements<'connection>) -> QueryResult<Self> {
        let category = AaveV3EModeCategory::COLUMNS;
        Ok(Self {
            rows: ReserveRows::prepare(statements, "a.id = ?1")?,
            category_row: statements.prepare(&format!(
                "SELECT {} FROM {} AS e WHERE e.market_id = ?1 AND e.category_id = ?2",
                category.of("e"),
                category.table,
            ))?,
            found: HashMap::new(),
            categories: HashMap::new(),
        })
    }

    /// The reserve of a position. Fails if it belongs to another market than the user.
    pub(in crate::models) fn of_position(
        &mut self,
        table: &'static str,
        position_id: i64,
        market_id: i64,
        asset_id: i64,
    ) -> Result<Arc<AaveV3Reserve>, RowError> {
        let reserve = if let Some(known) = self.found.get(&asset_id) {
            Arc::clone(known)
        } else {
            self.rows.statement.query(&[Bound::Integer(asset_id)])?;
            let found = self.rows.next()?.ok_or(RowError::Missing {
                table,
                id: position_id,
                parent: self.rows.asset.table,
                missing: asset_id,
            })?;
            Arc::clone(self.found.entry(asset_id).or_insert(Arc::new(found)))
        };
        if reserve.asset.market_id == market_id {
            Ok(reserve)
        } else {
            Err(RowError::OtherMarket {
                table,
                id: position_id,
                asset_id,
                market_id,
            })
        }
    }

    /// The e-mode category with a number in a market.
    pub(in crate::models) fn category(
        &mut self,
        market_id: i64,
        number: EModeCategoryId,
    ) -> Result<Option<Arc<AaveV3EModeCategory>>, RowError> {
        if let Some(known) = self.categories.get(&(market_id, number)) {
            return Ok(known.clone());
        }
        let row = &mut self.category_row;
        row.query(&[
            Bound::Integer(market_id),
            Bound::Integer(i64::from(number.get())),
        ])?;
        let found = if row.step()? {
            let category = AaveV3EModeCategory::read(&AaveV3EModeCategory::COLUMNS, row)?;
            Some(Arc::new(category))
        } else {
            None
        };
        self.categories.insert((market_id, number), found.clone());
        Ok(found)
    }
}
