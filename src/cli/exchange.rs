//! `degenbot exchange …`

mod activate;
mod add;
mod deactivate;
mod list;

use std::path::Path;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::database::exchanges::list_exchanges;
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_name::ExchangeName;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Include an exchange in updates
    Activate(activate::Activate),
    /// Exclude an exchange from updates
    Deactivate(deactivate::Deactivate),
    /// List the known exchanges and those in the database
    ///
    /// It writes nothing to the database.
    List(list::List),
    /// Add an exchange that degenbot does not know
    Add(add::Add),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Activate(command) => command.run(context),
            Self::Deactivate(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Add(command) => command.run(context),
        }
    }
}

/// Parses the name of an exchange.
fn parse(path: &Path, name: &str) -> Result<ExchangeName, Failure> {
    name.parse().map_err(|_| unknown(path, name))
}

/// The failure for an unknown name, with the most similar names.
fn unknown(path: &Path, name: &str) -> Failure {
    const ALIKE: f64 = 0.85;
    // If the database cannot be read, the known exchanges remain.
    let stored = list_exchanges(path).unwrap_or_default();
    let mut alike: Vec<_> = Deployment::known()
        .iter()
        .map(Deployment::exchange)
        .chain(stored.iter().filter_map(list::name_of))
        .map(|exchange| (likeness(name, &exchange), exchange.to_string()))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|(one, one_name), (other, other_name)| {
        other.total_cmp(one).then_with(|| one_name.cmp(other_name))
    });
    alike.dedup();
    Failure::UnknownExchange {
        name: name.to_owned(),
        alike: alike.into_iter().take(3).map(|(_, name)| name).collect(),
    }
}

/// The similarity of a text and the name of an exchange, from 0 to 1: with its chain, with another one, or without.
fn likeness(text: &str, exchange: &ExchangeName) -> f64 {
    let behind_chain = text.split_once('_').map_or(text, |(_, name)| name);
    strsim::jaro(text, &exchange.to_string())
        .max(strsim::jaro(text, &exchange.name))
        .max(strsim::jaro(behind_chain, &exchange.name))
}
