//! docs/errors.md is made of the list of failures, and compared with it.

mod list;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::Failure;
use crate::database::{Error, ExchangeConflict, Refusal};
use crate::deployments::InvalidDeployment;
use crate::models::access::row_error::RowError;
use crate::settings::SettingsError;
use list::chapters;

/// The names of an enum's variants, and the name of a value's. A variant that is not listed does not compile.
macro_rules! names {
    ($function:ident, $all:ident, $type:ident: $($variant:ident),+ $(,)?) => {
        const $all: &[&str] = &[$(stringify!($variant)),+];

        fn $function(value: &$type) -> &'static str {
            match value {
                $($type::$variant { .. } => stringify!($variant)),+
            }
        }
    };
}

names!(failure_name, FAILURES, Failure:
    Database, WrongDirection, Unsound, UnknownExchange, Deployment, Aborted, Prompt, Input, Output);
names!(error_name, ERRORS, Error:
    NotFound, IsFolder, NotAFile, EmptyFile, NotADatabase, Damaged, HotJournal, Refused, Locked, ReadOnly,
    CannotOpen, DiskFull, AlreadyExists, Leftover, BackupExists, BackupOntoItself, NoBackup,
    RestoreFromItself, CopyCheckFailed, NotEnoughSpace, Unclear, AssumptionNeeded, LeftoverRows,
    RebuildCheckFailed, Migration, ForeignKeysBroken, VersionChanged, ObjectsLost, Exchange, Interrupted,
    PoolExhausted, Settings, Disk, Io, Sql, Row, Embedded, Query);
names!(refusal_name, REFUSALS, Refusal:
    NoTables, Foreign, NoStamp, EmptyStamp, SeveralStamps, TwoLineages, UnknownStamp, EarlierRevision,
    MapsDropped, RustCore, Newer, UnknownMigrations, StampsDisagree, StampLies);
names!(settings_name, SETTINGS, SettingsError:
    NotFound, Unreadable, Malformed, NoHome, AlreadyExists, Unwritable, NotUtf8);
names!(row_name, ROWS, RowError:
    Invalid, Missing, NotFound, Rejected, OtherMarket, Sql);

names!(conflict_name, CONFLICTS, ExchangeConflict:
    OtherFactory, SeveralFactories, NameTaken, FactoryTaken);
names!(deployment_name, DEPLOYMENTS, InvalidDeployment:
    Known, Name, Suffix, Unused);

fn document() -> String {
    let mut text = String::from(
        "# Errors\n\nWhat each error says, when it comes, and what to do next. The words in capitals stand for what \
         an error is about.\nA command that fails ends with status 1, and the database is as it was; status 2 means \
         that its arguments are wrong.\n",
    );
    for (chapter, failures) in chapters() {
        let _ = write!(text, "\n## {chapter}\n");
        for (failure, comes_when) in failures {
            let _ = write!(text, "\n### {}\n\n{comes_when}\n", failure.message());
            if let Some(hint) = failure.hint() {
                let _ = write!(text, "\n> hint: {hint}\n");
            }
        }
    }
    text
}

#[test]
fn the_document_is_what_the_program_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let expected = document();
    if std::env::var_os("DEGENBOT_WRITE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == expected,
        "docs/errors.md is out of date: DEGENBOT_WRITE_DOCS=1 cargo test --lib failure"
    );
}

#[test]
fn every_failure_is_in_the_document() {
    let mut found: [BTreeSet<&str>; 7] = Default::default();
    for (failure, _) in chapters().iter().flat_map(|(_, failures)| failures) {
        found[0].insert(failure_name(failure));
        if let Failure::Deployment(error) = failure {
            found[6].insert(deployment_name(error));
        }
        if let Failure::Database(error) = failure {
            found[1].insert(error_name(error));
            match error {
                Error::Refused { refusal, .. } => drop(found[2].insert(refusal_name(refusal))),
                Error::Settings(error) => drop(found[3].insert(settings_name(error))),
                Error::Exchange { conflict, .. } => drop(found[5].insert(conflict_name(conflict))),
                Error::Row(error) => drop(found[4].insert(row_name(error))),
                _ => {}
            }
        }
    }
    let all = [
        FAILURES,
        ERRORS,
        REFUSALS,
        SETTINGS,
        ROWS,
        CONFLICTS,
        DEPLOYMENTS,
    ];
    for (found, all) in found.iter().zip(all) {
        assert_eq!(found, &all.iter().copied().collect());
    }
}

#[test]
fn every_failure_names_the_thing_and_the_next_step() {
    for (failure, _) in chapters().iter().flat_map(|(_, failures)| failures) {
        let message = failure.message();
        assert!(!message.ends_with(' ') && message.len() > 5, "{message}");
        if !matches!(failure, Failure::Aborted) {
            let hint = failure.hint().unwrap_or_default();
            assert!(hint.len() > 15, "{message}: {hint}");
        }
        if let Failure::Database(error) = failure
            && let Some(path) = error.path()
        {
            assert!(message.contains(path.to_str().unwrap()), "{message}");
        }
    }
}
