//! What is known of the contracts of an exchange.

use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::deployments::exchange_kind::ExchangeKind;
use crate::models::access::lookup::load;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::table_row;
use crate::schema::exchange_deployments;
use crate::types::hash::CodeHash;
use crate::types::integer::BlockNumber;

/// What is known of the contracts of an exchange; `exchange_id` is unique. It counts instead of the known
/// [`Deployment`](crate::deployments::Deployment) of that name.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = exchange_deployments, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct ExchangeDeployment {
    /// The row's id.
    pub id: i64,
    /// The id of the exchange in `exchanges`.
    pub exchange_id: i64,
    /// The kind of its pools, which decides what its events look like.
    pub kind: ExchangeKind,
    /// The first block that can have events, such as that of the factory's deployment. `None` stands for the
    /// chain's first block.
    pub first_block: Option<BlockNumber>,
    /// The hash of the init code that the pools are deployed with, by which their addresses are checked; `None`
    /// if they are not checked.
    pub init_code_hash: Option<CodeHash>,
}

table_row!(
    ExchangeDeployment in exchange_deployments: id, exchange_id, kind, first_block, init_code_hash
);

/// What is known of the contracts of an exchange, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = exchange_deployments, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewExchangeDeployment {
    /// The id of the exchange in `exchanges`.
    pub exchange_id: i64,
    /// The kind of its pools, which decides what its events look like.
    pub kind: ExchangeKind,
    /// The first block that can have events; `None` stands for the chain's first block.
    pub first_block: Option<BlockNumber>,
    /// The hash of the init code that the pools are deployed with; `None` if their addresses are not checked.
    pub init_code_hash: Option<CodeHash>,
}

impl ExchangeDeployment {
    /// What is known of the contracts of an exchange.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the row is malformed, or if a statement fails.
    pub fn of_exchange(
        connection: &mut SqliteConnection,
        exchange_id: i64,
    ) -> Result<Option<Self>, RowError> {
        let of_exchange = exchange_deployments::table
            .filter(exchange_deployments::exchange_id.eq(exchange_id))
            .order(exchange_deployments::id);
        Ok(load!(connection, Self, of_exchange)?.into_iter().next())
    }
}
