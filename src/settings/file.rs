//! Reading the config file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::settings::error::SettingsError;
use crate::types::integer::ChainId;

/// The content of the file. Every part may be absent.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub database: Option<PathBuf>,
    pub rpc: BTreeMap<ChainId, String>,
    pub ws: BTreeMap<ChainId, String>,
    pub default_chain_id: Option<ChainId>,
    pub unknown_keys: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    database: Database,
    rpc: BTreeMap<Key, String>,
    ws: BTreeMap<Key, String>,
    default_chain_id: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Database {
    path: Option<PathBuf>,
}

/// A chain ID as a key of a table.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(ChainId);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .ok()
            .and_then(|number| ChainId::new(number).ok())
            .map(Self)
            .ok_or_else(|| {
                D::Error::custom(format!(
                    "expected a chain ID (a positive integer), found '{text}'"
                ))
            })
    }
}

/// A chain ID as a value.
#[derive(Debug)]
struct Number(ChainId);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        ChainId::new(number).map(Self).map_err(D::Error::custom)
    }
}

/// Reads the file. Returns `None` if it does not exist and was not named.
pub(super) fn read(path: &Path, named: bool) -> Result<Option<ConfigFile>, SettingsError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return if named {
                Err(SettingsError::NotFound {
                    path: path.to_owned(),
                })
            } else {
                Ok(None)
            };
        }
        Err(source) => {
            return Err(SettingsError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    let malformed = |error: &toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(&text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        SettingsError::Malformed {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: error.message().trim_end().to_owned(),
        }
    };
    let table: toml::Table = toml::from_str(&text).map_err(|error| malformed(&error))?;
    let document: Document = toml::from_str(&text).map_err(|error| malformed(&error))?;
    // The Python package requires it too; a misspelled key would lead to another database.
    if let Some(toml::Value::Table(database)) = table.get("database")
        && !database.contains_key("path")
    {
        let start = text.find("[database]").unwrap_or(0);
        return Err(SettingsError::Malformed {
            path: path.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: 1,
            message: "the section [database] has no key `path`".to_owned(),
        });
    }
    let endpoints = |map: BTreeMap<Key, String>| map.into_iter().map(|(k, v)| (k.0, v)).collect();
    let unknown_keys = unknown_keys(&table);
    for key in &unknown_keys {
        log::warn!("Unknown key '{key}' in {}", path.display());
    }
    Ok(Some(ConfigFile {
        database: document.database.path,
        rpc: endpoints(document.rpc),
        ws: endpoints(document.ws),
        default_chain_id: document.default_chain_id.map(|number| number.0),
        unknown_keys,
    }))
}

fn unknown_keys(table: &toml::Table) -> Vec<String> {
    let mut unknown = Vec::new();
    for (key, value) in table {
        match (key.as_str(), value) {
            ("database", toml::Value::Table(database)) => unknown.extend(
                database
                    .keys()
                    .filter(|key| *key != "path")
                    .map(|key| format!("database.{key}")),
            ),
            ("database" | "rpc" | "ws" | "default_chain_id", _) => {}
            (other, _) => unknown.push(other.to_owned()),
        }
    }
    unknown
}
