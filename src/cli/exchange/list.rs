//! `degenbot exchange list`: lists the known and the stored exchanges.

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::{abbreviated, cell, plain, yes_or_no};
use crate::cli::json::Json;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::Table;
use crate::database::error::error_kind::ErrorKind;
use crate::database::exchanges::list_exchanges;
use crate::database::reports::inspect::ExchangeInfo;
use crate::deployments::deployment::Deployment;
use crate::types::sql_value::{SqlValue, serialize_flag};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    json: Json,
}

impl List {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let stored = match list_exchanges(&path) {
            Err(error) if matches!(error.kind, ErrorKind::NotFound) => {
                context.printer.message(format_args!(
                    "There is no database at {}; these are the exchanges that can be activated.",
                    path.display()
                ));
                None
            }
            stored => Some(stored?),
        };
        let has_database = stored.is_some();
        let entries = entries(stored.unwrap_or_default());
        let document = Document {
            path: path.display().to_string(),
            has_database,
            exchanges: &entries,
        };
        self.json
            .report_or(context, "exchange list", &document, || describe(&entries))
    }
}

#[derive(Serialize)]
struct Document<'entries> {
    path: String,
    has_database: bool,
    exchanges: &'entries [Entry],
}

/// An exchange that is known, or in the database, or both.
#[derive(Serialize)]
struct Entry {
    /// The name for `exchange activate`; `None` for an invalid row.
    name: Option<String>,
    is_known: bool,
    is_in_database: bool,
    #[serde(flatten)]
    row: Row,
}

/// The values in the database; for an exchange that is not there, those that activation would store.
#[derive(Serialize)]
struct Row {
    chain_id: Option<SqlValue>,
    #[serde(rename = "exchange")]
    name: Option<SqlValue>,
    #[serde(serialize_with = "serialize_flag")]
    active: Option<SqlValue>,
    last_update_block: Option<SqlValue>,
    factory: Option<SqlValue>,
    deployer: Option<SqlValue>,
}

/// The known exchanges with their rows, then the other rows.
fn entries(mut stored: Vec<ExchangeInfo>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for known in Deployment::known() {
        let exchange = known.exchange();
        let (rows, others) = stored
            .into_iter()
            .partition(|row| row.full_name().as_ref() == Some(&exchange));
        stored = others;
        if rows.is_empty() {
            entries.push(Entry {
                name: Some(exchange.to_string()),
                is_known: true,
                is_in_database: false,
                row: Row::of_known(known),
            });
        }
        entries.extend(rows.into_iter().map(|row| Entry::of_row(row, true)));
    }
    entries.extend(stored.into_iter().map(|row| Entry::of_row(row, false)));
    entries
}

impl Entry {
    fn of_row(row: ExchangeInfo, is_known: bool) -> Self {
        Self {
            name: row.full_name().map(|name| name.to_string()),
            is_known,
            is_in_database: true,
            row: Row {
                chain_id: row.chain_id,
                name: row.name,
                active: row.active,
                last_update_block: row.last_update_block,
                factory: row.factory,
                deployer: row.deployer,
            },
        }
    }
}

impl Row {
    fn of_known(known: &Deployment) -> Self {
        Self {
            chain_id: i64::try_from(known.chain.get()).ok().map(SqlValue::Integer),
            name: Some(SqlValue::Text(known.name.clone().into_owned())),
            active: None,
            last_update_block: None,
            factory: Some(SqlValue::Text(known.factory.to_string())),
            deployer: known
                .deployer
                .map(|address| SqlValue::Text(address.to_string())),
        }
    }
}

fn describe(entries: &[Entry]) -> Lines {
    let mut table = Table::titled([
        ("Name", Left),
        ("Chain", Right),
        ("Active", Left),
        ("Last update block", Right),
        ("Factory", Left),
    ]);
    for Entry { name, row, .. } in entries {
        let name = name.as_deref().map(plain);
        table.push([
            name.unwrap_or_else(|| cell(row.name.as_ref())),
            cell(row.chain_id.as_ref()),
            yes_or_no(row.active.as_ref()),
            cell(row.last_update_block.as_ref()),
            abbreviated(&cell(row.factory.as_ref())),
        ]);
    }
    table.lines().collect()
}
