//! ERC-20 tokens.

mod insert;

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

pub(super) use insert::TokenWriter;

use super::reading::Reading;
use super::row::{Columns, RowError};
use crate::schema::erc20_tokens;
use crate::sqlite::Bound;
use crate::types::{Address, ChainId, Decimals, Encode, Spelling};

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

const TOKEN: Columns = Columns {
    table: "erc20_tokens",
    names: &["id", "chain", "address", "name", "symbol", "decimals"],
    offset: 0,
};

impl Erc20Token {
    /// The token with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] where the row is malformed, or a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        Ok(erc20_tokens::table
            .find(id)
            .select(Self::as_select())
            .get_result(connection)
            .optional()?)
    }

    /// The token with an address on a chain, whether it is stored with its checksum or in lower case.
    ///
    /// # Errors
    ///
    /// [`RowError`] where the row is malformed, or a statement fails.
    pub fn by_address(
        connection: &mut SqliteConnection,
        chain: ChainId,
        address: Address,
    ) -> Result<Option<Self>, RowError> {
        for spelling in Spelling::ALL {
            let token = erc20_tokens::table
                .filter(erc20_tokens::address.eq(spelling.of(address)))
                .filter(erc20_tokens::chain.eq(chain))
                .select(Self::as_select())
                .get_result(connection)
                .optional()?;
            if token.is_some() {
                return Ok(token);
            }
        }
        Ok(None)
    }

    /// The tokens of a chain, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] for the first row that is malformed, and where a statement fails.
    pub fn of_chain(
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Vec<Self>, RowError> {
        let reading = Reading::begin(connection)?;
        // Most databases are about a few chains, so the table is read from end to end, not by its index.
        let mut row = reading.statements().prepare(&format!(
            "SELECT {} FROM erc20_tokens AS t NOT INDEXED WHERE t.chain = ?1 ORDER BY t.id",
            TOKEN.of("t")
        ))?;
        row.query(&[Bound::Integer(chain.encode())])?;
        let _held = reading.statements().hold();
        let mut tokens = Vec::new();
        while row.step()? {
            tokens.push(Self {
                id: TOKEN.id(&row)?,
                chain: TOKEN.get(&row, 1)?,
                address: TOKEN.get(&row, 2)?,
                name: TOKEN.get(&row, 3)?,
                symbol: TOKEN.get(&row, 4)?,
                decimals: TOKEN.get(&row, 5)?,
            });
        }
        Ok(tokens)
    }
}
