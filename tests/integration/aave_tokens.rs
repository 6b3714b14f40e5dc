//! The balances of Aave V3 tokens, followed through the events of whole markets.

use std::collections::BTreeMap;

use degenbot::aave::{
    BalanceChange, DiscountedBalance, ScaledBalance, TokenKind, TokenRules, TransferAmount,
};
use degenbot::types::{Revision, U256};
use serde_json::Value;

const RUNS: &[u8] = include_bytes!("../aave-runs.zst");

const MINT: &str = "0x458f5fa412d0f69b08dd84872b0215675cc67bc1d5b6fd93300a1c3878b86196";
const BURN: &str = "0x4cf25bc1d991c17529c25213d3cc0cda295eeaad5f13f361969b12ea48015f90";
const BALANCE_TRANSFER: &str = "0x4beccb90f994c31aced7a23b5611020728a23d8ec5cddd1a3e9d97b96fda8666";
const UPGRADED: &str = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b";

/// A market: the events of its tokens, and what the tokens answered at some blocks.
struct Run {
    name: String,
    /// The kind and the first revision of each token.
    tokens: BTreeMap<String, (TokenKind, u32)>,
    /// The revision of each implementation.
    revisions: BTreeMap<String, u32>,
    document: Value,
}

type Balances = BTreeMap<(String, String), ScaledBalance>;

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
        let revisions = revisions.map(|(address, value)| (address.to_lowercase(), revision(value)));
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
                    scaled: text(&row[2]).parse().unwrap(),
                    last_index: text(&row[3]).parse().unwrap(),
                };
                ((text(&row[0]), text(&row[1]).to_lowercase()), balance)
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
        let mut balances: BTreeMap<(String, String), DiscountedBalance> = BTreeMap::new();
        let mut compared = 0;
        let mut logs = self.document["logs"].as_array().unwrap().iter().peekable();
        for (block, expected) in self.expected() {
            while let Some(log) = logs.next_if(|log| log[0].as_u64().unwrap() <= block) {
                let token = log[2].as_str().unwrap();
                let topics: Vec<_> = log[3].as_array().unwrap().iter().map(text).collect();
                let words = words(log[4].as_str().unwrap());
                let holder = |topic: usize| (token.to_owned(), address(&topics[topic]));
                let of_token = rules[token];
                let fails = |error| format!("{}, {log}: {error}", self.name);
                match (topics[0].as_str(), words.as_slice()) {
                    (topic @ (MINT | BURN), [value, balance_increase, index]) => {
                        let is_mint = topic == MINT;
                        let balance = balances
                            .entry(holder(if is_mint { 2 } else { 1 }))
                            .or_default();
                        let change = BalanceChange {
                            is_mint,
                            value: *value,
                            balance_increase: *balance_increase,
                            index: *index,
                        };
                        *balance = balance.after(&of_token, &change).map_err(fails)?;
                    }
                    (BALANCE_TRANSFER, [value, index]) => {
                        let (from, to) = (holder(1), holder(2));
                        let of = |key| balances.get(key).copied().unwrap_or_default();
                        let (mut left, mut right) = (of(&from), of(&to));
                        if from == to {
                            left.balance = of_token.touched(left.balance, *index);
                            right = left;
                        } else {
                            (left.balance, right.balance) = of_token
                                .transferred(left.balance, right.balance, *value, *index)
                                .map_err(fails)?;
                        }
                        balances.insert(from, left);
                        balances.insert(to, right);
                    }
                    (UPGRADED, []) => {
                        let revision = self.revisions[&address(&topics[1])];
                        rules.insert(token, rules_of(self.tokens[token].0, revision));
                    }
                    other => panic!("{}: {other:?}", self.name),
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

/// The address in a topic, in lower case.
fn address(topic: &str) -> String {
    format!("0x{}", &topic[topic.len() - 40..])
}

fn words(data: &str) -> Vec<U256> {
    let digits = data.strip_prefix("0x").unwrap().as_bytes();
    let words = digits.as_chunks::<64>().0.iter();
    let number = |word: &[u8; 64]| {
        alloy_primitives::U256::from_str_radix(str::from_utf8(word).unwrap(), 16).unwrap()
    };
    words.map(|word| U256(number(word))).collect()
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
