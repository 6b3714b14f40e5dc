//! What an update is about: the pools of exchanges, or Aave's markets.
//!
//! The rest of an update is the same for both: the comparison with the chain, the undoing of blocks that are gone, the
//! order in which blocks are taken in, and the journal.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::models::access::row_error::RowError;
use crate::models::journal::tables::UpdateOf;
use crate::node::client::Node;
use crate::sync::decode::{Decode, Gather};
use crate::sync::member::Member;
use crate::sync::pending::Batch;
use crate::sync::room::Room;
use crate::sync::run_options::RunOptions;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// What an update is about.
pub(super) trait Domain {
    /// The tables that it writes to.
    const UPDATE: UpdateOf;
    /// The table that has the marks.
    const MARKS: &'static str;
    /// What has a mark of its own: an exchange, or a market.
    type Member: Member;
    /// What is remembered between commits.
    type Memory: Remembered;
    /// What decodes the events of members, which are those of a scope.
    type Decoder<'scope>: Decode<Changes = Self::Changes>;
    /// What events change.
    type Changes: Gather + Send;

    /// Reads the members that take part.
    fn read(
        &self,
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Scope<Self::Member>, RowError>;

    /// Whether the database has members of the chain, active or not.
    fn exist(&self, connection: &mut SqliteConnection, chain: ChainId) -> Result<bool, RowError>;

    /// Asks the node for what has to be known of the members before their events are asked for.
    fn acquaint(&mut self, node: &Node, scope: &mut Scope<Self::Member>) -> Result<(), SyncError>;

    /// What decodes the events of these members of a scope.
    fn decoder<'scope>(
        scope: &'scope Scope<Self::Member>,
        members: &[usize],
    ) -> Self::Decoder<'scope>;

    /// Asks for the events of contracts that the changes of a range say are new. Returns whether there are any, so that
    /// the next ranges have to be asked for with other filters.
    fn complete(
        node: &Node,
        decoder: &Self::Decoder<'_>,
        range: (BlockNumber, BlockNumber),
        last: BlockHash,
        changes: &mut Self::Changes,
    ) -> Result<bool, SyncError>;

    /// Asks the node for what no event of these members of a scope says, before a transaction begins.
    fn prepare(
        &mut self,
        node: &Node,
        members: (&Scope<Self::Member>, &[usize]),
        memory: &mut Self::Memory,
        connection: &mut SqliteConnection,
        batch: &mut Batch<Self::Changes>,
    ) -> Result<(), SyncError>;

    /// Writes a batch, the marks and the journal in one transaction.
    fn commit(
        place: Place<'_>,
        memory: &mut Self::Memory,
        scope: &Scope<Self::Member>,
        members: &[usize],
        batch: &mut Batch<Self::Changes>,
    ) -> Result<Committed, SyncError>;

    /// The room on the disk that a long first sync needs, estimated with a few requests.
    fn room(
        path: &Path,
        node: &Node,
        scope: &Scope<Self::Member>,
        ends: (BlockNumber, BlockNumber),
        options: &RunOptions,
    ) -> Result<Room, SyncError>;

    /// The bytes that a batch needs on the disk, roughly.
    fn room_for(batch: &Batch<Self::Changes>) -> u64;
}

/// Where an update writes.
pub(super) struct Place<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) path: &'a Path,
    pub(super) chain: ChainId,
}

/// What is remembered between commits. All of it is checked in each transaction.
pub(super) trait Remembered: Default {
    /// Forgets what others may have changed. Runs inside a transaction.
    fn refresh(&mut self, connection: &mut SqliteConnection, path: &Path) -> Result<(), SyncError>;

    /// Whether no other connection has written since the last refresh.
    fn is_current(&self, connection: &mut SqliteConnection) -> Result<bool, SyncError>;

    /// Forgets all rows.
    fn forget(&mut self);
}

/// The result of a commit.
#[derive(Debug)]
pub(super) enum Committed {
    Done(Counts),
    /// Nothing was written, because the database is no longer what the batch was made for.
    Moved(&'static str),
}

/// What a commit has written.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// New pools or positions, by the member's place in the scope.
    pub(super) created: Vec<(usize, u64)>,
    /// Events that were applied.
    pub(super) events: u64,
    /// Events that were in the database already.
    pub(super) already_applied: u64,
    /// Rows that were inserted, updated or deleted.
    pub(super) rows: u64,
    /// Pools that an older update has lost, by the member's place in the scope.
    pub(super) lost: Vec<(usize, u64)>,
}
