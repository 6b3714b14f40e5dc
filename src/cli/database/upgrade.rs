//! `degenbot database upgrade`: brings the database to a newer version.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::database::kept_file::beside;
use crate::cli::database::plan::{self, NoticesDocument};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing, Version, timed};
use crate::cli::known_values::version;
use crate::cli::options::{Confirmation, Waiting, repeated};
use crate::cli::progress::ProgressReporter;
use crate::cli::prompt::confirm;
use crate::counted::counted;
use crate::database::connection::sql;
use crate::database::migration::assumptions::{Assumption, Assumptions};
use crate::database::migration::migrate::Change;
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::plan::{check_upgrade, plan_upgrade};
use crate::database::migration::rebuild::RebuildReport;
use crate::database::migration::rebuild::notices::RebuildNotices;
use crate::database::migration::route::{Method, find_route};
use crate::database::migration::upgrade::{UpgradeReport, upgrade_sqlite_database};
use crate::database::recognition::expected_database::ExpectedDatabase;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::quick_scan::SuspectRows;

const COMMAND: &str = "database upgrade";

const EXAMPLES: &str = "\
Examples:
  degenbot database upgrade --dry-run
  degenbot database backup && degenbot database upgrade
  degenbot database upgrade --assume aerodrome_v2.stable=false";

/// Bring the database to the newest version of the schema
///
/// It upgrades databases of all releases of the Python package, in one transaction: all of it is done, or nothing.
/// --dry-run shows the steps, and the disk space and the time that they need.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Upgrade {
    /// Go to this version, not to the newest one
    ///
    /// An Alembic revision, a migration's version, or the beginning of one, as 'degenbot database info' shows them; or a
    /// release of the Python package, such as 0.6.0a4.
    #[arg(long, value_name = "VERSION", value_parser = version(), hide_possible_values = true)]
    to: Option<SchemaVersion>,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Supply a fact that an old database does not record; can be repeated
    ///
    /// `aerodrome_v2.stable=true` (or `false`) is for its Aerodrome V2 pools, `factory.CHAIN.KIND=ADDRESS` for an
    /// exchange none of whose pools has a factory. An upgrade that needs one of them fails and says so.
    #[arg(long, value_name = "WHAT=VALUE")]
    assume: Vec<Assumption>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    json: Json,
}

impl Upgrade {
    /// What two assumptions are about.
    pub(in crate::cli) fn contradiction(&self) -> Option<String> {
        let subjects = self.assume.iter().map(Assumption::subject).collect();
        let subject = repeated(subjects)?;
        Some(format!("--assume says several things about {subject}"))
    }

    pub(in crate::cli) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        let target = self.to.unwrap_or(SchemaVersion::latest());
        let assumptions: Assumptions = self.assume.into_iter().collect();
        let mut options = UpgradeOptions::default()
            .target(target)
            .assumptions(assumptions)
            .wait(self.waiting.time());
        if self.dry_run {
            let plan = plan_upgrade(&path, &options)?;
            require_way_up(plan.from, target)?;
            warn_of_unused(&plan.unused_assumptions);
            if plan.method == Method::Rebuild {
                warn_of_undecided(&options.assumptions.factory_subjects());
            }
            return plan::report(context, COMMAND, &self.json, &path, &plan);
        }
        let expected = ExpectedDatabase::at(&path)?;
        let route = find_route(&path, target)?;
        require_way_up(route.from, target)?;
        let name = route.name;
        if route.is_done {
            let _running = Cancellable::begin();
            let mut cancel = cancel_token().clone();
            let done = timed(|| upgrade_sqlite_database(&path, &options, &mut cancel))?;
            tell(context, &path, &done.0);
            return report(context, &self.json, &path, done);
        }
        if let Some(remark) = route.remark {
            log::warn!("The database at {} is {remark}", path.display());
        }
        check_upgrade(&path, &options)?;
        let question = if route.from == Some(target) && route.method == Method::InPlace {
            plan::stamps_question(&path, target)
        } else {
            format!(
                "The database at {} will be upgraded from version {name} to {target}. Do you want to \
                 proceed?",
                path.display()
            )
        };
        confirm(&question, self.confirmation.force)?;
        if !self.confirmation.force {
            options = options.expected(expected);
        }
        let done = {
            let mut progress = ProgressReporter::new("Upgrading", &context.printer);
            timed(|| upgrade_sqlite_database(&path, &options, &mut progress))?
        };
        tell(context, &path, &done.0);
        report(context, &self.json, &path, done)
    }
}

/// Warns of assumptions that an upgrade does not need. It is not an error: a script may upgrade a database that is already
/// at the latest version.
fn warn_of_unused(subjects: &[String]) {
    for subject in subjects {
        log::warn!("--assume {subject} has no effect: this upgrade does not need it");
    }
}

/// Says that the dry run does not know whether an assumption about a factory is needed.
fn warn_of_undecided(subjects: &[String]) {
    for subject in subjects {
        log::warn!("Only the upgrade itself finds out whether --assume {subject} has an effect");
    }
}

/// Prints what the upgrade did.
fn tell(context: &Context, path: &Path, report: &UpgradeReport) {
    warn_of_unused(&report.unused_assumptions);
    if !report.unsound.is_empty() {
        let unsound: Vec<_> = report.unsound.iter().map(ToString::to_string).collect();
        log::warn!(
            "Some rows look wrong and were left unchanged: {}",
            unsound.join(", ")
        );
    }
    context.printer.message(match report.change {
        Change::Nothing => plan::already_there(path, report.to),
        Change::Stamps => plan::stamps_corrected(path, report.to),
        Change::Schema => format!(
            "Upgraded the database at {} from version {} to {}.",
            path.display(),
            report.from,
            report.to
        ),
    });
    if report.computed_words > 0 {
        context.printer.message(format_args!(
            "Computed {} of initialization maps from the liquidity positions.",
            counted(report.computed_words, "word")
        ));
    }
    if let Some(rebuild) = &report.rebuild {
        tell_of_rebuild(context, path, rebuild);
    }
}

fn report(
    context: &Context,
    json: &Json,
    path: &Path,
    (report, timing): (UpgradeReport, Timing),
) -> Result<(), Failure> {
    let rebuild = report.rebuild.as_ref().map(|rebuild| RebuildDocument {
        original: beside(path, &rebuild.original).display().to_string(),
        rows: rebuild.rows,
        added_tokens: rebuild.added_tokens,
        added_exchanges: rebuild.added_exchanges,
        dropped: &rebuild.dropped,
        notices: NoticesDocument::from(&rebuild.notices),
    });
    let document = Document {
        timing,
        path: path.display().to_string(),
        dry_run: false,
        from: Version::of(report.from, report.from_version),
        to: report.to.into(),
        migrations: &report.migrations,
        computed_words: report.computed_words,
        rebuild,
        unsound: &report.unsound,
    };
    json.report(context, COMMAND, &document)
}

#[derive(Serialize)]
struct Document<'report> {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    dry_run: bool,
    from: Version,
    to: Version,
    migrations: &'report [String],
    computed_words: usize,
    rebuild: Option<RebuildDocument<'report>>,
    unsound: &'report [SuspectRows],
}

#[derive(Serialize)]
struct RebuildDocument<'report> {
    original: String,
    rows: u64,
    added_tokens: usize,
    added_exchanges: usize,
    dropped: &'report [String],
    #[serde(flatten)]
    notices: NoticesDocument<'report>,
}

/// Warns of what the user's own objects have not noticed.
fn warn_of_notices(notices: &RebuildNotices) {
    for reader in &notices.readers_of_hashes {
        log::warn!(
            "{reader} reads uniswap_v4_pools.pool_hash, whose values the upgrade wrote as texts like 0x12ab\u{2026}: \
             what it compares them with must be such a text"
        );
    }
    for trigger in &notices.unfired_triggers {
        log::warn!(
            "trigger {trigger} did not fire for the rows that the upgrade added: what it keeps lacks them"
        );
    }
    for table in &notices.stale_indexes {
        let name = sql::name(table);
        log::warn!(
            "table {table} has indexed rows that the upgrade changed. Rebuild it; for a full-text table, run: \
             INSERT INTO {name}({name}) VALUES ('rebuild')"
        );
    }
}

fn require_way_up(from: Option<SchemaVersion>, target: SchemaVersion) -> Result<(), Failure> {
    match from {
        Some(from) if from > target => Err(Failure::WrongDirection {
            from: from.to_string(),
            to: target,
            command: "downgrade",
        }),
        _ => Ok(()),
    }
}

fn tell_of_rebuild(context: &Context, path: &Path, rebuild: &RebuildReport) {
    let printer = &context.printer;
    if rebuild.added_tokens > 0 {
        printer.message(format_args!(
            "Added {} that only pools referred to.",
            counted(rebuild.added_tokens, "token")
        ));
    }
    if rebuild.added_exchanges > 0 {
        printer.message(format_args!(
            "Added {} from the pools' factories; {} not active.",
            counted(rebuild.added_exchanges, "exchange"),
            match rebuild.added_exchanges {
                1 => "it is",
                _ => "they are",
            }
        ));
    }
    if !rebuild.dropped.is_empty() {
        printer.message(format_args!(
            "Left out, as the Python package does: {}.",
            rebuild.dropped.join(", ")
        ));
    }
    warn_of_notices(&rebuild.notices);
    printer.message(format_args!(
        "The original is kept at {}.",
        beside(path, &rebuild.original).display()
    ));
}
