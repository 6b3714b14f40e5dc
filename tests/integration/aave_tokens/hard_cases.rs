//! The cases that other programs have computed wrongly, as the recorded markets have them. That the balances after them are
//! right, [`follow`](super::follow) has compared; each test makes sure that the case occurs, and says what it is.

use std::collections::BTreeMap;

use degenbot::aave::{
    BalanceChange, Discount, DiscountedBalance, ScaledBalance, TokenKind, TokenRules,
    TransferAmount,
};
use degenbot::events::Event;
use degenbot::events::aave_v3_pool::LiquidationCall;
use degenbot::events::aave_v3_pool_configurator::ReserveInitialized;
use degenbot::events::aave_v3_token::{Mint, Upgraded};
use degenbot::types::{Address, BasisPoints, Revision, U256};

use super::{Said, Step, amount_of, follow};
use crate::support::aave_recording::{RecordedLog, Recording, recordings};

const ZERO: U256 = U256(alloy_primitives::U256::ZERO);

/// What an event of a token did.
struct Done {
    token: String,
    kind: String,
    revision_rounds_away: bool,
    said: Said,
    caller: Option<Address>,
    before: Vec<(Address, ScaledBalance)>,
    after: Vec<(Address, ScaledBalance)>,
}

impl Done {
    fn of(recording: &Recording, step: Step<'_>) -> Self {
        let token = step.log.contract.clone();
        // Since revision 4, a position of one wei under an index above one ray is worth less than what was supplied.
        let ray = "1500000000000000000000000001".parse().unwrap();
        let worth = step.rules.balance("1".parse().unwrap(), ray);
        let is_debt = recording.tokens[&token].0 != "a";
        let half_up = "2".parse().ok();
        Self {
            kind: recording.tokens[&token].0.clone(),
            revision_rounds_away: !is_debt && worth != half_up,
            caller: Mint::decode(&step.log.log()).ok().map(|mint| mint.caller),
            token,
            said: step.said,
            before: step.before,
            after: step.after,
        }
    }

    fn change(&self) -> Option<(Address, &BalanceChange)> {
        match &self.said {
            Said::Change(holder, change) => Some((*holder, change)),
            Said::Transfer(_) => None,
        }
    }

    /// A `Mint` of interest alone.
    fn is_interest(&self) -> bool {
        self.change()
            .is_some_and(|(_, it)| it.is_mint && it.value == it.balance_increase)
    }

    /// Whether it takes something from the balance.
    fn takes(&self) -> bool {
        self.change().is_some() && self.after[0].1.scaled < self.before[0].1.scaled
    }

    fn is_debt(&self) -> bool {
        self.kind != "a"
    }
}

/// A transaction: its events, and what those of tokens did.
struct Transaction<'a> {
    logs: Vec<&'a RecordedLog>,
    done: Vec<Done>,
}

impl Transaction<'_> {
    fn has(&self, topic: &str) -> bool {
        self.logs_of(topic).next().is_some()
    }

    /// The events with a signature.
    fn logs_of(&self, signature: &str) -> impl Iterator<Item = &RecordedLog> {
        let topic = alloy_primitives::keccak256(signature);
        let logs = self.logs.iter().copied();
        logs.filter(move |log| log.topics[0] == topic)
    }

    fn liquidations(&self) -> Vec<LiquidationCall> {
        let logs = self.logs.iter();
        logs.filter_map(|log| LiquidationCall::decode(&log.log()).ok())
            .collect()
    }

    fn transfers(&self) -> impl Iterator<Item = (Address, Address, U256)> {
        self.done.iter().filter_map(|done| match &done.said {
            Said::Transfer(it) => Some((it.from, it.to, it.value)),
            Said::Change(..) => None,
        })
    }
}

/// How many transactions of each market are of a case.
fn found(is_case: impl Fn(&Transaction<'_>) -> bool) -> Vec<(&'static str, usize)> {
    let of = |recording: &'static Recording| {
        let mut transactions: BTreeMap<(u64, u32), Transaction<'_>> = BTreeMap::new();
        for log in &recording.logs {
            let key = (log.block, log.transaction);
            let transaction = transactions.entry(key).or_insert_with(|| Transaction {
                logs: Vec::new(),
                done: Vec::new(),
            });
            transaction.logs.push(log);
        }
        let visit = |step: Step<'_>| {
            let key = (step.log.block, step.log.transaction);
            let done = Done::of(recording, step);
            transactions.get_mut(&key).unwrap().done.push(done);
        };
        follow(recording, amount_of(recording), visit).unwrap();
        let count = transactions.values().filter(|it| is_case(it)).count();
        (recording.name.as_str(), count)
    };
    recordings().iter().map(of).collect()
}

/// Asserts that a case occurs in these markets.
fn occurs(markets: &[&str], is_case: impl Fn(&Transaction<'_>) -> bool) {
    let found = found(is_case);
    for (name, count) in &found {
        assert!(*count > 0 || !markets.contains(name), "{found:?}");
    }
}

const ALL: [&str; 4] = ["300", "302", "302to36", "36"];
const TREASURY: &str = "0x00000000000000000000000000000000000000fe";
const SUPPLY: &str = "Supply(address,address,address,uint256,uint16)";
const WITHDRAW: &str = "Withdraw(address,address,address,uint256)";
const REPAY: &str = "Repay(address,address,address,uint256,bool)";
const DEFICIT: &str = "DeficitCreated(address,address,uint256)";
const MINTED_TO_TREASURY: &str = "MintedToTreasury(address,uint256)";

fn treasury() -> Address {
    TREASURY.parse().unwrap()
}

#[test]
fn interest_above_the_amount_is_a_mint_that_takes() {
    for is_debt in [false, true] {
        occurs(&ALL, |it| {
            it.done.iter().any(|done| {
                done.is_debt() == is_debt
                    && done.takes()
                    && done
                        .change()
                        .is_some_and(|(_, it)| it.is_mint && it.value < it.balance_increase)
            })
        });
    }
}

#[test]
fn interest_on_a_transfer_is_no_deposit() {
    occurs(&["302", "302to36", "36"], |it| {
        it.transfers().next().is_some()
            && it.done.iter().any(|done| {
                done.is_interest()
                    && done.change().is_some_and(|(_, it)| it.value != ZERO)
                    && done.before[0].1.scaled == done.after[0].1.scaled
            })
    });
}

#[test]
fn first_supply_since_revision_4_may_say_one_wei_less() {
    occurs(&["36", "302to36"], |it| {
        let amounts: Vec<U256> = it
            .logs_of(SUPPLY)
            .map(|log| U256(alloy_primitives::U256::from_be_slice(&log.data[32..64])))
            .collect();
        it.done.iter().any(|done| {
            let is_first = done.before[0].1.scaled == ZERO && !done.is_debt();
            let one = alloy_primitives::U256::from(1);
            is_first
                && done.change().is_some_and(|(_, it)| {
                    it.is_mint
                        && amounts
                            .iter()
                            .any(|amount| amount.0.checked_sub(it.value.0) == Some(one))
                })
        })
    });
}

#[test]
fn transfer_to_oneself_and_transfer_of_nothing_move_the_index_alone() {
    occurs(&ALL, |it| it.transfers().any(|(from, to, _)| from == to));
    occurs(&ALL, |it| it.transfers().any(|(_, _, value)| value == ZERO));
}

#[test]
fn liquidation_burns_the_other_debts_of_the_user() {
    occurs(&["36"], |it| {
        it.liquidations().iter().any(|call| {
            let burnt = it.done.iter().filter(|done| {
                done.is_debt()
                    && done.takes()
                    && done.change().is_some_and(|(holder, _)| holder == call.user)
            });
            let tokens: std::collections::BTreeSet<_> = burnt.map(|done| &done.token).collect();
            tokens.len() > 1
        })
    });
}

#[test]
fn bad_debt_is_burnt_whole() {
    occurs(&["36"], |it| {
        it.has(DEFICIT)
            && it
                .done
                .iter()
                .any(|done| done.is_debt() && done.takes() && done.after[0].1.scaled == ZERO)
    });
}

#[test]
fn elimination_of_a_deficit_burns_without_a_withdrawal() {
    occurs(&["36"], |it| {
        !it.has(WITHDRAW)
            && !it.has(REPAY)
            && it.liquidations().is_empty()
            && it.done.iter().any(|done| !done.is_debt() && done.takes())
    });
}

#[test]
fn liquidation_fee_is_a_transfer_to_the_treasury() {
    occurs(&ALL, |it| {
        !it.liquidations().is_empty() && it.transfers().any(|(_, to, _)| to == treasury())
    });
}

#[test]
fn treasury_gets_what_it_is_owed() {
    occurs(&ALL, |it| {
        it.has(MINTED_TO_TREASURY)
            && it.done.iter().any(|done| {
                done.change()
                    .is_some_and(|(holder, _)| holder == treasury())
            })
    });
}

#[test]
fn repayment_with_atokens_takes_from_both() {
    occurs(&ALL, |it| {
        it.logs_of(REPAY).any(|log| log.data[63] == 1)
            && [false, true].into_iter().all(|is_debt| {
                it.done
                    .iter()
                    .any(|done| done.is_debt() == is_debt && done.takes())
            })
    });
}

#[test]
fn debt_is_taken_by_another() {
    occurs(&ALL, |it| {
        it.done.iter().any(|done| {
            done.is_debt()
                && !done.is_interest()
                && done.caller.is_some()
                && done.caller != done.change().map(|(holder, _)| holder)
        })
    });
}

#[test]
fn supply_for_another() {
    occurs(&ALL, |it| {
        it.has(SUPPLY)
            && it.done.iter().any(|done| {
                !done.is_debt()
                    && done.caller.is_some()
                    && done.caller != done.change().map(|(holder, _)| holder)
            })
    });
}

#[test]
fn token_is_upgraded_and_used_in_one_block() {
    let mut found = 0;
    for recording in recordings() {
        for log in recording
            .logs
            .iter()
            .filter(|log| log.topics[0] == Upgraded::TOPIC)
        {
            let is_used = |other: &&RecordedLog| {
                other.block == log.block
                    && other.contract == log.contract
                    && other.topics[0] != Upgraded::TOPIC
            };
            found += recording.logs.iter().filter(is_used).count();
        }
    }
    assert!(found > 0);
}

#[test]
fn reserve_is_listed_and_used_in_one_block() {
    for recording in recordings() {
        let mut found = 0;
        for log in &recording.logs {
            if let Ok(new) = ReserveInitialized::decode(&log.log()) {
                let is_used = |other: &&RecordedLog| {
                    other.block == log.block
                        && other.contract == new.a_token.to_string()
                        && other.topics[0] == Mint::TOPIC
                };
                found += recording.logs.iter().filter(is_used).count();
            }
        }
        assert!(found > 0, "{}", recording.name);
    }
}

#[test]
fn half_up_rounding_ends_with_revision_4() {
    let with = |rounds_away: bool| {
        found(move |it| {
            let mut done = it.done.iter();
            done.any(|done| done.kind == "a" && done.revision_rounds_away == rounds_away)
        })
    };
    let markets = |found: Vec<(&'static str, usize)>| {
        let some = found.into_iter().filter(|(_, count)| *count > 0);
        some.map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(markets(with(false)), ["300", "302", "302to36"]);
    assert_eq!(markets(with(true)), ["302to36", "36"]);
}

/// The rules of tokens that round half up, and of those that do not.
fn both(kind: TokenKind) -> [TokenRules; 2] {
    [3, 4].map(|revision| {
        let revision = Revision::new(revision).unwrap();
        TokenRules::new(kind, revision, TransferAmount::Scaled).unwrap()
    })
}

#[test]
fn receiver_of_a_transfer_burns_in_the_same_transaction() {
    let index = number("1100000000000000000000000000");
    for rules in both(TokenKind::AToken) {
        let (sender, contract) = (discounted().balance, ScaledBalance::default());
        let amount = number("500000000000000000000");
        // The sender has had its interest by then.
        let sender = rules.touched(sender, index);
        let (left, received) = rules.transferred(sender, contract, amount, index).unwrap();
        let burn = change(false, "550000000000000000000", "0");
        let after = rules.after(received, &burn).unwrap();
        assert_eq!((left.scaled, after.scaled), (amount, ZERO));
        assert_eq!(after.last_index, index);
    }
}

#[test]
fn two_liquidations_of_one_debt_are_a_mint_and_a_burn() {
    for rules in both(TokenKind::VariableDebt) {
        // 100 of interest, of which the first call pays 40. The second call pays 50.
        let first = change(true, "60000000000000000000", "100000000000000000000");
        let second = change(false, "50000000000000000000", "0");
        let between = rules.after(discounted().balance, &first).unwrap();
        let after = rules.after(between, &second).unwrap();
        let owed = rules.balance(after.scaled, first.index).unwrap();
        let wanted = number("1010000000000000000000");
        assert!(
            owed.0.abs_diff(wanted.0) <= alloy_primitives::U256::from(1),
            "{owed}"
        );
    }
}

fn number(text: &str) -> U256 {
    text.parse().unwrap()
}

fn gho(revision: u32) -> TokenRules {
    let revision = Revision::new(revision).unwrap();
    TokenRules::new(TokenKind::GhoDebt, revision, TransferAmount::Scaled).unwrap()
}

/// A debt of 1,000 GHO whose index goes from 1 to 1.1, with a discount of 20 percent.
fn discounted() -> DiscountedBalance {
    DiscountedBalance {
        balance: ScaledBalance {
            scaled: number("1000000000000000000000"),
            last_index: number("1000000000000000000000000000"),
        },
        discount: Discount::new(BasisPoints::new(2_000).unwrap()),
    }
}

fn change(is_mint: bool, value: &str, increase: &str) -> BalanceChange {
    BalanceChange {
        is_mint,
        value: number(value),
        balance_increase: number(increase),
        index: number("1100000000000000000000000000"),
    }
}

#[test]
fn discount_of_gho_is_burnt_and_the_new_one_counts_from_the_next_event() {
    let interest = change(true, "80000000000000000000", "80000000000000000000");
    let new = BasisPoints::new(3_000).unwrap();
    for revision in 1..=3 {
        // 20 of the 100 are discount, whatever percentage was just announced.
        for percent in [None, Some(new)] {
            let mut before = discounted();
            if let Some(percent) = percent {
                before.discount = before.discount.updated(percent);
            }
            let after = before.after(&gho(revision), &interest).unwrap();
            assert_eq!(after.balance.scaled, number("981818181818181818182"));
            assert_eq!(after.balance.last_index, interest.index);
            assert_eq!(
                after.discount.percent().get(),
                percent.map_or(2_000, |_| 3_000)
            );
        }
        let mut wrong = discounted();
        wrong.discount = Discount::new(new);
        wrong.after(&gho(revision), &interest).unwrap_err();
    }
}

#[test]
fn mint_of_nothing_moves_the_index_of_gho() {
    let mut before = discounted();
    before.balance.scaled = ZERO;
    let nothing = change(true, "0", "0");
    for revision in 1..=3 {
        let after = before.after(&gho(revision), &nothing).unwrap();
        assert_eq!(after.balance.scaled, ZERO);
        assert_eq!(after.balance.last_index, nothing.index);
    }
}

#[test]
fn whole_repayment_of_gho_leaves_nothing() {
    // 1,080 are owed: 1,100 without the discount.
    let all = change(false, "1000000000000000000000", "80000000000000000000");
    for revision in [2, 3] {
        let after = discounted().after(&gho(revision), &all).unwrap();
        assert_eq!(after.balance.scaled, ZERO);
    }
}
