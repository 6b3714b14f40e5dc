//! Updates of the pools of exchanges, as a domain.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::deployments::exchange_name::ExchangeName;
use crate::models::access::row_error::RowError;
use crate::models::journal::tables::UpdateOf;
use crate::models::rows::exchange::Exchange;
use crate::node::client::Node;
use crate::sync::changes::{Changes, Decoder};
use crate::sync::commit::{Memory, commit};
use crate::sync::domain::{Committed, Domain, Place};
use crate::sync::factory_fees::ask_fees;
use crate::sync::needs::estimate;
use crate::sync::pending::Batch;
use crate::sync::room::{Room, bytes_for};
use crate::sync::run_options::RunOptions;
use crate::sync::scope::{Scope, ScopedExchange};
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// The pools of these exchanges; of all active ones if there is none.
#[derive(Debug)]
pub(super) struct Pools<'a>(pub(super) &'a [ExchangeName]);

impl Domain for Pools<'_> {
    const UPDATE: UpdateOf = UpdateOf::Pools;
    const MARKS: &'static str = "exchanges";
    type Member = ScopedExchange;
    type Memory = Memory;
    type Decoder<'scope> = Decoder<'scope>;
    type Changes = Changes;

    fn read(&self, connection: &mut SqliteConnection, chain: ChainId) -> Result<Scope, RowError> {
        Scope::read(connection, chain, self.0)
    }

    fn exist(&self, connection: &mut SqliteConnection, chain: ChainId) -> Result<bool, RowError> {
        Ok(!Exchange::of_chain(connection, chain)?.is_empty())
    }

    /// The deployments say all.
    fn acquaint(&mut self, _: &Node, _: &mut Scope) -> Result<(), SyncError> {
        Ok(())
    }

    fn decoder<'scope>(scope: &'scope Scope, members: &[usize]) -> Decoder<'scope> {
        Decoder::new(scope, members)
    }

    /// The events of all pools are asked for, whether they are known or not.
    fn complete(
        _: &Node,
        _: &Decoder<'_>,
        _: (BlockNumber, BlockNumber),
        _: BlockHash,
        _: &mut Changes,
    ) -> Result<bool, SyncError> {
        Ok(false)
    }

    fn prepare(
        &mut self,
        node: &Node,
        (scope, _): (&Scope, &[usize]),
        _: &mut Memory,
        _: &mut SqliteConnection,
        batch: &mut Batch<Changes>,
    ) -> Result<(), SyncError> {
        ask_fees(node, scope, batch)
    }

    fn commit(
        place: Place<'_>,
        memory: &mut Memory,
        scope: &Scope,
        members: &[usize],
        batch: &mut Batch<Changes>,
    ) -> Result<Committed, SyncError> {
        commit(place, memory, scope, members, batch)
    }

    fn room(
        path: &Path,
        node: &Node,
        scope: &Scope,
        ends: (BlockNumber, BlockNumber),
        options: &RunOptions,
    ) -> Result<Room, SyncError> {
        let needs = estimate(path, node, scope, ends, options.chunk, options.concurrency)?;
        Ok(needs.room())
    }

    fn room_for(batch: &Batch<Changes>) -> u64 {
        bytes_for(batch)
    }
}
