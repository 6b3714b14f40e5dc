//! Users and positions in memory, and what the tokens' events make of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::aave::discount::{Discount, DiscountedBalance};
use crate::aave::scaled_balance::{BalanceError, ScaledBalance};
use crate::aave::token_rules::BalanceChange;
use crate::models::aave::position_writer::{PositionRow, PositionWriter, Side, UserRow};
use crate::models::access::row_error::RowError;
use crate::sync::aave::reserve_state::Reserve;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, EModeCategoryId};

/// How many positions are kept in memory, roughly.
const KEPT: usize = 200_000;

/// A position: the user, the place of the reserve in the market, and the side.
pub(super) type Key = (Address, usize, Side);

#[derive(Debug, Clone, Copy)]
struct User {
    /// `None` if the user is not in the database yet.
    id: Option<i64>,
    e_mode: EModeCategoryId,
    discount: Discount,
    is_unwritten: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Position {
    /// `None` if the position is not in the database.
    id: Option<i64>,
    balance: ScaledBalance,
    is_unwritten: bool,
}

/// The users and positions of a market that its events change. Those that an event needs are read before.
#[derive(Debug, Default)]
pub(super) struct Balances {
    users: HashMap<Address, User>,
    positions: HashMap<Key, Position>,
    unwritten_users: Vec<Address>,
    unwritten_positions: Vec<Key>,
    /// What users have switched, in the order of the chain.
    switched: Vec<(Address, usize, bool)>,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    /// New positions.
    pub(super) created: u64,
    pub(super) rows: u64,
}

impl Balances {
    /// Reads a user, and the positions in reserves that the database has.
    pub(super) fn read(
        &mut self,
        writer: &mut PositionWriter<'_>,
        market_id: i64,
        address: Address,
        reserve: Option<(usize, i64, Side)>,
    ) -> Result<(), RowError> {
        let user_id = match self.users.entry(address) {
            Entry::Occupied(known) => known.get().id,
            Entry::Vacant(unknown) => {
                let found = writer.find_user(market_id, address)?;
                let user = found.map_or_else(User::new, |row| User {
                    id: Some(row.id),
                    e_mode: row.e_mode,
                    discount: Discount::new(row.gho_discount),
                    is_unwritten: false,
                });
                unknown.insert(user).id
            }
        };
        let Some((place, asset_id, side)) = reserve else {
            return Ok(());
        };
        let key = (address, place, side);
        if let Some(user_id) = user_id
            && !self.positions.contains_key(&key)
            && let Some(row) = writer.find(side, user_id, asset_id)?
        {
            let position = Position {
                id: Some(row.id),
                balance: row.balance,
                is_unwritten: false,
            };
            self.positions.insert(key, position);
        }
        Ok(())
    }

    /// Takes a position in that the database has.
    pub(super) fn insert_stored(&mut self, key: Key, row: PositionRow) {
        self.positions.entry(key).or_insert(Position {
            id: Some(row.id),
            balance: row.balance,
            is_unwritten: false,
        });
    }

    /// A position, if there is a row of it.
    pub(super) fn position(&self, key: &Key) -> Option<ScaledBalance> {
        self.positions.get(key).map(|position| position.balance)
    }

    /// The id of a user that was read and is in the database.
    pub(super) fn user_id(&self, user: Address) -> Option<i64> {
        self.users.get(&user)?.id
    }

    /// The e-mode category of a user.
    pub(super) fn e_mode(&self, user: Address) -> EModeCategoryId {
        let user = self.users.get(&user);
        user.map_or(EModeCategoryId::NONE, |user| user.e_mode)
    }

    /// What users have switched and is not in the database yet, in the order of the chain.
    pub(super) fn switched(&self) -> &[(Address, usize, bool)] {
        &self.switched
    }

    /// The scaled balances in memory, added up by reserve and side.
    pub(super) fn totals(&self) -> HashMap<(usize, Side), alloy_primitives::U256> {
        let mut totals = HashMap::new();
        for ((_, place, side), position) in &self.positions {
            let total: &mut alloy_primitives::U256 = totals.entry((*place, *side)).or_default();
            *total = total.wrapping_add(position.balance.scaled.0);
        }
        totals
    }

    /// Makes a position what the chain says.
    pub(super) fn correct(&mut self, key: Key, balance: ScaledBalance) {
        if self.position(&key).unwrap_or_default() != balance {
            self.set_balance(key, balance);
        }
    }

    /// Forgets the positions of a reserve, whose tokens are others now.
    pub(super) fn forget_reserve(&mut self, place: usize) {
        self.positions.retain(|(_, of, _), _| *of != place);
        self.unwritten_positions.retain(|(_, of, _)| *of != place);
        self.switched.retain(|(_, of, _)| *of != place);
    }

    fn user(&mut self, address: Address) -> &mut User {
        let user = self.users.entry(address).or_insert_with(User::new);
        if !user.is_unwritten {
            user.is_unwritten = true;
            self.unwritten_users.push(address);
        }
        user
    }

    /// Makes sure that a user is in the database.
    fn note_user(&mut self, address: Address) {
        if self
            .users
            .get(&address)
            .is_none_or(|user| user.id.is_none())
        {
            self.user(address);
        }
    }

    fn balance(&self, key: &Key) -> ScaledBalance {
        self.positions
            .get(key)
            .map_or_else(ScaledBalance::default, |position| position.balance)
    }

    fn set_balance(&mut self, key: Key, balance: ScaledBalance) {
        self.note_user(key.0);
        let position = self.positions.entry(key).or_default();
        position.balance = balance;
        if !position.is_unwritten {
            position.is_unwritten = true;
            self.unwritten_positions.push(key);
        }
    }

    /// Applies a `Mint` or a `Burn`.
    pub(super) fn change(
        &mut self,
        (place, reserve): (usize, &mut Reserve),
        side: Side,
        user: Address,
        change: &BalanceChange,
    ) -> Result<(), BalanceError> {
        let key = (user, place, side);
        let before = self.balance(&key);
        let rules = reserve.rules(side);
        let after = if rules.has_discount() {
            let discount = self.users.get(&user).map(|user| user.discount);
            let discounted = DiscountedBalance {
                balance: before,
                discount: discount.unwrap_or_default(),
            };
            let after = discounted.after(rules, change)?;
            if Some(after.discount) != discount {
                self.user(user).discount = after.discount;
            }
            after.balance
        } else {
            rules.after(before, change)?
        };
        if side == Side::Debt
            && let Some(debt) = &mut reserve.debt
        {
            *debt = debt
                .checked_sub(before.scaled.0)
                .and_then(|others| others.checked_add(after.scaled.0))
                .ok_or(BalanceError::Overflow)?;
        }
        self.set_balance(key, after);
        Ok(())
    }

    /// Applies a `BalanceTransfer`.
    pub(super) fn transfer(
        &mut self,
        (place, reserve): (usize, &Reserve),
        [from, to]: [Address; 2],
        value: U256,
        index: U256,
    ) -> Result<(), BalanceError> {
        let rules = reserve.rules(Side::Collateral);
        let keys = [from, to].map(|user| (user, place, Side::Collateral));
        let [before, of_other] = keys.map(|key| self.balance(&key));
        let [from, to] = keys;
        if from == to {
            self.set_balance(from, rules.touched(before, index));
            return Ok(());
        }
        let (left, received) = rules.transferred(before, of_other, value, index)?;
        self.set_balance(from, left);
        self.set_balance(to, received);
        Ok(())
    }

    /// A user has another discount, from its next event on.
    pub(super) fn set_discount(&mut self, user: Address, percent: BasisPoints) {
        let user = self.user(user);
        user.discount = user.discount.updated(percent);
    }

    /// A user has chosen another e-mode category.
    pub(super) fn set_e_mode(&mut self, user: Address, category: EModeCategoryId) {
        self.user(user).e_mode = category;
    }

    /// A user has switched whether a reserve is collateral.
    pub(super) fn switch(&mut self, user: Address, place: usize, is_enabled: bool) {
        self.note_user(user);
        self.switched.push((user, place, is_enabled));
    }

    /// Writes what is not in the database yet. `ids` are those of the reserves.
    pub(super) fn write(
        &mut self,
        writer: &mut PositionWriter<'_>,
        market_id: i64,
        ids: &[i64],
    ) -> Result<Written, RowError> {
        let mut written = Written::default();
        for address in std::mem::take(&mut self.unwritten_users) {
            let Some(user) = self.users.get_mut(&address) else {
                continue;
            };
            user.is_unwritten = false;
            let (id, is_new) = match user.id {
                Some(id) => (id, false),
                None => (writer.insert_user(market_id, address)?, true),
            };
            user.id = Some(id);
            let row = UserRow {
                id,
                e_mode: user.e_mode,
                gho_discount: user.discount.percent(),
            };
            if !is_new || row.e_mode.get() != 0 || row.gho_discount.get() != 0 {
                writer.update_user(&row)?;
            }
            written.rows += 1;
        }
        let mut keys = std::mem::take(&mut self.unwritten_positions);
        // Neighbouring rows are on the same pages.
        let place_of = |key: &Key| {
            (
                key.2,
                self.positions.get(key).and_then(|position| position.id),
            )
        };
        keys.sort_by_key(place_of);
        for key in keys {
            let (address, place, side) = key;
            let user_id = self.users.get(&address).and_then(|user| user.id);
            let (Some(user_id), Some(asset_id)) = (user_id, ids.get(place)) else {
                continue;
            };
            let Some(position) = self.positions.get_mut(&key) else {
                continue;
            };
            position.is_unwritten = false;
            if let Some(id) = position.id {
                writer.update(side, id, position.balance)?;
            } else {
                let id = writer.insert(side, user_id, *asset_id, position.balance)?;
                position.id = Some(id);
                written.created += 1;
            }
            written.rows += 1;
        }
        for (address, place, is_enabled) in std::mem::take(&mut self.switched) {
            let user_id = self.users.get(&address).and_then(|user| user.id);
            if let (Some(user_id), Some(asset_id)) = (user_id, ids.get(place)) {
                written.rows += u64::from(writer.set_flag(user_id, *asset_id, is_enabled)?);
            }
        }
        Ok(written)
    }

    /// Forgets what is in the database, if that is a lot.
    pub(super) fn trim(&mut self) {
        if self.positions.len() > KEPT || self.users.len() > KEPT {
            *self = Self::default();
        }
    }
}

impl User {
    fn new() -> Self {
        Self {
            id: None,
            e_mode: EModeCategoryId::NONE,
            discount: Discount::default(),
            is_unwritten: false,
        }
    }
}
