//! Writes a market that is in memory.

use diesel::sqlite::SqliteConnection;

use crate::models::aave::position_writer::PositionWriter;
use crate::models::aave::reserve_writer::forget_positions;
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_v3_asset::NewAaveV3Asset;
use crate::models::rows::aave_v3_emode_asset::NewAaveV3EModeAsset;
use crate::models::rows::aave_v3_emode_category::AaveV3EModeCategory;
use crate::models::rows::aave_v3_market::NewAaveV3Contract;
use crate::models::rows::erc20_token::{Erc20Token, NewErc20Token};
use crate::sqlite::prepared::Statements;
use crate::sync::aave::balances::Written;
use crate::sync::aave::market_state::{MarketState, NO_ROW};
use crate::sync::aave::node_facts::NodeFacts;

impl MarketState {
    /// Writes what is not in the database yet.
    pub(super) fn write(
        &mut self,
        connection: &mut SqliteConnection,
        facts: &NodeFacts,
    ) -> Result<Written, RowError> {
        self.write_contracts(connection)?;
        self.write_categories(connection)?;
        let mut written = Written::default();
        for place in 0..self.reserves.len() {
            written.rows += u64::from(self.write_reserve(connection, place, facts)?);
        }
        for row in std::mem::take(&mut self.removed_categories) {
            AaveV3EModeCategory::delete(connection, row)?;
        }
        self.write_gho(connection)?;
        let ids: Vec<_> = self
            .reserves
            .iter()
            .map(|reserve| reserve.asset.id)
            .collect();
        let statements = Statements::of(connection)?;
        let mut writer = PositionWriter::new(statements)?;
        let _held = statements.hold();
        let of_balances = self.balances.write(&mut writer, self.market_id, &ids)?;
        written.created += of_balances.created;
        written.rows += of_balances.rows;
        Ok(written)
    }

    fn write_contracts(&mut self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        for (name, contract) in &mut self.contracts {
            if !std::mem::take(&mut contract.is_unwritten) {
                continue;
            }
            match contract.address {
                Some(address) => NewAaveV3Contract {
                    market_id: self.market_id,
                    name: name.clone(),
                    address,
                    revision: contract.revision,
                }
                .store(connection)?,
                None => NewAaveV3Contract::delete(connection, self.market_id, name)?,
            }
        }
        Ok(())
    }

    fn write_categories(&mut self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        for number in std::mem::take(&mut self.unwritten_categories) {
            if let Some(category) = self.categories.get(&number) {
                let id = category.store(connection)?;
                self.category_ids.insert(number, id);
            }
        }
        Ok(())
    }

    /// Returns whether anything was written.
    fn write_reserve(
        &mut self,
        connection: &mut SqliteConnection,
        place: usize,
        facts: &NodeFacts,
    ) -> Result<bool, RowError> {
        let Some(reserve) = self.reserves.get_mut(place) else {
            return Ok(false);
        };
        let unwritten = std::mem::take(&mut reserve.unwritten);
        if unwritten.asset {
            let number = reserve.config.e_mode_category_id;
            reserve.asset.e_mode_category_id =
                number.and_then(|number| self.category_ids.get(&number).copied());
            if reserve.asset.id == 0 || unwritten.positions || unwritten.tokens {
                let addresses = [reserve.underlying, reserve.a_token, reserve.v_token];
                let tokens = addresses.map(|address| facts.token(self.chain, address));
                let ids = Erc20Token::insert_or_get(connection, &tokens)?;
                if let [underlying, a_token, v_token] = ids[..] {
                    reserve.asset.underlying_asset_id = underlying;
                    reserve.asset.a_token_id = a_token;
                    reserve.asset.v_token_id = v_token;
                }
                fill_in(connection, &tokens, &ids)?;
            }
            if reserve.asset.id == 0 {
                reserve.asset.id = as_new(&reserve.asset).insert(connection)?;
                reserve.number();
            } else {
                reserve.asset.update(connection)?;
            }
        }
        if unwritten.positions {
            forget_positions(connection, reserve.asset.id)?;
        }
        if unwritten.config {
            reserve.config.store(connection)?;
        }
        if unwritten.facts {
            reserve.facts.store(connection)?;
        }
        if unwritten.memberships {
            NewAaveV3EModeAsset::replace(connection, reserve.asset.id, reserve.memberships())?;
        }
        Ok(unwritten.asset || unwritten.config || unwritten.facts || unwritten.memberships)
    }

    fn write_gho(&mut self, connection: &mut SqliteConnection) -> Result<(), RowError> {
        let Some(gho) = &mut self.gho else {
            return Ok(());
        };
        if !std::mem::take(&mut gho.is_unwritten) {
            return Ok(());
        }
        let of_gho = self
            .reserves
            .iter()
            .find(|reserve| reserve.underlying == gho.token);
        if let Some(reserve) = of_gho.filter(|reserve| reserve.asset.id != 0) {
            gho.row.v_token_id = Some(reserve.asset.v_token_id);
        }
        if gho.row.id != NO_ROW {
            return gho.row.update(connection);
        }
        // A market without the reserve needs no row.
        if let Some(reserve) = of_gho {
            gho.row.token_id = reserve.asset.underlying_asset_id;
            gho.row.id = gho.row.insert(connection)?;
        }
        Ok(())
    }
}

/// Fills in what a token lacks in the database: pools leave it out.
fn fill_in(
    connection: &mut SqliteConnection,
    tokens: &[NewErc20Token],
    ids: &[i64],
) -> Result<(), RowError> {
    for (token, id) in tokens.iter().zip(ids) {
        token.fill_in(connection, *id)?;
    }
    Ok(())
}

fn as_new(asset: &crate::models::rows::aave_v3_asset::AaveV3Asset) -> NewAaveV3Asset {
    NewAaveV3Asset {
        market_id: asset.market_id,
        underlying_asset_id: asset.underlying_asset_id,
        a_token_id: asset.a_token_id,
        a_token_revision: asset.a_token_revision,
        v_token_id: asset.v_token_id,
        v_token_revision: asset.v_token_revision,
        last_update_block: asset.last_update_block,
        liquidity_index: asset.liquidity_index,
        liquidity_rate: asset.liquidity_rate,
        borrow_index: asset.borrow_index,
        borrow_rate: asset.borrow_rate,
        e_mode_category_id: asset.e_mode_category_id,
        price_source: asset.price_source,
    }
}
