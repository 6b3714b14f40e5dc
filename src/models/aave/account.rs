//! Aave V3 accounts: users with their collateral and debt.

pub(crate) mod read;

use std::sync::Arc;

use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::rows::aave_v3_emode_category::AaveV3EModeCategory;
use crate::models::rows::aave_v3_position::{AaveV3CollateralPosition, AaveV3DebtPosition};
use crate::models::rows::aave_v3_user::AaveV3User;
use crate::types::decimal::U256;
use crate::types::integer::BasisPoints;

/// A user of a market with the user's positions, and the reserves and e-mode category that determine their
/// value.
///
/// ```
/// # use std::error::Error;
/// # use degenbot::database::{Database, create_new_sqlite_database};
/// # use degenbot::models::{AaveV3Account, AaveV3Market};
/// # use degenbot::types::{Address, ChainId};
/// # use diesel::connection::SimpleConnection;
/// # fn main() -> Result<(), Box<dyn Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("degenbot.db");
/// # create_new_sqlite_database(&path)?;
/// # let database = Database::open(&path)?;
/// # database.write(|connection| -> Result<(), Box<dyn Error>> {
/// #     Ok(connection.batch_execute("
/// #         INSERT INTO erc20_tokens (id, chain, address, symbol, decimals) VALUES
/// #             (1, 1, '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2', 'WETH', 18),
/// #             (2, 1, '0x4d5F47FA6A74757f35C14fD3a6Ef8E3C9BC514E8', 'aEthWETH', 18),
/// #             (3, 1, '0xeA51d7853EEFb32b6ee06b1C12E6dcCA88Be0fFE', 'vEthWETH', 18);
/// #         INSERT INTO aave_v3_markets (id, chain_id, name, active) VALUES (1, 1, 'aave_v3', 1);
/// #         INSERT INTO aave_v3_assets (
/// #             id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id,
/// #             v_token_revision, liquidity_index, liquidity_rate, borrow_index, borrow_rate
/// #         ) VALUES (
/// #             1, 1, 1, 2, 1, 3, 1, '1050000000000000000000000000', '0', '1100000000000000000000000000', '0'
/// #         );
/// #         INSERT INTO aave_v3_asset_configs (
/// #             asset_id, ltv, liquidation_threshold, liquidation_bonus, borrowing_enabled,
/// #             stable_borrowing_enabled, flash_loan_enabled, isolation_mode, borrowable_in_isolation
/// #         ) VALUES (1, 8050, 8300, 10500, 1, 0, 1, 0, 0);
/// #         INSERT INTO aave_v3_users (
/// #             id, market_id, address, e_mode, gho_discount, isolation_mode_debt
/// #         ) VALUES (1, 1, '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 0, 0, '0');
/// #         INSERT INTO aave_v3_collateral_positions (user_id, asset_id, balance) VALUES (1, 1, '1000');
/// #         INSERT INTO aave_v3_debt_positions (user_id, asset_id, balance) VALUES (1, 1, '500');
/// #     ")?)
/// # })?;
/// let mainnet = ChainId::new(1)?;
/// let address: Address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".parse()?;
/// let account = database.read(|connection| -> Result<_, Box<dyn Error>> {
///     let market = AaveV3Market::by_name(connection, mainnet, "aave_v3")?.ok_or("no such market")?;
///     Ok(AaveV3Account::of_user(connection, market.id, address)?)
/// })?;
/// let account = account.ok_or("no such user")?;
///
/// let weth = &account.collateral[0];
/// assert_eq!(weth.reserve.underlying.symbol.as_deref(), Some("WETH"));
/// assert_eq!(weth.balance(), Some("1050".parse()?));
/// assert_eq!(account.liquidation_threshold(&weth.reserve).map(|it| it.get()), Some(8300));
/// assert_eq!(account.debt[0].balance(), Some("550".parse()?));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AaveV3Account {
    /// The user.
    pub user: AaveV3User,
    /// The user's e-mode category. `None` if the user is in none, or if the database does not have it.
    pub e_mode_category: Option<Arc<AaveV3EModeCategory>>,
    /// The user's collateral, in the order of the assets' ids. Positions with a balance of 0 are included.
    pub collateral: Vec<AaveV3Collateral>,
    /// The user's debt, in the same order.
    pub debt: Vec<AaveV3Debt>,
}

/// A collateral position of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AaveV3Collateral {
    /// The position, with the scaled balance.
    pub position: AaveV3CollateralPosition,
    /// Whether the user has enabled it as collateral. `None` if the database has no row about it: nothing is collateral
    /// before a first event says so.
    pub enabled: Option<bool>,
    /// The reserve. Accounts that are read together share it.
    pub reserve: Arc<AaveV3Reserve>,
}

/// A debt position of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AaveV3Debt {
    /// The position, with the scaled balance.
    pub position: AaveV3DebtPosition,
    /// The reserve. Accounts that are read together share it.
    pub reserve: Arc<AaveV3Reserve>,
}

impl AaveV3Account {
    /// The e-mode category that applies to the user's positions in an asset: the user's category, if the asset is
    /// collateral in it.
    #[must_use]
    pub fn e_mode_of(&self, reserve: &AaveV3Reserve) -> Option<&AaveV3EModeCategory> {
        self.e_mode_category.as_deref().filter(|category| {
            let member = reserve.in_e_mode(category.category_id);
            member.is_some_and(|member| member.is_collateral)
        })
    }

    /// The liquidation threshold that applies to the user's positions in an asset: that of the e-mode
    /// category if one applies, else the asset's own. `None` if neither is known. Whether a position is
    /// enabled as collateral does not matter here.
    #[must_use]
    pub fn liquidation_threshold(&self, reserve: &AaveV3Reserve) -> Option<BasisPoints> {
        match self.e_mode_of(reserve) {
            Some(category) => Some(category.liquidation_threshold),
            None => reserve.config.as_ref().map(|it| it.liquidation_threshold),
        }
    }

    /// The loan-to-value ratio that applies to the user's positions in an asset; determined like
    /// [`Self::liquidation_threshold`]. In e-mode, it is zero for an asset whose own ratio is, or, since Aave 3.6, for one
    /// that has none in the category.
    #[must_use]
    pub fn ltv(&self, reserve: &AaveV3Reserve) -> Option<BasisPoints> {
        let own = reserve.config.as_ref().map(|it| it.ltv);
        let Some(category) = self.e_mode_of(reserve) else {
            return own;
        };
        let says_itself = reserve.pool_revision.is_some_and(|it| it.get() >= 10);
        let is_zero = if says_itself {
            let member = reserve.in_e_mode(category.category_id);
            member.is_some_and(|member| member.is_ltv_zero)
        } else {
            own == Some(BasisPoints::ZERO)
        };
        Some(if is_zero {
            BasisPoints::ZERO
        } else {
            category.ltv
        })
    }
}

impl AaveV3Collateral {
    /// The balance with its interest, [`AaveV3Reserve::collateral_balance`].
    #[must_use]
    pub fn balance(&self) -> Option<U256> {
        self.reserve.collateral_balance(self.position.balance)
    }
}

impl AaveV3Debt {
    /// The balance with its interest, [`AaveV3Reserve::debt_balance`].
    #[must_use]
    pub fn balance(&self) -> Option<U256> {
        self.reserve.debt_balance(self.position.balance)
    }
}
