//! The changes that events make, decoded and checked.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::B256;

use crate::deployments::event_family::EventFamily;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::fees::{FeeCall, FeeSource};
use crate::deployments::pool_address::PoolSalt;
use crate::events::event::Event;
use crate::events::liquidity_change::LiquidityChange;
use crate::events::malformed_event::MalformedEvent;
use crate::events::{aerodrome_v2, aerodrome_v3, uniswap_v2, uniswap_v3, uniswap_v4};
use crate::models::liquidity::event_writer::LiquidityEvent;
use crate::models::pools::liquidity_pool::insert::NewLiquidityPool;
use crate::models::pools::managed_liquidity_pool::insert::NewManagedLiquidityPool;
use crate::models::pools::pool_parameters::{
    Fees, PoolParameters, V2Parameters, V2Protocol, V3Parameters, V3Protocol,
};
use crate::models::rows::erc20_token::NewErc20Token;
use crate::node::logs::filter::LogFilter;
use crate::sync::decode::{Decode, Gather, Which};
use crate::sync::scope::{Scope, ScopedExchange};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::{BlockNumber, ChainId, FeeParts, TickSpacing};
use crate::types::kind::PoolKind;
use crate::types::log::{Log, Logs};
use crate::types::sync_cursor::{LogPosition, SyncCursor};

/// The changes of some blocks.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New pools with their own contracts, in the order of their creation.
    pub(super) pools: Vec<NewLiquidityPool>,
    /// What else is known of each of them.
    pub(super) facts: Vec<NewPoolFacts>,
    /// New pools inside pool managers, in the order of their creation.
    pub(super) managed_pools: Vec<CreatedManagedPool>,
    /// The liquidity events of contracts that may be pools, in the order of the chain.
    pub(super) liquidity: Vec<(Address, LiquidityEvent)>,
    /// Those of the pools inside pool managers, each with its exchange.
    pub(super) managed_liquidity: Vec<((usize, PoolHash), LiquidityEvent)>,
    /// The first invalid liquidity event of each contract.
    pub(super) malformed: HashMap<Address, MalformedEvent>,
}

/// A new pool inside a pool manager.
#[derive(Debug)]
pub(super) struct CreatedManagedPool {
    /// The place of its exchange in the scope.
    pub(super) exchange: usize,
    pub(super) block: BlockNumber,
    pub(super) pool: NewManagedLiquidityPool,
}

/// What is known of a new pool beside its rows.
#[derive(Debug)]
pub(super) struct NewPoolFacts {
    /// The place of its exchange in the scope.
    pub(super) exchange: usize,
    pub(super) place: LogPosition,
    /// The number that its factory gave it, if it numbers its pools.
    pub(super) number: Option<u64>,
    /// The data of the call that has its fee, if the event has none.
    pub(super) fee_call: Option<Vec<u8>>,
}

/// The exchanges of a group, by their contracts, and the filters for their events.
#[derive(Debug)]
pub(super) struct Decoder<'scope> {
    scope: &'scope Scope,
    by_contract: BTreeMap<Address, usize>,
    /// Creations of pools, and the liquidity of pools inside managers.
    pub(super) creations: LogFilter,
    /// The liquidity of pools with their own contracts; `None` if no exchange of the group has such pools.
    pub(super) liquidity: Option<LogFilter>,
    /// Whether the filter for creations is that for the liquidity of pools.
    has_no_creations: bool,
}

impl<'scope> Decoder<'scope> {
    pub(super) fn new(scope: &'scope Scope, members: &[usize]) -> Self {
        let mut by_contract = BTreeMap::new();
        let mut topics = Vec::new();
        let mut liquidity = None;
        for (index, exchange) in members
            .iter()
            .filter_map(|index| Some((*index, scope.exchanges.get(*index)?)))
        {
            by_contract.insert(exchange.deployment.factory, index);
            let (of_family, has_ticks): (&[B256], bool) = match exchange.family {
                EventFamily::UniswapV2 => (&[uniswap_v2::PairCreated::TOPIC], false),
                EventFamily::AerodromeV2 => (&[aerodrome_v2::PoolCreated::TOPIC], false),
                EventFamily::UniswapV3 => (&[uniswap_v3::PoolCreated::TOPIC], true),
                EventFamily::AerodromeV3 => (&[aerodrome_v3::PoolCreated::TOPIC], true),
                EventFamily::UniswapV4 => (
                    &[
                        uniswap_v4::Initialize::TOPIC,
                        uniswap_v4::ModifyLiquidity::TOPIC,
                    ],
                    false,
                ),
            };
            for topic in of_family {
                if !topics.contains(topic) {
                    topics.push(*topic);
                }
            }
            if has_ticks {
                liquidity = Some(LogFilter {
                    topics0: vec![uniswap_v3::Mint::TOPIC, uniswap_v3::Burn::TOPIC],
                    ..LogFilter::default()
                });
            }
        }
        Self {
            scope,
            creations: LogFilter {
                addresses: by_contract.keys().copied().collect(),
                topics0: topics,
                ..LogFilter::default()
            },
            by_contract,
            liquidity,
            has_no_creations: false,
        }
    }

    /// Asks only for the liquidity of pools with their own contracts, if there can be such pools.
    pub(super) fn leave_out_creations(&mut self) {
        if let Some(liquidity) = self.liquidity.take() {
            self.creations = liquidity;
            self.has_no_creations = true;
        }
    }

    /// The changes that the events of the first filter make.
    pub(super) fn creations_of(&self, logs: &Logs) -> Result<Changes, SyncError> {
        let mut changes = Changes::default();
        for log in logs.iter() {
            self.add_creation(&log, &mut changes)?;
        }
        Ok(changes)
    }

    /// The changes that the liquidity events of contracts which may be pools make.
    pub(super) fn liquidity_of(logs: &Logs) -> Changes {
        let mut changes = Changes::default();
        changes.liquidity.reserve(logs.len());
        for log in logs.iter() {
            Self::add_liquidity(&log, &mut changes);
        }
        changes
    }

    /// Adds an event of a contract of an exchange.
    fn add_creation(&self, log: &Log<'_>, changes: &mut Changes) -> Result<(), SyncError> {
        if self.has_no_creations {
            Self::add_liquidity(log, changes);
            return Ok(());
        }
        let found = self.by_contract.get(&log.address);
        let Some((index, exchange)) =
            found.and_then(|index| Some((*index, self.scope.exchanges.get(*index)?)))
        else {
            return Ok(());
        };
        let topic = log.topics.first().copied().unwrap_or_default();
        match exchange.family {
            EventFamily::UniswapV2 if topic == uniswap_v2::PairCreated::TOPIC => {
                let event = uniswap_v2::PairCreated::decode(log)?;
                let (token0, token1) = (event.token0, event.token1);
                let detail = Detail::Pair(event.pair_count);
                let new = exchange.new_pool(index, log, event.pair, [token0, token1], detail)?;
                exchange.check_address(log, event.pair, &PoolSalt::Pair { token0, token1 })?;
                changes.add_pool(new);
            }
            EventFamily::AerodromeV2 if topic == aerodrome_v2::PoolCreated::TOPIC => {
                let event = aerodrome_v2::PoolCreated::decode(log)?;
                let (token0, token1, stable) = (event.token0, event.token1, event.stable);
                let detail = Detail::Stable(stable, event.pool_count);
                let new = exchange.new_pool(index, log, event.pool, [token0, token1], detail)?;
                let salt = PoolSalt::Stable {
                    token0,
                    token1,
                    stable,
                };
                exchange.check_address(log, event.pool, &salt)?;
                changes.add_pool(new);
            }
            EventFamily::UniswapV3 if topic == uniswap_v3::PoolCreated::TOPIC => {
                let event = uniswap_v3::PoolCreated::decode(log)?;
                let (token0, token1, fee) = (event.token0, event.token1, event.fee);
                let detail = Detail::Concentrated(event.tick_spacing, Some(fee));
                let new = exchange.new_pool(index, log, event.pool, [token0, token1], detail)?;
                let salt = PoolSalt::Fee {
                    token0,
                    token1,
                    fee,
                };
                exchange.check_address(log, event.pool, &salt)?;
                changes.add_pool(new);
            }
            EventFamily::AerodromeV3 if topic == aerodrome_v3::PoolCreated::TOPIC => {
                let event = aerodrome_v3::PoolCreated::decode(log)?;
                let (token0, token1, tick_spacing) =
                    (event.token0, event.token1, event.tick_spacing);
                let detail = Detail::Concentrated(tick_spacing, None);
                let new = exchange.new_pool(index, log, event.pool, [token0, token1], detail)?;
                let salt = PoolSalt::TickSpacing {
                    token0,
                    token1,
                    tick_spacing,
                };
                exchange.check_address(log, event.pool, &salt)?;
                changes.add_pool(new);
            }
            EventFamily::UniswapV4 if topic == uniswap_v4::Initialize::TOPIC => {
                let event = uniswap_v4::Initialize::decode(log)?;
                changes.managed_pools.push(CreatedManagedPool {
                    exchange: index,
                    block: log.place.block,
                    pool: exchange.new_managed_pool(&event)?,
                });
            }
            EventFamily::UniswapV4 if topic == uniswap_v4::ModifyLiquidity::TOPIC => {
                let event = uniswap_v4::ModifyLiquidity::decode(log)?;
                let pool = (index, event.id);
                let event = liquidity_event(log, event.into());
                changes.managed_liquidity.push((pool, event));
            }
            // The topics of the other exchanges of the group are asked for as well.
            _ => {}
        }
        Ok(())
    }

    /// Adds a liquidity event of a contract that may be a pool.
    ///
    /// Contracts of others emit events of the same name. Whether an invalid one is an error is known when the pool is
    /// looked up.
    fn add_liquidity(log: &Log<'_>, changes: &mut Changes) {
        match uniswap_v3::liquidity_change(log) {
            Ok(change) => {
                let event = liquidity_event(log, change);
                changes.liquidity.push((log.address, event));
            }
            Err(malformed) => {
                changes.malformed.entry(log.address).or_insert(malformed);
            }
        }
    }
}

impl Decode for Decoder<'_> {
    type Changes = Changes;

    fn filter(&self, which: Which) -> Option<&LogFilter> {
        match which {
            Which::First => Some(&self.creations),
            Which::Second => self.liquidity.as_ref(),
        }
    }

    fn decode(&self, which: Which, logs: &Logs) -> Result<Changes, SyncError> {
        match which {
            Which::First => self.creations_of(logs),
            Which::Second => Ok(Self::liquidity_of(logs)),
        }
    }
}

impl Changes {
    /// Whether there are liquidity events.
    pub(super) fn has_liquidity(&self) -> bool {
        !self.liquidity.is_empty()
            || !self.managed_liquidity.is_empty()
            || !self.malformed.is_empty()
    }

    fn add_pool(&mut self, (pool, facts): (NewLiquidityPool, NewPoolFacts)) {
        self.pools.push(pool);
        self.facts.push(facts);
    }

    /// The number of new pools.
    pub(super) fn new_pools(&self) -> usize {
        self.pools.len() + self.managed_pools.len()
    }
}

impl Gather for Changes {
    fn append(&mut self, later: Self) {
        self.pools.extend(later.pools);
        self.facts.extend(later.facts);
        self.managed_pools.extend(later.managed_pools);
        self.liquidity.extend(later.liquidity);
        self.managed_liquidity.extend(later.managed_liquidity);
        for (contract, malformed) in later.malformed {
            self.malformed.entry(contract).or_insert(malformed);
        }
    }

    fn weight(&self) -> usize {
        self.liquidity.len()
            + self.managed_liquidity.len()
            + self.pools.len()
            + self.managed_pools.len()
    }

    fn memory(&self) -> usize {
        self.liquidity.capacity() * size_of::<(Address, LiquidityEvent)>()
            + self.managed_liquidity.capacity() * size_of::<((usize, PoolHash), LiquidityEvent)>()
            + self.pools.capacity() * (size_of::<NewLiquidityPool>() + size_of::<NewPoolFacts>())
            + self.managed_pools.capacity() * size_of::<CreatedManagedPool>()
    }
}

fn liquidity_event(log: &Log<'_>, change: LiquidityChange) -> LiquidityEvent {
    let LiquidityChange {
        lower,
        upper,
        delta,
    } = change;
    LiquidityEvent {
        place: log.place,
        lower,
        upper,
        delta,
    }
}

/// What a creation event says beyond the tokens.
#[derive(Debug, Clone, Copy)]
enum Detail {
    /// The number of the pool.
    Pair(u64),
    /// Whether the pool is stable, and its number.
    Stable(bool, u64),
    /// The tick spacing, and the fee if the event has it.
    Concentrated(TickSpacing, Option<FeeParts>),
}

impl ScopedExchange {
    fn new_pool(
        &self,
        index: usize,
        log: &Log<'_>,
        address: Address,
        [token0, token1]: [Address; 2],
        detail: Detail,
    ) -> Result<(NewLiquidityPool, NewPoolFacts), SyncError> {
        let chain = self.deployment.chain;
        let is_stable = matches!(detail, Detail::Stable(true, _));
        let event_fee = match detail {
            Detail::Concentrated(_, fee) => fee,
            _ => None,
        };
        let (fees, fee_call) = self.fees(event_fee, address, is_stable)?;
        let parameters = self.parameters(detail, fees)?;
        let number = match detail {
            Detail::Pair(number) | Detail::Stable(_, number) => Some(number),
            Detail::Concentrated(..) => None,
        };
        let pool = NewLiquidityPool {
            address,
            chain,
            exchange_id: self.id,
            token0: token(chain, token0),
            token1: token(chain, token1),
            parameters,
        };
        let facts = NewPoolFacts {
            exchange: index,
            place: log.place,
            number,
            fee_call,
        };
        Ok((pool, facts))
    }

    /// The fees of a pool, and the call that has them if neither the kind nor the event does.
    fn fees(
        &self,
        of_event: Option<FeeParts>,
        pool: Address,
        is_stable: bool,
    ) -> Result<(Fees, Option<Vec<u8>>), SyncError> {
        let known = self.deployment.kind.fees();
        let known = known.ok_or_else(|| self.unknown_kind())?;
        let (numerator, call): (_, Option<FeeCall>) = match (known.source, of_event) {
            (FeeSource::Fixed(fee), _) | (FeeSource::Event, Some(fee)) => (fee, None),
            (FeeSource::Event, None) => return Err(self.unknown_kind()),
            (FeeSource::Factory(call), _) => (FeeParts::constant::<0>(), Some(call)),
        };
        let fees = Fees {
            token0: numerator,
            token1: numerator,
            denominator: known.denominator,
        };
        Ok((fees, call.map(|call| call.data(pool, is_stable))))
    }

    fn parameters(&self, detail: Detail, fees: Fees) -> Result<PoolParameters, SyncError> {
        let ExchangeKind::Pools(kind) = self.deployment.kind else {
            return Err(self.unknown_kind());
        };
        let v2 = |protocol| PoolParameters::V2(V2Parameters { protocol, fees });
        let v3 = |protocol, tick_spacing| {
            PoolParameters::V3(V3Parameters {
                protocol,
                fees,
                tick_spacing,
                sync_cursor: SyncCursor::default(),
            })
        };
        Ok(match (kind, detail) {
            (PoolKind::UniswapV2, Detail::Pair(_)) => v2(V2Protocol::Uniswap),
            (PoolKind::SushiswapV2, Detail::Pair(_)) => v2(V2Protocol::Sushiswap),
            (PoolKind::PancakeswapV2, Detail::Pair(_)) => v2(V2Protocol::Pancakeswap),
            (PoolKind::SwapbasedV2, Detail::Pair(_)) => v2(V2Protocol::Swapbased),
            (PoolKind::AerodromeV2, Detail::Stable(stable, _)) => {
                v2(V2Protocol::Aerodrome { stable })
            }
            (PoolKind::UniswapV3, Detail::Concentrated(spacing, _)) => {
                v3(V3Protocol::Uniswap, spacing)
            }
            (PoolKind::SushiswapV3, Detail::Concentrated(spacing, _)) => {
                v3(V3Protocol::Sushiswap, spacing)
            }
            (PoolKind::PancakeswapV3, Detail::Concentrated(spacing, _)) => {
                v3(V3Protocol::Pancakeswap, spacing)
            }
            (PoolKind::AerodromeV3, Detail::Concentrated(spacing, _)) => {
                v3(V3Protocol::Aerodrome, spacing)
            }
            _ => return Err(self.unknown_kind()),
        })
    }

    fn new_managed_pool(
        &self,
        event: &uniswap_v4::Initialize,
    ) -> Result<NewManagedLiquidityPool, SyncError> {
        let chain = self.deployment.chain;
        let key = event.key;
        let known = self.deployment.kind.fees();
        let known = known.ok_or_else(|| self.unknown_kind())?;
        Ok(NewManagedLiquidityPool {
            pool_hash: event.id,
            hooks: key.hooks,
            currency0: token(chain, key.currency0),
            currency1: token(chain, key.currency1),
            fees: Fees {
                token0: key.fee,
                token1: key.fee,
                denominator: known.denominator,
            },
            tick_spacing: key.tick_spacing,
            sync_cursor: SyncCursor::default(),
        })
    }

    /// Checks that a new pool has the address that its factory deploys it at.
    fn check_address(
        &self,
        log: &Log<'_>,
        found: Address,
        salt: &PoolSalt,
    ) -> Result<(), SyncError> {
        match self.deployment.pool_address(salt) {
            Some(expected) if expected != found => Err(SyncError::PoolAddress {
                exchange: Box::new(self.name()),
                place: log.place,
                found,
                expected,
            }),
            _ => Ok(()),
        }
    }

    fn unknown_kind(&self) -> SyncError {
        SyncError::Kind {
            exchange: Box::new(self.name()),
        }
    }
}

fn token(chain: ChainId, address: Address) -> NewErc20Token {
    NewErc20Token {
        chain,
        address,
        name: None,
        symbol: None,
        decimals: None,
    }
}
