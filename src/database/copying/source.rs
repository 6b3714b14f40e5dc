//! The source of a restore: a backup. It is only read: the file, its log and its journal stay as they are.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::database::connection::open::{Access, open_raw_connection};
use crate::database::connection::read_only::read_without_trace;
use crate::database::copying::consistent_copy::copy_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar, WAL_HEADER_BYTES};
use crate::database::files::disk_space;
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise_without_trace;
use crate::database::verification::integrity_check::{IntegrityCheck, check};
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::file_uri::uri;
use crate::sqlite::raw_connection::RawConnection;

/// The size of a block when a file is copied as it is.
const BLOCK: usize = 128 << 10;

/// How often a file is copied that changes meanwhile.
const TRIES: u32 = 100;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// A backup.
#[derive(Debug)]
pub(super) struct Source {
    file: DatabaseFile,
    /// A copy in which the transaction is rolled back that the backup was in the middle of.
    rolled_back: Option<StagedFile>,
}

/// The stamps of a backup's files, by which a write to it or its replacement is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceStamp {
    file: Option<FileStamp>,
    log: Option<FileStamp>,
}

impl SourceStamp {
    pub(super) fn of(from: &Path) -> Self {
        let file = DatabaseFile::at(from);
        // A reader can create an empty log.
        let log = FileStamp::of(&file.sidecar(Sidecar::Wal));
        Self {
            file: file.stamp(),
            log: log.filter(|log| log.bytes > WAL_HEADER_BYTES),
        }
    }

    /// Fails if the backup has changed since.
    pub(super) fn require(&self, from: &Path) -> Result<(), Error> {
        if Self::of(from) == *self {
            return Ok(());
        }
        let detail = "it was written or replaced".to_owned();
        Err(ErrorKind::ChangedMeanwhile { detail }.at(from))
    }
}

impl Source {
    /// Finds out what the backup is. A temporary copy is written beside `place`, if it is needed.
    pub(super) fn open(
        from: &Path,
        place: &DatabaseFile,
        busy_handler: &BusyHandler,
        observer: &mut dyn Observer,
    ) -> Result<(Self, Recognition), Error> {
        match recognise_without_trace(from) {
            Err(error) if matches!(error.kind, ErrorKind::HotJournal) => {
                let file = DatabaseFile::existing(from)?;
                let copy = roll_back_in_copy(&file, place, busy_handler, observer)?;
                let recognition = recognise_without_trace(copy.path())?;
                let rolled_back = Some(copy);
                Ok((Self { file, rolled_back }, recognition))
            }
            recognition => {
                let recognition = recognition?;
                let file = DatabaseFile::existing(from)?;
                let rolled_back = None;
                Ok((Self { file, rolled_back }, recognition))
            }
        }
    }

    /// The path of the file that can be read.
    pub(super) fn readable(&self) -> &Path {
        self.rolled_back
            .as_ref()
            .map_or(self.file.path(), StagedFile::path)
    }

    /// The size of the content with its log, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        DatabaseFile::at(self.readable()).bytes_with_log()
    }

    /// The first problem that SQLite's check finds. A part that cannot be checked is an error unless `allow_unchecked` is
    /// set.
    pub(super) fn first_problem(
        &self,
        verification: IntegrityCheck,
        allow_unchecked: bool,
    ) -> Result<Option<String>, Error> {
        read_without_trace(self.readable(), |connection| {
            let path = self.file.path();
            Ok(check(connection, path, verification, allow_unchecked)?.problem)
        })
    }

    /// Copies the backup to a new file beside `place`.
    pub(super) fn into_copy(
        self,
        place: &DatabaseFile,
        busy_handler: &BusyHandler,
        observer: &mut dyn Observer,
    ) -> Result<StagedFile, Error> {
        if let Some(copy) = self.rolled_back {
            return Ok(copy);
        }
        let mut staged = StagedFile::create(place.real(), PRIVATE)?;
        copy_without_trace(
            &self.file,
            &mut staged,
            place.path(),
            busy_handler,
            observer,
        )?;
        Ok(staged)
    }
}

/// Copies a file with its journal as they are, and lets SQLite roll the transaction back in the copy.
fn roll_back_in_copy(
    file: &DatabaseFile,
    place: &DatabaseFile,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<StagedFile, Error> {
    let journal = file.sidecar(Sidecar::Journal);
    let stamps = || {
        let of = FileStamp::of_change;
        (of(file.real()), of(&journal))
    };
    for _ in 0..TRIES {
        let then = SystemTime::now();
        let before = stamps();
        let mut copy = StagedFile::create(place.real(), PRIVATE)?;
        copy_blocks(file, &mut copy, place, observer)?;
        let copied = fs::copy(&journal, Sidecar::Journal.of(copy.path()));
        let now = SystemTime::now();
        let shows_writes = [before.0, before.1]
            .iter()
            .flatten()
            .all(|stamp| stamp.shows_writes(then, now));
        if shows_writes && stamps() == before {
            copied.map_err(|error| Error::io(&journal, "copy", error))?;
            let located = |error| Error::from_sqlite(file.path(), error);
            open_raw_connection(copy.path(), Access::ReadWrite, busy_handler)?
                .row::<0>("SELECT 1 FROM sqlite_schema")
                .map_err(located)?;
            return Ok(copy);
        }
        thread::sleep(PAUSE);
    }
    Err(ErrorKind::Locked.at(file.path()))
}

/// Copies the whole file, through SQLite's own descriptor.
fn copy_blocks(
    file: &DatabaseFile,
    copy: &mut StagedFile,
    place: &DatabaseFile,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    // No statement runs on this connection. It would read the half-written file without its journal.
    let reader = RawConnection::open(&uri(file.real(), Access::Immutable.parameters()))
        .map_err(|error| Error::from_sqlite(file.path(), error))?;
    let total = file.bytes();
    disk_space::require_room(place.path(), copy.path(), total)?;
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    while done < total {
        let length = usize::try_from(total - done).unwrap_or(BLOCK).min(BLOCK);
        reader
            .read_file(&mut block[..length], done)
            .map_err(|error| Error::from_sqlite(file.path(), error))?;
        copy.write(&block[..length])?;
        done += length as u64;
        report(observer, file.path(), Stage::Copying, done, total)?;
    }
    Ok(())
}
