//! ERC-20 tokens.

pub(in crate::models) mod insert;

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::models::access::lookup::{find_by_address, load};
use crate::models::access::read_transaction::ReadTransaction;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::{TableRow, table_row};
use crate::schema::erc20_tokens;
use crate::sqlite::prepared::Bound;
use crate::types::address::Address;
use crate::types::integer::{ChainId, Decimals};
use crate::types::stored::Encode;

/// A token of a chain; (`address`, `chain`) is unique.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = erc20_tokens, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct Erc20Token {
    /// The row's id.
    pub id: i64,
    /// The chain the token lives on.
    pub chain: ChainId,
    /// The token's contract; the zero address is the native currency.
    pub address: Address,
    /// The name, if the contract has one.
    pub name: Option<String>,
    /// The symbol, if the contract has one.
    pub symbol: Option<String>,
    /// The number of decimals, if the contract has it.
    pub decimals: Option<Decimals>,
}

table_row!(Erc20Token in erc20_tokens: id, chain, address, name, symbol, decimals);

/// A token to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = erc20_tokens, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewErc20Token {
    /// The chain the token lives on.
    pub chain: ChainId,
    /// The token's contract; the zero address is the native currency.
    pub address: Address,
    /// The name, if the contract has one.
    pub name: Option<String>,
    /// The symbol, if the contract has one.
    pub symbol: Option<String>,
    /// The number of decimals, if the contract has it.
    pub decimals: Option<Decimals>,
}

impl Erc20Token {
    /// The symbol, or the address of a token without one.
    #[must_use]
    pub fn label(&self) -> String {
        let symbol = self.symbol.clone();
        symbol.unwrap_or_else(|| self.address.to_string())
    }

    /// The token with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        Ok(load!(connection, Self, erc20_tokens::table.find(id))?.pop())
    }

    /// The token with an address on a chain, whether stored with its checksum or in lower case.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn by_address(
        connection: &mut SqliteConnection,
        chain: ChainId,
        address: Address,
    ) -> Result<Option<Self>, RowError> {
        find_by_address!(connection, Self, erc20_tokens, chain, address)
    }

    /// The tokens of a chain, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a row is malformed, or if a statement fails.
    pub fn of_chain(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Vec<Self>, RowError> {
        let columns = Self::COLUMNS;
        let transaction = ReadTransaction::begin(connection)?;
        // A full scan: most databases have few chains, and the index would look up every row.
        let mut row = transaction.statements().prepare(&format!(
            "SELECT {} FROM erc20_tokens AS t NOT INDEXED WHERE t.chain = ?1 ORDER BY t.id",
            columns.of("t")
        ))?;
        row.query(&[Bound::Integer(chain.encode())])?;
        let _held = transaction.statements().hold();
        let mut tokens = Vec::new();
        while row.step()? {
            tokens.push(Self::read(&columns, &row)?);
        }
        Ok(tokens)
    }
}
