//! The tables `[nodes]` and `[session]` of the config file, as the releases of the Python package from 0.6.0a13 on read it.
//!
//! Older releases have the tables `[rpc]` and `[ws]` and the key `default_chain_id` instead. No release takes both.

use toml::Spanned;
use toml::de::DeValue;

use crate::settings::error::SettingsError;
use crate::settings::file::{ConfigFile, Document, in_order, shown};
use crate::types::integer::ChainId;

/// Keys of `[nodes]` that only the Python package reads.
const LIMITS: [&str; 4] = [
    "anvil_fork_compute_units_per_second",
    "rate_limit_burst",
    "rate_limit_rps",
    "retry_budget_ms",
];

/// Whether an address is for the table `[nodes.http]`, and not for `[nodes.ipc]`.
pub(super) fn is_http(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        ["http", "https"]
            .iter()
            .any(|of| scheme.eq_ignore_ascii_case(of))
    })
}

impl Document<'_> {
    /// Reads the table `[nodes]`: a table of addresses for each way to reach a node.
    pub(super) fn node_tables(
        &self,
        section: &Spanned<DeValue<'_>>,
        config: &mut ConfigFile,
    ) -> Result<(), SettingsError> {
        for (key, value) in in_order(self.table(section)?) {
            match key.get_ref().as_ref() {
                "http" => config.http = self.endpoints(value)?,
                "ipc" => config.ipc = self.endpoints(value)?,
                "ws" => config.ws.extend(self.endpoints(value)?),
                limit if LIMITS.contains(&limit) => {}
                _ => config.unknown_keys.push(format!("nodes.{}", shown(key))),
            }
        }
        Ok(())
    }

    /// Reads the table `[session]`: the chain of a bot session, which may stand in quotes.
    pub(super) fn session(
        &self,
        section: &Spanned<DeValue<'_>>,
        config: &mut ConfigFile,
    ) -> Result<(), SettingsError> {
        for (key, value) in in_order(self.table(section)?) {
            if key.get_ref() != "chain_id" {
                config.unknown_keys.push(format!("session.{}", shown(key)));
                continue;
            }
            let quoted = match value.get_ref() {
                DeValue::String(text) => text.parse().ok(),
                _ => None,
            };
            let quoted = quoted.and_then(|number| ChainId::new(number).ok());
            config.default_chain_id = Some(match quoted {
                Some(chain) => chain,
                None => self.chain_id(value)?,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_text(text: &str) -> Result<ConfigFile, SettingsError> {
        let path = Path::new("config.toml");
        Document { path, text }.config()
    }

    #[test]
    fn tables_of_newer_releases_are_read() {
        let config = read_text(
            "[nodes]\nrate_limit_rps = 5\nspeed = 1\n\
             [nodes.http]\n1 = \"https://a.example\"\n10 = \"https://b.example\"\n\
             [nodes.ws]\n1 = \"wss://a.example\"\n[nodes.ipc]\n1 = \"/run/geth.ipc\"\n\
             [session]\nchain_id = \"10\"\nname = \"x\"\n[solve]\nworkers = 1\n",
        );
        let config = config.unwrap();
        let addresses: Vec<_> = config.addresses().into_iter().collect();
        let of = |chain: u64, addresses: &[&str]| {
            let addresses = addresses.iter().map(|address| (*address).to_owned());
            (ChainId::new(chain).unwrap(), addresses.collect::<Vec<_>>())
        };
        assert_eq!(
            addresses,
            [
                of(1, &["/run/geth.ipc", "https://a.example"]),
                of(10, &["https://b.example"])
            ]
        );
        assert_eq!(config.ws[&ChainId::ETHEREUM], "wss://a.example");
        assert_eq!(config.default_chain_id, ChainId::new(10).ok());
        assert_eq!(config.unknown_keys, ["nodes.speed", "session.name"]);
    }

    #[test]
    fn malformed_tables_are_reported_with_line_and_column_and_without_values() {
        for (text, place) in [
            ("nodes = \"https://n/SECRET\"\n", "1:9"),
            (
                "[[nodes]]\nchain = 1\naddress = \"https://n/SECRET\"\n",
                "1:1",
            ),
            ("[nodes]\nhttp = \"https://n/SECRET\"\n", "2:8"),
            ("[nodes.http]\nmainnet = \"https://n/SECRET\"\n", "2:1"),
            ("[nodes.ipc]\n1 = [\"SECRET\"]\n", "2:5"),
            ("session = 1\n", "1:11"),
            ("[session]\nchain_id = \"SECRET\"\n", "2:12"),
            ("[session]\nchain_id = 0\n", "2:12"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("config.toml:{place}: ")),
                "{text:?}: {error}"
            );
            assert!(!error.contains("SECRET"), "{error}");
        }
    }
}
