//! The balances of Aave V3 tokens, followed through the events of whole markets.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use alloy_primitives::{B256, Bytes};
use degenbot::aave::{
    BalanceChange, DiscountedBalance, ScaledBalance, TokenKind, TokenRules, TransferAmount,
};
use degenbot::events::Event;
use degenbot::events::aave_v3_token::{BalanceTransfer, Burn, Mint, Upgraded};
use degenbot::models::LogPosition;
use degenbot::types::{Address, BlockHash, BlockNumber, Log, LogIndex, Revision};
use serde_json::Value;

const RUNS: &[u8] = include_bytes!("../aave-runs.zst");

/// A market: the events of its tokens, and what the tokens answered at some blocks.
struct Run {
    name: String,
    /// The kind and the first revision of each token.
    tokens: BTreeMap<String, (TokenKind, u32)>,
    /// The revision of each implementation.
    revisions: BTreeMap<Address, u32>,
    document: Value,
}

type Balances = BTreeMap<(String, Address), ScaledBalance>;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn runs() -> Vec<Run> {
    let lines = zstd::decode_all(RUNS).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    lines.lines().map(Run::read).collect()
}

impl Run {
    fn read(line: &str) -> Self {
        let document: Value = serde_json::from_str(line).unwrap();
        let revision = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let tokens = document["tokens"].as_array().unwrap().iter().map(|token| {
            let kind = match token["kind"].as_str().unwrap() {
                "a" => TokenKind::AToken,
                "v" => TokenKind::VariableDebt,
                _ => TokenKind::GhoDebt,
            };
            (
                text(&token["address"]),
                (kind, revision(&token["revision"])),
            )
        });
        let revisions = document["revisions"].as_object().unwrap().iter();
        let revisions =
            revisions.map(|(address, value)| (address.parse().unwrap(), revision(value)));
        Self {
            name: text(&document["run"]),
            tokens: tokens.collect(),
            revisions: revisions.collect(),
            document,
        }
    }

    /// What the tokens answered after a block; zero balances are left out.
    fn expected(&self) -> BTreeMap<u64, Balances> {
        let blocks = self.document["balances"].as_object().unwrap().iter();
        let balances = blocks.map(|(block, rows)| {
            let rows = rows.as_array().unwrap().iter().map(|row| {
                let balance = ScaledBalance {
                    scaled: parse(&row[2]),
                    last_index: parse(&row[3]),
                };
                ((text(&row[0]), parse(&row[1])), balance)
            });
            (block.parse().unwrap(), rows.collect())
        });
        balances.collect()
    }

    /// Follows the events, and compares the balances after each block that was recorded. Returns how many were compared.
    fn follow(&self, amount: TransferAmount) -> Result<usize, String> {
        let mut rules: BTreeMap<&str, TokenRules> = BTreeMap::new();
        let rules_of = |kind, revision| {
            TokenRules::new(kind, Revision::new(revision).unwrap(), amount).unwrap()
        };
        for (token, (kind, revision)) in &self.tokens {
            rules.insert(token, rules_of(*kind, *revision));
        }
        let mut balances: BTreeMap<(String, Address), DiscountedBalance> = BTreeMap::new();
        let mut compared = 0;
        let mut logs = self.document["logs"].as_array().unwrap().iter().peekable();
        for (block, expected) in self.expected() {
            while let Some(log) = logs.next_if(|log| log[0].as_u64().unwrap() <= block) {
                let token = log[2].as_str().unwrap();
                let topics = log[3].as_array().unwrap().iter();
                let topics: Vec<B256> = topics.map(parse).collect();
                let data: Bytes = parse(&log[4]);
                let event = Log {
                    place: LogPosition {
                        block: parse_number(&log[0], BlockNumber::new),
                        log_index: parse_number(&log[1], LogIndex::new),
                    },
                    block_hash: BlockHash::new([0; 32]),
                    transaction_hash: B256::ZERO,
                    address: parse(&log[2]),
                    topics: &topics,
                    data: &data,
                };
                let of_token = rules[token];
                let fails = |error| format!("{}, {log}: {error}", self.name);
                let mut change = |holder: Address, is_mint, value, balance_increase, index| {
                    let balance = balances.entry((token.to_owned(), holder)).or_default();
                    let change = BalanceChange {
                        is_mint,
                        value,
                        balance_increase,
                        index,
                    };
                    *balance = balance.after(&of_token, &change).map_err(fails)?;
                    Ok::<_, String>(())
                };
                match topics[0] {
                    Mint::TOPIC => {
                        let it = Mint::decode(&event).unwrap();
                        change(
                            it.on_behalf_of,
                            true,
                            it.value,
                            it.balance_increase,
                            it.index,
                        )?;
                    }
                    Burn::TOPIC => {
                        let it = Burn::decode(&event).unwrap();
                        change(it.from, false, it.value, it.balance_increase, it.index)?;
                    }
                    BalanceTransfer::TOPIC => {
                        let it = BalanceTransfer::decode(&event).unwrap();
                        let [from, to] = [it.from, it.to].map(|holder| (token.to_owned(), holder));
                        let of = |key| balances.get(key).copied().unwrap_or_default();
                        let (mut left, mut right) = (of(&from), of(&to));
                        if from == to {
                            left.balance = of_token.touched(left.balance, it.index);
                            right = left;
                        } else {
                            (left.balance, right.balance) = of_token
                                .transferred(left.balance, right.balance, it.value, it.index)
                                .map_err(fails)?;
                        }
                        balances.insert(from, left);
                        balances.insert(to, right);
                    }
                    Upgraded::TOPIC => {
                        let it = Upgraded::decode(&event).unwrap();
                        let revision = self.revisions[&it.implementation];
                        rules.insert(token, rules_of(self.tokens[token].0, revision));
                    }
                    other => panic!("{}: {other}", self.name),
                }
            }
            let known = balances.iter().filter(|(_, balance)| {
                // The zero address is no holder.
                **balance != DiscountedBalance::default()
            });
            let known: Balances = known
                .map(|(key, balance)| (key.clone(), balance.balance))
                .collect();
            if known != expected {
                return Err(format!("{}: other balances at {block}", self.name));
            }
            compared += expected.len();
        }
        assert_eq!(logs.next(), None);
        Ok(compared)
    }
}

fn parse<T: FromStr<Err: Debug>>(value: &Value) -> T {
    value.as_str().unwrap().parse().unwrap()
}

fn parse_number<N: TryFrom<u64, Error: Debug>, T, E: Debug>(
    value: &Value,
    new: impl FnOnce(N) -> Result<T, E>,
) -> T {
    new(N::try_from(value.as_u64().unwrap()).unwrap()).unwrap()
}

#[test]
fn events_of_whole_markets_give_every_balance() {
    let mut compared = BTreeMap::new();
    for run in runs() {
        let amount = if run.name == "300" {
            TransferAmount::Unscaled
        } else {
            TransferAmount::Scaled
        };
        compared.insert(run.name.clone(), run.follow(amount).unwrap());
    }
    let compared: Vec<_> = compared
        .iter()
        .map(|(run, count)| (run.as_str(), *count))
        .collect();
    assert_eq!(
        compared,
        [("300", 549), ("302", 534), ("302to36", 599), ("36", 597)]
    );
}

#[test]
fn release_3_0_0_under_the_rules_of_3_0_1_is_noticed() {
    for run in runs() {
        let wrong = match run.name.as_str() {
            "300" => TransferAmount::Scaled,
            _ => TransferAmount::Unscaled,
        };
        run.follow(wrong).unwrap_err();
    }
}
