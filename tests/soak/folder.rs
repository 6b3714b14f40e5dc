//! Where the databases lie.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use tempfile::TempDir;

use crate::support::content::{self, Content};

/// A folder that goes when it is no longer needed, and stays where a failure is to be looked at.
pub struct Folder(Option<TempDir>);

impl Folder {
    pub fn new() -> Self {
        Self(Some(tempfile::tempdir().unwrap()))
    }

    pub fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }

    pub fn database(&self) -> PathBuf {
        self.path().join("degenbot.db")
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A copy of every file, which only makes sense while nobody has one open.
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        for name in self.names() {
            fs::copy(self.path().join(&name), copy.path().join(&name)).unwrap();
        }
        copy
    }

    /// Asserts that nothing but finished databases lies here.
    pub fn assert_tidy(&self, when: &str) {
        let names = self.names();
        let untidy = names.iter().find(|name| !is_finished(name));
        assert_eq!(untidy, None, "{when}: {names:?}");
    }

    /// What each finished database holds. They are opened in a copy of the folder: to open a database is
    /// to recover it, which is up to the next command.
    pub fn contents(&self, when: &str) -> BTreeMap<String, Content> {
        let copy = self.copy();
        let names = copy.names().into_iter().filter(|name| is_finished(name));
        names
            .map(|name| {
                let path = copy.path().join(&name);
                assert_eq!(content::complaints(&path), [""; 0], "{when}: {name}");
                let content = content::timeless(&path);
                (name, content)
            })
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("soak: what is left is in {}", folder.keep().display());
        }
    }
}

/// Whether a name is neither a temporary file's nor that of a file which SQLite keeps beside a database.
fn is_finished(name: &str) -> bool {
    !name.contains(".degenbot-tmp-")
        && !["-wal", "-shm", "-journal"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
}
