//! The problems of backups: why one cannot be restored.
//!
//! The errors about a database tell a user to reset it, or to restore its backup. About a backup, that would be wrong:
//! a reset empties the database that is still good.

use std::fmt::{self, Display};

use crate::database::error::refusal::Refusal;
use crate::documented_errors::documented_errors;

documented_errors! {
    /// Why a backup cannot be restored. Displayed as the predicate of "The backup at PATH".
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum BackupProblem(path) {
        /// It is a folder.
        IsFolder
            in Backups;
            text "is a folder";
            hint "Name the file of the backup with --from";
            when "The path of the backup is that of a folder.";

        /// It is a device, a pipe or a socket.
        NotAFile
            in Backups;
            text "is not a regular file";
            hint OTHER_BACKUP_HINT;
            when "The path of the backup is that of a device, a pipe or a socket.";

        /// It has no bytes.
        Empty
            in Backups;
            text "is empty";
            hint OTHER_BACKUP_HINT;
            when "The backup has no bytes, because a program failed while it wrote it, for example.";

        /// It is not an SQLite database.
        NotADatabase
            in Backups;
            text "is not an SQLite database";
            hint "Check the path. A compressed or encrypted backup must be unpacked first";
            when "The backup does not have the header of an SQLite database.";

        /// It is an SQLite database, and it is damaged.
        Damaged {
            /// What SQLite says.
            detail: String = "REASON".to_owned(),
        }
            in Backups;
            text format!("is damaged: {detail}");
            hint format!(
                "Name another backup with --from. 'degenbot --database {path} database verify' shows the damage; the \
                 '.recover' command of the sqlite3 shell salvages what is left into a new file"
            );
            when "The backup is cut off or overwritten, or fails the check before it is restored.";

        /// It cannot be read.
        Unreadable {
            /// What SQLite says.
            detail: String = "REASON".to_owned(),
        }
            in Backups;
            text format!("cannot be read: {detail}");
            hint "Check the permissions of the backup, of the files beside it (-wal, -shm) and of its folder";
            when "The backup, or its log, cannot be opened or read.";

        /// It is not a degenbot database.
        Refused {
            /// Why it is refused.
            refusal: Box<Refusal> = Box::new(Refusal::NoTables),
        }
            in Backups;
            text refusal;
            hint OTHER_BACKUP_HINT;
            when "The backup is an SQLite database without degenbot's tables.";
    }
}

const OTHER_BACKUP_HINT: &str = "Check the path, or name another backup with --from";

impl BackupProblem {
    /// The hint: what to do next about the backup at `path`.
    pub(crate) fn hint(&self, path: &dyn Display) -> String {
        self.next_step(path)
    }
}

impl Display for BackupProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}
