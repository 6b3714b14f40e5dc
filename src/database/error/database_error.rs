//! The error of an operation on a database.

use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;

/// Why an operation failed, and on which file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Error {
    /// What failed, and why.
    pub kind: ErrorKind,
    /// The file that the error is about, if it is about one.
    pub path: Option<PathBuf>,
    /// What the operation did before it failed. `None` if the error is not one of an operation that changes a
    /// database.
    pub effect: Option<Effect>,
}

impl Error {
    /// The path of the file that the error is about, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The hint: what a user of the command can do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.kind.hint(&self.shown_path())
    }

    /// Another error about the same file.
    pub(crate) fn with_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// Records the effect. The effect of a part of the operation counts as well.
    pub(crate) fn with_effect(self, effect: Effect) -> Self {
        Self {
            effect: self.effect.max(Some(effect)),
            ..self
        }
    }

    fn shown_path(&self) -> impl Display {
        self.path().unwrap_or(Path::new("")).display()
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind.message(&self.shown_path()))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.kind.source()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            path: None,
            effect: None,
        }
    }
}
