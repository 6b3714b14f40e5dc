//! Errors of settings.

use std::fmt::{self, Display};
use std::io;
use std::path::PathBuf;

use crate::documented_errors::documented_errors;

documented_errors! {
    /// Why settings could not be resolved or written.
    #[derive(Debug)]
    #[non_exhaustive]
    pub enum SettingsError(_path) {
        /// The named config file does not exist.
        NotFound {
            /// The file.
            path: PathBuf = PathBuf::from("PATH"),
        }
            in ConfigFile;
            text format!("There is no config file at {}", path.display());
            hint "Check --config and DEGENBOT_CONFIG; without them ~/.config/degenbot/config.toml is \
                  read if it is there";
            when "The config file that `--config` or `DEGENBOT_CONFIG` names is not there.";

        /// The config file exists and cannot be read.
        Unreadable {
            /// The file.
            path: PathBuf = PathBuf::from("PATH"),
            /// Why not.
            source: io::Error = io::ErrorKind::PermissionDenied.into(),
        }
            in ConfigFile;
            text format!("The config file at {} cannot be read", path.display());
            hint file_hint(source);
            cause(source) Some(source);
            when "The config file may not be read, or is a folder.";

        /// `nodes.toml` exists and cannot be read.
        NodesUnreadable {
            /// The file.
            path: PathBuf = PathBuf::from("PATH"),
            /// Why not.
            source: io::Error = io::ErrorKind::IsADirectory.into(),
        }
            in ConfigFile;
            text format!("The nodes file at {} cannot be read", path.display());
            hint match source.kind() {
                io::ErrorKind::PermissionDenied => file_hint(source).to_owned(),
                _ => format!(
                    "Move {} away, or put a file in its place: whatever has this name beside the config file is read",
                    path.display()
                ),
            };
            cause(source) Some(source);
            when "The nodes.toml beside the config file may not be read, or is a folder.";

        /// A file of settings is not UTF-8.
        Encoding {
            /// The file.
            path: PathBuf = PathBuf::from("PATH"),
            /// The encoding that it probably has, as `iconv` names it.
            encoding: &'static str = "UTF-16",
            /// How that shows.
            detail: String = "it begins as a UTF-16 text does".to_owned(),
        }
            in ConfigFile;
            text format!("{} is not UTF-8: {detail}", path.display());
            hint format!(
                "Save it as UTF-8 in your editor, or convert it with 'iconv -f {encoding} -t UTF-8'"
            );
            when "The config file, or the nodes.toml beside it, has another encoding, such as UTF-16 or Latin-1.";

        /// The config file is not valid TOML, or a value in it has the wrong type.
        Malformed {
            /// The file.
            path: PathBuf = PathBuf::from("PATH"),
            /// The line, counted from 1.
            line: usize = 2,
            /// The column, in characters, counted from 1.
            column: usize = 8,
            /// What is wrong there.
            message: String = "MESSAGE".to_owned(),
        }
            in ConfigFile;
            text format!("{}:{line}:{column}: {message}", path.display());
            hint "Correct the file; its form is described in README.md";
            when "The config file is no TOML, or a value in it has the wrong type.";

        /// A path starts at the home folder, and the process has none.
        NoHome {
            /// The path.
            needed_for: PathBuf = PathBuf::from("PATH"),
        }
            in ConfigFile;
            text format!("The path {} needs a home folder, and there is none", needed_for.display());
            hint "Set HOME, or give the path with --config or --database";
            when "A path begins with `~`, or the usual place is looked for, and there is no home folder.";

        /// A config file already exists where a new one should be written.
        AlreadyExists {
            /// The file.
            path: PathBuf = PathBuf::from("PATH"),
        }
            in ConfigFile;
            text format!("A config file already exists at {}", path.display());
            hint "Edit it, or move it away; 'degenbot config show' tells what it says";
            when "`config init` finds a file where it would write one.";

        /// A config file could not be written.
        Unwritable {
            /// The file.
            path: PathBuf = PathBuf::from("PATH"),
            /// Why not.
            source: io::Error = io::ErrorKind::PermissionDenied.into(),
        }
            in ConfigFile;
            text format!("The config file at {} cannot be written", path.display());
            hint file_hint(source);
            cause(source) Some(source);
            when "`config init` may not write the file or its folder.";

        /// A path is not UTF-8, which a config file requires.
        NotUtf8 {
            /// The path.
            path: PathBuf = PathBuf::from("PATH"),
        }
            in ConfigFile;
            text format!("The path {} cannot be written to a config file: it is not UTF-8", path.display());
            hint "Give the path with --database or DEGENBOT_DB_PATH instead";
            when "`config init` is to write down a path that is not text.";
    }
}

/// What to do about a file that cannot be read or written.
fn file_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Check the permissions of the file and of its folder"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Free some space, or delete files if the disk can hold no more of them ('df -i')"
        }
        io::ErrorKind::InvalidFilename => {
            "Give a path with shorter names (--config, DEGENBOT_CONFIG)"
        }
        io::ErrorKind::IsADirectory => {
            "Give the path of the file in the folder (--config, DEGENBOT_CONFIG)"
        }
        _ => "Check the path (--config, DEGENBOT_CONFIG) and the state of the disk",
    }
}

impl SettingsError {
    /// What to do next.
    pub(crate) fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl std::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause()
    }
}
