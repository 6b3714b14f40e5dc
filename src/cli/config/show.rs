//! `degenbot config show`: prints the settings in force.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::json::Json;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::Left;
use crate::cli::table::Table;
use crate::escape::escaped;
use crate::settings::endpoint::endpoint_without_key;
use crate::settings::resolve::Settings;
use crate::settings::source::Source;
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    json: Json,
    /// Show the complete addresses of nodes and the values of their headers, including keys
    #[arg(long)]
    secrets: bool,
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let settings = context.settings()?;
        let shown = Shown {
            secrets: self.secrets,
        };
        let document = Document::of(&settings, shown);
        let describe = || describe(&settings, shown);
        self.json
            .report_or(context, "config show", &document, describe)
    }
}

/// How secrets are shown.
#[derive(Clone, Copy)]
struct Shown {
    secrets: bool,
}

impl Shown {
    fn endpoint(self, address: &str) -> String {
        if self.secrets {
            address.to_owned()
        } else {
            endpoint_without_key(address)
        }
    }

    fn header(self, value: &str) -> String {
        let value = if self.secrets { value } else { "…" };
        value.to_owned()
    }
}

#[derive(Serialize)]
struct Document {
    config: Option<File>,
    database: File,
    default_chain_id: Option<u64>,
    rpc: Vec<Node>,
    nodes: Vec<AskedNode>,
    ws: Vec<Node>,
    unknown_keys: Vec<String>,
}

#[derive(Serialize)]
struct Node {
    chain: u64,
    address: String,
}

#[derive(Serialize)]
struct AskedNode {
    chain: u64,
    address: String,
    source: &'static str,
    headers: Vec<Header>,
}

#[derive(Serialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct File {
    path: String,
    source: &'static str,
    exists: bool,
}

impl Document {
    fn of(settings: &Settings, shown: Shown) -> Self {
        let nodes = |of_chains: &BTreeMap<ChainId, String>| {
            let node = |(chain, address): (&ChainId, &String)| Node {
                chain: chain.get(),
                address: shown.endpoint(address),
            };
            of_chains.iter().map(node).collect()
        };
        Self {
            config: settings.config_path.as_ref().map(|path| File {
                path: path.display().to_string(),
                source: name(settings.config_source),
                exists: settings.config_exists,
            }),
            database: File {
                path: settings.database.path.display().to_string(),
                source: name(settings.database.source),
                exists: settings.database.path.exists(),
            },
            default_chain_id: settings.default_chain_id.map(ChainId::get),
            rpc: nodes(&settings.rpc),
            nodes: asked_nodes(settings, shown).map(|(_, node)| node).collect(),
            ws: nodes(&settings.ws),
            unknown_keys: settings
                .unknown_keys
                .iter()
                .chain(&settings.unknown_keys_of_nodes)
                .cloned()
                .collect(),
        }
    }
}

/// The nodes of each chain, in the order in which they are asked, with their sources.
fn asked_nodes(settings: &Settings, shown: Shown) -> impl Iterator<Item = (Source, AskedNode)> {
    let nodes = settings
        .nodes
        .iter()
        .flat_map(|(chain, nodes)| nodes.iter().map(move |node| (chain, node)));
    nodes.map(move |(chain, node)| {
        let asked = AskedNode {
            chain: chain.get(),
            address: shown.endpoint(&node.address),
            source: name(node.source),
            headers: node
                .headers
                .iter()
                .map(|(name, value)| Header {
                    name: escaped(name).to_string(),
                    value: shown.header(value),
                })
                .collect(),
        };
        (node.source, asked)
    })
}

const fn name(source: Source) -> &'static str {
    match source {
        Source::Override => "option",
        Source::Environment | Source::IpcEnvironment => "environment",
        Source::File => "file",
        Source::NodesFile => "nodes file",
        Source::Default => "default",
    }
}

fn describe(settings: &Settings, shown: Shown) -> Lines {
    let mut rows = Vec::new();
    let missing = |exists: bool| if exists { "" } else { ", does not exist" };
    match &settings.config_path {
        Some(path) => {
            let source = match settings.config_source {
                Source::Override => "--config",
                Source::Environment => "DEGENBOT_CONFIG",
                _ => "default",
            };
            rows.push((
                "Config file".to_owned(),
                path.display().to_string(),
                format!("{source}{}", missing(settings.config_exists)),
            ));
        }
        None => rows.push((
            "Config file".to_owned(),
            "none".to_owned(),
            "there is no home folder".to_owned(),
        )),
    }
    let source = match settings.database.source {
        Source::Override => "--database",
        Source::Environment => "DEGENBOT_DB_PATH",
        Source::Default => "default",
        _ => "config file",
    };
    rows.push((
        "Database".to_owned(),
        settings.database.path.display().to_string(),
        format!("{source}{}", missing(settings.database.path.exists())),
    ));
    let of_file = || "config file".to_owned();
    let of_nodes_file = || "nodes.toml".to_owned();
    if let Some(chain) = settings.default_chain_id {
        rows.push(("Default chain".to_owned(), chain.to_string(), of_file()));
    }
    for (source, node) in asked_nodes(settings, shown) {
        let source = match source {
            Source::Environment => format!("DEGENBOT_RPC_HTTP_CHAINID_{}", node.chain),
            Source::IpcEnvironment => format!("DEGENBOT_RPC_IPC_CHAINID_{}", node.chain),
            Source::NodesFile => of_nodes_file(),
            _ => of_file(),
        };
        rows.push((format!("RPC {}", node.chain), node.address, source.clone()));
        for Header { name, value } in node.headers {
            rows.push((String::new(), format!("{name}: {value}"), source.clone()));
        }
    }
    for (chain, text) in &settings.ws {
        rows.push((
            format!("WebSocket {chain}"),
            shown.endpoint(text),
            of_file(),
        ));
    }
    let unknown = settings.unknown_keys.iter().map(|key| (key, of_file()));
    let of_nodes = settings.unknown_keys_of_nodes.iter();
    for (key, source) in unknown.chain(of_nodes.map(|key| (key, of_nodes_file()))) {
        rows.push(("Unknown key".to_owned(), key.clone(), source));
    }
    let mut table = Table::new([Left, Left]);
    for (what, value, source) in rows {
        table.push([what, format!("{value} ({source})")]);
    }
    table.lines().collect()
}
