//! The settings in force, and where each value comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::settings::endpoint::endpoints_without_keys;
use crate::settings::environment::Environment;
use crate::settings::error::SettingsError;
use crate::settings::file;
use crate::settings::nodes_file::{self, NodeSettings};
use crate::settings::source::Source;
use crate::types::integer::ChainId;

/// Values that take precedence over the environment and the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The config file to read.
    pub config: Option<PathBuf>,
    /// The database file to use.
    pub database: Option<PathBuf>,
}

/// The settings in force. `Debug` leaves out the keys in the addresses of nodes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The path of the config file, which may not exist. `None` if there is no home folder and no file is
    /// named.
    pub config_path: Option<PathBuf>,
    /// The source of that path.
    pub config_source: Source,
    /// Whether the config file exists.
    pub config_exists: bool,
    /// The path of the database and its source.
    pub database: DatabaseSettings,
    /// The HTTP or IPC endpoint of each chain that the environment or the config file names, the first if there are two.
    pub rpc: BTreeMap<ChainId, String>,
    /// All nodes of each chain, in the order in which they are asked: those of the environment; if there are none, those of
    /// the config file and of `nodes.toml`. An entry of `nodes.toml` with an address of the config file adds its headers
    /// to it.
    pub nodes: BTreeMap<ChainId, Vec<NodeSettings>>,
    /// The WebSocket endpoint of each chain.
    pub ws: BTreeMap<ChainId, String>,
    /// The chain that a bot session uses by default.
    pub default_chain_id: Option<ChainId>,
    /// The unknown keys of the config file, dotted. They are ignored.
    pub unknown_keys: Vec<String>,
    /// The unknown keys of `nodes.toml`, dotted. They are ignored.
    pub unknown_keys_of_nodes: Vec<String>,
}

impl Settings {
    /// The files that the settings are read from, if they are there.
    #[cfg(feature = "cli")]
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let nodes = |path: &PathBuf| path.with_file_name(nodes_file::NAME);
        let config = self.config_path.iter();
        config
            .flat_map(|path| [path.clone(), nodes(path)])
            .collect()
    }
}

/// The `[database]` section.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// The database file.
    pub path: PathBuf,
    /// The source of that path.
    pub source: Source,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("config_path", &self.config_path)
            .field("config_source", &self.config_source)
            .field("config_exists", &self.config_exists)
            .field("database", &self.database)
            .field("rpc", &endpoints_without_keys(&self.rpc))
            .field("nodes", &self.nodes)
            .field("ws", &endpoints_without_keys(&self.ws))
            .field("default_chain_id", &self.default_chain_id)
            .field("unknown_keys", &self.unknown_keys)
            .field("unknown_keys_of_nodes", &self.unknown_keys_of_nodes)
            .finish()
    }
}

impl Settings {
    /// The path of the config file, which may not exist, and the source of the path.
    ///
    /// # Errors
    ///
    /// [`SettingsError::NoHome`] if the path needs a home folder and there is none.
    pub fn locate(
        overrides: &Overrides,
        environment: &Environment,
    ) -> Result<(PathBuf, Source), SettingsError> {
        let (named, source) = first(overrides.config.as_ref(), environment.config.as_ref());
        let path = match named {
            Some(path) => environment.expand_home(path)?,
            None => environment.default_config_path()?,
        };
        Ok((path, source))
    }

    /// Resolves the settings as the module documentation describes.
    ///
    /// A relative `database.path` in the file starts at the file's folder. A relative override or
    /// environment variable starts at the working folder. A leading `~` is the home folder. Each unknown
    /// key is logged as a warning, a database of the Python package at its newer default place, which is not used, and a
    /// variable with the address of a node that cannot be used.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the file is malformed, cannot be read, or is named and does not exist, and if a
    /// `~` or a default needs a home folder and there is none.
    pub fn resolve(
        overrides: &Overrides,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let (database, database_source) =
            first(overrides.database.as_ref(), environment.database.as_ref());
        let (config_path, config_source) = match Self::locate(overrides, environment) {
            // If the database is named, no config file is needed, and so no home folder.
            Err(SettingsError::NoHome { .. })
                if database.is_some() && !is_named(overrides, environment) =>
            {
                (None, Source::Default)
            }
            located => {
                let (path, source) = located?;
                (Some(path), source)
            }
        };
        let found = match &config_path {
            Some(path) => file::read(path, config_source != Source::Default)?,
            None => None,
        };
        let config_exists = found.is_some();
        let file = found.unwrap_or_default();
        let beside = config_path
            .as_ref()
            .map(|path| path.with_file_name(nodes_file::NAME));
        let more = match beside.filter(|beside| Some(beside) != config_path.as_ref()) {
            Some(path) => nodes_file::read(&path)?,
            None => None,
        };
        let more = more.unwrap_or_default();
        let nodes = nodes(&file.addresses(), more.nodes, environment);
        let beside_config = |path: PathBuf| {
            let folder = config_path.as_deref().and_then(Path::parent);
            folder.unwrap_or(Path::new("")).join(path)
        };
        let database = match (database, &file.database) {
            (Some(path), _) => DatabaseSettings {
                path: environment.expand_home(path)?,
                source: database_source,
            },
            (None, Some(path)) => DatabaseSettings {
                path: beside_config(environment.expand_home(path)?),
                source: Source::File,
            },
            (None, None) => DatabaseSettings {
                path: beside_config(PathBuf::from("degenbot.db")),
                source: Source::Default,
            },
        };
        if matches!(database.source, Source::Default | Source::File)
            && !database.path.exists()
            && let Some(other) = environment.python_database()
        {
            log::warn!(
                "The Python package has a database at {}, which is not used unless --database, DEGENBOT_DB_PATH or the config file names it",
                other.display()
            );
        }
        for name in &environment.unusable_nodes {
            log::warn!(
                "{name} is not used: it must end with a chain ID, and its value must be UTF-8"
            );
        }
        let first = |(chain, addresses): (ChainId, Vec<String>)| {
            Some((chain, addresses.into_iter().next()?))
        };
        Ok(Self {
            database,
            config_source,
            config_exists,
            rpc: file
                .addresses()
                .into_iter()
                .filter_map(first)
                .chain(environment.rpc.clone())
                .chain(environment.ipc.clone())
                .collect(),
            nodes,
            ws: file.ws,
            default_chain_id: file.default_chain_id,
            unknown_keys: file.unknown_keys,
            unknown_keys_of_nodes: more.unknown_keys,
            config_path,
        })
    }
}

/// The nodes of each chain: those of the environment, otherwise those of the files.
fn nodes(
    of_config: &BTreeMap<ChainId, Vec<String>>,
    more: BTreeMap<ChainId, Vec<NodeSettings>>,
    environment: &Environment,
) -> BTreeMap<ChainId, Vec<NodeSettings>> {
    let mut nodes = more;
    for (chain, addresses) in of_config {
        let of_chain = nodes.entry(*chain).or_default();
        for address in addresses.iter().rev() {
            match of_chain.iter().position(|node| node.address == *address) {
                Some(index) => of_chain[..=index].rotate_right(1),
                None => of_chain.insert(0, NodeSettings::new(address.clone(), Source::File)),
            }
        }
    }
    for (chain, address) in &environment.rpc {
        let node = NodeSettings::new(address.clone(), Source::Environment);
        nodes.insert(*chain, vec![node]);
    }
    for (chain, address) in &environment.ipc {
        let node = NodeSettings::new(address.clone(), Source::IpcEnvironment);
        match nodes.get_mut(chain) {
            Some(of_chain) if environment.rpc.contains_key(chain) => of_chain.insert(0, node),
            _ => drop(nodes.insert(*chain, vec![node])),
        }
    }
    nodes
}

/// Whether an override or the environment names the config file.
fn is_named(overrides: &Overrides, environment: &Environment) -> bool {
    overrides.config.is_some() || environment.config.is_some()
}

/// The override, or otherwise the value of the environment.
fn first<'path>(
    overridden: Option<&'path PathBuf>,
    environment: Option<&'path PathBuf>,
) -> (Option<&'path PathBuf>, Source) {
    match (overridden, environment) {
        (Some(path), _) => (Some(path), Source::Override),
        (None, Some(path)) => (Some(path), Source::Environment),
        (None, None) => (None, Source::Default),
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
    fn defaults_apply_without_a_config_file() {
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
    fn config_of_the_python_package_is_read() {
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
    fn relative_path_in_a_config_starts_at_its_folder() {
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
    fn override_wins_over_environment_and_environment_over_config() {
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
    fn unknown_keys_are_listed_and_ignored() {
        let home = Home::new();
        home.config(
            "home/.config/degenbot/config.toml",
            "colour = 1\n[database]\npath = \"x.db\"\nspeed = 2\n[databse]\npath = \"x\"\n\
             [strategy]\nname = \"x\"\n",
        );
        assert_eq!(
            home.resolve().unwrap().unknown_keys,
            ["colour", "database.speed", "databse"]
        );
    }

    #[test]
    fn nodes_come_from_the_environment_or_from_both_files() {
        let home = Home::new();
        home.config(
            "home/.config/degenbot/config.toml",
            "[database]\npath = \"x.db\"\n[rpc]\n1 = \"https://a.example/KEY\"\n10 = \"/run/ten.ipc\"\n",
        );
        home.config(
            "home/.config/degenbot/nodes.toml",
            "[[nodes]]\nchain = 1\naddress = \"https://b.example/KEY\"\n\
             [[nodes]]\nchain = 1\naddress = \"https://a.example/KEY\"\nheaders = { x-key = \"KEY\" }\n\
             [[nodes]]\nchain = 8453\naddress = \"/run/base.ipc\"\ncolour = 1\n",
        );
        let mut environment = home.environment();
        let nodes = |environment: &Environment| {
            let settings = Settings::resolve(&Overrides::default(), environment).unwrap();
            assert!(settings.unknown_keys.is_empty());
            assert_eq!(settings.unknown_keys_of_nodes, ["nodes.colour"]);
            assert!(!format!("{settings:?}").contains("KEY"), "{settings:?}");
            let nodes = settings.nodes.into_iter().flat_map(|(chain, nodes)| {
                nodes.into_iter().map(move |node| {
                    let headers = node.headers.len();
                    format!("{chain} {} {headers} {:?}", node.address, node.source)
                })
            });
            nodes.collect::<Vec<_>>()
        };
        assert_eq!(
            nodes(&environment),
            [
                "1 https://a.example/KEY 1 NodesFile",
                "1 https://b.example/KEY 0 NodesFile",
                "10 /run/ten.ipc 0 File",
                "8453 /run/base.ipc 0 NodesFile",
            ]
        );
        let of_environment = "https://c.example/KEY".to_owned();
        environment.rpc.insert(ChainId::ETHEREUM, of_environment);
        assert_eq!(
            nodes(&environment)[..2],
            [
                "1 https://c.example/KEY 0 Environment",
                "10 /run/ten.ipc 0 File"
            ]
        );
        let socket = "/run/geth.ipc".to_owned();
        environment.ipc.insert(ChainId::ETHEREUM, socket.clone());
        environment.ipc.insert(ChainId::BASE, socket);
        assert_eq!(
            nodes(&environment),
            [
                "1 /run/geth.ipc 0 IpcEnvironment",
                "1 https://c.example/KEY 0 Environment",
                "10 /run/ten.ipc 0 File",
                "8453 /run/geth.ipc 0 IpcEnvironment",
            ]
        );
    }

    #[test]
    fn nodes_of_both_tables_come_before_those_of_the_other_file() {
        let home = Home::new();
        home.config(
            "home/.config/degenbot/config.toml",
            "[nodes.http]\n1 = \"https://a.example\"\n[nodes.ipc]\n1 = \"/run/geth.ipc\"\n",
        );
        home.config(
            "home/.config/degenbot/nodes.toml",
            "[[nodes]]\nchain = 1\naddress = \"https://b.example\"\n\
             [[nodes]]\nchain = 1\naddress = \"/run/geth.ipc\"\nheaders = { x = \"y\" }\n",
        );
        let settings = home.resolve().unwrap();
        let nodes = settings.nodes[&ChainId::ETHEREUM].iter();
        let nodes: Vec<_> = nodes
            .map(|node| (node.address.as_str(), node.headers.len()))
            .collect();
        assert_eq!(
            nodes,
            [
                ("/run/geth.ipc", 1),
                ("https://a.example", 0),
                ("https://b.example", 0)
            ]
        );
        assert_eq!(settings.rpc[&ChainId::ETHEREUM], "/run/geth.ipc");
    }

    #[test]
    fn missing_config_is_an_error_if_it_was_named() {
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
    fn missing_home_folder_fails_only_if_it_is_needed() {
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
