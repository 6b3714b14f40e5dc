//! Takes over markets that another program has followed, from the beginning or since this one has updated them.
//!
//! The Python package stores no times of updates and no memberships in e-mode categories, and reads flags of reserves at some
//! events only. All of it is read from the contracts once, at the block that the package has got to. If the node no longer
//! has the state of that block, it is read at the newest final one: whatever an event has changed in between, that event
//! changes again as the update gets there, and what no event has changed is the same.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::own_triggers::require_none_that_interferes;
use crate::deployments::market_name::MarketName;
use crate::models::aave::reserve_writer::store_update_time;
use crate::models::journal::block_updates::store_final;
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::market_marks::{MarkedBy, forget_marks, note_mark};
use crate::models::journal::recorder::Recorder;
use crate::node::client::Node;
use crate::node::header::{BlockTag, Header};
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::aave::chain_values::{MarketValues, NotRead};
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::picture::{Markets, is_as_it_was, read_market};
use crate::sync::aave::reserve_times::{update_blocks, update_times};
use crate::sync::at_block::lacks_state;
use crate::sync::chain_view::ChainView;
use crate::sync::preconditions::require_updatable;
use crate::sync::run_options::RunOptions;
use crate::sync::sync_error::SyncError;
use crate::sync::writing_connection::open_to_write;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId, Timestamp};

/// A market that another program had followed, and that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TakenOver {
    /// The market.
    pub market: MarketName,
    /// The block that the program had got to.
    pub mark: BlockNumber,
    /// The block whose state was read for what the program does not store. If it is not `mark`, the node no longer has the
    /// state of that block, and the market is right once it is updated to this one.
    pub block: BlockNumber,
}

/// What is written of a market.
struct Truth {
    values: MarketValues,
    block: BlockNumber,
    /// The block that the other program has got to.
    at_mark: Header,
    /// The times of the last update of reserves.
    times: BTreeMap<BlockNumber, u64>,
    /// The blocks of the last update of reserves, where the database has wrong ones.
    blocks: BTreeMap<Address, BlockNumber>,
}

/// What became of the markets that another program has followed.
#[derive(Debug, Default)]
pub(super) struct Takeover {
    pub(super) done: Vec<TakenOver>,
    /// The markets that cannot be completed, and so cannot be updated.
    pub(super) failed: Vec<(MarketName, SyncError)>,
}

/// Completes the markets of which the database lacks what the other program does not store. Usually there are none.
///
/// Fails if that goes wrong for every market, or for a reason that is not one of a market.
pub(super) fn take_over(
    path: &Path,
    at: (ChainId, &Node),
    names: &[MarketName],
    options: &RunOptions,
    takeover: &mut Takeover,
) -> Result<(), SyncError> {
    require_updatable(path)?;
    let (chain, node) = at;
    let Markets { scope, blocks } = Markets::read(path, chain, names)?;
    let markets = scope.exchanges;
    for market in &markets {
        match complete(path, node, (market, &blocks), options) {
            Ok(done) => takeover.done.extend(done),
            Err(error) if error.is_of_market() => {
                takeover.failed.push((market.name.clone(), error));
            }
            Err(error) => return Err(error),
        }
    }
    if takeover.failed.len() == markets.len()
        && let Some((_, last)) = takeover.failed.pop()
    {
        return Err(last);
    }
    Ok(())
}

/// Completes a market, if the database lacks something of it, or if another program has followed it since.
fn complete(
    path: &Path,
    node: &Node,
    (market, blocks): (&ScopedMarket, &[StoredBlock]),
    options: &RunOptions,
) -> Result<Option<TakenOver>, SyncError> {
    let Some(mark) = market.last_block() else {
        return Ok(None);
    };
    let Some(state) = read_market(path, market)? else {
        return Ok(None);
    };
    let is_own = market.marked_by == MarkedBy::ThisProgram;
    if state.reserves.is_empty() || (is_own && state.has_facts()) {
        return Ok(None);
    }
    // The update says if the node lacks the block.
    let Some(head) = node.header(BlockTag::Latest)? else {
        return Ok(None);
    };
    let Some(at_mark) = node.confirmed_header(mark, head.number)? else {
        return Ok(None);
    };
    let is_gone_of_other =
        is_gone(blocks, &at_mark) && market.marked_by == MarkedBy::Unknown && market.time.is_none();
    if is_gone_of_other {
        return Err(SyncError::OnReplacedBlock {
            market: Box::new(market.name.clone()),
            block: mark,
        });
    }
    // The update takes back what is gone from the chain, or says that it cannot.
    if is_gone(blocks, &at_mark) || (state.has_facts() && !is_of_other_program(market, &at_mark)) {
        return Ok(None);
    }
    let truth = read(node, market, &state, &at_mark)?;
    if !write(path, market, &truth, options)? {
        return Ok(None);
    }
    log::info!("{}: taken over at block {mark}", market.name);
    Ok(Some(TakenOver {
        market: market.name.clone(),
        mark,
        block: truth.block,
    }))
}

/// Whether another program has taken in the last blocks. Where nothing is noted, the time of the last one tells, which this
/// program stores.
fn is_of_other_program(market: &ScopedMarket, at_mark: &Header) -> bool {
    match market.marked_by {
        MarkedBy::ThisProgram => false,
        MarkedBy::Another => true,
        MarkedBy::Unknown => market.time.map(Timestamp::get) != Some(at_mark.timestamp),
    }
}

/// Whether the database has another block of this number.
fn is_gone(blocks: &[StoredBlock], header: &Header) -> bool {
    blocks
        .iter()
        .any(|block| block.number == header.number && block.hash != header.hash)
}

/// Reads what is missing.
fn read(
    node: &Node,
    market: &ScopedMarket,
    state: &MarketState,
    at_mark: &Header,
) -> Result<Truth, SyncError> {
    let mark = at_mark.number;
    let asked = state.asked();
    let values_at = |block| {
        let at = BlockTag::Number(block);
        MarketValues::read(node, market.provider, &asked, at)
    };
    let mut block = mark;
    let mut values = values_at(block);
    if let Err(NotRead::Node(SyncError::Node { source })) = &values
        && lacks_state(source)
        && let Some(final_block) = final_block(node)?.filter(|it| *it > mark)
    {
        block = final_block;
        values = values_at(block);
    }
    let values = values.map_err(|not_read| not_read.into_error(&market.name, block))?;
    let blocks = if block == mark {
        update_blocks(node, market, state, &values, mark)?
    } else {
        BTreeMap::new()
    };
    Ok(Truth {
        values,
        block,
        at_mark: at_mark.clone(),
        times: update_times(node, state)?,
        blocks,
    })
}

fn final_block(node: &Node) -> Result<Option<BlockNumber>, SyncError> {
    let tags = [BlockTag::Latest, BlockTag::Finalized];
    let mut headers = node.headers_at(&tags)?.into_iter();
    let (head, finalized) = (headers.next().flatten(), headers.next().flatten());
    Ok(head.map(|head| ChainView { head, finalized }.final_block(&[])))
}

/// Writes what was read. Returns whether the market was still as it was.
fn write(
    path: &Path,
    market: &ScopedMarket,
    truth: &Truth,
    options: &RunOptions,
) -> Result<bool, SyncError> {
    let mut connection = open_to_write(path, &options.cancel)?;
    // Only this program has a journal of markets, so there is nothing to record.
    Recorder::remove(Statements::of(&mut connection)?)?;
    transaction(
        &mut connection,
        Begin::Immediate,
        |connection| -> Result<bool, SyncError> {
            require_none_that_interferes(connection, path)?;
            if !is_as_it_was(connection, market)? {
                return Ok(false);
            }
            let mut state = MarketState::load(connection, market)?;
            state.forget_facts();
            if market.mark == Some(truth.block) {
                state.correct(market, &truth.values, &truth.blocks)?;
            } else {
                state.correct_configs(&truth.values);
            }
            state.complete_facts(&truth.times);
            state.write(connection, &NodeFacts::default())?;
            own_mark(connection, market, &truth.at_mark)?;
            Ok(true)
        },
        SyncError::from,
    )
}

/// Makes the mark that the other program has left one of this program.
fn own_mark(
    connection: &mut SqliteConnection,
    market: &ScopedMarket,
    at_mark: &Header,
) -> Result<(), SyncError> {
    let (chain, mark) = (market.chain, at_mark.number);
    if let Ok(time) = Timestamp::new(at_mark.timestamp) {
        store_update_time(connection, market.id, time)?;
    }
    if is_gone(
        &StoredBlock::of_range(connection, chain, mark, mark)?,
        at_mark,
    ) {
        return Ok(());
    }
    store_final(connection, chain, (mark, at_mark.hash))?;
    let statements = Statements::of(connection)?;
    forget_marks(statements, chain, market.id)?;
    note_mark(statements, chain, market.id, (mark, true))?;
    Ok(())
}
