//! What updates have to know of an exchange's contracts: the table `exchange_deployments`.

use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::exchange_conflict::ExchangeConflict;
use crate::database::exchanges::kept::{conflict, not_kept};
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::rows::exchange_deployment::{ExchangeDeployment, NewExchangeDeployment};
use crate::schema::exchange_deployments;
use crate::setters::setters;
use crate::sqlite::prepared::Statements;
use crate::types::hash::CodeHash;
use crate::types::integer::BlockNumber;

/// What is to be recorded of an exchange's contracts. Only what is given changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContractFacts {
    /// The kind of the pools.
    pub kind: Option<ExchangeKind>,
    /// The first block that can have events.
    pub first_block: Option<BlockNumber>,
    /// The hash of the init code that pools are deployed with; `Some(None)` if their addresses are not to be checked.
    pub init_code_hash: Option<Option<CodeHash>>,
}

setters!(ContractFacts {
    kind: ExchangeKind => Some,
    first_block: BlockNumber => Some,
    init_code_hash: Option<CodeHash> => Some,
});

impl ContractFacts {
    /// Whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All that is known of a deployment.
    pub(super) fn of(deployment: &Deployment) -> Self {
        let hash = deployment.init_code_hash.map(|hash| CodeHash::new(hash.0));
        Self {
            kind: Some(deployment.kind),
            first_block: deployment.first_block,
            init_code_hash: Some(hash),
        }
    }

    /// Whether only the kind is given.
    fn is_kind_alone(&self) -> bool {
        self.first_block.is_none() && self.init_code_hash.flatten().is_none()
    }

    /// Records what is given. What is not comes from the row that is there, or from the known deployment.
    ///
    /// A database of an older version has no table for it. That is an error, unless only the kind is given: then the
    /// exchange can be added there as well, and gets its kind when it is activated with one.
    pub(super) fn record(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
        exchange: &ExchangeName,
        exchange_id: i64,
        is_needed: bool,
    ) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        if !has_table(connection)? {
            if is_needed || !self.is_kind_alone() {
                let exchange = exchange.clone();
                return Err(conflict(path, ExchangeConflict::NoPlace { exchange }));
            }
            return Ok(());
        }
        let stored = ExchangeDeployment::of_exchange(connection, exchange_id)?;
        let known = Deployment::of(exchange);
        let before = match (&stored, known) {
            (Some(stored), _) => Self {
                kind: Some(stored.kind),
                first_block: stored.first_block,
                init_code_hash: Some(stored.init_code_hash),
            },
            (None, Some(known)) => Self::of(known),
            (None, None) => Self::default(),
        };
        // The kind of a known deployment is not for a user to say. That of another one can be corrected, but a manager
        // has a row and pools of other tables.
        let expected = known.map(|known| known.kind).or(before.kind);
        if let (Some(given), Some(expected)) = (self.kind, expected)
            && given != expected
            && (known.is_some() || given.is_manager() != expected.is_manager())
        {
            let exchange = exchange.clone();
            let found = ExchangeConflict::OtherKind {
                exchange,
                given,
                expected,
            };
            return Err(conflict(path, found));
        }
        let Some(kind) = self.kind.or(before.kind) else {
            let exchange = exchange.clone();
            return Err(conflict(path, ExchangeConflict::KindUnknown { exchange }));
        };
        let new = NewExchangeDeployment {
            exchange_id,
            kind,
            first_block: self.first_block.or(before.first_block),
            init_code_hash: self.init_code_hash.or(before.init_code_hash).flatten(),
        };
        if stored.is_some() {
            let of_exchange = exchange_deployments::table
                .filter(exchange_deployments::exchange_id.eq(exchange_id));
            diesel::delete(of_exchange).execute(connection)?;
        }
        diesel::insert_into(exchange_deployments::table)
            .values(&new)
            .execute(connection)?;
        let kept = ExchangeDeployment::of_exchange(connection, exchange_id)?;
        let kept = kept.map(|kept| NewExchangeDeployment {
            exchange_id: kept.exchange_id,
            kind: kept.kind,
            first_block: kept.first_block,
            init_code_hash: kept.init_code_hash,
        });
        if kept != Some(new) {
            let error = not_kept(connection, path, exchange, "with what is known of it");
            return Err(error?);
        }
        Ok(())
    }
}

fn has_table(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let found = Statements::of(connection)?
        .prepare(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'exchange_deployments'",
        )?
        .first_integer(&[])?;
    Ok(found.is_some())
}
