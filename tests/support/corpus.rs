//! The databases of `tests/corpus.tar.zst` and `tests/revisions.tar.zst`, copied afresh for each test:
//! opening one can change it.
//!
//! The first are real databases of the Python package's releases. The second are what its migrations
//! lead to, at every early revision (`a2-at-…`, `a2u-at-…`, `b1-at-…`) and where one of them is stopped
//! on its way (`half-…`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use degenbot::database::{Assumption, SchemaVersion, UpgradeOptions};
use tempfile::TempDir;

fn archive() -> &'static BTreeMap<String, Vec<u8>> {
    static FILES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut files = BTreeMap::new();
        for archive in ["tests/corpus.tar.zst", "tests/revisions.tar.zst"] {
            let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(archive);
            let mut decoder = zstd::Decoder::new(fs::File::open(archive).unwrap()).unwrap();
            decoder.window_log_max(27).unwrap();
            for entry in tar::Archive::new(decoder).entries().unwrap() {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().to_str().unwrap().to_owned();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                files.insert(name, bytes);
            }
        }
        files
    })
}

/// The names of the databases below these folders, such as `populated/populated-0.5.0.db`.
pub fn names(folders: &[&str]) -> Vec<&'static str> {
    archive()
        .keys()
        .map(String::as_str)
        .filter(|name| name.ends_with(".db"))
        .filter(|name| {
            folders
                .iter()
                .any(|folder| name.starts_with(&format!("{folder}/")))
        })
        .collect()
}

/// A backup of another database.
pub fn earlier_backup() -> Vec<u8> {
    Copy::of("fresh/fresh-0.6.0a3.db").files()["degenbot.db"].clone()
}

/// The databases of the folders `populated` and `upgraded` that are stamped with a supported revision.
pub fn supported() -> Vec<&'static str> {
    let names: Vec<_> = names(&["populated", "upgraded"])
        .into_iter()
        .filter(|name| {
            let stamp = Copy::of(name).stamp();
            stamp.is_some_and(|stamp| {
                SchemaVersion::all().any(|it| it.alembic_revision() == Some(stamp.as_str()))
            })
        })
        .collect();
    assert_eq!(names.len(), 14, "{names:?}");
    names
}

/// The options with which every database of the corpus that can be upgraded is: Aerodrome V2 pools are not
/// stable.
pub fn upgrade_options() -> UpgradeOptions {
    let assumption: Assumption = "aerodrome_v2.stable=false".parse().unwrap();
    UpgradeOptions::default().assumptions([assumption].into_iter().collect())
}

/// A copy of a database, with the files beside it, in a folder of its own.
pub struct Copy {
    folder: TempDir,
    pub path: PathBuf,
}

impl Copy {
    pub fn of(name: &str) -> Self {
        Self::named(name, "degenbot.db")
    }

    pub fn named(name: &str, file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        let mut found = false;
        for (entry, bytes) in archive() {
            if let Some(suffix) = entry.strip_prefix(name)
                && ["", "-wal", "-journal"].contains(&suffix)
            {
                found = true;
                fs::write(folder.path().join(format!("{file}{suffix}")), bytes).unwrap();
            }
        }
        assert!(found, "{name} is not in the corpus");
        Self { folder, path }
    }

    /// A copy that this program has brought to the latest version.
    pub fn upgraded(name: &str) -> Self {
        let copy = Self::of(name);
        degenbot::database::upgrade_existing_sqlite_database(&copy.path).unwrap();
        copy
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The one row of `alembic_version`, if it has one row.
    fn stamp(&self) -> Option<String> {
        let recognition = degenbot::database::recognise(&self.path).ok()?;
        match recognition.stamps.alembic?.as_slice() {
            [stamp] if recognition.stamps.rust_core.is_none() => Some(stamp.clone()),
            _ => None,
        }
    }

    /// Every file of the folder and its bytes.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files(self.folder.path())
    }
}

/// Every file of a folder and its bytes.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}
