//! Insertion of many tokens that may exist already.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::Erc20Token;
use super::NewErc20Token;
use crate::models::access::known_addresses::{KnownAddresses, is_there_already};
use crate::models::access::other_spellings::{HexColumn, OtherSpellings};
use crate::models::access::retired_ids;
use crate::models::access::row_error::RowError;
use crate::models::access::write_transaction::in_write_transaction;
use crate::models::access::written::require_written;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::address::is_usual_spelling;
use crate::types::integer::ChainId;
use crate::types::stored::Encode;

impl Erc20Token {
    /// Returns the ids of the tokens, in order, and inserts those that do not exist. An existing token is
    /// left unchanged, whatever its name or the letter case of its address.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails. Nothing is written then; inside the caller's transaction, the
    /// caller must roll back.
    pub fn insert_or_get(
        connection: &mut SqliteConnection,
        tokens: &[NewErc20Token],
    ) -> Result<Vec<i64>, RowError> {
        in_write_transaction(connection, |statements| {
            let mut inserter = TokenInserter::new(statements, tokens.len())?;
            tokens.iter().map(|token| inserter.id_of(token)).collect()
        })
    }
}

const ADDRESSES: HexColumn = HexColumn {
    table: "erc20_tokens",
    from: "erc20_tokens",
    text: "address",
    group: "chain",
    id: "id",
    is_usual: is_usual_spelling,
};

/// Finds or inserts tokens, and caches their ids: many pools share the same few tokens.
pub(in crate::models) struct TokenInserter<'connection> {
    statements: Statements<'connection>,
    find: Statement<'connection>,
    others: OtherSpellings<'connection>,
    insert: Statement<'connection>,
    /// The id of the next new token, if SQLite would choose one that is not to be used again.
    next_id: Option<i64>,
    known: KnownAddresses,
}

impl<'connection> TokenInserter<'connection> {
    /// For a batch of this many tokens.
    pub(in crate::models) fn new(
        statements: Statements<'connection>,
        batch: usize,
    ) -> QueryResult<Self> {
        Ok(Self {
            statements,
            find: statements.prepare(
                "SELECT id FROM erc20_tokens WHERE address IN (?1, ?2) AND chain = ?3 ORDER BY id",
            )?,
            others: OtherSpellings::new(statements, ADDRESSES, batch)?,
            insert: statements.prepare(
                "INSERT INTO erc20_tokens (chain, address, name, symbol, decimals, id) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            next_id: retired_ids::next_id(statements, "erc20_tokens")?,
            known: KnownAddresses::of_table(statements, "erc20_tokens", batch)?,
        })
    }

    pub(in crate::models) fn id_of(&mut self, token: &NewErc20Token) -> Result<i64, RowError> {
        let &NewErc20Token { chain, address, .. } = token;
        if let Some(id) = self.known.get(chain, address) {
            return Ok(id);
        }
        let spellings = address.spellings();
        let found = if self.known.is_complete() {
            None
        } else {
            self.find(chain, &spellings)?
        };
        let id = match found {
            Some(id) => id,
            None => self.insert(token, &spellings)?,
        };
        self.known.add(chain, address, id);
        Ok(id)
    }

    fn find(
        &mut self,
        chain: ChainId,
        [address, lower_case]: &[String; 2],
    ) -> QueryResult<Option<i64>> {
        let chain = chain.encode();
        let spellings = [
            Bound::Text(address),
            Bound::Text(lower_case),
            Bound::Integer(chain),
        ];
        match self.find.first_integer(&spellings)? {
            None => self.others.find(lower_case, chain),
            found => Ok(found),
        }
    }

    fn insert(&mut self, token: &NewErc20Token, spellings: &[String; 2]) -> Result<i64, RowError> {
        let inserted = self.insert.run(&[
            Bound::Integer(token.chain.encode()),
            Bound::Text(&spellings[0]),
            Bound::text(token.name.as_deref()),
            Bound::text(token.symbol.as_deref()),
            Bound::integer(token.decimals),
            Bound::id(self.next_id),
        ]);
        match inserted {
            Ok(inserted) => {
                require_written(inserted, "erc20_tokens")?;
                self.next_id = None;
                Ok(self.statements.last_insert_rowid())
            }
            // By a trigger of the user's own.
            Err(error) if is_there_already(&error) => {
                Ok(self.find(token.chain, spellings)?.ok_or(error)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(feature = "sync")]
impl NewErc20Token {
    /// Fills in the name, the symbol and the decimals that the row of the token lacks.
    pub(crate) fn fill_in(&self, connection: &mut SqliteConnection, id: i64) -> QueryResult<()> {
        use crate::schema::erc20_tokens as columns;
        let row = columns::table.find(id);
        if let Some(name) = &self.name {
            diesel::update(row.filter(columns::name.is_null()))
                .set(columns::name.eq(name))
                .execute(connection)?;
        }
        if let Some(symbol) = &self.symbol {
            diesel::update(row.filter(columns::symbol.is_null()))
                .set(columns::symbol.eq(symbol))
                .execute(connection)?;
        }
        if let Some(decimals) = self.decimals {
            diesel::update(row.filter(columns::decimals.is_null()))
                .set(columns::decimals.eq(decimals))
                .execute(connection)?;
        }
        Ok(())
    }
}
