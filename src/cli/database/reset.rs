//! `degenbot database reset`: creates or empties the database.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::database::beside_litestream::BesideLitestream;
use crate::cli::database::version_warning::warn_of_unknown_version;
use crate::cli::failure::Failure;
use crate::cli::interrupt::Cancellable;
use crate::cli::json::{Json, Timing, Version, timed};
use crate::cli::options::{Confirmation, Waiting};
use crate::cli::progress::ProgressReporter;
use crate::cli::prompt::confirm;
use crate::counted::counted;
use crate::database::copying::create::create_new_sqlite_database;
use crate::database::copying::reset::{ResetOptions, check_reset, reset_sqlite_database};
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::Refusal;
use crate::database::installed_views::find_installed_views;
use crate::database::migration::migrate::latest_database_version;
use crate::database::recognition::expected_database::ExpectedDatabase;
use crate::database::recognition::recognise::recognise;

/// About the size of an empty database, in bytes.
const EMPTY_BYTES: u64 = 400 << 10;

/// Create the database, or empty an existing one
///
/// All rows of an existing database are lost, and with them tables, views, indexes and triggers of your own, so the
/// command asks first. Programs that have the database open see the empty one in their next transaction.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reset {
    #[command(flatten)]
    beside_litestream: BesideLitestream,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    json: Json,
}

impl Reset {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        match warn_of_unknown_version(&path) {
            Err(error) if matches!(error.kind, ErrorKind::NotFound) => {
                let _running = Cancellable::begin();
                let ((), timing) = timed(|| create_new_sqlite_database(&path))?;
                context.printer.message(format_args!(
                    "Created an empty database at {}.",
                    path.display()
                ));
                return self.report(context, &path, timing, true);
            }
            // A file without tables can be reset like any database.
            Ok(()) => {}
            Err(error) if matches!(error.kind, ErrorKind::EmptyFile) => {}
            Err(error) => match &error.kind {
                ErrorKind::Refused { refusal } if **refusal == Refusal::NoTables => {}
                _ => return Err(error.into()),
            },
        }
        let expected = ExpectedDatabase::at(&path)?;
        check_reset(&path)?;
        let question = format!(
            "The existing database at {}{} will be removed and a new, empty database will be \
             initialized using the schema included in degenbot version {}. Do you want to proceed?",
            path.display(),
            own_objects(&path),
            env!("CARGO_PKG_VERSION")
        );
        confirm(&question, self.confirmation.force)?;
        self.beside_litestream.confirm(&path, EMPTY_BYTES)?;
        let options = ResetOptions {
            wait: self.waiting.time(),
            expected: (!self.confirmation.force).then_some(expected),
        };
        let mut progress = ProgressReporter::new("Resetting", &context.printer);
        let (report, timing) = timed(|| reset_sqlite_database(&path, &options, &mut progress))?;
        drop(progress);
        context
            .printer
            .message(format_args!("Reset the database at {}.", path.display()));
        self.report(context, &path, timing, report.created)
    }

    fn report(
        &self,
        context: &Context,
        path: &Path,
        timing: Timing,
        created: bool,
    ) -> Result<(), Failure> {
        let document = Document {
            timing,
            path: path.display().to_string(),
            created,
            version: latest_database_version().into(),
        };
        self.json.report(context, "database reset", &document)
    }
}

/// Says how many objects of the user's own go with the database.
fn own_objects(path: &Path) -> String {
    let extras = recognise(path).map_or_else(|_| Vec::new(), |found| found.extras());
    let views = find_installed_views(path).map_or_else(|_| Vec::new(), |found| found.installed);
    // Those of Litestream stay.
    let own = extras
        .iter()
        .filter(|object| !object.name.starts_with("_litestream_") && !views.contains(&object.name));
    match own.count() {
        0 => String::new(),
        own => format!(", with {} of your own,", counted(own, "object")),
    }
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    created: bool,
    version: Version,
}
