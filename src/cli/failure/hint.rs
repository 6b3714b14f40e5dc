//! What to do about an error.

use std::path::Path;

use crate::cli::printer::plain;
use crate::database::error::Error;
use crate::database::error::exchange_conflict::ExchangeConflict;
use crate::database::error::refusal::Refusal;
use crate::settings::error::SettingsError;

/// The next step after an error.
#[expect(clippy::too_many_lines, reason = "an arm for each error")]
pub(super) fn hint(error: &Error) -> String {
    match error {
        Error::NotFound { .. } => {
            "Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file), or \
             create the database with 'degenbot database reset'"
                .into()
        }
        Error::IsFolder { .. } => "Give the path of the database file in it".into(),
        Error::NotAFile { .. } => "Give the path of a database file".into(),
        Error::AlreadyExists { .. } => {
            "Move it away. It may be a folder, a symbolic link that points nowhere, or a file that \
             another program has just created"
                .into()
        }
        Error::EmptyFile { .. } => {
            "A program that failed while it created the database leaves such a file; create it anew \
             with 'degenbot database reset'"
                .into()
        }
        Error::NotADatabase { .. } => {
            "Check the path; nothing was changed. An encrypted or overwritten database looks like \
             this too: move it away, and 'degenbot database restore' puts the backup in its place"
                .into()
        }
        Error::Damaged { path, .. } => format!("Nothing was changed. {}", damage_hint(path)),
        Error::HotJournal { .. } => {
            "Any command that opens it for writing rolls the transaction back, such as 'degenbot \
             database backup'"
                .into()
        }
        Error::Refused { path, refusal } => refusal_hint(path, refusal),
        Error::Locked { .. } => {
            "Let the other program finish its transaction, or stop it, and try again. backup, restore, \
             reset and compact wait longer with --wait SECONDS"
                .into()
        }
        Error::CannotOpen { .. } => {
            "Check the permissions of the file, of the files beside it (-wal, -shm) and of the folder"
                .into()
        }
        Error::ReadOnly { .. } => {
            "Check the permissions of the file and of its folder, in which SQLite must be able to \
             create files"
                .into()
        }
        Error::DiskFull { .. } => {
            "Free some space and try again; the database is as it was".into()
        }
        Error::Disk { .. } => {
            "Check the free space and the state of the disk; what was not finished is rolled back"
                .into()
        }
        Error::Leftover { leftover } => format!(
            "It may hold the last changes of that database: put the database back under its name, or \
             move {} away",
            leftover.display()
        ),
        Error::BackupOntoItself { .. } => "Name another file (--output, --into), or remove the link of that name".into(),
        Error::NoBackup { .. } => {
            "Make one with 'degenbot database backup', or name another file with --from".into()
        }
        Error::RestoreFromItself { .. } => "Name another file with --from".into(),
        Error::CopyCheckFailed { .. } => {
            "The database itself may be damaged, or the disk. A backup from before was kept".into()
        }
        Error::Exchange { conflict, .. } => exchange_hint(conflict),
        Error::Settings(error) => settings_hint(error),
        Error::BackupExists { .. } => {
            "Say --force to replace it, or name another place with --output".into()
        }
        Error::Io { .. } => {
            "Check the path, its permissions and the state of the disk".into()
        }
        Error::PoolExhausted { .. } => {
            "Give sessions back sooner, or open the database with more connections".into()
        }
        Error::Interrupted { .. } => "Nothing was changed. Start it again when it suits".into(),
        Error::Row(_) => "'degenbot database verify' lists whatever is wrong in the database".into(),
        Error::Sql(_) | Error::Query { .. } => {
            "'degenbot database verify' tells whether the database is sound; if it is, please report this"
                .into()
        }
        Error::NotEnoughSpace { .. } => {
            "Nothing was changed. Free some space, or move the database to a larger disk".into()
        }
        Error::Unclear { .. } => {
            "Nothing was changed. Put these rows right in a copy of the database (see 'degenbot \
             database upgrade --help' about --assume), and upgrade that"
                .into()
        }
        Error::AssumptionNeeded { .. } => {
            "Nothing was changed. If you know it, say so: --assume aerodrome_v2.stable=false, or \
             =true, for all of them"
                .into()
        }
        Error::LeftoverRows { table, .. } => format!(
            "Nothing was changed. Look at {table} with the sqlite3 shell; once its rows are where \
             they belong, drop it"
        ),
        Error::RebuildCheckFailed { .. } => {
            "Nothing was changed. Please report this with the output of 'degenbot database info'"
                .into()
        }
        Error::ForeignKeysBroken { .. } | Error::Migration { .. } => {
            "Nothing was changed. If an object of your own is named or stands in the way (a view, a \
             trigger, a foreign key), drop it and create it again afterwards; if not, please report \
             this with the output of 'degenbot database info'"
                .into()
        }
        Error::VersionChanged { .. } => {
            "Nothing was changed. Run the command again to see what it would do now".into()
        }
        Error::ObjectsLost { .. } => {
            "Nothing was changed. Drop them yourself, and create them again afterwards".into()
        }
    }
}

pub(super) fn damage_hint(path: &Path) -> String {
    format!(
        "Move it away with its -wal, and 'degenbot database restore' puts {}.bak in its place; or salvage a copy \
         with the '.recover' command of the sqlite3 shell",
        path.display()
    )
}

pub(super) fn unknown_exchange_hint(alike: &[String]) -> String {
    let all = "'degenbot exchange list' lists the exchanges";
    match alike {
        [] => format!("{all}, and 'degenbot exchange add' adds one"),
        [one] => format!("Did you mean {}? {all}", plain(one)),
        [others @ .., last] => {
            let others: Vec<_> = others.iter().map(|name| plain(name)).collect();
            format!(
                "Did you mean {} or {}? {all}",
                others.join(", "),
                plain(last)
            )
        }
    }
}

fn exchange_hint(conflict: &ExchangeConflict) -> String {
    match conflict {
        ExchangeConflict::OtherFactory { .. } => {
            "Nothing was changed. Find out which factory is right; the row in exchanges can be corrected, or \
             given another name, with the sqlite3 shell"
                .into()
        }
        ExchangeConflict::SeveralFactories { .. } => {
            "Nothing was changed. Activate one with the sqlite3 shell, or give one another name".into()
        }
        other => format!(
            "Nothing was changed. Use 'degenbot exchange activate {}'",
            plain(&other.exchange().to_string())
        ),
    }
}

fn refusal_hint(path: &Path, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoTables => {
            "Create the tables with 'degenbot database reset'".into()
        }
        Refusal::Foreign { .. } => {
            "Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file); \
             nothing was changed"
                .into()
        }
        Refusal::NoStamp | Refusal::EmptyStamp { .. } => {
            "Nothing was changed. An upgrade by the Python package may have failed half-way; restore \
             a backup from before it"
                .into()
        }
        Refusal::SeveralStamps { .. } | Refusal::TwoLineages { .. } => {
            "Nothing was changed. Two programs have claimed the database; restore a backup from \
             before that"
                .into()
        }
        Refusal::UnknownStamp { .. } | Refusal::RustCore { .. } => {
            "Nothing was changed. A later release may know it: check for a newer degenbot".into()
        }
        Refusal::EarlierRevision { .. } | Refusal::MapsDropped { .. } => {
            "Bring it to the newest version with 'degenbot database upgrade'".into()
        }
        Refusal::Newer { .. } => {
            "Nothing was changed. Install the version of degenbot that upgraded it, or a newer one"
                .into()
        }
        Refusal::UnknownMigrations { .. } => {
            "Nothing was changed. Another program's migrations may have been run on it".into()
        }
        Refusal::StampsDisagree { .. } => {
            "Nothing was changed. The Python package may have changed the schema since; restore a \
             backup from before that, or bring the database back to the version of the first stamp \
             with it"
                .into()
        }
        Refusal::StampLies { .. } => format!(
            "Nothing was changed. Restore a backup from before the schema was changed (such as \
             {}.bak)",
            path.display()
        ),
    }
}

fn settings_hint(error: &SettingsError) -> String {
    match error {
        SettingsError::NotFound { .. } => {
            "Check --config and DEGENBOT_CONFIG; without them ~/.config/degenbot/config.toml is \
             read if it is there"
                .into()
        }
        SettingsError::Malformed { .. } => {
            "Correct the file; its form is described in README.md".into()
        }
        SettingsError::NoHome { .. } => {
            "Set HOME, or give the path with --config or --database".into()
        }
        SettingsError::AlreadyExists { .. } => {
            "Edit it, or move it away; 'degenbot config show' tells what it says".into()
        }
        SettingsError::Unreadable { .. } | SettingsError::Unwritable { .. } => {
            "Check the permissions of the file and of its folder".into()
        }
        SettingsError::NotUtf8 { .. } => {
            "Give the path with --database or DEGENBOT_DB_PATH instead".into()
        }
    }
}
