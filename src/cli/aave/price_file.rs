//! The file of `--prices`: a JSON object of assets and their prices.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::aave::prices::{AavePrices, WholePrice};
use crate::cli::failure::Failure;
use crate::cli::format::{bytes, plain};
use crate::database::error::database_error::Error;
use crate::types::decimal::U256;

/// The field of a file with prices that is no asset.
const UNIT: &str = "base_currency_unit";

/// The size of a file that is no file of prices, in bytes. A market has some hundred assets at most.
const TOO_LARGE: u64 = 4 << 20;

/// What a file of prices says.
pub(super) struct PriceFile {
    path: PathBuf,
    pub(super) unit: U256,
    /// The symbol or the address of each asset with its price. No name occurs twice.
    pub(super) prices: Vec<(String, WholePrice)>,
}

impl PriceFile {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let mut file = Self {
            path: path.to_owned(),
            unit: AavePrices::DOLLAR,
            prices: Vec::new(),
        };
        let mut text = String::new();
        File::open(path)
            .and_then(|opened| opened.take(TOO_LARGE).read_to_string(&mut text))
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => file.invalid(error.to_string()),
                _ => Error::io(path, "read", error).into(),
            })?;
        if text.len() as u64 == TOO_LARGE {
            return Err(file.invalid(format!("it has {} or more", bytes(TOO_LARGE))));
        }
        let Fields(fields) =
            serde_json::from_str(&text).map_err(|error| file.invalid(error.to_string()))?;
        let mut names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair.first() == pair.last());
        if let Some(name) = twice.and_then(<[_]>::first) {
            return Err(file.invalid(format!("it has '{}' twice", plain(name))));
        }
        for (name, value) in fields {
            let raw = value.get();
            let text = serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned());
            if name == UNIT {
                let parsed = text.parse::<U256>().ok();
                let unit = parsed.filter(|unit| !unit.0.is_zero());
                file.unit =
                    unit.ok_or_else(|| file.invalid(format!("{UNIT} is not a positive integer")))?;
                continue;
            }
            let price = text
                .parse()
                .map_err(|error| file.invalid_price(&name, error))?;
            file.prices.push((name, price));
        }
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The error about the price of an asset.
    pub(super) fn invalid_price(&self, name: &str, problem: impl fmt::Display) -> Failure {
        self.invalid(format!("the price of {}: {problem}", plain(name)))
    }

    pub(super) fn invalid(&self, problem: String) -> Failure {
        Failure::PriceFile {
            path: self.path.clone(),
            problem,
        }
    }
}

/// The fields of a JSON object in the order of the text, also those of the same name. A map would have the last one only.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of assets and prices")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(All)
    }
}
