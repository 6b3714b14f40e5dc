//! The events of Aave V3, as its contracts declare them.

use super::malformed::Decode;
use super::*;
use crate::support::event_logs::{Parameter, parameters, unsigned};
use degenbot::events::aave_v3_addresses_provider::AddressId;
use degenbot::events::{
    aave_v3_addresses_provider, aave_v3_oracle, aave_v3_pool, aave_v3_pool_configurator,
    aave_v3_token,
};
use degenbot::types::{BasisPoints, EModeCategoryId, U256};

/// An event with its decoder.
pub struct Declared {
    /// The module of its contract.
    pub emitter: &'static str,
    pub name: &'static str,
    /// The declaration in the source of the contract.
    pub declaration: &'static str,
    /// The topic that the contracts use.
    pub topic: B256,
    /// The signature and the topic of the decoder.
    pub decoded_signature: &'static str,
    pub decoded_topic: B256,
    pub decode: Decode,
    /// Decodes a log, and encodes the fields in the order of the parameters.
    pub fields: fn(&Log<'_>) -> Result<Vec<Vec<u8>>, MalformedEvent>,
}

macro_rules! event {
    ($emitter:ident::$name:ident($($field:ident),*), $declaration:literal, $topic:literal $(,)?) => {
        Declared {
            emitter: stringify!($emitter),
            name: stringify!($name),
            declaration: $declaration,
            topic: b256!($topic),
            decoded_signature: $emitter::$name::SIGNATURE,
            decoded_topic: $emitter::$name::TOPIC,
            decode: |log| $emitter::$name::decode(log).map(|_| ()),
            fields: |log| {
                $emitter::$name::decode(log).map(|event| vec![$(event.$field.encoded()),*])
            },
        }
    };
}

impl Declared {
    /// The event with values of which no byte is zero, apart from their padding.
    pub fn example(&self) -> EventLog {
        EventLog::declared(
            CONTRACT,
            self.declaration,
            &self.values([0xff; 32], b"Stables"),
        )
    }

    /// Values for the parameters: the end of the word that the type has room for, with other bytes for each parameter.
    pub fn values(&self, word: [u8; 32], text: &[u8]) -> Vec<Vec<u8>> {
        let value = |(index, parameter): (u8, &Parameter<'_>)| match parameter.kind {
            "string" => text.to_vec(),
            "bool" => [vec![0; 31], vec![word[31].wrapping_add(index) & 1]].concat(),
            _ => {
                let used = padding(parameter);
                let bytes = word[used..].iter().map(|byte| byte.wrapping_sub(index));
                [vec![0; used], bytes.collect()].concat()
            }
        };
        (0..)
            .zip(&parameters(self.declaration).1)
            .map(value)
            .collect()
    }

    /// For each word after the first topic the bytes at which the event may not be changed.
    pub fn fixed_bytes(&self) -> Vec<std::ops::Range<usize>> {
        let parameters = parameters(self.declaration).1;
        let words = |indexed| {
            let words = parameters
                .iter()
                .filter(move |value| value.indexed == indexed);
            words.map(|parameter| match parameter.kind {
                // The place of the text.
                "string" => 0..32,
                _ => 0..padding(parameter),
            })
        };
        let mut bytes: Vec<_> = words(true).chain(words(false)).collect();
        if parameters
            .iter()
            .any(|parameter| parameter.kind == "string")
        {
            let text = "Stables".len();
            bytes.extend([0..32, text..32]);
        }
        bytes
    }
}

/// The number of zeros before a value. Aave keeps ratios in 16 bits.
fn padding(parameter: &Parameter<'_>) -> usize {
    let is_ratio = parameter.name.ends_with("DiscountPercent")
        || ["ltv", "liquidationThreshold", "liquidationBonus"].contains(&parameter.name);
    match parameter.kind {
        "address" => 12,
        "bool" | "uint8" => 31,
        "uint256" if is_ratio => 30,
        "uint256" | "bytes32" => 0,
        other => panic!("{other}"),
    }
}

/// A value as contracts encode it.
trait Encoded {
    fn encoded(&self) -> Vec<u8>;
}

impl Encoded for Address {
    fn encoded(&self) -> Vec<u8> {
        crate::support::event_logs::address(*self).to_vec()
    }
}

impl Encoded for U256 {
    fn encoded(&self) -> Vec<u8> {
        self.0.to_be_bytes_vec()
    }
}

impl Encoded for bool {
    fn encoded(&self) -> Vec<u8> {
        unsigned((*self).into()).to_vec()
    }
}

impl Encoded for BasisPoints {
    fn encoded(&self) -> Vec<u8> {
        unsigned(self.get().into()).to_vec()
    }
}

impl Encoded for EModeCategoryId {
    fn encoded(&self) -> Vec<u8> {
        unsigned(self.get().into()).to_vec()
    }
}

impl Encoded for AddressId {
    fn encoded(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Encoded for Vec<u8> {
    fn encoded(&self) -> Vec<u8> {
        self.clone()
    }
}

/// Every event that is decoded.
pub static EVENTS: [Declared; 33] = [
    event!(
        aave_v3_token::Mint(caller, on_behalf_of, value, balance_increase, index),
        "Mint(address indexed caller, address indexed onBehalfOf, uint256 value, uint256 balanceIncrease, uint256 index)",
        "0x458f5fa412d0f69b08dd84872b0215675cc67bc1d5b6fd93300a1c3878b86196",
    ),
    event!(
        aave_v3_token::Burn(from, target, value, balance_increase, index),
        "Burn(address indexed from, address indexed target, uint256 value, uint256 balanceIncrease, uint256 index)",
        "0x4cf25bc1d991c17529c25213d3cc0cda295eeaad5f13f361969b12ea48015f90",
    ),
    event!(
        aave_v3_token::BalanceTransfer(from, to, value, index),
        "BalanceTransfer(address indexed from, address indexed to, uint256 value, uint256 index)",
        "0x4beccb90f994c31aced7a23b5611020728a23d8ec5cddd1a3e9d97b96fda8666",
    ),
    event!(
        aave_v3_token::Upgraded(implementation),
        "Upgraded(address indexed implementation)",
        "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
    ),
    event!(
        aave_v3_token::DiscountPercentUpdated(user, old_discount_percent, new_discount_percent),
        "DiscountPercentUpdated(address indexed user, uint256 oldDiscountPercent, uint256 indexed newDiscountPercent)",
        "0x74ab9665e7c36c29ddb78ef88a3e2eac73d35b8b16de7bc573e313e320104956",
    ),
    event!(
        aave_v3_token::DiscountTokenUpdated(old_discount_token, new_discount_token),
        "DiscountTokenUpdated(address indexed oldDiscountToken, address indexed newDiscountToken)",
        "0x6b489e1dbfbe36f55c511c098bcc9d92fec7f04f74ceb75018697ab68f7d3529",
    ),
    event!(
        aave_v3_token::DiscountRateStrategyUpdated(
            old_discount_rate_strategy,
            new_discount_rate_strategy
        ),
        "DiscountRateStrategyUpdated(address indexed oldDiscountRateStrategy, address indexed newDiscountRateStrategy)",
        "0x194bd59f47b230edccccc2be58b92dde3a5dadd835751a621af59006928bccef",
    ),
    event!(
        aave_v3_pool::ReserveDataUpdated(
            reserve,
            liquidity_rate,
            stable_borrow_rate,
            variable_borrow_rate,
            liquidity_index,
            variable_borrow_index
        ),
        "ReserveDataUpdated(address indexed reserve, uint256 liquidityRate, uint256 stableBorrowRate, uint256 variableBorrowRate, uint256 liquidityIndex, uint256 variableBorrowIndex)",
        "0x804c9b842b2748a22bb64b345453a3de7ca54a6ca45ce00d415894979e22897a",
    ),
    event!(
        aave_v3_pool::ReserveUsedAsCollateralEnabled(reserve, user),
        "ReserveUsedAsCollateralEnabled(address indexed reserve, address indexed user)",
        "0x00058a56ea94653cdf4f152d227ace22d4c00ad99e2a43f58cb7d9e3feb295f2",
    ),
    event!(
        aave_v3_pool::ReserveUsedAsCollateralDisabled(reserve, user),
        "ReserveUsedAsCollateralDisabled(address indexed reserve, address indexed user)",
        "0x44c58d81365b66dd4b1a7f36c25aa97b8c71c361ee4937adc1a00000227db5dd",
    ),
    event!(
        aave_v3_pool::UserEModeSet(user, category_id),
        "UserEModeSet(address indexed user, uint8 categoryId)",
        "0xd728da875fc88944cbf17638bcbe4af0eedaef63becd1d1c57cc097eb4608d84",
    ),
    event!(
        aave_v3_pool::LiquidationCall(
            collateral_asset,
            debt_asset,
            user,
            debt_to_cover,
            liquidated_collateral_amount,
            liquidator,
            receive_a_token
        ),
        "LiquidationCall(address indexed collateralAsset, address indexed debtAsset, address indexed user, uint256 debtToCover, uint256 liquidatedCollateralAmount, address liquidator, bool receiveAToken)",
        "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286",
    ),
    event!(
        aave_v3_pool_configurator::ReserveInitialized(
            asset,
            a_token,
            stable_debt_token,
            variable_debt_token,
            interest_rate_strategy
        ),
        "ReserveInitialized(address indexed asset, address indexed aToken, address stableDebtToken, address variableDebtToken, address interestRateStrategyAddress)",
        "0x3a0ca721fc364424566385a1aa271ed508cc2c0949c2272575fb3013a163a45f",
    ),
    event!(
        aave_v3_pool_configurator::ReserveDropped(asset),
        "ReserveDropped(address indexed asset)",
        "0xeeec4c06f7adad215cbdb4d2960896c83c26aedce02dde76d36fa28588d62da4",
    ),
    event!(
        aave_v3_pool_configurator::CollateralConfigurationChanged(
            asset,
            ltv,
            liquidation_threshold,
            liquidation_bonus
        ),
        "CollateralConfigurationChanged(address indexed asset, uint256 ltv, uint256 liquidationThreshold, uint256 liquidationBonus)",
        "0x637febbda9275aea2e85c0ff690444c8d87eb2e8339bbede9715abcc89cb0995",
    ),
    event!(
        aave_v3_pool_configurator::ReserveBorrowing(asset, enabled),
        "ReserveBorrowing(address indexed asset, bool enabled)",
        "0x2443ba28e8d1d88d531a3d90b981816a4f3b3c7f1fd4085c6029e81d1b7a570d",
    ),
    event!(
        aave_v3_pool_configurator::ReserveStableRateBorrowing(asset, enabled),
        "ReserveStableRateBorrowing(address indexed asset, bool enabled)",
        "0x0b64d0941719acd363f1a6be3d8525d8ec9d71738f7445aabcd88d7939b472e7",
    ),
    event!(
        aave_v3_pool_configurator::ReserveFlashLoaning(asset, enabled),
        "ReserveFlashLoaning(address indexed asset, bool enabled)",
        "0xc8ff3cc5b0fddaa3e6ebbbd7438f43393e4ea30e88b80ad016c1bc094655034d",
    ),
    event!(
        aave_v3_pool_configurator::DebtCeilingChanged(asset, old_debt_ceiling, new_debt_ceiling),
        "DebtCeilingChanged(address indexed asset, uint256 oldDebtCeiling, uint256 newDebtCeiling)",
        "0x6824a6c7fbc10d2979b1f1ccf2dd4ed0436541679a661dedb5c10bd4be830682",
    ),
    event!(
        aave_v3_pool_configurator::BorrowableInIsolationChanged(asset, borrowable),
        "BorrowableInIsolationChanged(address asset, bool borrowable)",
        "0x74adf6aaf58c08bc4f993640385e136522375ea3d1589a10d02adbb906c67d1c",
    ),
    event!(
        aave_v3_pool_configurator::EModeCategoryAdded(
            category_id,
            ltv,
            liquidation_threshold,
            liquidation_bonus,
            oracle,
            label
        ),
        "EModeCategoryAdded(uint8 indexed categoryId, uint256 ltv, uint256 liquidationThreshold, uint256 liquidationBonus, address oracle, string label)",
        "0x0acf8b4a3cace10779798a89a206a0ae73a71b63acdd3be2801d39c2ef7ab3cb",
    ),
    event!(
        aave_v3_pool_configurator::EModeAssetCategoryChanged(
            asset,
            old_category_id,
            new_category_id
        ),
        "EModeAssetCategoryChanged(address indexed asset, uint8 oldCategoryId, uint8 newCategoryId)",
        "0x5bb69795b6a2ea222d73a5f8939c23471a1f85a99c7ca43c207f1b71f10c6264",
    ),
    event!(
        aave_v3_pool_configurator::AssetCollateralInEModeChanged(asset, category_id, collateral),
        "AssetCollateralInEModeChanged(address indexed asset, uint8 categoryId, bool collateral)",
        "0x79409190108b26fcb0e4570f8e240f627bf18fd01a55f751010224d5bd486098",
    ),
    event!(
        aave_v3_pool_configurator::AssetBorrowableInEModeChanged(asset, category_id, borrowable),
        "AssetBorrowableInEModeChanged(address indexed asset, uint8 categoryId, bool borrowable)",
        "0x60087ca045be9d8d1301445e67d6248eddba97629c80284fa4910c0e52f103ab",
    ),
    event!(
        aave_v3_pool_configurator::AssetLtvzeroInEModeChanged(asset, category_id, ltv_zero),
        "AssetLtvzeroInEModeChanged(address indexed asset, uint8 categoryId, bool ltvzero)",
        "0xc0a450fbad635333e47f3322ec028a8e0b3909f79c721312a356a0fab5fa8b94",
    ),
    event!(
        aave_v3_pool_configurator::EModeCategoryIsolationChanged(category_id, isolated),
        "EModeCategoryIsolationChanged(uint8 indexed categoryId, bool isolated)",
        "0xea07f8a4f488dcc1dc8c27b9c526ac8ba2d04b8024e206616f306c51d9b16826",
    ),
    event!(
        aave_v3_addresses_provider::PoolUpdated(old_address, new_address),
        "PoolUpdated(address indexed oldAddress, address indexed newAddress)",
        "0x90affc163f1a2dfedcd36aa02ed992eeeba8100a4014f0b4cdc20ea265a66627",
    ),
    event!(
        aave_v3_addresses_provider::PoolConfiguratorUpdated(old_address, new_address),
        "PoolConfiguratorUpdated(address indexed oldAddress, address indexed newAddress)",
        "0x8932892569eba59c8382a089d9b732d1f49272878775235761a2a6b0309cd465",
    ),
    event!(
        aave_v3_addresses_provider::PoolDataProviderUpdated(old_address, new_address),
        "PoolDataProviderUpdated(address indexed oldAddress, address indexed newAddress)",
        "0xc853974cfbf81487a14a23565917bee63f527853bcb5fa54f2ae1cdf8a38356d",
    ),
    event!(
        aave_v3_addresses_provider::PriceOracleUpdated(old_address, new_address),
        "PriceOracleUpdated(address indexed oldAddress, address indexed newAddress)",
        "0x56b5f80d8cac1479698aa7d01605fd6111e90b15fc4d2b377417f46034876cbd",
    ),
    event!(
        aave_v3_addresses_provider::ProxyCreated(id, proxy_address, implementation_address),
        "ProxyCreated(bytes32 indexed id, address indexed proxyAddress, address indexed implementationAddress)",
        "0x4a465a9bd819d9662563c1e11ae958f8109e437e7f4bf1c6ef0b9a7b3f35d478",
    ),
    event!(
        aave_v3_addresses_provider::AddressSet(id, old_address, new_address),
        "AddressSet(bytes32 indexed id, address indexed oldAddress, address indexed newAddress)",
        "0x9ef0e8c8e52743bb38b83b17d9429141d494b8041ca6d616a6c77cebae9cd8b7",
    ),
    event!(
        aave_v3_oracle::AssetSourceUpdated(asset, source),
        "AssetSourceUpdated(address indexed asset, address indexed source)",
        "0x22c5b7b2d8561d39f7f210b6b326a1aa69f15311163082308ac4877db6339dc1",
    ),
];
