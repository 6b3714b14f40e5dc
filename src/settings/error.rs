//! Errors of settings.

use std::io;
use std::path::PathBuf;

/// Why settings could not be resolved or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The named config file does not exist.
    #[error("There is no config file at {path}", path = .path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The config file exists and cannot be read.
    #[error("The config file at {path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The config file is not valid TOML, or a value in it has the wrong type.
    #[error("{path}:{line}:{column}: {message}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, in characters, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A config file already exists where a new one should be written.
    #[error("A config file already exists at {path}", path = .path.display())]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// A config file could not be written.
    #[error("The config file at {path} cannot be written", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A path is not UTF-8, which a config file requires.
    #[error("The path {path} cannot be written to a config file: it is not UTF-8", path = .path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// A path starts at the home folder, and the process has none.
    #[error("The path {needed_for} needs a home folder, and there is none", needed_for = .needed_for.display())]
    NoHome {
        /// The path.
        needed_for: PathBuf,
    },
}
