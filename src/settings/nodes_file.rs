//! Reading `nodes.toml`: more nodes of a chain, and what is sent to them.
//!
//! It is a file of its own because the Python package refuses a config file with keys that it does not know.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use crate::settings::endpoint::endpoint_without_key;
use crate::settings::error::SettingsError;
use crate::settings::file::{Document, in_order, read_text, shown};
use crate::settings::source::Source;
use crate::types::integer::ChainId;

/// The name of the file. It is in the folder of the config file.
pub(crate) const NAME: &str = "nodes.toml";

/// A node of a chain. `Debug` leaves out the key in its address and the values of its headers.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSettings {
    /// The HTTP address, or the path of an IPC socket.
    pub address: String,
    /// The names and values of the headers that every request has, such as one with a key.
    pub headers: Vec<(String, String)>,
    /// Where the address comes from.
    pub source: Source,
}

impl NodeSettings {
    /// A node without headers.
    pub(super) const fn new(address: String, source: Source) -> Self {
        Self {
            address,
            headers: Vec::new(),
            source,
        }
    }
}

impl fmt::Debug for NodeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("NodeSettings")
            .field("address", &endpoint_without_key(&self.address))
            .field("headers", &names)
            .field("source", &self.source)
            .finish()
    }
}

/// The content of the file.
#[derive(Debug, Default)]
pub(super) struct NodesFile {
    pub nodes: BTreeMap<ChainId, Vec<NodeSettings>>,
    pub unknown_keys: Vec<String>,
}

/// Reads the file. Returns `None` if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<NodesFile>, SettingsError> {
    let text = read_text(path, false).map_err(|error| match error {
        SettingsError::Unreadable { path, source } => {
            SettingsError::NodesUnreadable { path, source }
        }
        other => other,
    })?;
    let Some(text) = text else {
        return Ok(None);
    };
    let file = Document { path, text: &text }.nodes_file()?;
    for key in &file.unknown_keys {
        log::warn!("Unknown key '{key}' in {}", path.display());
    }
    Ok(Some(file))
}

impl Document<'_> {
    fn nodes_file(&self) -> Result<NodesFile, SettingsError> {
        let document = self.parse()?;
        let mut file = NodesFile::default();
        for (key, value) in in_order(document.get_ref()) {
            if key.get_ref() != "nodes" {
                file.unknown_keys.push(shown(key));
                continue;
            }
            let DeValue::Array(nodes) = value.get_ref() else {
                return Err(self.unexpected(value, "nodes as [[nodes]]"));
            };
            for value in nodes {
                let (chain, node) = self.node(value, &mut file.unknown_keys)?;
                let of_chain = file.nodes.entry(chain).or_default();
                if of_chain.iter().any(|other| other.address == node.address) {
                    let message = format!("chain {chain} has a node with this address already");
                    return Err(self.malformed(value.span().start, &message));
                }
                of_chain.push(node);
            }
        }
        Ok(file)
    }

    fn node(
        &self,
        value: &Spanned<DeValue<'_>>,
        unknown_keys: &mut Vec<String>,
    ) -> Result<(ChainId, NodeSettings), SettingsError> {
        let (mut chain, mut address, mut headers) = (None, None, Vec::new());
        for (key, value) in in_order(self.table(value)?) {
            match key.get_ref().as_ref() {
                "chain" => chain = Some(self.chain_id(value)?),
                "address" => address = Some(self.string(value)?.to_owned()),
                "headers" => headers = self.headers(value)?,
                _ => unknown_keys.push(format!("nodes.{}", shown(key))),
            }
        }
        let missing = |key: &str| {
            let message = format!("this node has no key `{key}`");
            self.malformed(value.span().start, &message)
        };
        let chain = chain.ok_or_else(|| missing("chain"))?;
        let node = NodeSettings {
            address: address.ok_or_else(|| missing("address"))?,
            headers,
            source: Source::NodesFile,
        };
        Ok((chain, node))
    }

    fn headers(
        &self,
        section: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<(String, String)>, SettingsError> {
        let mut headers = Vec::new();
        for (name, value) in in_order(self.table(section)?) {
            if !is_header_name(name.get_ref()) {
                // It may be a whole header, with its key.
                let message = "this is not the name of a header, such as `Authorization`";
                return Err(self.malformed(name.span().start, message));
            }
            headers.push((name.get_ref().to_string(), self.string(value)?.to_owned()));
        }
        Ok(headers)
    }
}

/// Whether a text is a token of HTTP (RFC 9110, section 5.6.2).
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<NodesFile, SettingsError> {
        let path = Path::new("nodes.toml");
        Document { path, text }.nodes_file()
    }

    #[test]
    fn nodes_keep_the_order_of_the_file() {
        let file = read_text(
            "[[nodes]]\nchain = 1\naddress = \"https://b.example/KEY\"\n\
             headers = { x-api-key = \"KEY\", Authorization = \"Bearer KEY\" }\n\
             [[nodes]]\nchain = 8453\naddress = \"/run/base.ipc\"\nweight = 3\n\
             [[nodes]]\nchain = 1\naddress = \"https://a.example\"\n\
             [other]\n",
        );
        let file = file.unwrap();
        let of = |chain| -> Vec<_> {
            let nodes = file.nodes[&chain].iter();
            nodes.map(|node| node.address.as_str()).collect()
        };
        assert_eq!(
            of(ChainId::ETHEREUM),
            ["https://b.example/KEY", "https://a.example"]
        );
        assert_eq!(of(ChainId::BASE), ["/run/base.ipc"]);
        let headers = &file.nodes[&ChainId::ETHEREUM][0].headers;
        assert_eq!(headers[0], ("x-api-key".to_owned(), "KEY".to_owned()));
        assert_eq!(headers[1].0, "Authorization");
        assert_eq!(file.unknown_keys, ["nodes.weight", "other"]);
        assert!(!format!("{file:?}").contains("KEY"), "{file:?}");
    }

    #[test]
    fn malformed_nodes_are_reported_with_line_and_column_and_without_values() {
        for (text, place) in [
            ("[[nodes]\n", "1:9"),
            ("nodes = \"https://n/SECRET\"\n", "1:9"),
            ("[nodes]\nchain = 1\n", "1:1"),
            ("nodes = [\"https://n/SECRET\"]\n", "1:10"),
            ("[[nodes]]\naddress = \"https://n/SECRET\"\n", "1:1"),
            (
                "[[nodes]]\nchain = 1\nadress = \"https://n/SECRET\"\n",
                "1:1",
            ),
            ("[[nodes]]\nchain = \"SECRET\"\n", "2:9"),
            (
                "[[nodes]]\nchain = 0\naddress = \"https://n/SECRET\"\n",
                "2:9",
            ),
            ("[[nodes]]\nchain = 1\naddress = [\"SECRET\"]\n", "3:11"),
            (
                "[[nodes]]\nchain = 1\naddress = \"x\"\nheaders = \"SECRET\"\n",
                "4:11",
            ),
            (
                "[[nodes]]\nchain = 1\naddress = \"x\"\nheaders = { a = 5 }\n",
                "4:17",
            ),
            (
                "[[nodes]]\nchain = 1\naddress = \"x\"\nheaders = { \"Authorization: SECRET\" = \"\" }\n",
                "4:13",
            ),
            (
                "[[nodes]]\nchain = 1\naddress = \"SECRET\"\n[[nodes]]\nchain = 1\naddress = \"SECRET\"\n",
                "4:1",
            ),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("nodes.toml:{place}: ")),
                "{text:?}: {error}"
            );
            assert!(!error.contains("SECRET"), "{error}");
        }
    }
}
