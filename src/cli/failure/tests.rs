//! `docs/errors.md` is made of the entries of the errors, and compared with them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::Failure;
use crate::database::error::backup_problem::BackupProblem;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::exchange_conflict::ExchangeConflict;
use crate::database::error::market_conflict::MarketConflict;
use crate::database::error::refusal::Refusal;
use crate::deployments::invalid_deployment::InvalidDeployment;
use crate::deployments::invalid_market::InvalidMarket;
use crate::documented_errors::{Chapter, Documented};
use crate::models::aave::valuation_error::ValuationError;
use crate::models::access::row_error::RowError;
use crate::models::journal::journal_error::JournalError;
use crate::node::error::NodeError;
use crate::settings::error::SettingsError;
use crate::sync::sync_error::SyncError;
use crate::types::integer::ChainId;

const CHAPTERS: [(Chapter, &str); 15] = [
    (Chapter::FindingTheDatabase, "Finding the database"),
    (
        Chapter::NotADegenbotDatabase,
        "What is not a degenbot database",
    ),
    (Chapter::FileAndDisk, "The file and the disk"),
    (Chapter::OtherPrograms, "Other programs"),
    (Chapter::Backups, "Backups"),
    (Chapter::UpgradesAndDowngrades, "Upgrades and downgrades"),
    (Chapter::OwnObjects, "Objects of your own"),
    (Chapter::Rows, "The rows"),
    (Chapter::Exchanges, "Exchanges"),
    (Chapter::Markets, "Aave markets"),
    (Chapter::ConfigFile, "The config file"),
    (Chapter::Nodes, "Nodes"),
    (Chapter::QuestionsAndAnswers, "Questions and answers"),
    (Chapter::Commands, "Commands that do not exist"),
    (Chapter::ShouldNotHappen, "What should not happen"),
];

/// The examples of an enum as what the command would report.
fn wrapped<E>(documented: Vec<Documented<E>>, wrap: fn(E) -> Failure) -> Vec<Documented<Failure>> {
    documented
        .into_iter()
        .map(|error| Documented {
            name: error.name,
            example: wrap(error.example),
            chapter: error.chapter,
            when: error.when,
        })
        .collect()
}

fn at_path(kind: ErrorKind) -> Failure {
    let error = match kind {
        // About a statement of the caller's, whatever the file.
        ErrorKind::Sql { .. } => kind.into(),
        _ => kind.at("PATH"),
    };
    Failure::Database { error }
}

/// All but the one that the command reports in its own words.
fn sync_errors() -> impl Iterator<Item = Documented<SyncError>> {
    let is_own = |error: &Documented<_>| !matches!(error.example, SyncError::Interrupted);
    SyncError::documented().into_iter().filter(is_own)
}

/// All but the one that becomes an error of the database.
fn journal_errors() -> impl Iterator<Item = Documented<JournalError>> {
    let is_own = |error: &Documented<_>| !matches!(error.example, JournalError::Sql { .. });
    JournalError::documented().into_iter().filter(is_own)
}

fn of_ethereum(error: SyncError) -> Failure {
    Failure::Sync {
        chain: ChainId::ETHEREUM,
        error: Box::new(error),
    }
}

fn documented() -> Vec<Documented<Failure>> {
    [
        wrapped(ErrorKind::documented(), at_path),
        wrapped(Refusal::documented(), |refusal| {
            at_path(ErrorKind::Refused {
                refusal: Box::new(refusal),
            })
        }),
        wrapped(BackupProblem::documented(), |problem| {
            at_path(ErrorKind::BadBackup {
                problem: Box::new(problem),
            })
        }),
        wrapped(RowError::documented(), |source| Failure::Database {
            error: ErrorKind::Row { source }.into(),
        }),
        wrapped(ValuationError::documented(), |source| {
            at_path(ErrorKind::Valuation {
                market: "MARKET".to_owned(),
                source: Box::new(source),
            })
        }),
        wrapped(ExchangeConflict::documented(), |conflict| {
            at_path(ErrorKind::Exchange {
                conflict: Box::new(conflict),
            })
        }),
        wrapped(MarketConflict::documented(), |conflict| {
            at_path(ErrorKind::Market {
                conflict: Box::new(conflict),
            })
        }),
        wrapped(InvalidDeployment::documented(), Failure::from),
        wrapped(InvalidMarket::documented(), Failure::from),
        wrapped(SettingsError::documented(), |source| Failure::Database {
            error: ErrorKind::Settings { source }.into(),
        }),
        wrapped(NodeError::documented(), Failure::from),
        wrapped(sync_errors().collect(), of_ethereum),
        wrapped(journal_errors().collect(), |source| {
            of_ethereum(SyncError::Journal { source })
        }),
        Failure::documented(),
    ]
    .into_iter()
    .flatten()
    .filter(|error| error.chapter != Chapter::Inner)
    .collect()
}

fn document() -> String {
    let mut text = String::from(
        "# Errors\n\nWhat each error says, when it comes, and what to do next. The words in capitals stand for what \
         an error is about.\nA command that fails ends with status 1; status 2 means that its \
         arguments are wrong.\nThe hint of a command that was to change something begins with what it did: \"Nothing was \
         changed\", nearly always.\n",
    );
    let errors = documented();
    for (chapter, title) in CHAPTERS {
        let _ = write!(text, "\n## {title}\n");
        for error in errors.iter().filter(|error| error.chapter == chapter) {
            let _ = write!(
                text,
                "\n### {}\n\n{}\n",
                error.example.message(),
                error.when
            );
            if let Some(hint) = error.example.hint() {
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
fn every_failure_names_the_thing_and_the_next_step() {
    for error in documented() {
        let message = error.example.message();
        assert!(
            !message.ends_with(' ') && message.len() > 5,
            "{}: {message}",
            error.name
        );
        if !matches!(error.example, Failure::Aborted) {
            let hint = error.example.hint().unwrap_or_default();
            assert!(hint.len() > 15, "{message}: {hint}");
        }
        if let Failure::Database { error } = &error.example
            && let Some(path) = error.path()
        {
            assert!(message.contains(path.to_str().unwrap()), "{message}");
        }
    }
}
