//! The environment variables and folders that settings depend on.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::settings::error::SettingsError;
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
    /// `DEGENBOT_CONFIG`.
    pub config: Option<PathBuf>,
    /// `DEGENBOT_DB_PATH`.
    pub database: Option<PathBuf>,
    /// `DEGENBOT_RPC_HTTP_CHAINID_1` and so on: the endpoint of each chain.
    pub rpc: BTreeMap<ChainId, String>,
}

/// The name of the variable with the endpoint of a chain, without the chain's id.
const RPC: &str = "DEGENBOT_RPC_HTTP_CHAINID_";

impl Environment {
    /// The environment of this process. An empty variable counts as unset.
    #[must_use]
    pub fn from_process() -> Self {
        let path = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            home: etcetera::home_dir().ok(),
            // The Python package uses ~/.config on every system, which is what XDG gives.
            config_home: etcetera::base_strategy::Xdg::new()
                .ok()
                .map(|xdg| xdg.config_dir()),
            config: path("DEGENBOT_CONFIG"),
            database: path("DEGENBOT_DB_PATH"),
            rpc: env::vars_os()
                .filter_map(|(name, value)| {
                    let id = name.to_str()?.strip_prefix(RPC)?.parse().ok()?;
                    let endpoint = value.into_string().ok()?;
                    let endpoint = Some(endpoint).filter(|endpoint| !endpoint.is_empty());
                    Some((ChainId::new(id).ok()?, endpoint?))
                })
                .collect(),
        }
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
