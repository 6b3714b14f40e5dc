//! Files of metrics for the textfile collector of `node_exporter`.

use std::fmt::Write as _;
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

/// The kinds of figures.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Gauge,
    Counter,
}

/// Prometheus has only this kind of number. Blocks and counts stay exact in it.
#[expect(
    clippy::cast_precision_loss,
    reason = "no figure comes near the limit of 2^53"
)]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}

/// The text of such a file.
#[derive(Debug, Default)]
pub(super) struct Figures {
    text: String,
}

impl Figures {
    /// Begins a figure: its name without the prefix, its kind and its description.
    pub(super) fn describe(&mut self, name: &str, kind: Kind, description: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP degenbot_{name} {description}");
        let _ = writeln!(self.text, "# TYPE degenbot_{name} {kind}");
    }

    /// Appends a value of the figure.
    pub(super) fn push(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped_label(value)))
            .collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.text, "degenbot_{name}{labels} {value}");
    }
}

/// The value of a label, as the format of Prometheus has it.
fn escaped_label(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// A file of metrics, which is replaced as a whole.
#[derive(Debug)]
pub(super) struct MetricsFile {
    path: PathBuf,
}

impl MetricsFile {
    /// The file at a path. Fails if something is there that may not be replaced: anything but a file that begins like
    /// those of the command.
    pub(super) fn at(path: PathBuf, settings: &Settings, begin: &str) -> Result<Self, Error> {
        require_unused(&path, settings)?;
        require_own(&path, begin)?;
        Ok(Self { path })
    }

    /// Replaces the file.
    pub(super) fn replace(&self, figures: &Figures) -> Result<(), Error> {
        let mut staged = StagedFile::create(&self.path, PUBLIC)?;
        staged.write(figures.text.as_bytes())?;
        staged.replace_unsynced()
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

/// Fails if what is at the path is neither a file of metrics of this program, nor nothing.
fn require_own(path: &Path, expected_begin: &str) -> Result<(), Error> {
    require_replaceable_file(path)?;
    let foreign = || {
        let expected = "a file of metrics of this command";
        ErrorKind::TargetIsForeign { expected }.at(path)
    };
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
    Err(foreign())
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
                MetricsFile::at(at(name), &settings, BEGIN).is_ok(),
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
                MetricsFile::at(at(name), &settings, BEGIN).is_err(),
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
            let error = MetricsFile::at(at(name), &settings, BEGIN).unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::TargetIsReserved { .. }),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn labels_are_escaped() {
        let mut figures = Figures::default();
        figures.describe("size", Kind::Gauge, "The size.");
        figures.push("size", &[], 1.0);
        figures.push("size", &[("path", "a\\b\"c\nd"), ("of", "é")], 1.5);
        assert_eq!(
            figures.text,
            "# HELP degenbot_size The size.\n# TYPE degenbot_size gauge\ndegenbot_size 1\n\
             degenbot_size{path=\"a\\\\b\\\"c\\nd\",of=\"é\"} 1.5\n"
        );
    }
}
