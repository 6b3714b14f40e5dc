//! Aave's GHO stablecoin and its discount contracts.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::aave_gho_tokens;
use crate::types::Address;

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

/// A deployment of GHO to be inserted.
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
