//! Folders that are created for a new file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folders that were created for a file. They are removed again unless they are kept, so that a command that fails
/// leaves none behind.
#[derive(Debug)]
pub(crate) struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    /// Creates a folder, with those above it that are missing.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let mut created = Self(Vec::new());
        let missing: Vec<_> = folder
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !above.is_dir())
            .collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => created.0.push(folder.to_owned()),
                // Another process was faster, or the path has a `..`.
                Err(_) if folder.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(created)
    }

    /// Leaves the folders where they are.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // A folder that is no longer empty stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_go_unless_they_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b/c");
        fs::create_dir(root.path().join("a")).unwrap();
        drop(NewFolders::create(&folder).unwrap());
        assert!(root.path().join("a").is_dir());
        assert!(!root.path().join("a/b").exists());
        fs::write(root.path().join("a/file"), "").unwrap();
        assert!(NewFolders::create(&root.path().join("a/file/b")).is_err());
        NewFolders::create(&folder).unwrap().keep();
        assert!(folder.is_dir());
        NewFolders::create(Path::new("")).unwrap().keep();
        drop(NewFolders::create(&folder).unwrap());
        assert!(folder.is_dir());
    }
}
