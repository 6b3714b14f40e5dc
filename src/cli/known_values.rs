//! Values that completion scripts and manual pages list, although an option takes others as well.

use std::ffi::OsStr;
use std::sync::LazyLock;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::database::structure::schema_version::SchemaVersion;
use crate::deployments::chains::{chain_called, chain_names};
use crate::deployments::deployment::Deployment;
use crate::deployments::market::Market;
use crate::types::integer::ChainId;

/// A parser together with the values that are known. It takes whatever the parser takes.
#[derive(Debug, Clone)]
struct WithKnown<Parser> {
    parser: Parser,
    known: fn() -> Vec<&'static str>,
}

impl<Parser: TypedValueParser> TypedValueParser for WithKnown<Parser> {
    type Value = Parser::Value;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, Error> {
        self.parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.known)().into_iter().map(PossibleValue::new)))
    }
}

/// A version of the schema. The known values are the names of the versions and of the releases that have them.
pub(in crate::cli) fn version() -> impl TypedValueParser<Value = SchemaVersion> {
    WithKnown {
        parser: StringValueParser::new().try_map(|name| name.parse::<SchemaVersion>()),
        known: || {
            let names = |version: SchemaVersion| {
                let name = version.alembic_revision().unwrap_or(version.migration());
                std::iter::once(name).chain(version.releases().iter().copied())
            };
            SchemaVersion::all().flat_map(names).collect()
        },
    }
}

/// The name of an exchange. The known values are the names of the known deployments.
pub(in crate::cli) fn exchange() -> impl TypedValueParser<Value = String> {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let known = Deployment::known().iter();
        known.map(|known| known.exchange().to_string()).collect()
    });
    WithKnown {
        parser: StringValueParser::new(),
        known: || NAMES.iter().map(String::as_str).collect(),
    }
}

/// The name of a market of Aave. The known values are the names of the known markets.
pub(in crate::cli) fn market() -> impl TypedValueParser<Value = String> {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let known = Market::known().iter();
        known.map(|known| known.market_name().to_string()).collect()
    });
    WithKnown {
        parser: StringValueParser::new(),
        known: || NAMES.iter().map(String::as_str).collect(),
    }
}

/// Adds the names of the chains to a parser of chains.
pub(in crate::cli) fn chain<Parser: TypedValueParser>(
    parser: Parser,
) -> impl TypedValueParser<Value = Parser::Value> {
    WithKnown {
        parser,
        known: || chain_names().collect(),
    }
}

/// A chain by its name or its ID.
pub(in crate::cli) fn chain_id() -> impl TypedValueParser<Value = ChainId> {
    chain(StringValueParser::new().try_map(|text| {
        chain_called(&text)
            .ok_or("expected a chain ID (a positive integer), or the name of a chain, such as base")
    }))
}
