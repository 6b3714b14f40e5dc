//! The versions and migrations that a test expects, so that none has to change when a migration is added.

use std::fs;
use std::path::Path;

use degenbot::database::SchemaVersion;

/// The words after which the latest version stands for whichever is the latest. Elsewhere it is the version
/// of that name.
const BEFORE_LATEST: [&str; 4] = [" to ", "To         ", "latest (", "latest version ("];

/// The newest version that a database of the corpus is of.
pub fn newest_of_corpus() -> SchemaVersion {
    "20260618000000".parse().unwrap()
}

/// The names of the migrations that come after a version.
pub fn migrations_after(version: SchemaVersion) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            let (number, _) = name.split_once('_').unwrap();
            *number.replace('-', "") > *version.migration()
        })
        .collect();
    names.sort();
    names
}

/// A text with `[LATEST]` where it means the latest version, and without the lines about migrations that are
/// newer than the corpus.
pub fn without_versions(text: &str) -> String {
    let latest = SchemaVersion::latest().to_string();
    let newer = migrations_after(newest_of_corpus());
    text.split_inclusive('\n')
        .filter(|line| !newer.iter().any(|name| line.trim_end().ends_with(name)))
        .map(|line| {
            // The migration of a version with a revision stands beside it.
            if line.starts_with("Latest       ") {
                return "Latest       [LATEST]\n".to_owned();
            }
            BEFORE_LATEST.iter().fold(line.to_owned(), |line, before| {
                line.replace(&format!("{before}{latest}"), &format!("{before}[LATEST]"))
            })
        })
        .collect()
}
