//! `degenbot database info`: describes the database.

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::{bytes, cell, grouped, plain, yes_or_no};
use crate::cli::json::{Json, Version};
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::Table;
use crate::counted::counted;
use crate::database::connection::open::connection_pragmas;
use crate::database::migration::migrate::latest_database_version;
use crate::database::recognition::identity::Identity;
use crate::database::recognition::stamps::Stamps;
use crate::database::reports::inspect::{
    AutoVacuum, DatabaseInfo, ExchangeInfo, TableInfo, inspect_sqlite_database,
};
use crate::database::structure::schema_version::SchemaVersion;

const EXAMPLES: &str = "\
Examples:
  degenbot database info
  degenbot --database degenbot.db.bak database info --json";

/// Show version, size, tables and exchanges of the database
///
/// It writes nothing, neither to the file nor beside it. With --database, it describes backups and files of any kind.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Info {
    #[command(flatten)]
    json: Json,
    /// Count the rows of large tables instead of estimating them
    #[arg(long)]
    exact: bool,
}

impl Info {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let info = inspect_sqlite_database(&path, self.exact)?;
        if let Some(problem) = &info.exchanges_problem {
            log::warn!("The exchanges cannot be read: {problem}");
        }
        let document = Document::of(&info);
        self.json
            .report_or(context, "database info", &document, || describe(&info))
    }
}

#[derive(Serialize)]
struct Document<'info> {
    path: String,
    file_bytes: u64,
    wal_bytes: u64,
    page_size: i64,
    page_count: i64,
    free_pages: i64,
    journal_mode: &'info str,
    auto_vacuum: AutoVacuum,
    encoding: &'info str,
    sqlite_version: &'info str,
    connection_pragmas: serde_json::Map<String, serde_json::Value>,
    degenbot_version: &'static str,
    current_version: Option<Version>,
    structure: Option<String>,
    latest_version: Version,
    problem: Option<String>,
    stamps: &'info Stamps,
    pending_migrations: &'info [String],
    other_objects: Vec<String>,
    tables: &'info [TableInfo],
    exchanges: Vec<ExchangeDocument<'info>>,
}

#[derive(Serialize)]
struct ExchangeDocument<'info> {
    /// The name for `exchange activate`; `None` for an invalid row.
    full_name: Option<String>,
    #[serde(flatten)]
    row: &'info ExchangeInfo,
}

impl<'info> Document<'info> {
    fn of(info: &'info DatabaseInfo) -> Self {
        Self {
            path: info.path.display().to_string(),
            file_bytes: info.file_bytes,
            wal_bytes: info.wal_bytes,
            page_size: info.page_size,
            page_count: info.page_count,
            free_pages: info.free_pages,
            journal_mode: &info.journal_mode,
            auto_vacuum: info.auto_vacuum,
            encoding: &info.encoding,
            sqlite_version: info.sqlite_version,
            connection_pragmas: connection_pragmas()
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).into()))
                .collect(),
            degenbot_version: env!("CARGO_PKG_VERSION"),
            current_version: info.version().map(Version::from),
            structure: info.recognition.structure(),
            latest_version: latest_database_version().into(),
            problem: problem(info),
            stamps: info.stamps(),
            pending_migrations: &info.pending,
            other_objects: info
                .recognition
                .extras()
                .iter()
                .map(ToString::to_string)
                .collect(),
            tables: &info.tables,
            exchanges: info
                .exchanges
                .iter()
                .map(|row| ExchangeDocument {
                    full_name: row.full_name().map(|name| name.to_string()),
                    row,
                })
                .collect(),
        }
    }
}

fn problem(info: &DatabaseInfo) -> Option<String> {
    let refusal = info.recognition.identity.version_or_refusal().err()?;
    Some(format!("It {refusal}"))
}

fn describe(info: &DatabaseInfo) -> Lines {
    let mut facts = vec![
        ("Database", info.path.display().to_string()),
        (
            "Size",
            format!(
                "{}: {} of {} bytes, {} of them free",
                bytes(info.file_bytes),
                counted(info.page_count, "page"),
                info.page_size,
                info.free_pages
            ),
        ),
        ("Log (-wal)", bytes(info.wal_bytes).to_string()),
        (
            "SQLite",
            format!(
                "{}, journal mode {}, auto_vacuum {}, {}",
                info.sqlite_version,
                info.journal_mode,
                match info.auto_vacuum {
                    AutoVacuum::None => "none",
                    AutoVacuum::Full => "full",
                    AutoVacuum::Incremental => "incremental",
                },
                info.encoding
            ),
        ),
        (
            "Connections",
            connection_pragmas()
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
        ),
        (
            "Version",
            match (info.version(), info.recognition.structure()) {
                (Some(version), _) => version_names(version),
                (None, Some(structure)) => structure,
                (None, None) => "unknown".to_owned(),
            },
        ),
        ("Latest", version_names(latest_database_version())),
    ];
    if let Some(remark) = info.recognition.remark() {
        facts.push(("Stamps", format!("{remark}; an upgrade corrects that")));
    }
    let pending = match info.recognition.identity {
        Identity::WithoutMaps(_) => Some("the initialization maps, computed from the positions"),
        Identity::Legacy { .. } => {
            Some("everything: an upgrade builds a new database and keeps the original")
        }
        _ => None,
    };
    if let Some(pending) = pending {
        facts.push(("Pending", pending.to_owned()));
    } else if let Some(problem) = problem(info) {
        facts.push(("Problem", problem));
    } else if info.pending.is_empty() {
        facts.push(("Pending", "no migrations".to_owned()));
    }
    for migration in &info.pending {
        facts.push(("Pending", migration.clone()));
    }
    for extra in info.recognition.extras() {
        facts.push(("Other", plain(&extra.to_string())));
    }

    let mut table = Table::new([Left, Left]);
    for (name, value) in facts {
        table.push([name.to_owned(), value]);
    }
    // Values begin in the second column.
    let indent = table.width_of(0) + 2;
    let mut text = Lines::new();
    for line in table.lines() {
        text.push_fitting(&line, indent);
    }
    describe_exchanges(&mut text, &info.exchanges);
    describe_tables(&mut text, &info.tables);
    text
}

fn version_names(version: SchemaVersion) -> String {
    match version.alembic_revision() {
        Some(revision) => format!("{revision} (migration {})", version.migration()),
        None => format!("migration {}", version.migration()),
    }
}

fn describe_exchanges(text: &mut Lines, exchanges: &[ExchangeInfo]) {
    if exchanges.is_empty() {
        return;
    }
    let mut table = Table::titled([
        ("Exchange", Left),
        ("Chain", Right),
        ("Active", Left),
        ("Last update block", Right),
    ]);
    for exchange in exchanges {
        table.push([
            // The name that the commands take, as in `exchange list`.
            exchange.full_name().map_or_else(
                || cell(exchange.name.as_ref()),
                |name| plain(&name.to_string()),
            ),
            cell(exchange.chain_id.as_ref()),
            yes_or_no(exchange.active.as_ref()),
            cell(exchange.last_update_block.as_ref()),
        ]);
    }
    text.push("");
    text.extend(table.lines());
}

fn describe_tables(text: &mut Lines, tables: &[TableInfo]) {
    let mut table = Table::titled([("Table", Left), ("Rows", Right)]);
    for info in tables {
        let rows = match (info.rows, &info.problem) {
            (Some(rows), _) if info.is_estimated => format!("~{}", grouped(rows.unsigned_abs())),
            (Some(rows), _) => grouped(rows.unsigned_abs()),
            (None, Some(problem)) => problem.clone(),
            (None, None) => "-".to_owned(),
        };
        table.push([plain(&info.name), rows]);
    }
    text.push("");
    text.extend(table.lines());
}
