//! `degenbot exchange list`: lists the known and the stored exchanges.

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exchange::lookup::name_of;
use crate::cli::failure::Failure;
use crate::cli::format::{line, plain};
use crate::cli::json::Json;
use crate::database::error::error_kind::ErrorKind;
use crate::database::exchanges::list_exchanges;
use crate::database::reports::inspect::ExchangeInfo;
use crate::deployments::deployment::Deployment;
use crate::types::cell::Cell;

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
    chain_id: Option<Cell>,
    #[serde(rename = "exchange")]
    name: Option<Cell>,
    active: Option<Cell>,
    last_update_block: Option<Cell>,
    factory: Option<Cell>,
    deployer: Option<Cell>,
}

/// The known exchanges with their rows, then the other rows.
fn entries(mut stored: Vec<ExchangeInfo>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for known in Deployment::known() {
        let exchange = known.exchange();
        let (rows, others) = stored
            .into_iter()
            .partition(|row| name_of(row).as_ref() == Some(&exchange));
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
            name: name_of(&row).map(|name| name.to_string()),
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
            chain_id: i64::try_from(known.chain.get()).ok().map(Cell::Integer),
            name: Some(Cell::Text(known.name.clone().into_owned())),
            active: None,
            last_update_block: None,
            factory: Some(Cell::Text(known.factory.to_string())),
            deployer: known
                .deployer
                .map(|address| Cell::Text(address.to_string())),
        }
    }
}

fn describe(entries: &[Entry]) -> String {
    let cell = |cell: &Option<Cell>| cell.as_ref().map_or("-".to_owned(), ToString::to_string);
    let titles = ["Name", "Chain", "Active", "Last update block", "Factory"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(titles)
        .chain(entries.iter().map(|entry| {
            let active = match &entry.row.active {
                Some(Cell::Integer(0)) => "no".to_owned(),
                Some(Cell::Integer(1)) => "yes".to_owned(),
                other => cell(other),
            };
            let name = entry.name.as_deref().map(plain);
            [
                name.unwrap_or_else(|| cell(&entry.row.name)),
                cell(&entry.row.chain_id),
                active,
                cell(&entry.row.last_update_block),
                abbreviated(&cell(&entry.row.factory)),
            ]
        }))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let [name, chain, active, block] = [0, 1, 2, 3].map(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for [row_name, row_chain, row_active, row_block, factory] in &rows {
        line(
            &mut text,
            format_args!(
                "{row_name:<name$}  {row_chain:>chain$}  {row_active:<active$}  \
                 {row_block:>block$}  {factory}"
            ),
        );
    }
    text
}

/// The first and last digits of an address, for a narrow column.
fn abbreviated(address: &str) -> String {
    match (address.get(..6), address.get(38..)) {
        (Some(first), Some(last)) if address.len() == 42 => format!("{first}...{last}"),
        _ => address.to_owned(),
    }
}
