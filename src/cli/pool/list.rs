//! `degenbot pool list`: lists the pools of the database.

use std::cell::RefCell;
use std::io;
use std::path::Path;

use clap::Args;
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::cli::context::Context;
use crate::cli::exchange::lookup::{require_known_chains, stored};
use crate::cli::failure::Failure;
use crate::cli::json::Json;
use crate::cli::known_values::{chain_id, exchange};
use crate::cli::pool::filters;
use crate::cli::pool::pool_table::PoolTable;
use crate::database::error::database_error::Error;
use crate::database::reports::pool_list::{PoolListOptions, list_pools};
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only this chain, by its name or ID; can be repeated
    #[arg(long, value_name = "CHAIN", value_parser = chain_id(), hide_possible_values = true)]
    chain: Vec<ChainId>,
    /// Only this exchange, as 'exchange list' shows it; can be repeated
    #[arg(long, value_name = "NAME", value_parser = exchange(), hide_possible_values = true)]
    exchange: Vec<String>,
    /// How many pools are listed, at most
    #[arg(long, value_name = "POOLS")]
    limit: Option<u64>,
    #[command(flatten)]
    json: Json,
}

impl List {
    /// What two of the arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<String> {
        filters::contradiction(&self.chain, &self.exchange)
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let exchanges = stored(&path, &self.exchange)?;
        require_known_chains(&path, &self.chain)?;
        let options = PoolListOptions {
            chains: self.chain,
            exchanges,
            limit: self.limit,
        };
        if self.json.is_given() {
            print_json(context, &self.json, &path, &options)
        } else {
            print_table(context, &path, &options)
        }
    }
}

fn print_table(context: &Context, path: &Path, options: &PoolListOptions) -> Result<(), Failure> {
    let mut table = PoolTable::new(context);
    let printed = list_pools(path, options, |pool| table.push(pool)).and_then(|()| table.print());
    match printed {
        // The reader has read enough and closed the pipe, as `head` does.
        Err(Failure::Output { error }) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Ok(()) if table.is_empty && options.limit != Some(0) => {
            context.printer.message("There are no such pools.");
            Ok(())
        }
        printed => printed,
    }
}

fn print_json(
    context: &Context,
    json: &Json,
    path: &Path,
    options: &PoolListOptions,
) -> Result<(), Failure> {
    let document = Document {
        path: path.display().to_string(),
        pools: Pools {
            path,
            options,
            error: RefCell::default(),
        },
    };
    let printed = json.stream(context, "pool list", &document);
    match document.pools.error.into_inner() {
        Some(error) => Err(error.into()),
        None => printed,
    }
}

#[derive(Serialize)]
struct Document<'list> {
    path: String,
    pools: Pools<'list>,
}

/// The pools, which are read while they are written.
struct Pools<'list> {
    path: &'list Path,
    options: &'list PoolListOptions,
    /// Why the database could not be read.
    error: RefCell<Option<Error>>,
}

/// What ends the list early.
enum Stop<Output> {
    Database(Error),
    Output(Output),
}

impl<Output> From<Error> for Stop<Output> {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl Serialize for Pools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let written = list_pools(self.path, self.options, |pool| {
            list.serialize_element(&pool).map_err(Stop::Output)
        });
        match written {
            Ok(()) => list.end(),
            Err(Stop::Output(error)) => Err(error),
            Err(Stop::Database(error)) => {
                let reason = S::Error::custom(&error);
                *self.error.borrow_mut() = Some(error);
                Err(reason)
            }
        }
    }
}
