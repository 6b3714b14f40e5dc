//! The file of a database, and what lies beside it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::file_stamp::FileStamp;

/// The size of a log's header; what follows are the pages that it holds.
pub(crate) const WAL_HEADER_BYTES: u64 = 32;

/// A file that SQLite keeps beside a database.
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

    /// The sidecar of the database at `real`, a path without links: SQLite names it beside a link's target, not beside
    /// the link.
    pub(crate) fn of(self, real: &Path) -> PathBuf {
        let suffix = match self {
            Self::Wal => "-wal",
            Self::Shm => "-shm",
            Self::Journal => "-journal",
        };
        with_suffix(real, suffix)
    }
}

/// A database file: its path as it was given, which errors and messages name, and its real path, behind symbolic links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    real: PathBuf,
}

impl DatabaseFile {
    /// The file at a path. One that is not there is where it would be created.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            real: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            path: path.to_owned(),
        }
    }

    /// The file at a path, which must be there.
    pub(crate) fn existing(path: &Path) -> Result<Self, Error> {
        let real = fs::canonicalize(path).map_err(|error| Error::io(path, "find", error))?;
        Ok(Self {
            path: path.to_owned(),
            real,
        })
    }

    /// The file at a path, if there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] for a link that points to nothing: it may point to a disk that is not there at the
    /// moment.
    pub(crate) fn find(path: &Path) -> Result<Option<Self>, Error> {
        match (Self::existing(path), fs::symlink_metadata(path)) {
            (Ok(file), _) => Ok(Some(file)),
            (Err(_), Err(_)) => Ok(None),
            (Err(_), Ok(_)) => Err(ErrorKind::AlreadyExists.at(path)),
        }
    }

    /// The path as it was given.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path without links.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// The folder in which SQLite keeps its files, and in which temporary files are made.
    pub(crate) fn folder(&self) -> &Path {
        folder_of(&self.real)
    }

    /// The path of a file that SQLite keeps beside it.
    pub(crate) fn sidecar(&self, sidecar: Sidecar) -> PathBuf {
        sidecar.of(&self.real)
    }

    /// Whether anything lies beside the file that SQLite would look at.
    pub(crate) fn has_sidecars(&self) -> bool {
        has_sidecars(&self.real)
    }

    /// The log or journal beside the file that SQLite would apply to it.
    pub(crate) fn leftover(&self) -> Option<PathBuf> {
        let (wal, journal) = (self.sidecar(Sidecar::Wal), self.sidecar(Sidecar::Journal));
        if file_bytes(&wal) > WAL_HEADER_BYTES {
            Some(wal)
        } else if begins_with_journal_magic(&journal) {
            Some(journal)
        } else {
            None
        }
    }

    /// Fails where a log lies that SQLite would apply to a new database, or delete.
    pub(crate) fn refuse_leftover(&self) -> Result<(), Error> {
        match self.leftover() {
            Some(leftover) => Err(ErrorKind::Leftover { leftover }.at(&self.path)),
            None => Ok(()),
        }
    }

    /// The size of the file, in bytes; 0 for one that is not there.
    pub(crate) fn bytes(&self) -> u64 {
        file_bytes(&self.real)
    }

    /// The size of the log, in bytes.
    pub(crate) fn log_bytes(&self) -> u64 {
        file_bytes(&self.sidecar(Sidecar::Wal))
    }

    /// The size of the file with its log, in bytes.
    pub(crate) fn bytes_with_log(&self) -> u64 {
        self.bytes() + self.log_bytes()
    }

    /// What a write changes about the file; none where it is not there.
    pub(crate) fn stamp(&self) -> Option<FileStamp> {
        FileStamp::of(&self.real)
    }

    /// Whether another path leads to this file.
    pub(crate) fn is_same_as(&self, other: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        match (fs::metadata(&self.real), fs::metadata(other)) {
            (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
            _ => false,
        }
    }

    /// Whether another path is where SQLite keeps a file beside this one.
    pub(crate) fn has_sidecar_at(&self, other: &Path) -> bool {
        let (Ok(folder), Some(name)) = (fs::canonicalize(folder_of(other)), other.file_name())
        else {
            return false;
        };
        Sidecar::ALL
            .iter()
            .any(|sidecar| self.sidecar(*sidecar) == folder.join(name))
    }

    /// Fails for a file that may not be written: opening it for that would leave SQLite's files beside it.
    pub(crate) fn require_writable(&self) -> Result<(), Error> {
        match rustix::fs::access(&self.real, rustix::fs::Access::WRITE_OK) {
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM | rustix::io::Errno::ROFS) => {
                Err(ErrorKind::ReadOnly.at(&self.path))
            }
            // Whatever else is wrong, opening it tells.
            _ => Ok(()),
        }
    }

    /// Whether a reader that takes part in the locking can open the database: it may have to create files beside it.
    pub(crate) fn may_be_shared(&self) -> bool {
        let may_write =
            |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
        may_write(&self.real) && may_write(self.folder())
    }
}

/// Where the backup of a database goes: its path with `.bak` appended.
#[must_use]
pub fn backup_path(database: &Path) -> PathBuf {
    with_suffix(database, ".bak")
}

/// A path with something appended to its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The folder of a file, which is the working folder for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Whether anything lies beside the file at `real` that SQLite would look at.
pub(crate) fn has_sidecars(real: &Path) -> bool {
    Sidecar::ALL
        .iter()
        .any(|sidecar| fs::symlink_metadata(sidecar.of(real)).is_ok())
}

/// The size of a file, in bytes; 0 for one that is not there.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Whether the file is a rollback journal that has not been finished with. SQLite takes no locks on
/// journals, so this one may be opened.
pub(crate) fn begins_with_journal_magic(path: &Path) -> bool {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut bytes = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.is_ok() && bytes == MAGIC
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
        assert!(file.has_sidecar_at(&wal));
        assert_eq!(file.log_bytes(), 33);
        assert!(file.leftover().is_some());
        assert!(file.is_same_as(&target));
        assert_eq!(backup_path(&link), folder.path().join("link.db.bak"));
    }

    #[test]
    fn a_link_to_nothing_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link.db");
        assert_eq!(DatabaseFile::find(&link).unwrap(), None);
        std::os::unix::fs::symlink(folder.path().join("nothing"), &link).unwrap();
        let error = DatabaseFile::find(&link).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    }

    #[test]
    fn a_bare_name_is_in_the_working_folder() {
        assert_eq!(folder_of(Path::new("x.db")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/x.db")), Path::new("a"));
        assert_eq!(folder_of(Path::new("/x.db")), Path::new("/"));
    }
}
