use std::io;
use std::path::PathBuf;

/// Why settings could not be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The config file that was asked for is not there.
    #[error("There is no config file at {path}", path = .path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The config file is there and cannot be read.
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
    /// A config file is already where a new one was to be written.
    #[error("There is already a config file at {path}", path = .path.display())]
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
    /// A path that is to be written to a config file, which is text, is not UTF-8.
    #[error("{path} cannot be written to a config file: it is not UTF-8", path = .path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// A path starts at the home folder and the process has none.
    #[error("No home folder is known, which {needed_for} needs", needed_for = .needed_for.display())]
    NoHome {
        /// The path.
        needed_for: PathBuf,
    },
}
