//! The kinds of errors of operations on a database, with their texts and hints.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use diesel::result::Error as SqlError;

use crate::counted::counted;
use crate::database::error::backup_problem::BackupProblem;
use crate::database::error::exchange_conflict::ExchangeConflict;
use crate::database::error::market_conflict::MarketConflict;
use crate::database::error::not_checked::NotChecked;
use crate::database::error::obstacle::Obstacle;
use crate::database::error::refusal::{Refusal, shortened};
use crate::database::error::violation::Violation;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::{ALEMBIC_TABLE, MIGRATIONS_TABLE};
use crate::documented_errors::documented_errors;
use crate::escape::escaped_name;
use crate::models::aave::valuation_error::ValuationError;
use crate::models::access::row_error::RowError;
use crate::models::journal::journal_error::JournalError;
use crate::settings::error::SettingsError;

documented_errors! {
    /// Why an operation on a database failed.
    #[derive(Debug)]
    #[non_exhaustive]
    pub enum ErrorKind(path) {
        /// There is no such file.
        NotFound
            in FindingTheDatabase;
            text format!("There is no database at {path}");
            hint "Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file), or \
                  create the database with 'degenbot database reset'";
            when "There is no file where the database should be.";

        /// The path is a folder.
        IsFolder
            in FindingTheDatabase;
            text format!("{path} is a folder, not a database");
            hint "Give the path of the database file in it";
            when "The path is that of a folder.";

        /// The path is a device, a pipe or a socket.
        NotAFile
            in FindingTheDatabase;
            text format!("{path} is not a regular file");
            hint "Give the path of a regular file, or one where there is none yet";
            when "The path is that of a device, a pipe or a socket, or of an open file such as /dev/stdout.";

        /// A file that SQLite opens beside the database is a link, a pipe or another thing that SQLite does not make, or
        /// it is the database itself under a second name.
        SidecarNotAFile
            in FindingTheDatabase;
            text format!("{path} has the name of a file that SQLite makes, and is not one");
            hint "Move it away: SQLite would wait at a pipe, and write over whatever a link leads to";
            when "The name of a `-wal`, `-shm` or `-journal` belongs to a link, a pipe, a device or a folder.";

        /// The file has no bytes.
        EmptyFile
            in FindingTheDatabase;
            text format!("The file at {path} is empty");
            hint "A program that failed while it created the database leaves such a file; create it anew \
                  with 'degenbot database reset'";
            when "The file has no bytes.";

        /// The file is not an SQLite database.
        NotADatabase
            in FindingTheDatabase;
            text format!("The file at {path} is not an SQLite database");
            hint "Check the path. An encrypted or overwritten database looks like \
                  this too: move it away, and 'degenbot database restore' puts the backup in its place";
            when "The file does not have the header of an SQLite database.";

        /// The file is an SQLite database, and it is damaged.
        Damaged {
            /// SQLite's message.
            detail: String = "REASON".to_owned(),
        }
            in FindingTheDatabase;
            text format!("The database at {path} is damaged: {detail}");
            hint damage_hint(path);
            when "SQLite cannot read the file's structure: it is cut off or overwritten.";

        /// The rollback journal of an interrupted transaction is damaged, or belongs to another database. SQLite would
        /// write its pages into the database, or change the size of the file.
        JournalDamaged {
            /// The reason.
            detail: String = "REASON".to_owned(),
        }
            in FindingTheDatabase;
            text format!("The rollback journal of the database at {path} is damaged: {detail}");
            hint format!(
                "Half a transaction may be in the database, which the journal cannot undo. Move it away with its \
                 -journal, and 'degenbot database restore' puts a backup in its place; or move {path}-journal alone \
                 away to see what is in the database"
            );
            when "A program was killed in a transaction, and the file that undoes it is not as SQLite wrote it.";

        /// The file cannot be read, or SQLite cannot create its files beside it.
        CannotOpen {
            /// SQLite's message.
            detail: String = "unable to open database file".to_owned(),
        }
            in FindingTheDatabase;
            text format!("The database at {path} cannot be opened: {detail}");
            hint "Check the permissions of the file, of the files beside it (-wal, -shm) and of the folder";
            when "The file cannot be read, or SQLite cannot create its `-wal` and `-shm` beside it.";

        /// SQLite cannot open one more file.
        TooManyFiles {
            /// The system's error.
            source: io::Error = io::Error::other("REASON"),
        }
            in FileAndDisk;
            text format!("SQLite cannot open {path} or a file beside it");
            hint MANY_FILES_HINT;
            cause(source) Some(source);
            when "The process, or the system, has as many files open as it may.";

        /// The database is not one that this program works with.
        Refused {
            /// Why it is refused.
            refusal: Box<Refusal> = Box::new(Refusal::NoTables),
        }
            in Inner;
            text format!("The database at {path} {refusal}");
            hint refusal.hint(path);
            when "";

        /// The file or its folder is not writable.
        ReadOnly
            in FileAndDisk;
            text format!("The database at {path} cannot be written");
            hint "Check the permissions of the file and of its folder, in which SQLite must be able to \
                  create files";
            when "The file or its folder is not writable, or the disk is mounted read-only.";

        /// `litestream restore -f` keeps the database up to date.
        Follower {
            /// The file in which Litestream keeps its place.
            progress: PathBuf = PathBuf::from("PATH-txid"),
        }
            in FileAndDisk;
            text format!(
                "The database at {path} cannot be written: it follows another one, as {} beside it shows",
                progress.display()
            );
            hint format!(
                "Write to the original, which Litestream replicates; if this file is to become a database of its own, \
                 end 'litestream restore -f' and remove {}",
                progress.display()
            );
            when "Litestream writes what comes from the original into the file (`litestream restore -f`). It would lose \
                  what others write, or break the file.";

        /// The disk is full.
        DiskFull
            in FileAndDisk;
            text format!("The disk is full: {path} could not be written");
            hint "Free some space and try again";
            when "The disk, or the user's quota of it, is used up.";

        /// The file system, or a folder, can hold no more files, although bytes are free.
        NoRoomForFile {
            /// The folder.
            folder: PathBuf = PathBuf::from("FOLDER"),
        }
            in FileAndDisk;
            text format!("There is no room for another file in {}, which {path} needs", folder.display());
            hint "Delete files that are not needed: the disk has free bytes, but no place for one more file ('df -i' shows \
                  how many it can have)";
            when "A file cannot be created although the disk has free bytes: all its inodes are used, or the user's quota of \
                  them.";

        /// A file may not become as large as it has to.
        FileTooLarge
            in FileAndDisk;
            text format!("{path} could not be written: a file may not become that large here");
            hint "Raise the limit on the size of files (ulimit -f, LimitFSIZE= of a service), or use a file system \
                  for larger ones: FAT stores at most 4 GiB in a file";
            when "A file would become larger than a limit of the process or of the file system.";

        /// The system cannot lock files here.
        NoLocks {
            /// The system's error.
            source: io::Error = io::Error::other("REASON"),
        }
            in FileAndDisk;
            text format!("The system cannot lock {path}");
            hint "No other program is in the way: the file system has no locks, which SQLite needs. Move the \
                  database to a local disk, or mount the share with locks";
            cause(source) Some(source);
            when "A share or a file system offers no locks, or its lock service does not answer.";

        /// The system has no thread for the operation.
        NoThread {
            /// The system's error.
            source: io::Error = io::Error::other("REASON"),
        }
            in FileAndDisk;
            text format!("No thread could be started to work on {path}");
            hint "Raise the limit on processes and threads (ulimit -u, TasksMax= of a service) or on memory (ulimit -v), \
                  or end other programs";
            cause(source) Some(source);
            when "The user or the service has as many processes and threads as it may have, or no memory for another.";

        /// SQLite got no memory from the system.
        OutOfMemory
            in FileAndDisk;
            text format!("There was not enough memory to work on {path}");
            hint "End other programs, or raise the limit on memory (ulimit -v, MemoryMax= of a service)";
            when "The system has no memory left, or the process has as much of it as it may have. This says nothing about \
                  the database.";

        /// The path of the database, or its name, is too long for SQLite.
        PathTooLong {
            /// What is too long.
            part: &'static str = "path",
            /// Its length in bytes.
            bytes: usize = 570,
            /// The greatest length in bytes.
            limit: usize = 504,
        }
            in FileAndDisk;
            text format!("The {part} of {path} has {}, and SQLite needs one of at most {limit}", counted(bytes, "byte"));
            hint "Move the database to a folder nearer to the root, or give it a shorter name; a link does not \
                  help, and the names of all folders count, also for a path that is relative";
            when "SQLite limits the whole path of a file, and the file system the name of a file.";

        /// The disk of the folder in which SQLite sorts is full.
        TemporaryFolderFull {
            /// The folder.
            folder: PathBuf = PathBuf::from("FOLDER"),
        }
            in FileAndDisk;
            text format!(
                "The disk of the folder for temporary files is full: {} ran out of space while {path} was in use",
                folder.display()
            );
            hint "Free some space there, or name another folder in SQLITE_TMPDIR";
            when "SQLite sorts rows and writes compact copies in temporary files, and the folder for them is on a disk that is full.";

        /// The disk has less free space than the operation can need.
        NotEnoughSpace {
            /// The bytes needed.
            needed: u64 = 2_000,
            /// The bytes that are free.
            available: u64 = 1_000,
            /// Whether more bytes could be needed. Otherwise fewer could be.
            is_least: bool = false,
        }
            in FileAndDisk;
            text format!(
                "There is not enough room beside {path}: {} {} free and {} {needed} are needed",
                counted(available, "byte"),
                if *available == 1 { "is" } else { "are" },
                if *is_least { "at least" } else { "up to" }
            );
            hint "Free some space, or move the database to a larger disk";
            when "The disk has less free space than the command may need. Commands check this before they begin.";

        /// The disk failed. SQLite reports some full disks in this way, too.
        Disk {
            /// SQLite's message.
            detail: String = "disk I/O error".to_owned(),
        }
            in FileAndDisk;
            text format!("The disk failed while {path} was in use: {detail}");
            hint "Check the free space and the state of the disk";
            when "The system could not read or write the file.";

        /// A system call on a file failed.
        Io {
            /// The action that failed, as a verb.
            action: &'static str = "sync",
            /// The system's error.
            source: io::Error = io::Error::other("REASON"),
        }
            in FileAndDisk;
            text format!("Could not {action} {path}");
            hint match source.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE) => MANY_FILES_HINT,
                Some(libc::ENAMETOOLONG) => LONG_NAME_HINT,
                _ => "Check the path, its permissions and the state of the disk",
            };
            cause(source) Some(source);
            when "A system call on the file failed.";

        /// A file exists at the path of a new database or copy.
        AlreadyExists
            in FileAndDisk;
            text format!("{path} already exists");
            hint "Move it away. It may be a folder, a symbolic link that points nowhere, or a file that \
                  another program has just created";
            when "A file exists at the path of a new database or copy.";

        /// The log or journal of another database lies beside the path of a new file. SQLite would apply it to the new
        /// file.
        Leftover {
            /// The `-wal` or `-journal` file.
            leftover: PathBuf = PathBuf::from("PATH-wal"),
        }
            in FileAndDisk;
            text format!(
                "{} was left behind by another database and would be taken for the new one's",
                leftover.display()
            );
            hint format!(
                "It may hold the last changes of that database: put the database back under its name, or \
                 move {} away",
                leftover.display()
            );
            when "The log or journal of a database that is gone lies beside the path of a new file.";

        /// The file in which `litestream restore -f` keeps its place lies where a database is to be created.
        FollowerLeftover {
            /// That file.
            progress: PathBuf = PathBuf::from("PATH-txid"),
        }
            in FileAndDisk;
            text format!(
                "No database can be created at {path}: {} says that one there follows another by 'litestream restore -f'",
                progress.display()
            );
            hint format!(
                "Let Litestream create the database; or if none is to follow another there, remove {}",
                progress.display()
            );
            when "What Litestream has left (`litestream restore -f`) lies beside the path of a new file. Nobody could write \
                  to the database.";

        /// Another connection held its lock longer than the time to wait, which is
        /// [`LOCK_TIMEOUT`](crate::database::LOCK_TIMEOUT) by default.
        Locked
            in OtherPrograms;
            text format!("The database at {path} is locked by another program");
            hint "Let the other program finish its transaction, or stop it, and try again";
            when "Another program held its lock longer than the command waited. `backup` and the commands that write \
                  wait longer with `--wait SECONDS`. Its name follows if the system reports it.";

        /// The file, or the version of a database, is not the one that the caller knew when he agreed to the operation.
        ChangedMeanwhile {
            /// The difference.
            detail: String = "another file is there".to_owned(),
        }
            in OtherPrograms;
            text format!("{path} has changed since it was looked at: {detail}");
            hint "Run the command again to see what it would do now";
            when "Another program has put another file or another version there, between the question and its answer.";

        /// SQLite could not begin to read or write in WAL mode (`locking protocol`).
        LogContended
            in OtherPrograms;
            text format!("The log of the database at {path} cannot be used: SQLite waited for other programs in vain");
            hint "Try again. If it comes again, the locks of the file system do not work, as on some network drives: move \
                  the database to a local disk";
            when "Other programs open, recover or reset the log of the database all the time, or locks on the file of its \
                  index do not work.";

        /// Another file was renamed over that of the database, or it was removed, while it was open. Nothing was committed.
        Moved
            in OtherPrograms;
            text format!("The file at {path} was replaced or removed while the database was in use");
            hint MOVED_HINT;
            when "Another program renames a file over that of the database, or removes it, while the command works \
                  with it. The command writes nothing then, because nobody would find it.";

        /// The same in the very moment of a commit, which went into the file that was at the path before.
        MovedAtCommit
            in OtherPrograms;
            text format!(
                "What was written is in a file that is no longer at {path}: it was replaced or removed meanwhile"
            );
            hint MOVED_HINT;
            when "The same, in the moment in which the command writes. What is at the path now lacks the change.";

        /// A session's read transaction has written something. It was rolled back.
        WriteInRead
            in OtherPrograms;
            text format!("A transaction that was to read from {path} has written to it");
            hint "Write with Session::write or Database::write";
            when "In a program that uses the library: only these look at what a write needs.";

        /// A program was killed in the middle of a transaction. Reading the database without a rollback would show half
        /// of that transaction.
        HotJournal
            in OtherPrograms;
            text format!("The database at {path} holds an interrupted transaction that must be rolled back first");
            hint format!(
                "Any command of a user who may write to it rolls the transaction back, such as 'degenbot database backup'. If \
                 nobody may, as on a disk that is mounted read-only, copy {path} and {path}-journal to a folder that \
                 may be written, and use the copy"
            );
            when "A program was killed in a transaction, and the command must not write.";

        /// Every connection of the pool was in use for too long.
        PoolExhausted {
            /// The pool's size.
            size: u32 = 16,
            /// The time that the caller waited.
            seconds: u64 = 15,
        }
            in OtherPrograms;
            text match size {
                1 => format!("The only connection to {path} was in use for {}", counted(seconds, "second")),
                _ => format!("All {size} connections to {path} were in use for {}", counted(seconds, "second")),
            };
            hint "Give sessions back sooner, or open the database with more connections";
            when "In a program that uses the library: more threads want a session than there are connections.";

        /// A file exists at the path of the backup, and the options do not allow replacing it.
        BackupExists
            in Backups;
            text format!("A backup at {path} already exists.");
            hint "Say --force to replace it, or name another place with --output";
            when "A file exists at the path of a copy, and the command was not told to replace it.";

        /// A file of an export exists, and the options do not allow replacing it.
        ExportExists
            in Backups;
            text format!("A file of an export at {path} already exists.");
            hint "Say --force to replace all of them, or name another folder with --output";
            when "A file that 'database export' is to write exists, and the command was not told to replace it.";

        /// The file at the path of a copy is not a degenbot database, so it is not replaced.
        TargetIsForeign {
            /// What it would have to be.
            expected: &'static str = "a degenbot database",
        }
            in Backups;
            text format!("{path} exists and is not {expected}");
            hint "Name another file (--output, --into, --metrics-file, --prometheus, --svg), or move this one away";
            when "A file that is not degenbot's has the name that was given for a copy, for metrics or for a chart, or \
                  PATH.bak is a link to one or no SQLite database. --force does not replace it.";

        /// The path of a new file is that of a file that belongs to a database.
        TargetIsReserved {
            /// What the path is used for.
            what: &'static str = "a copy of the database that degenbot keeps",
        }
            in Backups;
            text format!("{path} is the place of {what}");
            hint "Name another file (--database, --output, --into, --metrics-file, --prometheus, --svg, --config)";
            when "The path of a new database, of a copy, of metrics, of a chart or of a new config file is one that SQLite or \
                  degenbot uses for a database, or a link to one.";

        /// The path of a copy leads to the database itself.
        BackupOntoItself
            in Backups;
            text format!("The copy at {path} would be the database itself");
            hint "Name another file (--output, --into), or remove the link of that name";
            when "The path of a backup or of a compact copy is that of the database, or a link to it.";

        /// There is no file to restore.
        NoBackup
            in Backups;
            text format!("There is no backup at {path}");
            hint "Make one with 'degenbot database backup', or name another file with --from, such as one of 'backup --keep'";
            when "There is no file at the path of the backup. One with a time in its name has to be named.";

        /// The backup cannot be restored.
        BadBackup {
            /// Why.
            problem: Box<BackupProblem> = Box::new(BackupProblem::Empty),
        }
            in Inner;
            text format!("The backup at {path} {problem}");
            hint problem.hint(path);
            when "";

        /// The file to restore is the database itself.
        RestoreFromItself
            in Backups;
            text format!("{path} cannot be restored from itself");
            hint "Name another file with --from";
            when "The file to restore is the database itself, or a link to it.";

        /// The backup stores its texts in another encoding than the database.
        OtherEncoding {
            /// The path of the backup.
            from: PathBuf = PathBuf::from("PATH.bak"),
            /// The encoding of the backup.
            backup: String = "UTF-16le".to_owned(),
            /// The encoding of the database.
            database: String = "UTF-8".to_owned(),
        }
            in Backups;
            text format!(
                "The backup at {} stores its texts as {backup}, and the database at {path} as {database}: programs that \
                 have the database open could not go on",
                from.display()
            );
            hint "Stop them, move the database away, and run the command again: it then puts the backup at the \
                  database's path";
            when "The two files were created with different settings of `PRAGMA encoding`. A connection that has \
                  found one encoding cannot read another.";

        /// A copy is damaged or differs from its source.
        CopyCheckFailed {
            /// What is wrong with the copy.
            detail: String = "REASON".to_owned(),
        }
            in Backups;
            text format!("The copy at {path} failed its check: {detail}");
            hint "The database itself may be damaged, or the disk";
            when "A copy differs from its source, or a backup is damaged.";

        /// The content of the database was replaced, and what is there afterwards is something else.
        NotAsWritten {
            /// The version of the new content.
            written: String = "VERSION".to_owned(),
            /// The version that the database has.
            found: String = "OTHER".to_owned(),
        }
            in OtherPrograms;
            text format!(
                "The content of {path} was replaced by that of version {written}, and now it is another one, of version \
                 {found}"
            );
            hint "Another program may have changed it since. 'degenbot database info' shows what it is now";
            when "Right after a restore, a reset or a compaction, the database is not what was written to it.";

        /// A part of a database or its copy could not be checked. The rest was checked, and nothing was found.
        NotChecked {
            /// The parts.
            parts: Vec<NotChecked> = vec![NotChecked {
                table: Some("TABLE".to_owned()),
                reason: "REASON".to_owned(),
            }],
        }
            in Backups;
            text format!("{path} could not be checked completely: {}", join(parts, "; "));
            hint "The rest of the file was checked and is sound. A program of your own may define what is unknown \
                  here (a collation, a function, a module). 'degenbot database backup' and 'restore' take the file \
                  with --allow-unchecked, and a backup without --verify needs no check";
            when "The file has objects of your own that only your program can read.";

        /// An upgrade would have to guess the meaning of rows of an old database.
        Unclear {
            /// The rows, and why they are unclear.
            obstacles: Vec<Obstacle> = vec![Obstacle {
                count: 1,
                rows: vec!["TABLE ID".to_owned()],
                problem: "PROBLEM",
            }],
        }
            in UpgradesAndDowngrades;
            text format!(
                "The database at {path} has rows that cannot be carried over without guessing: {}",
                join(obstacles, "; ")
            );
            hint "Put these rows right in a copy of the database (see 'degenbot \
                  database upgrade --help' about --assume), and upgrade that";
            when "An upgrade would have to guess what rows of an old database mean.";

        /// Old rows lack a value that only the user knows.
        AssumptionNeeded {
            /// The number of the pools.
            rows: i64 = 5,
        }
            in UpgradesAndDowngrades;
            text match rows {
                1 => format!("The database at {path} does not say whether its Aerodrome V2 pool is stable"),
                _ => format!("The database at {path} does not say which of its {rows} Aerodrome V2 pools are stable"),
            };
            hint "If you know it, say so: --assume aerodrome_v2.stable=false, or \
                  =true, for all of them";
            when "An old database lacks a fact that the new schema requires.";

        /// A failed upgrade by the Python package left a temporary table, and no other table has its rows.
        LeftoverRows {
            /// The table.
            table: String = "TABLE".to_owned(),
            /// The number of its rows.
            rows: i64 = 5,
        }
            in UpgradesAndDowngrades;
            text format!(
                "The table {table} in {path} was left by a failed upgrade and has {} that {} nowhere else",
                counted(rows, "row"),
                if *rows == 1 { "is" } else { "are" }
            );
            hint format!(
                "Look at {table} with the sqlite3 shell; once its rows are where \
                 they belong, drop it"
            );
            when "A failed upgrade by the Python package has left rows in a table of its own.";

        /// The rebuilt database differs from its source. Everything was rolled back.
        RebuildCheckFailed {
            /// The difference.
            detail: String = "REASON".to_owned(),
        }
            in UpgradesAndDowngrades;
            text format!("The database rebuilt from {path} failed its check: {detail}");
            hint REPORT_HINT;
            when "The database that an upgrade has built differs from its source.";

        /// The SQL of a migration failed. This migration and those before it were rolled back.
        Migration {
            /// The migration's name.
            migration: String = "MIGRATION".to_owned(),
            /// SQLite's message.
            detail: String = "REASON".to_owned(),
            /// Whether the database has objects of the user's own, which can be the reason.
            has_own_objects: bool = true,
        }
            in UpgradesAndDowngrades;
            text format!("Migration {migration} failed on {path}: {detail}");
            hint if *has_own_objects { OWN_OBJECTS_HINT } else { REPORT_HINT };
            when "The SQL of a migration fails, usually because of an object of the user's own.";

        /// The migrations would have broken foreign keys. They were rolled back.
        ForeignKeysBroken {
            /// The rows whose references would have been broken.
            violations: Vec<Violation> = vec![Violation {
                table: "TABLE".to_owned(),
                rowid: Some(1),
                parent: "PARENT".to_owned(),
            }],
        }
            in UpgradesAndDowngrades;
            text format!(
                "The migration would break {} of {path}, the first in {}",
                counted(violations.len(), "foreign key"),
                violations.first().map(ToString::to_string).unwrap_or_default()
            );
            hint OWN_OBJECTS_HINT;
            when "A migration would break foreign keys that were intact before.";

        /// SQLite would take too long to resolve the user's views or triggers.
        ObjectsTooLarge {
            /// The objects, each as `view NAME`.
            objects: Vec<String> = vec!["view NAME".to_owned()],
        }
            in UpgradesAndDowngrades;
            text format!(
                "Objects of your own in {path} read so many views that SQLite cannot resolve them in reasonable time: {}",
                shortened(objects, ", ")
            );
            hint "Drop them, and create them again afterwards";
            when "Views of the user's own read each other so often that one of them has more than 10,000 SELECTs.";

        /// Objects of the user have names that the target version needs.
        NamesTaken {
            /// The objects, each as `view NAME`.
            objects: Vec<String> = vec!["view NAME".to_owned()],
        }
            in UpgradesAndDowngrades;
            text format!(
                "Objects of your own in {path} have names that the new version needs: {}",
                objects.join(", ")
            );
            hint "Give them other names, or drop them";
            when "A view, an index or a table of the user's own has the name of a new table or index, in whatever letter case.";

        /// The migrations do not lead to the version that they should lead to. They were rolled back.
        TargetMissed {
            /// The version that was to be reached.
            target: SchemaVersion = SchemaVersion::first(),
            /// What the database would have been.
            found: String = "VERSION".to_owned(),
            /// Whether the database has objects of the user's own, which can be the reason.
            has_own_objects: bool = true,
        }
            in UpgradesAndDowngrades;
            text format!("The migrations of {path} lead to version {found}, not to {target}");
            hint if *has_own_objects { OWN_OBJECTS_HINT } else { REPORT_HINT };
            when "After the migrations, the database would not be at the version that was asked for.";

        /// Another process changed the version after the migration was planned.
        VersionChanged {
            /// The version that the plan was made for.
            planned: SchemaVersion = SchemaVersion::first(),
            /// The present version.
            found: SchemaVersion = SchemaVersion::first(),
        }
            in UpgradesAndDowngrades;
            text format!("The database at {path} is now at version {found}; the plan was made for {planned}");
            hint "Run the command again to see what it would do now";
            when "Another program has changed the version between the question and its answer.";

        /// A downgrade would drop data that came in after it was planned.
        MoreLosses {
            /// The tables and columns, each with the number of its rows, and the blocks that are not final.
            losses: Vec<String> = vec!["table TABLE with 5 rows".to_owned()],
        }
            in UpgradesAndDowngrades;
            text format!("Data came into {path} that the downgrade would drop: {}", losses.join(", "));
            hint "Run the command again to see all that it would drop now. A program that writes all the time has to stop first";
            when "Another program has written between the question and the downgrade.";

        /// The migrations would have dropped the user's own objects, or left them without what they refer to.
        /// Everything was rolled back.
        ObjectsLost {
            /// The objects, each as `index NAME`.
            objects: Vec<String> = vec!["index NAME".to_owned()],
        }
            in UpgradesAndDowngrades;
            text format!("Objects of your own in {path} would be lost or broken: {}", objects.join(", "));
            hint "Change or drop them yourself; what fits the new schema can be created again afterwards";
            when "A migration would drop objects of the user's own, or leave them without what they refer to.";

        /// A row is missing or malformed.
        Row {
            /// What is wrong with the row.
            source: RowError = RowError::NotFound { table: "exchanges", id: 7 },
        }
            in Inner;
            text source;
            hint source.hint();
            cause(source) std::error::Error::source(source);
            when "";

        /// The accounts of an Aave V3 market cannot be valued.
        Valuation {
            /// The market.
            market: String = "ethereum_aave_v3".to_owned(),
            /// What is missing.
            source: Box<ValuationError> = Box::new(ValuationError::NoMarketTime),
        }
            in Inner;
            text format!("The accounts of {market} in {path} cannot be valued: {source}");
            hint source.hint();
            cause(source) std::error::Error::source(source);
            when "";

        /// The database is at a version that lacks what the operation reads.
        OlderVersion {
            /// Its version.
            found: SchemaVersion = SchemaVersion::first(),
        }
            in UpgradesAndDowngrades;
            text format!("The database at {path} is at version {found}, and what is asked for is in the newest one");
            hint "Run 'degenbot database upgrade' first";
            when "A command reads tables that older versions lack, such as what `aave update` stores.";

        /// Blocks cannot be undone.
        Journal {
            /// The reason.
            source: JournalError = JournalError::documented().remove(0).example,
        }
            in Inner;
            text format!("The blocks that are not final cannot be taken back: {source}");
            hint if source.is_of_own_objects() {
                source.hint()
            } else {
                "Run 'degenbot pool update', or 'degenbot aave update' for a market, once they are final, then the downgrade again".to_owned()
            };
            cause(source) std::error::Error::source(source);
            when "";

        /// An exchange in the database conflicts with the operation.
        Exchange {
            /// The conflict.
            conflict: Box<ExchangeConflict> = Box::new(ExchangeConflict::documented().remove(0).example),
        }
            in Inner;
            text format!("The database at {path} {conflict}");
            hint conflict.hint();
            when "";

        /// A market in the database conflicts with the operation.
        Market {
            /// The conflict.
            conflict: Box<MarketConflict> = Box::new(MarketConflict::documented().remove(0).example),
        }
            in Inner;
            text format!("The database at {path} {conflict}");
            hint conflict.hint();
            when "";

        /// The settings, which name the database, could not be resolved.
        Settings {
            /// The error of the settings.
            source: SettingsError = SettingsError::documented().remove(0).example,
        }
            in Inner;
            text source;
            hint source.hint();
            cause(source) std::error::Error::source(source);
            when "";

        /// The observer or a cancel token stopped the operation.
        Interrupted
            in QuestionsAndAnswers;
            text format!("The operation on {path} was interrupted");
            hint "Run the command again";
            when "In a program that uses the library: the observer of an operation has asked it to end.";

        /// An object of the user's own uses a collation, a function, a module or a tokenizer that only the user's program
        /// defines.
        DefinedElsewhere {
            /// SQLite's error.
            source: SqlError = sql_error(),
        }
            in OwnObjects;
            text format!("An object of your own in {path} needs what only your program defines");
            hint "'degenbot database verify' names the tables and indexes that need it. An index, a view or a trigger can be \
                  dropped, and created again by your program afterwards; the rows of a table would go with it. A backup \
                  needs no such program";
            cause(source) Some(source);
            when "An index, a table, a view or a trigger of the user's own uses a collation, a function, a module or a \
                  tokenizer that SQLite does not have, or a function that may do harm.";

        /// SQLite rejects a statement because of an object of the user's own.
        OwnObject {
            /// SQLite's error.
            source: SqlError = sql_error(),
        }
            in OwnObjects;
            text format!("An object of your own in {path} stands in the way");
            hint "Look at it with the sqlite3 shell: a view, a trigger or a table that refers to what is not there, or \
                  that has the name of one of degenbot's. Drop it, run the command again, and create it again if it still \
                  fits";
            cause(source) Some(source);
            when "A view, a trigger, an index or a table of the user's own is broken, or has the name of one of degenbot's.";

        /// Objects of the user have names of the views that were to be installed.
        ViewNamesTaken {
            /// The objects, each as `view NAME`.
            objects: Vec<String> = vec!["view v_pools".to_owned()],
        }
            in OwnObjects;
            text format!("Objects of your own in {path} have names of the views: {}", objects.join(", "));
            hint "Give them other names, or drop them. Without --install, the views are for a session of sqlite3 alone";
            when "'database views --install' finds a table, an index or a view of the user's own with the name of a view.";

        /// Objects of the user are on installed views, or read them.
        ViewsInUse {
            /// The objects, each as `trigger NAME`.
            objects: Vec<String> = vec!["trigger NAME".to_owned()],
        }
            in OwnObjects;
            text format!("Objects of your own in {path} use the installed views: {}", objects.join(", "));
            hint "Drop them, run the command again, and create them again";
            when "'database views', an upgrade or a downgrade is to remove installed views, or to make them anew, and triggers \
                  or views of the user's own use them.";

        /// A constraint forbids a row.
        Forbidden {
            /// SQLite's error.
            source: SqlError = sql_error(),
        }
            in OwnObjects;
            text format!("A constraint in {path} forbids a row that was to be written");
            hint "If the constraint is your own (a CHECK, a unique index), drop it, and run the command again; \
                  'degenbot database verify' finds rows of degenbot's that contradict each other";
            cause(source) Some(source);
            when "A CHECK, a unique index or another constraint forbids what a command writes.";

        /// A trigger of the user's own refuses a row.
        ///
        /// What a trigger raises is told from an error of SQLite's by the result code. Diesel loses that of a statement
        /// with `RETURNING`. This library runs none; of one of the program's own, the trigger's text counts as SQLite's.
        Raised {
            /// What the trigger says.
            source: SqlError = sql_error(),
        }
            in OwnObjects;
            text format!("A trigger of your own{} refuses a row that was to be written", in_file(path));
            hint "The text is the trigger's. Drop the trigger, run the command again, and create it again";
            cause(source) Some(source);
            when "A trigger of the user's own calls `RAISE`.";

        /// A trigger of the user's own writes to the tables that an update writes to.
        TriggerInterferes {
            /// The trigger.
            trigger: String = "TRIGGER".to_owned(),
            /// The table that it writes to.
            table: String = "exchanges".to_owned(),
        }
            in OwnObjects;
            text format!(
                "The trigger {} in {path} writes to {}, as the command does",
                escaped_name(trigger),
                escaped_name(table)
            );
            hint "What such a trigger changes could not be taken back if the chain is reorganised. Drop it, and run the \
                  command again; a trigger may write to tables of your own";
            when "A trigger of the user's own would change or undo what an update, a repair or the undoing of blocks \
                  writes.";

        /// A trigger of the user's own is on the journal.
        TriggerOnJournal {
            /// The trigger.
            trigger: String = "TRIGGER".to_owned(),
        }
            in OwnObjects;
            text format!(
                "The trigger {} in {path} is on chain_journal, the journal of blocks that are not final",
                escaped_name(trigger)
            );
            hint "A trigger can keep entries out of the journal, and blocks could then not be taken back. Drop it, and run \
                  the command again; put it on the tables of pools, ticks or exchanges instead";
            when "A trigger of the user's own is on the table `chain_journal`.";

        /// A table or view has the name of a stamp table, and the version cannot be recorded in it.
        StampTable {
            /// What is wrong with it.
            detail: String = "REASON".to_owned(),
        }
            in OwnObjects;
            text format!(
                "The version of {path} cannot be recorded in its tables {MIGRATIONS_TABLE} and {ALEMBIC_TABLE}: {detail}"
            );
            hint "One of them is not as degenbot and the Python package create it. If it is your own, give it another \
                  name; what is missing is then created";
            when "An object of the user's own has the name of a table in which a program records the version, or such a \
                  table was changed.";

        /// A query failed.
        Query {
            /// The action that failed, as a verb phrase.
            action: &'static str = "ACTION",
            /// Diesel's error.
            source: SqlError = sql_error(),
        }
            in ShouldNotHappen;
            text format!("Could not {action}: {path}");
            hint SQL_HINT;
            cause(source) Some(source);
            when "SQLite rejects a statement of this program.";

        /// The caller's own query failed inside [`Session::read`](crate::database::Session::read) or
        /// [`Session::write`](crate::database::Session::write).
        Sql {
            /// Diesel's error.
            source: SqlError = sql_error(),
        }
            in ShouldNotHappen;
            text source;
            hint SQL_HINT;
            cause(source) std::error::Error::source(source);
            when "In a program that uses the library: a statement of its own fails.";
    }
}

/// The place, if there is a path. Errors of statements that a program runs itself have none.
fn in_file(path: &dyn Display) -> String {
    let path = path.to_string();
    if path.is_empty() {
        return path;
    }
    format!(" in {path}")
}

const MANY_FILES_HINT: &str =
    "End programs that have many files open, or raise the limit ('ulimit -n')";

const LONG_NAME_HINT: &str = "Use a shorter name, or a folder nearer to the root. Most file systems allow 255 bytes for a name, and a new file has a \
     longer one until it is complete";

const MOVED_HINT: &str = "Run the command again when the right file is there. A file that programs have open is not to be \
                          replaced or removed: SQLite would apply the log of the old one to the new one. 'degenbot \
                          database restore' replaces the content instead";

const OWN_OBJECTS_HINT: &str = "An object of your own stands in the way (a view, a trigger, a constraint, a name that \
                                degenbot needs): drop it or give it another name, and create it again afterwards. \
                                'degenbot database info' lists them";

const REPORT_HINT: &str = "Please report this with the output of 'degenbot database info'";

const SQL_HINT: &str =
    "'degenbot database verify' tells whether the database is sound; if it is, please report this";

impl ErrorKind {
    /// SQLite's error, if it rejects a statement. It does so although the file can be read: because of an object of the
    /// user's own, nearly always.
    pub(crate) const fn rejection(&self) -> Option<&SqlError> {
        match self {
            Self::Query { source, .. }
            | Self::DefinedElsewhere { source }
            | Self::OwnObject { source }
            | Self::Raised { source }
            | Self::Forbidden { source } => Some(source),
            _ => None,
        }
    }

    /// The message about the file at `path`.
    pub(super) fn message(&self, path: &dyn Display) -> String {
        self.text(path)
    }

    /// The hint: what to do next.
    pub(super) fn hint(&self, path: &dyn Display) -> String {
        self.next_step(path)
    }

    /// The underlying error.
    pub(super) fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause()
    }
}

/// The hint about a damaged database.
pub(crate) fn damage_hint(path: &dyn Display) -> String {
    format!(
        "Move it away with its -wal, and 'degenbot database restore' puts {path}.bak in its place, if there is one; or \
         salvage a copy with the '.recover' command of the sqlite3 shell"
    )
}

fn join(parts: &[impl ToString], separator: &str) -> String {
    let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
    parts.join(separator)
}

/// The example of a failed statement.
#[cfg(all(test, feature = "cli"))]
fn sql_error() -> SqlError {
    let kind = diesel::result::DatabaseErrorKind::Unknown;
    SqlError::DatabaseError(kind, Box::new("REASON".to_owned()))
}
