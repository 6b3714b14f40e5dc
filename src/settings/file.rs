//! Reading the config file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::settings::encoding::decode;
use crate::settings::endpoint::endpoint_without_key;
use crate::settings::error::SettingsError;
use crate::types::integer::ChainId;

/// The size of a file that is no config file any more, but perhaps a device without an end.
const TOO_LARGE: u64 = 1 << 20;

/// The content of the file. Every part may be absent.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub database: Option<PathBuf>,
    /// `[rpc]`, whose addresses are of either kind.
    pub rpc: BTreeMap<ChainId, String>,
    /// `[nodes.ipc]`.
    pub ipc: BTreeMap<ChainId, String>,
    /// `[nodes.http]`.
    pub http: BTreeMap<ChainId, String>,
    pub ws: BTreeMap<ChainId, String>,
    pub default_chain_id: Option<ChainId>,
    pub unknown_keys: Vec<String>,
}

impl ConfigFile {
    /// The nodes of each chain, in the order in which they are asked. The Python package prefers the socket, too.
    pub(super) fn addresses(&self) -> BTreeMap<ChainId, Vec<String>> {
        let mut addresses: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (chain, address) in self.rpc.iter().chain(&self.ipc).chain(&self.http) {
            let of_chain = addresses.entry(*chain).or_default();
            if !of_chain.contains(address) {
                of_chain.push(address.clone());
            }
        }
        addresses
    }
}

/// Tables that only the Python package reads, in one release or another.
const OF_THE_PYTHON_PACKAGE: [&str; 23] = [
    "aave",
    "allocator",
    "builders",
    "capture",
    "diagnostics",
    "dispatch",
    "failure_policy",
    "fleet",
    "logging",
    "offline",
    "otel",
    "pathfinding",
    "persistence",
    "pump",
    "runtime",
    "simulation",
    "solve",
    "state_lock",
    "strategy",
    "telemetry",
    "test_hooks",
    "trace",
    "verify",
];

/// Reads the file. Returns `None` if it does not exist and was not named.
pub(super) fn read(path: &Path, named: bool) -> Result<Option<ConfigFile>, SettingsError> {
    let Some(text) = read_text(path, named)? else {
        return Ok(None);
    };
    let config = Document { path, text: &text }.config()?;
    for key in &config.unknown_keys {
        log::warn!("Unknown key '{key}' in {}", path.display());
    }
    Ok(Some(config))
}

/// The text of a file. Returns `None` if it does not exist and was not named.
pub(super) fn read_text(path: &Path, named: bool) -> Result<Option<String>, SettingsError> {
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SettingsError::NotFound {
                path: path.to_owned(),
            });
        }
        Err(source) => {
            return Err(SettingsError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    decode(path, bytes).map(Some)
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(TOO_LARGE).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length < TOO_LARGE => Ok(bytes),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// The text of a file. No error quotes a value of it, because values have keys of nodes.
pub(super) struct Document<'text> {
    pub path: &'text Path,
    pub text: &'text str,
}

impl<'text> Document<'text> {
    pub fn parse(&self) -> Result<Spanned<DeTable<'text>>, SettingsError> {
        DeTable::parse(self.text).map_err(|error| {
            let place = error.span().map_or(0, |span| span.start);
            self.malformed(place, error.message())
        })
    }

    pub(super) fn config(&self) -> Result<ConfigFile, SettingsError> {
        let document = self.parse()?;
        let mut config = ConfigFile::default();
        for (key, value) in in_order(document.get_ref()) {
            match key.get_ref().as_ref() {
                "database" => {
                    let database = self.table(value)?;
                    config.database = Some(self.database_path(value, database)?);
                    let others = database.keys().filter(|key| key.get_ref() != "path");
                    let others = others.map(|key| format!("database.{}", shown(key)));
                    config.unknown_keys.extend(others);
                }
                "rpc" => config.rpc = self.endpoints(value)?,
                "ws" => config.ws.extend(self.endpoints(value)?),
                "nodes" => self.node_tables(value, &mut config)?,
                "session" => self.session(value, &mut config)?,
                "default_chain_id" => config.default_chain_id = Some(self.chain_id(value)?),
                table if OF_THE_PYTHON_PACKAGE.contains(&table) => {}
                _ => config.unknown_keys.push(shown(key)),
            }
        }
        Ok(config)
    }

    /// The path in the section, which the Python package requires too; a misspelled key would lead to another database.
    fn database_path(
        &self,
        section: &Spanned<DeValue<'_>>,
        database: &DeTable<'_>,
    ) -> Result<PathBuf, SettingsError> {
        match database.get("path") {
            Some(path) => match self.string(path)? {
                // It would be shown as the path, with its key.
                address if address.contains("://") => {
                    Err(self.malformed(path.span().start, "expected a path, found an address"))
                }
                // Beside the config file, it would be the folder.
                "" => {
                    Err(self.malformed(path.span().start, "expected a path, found an empty text"))
                }
                path => Ok(PathBuf::from(path)),
            },
            None => Err(self.malformed(
                section.span().start,
                "the section [database] has no key `path`",
            )),
        }
    }

    pub(super) fn endpoints(
        &self,
        section: &Spanned<DeValue<'_>>,
    ) -> Result<BTreeMap<ChainId, String>, SettingsError> {
        let mut endpoints = BTreeMap::new();
        for (key, value) in in_order(self.table(section)?) {
            let chain = key.get_ref().parse().ok();
            let Some(chain) = chain.and_then(|number| ChainId::new(number).ok()) else {
                return Err(self.malformed(
                    key.span().start,
                    &format!(
                        "expected a chain ID (a positive integer), found '{}'",
                        shown(key)
                    ),
                ));
            };
            let endpoint = self.string(value)?.to_owned();
            if endpoints.insert(chain, endpoint).is_some() {
                let message = format!("chain {chain} has an address already");
                return Err(self.malformed(key.span().start, &message));
            }
        }
        Ok(endpoints)
    }

    pub fn chain_id(&self, value: &Spanned<DeValue<'_>>) -> Result<ChainId, SettingsError> {
        let DeValue::Integer(integer) = value.get_ref() else {
            return Err(self.unexpected(value, "a chain ID (a positive integer)"));
        };
        u64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|number| ChainId::new(number).ok())
            .ok_or_else(|| {
                self.malformed(
                    value.span().start,
                    "expected a chain ID (a positive integer)",
                )
            })
    }

    pub fn table<'value>(
        &self,
        value: &'value Spanned<DeValue<'text>>,
    ) -> Result<&'value DeTable<'text>, SettingsError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.unexpected(value, "a table")),
        }
    }

    pub fn string<'value>(
        &self,
        value: &'value Spanned<DeValue<'_>>,
    ) -> Result<&'value str, SettingsError> {
        match value.get_ref() {
            DeValue::String(string) => Ok(string),
            _ => Err(self.unexpected(value, "a string")),
        }
    }

    pub fn unexpected(&self, value: &Spanned<DeValue<'_>>, expected: &str) -> SettingsError {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.malformed(
            value.span().start,
            &format!("expected {expected}, found {found}"),
        )
    }

    /// The error about what begins at a byte of the text.
    pub fn malformed(&self, place: usize, message: &str) -> SettingsError {
        let before = self.text.get(..place).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        SettingsError::Malformed {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.trim_end().to_owned(),
        }
    }
}

/// The entries in the order of the file, in which its first error comes first.
pub(super) fn in_order<'table, 'text>(
    table: &'table DeTable<'text>,
) -> Vec<(
    &'table Spanned<DeString<'text>>,
    &'table Spanned<DeValue<'text>>,
)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A key as it may be shown. It may be the address of a node that stands on the wrong side of the `=`.
pub(super) fn shown(key: &Spanned<DeString<'_>>) -> String {
    let key = key.get_ref();
    if key.contains(['/', ':', '@', '?']) {
        endpoint_without_key(key)
    } else {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn read_text(text: &str) -> Result<ConfigFile, SettingsError> {
        let path = Path::new("config.toml");
        Document { path, text }.config()
    }

    #[test]
    fn malformed_config_is_reported_with_line_and_column() {
        let cases = [
            ("[database\npath = 1", "1:10"),
            ("[database]\npath = 1\n", "2:8"),
            ("[database]\npath = \"\"\n", "2:8"),
            ("[rpc]\n# a comment with é\nmainnet = \"x\"\n", "3:1"),
            ("[rpc]\n1 = 5\n", "2:5"),
            ("default_chain_id = -1\n", "1:20"),
            ("default_chain_id = 0\n", "1:20"),
            ("# mine\n[database]\npaht = \"x.db\"\n", "2:1"),
            (
                "# one\ndatabase = { pth = \"a.db\" }\n# see [database] above\n",
                "2:12",
            ),
            ("# [database]\ndatabase.pth = \"a.db\"\n", "2:1"),
            ("x = '[database]'\n[ database ]\n", "2:1"),
            ("rpc = 1", "1:7"),
            ("[rpc]\r\n1 = \"é\"\r\n\r\n  01 = \"x\"", "4:3"),
            ("ws = [1]", "1:6"),
            ("[[rpc]]\n1 = \"x\"", "1:1"),
            ("default_chain_id = 1.5", "1:20"),
            ("[rpc]\n1 = \"x\"\n1 = \"y\"\n", "3:1"),
            ("[rpc]\n1 = \"x\n", "2:7"),
        ];
        for (text, place) in cases {
            let error = read_text(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("config.toml:{place}: ")),
                "{text:?}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn errors_about_a_config_quote_no_value(
            begin in select(&[
                "rpc", "ws", "database", "default_chain_id", "[rpc]\n1", "[ws]", "[database]\npath",
                "\"https://n/SECRET\"", "[rpc]\n\"n/SECRET\"", "x",
            ][..]),
            equals in select(&[" = ", "=", ""][..]),
            value in select(&[
                "\"https://n.example/SECRET\"", "'user:SECRET@n'", "[\"n/SECRET\"]", "{ \"n/SECRET\" = 1 }",
                "\"n/SECRET", "n/SECRET", "\"\"\"\nSECRET", "1SECRET", "\"\\SECRET\"",
            ][..]),
            end in select(&["", "\n", ",", "]", "\n[rpc]\n1 = 1", "\nrpc = 1"][..]),
        ) {
            match read_text(&format!("{begin}{equals}{value}{end}")) {
                Ok(config) => prop_assert!(!config.unknown_keys.join(" ").contains("SECRET")),
                Err(error) => prop_assert!(!error.to_string().contains("SECRET"), "{}", error),
            }
        }
    }

    #[test]
    fn config_that_cannot_be_read_is_reported_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let hint = |path: &Path| read(path, true).unwrap_err().hint();
        let in_folder = hint(folder.path());
        assert!(
            in_folder.starts_with("Give the path of the file"),
            "{in_folder}"
        );
        let endless = hint(Path::new("/dev/zero"));
        assert!(endless.starts_with("Check the path"), "{endless}");
    }
}
