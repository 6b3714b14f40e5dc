//! Where the database is and which RPC endpoints there are: the `config.toml` that the Python
//! package writes, with what overrides it.
//!
//! | value | first of |
//! |---|---|
//! | config file | override (`--config`), `DEGENBOT_CONFIG`, `degenbot/config.toml` in the XDG configuration folder |
//! | database | override (`--database`), `DEGENBOT_DB_PATH`, `database.path` in the file, `degenbot.db` beside the file |
//!
//! Reading settings never writes: an absent file at the default place means defaults.

mod environment;
mod error;
mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use error::SettingsError;

use crate::types::ChainId;

/// Values that take precedence over the environment and the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The config file to read.
    pub config: Option<PathBuf>,
    /// The database file to use.
    pub database: Option<PathBuf>,
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The config file these settings were read from, or would be if it were there; none without a home
    /// folder to look for it in.
    pub config_path: Option<PathBuf>,
    /// Where the database is.
    pub database: DatabaseSettings,
    /// The HTTP or IPC endpoint of each chain.
    pub rpc: BTreeMap<ChainId, String>,
    /// The WebSocket endpoint of each chain.
    pub ws: BTreeMap<ChainId, String>,
    /// The chain a bot session works on where it does not say.
    pub default_chain_id: Option<ChainId>,
    /// Keys of the file that this program does not know, dotted. They are left alone.
    pub unknown_keys: Vec<String>,
}

/// The `[database]` section.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// The database file.
    pub path: PathBuf,
}

impl Settings {
    /// Resolves the settings by the table of this module.
    ///
    /// In the file, a relative `database.path` starts at the file's folder; a relative override or
    /// environment variable starts at the working folder. A leading `~` is the home folder. Each
    /// unknown key is logged as a warning.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] where the file is malformed, cannot be read, or was named and is absent;
    /// and where a `~` or a default needs a home folder and there is none.
    pub fn resolve(
        overrides: &Overrides,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let database = overrides
            .database
            .as_ref()
            .or(environment.database.as_ref());
        let named = overrides.config.as_ref().or(environment.config.as_ref());
        let config_path = match named {
            Some(path) => Some(environment.expand_home(path)?),
            None => match environment.default_config_path() {
                Err(SettingsError::NoHome { .. }) if database.is_some() => None,
                path => Some(path?),
            },
        };
        let file = match &config_path {
            Some(path) => file::read(path, named.is_some())?,
            None => file::ConfigFile::default(),
        };
        let database = match (database, &file.database) {
            (Some(path), _) => environment.expand_home(path)?,
            (None, path) => {
                let path = match path {
                    Some(path) => environment.expand_home(path)?,
                    None => PathBuf::from("degenbot.db"),
                };
                let folder = config_path.as_deref().and_then(Path::parent);
                folder.unwrap_or(Path::new("")).join(path)
            }
        };
        Ok(Self {
            database: DatabaseSettings { path: database },
            rpc: file.rpc,
            ws: file.ws,
            default_chain_id: file.default_chain_id,
            unknown_keys: file.unknown_keys,
            config_path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, relative: &str) -> PathBuf {
            self.0.path().join(relative)
        }

        fn config(&self, relative: &str, text: &str) -> PathBuf {
            let path = self.path(relative);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        }

        fn environment(&self) -> Environment {
            Environment {
                home: Some(self.path("home")),
                config_home: Some(self.path("home/.config")),
                ..Environment::default()
            }
        }

        fn resolve(&self) -> Result<Settings, SettingsError> {
            Settings::resolve(&Overrides::default(), &self.environment())
        }
    }

    #[test]
    fn defaults_without_a_file() {
        let home = Home::new();
        let settings = home.resolve().unwrap();
        assert_eq!(
            settings.config_path,
            Some(home.path("home/.config/degenbot/config.toml"))
        );
        assert_eq!(
            settings.database.path,
            home.path("home/.config/degenbot/degenbot.db")
        );
        assert!(!home.path("home").exists(), "nothing may be written");
    }

    #[test]
    fn reads_what_the_python_package_writes() {
        let home = Home::new();
        home.config(
            "home/.config/degenbot/config.toml",
            "default_chain_id = 1\n\n[database]\npath = \"/data/my bots/degenbot.db\"\n\n\
             [rpc]\n1 = \"https://localhost:8545/\"\n11297108109 = \"/run/palm.ipc\"\n\n\
             [ws]\n8453 = \"wss://localhost:8546/\"\n",
        );
        let settings = home.resolve().unwrap();
        assert_eq!(
            settings.database.path,
            Path::new("/data/my bots/degenbot.db")
        );
        assert_eq!(settings.rpc.len(), 2);
        assert_eq!(
            settings.rpc[&ChainId::new(11_297_108_109).unwrap()],
            "/run/palm.ipc"
        );
        assert_eq!(
            settings.ws[&ChainId::new(8453).unwrap()],
            "wss://localhost:8546/"
        );
        assert_eq!(settings.default_chain_id, Some(ChainId::new(1).unwrap()));
        assert!(settings.unknown_keys.is_empty());
    }

    #[test]
    fn paths_in_the_file_start_at_its_folder() {
        let home = Home::new();
        let file = home.config("elsewhere/config.toml", "[database]\npath = \"db/x.db\"\n");
        let environment = Environment {
            config: Some(file),
            ..home.environment()
        };
        let settings = Settings::resolve(&Overrides::default(), &environment).unwrap();
        assert_eq!(settings.database.path, home.path("elsewhere/db/x.db"));

        home.config("elsewhere/config.toml", "[database]\npath = \"~/x.db\"\n");
        let settings = Settings::resolve(&Overrides::default(), &environment).unwrap();
        assert_eq!(settings.database.path, home.path("home/x.db"));
    }

    #[test]
    fn precedence() {
        let home = Home::new();
        let one = home.config("one/config.toml", "[database]\npath = \"one.db\"\n");
        let two = home.config("two/config.toml", "[database]\npath = \"two.db\"\n");
        let mut environment = Environment {
            config: Some(two),
            ..home.environment()
        };
        let mut overrides = Overrides {
            config: Some(one),
            database: None,
        };
        let path = |overrides: &Overrides, environment: &Environment| {
            Settings::resolve(overrides, environment)
                .unwrap()
                .database
                .path
        };
        assert_eq!(path(&overrides, &environment), home.path("one/one.db"));
        overrides.config = None;
        assert_eq!(path(&overrides, &environment), home.path("two/two.db"));
        environment.database = Some("from-environment.db".into());
        assert_eq!(
            path(&overrides, &environment),
            Path::new("from-environment.db")
        );
        overrides.database = Some("~/from-override.db".into());
        assert_eq!(
            path(&overrides, &environment),
            home.path("home/from-override.db")
        );
    }

    #[test]
    fn unknown_keys_are_listed_and_do_no_harm() {
        let home = Home::new();
        home.config(
            "home/.config/degenbot/config.toml",
            "colour = 1\n[database]\npath = \"x.db\"\nspeed = 2\n[strategy]\nname = \"x\"\n",
        );
        assert_eq!(
            home.resolve().unwrap().unknown_keys,
            ["colour", "database.speed", "strategy"]
        );
    }

    #[test]
    fn malformed_files_are_named_with_line_and_column() {
        let home = Home::new();
        let cases = [
            ("[database\npath = 1", "1:10"),
            ("[database]\npath = 1\n", "2:8"),
            ("[rpc]\n# a comment with é\nmainnet = \"x\"\n", "3:1"),
            ("[rpc]\n1 = 5\n", "2:5"),
            ("default_chain_id = -1\n", "1:20"),
            ("default_chain_id = 0\n", "1:20"),
        ];
        for (text, place) in cases {
            let path = home.config("home/.config/degenbot/config.toml", text);
            let error = home.resolve().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{}:{place}: ", path.display())),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let home = Home::new();
        let overrides = Overrides {
            config: Some(home.path("typo.toml")),
            database: None,
        };
        let error = Settings::resolve(&overrides, &home.environment()).unwrap_err();
        assert!(matches!(error, SettingsError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains("typo.toml"));
    }

    #[test]
    fn without_a_home_folder_only_what_needs_one_fails() {
        let home = Home::new();
        let file = home.config("config.toml", "[database]\npath = \"x.db\"\n");
        let mut environment = Environment {
            config: Some(file),
            ..Environment::default()
        };
        assert!(Settings::resolve(&Overrides::default(), &environment).is_ok());
        environment.database = Some("~/x.db".into());
        assert!(matches!(
            Settings::resolve(&Overrides::default(), &environment),
            Err(SettingsError::NoHome { .. })
        ));
        let homeless = Environment::default();
        assert!(matches!(
            Settings::resolve(&Overrides::default(), &homeless),
            Err(SettingsError::NoHome { .. })
        ));
        let overrides = Overrides {
            config: None,
            database: Some("x.db".into()),
        };
        let settings = Settings::resolve(&overrides, &homeless).unwrap();
        assert_eq!(settings.database.path, Path::new("x.db"));
        assert_eq!(settings.config_path, None);
    }
}
