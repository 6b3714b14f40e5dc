//! The conflicts that prevent a change to an exchange.

use std::fmt::{self, Display};

use crate::database::error::trigger_list::of_triggers;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::documented_errors::documented_errors;
use crate::escape::escaped;
use crate::types::address::Address;
#[cfg(all(test, feature = "cli"))]
use crate::types::kind::{PoolKind, PoolManagerKind};

documented_errors! {
    /// Why an exchange cannot be activated, deactivated or added.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum ExchangeConflict(path) {
        /// The database has the known exchange with a different factory.
        OtherFactory {
            /// The exchange.
            exchange: ExchangeName = example(),
            /// The factory in the database.
            found: Address = Address::new([0x11; 20]),
            /// The known factory.
            expected: Address = Address::new([0x22; 20]),
        }
            in Exchanges;
            text format!("has {} with the factory {found}, not {expected}", plain(exchange));
            hint "Find out which factory is right; the row in exchanges can be corrected, or \
                  given another name, with the sqlite3 shell";
            when "The database has a known exchange with a different factory.";

        /// The database has an unknown exchange with several factories.
        SeveralFactories {
            /// The exchange.
            exchange: ExchangeName = example(),
            /// Two of the factories.
            factories: [Address; 2] = [Address::new([0x11; 20]), Address::new([0x22; 20])],
        }
            in Exchanges;
            text format!(
                "has {} with the factories {} and {}",
                plain(exchange),
                factories[0],
                factories[1]
            );
            hint "Activate one with the sqlite3 shell, or give one another name";
            when "The database has an exchange with several factories, so it is unclear which one to activate.";

        /// The database already has an exchange with the name.
        NameTaken {
            /// The exchange.
            exchange: ExchangeName = example(),
            /// Its factory.
            factory: Address = Address::new([0x11; 20]),
        }
            in Exchanges;
            text format!("has {} already, with the factory {factory}", plain(exchange));
            hint format!("Use 'degenbot exchange activate {}'", plain(exchange));
            when "`exchange add` is given a name that an exchange on the chain already has.";

        /// The database already has an exchange with the factory.
        FactoryTaken {
            /// The exchange.
            exchange: ExchangeName = example(),
            /// Its factory.
            factory: Address = Address::new([0x11; 20]),
        }
            in Exchanges;
            text format!("has the factory {factory} already, as {}", plain(exchange));
            hint format!("Use 'degenbot exchange activate {}'", plain(exchange));
            when "`exchange add` is given a factory that an exchange on the chain already has.";

        /// Nobody has said what kind of pools the exchange has.
        KindUnknown {
            /// The exchange.
            exchange: ExchangeName = example(),
        }
            in Exchanges;
            text format!("does not say of what kind the pools of {} are", plain(exchange));
            hint format!("Add the kind: 'degenbot exchange activate {} --kind KIND'", plain(exchange));
            when "The first block or the hash of the init code is to be recorded of an exchange whose kind is not known.";

        /// The pools of the exchange are of another kind than the one that is given.
        OtherKind {
            /// The exchange.
            exchange: ExchangeName = example(),
            /// The kind that is given.
            given: ExchangeKind = ExchangeKind::Manager(PoolManagerKind::UniswapV4),
            /// The kind of its pools.
            expected: ExchangeKind = ExchangeKind::Pools(PoolKind::UniswapV3),
        }
            in Exchanges;
            text format!("cannot have pools of the kind {given} for {}: they are {expected}", plain(exchange));
            hint "Leave --kind out, or name the exchange whose pools are of that kind";
            when "`exchange activate --kind` names another kind than that of a known exchange, or a pool manager for an \
                  exchange whose pools are contracts, or the reverse.";

        /// The database is of a version that has no table for what is known of an exchange's contracts.
        NoPlace {
            /// The exchange.
            exchange: ExchangeName = example(),
        }
            in Exchanges;
            text format!("is of an older version, which cannot hold what is known of the contracts of {}", plain(exchange));
            hint "Run 'degenbot database upgrade' first";
            when "`--kind`, `--from-block` or `--init-code-hash` is given, and the database is not at the newest version.";

        /// The database has not kept what was written to it.
        NotKept {
            /// The exchange.
            exchange: ExchangeName = example(),
            /// What the database should have kept, such as `as active`.
            expected: &'static str = "as active",
            /// The triggers of the tables that were written to.
            triggers: Vec<String> = vec!["TRIGGER".to_owned()],
        }
            in Exchanges;
            text format!(
                "does not keep {} {expected}{}",
                plain(exchange),
                of_triggers(triggers)
            );
            hint "Look at the triggers of exchanges, exchange_deployments and pool_managers with the sqlite3 shell; drop the \
                  one that ignores or undoes the change, and run the command again";
            when "A trigger of the user's own ignores the change of an exchange, or undoes it. The change is rolled back.";

        /// SQLite rejects the change, because of an object of the user's own.
        Rejected {
            /// The exchange.
            exchange: ExchangeName = example(),
            /// SQLite's message, or that of a trigger.
            reason: String = "REASON".to_owned(),
            /// The triggers of the tables that were written to.
            triggers: Vec<String> = vec!["TRIGGER".to_owned()],
        }
            in Exchanges;
            text format!(
                "rejects the change of {}: {}{}",
                plain(exchange),
                escaped(reason),
                of_triggers(triggers)
            );
            hint "Look at the triggers, indexes and constraints of your own on exchanges, exchange_deployments and \
                  pool_managers with the sqlite3 shell; drop the one that stands in the way, and run the command again";
            when "A trigger of the user's own raises an error, an index or a constraint forbids the change, or one of \
                  them needs what only the user's program defines. The change is rolled back.";
    }
}

impl ExchangeConflict {
    /// The exchange that the database has.
    #[must_use]
    pub const fn exchange(&self) -> &ExchangeName {
        match self {
            Self::OtherFactory { exchange, .. }
            | Self::SeveralFactories { exchange, .. }
            | Self::NameTaken { exchange, .. }
            | Self::FactoryTaken { exchange, .. }
            | Self::NotKept { exchange, .. }
            | Self::KindUnknown { exchange }
            | Self::OtherKind { exchange, .. }
            | Self::NoPlace { exchange }
            | Self::Rejected { exchange, .. } => exchange,
        }
    }

    /// The hint: what to do next.
    pub(crate) fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl Display for ExchangeConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

/// The name of an exchange; a row may hold any text.
fn plain(exchange: &ExchangeName) -> String {
    escaped(exchange).to_string()
}

#[cfg(all(test, feature = "cli"))]
fn example() -> ExchangeName {
    ExchangeName {
        chain: crate::types::integer::ChainId::ETHEREUM,
        name: "uniswap_v3".to_owned(),
    }
}
