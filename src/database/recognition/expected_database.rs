//! Expected database: what a user knows of a database when he agrees to change it.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::regular_file::{FileIdentity, file_identity};
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise;
use crate::system::copy_up::copy_up;

/// A database as a user knows it who is asked about an operation: its file and its version. An operation that gets it
/// refuses another one with [`ErrorKind::ChangedMeanwhile`]. Rows may change: programs go on writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedDatabase {
    /// `None` if there is no file.
    file: Option<FileIdentity>,
    /// The version, from [`Recognition::version_name`]; `None` without tables.
    version: Option<String>,
}

impl ExpectedDatabase {
    /// Looks at the database at a path, where there may be none. An interrupted transaction is rolled back. An overlay
    /// copies the file to its writable layer: the operation would do that, and the file would be another one then.
    ///
    /// # Errors
    ///
    /// If the file is not a database, or cannot be read, or if an overlay has no room for it.
    pub fn at(path: &Path) -> Result<Self, Error> {
        copy_up(path).map_err(|_| ErrorKind::DiskFull.at(path))?;
        Self::look_at(path)
    }

    fn look_at(path: &Path) -> Result<Self, Error> {
        // This comes first. A file that is replaced before its version is read is then refused later.
        let file = file_identity(path);
        let version = match recognise(path) {
            Ok(recognition) => version_of(&recognition),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::EmptyFile) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { file, version })
    }

    /// Fails if another database is at the path. The caller has locked it, so that nobody can change its version.
    pub(crate) fn require(&self, path: &Path) -> Result<(), Error> {
        self.require_same(path, &Self::look_at(path)?)
    }

    /// Like [`Self::require`], for a database that is recognised already.
    pub(crate) fn require_recognised(&self, path: &Path, found: &Recognition) -> Result<(), Error> {
        let found = Self {
            file: file_identity(path),
            version: version_of(found),
        };
        self.require_same(path, &found)
    }

    fn require_same(&self, path: &Path, found: &Self) -> Result<(), Error> {
        const NOTHING: &str = "none";
        let shown = |version: &Option<String>| version.as_deref().unwrap_or(NOTHING).to_owned();
        let detail = match (self.file, found.file) {
            (Some(_), None) => "the file is gone".to_owned(),
            (None, Some(_)) => "there was no file".to_owned(),
            (before, now) if before != now => "another file is there".to_owned(),
            _ if self.version != found.version => format!(
                "its version is {}, and was {}",
                shown(&found.version),
                shown(&self.version)
            ),
            _ => return Ok(()),
        };
        Err(ErrorKind::ChangedMeanwhile { detail }.at(path))
    }
}

fn version_of(recognition: &Recognition) -> Option<String> {
    let is_empty = recognition.catalogue.tables.is_empty();
    (!is_empty).then(|| recognition.version_name())
}
