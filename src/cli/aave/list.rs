//! `degenbot aave list`: lists the known and the stored markets.

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::{abbreviated, cell, plain, yes_or_no};
use crate::cli::json::Json;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::Table;
use crate::database::aave_markets::list_markets;
use crate::database::error::error_kind::ErrorKind;
use crate::database::reports::market_list::MarketInfo;
use crate::deployments::market::Market;
use crate::types::sql_value::{SqlValue, serialize_flag};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    json: Json,
}

impl List {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let stored = match list_markets(&path) {
            Err(error) if matches!(error.kind, ErrorKind::NotFound) => {
                context.printer.message(format_args!(
                    "There is no database at {}; these are the markets that can be activated.",
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
            markets: &entries,
        };
        self.json
            .report_or(context, "aave list", &document, || describe(&entries))
    }
}

#[derive(Serialize)]
struct Document<'entries> {
    path: String,
    has_database: bool,
    markets: &'entries [Entry],
}

/// A market that is known, or in the database, or both. The values are those in the database; for a market that is not
/// there, those that activation would store.
#[derive(Serialize)]
struct Entry {
    /// The name for `aave activate`; `None` for an invalid row.
    name: Option<String>,
    is_known: bool,
    is_in_database: bool,
    chain_id: Option<SqlValue>,
    /// The name that the contract says.
    market: Option<SqlValue>,
    #[serde(serialize_with = "serialize_flag")]
    active: Option<SqlValue>,
    last_update_block: Option<SqlValue>,
    first_block: Option<SqlValue>,
    provider: Option<SqlValue>,
}

/// The known markets with their rows, then the other rows.
fn entries(mut stored: Vec<MarketInfo>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for known in Market::known() {
        let name = known.market_name();
        let (rows, others) = stored
            .into_iter()
            .partition(|row: &MarketInfo| row.market.as_ref() == Some(&name));
        stored = others;
        if rows.is_empty() {
            entries.push(Entry::of_known(known));
        }
        entries.extend(rows.into_iter().map(|row| Entry::of_row(row, Some(known))));
    }
    entries.extend(stored.into_iter().map(|row| Entry::of_row(row, None)));
    entries
}

impl Entry {
    fn of_row(row: MarketInfo, known: Option<&Market>) -> Self {
        Self {
            name: row.market.map(|market| market.to_string()),
            is_known: known.is_some(),
            is_in_database: true,
            chain_id: row.chain_id,
            market: row.name,
            active: row.active,
            last_update_block: row.last_update_block,
            first_block: row.first_block.or_else(|| known.and_then(first_block)),
            provider: row.provider,
        }
    }

    fn of_known(known: &Market) -> Self {
        Self {
            name: Some(known.market_name().to_string()),
            is_known: true,
            is_in_database: false,
            chain_id: integer(known.chain.get()),
            market: known.market_id.map(|id| SqlValue::Text(id.to_owned())),
            active: None,
            last_update_block: None,
            first_block: first_block(known),
            provider: Some(SqlValue::Text(known.provider.to_string())),
        }
    }
}

fn first_block(known: &Market) -> Option<SqlValue> {
    integer(known.first_block?.get())
}

fn integer(number: u64) -> Option<SqlValue> {
    i64::try_from(number).ok().map(SqlValue::Integer)
}

fn describe(entries: &[Entry]) -> Lines {
    let mut table = Table::titled([
        ("Name", Left),
        ("Chain", Right),
        ("Active", Left),
        ("Last update block", Right),
        ("Provider", Left),
    ]);
    for entry in entries {
        let name = entry.name.as_deref().map(plain);
        table.push([
            name.unwrap_or_else(|| cell(entry.market.as_ref())),
            cell(entry.chain_id.as_ref()),
            yes_or_no(entry.active.as_ref()),
            cell(entry.last_update_block.as_ref()),
            abbreviated(&cell(entry.provider.as_ref())),
        ]);
    }
    table.lines().collect()
}
