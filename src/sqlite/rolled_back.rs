//! The rollback journals that SQLite has applied in this process.
//!
//! SQLite rolls the unfinished transaction of a killed program back with the first read, in any connection, and tells
//! nobody. It opens a journal for reading and writing without creating it only for that. It makes its system calls through
//! a table that a program can change. The call here makes the same one and records it.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr, c_char, c_int};
use std::mem::transmute;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use libsqlite3_sys as ffi;

use crate::sqlite::system_failure::Failure;

/// How often each journal was applied.
static APPLIED: Mutex<Option<HashMap<PathBuf, u64>>> = Mutex::new(None);

/// How often SQLite has applied the journal at a path, or has begun to.
pub(crate) fn times(journal: &Path) -> u64 {
    let applied = APPLIED.lock().unwrap_or_else(PoisonError::into_inner);
    let times = applied.as_ref().and_then(|applied| applied.get(journal));
    times.copied().unwrap_or_default()
}

/// Whether SQLite has applied a journal for whose path `counts` returns true.
#[cfg(feature = "cli")]
pub(crate) fn any(counts: impl Fn(&Path) -> bool) -> bool {
    let applied = APPLIED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut journals = applied.iter().flat_map(HashMap::keys);
    journals.any(|journal| counts(journal))
}

/// Puts the recording call into SQLite's table.
pub(super) fn record() {
    /// A call of the table, whatever its arguments are.
    type Call = unsafe extern "C" fn();
    type Open = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;
    // SAFETY: `open` of the table has these arguments and this result. The table is changed once, while a wrapper of this
    // crate opens its first connection; SQLite reads each entry whole.
    unsafe {
        let vfs = ffi::sqlite3_vfs_find(ptr::null());
        if let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) {
            set(vfs, c"open".as_ptr(), Some(transmute::<Open, Call>(open)));
        }
    }
}

unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: the arguments are SQLite's own. The mode is a variable argument.
    let file = unsafe { libc::open(path, flags, mode) };
    // SAFETY: SQLite passes a path that ends with NUL.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    Failure::record_open(file, Path::new(OsStr::from_bytes(path)));
    if file >= 0 && flags & libc::O_ACCMODE == libc::O_RDWR && flags & libc::O_CREAT == 0 {
        note(path);
    }
    file
}

fn note(path: &[u8]) {
    if path.ends_with(b"-journal") {
        let mut applied = APPLIED.lock().unwrap_or_else(PoisonError::into_inner);
        let journals = applied.get_or_insert_with(HashMap::new);
        let journal = Path::new(OsStr::from_bytes(path)).to_owned();
        *journals.entry(journal).or_default() += 1;
    }
}
