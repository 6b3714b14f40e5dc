//! The conflicts that prevent a change to a market of Aave V3.

use std::fmt::{self, Display};

use crate::database::error::trigger_list::of_triggers;
use crate::deployments::market_name::MarketName;
use crate::documented_errors::documented_errors;
use crate::escape::escaped;
use crate::types::address::Address;

documented_errors! {
    /// Why a market cannot be activated, deactivated or added.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum MarketConflict(path) {
        /// The database has the market with a different addresses provider.
        OtherProvider {
            /// The market.
            market: MarketName = example(),
            /// The provider in the database.
            found: Address = Address::new([0x11; 20]),
            /// The known provider.
            expected: Address = Address::new([0x22; 20]),
        }
            in Markets;
            text format!("has {} with the addresses provider {found}, not {expected}", plain(market));
            hint "Find out which one is right; the market can be given another name in aave_v3_market_facts with the \
                  sqlite3 shell";
            when "The database has a known market with a different addresses provider.";

        /// The database has a market with several addresses providers.
        SeveralProviders {
            /// The market.
            market: MarketName = example(),
            /// Two of the providers.
            providers: [Address; 2] = [Address::new([0x11; 20]), Address::new([0x22; 20])],
        }
            in Markets;
            text format!(
                "has {} with the addresses providers {} and {}",
                plain(market),
                providers[0],
                providers[1]
            );
            hint "Give one another name in aave_v3_market_facts with the sqlite3 shell";
            when "The database has two markets of one name, so it is unclear which one to activate.";

        /// The database already has a market with the name.
        NameTaken {
            /// The market.
            market: MarketName = example(),
        }
            in Markets;
            text format!("has {} already", plain(market));
            hint format!("Use 'degenbot aave activate {}', or add the other one with '--name'", plain(market));
            when "`aave add` is given a name that a market on the chain already has.";

        /// The database already has a market with the addresses provider.
        ProviderTaken {
            /// The market.
            market: MarketName = example(),
            /// Its addresses provider.
            provider: Address = Address::new([0x11; 20]),
        }
            in Markets;
            text format!("has the addresses provider {provider} already, as {}", plain(market));
            hint format!("Use 'degenbot aave activate {}'", plain(market));
            when "`aave add` is given an addresses provider that a market on the chain already has.";

        /// The database lacks the market, and nobody has said what its contract calls it.
        IdUnknown {
            /// The market.
            market: MarketName = example(),
        }
            in Markets;
            text format!("does not have {}, and the name that its contract says is not given", plain(market));
            hint format!("Run 'degenbot aave activate {}' with a node", plain(market));
            when "In a program that uses the library: a market is activated without what its contract says. For the \
                  command: another program has deleted the market at the same time.";

        /// The database is of a version that has no table for what is known of a market.
        NoPlace {
            /// The market.
            market: MarketName = example(),
        }
            in Markets;
            text format!("is of an older version, which cannot hold what is known of {}", plain(market));
            hint "Run 'degenbot database upgrade' first";
            when "`aave activate` or `aave add` is about a database that is not at the newest version.";

        /// The database has not kept what was written to it.
        NotKept {
            /// The market.
            market: MarketName = example(),
            /// What the database should have kept, such as `as active`.
            expected: &'static str = "as active",
            /// The triggers of the tables that were written to.
            triggers: Vec<String> = vec!["TRIGGER".to_owned()],
        }
            in Markets;
            text format!(
                "does not keep {} {expected}{}",
                plain(market),
                of_triggers(triggers)
            );
            hint "Look at the triggers of Aave's tables and of erc20_tokens with the sqlite3 shell; drop the one that \
                  ignores or undoes the change, and run the command again";
            when "A trigger of the user's own ignores the change of a market, or undoes it. The change is rolled back.";

        /// SQLite rejects the change, because of an object of the user's own.
        Rejected {
            /// The market.
            market: MarketName = example(),
            /// SQLite's message, or that of a trigger.
            reason: String = "REASON".to_owned(),
            /// The triggers of the tables that were written to.
            triggers: Vec<String> = vec!["TRIGGER".to_owned()],
        }
            in Markets;
            text format!(
                "rejects the change of {}: {}{}",
                plain(market),
                escaped(reason),
                of_triggers(triggers)
            );
            hint "Look at the triggers, indexes and constraints of your own on Aave's tables and erc20_tokens with the \
                  sqlite3 shell; drop the one that stands in the way, and run the command again";
            when "A trigger of the user's own raises an error, an index or a constraint forbids the change of a market, or \
                  one of them needs what only the user's program defines. The change is rolled back.";
    }
}

impl MarketConflict {
    /// The hint: what to do next.
    pub(crate) fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl Display for MarketConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

/// The name of a market; a row may hold any text.
fn plain(market: &MarketName) -> String {
    escaped(market).to_string()
}

#[cfg(all(test, feature = "cli"))]
fn example() -> MarketName {
    MarketName {
        chain: crate::types::integer::ChainId::ETHEREUM,
        name: "aave_v3".to_owned(),
    }
}
