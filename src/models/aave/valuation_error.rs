//! Why the worth of an account cannot be computed.

use std::fmt::{self, Display};

use crate::aave::token_rules::TokenKind;
use crate::documented_errors::documented_errors;
use crate::types::integer::{EModeCategoryId, Revision, Timestamp};

documented_errors! {
    /// Why the worth of an account cannot be computed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum ValuationError(_path) {
        /// The database does not have the revision of the market's Pool.
        NoPoolRevision
            in Rows;
            text "the revision of the market's Pool is not known";
            hint UPDATE_HINT;
            when "How an Aave V3 market computes depends on the revision of its Pool, and the database does not have it.";

        /// The revision of the market's Pool is not known to this program.
        UnknownPoolRevision {
            /// The revision.
            revision: Revision = revision(11),
        }
            in Rows;
            text format!("revision {revision} of the Pool is not known");
            hint NEWER_HINT;
            when "Aave has upgraded the Pool of a market to a release that this program does not know.";

        /// The revision of a token is not known to this program.
        UnknownTokenRevision {
            /// The reserve.
            asset: String = "WETH".to_owned(),
            /// The kind of the token.
            kind: TokenKind = TokenKind::AToken,
            /// Its revision.
            revision: Revision = revision(6),
        }
            in Rows;
            text format!("revision {revision} of the {kind} of {asset} is not known");
            hint NEWER_HINT;
            when "Aave has upgraded a token of a market to a release that this program does not know.";

        /// The database does not have the time of the market's last block.
        NoMarketTime
            in Rows;
            text "the time of its last block is not known";
            hint UPDATE_HINT;
            when "Accounts are valued at the time of the last block of their market. The Python package does not store it; \
                  `aave update` does.";

        /// The database does not have the time from which the interest of a reserve counts.
        NoUpdateTime {
            /// The reserve.
            asset: String = "WETH".to_owned(),
        }
            in Rows;
            text format!("when the indexes of {asset} were updated is not known");
            hint UPDATE_HINT;
            when "Interest counts from the last update of a reserve's indexes on. The Python package does not store the \
                  time of it; `aave update` does.";

        /// The database has an index that no reserve can have.
        NoIndex {
            /// The reserve.
            asset: String = "WETH".to_owned(),
        }
            in Rows;
            text format!("the indexes of {asset} are not known: those of a reserve are never less than one ray");
            hint UPDATE_HINT;
            when "A row of `aave_v3_assets` has an index below 10^27, with which a balance would seem to be nothing.";

        /// The accounts are asked for at a time before the reserve was updated.
        BeforeUpdate {
            /// The reserve.
            asset: String = "WETH".to_owned(),
            /// The time of the update.
            updated: Timestamp = timestamp(1_700_000_012),
            /// The time that was asked for.
            time: Timestamp = timestamp(1_700_000_000),
        }
            in Rows;
            text format!("the indexes of {asset} are of the time {updated}, which is after {time}");
            hint UPDATE_HINT;
            when "In a program that uses the library: the time that accounts are valued at is before the state of the \
                  database.";

        /// The database does not have the risk parameters of a reserve.
        NoParameters {
            /// The reserve.
            asset: String = "WETH".to_owned(),
        }
            in Rows;
            text format!("the risk parameters of {asset} are not known");
            hint UPDATE_HINT;
            when "A reserve that is used as collateral has no row in `aave_v3_asset_configs`.";

        /// The database does not have the limits of an e-mode category.
        NoCategory {
            /// The number of the category.
            category: EModeCategoryId = category(1),
        }
            in Rows;
            text format!("the limits of e-mode category {category} are not known");
            hint UPDATE_HINT;
            when "A user is in an e-mode category that has no row in `aave_v3_emode_categories`.";

        /// The database does not have the decimals of an asset.
        NoDecimals {
            /// The reserve.
            asset: String = "WETH".to_owned(),
        }
            in Rows;
            text format!("the decimals of {asset} are not known");
            hint "'degenbot token update' asks the token for them";
            when "The token of a reserve has no decimals in the database.";

        /// There is no price for an asset.
        NoPrice {
            /// The reserve, or the price source of an e-mode category.
            asset: String = "WETH".to_owned(),
        }
            in Rows;
            text format!("{asset} has no price");
            hint "'--price ASSET=VALUE' or '--prices FILE' gives it one";
            when "The market's oracle has no price for an asset, or the file with prices lacks it.";

        /// A number exceeds 256 bits, so that the contract would revert.
        Overflow
            in Rows;
            text "the numbers exceed 256 bits";
            hint "The contract refuses such an account as well; 'degenbot database verify' looks for invalid rows";
            when "A balance, an index or a price is so large that a product exceeds 256 bits.";
    }
}

const UPDATE_HINT: &str = "'degenbot aave update' reads what is missing from the chain";
const NEWER_HINT: &str = "A newer version of degenbot may know it";

impl ValuationError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl Display for ValuationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl std::error::Error for ValuationError {}

#[cfg(all(test, feature = "cli"))]
#[expect(clippy::panic, reason = "only the test of the documents calls this")]
fn revision(number: u32) -> Revision {
    Revision::new(number).unwrap_or_else(|invalid| panic!("{invalid}"))
}

#[cfg(all(test, feature = "cli"))]
#[expect(clippy::panic, reason = "only the test of the documents calls this")]
fn timestamp(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap_or_else(|invalid| panic!("{invalid}"))
}

#[cfg(all(test, feature = "cli"))]
#[expect(clippy::panic, reason = "only the test of the documents calls this")]
fn category(number: u8) -> EModeCategoryId {
    EModeCategoryId::new(number).unwrap_or_else(|invalid| panic!("{invalid}"))
}
