//! Files of text that a command writes as a whole, and replaces only where they are its own.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::settings_files::require_other;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::regular_file::{open_regular, require_replaceable_file};
use crate::database::files::reserved::use_of;
use crate::database::files::staged_file::{PUBLIC, StagedFile};
use crate::settings::resolve::Settings;

/// A file that is replaced as a whole.
#[derive(Debug)]
pub(super) struct OwnFile {
    path: PathBuf,
}

impl OwnFile {
    /// The file at a path. Fails if something is there that may not be replaced: anything but a file that begins like
    /// those of the command. `expected` says what those are.
    pub(super) fn at(
        path: PathBuf,
        settings: &Settings,
        begin: &str,
        expected: &'static str,
    ) -> Result<Self, Error> {
        require_unused(&path, settings)?;
        require_own(&path, begin, expected)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file.
    pub(super) fn replace(&self, content: &[u8]) -> Result<(), Error> {
        self.staged(content)?.replace()
    }

    /// Replaces the file, whose content is soon replaced again, so that nothing waits for the disk.
    pub(super) fn replace_unsynced(&self, content: &[u8]) -> Result<(), Error> {
        self.staged(content)?.replace_unsynced()
    }

    fn staged(&self, content: &[u8]) -> Result<StagedFile, Error> {
        let mut staged = StagedFile::create(&self.path, PUBLIC)?;
        staged.write(content)?;
        Ok(staged)
    }
}

/// Fails if the path is one that belongs to the database, or that of a file with settings. A file of the database must not
/// be opened here either: closing it would drop SQLite's locks.
fn require_unused(path: &Path, settings: &Settings) -> Result<(), Error> {
    match use_of(&DatabaseFile::at(&settings.database.path), path) {
        Some(used) => Err(ErrorKind::TargetIsReserved { what: used.title() }.at(path)),
        None => require_other(settings, path),
    }
}

/// Fails if what is at the path is neither a file of this command, nor nothing.
fn require_own(path: &Path, expected_begin: &str, expected: &'static str) -> Result<(), Error> {
    require_replaceable_file(path)?;
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return require_folder(path);
    };
    if !metadata.is_file() {
        return Err(ErrorKind::AlreadyExists.at(path));
    }
    let mut begin = Vec::new();
    let file = open_regular(path).map_err(|error| Error::io(path, "read", error))?;
    file.take(expected_begin.len() as u64)
        .read_to_end(&mut begin)
        .map_err(|error| Error::io(path, "read", error))?;
    if begin.is_empty() || begin == expected_begin.as_bytes() {
        return Ok(());
    }
    Err(ErrorKind::TargetIsForeign { expected }.at(path))
}

/// Fails if a new file cannot be made at the path.
fn require_folder(path: &Path) -> Result<(), Error> {
    StagedFile::create(path, PUBLIC).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::settings::environment::Environment;
    use crate::settings::resolve::Overrides;

    const BEGIN: &str = "# HELP degenbot_this ";

    fn settings(folder: &Path) -> Settings {
        let overrides = Overrides {
            config: Some(folder.join("config.toml")),
            database: Some(folder.join("degenbot.db")),
        };
        fs::write(folder.join("config.toml"), "").unwrap();
        Settings::resolve(&overrides, &Environment::default()).unwrap()
    }

    #[test]
    fn only_its_own_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let settings = settings(folder.path());
        fs::write(at("degenbot.db"), "").unwrap();
        fs::write(at("empty.prom"), "").unwrap();
        fs::write(at("foreign.prom"), "node_load1 0.5\n").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("empty.prom"), at("link.prom")).unwrap();
        symlink(at("nothing"), at("dangling.prom")).unwrap();
        fs::write(at("own.prom"), format!("{BEGIN}is this")).unwrap();
        fs::write(at("other.prom"), "# HELP degenbot_of_another command").unwrap();
        for name in ["own.prom", "empty.prom", "new.prom"] {
            assert!(
                OwnFile::at(at(name), &settings, BEGIN, "one").is_ok(),
                "{name}"
            );
        }
        for name in [
            "foreign.prom",
            "other.prom",
            "folder",
            "link.prom",
            "dangling.prom",
            "/dev/null",
            "nowhere/new.prom",
        ] {
            assert!(
                OwnFile::at(at(name), &settings, BEGIN, "one").is_err(),
                "{name}"
            );
        }
        assert!(!at("new.prom").exists());
    }

    #[test]
    fn path_that_is_used_otherwise_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let settings = settings(folder.path());
        fs::write(at("degenbot.db"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("degenbot.db.bak", at("link-to-backup")).unwrap();
        symlink("nodes.toml", at("link-to-nodes")).unwrap();
        fs::hard_link(at("degenbot.db"), at("hard")).unwrap();
        fs::hard_link(at("config.toml"), at("hard-config")).unwrap();
        for name in [
            "degenbot.db",
            "folder/../degenbot.db-wal",
            "degenbot.db.bak",
            "degenbot.db.bak-wal",
            "degenbot.db.pre-upgrade",
            "degenbot.db.pre-restore",
            "degenbot.db.degenbot-tmp-1-0",
            "link-to-backup",
            "hard",
            "config.toml",
            "hard-config",
            "nodes.toml",
            "link-to-nodes",
        ] {
            let error = OwnFile::at(at(name), &settings, BEGIN, "one").unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::TargetIsReserved { .. }),
                "{name}: {error}"
            );
        }
    }
}
