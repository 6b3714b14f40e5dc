//! The prices that accounts are valued with: those of the market's oracle or of a file, and what they would be otherwise.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::aave::prices::{AavePrices, InvalidPrice, PriceChange};
use crate::cli::aave::amounts;
use crate::cli::aave::price_file::PriceFile;
use crate::cli::asking::Nodes;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::failure::Failure;
use crate::cli::format::{grouped, plain};
use crate::cli::printer::Lines;
use crate::database::reports::aave_markets::{AavePricedAsset, AavePricedAssets};
use crate::node::options::NodeOptions;
use crate::sync::aave_prices::ask_aave_prices;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BlockNumber, ChainId, Timestamp};

/// Where prices come from.
#[derive(Debug, Args)]
pub(super) struct Pricing {
    /// A JSON file with the prices to use instead of the oracle's; no node is asked
    ///
    /// It has one object: the symbol or the address of each asset with its price in whole
    /// units of the base currency, as a text or a number without an exponent, such as
    /// {"WETH": "1800.25"}. The field "base_currency_unit" says how many units make a whole
    /// one; without it, 100000000, for US dollars.
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(long, value_name = "FILE", conflicts_with = "rpc")]
    prices: Option<PathBuf>,
    /// What if: another price of an asset, such as WETH=-10% or WETH=1800; can be repeated
    ///
    /// The asset is named by its symbol or its address. A percentage is added to the price or
    /// taken from it; a value is in whole units of the base currency.
    #[arg(long, value_name = "ASSET=CHANGE", value_parser = asset_change)]
    price: Vec<AssetChange>,
    #[command(flatten)]
    nodes: Nodes,
}

#[derive(Debug, Clone)]
struct AssetChange {
    asset: String,
    change: PriceChange,
    text: String,
}

fn asset_change(text: &str) -> Result<AssetChange, String> {
    // A symbol can have the sign, a change cannot.
    let (asset, change) = text
        .rsplit_once('=')
        .filter(|(asset, _)| !asset.is_empty())
        .ok_or("it is not an asset, '=' and a price or a percentage, such as WETH=-10%")?;
    Ok(AssetChange {
        asset: asset.to_owned(),
        change: change.parse().map_err(|invalid| match invalid {
            InvalidPrice::Number => format!("'{change}': {invalid}, or a percentage like -10%"),
            invalid => format!("'{change}': {invalid}"),
        })?,
        text: change.to_owned(),
    })
}

/// The prices of a market.
#[derive(Debug)]
pub(super) struct MarketPrices {
    pub(super) prices: AavePrices,
    pub(super) base_currency: Option<Address>,
    source: Source,
    missing: Vec<(AavePricedAsset, String)>,
    changed: Vec<Changed>,
    assets: Vec<AavePricedAsset>,
}

#[derive(Debug)]
enum Source {
    Oracle {
        block: BlockNumber,
        time: Option<Timestamp>,
        /// The block of the market, whose state the node no longer has.
        instead_of: Option<BlockNumber>,
    },
    File(PathBuf),
}

#[derive(Debug)]
struct Changed {
    asset: AavePricedAsset,
    before: Option<U256>,
    text: String,
}

/// Gets the prices of markets, one after the other.
pub(super) struct Prices<'command> {
    options: &'command Pricing,
    endpoints: Option<Endpoints>,
    file: Option<PriceFile>,
    /// The names in the file and in the options that some market has.
    used: BTreeSet<String>,
}

impl Pricing {
    /// Reads the file of prices, if there is one. It can be a pipe whose writer takes its time, so this comes before what
    /// a signal only cancels.
    pub(super) fn read_file(&self) -> Result<Option<PriceFile>, Failure> {
        self.prices.as_deref().map(PriceFile::read).transpose()
    }

    pub(super) fn prepare(
        &self,
        context: &Context,
        chains: &BTreeSet<ChainId>,
        file: Option<PriceFile>,
    ) -> Result<Prices<'_>, Failure> {
        let endpoints = if file.is_none() {
            let settings = context.settings()?;
            let options = NodeOptions::default();
            Some(Endpoints::new(
                &settings,
                &self.nodes.rpc,
                &options,
                chains,
            )?)
        } else {
            None
        };
        Ok(Prices {
            options: self,
            endpoints,
            file,
            used: BTreeSet::new(),
        })
    }
}

impl Prices<'_> {
    /// The prices of a market; `None` if there is no file and no node for the chain. Without prices, none can be another.
    pub(super) fn of(
        &mut self,
        market: &AavePricedAssets,
    ) -> Result<Option<MarketPrices>, Failure> {
        let found = match &self.file {
            Some(file) => Some(prices_of_file(file, market, &mut self.used)?),
            None => self.ask(market)?,
        };
        if found.is_none() && !self.options.price.is_empty() {
            let chain = market.market.chain;
            return Err(Failure::Sync {
                chain,
                error: Box::new(SyncError::NoEndpoint { chain }),
            });
        }
        found
            .map(|mut found| {
                for change in &self.options.price {
                    self.used
                        .extend(found.change(market, change)?.then(|| change.asset.clone()));
                }
                Ok(found)
            })
            .transpose()
    }

    fn ask(&self, market: &AavePricedAssets) -> Result<Option<MarketPrices>, Failure> {
        let state = &market.market;
        let of_chain = |error: SyncError| Failure::Sync {
            chain: state.chain,
            error: Box::new(error),
        };
        let Some(endpoints) = &self.endpoints else {
            return Ok(None);
        };
        let node = match endpoints.node(state.chain) {
            Err(SyncError::NoEndpoint { .. }) => return Ok(None),
            node => node.map_err(of_chain)?,
        };
        let (Some(oracle), Some(block)) = (state.oracle, state.block) else {
            return Err(Failure::NoOracle {
                market: state.name.clone(),
            });
        };
        let addresses: Vec<_> = market.assets.iter().map(|it| it.address).collect();
        let answer = ask_aave_prices(&node, oracle, &addresses, block)
            .map_err(|error| of_chain(error.into()))?;
        let asset = |address: Address| {
            let known = market.assets.iter().find(|it| it.address == address);
            known.cloned()
        };
        let missing = answer.missing.into_iter();
        Ok(Some(MarketPrices {
            source: Source::Oracle {
                block: answer.block,
                time: answer.time.or(state.time.filter(|_| !answer.is_newest)),
                instead_of: answer.is_newest.then_some(block),
            },
            prices: answer.prices,
            base_currency: answer.base_currency,
            missing: missing
                .filter_map(|(address, reason)| Some((asset(address)?, reason)))
                .collect(),
            changed: Vec::new(),
            assets: market.assets.clone(),
        }))
    }

    /// Fails if an option names an asset that no market has. Says so of the file.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        let is_unused = |change: &&AssetChange| !self.used.contains(&change.asset);
        if let Some(change) = self.options.price.iter().find(is_unused) {
            return Err(Failure::UnknownAsset {
                name: change.asset.clone(),
            });
        }
        let Some(file) = &self.file else {
            return Ok(());
        };
        let names = file.prices.iter().map(|(name, _)| name);
        for name in names.filter(|name| !self.used.contains(*name)) {
            log::warn!(
                "{}: no market has an asset '{}'",
                file.path().display(),
                plain(name)
            );
        }
        Ok(())
    }
}

/// The asset that a name stands for: an address, a symbol, or, if no asset has exactly this symbol, one in other letters.
/// Fails with two of the assets if several are called so.
fn named<'assets>(
    market: &'assets AavePricedAssets,
    name: &str,
) -> Result<Option<&'assets AavePricedAsset>, [Address; 2]> {
    if let Ok(address) = name.parse::<Address>() {
        return Ok(market.assets.iter().find(|it| it.address == address));
    }
    let all = |is_called: &dyn Fn(&str) -> bool| -> Vec<_> {
        let assets = market.assets.iter();
        let called = assets.filter(|it| it.symbol.as_deref().is_some_and(is_called));
        called.collect()
    };
    let mut found = all(&|symbol| symbol == name);
    if found.is_empty() {
        found = all(&|symbol| symbol.to_lowercase() == name.to_lowercase());
    }
    match found.as_slice() {
        [] => Ok(None),
        [asset] => Ok(Some(asset)),
        [one, other, ..] => Err([one.address, other.address]),
    }
}

/// The prices that a file has for a market.
fn prices_of_file(
    file: &PriceFile,
    market: &AavePricedAssets,
    used: &mut BTreeSet<String>,
) -> Result<MarketPrices, Failure> {
    let mut prices = AavePrices::new(file.unit);
    for (name, price) in &file.prices {
        let asset = named(market, name).map_err(|[one, other]| {
            let name = plain(name);
            file.invalid(format!(
                "several assets are called {name}: {one} and {other}"
            ))
        })?;
        let Some(asset) = asset else {
            continue;
        };
        if prices.of(asset.address).is_some() {
            let label = label(asset);
            return Err(file.invalid(format!("it has two prices of {label}")));
        }
        let price = price.in_units(file.unit);
        let price = price.map_err(|error| file.invalid_price(name, error))?;
        prices.set(asset.address, price);
        used.insert(name.clone());
    }
    let without = market.assets.iter();
    let without = without.filter(|asset| prices.of(asset.address).is_none());
    let reason = "the file has none";
    Ok(MarketPrices {
        source: Source::File(file.path().to_owned()),
        // Only the oracle can say what it is. The unit of dollars is nearly always meant.
        base_currency: (file.unit == AavePrices::DOLLAR).then_some(Address::ZERO),
        missing: without
            .map(|asset| (asset.clone(), reason.to_owned()))
            .collect(),
        prices,
        changed: Vec::new(),
        assets: market.assets.clone(),
    })
}

impl MarketPrices {
    /// Changes a price; whether the market has the asset.
    fn change(&mut self, market: &AavePricedAssets, change: &AssetChange) -> Result<bool, Failure> {
        let asset = named(market, &change.asset).map_err(|addresses| Failure::AmbiguousAsset {
            name: change.asset.clone(),
            addresses,
        })?;
        let Some(asset) = asset else {
            return Ok(false);
        };
        let is_changed = |changed: &Changed| changed.asset.address == asset.address;
        if self.changed.iter().any(is_changed) {
            return Err(Failure::PriceTwice {
                asset: label(asset),
            });
        }
        let before = self.prices.of(asset.address);
        let base = match (before, change.change) {
            (Some(before), _) => before,
            (None, PriceChange::Value(_)) => U256::default(),
            (None, _) => {
                return Err(Failure::NoPriceToChange {
                    asset: label(asset),
                });
            }
        };
        let price = change.change.apply(base, self.prices.unit());
        // A percentage is too large only for the price that it is of.
        let price = price.map_err(|error| match change.change {
            PriceChange::Factor { .. } => Failure::PriceTooLarge {
                asset: label(asset),
                price: base,
                change: change.text.clone(),
            },
            _ => Failure::PriceNotUsed {
                asset: change.asset.clone(),
                error,
            },
        })?;
        self.prices.set(asset.address, price);
        self.missing
            .retain(|(missing, _)| missing.address != asset.address);
        self.changed.push(Changed {
            asset: asset.clone(),
            before,
            text: change.text.clone(),
        });
        Ok(true)
    }

    /// Says where the prices come from, what has been changed, and what is missing.
    pub(super) fn describe(&self, lines: &mut Lines) {
        let source = match &self.source {
            Source::Oracle {
                block,
                instead_of: None,
                ..
            } => format!("Prices of the oracle in block {}", grouped(block.get())),
            Source::Oracle {
                block,
                time,
                instead_of: Some(wanted),
            } => format!(
                "Prices of the oracle in block {}{}: the node does not have the state of block {}",
                grouped(block.get()),
                time.map_or_else(String::new, |time| format!(" ({})", amounts::time(time))),
                grouped(wanted.get())
            ),
            Source::File(path) => format!("Prices of {}", path.display()),
        };
        lines.push_fitting(&source, 4);
        for Changed {
            asset,
            before,
            text,
        } in &self.changed
        {
            let shown = |price: Option<U256>| {
                price.map_or_else(
                    || "no price".to_owned(),
                    |price| amounts::exact_price(price, self.prices.unit(), self.base_currency),
                )
            };
            let line = format!(
                "What if: {} {}: {} instead of {}",
                label(asset),
                plain(text),
                shown(self.prices.of(asset.address)),
                shown(*before)
            );
            lines.push_fitting(&line, 4);
        }
        for (asset, reason) in &self.missing {
            lines.push_fitting(
                &format!("No price of {}: {}", label(asset), plain(reason)),
                4,
            );
        }
    }

    pub(super) fn document(&self) -> PricesDocument {
        let (source, block, time, is_newest, file) = match &self.source {
            Source::Oracle {
                block,
                time,
                instead_of,
            } => (
                "oracle",
                Some(block.get()),
                time.map(amounts::timestamp),
                Some(instead_of.is_some()),
                None,
            ),
            Source::File(path) => ("file", None, None, None, Some(path.display().to_string())),
        };
        let assets = self.assets.iter().map(|asset| {
            let price = self.prices.of(asset.address);
            let changed = self
                .changed
                .iter()
                .find(|changed| changed.asset.address == asset.address);
            let missing = self
                .missing
                .iter()
                .find(|(missing, _)| missing.address == asset.address);
            PriceDocument {
                address: asset.address.to_string(),
                symbol: asset.symbol.clone(),
                price: price.map(|price| price.to_string()),
                is_what_if: changed.is_some(),
                problem: missing.map(|(_, reason)| reason.clone()),
            }
        });
        PricesDocument {
            source,
            file,
            block,
            time,
            is_newest_block: is_newest,
            base_currency: self.base_currency.map(|it| it.to_string()),
            base_currency_unit: self.prices.unit().to_string(),
            assets: assets.collect(),
        }
    }
}

fn label(asset: &AavePricedAsset) -> String {
    let symbol = asset.symbol.as_deref().map(plain);
    symbol.unwrap_or_else(|| asset.address.to_string())
}

#[derive(Debug, Serialize)]
pub(super) struct PricesDocument {
    source: &'static str,
    file: Option<String>,
    block: Option<u64>,
    time: Option<String>,
    is_newest_block: Option<bool>,
    base_currency: Option<String>,
    base_currency_unit: String,
    assets: Vec<PriceDocument>,
}

#[derive(Debug, Serialize)]
struct PriceDocument {
    address: String,
    symbol: Option<String>,
    price: Option<String>,
    is_what_if: bool,
    problem: Option<String>,
}
