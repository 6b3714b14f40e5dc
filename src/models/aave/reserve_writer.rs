//! Writes the rows of reserves, e-mode categories and contracts, for updates of a market.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::models::aave::position_writer::PositionWriter;
use crate::models::access::retired_ids;
use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::rows::aave_gho_token::AaveGhoToken;
use crate::models::rows::aave_v3_asset::{
    AaveV3Asset, AaveV3AssetConfig, NewAaveV3Asset, NewAaveV3AssetConfig,
};
use crate::models::rows::aave_v3_asset_facts::NewAaveV3AssetFacts;
use crate::models::rows::aave_v3_emode_asset::{AaveV3EModeAsset, NewAaveV3EModeAsset};
use crate::models::rows::aave_v3_emode_category::{AaveV3EModeCategory, NewAaveV3EModeCategory};
use crate::models::rows::aave_v3_market::NewAaveV3Contract;
use crate::models::rows::erc20_token::Erc20Token;
use crate::schema::{
    aave_gho_tokens, aave_v3_asset_configs, aave_v3_asset_facts, aave_v3_assets,
    aave_v3_collateral_positions, aave_v3_contracts, aave_v3_debt_positions, aave_v3_emode_assets,
    aave_v3_emode_categories, aave_v3_market_facts, aave_v3_markets,
    aave_v3_user_collateral_configs, erc20_tokens,
};
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::Timestamp;

/// Fails if no row was written.
fn written(changed: usize, table: &'static str) -> Result<(), RowError> {
    require_written(u64::try_from(changed).unwrap_or(u64::MAX), table)
}

impl NewAaveV3Asset {
    /// Inserts the asset. Returns its id, which no other asset has had.
    pub(crate) fn insert(&self, connection: &mut SqliteConnection) -> Result<i64, RowError> {
        let id = retired_ids::next_id(Statements::of(connection)?, "aave_v3_assets")?;
        let inserted = match id {
            Some(id) => diesel::insert_into(aave_v3_assets::table)
                .values((self, aave_v3_assets::id.eq(id)))
                .execute(connection)?,
            None => diesel::insert_into(aave_v3_assets::table)
                .values(self)
                .execute(connection)?,
        };
        written(inserted, "aave_v3_assets")?;
        let id = aave_v3_assets::table
            .filter(aave_v3_assets::market_id.eq(self.market_id))
            .filter(aave_v3_assets::underlying_asset_id.eq(self.underlying_asset_id))
            .select(aave_v3_assets::id)
            .first(connection)?;
        Ok(id)
    }
}

impl AaveV3Asset {
    /// Writes all columns but the market and the underlying token, which identify the asset.
    pub(crate) fn update(&self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        use aave_v3_assets as columns;
        let updated = diesel::update(columns::table.find(self.id))
            .set((
                columns::a_token_id.eq(self.a_token_id),
                columns::a_token_revision.eq(self.a_token_revision),
                columns::v_token_id.eq(self.v_token_id),
                columns::v_token_revision.eq(self.v_token_revision),
                columns::last_update_block.eq(self.last_update_block),
                columns::liquidity_index.eq(self.liquidity_index),
                columns::liquidity_rate.eq(self.liquidity_rate),
                columns::borrow_index.eq(self.borrow_index),
                columns::borrow_rate.eq(self.borrow_rate),
                columns::e_mode_category_id.eq(self.e_mode_category_id),
                columns::price_source.eq(self.price_source),
            ))
            .execute(connection)?;
        written(updated, "aave_v3_assets")
    }
}

impl AaveV3AssetConfig {
    /// The risk parameters of an asset.
    pub(crate) fn of_asset(
        connection: &mut SqliteConnection,
        asset_id: i64,
    ) -> QueryResult<Option<Self>> {
        aave_v3_asset_configs::table
            .filter(aave_v3_asset_configs::asset_id.eq(asset_id))
            .select(Self::as_select())
            .first(connection)
            .optional()
    }
}

impl NewAaveV3AssetConfig {
    /// Writes the risk parameters of an asset, in place of those that it has.
    pub(crate) fn store(&self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        use aave_v3_asset_configs as columns;
        let stored = diesel::insert_into(columns::table)
            .values(self)
            .on_conflict(columns::asset_id)
            .do_update()
            .set((
                columns::ltv.eq(self.ltv),
                columns::liquidation_threshold.eq(self.liquidation_threshold),
                columns::liquidation_bonus.eq(self.liquidation_bonus),
                columns::e_mode_category_id.eq(self.e_mode_category_id),
                columns::borrowing_enabled.eq(self.borrowing_enabled),
                columns::stable_borrowing_enabled.eq(self.stable_borrowing_enabled),
                columns::flash_loan_enabled.eq(self.flash_loan_enabled),
                columns::isolation_mode.eq(self.isolation_mode),
                columns::debt_ceiling.eq(self.debt_ceiling),
                columns::borrowable_in_isolation.eq(self.borrowable_in_isolation),
            ))
            .execute(connection)?;
        written(stored, "aave_v3_asset_configs")
    }
}

impl NewAaveV3AssetFacts {
    /// What is stored of an asset beside its row.
    pub(crate) fn of_asset(
        connection: &mut SqliteConnection,
        asset_id: i64,
    ) -> QueryResult<Option<Self>> {
        use aave_v3_asset_facts as columns;
        let found = columns::table
            .filter(columns::asset_id.eq(asset_id))
            .select((columns::last_update_time, columns::transfer_amount))
            .first(connection)
            .optional()?;
        Ok(found.map(|(last_update_time, transfer_amount)| Self {
            asset_id,
            last_update_time,
            transfer_amount,
        }))
    }

    /// Writes what is known of an asset, in place of what is stored.
    pub(crate) fn store(&self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        use aave_v3_asset_facts as columns;
        let stored = diesel::insert_into(columns::table)
            .values(self)
            .on_conflict(columns::asset_id)
            .do_update()
            .set((
                columns::last_update_time.eq(self.last_update_time),
                columns::transfer_amount.eq(self.transfer_amount),
            ))
            .execute(connection)?;
        written(stored, "aave_v3_asset_facts")
    }
}

impl NewAaveV3EModeAsset {
    /// Writes the e-mode categories that an asset is in, in place of those that are stored. Rows that stay the same are
    /// not written.
    pub(crate) fn replace(
        connection: &mut SqliteConnection,
        asset_id: i64,
        memberships: &[Self],
    ) -> Result<(), RowError> {
        use aave_v3_emode_assets as columns;
        const TABLE: &str = "aave_v3_emode_assets";
        let stored: Vec<AaveV3EModeAsset> = columns::table
            .filter(columns::asset_id.eq(asset_id))
            .select(AaveV3EModeAsset::as_select())
            .load(connection)?;
        for row in &stored {
            if memberships
                .iter()
                .all(|new| new.category_id != row.category_id)
            {
                let deleted = diesel::delete(columns::table.find(row.id)).execute(connection)?;
                written(deleted, TABLE)?;
            }
        }
        for new in memberships {
            let found = stored.iter().find(|row| row.category_id == new.category_id);
            let Some(row) = found else {
                let inserted = diesel::insert_into(columns::table)
                    .values(new)
                    .execute(connection)?;
                written(inserted, TABLE)?;
                continue;
            };
            let before = (row.is_collateral, row.is_borrowable, row.is_ltv_zero);
            if before != (new.is_collateral, new.is_borrowable, new.is_ltv_zero) {
                let updated = diesel::update(columns::table.find(row.id))
                    .set((
                        columns::is_collateral.eq(new.is_collateral),
                        columns::is_borrowable.eq(new.is_borrowable),
                        columns::is_ltv_zero.eq(new.is_ltv_zero),
                    ))
                    .execute(connection)?;
                written(updated, TABLE)?;
            }
        }
        Ok(())
    }
}

impl NewAaveV3EModeCategory {
    /// Writes a category, in place of the one that has its number. Returns the row's id.
    pub(crate) fn store(&self, connection: &mut SqliteConnection) -> Result<i64, RowError> {
        use aave_v3_emode_categories as columns;
        let stored = diesel::insert_into(columns::table)
            .values(self)
            .on_conflict((columns::market_id, columns::category_id))
            .do_update()
            .set((
                columns::label.eq(&self.label),
                columns::ltv.eq(self.ltv),
                columns::liquidation_threshold.eq(self.liquidation_threshold),
                columns::liquidation_bonus.eq(self.liquidation_bonus),
                columns::price_source.eq(self.price_source),
            ))
            .execute(connection)?;
        written(stored, "aave_v3_emode_categories")?;
        let id = columns::table
            .filter(columns::market_id.eq(self.market_id))
            .filter(columns::category_id.eq(self.category_id))
            .select(columns::id)
            .first(connection)?;
        Ok(id)
    }
}

impl AaveV3EModeCategory {
    /// Deletes a category, to which no asset refers.
    pub(crate) fn delete(connection: &mut SqliteConnection, id: i64) -> Result<(), RowError> {
        use aave_v3_emode_categories as columns;
        let deleted = diesel::delete(columns::table.find(id)).execute(connection)?;
        written(deleted, "aave_v3_emode_categories")
    }
}

impl NewAaveV3Contract {
    /// Writes the address and the revision of a contract, in place of those that are stored under its name.
    pub(crate) fn store(&self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        use aave_v3_contracts as columns;
        let of_name = columns::table
            .filter(columns::market_id.eq(self.market_id))
            .filter(columns::name.eq(&self.name));
        let updated = diesel::update(of_name)
            .set((
                columns::address.eq(self.address),
                columns::revision.eq(self.revision),
            ))
            .execute(connection)?;
        if updated > 0 {
            return Ok(());
        }
        let inserted = diesel::insert_into(columns::table)
            .values(self)
            .execute(connection)?;
        written(inserted, "aave_v3_contracts")
    }

    /// Deletes the contract of a market that is stored under a name.
    pub(crate) fn delete(
        connection: &mut SqliteConnection,
        market_id: i64,
        name: &str,
    ) -> QueryResult<()> {
        use aave_v3_contracts as columns;
        let of_name = columns::table
            .filter(columns::market_id.eq(market_id))
            .filter(columns::name.eq(name));
        diesel::delete(of_name).execute(connection).map(drop)
    }
}

impl AaveGhoToken {
    /// Inserts the row, whose id is not set yet. Returns its id.
    pub(crate) fn insert(&self, connection: &mut SqliteConnection) -> Result<i64, RowError> {
        use aave_gho_tokens as columns;
        let inserted = diesel::insert_into(columns::table)
            .values((
                columns::token_id.eq(self.token_id),
                columns::v_token_id.eq(self.v_token_id),
                columns::v_gho_discount_rate_strategy.eq(self.v_gho_discount_rate_strategy),
                columns::v_gho_discount_token.eq(self.v_gho_discount_token),
            ))
            .execute(connection)?;
        written(inserted, "aave_gho_tokens")?;
        let of_token = Self::by_token(connection, self.token_id)?;
        Ok(of_token.map_or(self.id, |row| row.id))
    }

    /// Writes the debt token and the discount contracts.
    pub(crate) fn update(&self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        use aave_gho_tokens as columns;
        let updated = diesel::update(columns::table.find(self.id))
            .set((
                columns::v_token_id.eq(self.v_token_id),
                columns::v_gho_discount_rate_strategy.eq(self.v_gho_discount_rate_strategy),
                columns::v_gho_discount_token.eq(self.v_gho_discount_token),
            ))
            .execute(connection)?;
        written(updated, "aave_gho_tokens")
    }
}

/// Writes the time of the last block that the database has of a market.
pub(crate) fn store_update_time(
    connection: &mut SqliteConnection,
    market_id: i64,
    time: Timestamp,
) -> Result<(), RowError> {
    use aave_v3_market_facts as columns;
    let stored = diesel::insert_into(columns::table)
        .values((
            columns::market_id.eq(market_id),
            columns::last_update_time.eq(time),
        ))
        .on_conflict(columns::market_id)
        .do_update()
        .set(columns::last_update_time.eq(time))
        .execute(connection)?;
    written(stored, "aave_v3_market_facts")
}

/// Writes the name of a market.
pub(crate) fn store_name(
    connection: &mut SqliteConnection,
    market_id: i64,
    name: &str,
) -> Result<(), RowError> {
    use aave_v3_markets as columns;
    let updated = diesel::update(columns::table.find(market_id))
        .set(columns::name.eq(name))
        .execute(connection)?;
    written(updated, "aave_v3_markets")
}

impl Erc20Token {
    /// Writes the name, the symbol and the decimals.
    pub(crate) fn store_metadata(&self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        use erc20_tokens as columns;
        let updated = diesel::update(columns::table.find(self.id))
            .set((
                columns::name.eq(&self.name),
                columns::symbol.eq(&self.symbol),
                columns::decimals.eq(self.decimals),
            ))
            .execute(connection)?;
        written(updated, "erc20_tokens")
    }
}

/// Deletes the rows of a user whose address is spelled in another way than in the row that updates use, with what refers to
/// them. Returns how many users these were.
pub(crate) fn delete_duplicates(
    statements: Statements<'_>,
    market_id: i64,
    user: Address,
) -> Result<u64, RowError> {
    let Some(kept) = PositionWriter::new(statements)?.find_user(market_id, user)? else {
        return Ok(0);
    };
    let of_other = "market_id = ?1 AND lower(address) = ?2 AND id <> ?3";
    let values = [
        Bound::Integer(market_id),
        Bound::Text(&user.to_string().to_lowercase()),
        Bound::Integer(kept.id),
    ];
    for table in OF_USERS {
        statements
            .prepare(&format!(
                "DELETE FROM {table} WHERE user_id IN (SELECT id FROM aave_v3_users WHERE {of_other})"
            ))?
            .run(&values)?;
    }
    let deleted = statements
        .prepare(&format!("DELETE FROM aave_v3_users WHERE {of_other}"))?
        .run(&values)?;
    Ok(deleted)
}

/// The tables whose rows belong to users.
const OF_USERS: [&str; 3] = [
    "aave_v3_collateral_positions",
    "aave_v3_debt_positions",
    "aave_v3_user_collateral_configs",
];

/// Forgets the positions of an asset that was dropped, and who used it as collateral. The contracts allow that only when
/// nobody has any.
pub(crate) fn forget_positions(
    connection: &mut SqliteConnection,
    asset_id: i64,
) -> QueryResult<()> {
    let collateral = aave_v3_collateral_positions::table
        .filter(aave_v3_collateral_positions::asset_id.eq(asset_id));
    diesel::delete(collateral).execute(connection)?;
    let debt = aave_v3_debt_positions::table.filter(aave_v3_debt_positions::asset_id.eq(asset_id));
    diesel::delete(debt).execute(connection)?;
    let flags = aave_v3_user_collateral_configs::table
        .filter(aave_v3_user_collateral_configs::asset_id.eq(asset_id));
    diesel::delete(flags).execute(connection).map(drop)
}

/// Deletes what belongs to users and assets that are not there any more: SQLite leaves it where a program does not make it
/// check foreign keys.
pub(crate) fn delete_orphans(statements: Statements<'_>) -> QueryResult<()> {
    let of_assets = [
        "aave_v3_asset_configs",
        "aave_v3_asset_facts",
        "aave_v3_emode_assets",
    ];
    for table in OF_USERS.into_iter().chain(of_assets) {
        statements
            .prepare(&format!(
                "DELETE FROM {table} WHERE asset_id NOT IN (SELECT id FROM aave_v3_assets)"
            ))?
            .run(&[])?;
    }
    for table in OF_USERS {
        statements
            .prepare(&format!(
                "DELETE FROM {table} WHERE user_id NOT IN (SELECT id FROM aave_v3_users)"
            ))?
            .run(&[])?;
    }
    Ok(())
}

/// All scaled debt of an asset, added up.
pub(crate) fn scaled_debt(
    connection: &mut SqliteConnection,
    asset_id: i64,
) -> Result<alloy_primitives::U256, RowError> {
    use aave_v3_debt_positions as columns;
    let balances: Vec<U256> = columns::table
        .filter(columns::asset_id.eq(asset_id))
        .filter(columns::balance.ne("0"))
        .select(columns::balance)
        .load(connection)?;
    // A sum beyond 256 bits is none that the contract can have.
    let add = |sum: alloy_primitives::U256, balance: U256| sum.saturating_add(balance.0);
    Ok(balances.into_iter().fold(alloy_primitives::U256::ZERO, add))
}
