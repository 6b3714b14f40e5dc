//! Why a market cannot be added.

use std::fmt::{self, Display};

use crate::deployments::market_name::MarketName;
use crate::documented_errors::documented_errors;
use crate::types::address::Address;

documented_errors! {
    /// Why a market cannot be added.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum InvalidMarket(_path) {
        /// A known market has its name or its addresses provider.
        Known {
            /// The known market.
            market: MarketName = MarketName {
                chain: crate::types::integer::ChainId::ETHEREUM,
                name: "aave_v3".to_owned(),
            },
            /// Its addresses provider.
            provider: Address = Address::new([0x11; 20]),
        }
            in Markets;
            text format!("{market} is already known, with the addresses provider {provider}");
            hint format!("Use 'degenbot aave activate {market}'");
            when "`aave add` is given a market that degenbot knows.";

        /// The name has characters that names do not have.
        Name {
            /// The name.
            name: String = "NAME".to_owned(),
        }
            in Markets;
            text format!(
                "'{name}' is not a valid name: use lower-case letters, digits and _, and begin with a letter"
            );
            hint "Give another name with '--name'";
            when "`aave add --name` is given another name. The exit status is 2.";

        /// The addresses provider has the zero address.
        ZeroAddress
            in Markets;
            text "The zero address is no addresses provider: no contract can have it";
            hint "'degenbot aave add --help' says what there can be";
            when "`aave add` is given 0x0000000000000000000000000000000000000000, which often stands for a value that is \
                  missing. The exit status is 2.";
    }
}

impl InvalidMarket {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl Display for InvalidMarket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl std::error::Error for InvalidMarket {}
