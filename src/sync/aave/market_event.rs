//! The events of a market, decoded.

use alloy_primitives::B256;

use crate::aave::token_rules::BalanceChange;
use crate::events::aave_v3_addresses_provider::{
    AddressSet, PoolConfiguratorUpdated, PoolDataProviderUpdated, PoolUpdated, PriceOracleUpdated,
    ProxyCreated,
};
use crate::events::aave_v3_oracle::AssetSourceUpdated;
use crate::events::aave_v3_pool::{
    LiquidationCall, ReserveDataUpdated, ReserveUsedAsCollateralDisabled,
    ReserveUsedAsCollateralEnabled, UserEModeSet,
};
use crate::events::aave_v3_pool_configurator::{
    AssetBorrowableInEModeChanged, AssetCollateralInEModeChanged, AssetLtvzeroInEModeChanged,
    BorrowableInIsolationChanged, CollateralConfigurationChanged, DebtCeilingChanged,
    EModeAssetCategoryChanged, EModeCategoryAdded, ReserveBorrowing, ReserveDropped,
    ReserveFlashLoaning, ReserveInitialized, ReserveStableRateBorrowing,
};
use crate::events::aave_v3_token::{
    BalanceTransfer, Burn, DiscountPercentUpdated, DiscountRateStrategyUpdated,
    DiscountTokenUpdated, Mint, Upgraded,
};
use crate::events::event::Event;
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::log::Log;
use crate::types::sync_cursor::LogPosition;

/// An event of a contract of a market.
#[derive(Debug, Clone)]
pub(super) struct MarketEvent {
    pub(super) place: LogPosition,
    pub(super) transaction: B256,
    pub(super) contract: Address,
    pub(super) what: What,
}

/// What an event says, by the contract that emits it.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// A balance of a token has changed.
    Balance(Address, BalanceChange),
    Transfer(BalanceTransfer),
    Pool(PoolEvent),
    /// There are few of the others.
    Rare(Box<RareEvent>),
}

/// An event of the Pool.
#[derive(Debug, Clone)]
pub(super) enum PoolEvent {
    Data(ReserveDataUpdated),
    CollateralEnabled(ReserveUsedAsCollateralEnabled),
    CollateralDisabled(ReserveUsedAsCollateralDisabled),
    EMode(UserEModeSet),
    Liquidation(LiquidationCall),
}

/// An event of a token that changes no balance, of the configurator, the addresses provider, or the price oracle.
#[derive(Debug, Clone)]
pub(super) enum RareEvent {
    Upgraded(Upgraded),
    DiscountPercent(DiscountPercentUpdated),
    DiscountToken(DiscountTokenUpdated),
    DiscountRateStrategy(DiscountRateStrategyUpdated),
    Initialized(ReserveInitialized),
    Dropped(ReserveDropped),
    Collateral(CollateralConfigurationChanged),
    Borrowing(ReserveBorrowing),
    StableBorrowing(ReserveStableRateBorrowing),
    FlashLoaning(ReserveFlashLoaning),
    DebtCeiling(DebtCeilingChanged),
    BorrowableInIsolation(BorrowableInIsolationChanged),
    Category(EModeCategoryAdded),
    AssetCategory(EModeAssetCategoryChanged),
    CollateralInEMode(AssetCollateralInEModeChanged),
    BorrowableInEMode(AssetBorrowableInEModeChanged),
    LtvZeroInEMode(AssetLtvzeroInEModeChanged),
    Pool(PoolUpdated),
    Configurator(PoolConfiguratorUpdated),
    DataProvider(PoolDataProviderUpdated),
    Oracle(PriceOracleUpdated),
    Proxy(ProxyCreated),
    AddressSet(AddressSet),
    Source(AssetSourceUpdated),
}

/// Decodes a log as an event of a type.
type Decode = fn(&Log<'_>) -> Result<What, MalformedEvent>;

fn rare<E: Event>(log: &Log<'_>, what: fn(E) -> RareEvent) -> Result<What, MalformedEvent> {
    E::decode(log).map(|event| What::Rare(Box::new(what(event))))
}

fn pool<E: Event>(log: &Log<'_>, what: fn(E) -> PoolEvent) -> Result<What, MalformedEvent> {
    E::decode(log).map(|event| What::Pool(what(event)))
}

/// The events of a market, by their first topics.
static EVENTS: [(B256, Decode); 32] = [
    (Mint::TOPIC, |log| {
        Mint::decode(log).map(|event| {
            let change = BalanceChange {
                is_mint: true,
                value: event.value,
                balance_increase: event.balance_increase,
                index: event.index,
            };
            What::Balance(event.on_behalf_of, change)
        })
    }),
    (Burn::TOPIC, |log| {
        Burn::decode(log).map(|event| {
            let change = BalanceChange {
                is_mint: false,
                value: event.value,
                balance_increase: event.balance_increase,
                index: event.index,
            };
            What::Balance(event.from, change)
        })
    }),
    (BalanceTransfer::TOPIC, |log| {
        BalanceTransfer::decode(log).map(What::Transfer)
    }),
    (ReserveDataUpdated::TOPIC, |log| pool(log, PoolEvent::Data)),
    (ReserveUsedAsCollateralEnabled::TOPIC, |log| {
        pool(log, PoolEvent::CollateralEnabled)
    }),
    (ReserveUsedAsCollateralDisabled::TOPIC, |log| {
        pool(log, PoolEvent::CollateralDisabled)
    }),
    (UserEModeSet::TOPIC, |log| pool(log, PoolEvent::EMode)),
    (LiquidationCall::TOPIC, |log| {
        pool(log, PoolEvent::Liquidation)
    }),
    (Upgraded::TOPIC, |log| rare(log, RareEvent::Upgraded)),
    (DiscountPercentUpdated::TOPIC, |log| {
        rare(log, RareEvent::DiscountPercent)
    }),
    (DiscountTokenUpdated::TOPIC, |log| {
        rare(log, RareEvent::DiscountToken)
    }),
    (DiscountRateStrategyUpdated::TOPIC, |log| {
        rare(log, RareEvent::DiscountRateStrategy)
    }),
    (ReserveInitialized::TOPIC, |log| {
        rare(log, RareEvent::Initialized)
    }),
    (ReserveDropped::TOPIC, |log| rare(log, RareEvent::Dropped)),
    (CollateralConfigurationChanged::TOPIC, |log| {
        rare(log, RareEvent::Collateral)
    }),
    (ReserveBorrowing::TOPIC, |log| {
        rare(log, RareEvent::Borrowing)
    }),
    (ReserveStableRateBorrowing::TOPIC, |log| {
        rare(log, RareEvent::StableBorrowing)
    }),
    (ReserveFlashLoaning::TOPIC, |log| {
        rare(log, RareEvent::FlashLoaning)
    }),
    (DebtCeilingChanged::TOPIC, |log| {
        rare(log, RareEvent::DebtCeiling)
    }),
    (BorrowableInIsolationChanged::TOPIC, |log| {
        rare(log, RareEvent::BorrowableInIsolation)
    }),
    (EModeCategoryAdded::TOPIC, |log| {
        rare(log, RareEvent::Category)
    }),
    (EModeAssetCategoryChanged::TOPIC, |log| {
        rare(log, RareEvent::AssetCategory)
    }),
    (AssetCollateralInEModeChanged::TOPIC, |log| {
        rare(log, RareEvent::CollateralInEMode)
    }),
    (AssetBorrowableInEModeChanged::TOPIC, |log| {
        rare(log, RareEvent::BorrowableInEMode)
    }),
    (AssetLtvzeroInEModeChanged::TOPIC, |log| {
        rare(log, RareEvent::LtvZeroInEMode)
    }),
    (PoolUpdated::TOPIC, |log| rare(log, RareEvent::Pool)),
    (PoolConfiguratorUpdated::TOPIC, |log| {
        rare(log, RareEvent::Configurator)
    }),
    (PoolDataProviderUpdated::TOPIC, |log| {
        rare(log, RareEvent::DataProvider)
    }),
    (PriceOracleUpdated::TOPIC, |log| {
        rare(log, RareEvent::Oracle)
    }),
    (ProxyCreated::TOPIC, |log| rare(log, RareEvent::Proxy)),
    (AddressSet::TOPIC, |log| rare(log, RareEvent::AddressSet)),
    (AssetSourceUpdated::TOPIC, |log| {
        rare(log, RareEvent::Source)
    }),
];

/// The first topics of the events that an update needs.
pub(super) fn topics() -> Vec<B256> {
    EVENTS.iter().map(|(topic, _)| *topic).collect()
}

impl MarketEvent {
    /// Decodes a log. `None` if it is none of a market's events.
    pub(super) fn decode(log: &Log<'_>) -> Result<Option<Self>, MalformedEvent> {
        let Some(topic) = log.topics.first() else {
            return Ok(None);
        };
        let Some((_, decode)) = EVENTS.iter().find(|(known, _)| known == topic) else {
            return Ok(None);
        };
        Ok(Some(Self {
            place: log.place,
            transaction: log.transaction_hash,
            contract: log.address,
            what: decode(log)?,
        }))
    }

    /// The event, if it is a rare one.
    pub(super) fn rare(&self) -> Option<&RareEvent> {
        match &self.what {
            What::Rare(event) => Some(event),
            What::Balance(..) | What::Transfer(_) | What::Pool(_) => None,
        }
    }
}
