//! Staged files: new files that get their name when they are complete.
//!
//! A new file is written beside its target under a temporary name, synced and renamed over the target. Then its folder
//! is synced. If the program ends in between, the target stays as it was, and at most a temporary file remains. The
//! next operation on the same target removes it. The process that writes a temporary file holds a `flock` on it, which
//! marks it as in use.

use std::ffi::OsStr;
use std::fs;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::io::{Seek, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::FallocateFlags;

use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{COPIES, Sidecar, has_sidecars, with_suffix};
use crate::database::files::named_files;
use crate::database::files::regular_file::{open_regular, require_replaceable_file};
use crate::database::files::sync_folder::{is_refused, sync_folder_of};
use crate::database::progress::require_not_cancelled;
use crate::folder_of::folder_of;
use crate::system::lease::Lease;
use crate::system::own_descriptors::with_own_descriptors;

/// The mode of a temporary file that gets its final permissions later.
pub(crate) const PRIVATE: u32 = 0o600;
/// The mode of any other new file. The umask reduces it.
pub(crate) const PUBLIC: u32 = 0o666;

/// The part of a temporary name between the target's name and the process id.
const INFIX: &str = ".degenbot-tmp-";

/// What the name of a file has after that of a temporary one while Litestream writes it.
const UNFINISHED: &str = ".tmp";

/// A file under a temporary name. Dropping it unpublished removes it.
#[derive(Debug)]
pub(crate) struct StagedFile {
    target: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl StagedFile {
    /// Creates an empty temporary file beside `target`. Removes those that dead processes left for the same target.
    pub(crate) fn create(target: &Path, mode: u32) -> Result<Self, Error> {
        sweep(target);
        loop {
            let temporary = temporary_name(target);
            // SQLite would apply a log or a journal that lies there, and whose it is nobody knows.
            if has_sidecars(&temporary) {
                continue;
            }
            let created = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&temporary);
            let file = match created {
                Ok(file) => file,
                // A dead process with the same id left it, and the sweep could not remove it, as without flock.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(Error::io(target, "create", error)),
            };
            // Another process has locked the file to sweep it. On a file system without locks, only the sweep does not
            // work.
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                continue;
            }
            if is_at(&file, &temporary) {
                return Ok(Self {
                    target: target.to_owned(),
                    temporary,
                    file,
                });
            }
            // Another process has swept the file before it was locked.
        }
    }

    /// The path of the temporary file.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// The file itself.
    #[cfg(feature = "export")]
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// Makes it the file that another program has put at the temporary path.
    #[cfg(feature = "cli")]
    pub(crate) fn take_over(&mut self) -> Result<(), Error> {
        if is_at(&self.file, &self.temporary) {
            return Ok(());
        }
        let failed = |error| Error::io(&self.temporary, "open", error);
        let file = open_regular(&self.temporary).map_err(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(ErrorKind::Locked.at(&self.temporary));
            }
            // On a file system without locks, only the sweep does not work.
            Ok(()) | Err(TryLockError::Error(_)) => self.file = file,
        }
        Ok(())
    }

    /// Allocates space on the disk, if the file system supports it. A full disk is then noticed at once, and the blocks
    /// are contiguous.
    pub(crate) fn allocate(&self, bytes: u64) -> Result<(), Error> {
        use rustix::io::Errno;
        if bytes == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, bytes) {
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::FBIG)) => {
                Err(Error::io(&self.temporary, "write", error.into()))
            }
            _ => Ok(()),
        }
    }

    /// Makes the content that of the first `bytes` bytes of a file, if both are on a file system on which files can share
    /// their space, and the system can open the file without dropping the locks that this process has on it. Returns
    /// whether it was done. What is written to the file later does not reach the copy.
    pub(crate) fn clone_content(&self, source: &Path, bytes: u64) -> bool {
        let cloned = with_own_descriptors(|| {
            clone_file(&open_regular(source)?, &self.file)?;
            let length = self.file.metadata()?.len();
            if length > bytes {
                self.file.set_len(bytes)?;
            }
            Ok::<_, io::Error>(length >= bytes)
        });
        match cloned {
            Some(Ok(is_whole)) => is_whole,
            Some(Err(error)) => {
                log::debug!("{} is not cloned: {error}", source.display());
                false
            }
            None => false,
        }
    }

    /// Whether [`Self::clone_content`] works for a file. This empties the staged file.
    pub(crate) fn can_clone(&mut self, source: &Path) -> Result<bool, Error> {
        let can = self.clone_content(source, 0);
        self.truncate()?;
        Ok(can)
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(bytes)
            .map_err(|error| Error::io(&self.temporary, "write", error))
    }

    /// Empties the file.
    pub(crate) fn truncate(&mut self) -> Result<(), Error> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|error| Error::io(&self.temporary, "write", error))
    }

    /// Takes a lease on the file, if no other descriptor of it is open.
    pub(crate) fn lease(&self) -> Option<Lease<'_>> {
        Lease::take(&self.file)
    }

    /// Gives the file the permissions of `model`, and its owner and group if this process may. On a file system without
    /// permissions of its own, it keeps those that it has.
    pub(crate) fn copy_permissions(&self, model: &Path) -> Result<(), Error> {
        let failed = |error| Error::io(&self.temporary, "set the permissions of", error);
        let model = fs::metadata(model).map_err(failed)?;
        let own = self.file.metadata().map_err(failed)?;
        let mut mode = model.permissions().mode() & 0o777;
        // Only root may change the owner. Other users may change the group to one that they belong to.
        if own.uid() != model.uid() {
            let _refused = fchown(&self.file, Some(model.uid()), None);
        }
        if own.gid() != model.gid() && fchown(&self.file, None, Some(model.gid())).is_err() {
            // The permissions of the model's group must not go to another group.
            mode &= !0o070;
        }
        if own.permissions().mode() & 0o777 == mode {
            return Ok(());
        }
        match self.file.set_permissions(Permissions::from_mode(mode)) {
            Err(error) if is_refused(&error) => {
                log::warn!(
                    "The permissions of {} could not be set to {mode:o}: {error}",
                    self.target.display()
                );
                Ok(())
            }
            set => set.map_err(failed),
        }
    }

    /// Renames the file to the target, and replaces a regular file there. The error says that nothing was changed if the
    /// file did not get that name. An operation that is cancelled during the sync publishes nothing.
    pub(crate) fn replace(self) -> Result<(), Error> {
        self.sync_unless_cancelled()
            .and_then(|()| self.rename_over())
            .map_err(|error| self.as_renamed(error))?;
        sync_folder_of(&self.target, &self.file)
    }

    /// The error of a rename. It says that nothing was changed if the file still has its temporary name.
    fn as_renamed(&self, error: Error) -> Error {
        if is_at(&self.file, &self.temporary) {
            error.with_effect(Effect::Nothing)
        } else {
            error
        }
    }

    fn rename_over(&self) -> Result<(), Error> {
        require_replaceable_file(&self.target)?;
        fs::rename(&self.temporary, &self.target)
            .map_err(|error| Error::io(&self.target, "replace", error))
    }

    /// Like [`Self::replace`], for content that is soon replaced again: nothing waits for the disk, and a power cut may
    /// leave an empty file.
    #[cfg(feature = "cli")]
    pub(crate) fn replace_unsynced(self) -> Result<(), Error> {
        self.rename_over()
    }

    /// Swaps the names of this file and its target, both complete and synced. Returns whether the system could do that.
    /// The drop then removes the old target, which has the temporary name.
    pub(crate) fn exchange(&self) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            let flags = RenameFlags::EXCHANGE;
            renameat_with(CWD, &self.temporary, CWD, &self.target, flags).is_ok()
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        false
    }

    /// Syncs the folder, so that the swap survives a power cut.
    pub(crate) fn sync_folder(&self) -> Result<(), Error> {
        sync_folder_of(&self.target, &self.file)
    }

    /// Makes the file one that no program takes for a database.
    pub(crate) fn spoil(&self) {
        if let Err(error) = self.file.write_all_at(&[0; 100], 0) {
            log::warn!("{} could not be written: {error}", self.temporary.display());
        }
    }

    /// Locks the file against the SQLite of other programs.
    pub(crate) fn lock_for_others(&self) {
        let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        if let Err(error) = rustix::fs::fcntl_lock(&self.file, operation) {
            log::warn!("{} could not be locked: {error}", self.temporary.display());
        }
    }

    /// Gives the file its target's name. Fails if a file has that name.
    pub(crate) fn publish_new(self) -> Result<(), Error> {
        self.publish_new_as(&self.target)
    }

    /// Gives the file another name in the same folder. Fails if a file has that name.
    pub(crate) fn publish_new_as(&self, target: &Path) -> Result<(), Error> {
        self.sync_unless_cancelled()
            .map_err(|error| self.as_renamed(error))?;
        // Unlike a rename, a hard link never replaces a file that another process creates meanwhile. Not every file
        // system has hard links.
        let linked = fs::hard_link(&self.temporary, target);
        if fs::symlink_metadata(target).is_err() {
            fs::rename(&self.temporary, target)
                .map_err(|error| self.as_renamed(Error::io(target, "create", error)))?;
        } else if linked.is_ok() {
            // Another process may already have swept the temporary name.
            let _ = fs::remove_file(&self.temporary);
        } else {
            return Err(ErrorKind::AlreadyExists.at(target));
        }
        // A file that a power cut may remove is not published, so it is removed.
        sync_folder_of(target, &self.file).inspect_err(|_| {
            let _ = fs::remove_file(target);
        })
    }

    fn sync_unless_cancelled(&self) -> Result<(), Error> {
        self.sync()?;
        Ok(require_not_cancelled(&self.target)?)
    }

    /// Syncs the file to the disk.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file
            .sync_all()
            .map_err(|error| Error::io(&self.temporary, "write", error))
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Err(error) = remove_with_sidecars(&self.temporary) {
            log::warn!(
                "The temporary file {} could not be removed: {error}",
                self.temporary.display()
            );
        }
    }
}

/// A temporary name that this process has not used yet.
fn temporary_name(target: &Path) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    with_suffix(target, &format!("{INFIX}{}-{number}", process::id()))
}

/// Whether a path is that of a temporary file, or of a file that SQLite makes beside one.
#[cfg(feature = "cli")]
pub(crate) fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.windows(INFIX.len())
        .any(|part| part == INFIX.as_bytes())
}

/// Whether a name is a temporary one of the file with the other name, or that of a file that SQLite makes beside such a
/// file.
pub(crate) fn is_temporary_name(name: &OsStr, original: &OsStr) -> bool {
    let rest = name
        .as_encoded_bytes()
        .strip_prefix(original.as_encoded_bytes())
        .and_then(|rest| rest.strip_prefix(INFIX.as_bytes()));
    rest.is_some_and(|rest| {
        let sidecars: [&[u8]; 3] = [b"-wal", b"-shm", b"-journal"];
        let without = sidecars
            .iter()
            .find_map(|suffix| rest.strip_suffix(*suffix));
        is_process_and_number(without.unwrap_or(rest))
    })
}

/// Removes the temporary files that dead processes left for a target, and those of the files that are named after it: a
/// backup, a kept copy. A file that this process was told to use is none, whatever its name. It ignores errors, because
/// such a file is harmless.
pub(crate) fn sweep(target: &Path) {
    let Some(name) = target.file_name() else {
        return;
    };
    let Ok(entries) = fs::read_dir(folder_of(target)) else {
        return;
    };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let is_temporary = found
            .as_encoded_bytes()
            .strip_prefix(name.as_encoded_bytes())
            .is_some_and(is_temporary_of_any);
        if !is_temporary {
            continue;
        }
        let path = entry.path();
        if named_files::contains(&path) {
            log::debug!("{} is in use, and stays", path.display());
            continue;
        }
        // This is a second name of a published file. It may be a database that this process has open, so it must not be
        // opened with plain file calls (see `RawConnection::read_file`).
        if entry.metadata().is_ok_and(|metadata| metadata.nlink() > 1) {
            let _ = fs::remove_file(&path);
            continue;
        }
        let Ok(file) = open_regular(&path) else {
            continue;
        };
        if file.try_lock().is_ok() && is_at(&file, &path) {
            log::debug!(
                "Removing {}, left by a process that is gone",
                path.display()
            );
            if let Err(error) = remove_with_sidecars(&path) {
                log::debug!("{} could not be removed: {error}", path.display());
            }
        }
    }
}

/// Whether this is what a temporary name has after the name of the database.
fn is_temporary_of_any(rest: &[u8]) -> bool {
    let of = |suffix: &&str| {
        rest.strip_prefix(suffix.as_bytes())
            .and_then(|rest| rest.strip_prefix(INFIX.as_bytes()))
            .is_some_and(is_process_and_number)
    };
    COPIES.iter().chain([&""]).any(of)
}

fn is_process_and_number(name: &[u8]) -> bool {
    let parts: Vec<_> = name.split(|byte| *byte == b'-').collect();
    parts.len() == 2
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

/// Whether the path leads to the open file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn clone_file(source: &File, target: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(target, source)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn clone_file(_: &File, _: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes a file and what SQLite and Litestream have made beside it, as far as they are there. Fails if the file itself
/// stays.
fn remove_with_sidecars(path: &Path) -> io::Result<()> {
    let unfinished = with_suffix(path, UNFINISHED);
    let of_both = [path, &unfinished].map(|file| Sidecar::ALL.map(|sidecar| sidecar.of(file)));
    for sidecar in of_both.into_iter().flatten().chain([unfinished]) {
        if !named_files::contains(&sidecar) {
            let _ = fs::remove_file(sidecar);
        }
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn dropping_an_unpublished_file_removes_it_with_its_sidecars() {
        let folder = tempfile::tempdir().unwrap();
        let staged = StagedFile::create(&folder.path().join("x.bak"), PRIVATE).unwrap();
        let unfinished = with_suffix(staged.path(), UNFINISHED);
        for beside in [
            Sidecar::Journal.of(staged.path()),
            Sidecar::Wal.of(&unfinished),
            Sidecar::Shm.of(&unfinished),
            unfinished,
        ] {
            fs::write(beside, "x").unwrap();
        }
        assert_eq!(names(folder.path()).len(), 5);
        drop(staged);
        assert!(names(folder.path()).is_empty());
    }

    /// SQLite's locks on a database are of this kind.
    #[cfg(target_os = "linux")]
    #[test]
    fn cloning_drops_no_lock_on_the_source() {
        use rustix::fs::{FlockOperation, fcntl_lock};
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("x");
        fs::write(&source, [1; 4096]).unwrap();
        let file = File::options().write(true).open(&source).unwrap();
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        let staged = StagedFile::create(&folder.path().join("x.bak"), PRIVATE).unwrap();
        if staged.clone_content(&source, 4096) {
            assert_eq!(fs::read(staged.path()).unwrap(), [1; 4096]);
        }
        let is_locked = with_own_descriptors(|| {
            let other = File::options().write(true).open(&source).unwrap();
            fcntl_lock(&other, FlockOperation::NonBlockingLockExclusive).is_err()
        });
        assert_eq!(is_locked, Some(true));
    }

    #[test]
    fn it_is_known_whether_a_temporary_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        remove_with_sidecars(&folder.path().join("missing")).unwrap();
        // A folder stands for a file in a folder that allows only to append: neither can be removed as a file.
        remove_with_sidecars(folder.path()).unwrap_err();
    }

    #[test]
    fn create_sweeps_the_files_of_dead_processes_only() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.bak");
        let alive = StagedFile::create(&target, PRIVATE).unwrap();
        for name in [
            "x.bak.degenbot-tmp-1-0",
            "x.bak.degenbot-tmp-1-0-journal",
            "x.bak.tmp-2025-11",
            "y.bak.degenbot-tmp-1-0",
        ] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let second = StagedFile::create(&target, PRIVATE).unwrap();
        assert!(alive.path().exists());
        second.replace().unwrap();
        let mut expected = vec![
            "x.bak".to_owned(),
            "x.bak.tmp-2025-11".to_owned(),
            "y.bak.degenbot-tmp-1-0".to_owned(),
            alive
                .path()
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned(),
        ];
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn publishing_a_new_file_never_replaces_one() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.db");
        let staged = StagedFile::create(&target, PRIVATE).unwrap();
        fs::write(&target, "somebody else's").unwrap();
        assert!(matches!(
            staged.publish_new(),
            Err(Error {
                kind: ErrorKind::AlreadyExists,
                ..
            })
        ));
        assert_eq!(fs::read_to_string(&target).unwrap(), "somebody else's");
        assert_eq!(names(folder.path()), ["x.db"]);
    }
}
