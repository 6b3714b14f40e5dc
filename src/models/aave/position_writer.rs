//! Reads and writes users and positions one by one, for updates of a market.

use crate::aave::scaled_balance::ScaledBalance;
use crate::models::access::retired_ids;
use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::flag::Flag;
use crate::types::integer::{BasisPoints, EModeCategoryId};
use crate::types::invalid_value::InvalidValue;
use crate::types::stored::{Decode, Encode};

/// A side of a reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    /// What is supplied: the aToken.
    Collateral,
    /// What is owed: the variable debt token.
    Debt,
}

impl Side {
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Collateral => "aave_v3_collateral_positions",
            Self::Debt => "aave_v3_debt_positions",
        }
    }
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

/// What an update has to know of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserRow {
    pub(crate) id: i64,
    pub(crate) e_mode: EModeCategoryId,
    pub(crate) gho_discount: BasisPoints,
}

/// What an update has to know of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PositionRow {
    pub(crate) id: i64,
    pub(crate) balance: ScaledBalance,
}

impl PositionRow {
    /// A row without an index has the index 0.
    pub(crate) fn new(id: i64, scaled: U256, last_index: Option<U256>) -> Self {
        Self {
            id,
            balance: ScaledBalance {
                scaled,
                last_index: last_index.unwrap_or_default(),
            },
        }
    }
}

/// The statements for users and positions, inside a transaction.
pub(crate) struct PositionWriter<'connection> {
    find_user: Statement<'connection>,
    insert_user: Statement<'connection>,
    update_user: Statement<'connection>,
    /// The id of the next new user, if SQLite would choose one that is not to be used again.
    next_user: Option<i64>,
    collateral: OfSide<'connection>,
    debt: OfSide<'connection>,
    find_flag: Statement<'connection>,
    insert_flag: Statement<'connection>,
    update_flag: Statement<'connection>,
}

/// The statements for positions of one side.
struct OfSide<'connection> {
    find: Statement<'connection>,
    insert: Statement<'connection>,
    update: Statement<'connection>,
}

impl<'connection> OfSide<'connection> {
    fn new(statements: Statements<'connection>, side: Side) -> Result<Self, RowError> {
        let table = side.table();
        Ok(Self {
            find: statements.prepare(&format!(
                "SELECT id, balance, last_index FROM {table} WHERE user_id = ?1 AND asset_id = ?2"
            ))?,
            insert: statements.prepare(&format!(
                "INSERT INTO {table} (user_id, asset_id, balance, last_index) VALUES (?1, ?2, ?3, ?4)"
            ))?,
            update: statements.prepare(&format!(
                "UPDATE {table} SET balance = ?2, last_index = ?3 WHERE id = ?1"
            ))?,
        })
    }
}

impl<'connection> PositionWriter<'connection> {
    pub(crate) fn new(statements: Statements<'connection>) -> Result<Self, RowError> {
        Ok(Self {
            // The checksum and lower case are the usual spellings. The row with the checksum is preferred.
            find_user: statements.prepare(
                "SELECT id, e_mode, gho_discount FROM aave_v3_users \
                 WHERE address IN (?1, ?2) AND market_id = ?3 ORDER BY address",
            )?,
            insert_user: statements.prepare(
                "INSERT INTO aave_v3_users \
                 (id, market_id, address, e_mode, gho_discount, isolation_mode_debt) \
                 VALUES (?1, ?2, ?3, 0, 0, '0')",
            )?,
            update_user: statements
                .prepare("UPDATE aave_v3_users SET e_mode = ?2, gho_discount = ?3 WHERE id = ?1")?,
            next_user: retired_ids::next_id(statements, "aave_v3_users")?,
            collateral: OfSide::new(statements, Side::Collateral)?,
            debt: OfSide::new(statements, Side::Debt)?,
            find_flag: statements.prepare(
                "SELECT id, enabled FROM aave_v3_user_collateral_configs \
                 WHERE user_id = ?1 AND asset_id = ?2",
            )?,
            insert_flag: statements.prepare(
                "INSERT INTO aave_v3_user_collateral_configs (user_id, asset_id, enabled) \
                 VALUES (?1, ?2, ?3)",
            )?,
            update_flag: statements
                .prepare("UPDATE aave_v3_user_collateral_configs SET enabled = ?2 WHERE id = ?1")?,
        })
    }

    const fn side(&mut self, side: Side) -> &mut OfSide<'connection> {
        match side {
            Side::Collateral => &mut self.collateral,
            Side::Debt => &mut self.debt,
        }
    }

    /// The user of a market with an address.
    pub(crate) fn find_user(
        &mut self,
        market_id: i64,
        address: Address,
    ) -> Result<Option<UserRow>, RowError> {
        let [checksum, lower] = address.spellings();
        self.find_user.query(&[
            Bound::Text(&checksum),
            Bound::Text(&lower),
            Bound::Integer(market_id),
        ])?;
        if !self.find_user.step()? {
            return Ok(None);
        }
        let row = &self.find_user;
        let id = row.key(0);
        let malformed = |column, source| invalid("aave_v3_users", id, column, source);
        let found = UserRow {
            id,
            e_mode: Decode::decode(row.column(1)).map_err(|source| malformed("e_mode", source))?,
            gho_discount: Decode::decode(row.column(2))
                .map_err(|source| malformed("gho_discount", source))?,
        };
        self.find_user.reset();
        Ok(Some(found))
    }

    /// Inserts a user without e-mode and discount. Returns the id.
    pub(crate) fn insert_user(
        &mut self,
        market_id: i64,
        address: Address,
    ) -> Result<i64, RowError> {
        let id = self.next_user.take();
        let inserted = self.insert_user.run(&[
            Bound::id(id),
            Bound::Integer(market_id),
            Bound::Text(&address.to_string()),
        ])?;
        require_written(inserted, "aave_v3_users")?;
        Ok(self.insert_user.inserted_id())
    }

    /// Writes the e-mode and the discount of a user.
    pub(crate) fn update_user(&mut self, user: &UserRow) -> Result<(), RowError> {
        let updated = self.update_user.run(&[
            Bound::Integer(user.id),
            Bound::Integer(user.e_mode.encode()),
            Bound::Integer(user.gho_discount.encode()),
        ])?;
        require_written(updated, "aave_v3_users")
    }

    /// The position of a user in an asset.
    pub(crate) fn find(
        &mut self,
        side: Side,
        user_id: i64,
        asset_id: i64,
    ) -> Result<Option<PositionRow>, RowError> {
        let find = &mut self.side(side).find;
        find.query(&[Bound::Integer(user_id), Bound::Integer(asset_id)])?;
        if !find.step()? {
            return Ok(None);
        }
        let id = find.key(0);
        let malformed = |column, source| invalid(side.table(), id, column, source);
        let scaled =
            Decode::decode(find.column(1)).map_err(|source| malformed("balance", source))?;
        let last_index: Option<U256> =
            Decode::decode(find.column(2)).map_err(|source| malformed("last_index", source))?;
        find.reset();
        Ok(Some(PositionRow::new(id, scaled, last_index)))
    }

    /// Inserts a position. Returns the id.
    pub(crate) fn insert(
        &mut self,
        side: Side,
        user_id: i64,
        asset_id: i64,
        balance: ScaledBalance,
    ) -> Result<i64, RowError> {
        let insert = &mut self.side(side).insert;
        let inserted = insert.run(&[
            Bound::Integer(user_id),
            Bound::Integer(asset_id),
            Bound::Text(&balance.scaled.to_string()),
            Bound::Text(&balance.last_index.to_string()),
        ])?;
        require_written(inserted, side.table())?;
        Ok(insert.inserted_id())
    }

    /// Writes the balance of a position.
    pub(crate) fn update(
        &mut self,
        side: Side,
        id: i64,
        balance: ScaledBalance,
    ) -> Result<(), RowError> {
        let updated = self.side(side).update.run(&[
            Bound::Integer(id),
            Bound::Text(&balance.scaled.to_string()),
            Bound::Text(&balance.last_index.to_string()),
        ])?;
        require_written(updated, side.table())
    }

    /// Writes whether a user has an asset enabled as collateral. Returns whether that is another value than before.
    pub(crate) fn set_flag(
        &mut self,
        user_id: i64,
        asset_id: i64,
        enabled: bool,
    ) -> Result<bool, RowError> {
        const TABLE: &str = "aave_v3_user_collateral_configs";
        self.find_flag
            .query(&[Bound::Integer(user_id), Bound::Integer(asset_id)])?;
        let found = if self.find_flag.step()? {
            let id = self.find_flag.key(0);
            let flag = Flag::decode(self.find_flag.column(1))
                .map_err(|source| invalid(TABLE, id, "enabled", source))?;
            Some((id, bool::from(flag)))
        } else {
            None
        };
        self.find_flag.reset();
        let written = match found {
            Some((_, before)) if before == enabled => return Ok(false),
            Some((id, _)) => self
                .update_flag
                .run(&[Bound::Integer(id), Bound::Integer(enabled.into())])?,
            None => self.insert_flag.run(&[
                Bound::Integer(user_id),
                Bound::Integer(asset_id),
                Bound::Integer(enabled.into()),
            ])?,
        };
        require_written(written, TABLE)?;
        Ok(true)
    }
}
