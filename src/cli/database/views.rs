//! `degenbot database views`: prints SQL views for people.

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::json::{Json, Version};
use crate::cli::printer::Lines;
use crate::database::reports::views::{DatabaseView, DatabaseViews, list_database_views};

const EXAMPLES: &str = "\
Examples:
  degenbot database views > views.sql
  sqlite3 -readonly -init views.sql degenbot.db \"SELECT * FROM v_pools WHERE symbol0 = 'WETH' LIMIT 10\"";

/// Print views of the pools, ticks and Aave positions, with names instead of ids
///
/// v_pools has each pool with its exchange, the symbols of its tokens and its fees; v_ticks the initialized ticks;
/// v_aave_positions the scaled balances of the users of Aave. They fit the version of the database. Nothing is written to the
/// database: the views are temporary ones of the session that reads the output, so that no upgrade or downgrade has to know
/// them, and other programs do not see them.
#[expect(clippy::doc_markdown, reason = "the comment is the help text")]
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Views {
    #[command(flatten)]
    json: Json,
}

impl Views {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let found = list_database_views(&path)?;
        let document = Document {
            path: path.display().to_string(),
            version: found.version.into(),
            views: &found.views,
            missing: &found.missing,
        };
        self.json
            .report_or(context, "database views", &document, || describe(&found))
    }
}

#[derive(Serialize)]
struct Document<'found> {
    path: String,
    version: Version,
    views: &'found [DatabaseView],
    missing: &'found [&'static str],
}

fn describe(found: &DatabaseViews) -> Lines {
    let mut text = Lines::new();
    text.push(format_args!("-- For a database at {}.", found.version));
    for name in &found.missing {
        text.push(format_args!(
            "-- It has no {name}: this version lacks the tables."
        ));
    }
    for view in &found.views {
        text.push("");
        text.extend(view.sql.lines());
    }
    text
}
