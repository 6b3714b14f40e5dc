//! Where the value of a setting comes from.

/// The source of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// An override: an option of the command.
    Override,
    /// An environment variable.
    Environment,
    /// The environment variable with the socket of a chain's node.
    IpcEnvironment,
    /// The config file.
    File,
    /// The file `nodes.toml` beside the config file.
    NodesFile,
    /// The default.
    Default,
}
