//! The two layouts of the config file.

/// A layout of the config file. Each is that of some releases of the Python package; this program reads both.
///
/// The releases 0.6.0a10 to a12 have neither: they refuse a file that names a database or a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ConfigLayout {
    /// `[rpc]`, `[ws]` and `default_chain_id`: the releases up to 0.6.0a9.
    #[default]
    Rpc,
    /// `[nodes.http]`, `[nodes.ipc]`, `[nodes.ws]` and `[session]`: the releases from 0.6.0a13 on.
    Nodes,
}
