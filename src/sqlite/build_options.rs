//! How SQLite was compiled.

use std::ffi::CStr;

use libsqlite3_sys as ffi;

/// The flags with which SQLite has no lock around the memory of all connections.
const FLAGS: &str = "-USQLITE_ENABLE_MEMORY_MANAGEMENT -DSQLITE_DEFAULT_MEMSTATUS=0";

/// The option with which SQLite has one group of page caches, and one lock, for all connections of a process.
const SHARED_CACHES: &str = "ENABLE_MEMORY_MANAGEMENT";

/// What is wrong with the way SQLite was compiled, and what to do.
///
/// With memory management, one group of page caches and one lock serve all connections of a process. The counters of
/// used memory have a lock as well, but they cost less, and a program can switch them off by itself.
pub(crate) fn warning() -> Option<String> {
    warning_about(compile_options())
}

/// The options with which SQLite was compiled, as `PRAGMA compile_options` lists them.
fn compile_options() -> impl Iterator<Item = &'static str> {
    (0..).map_while(|index| {
        // SAFETY: any number is allowed; the function can be called at any time.
        let option = unsafe { ffi::sqlite3_compileoption_get(index) };
        // SAFETY: the result is null behind the last option, or a text that is part of the library.
        let option = (!option.is_null()).then(|| unsafe { CStr::from_ptr(option) });
        option.map(|option| option.to_str().unwrap_or_default())
    })
}

fn warning_about<'options>(mut options: impl Iterator<Item = &'options str>) -> Option<String> {
    options.any(|option| option == SHARED_CACHES).then(|| {
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
    fn warning_is_about_the_options_of_the_linked_library() {
        let options: Vec<_> = compile_options().collect();
        assert!(options.contains(&"THREADSAFE=1"), "{options:?}");
        // SAFETY: the name is NUL-terminated. The function can be called at any time.
        let is_used =
            unsafe { ffi::sqlite3_compileoption_used(c"ENABLE_MEMORY_MANAGEMENT".as_ptr()) };
        assert_eq!(options.contains(&SHARED_CACHES), is_used != 0);
        assert_eq!(warning().is_some(), is_used != 0);
    }

    #[test]
    fn warning_and_documents_name_the_flags_that_avoid_it() {
        // As libsqlite3-sys builds SQLite by default, and as `.cargo/config.toml` has it built.
        let shared = ["ENABLE_LOAD_EXTENSION", SHARED_CACHES, "THREADSAFE=1"];
        let own = ["DEFAULT_MEMSTATUS=0", "THREADSAFE=1"];
        assert_eq!(warning_about(own.into_iter()), None);
        assert!(warning_about(shared.into_iter()).unwrap().contains(FLAGS));
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
