//! `degenbot database views`: prints SQL views for people, or installs them.

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Version};
use crate::cli::options::Waiting;
use crate::cli::printer::Lines;
use crate::database::error::database_error::Error;
use crate::database::installed_views::{
    InstalledViews, ViewsOptions, find_installed_views, install_database_views,
    remove_database_views,
};
use crate::database::reports::views::{DatabaseView, DatabaseViews, list_database_views};

const EXAMPLES: &str = "\
Examples:
  degenbot database views > views.sql
  sqlite3 -readonly -init views.sql degenbot.db \"SELECT * FROM v_pools WHERE symbol0 = 'WETH' LIMIT 10\"
  degenbot database views --install
  degenbot database views --remove";

/// Print or install views of the pools, ticks and Aave positions, with names instead of ids
///
/// v_pools has each pool with its exchange, the symbols of its tokens and its fees; v_ticks the initialized ticks;
/// v_aave_positions the scaled balances of the users of Aave. They fit the version of the database. Without an option, nothing
/// is written to the database: the views are temporary ones of the session that reads the output.
///
/// --install makes them ordinary views of the database, which every program sees, also beside running bots. Those that are
/// there already are brought up to date. 'upgrade' and 'downgrade' make them anew for the new version; 'reset' removes them with
/// everything else. A view, a table or an index of your own with one of the names is refused. A comment in their text tells the
/// installed views from yours.
///
/// The Python package goes on reading and writing, and its release 0.6.0a4 upgrades a database of 0.5.0; --install then brings
/// the views up to date. But where a migration of Alembic rebuilds a table (batch mode), SQLite refuses it while a view reads the
/// table, and the package's upgrade fails: run --remove first if it does.
#[expect(clippy::doc_markdown, reason = "the comment is the help text")]
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Views {
    /// Make them ordinary views of the database
    #[arg(long, conflicts_with = "remove")]
    install: bool,
    /// Remove the installed views
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    json: Json,
}

impl Views {
    pub(super) const fn only_reads(&self) -> bool {
        !self.install && !self.remove
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        let written = self.write(context)?;
        let found = list_database_views(&path)?;
        let installed = match &written {
            Some(written) => written.clone(),
            None => find_installed_views(&path)?,
        };
        let document = Document {
            path: path.display().to_string(),
            version: found.version.into(),
            views: &found.views,
            missing: &found.missing,
            installed: &installed.installed,
            is_changed: installed.is_changed,
        };
        match written {
            Some(_) => self.json.report(context, "database views", &document),
            None => self
                .json
                .report_or(context, "database views", &document, || {
                    describe(&found, &installed)
                }),
        }
    }

    /// Installs or removes the views, if that is asked for, and says what is so afterwards.
    fn write(&self, context: &Context) -> Result<Option<InstalledViews>, Failure> {
        if self.only_reads() {
            return Ok(None);
        }
        let path = context.database_path()?;
        let options = ViewsOptions {
            wait: self.waiting.time(),
            cancel: Some(cancel_token().clone()),
        };
        let operation = || -> Result<InstalledViews, Error> {
            let _cancellable = Cancellable::begin();
            if self.install {
                install_database_views(&path, &options)
            } else {
                remove_database_views(&path, &options)
            }
        };
        let written = operation()?;
        let names = written.installed.join(", ");
        let (path, printer) = (path.display(), &context.printer);
        match (self.install, written.is_changed) {
            (true, true) => printer.message(format_args!("Installed in {path}: {names}.")),
            (true, false) => {
                printer.message(format_args!("{path} has the views already: {names}."));
            }
            (false, true) => {
                printer.message(format_args!("Removed the installed views from {path}."));
            }
            (false, false) => printer.message(format_args!("{path} has no installed views.")),
        }
        Ok(Some(written))
    }
}

#[derive(Serialize)]
struct Document<'found> {
    path: String,
    version: Version,
    views: &'found [DatabaseView],
    missing: &'found [&'static str],
    installed: &'found [String],
    is_changed: bool,
}

fn describe(found: &DatabaseViews, installed: &InstalledViews) -> Lines {
    let mut text = Lines::new();
    text.push(format_args!("-- For a database at {}.", found.version));
    for name in &found.missing {
        text.push(format_args!(
            "-- It has no {name}: this version lacks the tables."
        ));
    }
    for name in &installed.installed {
        text.push(format_args!("-- {name} is installed in the database."));
    }
    for view in &found.views {
        text.push("");
        text.extend(view.sql.lines());
    }
    text
}
