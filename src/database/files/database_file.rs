//! The database file: its paths, its sidecars and its size.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::regular_file::identity;
use crate::database::files::rollback_journal::is_unfinished;
use crate::folder_of::folder_of;

/// The size of the log's header. Pages follow it.
pub(crate) const WAL_HEADER_BYTES: u64 = 32;

/// What the names of the copies that are kept have behind the name of the database.
pub(crate) const COPIES: [&str; 3] = [".bak", ".pre-restore", ".pre-upgrade"];

/// What a file is that has the name of another one's log or journal, for people.
pub(super) const SIDECAR_OF_OTHER: &str = "a file that SQLite keeps beside another database";

/// What the name of the file has behind that of the database in which `litestream restore -f` keeps its place.
pub(super) const FOLLOWER: &str = "-txid";

/// A file that SQLite creates beside a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sidecar {
    /// The write-ahead log.
    Wal,
    /// The index of the log.
    Shm,
    /// The rollback journal.
    Journal,
}

impl Sidecar {
    pub(crate) const ALL: [Self; 3] = [Self::Wal, Self::Shm, Self::Journal];

    /// The path of this sidecar. `real` is the path of the database itself, which is no symbolic link: SQLite puts sidecars beside the
    /// target of a link.
    pub(crate) fn of(self, real: &Path) -> PathBuf {
        with_suffix(real, self.suffix())
    }

    /// What its name has behind that of the database.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Wal => "-wal",
            Self::Shm => "-shm",
            Self::Journal => "-journal",
        }
    }
}

/// A database file. It has the path as given, for errors and messages, and the real path. Both are the same unless the
/// path is a symbolic link, so that errors about files beside the database begin as the user has typed its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    real: PathBuf,
}

impl DatabaseFile {
    /// The file at a path. The file need not exist.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            real: target(path).unwrap_or_else(|_| path.to_owned()),
            path: path.to_owned(),
        }
    }

    /// The file at a path, which must exist.
    pub(crate) fn existing(path: &Path) -> Result<Self, Error> {
        let real = target(path).map_err(|error| Error::io(path, "find", error))?;
        Ok(Self {
            path: path.to_owned(),
            real,
        })
    }

    /// The file at a path, if there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] for a dangling link. Its target may be on a disk that is not mounted at the moment.
    pub(crate) fn find(path: &Path) -> Result<Option<Self>, Error> {
        match (Self::existing(path), fs::symlink_metadata(path)) {
            (Ok(file), _) => Ok(Some(file)),
            (Err(_), Err(_)) => Ok(None),
            (Err(_), Ok(_)) => Err(ErrorKind::AlreadyExists.at(path)),
        }
    }

    /// The path as given.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file itself: that of the target if the path is a symbolic link.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// The folder of the sidecars and of temporary files.
    pub(crate) fn folder(&self) -> &Path {
        folder_of(&self.real)
    }

    /// The path of a sidecar.
    pub(crate) fn sidecar(&self, sidecar: Sidecar) -> PathBuf {
        sidecar.of(&self.real)
    }

    /// Whether the file has any sidecar.
    pub(crate) fn has_sidecars(&self) -> bool {
        has_sidecars(&self.real)
    }

    /// The log or journal that SQLite would apply to this file, or at which every look at it would fail, if there is one.
    pub(crate) fn leftover(&self) -> Option<PathBuf> {
        let (wal, journal) = (self.sidecar(Sidecar::Wal), self.sidecar(Sidecar::Journal));
        if file_bytes(&wal) > WAL_HEADER_BYTES {
            Some(wal)
        } else if is_unfinished(&journal) {
            Some(journal)
        } else {
            None
        }
    }

    /// Fails if there is a log or journal that SQLite would apply to a new database, if it would count as one that
    /// Litestream keeps up to date, or if it would itself be taken for the log or journal of another file.
    pub(crate) fn refuse_leftover(&self) -> Result<(), Error> {
        if self.is_sidecar_of_other() {
            let what = SIDECAR_OF_OTHER;
            return Err(ErrorKind::TargetIsReserved { what }.at(&self.path));
        }
        if let Some(progress) = self.progress_of_follower() {
            return Err(ErrorKind::FollowerLeftover { progress }.at(&self.path));
        }
        self.require_regular_sidecars()?;
        match self.leftover() {
            Some(leftover) => Err(ErrorKind::Leftover { leftover }.at(&self.path)),
            None => Ok(()),
        }
    }

    /// Whether SQLite would take a file at the path for the log, its index or the journal of the file beside it.
    pub(super) fn is_sidecar_of_other(&self) -> bool {
        let name = self.path.file_name().unwrap_or_default().as_bytes();
        Sidecar::ALL.into_iter().any(|sidecar| {
            let other = name.strip_suffix(sidecar.suffix().as_bytes());
            other.is_some_and(|other| self.path.with_file_name(OsStr::from_bytes(other)).is_file())
        })
    }

    /// Fails if a sidecar is not a regular file of its own. SQLite makes no others, and opens whatever has the name: it
    /// would wait at a pipe, and write over a database that the name is a link to.
    pub(crate) fn require_regular_sidecars(&self) -> Result<(), Error> {
        use std::os::unix::fs::MetadataExt;
        let database = identity(&self.real);
        for path in Sidecar::ALL.map(|sidecar| self.sidecar(sidecar)) {
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if !metadata.is_file() || database == Some((metadata.dev(), metadata.ino())) {
                return Err(ErrorKind::SidecarNotAFile.at(path));
            }
        }
        Ok(())
    }

    /// The size of the file in bytes. It is 0 if the file does not exist.
    pub(crate) fn bytes(&self) -> u64 {
        file_bytes(&self.real)
    }

    /// The size of the log in bytes.
    pub(crate) fn log_bytes(&self) -> u64 {
        file_bytes(&self.sidecar(Sidecar::Wal))
    }

    /// The size of the file and its log in bytes.
    pub(crate) fn bytes_with_log(&self) -> u64 {
        self.bytes() + self.log_bytes()
    }

    /// The stamp of the file, which changes with every write. `None` if the file does not exist.
    pub(crate) fn stamp(&self) -> Option<FileStamp> {
        FileStamp::of(&self.real)
    }

    /// Whether another path leads to the same file.
    pub(crate) fn is_same_as(&self, other: &Path) -> bool {
        let other = identity(other);
        other.is_some() && identity(&self.real) == other
    }

    /// Fails if `litestream restore -f` keeps the file up to date. It writes pages into the file that fit only to what it has
    /// written before. It keeps its place in a file beside the database.
    pub(crate) fn refuse_follower(&self) -> Result<(), Error> {
        match self.progress_of_follower() {
            Some(progress) => Err(ErrorKind::Follower { progress }.at(&self.path)),
            None => Ok(()),
        }
    }

    /// The file in which `litestream restore -f` keeps its place, if there is one.
    fn progress_of_follower(&self) -> Option<PathBuf> {
        let progress = with_suffix(&self.real, FOLLOWER);
        fs::symlink_metadata(&progress).is_ok().then_some(progress)
    }

    /// Fails if the file is not writable, or may not be written. Opening such a file for writing would leave sidecars behind.
    pub(crate) fn require_writable(&self) -> Result<(), Error> {
        use rustix::io::Errno;
        self.refuse_follower()?;
        // With an index of the log that another user has made, SQLite fails after it has created a log.
        let files = [
            self.real.clone(),
            self.sidecar(Sidecar::Wal),
            self.sidecar(Sidecar::Shm),
        ];
        let is_refused = |file: &PathBuf| {
            let access = rustix::fs::access(file, rustix::fs::Access::WRITE_OK);
            // Opening the file reports any other problem.
            matches!(access, Err(Errno::ACCESS | Errno::PERM | Errno::ROFS))
        };
        if files.iter().any(is_refused) {
            return Err(ErrorKind::ReadOnly.at(&self.path));
        }
        Ok(())
    }

    /// Fails if no file can be created in the folder. Temporary files and SQLite's own go there.
    pub(crate) fn require_writable_folder(&self) -> Result<(), Error> {
        self.require_writable_at(self.folder())
    }

    /// Fails if files cannot be created in the folder, or the folder itself if it is missing.
    pub(crate) fn require_possible_folder(&self) -> Result<(), Error> {
        let mut folders = self.folder().ancestors();
        let existing = folders.find(|folder| fs::symlink_metadata(folder).is_ok());
        self.require_writable_at(existing.unwrap_or(Path::new(".")))
    }

    fn require_writable_at(&self, folder: &Path) -> Result<(), Error> {
        use rustix::fs::Access;
        let access = Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::access(folder, access).map_err(|error| {
            // The system says that nobody may enter a file.
            let error = match fs::metadata(folder) {
                Ok(metadata) if !metadata.is_dir() => rustix::io::Errno::NOTDIR,
                _ => error,
            };
            Error::io(&self.path, "create a file beside", error.into())
        })
    }

    /// Whether a reader that takes locks can open the database. Such a reader may have to create sidecars.
    pub(crate) fn may_be_shared(&self) -> bool {
        let may_write =
            |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
        self.require_writable().is_ok() && may_write(&self.real) && may_write(self.folder())
    }
}

/// The path of an existing file, or that of its target if it is a symbolic link.
fn target(path: &Path) -> io::Result<PathBuf> {
    if fs::symlink_metadata(path)?.is_symlink() {
        fs::canonicalize(path)
    } else {
        Ok(path.to_owned())
    }
}

/// The default path of a database's backup: the database's path with `.bak` appended.
#[must_use]
pub fn backup_path(database: &Path) -> PathBuf {
    with_suffix(database, ".bak")
}

/// Appends a suffix to the name of a path.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Where a path is: its folder without links, and its name.
pub(crate) fn place(path: &Path) -> Option<(PathBuf, OsString)> {
    let name = path.file_name()?.to_owned();
    Some((fs::canonicalize(folder_of(path)).ok()?, name))
}

/// Whether the database at `real` has any sidecar.
pub(crate) fn has_sidecars(real: &Path) -> bool {
    Sidecar::ALL
        .iter()
        .any(|sidecar| fs::symlink_metadata(sidecar.of(real)).is_ok())
}

/// The size of a file in bytes. It is 0 if the file does not exist.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_lie_beside_the_target_of_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data/x.db");
        let link = folder.path().join("link.db");
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(&target, "x").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let file = DatabaseFile::existing(&link).unwrap();
        assert_eq!(file.path(), link);
        assert_eq!(
            file.folder(),
            folder.path().join("data").canonicalize().unwrap()
        );
        assert!(!file.has_sidecars());
        let wal = with_suffix(&target, "-wal");
        fs::write(&wal, [0; 33]).unwrap();
        assert!(file.has_sidecars());
        assert_eq!(file.log_bytes(), 33);
        assert!(file.leftover().is_some());
        assert!(file.is_same_as(&target));
        assert_eq!(backup_path(&link), folder.path().join("link.db.bak"));
    }

    #[test]
    fn sidecars_that_lead_elsewhere_are_refused() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        fs::write(&path, "x").unwrap();
        let file = DatabaseFile::existing(&path).unwrap();
        let wal = file.sidecar(Sidecar::Wal);
        let is_refused = || {
            let refused = file.require_regular_sidecars();
            fs::remove_file(&wal).unwrap();
            matches!(refused, Err(error) if matches!(error.kind, ErrorKind::SidecarNotAFile))
        };
        fs::write(&wal, "x").unwrap();
        assert!(!is_refused());
        fs::hard_link(&path, &wal).unwrap();
        assert!(is_refused());
        symlink(&path, &wal).unwrap();
        assert!(is_refused());
        symlink("nothing", &wal).unwrap();
        assert!(is_refused());
    }

    #[test]
    fn dangling_link_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link.db");
        assert_eq!(DatabaseFile::find(&link).unwrap(), None);
        std::os::unix::fs::symlink(folder.path().join("nothing"), &link).unwrap();
        let error = DatabaseFile::find(&link).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    }
}
