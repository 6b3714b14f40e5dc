//! The files of an export, which get their names all together or not at all.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::export::options::ExportFormat;
use crate::database::export::tables::Table;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::regular_file::{open_regular, require_replaceable_file};
use crate::database::files::reserved::use_of;
use crate::database::files::staged_file::{PUBLIC, StagedFile};
use crate::database::progress::require_not_cancelled;

/// A file of an export, under its temporary name.
pub(super) struct ExportFile {
    pub(super) table: &'static Table,
    pub(super) path: PathBuf,
    /// The path without symbolic links.
    real: PathBuf,
    staged: StagedFile,
}

impl ExportFile {
    /// Creates the file under a temporary name.
    pub(super) fn create(table: &'static Table, path: PathBuf) -> Result<Self, Error> {
        let real = DatabaseFile::at(&path).real().to_owned();
        let staged = StagedFile::create(&real, PUBLIC)?;
        Ok(Self {
            table,
            path,
            real,
            staged,
        })
    }

    pub(super) const fn file(&self) -> &File {
        self.staged.file()
    }

    /// Empties the file, to begin anew.
    pub(super) fn empty(&mut self) -> Result<(), Error> {
        self.staged.truncate()
    }

    pub(super) fn bytes(&self) -> Result<u64, Error> {
        let metadata = self.staged.file().metadata();
        let metadata = metadata.map_err(|error| Error::io(&self.path, "read", error))?;
        Ok(metadata.len())
    }
}

/// Fails if a file cannot get this path. Only a file of an export is replaced.
pub(super) fn check_target(
    database: &DatabaseFile,
    path: &Path,
    format: ExportFormat,
    replace_existing: bool,
) -> Result<(), Error> {
    require_replaceable_file(path)?;
    if let Some(used) = use_of(database, path) {
        let what = used.title();
        return Err(ErrorKind::TargetIsReserved { what }.at(path));
    }
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    // A dangling link may point to a disk that is not mounted at the moment.
    if path.is_dir() || (metadata.is_symlink() && !path.exists()) {
        return Err(ErrorKind::AlreadyExists.at(path));
    }
    if !is_of_export(DatabaseFile::at(path).real(), format)? {
        let expected = format.title();
        return Err(ErrorKind::TargetIsForeign { expected }.at(path));
    }
    if !replace_existing {
        return Err(ErrorKind::ExportExists.at(path));
    }
    Ok(())
}

/// Whether a file is one of an export in this format, or is empty.
fn is_of_export(real: &Path, format: ExportFormat) -> Result<bool, Error> {
    let failed = |error| Error::io(real, "read", error);
    let begin = format.begin();
    let mut found = Vec::new();
    let file = open_regular(real).map_err(failed)?;
    let result = file.take(begin.len() as u64).read_to_end(&mut found);
    result.map_err(failed)?;
    Ok(found.is_empty() || found == begin)
}

/// Gives all files their names. If one cannot get its name, those before it lose theirs, and what they have replaced is as
/// it was. A program that is killed meanwhile may leave some of them.
pub(super) fn publish_all(
    database: &DatabaseFile,
    files: Vec<ExportFile>,
    format: ExportFormat,
    replace_existing: bool,
) -> Result<(), Error> {
    for file in &files {
        file.staged.sync()?;
        require_not_cancelled(&file.path)?;
    }
    let mut published = Published::default();
    for file in files {
        let ExportFile {
            path, real, staged, ..
        } = file;
        // Another program may have put something else there meanwhile.
        check_target(database, &path, format, replace_existing)?;
        if real.exists() {
            if staged.exchange() {
                published.swapped.push(staged);
            } else {
                // The system cannot swap names.
                staged.replace()?;
            }
        } else {
            match staged.publish_new_as(&real) {
                Err(error) if matches!(error.kind, ErrorKind::AlreadyExists) => {
                    return Err(ErrorKind::ExportExists.at(path));
                }
                result => result?,
            }
            published.new.push(real);
        }
    }
    for staged in &published.swapped {
        staged.sync_folder()?;
    }
    published.new.clear();
    // Their temporary names are those of what was replaced, which is removed.
    published.swapped.clear();
    Ok(())
}

/// Files that have their names. Dropping them takes the names back.
#[derive(Default)]
struct Published {
    new: Vec<PathBuf>,
    /// Files that have swapped their names with what they replace.
    swapped: Vec<StagedFile>,
}

impl Drop for Published {
    fn drop(&mut self) {
        for path in &self.new {
            let _ = fs::remove_file(path);
        }
        for staged in &self.swapped {
            staged.exchange();
        }
    }
}
