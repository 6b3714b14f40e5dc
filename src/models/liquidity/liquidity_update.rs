//! Updates of the liquidity of many pools, such as those of a range of blocks.

mod apply;
pub(in crate::models::liquidity) mod liquidity_row;
pub(in crate::models::liquidity) mod liquidity_rows;
mod pool_update_writer;
#[cfg(feature = "sync")]
pub(in crate::models::liquidity) mod recorded_rows;
mod row_updater;
#[cfg(feature = "sync")]
pub(in crate::models::liquidity) mod scattered_rows;

use crate::models::liquidity::exchange_update::ExchangeUpdate;
use crate::models::liquidity::pool_update::PoolUpdate;

/// Changes of the liquidity of many pools, and the blocks up to which exchanges are synchronized.
///
/// The rules about events are at [`TickMap::modify_liquidity`](crate::models::TickMap::modify_liquidity), those about
/// writes at [`Self::apply`]. `examples/bot.rs` is a whole bot with several pools, restarts and conflicts.
///
/// ```
/// # use degenbot::database::{self, Database, Error};
/// # use degenbot::models::{
/// #     Fees, LiquidityPool, NewErc20Token, NewExchange, NewLiquidityPool, PoolParameters, V3Protocol, V3Parameters,
/// # };
/// use degenbot::models::{
///     ExchangeUpdate, LiquidityError, LiquidityUpdate, LogPosition, PoolFamily, PoolUpdate, TickMap,
/// };
/// # use degenbot::models::SyncCursor;
/// # use degenbot::schema::exchanges;
/// # use degenbot::types::{ChainId, FeeParts};
/// use degenbot::types::{BlockNumber, LogIndex, Tick, TickSpacing};
/// # use diesel::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("degenbot.db");
/// # database::create_new_sqlite_database(&path)?;
/// # let database = Database::open(&path)?;
/// # let chain = ChainId::new(1)?;
/// # let spacing = TickSpacing::new(60)?;
/// # let exchange_id: i64 = database.write(|connection| -> Result<_, Error> {
/// #     Ok(diesel::insert_into(exchanges::table)
/// #         .values(NewExchange {
/// #             chain_id: chain,
/// #             name: "uniswap_v3".to_owned(),
/// #             active: true,
/// #             last_update_block: None,
/// #             factory: "0x1F98431c8aD98523631AE4a59f267346ea31F984".parse().expect("an address"),
/// #             deployer: None,
/// #         })
/// #         .returning(exchanges::id)
/// #         .get_result(connection)?)
/// # })?;
/// # let token = |address: &str| -> Result<_, Box<dyn std::error::Error>> {
/// #     Ok(NewErc20Token { chain, address: address.parse()?, name: None, symbol: None, decimals: None })
/// # };
/// # let new = NewLiquidityPool {
/// #     address: "0x8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8".parse()?,
/// #     chain,
/// #     exchange_id,
/// #     token0: token("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")?,
/// #     token1: token("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")?,
/// #     parameters: PoolParameters::V3(V3Parameters {
/// #         protocol: V3Protocol::Uniswap,
/// #         fees: Fees {
/// #             token0: FeeParts::new(3000)?, token1: FeeParts::new(3000)?, denominator: FeeParts::new(1_000_000)?,
/// #         },
/// #         tick_spacing: spacing,
/// #         sync_cursor: SyncCursor::default(),
/// #     }),
/// # };
/// # let pool_id = database.write(|connection| LiquidityPool::insert_or_get(connection, &[new]).map_err(Error::from))?[0];
/// // In memory since the bot has started; here read from the database.
/// let read = |database: &Database| {
///     database.read(|connection| -> Result<_, Error> {
///         Ok(TickMap::of_pool(connection, PoolFamily::Pools, pool_id)?)
///     })
/// };
/// let mut tick_map = read(&database)?;
///
/// // A Mint event of block 23000000.
/// let block = BlockNumber::new(23_000_000)?;
/// let place = LogPosition::new(block, LogIndex::new(12)?);
/// let (lower, upper) = (Tick::new(-60)?, Tick::new(120)?);
/// let mut pool = PoolUpdate::new(PoolFamily::Pools, pool_id);
/// tick_map.modify_liquidity(&mut pool, spacing, place, lower, upper, 5_000_000)?;
///
/// // The exchange was new when it was loaded.
/// let exchange = ExchangeUpdate::new(exchange_id, None, block);
/// let update = LiquidityUpdate::new(vec![pool], vec![exchange]);
/// let apply = || database.write(|connection| update.apply(connection).map_err(Error::from));
/// assert_eq!(apply()?.written, 2 + 2 + 1 + 1); // ticks, words, the pool's mark, the exchange's block
/// assert_eq!(read(&database)?, tick_map);
///
/// // Whoever applies the event once more, or has missed that somebody has, adds nothing.
/// assert_eq!(apply()?.already_applied, 1);
/// let mut again = PoolUpdate::new(PoolFamily::Pools, pool_id);
/// let refused = tick_map.modify_liquidity(&mut again, spacing, place, lower, upper, 5_000_000);
/// assert_eq!(refused, Err(LiquidityError::NotAfterMark { place, mark: place.into() }));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiquidityUpdate {
    /// The updates of pools. Those of one pool are written in this order.
    pub pools: Vec<PoolUpdate>,
    /// The blocks of exchanges that the update takes in. A pool's mark should not be above the block of its exchange:
    /// `verify` reports that, and the Python package starts from the block.
    pub exchanges: Vec<ExchangeUpdate>,
    /// Whether marks and blocks may move backwards, as they must after a reorganisation of the chain. If not,
    /// an exchange that is further in the database is left unchanged, and a pool's update whose own marks
    /// lead backwards is an error. Such an update has the values of the older block, from
    /// [`PoolUpdate::between`].
    pub allow_rewind: bool,
}

impl LiquidityUpdate {
    /// An update that rewinds nothing.
    #[must_use]
    pub const fn new(pools: Vec<PoolUpdate>, exchanges: Vec<ExchangeUpdate>) -> Self {
        Self {
            pools,
            exchanges,
            allow_rewind: false,
        }
    }
}

/// The number of rows that an update has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateReport {
    /// Rows inserted or updated.
    pub written: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Updates of pools that are in the database already.
    pub already_applied: u64,
    /// Exchanges left unchanged because the database is further.
    pub outdated: u64,
}
