//! The rules of tokens against a model of their contracts, and against what happened on Ethereum.

use num_bigint::BigUint;
use proptest::prelude::*;

use crate::aave::discount::{Discount, DiscountedBalance};
use crate::aave::ray_math::RAY;
use crate::aave::scaled_balance::{BalanceError, ScaledBalance};
use crate::aave::token_rules::{BalanceChange, TokenKind, TokenRules, UnknownRevision};
use crate::types::decimal::U256;
use crate::types::integer::{BasisPoints, Revision};
use crate::types::kind::TransferAmount;

fn number(text: &str) -> U256 {
    text.parse().unwrap()
}

fn small(number: &BigUint) -> U256 {
    number.to_string().parse().unwrap()
}

fn big(number: U256) -> BigUint {
    number.to_string().parse().unwrap()
}

fn rules(kind: TokenKind, revision: u32) -> TokenRules {
    let revision = Revision::new(revision).unwrap();
    TokenRules::new(kind, revision, TransferAmount::Scaled).unwrap()
}

fn every_token() -> Vec<(TokenKind, u32)> {
    let of = |kind, last| (1..=last).map(move |revision| (kind, revision));
    let all = of(TokenKind::AToken, 5).chain(of(TokenKind::VariableDebt, 5));
    all.chain(of(TokenKind::GhoDebt, 6)).collect()
}

/// Balances before and after transactions on Ethereum, which the Python package had computed wrongly.
#[test]
fn balances_are_those_of_ethereum() {
    let (a, v) = (TokenKind::AToken, TokenKind::VariableDebt);
    for (kind, revision, is_mint, value, increase, index, before, after) in [
        // vLINK
        (
            v,
            4,
            false,
            "499997055676410400534",
            "2944323589599465",
            "1009133546217410998733439284",
            "29905878934757052144577",
            "29410404374552234237336",
        ),
        // aUSDT
        (
            a,
            4,
            false,
            "266936161923",
            "63036555",
            "1132456706666613700181208272",
            "67073467544883",
            "66837697650188",
        ),
        // A repayment that is smaller than the interest, of a debt token before revision 4.
        (
            v,
            3,
            true,
            "691514571",
            "724312271",
            "1183054148573171154846304432",
            "17722454717512",
            "17722426994605",
        ),
        // vEURC
        (
            v,
            4,
            true,
            "64528873",
            "119446532",
            "1008737856020467344683377256",
            "44731485166",
            "44677043212",
        ),
        // aWETH, a first supply
        (
            a,
            4,
            true,
            "9999999999999999",
            "0",
            "1057932314720302672289370287",
            "0",
            "9452400556120465",
        ),
        // vUSDtb
        (
            v,
            4,
            false,
            "1748467618778781656742068",
            "3165664156924594689491",
            "1007886505091438464835001023",
            "3475855413907278464503501",
            "1737928301988270416744633",
        ),
    ] {
        let change = BalanceChange {
            is_mint,
            value: number(value),
            balance_increase: number(increase),
            index: number(index),
        };
        let found = rules(kind, revision).scaled_after(number(before), &change);
        assert_eq!(found, Ok(number(after)), "{kind} {revision} {value}");
    }
}

#[test]
fn unknown_revisions_have_no_rules() {
    for (kind, last) in [
        (TokenKind::AToken, 5),
        (TokenKind::VariableDebt, 5),
        (TokenKind::GhoDebt, 6),
    ] {
        for revision in [0, last + 1, 255] {
            let revision = Revision::new(revision).unwrap();
            assert_eq!(
                TokenRules::new(kind, revision, TransferAmount::Scaled),
                Err(UnknownRevision { kind, revision })
            );
        }
    }
}

/// What the contract of a token does, written from its sources with whole numbers.
struct Contract {
    kind: TokenKind,
    revision: u32,
    scaled: BigUint,
    last_index: BigUint,
    percent: u32,
}

#[derive(Debug, Clone)]
enum Action {
    /// A supply or a loan.
    Add(u128),
    /// A withdrawal or a repayment.
    Take(u128),
    /// All of it.
    TakeAll,
    /// What happens before a transfer, and after a change of GHO's discount.
    Touch,
    /// GHO's discount changes, and then the balance is touched.
    Percent(u32),
}

impl Contract {
    fn is_new(&self) -> bool {
        match self.kind {
            TokenKind::GhoDebt => self.revision >= 5,
            _ => self.revision >= 4,
        }
    }

    fn is_debt(&self) -> bool {
        self.kind != TokenKind::AToken
    }

    fn has_discount(&self) -> bool {
        self.kind == TokenKind::GhoDebt && self.revision <= 3
    }

    fn nearest(product: BigUint, divisor: &BigUint) -> BigUint {
        (product + divisor / 2_u32) / divisor
    }

    fn up(product: BigUint, divisor: &BigUint) -> BigUint {
        (product + divisor - 1_u32) / divisor
    }

    fn balance(&self, scaled: &BigUint, index: &BigUint) -> BigUint {
        let (product, ray) = (scaled * index, big(RAY));
        match (self.is_new(), self.is_debt()) {
            (false, _) => Self::nearest(product, &ray),
            (true, true) => Self::up(product, &ray),
            (true, false) => product / ray,
        }
    }

    /// The scaled amount; `rounds_up` since revision 4.
    fn scaled_amount(&self, amount: &BigUint, index: &BigUint, rounds_up: bool) -> BigUint {
        let product = amount * big(RAY);
        match (self.is_new(), rounds_up) {
            (false, _) => Self::nearest(product, index),
            (true, true) => Self::up(product, index),
            (true, false) => product / index,
        }
    }

    /// The interest without the discount, and the scaled discount.
    fn interest(&self, index: &BigUint) -> (BigUint, BigUint) {
        let interest =
            self.balance(&self.scaled, index) - self.balance(&self.scaled, &self.last_index);
        if !self.has_discount() {
            return (interest, BigUint::ZERO);
        }
        let discount = Self::nearest(&interest * self.percent, &BigUint::from(10_000_u32));
        let scaled = Self::nearest(&discount * big(RAY), index);
        (interest - discount, scaled)
    }

    /// Does something, and returns the event. `None` if the contract reverts.
    fn act(&mut self, action: &Action, index: &BigUint) -> Option<BalanceChange> {
        let (increase, discount) = self.interest(index);
        let before = self.balance(&self.scaled, &self.last_index);
        let event = |is_mint, value: &BigUint| BalanceChange {
            is_mint,
            value: small(value),
            balance_increase: small(&increase),
            index: small(index),
        };
        let (amount, is_added) = match action {
            Action::Add(amount) => (BigUint::from(*amount), true),
            Action::Take(amount) => (BigUint::from(*amount), false),
            Action::TakeAll => {
                let whole = self.balance(&self.scaled, index);
                let discounted = &before + &increase;
                (
                    if self.has_discount() {
                        discounted
                    } else {
                        whole
                    },
                    false,
                )
            }
            Action::Touch | Action::Percent(_) => {
                self.scaled -= &discount;
                self.last_index = index.clone();
                return Some(event(true, &increase));
            }
        };
        let rounds_up = is_added == self.is_debt();
        let scaled_amount = self.scaled_amount(&amount, index, rounds_up);
        if scaled_amount == BigUint::ZERO {
            return None;
        }
        let is_whole =
            !is_added && self.has_discount() && self.revision >= 2 && amount == &before + &increase;
        let scaled = if is_whole {
            BigUint::ZERO
        } else if is_added {
            (&self.scaled + scaled_amount).checked_sub(&discount)?
        } else {
            self.scaled.checked_sub(&(scaled_amount + &discount))?
        };
        let found = if self.is_new() {
            let after = self.balance(&scaled, index);
            if after > before || is_added {
                event(true, &(after - &before))
            } else {
                event(false, &(before - after))
            }
        } else if is_added {
            event(true, &(&amount + &increase))
        } else if increase > amount {
            event(true, &(&increase - &amount))
        } else {
            event(false, &(&amount - &increase))
        };
        self.scaled = scaled;
        self.last_index = index.clone();
        Some(found)
    }
}

trait CheckedSub: Sized {
    fn checked_sub(&self, other: &Self) -> Option<Self>;
}

impl CheckedSub for BigUint {
    fn checked_sub(&self, other: &Self) -> Option<Self> {
        (self >= other).then(|| self - other)
    }
}

fn any_action() -> impl Strategy<Value = Action> {
    let amount = || prop_oneof![1..20_u128, 1..10_u128.pow(6), 1..10_u128.pow(24)];
    prop_oneof![
        4 => amount().prop_map(Action::Add),
        4 => amount().prop_map(Action::Take),
        1 => Just(Action::TakeAll),
        2 => Just(Action::Touch),
        1 => (0..=10_000_u32).prop_map(Action::Percent),
    ]
}

proptest! {
    #[test]
    fn events_give_the_balances_of_every_revision(
        steps in prop::collection::vec((any_action(), 0..10_u128.pow(26)), 1..40),
    ) {
        for (kind, revision) in every_token() {
            let mut contract = Contract {
                kind,
                revision,
                scaled: BigUint::ZERO,
                last_index: BigUint::ZERO,
                percent: 0,
            };
            let rules = rules(kind, revision);
            let mut balance = DiscountedBalance::default();
            let mut index = big(RAY);
            for (action, growth) in &steps {
                index += *growth;
                if let Action::Percent(percent) = action
                    && contract.has_discount()
                {
                    let percent = BasisPoints::new(*percent).unwrap();
                    balance.discount = balance.discount.updated(percent);
                }
                let Some(event) = contract.act(action, &index) else {
                    continue;
                };
                if let Action::Percent(percent) = action {
                    contract.percent = *percent;
                }
                balance = balance.after(&rules, &event).unwrap();
                prop_assert_eq!(big(balance.balance.scaled), contract.scaled.clone());
                prop_assert_eq!(big(balance.balance.last_index), contract.last_index.clone());
            }
        }
    }

    #[test]
    fn events_with_another_interest_are_refused(
        scaled in 1..10_u128.pow(30),
        growth in 0..10_u128.pow(27),
        wrong in 1..1_000_u128,
    ) {
        for (kind, revision) in every_token() {
            let rules = rules(kind, revision);
            let index = small(&(big(RAY) + growth));
            let before = ScaledBalance { scaled: number(&scaled.to_string()), last_index: RAY };
            let expected = rules.increase(before, index).unwrap();
            let found = small(&(big(expected) + wrong));
            let change = BalanceChange { is_mint: true, value: found, balance_increase: found, index };
            let refused = DiscountedBalance { balance: before, discount: Discount::default() }
                .after(&rules, &change);
            prop_assert_eq!(refused, Err(BalanceError::Increase { expected, found }));
        }
    }

    #[test]
    fn any_event_is_applied_or_refused(
        numbers in any::<[[u64; 4]; 5]>(),
        shifts in prop::array::uniform5(0..256_usize),
        is_mint in any::<bool>(),
        percent in 0..=20_000_u32,
    ) {
        let mut of = numbers.into_iter().zip(shifts).map(|(limbs, shift)| {
            U256(alloy_primitives::U256::from_limbs(limbs) >> shift)
        });
        let mut next = || of.next().unwrap();
        let balance = ScaledBalance { scaled: next(), last_index: next() };
        let change = BalanceChange {
            is_mint,
            value: next(),
            balance_increase: next(),
            index: next(),
        };
        let discount = Discount::new(BasisPoints::new(percent).unwrap());
        for (kind, revision) in every_token() {
            for amount in [TransferAmount::Scaled, TransferAmount::Unscaled] {
                let rules = TokenRules::new(kind, Revision::new(revision).unwrap(), amount).unwrap();
                let _ = DiscountedBalance { balance, discount }.after(&rules, &change);
                let _ = rules.scaled_after(balance.scaled, &change);
                let _ = rules.transferred(balance, balance, change.value, change.index);
            }
        }
    }
}

#[test]
fn transfers_move_the_scaled_amount_and_the_last_index() {
    let index = number("1500000000000000000000000000");
    let (from, to) = (
        ScaledBalance {
            scaled: number("100"),
            last_index: RAY,
        },
        ScaledBalance::default(),
    );
    let moved = |scaled: &str, last_index| ScaledBalance {
        scaled: number(scaled),
        last_index,
    };
    let of =
        |amount| TokenRules::new(TokenKind::AToken, Revision::new(1).unwrap(), amount).unwrap();
    let found = of(TransferAmount::Scaled).transferred(from, to, number("40"), index);
    assert_eq!(found, Ok((moved("60", index), moved("40", index))));
    // 3.0.0 says 60 units, which are 40 scaled ones.
    let found = of(TransferAmount::Unscaled).transferred(from, to, number("60"), index);
    let none = U256::default();
    assert_eq!(found, Ok((moved("60", RAY), moved("40", none))));
    let found = of(TransferAmount::Scaled).transferred(from, to, number("101"), index);
    assert!(matches!(found, Err(BalanceError::Negative { .. })));
    assert_eq!(
        of(TransferAmount::Scaled).touched(from, index),
        moved("100", index)
    );
    assert_eq!(of(TransferAmount::Unscaled).touched(from, index), from);
}
