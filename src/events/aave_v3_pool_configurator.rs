//! The events of Aave V3's `PoolConfigurator`: which reserves and e-mode categories a market has, and their
//! configuration.
//!
//! `ATokenUpgraded` and `VariableDebtTokenUpgraded` are not here: the proxies of the tokens emit
//! [`Upgraded`](crate::events::aave_v3_token::Upgraded) at the same moment.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode, decode_with_text};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, EModeCategoryId};
use crate::types::log::Log;

/// A reserve was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveInitialized {
    /// The underlying token.
    pub asset: Address,
    /// The aToken.
    pub a_token: Address,
    /// The token of stable debt; the zero address since Aave 3.2.
    pub stable_debt_token: Address,
    /// The token of variable debt.
    pub variable_debt_token: Address,
    /// The contract that computes the interest rates.
    pub interest_rate_strategy: Address,
}

impl Event for ReserveInitialized {
    const SIGNATURE: &'static str = "ReserveInitialized(address,address,address,address,address)";
    const TOPIC: B256 = b256!("0x3a0ca721fc364424566385a1aa271ed508cc2c0949c2272575fb3013a163a45f");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[asset, a_token],
             [
                stable_debt_token,
                variable_debt_token,
                interest_rate_strategy,
            ]| {
                Ok(Self {
                    asset: asset.address("asset")?,
                    a_token: a_token.address("aToken")?,
                    stable_debt_token: stable_debt_token.address("stableDebtToken")?,
                    variable_debt_token: variable_debt_token.address("variableDebtToken")?,
                    interest_rate_strategy: interest_rate_strategy
                        .address("interestRateStrategyAddress")?,
                })
            },
        )
    }
}

/// A reserve without supplies and debts was taken off the list. Emitted up to Aave 3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveDropped {
    /// The underlying token of the reserve.
    pub asset: Address,
}

impl Event for ReserveDropped {
    const SIGNATURE: &'static str = "ReserveDropped(address)";
    const TOPIC: B256 = b256!("0xeeec4c06f7adad215cbdb4d2960896c83c26aedce02dde76d36fa28588d62da4");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], []| {
            Ok(Self {
                asset: asset.address("asset")?,
            })
        })
    }
}

/// What a reserve is worth as collateral has changed.
///
/// The event can have another LTV than the Pool: if a reserve was frozen by Aave 3.0, and is configured after an
/// upgrade while still frozen, the event says 0, and the Pool keeps the LTV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollateralConfigurationChanged {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// The loan-to-value ratio, in basis points.
    pub ltv: BasisPoints,
    /// The ratio of debt to collateral from which on positions can be liquidated, in basis points.
    pub liquidation_threshold: BasisPoints,
    /// What a liquidator gets for the debt, in basis points: 10500 means 5 % more. 0 if it is no collateral.
    pub liquidation_bonus: BasisPoints,
}

impl Event for CollateralConfigurationChanged {
    const SIGNATURE: &'static str =
        "CollateralConfigurationChanged(address,uint256,uint256,uint256)";
    const TOPIC: B256 = b256!("0x637febbda9275aea2e85c0ff690444c8d87eb2e8339bbede9715abcc89cb0995");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[asset], [ltv, liquidation_threshold, liquidation_bonus]| {
                Ok(Self {
                    asset: asset.address("asset")?,
                    ltv: ltv.basis_points("ltv")?,
                    liquidation_threshold: liquidation_threshold
                        .basis_points("liquidationThreshold")?,
                    liquidation_bonus: liquidation_bonus.basis_points("liquidationBonus")?,
                })
            },
        )
    }
}

/// A reserve can be borrowed from now on, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveBorrowing {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// Whether it can be borrowed.
    pub enabled: bool,
}

impl Event for ReserveBorrowing {
    const SIGNATURE: &'static str = "ReserveBorrowing(address,bool)";
    const TOPIC: B256 = b256!("0x2443ba28e8d1d88d531a3d90b981816a4f3b3c7f1fd4085c6029e81d1b7a570d");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [enabled]| {
            Ok(Self {
                asset: asset.address("asset")?,
                enabled: enabled.flag("enabled")?,
            })
        })
    }
}

/// A reserve can be borrowed at a stable rate from now on, or no longer. Emitted up to Aave 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveStableRateBorrowing {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// Whether it can be borrowed at a stable rate.
    pub enabled: bool,
}

impl Event for ReserveStableRateBorrowing {
    const SIGNATURE: &'static str = "ReserveStableRateBorrowing(address,bool)";
    const TOPIC: B256 = b256!("0x0b64d0941719acd363f1a6be3d8525d8ec9d71738f7445aabcd88d7939b472e7");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [enabled]| {
            Ok(Self {
                asset: asset.address("asset")?,
                enabled: enabled.flag("enabled")?,
            })
        })
    }
}

/// There are flash loans of a reserve from now on, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReserveFlashLoaning {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// Whether there are flash loans of it.
    pub enabled: bool,
}

impl Event for ReserveFlashLoaning {
    const SIGNATURE: &'static str = "ReserveFlashLoaning(address,bool)";
    const TOPIC: B256 = b256!("0xc8ff3cc5b0fddaa3e6ebbbd7438f43393e4ea30e88b80ad016c1bc094655034d");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [enabled]| {
            Ok(Self {
                asset: asset.address("asset")?,
                enabled: enabled.flag("enabled")?,
            })
        })
    }
}

/// The debt ceiling of a reserve has changed. A reserve with a ceiling above 0 is collateral only in isolation mode.
/// Emitted up to Aave 3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebtCeilingChanged {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// The ceiling before, in cents of a dollar.
    pub old_debt_ceiling: U256,
    /// The ceiling from now on, in cents of a dollar; 0 means none.
    pub new_debt_ceiling: U256,
}

impl Event for DebtCeilingChanged {
    const SIGNATURE: &'static str = "DebtCeilingChanged(address,uint256,uint256)";
    const TOPIC: B256 = b256!("0x6824a6c7fbc10d2979b1f1ccf2dd4ed0436541679a661dedb5c10bd4be830682");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [old_debt_ceiling, new_debt_ceiling]| {
            Ok(Self {
                asset: asset.address("asset")?,
                old_debt_ceiling: old_debt_ceiling.number(),
                new_debt_ceiling: new_debt_ceiling.number(),
            })
        })
    }
}

/// A reserve can be borrowed against isolated collateral from now on, or no longer. Emitted up to Aave 3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BorrowableInIsolationChanged {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// Whether it can be borrowed against isolated collateral.
    pub borrowable: bool,
}

impl Event for BorrowableInIsolationChanged {
    const SIGNATURE: &'static str = "BorrowableInIsolationChanged(address,bool)";
    const TOPIC: B256 = b256!("0x74adf6aaf58c08bc4f993640385e136522375ea3d1589a10d02adbb906c67d1c");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[], [asset, borrowable]| {
            Ok(Self {
                asset: asset.address("asset")?,
                borrowable: borrowable.flag("borrowable")?,
            })
        })
    }
}

/// An e-mode category was added, or has other values than before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EModeCategoryAdded {
    /// The category.
    pub category_id: EModeCategoryId,
    /// The loan-to-value ratio inside the category, in basis points.
    pub ltv: BasisPoints,
    /// The ratio of debt to collateral from which on positions can be liquidated, in basis points.
    pub liquidation_threshold: BasisPoints,
    /// What a liquidator gets for the debt, in basis points: 10100 means 1 % more.
    pub liquidation_bonus: BasisPoints,
    /// The price source of the whole category; the zero address if it has none, as always since Aave 3.2.
    pub oracle: Address,
    /// The name, byte for byte. [`EModeCategoryAdded::label_text`] is the name as text.
    pub label: Vec<u8>,
}

impl Event for EModeCategoryAdded {
    const SIGNATURE: &'static str =
        "EModeCategoryAdded(uint8,uint256,uint256,uint256,address,string)";
    const TOPIC: B256 = b256!("0x0acf8b4a3cace10779798a89a206a0ae73a71b63acdd3be2801d39c2ef7ab3cb");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode_with_text(
            log,
            "label",
            |[category_id], [ltv, liquidation_threshold, liquidation_bonus, oracle], label| {
                Ok(Self {
                    category_id: category_id.category_id("categoryId")?,
                    ltv: ltv.basis_points("ltv")?,
                    liquidation_threshold: liquidation_threshold
                        .basis_points("liquidationThreshold")?,
                    liquidation_bonus: liquidation_bonus.basis_points("liquidationBonus")?,
                    oracle: oracle.address("oracle")?,
                    label: label.to_vec(),
                })
            },
        )
    }
}

impl EModeCategoryAdded {
    /// The name of the category; `None` if it is not UTF-8.
    ///
    /// The contract takes any bytes, so such a name is no fault of the node, and no reason to refuse the event.
    #[must_use]
    pub fn label_text(&self) -> Option<&str> {
        str::from_utf8(&self.label).ok()
    }
}

/// A reserve belongs to another e-mode category than before. Emitted up to Aave 3.1, where a reserve belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EModeAssetCategoryChanged {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// The category before; 0 means none.
    pub old_category_id: EModeCategoryId,
    /// The category from now on; 0 means none.
    pub new_category_id: EModeCategoryId,
}

impl Event for EModeAssetCategoryChanged {
    const SIGNATURE: &'static str = "EModeAssetCategoryChanged(address,uint8,uint8)";
    const TOPIC: B256 = b256!("0x5bb69795b6a2ea222d73a5f8939c23471a1f85a99c7ca43c207f1b71f10c6264");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [old_category_id, new_category_id]| {
            Ok(Self {
                asset: asset.address("asset")?,
                old_category_id: old_category_id.category_id("oldCategoryId")?,
                new_category_id: new_category_id.category_id("newCategoryId")?,
            })
        })
    }
}

/// A reserve is collateral in an e-mode category from now on, or no longer. Emitted since Aave 3.2, where a reserve can
/// be so in several categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetCollateralInEModeChanged {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// The category.
    pub category_id: EModeCategoryId,
    /// Whether it is collateral in the category.
    pub collateral: bool,
}

impl Event for AssetCollateralInEModeChanged {
    const SIGNATURE: &'static str = "AssetCollateralInEModeChanged(address,uint8,bool)";
    const TOPIC: B256 = b256!("0x79409190108b26fcb0e4570f8e240f627bf18fd01a55f751010224d5bd486098");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [category_id, collateral]| {
            Ok(Self {
                asset: asset.address("asset")?,
                category_id: category_id.category_id("categoryId")?,
                collateral: collateral.flag("collateral")?,
            })
        })
    }
}

/// A reserve can be borrowed in an e-mode category from now on, or no longer. Emitted since Aave 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetBorrowableInEModeChanged {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// The category.
    pub category_id: EModeCategoryId,
    /// Whether it can be borrowed in the category.
    pub borrowable: bool,
}

impl Event for AssetBorrowableInEModeChanged {
    const SIGNATURE: &'static str = "AssetBorrowableInEModeChanged(address,uint8,bool)";
    const TOPIC: B256 = b256!("0x60087ca045be9d8d1301445e67d6248eddba97629c80284fa4910c0e52f103ab");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [category_id, borrowable]| {
            Ok(Self {
                asset: asset.address("asset")?,
                category_id: category_id.category_id("categoryId")?,
                borrowable: borrowable.flag("borrowable")?,
            })
        })
    }
}

/// A reserve has a loan-to-value ratio of 0 in an e-mode category from now on, or no longer. Emitted since Aave 3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetLtvzeroInEModeChanged {
    /// The underlying token of the reserve.
    pub asset: Address,
    /// The category.
    pub category_id: EModeCategoryId,
    /// Whether its ratio in the category is 0.
    pub ltv_zero: bool,
}

impl Event for AssetLtvzeroInEModeChanged {
    const SIGNATURE: &'static str = "AssetLtvzeroInEModeChanged(address,uint8,bool)";
    const TOPIC: B256 = b256!("0xc0a450fbad635333e47f3322ec028a8e0b3909f79c721312a356a0fab5fa8b94");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset], [category_id, ltv_zero]| {
            Ok(Self {
                asset: asset.address("asset")?,
                category_id: category_id.category_id("categoryId")?,
                ltv_zero: ltv_zero.flag("ltvzero")?,
            })
        })
    }
}

/// An e-mode category is isolated from now on, or no longer. Emitted since Aave 3.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EModeCategoryIsolationChanged {
    /// The category.
    pub category_id: EModeCategoryId,
    /// Whether the category is isolated.
    pub isolated: bool,
}

impl Event for EModeCategoryIsolationChanged {
    const SIGNATURE: &'static str = "EModeCategoryIsolationChanged(uint8,bool)";
    const TOPIC: B256 = b256!("0xea07f8a4f488dcc1dc8c27b9c526ac8ba2d04b8024e206616f306c51d9b16826");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[category_id], [isolated]| {
            Ok(Self {
                category_id: category_id.category_id("categoryId")?,
                isolated: isolated.flag("isolated")?,
            })
        })
    }
}
