//! Compares a market in memory with what its contracts say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::aave::scaled_balance::ScaledBalance;
use crate::deployments::market_name::MarketName;
use crate::models::aave::position_writer::Side;
use crate::models::aave::stored_market::PROVIDER;
use crate::models::journal::market_marks::MarkedBy;
use crate::models::rows::aave_v3_emode_asset::NewAaveV3EModeAsset;
use crate::node::client::Node;
use crate::node::header::{BlockTag, Header};
use crate::sync::aave::chain_values::{
    CategoryValues, MarketValues, NotRead, ReserveValues, TokenValues, UserValues, has_limits,
    read_balances, read_tokens, read_users, side_index,
};
use crate::sync::aave::market_scope::{CONFIGURATOR, POOL, ScopedMarket};
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::picture::{Picture, Totals};
use crate::sync::aave::reserve_state::Reserve;
use crate::sync::aave::reserve_times::update_times;
use crate::sync::aave::verify_report::{AaveFinding, AaveSubject};
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, Decimals, EModeCategoryId, Revision, Timestamp};

pub(super) const SIDES: [Side; 2] = [Side::Collateral, Side::Debt];

/// A comparison, and what it has found so far.
pub(super) struct Comparison<'a> {
    pub(super) market: &'a MarketName,
    pub(super) findings: Vec<AaveFinding>,
    pub(super) values: u64,
    pub(super) positions: u64,
    /// By how much all scaled balances of a token that were compared are too low, with an overflow that is cut off.
    pub(super) missing: HashMap<Address, alloy_primitives::U256>,
}

/// What is compared of a market beside what its contracts say.
pub(super) struct Known {
    /// The name in the database.
    pub(super) name: String,
    /// The time of the block of the mark, in the database and on the chain, if the database has that of its own mark.
    pub(super) time: Option<(u64, u64)>,
    /// The times of the blocks in which the reserves were last updated.
    pub(super) times: BTreeMap<BlockNumber, u64>,
    /// What the tokens say.
    pub(super) tokens: BTreeMap<Address, TokenValues>,
}

impl Known {
    /// Asks for it. The header is that of the mark.
    pub(super) fn read(
        node: &Node,
        market: &ScopedMarket,
        (state, values): (&MarketState, &MarketValues),
        at_mark: &Header,
        at: BlockTag,
    ) -> Result<Self, NotRead> {
        let is_own = market.marked_by == MarkedBy::ThisProgram;
        let stored = market.time.filter(|_| is_own);
        Ok(Self {
            name: market.stored_name.clone(),
            time: stored.map(|stored| (stored.get(), at_mark.timestamp)),
            times: update_times(node, state)?,
            tokens: read_tokens(node, values, at)?,
        })
    }
}

/// Which positions of users are compared, beside those that the database has and those that the Pool says they have:
/// those of these places and sides.
pub(super) type Further<'a> = &'a dyn Fn(usize, Side) -> bool;

/// A text of a value; nothing for a value that is not there.
fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// The token of a side of a reserve, as the Pool has it.
pub(super) const fn token_of(reserve: &ReserveValues, side: Side) -> Address {
    match side {
        Side::Collateral => reserve.a_token,
        Side::Debt => reserve.v_token,
    }
}

impl<'a> Comparison<'a> {
    pub(super) fn new(market: &'a MarketName) -> Self {
        Self {
            market,
            findings: Vec::new(),
            values: 0,
            positions: 0,
            missing: HashMap::new(),
        }
    }

    /// Compares two values.
    pub(super) fn same<T: PartialEq + ToString>(
        &mut self,
        (user, token): (Option<Address>, Option<Address>),
        subject: AaveSubject,
        database: Option<T>,
        chain: Option<T>,
    ) {
        self.values += 1;
        if database != chain {
            self.findings.push(AaveFinding {
                market: self.market.clone(),
                user,
                token,
                subject,
                database: text(database),
                chain: text(chain),
            });
        }
    }

    /// Compares contracts, reserves and e-mode categories.
    pub(super) fn market(&mut self, state: &MarketState, values: &MarketValues, known: &Known) {
        let none = (None, None);
        if values.name.is_some() {
            let name = Some(known.name.clone());
            self.same(none, AaveSubject::MarketName, name, values.name.clone());
        }
        if let Some((database, chain)) = known.time {
            let subject = AaveSubject::MarketTime;
            self.same(none, subject, Some(database), Some(chain));
        }
        for (name, address) in &values.contracts {
            let chain = (*address != Address::ZERO).then_some(*address);
            let subject = AaveSubject::Contract(name.clone());
            self.same(none, subject, state.contract(name), chain);
        }
        let revisions = [
            (POOL, Some(values.pool_revision)),
            (CONFIGURATOR, values.configurator_revision),
        ];
        for (name, revision) in revisions {
            let subject = AaveSubject::ContractRevision(name);
            self.same(none, subject, state.contract_revision(name), revision);
        }
        self.categories(state, values);
        for asset in &values.listed {
            if state.of_underlying(*asset).is_none() {
                let at = (None, Some(*asset));
                self.same(at, AaveSubject::Reserve, None, Some("listed"));
            }
        }
        for reserve in &state.reserves {
            self.reserve(state, reserve, values, &known.times);
        }
        self.tokens(state, &known.tokens);
        self.gho(state);
    }

    /// Compares the symbols and the decimals of tokens that say them. A name says nothing more.
    fn tokens(&mut self, state: &MarketState, tokens: &BTreeMap<Address, TokenValues>) {
        for (token, chain) in tokens {
            let Some(row) = state.tokens.get(token) else {
                continue;
            };
            let at = (None, Some(*token));
            if chain.symbol.is_some() {
                let subject = AaveSubject::Column("symbol");
                self.same(at, subject, row.symbol.clone(), chain.symbol.clone());
            }
            if chain.decimals.is_some() {
                let subject = AaveSubject::Column("decimals");
                let shown = |decimals: Decimals| decimals.get();
                self.same(
                    at,
                    subject,
                    row.decimals.map(shown),
                    chain.decimals.map(shown),
                );
            }
        }
    }

    /// Compares the debt token in the row of GHO with that of the reserve.
    fn gho(&mut self, state: &MarketState) {
        let Some(gho) = &state.gho else { return };
        let Some(place) = state.of_underlying(gho.token) else {
            return;
        };
        if let Some(reserve) = state.reserves.get(place) {
            let at = (None, Some(gho.token));
            let subject = AaveSubject::Column("v_token_id in aave_gho_tokens");
            let mut tokens = state.tokens.values();
            let shown = |id: i64| {
                let token = tokens.find(|token| token.id == id);
                token.map_or_else(|| format!("row {id}"), |token| token.address.to_string())
            };
            let database = gho.row.v_token_id.map(shown);
            self.same(at, subject, database, Some(reserve.v_token.to_string()));
        }
    }

    fn categories(&mut self, state: &MarketState, values: &MarketValues) {
        for (number, chain) in &values.categories {
            let row = state.categories().get(number);
            let row =
                row.filter(|row| chain.is_some() || has_limits(row.ltv, row.liquidation_threshold));
            if row.is_none() && chain.is_none() {
                continue;
            }
            let database = row.map(|row| CategoryValues {
                ltv: row.ltv,
                liquidation_threshold: row.liquidation_threshold,
                liquidation_bonus: row.liquidation_bonus,
                price_source: row.price_source.unwrap_or(Address::ZERO),
                label: Some(row.label.clone().unwrap_or_default()),
            });
            let none = (None, None);
            let subject = |column| AaveSubject::Category(*number, column);
            let of = |read: fn(&CategoryValues) -> String| {
                (database.as_ref().map(read), chain.as_ref().map(read))
            };
            for (column, (database, chain)) in [
                ("ltv", of(|it| it.ltv.to_string())),
                (
                    "liquidation_threshold",
                    of(|it| it.liquidation_threshold.to_string()),
                ),
                (
                    "liquidation_bonus",
                    of(|it| it.liquidation_bonus.to_string()),
                ),
                ("price_source", of(|it| it.price_source.to_string())),
                ("label", of(|it| it.label.clone().unwrap_or_default())),
            ] {
                self.same(none, subject(column), database, chain);
            }
        }
    }

    fn reserve(
        &mut self,
        state: &MarketState,
        reserve: &Reserve,
        values: &MarketValues,
        times: &BTreeMap<BlockNumber, u64>,
    ) {
        // A reserve that was dropped may stay.
        let Some(chain) = values.reserves.get(&reserve.underlying) else {
            let stored = (!reserve.is_dropped()).then_some("listed");
            let at = (None, Some(reserve.underlying));
            self.same(at, AaveSubject::Reserve, stored, None);
            return;
        };
        let mut right = reserve.clone();
        if right
            .correct(chain, &values.bitmaps, values.has_bitmaps())
            .is_err()
        {
            let at = (None, Some(reserve.a_token));
            let subject = AaveSubject::Column("a_token_revision");
            let stored = Some(reserve.asset.a_token_revision);
            self.same(at, subject, stored, Some(chain.a_token_revision));
            return;
        }
        let at = (None, Some(reserve.underlying));
        let addresses = [
            ("a_token", reserve.a_token, chain.a_token),
            ("v_token", reserve.v_token, chain.v_token),
        ];
        for (column, database, chain) in addresses {
            self.same(at, AaveSubject::Column(column), Some(database), Some(chain));
        }
        for ((column, database), (_, chain)) in columns(reserve).into_iter().zip(columns(&right)) {
            self.same(at, AaveSubject::Column(column), database, chain);
        }
        let block = reserve.asset.last_update_block;
        let time = block.and_then(|block| times.get(&block).copied());
        // A reserve in which nothing has happened yet has the time 0.
        let chain_time = Some(chain.last_update_time.get()).filter(|time| *time != 0);
        if time.is_some() || block.is_none() {
            let subject = AaveSubject::Column("last_update_block");
            self.same(at, subject, time.map(at_time), chain_time.map(at_time));
        }
        self.memberships(reserve, &right);
        self.category_of_asset(state, reserve, &right);
    }

    /// Compares the category to which the row of a reserve refers with those that the reserve is in. Of several, the
    /// row may have any.
    fn category_of_asset(&mut self, state: &MarketState, reserve: &Reserve, right: &Reserve) {
        // What events in memory have changed gets its row when it is written.
        if reserve.unwritten.asset {
            return;
        }
        let stored = reserve.asset.e_mode_category_id;
        let number = state.category_of_asset(reserve);
        let is_right = number.is_some_and(|number| {
            let mut memberships = right.memberships().iter();
            memberships.any(|it| it.is_collateral && it.category_id == number)
        });
        // A category without limits has no row.
        let has_row = |number: &EModeCategoryId| state.category_ids.contains_key(number);
        let chain = if is_right {
            number
        } else {
            right.config.e_mode_category_id.filter(has_row)
        };
        let shown = |number: EModeCategoryId| number.to_string();
        let database = stored.map(|row| number.map_or_else(|| format!("row {row}"), shown));
        let at = (None, Some(reserve.underlying));
        self.same(at, AaveSubject::CategoryOfAsset, database, chain.map(shown));
    }

    fn memberships(&mut self, database: &Reserve, chain: &Reserve) {
        let numbers: BTreeSet<_> = [database, chain]
            .iter()
            .flat_map(|reserve| reserve.memberships())
            .map(|membership| membership.category_id)
            .collect();
        let at = (None, Some(database.underlying));
        for number in numbers {
            let of = |reserve: &Reserve| flags(reserve.memberships(), number);
            for ((flag, database), (_, chain)) in of(database).into_iter().zip(of(chain)) {
                let subject = AaveSubject::Membership(number, flag);
                self.same(at, subject, Some(database), Some(chain));
            }
        }
    }

    /// Compares the sums of all scaled balances with the total supplies.
    pub(super) fn totals(&mut self, state: &MarketState, values: &MarketValues, totals: &Totals) {
        for (place, reserve) in state.reserves.iter().enumerate() {
            let chain = values.reserves.get(&reserve.underlying);
            for side in SIDES {
                let database = totals.get(&(place, side)).copied().unwrap_or_default();
                let total = chain.and_then(|chain| chain.totals.get(side_index(side)));
                // Nobody has anything of a reserve that is not listed.
                let token = chain.map_or(reserve.underlying, |chain| token_of(chain, side));
                let chain = Some(total.map_or(alloy_primitives::U256::ZERO, |total| total.0));
                let at = (None, Some(token));
                let subject = AaveSubject::ScaledTotalSupply;
                self.same(at, subject, Some(database), chain);
            }
        }
    }

    /// Compares users: their positions, switches and e-mode.
    pub(super) fn users(
        &mut self,
        node: &Node,
        picture: &Picture,
        values: &MarketValues,
        users: &[Address],
        further: Further<'_>,
        at: BlockTag,
    ) -> Result<(), NotRead> {
        let state = &picture.state;
        let chosen = read_users(node, values.pool, users, at)?;
        for (user, chain) in users.iter().zip(&chosen) {
            let who = (Some(*user), None);
            let rows = picture.duplicates.get(user).copied().unwrap_or(1);
            self.same(who, AaveSubject::User, Some(rows), Some(1));
            let database = state.balances.e_mode(*user);
            self.same(who, AaveSubject::EMode, Some(database), Some(chain.e_mode));
            for (place, reserve) in state.reserves.iter().enumerate() {
                let Some(of_reserve) = values.reserves.get(&reserve.underlying) else {
                    continue;
                };
                let switch = picture.switches.get(&(*user, place)).copied();
                let at = (Some(*user), Some(reserve.underlying));
                self.same(
                    at,
                    AaveSubject::CollateralSwitch,
                    Some(switch.unwrap_or_default()),
                    Some(chain.is_collateral(of_reserve)),
                );
            }
        }
        let pairs = pairs(state, values, users, &chosen, further);
        let asked: Vec<_> = pairs
            .iter()
            .filter_map(|(place, side, user)| {
                let reserve = state.reserves.get(*place)?;
                let reserve = values.reserves.get(&reserve.underlying)?;
                Some((token_of(reserve, *side), *user))
            })
            .collect();
        let balances = read_balances(node, &asked, at)?;
        self.positions += u64::try_from(pairs.len()).unwrap_or(u64::MAX);
        for (((place, side, user), (token, _)), chain) in pairs.iter().zip(&asked).zip(&balances) {
            let database = state.balances.position(&(*user, *place, *side));
            let stored = database.unwrap_or_default().scaled.0;
            let missing = self.missing.entry(*token).or_default();
            *missing = missing.wrapping_add(chain.scaled.0).wrapping_sub(stored);
            self.balance((Some(*user), Some(*token)), database, *chain);
        }
        Ok(())
    }

    fn balance(
        &mut self,
        at: (Option<Address>, Option<Address>),
        database: Option<ScaledBalance>,
        chain: ScaledBalance,
    ) {
        let scaled = database.map(|balance| balance.scaled);
        self.same(
            at,
            AaveSubject::ScaledBalance,
            Some(scaled.unwrap_or_default()),
            Some(chain.scaled),
        );
        // A program may delete a row whose balance is zero, and its index with it.
        if let Some(database) = database {
            let subject = AaveSubject::LastIndex;
            let last_index = Some(database.last_index);
            self.same(at, subject, last_index, Some(chain.last_index));
        }
    }
}

/// The finding of a market that has another addresses provider than the database.
pub(super) fn other_provider(market: &ScopedMarket, provider: Address) -> AaveFinding {
    AaveFinding {
        market: market.name.clone(),
        user: None,
        token: None,
        subject: AaveSubject::Contract(PROVIDER.to_owned()),
        database: Some(market.provider.to_string()),
        chain: Some(provider.to_string()),
    }
}

fn at_time(time: u64) -> String {
    format!("time {time}")
}

/// The positions that are compared: those that the database has, and those that the Pool says the user has.
fn pairs(
    state: &MarketState,
    values: &MarketValues,
    users: &[Address],
    chosen: &[UserValues],
    further: Further<'_>,
) -> Vec<(usize, Side, Address)> {
    let mut pairs = Vec::new();
    for (user, chain) in users.iter().zip(chosen) {
        for (place, reserve) in state.reserves.iter().enumerate() {
            let Some(of_reserve) = values.reserves.get(&reserve.underlying) else {
                continue;
            };
            for side in SIDES {
                let is_said = match side {
                    Side::Collateral => chain.is_collateral(of_reserve),
                    Side::Debt => chain.is_borrowing(of_reserve),
                };
                let key = (*user, place, side);
                if further(place, side) || is_said || state.balances.position(&key).is_some() {
                    pairs.push((place, side, *user));
                }
            }
        }
    }
    pairs
}

/// The columns of a reserve, of its configuration and of its facts.
fn columns(reserve: &Reserve) -> Vec<(&'static str, Option<String>)> {
    let (asset, config) = (&reserve.asset, &reserve.config);
    let flag = |flag: bool| Some(flag.to_string());
    let revision = |revision: Revision| Some(revision.to_string());
    let time = |time: Timestamp| time.get();
    // A reserve in which nothing has happened yet has the time 0.
    let last_update_time = reserve.facts.last_update_time.map_or(0, time);
    vec![
        ("a_token_revision", revision(asset.a_token_revision)),
        ("v_token_revision", revision(asset.v_token_revision)),
        ("liquidity_index", text(Some(asset.liquidity_index))),
        ("liquidity_rate", text(Some(asset.liquidity_rate))),
        ("borrow_index", text(Some(asset.borrow_index))),
        ("borrow_rate", text(Some(asset.borrow_rate))),
        ("last_update_time", text(Some(last_update_time))),
        ("price_source", text(asset.price_source)),
        ("ltv", text(Some(config.ltv))),
        (
            "liquidation_threshold",
            text(Some(config.liquidation_threshold)),
        ),
        ("liquidation_bonus", text(Some(config.liquidation_bonus))),
        (
            "debt_ceiling",
            text(Some(config.debt_ceiling.unwrap_or_default())),
        ),
        ("e_mode_category_id", text(config.e_mode_category_id)),
        ("borrowing_enabled", flag(config.borrowing_enabled)),
        (
            "stable_borrowing_enabled",
            flag(config.stable_borrowing_enabled),
        ),
        ("flash_loan_enabled", flag(config.flash_loan_enabled)),
        ("isolation_mode", flag(config.isolation_mode)),
        (
            "borrowable_in_isolation",
            flag(config.borrowable_in_isolation),
        ),
    ]
}

/// As what a reserve is in an e-mode category.
fn flags(
    memberships: &[NewAaveV3EModeAsset],
    number: EModeCategoryId,
) -> [(&'static str, bool); 3] {
    let found = memberships.iter().find(|it| it.category_id == number);
    let flag = |read: fn(&NewAaveV3EModeAsset) -> bool| found.is_some_and(read);
    [
        ("collateral", flag(|it| it.is_collateral)),
        ("borrowable", flag(|it| it.is_borrowable)),
        ("LTV of zero", flag(|it| it.is_ltv_zero)),
    ]
}
