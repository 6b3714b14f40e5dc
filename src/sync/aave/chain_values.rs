//! What a market's contracts say at a block.

use std::collections::{BTreeMap, BTreeSet};

use crate::aave::scaled_balance::ScaledBalance;
use crate::aave::token_rules::TokenKind;
use crate::deployments::market_name::MarketName;
use crate::events::aave_v3_addresses_provider::AddressId;
use crate::models::aave::position_writer::Side;
use crate::models::aave::stored_market::PROVIDER;
use crate::node::calls::{Call, CallFailure};
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sync::aave::contract_calls::{
    address_at, addresses, call, call_with, number_at, revision, word_of,
};
use crate::sync::aave::implementation::Implementation;
use crate::sync::at_block::lacks_state;
use crate::sync::sync_error::SyncError;
use crate::sync::token_values;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{
    BasisPoints, BlockNumber, Decimals, EModeCategoryId, Revision, Timestamp,
};

/// The names of the contracts that the addresses provider knows, in the database, and its functions.
const CONTRACTS: [(&str, &str); 4] = [
    ("POOL", "getPool()"),
    ("POOL_CONFIGURATOR", "getPoolConfigurator()"),
    ("PRICE_ORACLE", "getPriceOracle()"),
    ("POOL_DATA_PROVIDER", "getPoolDataProvider()"),
];

/// What the database has of a market, and the contracts are asked about.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The numbers of the e-mode categories.
    pub(super) categories: BTreeSet<EModeCategoryId>,
    /// The names of the contracts.
    pub(super) contracts: Vec<String>,
}

/// What the contracts say of a reserve.
#[derive(Debug, Clone)]
pub(super) struct ReserveValues {
    /// Its place in the configurations of users.
    pub(super) number: usize,
    pub(super) configuration: alloy_primitives::U256,
    pub(super) liquidity_index: U256,
    pub(super) liquidity_rate: U256,
    pub(super) borrow_index: U256,
    pub(super) borrow_rate: U256,
    pub(super) last_update_time: Timestamp,
    pub(super) a_token: Address,
    pub(super) v_token: Address,
    pub(super) a_token_revision: Revision,
    pub(super) v_token_revision: Revision,
    /// The `scaledTotalSupply` of the aToken and of the debt token.
    pub(super) totals: [U256; 2],
    /// `None` if the oracle has none.
    pub(super) price_source: Option<Address>,
}

/// What the Pool says of an e-mode category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CategoryValues {
    pub(super) ltv: BasisPoints,
    pub(super) liquidation_threshold: BasisPoints,
    pub(super) liquidation_bonus: BasisPoints,
    pub(super) price_source: Address,
    pub(super) label: Option<String>,
}

/// The reserves in an e-mode category, by their numbers. Since Aave 3.2.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bitmaps {
    pub(super) collateral: alloy_primitives::U256,
    pub(super) borrowable: alloy_primitives::U256,
    pub(super) ltv_zero: alloy_primitives::U256,
}

/// What the contracts of a market say at a block.
#[derive(Debug, Clone)]
pub(super) struct MarketValues {
    pub(super) pool: Address,
    /// By their names in the database; the zero address where the market has none of that name.
    pub(super) contracts: BTreeMap<String, Address>,
    pub(super) pool_revision: Revision,
    pub(super) configurator_revision: Option<Revision>,
    /// The name of the market, if the provider says it.
    pub(super) name: Option<String>,
    /// The assets that are listed.
    pub(super) listed: BTreeSet<Address>,
    /// The reserves, by their assets.
    pub(super) reserves: BTreeMap<Address, ReserveValues>,
    /// The categories that were asked for; `None` for those without limits.
    pub(super) categories: BTreeMap<EModeCategoryId, Option<CategoryValues>>,
    /// Empty before Aave 3.2, where an asset's configuration has its category.
    pub(super) bitmaps: BTreeMap<EModeCategoryId, Bitmaps>,
}

/// Why something could not be read from the contracts.
#[derive(Debug)]
pub(super) enum NotRead {
    Node(SyncError),
    /// A contract does not answer as one of Aave does.
    Answer(String),
}

impl<E: Into<SyncError>> From<E> for NotRead {
    fn from(error: E) -> Self {
        Self::Node(error.into())
    }
}

impl NotRead {
    /// The error of what cannot do without the state of a block.
    pub(super) fn into_error(self, market: &MarketName, block: BlockNumber) -> SyncError {
        let market = Box::new(market.clone());
        match self {
            Self::Node(SyncError::Node { source }) if lacks_state(&source) => {
                SyncError::NoState { market, block }
            }
            Self::Node(error) => error,
            Self::Answer(detail) => SyncError::NotOfAave { market, detail },
        }
    }
}

type Answer = Result<Vec<u8>, CallFailure>;

/// The answers to some calls, in their order.
struct Answers<'a> {
    calls: &'a [Call],
    given: std::vec::IntoIter<Answer>,
    next: usize,
}

impl<'a> Answers<'a> {
    fn ask(node: &Node, calls: &'a [Call], at: BlockTag) -> Result<Self, NotRead> {
        Ok(Self {
            calls,
            given: node.calls(calls, at)?.into_iter(),
            next: 0,
        })
    }

    /// The next answer, which may be a refusal.
    fn next(&mut self) -> Answer {
        self.next += 1;
        self.given.next().unwrap_or_else(|| Ok(Vec::new()))
    }

    /// The value in the next answer.
    fn value<T>(&mut self, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, NotRead> {
        let answer = self.next();
        let contract = self.calls.get(self.next - 1).map(|call| call.to);
        let contract = contract.unwrap_or(Address::ZERO);
        match answer {
            Ok(answer) => read(&answer).ok_or_else(|| {
                NotRead::Answer(format!(
                    "the contract {contract} does not answer as one of Aave does"
                ))
            }),
            Err(failure) => Err(NotRead::Answer(format!(
                "the contract {contract} refuses a call: {failure}"
            ))),
        }
    }
}

fn first_number(answer: &[u8]) -> Option<U256> {
    number_at(answer, 0)
}

fn basis_points(number: Option<U256>) -> Option<BasisPoints> {
    BasisPoints::new(u32::try_from(number?.0).ok()?).ok()
}

fn word(number: EModeCategoryId) -> [u8; 32] {
    let mut word = [0; 32];
    word[31] = number.get();
    word
}

impl MarketValues {
    /// Whether e-mode categories have the assets that are in them, and not the other way round.
    pub(super) const fn has_bitmaps(&self) -> bool {
        self.pool_revision.get() >= 5
    }

    /// Asks the contracts.
    pub(super) fn read(
        node: &Node,
        provider: Address,
        asked: &Asked,
        at: BlockTag,
    ) -> Result<Self, NotRead> {
        let contracts = read_contracts(node, provider, &asked.contracts, at)?;
        let contract = |name: &str| contracts.get(name).copied().unwrap_or(Address::ZERO);
        let (pool, configurator) = (contract("POOL"), contract("POOL_CONFIGURATOR"));
        let calls = [
            call(pool, Implementation::Pool.function()),
            call(pool, "getReservesList()"),
            call(configurator, Implementation::Configurator.function()),
            call(provider, "getMarketId()"),
        ];
        let mut answers = Answers::ask(node, &calls, at)?;
        let pool_revision = answers.value(revision)?;
        let listed: BTreeSet<Address> = answers.value(addresses)?.into_iter().collect();
        let configurator_revision = answers.next().ok().and_then(|answer| revision(&answer));
        let name = answers.next().ok();
        let name = name.and_then(|answer| token_values::text(&answer));
        let numbers = &asked.categories;
        let (categories, bitmaps) = read_categories(node, pool, pool_revision, numbers, at)?;
        let reserves = read_reserves(node, pool, contract("PRICE_ORACLE"), &listed, at)?;
        Ok(Self {
            pool,
            contracts,
            pool_revision,
            configurator_revision,
            name,
            listed,
            reserves,
            categories,
            bitmaps,
        })
    }
}

/// The addresses provider that a Pool names, if that names the Pool as well: the database may have another one.
pub(super) fn provider_of(
    node: &Node,
    pool: Option<Address>,
    at: BlockTag,
) -> Result<Option<Address>, NotRead> {
    let Some(pool) = pool else { return Ok(None) };
    let ask = |contract, function| -> Result<Option<Address>, NotRead> {
        let answer = Answers::ask(node, &[call(contract, function)], at)?.next();
        Ok(answer.ok().and_then(|answer| address_at(&answer, 0)))
    };
    let Some(provider) = ask(pool, "ADDRESSES_PROVIDER()")? else {
        return Ok(None);
    };
    let named = ask(provider, "getPool()")?;
    Ok((named == Some(pool)).then_some(provider))
}

/// Asks the provider for its contracts, and for those that it keeps under further names. A name that cannot be one of
/// the provider's has no contract.
fn read_contracts(
    node: &Node,
    provider: Address,
    names: &[String],
    at: BlockTag,
) -> Result<BTreeMap<String, Address>, NotRead> {
    let is_further =
        |name: &&String| *name != PROVIDER && CONTRACTS.iter().all(|(fixed, _)| name != fixed);
    let further: Vec<_> = names.iter().filter(is_further).collect();
    let ids: Vec<_> = further
        .iter()
        .filter_map(|name| Some((*name, AddressId::of_name(name)?)))
        .collect();
    let mut calls = CONTRACTS
        .map(|(_, function)| call(provider, function))
        .to_vec();
    let of_id = |id: &AddressId| call_with(provider, "getAddress(bytes32)", &[*id.as_bytes()]);
    calls.extend(ids.iter().map(|(_, id)| of_id(id)));
    let mut answers = Answers::ask(node, &calls, at)?;
    let mut contracts = BTreeMap::new();
    for (name, _) in CONTRACTS {
        let address = answers.value(|answer| address_at(answer, 0))?;
        contracts.insert(name.to_owned(), address);
    }
    let unnamed = further
        .iter()
        .filter(|name| AddressId::of_name(name).is_none());
    contracts.extend(unnamed.map(|name| ((*name).clone(), Address::ZERO)));
    for (name, _) in ids {
        contracts.insert(name.clone(), answers.value(|answer| address_at(answer, 0))?);
    }
    Ok(contracts)
}

/// What the Pool says of a reserve, and the tokens that it has.
struct ReserveData {
    asset: Address,
    words: Vec<u8>,
    a_token: Address,
    v_token: Address,
    /// `None` if the oracle has none.
    price_source: Option<Address>,
}

/// Asks for the reserves. Their tokens are those of the Pool: the database may have others.
fn read_reserves(
    node: &Node,
    pool: Address,
    oracle: Address,
    listed: &BTreeSet<Address>,
    at: BlockTag,
) -> Result<BTreeMap<Address, ReserveValues>, NotRead> {
    let of_asset = |asset: &Address| {
        let asset = [word_of(*asset)];
        [
            call_with(pool, "getReserveData(address)", &asset),
            call_with(oracle, "getSourceOfAsset(address)", &asset),
        ]
    };
    let calls: Vec<_> = listed.iter().flat_map(of_asset).collect();
    let mut answers = Answers::ask(node, &calls, at)?;
    let mut data = Vec::new();
    for asset in listed {
        let words = answers.value(|answer| Some(answer.to_vec()))?;
        let source = answers.value(|answer| address_at(answer, 0))?;
        let (Some(a_token), Some(v_token)) = (address_at(&words, 8), address_at(&words, 10)) else {
            return Err(no_data());
        };
        data.push(ReserveData {
            asset: *asset,
            words,
            a_token,
            v_token,
            price_source: (source != Address::ZERO).then_some(source),
        });
    }
    let of_tokens = |reserve: &ReserveData| {
        [
            call(reserve.a_token, Implementation::AToken.function()),
            call(reserve.v_token, Implementation::DebtToken.function()),
            call(reserve.a_token, "scaledTotalSupply()"),
            call(reserve.v_token, "scaledTotalSupply()"),
        ]
    };
    let calls: Vec<_> = data.iter().flat_map(of_tokens).collect();
    let mut answers = Answers::ask(node, &calls, at)?;
    let mut reserves = BTreeMap::new();
    for reserve in data {
        reserves.insert(reserve.asset, read_reserve(&reserve, &mut answers)?);
    }
    Ok(reserves)
}

fn read_reserve(data: &ReserveData, answers: &mut Answers<'_>) -> Result<ReserveValues, NotRead> {
    let (a_token_revision, v_token_revision) = (answers.value(revision)?, answers.value(revision)?);
    let totals = [answers.value(first_number)?, answers.value(first_number)?];
    let read = || {
        let number = |index| number_at(&data.words, index);
        Some(ReserveValues {
            number: usize::try_from(number(7)?.0).ok()?,
            configuration: number(0)?.0,
            liquidity_index: number(1)?,
            liquidity_rate: number(2)?,
            borrow_index: number(3)?,
            borrow_rate: number(4)?,
            last_update_time: Timestamp::new(u64::try_from(number(6)?.0).ok()?).ok()?,
            a_token: data.a_token,
            v_token: data.v_token,
            a_token_revision,
            v_token_revision,
            totals,
            price_source: data.price_source,
        })
    };
    read().ok_or_else(no_data)
}

fn no_data() -> NotRead {
    NotRead::Answer("the Pool does not say the data of a reserve as Aave V3 does".to_owned())
}

type Categories = (
    BTreeMap<EModeCategoryId, Option<CategoryValues>>,
    BTreeMap<EModeCategoryId, Bitmaps>,
);

/// Asks for the categories of the database, and for a few more, in case it lacks one.
fn read_categories(
    node: &Node,
    pool: Address,
    pool_revision: Revision,
    numbers: &BTreeSet<EModeCategoryId>,
    at: BlockTag,
) -> Result<Categories, NotRead> {
    /// How many numbers above the highest known one are asked for.
    const MORE: u8 = 2;
    let has_bitmaps = pool_revision.get() >= 5;
    let has_ltv_zero = pool_revision.get() >= 10;
    let last = numbers.last().map_or(0, |number| number.get());
    let numbers: Vec<_> = (1..=last.saturating_add(MORE))
        .filter_map(|number| EModeCategoryId::new(number).ok())
        .collect();
    let mut calls = Vec::new();
    for number in &numbers {
        let argument = [word(*number)];
        let mut ask = |function| calls.push(call_with(pool, function, &argument));
        ask("getEModeCategoryData(uint8)");
        if has_bitmaps {
            ask("getEModeCategoryCollateralBitmap(uint8)");
            ask("getEModeCategoryBorrowableBitmap(uint8)");
        }
        if has_ltv_zero {
            ask("getEModeCategoryLtvzeroBitmap(uint8)");
        }
    }
    let mut answers = Answers::ask(node, &calls, at)?;
    let (mut categories, mut bitmaps) = (BTreeMap::new(), BTreeMap::new());
    for number in numbers {
        let values = answers.value(category)?;
        let has_limits = has_limits(values.ltv, values.liquidation_threshold);
        categories.insert(number, has_limits.then_some(values));
        if has_bitmaps {
            let mut of_category = Bitmaps {
                collateral: answers.value(first_number)?.0,
                borrowable: answers.value(first_number)?.0,
                ltv_zero: alloy_primitives::U256::ZERO,
            };
            if has_ltv_zero {
                of_category.ltv_zero = answers.value(first_number)?.0;
            }
            bitmaps.insert(number, of_category);
        }
    }
    Ok((categories, bitmaps))
}

/// Whether a category is more than a number.
pub(super) fn has_limits(ltv: BasisPoints, liquidation_threshold: BasisPoints) -> bool {
    ltv != BasisPoints::ZERO || liquidation_threshold != BasisPoints::ZERO
}

/// The tuple of `getEModeCategoryData`: three ratios, the price source and the label.
fn category(answer: &[u8]) -> Option<CategoryValues> {
    let start = usize::try_from(number_at(answer, 0)?.0).ok()?;
    let tuple = answer.get(start..)?;
    let text_at = usize::try_from(number_at(tuple, 4)?.0).ok()?;
    // The text is encoded as if it were an answer of its own.
    let mut text = [0; 32];
    text[31] = 32;
    let text = [text.as_slice(), tuple.get(text_at..)?].concat();
    Some(CategoryValues {
        ltv: basis_points(number_at(tuple, 0))?,
        liquidation_threshold: basis_points(number_at(tuple, 1))?,
        liquidation_bonus: basis_points(number_at(tuple, 2))?,
        price_source: address_at(tuple, 3)?,
        label: token_values::text(&text),
    })
}

impl ReserveValues {
    /// Bits of the configuration.
    pub(super) fn bits(&self, first: usize, count: usize) -> u64 {
        let mask = (alloy_primitives::U256::from(1) << count) - alloy_primitives::U256::from(1);
        ((self.configuration >> first) & mask).to()
    }

    /// The token of a kind.
    pub(super) const fn token(&self, kind: TokenKind) -> Address {
        match kind {
            TokenKind::AToken => self.a_token,
            TokenKind::VariableDebt | TokenKind::GhoDebt => self.v_token,
        }
    }

    pub(super) fn bit(&self, place: usize) -> bool {
        self.configuration.bit(place)
    }
}

/// What the contracts say of a user.
#[derive(Debug, Clone)]
pub(super) struct UserValues {
    pub(super) e_mode: EModeCategoryId,
    /// Two bits for each reserve: whether the user owes it, and whether it is collateral.
    configuration: alloy_primitives::U256,
}

impl UserValues {
    /// Whether the user has a reserve enabled as collateral.
    pub(super) fn is_collateral(&self, reserve: &ReserveValues) -> bool {
        self.configuration.bit(2 * reserve.number + 1)
    }

    /// Whether the Pool says that the user owes a reserve.
    pub(super) fn is_borrowing(&self, reserve: &ReserveValues) -> bool {
        self.configuration.bit(2 * reserve.number)
    }
}

/// Asks for what users have chosen, in their order.
pub(super) fn read_users(
    node: &Node,
    pool: Address,
    users: &[Address],
    at: BlockTag,
) -> Result<Vec<UserValues>, NotRead> {
    let functions = ["getUserEMode(address)", "getUserConfiguration(address)"];
    let of_user = |user: &Address| functions.map(|it| call_with(pool, it, &[word_of(*user)]));
    let calls: Vec<_> = users.iter().flat_map(of_user).collect();
    let mut answers = Answers::ask(node, &calls, at)?;
    users
        .iter()
        .map(|_| {
            Ok(UserValues {
                e_mode: answers.value(|answer| {
                    let number = u8::try_from(first_number(answer)?.0).ok()?;
                    EModeCategoryId::new(number).ok()
                })?,
                configuration: answers.value(first_number)?.0,
            })
        })
        .collect()
}

/// Asks tokens for the scaled balances of users and their last indexes, in their order.
pub(super) fn read_balances(
    node: &Node,
    pairs: &[(Address, Address)],
    at: BlockTag,
) -> Result<Vec<ScaledBalance>, NotRead> {
    let functions = ["scaledBalanceOf(address)", "getPreviousIndex(address)"];
    let of_pair = |(token, user): &(Address, Address)| {
        functions.map(|it| call_with(*token, it, &[word_of(*user)]))
    };
    let calls: Vec<_> = pairs.iter().flat_map(of_pair).collect();
    let mut answers = Answers::ask(node, &calls, at)?;
    pairs
        .iter()
        .map(|_| {
            Ok(ScaledBalance {
                scaled: answers.value(first_number)?,
                last_index: answers.value(first_number)?,
            })
        })
        .collect()
}

/// What tokens say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenValues {
    pub(super) name: Option<String>,
    pub(super) symbol: Option<String>,
    pub(super) decimals: Option<Decimals>,
}

/// Asks the tokens of reserves for their names, symbols and decimals.
pub(super) fn read_tokens(
    node: &Node,
    values: &MarketValues,
    at: BlockTag,
) -> Result<BTreeMap<Address, TokenValues>, NotRead> {
    let of_reserve =
        |(asset, reserve): (&Address, &ReserveValues)| [*asset, reserve.a_token, reserve.v_token];
    let tokens: BTreeSet<_> = values.reserves.iter().flat_map(of_reserve).collect();
    let functions = ["name()", "symbol()", "decimals()"];
    let of_token = |token: &Address| functions.map(|it| call(*token, it));
    let calls: Vec<_> = tokens.iter().flat_map(of_token).collect();
    let mut answers = Answers::ask(node, &calls, at)?;
    let mut found = BTreeMap::new();
    for token in tokens {
        let [name, symbol, decimals] = functions.map(|_| answers.next().ok());
        let values = TokenValues {
            name: name.and_then(|answer| token_values::text(&answer)),
            symbol: symbol.and_then(|answer| token_values::text(&answer)),
            decimals: decimals.and_then(|answer| token_values::decimals(&answer)),
        };
        found.insert(token, values);
    }
    Ok(found)
}

/// The place of a side in a pair of values.
pub(super) const fn side_index(side: Side) -> usize {
    match side {
        Side::Collateral => 0,
        Side::Debt => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn category_is_read_from_its_tuple() {
        let number = |number: u64| alloy_primitives::U256::from(number).to_be_bytes::<32>();
        let words = [
            number(32),
            number(9_000),
            number(9_300),
            number(10_100),
            number(0xaa),
            number(160),
            number(3),
        ];
        let mut answer = words.concat();
        answer.extend(*b"ETH");
        answer.extend([0; 29]);
        let values = category(&answer).unwrap();
        assert_eq!(values.ltv.get(), 9_000);
        assert_eq!(values.liquidation_bonus.get(), 10_100);
        assert_eq!(values.label.as_deref(), Some("ETH"));
        assert_eq!(category(&answer[..100]), None);
        // A place beyond the answer.
        answer[31] = 0xff;
        assert_eq!(category(&answer), None);
    }
}
