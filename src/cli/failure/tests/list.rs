//! Every failure, with what brings it about.

use std::io;
use std::path::PathBuf;

use diesel::result::Error as SqlError;
use inquire::InquireError;

use crate::cli::failure::Failure;
use crate::database::catalogue::Difference;
use crate::database::{
    EarlierRevision, Error, ExchangeConflict, Obstacle, Refusal, SchemaVersion, Violation,
};
use crate::deployments::{ExchangeKind, ExchangeName, InvalidDeployment};
use crate::models::access::row_error::RowError;
use crate::settings::SettingsError;
use crate::types::{Address, ChainId, InvalidValue, PoolKind};

/// Chapters of the document, each with failures and what brings them about.
pub(super) type Chapter = (&'static str, Vec<(Failure, &'static str)>);

fn path() -> PathBuf {
    PathBuf::from("PATH")
}

fn refused(refusal: Refusal) -> Failure {
    Failure::Database(Error::Refused {
        path: path(),
        refusal: Box::new(refusal),
    })
}

fn denied() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

fn sql_error() -> SqlError {
    let kind = diesel::result::DatabaseErrorKind::Unknown;
    SqlError::DatabaseError(kind, Box::new("REASON".to_owned()))
}

fn version() -> SchemaVersion {
    SchemaVersion::latest()
}

pub(super) fn chapters() -> Vec<Chapter> {
    vec![
        ("Finding the database", finding()),
        ("What is not a degenbot database", refusals()),
        ("The file and the disk", files()),
        ("Other programs", others()),
        ("Backups", backups()),
        ("Upgrades and downgrades", upgrades()),
        ("The rows", rows()),
        ("Exchanges", exchanges()),
        ("The config file", settings()),
        ("Questions and answers", questions()),
        ("What should not happen", mishaps()),
    ]
}

fn finding() -> Vec<(Failure, &'static str)> {
    let path = path();
    [
        (
            Error::NotFound { path: path.clone() },
            "There is no file where the database should be.",
        ),
        (
            Error::IsFolder { path: path.clone() },
            "The path is that of a folder.",
        ),
        (
            Error::NotAFile { path: path.clone() },
            "The path is that of a device, a pipe or a socket.",
        ),
        (
            Error::EmptyFile { path: path.clone() },
            "The file has no bytes.",
        ),
        (
            Error::NotADatabase { path: path.clone() },
            "The file does not begin as an SQLite database does.",
        ),
        (
            Error::Damaged {
                path: path.clone(),
                detail: "REASON".to_owned(),
            },
            "SQLite cannot read the file's structure: it is cut off or overwritten.",
        ),
        (
            Error::CannotOpen {
                path,
                detail: "unable to open database file".to_owned(),
            },
            "The file may not be read, or SQLite may not create its `-wal` and `-shm` beside it.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Database(error), comes_when))
    .into()
}

fn refusals() -> Vec<(Failure, &'static str)> {
    let stamp = || "STAMP".to_owned();
    [
        (Refusal::NoTables, "It is an SQLite database without tables."),
        (
            Refusal::Foreign {
                tables: vec!["notes".to_owned()],
            },
            "It has tables, and none of them is degenbot's.",
        ),
        (
            Refusal::NoStamp,
            "It has degenbot's tables and nothing that says of which version they are.",
        ),
        (
            Refusal::EmptyStamp {
                table: "alembic_version",
            },
            "The table that should say of which version the others are has no row.",
        ),
        (
            Refusal::SeveralStamps {
                stamps: vec!["ONE".to_owned(), "OTHER".to_owned()],
            },
            "The table that should say of which version the others are has several rows.",
        ),
        (
            Refusal::TwoLineages {
                alembic: "ONE".to_owned(),
                rust_core: "OTHER".to_owned(),
            },
            "Both Alembic and a Rust-core release of the Python package claim it, and its structure is that of \
             neither.",
        ),
        (
            Refusal::UnknownStamp { stamp: stamp() },
            "Its Alembic revision is none that a release has had.",
        ),
        (
            Refusal::EarlierRevision {
                revision: EarlierRevision::FIRST,
                half_way: false,
            },
            "It is older than the first version that is worked with, and the command is not `upgrade`.",
        ),
        (
            Refusal::MapsDropped { version: version() },
            "A Rust-core release has dropped its initialization maps, and the command is not `upgrade`.",
        ),
        (
            Refusal::RustCore { stamp: stamp() },
            "It is stamped by a Rust-core release that came later than this program.",
        ),
        (
            Refusal::Newer {
                migration: "20990101000000".to_owned(),
            },
            "A newer degenbot has upgraded it.",
        ),
        (
            Refusal::UnknownMigrations {
                migrations: vec!["20200101000000".to_owned()],
            },
            "Its list of migrations has gaps, or some that degenbot has never had.",
        ),
        (
            Refusal::StampsDisagree {
                diesel: version(),
                alembic: Some("REVISION".to_owned()),
            },
            "Its two stamps name different versions, and its structure is that of neither.",
        ),
        (
            Refusal::StampLies {
                stamp: stamp(),
                differences: vec![Difference::TableMissing {
                    table: "pools".to_owned(),
                }],
            },
            "Its structure is not that of the version on its stamp, nor that of any other one.",
        ),
    ]
    .map(|(refusal, comes_when)| (refused(refusal), comes_when))
    .into()
}

fn files() -> Vec<(Failure, &'static str)> {
    let path = path();
    [
        (
            Error::ReadOnly { path: path.clone() },
            "The file or its folder may not be written, or the disk is mounted read-only.",
        ),
        (
            Error::DiskFull { path: path.clone() },
            "The disk, or the user's quota of it, is used up.",
        ),
        (
            Error::NotEnoughSpace {
                path: path.clone(),
                needed: 2_000,
                available: 1_000,
            },
            "Before it begins, a command finds less room than it can need.",
        ),
        (
            Error::Disk {
                path: path.clone(),
                detail: "disk I/O error".to_owned(),
            },
            "The system could not read or write the file.",
        ),
        (
            Error::Io {
                path: path.clone(),
                action: "sync",
                source: io::Error::other("REASON"),
            },
            "The system refused to handle a file in the way that is named.",
        ),
        (
            Error::AlreadyExists { path },
            "A new database or copy was to be put where something is already.",
        ),
        (
            Error::Leftover {
                leftover: PathBuf::from("PATH-wal"),
            },
            "Beside the place of a new file lies the log or journal of a database that is gone.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Database(error), comes_when))
    .into()
}

fn others() -> Vec<(Failure, &'static str)> {
    let path = path();
    [
        (
            Error::Locked { path: path.clone() },
            "Another program kept its lock longer than was waited. Who it is follows, where the system tells.",
        ),
        (
            Error::HotJournal { path: path.clone() },
            "A program was killed in a transaction, and the command must not write.",
        ),
        (
            Error::PoolExhausted {
                path,
                size: 16,
                seconds: 15,
            },
            "In a program that uses the library: more threads want a session than there are connections.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Database(error), comes_when))
    .into()
}

fn backups() -> Vec<(Failure, &'static str)> {
    let path = path();
    [
        (
            Error::BackupExists { path: path.clone() },
            "A copy was to be put where a file is, and it was not said that it may be replaced.",
        ),
        (
            Error::BackupOntoItself { path: path.clone() },
            "The place of the backup is a link to the database.",
        ),
        (
            Error::NoBackup { path: path.clone() },
            "There is nothing where the backup should be.",
        ),
        (
            Error::RestoreFromItself { path: path.clone() },
            "What was to be restored is the database, or a link to it.",
        ),
        (
            Error::CopyCheckFailed {
                path,
                detail: "REASON".to_owned(),
            },
            "A copy is not what was copied, or a backup is damaged.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Database(error), comes_when))
    .into()
}

fn upgrades() -> Vec<(Failure, &'static str)> {
    let path = path();
    let mut failures: Vec<_> = [
        (
            Error::Unclear {
                path: path.clone(),
                obstacles: vec![Obstacle {
                    count: 1,
                    rows: vec!["TABLE ID".to_owned()],
                    problem: "PROBLEM",
                }],
            },
            "An upgrade would have to guess what rows of an old database mean.",
        ),
        (
            Error::AssumptionNeeded {
                path: path.clone(),
                rows: 5,
            },
            "An old database does not say something that the new one has to.",
        ),
        (
            Error::LeftoverRows {
                path: path.clone(),
                table: "TABLE".to_owned(),
                rows: 5,
            },
            "A failed upgrade by the Python package has left rows in a table of its own.",
        ),
        (
            Error::RebuildCheckFailed {
                path: path.clone(),
                detail: "REASON".to_owned(),
            },
            "What an upgrade has built differs from what it was built from.",
        ),
        (
            Error::Migration {
                path: path.clone(),
                migration: "MIGRATION".to_owned(),
                detail: "REASON".to_owned(),
            },
            "A migration's SQL fails, mostly over an object of the user's own.",
        ),
        (
            Error::ForeignKeysBroken {
                path: path.clone(),
                violations: vec![Violation {
                    table: "TABLE".to_owned(),
                    rowid: Some(1),
                    parent: "PARENT".to_owned(),
                }],
            },
            "A migration would leave references to nothing that were not there before.",
        ),
        (
            Error::VersionChanged {
                path: path.clone(),
                planned: version(),
                found: version(),
            },
            "Another program has changed the version between the question and its answer.",
        ),
        (
            Error::ObjectsLost {
                path,
                objects: vec!["index NAME".to_owned()],
            },
            "A migration would drop objects of the user's own, or leave them without what they refer to.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Database(error), comes_when))
    .into();
    failures.push((
        Failure::WrongDirection {
            from: "FROM".to_owned(),
            to: version(),
            command: "upgrade",
        },
        "`downgrade --to` names a newer version, or `upgrade --to` an older one.",
    ));
    failures
}

fn rows() -> Vec<(Failure, &'static str)> {
    let invalid = || InvalidValue {
        expected: "a tick (-887272 to 887272)",
        found: "900000".to_owned(),
    };
    let mut failures: Vec<_> = [
        (
            RowError::Invalid {
                table: "liquidity_positions",
                id: 7,
                column: "tick",
                source: invalid(),
            },
            "A value in the database is none that its column can hold.",
        ),
        (
            RowError::Missing {
                table: "pools",
                id: 7,
                parent: "uniswap_v3_pools",
                missing: 7,
            },
            "A row in the database refers to one that is not there, or a pool has no row of its kind.",
        ),
        (
            RowError::NotFound {
                table: "exchanges",
                id: 7,
            },
            "In a program that uses the library: a row that is to be changed is not there.",
        ),
        (
            RowError::Rejected {
                table: "pools",
                what: "ADDRESS".to_owned(),
                source: invalid(),
            },
            "In a program that uses the library: what is to be written cannot be right.",
        ),
        (
            RowError::OtherMarket {
                table: "aave_v3_debt_positions",
                id: 7,
                asset_id: 8,
                market_id: 9,
            },
            "An Aave position is of an asset that the user's market does not list.",
        ),
        (RowError::Sql(sql_error()), "A statement fails while rows are read or written."),
    ]
    .map(|(error, comes_when)| (Failure::Database(Error::Row(error)), comes_when))
    .into();
    for is_damaged in [false, true] {
        failures.push((
            Failure::Unsound {
                path: path(),
                rows: 2,
                is_damaged,
            },
            if is_damaged {
                "`verify` has found problems, and damage to the file is among them."
            } else {
                "`verify` has found rows that break its rules."
            },
        ));
    }
    failures
}

fn exchanges() -> Vec<(Failure, &'static str)> {
    let exchange = || ExchangeName {
        chain: ChainId::ETHEREUM,
        name: "uniswap_v3".to_owned(),
    };
    let (one, other) = (Address::new([0x11; 20]), Address::new([0x22; 20]));
    let conflicts = [
        (
            ExchangeConflict::OtherFactory {
                exchange: exchange(),
                found: one,
                expected: other,
            },
            "The database has a known exchange with a factory that is not its.",
        ),
        (
            ExchangeConflict::SeveralFactories {
                exchange: exchange(),
                factories: [one, other],
            },
            "The database has an exchange twice, and nothing tells which one is meant.",
        ),
        (
            ExchangeConflict::NameTaken {
                exchange: exchange(),
                factory: one,
            },
            "`exchange add` is given a name that an exchange of the chain has already.",
        ),
        (
            ExchangeConflict::FactoryTaken {
                exchange: exchange(),
                factory: one,
            },
            "`exchange add` is given a factory that an exchange of the chain has already.",
        ),
    ]
    .map(|(conflict, comes_when)| {
        let error = Error::Exchange {
            path: path(),
            conflict: Box::new(conflict),
        };
        (Failure::Database(error), comes_when)
    });
    let invalid = [
        (
            InvalidDeployment::Known {
                exchange: exchange(),
                factory: one,
            },
            "`exchange add` is given an exchange that degenbot knows.",
        ),
        (
            InvalidDeployment::Name {
                name: "NAME".to_owned(),
            },
            "`exchange add` is given a name that the Python package could not have. The exit status is 2.",
        ),
        (
            InvalidDeployment::Suffix {
                name: "NAME".to_owned(),
                kind: ExchangeKind::Pools(PoolKind::UniswapV3),
            },
            "`exchange add` is given a name that does not end as its kind demands. The exit status is 2.",
        ),
        (
            InvalidDeployment::Unused {
                kind: ExchangeKind::Pools(PoolKind::UniswapV3),
                contract: "CONTRACT",
            },
            "`exchange add` is given a contract that such exchanges do not have. The exit status is 2.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Deployment(error), comes_when));
    let unknown = Failure::UnknownExchange {
        name: "NAME".to_owned(),
        alike: vec!["OTHER".to_owned()],
    };
    conflicts
        .into_iter()
        .chain(invalid)
        .chain([(
            unknown,
            "No exchange has the name that is to be activated or deactivated. The exit status is 2.",
        )])
        .collect()
}

fn settings() -> Vec<(Failure, &'static str)> {
    let path = path();
    [
        (
            SettingsError::NotFound { path: path.clone() },
            "The config file that `--config` or `DEGENBOT_CONFIG` names is not there.",
        ),
        (
            SettingsError::Unreadable {
                path: path.clone(),
                source: denied(),
            },
            "The config file may not be read.",
        ),
        (
            SettingsError::Malformed {
                path: path.clone(),
                line: 2,
                column: 8,
                message: "MESSAGE".to_owned(),
            },
            "The config file is no TOML, or a value in it has the wrong type.",
        ),
        (
            SettingsError::NoHome {
                needed_for: path.clone(),
            },
            "A path begins with `~`, or the usual place is looked for, and there is no home folder.",
        ),
        (
            SettingsError::AlreadyExists { path: path.clone() },
            "`config init` finds a file where it would write one.",
        ),
        (
            SettingsError::Unwritable {
                path: path.clone(),
                source: denied(),
            },
            "`config init` may not write the file or its folder.",
        ),
        (
            SettingsError::NotUtf8 { path },
            "`config init` is to write down a path that is not text.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Database(Error::Settings(error)), comes_when))
    .into()
}

fn questions() -> Vec<(Failure, &'static str)> {
    vec![
        (
            Failure::Aborted,
            "The user said no, or nothing, or pressed Ctrl-C. Nothing was changed.",
        ),
        (
            Failure::Database(Error::Interrupted { path: path() }),
            "In a program that uses the library: the observer of an operation has asked it to end.",
        ),
        (
            Failure::Prompt(InquireError::NotTTY),
            "The terminal does not allow a question.",
        ),
        (
            Failure::Input(io::Error::other("REASON")),
            "The answer was to come through a pipe that fails.",
        ),
        (
            Failure::Output(io::Error::other("REASON")),
            "What was to be printed cannot be: the disk that stdout goes to is full, for example.",
        ),
    ]
}

fn mishaps() -> Vec<(Failure, &'static str)> {
    [
        (
            Error::Query {
                path: path(),
                action: "ACTION",
                source: sql_error(),
            },
            "SQLite rejects a statement of this program's.",
        ),
        (
            Error::Sql(sql_error()),
            "In a program that uses the library: a statement of its own fails.",
        ),
        (
            Error::Embedded {
                detail: "REASON".to_owned(),
            },
            "The migrations in the program contradict each other.",
        ),
    ]
    .map(|(error, comes_when)| (Failure::Database(error), comes_when))
    .into()
}
