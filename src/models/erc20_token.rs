//! ERC-20 tokens.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::erc20_tokens;
use crate::types::{Address, ChainId, Decimals};

/// A token of a chain; (`address`, `chain`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = erc20_tokens, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct Erc20Token {
    /// The row's id.
    pub id: i64,
    /// The chain the token lives on.
    pub chain: ChainId,
    /// The token's contract; the zero address stands for the native currency.
    pub address: Address,
    /// What the contract says its name is, if it says.
    pub name: Option<String>,
    /// What the contract says its symbol is, if it says.
    pub symbol: Option<String>,
    /// The number of decimals, if the contract says.
    pub decimals: Option<Decimals>,
}

/// A token to be inserted.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = erc20_tokens, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewErc20Token {
    /// The chain the token lives on.
    pub chain: ChainId,
    /// The token's contract; the zero address stands for the native currency.
    pub address: Address,
    /// What the contract says its name is, if it says.
    pub name: Option<String>,
    /// What the contract says its symbol is, if it says.
    pub symbol: Option<String>,
    /// The number of decimals, if the contract says.
    pub decimals: Option<Decimals>,
}
