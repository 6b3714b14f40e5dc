//! Aave's GHO stablecoin and its discount contracts.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::aave_gho_tokens;
use crate::types::address::Address;

/// A deployment of GHO.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = aave_gho_tokens, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct AaveGhoToken {
    /// The row's id.
    pub id: i64,
    /// The GHO token.
    pub token_id: i64,
    /// Its variable debt token.
    pub v_token_id: Option<i64>,
    /// The contract that computes the discount.
    pub v_gho_discount_rate_strategy: Option<Address>,
    /// The token whose holders get the discount.
    pub v_gho_discount_token: Option<Address>,
}

table_row!(
    AaveGhoToken in aave_gho_tokens: id, token_id, v_token_id, v_gho_discount_rate_strategy,
    v_gho_discount_token,
);

impl AaveGhoToken {
    /// The deployment whose GHO token has this id in `erc20_tokens`; the one with the lowest id if there are
    /// several.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or the statement fails.
    pub fn by_token(
        connection: &mut SqliteConnection,
        token_id: i64,
    ) -> Result<Option<Self>, RowError> {
        let found = load!(
            connection,
            Self,
            aave_gho_tokens::table
                .filter(aave_gho_tokens::token_id.eq(token_id))
                .order(aave_gho_tokens::id)
        )?;
        Ok(found.into_iter().next())
    }
}

/// A deployment of GHO to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = aave_gho_tokens, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewAaveGhoToken {
    /// The GHO token.
    pub token_id: i64,
    /// Its variable debt token.
    pub v_token_id: Option<i64>,
    /// The contract that computes the discount.
    pub v_gho_discount_rate_strategy: Option<Address>,
    /// The token whose holders get the discount.
    pub v_gho_discount_token: Option<Address>,
}
