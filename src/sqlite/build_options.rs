//! How SQLite was compiled.

use libsqlite3_sys as ffi;

/// The flags with which SQLite has no lock around the memory of all connections.
const FLAGS: &str = "-USQLITE_ENABLE_MEMORY_MANAGEMENT -DSQLITE_DEFAULT_MEMSTATUS=0";

/// What is wrong with the way SQLite was compiled, and what to do.
///
/// With memory management, one group of page caches and one lock serve all connections of a process. The counters of
/// used memory have a lock as well, but they cost less, and a program can switch them off by itself.
pub(crate) fn warning() -> Option<String> {
    // SAFETY: the name is NUL-terminated. The function can be called at any time.
    let is_used = unsafe { ffi::sqlite3_compileoption_used(c"ENABLE_MEMORY_MANAGEMENT".as_ptr()) };
    warning_if(is_used != 0)
}

fn warning_if(has_memory_management: bool) -> Option<String> {
    has_memory_management.then(|| {
        format!(
            "SQLite is built with one lock around the caches of all connections, so threads that read wait for each \
             other; set LIBSQLITE3_FLAGS to \"{FLAGS}\" when the program is built"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_and_documents_name_the_flags_that_avoid_it() {
        assert_eq!(warning(), None);
        assert_eq!(warning_if(false), None);
        assert!(warning_if(true).unwrap().contains(FLAGS));
        for (name, text) in [
            (
                ".cargo/config.toml",
                include_str!("../../.cargo/config.toml"),
            ),
            ("src/lib.rs", include_str!("../lib.rs")),
        ] {
            let line = format!("LIBSQLITE3_FLAGS = \"{FLAGS}\"");
            assert!(text.contains(&line), "{name}");
        }
    }
}
