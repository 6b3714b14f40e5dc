//! What the contracts say of what a repair is about, and its rows made so.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sqlite::SqliteConnection;

use crate::aave::scaled_balance::ScaledBalance;
use crate::models::aave::position_writer::Side;
use crate::models::aave::reserve_writer::{delete_duplicates, store_name, store_update_time};
use crate::models::journal::market_marks::MarkedBy;
use crate::models::rows::erc20_token::Erc20Token;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sqlite::prepared::Statements;
use crate::sync::aave::chain_values::{
    MarketValues, NotRead, ReserveValues, TokenValues, UserValues, read_balances, read_users,
};
use crate::sync::aave::comparison::{Comparison, Known, token_of};
use crate::sync::aave::holders::{find_holders, wrong_totals};
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::picture::{Picture, Users};
use crate::sync::aave::reserve_times::update_blocks;
use crate::sync::aave::verify_report::{AaveFinding, AaveProgress, AaveSubject};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, Timestamp};

/// How many users are asked about at a time.
const TOGETHER: usize = 1_000;

/// What a repair is about, beside users that are named.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    /// Everything.
    pub(super) all_found: bool,
    /// The contracts, the e-mode categories and the reserves.
    pub(super) reserves: bool,
}

/// What the contracts of a market say of what is repaired.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) market: ScopedMarket,
    /// The block whose state it is.
    block: BlockNumber,
    values: MarketValues,
    users: Vec<Address>,
    /// What each user has chosen.
    chosen: Vec<UserValues>,
    /// The balances of tokens and users.
    balances: BTreeMap<(Address, Address), ScaledBalance>,
    /// The blocks of the last update of reserves, as far as the database has wrong ones.
    blocks: BTreeMap<Address, BlockNumber>,
    /// What the tokens say.
    tokens: BTreeMap<Address, TokenValues>,
    /// The time of the block.
    time: Option<Timestamp>,
    reserves: bool,
    /// Whether nothing is wrong.
    pub(super) is_nothing: bool,
    has_lost_reserve: bool,
}

impl Truth {
    /// Compares a market with the state at its mark, and reads what is wrong at the block that is repaired. Returns
    /// what was found as well.
    pub(super) fn read(
        (node, (mark, block)): (&Node, (BlockNumber, BlockNumber)),
        market: &ScopedMarket,
        picture: &Picture,
        about: About,
        observe: &mut dyn FnMut(&AaveProgress),
    ) -> Result<(Self, Vec<AaveFinding>), NotRead> {
        let state = &picture.state;
        let asked = state.asked();
        let read = |at| MarketValues::read(node, market.provider, &asked, BlockTag::Number(at));
        let values = read(mark)?;
        let headers = node.existing_headers(&[mark, block])?;
        let [at_mark, at_block] = headers.as_slice() else {
            return Err(NotRead::Answer("the node has not all blocks".to_owned()));
        };
        let of_market = (state, &values);
        let known = Known::read(node, market, of_market, at_mark, BlockTag::Number(mark))?;
        let (reserves, findings) = compare(
            (node, mark),
            market,
            picture,
            (&values, &known, about),
            observe,
        )?;
        let of_users = findings.iter().filter_map(|finding| finding.user);
        let users: Vec<Address> = of_users.collect::<BTreeSet<_>>().into_iter().collect();
        let values = if block == mark { values } else { read(block)? };
        let at = BlockTag::Number(block);
        let chosen = read_users(node, values.pool, &users, at)?;
        let mut pairs = Vec::new();
        for reserve in &state.reserves {
            if let Some(reserve) = values.reserves.get(&reserve.underlying) {
                let tokens = [reserve.a_token, reserve.v_token];
                pairs.extend(
                    users
                        .iter()
                        .flat_map(|user| tokens.map(|token| (token, *user))),
                );
            }
        }
        let balances = read_balances(node, &pairs, at)?;
        let blocks = if reserves {
            update_blocks(node, market, state, &values, block)?
        } else {
            BTreeMap::new()
        };
        let truth = Self {
            market: market.clone(),
            block,
            values,
            users,
            chosen,
            balances: pairs.into_iter().zip(balances).collect(),
            blocks,
            tokens: known.tokens,
            time: Timestamp::new(at_block.timestamp).ok(),
            reserves,
            is_nothing: findings.is_empty(),
            has_lost_reserve: findings.iter().any(is_lost_reserve),
        };
        Ok((truth, findings))
    }

    /// Whether the database lacks a reserve. What users have of it can be compared only when its row is written.
    pub(super) const fn has_lost_reserve(&self) -> bool {
        self.has_lost_reserve
    }

    /// Writes what the contracts say. Returns how many rows were written.
    pub(super) fn write(&self, connection: &mut SqliteConnection) -> Result<u64, SyncError> {
        let mut removed = 0;
        let statements = Statements::of(connection)?;
        for user in &self.users {
            removed += delete_duplicates(statements, self.market.id, *user)?;
        }
        let users = Users {
            named: &self.users,
            sample: Some(0),
        };
        let mut picture = Picture::of_connection(connection, &self.market, users, &[])?;
        let state = &mut picture.state;
        if self.reserves {
            removed += state.remove_what_is_not(&self.values);
            state.correct(&self.market, &self.values, &self.blocks)?;
        }
        let listed: Vec<(usize, ReserveValues, [Address; 2])> = state
            .reserves
            .iter()
            .enumerate()
            .filter_map(|(place, reserve)| {
                let values = self.values.reserves.get(&reserve.underlying)?;
                let tokens = [Side::Collateral, Side::Debt].map(|side| token_of(values, side));
                Some((place, values.clone(), tokens))
            })
            .collect();
        for (user, chosen) in self.users.iter().zip(&self.chosen) {
            if state.balances.e_mode(*user) != chosen.e_mode {
                state.balances.set_e_mode(*user, chosen.e_mode);
            }
            for (place, values, tokens) in &listed {
                let is_collateral = chosen.is_collateral(values);
                let switch = picture.switches.get(&(*user, *place)).copied();
                if switch.unwrap_or_default() != is_collateral {
                    state.balances.switch(*user, *place, is_collateral);
                }
                for (side, token) in [Side::Collateral, Side::Debt].into_iter().zip(tokens) {
                    if let Some(balance) = self.balances.get(&(*token, *user)) {
                        state.balances.correct((*user, *place, side), *balance);
                    }
                }
            }
        }
        let rows = removed + state.write(connection, &NodeFacts::default())?.rows;
        if self.reserves {
            return Ok(rows + self.write_facts(connection)?);
        }
        Ok(rows)
    }

    /// Writes what tokens and the market say of themselves, and the time of the last block. Returns how many rows were written.
    fn write_facts(&self, connection: &mut SqliteConnection) -> Result<u64, SyncError> {
        let mut rows = 0;
        for (token, values) in &self.tokens {
            let stored = Erc20Token::by_address(connection, self.market.chain, *token)?;
            let Some(stored) = stored else { continue };
            let right = Erc20Token {
                name: stored.name.clone().or_else(|| values.name.clone()),
                symbol: values.symbol.clone().or_else(|| stored.symbol.clone()),
                decimals: values.decimals.or(stored.decimals),
                ..stored.clone()
            };
            if right != stored {
                right.store_metadata(connection)?;
                rows += 1;
            }
        }
        if let Some(name) = self.values.name.as_deref()
            && *name != self.market.stored_name
        {
            store_name(connection, self.market.id, name)?;
            rows += 1;
        }
        let is_own = self.market.marked_by == MarkedBy::ThisProgram;
        if let Some(time) = self.time.filter(|_| is_own) {
            store_update_time(connection, self.market.id, time)?;
        }
        Ok(rows)
    }

    /// Fails if the balances of a token do not add up to its total supply.
    pub(super) fn require_totals(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), SyncError> {
        let nobody = Users {
            named: &[],
            sample: Some(0),
        };
        let Picture { state, totals, .. } =
            Picture::of_connection(connection, &self.market, nobody, &[])?;
        let wrong = wrong_totals(&state, &self.values, &totals);
        match wrong.into_values().next() {
            Some(total) => Err(total.into_error(&self.market, self.block)),
            None => Ok(()),
        }
    }
}

fn is_lost_reserve(finding: &AaveFinding) -> bool {
    finding.subject == AaveSubject::Reserve && finding.database.is_none()
}

/// Compares what a repair is about. Returns whether the reserves are to be repaired, and what was found.
fn compare(
    (node, mark): (&Node, BlockNumber),
    market: &ScopedMarket,
    picture: &Picture,
    (values, known, about): (&MarketValues, &Known, About),
    observe: &mut dyn FnMut(&AaveProgress),
) -> Result<(bool, Vec<AaveFinding>), NotRead> {
    let state = &picture.state;
    let mut comparison = Comparison::new(&market.name);
    comparison.market(state, values, known);
    let reserves = about.reserves || (about.all_found && !comparison.findings.is_empty());
    if !reserves {
        comparison.findings.clear();
    }
    let wrong = if about.all_found {
        wrong_totals(state, values, &picture.totals)
    } else {
        BTreeMap::new()
    };
    // Somebody lacks a row of such a token.
    let further = |place, side| !about.all_found || wrong.contains_key(&(place, side));
    for (number, users) in picture.users.chunks(TOGETHER).enumerate() {
        observe(&AaveProgress {
            market: market.name.clone(),
            done: u64::try_from(number * TOGETHER).unwrap_or(u64::MAX),
            total: u64::try_from(picture.users.len()).unwrap_or(u64::MAX),
        });
        let at = BlockTag::Number(mark);
        comparison.users(node, picture, values, users, &further, at)?;
    }
    let wrong = wrong.into_values().collect();
    find_holders(
        node,
        (market, mark),
        (picture, values),
        wrong,
        &mut comparison,
    )?;
    Ok((reserves, comparison.findings))
}
