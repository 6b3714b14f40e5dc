//! The system's reason for the failure of an SQLite call.
//!
//! SQLite reports some failures as something else: a file system without locks as a lock of another program, a file that
//! may not grow as a broken disk, a disk that cannot be read as a damaged file. It makes its system
//! calls through a table that a program can change. The calls here make the same ones and record why they fail. A lack of
//! memory is recorded by its result code.

use std::cell::RefCell;
use std::ffi::c_int;
use std::io;
use std::path::{Path, PathBuf};

use libsqlite3_sys as ffi;

thread_local! {
    static LAST: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// SQLite's message if there is no memory.
pub(crate) const NO_MEMORY: &str = "out of memory";

/// Whether a message says only that there is no transaction or savepoint any more. SQLite rolls back by itself when it runs
/// out of memory, and the rollback that the program wants then fails.
pub(crate) fn is_of_lost_transaction(message: &str) -> bool {
    message.starts_with("no such savepoint: ")
        || [
            "cannot rollback - no transaction is active",
            "cannot commit - no transaction is active",
        ]
        .contains(&message)
        || message == diesel::result::Error::NotInTransaction.to_string()
}

/// A failed system call of SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The system's error when it could not lock a file, and no other program held a lock that was in the way.
    Lock(c_int),
    /// The system's error when it could not write to a file, or could not change its size.
    Write(c_int),
    /// The same of a temporary file, with the folder in which SQLite creates those.
    WriteTemporary(c_int, PathBuf),
    /// The system's error when it could not read from a file.
    Read(c_int),
    /// The system's error when a file could not be removed, for example in a folder that allows only new ones.
    Remove(c_int),
    /// The system's error when a file could not be opened or created for a reason that SQLite does not name: too many open
    /// files, no room for one more file, or a name that is too long. With the path of that file.
    Open(c_int, PathBuf),
    /// The file of the database is no longer at its path. SQLite calls it one that cannot be written.
    Moved,
    /// There was no memory. SQLite may roll the transaction back, and a later statement then says only that there is none.
    Memory,
}

impl Failure {
    /// The last failure on this thread that could be behind an error that SQLite has just reported.
    pub(crate) fn last() -> Option<Self> {
        LAST.with_borrow(Clone::clone)
    }

    /// The error of a failed read, if that is the last failure. It counts once: what comes later has another reason.
    pub(crate) fn take_read() -> Option<c_int> {
        let last = LAST.take();
        if let Some(Self::Read(code)) = last {
            return Some(code);
        }
        LAST.set(last);
        None
    }

    /// Records whether a file could be opened.
    pub(super) fn record_open(file: c_int, path: &Path) {
        const REASONS: [c_int; 5] = [
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOSPC,
            libc::EDQUOT,
            libc::ENAMETOOLONG,
        ];
        let code = io::Error::last_os_error().raw_os_error();
        match code {
            _ if file >= 0 => {}
            Some(code) if REASONS.contains(&code) => {
                LAST.set(Some(Self::Open(code, path.to_owned())));
                // SQLite looks at the error after the call.
                // SAFETY: the place of the thread's own errno is valid.
                #[cfg(target_os = "linux")]
                unsafe {
                    *libc::__errno_location() = code;
                }
                return;
            }
            // What SQLite could not create, it tries to read.
            Some(libc::ENOENT) => return,
            _ => {}
        }
        if matches!(Self::last(), Some(Self::Open(..))) {
            LAST.set(None);
        }
    }

    /// Records what the extended result code of a failed call says that its message does not, and what later messages hide.
    pub(super) fn record_code(code: c_int, message: &str) {
        let is_raised = code == ffi::SQLITE_CONSTRAINT_TRIGGER;
        if code == ffi::SQLITE_READONLY_DBMOVED {
            LAST.set(Some(Self::Moved));
        } else if code & 0xff == ffi::SQLITE_NOMEM || (message == NO_MEMORY && !is_raised) {
            LAST.set(Some(Self::Memory));
        } else if Self::last() == Some(Self::Moved)
            || (Self::last() == Some(Self::Memory) && !is_of_lost_transaction(message))
        {
            LAST.set(None);
        }
    }

    /// Takes over the last failure of another thread, which has run statements for this one.
    pub(super) fn set_last(last: Option<Self>) {
        LAST.set(last);
    }
}

/// Puts the recording calls into SQLite's table. On other systems than 64-bit Linux, nothing is recorded.
pub(super) fn record() {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    linux::record();
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux {
    use std::ffi::{c_char, c_int, c_void};
    use std::fs;
    use std::io;
    use std::mem::transmute;
    use std::path::{Path, PathBuf};
    use std::ptr;

    use libsqlite3_sys as ffi;

    use super::{Failure, LAST};

    /// A call of the table, whatever its arguments are.
    type Call = unsafe extern "C" fn();
    type Lock = unsafe extern "C" fn(c_int, c_int, *mut libc::flock) -> c_int;
    type Read = unsafe extern "C" fn(c_int, *mut c_void, usize) -> isize;
    type ReadAt = unsafe extern "C" fn(c_int, *mut c_void, usize, i64) -> isize;
    type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
    type WriteAt = unsafe extern "C" fn(c_int, *const c_void, usize, i64) -> isize;
    type Unlink = unsafe extern "C" fn(*const c_char) -> c_int;
    type Truncate = unsafe extern "C" fn(c_int, i64) -> c_int;

    pub(super) fn record() {
        // SAFETY: each call has the arguments and the result of the one whose place it takes. `fcntl` takes a variable
        // argument, which these systems pass like a fixed one. The table is changed once, while a wrapper of this crate
        // opens its first connection; SQLite reads each entry whole.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(ptr::null());
            let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) else {
                return;
            };
            let calls = [
                (c"fcntl", transmute::<Lock, Call>(lock)),
                (c"read", transmute::<Read, Call>(read)),
                (c"pread", transmute::<ReadAt, Call>(read_at)),
                (c"pread64", transmute::<ReadAt, Call>(read_at)),
                (c"write", transmute::<Write, Call>(write)),
                (c"pwrite", transmute::<WriteAt, Call>(write_at)),
                (c"pwrite64", transmute::<WriteAt, Call>(write_at)),
                (c"ftruncate", transmute::<Truncate, Call>(truncate)),
                (c"unlink", transmute::<Unlink, Call>(remove)),
            ];
            for (name, call) in calls {
                let is_used = vfs
                    .as_ref()
                    .and_then(|vfs| vfs.xGetSystemCall)
                    .and_then(|get| get(vfs, name.as_ptr()))
                    .is_some();
                if is_used {
                    set(vfs, name.as_ptr(), Some(call));
                }
            }
        }
    }

    /// The error of the call that has just failed.
    fn code() -> c_int {
        io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or_default()
    }

    unsafe extern "C" fn lock(file: c_int, command: c_int, argument: *mut libc::flock) -> c_int {
        // SAFETY: the arguments are SQLite's own.
        let result = unsafe { libc::fcntl(file, command, argument) };
        if command == libc::F_SETLK || command == libc::F_SETLKW || command == libc::F_GETLK {
            // SAFETY: these commands take a pointer to a lock.
            let is_release = c_int::from(unsafe { (*argument).l_type }) == libc::F_UNLCK;
            record_lock(result, is_release && command != libc::F_GETLK);
        }
        result
    }

    fn record_lock(result: c_int, is_release: bool) {
        const HELD_BY_OTHERS: [c_int; 5] = [
            libc::EAGAIN,
            libc::EACCES,
            libc::EINTR,
            libc::EBUSY,
            libc::EDEADLK,
        ];
        let is_lock = matches!(Failure::last(), Some(Failure::Lock(_)));
        if result != -1 {
            // SQLite releases what it holds before it reports the failure.
            if is_lock && !is_release {
                LAST.set(None);
            }
            return;
        }
        match code() {
            code if !HELD_BY_OTHERS.contains(&code) => LAST.set(Some(Failure::Lock(code))),
            _ if is_lock => LAST.set(None),
            _ => {}
        }
    }

    fn record_read(is_failed: bool) {
        if is_failed {
            match code() {
                libc::EINTR => {}
                code => LAST.set(Some(Failure::Read(code))),
            }
        }
    }

    unsafe extern "C" fn read(file: c_int, bytes: *mut c_void, count: usize) -> isize {
        // SAFETY: the arguments are SQLite's own.
        let read = unsafe { libc::read(file, bytes, count) };
        record_read(read < 0);
        read
    }

    unsafe extern "C" fn read_at(
        file: c_int,
        bytes: *mut c_void,
        count: usize,
        offset: i64,
    ) -> isize {
        // SAFETY: the arguments are SQLite's own.
        let read = unsafe { libc::pread(file, bytes, count, offset) };
        record_read(read < 0);
        read
    }

    fn record_write(file: c_int, is_failed: bool) {
        if is_failed {
            let code = code();
            LAST.set(Some(match folder_of_deleted(file) {
                Some(folder) => Failure::WriteTemporary(code, folder),
                None => Failure::Write(code),
            }));
            // SQLite looks at the error after the call.
            // SAFETY: the place of the thread's own errno is valid.
            unsafe { *libc::__errno_location() = code };
        }
    }

    /// The folder of a file that has no name any more. SQLite deletes its temporary files as soon as they are open.
    fn folder_of_deleted(file: c_int) -> Option<PathBuf> {
        let path = fs::read_link(format!("/proc/self/fd/{file}")).ok()?;
        let is_deleted = path.to_string_lossy().ends_with(" (deleted)");
        is_deleted.then(|| path.parent().map(Path::to_owned))?
    }

    unsafe extern "C" fn write(file: c_int, bytes: *const c_void, count: usize) -> isize {
        // SAFETY: the arguments are SQLite's own.
        let written = unsafe { libc::write(file, bytes, count) };
        record_write(file, written < 0);
        written
    }

    unsafe extern "C" fn write_at(
        file: c_int,
        bytes: *const c_void,
        count: usize,
        offset: i64,
    ) -> isize {
        // SAFETY: the arguments are SQLite's own.
        let written = unsafe { libc::pwrite(file, bytes, count, offset) };
        record_write(file, written < 0);
        written
    }

    unsafe extern "C" fn remove(path: *const c_char) -> c_int {
        // SAFETY: the argument is SQLite's own.
        let result = unsafe { libc::unlink(path) };
        let code = code();
        if result == 0 {
            if matches!(Failure::last(), Some(Failure::Remove(_))) {
                LAST.set(None);
            }
        } else if code != libc::ENOENT {
            LAST.set(Some(Failure::Remove(code)));
            // SQLite looks at the error after the call.
            // SAFETY: the place of the thread's own errno is valid.
            unsafe { *libc::__errno_location() = code };
        }
        result
    }

    unsafe extern "C" fn truncate(file: c_int, length: i64) -> c_int {
        // SAFETY: the arguments are SQLite's own.
        let result = unsafe { libc::ftruncate(file, length) };
        record_write(file, result != 0);
        result
    }
}
