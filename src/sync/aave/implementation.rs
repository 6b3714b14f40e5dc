//! What an implementation behind a proxy is the code of.

use crate::models::aave::position_writer::Side;

/// What an implementation is the code of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Implementation {
    Pool,
    Configurator,
    AToken,
    DebtToken,
}

impl Implementation {
    /// The function that says its revision.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Self::Pool => "POOL_REVISION()",
            Self::Configurator => "CONFIGURATOR_REVISION()",
            Self::AToken => "ATOKEN_REVISION()",
            Self::DebtToken => "DEBT_TOKEN_REVISION()",
        }
    }

    pub(super) const fn of(side: Side) -> Self {
        match side {
            Side::Collateral => Self::AToken,
            Side::Debt => Self::DebtToken,
        }
    }
}
