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
use crate::deployments::{Deployment, ExchangeName};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Include an exchange in updates
    Activate(activate::Activate),
    /// Exclude an exchange from updates
    Deactivate(deactivate::Deactivate),
    /// List the known exchanges and those of the database, without writing to it
    List(list::List),
    /// Add an exchange that is not known
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

/// The exchange with this name, as far as that can be told from the name.
fn parse(path: &Path, name: &str) -> Result<ExchangeName, Failure> {
    name.parse().map_err(|_| unknown(path, name))
}

/// There is no exchange of this name: the names that are most like it.
fn unknown(path: &Path, name: &str) -> Failure {
    const ALIKE: f64 = 0.85;
    // Where the database cannot be read there are the known ones.
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

/// How much a text is like the name of an exchange, of 1: with its chain, with another one, or without.
fn likeness(text: &str, exchange: &ExchangeName) -> f64 {
    let behind_chain = text.split_once('_').map_or(text, |(_, name)| name);
    strsim::jaro(text, &exchange.to_string())
        .max(strsim::jaro(text, &exchange.name))
        .max(strsim::jaro(behind_chain, &exchange.name))
}
