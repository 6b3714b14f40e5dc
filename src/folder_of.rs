//! The folder that a path leads to a file of.

use std::path::Path;

/// The folder of a file. For a bare name, it is the working folder.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_of_a_bare_name_is_the_working_folder() {
        assert_eq!(folder_of(Path::new("x.db")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/x.db")), Path::new("a"));
        assert_eq!(folder_of(Path::new("/x.db")), Path::new("/"));
    }
}
