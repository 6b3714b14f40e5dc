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
use crate::settings::endpoint::endpoint_without_key;
use crate::settings::resolve::{Settings, Source};
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    json: Json,
    /// Show the complete addresses of nodes, including keys
    #[arg(long)]
    secrets: bool,
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let settings = context.settings()?;
        let endpoint = if self.secrets {
            str::to_owned
        } else {
            endpoint_without_key
        };
        let document = Document::of(&settings, endpoint);
        let describe = || describe(&settings, endpoint);
        self.json
            .report_or(context, "config show", &document, describe)
    }
}

#[derive(Serialize)]
struct Document {
    config: Option<File>,
    database: File,
    default_chain_id: Option<u64>,
    rpc: Vec<Node>,
    ws: Vec<Node>,
    unknown_keys: Vec<String>,
}

#[derive(Serialize)]
struct Node {
    chain: u64,
    address: String,
}

#[derive(Serialize)]
struct File {
    path: String,
    source: &'static str,
    exists: bool,
}

impl Document {
    fn of(settings: &Settings, endpoint: fn(&str) -> String) -> Self {
        let nodes = |of_chains: &BTreeMap<ChainId, String>| {
            let node = |(chain, address): (&ChainId, &String)| Node {
                chain: chain.get(),
                address: endpoint(address),
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
            ws: nodes(&settings.ws),
            unknown_keys: settings.unknown_keys.clone(),
        }
    }
}

const fn name(source: Source) -> &'static str {
    match source {
        Source::Override => "option",
        Source::Environment => "environment",
        Source::File => "file",
        Source::Default => "default",
    }
}

fn describe(settings: &Settings, endpoint: fn(&str) -> String) -> Lines {
    let mut rows = Vec::new();
    let missing = |exists: bool| if exists { "" } else { ", does not exist" };
    match &settings.config_path {
        Some(path) => {
            let source = match settings.config_source {
                Source::Override => "--config",
                Source::Environment => "DEGENBOT_CONFIG",
                Source::File | Source::Default => "default",
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
        Source::File => "config file",
        Source::Default => "default",
    };
    rows.push((
        "Database".to_owned(),
        settings.database.path.display().to_string(),
        format!("{source}{}", missing(settings.database.path.exists())),
    ));
    let of_file = || "config file".to_owned();
    if let Some(chain) = settings.default_chain_id {
        rows.push(("Default chain".to_owned(), chain.to_string(), of_file()));
    }
    for (what, of_chains) in [("RPC", &settings.rpc), ("WebSocket", &settings.ws)] {
        for (chain, text) in of_chains {
            rows.push((format!("{what} {chain}"), endpoint(text), of_file()));
        }
    }
    for key in &settings.unknown_keys {
        rows.push(("Unknown key".to_owned(), key.clone(), of_file()));
    }
    let mut table = Table::new([Left, Left]);
    for (what, value, source) in rows {
        table.push([what, format!("{value} ({source})")]);
    }
    table.lines().collect()
}
