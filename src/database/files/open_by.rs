//! The programs that have a database open, as far as the system reports them.

use std::path::Path;

use serde::Serialize;

/// A program that has a database open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Program {
    /// Whether it holds the write lock.
    pub is_writing: bool,
    /// The process id.
    pub pid: u32,
    /// The name of the process, according to the system.
    pub name: String,
}

impl Program {
    /// Whether it is Litestream, by its name.
    #[must_use]
    pub fn is_litestream(&self) -> bool {
        self.name == "litestream"
    }
}

/// Lists the other programs that have a database open, writers first.
///
/// It reads the open files of processes from `/proc`, as far as this process may inspect them, and the locks that they
/// hold, whoever they belong to. Every program that has a database in WAL mode open holds a lock. Programs in other
/// containers are not seen. On other systems than Linux, the list is empty. It does not open the database.
#[must_use]
pub fn programs_using(path: &Path) -> Vec<Program> {
    #[cfg(target_os = "linux")]
    return linux::programs_using(path);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        Vec::new()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::process;

    use crate::database::files::database_file::{DatabaseFile, Sidecar};
    use crate::database::files::open_by::Program;
    use crate::database::files::regular_file::{Identity, identity};

    /// The byte of the `-shm` file that a writer locks in WAL mode, and the byte of the database that it locks in
    /// rollback mode (<https://sqlite.org/walformat.html>, section 2.3; `os.h` in SQLite's source).
    const WAL_WRITE_LOCK: u64 = 120;
    const RESERVED_LOCK: u64 = 0x4000_0001;

    pub(crate) fn programs_using(path: &Path) -> Vec<Program> {
        let file = DatabaseFile::at(path);
        let [database, index] = [file.real(), &file.sidecar(Sidecar::Shm)].map(identity);
        let files: Vec<_> = [database, identity(&file.sidecar(Sidecar::Wal)), index]
            .into_iter()
            .flatten()
            .collect();
        let holders = lock_holders(database, index);
        let mut programs: Vec<_> = processes()
            .filter(|pid| *pid != process::id())
            // A file of another file system can have the inode of a lock. The open files tell them apart.
            .filter(|pid| has_open(*pid, &files).unwrap_or_else(|| holders.contains_key(pid)))
            .map(|pid| Program {
                is_writing: holders.get(&pid) == Some(&true),
                pid,
                name: name(pid),
            })
            .collect();
        programs.sort_by_key(|program| (!program.is_writing, program.pid));
        programs
    }

    fn processes() -> impl Iterator<Item = u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    /// Whether a process has one of these files open; `None` if this process may not know.
    fn has_open(pid: u32, files: &[Identity]) -> Option<bool> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        // This is the metadata of the open file, even if it was renamed.
        let has_open = descriptors
            .flatten()
            .filter_map(|entry| identity(&entry.path()))
            .any(|file| files.contains(&file));
        Some(has_open)
    }

    fn name(pid: u32) -> String {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim().to_owned()
    }

    /// The processes that hold locks, and whether one is the write lock. A line of `/proc/locks` ends with the process id,
    /// the file as `MAJOR:MINOR:INODE`, and the first and last byte of the lock.
    fn lock_holders(database: Option<Identity>, index: Option<Identity>) -> BTreeMap<u32, bool> {
        let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut holders = BTreeMap::new();
        for line in locks.lines().filter(|line| !line.contains("->")) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [_, "POSIX", _, mode, pid, file, first, last] = fields[..] else {
                continue;
            };
            let inode = file.rsplit(':').next().and_then(|inode| inode.parse().ok());
            let covers = |byte: u64| {
                first.parse().is_ok_and(|first: u64| first <= byte)
                    && (last == "EOF" || last.parse().is_ok_and(|last: u64| byte <= last))
            };
            let is_of = |file: Option<Identity>| inode.is_some() && file.map(|f| f.1) == inode;
            let is_writing = mode == "WRITE"
                && (is_of(index) && covers(WAL_WRITE_LOCK)
                    || is_of(database) && covers(RESERVED_LOCK));
            if (is_of(index) || is_of(database))
                && let Ok(pid) = pid.parse()
            {
                *holders.entry(pid).or_default() |= is_writing;
            }
        }
        holders
    }
}
