//! Why a deployment cannot be added.

use std::fmt::{self, Display};

use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::documented_errors::documented_errors;
use crate::types::address::Address;

documented_errors! {
    /// Why a deployment cannot be added.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum InvalidDeployment(_path) {
        /// A known deployment has its name or its factory.
        Known {
            /// The known exchange.
            exchange: ExchangeName = ExchangeName {
                chain: crate::types::integer::ChainId::ETHEREUM,
                name: "uniswap_v3".to_owned(),
            },
            /// Its factory.
            factory: Address = Address::new([0x11; 20]),
        }
            in Exchanges;
            text format!("{exchange} is already known, with the factory {factory}");
            hint format!("Use 'degenbot exchange activate {exchange}'");
            when "`exchange add` is given an exchange that degenbot knows.";

        /// The name has characters that the Python package's names do not have.
        Name {
            /// The name.
            name: String = "NAME".to_owned(),
        }
            in Exchanges;
            text format!(
                "'{name}' is not a valid name: use lower-case letters, digits and _, and begin with a letter"
            );
            hint HELP_HINT;
            when "`exchange add` is given a name that the Python package could not have. The exit status is 2.";

        /// The name lacks the suffix of the kind.
        Suffix {
            /// The name.
            name: String = "NAME".to_owned(),
            /// The kind.
            kind: ExchangeKind = ExchangeKind::Pools(crate::types::kind::PoolKind::UniswapV3),
        }
            in Exchanges;
            text format!(
                "'{name}' is not a valid name for {kind}: it must end in {}, by which the Python package knows the kind",
                kind.suffix()
            );
            hint HELP_HINT;
            when "`exchange add` is given a name that does not end as its kind demands. The exit status is 2.";

        /// Exchanges of the kind do not have one of the given contracts, or no init code.
        Unused {
            /// The kind.
            kind: ExchangeKind = ExchangeKind::Pools(crate::types::kind::PoolKind::UniswapV3),
            /// The contract, or the hash.
            contract: &'static str = "CONTRACT",
        }
            in Exchanges;
            text format!("An exchange of the kind {kind} has no {contract}");
            hint HELP_HINT;
            when "`exchange add` is given a contract or a hash that such exchanges do not have. The exit status is 2.";

        /// A contract has the zero address.
        ZeroAddress {
            /// The contract.
            contract: &'static str = "CONTRACT",
        }
            in Exchanges;
            text format!("The zero address is no {contract}: no contract can have it");
            hint HELP_HINT;
            when "`exchange add` is given 0x0000000000000000000000000000000000000000, which often stands for a value that \
                  is missing. The exit status is 2.";
    }
}

const HELP_HINT: &str = "'degenbot exchange add --help' says what there can be";

impl InvalidDeployment {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl Display for InvalidDeployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl std::error::Error for InvalidDeployment {}
