//! Settings: the path of the database and the RPC endpoints. They come from the Python package's
//! `config.toml`, environment variables, and overrides.
//!
//! | value | source: the first of these that is given |
//! |---|---|
//! | config file | override (`--config`), `DEGENBOT_CONFIG`, `degenbot/config.toml` in the XDG configuration folder |
//! | nodes | `DEGENBOT_RPC_IPC_CHAINID_<chain>` and `DEGENBOT_RPC_HTTP_CHAINID_<chain>`; otherwise `[rpc]` or `[nodes]` in the file, and `nodes.toml` beside the file |
//! | database | override (`--database`), `DEGENBOT_DB_PATH`, `database.path` in the file, `degenbot.db` beside the file |
//!
//! Reading settings never writes a file. Without a file at the default place, the defaults apply.

pub(crate) mod config_layout;
mod encoding;
pub(crate) mod endpoint;
pub(crate) mod environment;
pub(crate) mod error;
mod file;
pub(crate) mod new_config;
mod node_tables;
pub(crate) mod nodes_file;
pub(crate) mod resolve;
pub(crate) mod source;

pub use config_layout::ConfigLayout;
pub use endpoint::{endpoint_without_key, text_without_keys};
pub use environment::Environment;
pub use error::SettingsError;
pub use new_config::NewConfig;
pub use nodes_file::NodeSettings;
pub use resolve::{DatabaseSettings, Overrides, Settings};
pub use source::Source;
