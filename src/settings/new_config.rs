//! Writing a new config file.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::new_folders::NewFolders;
use crate::settings::config_layout::ConfigLayout;
use crate::settings::endpoint::{endpoint_without_key, endpoints_without_keys};
use crate::settings::error::SettingsError;
use crate::settings::node_tables::is_http;
use crate::settings::nodes_file;
use crate::types::integer::ChainId;

/// A config file to be written. `Debug` leaves out the keys in the addresses of nodes.
#[derive(Clone, PartialEq, Eq)]
pub struct NewConfig {
    /// The layout. Releases of the Python package that have the other one do not start with the file.
    pub layout: ConfigLayout,
    /// The path of the database, by default `degenbot.db`. A relative path starts at the config file's folder.
    pub database: PathBuf,
    /// The HTTP or IPC endpoint of each chain.
    pub rpc: BTreeMap<ChainId, String>,
    /// More HTTP or IPC endpoints of chains. They are written to `nodes.toml` beside the file.
    pub more_nodes: Vec<(ChainId, String)>,
    /// The WebSocket endpoint of each chain.
    pub ws: BTreeMap<ChainId, String>,
    /// The chain that a bot session uses by default.
    pub default_chain_id: Option<ChainId>,
}

impl Default for NewConfig {
    fn default() -> Self {
        Self {
            layout: ConfigLayout::default(),
            database: PathBuf::from("degenbot.db"),
            rpc: BTreeMap::new(),
            more_nodes: Vec::new(),
            ws: BTreeMap::new(),
            default_chain_id: None,
        }
    }
}

impl fmt::Debug for NewConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more_nodes: Vec<_> = self
            .more_nodes
            .iter()
            .map(|(chain, node)| (chain, endpoint_without_key(node)))
            .collect();
        f.debug_struct("NewConfig")
            .field("layout", &self.layout)
            .field("database", &self.database)
            .field("rpc", &endpoints_without_keys(&self.rpc))
            .field("more_nodes", &more_nodes)
            .field("ws", &endpoints_without_keys(&self.ws))
            .field("default_chain_id", &self.default_chain_id)
            .finish()
    }
}

impl NewConfig {
    /// Writes the file, and creates its folder. The releases of the Python package that have its layout can read the file
    /// too. An existing file stays as it is. Endpoints often contain keys, so only the user may read the file.
    ///
    /// # Errors
    ///
    /// [`SettingsError::AlreadyExists`] if the file exists; otherwise if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SettingsError> {
        let text = self.text()?;
        let folders = NewFolders::create(path.parent().unwrap_or(Path::new("")));
        let folders = folders.map_err(|source| unwritable(path, source))?;
        let nodes = path.with_file_name(nodes_file::NAME);
        if !self.more_nodes.is_empty() {
            write_new(&nodes, &self.nodes_text())?;
        }
        write_new(path, &text).inspect_err(|_| {
            if !self.more_nodes.is_empty() {
                // It would block the next attempt.
                let _ = fs::remove_file(&nodes);
            }
        })?;
        folders.keep();
        Ok(())
    }

    fn text(&self) -> Result<String, SettingsError> {
        let database = self
            .database
            .to_str()
            .ok_or_else(|| SettingsError::NotUtf8 {
                path: self.database.clone(),
            })?;
        let database = format!("[database]\npath = {}\n", toml::Value::from(database));
        let parts = match self.layout {
            ConfigLayout::Rpc => self.rpc_layout(database),
            ConfigLayout::Nodes => self.nodes_layout(database),
        };
        Ok(parts.join("\n"))
    }

    fn rpc_layout(&self, database: String) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(chain) = self.default_chain_id {
            parts.push(format!("default_chain_id = {chain}\n"));
        }
        parts.push(database);
        // The Python package requires this table, even if it is empty.
        parts.push(format!(
            "# The node of each chain, by chain ID: an HTTP address or the path of an IPC socket.\n[rpc]\n{}",
            endpoints(&self.rpc)
        ));
        if !self.ws.is_empty() {
            parts.push(format!("[ws]\n{}", endpoints(&self.ws)));
        }
        parts
    }

    fn nodes_layout(&self, database: String) -> Vec<String> {
        let (http, ipc): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .rpc
            .clone()
            .into_iter()
            .partition(|(_, address)| is_http(address));
        let mut parts = vec![database];
        for (comment, name, of_chains) in [
            (
                "The HTTP address of each chain's node, by chain ID.",
                "http",
                &http,
            ),
            (
                "The IPC socket of each chain's node, by chain ID: a path from the root.",
                "ipc",
                &ipc,
            ),
            (
                "The WebSocket address of each chain's node, by chain ID.",
                "ws",
                &self.ws,
            ),
        ] {
            // One table stays for what the user will add.
            if !of_chains.is_empty() || name == "http" {
                parts.push(format!(
                    "# {comment}\n[nodes.{name}]\n{}",
                    endpoints(of_chains)
                ));
            }
        }
        if let Some(chain) = self.default_chain_id {
            parts.push(format!("[session]\nchain_id = {chain}\n"));
        }
        parts
    }

    fn nodes_text(&self) -> String {
        let head = "# More nodes of chains, which are asked in turn with those of the config file. \
                        `headers` are sent\n# with every request: headers = { x-api-key = \"KEY\" }\n";
        let nodes = self.more_nodes.iter().map(|(chain, address)| {
            let address = toml::Value::from(address.as_str());
            format!("\n[[nodes]]\nchain = {chain}\naddress = {address}\n")
        });
        std::iter::once(head.to_owned()).chain(nodes).collect()
    }
}

/// Writes a file that does not exist yet.
fn write_new(path: &Path, text: &str) -> Result<(), SettingsError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let leads_nowhere = || path.is_symlink() && !path.exists();
    let mut file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists if leads_nowhere() => unwritable(
            path,
            io::Error::other("it is a link to a file that does not exist"),
        ),
        io::ErrorKind::AlreadyExists => SettingsError::AlreadyExists {
            path: path.to_owned(),
        },
        _ => unwritable(path, error),
    })?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        // A partial file would block the next attempt.
        let _ = fs::remove_file(path);
        unwritable(path, error)
    })
}

fn unwritable(path: &Path, source: io::Error) -> SettingsError {
    SettingsError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

fn endpoints(of_chains: &BTreeMap<ChainId, String>) -> String {
    let line = |(chain, endpoint): (&ChainId, &String)| {
        let endpoint = toml::Value::from(endpoint.as_str());
        [
            chain.to_string(),
            " = ".to_owned(),
            endpoint.to_string(),
            "\n".to_owned(),
        ]
        .concat()
    };
    of_chains.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;
    use crate::settings::environment::Environment;
    use crate::settings::resolve::{Overrides, Settings};

    fn read(path: &Path) -> Settings {
        let overrides = Overrides {
            config: Some(path.to_owned()),
            database: None,
        };
        Settings::resolve(&overrides, &Environment::default()).unwrap()
    }

    proptest! {
        #[test]
        fn settings_round_trip_through_a_new_config(
            name in "[^/\0~][^/\0]{0,20}",
            rpc in proptest::collection::btree_map(1_u64..1 << 40, "[^\0]{0,20}", 0..3),
            more in proptest::collection::btree_map("[^\0]{0,20}", 1_u64..1 << 40, 0..3),
            ws in proptest::collection::btree_map(1_u64..1 << 40, "[^\0]{0,20}", 0..3),
            chain in proptest::option::of(1_u64..1 << 40),
            layout in proptest::sample::select(&[ConfigLayout::Rpc, ConfigLayout::Nodes][..]),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new folder/config.toml");
            let chains = |of: BTreeMap<u64, String>| -> BTreeMap<_, _> {
                of.into_iter().map(|(chain, text)| (ChainId::new(chain).unwrap(), text)).collect()
            };
            let config = NewConfig {
                layout,
                database: Path::new("/data").join(name),
                rpc: chains(rpc),
                more_nodes: more
                    .into_iter()
                    .map(|(text, chain)| (ChainId::new(chain).unwrap(), text))
                    .collect(),
                ws: chains(ws),
                default_chain_id: chain.map(|chain| ChainId::new(chain).unwrap()),
            };
            config.write(&path).unwrap();
            let settings = read(&path);
            prop_assert_eq!(settings.database.path, config.database);
            for (chain, address) in &config.more_nodes {
                let of_chain = &settings.nodes[chain];
                prop_assert!(of_chain.iter().any(|node| node.address == *address));
            }
            prop_assert_eq!(settings.rpc, config.rpc);
            prop_assert_eq!(settings.ws, config.ws);
            prop_assert_eq!(settings.default_chain_id, config.default_chain_id);
            prop_assert!(settings.unknown_keys.is_empty());
        }
    }

    #[test]
    fn debug_output_has_no_keys() {
        let nodes = BTreeMap::from([(ChainId::ETHEREUM, "https://node.example/SECRET".to_owned())]);
        let config = NewConfig {
            rpc: nodes.clone(),
            ws: nodes,
            ..NewConfig::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        config.write(&path).unwrap();
        for shown in [format!("{config:?}"), format!("{:?}", read(&path))] {
            assert!(shown.contains("https://node.example/…"), "{shown}");
            assert!(!shown.contains("SECRET"), "{shown}");
        }
    }

    #[test]
    fn write_never_replaces_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "mine").unwrap();
        let error = NewConfig::default().write(&path).unwrap_err();
        assert!(
            matches!(error, SettingsError::AlreadyExists { .. }),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let below_a_file = path.join("config.toml");
        let error = NewConfig::default().write(&below_a_file).unwrap_err();
        assert!(matches!(error, SettingsError::Unwritable { .. }), "{error}");
    }

    #[test]
    fn both_files_are_written_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let (path, nodes) = (
            folder.path().join("config.toml"),
            folder.path().join("nodes.toml"),
        );
        let config = NewConfig {
            more_nodes: vec![(ChainId::ETHEREUM, "/run/geth.ipc".to_owned())],
            ..NewConfig::default()
        };
        for (mine, other) in [(&path, &nodes), (&nodes, &path)] {
            fs::write(mine, "mine").unwrap();
            let error = config.write(&path).unwrap_err();
            let SettingsError::AlreadyExists { path: named } = &error else {
                panic!("{error}")
            };
            assert_eq!(named, mine);
            assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
            assert!(!other.exists());
            fs::remove_file(mine).unwrap();
        }
        config.write(&path).unwrap();
        let mode = fs::metadata(&nodes).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn write_that_fails_leaves_no_folder_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder").join("x".repeat(300));
        let error = NewConfig::default().write(&path).unwrap_err();
        assert!(matches!(error, SettingsError::Unwritable { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn new_config_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        NewConfig::default().write(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
