//! The environment variables and folders that settings depend on.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::settings::error::SettingsError;
use crate::sqlite::file_uri::is_database;
use crate::types::integer::ChainId;

/// The environment of a process, as far as settings depend on it.
///
/// It is a separate value, so that [`Settings::resolve`](crate::settings::Settings::resolve) depends only on its
/// arguments. [`Environment::from_process`] is the only place in the library that reads environment
/// variables: the binary and `db_session` must find the same database.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Environment {
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The XDG configuration folder, usually `~/.config`.
    pub config_home: Option<PathBuf>,
    /// The XDG state folder, usually `~/.local/state`.
    pub state_home: Option<PathBuf>,
    /// `DEGENBOT_CONFIG`.
    pub config: Option<PathBuf>,
    /// `DEGENBOT_DB_PATH`.
    pub database: Option<PathBuf>,
    /// `DEGENBOT_RPC_HTTP_CHAINID_1` and so on: the endpoint of each chain.
    pub rpc: BTreeMap<ChainId, String>,
    /// `DEGENBOT_RPC_IPC_CHAINID_1` and so on: the socket of each chain's node, which is asked first.
    pub ipc: BTreeMap<ChainId, String>,
    /// Variables of the last two kinds that are not used: what the name ends with is no chain id, or the value is not UTF-8.
    pub unusable_nodes: Vec<String>,
}

/// The name of the variable with the endpoint of a chain, without the chain's id.
const RPC: &str = "DEGENBOT_RPC_HTTP_CHAINID_";

/// The name of the variable with the socket of a chain's node, without the chain's id.
const IPC: &str = "DEGENBOT_RPC_IPC_CHAINID_";

impl Environment {
    /// The environment of this process. An empty variable counts as unset.
    #[must_use]
    pub fn from_process() -> Self {
        let path = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        // The Python package uses ~/.config on every system, which is what XDG gives.
        let xdg = etcetera::base_strategy::Xdg::new().ok();
        let mut unusable_nodes = Vec::new();
        Self {
            home: etcetera::home_dir().ok(),
            config_home: xdg.as_ref().map(BaseStrategy::config_dir),
            state_home: xdg.as_ref().and_then(BaseStrategy::state_dir),
            config: path("DEGENBOT_CONFIG"),
            database: path("DEGENBOT_DB_PATH"),
            rpc: of_chains(RPC, &mut unusable_nodes),
            ipc: of_chains(IPC, &mut unusable_nodes),
            unusable_nodes,
        }
    }

    /// The database of the Python package from 0.6.0a12 on at the place where it lies if its config file names none.
    pub(crate) fn python_database(&self) -> Option<PathBuf> {
        let state = self.state_home.as_ref()?;
        let path = state.join("degenbot").join("db").join("degenbot.db");
        is_database(&path).then_some(path)
    }

    /// An address of a node, in which a leading `~` is the home folder.
    #[cfg(feature = "cli")]
    pub(crate) fn expand_home_of(&self, address: &str) -> String {
        match (&self.home, address.strip_prefix("~/")) {
            (Some(home), Some(below_home)) => home.join(below_home).display().to_string(),
            _ => address.to_owned(),
        }
    }

    pub(super) fn default_config_path(&self) -> Result<PathBuf, SettingsError> {
        let folder = self.config_home.as_ref().ok_or(SettingsError::NoHome {
            needed_for: PathBuf::from("~/.config/degenbot/config.toml"),
        })?;
        Ok(folder.join("degenbot").join("config.toml"))
    }

    pub(super) fn expand_home(&self, path: &Path) -> Result<PathBuf, SettingsError> {
        let Ok(below_home) = path.strip_prefix("~") else {
            return Ok(path.to_owned());
        };
        match &self.home {
            Some(home) if below_home.as_os_str().is_empty() => Ok(home.clone()),
            Some(home) => Ok(home.join(below_home)),
            None => Err(SettingsError::NoHome {
                needed_for: path.to_owned(),
            }),
        }
    }
}

/// The variables whose names begin so and end with a chain id. The names of those that cannot be used go into `unusable`.
fn of_chains(prefix: &str, unusable: &mut Vec<String>) -> BTreeMap<ChainId, String> {
    let mut addresses = BTreeMap::new();
    for (name, value) in env::vars_os().filter(|(_, value)| !value.is_empty()) {
        let name = name.to_string_lossy().into_owned();
        let Some(id) = name.strip_prefix(prefix) else {
            continue;
        };
        let chain = id.parse().ok().and_then(|id| ChainId::new(id).ok());
        match (chain, value.into_string()) {
            (Some(chain), Ok(address)) => {
                addresses.insert(chain, address);
            }
            _ => unusable.push(name),
        }
    }
    addresses
}
