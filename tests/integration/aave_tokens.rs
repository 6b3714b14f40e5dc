//! The balances of Aave V3 tokens, followed through the events of whole markets.

mod hard_cases;

use std::collections::BTreeMap;

use degenbot::aave::{
    BalanceChange, DiscountedBalance, ScaledBalance, TokenKind, TokenRules, TransferAmount,
};
use degenbot::events::Event;
use degenbot::events::aave_v3_token::{BalanceTransfer, Burn, Mint, Upgraded};
use degenbot::types::{Address, Log, Revision};

use crate::support::aave_recording::{RecordedLog, Recording, recordings};

/// What an event of a token says.
enum Said {
    Change(Address, BalanceChange),
    Transfer(BalanceTransfer),
}

/// An event of a token, with the balances of those whom it is about, before and after it.
struct Step<'a> {
    log: &'a RecordedLog,
    rules: TokenRules,
    said: Said,
    before: Vec<(Address, ScaledBalance)>,
    after: Vec<(Address, ScaledBalance)>,
}

type Balances = BTreeMap<(String, Address), DiscountedBalance>;

/// The rules of a token of a recorded market.
fn rules_of(kind: &str, revision: u32, amount: TransferAmount) -> TokenRules {
    let kind = match kind {
        "a" => TokenKind::AToken,
        "v" => TokenKind::VariableDebt,
        _ => TokenKind::GhoDebt,
    };
    TokenRules::new(kind, Revision::new(revision).unwrap(), amount).unwrap()
}

/// What the transfers of a market's first aTokens say.
fn amount_of(recording: &Recording) -> TransferAmount {
    match recording.name.as_str() {
        "300" => TransferAmount::Unscaled,
        _ => TransferAmount::Scaled,
    }
}

/// Follows the events of a market, and compares each balance with what the token said, after each block in which it
/// changed. Returns how many were compared.
fn follow(
    recording: &Recording,
    amount: TransferAmount,
    mut visit: impl FnMut(Step<'_>),
) -> Result<usize, String> {
    let name = &recording.name;
    let mut rules: BTreeMap<&str, TokenRules> = BTreeMap::new();
    for (token, (kind, revision)) in &recording.tokens {
        rules.insert(token, rules_of(kind, *revision, amount));
    }
    let mut balances = Balances::new();
    let mut compared = 0;
    let mut logs = recording.logs.iter().peekable();
    for (block, expected) in &recording.after {
        while let Some(log) = logs.next_if(|log| log.block <= *block) {
            let token = log.contract.as_str();
            let Some((kind, _)) = recording.tokens.get(token) else {
                continue;
            };
            let event = log.log();
            if log.topics[0] == Upgraded::TOPIC {
                let it = Upgraded::decode(&event).unwrap();
                let revision = recording.revisions[&it.implementation];
                rules.insert(token, rules_of(kind, revision, amount));
            } else if let Some(said) = said(&event) {
                let step = apply(&mut balances, log, rules[token], said)
                    .map_err(|error| format!("{name}, {} {}: {error}", log.block, log.log_index))?;
                visit(step);
            }
        }
        for ((token, holder), (scaled, index)) in expected {
            let balance = balances.get(&(token.clone(), *holder));
            let found = balance.copied().unwrap_or_default().balance;
            let wanted = ScaledBalance {
                scaled: scaled.parse().unwrap(),
                last_index: index.parse().unwrap(),
            };
            if found != wanted {
                return Err(format!("{name}: another balance of {holder} at {block}"));
            }
            compared += 1;
        }
    }
    assert!(logs.all(|log| !is_balance_event(log)));
    Ok(compared)
}

fn is_balance_event(log: &RecordedLog) -> bool {
    [Mint::TOPIC, Burn::TOPIC, BalanceTransfer::TOPIC].contains(&log.topics[0])
}

/// What a log says of balances.
fn said(event: &Log<'_>) -> Option<Said> {
    let change = |is_mint, value, balance_increase, index| BalanceChange {
        is_mint,
        value,
        balance_increase,
        index,
    };
    match *event.topics.first()? {
        Mint::TOPIC => {
            let it = Mint::decode(event).unwrap();
            let change = change(true, it.value, it.balance_increase, it.index);
            Some(Said::Change(it.on_behalf_of, change))
        }
        Burn::TOPIC => {
            let it = Burn::decode(event).unwrap();
            let change = change(false, it.value, it.balance_increase, it.index);
            Some(Said::Change(it.from, change))
        }
        BalanceTransfer::TOPIC => Some(Said::Transfer(BalanceTransfer::decode(event).unwrap())),
        _ => None,
    }
}

fn apply<'a>(
    balances: &mut Balances,
    log: &'a RecordedLog,
    rules: TokenRules,
    said: Said,
) -> Result<Step<'a>, String> {
    let mut holders = match &said {
        Said::Change(holder, _) => vec![*holder],
        Said::Transfer(it) => vec![it.from, it.to],
    };
    holders.dedup();
    let key = |holder: Address| (log.contract.clone(), holder);
    let of = |balances: &Balances| -> Vec<_> {
        let of = |holder: &Address| balances.get(&key(*holder)).copied().unwrap_or_default();
        holders.iter().map(|holder| (*holder, of(holder))).collect()
    };
    let before = of(balances);
    let after = match &said {
        Said::Change(_, change) => vec![
            before[0]
                .1
                .after(&rules, change)
                .map_err(|it| it.to_string())?,
        ],
        Said::Transfer(it) if it.from == it.to => {
            let mut same = before[0].1;
            same.balance = rules.touched(same.balance, it.index);
            vec![same]
        }
        Said::Transfer(it) => {
            let [mut left, mut right] = [before[0].1, before[1].1];
            (left.balance, right.balance) = rules
                .transferred(left.balance, right.balance, it.value, it.index)
                .map_err(|it| it.to_string())?;
            vec![left, right]
        }
    };
    for (holder, balance) in holders.iter().zip(&after) {
        balances.insert(key(*holder), *balance);
    }
    let scaled = |all: Vec<(Address, DiscountedBalance)>| {
        let balance = |(holder, it): (Address, DiscountedBalance)| (holder, it.balance);
        all.into_iter().map(balance).collect()
    };
    Ok(Step {
        log,
        rules,
        said,
        before: scaled(before),
        after: scaled(of(balances)),
    })
}

#[test]
fn events_of_whole_markets_give_every_balance_after_every_block() {
    let mut compared = Vec::new();
    for recording in recordings() {
        let count = follow(recording, amount_of(recording), |_| {}).unwrap();
        compared.push((recording.name.as_str(), count));
    }
    assert_eq!(
        compared,
        [("300", 864), ("302", 823), ("302to36", 883), ("36", 903)]
    );
}

#[test]
fn release_3_0_0_under_the_rules_of_3_0_1_is_noticed() {
    for recording in recordings() {
        let wrong = match amount_of(recording) {
            TransferAmount::Unscaled => TransferAmount::Scaled,
            _ => TransferAmount::Unscaled,
        };
        follow(recording, wrong, |_| {}).unwrap_err();
    }
}
