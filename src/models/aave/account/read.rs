//! Reading accounts, of one user or of many.

use std::mem;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::AaveV3Account;
use super::AaveV3Collateral;
use super::AaveV3Debt;
use crate::models::aave::reserve::{AaveV3Reserve, Reserves};
use crate::models::access::columns::Columns;
use crate::models::access::read_transaction::ReadTransaction;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::models::rows::aave_v3_position::{
    AaveV3CollateralPosition, AaveV3DebtPosition, Position,
};
use crate::models::rows::aave_v3_user::{AaveV3User, AaveV3UserCollateralConfig};
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::address::Address;

/// The users of market `?1` with one of the addresses `?2` and `?3`, which are given in ascending order.
const WITH_ADDRESS: &str = "u.market_id = ?1 AND u.address IN (?2, ?3) ORDER BY u.address";

/// The users of market `?1` that have debt, in an order that needs no sorting.
const WITH_DEBT: &str = "u.market_id = ?1 AND \
     EXISTS (SELECT 1 FROM aave_v3_debt_positions AS d WHERE d.user_id = u.id AND d.balance <> '0') \
     ORDER BY u.id";

impl AaveV3Account {
    /// The account of a user of a market; `None` if there is no such user. The address is looked up as in
    /// [`AaveV3User::by_address`].
    ///
    /// All rows are read in one transaction.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed, an asset is missing or of another market, or a statement fails.
    pub fn of_user(
        connection: &mut SqliteConnection,
        market_id: i64,
        address: Address,
    ) -> Result<Option<Self>, RowError> {
        let [written, old] = address.spellings();
        let values = [
            Bound::Integer(market_id),
            Bound::Text(&written),
            Bound::Text(&old),
        ];
        AaveV3Accounts::of_users(connection, WITH_ADDRESS, &values)?
            .next()
            .transpose()
    }
}

/// The accounts of many users, in the order of the users' ids.
///
/// The iterator holds one account at a time, and the market's reserves, which the accounts share. It reads in
/// the caller's transaction, or in a read transaction of its own. An account with a malformed value, or with
/// an asset that is missing or of another market, yields an error, and the next account follows; a failed
/// statement ends the iterator.
pub struct AaveV3Accounts<'connection> {
    users: Statement<'connection>,
    /// Whether `users` is at a row that has not been read yet.
    more: QueryResult<bool>,
    collateral: PositionRows<'connection>,
    debt: PositionRows<'connection>,
    reserves: Reserves<'connection>,
    transaction: ReadTransaction<'connection>,
}

impl<'connection> AaveV3Accounts<'connection> {
    /// The accounts of a market with debt, that is, with a scaled debt balance other than 0.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails.
    pub fn with_debt(
        connection: &'connection mut SqliteConnection,
        market_id: i64,
    ) -> Result<Self, RowError> {
        Self::of_users(connection, WITH_DEBT, &[Bound::Integer(market_id)])
    }

    fn of_users(
        connection: &'connection mut SqliteConnection,
        condition: &str,
        values: &[Bound<'_>],
    ) -> Result<Self, RowError> {
        let transaction = ReadTransaction::begin(connection)?;
        let statements = transaction.statements();
        let mut users = statements.prepare(&users(condition))?;
        users.query(values)?;
        // The first step starts the read.
        let more = Ok(users.step()?);
        Ok(Self {
            users,
            more,
            collateral: PositionRows::prepare(statements, &collateral())?,
            debt: PositionRows::prepare(statements, &debt())?,
            reserves: Reserves::prepare(statements)?,
            transaction,
        })
    }

    fn read(&mut self) -> Result<AaveV3Account, RowError> {
        let _held = self.transaction.statements().hold();
        let user = AaveV3User::read(&AaveV3User::COLUMNS, &self.users)?;
        let e_mode_category = match user.e_mode.get() {
            0 => None,
            _ => self.reserves.category(user.market_id, user.e_mode)?,
        };
        let flag =
            AaveV3UserCollateralConfig::columns_from(AaveV3CollateralPosition::COLUMNS.end());
        let collateral =
            self.collateral
                .of_user(&user, &mut self.reserves, |position, reserve, row| {
                    let config = AaveV3UserCollateralConfig::read_joined(&flag, row)?;
                    Ok(AaveV3Collateral {
                        position,
                        enabled: config.map(|config| config.enabled),
                        reserve,
                    })
                })?;
        let debt = self
            .debt
            .of_user(&user, &mut self.reserves, |position, reserve, _| {
                Ok(AaveV3Debt { position, reserve })
            })?;
        Ok(AaveV3Account {
            user,
            e_mode_category,
            collateral,
            debt,
        })
    }
}

impl Iterator for AaveV3Accounts<'_> {
    type Item = Result<AaveV3Account, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match mem::replace(&mut self.more, Ok(false)) {
            Ok(false) => None,
            Ok(true) => {
                let read = self.read();
                if !matches!(read, Err(RowError::Sql { .. })) {
                    self.more = self.users.step();
                }
                Some(read)
            }
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// The query for the users that meet a condition.
fn users(condition: &str) -> String {
    let columns = AaveV3User::COLUMNS;
    format!(
        "SELECT {} FROM {} AS u WHERE {condition}",
        columns.of("u"),
        columns.table
    )
}

/// The query for the collateral positions of the user `?1`, each with whether it is enabled as collateral.
fn collateral() -> String {
    let position = AaveV3CollateralPosition::COLUMNS;
    let flag = AaveV3UserCollateralConfig::columns_from(position.end());
    format!(
        "SELECT {}, {} FROM {} AS p \
         LEFT JOIN {} AS f ON f.user_id = p.user_id AND f.asset_id = p.asset_id \
         WHERE p.user_id = ?1 ORDER BY p.asset_id",
        position.of("p"),
        flag.of("f"),
        position.table,
        flag.table,
    )
}

/// The query for the debt positions of the user `?1`.
fn debt() -> String {
    let position = AaveV3DebtPosition::COLUMNS;
    format!(
        "SELECT {} FROM {} AS p WHERE p.user_id = ?1 ORDER BY p.asset_id",
        position.of("p"),
        position.table,
    )
}

/// A query for the positions of one user, run for each user.
///
/// Most users have no debt; a scan of all positions in parallel to the users would read their collateral too.
struct PositionRows<'connection>(Statement<'connection>);

impl<'connection> PositionRows<'connection> {
    fn prepare(statements: Statements<'connection>, query: &str) -> QueryResult<Self> {
        statements.prepare(query).map(Self)
    }

    fn of_user<P: Position, T>(
        &mut self,
        user: &AaveV3User,
        reserves: &mut Reserves<'_>,
        mut take: impl FnMut(P, Arc<AaveV3Reserve>, &Statement<'_>) -> Result<T, RowError>,
    ) -> Result<Vec<T>, RowError> {
        let columns: Columns = P::COLUMNS;
        let row = &mut self.0;
        row.query(&[Bound::Integer(user.id)])?;
        let mut found = Vec::new();
        while row.step()? {
            let position = P::read(&columns, row)?;
            let reserve = reserves.of_position(
                columns.table,
                position.id(),
                user.market_id,
                position.asset_id(),
            )?;
            found.push(take(position, reserve, row)?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::sql_types::Text;

    use super::*;
    use crate::database::copying::create::create_new_sqlite_database;
    use crate::database::sessions::database::Database;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[test]
    fn account_queries_neither_sort_nor_scan_tables() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        create_new_sqlite_database(&path).unwrap();
        let database = Database::open(&path).unwrap();
        // The statistics of a real database: many users, few of them with debt.
        let statistics = "ANALYZE; INSERT INTO sqlite_stat1 VALUES \
             ('aave_v3_users', 'ix_aave_v3_users_market_id', '300000 300000'), \
             ('aave_v3_users', 'ix_aave_users_address_market', '300000 1 1'), \
             ('aave_v3_debt_positions', 'ix_aave_debt_position_user_asset', '300 10 1'), \
             ('aave_v3_debt_positions', 'ix_aave_v3_debt_positions_user_id', '300 10'); \
             ANALYZE sqlite_schema";
        for statistics in ["", statistics] {
            let mut session = database.session().unwrap();
            session.batch_execute(statistics).unwrap();
            for query in [users(WITH_DEBT), users(WITH_ADDRESS), collateral(), debt()] {
                let plan: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"))
                    .load(&mut *session)
                    .unwrap();
                for step in plan {
                    let detail = step.detail;
                    assert!(!detail.contains("TEMP B-TREE"), "{query}: {detail}");
                    assert!(
                        !detail.starts_with("SCAN") || detail == "SCAN CONSTANT ROW",
                        "{query}: {detail}"
                    );
                }
            }
        }
    }
}
