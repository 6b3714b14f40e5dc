//! `degenbot config init`: writes a config file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::Cancellable;
use crate::cli::options::repeated;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::reserved::use_of;
use crate::database::structure::schema_version::SchemaVersion;
use crate::node::endpoint::Endpoint;
use crate::settings::config_layout::ConfigLayout;
use crate::settings::environment::Environment;
use crate::settings::new_config::NewConfig;
use crate::settings::nodes_file;
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  degenbot config init --rpc 1=http://localhost:8545 --rpc 8453=/run/base.ipc
  degenbot config init --for 0.6.0a17 --rpc 1=http://localhost:8545")]
pub(in crate::cli) struct Init {
    /// The node of a chain (HTTP address or IPC socket); repeat it for each chain
    ///
    /// More nodes of one chain are written to nodes.toml beside the config file, because the
    /// Python package takes one.
    #[arg(long, value_name = "CHAIN=NODE", value_parser = endpoint)]
    rpc: Vec<(ChainId, String)>,
    /// The WebSocket address of a chain's node; repeat it for each chain
    #[arg(long, value_name = "CHAIN=NODE", value_parser = endpoint)]
    ws: Vec<(ChainId, String)>,
    /// The chain that bots use by default
    #[arg(long, value_name = "CHAIN", value_parser = chain)]
    default_chain: Option<ChainId>,
    /// The release of the Python package that is to read the file too
    ///
    /// From 0.6.0a13 on, it has another layout: [nodes.http] instead of [rpc]. Without this option, the file is one for the
    /// releases up to 0.6.0a9, such as 0.5.0. This program reads both.
    ///
    /// Those from 0.6.0a12 on have their database at ~/.local/state/degenbot/db/degenbot.db if the file names none. If it
    /// is there, and no other is named or at the default place, a file for them names it.
    #[arg(long = "for", value_name = "RELEASE", value_parser = layout)]
    layout: Option<ConfigLayout>,
}

impl Init {
    /// The chain or node that two options give.
    pub(super) fn contradiction(&self) -> Option<String> {
        let chains = self.ws.iter().map(|(chain, _)| *chain).collect();
        if let Some(chain) = repeated(chains) {
            return Some(format!("--ws names several nodes for chain ID {chain}"));
        }
        let (chain, _) = repeated(self.rpc.clone())?;
        Some(format!("--rpc names a node of chain ID {chain} twice"))
    }

    /// Writes the file to the path where the other commands look for it. It names the database that the options or
    /// the environment name, or the default.
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.config_path()?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let environment = Environment::from_process();
        let layout = self.layout.unwrap_or_default();
        let python = environment.python_database();
        let ours = folder.join("degenbot.db");
        let default = match &python {
            // The package would find it without the file, and no other is hidden by it.
            Some(database) if layout == ConfigLayout::Nodes && !ours.exists() => database.clone(),
            _ => ours,
        };
        let database = context.named_database().unwrap_or(default);
        for (_, node) in &self.rpc {
            // No command could use the file's node.
            Endpoint::parse(&environment.expand_home_of(node))?;
        }
        let (mut rpc, mut more_nodes) = (BTreeMap::new(), Vec::new());
        for (chain, node) in self.rpc {
            match rpc.entry(chain) {
                Entry::Vacant(first) => drop(first.insert(node)),
                Entry::Occupied(_) => more_nodes.push((chain, node)),
            }
        }
        if layout == ConfigLayout::Nodes {
            for node in rpc.values_mut() {
                *node = from_root(&environment.expand_home_of(node));
            }
        }
        let config = NewConfig {
            layout,
            database: absolute(&database),
            rpc,
            more_nodes,
            ws: self.ws.into_iter().collect(),
            default_chain_id: self.default_chain,
        };
        let has_more_nodes = !config.more_nodes.is_empty();
        require_unused(&config.database, &path)?;
        let _running = Cancellable::begin();
        config.write(&path).map_err(Error::from)?;
        let nodes = path.with_file_name(nodes_file::NAME);
        let more = if has_more_nodes {
            format!(", and the other nodes of a chain to {}", nodes.display())
        } else {
            String::new()
        };
        let printer = &context.printer;
        printer.message(format_args!(
            "Wrote the config file {}{more}.",
            path.display()
        ));
        if let Some(database) = python {
            let found = format!(
                "The Python package has a database at {}",
                database.display()
            );
            printer.message(match layout {
                ConfigLayout::Nodes if database == config.database => {
                    format!("{found}, which the file names.")
                }
                ConfigLayout::Nodes => format!(
                    "{found}, which it does not use with this file; one that names it is written with --database."
                ),
                ConfigLayout::Rpc => format!(
                    "{found}. Its releases from 0.6.0a13 on do not start with this file; one for them is written with \
                     --for 0.6.0a17 and --database."
                ),
            });
        }
        if !config.database.exists() {
            printer.message(format_args!(
                "The database {} does not exist; create it with 'degenbot database reset'.",
                config.database.display()
            ));
        }
        Ok(())
    }
}

/// Fails if the place of the config file, or of the nodes beside it, is one that belongs to the database. The config file
/// cannot have the name of the file with the nodes either.
fn require_unused(database: &Path, path: &Path) -> Result<(), Failure> {
    let reserved = |what, at: &Path| Err(ErrorKind::TargetIsReserved { what }.at(at).into());
    let nodes = path.with_file_name(nodes_file::NAME);
    if nodes == path {
        return reserved("the nodes beside a config file", path);
    }
    let database = DatabaseFile::at(database);
    for at in [path, &nodes] {
        if let Some(used) = use_of(&database, at) {
            return reserved(used.title(), at);
        }
    }
    Ok(())
}

/// The absolute path. A relative path in the file would start at the file's folder.
fn absolute(path: &Path) -> PathBuf {
    // `~` stays in the file and is resolved when it is read.
    if path.starts_with("~") {
        return path.to_owned();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A node's address; if it is the path of a socket, the absolute one, because newer releases of the Python package take no
/// other.
fn from_root(node: &str) -> String {
    if node.contains("://") {
        return node.to_owned();
    }
    absolute(Path::new(node)).display().to_string()
}

/// The layout for a release of the Python package.
fn layout(release: &str) -> Result<ConfigLayout, String> {
    let place = |release| SchemaVersion::all_releases().position(|known| known == release);
    let Some(at) = place(release) else {
        let (first, last) = (
            SchemaVersion::all_releases().next(),
            SchemaVersion::all_releases().last(),
        );
        return Err(format!(
            "expected a release of the Python package from {} to {}, found '{release}'",
            first.unwrap_or_default(),
            last.unwrap_or_default()
        ));
    };
    if place("0.6.0a13").is_some_and(|first| first <= at) {
        Ok(ConfigLayout::Nodes)
    } else if place("0.6.0a10").is_some_and(|first| first <= at) {
        Err(format!(
            "{release} starts with no file that names a database or a node; name the nodes in the environment \
             (DEGENBOT_RPC_HTTP_CHAINID_1), which both programs read"
        ))
    } else {
        Ok(ConfigLayout::Rpc)
    }
}

fn endpoint(text: &str) -> Result<(ChainId, String), String> {
    let (id, endpoint) = text
        .split_once('=')
        .ok_or("expected a chain ID, '=' and an address, such as 1=http://localhost:8545")?;
    if endpoint.is_empty() {
        return Err("the address is missing".to_owned());
    }
    Ok((chain(id)?, endpoint.to_owned()))
}

fn chain(text: &str) -> Result<ChainId, String> {
    text.parse()
        .ok()
        .and_then(|number| ChainId::new(number).ok())
        .ok_or_else(|| format!("expected a chain ID (a positive integer), found '{text}'"))
}
